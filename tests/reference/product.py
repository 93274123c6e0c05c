# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Evaluates an environment with the collection: builds read results as info modules do, and calls the evaluation."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from typing import Any

from ansible_collections.backup.audit.plugins.module_utils._collect.point_class import point_class
from ansible_collections.backup.audit.plugins.module_utils._collect.result import SCHEMA, open_result, seal
from ansible_collections.backup.audit.plugins.module_utils._collect.summary import Summary
from ansible_collections.backup.audit.plugins.module_utils._core.model import Copy, RecoveryPoint, Workload
from ansible_collections.backup.audit.plugins.module_utils._core.times import SECOND, format_time
from ansible_collections.backup.audit.plugins.module_utils._policy.assessment import Assessment
from ansible_collections.backup.audit.plugins.module_utils._policy.evaluate import assess
from tests.reference.estate import DECLARED_LOCATION_TYPES, Estate, Point, RestoreTest, Result, WorkloadRow

_SAME = (
    *("kind", "status", "usable", "restore_tested", "integrity_checked", "offsite", "encrypted", "malware"),
    "size_bytes",
)
_MOMENTS = ("immutable_until", "expires_at", "tested_at", "checked_at", "restorable_from", "restorable_until")
# The last possible fraction of a second, so that tests check whether fractions are truncated.
_FRACTION = 999_999


def evaluate(estate: Estate) -> Assessment:
    """Evaluate the environment; the results must be sealed (see sealed_estate)."""
    return assess(
        [open_result(seal_result(result)) for result in estate.results],
        {"policies": estate.options["policies"]} if "policies" in estate.options else estate.policy,
        as_of=estate.as_of * SECOND + _FRACTION,
        collection_version="2.0.0",
        options={name: value for name, value in estate.options.items() if name != "policies"},
        restore_tests=[_restore_test(test) for test in estate.restore_tests],
    )


def sealed_estate(estate: Estate) -> Estate:
    """Return the environment with the digests of its read results, which decide between results of the same second."""
    results = [dataclasses.replace(result, sha256=seal_result(result)["sha256"]) for result in estate.results]
    return dataclasses.replace(estate, results=results)


def seal_result(result: Result) -> dict[str, Any]:
    """Build the read result that an info module would return for these points."""
    now = result.read_at + (result.clock_skew_seconds or 0)
    summary = Summary(result.host, now * SECOND)
    for row in result.workloads:
        _add_row(summary, row)
    rows, blocks = summary.build()
    server: dict[str, Any] = {
        "host": result.host,
        "product": result.product,
        "identity": result.identity,
        "clock_skew_seconds": result.clock_skew_seconds,
        "scope": {
            name: value
            for name, value in (
                *(("inventory", result.inventory), ("failed_runs", result.failed_runs)),
                *result.scope.items(),
            )
            if value is not None
        },
        "inventory_types": None if result.inventory_types is None else list(result.inventory_types),
    }
    window = {"since": result.since, "until": result.until}
    read = {
        "schema": SCHEMA,
        "server": {name: value for name, value in server.items() if value is not None},
        "read_at": format_time(result.read_at * SECOND),
        "selection": {
            **result.selection,
            **{name: format_time(time * SECOND) for name, time in window.items() if time is not None},
        },
        "complete": result.complete,
        "errors": [],
        "workloads": rows,
    }
    # As in an evidence file.
    sealed: dict[str, Any] = json.loads(json.dumps(seal(read, blocks)))
    return sealed


def _add_row(summary: Summary, row: WorkloadRow) -> None:
    workload = Workload(
        id=row.workload_id,
        name=row.workload_name,
        type=row.workload_type,
        platform=row.platform,
        in_inventory=row.in_inventory,
        origin=row.origin,
    )
    summary.add_workload(workload)
    for number, point in enumerate(row.points):
        summary.add(_build_point(point, workload, str(number)))
    for counted in row.counted:
        summary.add_count(workload, point_class(_build_point(counted.point, workload, "counted")), counted.number)


def _build_point(point: Point, workload: Workload, ident: str) -> RecoveryPoint:
    copies = None
    if point.locations is not None:
        copies = [Copy(location=name, location_type=kind) for name, kind in point.locations]
    others: dict[str, Any] = {name: getattr(point, name) for name in _SAME}
    moments: dict[str, Any] = {
        name: None if getattr(point, name) is None else getattr(point, name) * SECOND + _moment_fraction(point, name)
        for name in _MOMENTS
    }
    return RecoveryPoint(
        id=f"{ident} {hashlib.sha256(repr(point).encode()).hexdigest()}",
        workload=workload,
        created=point.created * SECOND + (_FRACTION if point.fraction else 0),
        copies=copies,
        immutable=point.immutable,
        inferred=_names(point.inferred),
        declared=_names(point.declared),
        **others,
        **moments,
    )


def _moment_fraction(point: Point, name: str) -> int:
    # The fraction of a range is truncated like any other. With a fraction, a range is longer than one second.
    return _FRACTION if point.fraction and not name.startswith("restorable") else 0


def _names(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple("location_type" if name == DECLARED_LOCATION_TYPES else name for name in names)


def _restore_test(test: RestoreTest) -> dict[str, Any]:
    return {
        **dataclasses.asdict(test),
        "point_created_at": format_time(test.point_created_at * SECOND),
        "tested_at": format_time(test.tested_at * SECOND),
    }
