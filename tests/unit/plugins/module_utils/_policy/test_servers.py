# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server that is read more than once does not count twice."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.plugins.module_utils._policy.policy_rows import ago, evaluate, finding, findings, read, row

SEVEN = {"recovery_points": {"min_count": 7}}
ADDED = {"by": "workload_name", "independent": True}
EARLIER = "2026-11-21T03:00:00Z"
BEFORE = {"newest": ago(days=3), "oldest": ago(days=60)}


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("options", [{}, {"expected": ["web01"]}, {"combine": {"by": "workload_name"}}])
def test_the_later_read_is_judged(order: int, options: dict[str, Any]) -> None:
    """In any order, and regardless of the content of the older one."""
    read_results = [read(row(recovery_points=30), read_at=EARLIER), read(row(recovery_points=2))][::order]
    found = findings(read_results, SEVEN, **options)
    assert [each["actual"] for each in found if each["control"] == "recovery_points.min_count"] == [2]
    text = [
        each
        for each in evaluate(read_results, SEVEN, **options).plain()["findings"]
        if each["control"] == "data.superseded"
    ]
    assert [(each["result"], each["workload_name"]) for each in text] == [("not_applicable", "web01")]
    assert evaluate(read_results, SEVEN, **options).plain()["totals"]["workloads"] == 1


def test_of_two_reads_of_one_moment_one_is_judged() -> None:
    assert len(findings([read(row()), read(row())], SEVEN)) == 1


@pytest.mark.parametrize(
    "other",
    [
        {"workload_id": "id-2"},
        {"workload_type": "database"},
        {"origin": "another"},
        {"source": "vbr2"},
        {"workload_id": None},
    ],
)
def test_reads_may_tell_a_server_in_parts(other: dict[str, Any]) -> None:
    """Machines from one task and databases from another: each row is kept."""
    assert len(findings([read(row(), read_at=EARLIER), read(row(**other))], SEVEN)) == 2


def test_without_an_id_the_name_tells_them_apart() -> None:
    one, other = row(workload_id=None), row(workload_id=None, workload_name="web02")
    assert len(findings([read(one, read_at=EARLIER), read(other)], SEVEN)) == 2
    assert len(findings([read(one, read_at=EARLIER), read(one)], SEVEN)) == 1


@pytest.mark.parametrize(
    ("second", "count"),
    [
        # Another view may lag behind, truncate fractions of a second, or use other ids.
        ({}, 4),
        ({"newest": BEFORE["newest"]}, 4),
        ({"oldest": BEFORE["oldest"], "newest": ago(hours=5).replace("Z", ".25Z")}, 4),
        ({"workload_id": "urn:1"}, 4),
        (BEFORE, 8),
        ({"newest": ago(hours=5, seconds=1), "oldest": ago(days=30, seconds=1)}, 8),
        # The newest of one is the oldest of the other: two adjacent histories.
        ({"newest": ago(days=30), "oldest": ago(days=60)}, 8),
        ({"newest": None, "oldest": None}, 8),
    ],
)
def test_views_of_one_server_are_not_added_up(second: dict[str, Any], count: int) -> None:
    four = {"recovery_points": 4, "attributes": {"recovery_points": {"count": 4}}}
    other = row(**{**four, "source": "em", **second})
    result = finding([read(row(**four)), read(other, server={"host": "em"})], SEVEN, combine=ADDED)
    assert result["actual"] == count
    assert result["result"] == ("pass" if count == 8 else "fail")
    assert ("belong to one server and count once" in result["message"]) is (count == 4)


WEB, DB = row(), row(workload_name="db01", workload_id="id-2")
EXPECTED = {"expected": ["web01", "db01"]}


def of_two_reads(newer: dict[str, Any], older: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    """Build an older read result with web01 and db01, and a newer one of the same server with only web01."""
    before = {"selection": {}, **(older or {})}
    return [read(WEB, DB, read_at=EARLIER, **before), read(WEB, **{"selection": {}, **newer})]


@pytest.mark.parametrize("order", [1, -1])
def test_a_workload_that_the_newer_result_no_longer_lists_is_not_proved(order: int) -> None:
    results = of_two_reads({})[::order]
    found = evaluate(results, SEVEN).plain()["findings"]
    assert [
        (each["workload_name"], each["result"], each["message"])
        for each in found
        if each["control"] == "data.superseded"
    ] == [
        ("web01", "not_applicable", "not evaluated: a newer read result of vbr1 contains this workload"),
        ("db01", "warn", "not evaluated: a newer read result of vbr1 no longer lists this workload"),
    ]
    assert [each["workload_name"] for each in found if each["control"] == "recovery_points.min_count"] == ["web01"]
    missing = [each for each in findings(results, SEVEN, **EXPECTED) if each["control"] == "expected.exists"]
    assert [(each["workload_name"], each["result"]) for each in missing] == [("web01", "pass"), ("db01", "fail")]


def test_an_incomplete_newer_result_is_still_the_one() -> None:
    """The missing workload may be in the part that was not read."""
    results = of_two_reads({"complete": False})
    missing = [each for each in findings(results, SEVEN, **EXPECTED) if each["control"] == "expected.exists"]
    assert [(each["workload_name"], each["result"]) for each in missing] == [("web01", "unknown"), ("db01", "unknown")]


@pytest.mark.parametrize(
    ("newer", "older"),
    [
        # What was asked for does not include db01, or it is not known what was asked for.
        ({"selection": {"workload_names": ["web*"]}}, {}),
        ({"selection": {"workload_types": ["database"]}}, {}),
        ({"selection": None}, {}),
        ({}, {"selection": None}),
        # Another account, another tenant, fewer rights.
        ({"selection": {"account": "tenant7"}}, {"selection": {"account": "audit"}}),
        ({"selection": {"tenant": True}}, {}),
        ({"server": {"host": "vbr1", "product": "spp", "scope": {"inventory": False}}}, {}),
        # Only workloads with points in a window.
        ({"window": {"since": ago(days=1)}}, {}),
        (
            {
                "selection": {"include_unprotected": True},
                "window": {"since": ago(days=1)},
                "server": {"host": "vbr1", "product": "spp"},
            },
            {},
        ),
        # Another server, or another installation at the same address.
        ({"server": {"host": "vbr2", "product": "spp"}}, {}),
        (
            {"server": {"host": "vbr1", "identity": "spp:new"}},
            {"server": {"host": "vbr1", "identity": "spp:old"}},
        ),
    ],
)
def test_a_result_that_may_leave_the_workload_out_replaces_nothing(
    newer: dict[str, Any], older: dict[str, Any]
) -> None:
    found = evaluate(of_two_reads(newer, older), SEVEN).plain()["findings"]
    assert "db01" in [each["workload_name"] for each in found if each["control"] == "recovery_points.min_count"]


@pytest.mark.parametrize(
    "newer",
    [
        {"selection": {"workload_names": ["web*", "DB??"], "workload_types": ["vm"]}},
        {"selection": {"include_unprotected": True}, "window": {"since": ago(days=1)}},
        {"server": {"host": "vbr1", "product": "spp", "scope": {"inventory": True}}},
    ],
)
def test_a_result_that_would_list_the_workload_replaces_it(newer: dict[str, Any]) -> None:
    found = evaluate(of_two_reads(newer), SEVEN).plain()["findings"]
    assert "db01" not in [each["workload_name"] for each in found if each["control"] == "recovery_points.min_count"]


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize(("identity", "actual"), [("spp:4711", 7), (None, 14)])
def test_points_of_one_server_under_two_names_are_never_added(order: int, identity: str | None, actual: int) -> None:
    """By its identity, although the newest and the oldest points differ, because it was read at two times."""
    servers = [{"host": host, "product": "spp", **({"identity": identity} if identity else {})} for host in ("a", "b")]
    results = [
        read(row(source="a", recovery_points=7, **BEFORE), server=servers[0]),
        read(row(source="b", recovery_points=7), server=servers[1]),
    ][::order]
    found = finding(results, {"recovery_points": {"min_count": 14}}, combine=ADDED)
    assert found["actual"] == actual
    assert found["result"] == ("pass" if actual == 14 else "fail")


def test_a_server_that_is_also_read_through_another_one_does_not_count_twice() -> None:
    """Directly with its identity, and as the origin of rows of another server, which has an identity of its own."""
    results = [
        read(row(recovery_points=7, **BEFORE), server={"host": "vbr1", "product": "spp", "identity": "spp:4711"}),
        read(
            row(source="em1", origin="vbr1", recovery_points=7),
            server={"host": "em1", "product": "em", "identity": "em:1"},
        ),
    ]
    found = finding(results, {"recovery_points": {"min_count": 14}}, combine=ADDED)
    assert (found["actual"], found["result"]) == (7, "fail")
