# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build a read result from recovery points as an adapter reports them, with the real collector, at a chosen time."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable
from typing import Any
from unittest import mock

from ansible_collections.backup.audit.plugins.module_utils._collect.collector import Collector
from ansible_collections.backup.audit.plugins.module_utils._collect.result import seal, unpack
from ansible_collections.backup.audit.plugins.module_utils._core.errors import DataError
from ansible_collections.backup.audit.plugins.module_utils._core.model import RecoveryPoint, Workload
from ansible_collections.backup.audit.plugins.module_utils._core.times import DAY, HOUR, SECOND, parse_time
from ansible_collections.backup.audit.plugins.module_utils._policy.assessment import Assessment
from tests.unit.plugins.module_utils._policy.policy_points import evaluate

# A Saturday.
NOW = parse_time("2026-11-21T07:00:00Z")
MONTH = 30 * DAY * SECOND
_numbers = itertools.count(1)


def workload(name: str | None = "web01", ident: str | None = "vm-1", *, exists: bool | None = True) -> Workload:
    """Build a virtual machine."""
    return Workload(id=ident, name=name, type="vm", platform="vmware", in_inventory=exists)


WEB = workload()
DB = workload("db01", "vm-2")


def point(*, days: float = 0, hours: float = 0, at: str = "", workload: Workload = WEB, **facts: Any) -> RecoveryPoint:
    """Build a point of that age (or created ``at`` a time) with good values, which ``facts`` override."""
    created = parse_time(at) if at else NOW - round((days * DAY + hours * HOUR) * SECOND)
    known = {"id": f"p{next(_numbers)}", "kind": "incremental", "status": "success", "usable": True, **facts}
    return RecoveryPoint(workload=workload, created=created, **known)


def nightly(count: int, *, first: int = 0, workload: Workload = WEB, **facts: Any) -> list[RecoveryPoint]:
    """Build ``count`` points, one per night; the newest is 5 hours (and ``first`` nights) old."""
    return [point(days=first + night, hours=5, workload=workload, **facts) for night in range(count)]


def observed(
    points: Iterable[RecoveryPoint] = (),
    *,
    known: Iterable[Workload] = (),
    host: str = "vbr1",
    now: int = NOW,
    skew: int | None = 0,
    counted: int = 0,
    inventory: bool = True,
    identity: str | None = None,
    problems: Iterable[str] = (),
    compress: bool = False,
    **options: Any,
) -> dict[str, Any]:
    """Build the read result of a server with these workloads and points; its clock is ``skew`` seconds ahead.

    ``counted`` points of web01 are only counted. ``problems`` are the reasons why the read result is not complete.
    """
    given = {"inventory_types": ["vm"], **options}
    with mock.patch("time.time_ns", return_value=now * 1000):
        collector = Collector(host, "veeam_backup_replication", **given)
        collector.skew_micros = None if skew is None else skew * SECOND
        collector.start()
    collector.scope["inventory"] = inventory
    collector.identity = identity
    for one in known:
        collector.add_workload(one)
    for each in points:
        collector.add_point(each)
    if counted:
        collector.add_count(WEB, counted)
    for problem in problems:
        collector.add_problem(DataError(problem, server=host))
    return collector.result(compress=compress)


def resealed(read: dict[str, Any], **members: Any) -> dict[str, Any]:
    """Change fields of a read result and give it a new digest, as a program that imitates a module would."""
    made = {**read, **members}
    return seal(made, [json.loads(unpack(text, "points")) for text in made["points"]])


def moved(read: dict[str, Any], read_at: str) -> dict[str, Any]:
    """Return the read result as if the server, with all of its points, had been read at this time."""
    seconds = (parse_time(read_at) - parse_time(read["read_at"])) // SECOND
    blocks = [json.loads(unpack(text, "points")) for text in read["points"]]
    for block in blocks:
        # The others are differences.
        block["times"][:1] = [time + seconds for time in block["times"][:1]]
    return seal({**read, "read_at": read_at}, blocks)


def evaluate_results(read: Any, policy: Any, *, as_of: int = NOW, **options: Any) -> Assessment:
    """Evaluate one read result or a list of them."""
    return evaluate(read, policy, as_of=as_of, **options)


SEVEN = {"recovery_points": {"min_count": 7}}
FRESH = {"recovery_points": {"max_age": "26h"}}


def fleet(**options: Any) -> dict[str, Any]:
    """Build a read result in which web01 has 7 points and db01 has 2."""
    return observed([*nightly(7), *nightly(2, workload=DB)], **options)
