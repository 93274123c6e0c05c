# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The AWX resources: `awx import` and the playbook apply them twice to a simulated AWX that enforces AWX's rules."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.awx.rules import Refused, check, imported_host, launch_variables
from tests.awx.standin import TOKEN, Standin, serving
from tests.integration.running_plays import PlayResult, play
from tests.tools import awx_assets, awx_credentials
from tests.tools.project import ROOT

KIT = ROOT / "extensions" / "awx"
VARIABLES = {
    "awx_setup_project_url": "https://git.corp.test/backup-audit-awx.git",
    "awx_setup_image": "registry.corp.test/backup-audit-ee:1",
    "awx_setup_webhook_url": "https://chat.corp.test/hook",
    "awx_setup_hosts": {"spp-berlin": {"backup_product": "spp", "backup_url": "https://spp-berlin.corp.test"}},
}


def without_ids(standin: Standin) -> dict[str, list[dict[str, Any]]]:
    """Return the stored objects in a comparable form, with names instead of ids."""
    names = {
        (resource, number): values.get("name", values.get("identifier"))
        for resource, objects in standin.objects.items()
        for number, values in objects.items()
    }
    by_number = {number: name for (_resource, number), name in names.items()}
    return {
        resource: sorted(
            (
                {
                    key: by_number.get(value, value) if isinstance(value, int) and value is not True else value
                    for key, value in values.items()
                    if value not in (None, False, 0)
                }
                for values in objects.values()
            ),
            key=repr,
        )
        for resource, objects in standin.objects.items()
    }


def awx_import(url: str) -> subprocess.CompletedProcess[str]:
    """Run the real command `awx import`."""
    environment = {**os.environ, "CONTROLLER_HOST": url, "TOWER_HOST": url, "TOWER_OAUTH_TOKEN": TOKEN}
    command = Path(sys.executable).parent / "awx"
    with (KIT / "assets.yml").open() as file:
        return subprocess.run(
            [str(command), "import", "-f", "yaml"],
            stdin=file,
            env={**environment, "CONTROLLER_OAUTH_TOKEN": TOKEN},
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )


def test_the_file_matches_the_code() -> None:
    assert awx_assets.document() == (KIT / "assets.yml").read_text("utf-8")


@pytest.mark.skipif(not (Path(sys.executable).parent / "awx").exists(), reason="awxkit is not installed")
def test_awx_import_is_idempotent() -> None:
    with serving() as (url, standin):
        first = awx_import(url)
        assert first.returncode == 0, first.stderr
        assert "(400)" not in first.stderr
        state = standin.state()
        assert len(standin.objects["credential_types"]) == 11
        assert len(standin.objects["job_templates"]) == 3
        assert standin.surveys
        again = awx_import(url)
        assert again.returncode == 0, again.stderr
        assert standin.state() == state


def test_the_playbook_creates_the_same_objects_and_is_idempotent(tmp_path: Path) -> None:
    with serving() as (url, standin):
        first = set_up(tmp_path, url)
        assert first.status == 0, first.output[-3000:]
        assert TOKEN not in first.output
        state, writes = standin.state(), standin.writes
        again = set_up(tmp_path, url)
        assert again.status == 0, again.output[-3000:]
        assert "changed=0 " in again.output
        assert (standin.state(), standin.writes) == (state, writes)
        made = without_ids(standin)
    types = yaml.safe_load((KIT / "assets.yml").read_text("utf-8"))["credential_types"]
    stored = {entry["name"]: entry for entry in made["credential_types"]}
    for asset in types:
        # The templates of injectors are rendered by AWX, not by Ansible.
        assert stored[asset["name"]]["injectors"] == asset["injectors"]
        assert stored[asset["name"]]["inputs"] == asset["inputs"]
    assert made["projects"][0]["scm_url"] == VARIABLES["awx_setup_project_url"]
    assert {host["name"] for host in made["hosts"]} == {"spp-example", "spp-berlin"}


def set_up(folder: Path, url: str, **more: Any) -> PlayResult:
    """Run the playbook as an administrator who only sets the variables ``more``."""
    variables = {**VARIABLES, "awx_setup_url": url, **more}
    return play("backup.audit.awx_setup", folder, variables=variables, environment={"CONTROLLER_OAUTH_TOKEN": TOKEN})


def find(standin: Standin, resource: str, name: str) -> tuple[int, dict[str, Any]]:
    """Return the id and the stored fields of an object."""
    return next((number, one) for number, one in standin.objects[resource].items() if one.get("name") == name)


# The differences that a run reports after these changes.
LISTED = [
    "schedule/Backup audit: daily/enabled (true in AWX, false in the kit)",
    "schedule/Backup audit: daily/rrule",
    "job_template/Backup audit: gather/job_slice_count (8 in AWX, 4 in the kit)",
    "job_template/Backup audit: gather/extra_vars",
    "job_template/Backup audit: report/survey_spec",
    "inventory/Backup servers/variables",
    "host/spp-berlin/enabled",
    "host/spp-berlin/variables",
    "group/backup_servers/hosts/host/spp-berlin (missing in AWX)",
    "credential_type/Backup audit: Unitrends/inputs (AWX does not change the inputs",
]


def change_as_administrator(standin: Standin) -> None:
    """Change everything that belongs to the administrator, and remove the example host."""
    _number, schedule = find(standin, "schedules", "Backup audit: daily")
    schedule |= {"enabled": True, "rrule": "DTSTART:20260101T030000Z RRULE:FREQ=DAILY;INTERVAL=1"}
    _number, gather = find(standin, "job_templates", "Backup audit: gather")
    gather |= {"job_slice_count": 8, "limit": "berlin", "extra_vars": "compliance_publish_data: false"}
    report_id, _report = find(standin, "job_templates", "Backup audit: report")
    standin.surveys["job_templates", report_id]["spec"][0]["question_name"] = "Which policy?"
    _number, inventory = find(standin, "inventories", "Backup servers")
    inventory["variables"] = "backup_password: s3cret"
    berlin_id, berlin = find(standin, "hosts", "spp-berlin")
    berlin |= {"enabled": False, "variables": "backup_url: https://moved.corp.test"}
    group_id, _group = find(standin, "groups", "backup_servers")
    standin.attached["groups", group_id, "hosts"].remove(berlin_id)
    example_id, _example = find(standin, "hosts", "spp-example")
    del standin.objects["hosts"][example_id]
    standin.attached["groups", group_id, "hosts"].remove(example_id)


def test_changes_of_the_administrator_are_kept(tmp_path: Path) -> None:
    """Differences are listed without secrets, and overwritten only on request."""
    with serving() as (url, standin):
        assert set_up(tmp_path, url).status == 0
        change_as_administrator(standin)
        gather_id, gather = find(standin, "job_templates", "Backup audit: gather")
        report_id, _report = find(standin, "job_templates", "Backup audit: report")
        group_id, _group = find(standin, "groups", "backup_servers")
        berlin_id, _berlin = find(standin, "hosts", "spp-berlin")
        # Parts of the collection: a playbook, and credential types, one of which a credential uses.
        gather["playbook"] = "old.yml"
        used_id, used = find(standin, "credential_types", "Backup audit: Unitrends")
        unused_id, unused = find(standin, "credential_types", "Backup audit: Spectrum Protect Plus")
        new_inputs = used["inputs"]
        old_inputs = {**new_inputs, "fields": new_inputs["fields"][:3]}
        used["inputs"] = unused["inputs"] = old_inputs
        standin.create("credentials", {"name": "unitrends", "credential_type": used_id, "inputs": {}})
        state = standin.state()

        again = set_up(tmp_path, url)
        assert again.status == 0, again.output[-3000:]
        assert "changed=2 " in again.output
        upgraded = standin.state()[0]
        assert upgraded["job_templates"].pop(gather_id) == {**gather, "playbook": "gather.yml"}
        assert upgraded["credential_types"].pop(unused_id) == {**unused, "inputs": new_inputs}
        del state[0]["job_templates"][gather_id], state[0]["credential_types"][unused_id]
        assert (upgraded, *standin.state()[1:]) == state
        text = " ".join(again.output.split())
        assert [line for line in LISTED if line not in text] == []
        assert "rename this one in AWX and run this playbook again" in text
        assert "s3cret" not in again.output

        # As listed in the output, and with a misspelled name.
        standin.objects["credential_types"][used_id]["name"] += " (old)"
        named = [line.partition(" (")[0] for line in LISTED if "gather" in line or "host" in line or "survey" in line]
        forced = set_up(tmp_path, url, awx_setup_update=[*named, "schedule/Backup audit: dayly/enabled"])
        assert forced.status == 2
        assert "no object of the kit has the name in schedule/Backup audit: dayly/enabled" in " ".join(
            forced.output.split()
        )
        assert find(standin, "credential_types", "Backup audit: Unitrends")[1]["inputs"] == new_inputs
        gather = standin.objects["job_templates"][gather_id]
        assert (gather["job_slice_count"], gather["limit"]) == (4, "berlin")
        assert standin.attached["groups", group_id, "hosts"] == [berlin_id]
        assert standin.objects["hosts"][berlin_id]["enabled"] is True
        assert standin.surveys["job_templates", report_id]["spec"][0]["question_name"] == "Policy"
        assert find(standin, "schedules", "Backup audit: daily")[1]["enabled"] is True
        assert find(standin, "inventories", "Backup servers")[1]["variables"] == "backup_password: s3cret"


@pytest.mark.parametrize("answer", [{}, {"compliance_survey_max_data_age": ""}, {"compliance_survey_policy": "gfs"}])
def test_variables_of_the_template_are_kept_at_launch(answer: dict[str, str]) -> None:
    """A survey question must not replace a variable of the template unless it is answered."""
    for asset in awx_assets.assets()["job_templates"]:
        questions = asset.get("related", {}).get("survey_spec", {})
        own = {"compliance_policy": {"recovery_points": {"min_count": 30}}, "compliance_max_data_age": "2h"}
        merged = launch_variables(yaml.safe_dump(own), questions, answer)
        assert merged == {**own, **answer}


def test_merge_order_of_variables_in_awx() -> None:
    """The order is template, defaults, answers. A default that is not a valid answer is dropped."""
    question = {"type": "text", "question_name": "Age", "variable": "age", "required": False}
    choice = {"type": "multiplechoice", "question_name": "P", "variable": "policy", "required": False, "choices": ["a"]}
    template = "age: 1h\npolicy: own"
    both = {"spec": [{**question, "default": "2h"}, {**choice, "default": "a"}]}
    assert launch_variables(template, both, {}) == {"age": "2h", "policy": "a"}
    assert launch_variables(template, both, {"age": ""}) == {"age": "", "policy": "a"}
    empty = {"spec": [{**question, "default": ""}, {**choice, "default": ""}]}
    assert launch_variables(template, empty, {}) == {"age": "", "policy": "own"}
    for refused in ({"policy": ""}, {"age": "longer than ten"}):
        with pytest.raises(Refused):
            launch_variables(template, {"spec": [{**question, "max": 10}, choice]}, refused)
    with pytest.raises(Refused, match="'age' value missing"):
        launch_variables(template, {"spec": [{**question, "required": True}]}, {})


def test_the_simulated_awx_normalizes_as_awx_does() -> None:
    standin = Standin()
    number = standin.create("inventories", {"name": " x ", "organization": 1, "variables": "---\na: 1\n"})
    assert standin.objects["inventories"][number] == {"name": "x", "organization": 1, "variables": "---\na: 1"}
    fields = [{"id": "a", "label": "A"}, {"id": "b", "label": "B", "type": "boolean"}]
    created = standin.create("credential_types", {"name": "x", "kind": "cloud", "inputs": {"fields": fields}})
    stored = standin.objects["credential_types"][created]["inputs"]["fields"]
    assert [one["type"] for one in stored] == ["string", "boolean"]
    standin.create("credentials", {"name": "c", "credential_type": created})
    path = f"/api/v2/credential_types/{created}/"
    same = {"inputs": {"fields": fields}, "injectors": {"env": {"X": "{{ a }}"}}}
    assert standin.answer("PATCH", path, {}, same)[0] == 200
    status, body, _allow = standin.answer("PATCH", path, {}, {"inputs": {"fields": fields[:1]}})
    assert (status, body) == (
        403,
        {"detail": "Modifications to inputs are not allowed for credential types that are in use"},
    )


@pytest.mark.parametrize(
    ("name", "imported"),
    [
        ("web01@10.0.0.1:9443", ("web01@10.0.0.1", 9443)),
        ("web01:x", ("web01", None)),
        ("fe80::1", ("fe80::1", None)),
        ("[fe80::1]:22", ("fe80::1", 22)),
        ("web01--10.0.0.1_9443", ("web01--10.0.0.1_9443", None)),
    ],
)
def test_awx_splits_host_names_at_a_colon(name: str, imported: tuple[str, int | None]) -> None:
    assert imported_host(name) == imported


def test_a_wrong_token_is_reported(tmp_path: Path) -> None:
    with serving() as (url, standin):
        ended = play(
            "backup.audit.awx_setup",
            tmp_path,
            variables={**VARIABLES, "awx_setup_url": url},
            environment={"CONTROLLER_OAUTH_TOKEN": "wr0ng-token"},
            arguments=("-vvv",),
        )
        assert standin.writes == 1
    assert ended.status == 2
    assert "failed (HTTP 401)" in ended.output
    assert "AWX response:" in ended.output
    assert "wr0ng-token" not in ended.output


def test_the_simulated_awx_rejects_invalid_objects() -> None:
    standin = Standin()
    good = awx_credentials.credential_type("Product", "PRODUCT", "URL of the server")
    values = {key: good[key] for key in ("name", "kind", "inputs", "injectors")}
    bad: list[tuple[dict[str, Any], str]] = [
        ({"surprise": 1}, "surprise"),
        ({"kind": "ssh"}, "kind"),
        ({"inputs": {"fields": [{"id": "a-b", "label": "x"}]}}, "inputs"),
        ({"inputs": {"fields": [{"id": "tls", "label": "x", "type": "integer"}]}}, "inputs"),
        ({"injectors": {"env": {"ANSIBLE_X": "{{ url }}"}}}, "injectors"),
        ({"injectors": {"env": {"X": "{{ nobody }}"}}}, "injectors"),
    ]
    for change, field in bad:
        with pytest.raises(Refused) as raised:
            standin.create("credential_types", {**values, **change})
        assert field in raised.value.body
    assert standin.create("credential_types", values)
    with pytest.raises(Refused, match="DTSTART"):
        check("schedules", {"rrule": "RRULE:FREQ=DAILY;INTERVAL=1"}, {})
    with pytest.raises(Refused, match="Playbook not found"):
        check("job_templates", {"playbook": "x.yml"}, {"project": {"allow_override": False}})


@pytest.mark.skipif(shutil.which("ansible-builder", path=str(Path(sys.executable).parent)) is None, reason="no builder")
def test_ansible_builder_accepts_the_definition(tmp_path: Path) -> None:
    command = [
        str(Path(sys.executable).parent / "ansible-builder"),
        "create",
        "-f",
        str(KIT / "execution-environment.yml"),
    ]
    ended = subprocess.run([*command, "-c", str(tmp_path / "context")], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert (tmp_path / "context" / "Dockerfile").exists() or (tmp_path / "context" / "Containerfile").exists()


def test_playbooks_of_templates_are_in_the_project() -> None:
    for template in awx_assets.assets()["job_templates"]:
        (only,) = yaml.safe_load((KIT / "project" / template["playbook"]).read_text("utf-8"))
        assert only["ansible.builtin.import_playbook"].startswith("backup.audit.")
