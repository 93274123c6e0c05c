# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From points to results: less knowledge, or more points that prove nothing, never passes more rules."""

from __future__ import annotations

import dataclasses
import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.backup.audit.plugins.module_utils._collect.periods import Calendar
from ansible_collections.backup.audit.plugins.module_utils._collect.result import shrink_row
from ansible_collections.backup.audit.plugins.module_utils._collect.summary import Summary
from ansible_collections.backup.audit.plugins.module_utils._core.model import (
    COUNTING_KINDS,
    KINDS,
    RecoveryPoint,
    Workload,
)
from ansible_collections.backup.audit.plugins.module_utils._core.times import DAY, SECOND
from tests.unit.plugins.module_utils._policy.policy_rows import NOW, evaluate, findings, read

WORKLOAD = Workload(id="1", name="db01", type="vm", in_inventory=True)
# One rule of each type for each attribute; limits that points of these days meet or miss.
POLICY: dict[str, Any] = {
    "recovery_points": {
        "min_count": 3,
        "max_age": "2d",
        "min_retention": "6d",
        "max_gap": {"limit": "20d", "within": "14d"},
        "daily": 2,
        "weekly": 2,
        "monthly": 2,
    },
    "full": {"min_count": 1, "max_age": "7d", "min_retention": "6d"},
    "restore_tested": {"min_count": 1, "max_age": "7d"},
    "integrity_checked": {"min_count": 2, "all": True},
    "offsite": {"min_count": 1, "max_age": "2d"},
    "immutable": {"min_count": 1, "all": True},
    "encrypted": {"all": True},
    "malware": {"none": True},
    "on_unknown": "ignore",
}
_FACTS = ("restore_tested", "integrity_checked", "encrypted", "offsite", "immutable")
_FACT = st.sampled_from([True, True, False, None])


def _ago(days: float) -> int:
    return NOW - round(days * DAY * SECOND)


_DAYS = (0.1, 0.9, 1.5, 2.5, 4, 6, 7, 8, 30, 40)
POINT = st.builds(
    RecoveryPoint,
    id=st.integers(0, 10**9).map(str),
    workload=st.just(WORKLOAD),
    created=st.sampled_from([_ago(days) for days in _DAYS]),
    kind=st.sampled_from(["full", "incremental", "incremental", "synthetic_full", "unknown", "snapshot"]),
    status=st.sampled_from(["success", "unknown"]),
    usable=st.sampled_from([True, True, True, None, False]),
    restore_tested=_FACT,
    tested_at=st.sampled_from([None, _ago(0.05), _ago(5)]),
    integrity_checked=_FACT,
    checked_at=st.sampled_from([None, _ago(0.05)]),
    encrypted=_FACT,
    offsite=_FACT,
    immutable=_FACT,
    malware=st.sampled_from(["clean", "clean", "clean", None, "infected"]),
    inferred=st.sampled_from([(), (), ("immutable",), ("encrypted", "offsite")]),
)
POINTS = st.lists(POINT, max_size=8, unique_by=lambda point: point.id)


def build_row(points: list[RecoveryPoint]) -> dict[str, Any]:
    """Build the row in its compact form."""
    summary = Summary("vbr1", "veeam_backup_replication", NOW, Calendar())
    summary.add_workload(WORKLOAD)
    for point in points:
        summary.add(dataclasses.replace(point))
    (row,) = summary.rows()
    return shrink_row(row)


def results(points: list[RecoveryPoint]) -> dict[str, str]:
    """Control -> result."""
    return {finding["control"]: finding["result"] for finding in findings(read(build_row(points)), POLICY)}


def passed(points: list[RecoveryPoint]) -> set[str]:
    """Return the rules that pass with these points."""
    return {control for control, result in results(points).items() if result == "pass"}


def test_points_that_prove_all_pass_all() -> None:
    """Otherwise the properties below would be trivially true."""
    good: dict[str, Any] = {**dict.fromkeys(_FACTS, True), "usable": True, "malware": "clean", "workload": WORKLOAD}
    points = [
        RecoveryPoint(
            id=str(day), created=_ago(day + 0.1), kind="full", tested_at=_ago(0.05), checked_at=_ago(0.05), **good
        )
        for day in range(40)
    ]
    assert set(results(points).values()) == {"pass"}
    assert set(results([]).values()) == {"fail"}


_WORSE: list[dict[str, Any]] = [
    {},
    {"usable": False},
    {"kind": "snapshot"},
    {"malware": "infected"},
    {"size_bytes": None},
]


@st.composite
def weaker(draw: st.DrawFn) -> tuple[list[RecoveryPoint], list[RecoveryPoint]]:
    """Generate points, and the same points with some facts not reported."""
    points = draw(POINTS)
    less = []
    for point in points:
        lost = draw(st.sets(st.sampled_from([*_FACTS, "usable", "malware", "tested_at", "checked_at"]), max_size=3))
        changes: dict[str, Any] = dict.fromkeys(lost)
        if "usable" in lost and point.usable is False:
            # Points known to be unusable are never counted; points of unknown usability leave doubt.
            del changes["usable"]
        less.append(dataclasses.replace(point, **changes))
    return points, less


@settings(max_examples=200)
@given(weaker())
def test_a_fact_that_is_not_told_never_makes_a_pass(pair: tuple[list[RecoveryPoint], list[RecoveryPoint]]) -> None:
    points, less = pair
    assert passed(less) <= passed(points)


def test_a_doubtful_point_may_begin_a_gap_that_is_too_long() -> None:
    """If it counted, the gap after it would fail; if it did not, the workload would be new."""
    old, certain = (
        RecoveryPoint(id=str(days), workload=WORKLOAD, created=_ago(days), usable=True) for days in (40, 0.1)
    )
    for usable, result in ((True, "fail"), (None, "unknown"), (False, "pass")):
        output = results([dataclasses.replace(old, usable=usable), certain])
        assert output["recovery_points.max_gap"] == result


@settings(max_examples=200)
@given(POINTS, POINT, st.sampled_from(sorted(COUNTING_KINDS)))
def test_a_point_of_which_it_is_unknown_whether_it_is_one_never_makes_a_pass(
    points: list[RecoveryPoint], more: RecoveryPoint, kind: str
) -> None:
    doubt = dataclasses.replace(more, id="more", usable=None, kind=kind)
    assert passed([*points, doubt]) <= passed(points)


@settings(max_examples=150)
@given(POINTS, POINT, st.sampled_from([kind for kind in KINDS if kind not in (*COUNTING_KINDS, "continuous")]))
def test_what_is_no_backup_or_of_no_use_changes_no_result(
    points: list[RecoveryPoint], more: RecoveryPoint, kind: str
) -> None:
    assert results([*points, dataclasses.replace(more, id="more", kind=kind)]) == results(points)
    assert passed([*points, dataclasses.replace(more, id="more", usable=False)]) == passed(points)


@settings(max_examples=150)
@given(weaker(), st.data())
def test_of_a_point_met_twice_the_reading_that_proves_less_is_believed(
    pair: tuple[list[RecoveryPoint], list[RecoveryPoint]], data: st.DataObject
) -> None:
    points, less = pair
    worse = []
    for point, lost in zip(points, less, strict=True):
        # A fact that is false or unknown proves the same: nothing.
        kept = {name: getattr(point, name) for name in _FACTS if getattr(point, name) is not True}
        if point.malware not in (None, "clean"):
            # A finding of one read is not dropped because the other read does not report it.
            kept["malware"] = point.malware
        worse.append(dataclasses.replace(lost, **{**kept, **data.draw(st.sampled_from(_WORSE))}))
    mixed = data.draw(st.permutations([*points, *worse]))
    assert build_row(mixed) == build_row(worse)


@settings(max_examples=150)
@given(POINTS, POINT)
def test_a_usable_point_more_lowers_no_count(points: list[RecoveryPoint], more: RecoveryPoint) -> None:
    before, after = build_row(points), build_row([*points, dataclasses.replace(more, id="more", usable=True)])
    assert after.get("recovery_points", 0) >= before.get("recovery_points", 0)
    for name, attribute in before["attributes"].items():
        for count in ("count", "unknown", "false"):
            assert after["attributes"][name].get(count, 0) >= attribute.get(count, 0), (name, count)


@settings(max_examples=100)
@given(st.lists(POINTS, min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_the_order_of_rows_and_of_reads_is_of_no_account(lists: list[list[RecoveryPoint]], chance: Any) -> None:
    read_results = []
    for number, points in enumerate(lists):
        rows = [
            {**build_row(points), "workload_id": str(half), "workload_name": f"db{number}{half}"} for half in (1, 2)
        ]
        host = f"vbr{number}"
        server = {"host": host, "product": "veeam_backup_replication", "scope": {"inventory": True}}
        read_results.append(read(*[{**row, "source": host} for row in rows], server=server))
    turned = [read(*reversed(one["workloads"]), server=one["server"]) for one in read_results]
    chance.shuffle(turned)
    first, second = (evaluate(chosen, POLICY).plain() for chosen in (read_results, turned))

    def sortable(finding: dict[str, Any]) -> str:
        return repr(sorted(finding.items(), key=lambda item: item[0]))

    assert sorted(first["findings"], key=sortable) == sorted(second["findings"], key=sortable)
    assert (first["compliant"], first["totals"]) == (second["compliant"], second["totals"])


@settings(max_examples=60)
@given(POINTS)
def test_an_incomplete_read_passes_nothing(points: list[RecoveryPoint]) -> None:
    cut = read(build_row(points), complete=False, errors=[{"code": "incomplete", "message": "a page is missing"}])
    found = findings(cut, POLICY)
    assert found
    assert "pass" not in {finding["result"] for finding in found}
    assert evaluate(cut, POLICY).plain()["compliant"] is False


def test_the_dice_are_not_loaded() -> None:
    """Each rule must both pass and not pass in samples, or its property tests nothing."""
    chance = random.Random(1)
    seen: dict[str, set[bool]] = {}
    for _try in range(300):
        points = []
        for number in range(chance.randrange(9)):
            output: dict[str, Any] = {name: chance.random() < 0.8 for name in _FACTS}
            output |= {"kind": chance.choice(["full", "incremental"]), "usable": True, "id": str(number)}
            output |= {"tested_at": _ago(0.05), "checked_at": _ago(0.05), "created": _ago(chance.choice(_DAYS))}
            output["malware"] = chance.choice(["clean", "clean", "clean", "infected"])
            points.append(RecoveryPoint(workload=WORKLOAD, **output))
        for control, result in results(points).items():
            seen.setdefault(control, set()).add(result == "pass")
    assert {control for control, both in seen.items() if both != {True, False}} == set()
