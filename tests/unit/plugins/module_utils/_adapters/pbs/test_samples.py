# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Expected values of the sample responses, derived by hand."""

from __future__ import annotations

from typing import Any

import pytest

from tests.samples import read as read_sample
from tests.unit.plugins.module_utils._adapters.pbs.documents import list_facts, read_documents

STORE = "admin/datastore/archive-1"
EMPTY: dict[str, Any] = {"data": []}
DOCUMENTS: dict[str, Any] = {
    "version": read_sample("pbs/version.yml"),
    "access/permissions": read_sample("pbs/permissions.yml"),
    "admin/datastore": read_sample("pbs/datastores.yml"),
    "admin/verify": read_sample("pbs/verify_jobs.yml"),
    "admin/prune": read_sample("pbs/prune_jobs.yml"),
    "admin/sync": read_sample("pbs/sync_jobs.yml"),
    f"{STORE}/status": {"data": {"total": 1, "used": 1, "avail": 0, "counts": {"ct": None, "host": None, "vm": None}}},
    f"{STORE}/namespace": read_sample("pbs/namespaces.yml"),
    f"{STORE}/groups": EMPTY,
    f"{STORE}/snapshots": EMPTY,
    f"{STORE}/groups:branch": EMPTY,
    f"{STORE}/snapshots:branch": EMPTY,
    f"{STORE}/groups:branch/hamburg": read_sample("pbs/groups.yml"),
    f"{STORE}/snapshots:branch/hamburg": read_sample("pbs/snapshots.yml"),
}
PLACE = "archive-1/branch/hamburg"
NIGHT, MORNING = "2026-11-18T03:00:00Z", "2026-11-18T05:30:00Z"
FACTS = [
    (f"{PLACE}/host/files-07", "success", True, None, None, False),
    (f"{PLACE}/host/files-07", "success", True, True, NIGHT, True),
    (f"{PLACE}/host/files-07", "running", False, None, None, None),
    (f"{PLACE}/vm/412", "failed", False, False, None, False),
    (f"{PLACE}/vm/412", "success", True, True, MORNING, False),
    (f"{PLACE}/vm/413", "unknown", None, None, None, None),
    # Verified in Bremen, before it was copied.
    (f"{PLACE}/vm/414", "success", True, None, None, False),
]


def read_datastore(**changes: Any) -> Any:
    return read_documents({**DOCUMENTS, **changes}, datastores=["archive-1"])


def test_facts() -> None:
    found = read_datastore()
    assert found.error is None
    assert list_facts(found) == FACTS
    assert [point["workload_name"] for point in found.points if point["workload_id"].endswith("414")] == ["erp-web"]
    assert {point["kind"] for point in found.points} == {"full"}
    assert {point["copies"][0]["location"] for point in found.points} == {PLACE}
    assert {point.get("size_bytes") for point in found.points} == {None}
    assert len(found.warnings) == 1
    assert found.warnings[0].startswith("1 snapshots were verified by another server or in another datastore")


def test_no_verification_counts_without_jobs_and_tasks() -> None:
    """It is unknown which of the two servers this one is."""
    found = read_datastore(**{f"admin/{name}": EMPTY for name in ("verify", "prune", "sync")})
    assert [fact[3] for fact in list_facts(found)] == [None, None, None, False, None, None, None]
    assert "3 snapshots were verified by an unknown server" in found.warnings[0]


def test_an_offline_datastore_is_reported() -> None:
    message = "datastore 'archive-2' is unavailable: offline maintenance mode: controller is replaced"
    found = read_documents({**DOCUMENTS, "admin/datastore/archive-2/namespace": (400, message)})
    assert found.error is not None
    assert message in str(found.error)
    assert list_facts(found) == FACTS


@pytest.mark.parametrize(
    ("counts", "problem"),
    [
        ({"host": {"groups": 1, "snapshots": 3}, "vm": {"groups": 3, "snapshots": 4}, "ct": None}, None),
        # A namespace without permission.
        (
            {"host": {"groups": 1, "snapshots": 3}, "vm": {"groups": 4, "snapshots": 9}, "ct": None},
            "vm: 4 snapshots in 3 groups are listed, but the server counts 9 in 4",
        ),
        (
            {"host": None, "vm": None, "ct": {"groups": 1, "snapshots": 1}, "other": None},
            "ct: 0 snapshots in 0 groups are listed, but the server counts 1 in 1",
        ),
    ],
)
def test_counts_of_a_datastore_are_compared(counts: Any, problem: str | None) -> None:
    found = read_datastore(**{f"{STORE}/status": {"data": {"total": 1, "used": 1, "avail": 0, "counts": counts}}})
    assert (found.error is None) is (problem is None)
    assert problem is None or problem in str(found.error)
    assert list_facts(found) == FACTS


@pytest.mark.parametrize(
    ("counts", "problem"),
    [
        ({}, "has no 'counts'"),
        ({"counts": None}, "has no 'counts'"),
        ({"counts": {"vm": {"groups": 1}}}, "the 'counts' of the type 'vm' are not valid"),
    ],
)
def test_missing_counts_are_reported(counts: Any, problem: str) -> None:
    found = read_datastore(**{f"{STORE}/status": {"data": {"total": 1, "used": 1, "avail": 0, **counts}}})
    assert found.error is None
    assert len(found.warnings) == 2
    assert found.warnings[0].startswith("datastore 'archive-1': the server's own number of groups cannot be read")
    assert problem in found.warnings[0]


def test_count_of_a_group_is_compared() -> None:
    groups = read_sample("pbs/groups.yml")
    groups["data"][1]["backup-count"] = 3
    found = read_datastore(**{f"{STORE}/groups:branch/hamburg": groups})
    assert "the list of snapshots is incomplete: vm/412 lists 2 of 3" in str(found.error)
    assert found.points == []
