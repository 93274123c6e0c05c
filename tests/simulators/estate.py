# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sample environment: recovery points generated from scenarios. The same seed and `now` give the same bytes,
and a workload does not change when others are added after it. Product scenarios are workloads that only some products
have.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from random import Random
from typing import TextIO

from tests.simulators import policies, product_scenarios, scenarios
from tests.simulators.ground_truth import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    Copy,
    CopyRule,
    Estate,
    Point,
    Policy,
    Run,
    Workload,
)
from tests.simulators.scenarios import Calendar, Night, Scenario

_GIB = 2**30
_EXTRA_NAMES = ("app", "api", "build", "cache", "desk", "file", "log", "node", "print", "report", "stage", "tools")
# Location types of copies that are always stored at the site of the workload or of its backup server.
_LOCAL_TYPES = ("snapshot", "database")
_TESTED_BY = {"proven": "boot", "database": "restore"}
_NEVER_EXPIRES_BEFORE = 7


_UNFINISHED = ("running", "failed")


class _WorkloadBuilder:
    """Builds one workload with a separate random generator, so that other workloads do not influence it."""

    def __init__(self, seed: int, key: str, calendar: Calendar, wanted: int) -> None:
        self.key = key
        self.rng = Random(f"{seed}:{self.key}")
        self.calendar = calendar
        self.wanted = wanted

    def build(self, name: str, scenario: Scenario) -> Workload:
        work = Workload(
            key=self.key,
            name=name,
            workload_type=scenario.workload_type,
            platform_hint=scenarios.get_platform(scenario),
            site=scenario.site,
            policy=scenario.policy,
            in_inventory=scenario.in_inventory,
            protected=scenario.protected and scenario.in_inventory,
            scenario=scenario.key,
            why=scenario.why,
            source_bytes=self.rng.randrange(20, 400) * _GIB,
            listed_in=scenario.listed_in,
            tenant=scenario.tenant,
            replica=scenario.replica,
        )
        offset = self.rng.randrange(12 * 60) * SECOND
        nights = scenario.nights(self.calendar, scenario.policy, self.wanted)
        finished = [age for age, night in enumerate(nights) if night.run.status not in _UNFINISHED]
        for age, night in enumerate(nights):
            # The first backup that succeeds is full, even if earlier ones failed.
            oldest = age >= (finished[-1] if finished else len(nights) - 1)
            for kind in night.kinds or ("",):
                work.points.append(self._point(work, night, kind, oldest, offset))
        return work

    def _point(self, work: Workload, night: Night, kind: str, oldest: bool, offset: int) -> Point:
        run = night.run
        unfinished = run.status in _UNFINISHED
        jitter = self.rng.randrange(60 * SECOND)
        created = run.started + (jitter if unfinished else offset + jitter)
        completed = None if run.status == "running" else created + 2 * MINUTE + self.rng.randrange(15 * MINUTE)
        kind = kind or self._kind(run, oldest)
        rules = self._rules(run, kind)
        copies = () if unfinished else tuple(_copy(rule, work, run.policy, created, completed) for rule in rules)
        point = Point(
            key=f"{work.key}-{run.key}" + (f"-{kind}" if kind in ("replica", "snapshot") else ""),
            run=run,
            created_at=created,
            completed_at=completed,
            kind=kind,
            status=run.status,
            usable=not unfinished and not night.broken,
            size_bytes=None if unfinished else self._size(work, kind),
            copies=copies,
            encrypted=bool(copies) and all(copy.encrypted for copy in copies),
            malware=night.malware or ("clean" if copies else None),
            hold=night.hold,
            retention=policies.retention_classes(run.policy, run.started),
        )
        if copies:
            point.expires_at = self._expiry(point)
            if point.usable:
                self._add_verification(work, point)
        return point

    def _kind(self, run: Run, oldest: bool) -> str:
        if "monthly" in policies.retention_classes(run.policy, run.started):
            return "archive"
        return "full" if oldest or scenarios.is_weekly(run) else "incremental"

    def _rules(self, run: Run, kind: str) -> tuple[CopyRule, ...]:
        if kind == "replica":
            return (policies.REPLICA_RULE,)
        if kind in ("snapshot", "continuous"):
            return (policies.SNAPSHOT_RULE,)
        return policies.rules_for(run.policy, run.started)

    def _size(self, work: Workload, kind: str) -> int | None:
        if kind == "continuous":
            return None
        if kind == "config":
            return self.rng.randrange(10_000, 50_000)
        if kind in ("full", "archive"):
            return int(work.source_bytes * self.rng.uniform(0.4, 0.6))
        return int(work.source_bytes * self.rng.uniform(0.005, 0.03))

    def _expiry(self, point: Point) -> int:
        """All points of one run expire together with their session. None has expired yet."""
        kept_days = {"yearly": 10 * 366, "monthly": 3 * 366, "weekly": 90}
        longest = max((kept_days.get(name, 0) for name in point.retention), default=0)
        elapsed = (self.calendar.now - point.run.started) // DAY
        return point.run.started + max(longest, self.wanted + 14, elapsed + _NEVER_EXPIRES_BEFORE) * DAY

    def _add_verification(self, work: Workload, point: Point) -> None:
        """Add restore test and check. Both run hours after the backup, so the newest point may not have them yet."""
        run = point.run
        tested = run.started + 9 * HOUR
        if (
            work.scenario in _TESTED_BY
            and point.kind == "full"
            and scenarios.is_weekly(run)
            and tested <= self.calendar.now
        ):
            point.tested_at, point.tested_by = tested, _TESTED_BY[work.scenario]
        checked = last_check(run.policy, self.calendar)
        if checked is not None and point.kind in ("full", "incremental") and point.created_at < checked:
            point.checked_at, point.checked_by = checked, run.policy.checked_by


def _copy(rule: CopyRule, work: Workload, policy: Policy, created: int, completed: int | None) -> Copy:
    copied = (created if completed is None else completed) + rule.lag
    return Copy(
        location=rule.location,
        role=rule.role,
        copied_at=copied,
        immutable_until=copied + rule.immutable_days * DAY if rule.immutable_days else None,
        encrypted=policy.encrypted and rule.location.location_type not in ("snapshot", "host"),
        offsite=rule.location.location_type not in _LOCAL_TYPES and rule.location.site.key != work.site.key,
    )


def last_check(policy: Policy, calendar: Calendar) -> int | None:
    """Return the time of the last check of the points: 40 minutes after the last run or the last Sunday run."""
    if policy.check is None:
        return None
    backs = range(8) if policy.check == "weekly" else range(1)
    runs = (calendar.night(policy, back) for back in backs)
    run = next(run for run in runs if policy.check != "weekly" or scenarios.is_weekly(run))
    return run.started + 40 * MINUTE


def build_estate(seed: int, workloads: int, points: int, now: int) -> Estate:
    calendar = Calendar(now)
    chosen: list[Workload] = []
    for index in range(workloads):
        builder = _WorkloadBuilder(seed, f"w{index + 1:05}", calendar, points)
        if index < len(scenarios.NAMED_SCENARIOS):
            name, scenario = scenarios.NAMED_SCENARIOS[index]
        else:
            scenario = builder.rng.choices(
                scenarios.EXTRA_SCENARIOS, [extra.weight for extra in scenarios.EXTRA_SCENARIOS]
            )[0]
            name = f"{builder.rng.choice(_EXTRA_NAMES)}-{index + 1:05}"
        chosen.append(builder.build(name, scenario))
    return Estate(seed, now, policies.SITES, policies.LOCATIONS, policies.POLICIES, chosen)


def build_even_estate(seed: int, workloads: int, points: int, now: int) -> Estate:
    """Build identical virtual machines, each with one backup on disk for each of `points` nights."""
    calendar = Calendar(now)
    alike = [_WorkloadBuilder(seed, f"w{number:05}", calendar, points) for number in range(1, workloads + 1)]
    chosen = [builder.build(f"vm-{builder.key[1:]}", scenarios.EVEN) for builder in alike]
    return Estate(seed, now, policies.SITES, policies.LOCATIONS, policies.POLICIES, chosen)


def add_product_scenarios(estate: Estate, points: int) -> None:
    """Add the workloads of the product scenarios, if the environment has all named scenarios."""
    if len(estate.workloads) < len(scenarios.NAMED_SCENARIOS):
        return
    calendar = Calendar(estate.now)
    for index, (name, scenario) in enumerate(product_scenarios.PRODUCT_SCENARIOS):
        estate.workloads.append(
            _WorkloadBuilder(estate.seed, f"g{index + 1:05}", calendar, points).build(name, scenario)
        )


def write_estate(estate: Estate, products: dict[str, dict[str, object]], out: TextIO) -> None:
    """Write one workload per line, so that a large environment is not kept in memory twice."""
    head = json.dumps(estate.head_json())
    out.write(head[:-1] + ',\n"workloads": [\n')
    out.writelines(_workload_lines(estate))
    out.write('],\n"products": ' + json.dumps(products) + "}\n")


def _workload_lines(estate: Estate) -> Iterator[str]:
    last = len(estate.workloads) - 1
    for index, work in enumerate(estate.workloads):
        yield json.dumps(work.as_json(estate.now)) + ("\n" if index == last else ",\n")
