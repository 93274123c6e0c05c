# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Proof for workloads, and findings that only make a proof unnecessary."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.plugins.module_utils._policy.policy_points import SEVEN, evaluate, nightly, read, row

UNKNOWN = {"encrypted": {"all": True}, "on_unknown": "ignore"}
EVERYTHING = {"workload": "*", "control": "*", "until": "2026-12-31", "reason": "x"}
OF_EXPECTED = {**EVERYTHING, "control": "expected.*"}
OF_RULES = {**EVERYTHING, "control": "encrypted.all"}


def proofs(read_results: Any, policy: Any, **given: Any) -> set[tuple[str | None, str]]:
    """Return (workload, control) of the findings about missing proof."""
    found = evaluate(read_results, policy, **given).plain()["findings"]
    return {(one["workload_name"], one["control"]) for one in found if one["control"].endswith(".proof")}


class TestProof:
    """Every workload needs a proof, and the assessment needs a proven workload."""

    @pytest.mark.parametrize(
        ("policy", "options", "missing"),
        [
            (SEVEN, {}, set()),
            ({**SEVEN, **UNKNOWN}, {}, set()),
            # A warning because of warn_at is a proof.
            ({"recovery_points": {"max_age": {"limit": "6h", "warn_at": "50%"}}}, {}, set()),
            (UNKNOWN, {}, {("web01", "policy.proof"), (None, "data.proof")}),
            # Neither existence nor a waiver is a proof of backups.
            (UNKNOWN, {"expected": ["web01"]}, {("web01", "policy.proof"), (None, "data.proof")}),
            (UNKNOWN, {"waivers": [EVERYTHING]}, {(None, "data.proof")}),
            # A waiver for another control does not matter.
            (UNKNOWN, {"waivers": [OF_RULES]}, {(None, "data.proof")}),
            (UNKNOWN, {"waivers": [OF_EXPECTED]}, {("web01", "policy.proof"), (None, "data.proof")}),
            ({"encrypted": {"all": True}}, {}, {(None, "data.proof")}),
            ({"recovery_points": {"min_count": 7, "max_age": "1h"}}, {}, {(None, "data.proof")}),
            (SEVEN, {"exclude": [{"match": {"workload_name": "*"}, "reason": "a lab"}]}, {(None, "data.proof")}),
        ],
    )
    def test_one_workload(self, policy: Any, options: Any, missing: set[tuple[str | None, str]]) -> None:
        workload = row(in_inventory=True)
        assert proofs(workload, policy, **options) == missing
        blocked = policy == {"recovery_points": {"min_count": 7, "max_age": "1h"}}
        assert evaluate(workload, policy, **options).compliant is (not missing and not blocked)

    @pytest.mark.parametrize(
        ("in_inventory", "options", "missing"),
        [
            (True, {"expected": ["other", "web01"]}, True),
            # It is unexpected, or does not exist, and that is waived.
            (None, {"expected": ["other"], "unexpected": "fail", "waivers": [OF_EXPECTED]}, True),
            (True, {"expected": ["other", "web01"], "waivers": [OF_EXPECTED]}, True),
            (False, {"expected": ["other", "web01"], "waivers": [OF_EXPECTED]}, True),
            (None, {"expected": ["other", "web01"], "waivers": [OF_EXPECTED]}, True),
            (None, {"expected": ["other", "web01"], "waivers": [OF_EXPECTED, OF_RULES]}, False),
        ],
    )
    def test_a_waiver_of_existence_does_not_cover_rules(
        self, in_inventory: bool | None, options: dict[str, Any], missing: bool
    ) -> None:
        proved = row(nightly(30, encrypted=True), name="other", id="id-2", in_inventory=True)
        both = read(row(in_inventory=in_inventory), proved)
        assert proofs(both, UNKNOWN, **options) == ({("web01", "policy.proof")} if missing else set())
        assert evaluate(both, UNKNOWN, **options).compliant is not missing

    def test_each_of_several(self) -> None:
        """A proven workload does not prove another one with only unknown results."""
        policies = [
            {"name": "one", "match": {"workload_name": "web*"}, "policy": SEVEN},
            {"name": "two", "policy": UNKNOWN},
        ]
        both = read(row(), row(name="db01", id="id-2"))
        assert proofs(both, {"policies": policies}) == {("db01", "policy.proof")}
        assert not evaluate(both, {"policies": policies}).compliant
        waiver = {**EVERYTHING, "workload": "db01"}
        assert evaluate(both, {"policies": policies}, waivers=[waiver]).compliant
        assert not evaluate(both, {"policies": policies}, waivers=[{**EVERYTHING, "workload": "web01"}]).compliant
        excluded = [{"match": {"workload_name": "db01"}, "reason": "a lab"}]
        assert evaluate(both, {"policies": policies}, exclude=excluded).compliant
