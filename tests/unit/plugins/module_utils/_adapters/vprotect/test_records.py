# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""vProtect: records to recovery points, chains, and the vendor's own examples."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._adapters.vprotect import chains as vprotect_chains
from ansible_collections.backup.audit.plugins.module_utils._adapters.vprotect import records
from ansible_collections.backup.audit.plugins.module_utils._adapters.vprotect.chains import Chains
from ansible_collections.backup.audit.plugins.module_utils._adapters.vprotect.record_fields import (
    Record,
    RecordParser,
    Restore,
)
from ansible_collections.backup.audit.plugins.module_utils._core.model import RecoveryPoint, Workload
from ansible_collections.backup.audit.plugins.module_utils._core.times import DAY, SECOND, parse_time
from tests.samples import read

STRANGE: tuple[Any, ...] = (None, [], {}, "x", -1, True, 1.5)
TAKEN = 1_795_000_000_000
STORED = TAKEN + 600_000
NOTHING = records.Context(frozenset(), {}, lambda _rule, _word: {}, include_raw=False)


def enum(name: str, *, as_object: bool = True) -> Any:
    """Return an enum as servers send it, or as printed on the older API pages."""
    return {"name": name, "description": name.title()} if as_object else name


def backup(*, as_object: bool = True, **more: Any) -> dict[str, Any]:
    """Return a full backup of one virtual machine, stored in one location."""
    return {
        "guid": "b-1",
        "snapshotTime": TAKEN,
        "backupTime": STORED,
        "status": enum("SUCCESS", as_object=as_object),
        "type": enum("FULL", as_object=as_object),
        "size": 5_000_000,
        "protectedEntity": {"guid": "vm-1", "name": "web-01", "type": enum("VM", as_object=as_object)},
        "backupRule": {"guid": "r-1", "name": "nightly"},
        "backupLocations": [location("d-1", "FILESYSTEM", as_object=as_object)],
        **more,
    }


def location(destination: str, kind: str, status: str = "PRESENT", *, as_object: bool = True) -> dict[str, Any]:
    """Return one backup location."""
    return {
        "guid": f"l-{destination}",
        "backupDestination": {"guid": destination, "name": f"name of {destination}"},
        "backupDestinationType": enum(kind, as_object=as_object),
        "roleType": enum("PRIMARY", as_object=as_object),
        "status": enum(status, as_object=as_object),
    }


def record(row: dict[str, Any], *, include_raw: bool = False) -> Record:
    """Parse a record."""
    return RecordParser((), include_raw=include_raw).parse(row)


def build_optional(row: dict[str, Any], context: records.Context = NOTHING) -> RecoveryPoint | None:
    """Return the recovery point of a record, if it has one."""
    parsed = record(row, include_raw=context.include_raw)
    return records.build_point(parsed, records.build_workload(parsed), context)


def point(row: dict[str, Any], context: records.Context = NOTHING) -> RecoveryPoint:
    """Return the recovery point of a record that has one."""
    result = build_optional(row, context)
    assert result is not None
    return result


@pytest.mark.parametrize("as_object", [True, False], ids=["objects", "texts"])
def test_a_full_backup(as_object: bool) -> None:
    """All fields of a record, with enums in either format."""
    result = point(backup(as_object=as_object)).as_dict("host", "vprotect")
    assert result["workload_id"] == "vm-1"
    assert result["workload_name"] == "web-01"
    assert result["workload_type"] == "vm"
    assert parse_time(result["created_at"]) == TAKEN * 1000
    assert parse_time(result["completed_at"]) == STORED * 1000
    assert (result["kind"], result["status"], result["usable"]) == ("full", "success", True)
    assert result["size_bytes"] == 5_000_000
    assert result["job"] == "nightly"
    assert result["copies"] == [
        {
            "location": "name of d-1",
            "location_type": "disk",
            "vendor_location_type": "FILESYSTEM",
            "role": "primary",
            "immutable_until": None,
            "encrypted": None,
            "offsite": None,
        }
    ]
    unknown = (
        "restore_tested",
        "integrity_checked",
        "encrypted",
        "offsite",
        "immutable",
        "expires_at",
        "malware",
        "in_inventory",
    )
    assert [result[name] for name in unknown] == [None] * len(unknown)
    assert result["inferred"] == []


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("SUCCESS", ("success", True)),
        ("PARTIAL_SUCCESS", ("warning", True)),
        ("FAILED", ("failed", False)),
        ("INPROGRESS", ("running", False)),
        ("QUEUED", ("running", False)),
        ("SOMETHING_NEW", ("unknown", None)),
    ],
)
def test_status(status: str, expected: tuple[str, bool | None]) -> None:
    """A partial success can be restored. An unknown value proves nothing."""
    result = point(backup(status=enum(status)))
    assert (result.status, result.usable) == expected


@pytest.mark.parametrize(
    ("places", "usable"),
    [
        ([], None),
        (["REMOVED"], False),
        (["FAILED", "REMOVED"], False),
        (["IN_PROGRESS"], None),
        (["REMOVED", "PRESENT"], True),
        (["ELSEWHERE"], None),
    ],
)
def test_a_backup_without_a_location_is_not_usable(places: list[str], usable: bool | None) -> None:
    """A backup that is not present in any location is not usable, regardless of its status."""
    result = point(backup(backupLocations=[location(f"d-{status}", "S3", status) for status in places]))
    assert result.usable is usable
    assert len(result.copies or ()) == places.count("PRESENT")


def test_old_versions_do_not_list_locations() -> None:
    """Before version 5 a backup has one destination, which its record does not contain."""
    row = backup()
    del row["backupLocations"]
    result = point(row, dataclasses.replace(NOTHING, lists_locations=records.lists_locations("4.2.1-3")))
    assert result.usable is True
    assert result.copies is None
    for version in ("5.0.0-1", "7.4.0-27, 4.2.1-3", "newest", None):
        since = dataclasses.replace(NOTHING, lists_locations=records.lists_locations(version))
        assert point(row, since).usable is None, version


def test_attributes_from_settings_are_inferred() -> None:
    """Encryption, lock and a completed restore are inferred."""
    requested = []

    def locks(rule: str, word: str) -> dict[str, int]:
        requested.append((rule, word))
        return records.parse_locks(
            {
                "ruleBackupDestinations": [
                    {"roleType": "PRIMARY", "backupDestination": {"guid": "d-1"}, "daysToKeepRetentionLock": 0},
                    {"roleType": "SECONDARY", "backupDestination": {"guid": "d-2"}, "daysToKeepRetentionLock": 14},
                ]
            }
        )

    context = records.Context(
        frozenset({"d-1", "d-2"}),
        {"b-1": Restore(succeeded=True, time=STORED * 1000 + DAY * SECOND)},
        locks,
        include_raw=True,
    )
    result = point(backup(backupLocations=[location("d-1", "FILESYSTEM"), location("d-2", "S3")]), context)
    assert requested == [("r-1", "vm")]
    assert result.immutable_until == STORED * 1000 + 14 * DAY * SECOND
    assert [copy.immutable_until is not None for copy in result.copies or ()] == [False, True]
    assert (result.encrypted, result.restore_tested, result.tested_by) == (True, True, "restore")
    assert {"encrypted", "restore_tested", "immutable", "immutable_until"} <= set(result.inferred)
    assert result.raw is not None
    half = records.Context(frozenset({"d-2"}), {}, lambda _rule, _word: {}, include_raw=False)
    assert point(backup(backupLocations=[location("d-1", "ISP"), location("d-2", "S3")]), half).encrypted is None


def test_equal_values_of_different_types_are_distinguished() -> None:
    """1, 1.0 and True are equal in Python, but only 1 can be the name of a rule. A list cannot be a name."""
    parsed = RecordParser((), include_raw=False)
    names: tuple[Any, ...] = (True, 1, 1.0, "1", [], "nightly", None)
    jobs = [parsed.parse(backup(backupRule={"guid": "r-1", "name": name})).fields.job for name in names]
    assert jobs == [None, "1", None, "1", None, "nightly", None]
    first, second = (parsed.parse(backup(guid=guid)) for guid in ("b-1", "b-2"))
    assert first.fields is second.fields


def test_missing_times() -> None:
    """A backup that never started has no time. The time of a completed one is never guessed."""
    row = backup(status=enum("QUEUED"))
    del row["snapshotTime"], row["backupTime"]
    assert build_optional(row) is None
    row["status"] = enum("SUCCESS")
    assert point(row).created == 0
    row["backupTime"] = STORED
    assert point(row).inferred == ("created_at",)


def test_deleted_workload_keeps_its_name() -> None:
    """If the entity is deleted, the text stored in the backup identifies the workload."""
    row = backup(sourceNameAndGuid="old-vm (vm-9)")
    del row["protectedEntity"]
    assert records.build_workload(record(row)) == Workload(name="old-vm (vm-9)")
    assert records.build_workload(record({**row, "sourceNameAndGuid": {"name": "old", "guid": "g"}})).id == "g"


def resolve_chain(points: list[tuple[str, str | None, bool | None]], *, complete: bool) -> dict[str, bool | None]:
    """Return id -> usable for points given as (id, parent, usable), in listing order."""
    result: dict[str, bool | None] = {}

    def report(resolved: RecoveryPoint) -> None:
        assert resolved.id not in result
        result[resolved.id] = resolved.usable

    chains = Chains(report)
    for ident, parent, usable in points:
        chains.add(RecoveryPoint(id=ident, workload=Workload(), created=0, usable=usable), parent)
    chains.finish(complete=complete)
    assert len(result) == len(points)
    return result


def test_chain_from_newest_to_oldest() -> None:
    """The usability of an increment is that of the worst backup that it depends on."""
    rows: list[tuple[str, str | None, bool | None]] = [("c", "b", True), ("b", "a", True), ("a", None, True)]
    assert set(resolve_chain(rows, complete=True).values()) == {True}
    assert set(resolve_chain(rows[::-1], complete=True).values()) == {True}
    rows[1] = ("b", "a", False)
    assert resolve_chain(rows, complete=True) == {"a": True, "b": False, "c": False}
    rows[1:] = [("b", "a", True), ("a", None, None)]
    assert resolve_chain(rows, complete=True) == {"a": None, "b": None, "c": None}


@pytest.mark.parametrize("order", [1, -1])
def test_an_unknown_time_does_not_affect_dependent_points(order: int) -> None:
    """The callback may set a point to unknown. Points that depend on it keep their usability."""
    result: dict[str, bool | None] = {}

    def report(resolved: RecoveryPoint) -> None:
        result[resolved.id] = resolved.usable
        resolved.usable = None

    chains = Chains(report)
    for ident, parent in (("c", "b"), ("b", "a"), ("a", None))[::order]:
        chains.add(RecoveryPoint(id=ident, workload=Workload(), created=0, usable=True), parent)
    chains.finish(complete=True)
    assert result == {"a": True, "b": True, "c": True}


def test_missing_parent() -> None:
    """It is gone if everything was read, and unknown if it may be outside of the window. A circle is not a chain."""
    rows: list[tuple[str, str | None, bool | None]] = [("c", "b", True), ("b", "a", True)]
    assert resolve_chain(rows, complete=True) == {"b": False, "c": False}
    assert resolve_chain(rows, complete=False) == {"b": None, "c": None}
    assert resolve_chain([*rows, ("a", "c", True)], complete=False) == {"a": False, "b": False, "c": False}
    result: list[RecoveryPoint] = []
    chains = Chains(result.append)
    chains.add(RecoveryPoint(id="c", workload=Workload(), created=0, usable=True), "b")
    chains.add_removed("b")
    assert [resolved.usable for resolved in result] == [False]


def get_parent(row: dict[str, Any]) -> str | None:
    """Return the backup that is required to restore a record."""
    parsed = record(row)
    return parsed.parent if NOTHING.parse(parsed.fields).needs_parent else None


def test_only_increments_need_their_parent() -> None:
    """A full backup may name a parent but does not need it."""
    parent = {"guid": "b-0", "name": "before"}
    assert get_parent(backup(parentBackup=parent)) is None
    assert get_parent(backup(parentBackup=parent, type=enum("SYNTHETIC"))) is None
    assert get_parent(backup(parentBackup=parent, type=enum("INCREMENTAL"))) == "b-0"


def test_fields_with_unexpected_types_are_unknown() -> None:
    """Fields with undocumented types make attributes unknown and never raise."""
    for name in backup():
        if name in ("guid", "snapshotTime"):
            continue
        for strange in STRANGE:
            assert build_optional({**backup(), name: strange}) is not None


def test_samples() -> None:
    """Responses in the format of the documentation are parsed. Values that no release uses are unknown."""
    for row in read("vprotect/backups.yml"):
        result = point(row)
        assert (result.kind, result.status, result.usable) == ("unknown", "unknown", None)
        assert result.created == row["snapshotTime"] * 1000
    assert point(backup(backupLocations=read("vprotect/locations.yml"))).usable is None
    for row in read("vprotect/entities.yml"):
        assert records.parse_entity(row).type == "physical"
    destination = read("vprotect/destination.yml")
    assert records.parse_locks({"ruleBackupDestinations": [destination]}) == {
        destination["backupDestination"]["guid"]: destination["daysToKeepRetentionLock"]
    }


def test_an_old_parent_is_found_after_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cache of recent points is bounded. Older ones are looked up after reading."""
    monkeypatch.setattr(vprotect_chains, "_RECENT_LIMIT", 2)
    result: list[RecoveryPoint] = []
    chains = Chains(result.append)
    for number in range(5):
        chains.add(one_point(f"full-{number}", usable=number != 1), None)
    chains.add(one_point("child of a good one"), "full-0")
    chains.add(one_point("child of a bad one"), "full-1")
    chains.add(one_point("grandchild"), "child of a good one")
    chains.add(one_point("unexpected"), "nobody")
    assert len(result) == 5
    chains.finish(complete=True)
    assert {point.id: point.usable for point in result[5:]} == {
        "child of a good one": True,
        "grandchild": True,
        "child of a bad one": False,
        "unexpected": False,
    }


def test_a_copy_of_a_listed_backup_is_not_a_point(monkeypatch: pytest.MonkeyPatch) -> None:
    """The backup may be listed shortly before its copy, long before it, or after it."""
    monkeypatch.setattr(vprotect_chains, "_RECENT_LIMIT", 2)
    copies = vprotect_chains.Copies()
    for number in range(6):
        copies.add_backup(one_point(f"backup-{number}", created=number))
    for number in (0, 5, 7, 8):
        copies.add_copy(one_point(f"copy-{number}", created=number))
    copies.add_backup(one_point("backup-7", created=7))
    assert [point.id for point in copies.get_unmatched()] == ["copy-8"]


def one_point(ident: str, *, usable: bool | None = True, created: int = 0) -> RecoveryPoint:
    """Return a point of one machine."""
    return RecoveryPoint(id=ident, workload=Workload(id="vm-1"), created=created, usable=usable)
