# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The contract: modules return true values, except for fields that the adapter declares as not reported."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ansible_collections.backup.audit.plugins.module_utils._core.times import HOUR, SECOND, format_time, parse_time
from tests.integration.products import ADAPTERS

_MEGABYTE = 1 << 20
# Products truncate fractions of seconds. Points of the environment are further apart than this.
_TIME_TOLERANCE_MICROS = 1000
_TIMES = frozenset({"created_at", "completed_at", "tested_at", "checked_at", "immutable_until", "expires_at"})
# If an attribute is not reported, neither are its details.
_DETAILS = {
    "restore_tested": ("tested_at", "tested_by"),
    "integrity_checked": ("checked_at", "checked_by"),
    "immutable": ("immutable_until",),
}
# A product that does not report every warning or damage may report some of them.
_DAMAGE = ("status", "usable")
_FIELDS = (
    "created_at",
    "completed_at",
    "kind",
    "status",
    "usable",
    "size_bytes",
    "restore_tested",
    "tested_at",
    "tested_by",
    "integrity_checked",
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
# Values of a field that the product does not report. If a damaged point looks like any other, the product offers it
# for restore without a warning, which is the meaning of usable and success.
_NOT_REPORTED_VALUES: dict[str, tuple[Any, ...]] = {
    "retention": ([],),
    "status": ("unknown", "success"),
    "usable": (None, True),
    "kind": ("backup", "unknown"),
    # Some products report a point that was moved to an archive as a normal full backup.
    "archive:kind": ("backup", "unknown", "full"),
    # In deduplicating storage, each point is complete and only the transfer was incremental.
    "incremental:kind": ("full",),
}


def not_reported(product: str, workload_type: str, version: str) -> dict[str, tuple[str, str]]:
    """Return {field: (cannot, sometimes or inferred, reason)} for one type and version."""
    declared: dict[str, tuple[str, str]] = {}
    for (kind, versions), fields in ADAPTERS[product].not_reported.items():
        if kind in ("*", workload_type) and (versions == "*" or _includes(versions, version)):
            declared.update(fields)
    for fact, details in _DETAILS.items():
        if fact in declared:
            declared.update({detail: declared[fact] for detail in details if detail not in declared})
    return declared


def newest_version(product: str) -> str:
    """Return the version that is read if none is requested."""
    return {"veeam_azure": "v8", "veeam_backup_replication": "1.3-rev2"}.get(product, "*")


def _includes(versions: str, version: str) -> bool:
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


def expected_identity(estate: Mapping[str, Any], product: str) -> str:
    """Return the expected ``server.identity``, or "missing" if the product reports no such id."""
    identity = estate["products"][product]["identity"]
    return "missing" if identity is None else f"{product}:{identity}"


def expected_points(estate: Mapping[str, Any], product: str) -> Iterator[tuple[dict[str, Any], dict[str, Any], str]]:
    """Yield (workload, point, id in the product) for every point that this product lists."""
    listed = estate["products"][product]
    for workload in estate["workloads"]:
        if workload["key"] in listed["workloads"]:
            for point in workload["points"]:
                if point["key"] in listed["points"]:
                    yield workload, point, listed["points"][point["key"]]


def workload_id(
    estate: Mapping[str, Any],
    product: str,
    workload: Mapping[str, Any],
    truth: Mapping[str, Any],
    reported_ids: Iterable[str],
) -> str:
    """Return the expected workload id of a point; products with replicas distinguish them from their source."""
    listed = estate["products"][product]
    replica = listed.get("replicas", {}).get(workload["key"])
    if truth["kind"] == "replica" and replica is not None:
        return f"{replica}/{workload['name']}"
    if workload["workload_type"] == "physical" and "backups" in listed:
        # A machine with an agent is identified only by its name and one of its backups.
        return next((ident for ident in reported_ids if ident.startswith(f"{workload['name']}/")), "")
    ident: str = listed["workloads"][workload["key"]]
    return ident


def is_listed(product: str, truth: Mapping[str, Any], version: str) -> bool:
    """Return whether this version lists such a point; older versions do not list replicas."""
    return truth["kind"] != "replica" or "*" not in not_reported(product, "vm_replica", version)


def differences(
    reported: Mapping[str, Any], truth: Mapping[str, Any], unknown: Mapping[str, tuple[str, str]]
) -> Iterator[str]:
    """List every field of one point that differs from the truth, or has a value although it cannot be known."""
    for field in _FIELDS:
        value, true = reported[field], get_true_value(truth, field)
        special = f"{truth['kind']}:{field}"
        how = unknown.get(special, unknown.get(field, ("reported", "")))[0]
        key = special if special in unknown else field
        missing_values = _NOT_REPORTED_VALUES.get(key, _NOT_REPORTED_VALUES.get(field, (None,)))
        if field == "immutable" and value is False and _has_just_ended(truth["immutable_until"]):
            true = False
        if field in reported["inferred"]:
            if how != "inferred":
                yield f"{field}: {value!r} is inferred, but not declared so"
        elif how == "reported":
            if not is_same_value(field, value, true):
                yield f"{field}: {value!r}, true is {true!r}"
        elif value in missing_values or (how != "cannot" and _is_partial_value(field, value, true)):
            continue
        elif not (field in _DAMAGE and is_same_value(field, value, true)):
            yield f"{field}: {value!r}, but the product does not report it"


def _has_just_ended(until: str | None) -> bool:
    """Return whether a lock may have ended since the environment was created."""
    return until is not None and 0 <= time.time() - parse_time(until) // SECOND < HOUR


def _is_partial_value(field: str, value: Any, true: Any) -> bool:
    """If a field is partially reported, some of its retention classes, or a size in whole megabytes, are correct."""
    if field == "size_bytes" and value is not None and true is not None and value % _MEGABYTE == 0:
        return bool(0 <= true - value < _MEGABYTE)
    return is_same_value(field, value, true) or (field == "retention" and set(value) <= set(true))


def hour_before(time: str) -> str:
    """Return the time that a product with local times may report for one in the repeated hour in autumn."""
    return format_time(parse_time(time) - HOUR * SECOND)


def get_true_value(truth: Mapping[str, Any], field: str) -> Any:
    """Return the true value of a field; properties of copies also apply to the point."""
    if field == "offsite":
        return any(copy["offsite"] for copy in truth["copies"])
    if field == "status" and not truth["usable"] and truth["status"] in ("success", "warning"):
        # A point that was created successfully and is damaged now.
        return "failed"
    return truth[field]


def is_same_value(field: str, value: Any, true: Any) -> bool:
    """Return whether two values of a field have the same meaning."""
    if field in _TIMES and value and true:
        cut = parse_time(true) - parse_time(value)
        return abs(cut) <= _TIME_TOLERANCE_MICROS or ("." not in value and 0 <= cut < SECOND)
    if field == "job" and value and true:
        # Products prefix the policy name with the kind of workload, or append the operation.
        return str(value).endswith(str(true)) or str(value).startswith(f"{true} ")
    if field == "kind" and value == "synthetic_full":
        # Products that report how a full backup was created provide more detail than the environment.
        return bool(true == "full")
    return bool(value == true)
