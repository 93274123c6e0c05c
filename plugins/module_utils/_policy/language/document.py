# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Compiles the policy as written into tiers of controls and rejects everything that is not valid."""

from __future__ import annotations

import dataclasses
import typing as t
from collections.abc import Mapping

from ansible_collections.backup.audit.plugins.module_utils._core.errors import OptionError
from ansible_collections.backup.audit.plugins.module_utils._core.model import ATTRIBUTES as ATTRIBUTE_NAMES
from ansible_collections.backup.audit.plugins.module_utils._core.model import KINDS
from ansible_collections.backup.audit.plugins.module_utils._core.times import DAY, SECOND, parse_duration
from ansible_collections.backup.audit.plugins.module_utils._policy.language import arguments
from ansible_collections.backup.audit.plugins.module_utils._policy.language.match import Exclusion, Match, Waiver
from ansible_collections.backup.audit.plugins.module_utils._policy.language.presets import EXTENDS, expand
from ansible_collections.backup.audit.plugins.module_utils._policy.language.schema import (
    ATTRIBUTES,
    KIND_ATTRIBUTES,
    RULES,
    Attribute,
    Rule,
    attribute_for_backup_types,
    attribute_with_production,
    rules_by_name,
)
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.terms import (
    DECLARED,
    FAIL,
    INFERRED,
    WARN,
    Control,
    format_value,
)
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.workdays import DAY_NAMES

# Controls without an attribute: they result from the scope of the policy.
EXISTS = "expected.exists"
UNEXPECTED = "expected.unexpected"
TIER = "policy.tier"
EXCLUDED = "policy.exclude"
SUPERSEDED = "data.superseded"
COMBINE = "policy.combine"
IN_FUTURE = "recovery_points.in_future"

_ON_UNKNOWN = ("fail", "warn", "ignore")
_ACCEPT = {"inferred": INFERRED, "declared": DECLARED}
SETTINGS = ("on_unknown", "warn_at", "accept", "weekdays")
# Keys next to a policy; all of them can be in the same file.
OPTION_KEYS = (
    "expected",
    "expected_names",
    "expected_match",
    "unexpected",
    "exclude",
    "waivers",
    "combine",
    "max_data_age",
    "on_empty",
)
_RULE_NAMES = frozenset(rule.name for rule in RULES)
_EXAMPLE = "Add at least one rule, for example recovery_points: {min_count: 7}"
_UNEXPECTED = {"ignore": None, "warn": WARN, "fail": FAIL}
_ON_EMPTY = {"warn": WARN, "fail": FAIL}
_POLICY_KEYS = (*ATTRIBUTES, "backup_types", EXTENDS, *SETTINGS)


@dataclasses.dataclass(frozen=True, slots=True)
class Settings:
    """Settings of a policy, attribute or rule; the most specific takes precedence."""

    blocks_unknown: bool = True
    warn_at: int = 100
    accept: frozenset[int] = frozenset()
    workdays: frozenset[int] | None = None

    def override(self, given: Mapping[str, t.Any], path: str) -> Settings:
        """Return these settings, overridden by those in ``given``."""
        changed: dict[str, t.Any] = {}
        if "on_unknown" in given:
            effect = arguments.choice(given["on_unknown"], f"{path}.on_unknown", _ON_UNKNOWN)
            changed["blocks_unknown"] = effect == "fail"
        if "warn_at" in given:
            changed["warn_at"] = arguments.percent(given["warn_at"], f"{path}.warn_at")
            if changed["warn_at"] >= 100:
                raise OptionError(
                    f"{path}.warn_at: {given['warn_at']!r} must be less than 100%", hint="Use for example 80%"
                )
        if "accept" in given:
            names = arguments.choices(given["accept"], f"{path}.accept", ("reported", *_ACCEPT))
            changed["accept"] = frozenset(_ACCEPT[word] for word in names if word in _ACCEPT)
        if "weekdays" in given:
            changed["workdays"] = _parse_workdays(given["weekdays"], f"{path}.weekdays")
        return dataclasses.replace(self, **changed)


@dataclasses.dataclass(frozen=True, slots=True)
class Tier:
    """One policy and the rows that it applies to."""

    name: str | None
    match: Match | None
    controls: tuple[Control, ...]
    blocks_unknown: bool
    # The attributes in addition to recovery_points that its controls use, and whether they use kinds.
    attributes: frozenset[str]
    by_kind: bool


@dataclasses.dataclass(frozen=True, slots=True)
class Document:
    """The complete compiled policy; ``definition`` is the policy as written, presets expanded, for the evidence."""

    tiers: tuple[Tier, ...]
    definition: dict[str, t.Any]
    expected: tuple[str, ...] = ()
    # Case-folded expected name -> the name that its workload has in the backup products.
    expected_names: Mapping[str, str] = dataclasses.field(default_factory=dict)
    # Result for a workload with points that is not expected; None: no finding.
    unexpected: int | None = None
    expected_short: bool = True
    exclude: tuple[Exclusion, ...] = ()
    waivers: tuple[Waiver, ...] = ()
    combine: str | None = None
    independent: bool = False
    max_data_age: int = DAY
    max_data_age_text: str = "24h"
    # Result of a read result without workloads: an account without permissions reads the same.
    on_empty: int = FAIL


def compile_document(policy: t.Any, options: Mapping[str, t.Any] | None = None) -> Document:
    """Compile ``policy`` (with or without its outer key, or a name) and the other ``options`` (None = not given)."""
    definition = expand(arguments.to_plain(policy, "policy"), "policy")
    if not definition:
        raise OptionError("policy: the policy is empty", hint=_EXAMPLE)
    arguments.mapping(definition, "policy")
    if isinstance(definition.get("policy"), (dict, str)) and not any(key in _POLICY_KEYS for key in definition):
        arguments.refuse_unknown(definition, ("policy", "policies", *OPTION_KEYS), "policy")
        inner = expand(definition.pop("policy"), "policy.policy")
        _check_duplicates(inner, definition, "policy.policy")
        definition = {**inner, **definition}
    for key, value in (options or {}).items():
        if value is not None:
            _check_duplicates(definition, {key: value}, "policy")
            definition[key] = arguments.to_plain(value, key)
    tiers = _parse_tiers(definition)
    return Document(tiers, definition, **_parse_options(definition, tiers))


def _check_duplicates(one: Mapping[str, t.Any], other: Mapping[str, t.Any], path: str) -> None:
    for key in other:
        if key in one:
            raise OptionError(f"{path}.{key}: {key} is set twice", hint="Set it in one place only")


def _parse_tiers(definition: dict[str, t.Any]) -> tuple[Tier, ...]:
    own = {key: value for key, value in definition.items() if key not in OPTION_KEYS and key != "policies"}
    if "policies" not in definition:
        return (_parse_tier(None, None, own, "policy"),)
    if own:
        raise OptionError(
            f"policy.{next(iter(own))}: not valid next to policies",
            hint="Move it into the policy of a tier. A last tier without match applies to all other workloads",
        )
    tiers: list[Tier] = []
    for index, item in enumerate(arguments.sequence(definition["policies"], "policies")):
        path = f"policies[{index}]"
        given = arguments.mapping(item, path, ("name", "match", "policy"))
        if tiers and tiers[-1].match is None:
            raise OptionError(
                f"{path}: this tier never applies, because the tier before it has no match and matches all workloads",
                hint="Move the tier without match to the end",
            )
        name = arguments.text(given.get("name"), f"{path}.name")
        if any(tier.name == name for tier in tiers):
            raise OptionError(f"{path}.name: another tier is named {name!r}", hint="Use a different name for each tier")
        match = None if given.get("match") is None else Match(given["match"], f"{path}.match")
        given["policy"] = expand(given.get("policy"), f"{path}.policy")
        tiers.append(_parse_tier(name, match, arguments.mapping(given["policy"], f"{path}.policy"), f"{path}.policy"))
    return tuple(tiers)


def _parse_options(definition: dict[str, t.Any], tiers: tuple[Tier, ...]) -> dict[str, t.Any]:
    found = _parse_expected(definition)
    if "exclude" in definition:
        items = arguments.sequence(definition["exclude"], "exclude")
        found["exclude"] = tuple(Exclusion.parse(item, f"exclude[{i}]") for i, item in enumerate(items))
    if "waivers" in definition:
        controls = {control.name for tier in tiers for control in tier.controls} | _all_controls()
        items = arguments.sequence(definition["waivers"], "waivers")
        found["waivers"] = tuple(Waiver.parse(item, f"waivers[{i}]", controls) for i, item in enumerate(items))
    if "combine" in definition:
        combine = arguments.mapping(definition["combine"], "combine", ("by", "independent"))
        found["combine"] = arguments.choice(combine.get("by"), "combine.by", ("workload_name", "workload_id"))
        found["independent"] = arguments.parse_bool(combine.get("independent", False), "combine.independent")
    if "max_data_age" in definition:
        found["max_data_age"] = arguments.duration(definition["max_data_age"], "max_data_age")
        found["max_data_age_text"] = definition["max_data_age"]
    if "on_empty" in definition:
        found["on_empty"] = _ON_EMPTY[arguments.choice(definition["on_empty"], "on_empty", _ON_EMPTY)]
    return found


def _parse_expected(definition: dict[str, t.Any]) -> dict[str, t.Any]:
    found: dict[str, t.Any] = {}
    if "expected" in definition:
        items = arguments.sequence(definition["expected"], "expected")
        names = [arguments.text(name, f"expected[{i}]") for i, name in enumerate(items)]
        found["expected"] = tuple({name.casefold(): name for name in reversed(names)}.values())[::-1]
        # The required workloads are named, so an empty server does not hide any of them.
        found["on_empty"] = WARN
    if "expected_names" in definition:
        given = arguments.mapping(definition["expected_names"], "expected_names")
        named = {key: arguments.text(value, f"expected_names.{key}") for key, value in given.items()}
        strange = [
            key for key in named if key.casefold() not in {name.casefold() for name in found.get("expected", ())}
        ]
        if strange:
            raise OptionError(f"expected_names.{strange[0]}: this name is not in expected", hint="Add it to expected")
        found["expected_names"] = {key.casefold(): value for key, value in named.items()}
    if "unexpected" in definition:
        if "expected" not in definition:
            raise OptionError("unexpected: requires expected", hint="Set expected to the names that must exist")
        found["unexpected"] = _UNEXPECTED[arguments.choice(definition["unexpected"], "unexpected", _UNEXPECTED)]
    if "expected_match" in definition:
        how = arguments.choice(definition["expected_match"], "expected_match", ("short", "exact"))
        found["expected_short"] = how == "short"
    return found


def _all_controls() -> set[str]:
    attributes = (*ATTRIBUTES.values(), *KIND_ATTRIBUTES.values())
    return {f"{attribute.name}.{rule.name}" for attribute in attributes for rule in attribute.rules} | {
        EXISTS,
        UNEXPECTED,
        TIER,
        COMBINE,
        IN_FUTURE,
    }


def _parse_tier(name: str | None, match: Match | None, policy: dict[str, t.Any], path: str) -> Tier:
    arguments.refuse_unknown(policy, _POLICY_KEYS if name else (*_POLICY_KEYS, "policies", *OPTION_KEYS), path)
    settings = Settings().override(policy, path)
    max_age = _default_max_age(policy, path)
    controls: list[Control] = []
    for key, value in policy.items():
        if key == "backup_types":
            for kind, rules in arguments.mapping(value, f"{path}.backup_types", KIND_ATTRIBUTES).items():
                controls += _parse_attribute(
                    KIND_ATTRIBUTES[kind], rules, f"{path}.backup_types.{kind}", settings, max_age
                )
        elif key in ATTRIBUTES:
            controls += _parse_attribute(ATTRIBUTES[key], value, f"{path}.{key}", settings, max_age)
    if not controls:
        raise OptionError(f"{path}: no rule is set", hint=_EXAMPLE)
    return Tier(
        name=name,
        match=match,
        controls=tuple(controls),
        blocks_unknown=settings.blocks_unknown,
        attributes=frozenset(policy).intersection(ATTRIBUTE_NAMES) - {"recovery_points"},
        by_kind="backup_types" in policy or "backup_types" in policy.get("recovery_points", ()),
    )


def _default_max_age(policy: dict[str, t.Any], path: str) -> str | None:
    """Return the maximum age of the newest point of a location: locations.max_age, else recovery_points.max_age."""
    for attribute in ("locations", "recovery_points"):
        value = policy.get(attribute)
        limit = value.get("max_age") if isinstance(value, dict) else None
        if isinstance(limit, dict):
            limit = limit.get("limit")
        if limit is not None:
            arguments.duration(limit, f"{path}.{attribute}.max_age")
            return str(limit)
    return None


def _parse_attribute(
    attribute: Attribute, value: t.Any, path: str, settings: Settings, max_age: str | None
) -> list[Control]:
    rules = rules_by_name(attribute)
    given = arguments.mapping(value, path)
    for key in given:
        if key not in rules and key in _RULE_NAMES:
            raise OptionError(
                f"{path}.{key}: {key} does not apply to {attribute.name}", hint=f"Valid rules: {', '.join(rules)}"
            )
    arguments.refuse_unknown(given, (*rules, *attribute.options, *SETTINGS), path, "rule or setting")
    settings = settings.override(given, path)
    if "backup_types" in given:
        attribute = attribute_for_backup_types(
            tuple(dict.fromkeys(arguments.choices(given["backup_types"], f"{path}.backup_types", KINDS)))
        )
    offset = 0
    if attribute.name == "copies":
        offset = int(arguments.parse_bool(given.get("include_production", True), f"{path}.include_production"))
        if offset:
            attribute = attribute_with_production(attribute)
    controls = [
        _parse_control(attribute, rules[name], limit, f"{path}.{name}", settings, max_age=max_age, offset=offset)
        for name, limit in given.items()
        if name in rules
    ]
    if not controls:
        raise OptionError(f"{path}: no rule is set", hint=f"Add at least one of {', '.join(rules)}")
    return controls


def _parse_control(
    attribute: Attribute, rule: Rule, value: t.Any, path: str, settings: Settings, *, max_age: str | None, offset: int
) -> Control:
    within, window = None, None
    if isinstance(value, dict):
        allowed = ("limit", *SETTINGS, *(("within",) if rule.within else ()))
        arguments.refuse_unknown(value, allowed, path)
        if "warn_at" in value and not rule.ceiling:
            raise OptionError(
                f"{path}.warn_at: {rule.name} has no upper limit",
                hint="warn_at applies to rules with an upper limit: max_age, max_gap and max_restore_time",
            )
        if "within" in value:
            within, window = arguments.duration(value["within"], f"{path}.within"), str(value["within"])
        settings = settings.override(value, path)
        if "limit" not in value and rule.argument != "flag":
            raise OptionError(f"{path}.limit: required key is missing", hint=f"Use {rule.name}: {{limit: ...}}")
        value = value.get("limit", True)
    parse, unit = arguments.ARGUMENTS[rule.argument]
    limit = parse(value, path)
    limit_text = str(value) if unit == "seconds" else format_value(limit, unit)
    if attribute.name in ("locations", "copies"):
        window = max_age
    limit_micros = limit * SECOND if unit == "seconds" else 0
    return Control(
        name=f"{attribute.name}.{rule.name}",
        evaluate=rule.evaluate,
        view=attribute.view,
        combine="add" if rule.adds else rule.combine,
        unit=unit,
        ceiling=rule.ceiling,
        limit=limit,
        wording=rule.wording(attribute, limit_text, window or ""),
        limit_text=limit_text,
        limit_micros=limit_micros,
        warn_micros=limit_micros * settings.warn_at // 100,
        within=within,
        blocks_unknown=settings.blocks_unknown,
        accept=settings.accept,
        workdays=settings.workdays,
        max_age_micros=None if max_age is None else parse_duration(max_age) * SECOND,
        offset=offset,
    )


def _parse_workdays(value: t.Any, path: str) -> frozenset[int] | None:
    """``[mon..fri]`` or ``[mon, wed]`` -> day numbers; all seven are the same as not given."""
    days: set[int] = set()
    for index, item in enumerate(arguments.sequence(value, path)):
        first, dots, last = str(item).partition("..")
        ends = [
            DAY_NAMES.index(arguments.choice(name, f"{path}[{index}]", DAY_NAMES))
            for name in ((first, last) if dots else (first,))
        ]
        length = (ends[-1] - ends[0]) % 7 + 1
        days.update((ends[0] + ahead) % 7 for ahead in range(length))
    return None if len(days) == 7 else frozenset(days)
