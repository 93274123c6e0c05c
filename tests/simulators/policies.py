# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sites, locations and policies of the sample environment. Each policy defines the locations of its copies, so that
attributes follow from locations: a scenario that needs other attributes uses another policy.
"""

from __future__ import annotations

from tests.simulators.ground_truth import HOUR, MINUTE, CopyRule, Location, Policy, Run, Site, as_datetime

BERLIN = Site("berlin", "Berlin", "Europe/Berlin", "backup-berlin.example", "germanywestcentral")
CHICAGO = Site("chicago", "Chicago", "America/Chicago", "backup-chicago.example", "northcentralus")
FRANKFURT = Site("frankfurt", "Frankfurt DR", "Europe/Berlin", "backup-frankfurt.example", "germanynorth")
CLOUD = Site("cloud", "Cloud", "Etc/UTC", "backup-cloud.example", "westeurope")
SITES = (BERLIN, CHICAGO, FRANKFURT, CLOUD)

_BERLIN_1 = Location("berlin-1", "berlin-disk-1", "disk", BERLIN)
_BERLIN_2 = Location("berlin-2", "berlin-disk-2", "disk", BERLIN)
_CHICAGO_1 = Location("chicago-1", "chicago-disk-1", "disk", CHICAGO)
_FRANKFURT_1 = Location("frankfurt-1", "frankfurt-disk-1", "disk", FRANKFURT)
_FRANKFURT_HOST = Location("frankfurt-host", "frankfurt-esx-1", "host", FRANKFURT)
_VAULT = Location("vault", "cloud-vault", "object", CLOUD)
_ARCHIVE = Location("archive", "cloud-archive", "archive", CLOUD)
_BESIDE = Location("beside", "beside-the-workload", "snapshot", CLOUD)

LOCATIONS = (_BERLIN_1, _BERLIN_2, _CHICAGO_1, _FRANKFURT_1, _FRANKFURT_HOST, _VAULT, _ARCHIVE, _BESIDE)

_HERE = CopyRule(_BERLIN_1, "primary")
_TO_FRANKFURT = CopyRule(_FRANKFURT_1, "replica", lag=10 * MINUTE)

GOLD = Policy("gold", "Gold", 22, 0, True, (_HERE, _TO_FRANKFURT), check="weekly", ordinal=1)
PLATINUM = Policy(
    "platinum",
    "Platinum",
    21,
    30,
    True,
    (_HERE, _TO_FRANKFURT, CopyRule(_VAULT, "offload", lag=15 * MINUTE, immutable_days=30)),
    check="weekly",
    ordinal=2,
)
SILVER = Policy("silver", "Silver", 1, 0, False, (_HERE,), ordinal=3)
CHICAGO_ONLY = Policy("chicago", "Chicago", 4, 0, False, (CopyRule(_CHICAGO_1, "primary"),), ordinal=4)
LAB = Policy("lab", "Lab", 2, 0, False, (CopyRule(_BERLIN_2, "primary"),), ordinal=5)
# Two disks at one site: a second copy that is not off-site.
TWO_DISKS = Policy(
    "two-disks", "Two disks", 2, 30, False, (_HERE, CopyRule(_BERLIN_2, "replica", lag=10 * MINUTE)), ordinal=6
)
MAIL = Policy("mail", "Mail", 23, 0, False, (_HERE,), check="after every run", ordinal=7)
BATCH = Policy("batch", "Batch", 0, 30, False, (_HERE,), ordinal=8)
SNAPSHOTS = Policy("snapshots", "Snapshots", 20, 0, False, (CopyRule(_BESIDE, "primary"),), ordinal=9)
ORDERS = Policy(
    "orders", "Orders", 3, 0, True, (_HERE, CopyRule(_VAULT, "offload", lag=15 * MINUTE)), check="weekly", ordinal=10
)
DOCUMENTS = Policy("documents", "Documents", 3, 15, True, (_HERE,), ordinal=11)
FILES = Policy("files", "Files", 5, 0, False, (CopyRule(_BERLIN_2, "primary"),), ordinal=12)
KEEPER = Policy(
    "keeper",
    "Keeper",
    0,
    0,
    True,
    (_HERE,),
    check="weekly",
    ordinal=13,
    archive=CopyRule(_ARCHIVE, "archive", lag=20 * MINUTE, immutable_days=365),
)
POLICIES = (
    GOLD,
    PLATINUM,
    SILVER,
    CHICAGO_ONLY,
    LAB,
    TWO_DISKS,
    MAIL,
    BATCH,
    SNAPSHOTS,
    ORDERS,
    DOCUMENTS,
    FILES,
    KEEPER,
)

REPLICA_RULE = CopyRule(_FRANKFURT_HOST, "replica", lag=5 * MINUTE)
SNAPSHOT_RULE = CopyRule(_BESIDE, "primary")

_WARNS_EVERY = 5


def retention_classes(policy: Policy, started: int) -> tuple[str, ...]:
    """Return retention classes: daily and weekly runs are kept on disk, the first of a month (and year) is archived."""
    if policy.archive is None:
        return ()
    day = as_datetime(started)
    if day.day == 1:
        return ("monthly", "yearly") if day.month == 1 else ("monthly",)
    return ("daily", "weekly") if day.isoweekday() == 7 else ("daily",)


def rules_for(policy: Policy, started: int) -> tuple[CopyRule, ...]:
    if policy.archive is not None and "monthly" in retention_classes(policy, started):
        return (policy.archive,)
    return policy.rules


def make_run(policy: Policy, started: int, now: int) -> Run:
    """Build a run, which has the same result for all its workloads, like a job session."""
    day = as_datetime(started).toordinal()
    if policy is BATCH and now - started < HOUR:
        return Run(policy, started, "running")
    if policy is LAB and day % 2 == 1:
        return Run(policy, started, "failed")
    if policy is ORDERS and day % _WARNS_EVERY == 0:
        return Run(policy, started, "warning")
    return Run(policy, started, "success")
