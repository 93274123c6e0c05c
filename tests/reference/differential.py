# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Compares the collection with the reference evaluator for random environments."""

from __future__ import annotations

from collections import Counter
from typing import Any

from ansible_collections.backup.audit.plugins.module_utils._core.errors import OptionError
from tests.reference import evaluator as reference
from tests.reference import product
from tests.reference.estate import Estate
from tests.reference.policies import WARN_RULES
from tests.reference.random_estates import random_estate

# source, origin, workload_id, workload_name, control, tier, result, blocking; for rules also certainty and value
Finding = tuple[Any, ...]


def compare(estate: Estate) -> tuple[list[str], list[Finding]]:
    """Return the differences of the two evaluations, and the findings of the reference evaluator."""
    sealed = product.sealed_estate(estate)
    try:
        expected = reference.evaluate(sealed)
    except reference.RejectedError as error:
        try:
            product.evaluate(sealed)
        except OptionError:
            return [], []
        return [f"not rejected: {error}"], []
    assessment = product.evaluate(sealed)
    found = Counter(_relevant(_findings(assessment.plain()["findings"])))
    wanted = Counter(_relevant([_tuple(one) for one in expected.findings]))
    differences = [f"collection only: {one}" for one in (found - wanted).elements()]
    differences += [f"reference only:  {one}" for one in (wanted - found).elements()]
    if assessment.compliant != expected.compliant:
        differences.append(f"compliant: {assessment.compliant}, reference: {expected.compliant}")
    return differences, list(wanted.elements())


def compare_seed(seed: int) -> tuple[list[str], list[Finding]]:
    """Compare the evaluations of one random environment."""
    return compare(random_estate(seed))


def _findings(findings: list[dict[str, Any]]) -> list[Finding]:
    members = (
        *("source", "origin", "workload_id", "workload_name"),
        *("control", "tier", "result", "blocking", "certainty", "actual"),
    )
    return [tuple(finding[name] for name in members) for finding in findings]


def _compared(control: str, result: str, value: int | None) -> int | None:
    """Return the value of a rule that passes, if it is one that ``warn_at`` compares."""
    return value if control.rpartition(".")[2] in WARN_RULES and result in ("pass", "warn") else None


def _relevant(findings: list[Finding]) -> list[Finding]:
    """Remove passed data checks, and the tier of controls without a rule."""
    kept: list[Finding] = []
    for source, origin, ident, name, control, tier, result, blocking, certainty, value in findings:
        if control.startswith(
            ("data.", "expected.", "policy.", "recovery_points.in_future", "recovery_points.expired")
        ):
            if control in _NOT_COMPARED:
                continue
            if not control.startswith(("data.", "expected.exists", "recovery_points.expired")):
                kept.append((source, origin, ident, name, control, None, result, blocking))
            elif result != "pass":
                kept.append((None, None, None, None, control, None, result, blocking))
        else:
            kept.append(
                (
                    source,
                    origin,
                    ident,
                    name,
                    control,
                    tier,
                    result,
                    blocking,
                    certainty,
                    _compared(control, result, value),
                )
            )
    return kept


# Warnings about missing data, which have no effect.
_NOT_COMPARED = ("data.scope", "data.inventory", "data.verify", "recovery_points.in_future", "policy.expected")


def _tuple(finding: Any) -> Finding:
    return (
        *(finding.source, finding.origin, finding.workload_id, finding.workload_name),
        *(finding.control, finding.tier, finding.result, finding.blocking, finding.certainty, finding.value),
    )
