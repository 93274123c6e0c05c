# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Scope: tiers, exclusions and waivers."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._core.errors import OptionError
from ansible_collections.backup.audit.plugins.module_utils._core.times import SECOND, parse_time
from tests.unit.plugins.module_utils._policy.policy_points import (
    EMPTY,
    NOW,
    SEVEN,
    evaluate,
    finding,
    findings,
    nightly,
    point,
    read,
    row,
)

FEW = nightly(3)


def results(result: list[dict[str, Any]]) -> dict[tuple[str, str], str]:
    """(name, control) -> result."""
    return {(one["workload_name"], one["control"]): one["result"] for one in result}


TIERS: list[dict[str, Any]] = [
    {"name": "gold", "match": {"workload_name": ["db*", "pay*"]}, "policy": {"recovery_points": {"min_count": 40}}},
    {"name": "vmware", "match": {"platform": "VMware", "workload_type": "vm"}, "policy": SEVEN},
]


class TestTiers:
    def test_the_first_match_applies(self) -> None:
        rows = read(row(name="DB1", id="1"), row(name="web01", id="2"), row(name="x", platform="hyperv", id="3"))
        found = findings(rows, {"policies": TIERS})
        assert results(found) == {
            ("DB1", "recovery_points.min_count"): "fail",
            ("web01", "recovery_points.min_count"): "pass",
            ("x", "policy.tier"): "fail",
        }
        assert [one["tier"] for one in found] == ["gold", "vmware", None]

    def test_a_last_tier_without_match_applies_to_the_rest(self) -> None:
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
            ({"product": "spectrum_protect_plus"}, False),
            ({"product": "veeam_*"}, True),
            ({"workload_id": "ID-1"}, True),
            ({"workload_name": "web[0-9]1"}, True),
            ({"workload_name": "web"}, False),
            ({"workload_name": ["db*", "WEB*"]}, True),
            ({"platform": "vmware", "workload_type": "database"}, False),
            ({"platform": "vmware", "workload_type": "vm"}, True),
        ],
    )
    def test_all_conditions_must_match_and_unknown_values_do_not(self, match: dict[str, Any], matches: bool) -> None:
        policies = [{"name": "only", "match": match, "policy": SEVEN}]
        assert (finding(row(), {"policies": policies})["control"] == "recovery_points.min_count") is matches

    def test_a_name_that_looks_like_a_pattern_matches_itself(self) -> None:
        policies = [{"name": "only", "match": {"workload_name": "vm[1]"}, "policy": SEVEN}]
        assert finding(row(name="VM[1]"), {"policies": policies})["result"] == "pass"

    def test_points_without_a_workload_are_evaluated(self) -> None:
        result = finding(row(FEW, name=None, id=None), SEVEN)
        assert (result["workload_name"], result["result"]) == (None, "fail")


class TestExclude:
    def test_an_excluded_workload_is_listed_with_the_reason(self) -> None:
        rows = read(row(), row(EMPTY, name="gone", id="id-2", in_inventory=False))
        found = findings(rows, SEVEN, exclude=[{"match": {"in_inventory": False}, "reason": "switched off in May"}])
        assert results(found) == {
            ("web01", "recovery_points.min_count"): "pass",
            ("gone", "policy.exclude"): "not_applicable",
        }
        (excluded,) = [one for one in found if one["control"] == "policy.exclude"]
        assert excluded["message"] == "excluded by the policy: switched off in May"
        assert evaluate(rows, SEVEN, exclude=[{"match": {"in_inventory": False}, "reason": "off"}]).compliant

    def test_an_excluded_workload_needs_no_tier(self) -> None:
        exclude = [{"match": {"platform": "hyperv"}, "reason": "moved"}]
        found = findings(row(platform="hyperv"), {"policies": TIERS}, exclude=exclude)
        assert [one["control"] for one in found] == ["policy.exclude"]


def waiver(**members: Any) -> dict[str, Any]:
    given = {"workload": "WEB*", "control": "recovery_points.*", "until": "2026-12-31", "reason": "new, see T-1"}
    return {**given, **members}


def waived(until: Any, *, as_of: int = NOW, **options: Any) -> dict[str, Any]:
    """Return the finding about a workload with too few points and a waiver."""
    read_result = read(row([point(days=1)]), read_at="2026-11-20T12:00:00Z")
    policy = options.pop("policy", SEVEN)
    given = {"waivers": [waiver(until=until)], "max_data_age": "400d", **options}
    return finding(read_result, policy, as_of=as_of, **given)


class TestWaivers:
    def test_a_waiver_covers_only_failures_by_default(self) -> None:
        policy = {
            "recovery_points": {
                "min_count": 40,
                "max_age": {"limit": "6h", "warn_at": "50%"},
                "min_retention": "29d",
            },
        }
        found = findings(row(), policy, waivers=[waiver()])
        assert [one["result"] for one in found] == ["waived", "warn", "pass"]
        assert found[0]["waiver"] == waiver()
        assert [one["waiver"] for one in found[1:]] == [None, None]
        assert [one["blocking"] for one in found] == [False, False, False]
        assert evaluate(row(), policy, waivers=[waiver()]).compliant

    @pytest.mark.parametrize("on_unknown", ["fail", "warn", "ignore"])
    def test_a_waiver_can_cover_unknown_results(self, on_unknown: str) -> None:
        policy = {"encrypted": {"all": True, "on_unknown": on_unknown}, **SEVEN}
        found = findings(row(), policy, waivers=[waiver(control="encrypted.all")])
        assert [(one["control"], one["result"]) for one in found] == [
            ("encrypted.all", "waived"),
            ("recovery_points.min_count", "pass"),
        ]

    @pytest.mark.parametrize(
        "members",
        [{"workload": "db*"}, {"control": "recovery_points.daily"}, {"control": "full.*"}, {"workload": "web0"}],
    )
    def test_a_waiver_covers_nothing_else(self, members: dict[str, Any]) -> None:
        result = finding(row(FEW), SEVEN, waivers=[waiver(**members)])
        assert (result["result"], result["waiver"]) == ("fail", None)

    @pytest.mark.parametrize(
        ("until", "result"),
        [
            # It is 07:00 on 21 November in UTC. A date includes its whole day.
            ("2026-11-21", "waived"),
            ("2026-11-20", "fail"),
            # A time is the exact end.
            ("2026-11-21T07:00:01Z", "waived"),
            ("2026-11-21T07:00:00Z", "fail"),
            ("2026-11-21T06:59:59.999999Z", "fail"),
            ("2026-11-21T08:00:01+01:00", "waived"),
            ("2026-11-21T07:00:01+01:00", "fail"),
        ],
    )
    def test_end_of_a_waiver(self, until: str, result: str) -> None:
        found = waived(until)
        assert found["result"] == result
        if result == "fail":
            assert found["message"].endswith(f"(waiver ended: {until})")
            assert found["waiver"] == {**waiver(until=until), "expired": True}

    @pytest.mark.parametrize(
        ("timezone", "last"),
        [
            # The date ends at 00:00 of 22 November there.
            ("UTC", "2026-11-21T23:59:59Z"),
            ("Europe/Berlin", "2026-11-21T22:59:59Z"),
            ("America/New_York", "2026-11-22T04:59:59Z"),
            ("Asia/Kolkata", "2026-11-21T18:29:59Z"),
        ],
    )
    @pytest.mark.parametrize("day_start", ["00:00", "12:00"])
    @pytest.mark.parametrize("place", ["next to the policy", "in the policy", "in the tier", "both"])
    def test_a_date_ends_in_the_time_zone_of_the_policy(
        self, timezone: str, last: str, day_start: str, place: str
    ) -> None:
        calendar = {"timezone": timezone, "day_start": day_start}
        places: dict[str, dict[str, Any]] = {
            "next to the policy": calendar,
            "in the policy": {"policy": {**SEVEN, **calendar}},
            "in the tier": {"policy": {"policies": [{"name": "x", "policy": {**SEVEN, **calendar}}]}},
            "both": {
                "policy": {"policies": [{"name": "x", "policy": {**SEVEN, **calendar}}]},
                "timezone": "Asia/Tokyo",
            },
        }
        options = places[place]
        end = parse_time(last)
        assert waived("2026-11-21", as_of=end, **options)["result"] == "waived"
        assert waived("2026-11-21", as_of=end + SECOND, **options)["result"] == "fail"

    @pytest.mark.parametrize(
        ("until", "timezone", "accepted"),
        [
            # 366 days after as_of, 21 November 07:00 UTC.
            ("2027-11-22T07:00:00Z", "UTC", True),
            ("2027-11-22T07:00:01Z", "UTC", False),
            ("2027-11-21", "UTC", True),
            ("2027-11-22", "UTC", False),
            # In Auckland (13 hours ahead), 22 November ends at 11:00 UTC; in Kiritimati (14 hours), at 10:00.
            ("2027-11-22", "Pacific/Auckland", False),
            ("2027-11-22", "Pacific/Kiritimati", False),
            ("2027-11-21", "Pacific/Pago_Pago", False),
            ("2027-11-20", "Pacific/Pago_Pago", True),
        ],
    )
    def test_a_waiver_ends_within_366_days(self, until: str, timezone: str, accepted: bool) -> None:
        if accepted:
            assert waived(until, timezone=timezone)["result"] == "waived"
            return
        with pytest.raises(OptionError, match=rf"waivers\[0\]\.until: {until} is more than 366 days after as_of"):
            waived(until, timezone=timezone)

    @pytest.mark.parametrize("until", ["9999-12-31", "9000-12-31", "9999-12-31T23:59:59Z"])
    @pytest.mark.parametrize("timezone", ["UTC", "Europe/Berlin", "America/New_York"])
    def test_waivers_must_end(self, until: str, timezone: str) -> None:
        with pytest.raises(OptionError, match=r"waivers\[0\]\.until: "):
            waived(until, timezone=timezone)

    def test_366_days_are_counted_from_as_of(self) -> None:
        """They are not counted from now. This also applies to waivers that cover nothing."""
        with pytest.raises(OptionError, match="366 days"):
            evaluate(row(), SEVEN, waivers=[waiver(workload="nothing", until="2999-01-01")])
        as_of = parse_time("2027-12-01T00:00:00Z")
        assert waived("2028-11-30", as_of=as_of, max_data_age="400d")["result"] == "waived"

    def test_an_expired_waiver_next_to_a_valid_one(self) -> None:
        both = [waiver(until="2026-01-01"), waiver(reason="prolonged")]
        result = finding(row(FEW), SEVEN, waivers=both)
        assert (result["result"], result["waiver"]["reason"]) == ("waived", "prolonged")

    def test_the_later_of_two_expired_waivers_is_reported(self) -> None:
        waivers = [waiver(until=day) for day in ("2026-11-02", "2026-11-19", "2026-11-11")]
        result = finding(row(FEW), SEVEN, waivers=waivers)
        assert (result["result"], result["waiver"]["until"]) == ("fail", "2026-11-19")

    def test_a_waiver_does_not_cover_an_incomplete_read(self) -> None:
        assessment = evaluate(read(row(), complete=False), SEVEN, waivers=[waiver(workload="*", control="*")])
        assert assessment.frame["totals"]["results"]["waived"] == 1
        assert not assessment.compliant

    def test_a_waiver_does_not_cover_a_workload_without_a_tier(self) -> None:
        everything = [waiver(workload="*", control="*")]
        rows = read(row(), row(name="x", id="id-2", platform="hyperv"))
        found = findings(rows, {"policies": TIERS}, waivers=everything)
        assert results(found)["x", "policy.tier"] == "fail"
        for control in ("policy.tier", "policy.proof", "data.complete", "data.*"):
            with pytest.raises(OptionError, match=r"waivers\[0\]\.control: unknown control"):
                evaluate(rows, SEVEN, waivers=[waiver(control=control)])

    def test_a_waiver_is_not_a_proof(self) -> None:
        everything = [waiver(workload="*", control="*")]
        assert not evaluate(row(FEW), SEVEN, waivers=everything).compliant
        assert evaluate(read(row(FEW), row(name="db01", id="id-2")), SEVEN, waivers=everything).compliant

    def test_a_waiver_covers_a_missing_workload_by_name(self) -> None:
        waivers = [waiver(workload="new01", control="expected.exists")]
        found = findings(row(), SEVEN, expected=["new01"], waivers=waivers)
        assert results(found)["new01", "expected.exists"] == "waived"
