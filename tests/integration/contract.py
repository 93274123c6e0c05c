# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The contract: what a module returns is the estate's truth, except what its adapter declares that it cannot tell."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ansible_collections.backup.audit.plugins.module_utils._core.times import HOUR, SECOND, format_time, parse_time
from tests.integration.products import ADAPTERS

_MEGABYTE = 1 << 20
# Products cut fractions of seconds; none of the estate's points lie closer together than this.
_TIME_TOLERANCE_MICROS = 1000
_TIMES = frozenset({"created_at", "completed_at", "verified_at", "checked_at", "immutable_until", "expires_at"})
# Where a fact cannot be told, neither can its details.
_FOLLOW = {
    "verified": ("verified_at", "verified_by"),
    "checked": ("checked_at", "checked_by"),
    "immutable": ("immutable_until",),
}
# A product that cannot tell every warning or damage may still tell some.
_DAMAGE = ("status", "usable")
_FIELDS = (
    "created_at",
    "completed_at",
    "kind",
    "status",
    "usable",
    "size_bytes",
    "verified",
    "verified_at",
    "verified_by",
    "checked",
    "checked_at",
    "checked_by",
    "encrypted",
    "offsite",
    "immutable",
    "immutable_until",
    "expires_at",
    "malware",
    "retention",
    "job",
)
# What a field holds where the product cannot tell. Where a damaged point looks like any other, the product offers it
# for restore and says nothing against it, which is what usable and success mean.
_NOT_TOLD: dict[str, tuple[Any, ...]] = {
    "retention": ([],),
    "status": ("unknown", "success"),
    "usable": (None, True),
    "kind": ("unknown",),
    # A point that was moved to an archive is to some products a full one like any other.
    "archive:kind": ("unknown", "full"),
}


def not_reported(product: str, workload_type: str, version: str) -> dict[str, tuple[str, str]]:
    """{field: (cannot, sometimes or estimated, reason)} for one type and version."""
    told: dict[str, tuple[str, str]] = {}
    for (kind, versions), fields in ADAPTERS[product].not_reported.items():
        if kind in ("*", workload_type) and (versions == "*" or _covers(versions, version)):
            told.update(fields)
    for fact, details in _FOLLOW.items():
        if fact in told:
            told.update({detail: told[fact] for detail in details if detail not in told})
    return told


def newest_version(product: str) -> str:
    """The version that is read where none is asked for."""
    return {"veeam_azure": "v8", "veeam_backup_replication": "1.3-rev2"}.get(product, "*")


def _covers(versions: str, version: str) -> bool:
    first, dots, last = versions.partition("..")
    if not dots:
        return version in _versions(versions)
    return _numbers(first) <= _numbers(version) <= _numbers(last)


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)]


def _versions(text: str) -> list[str]:
    first, _dash, last = text.partition("-")
    if not last:
        return [first]
    return [f"v{number}" for number in range(int(first[1:]), int(last[1:]) + 1)]


def expected_points(estate: Mapping[str, Any], product: str) -> Iterator[tuple[dict[str, Any], dict[str, Any], str]]:
    """(workload, point, id in the product) of all that this product lists."""
    listed = estate["products"][product]
    for workload in estate["workloads"]:
        if workload["key"] in listed["workloads"]:
            for point in workload["points"]:
                if point["key"] in listed["points"]:
                    yield workload, point, listed["points"][point["key"]]


def workload_id(
    estate: Mapping[str, Any], product: str, workload: Mapping[str, Any], truth: Mapping[str, Any], told: Iterable[str]
) -> str:
    """What the module must call the workload of a point; products with replicas know them apart from what they copy."""
    listed = estate["products"][product]
    replica = listed.get("replicas", {}).get(workload["key"])
    if truth["kind"] == "replica" and replica is not None:
        return f"{replica}/{workload['name']}"
    if workload["workload_type"] == "physical" and "backups" in listed:
        # Nothing but its name and one of its backups tells a machine with an agent.
        return next((ident for ident in told if ident.startswith(f"{workload['name']}/")), "")
    ident: str = listed["workloads"][workload["key"]]
    return ident


def is_listed(product: str, truth: Mapping[str, Any], version: str) -> bool:
    """Whether this version lists such a point at all; older ones know no replicas."""
    return truth["kind"] != "replica" or "*" not in not_reported(product, "vm_replica", version)


def differences(
    told: Mapping[str, Any], truth: Mapping[str, Any], unknown: Mapping[str, tuple[str, str]]
) -> Iterator[str]:
    """Every field of one point that says something else than the truth, or something where nothing can be known."""
    for field in _FIELDS:
        value, true = told[field], truth_of(truth, field)
        special = f"{truth['kind']}:{field}"
        how = unknown.get(special, unknown.get(field, ("exact", "")))[0]
        not_told = _NOT_TOLD.get(special, _NOT_TOLD.get(field, (None,)))
        if field == "immutable" and value is False and _has_just_ended(truth["immutable_until"]):
            true = False
        if field in told["estimated"]:
            if how != "estimated":
                yield f"{field}: {value!r} is estimated, but not declared so"
        elif how == "exact":
            if not same(field, value, true):
                yield f"{field}: {value!r}, true is {true!r}"
        elif value in not_told or (how != "cannot" and _part_of(field, value, true)):
            continue
        elif not (field in _DAMAGE and same(field, value, true)):
            yield f"{field}: {value!r}, but the product cannot tell it"


def _has_just_ended(until: str | None) -> bool:
    """Whether a lock may have ended since the estate was made; it is one before, and none after."""
    return until is not None and 0 <= time.time() - parse_time(until) // SECOND < HOUR


def _part_of(field: str, value: Any, true: Any) -> bool:
    """Where not all can be told, some of several classes of retention, or a size in whole megabytes, are no lie."""
    if field == "size_bytes" and value is not None and true is not None and value % _MEGABYTE == 0:
        return bool(0 <= true - value < _MEGABYTE)
    return same(field, value, true) or (field == "retention" and set(value) <= set(true))


def hour_before(time: str) -> str:
    """What a product that writes local times may make of one in the hour that is repeated in autumn."""
    return format_time(parse_time(time) - HOUR * SECOND)


def truth_of(truth: Mapping[str, Any], field: str) -> Any:
    """The truth of a field; what the estate says of copies is said of the point as well."""
    if field == "offsite":
        return any(copy["offsite"] for copy in truth["copies"])
    if field == "status" and not truth["usable"] and truth["status"] in ("success", "warning"):
        # A point that was made well and is damaged now.
        return "failed"
    return truth[field]


def same(field: str, value: Any, true: Any) -> bool:
    """Whether two values of a field mean the same."""
    if field in _TIMES and value and true:
        cut = parse_time(true) - parse_time(value)
        return abs(cut) <= _TIME_TOLERANCE_MICROS or ("." not in value and 0 <= cut < SECOND)
    if field == "job" and value and true:
        # Products put the kind of workload before the name of the policy, or what is done with it behind.
        return str(value).endswith(str(true)) or str(value).startswith(f"{true} ")
    if field == "kind" and value == "synthetic_full":
        # Products that tell how a full one was made tell more than the estate.
        return bool(true == "full")
    return bool(value == true)
