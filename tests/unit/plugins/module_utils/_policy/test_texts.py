# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All texts of findings: complete, with the limit as the user wrote it, in plain and correct English."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._collect.result import open_result
from ansible_collections.backup.audit.plugins.module_utils._core.model import KINDS
from ansible_collections.backup.audit.plugins.module_utils._core.times import HOUR, format_duration, parse_duration
from ansible_collections.backup.audit.plugins.module_utils._policy.evaluate import assess
from ansible_collections.backup.audit.plugins.module_utils._policy.language.document import (
    COMBINE,
    EXCLUDED,
    EXISTS,
    IN_FUTURE,
    SUPERSEDED,
    TIER,
    UNEXPECTED,
    compile_document,
)
from ansible_collections.backup.audit.plugins.module_utils._policy.language.schema import (
    ATTRIBUTES,
    KIND_ATTRIBUTES,
    RULES,
    Attribute,
    Rule,
)
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.locations import count_locations
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.terms import (
    Control,
    View,
    count_points,
    fill_in,
    unknown_outcome,
)
from tests.tools.prose import Text, lint, load_checks
from tests.unit.plugins.module_utils._policy.policy_rows import (
    COUNTS,
    EMPTY,
    NOW,
    SEVEN,
    VERSION,
    ago,
    evaluate,
    finding,
    findings,
    gaps,
    has_placeholder,
    is_unknown_text,
    read,
    row,
    with_attribute,
)
from tests.unit.plugins.module_utils._policy.rules import test_every_rule
from tests.unit.plugins.module_utils._policy.test_restore_tests import build_test

CHECKS = load_checks()
# Limits whose text changes if they are formatted again: 26h would be 1d 2h.
LIMITS: Mapping[str, tuple[Any, ...]] = {
    "count": (1, 2, 40),
    "duration": ("26h", "90m", "8w"),
    "percent": ("150%",),
    "flag": (True,),
}
WINDOW = "5w"
# Neither equal to a limit, nor as long as one when formatted.
VALUES: Mapping[str, tuple[int, ...]] = {"count": (0, 1, 2, 21), "flag": (1, 2, 21), "percent": (0, 42)}
SECONDS = (0, 1, 190_000)
PAIRS = [
    (attribute, rule) for attribute in (*ATTRIBUTES.values(), *KIND_ATTRIBUTES.values()) for rule in attribute.rules
]
every_pair = pytest.mark.parametrize(
    ("attribute", "rule"), PAIRS, ids=[f"{attribute.name}.{rule.name}" for attribute, rule in PAIRS]
)
# A number with its noun, which may have adjectives and an attribute in a prepositional phrase; and the verb.
_COUNTED = re.compile(
    r"(?<![\w.-])(?P<number>[0-9]+) (?P<noun>(?:[a-z-]+ )*?"
    r"(?:recovery point|full backup|location type|location|cop(?:y|ie)|day|week|month|year|workload|row|server))"
    r"(?P<s>s?)(?: of unknown type)?(?: (?P<verb>is|are)\b)?(?!\w)"
)


def lint_text(*messages: str) -> list[str]:
    """Return the rejected phrases in these messages."""
    # Paragraphs: no phrase extends from one message into the next.
    text = Text(1, "\n|\n".join(messages))
    return [str(problem) for problem in lint(PurePosixPath("findings"), iter([text]), CHECKS)]


def find_wrong_numbers(message: str) -> list[str]:
    """Return the counted nouns and verbs that are singular instead of plural, or the other way round."""
    return [
        match[0]
        for match in _COUNTED.finditer(message)
        if (match["s"] == "s") is (match["number"] == "1")
        or (match["verb"] is not None and (match["verb"] == "is") is not (match["number"] == "1"))
    ]


def compile_controls(attribute: Attribute, rule: Rule) -> Iterator[tuple[Control, str, str]]:
    """Iterate over (control, its limit as the user wrote it, its window) for the limits and windows of a rule."""
    kind = attribute.name.partition(".")[2]
    for limit in LIMITS[rule.argument]:
        plain: dict[str, Any] = {rule.name: limit}
        variants: list[tuple[dict[str, Any], str]] = [(plain, "")]
        if rule.within:
            variants.append(({rule.name: {"limit": limit, "within": WINDOW}}, WINDOW))
        if attribute.name in ("locations", "copies") and rule.name != "max_age":
            variants.append((plain, WINDOW))
        if attribute.name == "copies":
            variants.append(({**plain, "include_production": False}, ""))
        for given, window in variants:
            policy: dict[str, Any] = {"backup_types": {kind: given}} if kind else {attribute.name: given}
            if window and not rule.within:
                # The age of the copies that count is a limit of its own.
                policy.setdefault("recovery_points", {})["max_age"] = window
            (control,) = [
                one for one in compile_document(policy).tiers[0].controls if one.name == f"{attribute.name}.{rule.name}"
            ]
            yield control, "" if rule.argument == "flag" else str(limit), window


def list_reasons(control: Control) -> Iterator[str]:
    """Iterate over reasons of unknown outcomes, for one and for two recovery points or locations."""
    for count in (1, 2):
        yield f"age unknown for {count_locations(count)}"
        if control.wording.fact:
            yield View(row(), unknown=count).unknown_reason(control.wording.fact)
            yield View(row(), unknown=count, refused=count).unknown_reason(control.wording.fact)


def list_texts(control: Control) -> Iterator[tuple[str, str]]:
    """Iterate over (name of the text, text) of a control, for all values."""
    values = SECONDS if control.unit == "seconds" else VALUES[control.unit]
    wording = control.wording
    templates = {name: getattr(wording, name) for name in ("passed", "failed", "empty", "too_old", "too_long")}
    if not control.within:
        assert (wording.too_old == "") is (wording.too_long == "")
        templates["too_old"] = templates["too_long"] = ""
    for (name, template), value in itertools.product(templates.items(), values):
        if template:
            yield name, fill_in(template, value, control.unit, control.limit)
    for reason, unknown_value in itertools.product(list_reasons(control), (None, *values)):
        _state, _certainty, actual, text, _possible = unknown_outcome(control, reason, unknown_value)
        yield "unknown", fill_in(text, actual, control.unit, control.limit)


@every_pair
class TestWordings:
    """Texts of each rule of each attribute, from a compiled policy."""

    def test_they_are_complete_sentences(self, attribute: Attribute, rule: Rule) -> None:
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

    def test_limits_are_those_that_the_user_wrote(self, attribute: Attribute, rule: Rule) -> None:
        for control, limit, window in compile_controls(attribute, rule):
            for name, text in list_texts(control):
                shown = [limit] if limit else []
                # If there are no recovery points at all, the length of the window is not relevant.
                if window and (rule.argument in ("flag", "count") or name != "empty"):
                    shown.append(window)
                for one in shown:
                    assert re.search(rf"(?<![\w.]){re.escape(one)}(?!\w)", text), (one, text)
                    if rule.argument == "duration":
                        assert one.endswith("d") or format_duration(parse_duration(one)) not in text, text

    def test_singular_and_plural(self, attribute: Attribute, rule: Rule) -> None:
        for control, _limit, _window in compile_controls(attribute, rule):
            counted = [text for _name, text in list_texts(control) if _COUNTED.search(text)]
            assert [text for text in counted if find_wrong_numbers(text)] == []
            starts = [text for name, text in list_texts(control) if name == "failed" and re.match("[0-9]", text)]
            # Each text that begins with a count is checked, and is different for one and for two.
            assert all(_COUNTED.match(text) for text in starts), starts
            if rule.argument == "count":
                assert {text.partition(" ")[0] for text in starts} == {"0", "1", "2", "21"}

    def test_words(self, attribute: Attribute, rule: Rule) -> None:
        texts = {
            text
            for control, _limit, _window in compile_controls(attribute, rule)
            for _name, text in list_texts(control)
        }
        assert lint_text(*sorted(texts)) == []


def test_every_rule_and_attribute_is_walked() -> None:
    assert {rule.name for rule in RULES} == {rule.name for _attribute, rule in PAIRS}
    assert {attribute.name for attribute, _rule in PAIRS} == {*ATTRIBUTES, *(f"backup_types.{kind}" for kind in KINDS)}


# Read results with one thing that is unknown each.
DOUBTS: Mapping[str, dict[str, Any]] = {
    "good": {},
    "partial": {"complete": False, "errors": [{"message": "page 2 is missing"}]},
    "clock": {"server": {"host": "vbr1", "product": "spp", "clock_skew_seconds": 7200}},
    "since": {"window": {"since": ago(days=2)}},
    "until": {"window": {"until": ago(days=3)}},
}


@pytest.mark.parametrize(
    ("attribute", "rule"), test_every_rule.PAIRS, ids=[".".join(pair) for pair in test_every_rule.PAIRS]
)
def test_messages_of_evaluated_workloads(attribute: str, rule: str) -> None:
    """Good, bad, unknown and empty workloads, in complete and in doubtful read results."""
    argument = next(one.argument for owner, one in PAIRS if (owner.name, one.name) == (attribute, rule))
    limit = LIMITS[argument][-1]
    kind = attribute.partition(".")[2]
    policy: dict[str, Any] = {"backup_types": {kind: {rule: limit}}} if kind else {attribute: {rule: limit}}
    workloads = [make(attribute, rule) for make in (test_every_rule.good, test_every_rule.bad, test_every_rule.unsure)]
    messages = []
    for doubt, workload in itertools.product(DOUBTS.values(), (*workloads, EMPTY, COUNTS)):
        result = findings(read(workload, **doubt), {**policy, "on_unknown": "ignore"})[0]
        messages.append(result["message"])
        assert result["control"] == f"{attribute}.{rule}"
        assert not has_placeholder(result["message"])
        assert find_wrong_numbers(result["message"]) == []
        if limit is not True:
            assert re.search(rf"(?<!\w){limit}(?!\w)", result["message"]), result["message"]
            assert result["limit_text"] == str(limit)
        if result["result"] == "unknown":
            assert is_unknown_text(result["message"]) or "but vbr1 was only partially read" in result["message"]
    assert len(set(messages)) > 3
    assert lint_text(*messages) == []


def restored(**members: Any) -> dict[str, Any]:
    """Build a workload with a restore test."""
    test = {"result": "passed", "tested_at": ago(days=3), "seconds": 3600, "message": None, **members}
    return with_attribute("restore_tested", {"count": 0, "unknown": 1, "restore": test}, recovery_points=1)


@pytest.mark.parametrize(
    ("workload", "limit", "message"),
    [
        (restored(), "90m", "newest restore test took 1h (maximum 90m)"),
        (restored(seconds=5401), "90m", "newest restore test took 1h 30m and 1s (maximum 90m)"),
        (restored(result="failed"), "90m", "newest restore test (2026-11-18T07:00:00Z) failed: no reason given"),
        (row(), "26h", "restore time unknown (maximum 26h): no restore test recorded"),
    ],
)
def test_restore_times(workload: dict[str, Any], limit: str, message: str) -> None:
    result = finding(workload, {"restore_tested": {"max_restore_time": limit}})
    assert result["message"] == message
    assert lint_text(message) == []


@pytest.mark.parametrize(
    ("workload", "message"),
    [
        # A gap that is longer than the window: the window cannot contain it.
        (
            row(newest=ago(days=120, hours=8), gaps=gaps(every=(120 * 24 + 8) * HOUR)),
            "no recovery point in the last 1w (newest is 120d 8h old; maximum gap 26h)",
        ),
        (
            row(gaps=gaps(every=(120 * 24 + 8) * HOUR)),
            "longest gap ending in the last 1w is 120d 8h without a new recovery point (maximum 26h)",
        ),
        (
            row(gaps=gaps(every=27 * HOUR)),
            "longest gap without a new recovery point in the last 1w is 1d 3h (maximum 26h)",
        ),
    ],
)
def test_gaps_and_windows(workload: dict[str, Any], message: str) -> None:
    policy = {"recovery_points": {"max_gap": {"limit": "26h", "within": "1w"}}}
    result = finding(workload, policy)
    assert (result["result"], result["message"]) == ("fail", message)
    assert lint_text(message) == []


def list_situations() -> Iterator[tuple[Any, Any, dict[str, Any]]]:
    """Iterate over (read results, policy, options) that have the findings that do not come from rules."""
    scope = {"inventory": False, "databases": False}
    plain = read()["server"]
    yield read(row()), SEVEN, {"expected": ["web01", "db01"], "as_of": NOW + 48 * HOUR * 1_000_000}
    yield read(row(in_future=1), row(workload_id="id-2", in_future=2)), SEVEN, {"combine": {"by": "workload_name"}}
    yield read(row(), server={**plain, "scope": scope}), SEVEN, {"expected": ["web01"]}
    yield read(row(), complete=False, errors=[{"message": f"page {n} is missing"} for n in range(9)]), SEVEN, {}
    yield [read(), read(row(), server={"host": "vbr2"}, complete=False)], SEVEN, {"expected": ["web02", "db"]}
    yield read(row(), row(workload_id="id-2")), SEVEN, {"expected": ["WEB01"]}
    yield read(row(workload_name="web01.test"), row(workload_name="web01.prod")), SEVEN, {"expected": ["web01"]}
    yield read(row()), SEVEN, {"expected": ["web01.prod", "web01.test"]}
    yield read(row(in_inventory=False)), SEVEN, {"expected": ["www"], "expected_names": {"www": "web01"}}
    yield read(row(workload_name="other")), SEVEN, {"expected": ["web01"], "unexpected": "fail"}
    yield read(row()), {"policies": [{"name": "gold", "match": {"platform": "kvm"}, "policy": SEVEN}]}, {}
    yield read(row()), SEVEN, {"exclude": [{"match": {"source": "*"}, "reason": "a lab"}]}
    ended = {"workload": "*", "control": "*", "until": "2026-01-01", "reason": "new"}
    yield read(row(recovery_points=1)), SEVEN, {"waivers": [ended]}
    yield [read(row(), read_at=ago(hours=9)), read(row())], SEVEN, {}
    for result in ("damaged", "sound", "skipped", "unfinished"):
        yield read(row(), server={**plain, "verify": {"level": "data", "result": result}}), SEVEN, {}
    other = row(source="spp1", origin="esx", recovery_points=1, newest=ago(hours=6), oldest=ago(days=31))
    for independent, second in itertools.product((False, True), (other, {**row(recovery_points=1), "source": "em"})):
        rows = [read(row(recovery_points=3)), read(second, server={"host": second["source"]})]
        yield rows, SEVEN, {"combine": {"by": "workload_name", "independent": independent}}
    yield read(EMPTY), {"encrypted": {"all": True}, "on_unknown": "ignore"}, {}


def test_messages_that_do_not_come_from_rules() -> None:
    found = [
        one
        for read_results, policy, options in list_situations()
        for one in evaluate(read_results, policy, **options).plain()["findings"]
    ]
    tests = [build_test(workload_id="id-9")]
    tested = assess([open_result(read(row()))], SEVEN, as_of=NOW, collection_version=VERSION, restore_tests=tests)
    found += tested.plain()["findings"]
    messages = {one["message"] for one in found}
    for message in messages:
        assert not has_placeholder(message), message
        assert find_wrong_numbers(message) == []
        assert re.match(r"[a-z0-9]", message), message
        assert "None" not in message
    assert lint_text(*sorted(messages)) == []
    expected = {COMBINE, EXCLUDED, EXISTS, IN_FUTURE, SUPERSEDED, TIER, UNEXPECTED}
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
def test_wrong_numbers_are_found(message: str, wrong: list[str]) -> None:
    assert find_wrong_numbers(message) == wrong


def test_counts_of_recovery_points() -> None:
    assert [count_points(count) for count in (0, 1, 2)] == [
        "0 recovery points",
        "1 recovery point",
        "2 recovery points",
    ]


@pytest.mark.parametrize(
    ("names", "expected", "suffix"),
    [
        (["ERP-Prod"], ["erp-prd"], ". Similar name: ERP-Prod"),
        (["web01"], ["erp-prd"], ""),
        # A name that is expected itself is not the misspelled one.
        (["erp-prod"], ["erp-prd", "erp-prod"], ""),
        # If very many are missing, names are not compared: it would take minutes.
        (["erp-prod"], ["erp-prd", *(f"m{number}" for number in range(100))], ""),
        ([f"erp-{number:03}" for number in range(500)], ["erp-1x0"], ". Similar name: erp-210"),
    ],
)
def test_similar_names(names: list[str], expected: list[str], suffix: str) -> None:
    found = findings(read(*(row(workload_name=name) for name in names)), SEVEN, expected=expected)
    (missing,) = [one for one in found if one["workload_name"] == expected[0] and one["control"] == EXISTS]
    assert missing["message"] == f"expected workload not found on any server that was read{suffix}"
