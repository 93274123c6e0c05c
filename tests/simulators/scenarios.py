# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stories: what happened to a workload, told as the nights that are there and what is special about them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from tests.simulators import policies
from tests.simulators.ground_truth import DAY, MINUTE, Policy, Run, Site, as_datetime

Nights = Callable[["Calendar", Policy, int], list["Night"]]


@dataclass(frozen=True)
class Night:
    """One run that this workload was part of. `kinds` replaces the usual full or incremental."""

    run: Run
    kinds: tuple[str, ...] = ()
    broken: bool = False
    malware: str | None = None
    hold: str | None = None


class Calendar:
    """The runs of all policies; one Run object per night and policy, however many workloads share it."""

    def __init__(self, now: int) -> None:
        self.now = now
        self._runs: dict[tuple[str, int], Run] = {}

    def run_at(self, policy: Policy, started: int) -> Run:
        key = (policy.key, started)
        if key not in self._runs:
            self._runs[key] = policies.make_run(policy, started, self.now)
        return self._runs[key]

    def night(self, policy: Policy, back: int) -> Run:
        """The run `back` nights before the newest one that must be over (it began an hour ago or earlier)."""
        slot = (policy.hour * 60 + policy.minute) * MINUTE
        newest = (self.now - 60 * MINUTE - slot) // DAY * DAY + slot
        return self.run_at(policy, newest - back * DAY)


def _every_night(
    calendar: Calendar, policy: Policy, count: int, *, skip: int = 0, most: int | None = None
) -> list[Night]:
    nights = count if most is None else min(count, most)
    return [Night(calendar.night(policy, back)) for back in range(skip, skip + nights)]


def _gap(calendar: Calendar, policy: Policy, count: int) -> list[Night]:
    """Two nights are missing, so three days pass from one point to the next. The newest point looks infected."""
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
    """Nightly backups, and beside them any moment of the last week: shown as the first and the last such moment."""
    latest = Night(calendar.run_at(policy, calendar.now - 20 * MINUTE), kinds=("continuous",))
    earliest = Night(calendar.run_at(policy, calendar.now - 7 * DAY), kinds=("continuous",))
    nights = _every_night(calendar, policy, count)
    younger = [night for night in nights if night.run.started > earliest.run.started]
    return [latest, *younger, earliest, *nights[len(younger) :]]


def _held(calendar: Calendar, policy: Policy, count: int) -> list[Night]:
    nights = _every_night(calendar, policy, count)
    return [*nights[:-1], Night(nights[-1].run, hold="legal")]


def _generations(calendar: Calendar, policy: Policy, count: int) -> list[Night]:
    """14 dailies, 8 weeklies, 12 monthlies and 3 yearlies, newest first; never more than the estate's points."""
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
class Story:
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


HEALTHY = Story("healthy", "backed up every night, second copy in Frankfurt", policies.GOLD, weight=40)
ON_HYPERV = Story("healthy", "backed up every night, one copy", policies.SILVER, platform="hyperv", weight=15)
# No part of the cast: what an estate of many workloads that are all alike is made of.
EVEN = Story("healthy", "backed up every night, one copy", policies.SILVER)
REPLICATED = Story(
    "replicated", "backed up every night, and a replica stands ready", policies.GOLD, _replicated, replica="ready"
)
PROVEN = Story("proven", "offsite, immutable copies; booted once a week", policies.PLATINUM, weight=10)
STALE = Story("stale", "dropped from its job: no point for 5 days", policies.SILVER, partial(_every_night, skip=5))
NEVER = Story("never backed up", "nobody put it into a policy", policies.SILVER, _none, protected=False)
GAP = Story("gap", "three days without a point in the last fortnight", policies.TWO_DISKS, _gap)
FLAKY = Story("failing", "every second night fails", policies.LAB)
FEW = Story("few", "new here: two points so far", policies.SILVER, partial(_every_night, most=2))
RETIRED = Story(
    "retired", "deleted 4 months ago, points kept", policies.SILVER, partial(_every_night, skip=120), in_inventory=False
)
IN_CHICAGO = Story(
    "healthy", "backed up every night in Chicago", policies.CHICAGO_ONLY, site=policies.CHICAGO, weight=10
)
RUNNING = Story("running", "its next backup is being made right now", policies.BATCH, _running)
SNAPSHOTS_ONLY = Story(
    "snapshots only", "nobody makes a backup of it", policies.SNAPSHOTS, _snapshots_only, policies.CLOUD, platform="ec2"
)
CORRUPTED = Story("corrupted", "its newest point cannot be read", policies.MAIL, _corrupted)
SQL = Story("database", "one copy in the cloud; some nights warn", policies.ORDERS, _held, workload_type="database")
MONGO = Story(
    "database",
    "one copy on disk, and continuous protection over a week",
    policies.DOCUMENTS,
    _continuous,
    workload_type="database",
    platform="mongo",
)
SHARE = Story("file share", "backed up and snapshotted", policies.FILES, _with_snapshots, workload_type="file_share")
KEPT_LONG = Story("generations", "daily to yearly points, old ones archived", policies.KEEPER, _generations)

# The first workloads of every estate, in this order. The two of one name stand in different places.
CAST: tuple[tuple[str, Story], ...] = (
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
EXTRAS: tuple[Story, ...] = tuple({id(story): story for _name, story in CAST}.values())
PLATFORM_OF_TYPE = {"database": "sql", "file_share": "smb"}


def platform_of(story: Story) -> str:
    if story.platform == "vmware":
        return PLATFORM_OF_TYPE.get(story.workload_type, "vmware")
    return story.platform


def is_weekly(run: Run) -> bool:
    return as_datetime(run.started).isoweekday() == 7
