# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Product x built-in policy x attribute -> the result for a healthy workload, limited only by what the product reports.

Its points are reduced to what the adapter declares and evaluated by the policy engine like any others.
"""

from __future__ import annotations

from typing import Any

from ansible_collections.backup.audit.plugins.module_utils._collect.location_attributes import LocationAttributes
from ansible_collections.backup.audit.plugins.module_utils._collect.result import (
    SCHEMA,
    ReadResult,
    open_result,
    seal,
)
from ansible_collections.backup.audit.plugins.module_utils._collect.summary import Summary
from ansible_collections.backup.audit.plugins.module_utils._core.model import Copy, RecoveryPoint, Workload
from ansible_collections.backup.audit.plugins.module_utils._core.times import DAY, HOUR, SECOND, format_time, parse_time
from ansible_collections.backup.audit.plugins.module_utils._policy.evaluate import assess
from ansible_collections.backup.audit.plugins.module_utils._policy.language.presets import PRESETS
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.terms import RESULTS
from tests.integration import contract
from tests.integration.products import ADAPTERS
from tests.tools.capability_facts import FACTS, head, line

_WORKLOAD_TYPE = "vm"
# Point-in-time recovery is for databases.
_PRESETS = {name: policy for name, policy in PRESETS.items() if name != "pitr"}
_NOW = parse_time("2026-11-21T07:00:00Z")
_AGE_OF_NEWEST = 9 * HOUR
_DAYS_KEPT = 500
# Result fields with a different name in the model.
_MODEL_NAMES = {"created_at": "created", "completed_at": "completed"}
_OF_WORKLOAD = {"workload_id": "id", "workload_name": "name", "in_inventory": "in_inventory"}
_OF_COPY = ("encrypted", "offsite", "immutable_until")
# Values other than None for fields that a product does not report. For ``usable``, products do not report damage:
# these points are not damaged, and they are offered for restore. They are backups of an unknown type.
_NOT_REPORTED: dict[str, Any] = {"kind": "backup", "status": "unknown", "retention": (), "usable": True}
_DECLARED_LOCATIONS = [{"match": "*", "location_type": "object", "offsite": True, "immutable": True, "encrypted": True}]
# Sources that the policy accepts, and the mark in the table if they were needed.
_ACCEPTED_SOURCES = (
    ((), "**pass**"),
    (("inferred",), "pass if inferred"),
    (("inferred", "declared"), "pass if declared"),
)


def table() -> str:
    """Format the matrix, one line for each attribute that a built-in policy checks."""
    columns = {ADAPTERS[product].title: verdicts(product) for product in ADAPTERS}
    lines = head(["policy", "attribute", *columns])
    for name, policy in _PRESETS.items():
        for attribute in policy:
            lines.append(line([f"`{name}`", f"`{attribute}`", *(cells[name, attribute] for cells in columns.values())]))
    return "".join(lines)


def verdicts(product: str) -> dict[tuple[str, str], str]:
    """Map (built-in policy, attribute) to the result for the healthy workload."""
    plain, with_declarations = (_build_read(product, declared=declared) for declared in (False, True))
    cells: dict[tuple[str, str], str] = {}
    for name, policy in _PRESETS.items():
        # The strictest set comes last and overwrites the others if the attribute passes with it.
        for accepted, label in reversed(_ACCEPTED_SOURCES):
            results = _evaluate(with_declarations if "declared" in accepted else plain, name, accepted)
            for attribute in policy:
                cells[name, attribute] = (
                    label if results[attribute] == "pass" else cells.get((name, attribute), results[attribute])
                )
    return cells


def _evaluate(read: ReadResult, name: str, accepted: tuple[str, ...]) -> dict[str, str]:
    """Map each attribute to the worst result of its rules."""
    policy = {"extends": name, "on_unknown": "ignore", "accept": ["reported", *accepted]}
    worst: dict[str, str] = {}
    for finding in assess([read], policy, as_of=_NOW, collection_version="").plain()["findings"]:
        attribute = finding["control"].partition(".")[0]
        worst[attribute] = max(worst.get(attribute, RESULTS[0]), finding["result"], key=RESULTS.index)
    return worst


def _build_read(product: str, *, declared: bool) -> ReadResult:
    """Build the read result of a server of that product that protects only the healthy workload."""
    summary = Summary("backup.example.com", _NOW)
    location_attributes = LocationAttributes(_DECLARED_LOCATIONS if declared else [])
    gaps = contract.not_reported(product, _WORKLOAD_TYPE, contract.newest_version(product))
    for day in range(_DAYS_KEPT):
        point = _remove_unreported(_healthy_point(day), gaps)
        location_attributes.apply(point)
        summary.add(point)
    rows, blocks = summary.build()
    read = {
        "schema": SCHEMA,
        "server": {"host": "backup.example.com", "product": product, "scope": {"inventory": True}},
        "read_at": format_time(_NOW),
        "selection": {},
        "complete": True,
        "errors": [],
        "workloads": rows,
        "totals": {},
    }
    return open_result(seal(read, blocks))


def _healthy_point(day: int) -> RecoveryPoint:
    """Build the point of this many days ago: two locations, one off-site and locked, encrypted, clean, and tested."""
    created = _NOW - (_AGE_OF_NEWEST + day * DAY) * SECOND
    locked_until = _NOW + DAY * SECOND
    disk = Copy(location="repository", location_type="disk", role="primary", encrypted=True, offsite=False)
    cloud = Copy(location="bucket", location_type="object", role="copy", encrypted=True, offsite=True)
    cloud.immutable_until = locked_until
    tested = created + HOUR * SECOND
    return RecoveryPoint(
        id=f"point-{day}",
        workload=Workload(id="vm-1", name="web01", type=_WORKLOAD_TYPE, platform="vmware", in_inventory=True),
        created=created,
        completed=created + HOUR * SECOND,
        kind="full" if day % 7 == 0 else "incremental",
        status="success",
        usable=True,
        size_bytes=1 << 30,
        copies=[disk, cloud],
        restore_tested=True,
        tested_at=tested,
        tested_by="boot",
        integrity_checked=True,
        checked_at=tested,
        checked_by="integrity_check",
        encrypted=True,
        offsite=True,
        immutable=True,
        immutable_until=locked_until,
        expires_at=locked_until,
        malware="clean",
        retention=("daily",),
        job="nightly",
    )


def _remove_unreported(point: RecoveryPoint, gaps: dict[str, tuple[str, str]]) -> RecoveryPoint:
    """Remove values that the product does not report; fields reported for only some points count as not reported."""
    inferred = []
    for field in FACTS:
        how = gaps.get(f"{point.kind}:{field}", gaps.get(field, ("reported", "")))[0]
        if how == "inferred":
            inferred.append(field)
        elif how != "reported":
            _clear_field(point, field)
    point.inferred = tuple(inferred)
    return point


def _clear_field(point: RecoveryPoint, field: str) -> None:
    if field in _OF_WORKLOAD:
        setattr(point.workload, _OF_WORKLOAD[field], None)
        return
    setattr(point, _MODEL_NAMES.get(field, field), _NOT_REPORTED.get(field))
    for copy in point.copies or ():
        if field in _OF_COPY:
            setattr(copy, field, None)
