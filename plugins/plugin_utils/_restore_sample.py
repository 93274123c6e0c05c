# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Select the workloads for a restore test, in a way that an auditor can reproduce."""

from __future__ import annotations

import fnmatch
import hashlib
import typing as t
from collections.abc import Mapping, Sequence

from ansible_collections.backup.audit.plugins.module_utils._collect.result import open_result
from ansible_collections.backup.audit.plugins.module_utils._core.errors import DataError, OptionError
from ansible_collections.backup.audit.plugins.module_utils._core.model import COUNTING_KINDS
from ansible_collections.backup.audit.plugins.module_utils._core.times import parse_time

_IDENTITY = ("source", "workload_type", "workload_id", "workload_name")
_NULLABLE = (str, type(None))
# Fields of a point that this module or the role restore_test uses, with their types.
_TYPES: Mapping[str, type | tuple[type, ...]] = {
    **dict.fromkeys(_IDENTITY, _NULLABLE),
    "id": str,
    "kind": str,
    "usable": (bool, type(None)),
    "created_at": str,
    "copies": (list, type(None)),
}
_HINT = "Read again, and use the registered result unchanged"


def select_workloads(
    read: t.Any, *, workload_names: Sequence[str], count: int, seed: str, date: str
) -> list[dict[str, t.Any]]:
    """Select the workloads to restore, each with its newest ``point`` that may be usable (None if there is none).

    With ``workload_names``, all matching workloads are selected. Otherwise, ``count`` names are selected in the order
    of the SHA-256 of seed, date and identity, with all their workloads (such as the archive series of one host). If a
    workload has points in several locations, seed and date also select the ``location``.
    """
    opened = open_result(read)
    points = _listed_points(read)
    if not workload_names and count < 1:
        raise OptionError(f"count: {count} is less than 1", hint="Use a whole number of at least 1")
    workloads = [row for row in opened.identities() if row["workload_name"]]
    if workload_names:
        globs = [name.casefold() for name in workload_names]
        found = [row for row in workloads if any(_matches(row["workload_name"], glob) for glob in globs)]
        unmatched = [
            name
            for name in workload_names
            if not any(_matches(row["workload_name"], name.casefold()) for row in workloads)
        ]
        if unmatched:
            raise OptionError(
                f"workload_names: no workload matches {unmatched[0]!r}",
                hint="Correct the name. Each name or pattern must match at least one workload",
            )
    else:
        ordered = sorted(workloads, key=lambda row: _rank(row, seed, date))
        names = list(dict.fromkeys(row["workload_name"] for row in ordered))[:count]
        found = [row for row in ordered if row["workload_name"] in names]
    if not found:
        raise DataError(
            "the read result contains no workload to restore", hint="Check the options of the info module that read it"
        )
    newest = _find_newest(points)
    return [
        {**{name: row.get(name) for name in _IDENTITY}, **_choose_point(row, newest.get(_key(row), {}), seed, date)}
        for row in found
    ]


def _find_newest(points: Sequence[Mapping[str, t.Any]]) -> dict[tuple[t.Any, ...], dict[str | None, t.Any]]:
    """Return the newest point that may be usable, by workload and location."""
    newest: dict[tuple[t.Any, ...], dict[str | None, t.Any]] = {}
    for point in points:
        if point["kind"] in COUNTING_KINDS and point["usable"] is not False:
            own = newest.setdefault(_key(point), {})
            for location in _locations(point):
                known = own.get(location)
                if known is None or parse_time(known["created_at"]) < parse_time(point["created_at"]):
                    own[location] = point
    return newest


def _locations(point: Mapping[str, t.Any]) -> set[str | None]:
    names = [copy.get("location") for copy in point["copies"] or () if isinstance(copy, Mapping)]
    return {name if isinstance(name, str) else None for name in names} or {None}


def _choose_point(
    row: Mapping[str, t.Any], newest: Mapping[str | None, t.Any], seed: str, date: str
) -> dict[str, t.Any]:
    if not newest:
        return {"location": None, "point": None}
    location = min(newest, key=lambda location: _rank(row, seed, date, location))
    return {"location": location, "point": newest[location]}


def _listed_points(read: Mapping[str, t.Any]) -> list[Mapping[str, t.Any]]:
    """Return the listed recovery points. The types are checked, because the digest does not cover the list."""
    points = read.get("recovery_points")
    if points is None:
        raise DataError(
            "the read result does not list recovery points", hint="Set detail: recovery_points in the info module"
        )
    if not isinstance(points, list) or not all(isinstance(point, Mapping) for point in points):
        raise DataError("recovery_points: not a list of recovery points", hint=_HINT)
    for number, point in enumerate(points):
        for name, types in _TYPES.items():
            if not isinstance(point.get(name), types):
                raise DataError(f"recovery_points[{number}].{name}: invalid value {point.get(name)!r:.60}", hint=_HINT)
        try:
            parse_time(point["created_at"])
        except DataError as error:
            raise DataError(f"recovery_points[{number}].created_at: {error.message}", hint=_HINT) from error
    return points


def _key(row: Mapping[str, t.Any]) -> tuple[t.Any, ...]:
    return tuple(row.get(name) for name in _IDENTITY)


def _matches(name: str, glob: str) -> bool:
    return name.casefold() == glob or fnmatch.fnmatchcase(name.casefold(), glob)


def _rank(row: Mapping[str, t.Any], seed: str, date: str, *more: str | None) -> str:
    text = "\n".join([seed, date, *(str(part) for part in (*_key(row), *more))])
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
