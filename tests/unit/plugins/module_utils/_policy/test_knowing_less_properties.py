# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Unknown values, and additional points that prove nothing, never pass more rules."""

from __future__ import annotations

import dataclasses
import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.backup.audit.plugins.module_utils._core.model import (
    COUNTING_KINDS,
    KINDS,
    Copy,
    RecoveryPoint,
    Workload,
)
from ansible_collections.backup.audit.plugins.module_utils._core.times import format_time
from tests.unit.plugins.module_utils._policy.policy_points import NOW, evaluate, findings, moment, read, row

# One rule of each type for each attribute, with limits that some of the points meet.
POLICY: dict[str, Any] = {
    "recovery_points": {
        "min_count": 3,
        "max_age": "2d",
        "min_retention": "6d",
        "max_retention": "31d",
        "max_gap": {"limit": "6d", "within": "14d"},
        "daily": 2,
        "weekly": 2,
        "monthly": 2,
        "min_coverage": {"percent": "60%", "max_age": "2d", "within": "5d"},
    },
    "full": {"min_count": 1, "max_age": "7d", "min_retention": "6d"},
    "restore_tested": {"min_count": 1, "max_age": "7d"},
    "integrity_checked": {"min_count": 2, "all": True, "max_age": "7d"},
    "offsite": {"min_count": {"limit": 1, "within": "7d"}, "max_age": "2d"},
    "immutable": {"min_count": 1, "all": True, "min_lock": "3d"},
    "encrypted": {"all": {"within": "9d"}},
    "malware": {"none": True},
    "locations": {"min_count": 2, "max_age": "7d"},
    "on_unknown": "ignore",
}
_FACTS = ("restore_tested", "integrity_checked", "encrypted", "offsite", "immutable")
_MOMENTS = ("tested_at", "checked_at", "immutable_until", "copies")
_FACT = st.sampled_from([True, True, False, None])
_DAYS = (0.1, 0.9, 1.5, 2.5, 4, 6, 7, 8, 30, 40)
_COPIES = ([Copy(location="a"), Copy(location="b")], [Copy(location="a")], [Copy()], None)
WORKLOAD = Workload()


def plausible(point: RecoveryPoint) -> RecoveryPoint:
    """Return the point without contradictions in its lock and its test."""
    changes: dict[str, Any] = {}
    if not point.immutable:
        changes["immutable_until"] = None
    for name in ("tested_at", "checked_at"):
        if (getattr(point, name) or point.created) < point.created:
            changes[name] = None
    return dataclasses.replace(point, **changes)


POINT = st.builds(
    RecoveryPoint,
    id=st.integers(0, 10**9).map(str),
    workload=st.just(WORKLOAD),
    created=st.sampled_from([moment(days=days) for days in _DAYS]),
    kind=st.sampled_from(["full", "incremental", "incremental", "synthetic_full", "backup", "unknown", "snapshot"]),
    status=st.sampled_from(["success", "unknown"]),
    usable=st.sampled_from([True, True, True, None, False]),
    restore_tested=_FACT,
    tested_at=st.sampled_from([None, moment(days=0.05), moment(days=5)]),
    integrity_checked=_FACT,
    checked_at=st.sampled_from([None, moment(days=0.05)]),
    encrypted=_FACT,
    offsite=_FACT,
    immutable=_FACT,
    immutable_until=st.sampled_from([None, moment(days=-5), moment(days=-1)]),
    copies=st.sampled_from(_COPIES),
    malware=st.sampled_from(["clean", "clean", "clean", None, "infected"]),
    inferred=st.sampled_from([(), (), ("immutable",), ("encrypted", "offsite")]),
).map(plausible)
POINTS = st.lists(POINT, max_size=8, unique_by=lambda point: point.id)


def good(days: float, **facts: Any) -> RecoveryPoint:
    """Build a point of that age that has every attribute."""
    times = {"tested_at": moment(days=0.05), "checked_at": moment(days=0.05), "immutable_until": moment(days=-5)}
    known = {**dict.fromkeys(_FACTS, True), **times, "usable": True, "malware": "clean", "copies": _COPIES[0]}
    return RecoveryPoint(
        **{"id": f"good {days}", "workload": WORKLOAD, "created": moment(days=days), "kind": "full", **known, **facts}
    )


def results(points: list[RecoveryPoint], **members: Any) -> dict[str, str]:
    """Control -> result."""
    return {one["control"]: one["result"] for one in findings(read(row(points), **members), POLICY)}


def passed(points: list[RecoveryPoint], **members: Any) -> set[str]:
    """Return the rules that pass with these points."""
    return {control for control, result in results(points, **members).items() if result == "pass"}


def test_points_with_all_attributes_pass_all_rules() -> None:
    """Otherwise the properties below would be trivially true."""
    assert set(results([good(day + 0.1) for day in range(30)]).values()) == {"pass"}
    others = {control: result for control, result in results([]).items() if result != "fail"}
    assert others == {"recovery_points.max_retention": "pass", "restore_tested.max_age": "unknown"}


@st.composite
def weaker(draw: st.DrawFn) -> tuple[list[RecoveryPoint], list[RecoveryPoint]]:
    """Generate points, and the same points with some unreported attributes."""
    points = draw(POINTS)
    less = []
    for point in points:
        lost = draw(st.sets(st.sampled_from([*_FACTS, *_MOMENTS, "usable", "malware"]), max_size=3))
        if point.usable is False:
            # Unusable points never count. Points of unknown usability may count.
            lost -= {"usable"}
        if not (point.restore_tested and point.usable and point.kind in COUNTING_KINDS):
            # By definition only a test with a time can be the newest, here one without a known result.
            lost -= {"tested_at"}
        if point.immutable is True:
            # Without an end, a lock lasts forever.
            lost -= {"immutable_until"}
        changes: dict[str, Any] = dict.fromkeys(lost)
        less.append(plausible(dataclasses.replace(point, **changes)))
    return points, less


@settings(max_examples=200)
@given(weaker())
def test_unreported_attributes_never_cause_a_pass(pair: tuple[list[RecoveryPoint], list[RecoveryPoint]]) -> None:
    points, less = pair
    assert passed(less) <= passed(points)


@settings(max_examples=200)
@given(POINTS, st.sampled_from(_DAYS), st.sampled_from(["since", "until"]))
def test_hidden_time_never_causes_a_pass(points: list[RecoveryPoint], days: float, end: str) -> None:
    limit = moment(days=days, seconds=1)
    shown = [point for point in points if (point.created >= limit if end == "since" else point.created < limit)]
    assert passed(shown, selection={end: format_time(limit)}) <= passed(points)


@settings(max_examples=200)
@given(POINTS, POINT, st.sampled_from(sorted(COUNTING_KINDS | {"unknown"})))
def test_possible_recovery_points_never_cause_a_pass(
    points: list[RecoveryPoint], more: RecoveryPoint, kind: str
) -> None:
    doubt = dataclasses.replace(more, id="more", usable=None, kind=kind)
    assert passed([*points, doubt]) <= passed(points)
    undated = dataclasses.replace(doubt, created=0)
    assert passed([*points, undated]) <= passed(points)


@settings(max_examples=150)
@given(
    POINTS, POINT, st.sampled_from([kind for kind in KINDS if kind not in (*COUNTING_KINDS, "continuous", "unknown")])
)
def test_unusable_and_other_points_have_no_effect(points: list[RecoveryPoint], more: RecoveryPoint, kind: str) -> None:
    assert results([*points, dataclasses.replace(more, id="more", kind=kind)]) == results(points)
    # A test of such a point counts.
    assert results([*points, dataclasses.replace(more, id="more", usable=False, tested_at=None)]) == results(points)


@settings(max_examples=150)
@given(POINTS)
def test_an_additional_point_with_all_attributes_keeps_passes(points: list[RecoveryPoint]) -> None:
    assert passed([*points, good(0.1)]) >= passed(points)


@settings(max_examples=150)
@given(weaker(), st.data())
def test_duplicate_points_have_the_least_favorable_values(
    pair: tuple[list[RecoveryPoint], list[RecoveryPoint]], data: st.DataObject
) -> None:
    """Adding the same points with unknown values never passes more than the weaker listing alone."""
    points, less = pair
    mixed = data.draw(st.permutations([*points, *less]))
    assert passed(mixed) <= passed(points)


@settings(max_examples=100)
@given(st.lists(POINTS, min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_the_order_of_rows_and_read_results_does_not_matter(lists: list[list[RecoveryPoint]], chance: Any) -> None:
    sides = []
    for step in (1, -1):
        hosts = [
            read(*[row(points, host=f"vbr{host}", name=f"db{host}{half}", id=half) for half in "12"[::step]])
            for host, points in enumerate(lists)
        ]
        chance.shuffle(hosts)
        sides.append(evaluate(hosts, POLICY).compress())
    assert sides[0] == sides[1]


@settings(max_examples=60)
@given(POINTS)
def test_an_incomplete_read_passes_no_rule(points: list[RecoveryPoint]) -> None:
    cut = read(row(points), complete=False, errors=[{"code": "incomplete", "message": "a page is missing"}])
    found = findings(cut, POLICY)
    assert found
    assert "pass" not in {finding["result"] for finding in found}
    assert evaluate(cut, POLICY).plain()["compliant"] is False


@settings(max_examples=60)
@given(POINTS)
def test_an_old_read_passes_no_rule(points: list[RecoveryPoint]) -> None:
    found = findings(row(points), POLICY, as_of=NOW + 90_000_000_000)
    assert "pass" not in {finding["result"] for finding in found}


def test_generated_points_pass_and_fail_each_rule() -> None:
    """Otherwise the properties would be trivially true."""
    chance = random.Random(1)
    seen: dict[str, set[bool]] = {}
    for _try in range(300):
        points = []
        for number in range(chance.randrange(9)):
            facts: dict[str, Any] = {name: chance.random() < 0.8 for name in _FACTS}
            facts |= {"kind": chance.choice(["full", "incremental"]), "id": str(number)}
            facts |= {
                "malware": chance.choice(["clean", "clean", "clean", "infected"]),
                "copies": chance.choice(_COPIES),
            }
            points.append(good(chance.choice(_DAYS), **facts))
        for control, result in results(points).items():
            seen.setdefault(control, set()).add(result == "pass")
    assert {control for control, both in seen.items() if both != {True, False}} == set()
