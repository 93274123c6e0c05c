# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Product x ready policy x facet -> what a healthy workload gets: all is well, and a product tells so much.

Its points are cut down to what the adapter declares that it can tell, folded by the summary and judged by the engine,
like any others.
"""

from __future__ import annotations

from typing import Any

from ansible_collections.backup.audit.plugins.module_utils._collect.location_attributes import LocationAttributes
from ansible_collections.backup.audit.plugins.module_utils._collect.periods import Calendar
from ansible_collections.backup.audit.plugins.module_utils._collect.result import lean
from ansible_collections.backup.audit.plugins.module_utils._collect.summary import Summary
from ansible_collections.backup.audit.plugins.module_utils._core.model import Copy, RecoveryPoint, Workload
from ansible_collections.backup.audit.plugins.module_utils._core.times import DAY, HOUR, SECOND, format_time, parse_time
from ansible_collections.backup.audit.plugins.module_utils._policy.evaluate import assess
from ansible_collections.backup.audit.plugins.module_utils._policy.language.presets import READY
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.terms import RESULTS
from tests.integration import contract
from tests.integration.products import ADAPTERS
from tests.tools.capability_facts import FACTS, head, line

_WORKLOAD_TYPE = "vm"
_NOW = parse_time("2026-11-21T07:00:00Z")
_AGE_OF_NEWEST = 9 * HOUR
_DAYS_KEPT = 500
# Where fields of a result are called otherwise in the model.
_MODEL_NAMES = {"created_at": "created", "completed_at": "completed", "expires_at": "expires"}
_OF_WORKLOAD = {"workload_id": "id", "workload_name": "name", "in_inventory": "in_inventory"}
_OF_COPY = ("encrypted", "offsite", "immutable_until")
# What a field holds that cannot be told, where that is not None. What products cannot tell of ``usable`` is damage;
# these points have none, and they are offered for restore.
_NOT_TOLD: dict[str, Any] = {"kind": "unknown", "status": "unknown", "retention": (), "usable": True}
_VOUCHED = [{"match": "*", "location_type": "object", "offsite": True, "immutable": True, "encrypted": True}]
# What the policy accepts, and how the table says that this was needed.
_WAYS = (
    ((), "**pass**"),
    (("estimated",), "pass on estimates"),
    (("estimated", "attested"), "pass if attested"),
)


def table() -> str:
    """The matrix, one line for each facet that a ready policy asks for."""
    told = {ADAPTERS[product].title: verdicts(product) for product in ADAPTERS}
    lines = head(["policy", "facet", *told])
    for name, policy in READY.items():
        for facet in policy:
            lines.append(line([f"`{name}`", f"`{facet}`", *(cells[name, facet] for cells in told.values())]))
    return "".join(lines)


def verdicts(product: str) -> dict[tuple[str, str], str]:
    """(ready policy, facet) -> what it makes of the healthy workload, with as little accepted as it takes."""
    plain, vouched = (_read(product, attested=attested) for attested in (False, True))
    told: dict[tuple[str, str], str] = {}
    for name, policy in READY.items():
        # The best way comes last and stays.
        for accepted, word in reversed(_WAYS):
            results = _judged(vouched if "attested" in accepted else plain, name, accepted)
            for facet in policy:
                told[name, facet] = word if results[facet] == "pass" else told.get((name, facet), results[facet])
    return told


def _judged(read: dict[str, Any], name: str, accepted: tuple[str, ...]) -> dict[str, str]:
    """Facet -> the worst result of its rules."""
    policy = {"extends": name, "on_unknown": "ignore", "accept": ["exact", *accepted]}
    worst: dict[str, str] = {}
    for finding in assess([read], policy, as_of=_NOW, collection_version="").plain()["findings"]:
        facet = finding["control"].partition(".")[0]
        worst[facet] = max(worst.get(facet, RESULTS[0]), finding["result"], key=RESULTS.index)
    return worst


def _read(product: str, *, attested: bool) -> dict[str, Any]:
    """The READ of a server of that product that protects the healthy workload and nothing else."""
    summary = Summary("backup.example.com", product, _NOW, Calendar())
    attestor = LocationAttributes(_VOUCHED if attested else [])
    told = contract.not_reported(product, _WORKLOAD_TYPE, contract.newest_version(product))
    for day in range(_DAYS_KEPT):
        point = _cut_down(_healthy_point(day), told)
        attestor.apply(point)
        summary.add(point)
    return {
        "schema": "backup.audit/read/1",
        "server": {"host": "backup.example.com", "product": product, "scope": {"inventory": True}},
        "read_at": format_time(_NOW),
        "window": {},
        "complete": True,
        "workloads": [lean(row) for row in summary.rows()],
    }


def _healthy_point(day: int) -> RecoveryPoint:
    """The point of so many days ago: in two places, one of them off-site and locked, encrypted, clean, and tested."""
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
        verified=True,
        verified_at=tested,
        verified_by="boot",
        checked=True,
        checked_at=tested,
        checked_by="integrity_check",
        encrypted=True,
        offsite=True,
        immutable=True,
        immutable_until=locked_until,
        expires=locked_until,
        malware="clean",
        retention=("daily",),
        job="nightly",
    )


def _cut_down(point: RecoveryPoint, told: dict[str, tuple[str, str]]) -> RecoveryPoint:
    """The point as a product shows it that can tell only so much; what it tells of some points counts as not told."""
    estimated = []
    for field in FACTS:
        how = told.get(f"{point.kind}:{field}", told.get(field, ("exact", "")))[0]
        if how == "estimated":
            estimated.append(field)
        elif how != "exact":
            _forget(point, field)
    point.estimated = tuple(estimated)
    return point


def _forget(point: RecoveryPoint, field: str) -> None:
    if field in _OF_WORKLOAD:
        setattr(point.workload, _OF_WORKLOAD[field], None)
        return
    setattr(point, _MODEL_NAMES.get(field, field), _NOT_TOLD.get(field))
    for copy in point.copies or ():
        if field in _OF_COPY:
            setattr(copy, field, None)
