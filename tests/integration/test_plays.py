# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules, the assertion and the role in real plays."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.integration.conftest import Simulators
from tests.integration.running_modules import MODULES, get_login
from tests.integration.running_plays import on_localhost, play, servers

POLICY = {"recovery_points": {"min_count": 7, "max_age": "26h", "max_gap": {"limit": "26h", "within": "7d"}}}
LENIENT = {"recovery_points": {"min_count": 1}}


def read_task(simulators: Simulators, product: str, register: str, **options: Any) -> dict[str, Any]:
    """Build a task that reads one simulated server."""
    name, own = MODULES[product]
    arguments = {**get_login(simulators.ready, product), **own, **options}
    return {"name": f"Read {product}", f"backup.audit.{name}": arguments, "register": register}


def assert_task(read_results: list[str], register: str, **options: Any) -> dict[str, Any]:
    """Build a task that evaluates registered results."""
    given = {"results": [f"{{{{ {name} }}}}" for name in read_results], "policy": POLICY, "fail": False, **options}
    return {"name": "Evaluate policy", "backup.audit.recovery_points_assert": given, "register": register}


def write_task(expression: str, path: Path) -> dict[str, Any]:
    """Build a task that writes a value as JSON."""
    content = f"{{{{ {expression} | to_json }}}}"
    return {"name": "Write result", "ansible.builtin.copy": {"content": content, "dest": str(path), "mode": "0600"}}


def test_compressed_and_plain_give_the_same_assessment(simulators: Simulators, tmp_path: Path) -> None:
    """The same read result, compressed and with readable rows, produces identical assessments."""
    module = "ansible_collections.backup.audit.plugins.module_utils"
    recompress = (
        "import json, sys; sys.path.insert(0, sys.argv[1]);"
        f"from {module}._collect.result import seal, unpack;"
        "plain = json.load(open('plain.json'));"
        "blocks = [json.loads(unpack(text, 'points')) for text in plain['points']];"
        "json.dump(seal(plain, blocks, compress=True), open('compressed.json', 'w'))"
    )
    from tests.tools.project import ROOT

    tasks = [
        read_task(simulators, "spp", "spp"),
        write_task("spp", tmp_path / "plain.json"),
        {
            "name": "Compress the same read result",
            "ansible.builtin.command": {
                "argv": ["{{ ansible_playbook_python }}", "-c", recompress, str(ROOT / ".venv" / "tree")],
                "chdir": str(tmp_path),
            },
            "changed_when": True,
        },
        assert_task(["spp"], "of_plain", as_of="{{ spp.read_at }}"),
        {
            "name": "Evaluate the compressed result",
            "backup.audit.recovery_points_assert": {
                "results": ["compressed.json"],
                "policy": POLICY,
                "as_of": "{{ spp.read_at }}",
                "fail": False,
            },
            "register": "of_compressed",
        },
        write_task("[of_plain.assessment, of_compressed.assessment]", tmp_path / "both.json"),
    ]
    ended = play(on_localhost(*tasks), tmp_path)
    assert ended.status == 0, ended.output
    of_plain, of_compressed = json.loads((tmp_path / "both.json").read_text())
    assert of_plain == of_compressed


def test_assertion_reports_failures(simulators: Simulators, tmp_path: Path) -> None:
    """The message names the worst findings, and the result contains all return values."""
    tasks = [
        read_task(simulators, "spp", "spp"),
        read_task(simulators, "veeam_azure", "azure", compress=True),
        assert_task(["spp", "azure"], "verdict", expected=["web-01", "no-such-workload"]),
        write_task("verdict", tmp_path / "verdict.json"),
    ]
    ended = play(on_localhost(*tasks), tmp_path)
    assert ended.status == 0, ended.output
    verdict = json.loads((tmp_path / "verdict.json").read_text())
    assert verdict["failed"] is False
    assert verdict["compliant"] is False
    assert "no-such-workload" in verdict["msg"]
    assert len(verdict["msg"].splitlines()) <= 22
    assert "more" in verdict["msg"].splitlines()[-1]
    assert verdict["findings"][0]["result"] == "fail"
    assert verdict["totals"]["workloads"] > 20


def test_check_mode_reads_and_evaluates(simulators: Simulators, tmp_path: Path) -> None:
    """The modules never write, so check mode returns the same result."""
    tasks = [
        read_task(simulators, "spp", "spp", workload_names=["web-*"]),
        assert_task(["spp"], "verdict", policy=LENIENT, fail=True),
        {"name": "Show", "ansible.builtin.debug": {"msg": "{{ verdict | backup.audit.to_text }}"}},
    ]
    ended = play(on_localhost(*tasks), tmp_path, arguments=("--check", "--diff"))
    assert ended.status == 0, ended.output
    assert "COMPLIANT: 2 of 2 workloads passed" in ended.output


def test_no_workloads_are_not_compliant(simulators: Simulators, tmp_path: Path) -> None:
    """A filter that matches nothing does not pass."""
    tasks = [
        read_task(simulators, "spp", "spp", workload_names=["nothing-is-called-so"]),
        assert_task(["spp"], "verdict", policy=LENIENT, fail=True),
    ]
    ended = play(on_localhost(*tasks), tmp_path)
    assert ended.status == 2
    assert "no workloads were read" in ended.output


def findings(folder: Path) -> dict[str, Any]:
    """Return the findings that the role wrote."""
    document: dict[str, Any] = json.loads((folder / "findings.json").read_text("utf-8"))
    return document


def test_compliance_playbook(simulators: Simulators, tmp_path: Path) -> None:
    """All servers are read and evaluated together. The play fails at the end, after the evidence is written."""
    ended = play(
        "backup.audit.compliance",
        tmp_path,
        inventory=servers(simulators.ready),
        variables={"compliance_output": str(tmp_path)},
    )
    assert ended.status == 2, ended.output
    assert "NOT COMPLIANT" in ended.output
    document = findings(tmp_path)
    assert {read["server"]["product"] for read in document["data_sources"]} == set(MODULES)
    assert {workload["source"] for workload in document["workloads"]} == {
        read["server"]["host"] for read in document["data_sources"]
    }
    assert all(read["complete"] and len(read["sha256"]) == 64 for read in document["data_sources"])
    lenient = play(
        "backup.audit.compliance",
        tmp_path,
        inventory=servers(simulators.ready),
        variables={"compliance_fail_when_noncompliant": False},
    )
    assert lenient.status == 0, lenient.output


def test_unreachable_server_is_a_finding(simulators: Simulators, tmp_path: Path) -> None:
    """The other servers are reported, and workloads expected on the unreachable server are unknown."""
    dead = servers(simulators.ready, spp={"backup_url": "https://127.0.0.1:9", "backup_retries": 0})
    ended = play(
        "backup.audit.compliance",
        tmp_path,
        inventory=dead,
        variables={"compliance_output": str(tmp_path), "compliance_expected": ["only-on-spp"]},
    )
    assert ended.status == 2, ended.output
    document = findings(tmp_path)
    messages = [finding["message"] for finding in document["findings"] if finding["blocking"]]
    assert any("could not be read" in message and "connection refused" in message for message in messages)
    (missing,) = [each["message"] for each in document["findings"] if each["workload_name"] == "only-on-spp"]
    assert "expected workload not found on any server that was read" in missing
    assert "not read or only partially read: " in missing
    assert missing in messages
    assert {workload["product"] for workload in document["workloads"] if workload["product"]} >= {"veeam_azure"}


def test_rejected_login_is_not_retried(simulators: Simulators, tmp_path: Path) -> None:
    """Of three hosts with one wrong account, one tries to log in. Two hosts with one url are rejected before login."""
    inventory = servers(simulators.ready, spp={"backup_password": "wrong"})
    spp = inventory["backup_servers"]["hosts"]["spp"]
    for number in (2, 3):
        # The same simulator through other loopback addresses.
        url = spp["backup_url"].replace("127.0.0.1", f"127.0.0.{number}")
        inventory["backup_servers"]["hosts"][f"spp{number}"] = {**spp, "backup_url": url}
    variables = {"compliance_output": str(tmp_path), "compliance_fail_when_noncompliant": False}
    ended = play("backup.audit.compliance", tmp_path, inventory=inventory, variables=variables)
    assert ended.status == 0, ended.output
    log_ins = [call for call in simulators.requests("spp") if call["path"] == "/api/endeavour/session"]
    assert len(log_ins) == 1
    messages = [finding["message"] for finding in findings(tmp_path)["findings"]]
    assert sum("not tried, because host spp rejected the login" in message for message in messages) == 2

    twice = servers(simulators.ready)
    twice["backup_servers"]["hosts"]["again"] = dict(twice["backup_servers"]["hosts"]["spp"])
    ended = play("backup.audit.compliance", tmp_path, inventory=twice, variables=variables)
    assert ended.status == 0, ended.output
    document = findings(tmp_path)
    assert sum("count twice" in finding["message"] for finding in document["findings"]) == 2
    assert not any(workload["product"] == "spp" for workload in document["workloads"])


def test_misconfigured_host_is_a_finding(simulators: Simulators, tmp_path: Path) -> None:
    """A host without a URL must appear in the evidence, and the others are reported."""
    inventory = servers(simulators.ready)
    inventory["backup_servers"]["hosts"]["forgotten"] = {"backup_product": "spp"}
    inventory["backup_servers"]["hosts"]["strange"] = {"backup_product": "tape robot", "backup_url": "https://x"}
    variables = {
        "compliance_output": str(tmp_path),
        "compliance_fail_when_noncompliant": False,
        "compliance_policy": LENIENT,
    }
    ended = play("backup.audit.compliance", tmp_path, inventory=inventory, variables=variables)
    assert ended.status == 0, ended.output
    failed = [finding["message"] for finding in findings(tmp_path)["findings"] if finding["control"] == "data.complete"]
    assert any("forgotten could not be read: backup_url is not set" in message for message in failed)
    assert any("strange" in message and "invalid backup_product 'tape robot'" in message for message in failed)
    assert not any("strange" in message and "backup_url" in message for message in failed)
