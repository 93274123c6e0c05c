# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Merge points that the product lists several times to one point with the least favorable values."""

from __future__ import annotations

import typing as t
from array import array
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence

from ansible_collections.backup.audit.plugins.module_utils._collect.point_class import PointClass
from ansible_collections.backup.audit.plugins.module_utils._collect.points import UNKNOWN_SIZE, PointGroup
from ansible_collections.backup.audit.plugins.module_utils._core.model import (
    COUNTING_KINDS,
    FULL_KINDS,
    MOMENTS,
    POINT_ATTRIBUTES,
)

# Least favorable first.
_STATES = (False, None, True)
_MALWARE = ("infected", "suspicious", None, "clean")
_STATUSES = ("failed", "unknown", "running", "warning", "success")
_IMMUTABLE = POINT_ATTRIBUTES.index("immutable")
_TESTED_ATTRIBUTES = {"tested_at": "restore_tested", "checked_at": "integrity_checked"}


class _Listing(t.NamedTuple):
    """One listing of a point. Times are microseconds."""

    facts: PointClass
    created: int
    size: int
    moments: dict[str, int]


def drop_duplicates(groups: Sequence[PointGroup]) -> list[PointGroup]:
    """Return the groups without duplicates. The result does not depend on the order of pages."""
    total = sum(len(group.ids) for group in groups)
    if len({ident for group in groups for ident in group.ids}) == total:
        return list(groups)
    counts = Counter(ident for group in groups for ident in group.ids)
    listings: dict[int, list[_Listing]] = {ident: [] for ident, count in counts.items() if count > 1}
    for group in groups:
        for index, ident in enumerate(group.ids):
            if ident in listings:
                listings[ident].append(_listing(group, index))
        group.keep([index for index, ident in enumerate(group.ids) if ident not in listings])
    merged: dict[PointClass, list[tuple[int, _Listing]]] = defaultdict(list)
    for ident, own in listings.items():
        one = _merge(own)
        merged[one.facts].append((ident, one))
    return [*groups, *(_group(facts, points) for facts, points in merged.items())]


def _listing(group: PointGroup, index: int) -> _Listing:
    moments = {name: values[index] for name, values in zip(group.facts.moments, group.moments, strict=True)}
    return _Listing(group.facts, group.times[index], group.sizes[index], moments)


def _group(facts: PointClass, points: Sequence[tuple[int, _Listing]]) -> PointGroup:
    columns = zip(
        *((ident, one.created, one.size, *(one.moments[name] for name in facts.moments)) for ident, one in points),
        strict=True,
    )
    ids, times, sizes, *moments = (array("q", column) for column in columns)
    return PointGroup(facts, ids, times, sizes, moments)


def _merge(listings: Sequence[_Listing]) -> _Listing:
    """Merge the listings of a point to the least favorable values."""
    all_facts = [one.facts for one in listings]
    times, sizes = {one.created for one in listings}, {one.size for one in listings}
    usable = min((facts.usable for facts in all_facts), key=_STATES.index)
    if len(times) > 1 and usable:
        # The listings have different times, so the age is unknown.
        usable = None
    states = [
        min((facts.facts[number] for facts in all_facts), key=_STATES.index) for number in range(len(POINT_ATTRIBUTES))
    ]
    kind = min((facts.kind for facts in all_facts), key=lambda kind: (kind in COUNTING_KINDS, kind in FULL_KINDS, kind))
    is_certain = usable is True and kind in COUNTING_KINDS
    passed = {name for name, state in zip(POINT_ATTRIBUTES, states, strict=True) if state and is_certain}
    moments = _merge_dates(listings, passed)
    states[_IMMUTABLE], end = _merge_locks(listings)
    if end is not None:
        moments["immutable_until"] = end
    facts = PointClass(
        kind,
        min((facts.status for facts in all_facts), key=_STATUSES.index),
        usable,
        tuple(states),
        min((facts.malware for facts in all_facts), key=_MALWARE.index),
        tuple(sorted({name for facts in all_facts for name in facts.inferred})),
        tuple(sorted({name for facts in all_facts for name in facts.declared})),
        all_facts[0].locations if len({facts.locations for facts in all_facts}) == 1 else None,
        tuple(name for name in MOMENTS if name in moments),
    )
    return _Listing(facts, min(times), sizes.pop() if len(sizes) == 1 else UNKNOWN_SIZE, moments)


def _merge_locks(listings: Sequence[_Listing]) -> tuple[bool | None, int | None]:
    """Return (immutable, immutable_until); immutable is None if there is an end, as in a class of points."""
    ends = [one.moments.get("immutable_until") for one in listings]
    without_end = [one.facts.facts[_IMMUTABLE] for one, end in zip(listings, ends, strict=True) if end is None]
    worst = min(without_end, key=_STATES.index, default=True)
    known = [end for end in ends if end is not None]
    return (None, min(known)) if worst and known else (worst, None)


def _merge_dates(listings: Sequence[_Listing], passed: Collection[str]) -> dict[str, int]:
    """Merge moments except immutable_until: the earliest expiry, the oldest passed test, the newest of all others."""
    found = {}
    for name in MOMENTS:
        known = [one.moments[name] for one in listings if name in one.moments]
        in_all = len(known) == len(listings)
        if name == "expires_at" and known:
            found[name] = min(known)
        elif name in _TESTED_ATTRIBUTES and known and _TESTED_ATTRIBUTES[name] not in passed:
            found[name] = max(known)
        elif in_all and name != "immutable_until":
            found[name] = max(known) if name == "restorable_from" else min(known)
    return found
