# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Properties of every rule and all points: unknown values and stricter limits never cause a pass."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.backup.audit.plugins.module_utils._core.model import (
    KINDS,
    POINT_ATTRIBUTES,
    STATUSES,
    Copy,
    RecoveryPoint,
)
from ansible_collections.backup.audit.plugins.module_utils._core.times import HOUR, SECOND
from ansible_collections.backup.audit.plugins.module_utils._policy.language.schema import ATTRIBUTES, KIND_ATTRIBUTES
from tests.unit.plugins.module_utils._policy.policy_points import NOW, ago, moment, nightly, point
from tests.unit.plugins.module_utils._policy.rules.cases import find, get_result

# Few different times, so that some are equal.
_AGES = st.one_of(st.integers(0, 12), st.integers(0, 60).map(lambda days: 24 * days))
_FACTS = st.sampled_from([True, True, False, None])
_KINDS = st.sampled_from(["full", "full", "incremental", "incremental", *KINDS])
_COPIES = st.none() | st.lists(
    st.builds(
        Copy,
        location=st.sampled_from(["a", "b", "c", None]),
        location_type=st.sampled_from(["disk", "object", None]),
    ),
    max_size=3,
)


@st.composite
def _points(draw: st.DrawFn) -> RecoveryPoint:
    """Generate a point; ends of locks, tests and checks are after its creation."""
    age = draw(_AGES)
    facts: dict[str, Any] = {name: draw(_FACTS) for name in POINT_ATTRIBUTES}
    made = point(
        created=moment(hours=age) + draw(st.sampled_from([0, 0, 1])),
        kind=draw(_KINDS),
        status=draw(st.sampled_from(STATUSES)),
        usable=draw(st.sampled_from([True, True, True, False, None])),
        size_bytes=draw(st.sampled_from([100, 100, 60, 10, None])),
        copies=draw(_COPIES),
        malware=draw(st.sampled_from(["clean", "clean", "infected", None])),
        inferred=tuple(draw(st.sets(st.sampled_from(POINT_ATTRIBUTES), max_size=1))),
        **facts,
    )
    if made.kind == "continuous":
        ends = sorted(draw(st.lists(_AGES, min_size=2, max_size=2)), reverse=True)
        made.restorable_from, made.restorable_until = (
            draw(st.sampled_from([moment(hours=end), moment(hours=end), None])) for end in ends
        )
    for name, fact in (("tested_at", made.restore_tested), ("checked_at", made.integrity_checked)):
        if fact is not None and draw(st.booleans()):
            setattr(made, name, moment(hours=draw(st.integers(0, age))))
    if made.immutable and draw(st.booleans()):
        made.immutable_until = moment(hours=age - draw(_AGES))
    return made


_WORKLOADS = st.lists(_points(), max_size=8)
_HOURS = st.integers(1, 70 * 24).map(lambda hours: f"{hours}h")
_LIMITS: dict[str, st.SearchStrategy[Any]] = {
    "count": st.integers(1, 6),
    "count_or_zero": st.integers(0, 5),
    "share": st.integers(1, 100).map(lambda number: f"{number}%"),
    "duration": _HOURS,
    "percent": st.integers(1, 150).map(lambda percent: f"{percent}%"),
    "flag": st.just(True),
}
_OF_KINDS = [KIND_ATTRIBUTES[kind] for kind in ("log", "incremental", "continuous", "backup")]
_RULES = [(attribute, rule) for attribute in (*ATTRIBUTES.values(), *_OF_KINDS) for rule in attribute.rules]
# docs/reference/evaluation.md compares the newest test or size only with known values of the others.
_NOT_MONOTONE = (
    ("restore_tested", "max_age"),
    ("restore_tested", "max_restore_time"),
    ("size", "min_percent_of_median"),
)


@dataclasses.dataclass
class Policy:
    """One rule of one attribute."""

    attribute: str
    rule: str
    limit: Any
    options: dict[str, Any]
    settings: dict[str, Any]

    def build(self, **changes: Any) -> dict[str, Any]:
        """Build the document, with other settings of the attribute."""
        name = "percent" if self.rule == "min_coverage" else "limit"
        rule = {name: self.limit, **self.options} if self.limit is not True else self.options or True
        rules = {self.rule: rule, **self.settings, **changes}
        kind = self.attribute.partition("backup_types.")[2]
        return {"backup_types": {kind: rules}} if kind else {self.attribute: rules}


@st.composite
def _policies(draw: st.DrawFn, *, monotone: bool = True) -> Policy:
    known = [(one, rule) for one, rule in _RULES if not monotone or (one.name, rule.name) not in _NOT_MONOTONE]
    attribute, rule = draw(st.sampled_from(known))
    limit = draw(_LIMITS[rule.argument])
    options = {}
    if rule.keys:
        options = {"max_age": draw(_HOURS), "within": draw(_HOURS)}
    elif rule.within and draw(st.booleans()):
        options = {"within": draw(_HOURS)}
        if rule.name == "max_gap":
            # The limit must be shorter.
            options = {"within": f"{int(limit[:-1]) + draw(st.integers(1, 30 * 24))}h"}
    given: dict[str, Any] = {}
    if attribute.name == "recovery_points" and draw(st.booleans()):
        # Not "unknown", because a policy that requires points of unknown type passes with unknown values.
        given["backup_types"] = draw(st.lists(st.sampled_from(KINDS[:-1]), min_size=1, max_size=3))
    if draw(st.booleans()):
        given["weekdays"] = draw(st.sampled_from([["mon..fri"], ["sat"], ["tue", "sun"]]))
    return Policy(attribute.name, rule.name, limit, options, given)


def _forget(draw: st.DrawFn, one: RecoveryPoint) -> RecoveryPoint:
    """Return the point without one value. The end of a lock is kept, because a lock without an end is stronger."""
    forgotten: list[dict[str, Any]] = [
        {"usable": None if one.usable is not None else one.usable},
        {"status": "unknown"},
        {"copies": None},
        {"malware": None},
        {"created": 0, "usable": None if one.usable else one.usable},
        *(
            {name: None, "immutable_until": None if name == "immutable" else one.immutable_until}
            for name in POINT_ATTRIBUTES
        ),
        {"inferred": POINT_ATTRIBUTES},
        {"tested_at": None},
        {"checked_at": None},
        {"restorable_from": None},
        {"restorable_until": None},
    ]
    # Continuous protection is a range and not a point of that time.
    if one.kind != "continuous":
        forgotten.append({"kind": "unknown"})
    return dataclasses.replace(one, **draw(st.sampled_from(forgotten)))


@st.composite
def _forgetting(draw: st.DrawFn) -> tuple[list[RecoveryPoint], list[RecoveryPoint]]:
    """Generate points, and the same points with some values unknown."""
    complete = draw(_WORKLOADS.filter(bool))
    less = list(complete)
    for _number in range(draw(st.integers(1, 3))):
        index = draw(st.integers(0, len(less) - 1))
        less[index] = _forget(draw, less[index])
    return complete, less


@settings(max_examples=150)
@given(_forgetting(), _policies())
def test_unknown_values_never_cause_a_pass(
    pair: tuple[list[RecoveryPoint], list[RecoveryPoint]], policy: Policy
) -> None:
    complete, less = pair
    if get_result(complete, policy.build()) != "pass":
        assert get_result(less, policy.build()) != "pass"


@settings(max_examples=120)
@given(_WORKLOADS, _policies(), st.integers(1, 60 * 24), st.booleans())
def test_limiting_the_read_never_causes_a_pass_or_a_fail(
    points: list[RecoveryPoint], policy: Policy, hours: int, early: bool
) -> None:
    """With ``since`` or ``until`` the result is the same or unknown."""
    if any(one.kind == "continuous" for one in points):
        return
    time = moment(hours=hours)
    shown = [one for one in points if (one.created >= time) == early]
    window = {"since" if early else "until": ago(hours=hours)}
    assert get_result(shown, policy.build(), **window) in (get_result(points, policy.build()), "unknown")


@settings(max_examples=100)
@given(_WORKLOADS, _policies(monotone=False), st.randoms(use_true_random=False))
def test_the_order_of_the_points_does_not_matter(points: list[RecoveryPoint], policy: Policy, random: Any) -> None:
    shuffled = list(points)
    random.shuffle(shuffled)
    assert find(shuffled, policy.build()) == find(points, policy.build())


@settings(max_examples=100)
@given(_WORKLOADS, _policies())
def test_accepting_more_sources_never_breaks_a_pass(points: list[RecoveryPoint], policy: Policy) -> None:
    refused = find(points, policy.build())
    accepted = find(points, policy.build(accept=["inferred", "declared"]))
    if refused["result"] in ("pass", "fail"):
        assert (accepted["result"], accepted["certainty"]) == (refused["result"], "reported")


def _stricter(policy: Policy, by: int) -> Any:
    limit = policy.limit
    sign = -1 if policy.rule.startswith("max") else 1
    if isinstance(limit, int):
        return max(0 if policy.rule in ("max_count", "max_failed_runs") else 1, limit + sign * by)
    number, unit = int(limit[:-1]), limit[-1]
    changed = max(1, number + sign * by)
    return f"{min(100, changed) if policy.rule == 'min_coverage' else changed}{unit}"


@settings(max_examples=100)
@given(_WORKLOADS, _policies(monotone=False), st.integers(1, 48))
def test_a_stricter_limit_never_improves_the_result(points: list[RecoveryPoint], policy: Policy, by: int) -> None:
    if policy.limit is True:
        return
    order = ("pass", "unknown", "fail")
    before = get_result(points, policy.build())
    after = get_result(points, dataclasses.replace(policy, limit=_stricter(policy, by)).build())
    assert order.index(after) >= order.index(before)


@settings(max_examples=150)
@given(_WORKLOADS, _policies(), st.integers(0, 40 * 24))
def test_expired_points_never_cause_a_pass(points: list[RecoveryPoint], policy: Policy, hours: int) -> None:
    """Evaluated after the points may have been removed, and compared with points that do not expire."""
    expiring = [dataclasses.replace(one, expires_at=NOW + HOUR * SECOND) for one in points]
    if get_result(points, policy.build(), later=hours * HOUR) != "pass":
        assert get_result(expiring, policy.build(), later=hours * HOUR) != "pass"


def _rules(attribute: str, rule: str, limit: Any) -> dict[str, Any]:
    return {attribute: {rule: limit}}


_SECONDS = st.integers(1, 400 * 24 * HOUR)
_ATTRIBUTES = ("recovery_points", "full", *POINT_ATTRIBUTES)


def _old(seconds: int, **facts: Any) -> RecoveryPoint:
    return point(**{"seconds": seconds, "kind": "full", **dict.fromkeys(POINT_ATTRIBUTES, True), **facts})


class TestLimits:
    """A value of exactly the limit passes. One second or one point beyond the limit does not."""

    @settings(max_examples=10)
    @given(_SECONDS)
    @pytest.mark.parametrize("attribute", ["recovery_points", "full", "offsite", "immutable", "encrypted", "locations"])
    def test_max_age(self, attribute: str, seconds: int) -> None:
        rules = _rules(attribute, "max_age", f"{seconds}s")
        assert get_result([_old(seconds, locations=["a"])], rules) == "pass"
        assert get_result([_old(seconds + 1, locations=["a"])], rules) == "fail"

    @settings(max_examples=10)
    @given(_SECONDS)
    @pytest.mark.parametrize(
        ("attribute", "name"), [("restore_tested", "tested_at"), ("integrity_checked", "checked_at")]
    )
    def test_max_age_of_tests(self, attribute: str, name: str, seconds: int) -> None:
        rules = _rules(attribute, "max_age", f"{seconds}s")
        assert get_result([_old(seconds, **{name: moment(seconds=seconds)})], rules) == "pass"
        assert get_result([_old(seconds + 1, **{name: moment(seconds=seconds + 1)})], rules) == "fail"

    @settings(max_examples=10)
    @given(_SECONDS)
    @pytest.mark.parametrize("attribute", _ATTRIBUTES)
    def test_min_retention(self, attribute: str, seconds: int) -> None:
        rules = _rules(attribute, "min_retention", f"{seconds}s")
        assert get_result([_old(seconds), _old(0)], rules) == "pass"
        assert get_result([_old(seconds - 1), _old(0)], rules) == "fail"

    @settings(max_examples=10)
    @given(_SECONDS)
    @pytest.mark.parametrize("attribute", ["recovery_points", "full"])
    def test_max_retention_and_max_gap(self, attribute: str, seconds: int) -> None:
        for rules in (
            _rules(attribute, "max_retention", f"{seconds}s"),
            _rules(attribute, "max_gap", f"{seconds}s"),
            _rules(attribute, "max_gap", {"limit": f"{seconds}s", "within": f"{seconds + 1}s"}),
        ):
            assert get_result([_old(seconds)], rules) == "pass"
            assert get_result([_old(seconds + 1)], rules) == "fail"

    @settings(max_examples=10)
    @given(_SECONDS)
    def test_min_lock(self, seconds: int) -> None:
        rules = _rules("immutable", "min_lock", f"{seconds}s")
        assert get_result([_old(5, immutable_until=moment(seconds=-seconds))], rules) == "pass"
        assert get_result([_old(5, immutable_until=moment(seconds=1 - seconds))], rules) == "fail"

    @settings(max_examples=10)
    @given(st.integers(1, 5000), st.integers(1, 100))
    def test_min_coverage(self, seconds: int, percent: int) -> None:
        """A point that is ``covered`` seconds old covers these seconds, rounded up."""
        covered = -(-seconds * percent // 100)
        rule = {"percent": f"{percent}%", "max_age": "9999s", "within": f"{seconds}s"}
        assert get_result([_old(covered)], _rules("recovery_points", "min_coverage", rule)) == "pass"
        assert get_result([_old(covered - 1)], _rules("recovery_points", "min_coverage", rule)) == "fail"

    @settings(max_examples=10)
    @given(_SECONDS)
    @pytest.mark.parametrize("attribute", _ATTRIBUTES)
    def test_within(self, attribute: str, seconds: int) -> None:
        rules = _rules(attribute, "min_count", {"limit": 1, "within": f"{seconds}s"})
        if attribute in POINT_ATTRIBUTES:
            rules = _rules(attribute, "all", {"within": f"{seconds}s"})
        assert get_result([_old(seconds)], rules) == "pass"
        assert get_result([_old(seconds + 1)], rules) == "fail"

    @settings(max_examples=10)
    @given(st.integers(1, 40))
    def test_numbers(self, number: int) -> None:
        points = nightly(number, kind="full", status="failed", offsite=True)
        for attribute, rule in (
            ("recovery_points", "min_count"),
            ("full", "min_count"),
            ("offsite", "min_count"),
            ("recovery_points", "daily"),
            ("full", "daily"),
        ):
            assert get_result(points, _rules(attribute, rule, number)) == "pass"
            assert get_result(points, _rules(attribute, rule, number + 1)) == "fail"
        for rule in ("max_count", "max_failed_runs"):
            assert get_result(points, _rules("recovery_points", rule, number)) == "pass"
            assert get_result([*points, point(status="failed")], _rules("recovery_points", rule, number)) == "fail"
