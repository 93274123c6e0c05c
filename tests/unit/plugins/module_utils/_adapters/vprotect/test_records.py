# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""vProtect: records -> recovery points, chains, and the vendor's own examples."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._adapters.vprotect import chains as vprotect_chains
from ansible_collections.backup.audit.plugins.module_utils._adapters.vprotect import points as fields
from ansible_collections.backup.audit.plugins.module_utils._adapters.vprotect.chains import Chains
from ansible_collections.backup.audit.plugins.module_utils._adapters.vprotect.records import Record, Records
from ansible_collections.backup.audit.plugins.module_utils._core.errors import AuditError
from ansible_collections.backup.audit.plugins.module_utils._core.model import RecoveryPoint, Workload
from ansible_collections.backup.audit.plugins.module_utils._core.times import DAY, SECOND, parse_time
from tests.tools.project import VENDORS

STRANGE: tuple[Any, ...] = (None, [], {}, "x", -1, True, 1.5)
SAMPLES = VENDORS / "vprotect" / "samples"
TAKEN = 1_795_000_000_000
STORED = TAKEN + 600_000
NOTHING = fields.Context(frozenset(), {}, lambda _rule, _word: {}, include_raw=False)


def enum(name: str, *, as_object: bool = True) -> Any:
    """An enum as servers send it, or as the older pages print it."""
    return {"name": name, "description": name.title()} if as_object else name


def backup(*, as_object: bool = True, **more: Any) -> dict[str, Any]:
    """A full backup of one virtual machine, stored in one place."""
    return {
        "guid": "b-1",
        "snapshotTime": TAKEN,
        "backupTime": STORED,
        "status": enum("SUCCESS", as_object=as_object),
        "type": enum("FULL", as_object=as_object),
        "size": 5_000_000,
        "protectedEntity": {"guid": "vm-1", "name": "web-01", "type": enum("VM", as_object=as_object)},
        "backupRule": {"guid": "r-1", "name": "nightly"},
        "backupLocations": [place("d-1", "FILESYSTEM", as_object=as_object)],
        **more,
    }


def place(destination: str, kind: str, status: str = "PRESENT", *, as_object: bool = True) -> dict[str, Any]:
    """Where a backup lies."""
    return {
        "guid": f"l-{destination}",
        "backupDestination": {"guid": destination, "name": f"name of {destination}"},
        "backupDestinationType": enum(kind, as_object=as_object),
        "roleType": enum("PRIMARY", as_object=as_object),
        "status": enum(status, as_object=as_object),
    }


def record(row: dict[str, Any], *, include_raw: bool = False) -> Record:
    """What is kept of a record."""
    return Records((), include_raw=include_raw).get(row)


def perhaps(row: dict[str, Any], context: fields.Context = NOTHING) -> RecoveryPoint | None:
    """The recovery point of a record, if it has one."""
    kept = record(row, include_raw=context.include_raw)
    return fields.point_of(kept, fields.workload_of(kept), context)


def point(row: dict[str, Any], context: fields.Context = NOTHING) -> RecoveryPoint:
    """The recovery point of a record that has one."""
    told = perhaps(row, context)
    assert told is not None
    return told


@pytest.mark.parametrize("as_object", [True, False], ids=["objects", "texts"])
def test_a_full_backup(as_object: bool) -> None:
    """All that a record says, whichever way enums are written."""
    told = point(backup(as_object=as_object)).as_dict("host", "vprotect")
    assert told["workload_id"] == "vm-1"
    assert told["workload_name"] == "web-01"
    assert told["workload_type"] == "vm"
    assert parse_time(told["created_at"]) == TAKEN * 1000
    assert parse_time(told["completed_at"]) == STORED * 1000
    assert (told["kind"], told["status"], told["usable"]) == ("full", "success", True)
    assert told["size_bytes"] == 5_000_000
    assert told["job"] == "nightly"
    assert told["copies"] == [
        {
            "location": "name of d-1",
            "location_type": "disk",
            "role": "primary",
            "immutable_until": None,
            "encrypted": None,
            "offsite": None,
        }
    ]
    unknown = ("verified", "checked", "encrypted", "offsite", "immutable", "expires_at", "malware", "in_inventory")
    assert [told[name] for name in unknown] == [None] * len(unknown)
    assert told["estimated"] == []


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
    """A partial success can be restored; a word that nobody knows proves nothing."""
    told = point(backup(status=enum(status)))
    assert (told.status, told.usable) == expected


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
def test_without_a_place_there_is_nothing_to_restore(places: list[str], usable: bool | None) -> None:
    """A backup that is nowhere present is no recovery point, whatever its status says."""
    told = point(backup(backupLocations=[place(f"d-{status}", "S3", status) for status in places]))
    assert told.usable is usable
    assert len(told.copies or ()) == places.count("PRESENT")


def test_old_versions_list_no_places() -> None:
    """Before version 5 a backup lies in its one destination, and the record does not say which."""
    row = backup()
    del row["backupLocations"]
    told = point(row, dataclasses.replace(NOTHING, lists_places=fields.lists_places("4.2.1-3")))
    assert told.usable is True
    assert told.copies is None
    for version in ("5.0.0-1", "7.4.0-27, 4.2.1-3", "newest", None):
        since = dataclasses.replace(NOTHING, lists_places=fields.lists_places(version))
        assert point(row, since).usable is None, version


def test_what_settings_imply_is_an_estimate() -> None:
    """Encryption, lock, offsite and a restore that was made."""
    asked = []

    def locks(rule: str, word: str) -> dict[str, int]:
        asked.append((rule, word))
        return fields.locks_of(
            {
                "ruleBackupDestinations": [
                    {"roleType": "PRIMARY", "backupDestination": {"guid": "d-1"}, "daysToKeepRetentionLock": 0},
                    {"roleType": "SECONDARY", "backupDestination": {"guid": "d-2"}, "daysToKeepRetentionLock": 14},
                ]
            }
        )

    context = fields.Context(frozenset({"d-1", "d-2"}), {"b-1": STORED * 1000 + DAY * SECOND}, locks, include_raw=True)
    told = point(backup(backupLocations=[place("d-1", "FILESYSTEM"), place("d-2", "S3")]), context)
    assert asked == [("r-1", "vm")]
    assert told.immutable_until == STORED * 1000 + 14 * DAY * SECOND
    assert [copy.immutable_until is not None for copy in told.copies or ()] == [False, True]
    assert (told.encrypted, told.offsite, told.verified, told.verified_by) == (True, True, True, "restore")
    assert {"encrypted", "offsite", "verified", "immutable", "immutable_until"} <= set(told.estimated)
    assert told.raw is not None
    half = fields.Context(frozenset({"d-2"}), {}, lambda _rule, _word: {}, include_raw=False)
    assert point(backup(backupLocations=[place("d-1", "ISP"), place("d-2", "S3")]), half).encrypted is None


def test_what_is_equal_and_of_another_type_is_not_alike() -> None:
    """1, 1.0 and True are equal; only the first of them can be the name of a rule. A list is no name at all."""
    kept = Records((), include_raw=False)
    names: tuple[Any, ...] = (True, 1, 1.0, "1", [], "nightly", None)
    jobs = [kept.get(backup(backupRule={"guid": "r-1", "name": name})).words.job for name in names]
    assert jobs == [None, "1", None, "1", None, "nightly", None]
    first, second = (kept.get(backup(guid=guid)) for guid in ("b-1", "b-2"))
    assert first.words is second.words


def test_missing_times() -> None:
    """A backup that never began has no time; one that was made and has none is an error, not a guess."""
    row = backup(status=enum("QUEUED"))
    del row["snapshotTime"], row["backupTime"]
    assert perhaps(row) is None
    row["status"] = enum("SUCCESS")
    with pytest.raises(AuditError, match="neither snapshotTime"):
        point(row)
    row["backupTime"] = STORED
    assert point(row).estimated == ("created_at",)


def test_deleted_workload_keeps_its_name() -> None:
    """Where the entity is gone, the text that the backup keeps names the workload."""
    row = backup(sourceNameAndGuid="old-vm (vm-9)")
    del row["protectedEntity"]
    assert fields.workload_of(record(row)) == Workload(name="old-vm (vm-9)")
    assert fields.workload_of(record({**row, "sourceNameAndGuid": {"name": "old", "guid": "g"}})).id == "g"


def chained(points: list[tuple[str, str | None, bool | None]], *, whole: bool) -> dict[str, bool | None]:
    """id -> usable of points given as (id, parent, usable), in the order in which they were listed."""
    told: dict[str, bool | None] = {}

    def tell(settled: RecoveryPoint) -> None:
        assert settled.id not in told
        told[settled.id] = settled.usable

    chains = Chains(tell)
    for ident, parent, usable in points:
        chains.add(RecoveryPoint(id=ident, workload=Workload(), created=0, usable=usable), parent)
    chains.finish(whole=whole)
    assert len(told) == len(points)
    return told


def test_chain_from_newest_to_oldest() -> None:
    """An increment is as good as the worst that it builds on."""
    rows: list[tuple[str, str | None, bool | None]] = [("c", "b", True), ("b", "a", True), ("a", None, True)]
    assert set(chained(rows, whole=True).values()) == {True}
    assert set(chained(rows[::-1], whole=True).values()) == {True}
    rows[1] = ("b", "a", False)
    assert chained(rows, whole=True) == {"a": True, "b": False, "c": False}
    rows[1:] = [("b", "a", True), ("a", None, None)]
    assert chained(rows, whole=True) == {"a": None, "b": None, "c": None}


@pytest.mark.parametrize("order", [1, -1])
def test_doubt_about_the_time_of_one_is_no_doubt_about_another(order: int) -> None:
    """Whoever is told of a point may take it for unknown; what builds on it can be restored all the same."""
    told: dict[str, bool | None] = {}

    def tell(settled: RecoveryPoint) -> None:
        told[settled.id] = settled.usable
        settled.usable = None

    chains = Chains(tell)
    for ident, parent in (("c", "b"), ("b", "a"), ("a", None))[::order]:
        chains.add(RecoveryPoint(id=ident, workload=Workload(), created=0, usable=True), parent)
    chains.finish(whole=True)
    assert told == {"a": True, "b": True, "c": True}


def test_parent_that_is_gone() -> None:
    """Gone where all was read; left as it is where the window may hide it; a circle is no chain."""
    rows: list[tuple[str, str | None, bool | None]] = [("c", "b", True), ("b", "a", True)]
    assert chained(rows, whole=True) == {"b": False, "c": False}
    assert chained(rows, whole=False) == {"b": True, "c": True}
    assert chained([*rows, ("a", "c", True)], whole=False) == {"a": False, "b": False, "c": False}
    told: list[RecoveryPoint] = []
    chains = Chains(told.append)
    chains.add(RecoveryPoint(id="c", workload=Workload(), created=0, usable=True), "b")
    chains.gone("b")
    assert [settled.usable for settled in told] == [False]


def needed(row: dict[str, Any]) -> str | None:
    """The backup that a record cannot be restored without."""
    kept = record(row)
    return kept.parent if NOTHING.said(kept.words).needs_parent else None


def test_only_increments_need_their_parent() -> None:
    """A full backup may name a parent and does not need it."""
    parent = {"guid": "b-0", "name": "before"}
    assert needed(backup(parentBackup=parent)) is None
    assert needed(backup(parentBackup=parent, type=enum("SYNTHETIC"))) is None
    assert needed(backup(parentBackup=parent, type=enum("INCREMENTAL"))) == "b-0"


def test_strange_members_are_survived() -> None:
    """Members of another type than documented make facts unknown and never raise."""
    for name in backup():
        if name in ("guid", "snapshotTime"):
            continue
        for strange in STRANGE:
            assert perhaps({**backup(), name: strange}) is not None


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the vendor's examples are not here")
def test_examples_of_the_vendor() -> None:
    """What the vendor prints goes through; its invented words are unknown."""
    for row in json.loads((SAMPLES / "doc_backups_7.4.json").read_text("utf-8")):
        told = point(row)
        assert (told.kind, told.status, told.usable) == ("unknown", "unknown", None)
        assert told.created == row["snapshotTime"] * 1000
    locations = json.loads((SAMPLES / "doc_backup_locations_older_apidocs.json").read_text("utf-8"))
    assert point(backup(backupLocations=locations)).usable is None
    for row in json.loads((SAMPLES / "doc_protected_entities_older_apidocs.json").read_text("utf-8")):
        assert fields.entity_of(row).type == "physical"
    destination = json.loads((SAMPLES / "doc_rule_backup_destination_request_older_apidocs.json").read_text("utf-8"))
    assert fields.locks_of({"ruleBackupDestinations": [destination]}) == {
        destination["backupDestination"]["guid"]: destination["daysToKeepRetentionLock"]
    }


def test_a_parent_that_was_told_long_before_is_found_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is at hand is bounded; the rest is looked up once all was read."""
    monkeypatch.setattr(vprotect_chains, "_AT_HAND", 2)
    told: list[RecoveryPoint] = []
    chains = Chains(told.append)
    for number in range(5):
        chains.add(one_point(f"full-{number}", usable=number != 1), None)
    chains.add(one_point("child of a good one"), "full-0")
    chains.add(one_point("child of a bad one"), "full-1")
    chains.add(one_point("grandchild"), "child of a good one")
    chains.add(one_point("orphan"), "nobody")
    assert len(told) == 5
    chains.finish(whole=True)
    assert {point.id: point.usable for point in told[5:]} == {
        "child of a good one": True,
        "grandchild": True,
        "child of a bad one": False,
        "orphan": False,
    }


def test_a_copy_of_a_backup_that_is_listed_is_no_point(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether the backup comes before its copy, behind it, or long before."""
    monkeypatch.setattr(vprotect_chains, "_AT_HAND", 2)
    copies = vprotect_chains.Copies()
    for number in range(6):
        copies.told(one_point(f"backup-{number}", created=number))
    for number in (0, 5, 7, 8):
        copies.add(one_point(f"copy-{number}", created=number))
    copies.told(one_point("backup-7", created=7))
    assert [point.id for point in copies.alone()] == ["copy-8"]


def one_point(ident: str, *, usable: bool | None = True, created: int = 0) -> RecoveryPoint:
    """A point of one machine."""
    return RecoveryPoint(id=ident, workload=Workload(id="vm-1"), created=created, usable=usable)
