# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The AWX kit: `awx import` and the playbook apply it, twice, to a stand-in that enforces AWX's rules."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.awx.rules import Refused, check
from tests.awx.standin import TOKEN, Standin, serving
from tests.integration.running_plays import play
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
    """Return what is stored in a comparable form: each object with names instead of ids."""
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
    """Run the real command."""
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
def test_awx_import_takes_it_twice() -> None:
    with serving() as (url, standin):
        first = awx_import(url)
        assert first.returncode == 0, first.stderr
        assert "(400)" not in first.stderr
        state = standin.state()
        assert len(standin.objects["credential_types"]) == 10
        assert len(standin.objects["job_templates"]) == 3
        assert standin.surveys
        again = awx_import(url)
        assert again.returncode == 0, again.stderr
        assert standin.state() == state


def test_the_playbook_makes_the_same_and_nothing_twice(tmp_path: Path) -> None:
    with serving() as (url, standin):
        variables = {**VARIABLES, "awx_setup_url": url}
        environment = {"CONTROLLER_OAUTH_TOKEN": TOKEN}
        first = play("backup.audit.awx_setup", tmp_path, variables=variables, environment=environment)
        assert first.status == 0, first.output[-3000:]
        assert TOKEN not in first.output
        state, writes = standin.state(), standin.writes
        again = play("backup.audit.awx_setup", tmp_path, variables=variables, environment=environment)
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


def test_the_stand_in_refuses_what_awx_refuses() -> None:
    standin = Standin()
    good = awx_credentials.credential_type("Product", "PRODUCT", 443)
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
def test_ansible_builder_takes_the_definition(tmp_path: Path) -> None:
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
