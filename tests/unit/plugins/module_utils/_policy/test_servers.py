# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server that is read more than once does not count twice; see also test_server_copies.py."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from tests.unit.plugins.module_utils._policy.policy_points import (
    EMPTY,
    SEVEN,
    Row,
    ago,
    evaluate,
    finding,
    findings,
    nightly,
    point,
    read,
    row,
)

ADDED = {"by": "workload_name", "independent": True}
# Four hours before NOW. The newest of the nightly points is an hour older.
EARLIER = "2026-11-21T03:00:00Z"
FEW = nightly(2)


def about_servers(results: list[dict[str, Any]], **options: Any) -> list[tuple[str, str, str]]:
    """Return (workload, result, message) of the findings about rows of one server."""
    found = evaluate(results, SEVEN, **options).plain()["findings"]
    return [
        (each["workload_name"], each["result"], each["message"]) for each in found if "superseded" in each["control"]
    ]


def evaluated(results: list[dict[str, Any]], **options: Any) -> list[tuple[str, int]]:
    """Return (workload, number of recovery points) of the evaluated rows, sorted."""
    found = findings(results, SEVEN, **options)
    return sorted(
        (each["workload_name"], each["actual"]) for each in found if each["control"] == "recovery_points.min_count"
    )


class TestOneServer:
    """Which read results belong to one server."""

    @pytest.mark.parametrize("order", [1, -1])
    @pytest.mark.parametrize(
        ("one", "other", "same"),
        [
            # By identity, regardless of other differences.
            ({"identity": "A"}, {"identity": "A", "host": "vbr2"}, True),
            ({"identity": "A"}, {"identity": "A", "product": "spp"}, True),
            ({"identity": "A"}, {"identity": "a"}, False),
            ({"identity": "A"}, {"identity": "B"}, False),
            # By product and host, if one of them has no identity.
            ({}, {}, True),
            ({"identity": "A"}, {}, True),
            ({"identity": "A"}, {"host": "vbr2"}, False),
            ({}, {"host": "vbr2"}, False),
            ({}, {"product": "spp"}, False),
            ({"identity": "A"}, {"product": "spp"}, False),
            # Host names are compared case-insensitively, ports and paths exactly.
            ({"host": "VBR1"}, {"host": "vbr1"}, True),
            ({"host": "VBR1.Example"}, {"host": "vbr1"}, False),
            ({"host": "vbr1:9419"}, {"host": "VBR1:9419"}, True),
            ({"host": "vbr1:9419"}, {"host": "vbr1:9420"}, False),
            ({"host": "NAS/Repo"}, {"host": "nas/Repo"}, True),
            ({"host": "nas/Repo"}, {"host": "nas/repo"}, False),
            ({"host": "/srv/Repo"}, {"host": "/srv/repo"}, False),
        ],
    )
    def test_pairs(self, one: dict[str, Any], other: dict[str, Any], same: bool, order: int) -> None:
        results = [read(row(), server=one, read_at=EARLIER), read(row(), server=other)][::order]
        assert bool(about_servers(results)) is same

    @pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
    @pytest.mark.parametrize(
        ("servers", "count"),
        [
            # The one without an identity matches the first and the last, so all are one server.
            ([{"identity": "A"}, {}, {"identity": "B"}], 7),
            ([{"identity": "A"}, {"host": "vbr2"}, {"identity": "A", "host": "vbr2"}], 7),
            ([{"identity": "A"}, {"identity": "B"}, {"identity": "A", "host": "vbr2"}], 14),
            ([{"identity": "A"}, {"identity": "B"}, {"identity": "C"}], 21),
            ([{"host": "vbr1"}, {"host": "VBR1"}, {"host": "vbr2"}], 14),
        ],
    )
    def test_groups(self, servers: list[dict[str, Any]], count: int, order: tuple[int, ...]) -> None:
        """If A and B are one server, and B and C are one server, all three are."""
        parts = [
            read(row([point(days=7 * number + day) for day in range(7)], origin=f"esx{number}"), server=servers[number])
            for number in range(3)
        ]
        found = finding([parts[number] for number in order], {"recovery_points": {"min_count": 99}}, combine=ADDED)
        assert (found["actual"], found["result"]) == (count, "fail")


class TestNewer:
    @pytest.mark.parametrize("order", [1, -1])
    @pytest.mark.parametrize("options", [{}, {"expected": ["web01"]}, {"combine": {"by": "workload_name"}}])
    def test_the_newer_read_result_is_evaluated(self, order: int, options: dict[str, Any]) -> None:
        """The order and the content of the older one do not matter."""
        results = [read(row(), read_at=EARLIER), read(row(FEW))][::order]
        assert evaluated(results, **options) == [("web01", 2)]
        text = "not evaluated: a newer read result of vbr1 contains this workload"
        assert about_servers(results, **options) == [("web01", "not_applicable", text)]
        assert evaluate(results, SEVEN, **options).plain()["totals"]["workloads"] == 1

    @pytest.mark.parametrize("order", [1, -1])
    @pytest.mark.parametrize("version", ["1", "2", "3"])
    def test_at_the_same_time_neither_is_newer(self, order: int, version: str) -> None:
        """Regardless of which one has the larger digest."""
        results = [read(row(FEW)), read(row(), server={"version": version})][::order]
        assert evaluated(results) == [("web01", 2), ("web01", 30)]
        assert [result for _name, result, _text in about_servers(results)] == ["warn"]

    @pytest.mark.parametrize("order", [1, -1])
    def test_at_the_same_time_neither_proves_that_a_workload_is_gone(self, order: int) -> None:
        results = [read(WEB, DB), read(WEB)][::order]
        assert ("db01", 30) in evaluated(results)

    @pytest.mark.parametrize("others", [[], [{"read_at": EARLIER}]])
    def test_the_same_read_result_twice_counts_once(self, others: list[dict[str, Any]]) -> None:
        results = [read(row()), read(row()), *(read(row(FEW), **one) for one in others)]
        for given in itertools.permutations(results):
            assert evaluated(list(given)) == [("web01", 30)]
            about = {result for _name, result, _text in about_servers(list(given))}
            assert about == {"not_applicable"}

    @pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
    def test_two_identities_are_two_servers_also_next_to_a_result_without_one(self, order: tuple[int, ...]) -> None:
        """The result without an identity makes them one server, but not one installation."""
        servers = [{}, {"identity": "A"}, {"identity": "B"}]
        times = [EARLIER, "2026-11-21T04:00:00Z", "2026-11-21T05:00:00Z"]
        results = [
            read(row(nightly(8 + number)), server=server, read_at=time)
            for number, (server, time) in enumerate(zip(servers, times, strict=True))
        ]
        assert evaluated([results[number] for number in order]) == [("web01", 9), ("web01", 10)]

    @pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
    def test_the_newest_of_three_is_evaluated(self, order: tuple[int, ...]) -> None:
        times = ["2026-11-21T06:00:00Z", "2026-11-21T06:30:00Z", "2026-11-21T07:00:00Z"]
        results = [read(row(nightly(8 + number)), read_at=time) for number, time in enumerate(times)]
        assert evaluated([results[number] for number in order]) == [("web01", 10)]

    @pytest.mark.parametrize(
        "other", [{"id": "id-2"}, {"type": "database"}, {"origin": "another"}, {"host": "vbr2"}, {"id": None}]
    )
    def test_another_workload_is_kept(self, other: dict[str, Any]) -> None:
        """Each row is evaluated, for example virtual machines from one task and databases from another."""
        newer = read(row(FEW, **other), selection={"workload_names": ["nothing"]})
        assert evaluated([read(row(), read_at=EARLIER), newer]) == [("web01", 2), ("web01", 30)]

    def test_without_an_id_the_name_distinguishes_workloads(self) -> None:
        one, other = row(id=None), row(FEW, id=None, name="web02")
        limited = {"workload_names": ["web02"]}
        assert evaluated([read(one, read_at=EARLIER), read(other, selection=limited)]) == [("web01", 30), ("web02", 2)]
        assert evaluated([read(one, read_at=EARLIER), read(row(FEW, id=None))]) == [("web01", 2)]


WEB, DB = row(nightly(9), in_inventory=True), row(name="db01", id="id-2", in_inventory=True)
EXPECTED = {"expected": ["web01", "db01"]}
UNPROTECTED: dict[str, Any] = {"selection": {"include_unprotected": True}}


def both(newer: dict[str, Any], older: dict[str, Any] | None = None, db: Row = DB) -> list[dict[str, Any]]:
    """Build a read result with web01 and db01, and a newer one of the same server with only web01."""
    return [read(WEB, db, read_at=EARLIER, **(older or {})), read(WEB, **newer)]


class TestNoLongerListed:
    @pytest.mark.parametrize("order", [1, -1])
    def test_a_workload_missing_in_the_newer_result_is_not_proven(self, order: int) -> None:
        results = both({})[::order]
        assert sorted(about_servers(results)) == [
            ("db01", "not_applicable", "not evaluated: a newer read result of vbr1 no longer lists this workload"),
            ("db01", "warn", "not evaluated: a newer read result of vbr1 no longer lists this workload"),
            ("web01", "not_applicable", "not evaluated: a newer read result of vbr1 contains this workload"),
        ]
        assert evaluated(results) == [("web01", 9)]
        missing = [each for each in findings(results, SEVEN, **EXPECTED) if each["control"] == "expected.exists"]
        assert [(each["workload_name"], each["result"]) for each in missing] == [("web01", "pass"), ("db01", "fail")]

    def test_an_incomplete_newer_result_applies_and_proves_nothing(self) -> None:
        """The missing workload may be in the part that was not read."""
        results = both({"complete": False})
        found = findings(results, SEVEN, **EXPECTED)
        assert [(each["workload_name"], each["control"], each["result"]) for each in found] == [
            ("web01", "expected.exists", "unknown"),
            ("db01", "expected.exists", "unknown"),
            ("web01", "recovery_points.min_count", "unknown"),
        ]

    @pytest.mark.parametrize("order", [1, -1])
    @pytest.mark.parametrize(
        ("newer", "older"),
        [
            # The selection does not include db01.
            ({"selection": {"workload_names": ["web*"]}}, {}),
            ({"selection": {"workload_types": ["database"]}}, {}),
            # Another account, another tenant, other limits, fewer permissions.
            ({"selection": {"account": "tenant7"}}, {"selection": {"account": "audit"}}),
            ({"selection": {"tenant": True}}, {}),
            ({}, {"selection": {"stanza": "main"}}),
            ({"server": {"scope": {"copies": False}}}, {"server": {"scope": {"copies": True}}}),
            ({"server": {"scope": {"inventory": False}}}, {}),
            # A permission that the newer result does not report, or that only it reports as missing.
            ({"server": {"scope": {}}}, {}),
            ({}, {"server": {"scope": {"inventory": True, "copies": True}}}),
            ({}, {"server": {"scope": {"inventory": True, "copies": False}}}),
            ({"server": {"scope": {"inventory": True, "copies": False}}}, {}),
            # The part of the server that an account sees.
            ({"server": {"scope": {"inventory": True, "tenant": "acme"}}}, {}),
            ({}, {"server": {"scope": {"inventory": True, "tenant": "acme"}}}),
            (
                {"server": {"scope": {"inventory": True, "tenant": "acme"}}},
                {"server": {"scope": {"inventory": True, "tenant": "other"}}},
            ),
            # Only workloads with points in a window.
            ({"selection": {"since": ago(days=1)}}, {}),
            ({"selection": {"until": ago(days=1)}}, {}),
            ({"selection": {"include_unprotected": False, "since": ago(days=1)}}, {}),
            ({"selection": {"include_unprotected": True, "since": ago(days=1)}}, {}),
            ({"selection": {"include_unprotected": True, "until": ago(days=1)}}, {}),
            # Another server, or another installation at the same address.
            ({"server": {"host": "vbr2"}}, {}),
            ({"server": {"identity": "new"}}, {"server": {"identity": "old"}}),
            # The same server may list other workloads through another address.
            ({"server": {"host": "vbr2", "identity": "A"}}, {"server": {"identity": "A"}}),
        ],
    )
    def test_a_result_with_another_scope_supersedes_nothing(
        self, newer: dict[str, Any], older: dict[str, Any], order: int
    ) -> None:
        assert ("db01", 30) in evaluated(both(newer, older)[::order])

    @pytest.mark.parametrize("order", [1, -1])
    @pytest.mark.parametrize(
        ("newer", "older"),
        [
            ({"selection": {"workload_names": ["web*", "DB??"], "workload_types": ["vm"]}}, {}),
            ({"server": {"host": "VBR1", "identity": "A"}}, {}),
            # The window of the older one does not matter.
            ({}, {"selection": {"since": ago(days=30), "until": ago(hours=4)}}),
            # It covers a part that the older one did not cover or report.
            ({"server": {"scope": {"inventory": True, "copies": True}}}, {}),
            (
                {"server": {"scope": {"inventory": True, "copies": True}}},
                {"server": {"scope": {"inventory": True, "copies": False}}},
            ),
            # Both cover the same part.
            (
                {"server": {"scope": {"inventory": True, "copies": False, "tenant": "acme"}}},
                {"server": {"scope": {"inventory": True, "copies": False, "tenant": "acme"}}},
            ),
        ],
    )
    def test_a_result_with_the_same_scope_supersedes_the_workload(
        self, newer: dict[str, Any], older: dict[str, Any], order: int
    ) -> None:
        assert "db01" not in dict(evaluated(both(newer, older)[::order]))

    @pytest.mark.parametrize("order", [1, -1])
    @pytest.mark.parametrize("selection", [{}, {"include_unprotected": True}])
    def test_a_result_without_workloads_supersedes_nothing(self, selection: dict[str, Any], order: int) -> None:
        """An account without permissions gets the same result."""
        older, newer = both({})[0], read(selection=selection)
        assert evaluated([older, newer][::order]) == [("db01", 30), ("web01", 9)]

    @pytest.mark.parametrize("order", [1, -1])
    @pytest.mark.parametrize(
        ("newer", "older", "set_aside"),
        [
            # A result without unprotected workloads does not prove that it no longer exists.
            ({}, {}, False),
            ({"selection": {"include_unprotected": False}}, {}, False),
            (UNPROTECTED, {}, True),
            # Neither does a result with a window or without the inventory.
            ({"selection": {"include_unprotected": True, "since": ago(days=1)}}, {}, False),
            ({**UNPROTECTED, "server": {"scope": {"inventory": False}}}, {}, False),
            # Nor does an inventory of other or unknown types.
            ({**UNPROTECTED, "server": {"inventory_types": ["database", "vm"]}}, {}, True),
            ({**UNPROTECTED, "server": {"inventory_types": ["database"]}}, {}, False),
            ({**UNPROTECTED, "server": {"inventory_types": []}}, {}, False),
            ({**UNPROTECTED, "server": {"inventory_types": None}}, {}, False),
            # It must have been in the inventory before.
            (UNPROTECTED, {"in_inventory": None}, False),
            (UNPROTECTED, {"in_inventory": False}, False),
            (UNPROTECTED, {"type": None}, False),
        ],
    )
    def test_a_workload_that_was_never_backed_up(
        self, newer: dict[str, Any], older: dict[str, Any], set_aside: bool, order: int
    ) -> None:
        db = row(**{"points": EMPTY, "name": "db01", "id": "id-2", "in_inventory": True, **older})
        # Limits of the older result do not matter.
        scope = {"server": {"scope": {"inventory": False}}} if "scope" in newer.get("server", {}) else {}
        results = both(newer, {**UNPROTECTED, **scope}, db)[::order]
        assert (("db01", 0) not in evaluated(results)) is set_aside
        assert evaluate(results, SEVEN).compliant is set_aside


@pytest.mark.parametrize(
    ("results", "options"),
    [
        ([read(WEB), read(row(host="spp1", name="db01"))], {}),
        ([read(WEB, read_at=EARLIER), read(WEB)], {}),
        (both({}), EXPECTED),
        ([read(WEB), read(row(FEW, host="vbr2"))], {"combine": ADDED}),
        ([read(WEB), read(row(FEW, host="vbr2"))], {"expected": ["web01"]}),
        ([read(WEB), read(row(FEW))], {"expected": ["web01"]}),
        ([read(WEB, complete=False), read(row(host="vbr2"), complete=False)], {"expected": ["db01"]}),
    ],
)
def test_the_order_of_the_read_results_never_matters(results: list[dict[str, Any]], options: dict[str, Any]) -> None:
    first, second = (evaluate(given, SEVEN, **options).compress() for given in (results, results[::-1]))
    assert (first == second) is True
