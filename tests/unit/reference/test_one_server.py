# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read results of one server: which of them apply."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.reference.estate import Point, Result
from tests.reference.examples import (
    AS_OF,
    DAY,
    HOUR,
    MONDAY,
    SUNDAY,
    TUESDAY,
    UNDATED,
    WEDNESDAY,
    assess,
    build_result,
    build_row,
    results,
    t,
    u,
)

COUNT = "recovery_points.min_count"
ONE = {"recovery_points": {"min_count": 1}}


def other(rows: list[Any], **changes: Any) -> Result:
    return build_result(rows, **{"host": "second.example.com", **changes})


class TestOneServer:
    NEWER_READ = AS_OF - HOUR
    NOT_LISTED = ("not_applicable", "not_applicable", "warn")

    def superseded(self, older: Result, newer: Result) -> list[str]:
        return results(assess(ONE, older, newer), "data.superseded")

    def test_newer_read_result_of_the_same_host(self) -> None:
        older = build_result([build_row(t(MONDAY)), build_row(t(MONDAY), workload_id="2")], read_at=AS_OF - DAY)
        newer = build_result([build_row([])], host="BACKUP.example.com", read_at=self.NEWER_READ)
        assessment = assess(ONE, older, newer, expected=["web01"])
        # The second workload is no longer listed.
        assert results(assessment, "data.superseded") == ["not_applicable", "not_applicable", "warn"]
        assert results(assessment, COUNT) == ["fail"]
        windowed = replace(newer, since=SUNDAY)
        assert results(assess(ONE, older, windowed), "data.superseded") == ["not_applicable"]
        windowed = replace(windowed, selection={"include_unprotected": True}, inventory_types=("vm",))
        assert results(assess(ONE, older, windowed), "data.superseded") == ["not_applicable"]
        # It lists no other workload, so the account may not see any.
        assert self.superseded(older, replace(newer, workloads=[])) == []

    def test_workload_without_points_that_is_not_listed(self) -> None:
        older = build_result([build_row([]), build_row([], workload_id="2")], read_at=AS_OF - DAY)
        newer = build_result([build_row([])], read_at=self.NEWER_READ, inventory_types=("vm",))
        assert self.superseded(older, newer) == ["not_applicable"]
        newer = replace(newer, selection={"include_unprotected": True})
        assert self.superseded(older, newer) == list(self.NOT_LISTED)
        assert self.superseded(older, replace(newer, inventory_types=("file_system",))) == ["not_applicable"]
        assert self.superseded(older, replace(newer, inventory_types=None)) == ["not_applicable"]
        unclear = replace(older, workloads=[build_row([]), build_row([], workload_id="2", in_inventory=None)])
        assert self.superseded(unclear, newer) == ["not_applicable"]

    def test_rights_of_the_newer_read_result(self) -> None:
        def run(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
            older = build_result([build_row(t(MONDAY))], read_at=AS_OF - DAY, scope=old)
            return self.superseded(older, build_result([build_row(t(TUESDAY))], read_at=self.NEWER_READ, scope=new))

        covered, both = ["not_applicable"], ["warn"]
        assert run({"tenant": "a"}, {"tenant": "a"}) == covered
        assert run({"tenant": "a"}, {"tenant": "b"}) == both
        assert run({"tenant": "a"}, {}) == both
        assert run({}, {"tenant": "a"}) == both
        assert run({"systems": False}, {"systems": True}) == covered
        assert run({"systems": True}, {"systems": False}) == both
        assert run({}, {"systems": True}) == covered
        assert run({}, {"systems": False}) == both

    def test_different_identities_are_never_one_server_here(self) -> None:
        rows = [build_row(t(MONDAY))]
        older = build_result(rows, identity="x", read_at=AS_OF - DAY)
        middle = build_result([build_row(t(MONDAY), workload_id="2")], read_at=AS_OF - DAY)
        newer = build_result([build_row(t(TUESDAY))], identity="y", read_at=self.NEWER_READ)
        # The read result without an identity links the others to one server. Both rows are evaluated.
        assert results(assess(ONE, older, middle, newer), COUNT) == ["pass", "pass"]
        assert results(assess(ONE, older, middle, replace(newer, identity="x")), COUNT) == ["pass"]

    def test_selection_of_the_newer_read_result(self) -> None:
        older = build_result([build_row(t(MONDAY))], read_at=AS_OF - DAY)
        newer = build_result([], read_at=self.NEWER_READ, selection={"workload_names": ["db7"]})
        assert results(assess(ONE, older, newer), COUNT) == ["pass"]

    def test_another_name_of_the_server(self) -> None:
        older = build_result([build_row(t(SUNDAY, MONDAY, TUESDAY))], identity="x", read_at=TUESDAY + 2 * HOUR)
        newer = other([build_row(t(SUNDAY, MONDAY, TUESDAY, WEDNESDAY))], identity="x", read_at=self.NEWER_READ)
        assert results(assess(ONE, older, newer), "data.superseded") == ["not_applicable"]
        lost = replace(newer, workloads=[build_row(t(MONDAY, TUESDAY, WEDNESDAY))])
        assessment = assess(ONE, older, lost, max_data_age="9d")
        assert results(assessment, COUNT) == ["pass", "pass"]
        assert results(assessment, "data.superseded") == ["warn"]
        unrelated = replace(lost, identity="y")
        assert results(assess(ONE, older, unrelated), "data.superseded") == []

    def test_newer_read_result_contains_the_older_one(self) -> None:
        points = t(SUNDAY, MONDAY, TUESDAY)
        read_at = TUESDAY + 2 * HOUR

        def run(old: list[Point], new: list[Point], **changes: Any) -> bool:
            older = build_result([build_row(old)], identity="x", read_at=read_at)
            newer = other([build_row(new)], identity="x", read_at=self.NEWER_READ, **changes)
            return self.superseded(older, newer) == ["not_applicable"]

        assert run(points, points)
        # Two points do not prove that it is the same workload, and undated points cannot be compared.
        assert not run(points[:2], points)
        assert not run([*points, UNDATED], [*points, UNDATED])
        for name, value in [("offsite", True), ("locations", (("A", None),)), ("expires_at", AS_OF), ("usable", None)]:
            changes: dict[str, Any] = {name: value}
            changed = replace(points[0], **changes)
            assert not run([changed, *points[1:]], points)
            assert not run(points, [changed, *points[1:]])
        # Only the newest points have a size.
        assert run([replace(points[0], size_bytes=5), *points[1:]], points)
        # It must not cover less time.
        assert not run(points, points, until=read_at - 1)
        assert run(points, points, until=read_at)

    def test_later_since_of_the_newer_read_result(self) -> None:
        points = t(SUNDAY, MONDAY, TUESDAY)
        older = build_result([build_row(points)], identity="x", read_at=AS_OF - 2 * HOUR)
        newer = other([build_row(points)], identity="x", read_at=self.NEWER_READ)
        for old, new, expected in [
            (None, SUNDAY, "warn"),
            (SUNDAY - 1, SUNDAY, "warn"),
            (SUNDAY, SUNDAY, "not_applicable"),
            (SUNDAY, None, "not_applicable"),
        ]:
            assert self.superseded(replace(older, since=old), replace(newer, since=new)) == [expected]

    def test_same_read_time(self) -> None:
        first = build_result([build_row([])])
        second = build_result([build_row(u(MONDAY))])
        assessment = assess(ONE, second, first)
        assert sorted(results(assessment, COUNT)) == ["fail", "unknown"]
        assert results(assessment, "data.superseded") == ["warn"]

    def test_same_read_result_twice(self) -> None:
        result = build_result([build_row(t(MONDAY))])
        assessment = assess(ONE, result, result)
        assert results(assessment, COUNT) == ["pass"]
        assert results(assessment, "data.superseded") == ["not_applicable"]
