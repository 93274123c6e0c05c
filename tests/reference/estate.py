# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The data of a random environment: read results, policy, options and restore tests.

All times are whole seconds since 1970 UTC.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

YEAR_1980 = 315532800

# In `Point.declared`: the types of the point's locations are declared.
DECLARED_LOCATION_TYPES = "location_types"


@dataclass(frozen=True)
class Point:
    """One recovery point. One created before 1980 is undated, and its `usable` is null."""

    created: int
    fraction: bool = False
    kind: str = "full"
    status: str = "success"
    usable: bool | None = True
    restore_tested: bool | None = None
    integrity_checked: bool | None = None
    offsite: bool | None = None
    # Null with an `immutable_until`: immutable until then.
    immutable: bool | None = None
    encrypted: bool | None = None
    malware: str | None = None
    # Attributes whose value is inferred or declared. All others are reported.
    inferred: tuple[str, ...] = ()
    declared: tuple[str, ...] = ()
    # Name and type of each location.
    locations: tuple[tuple[str | None, str | None], ...] | None = None
    immutable_until: int | None = None
    expires_at: int | None = None
    tested_at: int | None = None
    checked_at: int | None = None
    restorable_from: int | None = None
    restorable_until: int | None = None
    size_bytes: int | None = None


@dataclass(frozen=True)
class Counted:
    """Points that were only counted. `created` of the point does not matter."""

    number: int
    point: Point


@dataclass(frozen=True)
class WorkloadRow:
    origin: str | None
    workload_id: str
    workload_name: str
    workload_type: str | None
    platform: str | None
    in_inventory: bool | None
    points: list[Point] = field(default_factory=list)
    counted: list[Counted] = field(default_factory=list)


@dataclass(frozen=True)
class Result:
    """One read result."""

    host: str
    product: str
    identity: str | None
    clock_skew_seconds: int | None
    # Fields of `server.scope`.
    inventory: bool | None
    failed_runs: bool | None
    read_at: int
    since: int | None
    until: int | None
    # `workload_types`, `workload_names`, `include_unprotected` and others such as `account`, each optional.
    selection: dict[str, Any]
    complete: bool
    sha256: str
    workloads: list[WorkloadRow]
    # The other fields of `server.scope`.
    scope: dict[str, Any] = field(default_factory=dict)
    # Types whose inventory the product can report. Null if the read result does not list them.
    inventory_types: tuple[str, ...] | None = None


@dataclass(frozen=True)
class RestoreTest:
    source: str
    workload_type: str | None
    workload_id: str
    workload_name: str
    point_created_at: int
    tested_at: int
    result: str
    seconds: int | None


@dataclass(frozen=True)
class Estate:
    results: list[Result]
    # A policy document; not used if `options` has `policies`.
    policy: dict[str, Any]
    # The keys next to the policy: `policies`, `timezone`, `expected`, `waivers` and so on.
    options: dict[str, Any]
    as_of: int
    restore_tests: list[RestoreTest] = field(default_factory=list)
