# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Row -> view: the points that have an attribute, that do not have it, and for which it is unknown.

A view never has fewer points than the row counts: points that the row counts and the attribute does not report are
unknown. Inferred and declared points have the attribute only if that certainty is in ``taken``.
"""

from __future__ import annotations

import typing as t
from collections.abc import Callable, Iterable

from ansible_collections.backup.audit.plugins.module_utils._core.model import COUNTING_KINDS, MALWARE
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.terms import (
    DECLARED,
    INFERRED,
    Row,
    View,
    to_micros,
)

_NOTHING: dict[str, t.Any] = {}
_SOFT = (("inferred", INFERRED), ("declared", DECLARED))


def latest(times: Iterable[str | None]) -> str | None:
    """Return the newest of the times, as it was written."""
    return max((time for time in times if time is not None), key=to_micros, default=None)


def earliest(times: Iterable[str | None]) -> str | None:
    """Return the oldest of the times, as it was written."""
    return min((time for time in times if time is not None), key=to_micros, default=None)


def is_soft(row: Row, name: str) -> bool:
    """Whether the attribute of the row has any inferred or declared points."""
    facts = row.get("attributes", _NOTHING).get(name, _NOTHING)
    return "inferred" in facts or "declared" in facts


def recovery_points_view(row: Row, _taken: frozenset[int]) -> View:
    """View of the points that count, from the row itself."""
    facts = row.get("attributes", _NOTHING).get("recovery_points", _NOTHING)
    return View(
        row,
        row["recovery_points"],
        facts.get("unknown", 0),
        newest=row.get("newest") or facts.get("newest"),
        oldest=row.get("oldest") or facts.get("oldest"),
        newest_unknown=facts.get("newest_unknown"),
        oldest_unknown=facts.get("oldest_unknown"),
        history=row,
    )


def fact_view(name: str) -> Callable[[Row, frozenset[int]], View]:
    """Build the view of an attribute that is a fact about each point (offsite, ...) or about its kind (full)."""

    def build(row: Row, taken: frozenset[int]) -> View:
        facts = row.get("attributes", _NOTHING).get(name, _NOTHING)
        view = View(
            row,
            facts.get("count", 0),
            facts.get("unknown", 0),
            facts.get("false", 0),
            0,
            facts.get("newest"),
            facts.get("oldest"),
            facts.get("newest_unknown"),
            facts.get("oldest_unknown"),
            facts.get("newest_false"),
            facts.get("tested_at"),
            facts,
        )
        for member, certainty in _SOFT:
            if member in facts:
                _add_soft(view, facts[member], certainty in taken)
        # If the kind of a point is reported, it is known whether it is full; such points are not counted as false.
        if not (name == "full" and facts):
            _add_unreported(view)
        return view

    return build


def _add_soft(view: View, soft: Row, is_taken: bool) -> None:
    count, false = soft.get("count", 0), soft.get("false", 0)
    newest, oldest = soft.get("newest"), soft.get("oldest")
    if false:
        if is_taken:
            view.newest_false = _pick_time(latest, view.newest_false, soft.get("newest_false"), view.false)
            view.false += false
        else:
            # The row does not contain the oldest of these points.
            view.newest_unknown = _pick_time(latest, view.newest_unknown, soft.get("newest_false"), view.unknown)
            view.oldest_unknown = None
            view.unknown += false
            view.refused += false
    if not count:
        return
    if is_taken:
        view.newest = _pick_time(latest, view.newest, newest, view.count)
        view.oldest = _pick_time(earliest, view.oldest, oldest, view.count)
        view.count += count
    else:
        view.newest_unknown = _pick_time(latest, view.newest_unknown, newest, view.unknown)
        view.oldest_unknown = _pick_time(earliest, view.oldest_unknown, oldest, view.unknown)
        view.unknown += count
        view.refused += count


def _pick_time(
    pick: Callable[[Iterable[str | None]], str | None], known: str | None, added: str | None, count: int
) -> str | None:
    """Return the newest (oldest) time of two groups; None if a group with points has no reported time."""
    if added is None or (count and known is None):
        return None
    return pick((known, added))


def _add_unreported(view: View) -> None:
    """Add points that the row counts and the attribute does not report as unknown, at unknown times."""
    silent = view.row["recovery_points"] - view.count - view.false - view.unknown
    if silent > 0:
        view.unknown += silent
        view.newest_unknown = view.oldest_unknown = None


def malware_view(row: Row, _taken: frozenset[int]) -> View:
    """View of points in which malware was found, was not found, or was not scanned for."""
    states = row.get("malware", _NOTHING)
    times = row.get("malware_newest", _NOTHING)
    bad = [state for state in MALWARE if state != "clean" and states.get(state, 0)]
    all_reported = all(times.get(state) for state in bad)
    view = View(
        row,
        sum(states[state] for state in bad),
        states.get("unknown", 0),
        states.get("clean", 0),
        newest=latest(times.get(state) for state in bad) if all_reported else None,
        newest_unknown=times.get("unknown"),
        newest_false=times.get("clean"),
    )
    _add_unreported(view)
    return view


def kinds_view(kinds: tuple[str, ...]) -> Callable[[Row, frozenset[int]], View]:
    """Build the view of points of these kinds, including kinds that are not backups (snapshots, logs, ...)."""

    def build(row: Row, _taken: frozenset[int]) -> View:
        facts_by_kind = row.get("kinds", _NOTHING)
        counts = row.get("by_kind", _NOTHING)
        if not facts_by_kind and not counts and row["recovery_points"]:
            return View(row, unknown=row["recovery_points"])
        view = View(row)
        present = [kind for kind in kinds if kind in facts_by_kind or kind in counts]
        for kind in present:
            _add_kind(view, facts_by_kind.get(kind) or {"unknown": counts[kind]})
        backups = {kind for kind in (*facts_by_kind, *counts) if kind in COUNTING_KINDS}
        if len(present) == 1 and "gaps" in facts_by_kind.get(present[0], _NOTHING):
            view.history = facts_by_kind[present[0]]
        elif set(present) == backups:
            view.history = row
        else:
            groups = [facts_by_kind[kind] for kind in present if kind in facts_by_kind]
            view.history = _bounds([*groups, row] if backups <= set(present) else groups)
            view.bounds_only = True
        return view

    return build


def _bounds(groups: Iterable[Row]) -> Row:
    """Each group alone bounds all together: points of another kind can only shorten a gap and lengthen a run."""
    gaps: dict[str, int] = {}
    calendar: dict[str, int] = {}
    for group in groups:
        _merge(gaps, group.get("gaps", _NOTHING), min)
        _merge(calendar, group.get("calendar", _NOTHING), max)
    return {"gaps": gaps, "calendar": calendar}


def _add_kind(view: View, facts: Row) -> None:
    count, unknown = facts.get("count", 0), facts.get("unknown", 0)
    if count:
        view.newest = _pick_time(latest, view.newest, facts.get("newest"), view.count)
        view.oldest = _pick_time(earliest, view.oldest, facts.get("oldest"), view.count)
        view.count += count
    if unknown:
        view.newest_unknown = _pick_time(latest, view.newest_unknown, facts.get("newest_unknown"), view.unknown)
        view.oldest_unknown = _pick_time(earliest, view.oldest_unknown, facts.get("oldest_unknown"), view.unknown)
        view.unknown += unknown


def _merge(into: dict[str, int], more: Row, pick: Callable[[int, int], int]) -> None:
    for key, value in more.items():
        into[key] = pick(into[key], value) if key in into else value


def row_view(row: Row, _taken: frozenset[int]) -> View:
    """View for rules that read other fields of the row (locations, size)."""
    return View(row, row["recovery_points"])
