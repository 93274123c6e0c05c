# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role compliance for hosts with repositories: read on their hosts, evaluated together with all others."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.integration.running_plays import PlayResult, play
from tests.real import restic_repository
from tests.real.tools import corrupt_byte, largest, needs

pytestmark = needs("restic")


@pytest.fixture
def repository(tmp_path: Path) -> restic_repository.Repository:
    return restic_repository.create_repository(tmp_path)


def run_playbook(
    folder: Path, repository: restic_repository.Repository, **hosts: dict[str, Any]
) -> tuple[PlayResult, dict[str, Any]]:
    """Run the playbook on backup01, which is this machine, and on other ``hosts``."""
    known = {
        "ansible_connection": "local",
        "ansible_python_interpreter": sys.executable,
        "backup_product": "restic",
        "backup_repository": str(repository.path),
        "backup_password": restic_repository.PASSWORD,
        "backup_verify": "data",
    }
    variables = {
        "compliance_output": str(folder / "evidence"),
        "compliance_policy": {"recovery_points": {"max_age": "26h"}, "integrity_checked": {"max_age": "1d"}},
        "compliance_fail_when_noncompliant": False,
    }
    ended = play(
        "backup.audit.compliance",
        folder,
        inventory={"backup_servers": {"hosts": {"backup01": known, **hosts}}},
        variables=variables,
        environment={"HOME": str(repository.home)},
    )
    assert ended.status == 0, ended.output
    assessment: dict[str, Any] = json.loads((folder / "evidence" / "findings.json").read_text())
    return ended, assessment


def test_a_repository_is_read_on_its_host(repository: restic_repository.Repository, tmp_path: Path) -> None:
    ended, assessment = run_playbook(tmp_path, repository)
    assert assessment["compliant"] is True
    assert {one["workload_name"] for one in assessment["workloads"]} == {"web01", "db01"}
    assert assessment["data_sources"][0]["server"]["verify"]["result"] == "sound"
    assert "backup01 -> localhost" not in ended.output.partition("Read a restic repository")[2].partition("TASK")[0]
    assert restic_repository.PASSWORD not in ended.output
    assert restic_repository.PASSWORD not in (tmp_path / "evidence" / "report.html").read_text()


def test_damage_and_unreadable_hosts_are_findings(repository: restic_repository.Repository, tmp_path: Path) -> None:
    corrupt_byte(largest(repository.path / "data"), 1000)
    dark = {
        "ansible_host": "127.0.0.1",
        "ansible_port": 9,
        "ansible_connection": "ssh",
        "backup_product": "restic",
        "backup_repository": "/srv/restic",
        "backup_password": "x",
    }
    lost = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable, "backup_product": "restic"}
    assessment = run_playbook(tmp_path, repository, dark=dark, lost=lost)[1]
    assert assessment["compliant"] is False
    messages = {(one["control"], one["result"]): one["message"] for one in assessment["findings"]}
    assert "found damage" in messages["data.verify", "fail"]
    failed = [
        one["message"] for one in assessment["findings"] if (one["control"], one["result"]) == ("data.complete", "fail")
    ]
    assert len(failed) == 2
    assert any("dark could not be read: the host could not be reached" in message for message in failed)
    assert any("missing required arguments: backup_repository" in message for message in failed)
