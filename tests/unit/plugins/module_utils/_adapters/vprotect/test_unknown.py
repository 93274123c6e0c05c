# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""vProtect: unreported and marked values are unknown, and a warning states the reason."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fuzz.reading import ReadResult
from tests.unit.plugins.module_utils._adapters.vprotect.reading import (
    changing_rows,
    get_estate,
    read_normal,
    read_server,
)

Point = dict[str, Any]
# Fields that depend on the marks of a backup.
_SAME = ("created_at", "workload_id", "workload_name", "size_bytes", "copies", "job", "expires_at", "kind", "usable")


def by_id(result: ReadResult) -> dict[str, Point]:
    """Return the points by id."""
    return {point["id"]: point for point in result.points}


def newest_of_each(result: ReadResult) -> set[str]:
    """Return the ids of the newest finished backup of each workload, if it can be restored."""
    finished = [point for point in result.points if point["status"] in ("success", "warning", "failed")]
    made = [point for point in finished if point["status"] != "failed" or point["copies"] == []]
    found: dict[str, Point] = {}
    for point in made:
        known = found.setdefault(point["workload_id"], point)
        if point["created_at"] > known["created_at"]:
            found[point["workload_id"]] = point
    return {point["id"] for point in found.values() if point["usable"]}


@pytest.mark.parametrize(
    ("special", "reason"),
    [
        ("hidden", "because they are hidden in the product"),
        ("TO_REMOVE", "because they are marked as expired or to be recreated wherever they are stored"),
        ("RECREATE", "because they are marked as expired or to be recreated wherever they are stored"),
        ("LOG_BACKUP", "because they have the type LOG_BACKUP, which this module does not know"),
    ],
)
def test_a_mark_makes_a_backup_unknown(special: str, reason: str) -> None:
    """Only the marked backups change, and a warning gives the reason and their number."""
    normal, marked = read_normal(), read_server({"newest": special})
    before, after = by_id(normal), by_id(marked)
    changed = {ident for ident in before if any(before[ident][name] != after[ident][name] for name in _SAME)}
    newest = newest_of_each(normal)
    assert newest <= changed
    for ident in newest:
        certain = after[ident]["usable"] is True and after[ident]["kind"] != "unknown"
        assert not certain, after[ident]
    assert any(reason in warning for warning in marked.warnings)
    # No other value improves.
    for ident in changed:
        assert (after[ident]["usable"], after[ident]["kind"]) != (True, before[ident]["kind"])


def test_backups_with_warnings_are_usable() -> None:
    """A backup with warnings can be restored, like one with a partial success."""
    normal, after = by_id(read_normal()), by_id(read_server({"newest": "warned"}))
    assert {point["status"] for point in normal.values()} >= {"success", "warning"}
    newest = newest_of_each(read_normal())
    assert {after[ident]["status"] for ident in newest} == {"warning"}
    assert {ident: point["usable"] for ident, point in after.items()} == {
        ident: point["usable"] for ident, point in normal.items()
    }


def test_an_increment_without_a_parent_field_is_unknown() -> None:
    """This API omits null fields, so it is unknown whether a parent is needed and exists."""
    result = read_server({"parents": "omitted"})
    increments = [point for point in result.points if point["kind"] == "incremental"]
    assert len(increments) > 100
    assert True not in {point["usable"] for point in increments}
    assert True in {point["usable"] for point in result.points if point["kind"] == "full"}
    assert any("do not report which (parentBackup)" in warning for warning in result.warnings)


def test_locations_without_a_status_prove_nothing() -> None:
    result = read_server({"location_status": "omitted"})
    made = [point for point in result.points if point["status"] in ("success", "warning")]
    assert made
    assert {point["usable"] for point in made} == {None}
    assert {point["copies"] for point in made} == {None}
    assert any("are not reported to be present in any location" in warning for warning in result.warnings)


@pytest.mark.parametrize(
    "variants",
    [
        {"archive_expire": "location"},
        {"archive_expire": "backup"},
        {"hints": "omitted", "archive_expire": "backup"},
        {"filters": "ignored"},
        {"inventory": "odd"},
        {"deleted_entities": "gone"},
        {"deleted_entities": "object"},
        {"version": "7.2.0-1", "filters": "ignored", "total_count": False},
    ],
    ids=str,
)
@pytest.mark.parametrize("options", [{}, {"since": "1000d"}, {"workload_types": ["vm"]}], ids=str)
def test_points_do_not_depend_on_the_source_of_values(variants: dict[str, str], options: dict[str, Any]) -> None:
    """The server may report these values in other places or ignore the query."""
    types = options.get("workload_types")
    normal = {
        ident: point
        for ident, point in by_id(read_normal()).items()
        if types is None or point["workload_type"] in types
    }
    result = read_server(variants, **options)
    assert result.error is None
    found = by_id(result)
    deleted = variants.get("deleted_entities")
    assert set(found) >= set(normal)
    for ident, point in normal.items():
        same = [name for name in _SAME if name != "workload_name" or deleted is None]
        assert {name: found[ident][name] for name in same} == {name: point[name] for name in same}
        assert point["workload_name"] in found[ident]["workload_name"]
    if deleted is None:
        assert set(found) == set(normal)
    assert {point["expires_at"] for point in normal.values()} != {None}


def test_the_window_is_also_applied_by_the_adapter() -> None:
    """If the server ignores the filters, points outside of the window are dropped."""
    inside = by_id(read_server(since="5d", until="2d"))
    assert 0 < len(inside) < len(read_normal().points)
    assert by_id(read_server({"filters": "ignored"}, since="5d", until="2d")) == inside


def test_backups_without_a_workload_are_unknown() -> None:
    """They may belong to several machines."""
    (retired,) = [work for work in get_estate().workloads if work.name == "billing-2019"]
    result = read_server({"deleted_entities": "nameless"})
    left = [point for point in result.points if point["workload_id"] is None]
    assert len(left) == len([point for point in retired.points if point.usable])
    assert True not in {point["usable"] for point in left}
    assert any("do not report the guid of their workload" in warning for warning in result.warnings)


def test_malformed_entries_of_other_lists_are_omitted_with_a_warning() -> None:
    warnings = read_server({"inventory": "odd"}).warnings
    for text in (
        "backup destinations without a guid, which were left out: 3, for example 'no guid'",
        "workloads without a guid, which were left out: 3, for example 'no guid'",
        "restore jobs without a known status, a backup or a time that has passed, which prove nothing: 4",
        "virtual-machines without a guid, which were left out: 2",
    ):
        assert any(text in warning for warning in warnings), (text, warnings)


def test_a_window_hides_the_parent_of_a_backup() -> None:
    """Parents are read up to 35 days before the window, so a failed parent is found there."""

    def without_parents(row: dict[str, Any]) -> dict[str, Any]:
        if row["type"]["name"] != "FULL":
            return row
        return {**row, "status": {"name": "FAILED"}}

    failed = read_server(change=changing_rows("/backups", without_parents), since="2d")
    increments = [point for point in failed.points if point["kind"] == "incremental"]
    assert increments
    assert {point["usable"] for point in increments} == {False}

    def older_parents(row: dict[str, Any]) -> dict[str, Any]:
        return {**row, "parentBackup": {"guid": "of last year"}} if row["type"]["name"] == "INCREMENTAL" else row

    older = read_server(change=changing_rows("/backups", older_parents), since="2d")
    finished = [point for point in older.points if point["status"] in ("success", "warning")]
    increments = [point for point in finished if point["kind"] == "incremental"]
    assert increments
    assert True not in {point["usable"] for point in increments}
    number = sum(point["usable"] is None for point in increments)
    text = f"because they depend on backups that are much older than `since` and were not read: {number}"
    assert any(text in warning for warning in older.warnings), older.warnings
    complete = read_server(change=changing_rows("/backups", older_parents))
    assert {point["usable"] for point in complete.points if point["kind"] == "incremental"} == {False}


def test_a_workload_that_the_server_reports_as_not_restorable() -> None:
    """The inventory contradicts the list of backups, so neither proves anything."""
    change = changing_rows("/protected-entities", lambda row: {**row, "restorable": row["name"] != "web-01"})
    result = read_server(change=change)
    for point in result.points:
        if point["workload_name"] == "web-01":
            assert point["usable"] is not True
    assert any("the server reports that the workload cannot be restored" in one for one in result.warnings)
    assert read_normal().warnings == []


@pytest.mark.parametrize("hints", ["reported", "omitted"])
def test_a_chain_marked_for_deletion(hints: str) -> None:
    """Its backups are unknown, unless their locations report that they are kept."""

    def mark(row: dict[str, Any]) -> dict[str, Any]:
        return {**row, "lastChainMarkedForDeletion": row["name"] == "web-01"}

    result = read_server({"hints": hints}, change=changing_rows("/protected-entities", mark))
    states = {point["usable"] for point in result.points if point["workload_name"] == "web-01"}
    assert states == ({True} if hints == "reported" else {None})
    text = "its last chain is marked for deletion: 1, for example 'web-01'"
    assert any(text in warning for warning in result.warnings) is (hints == "omitted")


def test_a_restore_in_the_future_proves_nothing() -> None:
    change = changing_rows("/restore-jobs", lambda row: {**row, "restoreTime": row["restoreTime"] + 10**12})
    result = read_server(change=change)
    assert {point["restore_tested"] for point in result.points} == {None}
    assert any("a time that has passed, which prove nothing" in warning for warning in result.warnings)
    assert True in {point["restore_tested"] for point in read_normal().points}
