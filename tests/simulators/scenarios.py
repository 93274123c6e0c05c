# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The scenarios: histories of a workload as lists of nightly runs and their special properties."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from tests.simulators import policies
from tests.simulators.ground_truth import DAY, MINUTE, Policy, Run, Site, as_datetime

Nights = Callable[["Calendar", Policy, int], list["Night"]]


@dataclass(frozen=True)
class Night:
    """One run that included this workload. `backup_types` replaces the usual full or incremental."""

    run: Run
    kinds: tuple[str, ...] = ()
    broken: bool = False
    malware: str | None = None
    hold: str | None = None


class Calendar:
    """The runs of all policies; one Run object per night and policy, shared by all its workloads."""

    def __init__(self, now: int) -> None:
        self.now = now
        self._runs: dict[tuple[str, int], Run] = {}

    def run_at(self, policy: Policy, started: int) -> Run:
        key = (policy.key, started)
        if key not in self._runs:
            self._runs[key] = policies.make_run(policy, started, self.now)
        return self._runs[key]

    def night(self, policy: Policy, back: int) -> Run:
        """Return the run `back` nights before the newest one that must be complete (started at least an hour ago)."""
        slot = (policy.hour * 60 + policy.minute) * MINUTE
        newest = (self.now - 60 * MINUTE - slot) // DAY * DAY + slot
        return self.run_at(policy, newest - back * DAY)


def _every_night(
    calendar: Calendar, policy: Policy, count: int, *, skip: int = 0, most: int | None = None
) -> list[Night]:
    nights = count if most is None else min(count, most)
    return [Night(calendar.night(policy, back)) for back in range(skip, skip + nights)]


def _gap(calendar: Calendar, policy: Policy, count: int) -> list[Night]:
    """Build nights without two of them, so that two points are three days apart. The newest point is suspicious."""
    backs = [back for back in range(count + 2) if back not in (6, 7)]
    nights = [Night(calendar.night(policy, back)) for back in backs]
    return [Night(nights[0].run, malware="suspicious"), *nights[1:]]


def _running(calendar: Calendar, policy: Policy, count: int) -> list[Night]:
    now_running = calendar.run_at(policy, calendar.now - 20 * MINUTE)
    return [Night(now_running), *_every_night(calendar, policy, count)]


def _corrupted(calendar: Calendar, policy: Policy, count: int) -> list[Night]:
    nights = _every_night(calendar, policy, count)
    return [Night(nights[0].run, broken=True), *nights[1:]]


def _replicated(calendar: Calendar, policy: Policy, count: int) -> list[Night]:
    nights = _every_night(calendar, policy, count)
    return [Night(night.run, kinds=("", "replica")) for night in nights[:7]] + nights[7:]


def _with_snapshots(calendar: Calendar, policy: Policy, count: int) -> list[Night]:
    return [Night(night.run, kinds=("", "snapshot")) for night in _every_night(calendar, policy, count)]


def _snapshots_only(calendar: Calendar, policy: Policy, count: int) -> list[Night]:
    return [Night(night.run, kinds=("snapshot",)) for night in _every_night(calendar, policy, count)]


def _continuous(calendar: Calendar, policy: Policy, count: int) -> list[Night]:
    """Build nightly backups, and continuous protection of the last week, represented by its first and last time."""
    latest = Night(calendar.run_at(policy, calendar.now - 20 * MINUTE), kinds=("continuous",))
    earliest = Night(calendar.run_at(policy, calendar.now - 7 * DAY), kinds=("continuous",))
    nights = _every_night(calendar, policy, count)
    newer = [night for night in nights if night.run.started > earliest.run.started]
    return [latest, *newer, earliest, *nights[len(newer) :]]


def _with_legal_hold(calendar: Calendar, policy: Policy, count: int) -> list[Night]:
    nights = _every_night(calendar, policy, count)
    return [*nights[:-1], Night(nights[-1].run, hold="legal")]


def _generations(calendar: Calendar, policy: Policy, count: int) -> list[Night]:
    """Build 14 daily, 8 weekly, 12 monthly and 3 yearly points, newest first, limited to the environment's points."""
    keep = {"daily": 14, "weekly": 8, "monthly": 12, "yearly": 3}
    nights: list[Night] = []
    for back in range(3 * 366):
        run = calendar.night(policy, back)
        classes = policies.retention_classes(policy, run.started)
        if any(keep[name] > 0 for name in classes):
            nights.append(Night(run))
            for name in classes:
                keep[name] -= 1
    return nights[:count]


def _none(_calendar: Calendar, _policy: Policy, _count: int) -> list[Night]:
    return []


@dataclass(frozen=True)
class Scenario:
    key: str
    why: str
    policy: Policy
    nights: Nights = _every_night
    site: Site = policies.BERLIN
    workload_type: str = "vm"
    platform: str = "vmware"
    in_inventory: bool = True
    protected: bool = True
    weight: int = 1
    listed_in: tuple[str, ...] | None = None
    tenant: str | None = None
    replica: str | None = None


HEALTHY = Scenario("healthy", "backed up every night, second copy in Frankfurt", policies.GOLD, weight=40)
ON_HYPERV = Scenario("healthy", "backed up every night, one copy", policies.SILVER, platform="hyperv", weight=15)
# Not a named scenario: used for an environment of many identical workloads.
EVEN = Scenario("healthy", "backed up every night, one copy", policies.SILVER)
REPLICATED = Scenario(
    "replicated", "backed up every night, and a replica is ready", policies.GOLD, _replicated, replica="ready"
)
PROVEN = Scenario("proven", "offsite, immutable copies; booted once a week", policies.PLATINUM, weight=10)
STALE = Scenario("stale", "dropped from its job: no point for 5 days", policies.SILVER, partial(_every_night, skip=5))
NEVER = Scenario("never backed up", "nobody put it into a policy", policies.SILVER, _none, protected=False)
GAP = Scenario("gap", "three days without a point in the last fortnight", policies.TWO_DISKS, _gap)
FLAKY = Scenario("failing", "every second night fails", policies.LAB)
FEW = Scenario("few", "new here: two points so far", policies.SILVER, partial(_every_night, most=2))
RETIRED = Scenario(
    "retired", "deleted 4 months ago, points kept", policies.SILVER, partial(_every_night, skip=120), in_inventory=False
)
IN_CHICAGO = Scenario(
    "healthy", "backed up every night in Chicago", policies.CHICAGO_ONLY, site=policies.CHICAGO, weight=10
)
RUNNING = Scenario("running", "its next backup is being made right now", policies.BATCH, _running)
SNAPSHOTS_ONLY = Scenario(
    "snapshots only", "nobody makes a backup of it", policies.SNAPSHOTS, _snapshots_only, policies.CLOUD, platform="ec2"
)
CORRUPTED = Scenario("corrupted", "its newest point cannot be read", policies.MAIL, _corrupted)
SQL = Scenario(
    "database", "one copy in the cloud; some nights warn", policies.ORDERS, _with_legal_hold, workload_type="database"
)
MONGO = Scenario(
    "database",
    "one copy on disk, and continuous protection over a week",
    policies.DOCUMENTS,
    _continuous,
    workload_type="database",
    platform="mongo",
)
SHARE = Scenario("file share", "backed up and snapshotted", policies.FILES, _with_snapshots, workload_type="file_share")
KEPT_LONG = Scenario("generations", "daily to yearly points, old ones archived", policies.KEEPER, _generations)

# The first workloads of every environment, in this order. The two with the same name are at different sites.
NAMED_SCENARIOS: tuple[tuple[str, Scenario], ...] = (
    ("web-01", HEALTHY),
    ("web-02", REPLICATED),
    ("erp-prod", PROVEN),
    ("crm-old", STALE),
    ("sandbox-7", NEVER),
    ("shop-front", GAP),
    ("lab-3", FLAKY),
    ("intake-new", FEW),
    ("billing-2019", RETIRED),
    ("dc-01", ON_HYPERV),
    ("dc-01", IN_CHICAGO),
    ("batch-night", RUNNING),
    ("edge-cache", SNAPSHOTS_ONLY),
    ("mail-01", CORRUPTED),
    ('<b>vm & "co"</b>', HEALTHY),
    ("büro-größe-Łódź", PROVEN),
    ("orders", SQL),
    ("catalog", MONGO),
    ("projects", SHARE),
    ("ledger-archive", KEPT_LONG),
)
EXTRA_SCENARIOS: tuple[Scenario, ...] = tuple({id(scenario): scenario for _name, scenario in NAMED_SCENARIOS}.values())
PLATFORM_BY_TYPE = {"database": "sql", "file_share": "smb"}


def get_platform(scenario: Scenario) -> str:
    if scenario.platform == "vmware":
        return PLATFORM_BY_TYPE.get(scenario.workload_type, "vmware")
    return scenario.platform


def is_weekly(run: Run) -> bool:
    return as_datetime(run.started).isoweekday() == 7
