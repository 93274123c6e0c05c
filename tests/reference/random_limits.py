# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Random limits of rules, many of which the data meets exactly or misses by one."""

from __future__ import annotations

from random import Random
from typing import Any

from tests.reference.days import Calendar
from tests.reference.evidence import Evidence, get_evidence
from tests.reference.policies import Rule, parse_seconds
from tests.reference.simple_rules import get_counts
from tests.reference.time_rules import clipped, covered, get_run, get_spans, widest_gap
from tests.reference.views import View

HOUR = 3600
DAY = 86400
COMMON_AGES = ["1h", "4h", "26h", "1d", "2d", "7d", "5w", "90d", "400d", "1500m"]
COMMON_WINDOWS = ["1d", "3d", "7d", "2w", "31d", "366d"]
CALENDAR_MAXIMUM = {"daily": 14, "weekly": 8, "monthly": 12, "yearly": 4}


def duration(seconds: int) -> str:
    """Return a duration in the largest unit that gives a whole number."""
    seconds = max(1, seconds)
    for unit, length in [("w", 7 * DAY), ("d", DAY), ("h", HOUR), ("m", 60)]:
        if seconds % length == 0:
            return f"{seconds // length}{unit}"
    return f"{seconds}s"


class Limits:
    """Limits for the rules of one policy, from the data of one random row at a time."""

    def __init__(self, rng: Random, views: list[View], calendar: Calendar) -> None:
        self.rng = rng
        self.views = views
        self.calendar = calendar

    def near(self, value: int) -> int:
        return value + self.rng.choice([-1, 0, 0, 1])

    def evidence(self, attribute: str, name: str, within: int | None = None) -> tuple[View, Evidence] | None:
        """Return a random row and its points for a rule."""
        rows = [view for view in self.views if view.entries]
        if not rows:
            return None
        view = self.rng.choice(rows)
        rule = self.build_rule(attribute, name, CALENDAR_MAXIMUM.get(name, 0), within)
        evidence = get_evidence([view], rule)
        return (view, evidence) if evidence.items else None

    def build_rule(self, attribute: str, name: str, limit: int, within: int | None = None) -> Rule:
        return Rule(
            attribute=attribute,
            name=name,
            limit=limit,
            within=within,
            coverage_age=0,
            location_age=None,
            on_unknown="fail",
            warn_at=None,
            accept=("reported",),
            calendar=self.calendar,
            kinds=None,
            include_production=True,
        )

    def window(self, attribute: str) -> str:
        """Return a window that may start exactly at a point."""
        found = self.evidence(attribute, "max_gap")
        if found and self.rng.random() < 0.6:
            view, evidence = found
            item = self.rng.choice(evidence.items)
            if not item.undated and item.last < view.as_of:
                return duration(self.near(view.as_of - item.last))
        return self.rng.choice(COMMON_WINDOWS)

    def ages(self, attribute: str, name: str) -> list[int]:
        found = self.evidence(attribute, name)
        if not found:
            return []
        view, evidence = found
        end = view.read_at if name == "min_retention" else view.as_of
        dated = [item for item in evidence.items if not item.undated]
        if attribute == "restore_tested" and name == "max_age":
            times = [item.point.tested_at for item in dated if item.point] + [test.tested_at for test in view.tests]
        elif attribute == "integrity_checked" and name == "max_age":
            times = [item.point.checked_at for item in dated if item.point]
        else:
            times = [item.last for item in dated]
        ages = sorted(self.calendar.elapsed(time, end) for time in times if time is not None)
        if name == "min_retention":
            ages.reverse()
        return ages

    def age(self, attribute: str, name: str, warn_at: int | None) -> str:
        ages = self.ages(attribute, name)
        if not ages or self.rng.random() < 0.35:
            return self.rng.choice(COMMON_AGES)
        age = ages[0] if self.rng.random() < 0.6 else self.rng.choice(ages)
        if name == "max_retention" and self.rng.random() < 0.6:
            age = ages[-1]
        if warn_at is not None and self.rng.random() < 0.5:
            return duration(self.near(age * 100 // warn_at))
        return duration(self.near(age))

    def count(self, attribute: str, name: str, within: int | None, warn_at: int | None) -> int:
        found = self.evidence(attribute, name, within)
        if not found or self.rng.random() < 0.3:
            return self.rng.choice([1, 1, 2, 3, 7, 20])
        _view, evidence = found
        counts = get_counts(evidence, self.build_rule(attribute, name, 0, within))
        number = self.near(counts.t + self.rng.choice([0, counts.u]))
        if self.rng.random() < 0.15:
            # Both of two rows on different servers count.
            number += counts.t
        if name == "max_count" and warn_at is not None and self.rng.random() < 0.5:
            number = number * 100 // warn_at
        return max(0 if name == "max_count" else 1, number)

    def gap_window(self, attribute: str) -> str:
        """Return a window that is longer than some limit."""
        window = self.window(attribute)
        return window if parse_seconds(window) > 1 else "2s"

    def gap(self, attribute: str, within: int | None, warn_at: int | None) -> str:
        """Return a limit that is less than the window."""
        found = self.evidence(attribute, "max_gap", within)
        if not found or self.rng.random() < 0.3:
            ages = [age for age in COMMON_AGES if within is None or parse_seconds(age) < within]
            return self.rng.choice(ages or ["1s"])
        view, evidence = found
        spans = get_spans(evidence, "T", "U")
        begin = (
            view.as_of - within
            if within
            else min(view.as_of if first is None else first for first, _last in spans or [(view.as_of, 0)])
        )
        begin = min(begin, view.as_of)
        ends = [(begin, begin), (view.as_of, view.as_of)]
        gap = widest_gap(ends + clipped(spans, begin, view.as_of), self.calendar)
        if warn_at is not None and self.rng.random() < 0.5:
            gap = gap * 100 // warn_at
        limit = self.near(gap)
        return duration(limit if within is None else min(limit, within - 1))

    def periods(self, attribute: str, name: str) -> int:
        maximum = CALENDAR_MAXIMUM[name]
        found = self.evidence(attribute, name)
        if not found or self.rng.random() < 0.3:
            return self.rng.randint(1, maximum)
        _view, evidence = found
        return max(
            1, self.near(get_run(get_spans(evidence, "T", "U"), evidence, self.build_rule(attribute, name, maximum)))
        )

    def coverage(self, attribute: str) -> dict[str, Any]:
        within = self.rng.choice([self.window(attribute), self.rng.choice(COMMON_WINDOWS)])
        age = self.rng.choice(COMMON_AGES[:8])
        percent = self.rng.choice([50, 90, 95, 100])
        found = self.evidence(attribute, "min_coverage")
        if found and self.rng.random() < 0.7:
            view, evidence = found
            begin = view.as_of - parse_seconds(within)
            length = self.calendar.elapsed(begin, view.as_of)
            part = covered(get_spans(evidence, "T"), parse_seconds(age), begin, view.as_of, self.calendar)
            if length:
                percent = max(1, min(100, part * 100 // length + self.rng.choice([0, 0, 1])))
        return {"percent": f"{percent}%", "max_age": age, "within": within}

    def failed_runs(self, within: int | None, warn_at: int | None) -> int:
        if not self.views or self.rng.random() < 0.3:
            return self.rng.choice([0, 0, 1, 2, 5, 12])
        view = self.rng.choice(self.views)
        begin = 0 if within is None else view.as_of - within
        failed = [entry for entry in view.entries if entry.point.status == "failed" and entry.point.created >= begin]
        if warn_at is not None and self.rng.random() < 0.5:
            return max(0, self.near(len(failed) * 100 // warn_at))
        return max(0, self.near(len(failed)))

    def restore_time(self, warn_at: int | None) -> str:
        seconds = [test.seconds for view in self.views for test in view.tests if test.seconds]
        if not seconds or self.rng.random() < 0.2:
            return self.rng.choice(["1m", "1h", "4h"])
        value = self.rng.choice([self.rng.choice(seconds), max(seconds)])
        if warn_at is not None and self.rng.random() < 0.5:
            value = value * 100 // warn_at
        return duration(self.near(value))

    def lock(self) -> str:
        locks: list[int] = []
        for view in self.views:
            ends = [entry.point.immutable_until for entry in view.entries]
            own = [end - view.as_of for end in ends if end is not None and end > view.as_of]
            locks += [max(own)] if own else []
        if not locks or self.rng.random() < 0.3:
            return self.rng.choice(["1h", "7d", "30d"])
        return duration(self.near(self.rng.choice(locks)))

    def size_percent(self) -> str:
        found = self.evidence("size", "min_percent_of_median")
        percent = self.rng.choice([50, 80, 100])
        if found:
            _view, evidence = found
            dated = sorted(evidence.dated("T"), key=lambda item: item.last)
            sizes = [item.point.size_bytes for item in dated if item.point and item.point.size_bytes is not None]
            median = sorted(sizes[:-1])[(len(sizes) - 2) // 2] if len(sizes) > 1 else 0
            if median:
                percent = sizes[-1] * 100 // median + self.rng.choice([0, 0, 1])
        return f"{max(1, min(100, percent))}%"

    def places(self, attribute: str) -> int:
        return self.rng.randint(1, 4 if attribute == "copies" else 3)
