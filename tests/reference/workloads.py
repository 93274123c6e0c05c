# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Workloads with their tiers and findings, and how rows are compared."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.reference.estate import Estate
from tests.reference.findings import Finding
from tests.reference.policies import Rule, read_rules
from tests.reference.servers import same_workload
from tests.reference.views import View


@dataclass
class Tier:
    name: str | None
    match: dict[str, Any]
    policy: dict[str, Any]
    rules: list[Rule]


@dataclass
class Workload:
    """A row, or combined rows, with its findings."""

    views: list[View]
    tier: Tier | None = None
    findings: list[Finding] = field(default_factory=list)
    evaluated: bool = True

    def finding(
        self, control: str, result: str, *, blocking: bool, certainty: str | None = None, value: int | None = None
    ) -> Finding:
        view = self.views[0]
        row = view.row
        tier = self.tier.name if self.tier else None
        return Finding(
            source=view.result.host,
            origin=row.origin,
            workload_id=row.workload_id,
            workload_name=row.workload_name,
            control=control,
            tier=tier,
            result=result,
            blocking=blocking,
            certainty=certainty,
            value=value,
        )

    def add(self, control: str, result: str, *, blocking: bool = False) -> None:
        self.findings.append(self.finding(control, result, blocking=blocking))


def get_tiers(estate: Estate) -> list[Tier]:
    if "policies" not in estate.options:
        return [Tier(None, {}, estate.policy, read_rules(estate.policy, estate.options))]
    tiers: list[Tier] = []
    for tier in estate.options["policies"]:
        rules = read_rules(tier["policy"], estate.options)
        tiers.append(Tier(tier["name"], tier.get("match", {}), tier["policy"], rules))
    return tiers


def match_values(view: View) -> dict[str, str | None]:
    return {
        "workload_name": view.row.workload_name,
        "workload_id": view.row.workload_id,
        "workload_type": view.row.workload_type,
        "platform": view.row.platform,
        "source": view.result.host,
        "origin": view.row.origin,
        "product": view.result.product,
    }


def combine_value(view: View, by: str) -> str:
    return (view.row.workload_id if by == "workload_id" else view.row.workload_name).casefold()


def identity(view: View) -> tuple[str, str, str, str, int, str]:
    """Return the sort key by which the first of several combined rows determines the names in findings."""
    row = view.row
    result = view.result
    type_ = row.workload_type or ""
    return (result.host, row.origin or "", row.workload_id, type_, result.read_at, result.sha256)


def is_conflict(view: View, other: View) -> bool:
    """Return whether two rows with the same value are two workloads of one server, and cannot be combined."""
    if view.server != other.server or view.row.origin != other.row.origin:
        return False
    return not same_workload(view.row, other.row)


def is_duplicate(view: View, other: View) -> bool:
    return view.server == other.server and view.result is not other.result and same_workload(view.row, other.row)


def is_of_rule(finding: Finding) -> bool:
    """Return whether a finding belongs to a rule of the policy, which has the result warn only because of `warn_at`."""
    if finding.control.startswith(("data.", "policy.", "expected.")):
        return False
    return finding.control not in ["recovery_points.in_future", "recovery_points.expired"]
