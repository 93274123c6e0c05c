# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Output of jobs of the AWX templates about limits, survey answers, and hosts that were lost or missing."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.awx.rules import launch_variables
from tests.integration.running_plays import PlayResult, play
from tests.tools import awx_assets
from tests.tools.project import ROOT
from tests.unit.plugins.module_utils._policy.policy_points import nightly, read, row

# No server listens at this address. The read fails, but everything else is as with a real server.
DEAD = {"backup_product": "spp", "backup_url": "https://127.0.0.1:9", "backup_username": "a", "backup_retries": 0}
GROUP: dict[str, Any] = {"backup_servers": {"hosts": {"spp-a": DEAD}}}


def summary(ended: PlayResult) -> dict[str, Any]:
    """Return the artifact for later nodes of a workflow."""
    stats = ended.output[ended.output.index("CUSTOM STATS") :]
    line = next(line for line in stats.splitlines() if "compliance" in line)
    text = line.partition("RUN: ")[2]
    found: dict[str, Any] = json.loads(text)["compliance"]
    return found


def run(playbook: str, folder: Path, *arguments: str, inventory: Any = None, **variables: Any) -> PlayResult:
    """Run a play that writes evidence and does not fail because of the result."""
    return play(
        f"backup.audit.{playbook}",
        folder,
        inventory=inventory or GROUP,
        variables={
            "compliance_fail_when_noncompliant": False,
            "compliance_output": str(folder / "evidence"),
            **variables,
        },
        arguments=arguments,
        environment={"ANSIBLE_SHOW_CUSTOM_STATS": "1", "ANSIBLE_CALLBACK_RESULT_FORMAT": "json"},
    )


def findings(folder: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((folder / "evidence" / "findings.json").read_text("utf-8"))["findings"]
    return found


def notes(folder: Path) -> list[str]:
    return [one["message"] for one in findings(folder) if one["control"] == "data.notes"]


@pytest.mark.parametrize(
    ("playbook", "inventory", "arguments", "message"),
    [
        ("compliance", {"backup_servers": {"hosts": {}}}, (), "Inventory group 'backup_servers' is empty or missing"),
        ("gather", {"other": {"hosts": {"db": {}}}}, (), "Inventory group 'backup_servers' is empty or missing"),
        ("gather", {**GROUP, "other": {"hosts": {"db": {}}}}, ("-l", "db"), "'backup_servers' is selected by --limit"),
        ("gather", {"all": {}}, ("-l", "db"), "The inventory has no hosts, so --limit db selects none"),
        ("report", GROUP, ("-l", "spp-a"), "evaluates all stored read results. Remove --limit spp-a"),
        ("awx_setup", GROUP, ("-l", "spp-a"), "runs on localhost only. Remove --limit spp-a"),
        ("assert_minimum", {"all": {}}, ("-l", "db"), "runs on localhost only. Remove --limit db"),
        ("restore_test", GROUP, ("-l", "nothing"), "--limit"),
    ],
)
def test_a_play_that_matches_nothing_fails(
    tmp_path: Path, playbook: str, inventory: dict[str, Any], arguments: tuple[str, ...], message: str
) -> None:
    ended = play(f"backup.audit.{playbook}", tmp_path, inventory=inventory, arguments=arguments)
    assert ended.status != 0
    assert message in " ".join(ended.output.split())


def test_a_limit_is_mentioned_in_results(tmp_path: Path) -> None:
    """The output, the artifact and the reports mention the limit, and disabled hosts, because this is an AWX job."""
    inventory = {"backup_servers": {"hosts": {f"spp-{name}": {**DEAD, "backup_url": f"https://{name}.invalid"}
                                              for name in "abc"}}}  # fmt: skip
    ended = run("compliance", tmp_path, "-l", "spp-a", inventory=inventory, awx_job_id=7)
    assert ended.status == 0, ended.output
    limited = "The limit spp-a left out 2 of 3 backup servers, which are not part of this result: spp-b, spp-c"
    disabled = "AWX does not pass disabled hosts to a job"
    text = " ".join(ended.output.split())
    assert f"Note: {limited}" in text
    assert f"Note: {disabled}" in text
    first, second = notes(tmp_path)
    assert first == limited
    assert second.startswith(disabled)
    artifact = summary(ended)
    assert artifact["notes"][0] == limited
    assert artifact["failing"] == ["a.invalid"] or artifact["failing"] == ["a.invalid:443"]
    assert limited in (tmp_path / "evidence" / "report.html").read_text("utf-8")


def test_lost_and_missing_hosts_are_reported_with_the_reason(tmp_path: Path) -> None:
    """A wrong type, a variable that cannot be evaluated, and a required host that AWX did not pass to the job."""
    hosts = {
        "spp-choice": {**DEAD, "backup_url": "https://b.invalid", "backup_verify": "sometimes"},
        "spp-undefined": {**DEAD, "backup_url": "https://c.invalid", "backup_password": "{{ nothing_here }}"},
    }
    ended = run(
        "compliance",
        tmp_path,
        inventory={"backup_servers": {"hosts": hosts}},
        awx_job_id=7,
        compliance_required_hosts=["spp-choice", "spp-disabled"],
    )
    assert ended.status == 0, ended.output
    messages = {one["source"]: one["message"] for one in findings(tmp_path) if one["control"] == "data.complete"}
    assert set(messages) == {*hosts, "spp-disabled"}
    assert "value of backup_verify must be one of: none, quick, data, got: sometimes" in messages["spp-choice"]
    assert "nothing_here" in messages["spp-undefined"]
    assert "listed in compliance_required_hosts, but it is not a host of this play" in messages["spp-disabled"]
    assert summary(ended)["failing"] == sorted(messages)
    assert notes(tmp_path) == []


def test_variables_of_the_awx_inventory_can_be_evaluated_for_every_product(tmp_path: Path) -> None:
    """Also of a product that is read with a tool, which has no credential type, and of a wrong product."""
    inventory = next(asset for asset in yaml.safe_load(awx_assets.FILE.read_text("utf-8"))["inventory"])
    products = yaml.safe_load((ROOT / "roles" / "compliance" / "vars" / "main.yml").read_text("utf-8"))
    names = [*products["compliance__products"], *products["compliance__tools"], "vbr"]
    local = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    dead = {"backup_retries": 0, "backup_executable": "/nowhere/tool", **local}
    hosts = {
        name: {**dead, "backup_product": name, "backup_url": f"https://127.0.0.1:{number}", "backup_repository": name}
        for number, name in enumerate(names, 1)
    }
    group = {"vars": yaml.safe_load(inventory["variables"]), "hosts": hosts}
    ended = run("compliance", tmp_path, inventory={"backup_servers": group})
    assert ended.status == 0, ended.output
    messages = [one["message"] for one in findings(tmp_path) if one["control"] == "data.complete"]
    assert len(messages) == len(names)
    assert [text for text in messages if "undefined" in text or "evaluated" in text] == []
    assert any("'vbr'. Did you mean 'veeam_backup_replication'?" in text for text in messages)
    # The other hosts lack a password. Their messages begin with the server or the host, and name host variables.
    for text in messages:
        assert "backup_" in text
        assert not re.search(r"^results\[|: (access_key|client_id|secret)", text)


@pytest.mark.parametrize(
    ("answers", "note"),
    [
        ({}, None),
        ({"compliance_survey_policy": "", "compliance_survey_max_data_age": ""}, None),
        (
            {"compliance_survey_policy": "daily_26h"},
            "The policy 'daily_26h' was selected in the survey",
        ),
    ],
)
def test_only_nonempty_survey_answers_override_the_policy(
    tmp_path: Path, answers: dict[str, str], note: str | None
) -> None:
    """The policy in the variables of the template requires 30 recovery points, daily_26h only a recent one."""
    data = tmp_path / "data"
    data.mkdir()
    (data / "spp-a.json").write_text(json.dumps(read(row(nightly(9)))))
    template = yaml.safe_dump({"compliance_policy": {"recovery_points": {"min_count": 30}}})
    (report,) = (one for one in awx_assets.assets()["job_templates"] if one["name"] == "Backup audit: report")
    # AWX rejects an empty answer to a multiple choice question, but other clients may add it.
    merged = {**launch_variables(template, report["related"]["survey_spec"], {}), **answers}
    ended = run("report", tmp_path, compliance_data_dir=str(data), compliance_as_of="2026-11-21T07:00:00Z", **merged)
    assert ended.status == 0, ended.output
    controls = {one["control"] for one in findings(tmp_path)}
    assert ("recovery_points.min_count" in controls) is (note is None)
    assert ("recovery_points.max_gap" in controls) is (note is not None)
    assert [text.startswith(str(note)) for text in notes(tmp_path)] == ([True] if note else [])


def test_an_error_in_the_accounts_credential_is_reported(tmp_path: Path) -> None:
    """With the variables of the example inventory, and the file that AWX creates from the credential."""
    variables = yaml.safe_load(awx_assets.assets()["inventory"][0]["variables"])
    host = {"backup_product": "spp", "backup_url": "https://a.invalid", "backup_retries": 0}
    accounts = tmp_path / "accounts"
    accounts.write_text("spp-a: s3cret\n")
    ended = play(
        "backup.audit.compliance",
        tmp_path,
        inventory={"backup_servers": {"hosts": {"spp-a": host}}, "all": {"vars": variables}},
        variables={"compliance_fail_when_noncompliant": False, "compliance_output": str(tmp_path / "evidence")},
        environment={"BACKUP_AUDIT_ACCOUNTS": str(accounts)},
        arguments=("-vvv",),
    )
    assert ended.status == 0, ended.output
    (message,) = (one["message"] for one in findings(tmp_path) if one["control"] == "data.complete")
    assert "AWX credential of the type 'Backup audit: accounts', host spp-a: expected a mapping, found str" in message
    assert "s3cret" not in ended.output
