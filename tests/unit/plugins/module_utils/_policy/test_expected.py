# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Expected names: matching workloads, and their existence."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._collect.result import ReadResult, open_result
from ansible_collections.backup.audit.plugins.module_utils._core.errors import OptionError
from ansible_collections.backup.audit.plugins.module_utils._core.times import DAY, SECOND
from ansible_collections.backup.audit.plugins.module_utils._policy.data_checks import Failure
from ansible_collections.backup.audit.plugins.module_utils._policy.evaluate import assess
from tests.unit.plugins.module_utils._policy.policy_points import (
    EMPTY,
    NOW,
    SEVEN,
    VERSION,
    Row,
    ago,
    evaluate,
    findings,
    messages,
    nightly,
    point,
    read,
    row,
)

ONE = [point(hours=5)]
RECENT = {"recovery_points": {"max_age": "26h"}}


def existing(**members: Any) -> Row:
    """Build a workload that the inventory lists."""
    return row(**{"in_inventory": True, **members})


def existences(read_results: Any, policy: Any = SEVEN, **options: Any) -> list[tuple[str, str]]:
    """(result, message) of expected.exists."""
    return messages(findings(read_results, policy, **options), "expected.exists")


class TestNames:
    @pytest.mark.parametrize(
        ("name", "expected", "how", "result"),
        [
            ("web01", "WEB01", "exact", "pass"),
            ("web01.prod.example", "web01.prod.example", "exact", "pass"),
            ("web01.prod.example", "Web01", "short", "pass"),
            ("WEB01", "web01.prod.example", "short", "pass"),
            ("web01.prod.example", "web01", "exact", "fail"),
            # They have the same first label but are two hosts.
            ("web01.prod.example", "web01.test.example", "short", "fail"),
            ("web01.prod.example", "web01.prod", "short", "fail"),
            # An IP address is not a host name with labels either.
            ("10", "10.0.0.1", "short", "fail"),
            ("10.0.0.1", "10.0.0.1", "short", "pass"),
            ("fe80", "fe80::1", "short", "fail"),
        ],
    )
    def test_match(self, name: str, expected: str, how: str, result: str) -> None:
        found = existences(existing(name=name), expected=[expected], expected_match=how)
        assert [one for one, _message in found] == [result]

    def test_short_is_the_default(self) -> None:
        assert existences(existing(name="web01.prod"), expected=["web01"])[0][0] == "pass"

    def test_the_full_name_takes_precedence(self) -> None:
        """The short name is then not ambiguous, and the other workload is not expected."""
        rows = read(existing(), existing(name="web01.prod", id="id-2"))
        found = findings(rows, SEVEN, expected=["web01"], unexpected="fail")
        assert [(one["workload_name"], one["control"]) for one in found if one["control"].startswith("expected")] == [
            ("web01", "expected.exists"),
            ("web01.prod", "expected.unexpected"),
        ]

    def test_an_ambiguous_short_name_is_unknown(self) -> None:
        rows = read(existing(name="web01.prod"), existing(name="web01.test", id="id-2"))
        found = findings(rows, SEVEN, expected=["web01"])
        assert messages(found, "expected.exists") == [
            ("unknown", "web01 matches several workloads: web01.prod, web01.test. Use the full name")
        ]
        # Both are still evaluated.
        assert len(messages(found, "recovery_points.min_count")) == 2

    def test_two_names_for_one_workload_are_unknown(self) -> None:
        assert existences(existing(), expected=["web01.prod", "web01.test"]) == [
            ("unknown", "web01.prod matches only workload web01, which also matches web01.test"),
            ("unknown", "web01.test matches only workload web01, which also matches web01.prod"),
        ]

    @pytest.mark.parametrize("how", ["short", "exact"])
    @pytest.mark.parametrize(
        ("expected", "names"),
        [
            (["web01", "www"], {"www": "WEB01"}),
            (["www", "web01"], {"www": "WEB01"}),
            (["a", "b"], {"a": "web01", "b": "Web01"}),
        ],
    )
    def test_two_names_that_are_replaced_by_one_are_unknown(
        self, expected: list[str], names: dict[str, str], how: str
    ) -> None:
        found = findings(existing(), SEVEN, expected=expected, expected_names=names, expected_match=how)
        assert [result for result, _message in messages(found, "expected.exists")] == ["unknown", "unknown"]
        assert not messages(found, "policy.expected")

    @pytest.mark.parametrize("on_unknown", ["fail", "warn", "ignore"])
    def test_an_ambiguous_name_always_blocks(self, on_unknown: str) -> None:
        policy = {**SEVEN, "on_unknown": on_unknown}
        found = findings(existing(), policy, expected=["web01.prod", "web01.test"])
        assert [one["blocking"] for one in found if one["control"] == "expected.exists"] == [True, True]
        assert not evaluate(existing(), policy, expected=["web01.prod", "web01.test"]).compliant

    @pytest.mark.parametrize(
        ("expected", "options", "results"),
        [
            (["web01", "web01"], {}, ["pass", "warn"]),
            (["web01", "WEB01"], {"expected_match": "exact"}, ["pass", "warn"]),
            (["db7", "DB7"], {}, ["fail", "warn"]),
            # Only with hostname_match: short, these are one name.
            (["web01", "web01.prod"], {}, ["pass", "warn"]),
            (["web01", "web01.prod"], {"expected_match": "exact"}, ["fail", "pass"]),
            (["web01", "web01.prod", "WEB01", "Web01.prod"], {}, ["pass", "warn", "warn", "warn"]),
        ],
    )
    def test_equal_names_are_merged_with_a_warning(
        self, expected: list[str], options: dict[str, Any], results: list[str]
    ) -> None:
        found = findings(existing(), SEVEN, expected=expected, **options)
        about = [one["result"] for one in found if one["control"] in ("expected.exists", "policy.expected")]
        assert sorted(about) == results

    @pytest.mark.parametrize(
        ("name", "expected", "results"),
        [
            # The longer name applies, so the other machine with this first label does not match.
            ("web01.prod", ["web01", "web01.test"], {"web01.test": "fail"}),
            ("web01.test", ["web01", "web01.test"], {"web01.test": "pass"}),
            ("web01", ["web01", "web01.test"], {"web01.test": "pass"}),
            ("web01.prod", ["web01", "WEB01.Test"], {"WEB01.Test": "fail"}),
            # With two longer names, the short one is a separate name.
            (
                "web01.prod",
                ["web01", "web01.prod", "web01.test"],
                {"web01": "unknown", "web01.prod": "unknown", "web01.test": "fail"},
            ),
        ],
    )
    def test_a_short_name_and_a_longer_one(self, name: str, expected: list[str], results: dict[str, str]) -> None:
        for order in itertools.permutations(expected):
            found = findings(existing(name=name), SEVEN, expected=list(order))
            about = [one for one in found if one["control"] == "expected.exists"]
            assert sorted(one["result"] for one in about) == sorted(results.values())
            if len(results) == 1:
                (only,) = results
                assert [result for result, _message in messages(found, "policy.expected")] == ["warn"]
                assert about[0]["workload_name"] == (only if about[0]["result"] == "fail" else name)
            missing = [one["workload_name"] for one in about if one["result"] == "fail"]
            assert missing == [one for one, result in results.items() if result == "fail"]

    def test_a_workload_with_another_name(self) -> None:
        options = {"expected": ["web01"], "expected_names": {"Web01": "web-prod-1"}}
        assert existences(existing(name="WEB-PROD-1"), **options) == [
            ("pass", "found on vbr1 (expected name: web01)"),
        ]
        assert existences(existing(name="WEB-PROD-1"), expected=["web01"])[0][0] == "fail"
        # Its own name is replaced.
        assert existences(existing(name="web01"), **options)[0][0] == "fail"

    def test_another_name_for_a_name_that_is_not_expected_is_rejected(self) -> None:
        with pytest.raises(OptionError, match=r"expected_names\.web02"):
            evaluate(row(), SEVEN, expected=["web01"], expected_names={"web02": "x"})


class TestExistence:
    def test_a_missing_workload_fails(self) -> None:
        assert existences(existing(), expected=["web01", "db7"]) == [
            ("pass", "found on vbr1"),
            ("fail", "expected workload not found on any server that was read"),
        ]

    def test_missing_workloads_are_counted_separately(self) -> None:
        """They do not raise the number of workloads."""
        frame = evaluate(existing(), SEVEN, expected=["web01", "db7", "db8"]).frame
        assert frame["totals"]["workloads"] == 1
        assert frame["totals"]["verdicts"]["fail"] == 0
        assert frame["totals"]["missing"]["fail"] == 2
        assert frame["headline"] == "Not compliant: 1 of 1 workload passed; 2 expected workloads not found"

    def test_a_missing_workload_is_unknown_if_a_server_was_partially_read(self) -> None:
        found = findings(read(existing(), complete=False), SEVEN, expected=["db7"])
        (missing,) = [one for one in found if one["workload_name"] == "db7"]
        assert (missing["result"], missing["certainty"], missing["blocking"]) == ("unknown", "unknown", True)

    def test_a_missing_workload_is_unknown_if_a_server_could_not_be_read(self) -> None:
        results: list[ReadResult | Failure] = [open_result(read(existing())), Failure("vbr2", "refused")]
        options = {"expected": ["db7"]}
        found = assess(results, SEVEN, as_of=NOW, collection_version=VERSION, options=options).plain()["findings"]
        text = "expected workload not found on any server that was read; not read or only partially read: vbr2"
        assert messages(found, "expected.exists") == [("unknown", text)]

    def test_removed_from_the_inventory_fails(self) -> None:
        text = "expected workload is no longer in the inventory of vbr1"
        assert existences(row(in_inventory=False), expected=["web01"]) == [("fail", text)]

    @pytest.mark.parametrize(
        ("server", "kind", "policy", "result"),
        [
            # The product can report the inventory of virtual machines, and did not.
            ({}, "vm", RECENT, "unknown"),
            ({"scope": {"inventory": False}}, "vm", RECENT, "unknown"),
            ({"inventory_types": ["database", "vm"]}, "vm", RECENT, "unknown"),
            # It is unknown which types it can report.
            ({"inventory_types": None}, "vm", RECENT, "unknown"),
            # It has no inventory of this type, so a recent recovery point proves that the workload exists.
            ({"inventory_types": ["vm"]}, "database", RECENT, "pass"),
            ({"inventory_types": []}, "vm", RECENT, "pass"),
            # A workload of unknown type may be in the inventory.
            ({"inventory_types": []}, None, RECENT, "unknown"),
            ({"inventory_types": ["vm"]}, None, RECENT, "unknown"),
            ({"inventory_types": [], "scope": {}}, "vm", RECENT, "pass"),
            (
                {"inventory_types": []},
                "vm",
                {"recovery_points": {"max_age": {"limit": "6h", "warn_at": "50%"}}},
                "pass",
            ),
            # The newest recovery point is too old, or the policy does not limit the age.
            ({"inventory_types": []}, "vm", {"recovery_points": {"max_age": "4h"}}, "unknown"),
            ({"inventory_types": []}, "vm", SEVEN, "unknown"),
            ({"inventory_types": []}, "vm", {"offsite": {"max_age": "26h"}}, "unknown"),
            ({"inventory_types": [], "clock_skew_seconds": 4000}, "vm", RECENT, "unknown"),
        ],
    )
    def test_an_unknown_inventory(
        self, server: dict[str, Any], kind: str | None, policy: dict[str, Any], result: str
    ) -> None:
        sealed = read(row(type=kind), server=server)
        found = findings(sealed, policy, expected=["web01"])
        (one,) = [each for each in found if each["control"] == "expected.exists"]
        assert (one["result"], one["blocking"]) == (result, result == "unknown")
        assert (one["certainty"] == "unknown") is (result == "unknown")

    def test_the_age_is_that_of_the_tier_of_the_workload(self) -> None:
        policies = [
            {"name": "one", "match": {"workload_name": "web*"}, "policy": {"recovery_points": {"max_age": "4h"}}},
            {"name": "two", "policy": RECENT},
        ]
        sealed = read(row(), row(name="db01", id="id-2"), server={"inventory_types": []})
        found = findings(sealed, {"policies": policies}, expected=["web01", "db01"])
        assert {one["workload_name"]: one["result"] for one in found if one["control"] == "expected.exists"} == {
            "web01": "unknown",
            "db01": "pass",
        }

    def test_an_incomplete_read_result_does_not_prove_existence(self) -> None:
        text = "found on vbr1, but vbr1 was only partially read"
        assert existences(read(existing(), complete=False), expected=["web01"]) == [("unknown", text)]
        gone = read(row(in_inventory=False), complete=False)
        assert existences(gone, expected=["web01"])[0][0] == "fail"

    def test_an_old_read_result_does_not_prove_existence(self) -> None:
        text = "found on vbr1, but data of vbr1 is older than 24h"
        assert existences(existing(), expected=["web01"], as_of=NOW + 9 * DAY * SECOND) == [("unknown", text)]

    def test_existence_does_not_prove_backups(self) -> None:
        policy = {"encrypted": {"all": True, "on_unknown": "ignore"}}
        assert existences(existing(), policy, expected=["web01"])[0][0] == "pass"
        assert not evaluate(existing(), policy, expected=["web01"]).compliant

    @pytest.mark.parametrize(("exists", "expected"), [(True, "not_applicable"), (False, "fail"), (None, "unknown")])
    def test_an_excluded_workload_does_not_pass(self, exists: bool | None, expected: str) -> None:
        """It must exist, but as no rule is evaluated for it, it must not count as compliant."""
        rows = read(row(nightly(8), in_inventory=exists))
        found = findings(rows, SEVEN, expected=["web01"], exclude=[{"match": {"source": "*"}, "reason": "x"}])
        assert [(one["control"], one["result"]) for one in found if not one["control"].startswith("data")] == [
            ("expected.exists", expected),
            ("policy.exclude", "not_applicable"),
        ]


class TestSeveralRows:
    """All rows with a name are evaluated. One of them determines whether the workload exists."""

    def test_the_finding_lists_other_rows(self) -> None:
        rows = read(
            row([point(days=9)], id="old", in_inventory=True),
            row([point(hours=1), point(hours=2)], id="gone", in_inventory=False),
            row(nightly(8), id="this", in_inventory=True),
        )
        found = findings(rows, SEVEN, expected=["web01"])
        text = "found on vbr1: vbr1, id this; other rows with this name: vbr1, id old; vbr1, id gone"
        assert messages(found, "expected.exists") == [("pass", text)]
        counts = {one["workload_id"]: one["result"] for one in found if one["control"] == "recovery_points.min_count"}
        assert counts == {"old": "fail", "gone": "fail", "this": "pass"}

    @pytest.mark.parametrize(
        ("better", "worse"),
        [
            ({"in_inventory": True}, {"in_inventory": None}),
            ({"in_inventory": None}, {"in_inventory": False}),
            ({"points": [point(days=20)], "in_inventory": True}, {"points": ONE, "in_inventory": None}),
            ({"points": [point(days=20)]}, {"points": EMPTY}),
            ({"points": [point(days=20)]}, {"points": [point(days=21), point(days=30)]}),
            # Only certain recovery points count.
            ({"points": [point(days=20)]}, {"points": [point(hours=5, usable=None)]}),
            ({"points": [point(days=20)]}, {"points": [point(hours=5, usable=False)]}),
            ({"points": [point(days=20)]}, {"points": [point(hours=5, kind="snapshot")]}),
            ({"points": [point(days=20)]}, {"points": [point(hours=5, kind="unknown")]}),
            ({"points": [point(days=20)]}, {"points": EMPTY, "counted": 9}),
            # The first source, type and id.
            ({"host": "a", "id": "9"}, {"host": "b", "id": "1"}),
            ({"type": "database", "id": "9"}, {"type": "vm", "id": "1"}),
            ({"id": "1"}, {"id": "2"}),
        ],
    )
    def test_which_one_applies(self, better: dict[str, Any], worse: dict[str, Any]) -> None:
        pair = [
            row(**{"points": ONE, "in_inventory": True, **one}) for one in ({"id": "1", **better}, {"id": "2", **worse})
        ]
        for rows in itertools.permutations(pair):
            sealed = [read(one) for one in rows] if pair[0].host != pair[1].host else [read(*rows)]
            found = findings(sealed, SEVEN, expected=["web01"])
            (one,) = [each for each in found if each["control"] == "expected.exists"]
            assert (one["source"], one["workload_id"]) == (pair[0].host, pair[0].workload.id)
            assert len(messages(found, "recovery_points.min_count")) == 2

    def test_rows_of_several_servers(self) -> None:
        results = [read(existing(points=[point(days=2)])), read(existing(host="spp1", id="77"))]
        for given in (results, results[::-1]):
            found = findings(given, SEVEN, expected=["web01"])
            assert {(one["source"], one["control"], one["result"]) for one in found} == {
                ("spp1", "expected.exists", "pass"),
                ("spp1", "recovery_points.min_count", "pass"),
                ("vbr1", "recovery_points.min_count", "fail"),
            }

    def test_a_superseded_workload_does_not_exist(self) -> None:
        """The newer read result of the server no longer lists it."""
        older = read(existing(), existing(name="db01", id="id-2"), read_at=ago(hours=4))
        found = existences([older, read(existing())], expected=["db01"])
        assert [result for result, _message in found] == ["fail"]


class TestUnexpected:
    @pytest.mark.parametrize(("unexpected", "result"), [("warn", "warn"), ("fail", "fail")])
    def test_workloads_that_are_not_expected(self, unexpected: str, result: str) -> None:
        rows = read(existing(), row(name="stranger", id="id-2"), row(name=None, id="id-3"))
        found = findings(rows, SEVEN, expected=["web01"], unexpected=unexpected)
        about = {(one["workload_name"], one["result"]) for one in found if one["control"] == "expected.unexpected"}
        assert about == {("stranger", result), (None, result)}

    def test_without_recovery_points_a_workload_is_not_unexpected(self) -> None:
        rows = read(existing(), row(EMPTY, name="empty", id="id-2"))
        found = findings(rows, SEVEN, expected=["web01"], unexpected="fail")
        assert not messages(found, "expected.unexpected")

    def test_they_are_ignored_by_default_and_can_be_excluded_or_waived(self) -> None:
        rows = read(existing(), row(name="stranger", id="id-2"))
        assert not messages(findings(rows, SEVEN, expected=["web01"]), "expected.unexpected")
        assert not messages(findings(rows, SEVEN, expected=["web01"], unexpected="ignore"), "expected.unexpected")
        given: dict[str, Any] = {"expected": ["web01"], "unexpected": "fail"}
        exclude = [{"match": {"workload_name": "stranger"}, "reason": "known"}]
        assert not messages(findings(rows, SEVEN, exclude=exclude, **given), "expected.unexpected")
        waiver = {"workload": "stranger", "control": "expected.unexpected", "until": "2026-12-31", "reason": "known"}
        assert messages(findings(rows, SEVEN, waivers=[waiver], **given), "expected.unexpected")[0][0] == "waived"

    def test_it_requires_expected_names(self) -> None:
        with pytest.raises(OptionError, match="unexpected: requires expected"):
            evaluate(row(), SEVEN, unexpected="fail")
        with pytest.raises(OptionError, match="unexpected: 'perhaps' is not"):
            evaluate(row(), SEVEN, expected=["web01"], unexpected="perhaps")


@pytest.mark.parametrize(
    ("names", "expected", "suffix"),
    [
        (["ERP-Prod"], ["erp-prd"], ". Similar name: ERP-Prod"),
        (["web01"], ["erp-prd"], ""),
        # An expected name is not suggested as the correct spelling of another one.
        (["erp-prod"], ["erp-prd", "erp-prod"], ""),
        # If very many are missing, names are not compared because it would take minutes.
        (["erp-prod"], ["erp-prd", *(f"m{number}" for number in range(100))], ""),
        ([f"erp-{number:03}" for number in range(500)], ["erp-1x0"], ". Similar name: erp-210"),
    ],
)
def test_similar_names(names: list[str], expected: list[str], suffix: str) -> None:
    found = findings(read(*(row(name=name, id=name) for name in names)), SEVEN, expected=expected)
    (missing,) = [one for one in found if one["workload_name"] == expected[0] and one["control"] == "expected.exists"]
    assert missing["message"] == f"expected workload not found on any server that was read{suffix}"
