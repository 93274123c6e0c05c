# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All texts of findings are complete, show limits as the user wrote them, and are correct English."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._core.model import KINDS, RecoveryPoint
from ansible_collections.backup.audit.plugins.module_utils._core.times import (
    HOUR,
    SECOND,
    format_duration,
    parse_duration,
)
from ansible_collections.backup.audit.plugins.module_utils._policy.language.document import compile_document
from ansible_collections.backup.audit.plugins.module_utils._policy.language.schema import (
    ATTRIBUTES,
    KIND_ATTRIBUTES,
    RULES,
    Attribute,
    Rule,
)
from ansible_collections.backup.audit.plugins.module_utils._policy.language.scope import (
    COMBINE,
    EXCLUDED,
    EXISTS,
    EXPIRED,
    IN_FUTURE,
    SUPERSEDED,
    TIER,
    UNEXPECTED,
)
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.controls import Control
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.terms import count_points, fill_in
from tests.tools.prose import Text, lint, load_checks
from tests.unit.plugins.module_utils._policy.policy_points import (
    EMPTY,
    NOW,
    SEVEN,
    ago,
    evaluate,
    finding,
    findings,
    has_placeholder,
    is_unknown_text,
    moment,
    nightly,
    point,
    read,
    row,
)
from tests.unit.plugins.module_utils._policy.test_restore_tests import build_test

CHECKS = load_checks()
# Limits whose text would change if they were formatted again: 26h would become 1d 2h.
LIMITS: Mapping[str, tuple[Any, ...]] = {
    "count": (1, 2, 40),
    "count_or_zero": (0, 1, 2),
    "share": ("42%",),
    "duration": ("26h", "90m", "8w"),
    "percent": ("42%",),
    "flag": (True,),
}
WINDOW = "9w"
# Neither equal to a limit, nor equal to the formatted text of a limit.
VALUES: Mapping[str, tuple[int, ...]] = {"count": (0, 1, 2, 21), "flag": (1, 2, 21), "percent": (0, 150)}
SECONDS = (0, 1, 190_000)
PAIRS = [
    (attribute, rule) for attribute in (*ATTRIBUTES.values(), *KIND_ATTRIBUTES.values()) for rule in attribute.rules
]
every_pair = pytest.mark.parametrize(
    ("attribute", "rule"), PAIRS, ids=[f"{attribute.name}.{rule.name}" for attribute, rule in PAIRS]
)
# A number with its noun, optional adjectives and a prepositional phrase, and the verb.
_COUNTED = re.compile(
    r"(?<![\w.-])(?P<number>[0-9]+) (?P<noun>(?:[a-z-]+ )*?"
    r"(?:recovery point|full backup|backup|failed run|location type|location|cop(?:y|ie)|day|week|month|year"
    r"|workload|row|server))"
    r"(?P<s>s?)(?: of unknown type| of unreported type)?(?: (?P<verb>is|are)\b)?(?!\w)"
)


def lint_text(*messages: str) -> list[str]:
    """Return the rejected phrases in these messages."""
    # Messages are separated as paragraphs, so that no match spans two of them.
    text = Text(1, "\n|\n".join(messages))
    return [str(problem) for problem in lint(PurePosixPath("findings"), iter([text]), CHECKS)]


def find_wrong_numbers(message: str) -> list[str]:
    """Return counted nouns and verbs with the wrong number (singular or plural)."""
    return [
        match[0]
        for match in _COUNTED.finditer(message)
        if (match["s"] == "s") is (match["number"] == "1")
        or (match["verb"] is not None and (match["verb"] == "is") is not (match["number"] == "1"))
    ]


def policy_of(attribute: Attribute, rules: dict[str, Any]) -> dict[str, Any]:
    """Return a policy with these rules of one attribute."""
    kind = attribute.name.partition(".")[2]
    return {"backup_types": {kind: rules}} if kind else {attribute.name: rules}


def build_rule(rule: Rule, limit: Any, window: str = "") -> Any:
    """Return a rule as a user writes it."""
    if rule.keys:
        return {"percent": limit, "max_age": "25h", "within": window or WINDOW}
    return {"limit": limit, "within": window} if window else limit


def compile_controls(attribute: Attribute, rule: Rule) -> Iterator[tuple[Control, str, str]]:
    """Iterate over (control, its limit as the user wrote it, its window) for the limits and windows of a rule."""
    for limit in LIMITS[rule.argument]:
        plain: dict[str, Any] = {rule.name: build_rule(rule, limit)}
        variants: list[tuple[dict[str, Any], str]] = [(plain, WINDOW if rule.keys else "")]
        if rule.within:
            variants.append(({rule.name: build_rule(rule, limit, WINDOW)}, WINDOW))
        if attribute.name in ("locations", "copies") and rule.name != "max_age":
            variants.append((plain, WINDOW))
        if attribute.name == "copies":
            variants.append(({**plain, "include_production": False}, ""))
        for given, window in variants:
            policy = policy_of(attribute, given)
            if window and not rule.within and not rule.keys:
                # The maximum age of copies is a separate limit.
                policy.setdefault("recovery_points", {})["max_age"] = window
            (control,) = [
                one for one in compile_document(policy).tiers[0].controls if one.name == f"{attribute.name}.{rule.name}"
            ]
            yield control, "" if rule.argument == "flag" else str(limit), window


def list_reasons(control: Control) -> Iterator[str]:
    """Iterate over reasons of unknown results, for one and for two recovery points."""
    yield "locations of some recovery points not reported"
    for count in (1, 2):
        if control.wording.fact:
            yield f"{control.wording.fact} unknown for {count_points(count)}"


def list_texts(control: Control) -> Iterator[tuple[str, str]]:
    """Iterate over (name of the text, text) of a control, for all values."""
    values = SECONDS if control.unit == "seconds" else VALUES[control.unit]
    wording = control.wording
    templates = {name: getattr(wording, name) for name in ("passed", "failed", "empty", "too_old")}
    for (name, template), value in itertools.product(templates.items(), values):
        if template:
            yield name, fill_in(template, value, control.unit, control.limit)
    for reason, unknown_value in itertools.product(list_reasons(control), (None, *values)):
        _state, _certainty, actual, text = control.unknown(reason, unknown_value)
        yield "unknown", fill_in(text, actual, control.unit, control.limit)


@every_pair
class TestWordings:
    """Texts of each rule of each attribute, from a compiled policy."""

    def test_texts_are_complete_sentences(self, attribute: Attribute, rule: Rule) -> None:
        for control, _limit, _window in compile_controls(attribute, rule):
            names = set()
            for name, text in list_texts(control):
                names.add(name)
                assert not has_placeholder(text), text
                assert text == " ".join(text.split()), text
                assert re.match(r"[a-z0-9]", text), text
                assert text.count("(") == text.count(")"), text
                assert re.search(r"[\w)%]$", text), text
                assert "None" not in text
                assert is_unknown_text(text) is (name == "unknown"), text
            assert {"passed", "failed", "empty", "unknown"} <= names

    def test_limits_are_shown_as_the_user_wrote_them(self, attribute: Attribute, rule: Rule) -> None:
        for control, limit, window in compile_controls(attribute, rule):
            for name, text in list_texts(control):
                shown = [limit] if limit else []
                # If there are no recovery points at all, the length of the window is not relevant.
                if window and (rule.argument != "duration" or name != "empty"):
                    shown.append(window)
                for one in shown:
                    assert re.search(rf"(?<![\w.]){re.escape(one)}(?!\w)", text), (one, text)
                    if rule.argument == "duration":
                        assert one.endswith("d") or format_duration(parse_duration(one)) not in text, text

    def test_singular_and_plural(self, attribute: Attribute, rule: Rule) -> None:
        for control, _limit, _window in compile_controls(attribute, rule):
            counted = [text for _name, text in list_texts(control) if _COUNTED.search(text)]
            assert [text for text in counted if find_wrong_numbers(text)] == []
            starts = [text for name, text in list_texts(control) if name == "failed" and re.match("[0-9]+ ", text)]
            # Each text that begins with a count is checked, and is different for one and for two.
            assert all(_COUNTED.match(text) for text in starts), starts
            if rule.argument in ("count", "count_or_zero"):
                assert {text.partition(" ")[0] for text in starts} == {"0", "1", "2", "21"}

    def test_texts_have_no_rejected_phrases(self, attribute: Attribute, rule: Rule) -> None:
        texts = {
            text
            for control, _limit, _window in compile_controls(attribute, rule)
            for _name, text in list_texts(control)
        }
        assert lint_text(*sorted(texts)) == []


def test_every_rule_and_attribute_is_covered() -> None:
    assert {rule.name for rule in RULES} == {rule.name for _attribute, rule in PAIRS}
    assert {attribute.name for attribute, _rule in PAIRS} == {*ATTRIBUTES, *(f"backup_types.{kind}" for kind in KINDS)}


# Read results with one unknown value each.
DOUBTS: Mapping[str, dict[str, Any]] = {
    "good": {"server": {"scope": {"inventory": True, "failed_runs": True}}},
    "partial": {"complete": False, "errors": [{"message": "page 2 is missing"}]},
    "clock": {"server": {"clock_skew_seconds": 7200}},
    "since": {"selection": {"since": ago(days=2)}},
    "until": {"selection": {"until": ago(days=3)}},
}
FACTS = ("restore_tested", "integrity_checked", "offsite", "immutable", "encrypted")


def build_points(kind: str, value: bool | None, **facts: Any) -> list[RecoveryPoint]:
    """Build points with this value of all attributes, of full backups or the type that the rule requires."""
    times = {"tested_at": moment(hours=1), "checked_at": moment(hours=1)} if value else {}
    malware, status = {True: ("clean", "success"), False: ("infected", "failed"), None: (None, "unknown")}[value]
    places = [("repo", "disk"), ("bucket", "object")] if value else []
    known = {**dict.fromkeys(FACTS, value), **times, "malware": malware, "status": status, "locations": places}
    return nightly(4, kind=kind or "full", **{**known, "size_bytes": 9, **facts})


def list_points(kind: str) -> Iterator[list[RecoveryPoint]]:
    """Iterate over the points of workloads that are good, bad, unknown and empty."""
    yield build_points(kind, value=True)
    yield build_points(kind, value=False, size_bytes=None)
    yield [point(days=300, kind=kind or "full", restore_tested=True, tested_at=moment(days=200))]
    yield build_points(kind, value=None)
    yield build_points(kind, value=True, usable=None)
    yield build_points(kind, value=True, inferred=FACTS)
    yield [point(created=0, kind=kind or "full", usable=None)]
    yield []


@every_pair
def test_messages_of_evaluated_workloads(attribute: Attribute, rule: Rule) -> None:
    """Good, bad, unknown and empty workloads, in complete and incomplete read results."""
    limit = LIMITS[rule.argument][-1]
    kind = attribute.name.partition(".")[2]
    policy = {**policy_of(attribute, {rule.name: build_rule(rule, limit)}), "on_unknown": "ignore"}
    workloads = [row(points, id=f"{number}") for number, points in enumerate(list_points(kind))]
    workloads.append(row(EMPTY, counted=30, id="counted"))
    tests = [
        build_test(workload_id="0", tested_at=ago(seconds=60)),
        build_test(workload_id="1", tested_at=ago(seconds=60), result="failed"),
        build_test(workload_id="2", tested_at=ago(seconds=60), seconds=10**8),
    ]
    messages = []
    for doubt in DOUBTS.values():
        found = findings(read(*workloads, **doubt), policy, restore_tests=tests)
        assert {one["control"] for one in found} == {f"{attribute.name}.{rule.name}"}
        for one in found:
            message = one["message"]
            messages.append(message)
            assert not has_placeholder(message)
            assert find_wrong_numbers(message) == []
            # A failed test has neither an age nor a duration.
            if limit is not True and "failed: no reason given" not in message:
                assert re.search(rf"(?<!\w){limit}(?!\w)", message), message
                assert one["limit_text"] == str(limit)
            if one["result"] == "unknown":
                assert is_unknown_text(message) or "but vbr1 was only partially read" in message
    assert len(set(messages)) > 2
    assert lint_text(*messages) == []


@pytest.mark.parametrize(
    ("test", "limit", "message"),
    [
        ({"seconds": 3600}, "90m", "newest restore test took 1h (maximum 90m)"),
        ({"seconds": 5401}, "90m", "newest restore test took 1h 30m and 1s (maximum 90m)"),
        ({"result": "failed"}, "90m", "newest restore test (2026-11-21T06:00:00Z) failed: no reason given"),
        (None, "26h", "restore time unknown (maximum 26h): no restore test recorded"),
    ],
)
def test_restore_times(test: dict[str, Any] | None, limit: str, message: str) -> None:
    tests = [] if test is None else [build_test(**test)]
    result = finding(row(), {"restore_tested": {"max_restore_time": limit}}, restore_tests=tests)
    assert result["message"] == message
    assert lint_text(message) == []


@pytest.mark.parametrize(
    ("hours", "message"),
    [
        # The week that the rule checks has no point at all.
        ((120 * 24 + 8,), "no recovery point in the last 1w (maximum gap 26h)"),
        ((5, 32), "longest gap without a new recovery point in the last 1w is 5d 16h (maximum 26h)"),
        ((*range(5, 8 * 24, 27),), "longest gap without a new recovery point in the last 1w is 1d 3h (maximum 26h)"),
    ],
)
def test_gaps_and_windows(hours: tuple[int, ...], message: str) -> None:
    policy = {"recovery_points": {"max_gap": {"limit": "26h", "within": "1w"}}}
    result = finding(row([point(hours=age) for age in hours]), policy)
    assert (result["result"], result["message"]) == ("fail", message)
    assert lint_text(message) == []


def list_situations() -> Iterator[tuple[Any, Any, dict[str, Any]]]:
    """Iterate over (read results, policy, options) with findings that do not come from rules."""
    scope = {"inventory": False, "databases": False}
    yield read(row()), SEVEN, {"expected": ["web01", "db01"], "as_of": NOW + 48 * HOUR * SECOND}
    future = [point(days=-number) for number in (1, 2)]
    expired = [point(days=number, expires_at=NOW - SECOND) for number in (1, 2)]
    for count in (1, 2):
        yield read(row([*future[:count], *expired[:count]])), SEVEN, {}
    yield read(row(), row(id="id-2")), SEVEN, {"combine": {"by": "workload_name"}}
    yield read(row(), server={"scope": scope}), SEVEN, {"expected": ["web01"]}
    yield read(row(type="database")), SEVEN, {"expected": ["web01"]}
    yield read(row(type="database")), {"recovery_points": {"max_age": "26h"}}, {"expected": ["web01"]}
    yield read(row(), complete=False, errors=[{"message": f"page {n} is missing"} for n in range(9)]), SEVEN, {}
    yield [read(), read(row(host="vbr2"), complete=False)], SEVEN, {"expected": ["web02", "db"]}
    yield read(row(), row(id="id-2")), SEVEN, {"expected": ["WEB01", "web01"]}
    yield read(row(name="web01.test")), SEVEN, {"expected": ["web01", "web01.test"]}
    yield read(row()), SEVEN, {"expected": ["web01", "www"], "expected_names": {"www": "web01"}}
    yield read(row(name="web01.test"), row(name="web01.prod", id="2")), SEVEN, {"expected": ["web01"]}
    yield read(row()), SEVEN, {"expected": ["web01.prod", "web01.test"]}
    yield read(row(in_inventory=False)), SEVEN, {"expected": ["www"], "expected_names": {"www": "web01"}}
    yield read(row(name="other")), SEVEN, {"expected": ["web01"], "unexpected": "fail"}
    yield read(row()), {"policies": [{"name": "gold", "match": {"workload_name": "kvm"}, "policy": SEVEN}]}, {}
    yield read(row()), SEVEN, {"exclude": [{"match": {"source": "*"}, "reason": "a lab"}]}
    ended = {"workload": "*", "control": "*", "until": "2026-01-01", "reason": "new"}
    yield read(row(nightly(1))), SEVEN, {"waivers": [ended]}
    yield [read(row(), row(name="db", id="2"), read_at=ago(hours=4)), read(row())], SEVEN, {}
    limited: dict[str, Any] = {"selection": {"workload_names": ["nothing"]}}
    yield [read(row(), read_at=ago(hours=4)), read(row(nightly(1)), **limited)], SEVEN, {}
    for result in ("damaged", "sound", "skipped", "unfinished"):
        yield read(row(), server={"verify": {"level": "data", "result": result}}), SEVEN, {}
    for independent in (False, True):
        combine = {"combine": {"by": "workload_name", "independent": independent}}
        yield [read(row(nightly(3))), read(row(nightly(1), host="spp1", origin="esx"))], SEVEN, combine
    yield [read(row()), read(row(host="spp1"))], {"recovery_points": {"max_count": 9}}, combine
    yield read(row(EMPTY)), {"encrypted": {"all": True}, "on_unknown": "ignore"}, {}
    yield read(row()), {"encrypted": {"all": True}, "on_unknown": "ignore"}, {}
    yield read(row()), SEVEN, {"restore_tests": [build_test(workload_id="id-9")]}
    yield read(row(origin="esx1"), row(origin="esx2")), SEVEN, {"restore_tests": [build_test()]}
    yield [read(row(), selection={"account": account}) for account in "ab"], SEVEN, {}
    yield read(row()), SEVEN, {"restore_tests": [build_test(tested_at=ago(days=9))]}


def test_messages_that_do_not_come_from_rules() -> None:
    found = [
        one
        for read_results, policy, options in list_situations()
        for one in evaluate(read_results, policy, **options).plain()["findings"]
    ]
    messages = {one["message"] for one in found}
    for message in messages:
        assert not has_placeholder(message), message
        assert find_wrong_numbers(message) == []
        assert re.match(r"[a-z0-9]", message), message
        assert "None" not in message
    assert lint_text(*sorted(messages)) == []
    expected = {COMBINE, EXCLUDED, EXISTS, EXPIRED, IN_FUTURE, SUPERSEDED, TIER, UNEXPECTED, "policy.proof"}
    names = ("complete", "age", "workloads", "inventory", "scope", "verify", "restore_tests", "proof")
    assert expected | {f"data.{name}" for name in names} <= {one["control"] for one in found}


@pytest.mark.parametrize(
    ("message", "wrong"),
    [
        ("1 recovery points, at least 2 required", ["1 recovery points"]),
        ("2 recovery point, at least 2 required", ["2 recovery point"]),
        ("2 copies (locations with a recovery point)", []),
        ("1 copies (locations with a recovery point)", ["1 copies"]),
        ("1 recovery point are not off-site", ["1 recovery point are"]),
        ("21 recovery points are not off-site", []),
        (
            "recovery points: 1 known, at least 2 required; usability unknown for 1 recovery points",
            ["1 recovery points"],
        ),
        ("3 consecutive day with a full backup", ["3 consecutive day"]),
    ],
)
def test_wrong_grammatical_numbers_are_found(message: str, wrong: list[str]) -> None:
    assert find_wrong_numbers(message) == wrong


def test_counts_of_recovery_points() -> None:
    assert [count_points(count) for count in (0, 1, 2)] == [
        "0 recovery points",
        "1 recovery point",
        "2 recovery points",
    ]
