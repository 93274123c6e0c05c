# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read results of one server that list the same points: the older one may be superseded, and counts are not added."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.plugins.module_utils._policy.policy_points import (
    EMPTY,
    ago,
    finding,
    moment,
    nightly,
    point,
    read,
    row,
)
from tests.unit.plugins.module_utils._policy.test_servers import ADDED, EARLIER, about_servers, evaluated

ALL_KNOWN: dict[str, Any] = {
    "encrypted": True,
    "restore_tested": True,
    "tested_at": moment(hours=4, seconds=60),
    "integrity_checked": True,
    "checked_at": moment(hours=4, seconds=60),
    "immutable": True,
    "immutable_until": moment(days=-30),
    "expires_at": moment(days=-30),
    "malware": "clean",
    "locations": [("repo", "disk")],
}
# One attribute, location or time differs.
OTHER: dict[str, Any] = {
    "encrypted": False,
    "usable": None,
    "kind": "full",
    "status": "failed",
    "malware": "infected",
    "offsite": True,
    "locations": [("mirror", "disk")],
    "inferred": ("encrypted",),
    "tested_at": moment(hours=4),
    "checked_at": None,
    "immutable_until": moment(days=-29),
    "expires_at": None,
}


class TestContained:
    """A newer result that lists the workload, but has a different selection."""

    @pytest.mark.parametrize("order", [1, -1])
    @pytest.mark.parametrize(
        ("older", "newer", "counts"),
        [
            # All points of the older one are in the newer one.
            (nightly(9), nightly(9), [9]),
            ([*nightly(9)][3:], nightly(9), [9]),
            ([*nightly(9)][:3], nightly(9), [9]),
            # There are fewer than three points.
            ([*nightly(9)][:2], nightly(9), [2, 9]),
            ([*nightly(9)][:1], nightly(9), [1, 9]),
            # One point is missing.
            ([*nightly(9), point(days=20)], nightly(9), [9, 10]),
            ([point(hours=7)], nightly(9), [1, 9]),
            ([point(hours=5, seconds=1)], nightly(9), [1, 9]),
            (EMPTY, nightly(9), [0, 9]),
            (EMPTY, EMPTY, [0, 0]),
            # The newer result has only one of two points of a second.
            ([*nightly(9), point(hours=5)], nightly(9), [9, 10]),
            (nightly(9), [*nightly(9), point(hours=5)], [10]),
            # A point without a time.
            ([*nightly(9), point(created=0, usable=None)], nightly(9), [9, 9]),
            ([*nightly(9), point(created=0, usable=None)], [*nightly(9), point(created=0, usable=None)], [9, 9]),
            (nightly(9), [*nightly(9), point(created=0, usable=None)], [9]),
        ],
    )
    def test_points(self, older: list[Any], newer: list[Any], counts: list[int], order: int) -> None:
        results = [
            read(row(older, host="em1"), server={"identity": "A"}, read_at=EARLIER),
            read(row(newer), server={"identity": "A"}),
        ][::order]
        assert [count for _name, count in evaluated(results)] == counts
        (about,) = about_servers(results)
        assert about[1] == ("not_applicable" if len(counts) == 1 else "warn")

    @pytest.mark.parametrize("order", [1, -1])
    @pytest.mark.parametrize(
        ("older", "newer", "counts"),
        [
            # The point from 20 days ago is not in the common window.
            ({"since": ago(days=10)}, {}, [9]),
            ({"since": ago(days=10)}, {"since": ago(days=11)}, [9]),
            ({"since": ago(days=10)}, {"since": ago(days=10)}, [9]),
            ({"until": ago(days=1), "since": ago(days=10)}, {}, [9]),
            ({}, {}, [9, 10]),
            ({"since": ago(days=30)}, {}, [9, 10]),
            # Fewer than three points are in it.
            ({"since": ago(days=2, hours=5)}, {}, [9]),
            ({"since": ago(days=2, hours=4)}, {}, [9, 10]),
            # The newer result hides time that the older one covers.
            ({}, {"since": ago(days=10)}, [9, 10]),
            ({"since": ago(days=10)}, {"since": ago(days=9)}, [9, 10]),
            ({"since": ago(days=10)}, {"until": EARLIER}, [9]),
            ({"since": ago(days=10)}, {"until": ago(hours=4, seconds=1)}, [9, 10]),
            ({"since": ago(days=10), "until": ago(days=1)}, {"until": ago(days=1)}, [9]),
            ({"since": ago(days=10), "until": ago(days=1)}, {"until": ago(days=1, seconds=1)}, [9, 10]),
        ],
    )
    def test_only_the_common_window_counts(
        self, older: dict[str, Any], newer: dict[str, Any], counts: list[int], order: int
    ) -> None:
        results = [
            read(row([*nightly(9), point(days=20)]), selection={"account": "a", **older}, read_at=EARLIER),
            read(row(nightly(9)), selection={"account": "b", **newer}),
        ][::order]
        assert [count for _name, count in evaluated(results)] == counts

    @pytest.mark.parametrize("order", [1, -1])
    @pytest.mark.parametrize(
        ("older", "newer", "set_aside"),
        [
            (ALL_KNOWN, {}, True),
            *((ALL_KNOWN, {name: value}, False) for name, value in OTHER.items()),
            # Its size does not matter.
            (ALL_KNOWN, {"size_bytes": 9}, True),
        ],
    )
    def test_a_copy_with_other_attributes(
        self, older: dict[str, Any], newer: dict[str, Any], set_aside: bool, order: int
    ) -> None:
        """A mirror has points of the same seconds, which may have fewer attributes."""
        results = [
            read(row(nightly(9, **older), host="a"), server={"identity": "A"}, read_at=EARLIER),
            read(
                row([*nightly(8, **older), *nightly(9, **{**older, **newer})[8:]], host="b"), server={"identity": "A"}
            ),
        ][::order]
        assert len(evaluated(results)) == (1 if set_aside else 2)

    @pytest.mark.parametrize("order", [1, -1])
    def test_both_are_evaluated_with_a_warning_if_neither_is_superseded(self, order: int) -> None:
        results = [
            read(row([point(days=3)]), selection={"account": "a"}, read_at=EARLIER),
            read(row(nightly(9)), selection={"account": "b"}),
        ][::order]
        text = (
            "two read results of one server list this workload, vbr1, id id-1 and vbr1, id id-1; "
            "both are evaluated, because the newer one does not cover the older one"
        )
        assert about_servers(results) == [("web01", "warn", text)]
        assert evaluated(results) == [("web01", 1), ("web01", 9)]


class TestNeverAdded:
    """combine with independent: the points of one server count once."""

    @pytest.mark.parametrize("order", [1, -1])
    @pytest.mark.parametrize(("identity", "actual"), [("spp:4711", 7), (None, 14)])
    def test_one_server_under_two_names(self, order: int, identity: str | None, actual: int) -> None:
        """It is recognized by its identity, although all points differ because it was read at two times."""
        known = {"product": "spp", **({"identity": identity} if identity else {})}
        results = [
            read(row([point(days=30 + day) for day in range(7)], host="a"), server=known, read_at=EARLIER),
            read(row(nightly(7), host="b"), server=known),
        ][::order]
        found = finding(results, {"recovery_points": {"min_count": 14}}, combine=ADDED)
        assert (found["actual"], found["result"]) == (actual, "pass" if actual == 14 else "fail")

    @pytest.mark.parametrize("order", [1, -1])
    @pytest.mark.parametrize(("origin", "actual"), [("vbr1", 7), ("VBR1", 7), ("vbr2", 14)])
    def test_a_server_that_is_also_read_through_another_one(self, order: int, origin: str, actual: int) -> None:
        """It is read directly, and as the origin of rows of another server with a different identity."""
        results = [
            read(row([point(days=30 + day) for day in range(7)]), server={"identity": "A"}),
            read(row(nightly(7), host="em1", origin=origin), server={"identity": "B", "product": "em"}),
        ][::order]
        found = finding(results, {"recovery_points": {"min_count": 14}}, combine=ADDED)
        assert (found["actual"], found["result"]) == (actual, "pass" if actual == 14 else "fail")

    @pytest.mark.parametrize("order", [1, -1])
    @pytest.mark.parametrize(
        ("points", "identity", "members", "actual"),
        [
            # At least three points with the same times, regardless of ids and products.
            (nightly(4), {}, {}, 4),
            (nightly(4), {"id": "id-2"}, {}, 4),
            (nightly(4), {}, {"server": {"product": "spp"}}, 4),
            (nightly(5), {}, {}, 5),
            ([point(days=day, hours=5, seconds=1) for day in range(4)], {}, {}, 8),
            # Three common points mean one server, two common points mean two servers.
            ([*nightly(3), point(days=9), point(days=10)], {}, {}, 5),
            ([*nightly(2), point(days=9), point(days=10)], {}, {}, 8),
            ([*nightly(2), point(hours=5)], {}, {}, 4),
            # All points of one server are common, at least one.
            (nightly(2), {}, {}, 4),
            (nightly(1), {}, {}, 4),
            ([point(hours=5), point(hours=6)], {}, {}, 6),
            ([point(hours=5, kind="snapshot"), *(point(days=day) for day in (9, 10, 11, 12))], {}, {}, 8),
            # Only the last nights are in the common window.
            (nightly(3), {}, {"selection": {"since": ago(days=2, hours=6)}}, 4),
            (nightly(2), {}, {"selection": {"since": ago(days=1, hours=6)}}, 4),
            ([point(hours=5), point(days=9)], {}, {"selection": {"since": ago(days=1)}}, 4),
            ([point(days=9), point(days=10)], {}, {"selection": {"since": ago(hours=4)}}, 6),
        ],
    )
    def test_the_same_points_of_two_servers(
        self, points: list[Any], identity: dict[str, Any], members: dict[str, Any], actual: int, order: int
    ) -> None:
        results = [read(row(nightly(4))), read(row(points, host="vbr2", **identity), **members)][::order]
        found = finding(results, {"recovery_points": {"min_count": 4}}, combine=ADDED)
        assert (found["actual"], found["result"]) == (actual, "pass")
