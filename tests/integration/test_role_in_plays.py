# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role compliance in plays that users write: keywords of the play, limits, several uses, unreachable hosts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.integration.conftest import Simulators
from tests.integration.running_plays import PlayResult, play, servers

SOME = {"recovery_points": {"min_count": 1}}


def use_role(entry: str = "main", **variables: Any) -> dict[str, Any]:
    role = {"name": "backup.audit.compliance", "tasks_from": entry}
    return {"name": "Check", "ansible.builtin.include_role": role, "vars": {"compliance_policy": SOME, **variables}}


def on_servers(*tasks: dict[str, Any], **keywords: Any) -> dict[str, Any]:
    return {"name": "Audit", "hosts": "backup_servers", "gather_facts": False, "tasks": [*tasks], **keywords}


def two_servers(simulators: Simulators, **overrides: dict[str, Any]) -> dict[str, Any]:
    hosts = servers(simulators.ready, **overrides)["backup_servers"]["hosts"]
    return {"backup_servers": {"hosts": {name: hosts[name] for name in ("spp", "vprotect")}}}


def run(
    plays: list[dict[str, Any]], folder: Path, inventory: dict[str, Any], *arguments: str, **variables: Any
) -> PlayResult:
    common = {"compliance_fail_when_noncompliant": False, **variables}
    return play(plays, folder, inventory=inventory, arguments=arguments, variables=common)


def sources(folder: Path) -> dict[str, str]:
    """Return the failure of each server in the evidence, or an empty text if it was read."""
    document = json.loads((folder / "findings.json").read_text("utf-8"))
    return {
        source["server"].get("inventory_name", source["server"]["host"]): source.get("failure", "")
        for source in document["data_sources"]
    }


def test_serial_is_rejected(simulators: Simulators, tmp_path: Path) -> None:
    """All hosts are evaluated together, so those of later batches would be findings."""
    ended = run([on_servers(use_role(), serial=1)], tmp_path, two_servers(simulators))
    assert ended.status == 2, ended.output
    assert "This play uses serial: only 1 of 2 hosts are in this batch" in " ".join(ended.output.split())
    assert simulators.requests("spp") == []


def test_any_errors_fatal_does_not_end_the_other_hosts(simulators: Simulators, tmp_path: Path) -> None:
    inventory = two_servers(simulators, spp={"backup_wrokload_types": ["vm"]})
    evidence = tmp_path / "evidence"
    ended = run([on_servers(use_role(), any_errors_fatal=True)], tmp_path, inventory, compliance_output=str(evidence))
    assert ended.status == 0, ended.output[-3000:]
    found = sources(evidence)
    assert [failure for failure in found.values() if failure] == [
        "Host spp: unknown variable: backup_wrokload_types. Did you mean 'backup_workload_types'?"
    ]
    assert len(found) == 2


def test_a_host_with_another_policy_is_a_finding(simulators: Simulators, tmp_path: Path) -> None:
    """The policy of the first host would be applied to it, too."""
    strict, lenient = {"recovery_points": {"min_count": 999}}, {"recovery_points": {"min_count": 1}}
    inventory = two_servers(simulators, spp={"compliance_policy": lenient}, vprotect={"compliance_policy": strict})
    evidence = tmp_path / "evidence"
    role = {"name": "Check", "ansible.builtin.include_role": {"name": "backup.audit.compliance"}}
    ended = run([on_servers(role)], tmp_path, inventory, compliance_output=str(evidence))
    assert ended.status == 0, ended.output[-3000:]
    failure = (
        "Host vprotect: compliance_policy has another value than for host spp. The role uses one value for all hosts. "
        "Define it once, for the group or in the play."
    )
    assert sorted(sources(evidence).values()) == ["", failure]
    assert simulators.requests("vprotect") == []


@pytest.mark.parametrize("limit", [(), ("--limit", "backup_servers"), ("--limit", "spp")])
def test_a_required_host_outside_of_the_group_is_a_finding(
    simulators: Simulators, tmp_path: Path, limit: tuple[str, ...]
) -> None:
    """A limit explains only why hosts of the play's group are not read."""
    inventory = {**two_servers(simulators), "retired": {"hosts": {"forgotten": None}}}
    evidence = tmp_path / "evidence"
    variables = {"compliance_required_hosts": ["spp", "vprotect", "forgotten"], "compliance_output": str(evidence)}
    ended = run([on_servers(use_role())], tmp_path, inventory, *limit, **variables)
    assert ended.status == 0, ended.output[-3000:]
    assert "compliance_required_hosts" in sources(evidence)["forgotten"]
    assert "vprotect" not in " ".join(failure for failure in sources(evidence).values())


def test_an_empty_list_of_expected_workloads_is_rejected(simulators: Simulators, tmp_path: Path) -> None:
    """A variable without a value is null, for example if all items are comments."""
    inventory = two_servers(simulators)
    inventory["backup_servers"]["vars"] = {"compliance_expected": None}
    ended = run([on_servers(use_role())], tmp_path, inventory)
    assert ended.status == 2, ended.output[-3000:]
    assert "compliance_expected: the list is empty" in " ".join(ended.output.split())


def test_the_role_can_be_used_several_times(simulators: Simulators, tmp_path: Path) -> None:
    """A host that fails before the second use has no result there, although it was read by the first one."""
    first, second = tmp_path / "first", tmp_path / "second"
    fail = {"name": "Fail", "ansible.builtin.fail": {"msg": "no"}, "when": "inventory_hostname == 'vprotect'"}
    plays = [
        on_servers(use_role(compliance_output=str(first))),
        on_servers(fail, use_role(compliance_output=str(second))),
    ]
    ended = run(plays, tmp_path, two_servers(simulators))
    assert ended.status == 2, ended.output[-3000:]
    assert set(sources(first).values()) == {""}
    assert "the host failed before its backup server was read" in sources(second)["vprotect"]


def test_reports_do_not_contain_hosts_of_earlier_reports(simulators: Simulators, tmp_path: Path) -> None:
    inventory = two_servers(simulators)
    facts, outputs = tmp_path / "facts", [tmp_path / "one", tmp_path / "two"]
    gathered = play("backup.audit.gather", tmp_path, inventory=inventory, variables={"compliance_data_dir": str(facts)})
    assert gathered.status == 0, gathered.output[-3000:]
    required = [["spp", "vprotect", "missing"], ["spp", "vprotect"]]
    reports = [
        use_role(
            "report", compliance_data_dir=str(facts), compliance_required_hosts=hosts, compliance_output=str(output)
        )
        for hosts, output in zip(required, outputs, strict=True)
    ]
    on_control_node = {"name": "Report", "hosts": "localhost", "gather_facts": False, "tasks": reports}
    ended = run([on_control_node], tmp_path, inventory)
    assert ended.status == 0, ended.output[-3000:]
    assert "no read result of the host was stored" in sources(outputs[0])["missing"]
    assert set(sources(outputs[1]).values()) == {""}


def test_evidence_is_written_if_the_host_of_the_history_is_unreachable(simulators: Simulators, tmp_path: Path) -> None:
    inventory = two_servers(simulators)
    away = {"ansible_host": "127.0.0.1", "ansible_port": 9, "ansible_connection": "ssh", "ansible_user": "nobody"}
    inventory["elsewhere"] = {"hosts": {"vault": away}}
    evidence = tmp_path / "evidence"
    variables = {
        "compliance_output": str(evidence),
        "compliance_history": "/srv/history.json",
        "compliance_data_host": "vault",
    }
    ended = run([on_servers(use_role())], tmp_path, inventory, **variables)
    assert ended.status != 0
    assert set(sources(evidence).values()) == {""}
    assert "The result was not added to the history." in " ".join(ended.output.split())
