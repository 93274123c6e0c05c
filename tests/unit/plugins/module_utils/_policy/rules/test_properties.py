# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Properties of every row and policy: stricter is never easier, and less knowledge never causes a pass."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.backup.audit.plugins.module_utils._core.times import DAY, HOUR
from ansible_collections.backup.audit.plugins.module_utils._policy.language.schema import ATTRIBUTES
from tests.unit.plugins.module_utils._policy.policy_rows import WINDOWS, ago, findings, read, row

POINT_ATTRIBUTES = ("restore_tested", "integrity_checked", "offsite", "immutable", "encrypted")
_AGES = st.integers(0, 60 * 24)
_COUNTS = st.integers(0, 9)


@st.composite
def spans(draw: st.DrawFn, count: int, name: str = "") -> dict[str, str]:
    """Generate newest and oldest for this number of points."""
    if not count:
        return {}
    newest = draw(_AGES)
    return {f"newest{name}": ago(hours=newest), f"oldest{name}": ago(hours=newest + draw(_AGES))}


@st.composite
def attributes(draw: st.DrawFn, points: int) -> dict[str, Any]:
    """Generate one attribute of this number of points, each of which has it, does not have it, or is unknown."""
    count = draw(st.integers(0, points))
    unknown = draw(st.integers(0, points - count))
    false = points - count - unknown
    facts: dict[str, Any] = {
        "count": count,
        **draw(spans(count)),
        "unknown": unknown,
        **draw(spans(unknown, "_unknown")),
    }
    if false:
        facts |= {"false": false, "newest_false": draw(spans(false))["newest"]}
    if count and draw(st.booleans()):
        facts["tested_at"] = ago(hours=draw(_AGES))
    return facts


@st.composite
def rhythms(draw: st.DrawFn) -> dict[str, Any]:
    """Generate gaps that grow with their window, and runs."""
    gap, gaps = 0, {}
    for window in WINDOWS:
        gap += draw(st.integers(0, 90)) * HOUR
        gaps[window] = gap
    periods = ("days", "weeks", "months", "years")
    return {"gaps": gaps, "calendar": {period: draw(st.integers(0, 40)) for period in periods}}


@st.composite
def rows(draw: st.DrawFn) -> dict[str, Any]:
    """Generate any row that the summary could build from points with reported and unreported facts."""
    points = draw(_COUNTS)
    unsure = draw(st.integers(0, 3))
    own = {"count": points, **draw(spans(points)), "unknown": unsure, **draw(spans(unsure, "_unknown"))}
    rhythm = draw(rhythms()) if points else {"gaps": None, "calendar": None}
    states = {"clean": draw(st.integers(0, points))}
    states["infected"] = draw(st.integers(0, points - states["clean"]))
    states["unknown"] = points - sum(states.values())
    places = [
        {"location": f"place{number}", "location_type": draw(st.sampled_from(["disk", "object", None])), "count": 1}
        | draw(st.sampled_from([{}, {"newest": ago(hours=draw(_AGES))}]))
        for number in range(draw(st.integers(0, 3)) if points else 0)
    ]
    sizes = {"newest_size_bytes": draw(st.integers(0, 99)), "median_size_bytes": {"full": draw(st.integers(0, 99))}}
    return row(
        recovery_points=points,
        newest=own.get("newest"),
        oldest=own.get("oldest"),
        **rhythm,
        by_kind=None,
        possible={"gaps": {}, "calendar": draw(rhythms())["calendar"]} if unsure else None,
        attributes={
            "recovery_points": own,
            "full": {**draw(attributes(points)), **(draw(rhythms()) if points else {})},
            **{name: draw(attributes(points)) for name in POINT_ATTRIBUTES},
        },
        malware=states if points else None,
        malware_newest={state: ago(hours=draw(_AGES)) for state, count in states.items() if count},
        locations=places or None,
        newest_kind="full",
        **(sizes if points else {}),
    )


_LIMITS = {
    "count": st.integers(1, 12),
    "duration": st.integers(1, 90 * 24).map(lambda hours: f"{hours}h"),
    "percent": st.integers(1, 150).map(lambda percent: f"{percent}%"),
    "flag": st.just(True),
}
_RULES = sorted((attribute.name, rule.name) for attribute in ATTRIBUTES.values() for rule in attribute.rules)


def _argument(attribute: str, rule: str) -> str:
    return next(one.argument for one in ATTRIBUTES[attribute].rules if one.name == rule)


@st.composite
def policies(draw: st.DrawFn) -> tuple[str, str, Any]:
    """Generate one rule of one attribute with a limit."""
    attribute, rule = draw(st.sampled_from(_RULES))
    return attribute, rule, draw(_LIMITS[_argument(attribute, rule)])


def get_result(workload: dict[str, Any], attribute: str, rule: str, limit: Any, **window: str) -> str:
    """Return the result of one rule; unknown is returned as "unknown"."""
    policy = {attribute: {rule: limit}, "on_unknown": "ignore"}
    return str(findings(read(workload, window=window), policy)[0]["result"])


def _stricter(rule: str, limit: Any, by: int) -> Any:
    if isinstance(limit, int):
        return limit + by
    if limit.endswith("%"):
        return f"{int(limit[:-1]) + by}%"
    hours = int(limit[:-1])
    return f"{hours + by}h" if rule == "min_retention" else f"{max(1, hours - by)}h"


@settings(max_examples=150)
@given(rows(), policies(), st.integers(1, 48))
def test_a_stricter_limit_never_helps(workload: dict[str, Any], policy: tuple[str, str, Any], by: int) -> None:
    attribute, rule, limit = policy
    if limit is True:
        return
    order = ("pass", "unknown", "fail")
    before = get_result(workload, attribute, rule, limit)
    after = get_result(workload, attribute, rule, _stricter(rule, limit, by))
    assert order.index(after) >= order.index(before)


def _forget_points(facts: dict[str, Any], how_many: int, member: str) -> None:
    """Make this number of points with a known attribute (true or false) unknown."""
    known = facts.get(member, 0)
    moved = min(how_many, known)
    if not moved:
        return
    suffix = "_false" if member == "false" else ""
    facts[member] = known - moved
    facts["unknown"] = facts.get("unknown", 0) + moved
    # Which points they are is not known here: their times may be any of the known ones.
    for end in ("newest", "oldest"):
        facts.pop(f"{end}_unknown", None)
        if not facts[member]:
            facts.pop(f"{end}{suffix}", None)
    if member == "count" and not facts["count"]:
        facts.pop("tested_at", None)


_FORGETTABLE = ("newest", "oldest", "gaps", "calendar", "attributes", "locations", "malware", "newest_size_bytes")


@st.composite
def forgetting(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Any]]:
    """Generate a row, and the same row with less known."""
    full = draw(rows())
    less = copy.deepcopy(full)
    for name in POINT_ATTRIBUTES:
        if draw(st.booleans()):
            _forget_points(less["attributes"][name], draw(st.integers(1, 9)), draw(st.sampled_from(["count", "false"])))
    for name in draw(st.sets(st.sampled_from(_FORGETTABLE), max_size=3)):
        less.pop(name, None)
    for state in draw(st.sets(st.sampled_from(["clean", "infected"]))):
        states = less.get("malware", {})
        states["unknown"] = states.get("unknown", 0) + states.pop(state, 0)
    return full, less


@settings(max_examples=250)
@given(forgetting(), policies())
def test_knowing_less_never_makes_a_pass(
    pair: tuple[dict[str, Any], dict[str, Any]], policy: tuple[str, str, Any]
) -> None:
    full, less = pair
    attribute, rule, limit = policy
    if get_result(full, attribute, rule, limit) != "pass":
        assert get_result(less, attribute, rule, limit) != "pass"


@settings(max_examples=120)
@given(rows(), policies(), st.integers(0, 90 * 24))
def test_reading_less_far_back_never_makes_a_pass(
    workload: dict[str, Any], policy: tuple[str, str, Any], hours: int
) -> None:
    """The same row from a read result with a shorter window proves less."""
    attribute, rule, limit = policy
    complete = get_result(workload, attribute, rule, limit)
    part = get_result(workload, attribute, rule, limit, since=ago(hours=hours))
    assert part in (complete, "unknown")


@settings(max_examples=100)
@given(rows(), policies())
def test_an_accepted_inference_is_never_worse_than_a_refused_one(
    workload: dict[str, Any], policy: tuple[str, str, Any]
) -> None:
    """Except for ``none``: there an inference that counts may break the rule."""
    attribute, rule, limit = policy
    if attribute not in POINT_ATTRIBUTES or rule == "none":
        return
    facts = workload["attributes"][attribute]
    facts["inferred"] = {"count": facts.pop("unknown", 0)}
    for end in ("newest", "oldest"):
        if f"{end}_unknown" in facts:
            facts["inferred"][end] = facts.pop(f"{end}_unknown")
    refused = findings(workload, {attribute: {rule: limit}, "on_unknown": "ignore"})[0]
    accepted = findings(workload, {attribute: {rule: limit}, "on_unknown": "ignore", "accept": ["inferred"]})[0]
    order = ("pass", "unknown", "fail")
    if refused["result"] == "pass":
        assert accepted == refused
    else:
        assert accepted["certainty"] in ("inferred", "unknown", "reported")
        assert not (refused["result"] == "fail" and order.index(accepted["result"]) < 2)


def test_an_age_equal_to_the_limit_passes_and_a_microsecond_more_does_not() -> None:
    for attribute in ("recovery_points", "offsite"):
        for extra, result in ((0, "pass"), (0.000001, "fail")):
            newest = ago(hours=26, seconds=extra)
            facts = {"count": 30, "newest": newest, "oldest": ago(days=30)}
            workload = row(newest=newest, attributes={"recovery_points": facts, "offsite": facts})
            assert get_result(workload, attribute, "max_age", "26h") == result
    for missing, result in ((0, "pass"), (0.000001, "fail")):
        workload = row(oldest=ago(seconds=30 * DAY - missing))
        assert get_result(workload, "recovery_points", "min_retention", "30d") == result
