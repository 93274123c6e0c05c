# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Themes of random environments: situations that are rare otherwise, and the rules that depend on them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone
from random import Random
from typing import Any

from tests.reference.estate import Point, Result, WorkloadRow
from tests.reference.random_points import DAY, HOUR, weighted
from tests.reference.random_results import WORKLOAD_TYPES, distinct_rows, in_window, older_points
from tests.reference.views import View, get_skew

THEMES = {None: 48, "combined": 20, "copied": 6, "restore": 8, "sizes": 4, "expected": 8, "servers": 6}
# Rules that a policy of a theme has in addition to others.
THEME_RULES = {
    "combined": [
        ("restore_tested", "max_age"),
        ("recovery_points", "max_gap"),
        ("recovery_points", "min_count"),
        ("full", "max_gap"),
    ],
    "copied": [("recovery_points", "min_count"), ("full", "min_count"), ("locations", "min_count")],
    "restore": [
        ("restore_tested", "max_restore_time"),
        ("restore_tested", "max_age"),
        ("restore_tested", "min_count"),
        ("restore_tested", "all"),
    ],
    "sizes": [("size", "min_percent_of_median")],
    "expected": [("recovery_points", "max_age")],
}


def random_theme(rng: Random) -> str | None:
    theme: str | None = weighted(rng, THEMES)
    return theme


def with_theme(rng: Random, results: list[Result], theme: str | None) -> list[Result]:
    """Return the read results of an environment in which the situations of a theme are frequent."""
    if theme == "combined":
        return one_doubtful(rng, results)
    if theme == "copied":
        return copied(rng, results[0])
    if theme == "restore":
        return [with_rows(result, [without_tests(rng, row) for row in result.workloads]) for result in results]
    if theme == "sizes":
        return [long_histories(rng, result) for result in results[:1]]
    if theme == "expected":
        return [without_inventory(rng, result) for result in results]
    if theme == "servers":
        return same_server(rng, results[0])
    return results


def with_rows(result: Result, rows: list[WorkloadRow], **changes: Any) -> Result:
    return replace(result, workloads=rows, **changes)


def one_doubtful(rng: Random, results: list[Result]) -> list[Result]:
    """Return read results, one of which has a wrong clock or is incomplete."""
    index = rng.randrange(len(results))
    changes: dict[str, Any] = rng.choice([{"clock_skew_seconds": 301}, {"complete": False}])
    return [replace(result, **changes) if number == index else result for number, result in enumerate(results)]


def copied(rng: Random, first: Result) -> list[Result]:
    """Return read results of two servers. The second has some points of the first."""
    rows: list[WorkloadRow] = []
    for row in first.workloads:
        number = rng.choice([1, 2, 2, 3, 3, len(row.points)])
        same = rng.sample(row.points, min(number, len(row.points)))
        others = [replace(point, created=point.created - rng.choice([1, 60])) for point in rng.sample(same, len(same))]
        rows.append(replace(row, points=same + others if rng.random() < 0.6 else same))
    digest = f"{rng.getrandbits(256):064x}"
    return [first, with_rows(first, rows, host="copies.example.com", identity=None, sha256=digest, since=None)]


def without_tests(rng: Random, row: WorkloadRow) -> WorkloadRow:
    """Return a row with few tests of the product, so that records are the newest tests."""
    if rng.random() < 0.4:
        return row
    return replace(row, points=[replace(point, tested_at=None) for point in row.points])


def long_histories(rng: Random, result: Result) -> Result:
    """Return a read result with about as many points as sizes are stored for one type."""
    rows: list[WorkloadRow] = []
    oldest = result.read_at
    for row in result.workloads[:2]:
        points = row.points[:1]
        for point in points[:1]:
            points = long_history(rng, point, result.read_at + get_skew(result))
            oldest = min(created.created for created in points)
        rows.append(replace(row, points=points, counted=[]))
    since = oldest - DAY if rng.random() < 0.5 else None
    return with_rows(result, rows, since=since, until=None)


def long_history(rng: Random, template: Point, newest: int) -> list[Point]:
    points: list[Point] = []
    for number in range(rng.choice([10, 30, 31, 32, 33])):
        created = newest - HOUR - number * DAY
        usable = None if rng.random() < 0.01 else True
        kind = "incremental" if rng.random() < 0.01 else "full"
        size = template.size_bytes if template.size_bytes is not None else rng.randint(50, 100)
        points.append(replace(template, created=created, kind=kind, usable=usable, size_bytes=size, expires_at=None))
    return points


def without_inventory(rng: Random, result: Result) -> Result:
    """Return a read result of a product that cannot report the inventory of some types of workloads."""
    types: tuple[str, ...] | None = rng.choice([(), tuple(WORKLOAD_TYPES[:1]), None])
    rows = [
        replace(row, in_inventory=None, workload_type=None if rng.random() < 0.3 else row.workload_type)
        for row in result.workloads
    ]
    return with_rows(result, distinct_rows(rows), inventory_types=types, inventory=rng.choice([None, True]))


def same_server(rng: Random, newest: Result) -> list[Result]:
    """Return read results of one host with different identities, and workloads that are no longer listed."""
    newest = replace(
        newest,
        identity="id-newest",
        inventory=True,
        inventory_types=tuple(WORKLOAD_TYPES[:1]),
        selection={"include_unprotected": rng.random() < 0.8},
    )
    if rng.random() < 0.7:
        newest = replace(newest, since=None, until=None)
    results = [newest]
    for identity in [None, rng.choice([None, "id-older"])]:
        read_at = newest.read_at - rng.choice([0, 1, HOUR, DAY])
        older = replace(newest, read_at=read_at, identity=identity, sha256=f"{rng.getrandbits(256):064x}")
        rows: list[WorkloadRow] = []
        for row in newest.workloads:
            points = older_points(rng, row, read_at + (newest.clock_skew_seconds or 0))
            shown = [point for point in points if in_window(point, older.since, older.until)]
            rows.append(replace(row, points=shown))
            in_inventory: bool | None = rng.choice([True, True, False, None])
            rows.append(replace(row, workload_id=f"{row.workload_id}-old", points=[], in_inventory=in_inventory))
        results.append(with_rows(older, distinct_rows(rows)))
    rng.shuffle(results)
    return results


def theme_rules(rng: Random, theme: str | None) -> list[tuple[str, str]]:
    if theme == "expected" and rng.random() < 0.5:
        return []
    rules = THEME_RULES.get(theme or "", [])
    return rng.sample(rules, min(len(rules), 2))


def theme_options(rng: Random, theme: str | None, views: list[View], as_of: int) -> dict[str, Any]:
    """Return options that the situations of a theme need."""
    if theme in ["combined", "copied"]:
        return {"combine": {"by": "workload_name", "independent": theme == "copied" or rng.random() < 0.5}}
    if theme != "expected" or not views:
        return {}
    names = sorted({view.row.workload_name.casefold() for view in views})
    options: dict[str, Any] = {"expected": names, "expected_match": "exact", "expected_names": {}}
    if rng.random() < 0.6:
        end = datetime.fromtimestamp(as_of + 10 * DAY, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        options["waivers"] = [{"workload": "*", "control": "expected.exists", "until": end, "reason": "new"}]
    return options
