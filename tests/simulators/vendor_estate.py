# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documents that vendors publish, as a separate environment: the simulators return exactly these values.

IBM's "Recovery points" page counts 10 points of sales-americas and 1 of sales-sql. It also states that each has a base
backup, which would make 11 and 2; this environment uses the counts of that page, so it has 10 increments of 1 GB and
one of 1 TB and no base. Veeam's page for version 1 of its Azure API lists five points without the name of their
machine. Its page on a provider's replicas is in the folder of its product.
"""

from __future__ import annotations

from datetime import datetime

from tests.simulators.ground_truth import (
    DAY,
    MINUTE,
    Copy,
    CopyRule,
    Estate,
    Location,
    Point,
    Policy,
    Run,
    Workload,
    as_moment,
)
from tests.simulators.policies import BERLIN, CLOUD, LOCATIONS, SILVER, SITES, SNAPSHOTS
from tests.simulators.veeam_enterprise_manager import printed_points

_NOW = "2020-02-06T00:00:00+00:00"
_SPP_SIZE = 1_073_741_824
_SPP_VMS = (
    ("sales-americas", "vmware", "92647504afd9005226aef77bc0b98abb", 10, _SPP_SIZE),
    ("sales-sql", "hyperv", "8989CFF1-6F16-4E2B-9FCC-9F8C8CD719C9", 1, 1000 * _SPP_SIZE),
)
_AZURE_HOST = "abc.ukwest.cloudapp.azure.com"
_AZURE_SIZE = 136_367_309_312
_AZURE_POINTS = (
    ("15ed5dd3-c759-4726-9682-be9f9d72a7d5", "2020-02-03T13:02:39.357730+00:00", "ManualSnapshot", "7"),
    ("1e1782e9-9921-4e11-980a-77203e9c691a", "2020-02-05T10:48:38.853005+00:00", "AzureBlob", "38"),
    ("cd88a27f-afb0-4bd2-b9e7-bc1bd47252a0", "2020-02-05T10:45:14.482326+00:00", "Snapshot", "37"),
    ("df483336-91b8-4e6b-87cf-7bd95f43c3de", "2020-02-04T11:15:29.990303+00:00", "AzureBlob", "27"),
    ("f5661843-f425-4081-9d77-de440b4106e1", "2020-02-04T19:02:30.328869+00:00", "AzureBlob", "31"),
)
_BLOB = Location("blob", "backup-repository", "object", CLOUD)
_AZURE_POLICY = Policy("azure", "Azure", 10, 0, False, (CopyRule(_BLOB, "primary"),), ordinal=20)


def build_seed_estate() -> Estate:
    now = as_moment(datetime.fromisoformat(_NOW))
    fixed: dict[str, dict[str, str]] = {"spp": {}, "veeam_azure": {"host": _AZURE_HOST}}
    workloads = [_spp_workload(number, now, fixed["spp"]) for number in range(len(_SPP_VMS))]
    workloads.append(_azure_workload(fixed["veeam_azure"]))
    workloads += printed_points.cloud_workloads()
    fixed[printed_points.PRODUCT] = printed_points.prescribed_ids()
    return Estate(0, now, SITES, (*LOCATIONS, _BLOB), (SILVER, SNAPSHOTS, _AZURE_POLICY), workloads, fixed)


def _workload(key: str, name: str, platform: str, policy: Policy, size: int, product: str) -> Workload:
    return Workload(
        key=key,
        name=name,
        workload_type="vm",
        platform_hint=platform,
        site=BERLIN,
        policy=policy,
        in_inventory=True,
        protected=True,
        scenario="documented",
        why="printed in the vendor's documentation",
        source_bytes=size,
        listed_in=(product,),
    )


def _point(key: str, run: Run, created: int, kind: str, size: int) -> Point:
    rule = run.policy.rules[0]
    completed = created + 10 * MINUTE
    copy = Copy(rule.location, rule.role, completed, None, False, rule.location.site is not BERLIN)
    return Point(
        key, run, created, completed, kind, "success", True, size, (copy,), False, expires_at=run.started + 90 * DAY
    )


def _spp_workload(number: int, now: int, fixed: dict[str, str]) -> Workload:
    name, platform, pk, count, size = _SPP_VMS[number]
    work = _workload(f"s{number + 1}", name, platform, SILVER, 100 * count * _SPP_SIZE, "spp")
    fixed[work.key] = pk
    for back in range(1, count + 1):
        run = Run(SILVER, now - back * DAY + 60 * MINUTE, "success")
        work.points.append(_point(f"{work.key}-{back}", run, run.started + 5 * MINUTE, "incremental", size))
    return work


def _azure_workload(fixed: dict[str, str]) -> Workload:
    work = _workload("a1", "azure-vm", "azure", _AZURE_POLICY, _AZURE_SIZE, "veeam_azure")
    for number, created_at, destination, session in _AZURE_POINTS:
        created = as_moment(datetime.fromisoformat(created_at))
        run = Run(_AZURE_POLICY if destination == "AzureBlob" else SNAPSHOTS, created, "success")
        kind = "full" if destination == "AzureBlob" else "snapshot"
        point = _point(f"a1-{session}", run, created, kind, _AZURE_SIZE)
        fixed |= {point.key: number, run.key: session, f"{point.key}:destination": destination}
        work.points.append(point)
    # Newest first, as in every environment; the API's own order is by id.
    work.points.sort(key=lambda point: -point.created_at)
    return work
