# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Veeam's page on /cloud/vmReplicaPoints shows six points of three machines in two replicas, and then an
ellipsis: these six, in their order. Its page on one of them shows it as a Snapshot and Ready.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from tests.simulators.ground_truth import MINUTE, Copy, Point, Policy, Run, Workload, as_moment
from tests.simulators.policies import BERLIN, REPLICA_RULE

PRODUCT = "veeam_enterprise_manager"
POLICY = Policy("tenant-replication", "Tenant replication", 20, 0, False, (REPLICA_RULE,), ordinal=21)
_SERVER = ("8fff3b8e-c3f1-4ef5-aecc-561f07bf9982", "172.17.53.48")
_REPLICAS = {
    "ucm": ("6b2b42d5-3850-421c-93c1-e063f12a2ead", "UCM Company CRM Replication"),
    "abc": ("8393c284-c953-403f-a9b9-cff63e0c6815", "ABC Company Servers Replication"),
}
_MACHINES = {"srv39": "ucm", "srv40": "abc", "srv38": "abc"}
_POINTS = (
    ("93081441-6e3c-4584-b47a-08dc1ce24f84", "srv39", "2015-12-25 20:00:47"),
    ("783781f0-4d83-4d09-ae82-12b5bed4710b", "srv40", "2015-12-27 21:08:13"),
    ("292e6d96-6b99-4776-bba2-2c030cd5824a", "srv38", "2015-12-21 21:01:41"),
    ("5ed13778-0191-4d9d-8105-33017348235d", "srv40", "2015-12-22 21:05:43"),
    ("574c07de-50eb-4117-88ec-5cd3403142dd", "srv38", "2015-12-24 21:03:50"),
    ("572167d1-c2f1-40b5-9ce9-6b277e507222", "srv39", "2015-12-22 11:25:26"),
)


def prescribed_ids() -> dict[str, str]:
    """Return the ids and names on the page; points are in its order."""
    fixed = {"host": "localhost:9398", f"server:{BERLIN.key}": _SERVER[0], f"server-name:{BERLIN.key}": _SERVER[1]}
    for key, (ident, name) in _REPLICAS.items():
        fixed |= {f"replica:{key}": ident, f"replica-name:{key}": name}
    fixed |= {f"replica-of:{machine}": key for machine, key in _MACHINES.items()}
    return fixed | {ident: ident for ident, _unused, _unused2 in _POINTS}


def cloud_workloads() -> Iterator[Workload]:
    for machine, replica in _MACHINES.items():
        work = Workload(
            key=machine,
            name=machine,
            workload_type="vm",
            platform_hint="vmware",
            site=BERLIN,
            policy=POLICY,
            in_inventory=True,
            protected=True,
            scenario="documented",
            why="printed in the vendor's documentation",
            source_bytes=0,
            listed_in=(PRODUCT,),
            tenant=replica,
            replica="ready",
        )
        mine = [(when, ident) for ident, name, when in _POINTS if name == machine]
        work.points = [_point(ident, when) for when, ident in sorted(mine, reverse=True)]
        yield work


def _point(ident: str, when: str) -> Point:
    created = as_moment(datetime.fromisoformat(f"{when}+00:00"))
    completed = created + 10 * MINUTE
    copy = Copy(REPLICA_RULE.location, REPLICA_RULE.role, completed, None, encrypted=False, offsite=True)
    run = Run(POLICY, created, "success")
    return Point(ident, run, created, completed, "replica", "success", True, None, (copy,), False)
