# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What may be said after less was told: fewer facts and never others, fewer points and never more."""

from __future__ import annotations

import collections
from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.backup.audit.plugins.module_utils._core.model import COUNTING_KINDS
from ansible_collections.backup.audit.plugins.module_utils._core.times import parse_time
from tests.fuzz.reading import Found

_FACTS = ("verified", "checked", "encrypted", "offsite", "immutable")
_LATEST = ("verified_at", "checked_at", "immutable_until")
_TOLD = ("size_bytes", "verified_by", "checked_by", "completed_at", "expires_at")

Point = Mapping[str, Any]


def inventions(whole: Found, less: Found) -> Iterator[str]:
    """All that the reading which was told less says beyond the one that was told all."""
    if less.error is not None:
        return
    by_id = {point["id"]: point for point in whole.points}
    by_time: dict[str, list[Point]] = {}
    for point in whole.points:
        by_time.setdefault(point["created_at"], []).append(point)
    # Workload, as it is called now -> as each of its points was called before.
    before: dict[tuple[Any, ...], list[tuple[Any, ...]]] = {}
    for point in less.points:
        same = by_id.get(point["id"])
        known = [same] if same is not None else by_time.get(point["created_at"], [])
        told = [[*_beyond(one, point), *(_details(one, point) if one is same else ())] for one in known]
        if not known and point["usable"] is True:
            yield f"a point that was not there: {point['id']} of {point['created_at']}"
        elif told and all(told):
            yield from told[0]
        # Where no id is told, workloads of one name stand together: that is said of such rows, and not hidden.
        if known and _counts(point) and point["workload_id"]:
            before.setdefault(_workload(point), []).append(_workload(known[0]))
    counted = collections.Counter(_workload(point) for point in whole.points if _counts(point))
    for workload, earlier in before.items():
        if len(set(earlier)) > 1:
            yield f"points of several workloads became those of {workload}"
        elif len(earlier) > counted[earlier[0]]:
            yield f"{len(earlier)} points count where there were {counted[earlier[0]]}: {workload}"
    if len({point["id"] for point in less.points}) < len(less.points):
        yield "two points of one id"


def losses(whole: Found, less: Found) -> Iterator[str]:
    """Points that are not there any more, without a word."""
    if less.error is None and not set(less.warnings) - set(whole.warnings):
        missing = {point["created_at"] for point in whole.points} - {point["created_at"] for point in less.points}
        if missing:
            yield f"{len(missing)} points are gone without a word"


def _workload(point: Point) -> tuple[Any, ...]:
    return (point["workload_type"], point["workload_id"], point["origin"])


def _counts(point: Point) -> bool:
    return point["usable"] is True and point["kind"] in COUNTING_KINDS


def _beyond(before: Point, after: Point) -> Iterator[str]:
    """What one point proves beyond what it proved before; what is not surely a recovery point proves nothing."""
    if after["usable"] is not True:
        return
    ident = after["id"]
    if before["usable"] is not True:
        yield f"{ident} usable: {before['usable']} became true"
    for name in _FACTS:
        if after[name] is not None and after[name] is not before[name]:
            yield f"{ident} {name}: {before[name]} became {after[name]}"
        elif after[name] is True and name in before["estimated"] and name not in after["estimated"]:
            yield f"{ident} {name}: what was an estimate is one no more"
    # How a full one was made may be lost; that it is one is not.
    kinds = (before["kind"], "unknown", *(["full"] if before["kind"] == "synthetic_full" else ()))
    if after["kind"] not in kinds:
        yield f"{ident} kind: {before['kind']} became {after['kind']}"
    if _counts(after) and before["kind"] not in COUNTING_KINDS:
        yield f"{ident} kind: {before['kind']} became {after['kind']}, which counts"
    if after["malware"] not in (before["malware"], None):
        yield f"{ident} malware: {before['malware']} became {after['malware']}"
    younger = parse_time(after["created_at"]) > parse_time(before["created_at"])
    if younger and "created_at" not in after["estimated"]:
        yield f"{ident} created_at: {before['created_at']} became {after['created_at']}, which is younger"
    for name in _LATEST:
        if after[name] is not None and (before[name] is None or parse_time(after[name]) > parse_time(before[name])):
            yield f"{ident} {name}: {before[name]} became {after[name]}"


def _details(before: Point, after: Point) -> Iterator[str]:
    """What else is told of the same point, that was told otherwise before."""
    ident = after["id"]
    for name in (*_TOLD, "workload_name"):
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
