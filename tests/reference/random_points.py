# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Random recovery points of one workload."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from tests.reference.estate import DECLARED_LOCATION_TYPES, YEAR_1980, Counted, Point

HOUR = 3600
DAY = 86400
KINDS = [
    "full",
    "incremental",
    "differential",
    "synthetic_full",
    "backup",
    "log",
    "snapshot",
    "replica",
    "archive",
    "continuous",
    "config",
    "unknown",
]
STATUSES = ["success", "warning", "failed", "unknown"]
FACTS = ["restore_tested", "integrity_checked", "offsite", "immutable", "encrypted", "malware"]
LOCATION_NAMES = ["Repo A", "repo a ", "Repo B", "REPO B", "Tape", "  ", "", None]
LOCATION_TYPES = ["disk", "Disk ", "tape", "object_storage", " ", None, "other", " Other"]
INTERVALS = [HOUR, 6 * HOUR, DAY, DAY, DAY, DAY, DAY, 7 * DAY, 30 * DAY, 91 * DAY, 365 * DAY]


@dataclass(frozen=True)
class Setting:
    """Settings for the points of an environment; `now` is the time of the read on the clock of the server."""

    timezone: str
    day_start: str
    read_at: int
    as_of: int


def weighted(rng: Random, weights: dict[Any, int]) -> Any:
    return rng.choices(list(weights), weights=list(weights.values()))[0]


def local_times(rng: Random, where: Setting, number: int, interval: int) -> list[int]:
    """Return times at the same local time of a day, around the start of the day or a clock change."""
    hour, minute = [int(part) for part in where.day_start.split(":")]
    at = rng.choice([time(hour, minute), time(2, 30), time(1, 59, 59), time(2, 0), time(22, 0), time(0, 0)])
    shift = rng.choice([0, 0, -1, 1])
    zone = ZoneInfo(where.timezone)
    today = datetime.fromtimestamp(where.read_at, zone).date()
    fold = rng.choice([0, 0, 1])
    step = max(1, interval // DAY)
    times: list[int] = []
    for index in range(number):
        day = today - timedelta(days=step * index)
        times.append(int(datetime.combine(day, at, tzinfo=zone).replace(fold=fold).timestamp()) + shift)
    return times


def regular_times(rng: Random, where: Setting, number: int, interval: int) -> list[int]:
    newest = where.read_at - rng.choice(
        [0, 1, rng.randrange(interval), rng.randrange(interval), interval, 2 * interval]
    )
    jitter = rng.choice([0, 0, interval // 10])
    return [newest - index * interval - rng.randint(0, jitter) for index in range(number)]


def random_times(rng: Random, where: Setting) -> list[int]:
    number = weighted(rng, {0: 4, rng.randint(1, 3): 14, rng.randint(4, 12): 52, rng.randint(13, 25): 30})
    interval = rng.choice(INTERVALS)
    make = local_times if interval >= DAY and rng.random() < 0.5 else regular_times
    times = make(rng, where, number, interval)
    if rng.random() < 0.3:
        times = [time_ for time_ in times if rng.random() < 0.8]
    if times and rng.random() < 0.2:
        times += rng.choices(times, k=rng.choice([1, 1, 3]))
    if rng.random() < 0.08:
        times.append(where.read_at + rng.choice([1, 299, 300, 301]))
    limit = where.read_at + rng.choice([0, 0, 0, 300])
    return [min(time_, limit) if time_ <= where.read_at + 301 else where.read_at for time_ in times][:25]


class PointMaker:
    """Creates points of one workload with typical types, attributes and locations."""

    def __init__(self, rng: Random, where: Setting) -> None:
        self.rng = rng
        self.where = where
        self.unknown_rate = weighted(rng, {0.0: 64, 0.06: 22, 0.4: 14})
        self.unusable_rate = weighted(rng, {0.03: 90, 0.3: 10})
        # How many tests and checks are in the future or before their point.
        self.unusual_rate = weighted(rng, {0.07: 90, 0.9: 10})
        self.kinds = self.random_kinds()
        self.fact_modes = {fact: self.random_mode() for fact in FACTS}
        self.certainties = {fact: weighted(rng, {"reported": 7, "inferred": 2, "declared": 2}) for fact in FACTS}
        self.status_mode = weighted(rng, {"good": 40, "failed": 20, "any": 40})
        self.locations = self.random_locations()
        self.second_locations = self.random_locations()
        self.location_mode = weighted(rng, {"always": 70, "sometimes": 20, "never": 10})
        self.types_declared = rng.random() < 0.15
        self.size = rng.choice([0, 100, 1000, 1000, 10**12])
        self.size_mode = weighted(rng, {"same": 40, "any": 50, "some": 10})
        self.fractions = rng.random() < 0.3
        self.expiry_mode = weighted(rng, {"never": 76, "some": 14, "all": 10})
        self.lock = rng.choice([1, HOUR, DAY, 7 * DAY, 30 * DAY, 400 * DAY, rng.randrange(1, 60 * DAY)])

    def random_kinds(self) -> list[str]:
        chains = [["full"], ["full", "incremental"], ["backup"], ["full", "differential", "synthetic_full"]]
        chains += [["archive", "replica", "full"], ["incremental"], ["full", "log"], ["full", "unknown"]]
        mode = weighted(self.rng, {"chain": 74, "any": 16, "others": 5, "continuous": 5})
        if mode == "chain":
            return self.rng.choice(chains)
        if mode == "others":
            return self.rng.sample(["snapshot", "log", "config", "unknown", "replica"], 2)
        return KINDS if mode == "any" else ["continuous"]

    def random_mode(self) -> str:
        return str(weighted(self.rng, {"true": 36, "false": 20, "mixed": 20, "all but one": 8, "null": 8, "any": 8}))

    def random_locations(self) -> tuple[tuple[str | None, str | None], ...]:
        number = weighted(self.rng, {0: 4, 1: 40, 2: 36, 3: 20})
        if self.rng.random() < 0.7:
            names = self.rng.sample(LOCATION_NAMES[:5], number)
            return tuple((name, self.rng.choice(LOCATION_TYPES[:4])) for name in names)
        return tuple((self.rng.choice(LOCATION_NAMES), self.rng.choice(LOCATION_TYPES)) for _number in range(number))

    def maybe_null(self, value: Any) -> Any:
        return None if self.rng.random() < self.unknown_rate else value

    def fact(self, mode: str) -> bool | None:
        if mode == "true":
            return True
        if mode == "false":
            return False
        if mode == "all but one":
            return self.rng.random() < 0.9
        if mode == "mixed":
            return self.rng.random() < 0.5
        return None if mode == "null" else self.rng.choice([True, False, None])

    def facts(self, created: int) -> dict[str, Any]:
        rng = self.rng
        values: dict[str, Any] = {}
        for fact in FACTS:
            values[fact] = self.maybe_null(self.fact(self.fact_modes[fact]))
        if values["malware"] is not None:
            values["malware"] = rng.choice(["suspicious", "infected"]) if not values["malware"] else "clean"
        now = rng.choice([self.where.as_of, created + self.lock])
        if values["immutable"] is True and rng.random() < 0.6:
            values["immutable"] = None
            values["immutable_until"] = max(YEAR_1980, now + rng.choice([0, 1, self.lock, -1, self.lock]))
        tested = created + rng.choice([0, 60, HOUR, DAY, 10 * DAY])
        if rng.random() < (0.1 if values["restore_tested"] is None else 0.8):
            values["tested_at"] = rng.choice([tested, tested, min(tested, self.where.read_at), self.where.as_of])
            if rng.random() < self.unusual_rate:
                values["tested_at"] = self.unusual_time(created)
        if values["integrity_checked"] is not None and rng.random() < 0.8:
            values["checked_at"] = rng.choice([tested, created, min(tested, self.where.as_of)])
            if rng.random() < self.unusual_rate:
                values["checked_at"] = self.unusual_time(created)
        return values

    def unusual_time(self, created: int) -> int:
        """Return the time of a test that is in the future or before the point, or close to that."""
        as_of = self.where.as_of
        times = [as_of + 300, as_of + 301, created - 300, created - 301, created - 301, created - DAY]
        return max(YEAR_1980, self.rng.choice(times))

    def certain_facts(self, certainty: str, values: dict[str, Any]) -> tuple[str, ...]:
        facts = []
        for fact in FACTS:
            is_known = values[fact] is not None or (fact == "immutable" and "immutable_until" in values)
            if is_known and self.certainties[fact] == certainty:
                facts.append(fact)
        return tuple(facts)

    def expires_at(self) -> int | None:
        mode = self.expiry_mode
        if mode == "never" or (mode == "some" and self.rng.random() < 0.8):
            return None
        read_at, as_of = self.where.read_at, self.where.as_of
        return self.rng.choice([read_at - DAY, read_at, read_at + 1, as_of, as_of, as_of + 1, as_of + DAY])

    def status(self) -> str:
        if self.status_mode == "good":
            return self.rng.choice(["success", "success", "warning"])
        if self.status_mode == "failed":
            return self.rng.choice(["success", "failed", "failed"])
        return self.rng.choice(STATUSES)

    def point_locations(self) -> tuple[tuple[str | None, str | None], ...] | None:
        if self.location_mode == "never" or (self.location_mode == "sometimes" and self.rng.random() < 0.3):
            return self.rng.choice([None, ()])
        return self.locations if self.rng.random() < 0.8 else self.second_locations

    def size_bytes(self) -> int | None:
        if self.size_mode == "some" and self.rng.random() < 0.3:
            return None
        if self.size_mode == "same":
            return self.size
        return self.size * self.rng.randint(20, 120) // 100 + self.rng.choice([-1, 0, 0, 1]) * min(self.size, 1)

    def point(self, created: int) -> Point:
        rng = self.rng
        kind = rng.choice(self.kinds)
        if rng.random() < self.unknown_rate / 2:
            kind = "unknown"
        usable: bool | None = self.maybe_null(True)
        if rng.random() < self.unusable_rate:
            usable = False
        values = self.facts(created)
        locations = self.point_locations()
        declared = self.certain_facts("declared", values)
        if self.types_declared and locations:
            declared += (DECLARED_LOCATION_TYPES,)
        begin, end = self.build_range(created) if kind == "continuous" else (None, None)
        return Point(
            created=created,
            fraction=self.fractions and rng.random() < 0.6,
            kind=kind,
            status=self.status(),
            usable=usable,
            inferred=self.certain_facts("inferred", values),
            declared=declared,
            locations=locations,
            expires_at=self.expires_at(),
            restorable_from=begin,
            restorable_until=end,
            size_bytes=self.size_bytes(),
            **values,
        )

    def build_range(self, created: int) -> tuple[int | None, int | None]:
        """Return the ends of a continuous point."""
        end = min(created + self.rng.choice([0, 1, HOUR, DAY]), self.where.read_at)
        begin = min(end, created) - self.rng.choice([0, 1, HOUR, DAY, 30 * DAY])
        mode = weighted(self.rng, {"both": 60, "end": 15, "begin": 15, "none": 10})
        return (begin if mode in ["both", "begin"] else None), (end if mode in ["both", "end"] else None)

    def undated(self) -> Point:
        point = self.point(self.where.read_at)
        created = self.rng.choice([0, 1, YEAR_1980 - 1])
        return replace(point, created=created, fraction=False, usable=None, restorable_from=None, restorable_until=None)

    def counted(self) -> Counted:
        point = replace(self.undated(), created=0, usable=True, expires_at=None, immutable_until=None, size_bytes=None)
        return Counted(self.rng.randint(1, 4), replace(point, tested_at=None, checked_at=None))


def random_points(rng: Random, where: Setting) -> tuple[list[Point], list[Counted]]:
    maker = PointMaker(rng, where)
    points = [maker.point(created) for created in random_times(rng, where)]
    counted: list[Counted] = []
    if rng.random() < 0.07:
        points += [maker.undated() for _number in range(rng.randint(1, 2))]
    if rng.random() < 0.06:
        counted += [maker.counted() for _number in range(rng.randint(1, 2))]
    rng.shuffle(points)
    return points[:25], counted
