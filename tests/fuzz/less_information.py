# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Results after data was removed: fewer attributes and points are allowed, but no different or additional ones."""

from __future__ import annotations

import collections
from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.backup.audit.plugins.module_utils._core.model import BACKUP_KINDS, COUNTING_KINDS
from ansible_collections.backup.audit.plugins.module_utils._core.times import parse_time
from tests.fuzz.reading import ReadResult

_FACTS = ("restore_tested", "integrity_checked", "encrypted", "offsite", "immutable")
_LATEST = ("tested_at", "checked_at", "immutable_until")
_REPORTED = (
    *("size_bytes", "tested_by", "checked_by", "completed_at", "expires_at", "restorable_from", "restorable_until"),
)

Point = Mapping[str, Any]


def list_additions(original: ReadResult, reduced: ReadResult) -> Iterator[str]:
    """List everything that the reduced read reports and the full read does not."""
    if reduced.error is not None:
        return
    by_id = {point["id"]: point for point in original.points}
    by_time: dict[str, list[Point]] = {}
    for point in original.points:
        by_time.setdefault(point["created_at"], []).append(point)
    # Workload key in the reduced read -> workload key of each of its points in the full read.
    before: dict[tuple[Any, ...], list[tuple[Any, ...]]] = {}
    for point in reduced.points:
        same = by_id.get(point["id"])
        originals = [same] if same is not None else by_time.get(point["created_at"], [])
        changes = [
            [*_compare_proofs(one, point), *(_compare_details(one, point) if one is same else ())] for one in originals
        ]
        if not originals and point["usable"] is True:
            yield f"a point that was not there: {point['id']} of {point['created_at']}"
        elif changes and all(changes):
            yield from changes[0]
        # Without ids, workloads with the same name are grouped; such rows are marked in the result.
        if originals and _is_counted(point) and point["workload_id"]:
            before.setdefault(_workload_key(point), []).append(_workload_key(originals[0]))
    counted = collections.Counter(_workload_key(point) for point in original.points if _is_counted(point))
    for workload, earlier in before.items():
        if len(set(earlier)) > 1:
            yield f"points of several workloads became those of {workload}"
        elif len(earlier) > counted[earlier[0]]:
            yield f"{len(earlier)} points count where there were {counted[earlier[0]]}: {workload}"
    if len({point["id"] for point in reduced.points}) < len(reduced.points):
        yield "two points of one id"


def list_losses(original: ReadResult, reduced: ReadResult) -> Iterator[str]:
    """List points that disappeared without a warning."""
    if reduced.error is None and not set(reduced.warnings) - set(original.warnings):
        missing = {point["created_at"] for point in original.points} - {point["created_at"] for point in reduced.points}
        if missing:
            yield f"{len(missing)} points have disappeared silently"


def _workload_key(point: Point) -> tuple[Any, ...]:
    return (point["workload_type"], point["workload_id"], point["origin"])


def _is_counted(point: Point) -> bool:
    return point["usable"] is True and point["kind"] in COUNTING_KINDS


def _compare_proofs(before: Point, after: Point) -> Iterator[str]:
    """List attributes that a point did not prove before. Only points known to be usable prove attributes."""
    if after["usable"] is not True:
        return
    ident = after["id"]
    if before["usable"] is not True:
        yield f"{ident} usable: {before['usable']} became true"
    for name in _FACTS:
        if after[name] is not None and after[name] is not before[name]:
            yield f"{ident} {name}: {before[name]} became {after[name]}"
        elif after[name] is True and name in before["inferred"] and name not in after["inferred"]:
            yield f"{ident} {name}: what was inferred is no longer inferred"
    if after["kind"] not in _list_kinds(before["kind"]):
        yield f"{ident} kind: {before['kind']} became {after['kind']}"
    if _is_counted(after) and before["kind"] not in COUNTING_KINDS:
        yield f"{ident} kind: {before['kind']} became {after['kind']}, which counts"
    if after["malware"] not in (before["malware"], None):
        yield f"{ident} malware: {before['malware']} became {after['malware']}"
    newer = parse_time(after["created_at"]) > parse_time(before["created_at"])
    if newer and "created_at" not in after["inferred"]:
        yield f"{ident} created_at: {before['created_at']} became {after['created_at']}, which is younger"
    for name in _LATEST:
        if after[name] is not None and (before[name] is None or parse_time(after[name]) > parse_time(before[name])):
            yield f"{ident} {name}: {before[name]} became {after[name]}"


def _list_kinds(kind: str) -> Iterator[str]:
    """List allowed values for a type, which may lose how a full backup was created or become unknown."""
    yield from (kind, "unknown")
    if kind in BACKUP_KINDS:
        yield "backup"
    if kind == "synthetic_full":
        yield "full"


def _compare_details(before: Point, after: Point) -> Iterator[str]:
    """List other fields of the same point that changed to a different value."""
    ident = after["id"]
    for name in (*_REPORTED, "workload_name"):
        if after[name] not in (before[name], None):
            yield f"{ident} {name}: {before[name]} became {after[name]}"
    if after["status"] not in (before["status"], "unknown"):
        yield f"{ident} status: {before['status']} became {after['status']}"
    if after["in_inventory"] is not None and after["in_inventory"] is not before["in_inventory"]:
        yield f"{ident} in_inventory: {before['in_inventory']} became {after['in_inventory']}"
    if set(after["retention"]) - set(before["retention"]):
        yield f"{ident} retention: {before['retention']} became {after['retention']}"
    if len(after["copies"] or ()) > max(1, len(before["copies"] or ())):
        yield f"{ident} copies: {len(before['copies'] or ())} became {len(after['copies'])}"
