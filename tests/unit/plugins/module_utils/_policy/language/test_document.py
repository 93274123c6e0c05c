# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The policy language: rejected policies and their messages, and equivalent notations."""

from __future__ import annotations

import datetime
import json
from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._core.errors import OptionError
from ansible_collections.backup.audit.plugins.module_utils._policy.language.document import compile_document
from ansible_collections.backup.audit.plugins.module_utils._policy.language.schema import ATTRIBUTES, RULES
from tests.unit.plugins.module_utils._policy.policy_points import SEVEN, evaluate, findings, nightly, row


def refused(policy: Any, **options: Any) -> str:
    """Return the message about an invalid policy."""
    with pytest.raises(OptionError) as caught:
        compile_document(policy, options)
    return str(caught.value)


@pytest.mark.parametrize(
    ("policy", "text"),
    [
        ({}, "policy: the policy is empty. Add at least one rule, for example recovery_points: {min_count: 7}."),
        (None, "policy: the policy is empty."),
        ([], "policy: the policy is empty."),
        ({"policy": {}}, "policy: no rule is set."),
        ({"on_unknown": "warn"}, "policy: no rule is set."),
        (
            {"recovery_points": {}},
            "policy.recovery_points: no rule is set. Add at least one of min_count, max_count, ",
        ),
        ({"recovery_points": {"on_unknown": "warn"}}, "policy.recovery_points: no rule is set."),
        ({"recovery_points": 7}, "policy.recovery_points: 7 is not a mapping."),
        ({"recovery_points": None}, "policy.recovery_points: None is not a mapping."),
        (
            {"recoverypoints": {"min_count": 7}},
            "policy.recoverypoints: unknown key. Did you mean 'recovery_points'?",
        ),
        (
            {"recovery_points": {"max_aeg": "26h"}},
            "unknown rule or setting. Did you mean 'max_age'? Valid keys: accept, backup_types, daily,",
        ),
        (
            {"size": {"min_count": 7}},
            "policy.size.min_count: min_count does not apply to size. Valid rules: min_percent_of_median.",
        ),
        ({"offsite": {"daily": 7}}, "policy.offsite.daily: daily does not apply to offsite."),
        ({"recovery_points": {"all": True}}, "policy.recovery_points.all: all does not apply to recovery_points."),
        ({"malware": {"min_count": 1}}, "policy.malware.min_count: min_count does not apply to malware."),
        (
            {"recovery_points": {"min_count": 0}},
            "policy.recovery_points.min_count: 0 is not a whole number of at least 1.",
        ),
        ({"recovery_points": {"min_count": -1}}, "policy.recovery_points.min_count: -1 is not a whole number"),
        ({"recovery_points": {"min_count": True}}, "policy.recovery_points.min_count: True is not a whole number"),
        ({"recovery_points": {"min_count": 7.5}}, "policy.recovery_points.min_count: 7.5 is not a whole number"),
        (
            {"recovery_points": {"min_count": "seven"}},
            "policy.recovery_points.min_count: 'seven' is not a whole number",
        ),
        ({"recovery_points": {"min_count": None}}, "policy.recovery_points.min_count: None is not a whole number"),
        (
            {"recovery_points": {"min_count": {"on_unknown": "warn"}}},
            "policy.recovery_points.min_count.limit: required key is missing.",
        ),
        (
            {"recovery_points": {"max_age": 26}},
            "policy.recovery_points.max_age: 26 is not a valid duration: the unit is missing.",
        ),
        (
            {"recovery_points": {"max_age": "26 h"}},
            "policy.recovery_points.max_age: '26 h' is not a valid duration.",
        ),
        (
            {"recovery_points": {"max_age": "0h"}},
            "policy.recovery_points.max_age: '0h' is not a valid duration: it is zero.",
        ),
        (
            {"recovery_points": {"max_gap": {"limit": "26h", "wihtin": "14d"}}},
            "policy.recovery_points.max_gap.wihtin: unknown key. Did you mean 'within'?",
        ),
        (
            {"recovery_points": {"max_age": {"limit": "7d", "within": "14d"}}},
            "policy.recovery_points.max_age.within: unknown key.",
        ),
        (
            {"locations": {"min_count": {"limit": 2, "within": "14d"}}},
            "policy.locations.min_count.within: unknown key.",
        ),
        (
            {"recovery_points": {"max_gap": {"limit": "26h", "within": "14"}}},
            "policy.recovery_points.max_gap.within: '14' is not a valid duration: the unit is missing.",
        ),
        (
            {"recovery_points": {"max_gap": {"limit": "14d", "within": "14d"}}},
            "policy.recovery_points.max_gap.limit: '14d' must be less than within (14d), or every gap is allowed.",
        ),
        (
            {"full": {"max_gap": {"limit": "26h", "within": "1d"}}},
            "policy.full.max_gap.limit: '26h' must be less than within (1d), or every gap is allowed.",
        ),
        (
            {"recovery_points": {"max_gap": {"within": "1d"}}},
            "policy.recovery_points.max_gap.limit: required key is missing.",
        ),
        (
            {"recovery_points": {"min_coverage": "95%"}},
            "policy.recovery_points.min_coverage: '95%' is not a mapping.",
        ),
        (
            {"recovery_points": {"min_coverage": {"max_age": "26h", "within": "90d"}}},
            "policy.recovery_points.min_coverage.percent: required key is missing. Use min_coverage: {percent: ...,",
        ),
        (
            {"recovery_points": {"min_coverage": {"percent": "101%", "max_age": "26h", "within": "90d"}}},
            "policy.recovery_points.min_coverage.percent: '101%' is more than 100%. Use for",
        ),
        (
            {"recovery_points": {"min_coverage": {"percent": "95%", "within": "90d"}}},
            "policy.recovery_points.min_coverage.max_age: required key is missing.",
        ),
        (
            {"recovery_points": {"min_coverage": {"percent": "95%", "max_age": "26h"}}},
            "policy.recovery_points.min_coverage.within: required key is missing.",
        ),
        (
            {"recovery_points": {"min_coverage": {"limit": "95%", "max_age": "26h", "within": "90d"}}},
            "policy.recovery_points.min_coverage.limit: unknown key.",
        ),
        (
            {"recovery_points": {"max_failed_runs": -1}},
            "policy.recovery_points.max_failed_runs: -1 is not a whole number of at least 0.",
        ),
        ({"full": {"max_failed_runs": 1}}, "policy.full.max_failed_runs: max_failed_runs does not apply to full."),
        (
            {"immutable": {"min_lock": 14}},
            "policy.immutable.min_lock: 14 is not a valid duration: the unit is missing.",
        ),
        (
            {"recovery_points": {"max_retention": "0d"}},
            "policy.recovery_points.max_retention: '0d' is not a valid duration: it is zero.",
        ),
        ({"encrypted": {"all": False}}, "policy.encrypted.all: the rule is set to false."),
        ({"encrypted": {"all": "perhaps"}}, "policy.encrypted.all: 'perhaps' is not a boolean."),
        ({"size": {"min_percent_of_median": 50}}, "policy.size.min_percent_of_median: 50 is not a valid percentage."),
        (
            {"size": {"min_percent_of_median": "0%"}},
            "policy.size.min_percent_of_median: '0%' is not a valid percentage.",
        ),
        ({"recovery_points": {"min_count": 7, "accept": []}}, "policy.recovery_points.accept: the list is empty."),
        (
            {"immutable": {"min_count": 1, "accept": ["infered"]}},
            "policy.immutable.accept[0]: 'infered' is not a valid value. Did you mean 'inferred'?",
        ),
        (
            {**SEVEN, "on_unknown": "pass"},
            "policy.on_unknown: 'pass' is not a valid value. Valid values: fail, warn, ignore.",
        ),
        ({**SEVEN, "warn_at": 80}, "policy.warn_at: 80 is not a valid percentage."),
        ({**SEVEN, "warn_at": "100%"}, "policy.warn_at: '100%' must be less than 100%."),
        (
            {"recovery_points": {"min_count": {"limit": 7, "warn_at": "80%"}}},
            "policy.recovery_points.min_count.warn_at: min_count has no upper limit.",
        ),
        ({**SEVEN, "weekdays": "mon"}, "policy.weekdays: 'mon' is not a list."),
        ({**SEVEN, "weekdays": ["monday"]}, "policy.weekdays[0]: 'monday' is not a valid value. Did you mean 'mon'?"),
        ({**SEVEN, "weekdays": ["mon..fry"]}, "policy.weekdays[0]: 'fry' is not a valid value."),
        (
            {"backup_types": {"snapshots": {"min_count": 1}}},
            "policy.backup_types.snapshots: unknown key. Did you mean 'snapshot'?",
        ),
        ({"backup_types": {}}, "policy: no rule is set."),
        (
            {"backup_types": {"log": {"all": True}}},
            "policy.backup_types.log.all: all does not apply to backup_types.log.",
        ),
        (
            {"recovery_points": {"min_count": 1, "backup_types": ["ful"]}},
            "policy.recovery_points.backup_types[0]: 'ful' is not a valid value. Did you mean 'full'?",
        ),
        (
            {"full": {"min_count": 1, "backup_types": ["full"]}},
            "policy.full.backup_types: unknown rule or setting.",
        ),
        (
            {"copies": {"min_count": 3, "include_production": "no!"}},
            "policy.copies.include_production: 'no!' is not a boolean.",
        ),
        ({"policy": SEVEN, "waiver": []}, "policy.waiver: unknown key. Did you mean 'waivers'?"),
        ({"policiess": []}, "policy.policiess: unknown key. Did you mean 'policies'?"),
        (
            {"policy": {**SEVEN, "expected": ["a"]}, "expected": ["a"]},
            "policy.policy.expected: expected is set twice.",
        ),
        (
            {"recovery_points": {"min_count": object()}},
            "policy.recovery_points.min_count: a object cannot be part of a policy",
        ),
        (
            {**SEVEN, "policies": [{"name": "a", "policy": SEVEN}]},
            "policy.recovery_points: not valid next to policies.",
        ),
    ],
)
def test_rejected_policies(policy: Any, text: str) -> None:
    assert text in refused(policy)


WAIVER = {"workload": "web*", "control": "recovery_points.min_count", "until": "2026-12-31", "reason": "moved"}


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"expected": []}, "expected: the list is empty. Remove the key, or add at least one item."),
        ({"expected": "web01"}, "expected: 'web01' is not a list."),
        ({"expected": ["web01", " "]}, "expected[1]: ' ' is not a text."),
        ({"expected_match": "loose"}, "expected_match: 'loose' is not a valid value. Valid values: short, exact."),
        ({"exclude": [{"match": {"platform": "vmware"}}]}, "exclude[0].reason: required key is missing."),
        ({"exclude": [{"reason": "x"}]}, "exclude[0].match: required key is missing."),
        ({"exclude": [{"match": {"platform": "vmware"}, "reason": ""}]}, "exclude[0].reason: '' is not a text."),
        ({"exclude": [{"match": {"platform": "vmware"}, "why": "x"}]}, "exclude[0].why: unknown key."),
        ({"exclude": ["web01"]}, "exclude[0]: 'web01' is not a mapping."),
        ({"waivers": [{**WAIVER, "until": None}]}, "waivers[0].until: required key is missing."),
        ({"waivers": [{**WAIVER, "until": "soon"}]}, "waivers[0].until: 'soon' is not a valid date."),
        ({"waivers": [{**WAIVER, "until": "2026-02-30"}]}, "waivers[0].until: '2026-02-30' is not a valid date"),
        ({"waivers": [{**WAIVER, "until": "9999-12-31"}]}, "waivers[0].until: '9999-12-31' is not a valid date"),
        (
            {"waivers": [{**WAIVER, "until": "2026-12-31T10:00:00"}]},
            "waivers[0].until: '2026-12-31T10:00:00' is not a valid date.",
        ),
        ({"waivers": [{**WAIVER, "reason": " "}]}, "waivers[0].reason: ' ' is not a text."),
        (
            {"waivers": [{**WAIVER, "control": "recovery_point.min_count"}]},
            "waivers[0].control: unknown control 'recovery_point.min_count'. Did you mean 'recovery_points.",
        ),
        (
            {"waivers": [{**WAIVER, "control": "recovery_points.minimum"}]},
            "waivers[0].control: unknown control 'recovery_points.minimum'. It was renamed to recovery_points.min_c",
        ),
        (
            {"waivers": [{**WAIVER, "controls": "*"}]},
            "waivers[0].controls: unknown key. Did you mean 'control'?",
        ),
        ({"combine": {}}, "combine.by: None is not a valid value. Valid values: workload_name, workload_id."),
        ({"combine": {"by": "name"}}, "combine.by: 'name' is not a valid value."),
        ({"combine": {"by": "workload_name", "independent": "so"}}, "combine.independent: 'so' is not a boolean"),
        ({"combine": {"by": "workload_name", "add": True}}, "combine.add: unknown key."),
        ({"max_data_age": "1"}, "max_data_age: '1' is not a valid duration: the unit is missing."),
    ],
)
def test_rejected_options_outside_of_the_policy(options: dict[str, Any], text: str) -> None:
    assert text in refused(SEVEN, **options)
    assert text in refused({"policy": SEVEN, **options})


@pytest.mark.parametrize(
    ("control", "meant"),
    [
        ("recovery_point.min_count", "recovery_points.min_count"),
        # The rule may be a pattern, and is unchanged.
        ("recovery_point.m*", "recovery_points.m*"),
        ("recovery_points.min_cuont", "recovery_points.min_count"),
        ("expectd.exists", "expected.exists"),
        ("expected.exist", "expected.exists"),
        ("expected_exists", "expected.exists"),
    ],
)
def test_similar_control_of_a_waiver(control: str, meant: str) -> None:
    text = refused(SEVEN, waivers=[{**WAIVER, "control": control}], expected=["web01"])
    assert text.endswith(f"unknown control '{control}'. Did you mean '{meant}'?")


@pytest.mark.parametrize("duration", ["36601d", "5229w", "878401h", "3162240001s", "99999999w"])
@pytest.mark.parametrize(
    ("policy", "path"),
    [
        ({"recovery_points": {"max_age": "{}"}}, "recovery_points.max_age"),
        ({"recovery_points": {"min_retention": {"limit": "{}"}}}, "recovery_points.min_retention"),
        ({"encrypted": {"all": {"within": "{}"}}}, "encrypted.all.within"),
        ({"recovery_points": {"max_gap": {"limit": "26h", "within": "{}"}}}, "recovery_points.max_gap.within"),
        (
            {"recovery_points": {"min_coverage": {"percent": "9%", "max_age": "{}", "within": "9d"}}},
            "recovery_points.min_coverage.max_age",
        ),
        (
            {"recovery_points": {"min_coverage": {"percent": "9%", "max_age": "9d", "within": "{}"}}},
            "recovery_points.min_coverage.within",
        ),
    ],
)
def test_a_duration_of_more_than_100_years_is_rejected(policy: dict[str, Any], path: str, duration: str) -> None:
    given = json.loads(json.dumps(policy).replace("{}", duration))
    assert f"policy.{path}: '{duration}' is longer than 100 years." in refused(given)


@pytest.mark.parametrize("duration", ["36600d", "5228w", "878400h", "3162240000s"])
def test_a_duration_of_100_years_is_accepted(duration: str) -> None:
    assert compile_document({"recovery_points": {"max_age": duration}}, {"max_data_age": duration}).tiers
    assert "max_data_age: '36601d' is longer than 100 years." in refused(SEVEN, max_data_age="36601d")


def test_settings_both_in_and_outside_of_the_policy_are_rejected() -> None:
    assert "policy.expected: expected is set twice." in refused({"policy": SEVEN, "expected": ["a"]}, expected=["b"])


@pytest.mark.parametrize("attribute", sorted(ATTRIBUTES))
@pytest.mark.parametrize("rule", sorted({rule.name for rule in RULES}))
def test_rules_are_accepted_according_to_the_table(attribute: str, rule: str) -> None:
    own = {one.name: one.argument for one in ATTRIBUTES[attribute].rules}
    limits = {"count": 3, "count_or_zero": 0, "duration": "3d", "percent": "50%", "share": "", "flag": True}
    limit: Any = limits[own.get(rule, "count")]
    if rule == "min_coverage":
        limit = {"percent": "50%", "max_age": "3d", "within": "9d"}
    if rule in own:
        (tier,) = compile_document({attribute: {rule: limit}}).tiers
        assert [control.name for control in tier.controls] == [f"{attribute}.{rule}"]
    else:
        assert f"policy.{attribute}.{rule}: {rule} does not apply to {attribute}." in refused(
            {attribute: {rule: limit}}
        )


@pytest.mark.parametrize(
    "policy",
    [
        {"policy": SEVEN},
        {"recovery_points": {"min_count": "7"}},
        {"recovery_points": {"min_count": {"limit": 7}}},
        {"policies": [{"name": "x", "policy": SEVEN}]},
    ],
)
def test_equivalent_policies(policy: dict[str, Any]) -> None:
    found, wanted = findings(row(nightly(6)), policy), findings(row(nightly(6)), SEVEN)
    assert [{**one, "tier": None} for one in found] == wanted


@pytest.mark.parametrize("given", ["true", "True", "yes", True, {"limit": True}, {"within": "9d"}])
def test_booleans_from_templates(given: Any) -> None:
    assert compile_document({"encrypted": {"all": given}}).tiers


def test_the_policy_is_kept_for_the_evidence() -> None:
    """Dates are converted to text, nothing is added, and the stored policy gives the same results."""
    waiver = {**WAIVER, "until": datetime.date(2026, 12, 31)}
    given = {"policy": SEVEN, "waivers": [waiver], "max_data_age": "2d"}
    kept = evaluate(row(), given, expected=["web01"]).frame["policy"]
    assert kept == {**SEVEN, "waivers": [WAIVER], "max_data_age": "2d", "expected": ["web01"]}
    assert evaluate(row(), kept).plain() == evaluate(row(), given, expected=["web01"]).plain()


@pytest.mark.parametrize(
    ("until", "text"),
    [
        (datetime.datetime(2026, 12, 31, 10, tzinfo=datetime.timezone.utc), "2026-12-31T10:00:00+00:00"),
        # The value that older YAML versions return for a time with a zone.
        (datetime.datetime(2026, 12, 31, 10), "2026-12-31T10:00:00Z"),  # noqa: DTZ001
    ],
)
def test_times_parsed_by_yaml(until: datetime.datetime, text: str) -> None:
    document = compile_document(SEVEN, {"waivers": [{**WAIVER, "until": until}]})
    assert document.waivers[0].definition["until"] == text


def test_control_names_are_unique() -> None:
    backup_types = {"backup_types": {"log": {"max_age": "1h"}, "snapshot": {"max_age": "1h"}}}
    (tier,) = compile_document({**SEVEN, **backup_types}).tiers
    assert [control.name for control in tier.controls] == [
        "recovery_points.min_count",
        "backup_types.log.max_age",
        "backup_types.snapshot.max_age",
    ]
