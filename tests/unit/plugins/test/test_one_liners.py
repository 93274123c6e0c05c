# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tests has_recovery_points and within_rpo are true only if the condition is proven now."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.backup.audit.plugins.module_utils._core.times import DAY, HOUR, SECOND, format_time
from ansible_collections.backup.audit.plugins.test.has_recovery_points import has_recovery_points
from ansible_collections.backup.audit.plugins.test.within_rpo import within_rpo
from tests.unit.plugins.module_utils._policy.policy_points import EMPTY, NOW, nightly, read, row

HEALTHY_ROW = row(in_inventory=True)
HEALTHY = read(HEALTHY_ROW)
UNPROTECTED = row(EMPTY, name="web02", id="id-2", in_inventory=True)


@pytest.fixture(autouse=True)
def _now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time_ns", lambda: NOW * 1000)


def test_proven_conditions_are_true() -> None:
    assert has_recovery_points(HEALTHY)
    assert has_recovery_points(HEALTHY, 30, "web01")
    assert within_rpo(HEALTHY, "5h", ["web01"])
    assert within_rpo([{"results": [read(HEALTHY_ROW, compress=True)]}], "26h")


@pytest.mark.parametrize(
    ("read_results", "expected"),
    [
        (read(UNPROTECTED), None),
        (read(HEALTHY_ROW, UNPROTECTED), None),
        (read(), None),
        (read(HEALTHY_ROW, complete=False, errors=[{"msg": "half"}]), None),
        (read(row(nightly(33)[3:], in_inventory=True), read_at=format_time(NOW - 2 * DAY * SECOND)), None),
        (HEALTHY, "db01"),
    ],
    ids=["no points", "one of two", "no workloads", "incomplete", "old", "missing"],
)
def test_unproven_conditions_are_false(read_results: dict[str, Any], expected: str | None) -> None:
    assert has_recovery_points(read_results, expected=expected) is False
    assert within_rpo(read_results, "26h", expected) is False


def test_limits_are_applied() -> None:
    assert not has_recovery_points(HEALTHY, 31)
    assert not within_rpo(HEALTHY, f"{5 * HOUR - 1}s")


def test_files_are_read(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "read.json"
    file.write_text(json.dumps(HEALTHY))
    assert within_rpo(str(file), "26h")


@pytest.mark.parametrize(
    ("read_results", "rpo", "message"),
    [
        ({"failed": True, "msg": "login rejected"}, "26h", "login rejected"),
        (HEALTHY, "26 hours", "is not a valid duration"),
        ("/no/such/file", "26h", "cannot read file"),
        ([], "26h", "list is empty"),
    ],
)
def test_invalid_arguments_are_errors(read_results: Any, rpo: str, message: str) -> None:
    with pytest.raises(AnsibleFilterError, match=f"backup.audit.within_rpo: .*{message}"):
        within_rpo(read_results, rpo)
