# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Scenarios that only some products support: machines with agents, rebuilt machines, active replicas, a provider's
tenants.

Their policies are not in the environment's list, which every product converts to its own policies.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from tests.simulators import policies
from tests.simulators.ground_truth import HOUR, MINUTE, CopyRule, Location, Policy
from tests.simulators.policies import REPLICA_RULE, SILVER
from tests.simulators.scenarios import Calendar, Night, Scenario

_VEEAM = ("veeam_backup_replication", "veeam_enterprise_manager")
_PROVIDER = ("veeam_enterprise_manager",)
_WITH_AGENTS = (*_VEEAM, "unitrends", "vprotect")
# Its client runs on Linux.
_ON_LINUX = (*_WITH_AGENTS, "pbs")
# Its agent runs on Windows.
_ON_WINDOWS = (*_WITH_AGENTS, "azure_backup")

_HERE = SILVER.rules[0]
_OFFSITE = CopyRule(policies.GOLD.rules[1].location, "replica", lag=10 * MINUTE)
# Linux repositories can be hardened: their content cannot be changed for this many days.
_HARDENED = CopyRule(_HERE.location, "primary", immutable_days=14)
MACHINES = Policy("machines", "Machines", 5, 30, True, (_HERE, _OFFSITE), ordinal=30)
SCANNED = Policy("scanned", "Scanned", 4, 30, False, (_HARDENED,), check="weekly", checked_by="scan", ordinal=31)
STANDBY = Policy("standby", "Standby", 3, 30, False, (_HERE,), ordinal=32)
TENANTS = Policy("tenants", "Tenants", 2, 15, False, (REPLICA_RULE,), ordinal=33)


def _nights(calendar: Calendar, policy: Policy, count: int, *, skip: int = 0, most: int | None = None) -> list[Night]:
    return [Night(calendar.night(policy, skip + back)) for back in range(count if most is None else min(count, most))]


def _infected(calendar: Calendar, policy: Policy, count: int) -> list[Night]:
    """Build points, those of the newest week infected according to the last scan."""
    nights = _nights(calendar, policy, count)
    return [replace(night, malware="infected") for night in nights[:7]] + nights[7:]


def _failed_over(calendar: Calendar, policy: Policy, count: int) -> list[Night]:
    """Build points of a replica in failover since the last night, which cannot be used."""
    nights: list[Night] = []
    for back, night in enumerate(_nights(calendar, policy, count)):
        nights += [night, replace(night, kinds=("replica",), broken=True)] if back < 5 else [night]
    return nights


def _mirrored(calendar: Calendar, policy: Policy, count: int) -> list[Night]:
    """Build nightly backups, and a replica that can be restored to any time of the last four hours."""
    latest = Night(calendar.run_at(policy, calendar.now - 10 * MINUTE), kinds=("continuous",))
    earliest = Night(calendar.run_at(policy, calendar.now - 4 * HOUR), kinds=("continuous",))
    nights = [latest, earliest, *_nights(calendar, policy, count)]
    return sorted(nights, key=lambda night: -night.run.started)


def _replicas(calendar: Calendar, policy: Policy, count: int) -> list[Night]:
    return [replace(night, kinds=("replica",)) for night in _nights(calendar, policy, count, most=14)]


def _replicas_in_use(calendar: Calendar, policy: Policy, count: int) -> list[Night]:
    return [replace(night, broken=True) for night in _replicas(calendar, policy, count)]


def _tenant(name: str, why: str, *, replica: str = "ready", platform: str = "vmware") -> Scenario:
    nights = _replicas_in_use if replica == "failover" else _replicas
    return Scenario(
        "tenant", why, TENANTS, nights, platform=platform, listed_in=_PROVIDER, tenant=name, replica=replica
    )


_MACHINE = Scenario(
    "agent", "a machine with an agent, two copies", MACHINES, _nights, workload_type="physical", listed_in=_WITH_AGENTS
)
_WINDOWS = replace(_MACHINE, platform="windows", listed_in=_ON_WINDOWS)
_LINUX = replace(
    _MACHINE,
    platform="linux",
    site=policies.FRANKFURT,
    why="a machine with an agent in Frankfurt",
    listed_in=_ON_LINUX,
)
_BEFORE = Scenario(
    "rebuilt before",
    "thrown away 20 days ago, points kept",
    SILVER,
    partial(_nights, skip=20),
    in_inventory=False,
    listed_in=_VEEAM,
)
_AFTER = Scenario("rebuilt", "installed anew under its old name", SILVER, partial(_nights, most=5), listed_in=_VEEAM)
_INFECTED = Scenario("infected", "a scan found malware", SCANNED, _infected, listed_in=_VEEAM)
_FAILED_OVER = Scenario("failed over", "its replica runs", STANDBY, _failed_over, listed_in=_VEEAM, replica="failover")
_MIRRORED = Scenario(
    "mirrored", "an additional continuous replica", STANDBY, _mirrored, listed_in=_VEEAM, replica="cdp"
)
_IN_DIRECTOR = Scenario("healthy", "in a tenant's vApp", policies.GOLD, _nights, platform="vcd", listed_in=_VEEAM)

# An appliance backs up the configuration of its networks to its own database.
_APPLIANCE = Location("appliance", "appliance", "database", policies.BERLIN)
NETWORKS = Policy("networks", "Networks", 6, 0, False, (CopyRule(_APPLIANCE, "primary"),), ordinal=34)


def _configurations(calendar: Calendar, policy: Policy, count: int) -> list[Night]:
    return [replace(night, kinds=("config",)) for night in _nights(calendar, policy, count)]


def _disk_snapshots(calendar: Calendar, policy: Policy, count: int) -> list[Night]:
    return [replace(night, kinds=("snapshot",)) for night in _nights(calendar, policy, count)]


_NETWORKS = Scenario(
    "configuration",
    "the networks of one region",
    NETWORKS,
    _configurations,
    workload_type="virtual_network",
    platform="azure",
    listed_in=("veeam_azure",),
)

_DISK = Scenario(
    "snapshots only",
    "a disk with snapshots in its own subscription",
    policies.SNAPSHOTS,
    _disk_snapshots,
    policies.CLOUD,
    workload_type="disk",
    platform="azure",
    listed_in=("azure_backup",),
)

# Two machines with the same name and job; two tenants' machines with the same name; one subscription in two regions.
PRODUCT_SCENARIOS: tuple[tuple[str, Scenario], ...] = (
    ("desk-finance-7", _WINDOWS),
    ("linbase02", _LINUX),
    ("rebuilt-01", _BEFORE),
    ("rebuilt-01", _AFTER),
    ("download-01", _INFECTED),
    ("erp-standby", _FAILED_OVER),
    ("ticker", _MIRRORED),
    ("vapp-shop", _IN_DIRECTOR),
    ("tenant-web", _tenant("acme", "replicated to the provider every night")),
    ("tenant-web", _tenant("globex", "another tenant's machine of that name")),
    ("tenant-db", _tenant("acme", "runs at the provider now", replica="failover")),
    ("tenant-feed", _tenant("globex", "replicated all the time", replica="cdp")),
    ("tenant-hv", _tenant("globex", "a Hyper-V machine at the provider", platform="hyperv")),
    ("Production", _NETWORKS),
    ("Production", replace(_NETWORKS, site=policies.CHICAGO)),
    ("data-disk-1", _DISK),
)
