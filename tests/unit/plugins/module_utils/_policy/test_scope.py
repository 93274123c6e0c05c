# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Scope: tiers, expected names, exclusions, waivers, and merged rows."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._core.errors import OptionError
from ansible_collections.backup.audit.plugins.module_utils._core.times import DAY, SECOND
from tests.unit.plugins.module_utils._policy.policy_rows import (
    NOW,
    SEVEN,
    ago,
    evaluate,
    finding,
    findings,
    messages,
    read,
    row,
)


def results(result: list[dict[str, Any]]) -> dict[tuple[str, str], str]:
    """(name, control) -> result."""
    return {(one["workload_name"], one["control"]): one["result"] for one in result}


TIERS: list[dict[str, Any]] = [
    {"name": "gold", "match": {"workload_name": ["db*", "pay*"]}, "policy": {"recovery_points": {"min_count": 40}}},
    {"name": "vmware", "match": {"platform": "VMware", "workload_type": "vm"}, "policy": SEVEN},
]


class TestTiers:
    def test_the_first_match_wins(self) -> None:
        rows = read(row(workload_name="DB1"), row(workload_name="web01"), row(workload_name="x", platform="hyperv"))
        found = findings(rows, {"policies": TIERS})
        assert results(found) == {
            ("DB1", "recovery_points.min_count"): "fail",
            ("web01", "recovery_points.min_count"): "pass",
            ("x", "policy.tier"): "fail",
        }
        assert [one["tier"] for one in found] == ["gold", "vmware", None]

    def test_a_last_tier_without_match_is_for_the_rest(self) -> None:
        policies = [*TIERS, {"name": "rest", "policy": {"recovery_points": {"min_count": 1}}}]
        result = finding(row(platform="hyperv"), {"policies": policies})
        assert (result["tier"], result["result"], result["limit"]) == ("rest", "pass", 1)

    @pytest.mark.parametrize(
        ("match", "matches"),
        [
            ({"in_inventory": True}, False),
            ({"in_inventory": False}, False),
            ({"in_inventory": None}, True),
            ({"source": "vbr?"}, True),
            ({"origin": "*"}, False),
            ({"product": "spp"}, False),
            ({"workload_id": "ID-1"}, True),
            ({"workload_name": "web[0-9]1"}, True),
            ({"workload_name": "web"}, False),
            ({"platform": "vmware", "workload_type": "database"}, False),
        ],
    )
    def test_what_is_not_known_is_not_matched(self, match: dict[str, Any], matches: bool) -> None:
        policies = [{"name": "only", "match": match, "policy": SEVEN}]
        assert (finding(row(), {"policies": policies})["control"] == "recovery_points.min_count") is matches

    def test_a_name_that_looks_like_a_pattern_matches_itself(self) -> None:
        policies = [{"name": "only", "match": {"workload_name": "vm[1]"}, "policy": SEVEN}]
        assert finding(row(workload_name="VM[1]"), {"policies": policies})["result"] == "pass"

    def test_points_without_a_workload_are_judged_too(self) -> None:
        result = finding(row(workload_name=None, workload_id=None, recovery_points=3), SEVEN)
        assert (result["workload_name"], result["result"]) == (None, "fail")


class TestExclude:
    def test_is_listed_with_its_reason(self) -> None:
        rows = read(row(), row(workload_name="gone", in_inventory=False, recovery_points=0))
        found = findings(rows, SEVEN, exclude=[{"match": {"in_inventory": False}, "reason": "switched off in May"}])
        assert results(found) == {
            ("web01", "recovery_points.min_count"): "pass",
            ("gone", "policy.exclude"): "not_applicable",
        }
        assert found[1]["message"] == "excluded by the policy: switched off in May"


class TestWaivers:
    @staticmethod
    def waiver(**members: Any) -> dict[str, Any]:
        given = {"workload": "WEB*", "control": "recovery_points.*", "until": "2026-12-31", "reason": "new, see T-1"}
        return {**given, **members}

    def test_covers_what_does_not_pass(self) -> None:
        policy = {"recovery_points": {"min_count": 40, "max_age": "26h"}}
        found = findings(row(), policy, waivers=[self.waiver()])
        assert [one["result"] for one in found] == ["waived", "pass"]
        assert found[0]["waiver"] == self.waiver()
        assert found[1]["waiver"] is None
        assert evaluate(row(), policy, waivers=[self.waiver()]).compliant

    @pytest.mark.parametrize(
        "members",
        [{"workload": "db*"}, {"control": "recovery_points.daily"}, {"control": "full.*"}, {"workload": "web0"}],
    )
    def test_covers_nothing_else(self, members: dict[str, Any]) -> None:
        result = finding(row(recovery_points=3), SEVEN, waivers=[self.waiver(**members)])
        assert (result["result"], result["waiver"]) == ("fail", None)

    @pytest.mark.parametrize(
        ("until", "result"),
        [
            ("2026-11-21", "waived"),
            ("2026-11-20", "fail"),
            ("2026-11-21T07:00:00Z", "waived"),
            ("2026-11-21T06:59:59.999999Z", "fail"),
            ("2026-11-21T07:00:00+01:00", "fail"),
        ],
    )
    def test_ends(self, until: str, result: str) -> None:
        found = finding(row(recovery_points=3), SEVEN, waivers=[self.waiver(until=until)])
        assert found["result"] == result
        if result == "fail":
            assert found["message"].endswith(f"(waiver ended: {until})")
            assert found["waiver"] == {**self.waiver(until=until), "expired": True}

    def test_an_ended_one_beside_a_standing_one(self) -> None:
        both = [self.waiver(until="2026-01-01"), self.waiver(reason="prolonged")]
        result = finding(row(recovery_points=3), SEVEN, waivers=both)
        assert (result["result"], result["waiver"]["reason"]) == ("waived", "prolonged")

    def test_never_makes_an_incomplete_read_pass(self) -> None:
        assessment = evaluate(read(row(), complete=False), SEVEN, waivers=[self.waiver(workload="*", control="*")])
        assert assessment.frame["totals"]["results"]["waived"] == 1
        assert not assessment.compliant

    def test_covers_a_missing_workload_by_its_name(self) -> None:
        waivers = [self.waiver(workload="new01", control="expected.exists")]
        found = findings(row(), SEVEN, expected=["new01"], waivers=waivers)
        assert results(found)["new01", "expected.exists"] == "waived"


class TestOtherNames:
    """Expected workloads with another name in the backup product, and unexpected workloads."""

    def test_an_expected_workload_has_another_name(self) -> None:
        rows = read(row(workload_name="WEB-PROD-1"))
        options = {"expected": ["web01"], "expected_names": {"Web01": "web-prod-1"}}
        assert results(findings(rows, SEVEN, **options))["WEB-PROD-1", "expected.exists"] == "pass"
        without = findings(rows, SEVEN, expected=["web01"])
        assert results(without)["web01", "expected.exists"] == "fail"

    def test_a_name_for_nobody_is_refused(self) -> None:
        with pytest.raises(OptionError, match=r"expected_names\.web02"):
            evaluate(read(row()), SEVEN, expected=["web01"], expected_names={"web02": "x"})

    @pytest.mark.parametrize(("unexpected", "result"), [("warn", "warn"), ("fail", "fail")])
    def test_points_that_nobody_expects(self, unexpected: str, result: str) -> None:
        rows = read(row(workload_name="web01"), row(workload_name="stranger"), row(workload_name=None))
        outcome = findings(rows, SEVEN, expected=["web01"], unexpected=unexpected)
        found = [(one["workload_name"], one["result"]) for one in outcome if one["control"] == "expected.unexpected"]
        assert found == [("stranger", result), (None, result)]

    def test_without_points_nobody_is_unexpected(self) -> None:
        rows = read(row(workload_name="web01"), row(workload_name="empty", recovery_points=0, newest=None))
        found = findings(rows, SEVEN, expected=["web01"], unexpected="fail")
        assert not [one for one in found if one["control"] == "expected.unexpected"]

    def test_unexpected_are_ignored_by_default_and_may_be_waived(self) -> None:
        rows = read(row(workload_name="web01"), row(workload_name="stranger"))
        assert not [one for one in findings(rows, SEVEN, expected=["web01"]) if one["control"] == "expected.unexpected"]
        waiver = {"workload": "stranger", "control": "expected.unexpected", "until": "2999-01-01", "reason": "known"}
        found = findings(rows, SEVEN, expected=["web01"], unexpected="fail", waivers=[waiver])
        assert results(found)["stranger", "expected.unexpected"] == "waived"

    def test_unexpected_need_expected_names(self) -> None:
        with pytest.raises(OptionError, match="unexpected: requires expected"):
            evaluate(read(row()), SEVEN, unexpected="fail")


class TestExpected:
    @pytest.mark.parametrize(
        ("name", "expected", "how", "result"),
        [
            ("web01", "WEB01", "exact", "pass"),
            ("web01.prod.example", "web01.prod.example", "exact", "pass"),
            ("web01.prod.example", "web01", "short", "pass"),
            ("web01", "web01.prod.example", "short", "pass"),
            ("web01.prod.example", "web01", "exact", "fail"),
            # They have the same first label and are two hosts.
            ("web01.prod.example", "web01.test.example", "short", "fail"),
            # An address is not a host name with labels either.
            ("10", "10.0.0.1", "short", "fail"),
            ("10.0.0.1", "10.0.0.1", "short", "pass"),
            ("fe80", "fe80::1", "short", "fail"),
        ],
    )
    def test_names(self, name: str, expected: str, how: str, result: str) -> None:
        found = findings(row(workload_name=name), SEVEN, expected=[expected], expected_match=how)
        assert messages(found, "expected.exists")[0][0] == result

    def test_a_missing_one_fails(self) -> None:
        found = findings(row(), SEVEN, expected=["web01", "db7"])
        assert messages(found, "expected.exists") == [
            ("pass", "found on vbr1"),
            ("fail", "expected workload not found on any server that was read"),
        ]
        assert evaluate(row(), SEVEN, expected=["db7"]).frame["totals"]["workloads"] == 2

    def test_missing_while_a_server_was_not_read_wholly_is_unknown(self) -> None:
        found = findings([read(row(), complete=False)], {**SEVEN}, expected=["db7"])
        (missing,) = [one for one in found if one["workload_name"] == "db7"]
        assert (missing["result"], missing["certainty"]) == ("unknown", "unknown")

    def test_named_twice_counts_once(self) -> None:
        found = findings(row(), SEVEN, expected=["db7", "DB7", "db7"])
        assert len(messages(found, "expected.exists")) == 1

    def test_removed_from_the_inventory_fails(self) -> None:
        found = findings(row(in_inventory=False), SEVEN, expected=["web01"])
        assert messages(found, "expected.exists") == [
            ("fail", "expected workload is no longer in the inventory of vbr1")
        ]

    @pytest.mark.parametrize(("in_inventory", "result"), [(None, "unknown"), (True, "pass")])
    def test_without_the_inventory_it_is_unknown(self, in_inventory: bool | None, result: str) -> None:
        blind = read(row(in_inventory=in_inventory), server={"host": "vbr1", "scope": {"inventory": False}})
        output = [one for one in findings(blind, SEVEN, expected=["web01"]) if one["control"] == "expected.exists"]
        assert output[0]["result"] == result
        if result == "unknown":
            assert output[0]["certainty"] == "unknown"
            assert "existence unknown: the inventory of vbr1 is not available to this account" in output[0]["message"]

    def test_an_old_read_proves_no_existence(self) -> None:
        found = findings(read(row()), SEVEN, expected=["web01"], as_of=NOW + 9 * DAY * SECOND)
        assert messages(found, "expected.exists")[0] == (
            "unknown",
            "found on vbr1, but data of vbr1 is older than 24h",
        )

    def test_of_several_rows_the_newest_in_inventory_is_judged(self) -> None:
        rows = read(
            row(workload_id="old", newest=ago(days=9), in_inventory=True, recovery_points=1),
            row(workload_id="gone", newest=ago(hours=1), in_inventory=False, recovery_points=2),
            row(workload_id="this", newest=ago(hours=5), in_inventory=True, recovery_points=8),
        )
        found = findings(rows, SEVEN, expected=["web01"])
        assert [(one["workload_id"], one["control"], one["result"]) for one in found] == [
            ("this", "expected.exists", "pass"),
            ("old", "expected.exists", "not_applicable"),
            ("gone", "expected.exists", "not_applicable"),
            ("this", "recovery_points.min_count", "pass"),
        ]
        assert found[0]["message"] == (
            "found on vbr1; evaluated row: vbr1, id this; not evaluated: vbr1, id old; vbr1, id gone"
        )

    @pytest.mark.parametrize(
        ("better", "worse"),
        [
            ({"in_inventory": True}, {"in_inventory": None}),
            ({"in_inventory": None}, {"in_inventory": False}),
            ({"newest": ago(days=20)}, {"newest": None}),
            ({"newest": ago(days=20), "in_inventory": True}, {"newest": ago(hours=1), "in_inventory": None}),
            # An excluded row is not evaluated, however new it is.
            ({"newest": ago(days=20)}, {"newest": ago(hours=1), "platform": "lab"}),
        ],
    )
    def test_which_of_several_rows_is_judged(self, better: dict[str, Any], worse: dict[str, Any]) -> None:
        both = (row(**{"workload_id": "better", **better}), row(**{"workload_id": "worse", **worse}))
        exclude = [{"match": {"platform": "lab"}, "reason": "a lab"}]
        for rows in (both, both[::-1]):
            found = findings(read(*rows), SEVEN, expected=["web01"], exclude=exclude)
            assert [one["workload_id"] for one in found if one["control"] == "recovery_points.min_count"] == ["better"]

    def test_the_finding_names_who_else_may_be_meant(self) -> None:
        found = findings(row(), SEVEN, expected=["web01.prod", "web01.test"])
        assert messages(found, "expected.exists")[0][1] == (
            "web01.prod matches only workload web01, which also matches web01.test"
        )

    def test_an_ambiguous_short_name_is_unknown(self) -> None:
        rows = read(row(workload_name="web01.prod"), row(workload_name="web01.test"))
        found = findings(rows, SEVEN, expected=["web01"])
        assert messages(found, "expected.exists") == [
            ("unknown", "web01 matches several workloads: web01.prod, web01.test. Use the full name")
        ]
        # Both are still evaluated.
        assert len(messages(found, "recovery_points.min_count")) == 2

    def test_one_row_cannot_answer_for_two_names(self) -> None:
        found = findings(row(), SEVEN, expected=["web01.prod", "web01.test"])
        assert [result for result, _message in messages(found, "expected.exists")] == ["unknown", "unknown"]
        found = findings(row(), SEVEN, expected=["web01", "web01.test"])
        assert [result for result, _message in messages(found, "expected.exists")] == ["pass", "unknown"]

    def test_an_excluded_workload_exists(self) -> None:
        found = findings(row(), SEVEN, expected=["web01"], exclude=[{"match": {"source": "*"}, "reason": "x"}])
        assert results(found) == {("web01", "expected.exists"): "pass", ("web01", "policy.exclude"): "not_applicable"}
