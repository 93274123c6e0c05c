# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Compile a policy to tiers of controls, and reject invalid keys and values."""

from __future__ import annotations

import dataclasses
import typing as t
from collections.abc import Iterable, Mapping

from ansible_collections.backup.audit.plugins.module_utils._core.errors import OptionError
from ansible_collections.backup.audit.plugins.module_utils._core.model import KINDS
from ansible_collections.backup.audit.plugins.module_utils._core.times import DAY
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
from ansible_collections.backup.audit.plugins.module_utils._policy.language.scope import parse_scope
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.controls import Control
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.local_days import (
    DAY_NAMES,
    Calendar,
    Elapsed,
    parse_weekdays,
)
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.terms import (
    DECLARED,
    FAIL,
    INFERRED,
    format_value,
)

_ON_UNKNOWN = ("fail", "warn", "ignore")
_ACCEPT = {"inferred": INFERRED, "declared": DECLARED}
SETTINGS = ("on_unknown", "warn_at", "accept", "weekdays")
# Keys that are allowed in a policy and next to it. Those in the policy take precedence.
_CALENDAR_KEYS = ("timezone", "day_start", "weekdays")
# Keys next to a policy, which can all be in the same file.
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
    *_CALENDAR_KEYS,
)
_RULE_NAMES = frozenset(rule.name for rule in RULES)
_EXAMPLE = "Add at least one rule, for example recovery_points: {min_count: 7}"
_POLICY_KEYS = (*ATTRIBUTES, "backup_types", EXTENDS, *dict.fromkeys((*SETTINGS, *_CALENDAR_KEYS)))


@dataclasses.dataclass(frozen=True, slots=True)
class Settings:
    """Settings of a policy, attribute or rule. The most specific ones take precedence."""

    blocks_unknown: bool = True
    warn_at: int = 100
    accept: frozenset[int] = frozenset()
    weekdays: frozenset[int] | None = None

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
            changed["weekdays"] = _parse_weekdays(given["weekdays"], f"{path}.weekdays")
        return dataclasses.replace(self, **changed)


@dataclasses.dataclass(frozen=True, slots=True)
class Tier:
    """One policy and the rows that it applies to."""

    name: str | None
    match: Match | None
    controls: tuple[Control, ...]
    blocks_unknown: bool
    # Days that start at midnight in the time zone of the policy, for the end of waivers.
    dates: Calendar
    # Days of the policy, for timelines.
    calendar: Calendar


@dataclasses.dataclass(frozen=True, slots=True)
class Document:
    """The complete compiled policy. ``definition`` is its source with expanded presets, for the evidence."""

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
    # Days that start at midnight in the time zone of the document.
    dates: Calendar = dataclasses.field(default_factory=Calendar)
    max_data_age: int = DAY
    max_data_age_text: str = "24h"
    # Result for a read result without workloads, which an account without permissions also gets.
    on_empty: int = FAIL


def compile_document(policy: t.Any, options: Mapping[str, t.Any] | None = None) -> Document:
    """Compile ``policy`` (a mapping with or without its outer key, or a name) and ``options`` (None: not given)."""
    definition = expand(arguments.to_plain(policy, "policy"), "policy")
    if not definition:
        raise OptionError("policy: the policy is empty", hint=_EXAMPLE)
    arguments.mapping(definition, "policy")
    if isinstance(definition.get("policy"), (dict, str)) and not any(
        key in _POLICY_KEYS and key not in _CALENDAR_KEYS for key in definition
    ):
        arguments.reject_unknown(definition, ("policy", "policies", *OPTION_KEYS), "policy")
        inner = expand(definition.pop("policy"), "policy.policy")
        _check_duplicates(inner, definition, "policy.policy")
        definition = {**definition, **inner}
    for key, value in (options or {}).items():
        if value is not None:
            _check_duplicates(definition, {key: value}, "policy")
            definition.setdefault(key, arguments.to_plain(value, key))
    tiers = _parse_tiers(definition)
    controls = [control.name for tier in tiers for control in tier.controls]
    return Document(tiers, definition, **parse_scope(definition, controls))


def _check_duplicates(one: Mapping[str, t.Any], other: Mapping[str, t.Any], path: str) -> None:
    for key in other:
        if key in one and key not in _CALENDAR_KEYS:
            raise OptionError(f"{path}.{key}: {key} is set twice", hint="Set it in one place only")


def _parse_tiers(definition: dict[str, t.Any]) -> tuple[Tier, ...]:
    own = {key: value for key, value in definition.items() if key not in OPTION_KEYS and key != "policies"}
    _reject_unknown(own, (*_POLICY_KEYS, "policies", *OPTION_KEYS), "policy")
    shared_calendar = {key: definition[key] for key in _CALENDAR_KEYS if key in definition}
    if "policies" not in definition:
        return (_parse_tier(None, None, own, "policy", shared_calendar),)
    if own:
        raise OptionError(
            f"policy.{next(iter(own))}: not valid next to policies",
            hint="Move it into the policy of a tier. A last tier without match applies to all other workloads",
        )
    tiers: list[Tier] = []
    for index, item in enumerate(arguments.sequence(definition["policies"], "policies")):
        path = f"policies[{index}]"
        given = arguments.mapping(item, path, ("name", "match", "policy"))
        arguments.require_keys(given, ("name", "policy"), path)
        if tiers and tiers[-1].match is None:
            raise OptionError(
                f"{path}: this tier never applies, because the tier before it has no match and matches all workloads",
                hint="Move the tier without match to the end",
            )
        name = arguments.text(given["name"], f"{path}.name")
        if any(tier.name == name for tier in tiers):
            raise OptionError(f"{path}.name: another tier is named {name!r}", hint="Use a different name for each tier")
        match = None if given.get("match") is None else Match(given["match"], f"{path}.match")
        given["policy"] = expand(given["policy"], f"{path}.policy")
        tiers.append(
            _parse_tier(
                name, match, arguments.mapping(given["policy"], f"{path}.policy"), f"{path}.policy", shared_calendar
            )
        )
    return tuple(tiers)


def _reject_unknown(policy: Mapping[str, t.Any], allowed: Iterable[str], path: str) -> None:
    """Reject unknown keys of a policy, with a hint for rules that are not under an attribute."""
    for key in policy:
        if key in _RULE_NAMES:
            attribute = next(one.name for one in ATTRIBUTES.values() if key in rules_by_name(one))
            raise OptionError(
                f"{path}.{key}: {key} is a rule of an attribute", hint=f"Write for example {attribute}: {{{key}: ...}}"
            )
    arguments.reject_unknown(policy, allowed, path)


def _parse_tier(
    name: str | None, match: Match | None, policy: dict[str, t.Any], path: str, shared_calendar: Mapping[str, t.Any]
) -> Tier:
    """Compile a policy. ``shared_calendar`` are the calendar keys next to it."""
    if name:
        for key in policy:
            if key in OPTION_KEYS and key not in _CALENDAR_KEYS:
                raise OptionError(f"{path}.{key}: not valid in a tier", hint="Set it next to policies")
        _reject_unknown(policy, _POLICY_KEYS, path)
    settings = Settings().override({**shared_calendar, **policy}, path)
    zone, day_start = (policy.get(key, shared_calendar.get(key, default)) for key, default in _CALENDAR_DEFAULTS)
    calendar = Calendar(zone, day_start)
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
    working: dict[frozenset[int] | None, Elapsed] = {}
    for control in controls:
        control.calendar = calendar
        if control.weekdays not in working:
            working[control.weekdays] = calendar.elapsed_on(control.weekdays)
        control.elapsed = working[control.weekdays]
    if not controls:
        raise OptionError(f"{path}: no rule is set", hint=_EXAMPLE)
    return Tier(
        name=name,
        match=match,
        controls=tuple(controls),
        blocks_unknown=settings.blocks_unknown,
        dates=Calendar(zone),
        calendar=calendar,
    )


_CALENDAR_DEFAULTS = (("timezone", "UTC"), ("day_start", "00:00"))


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
    arguments.reject_unknown(given, (*rules, *attribute.options, *SETTINGS), path, "rule or setting")
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
    given = value if isinstance(value, dict) else {"limit": value}
    if rule.keys:
        given = arguments.mapping(value, path)
        max_age = _require(given, "max_age", path, rule)
    allowed = (*(rule.keys or ("limit",)), *SETTINGS, *(("within",) if rule.within else ()))
    arguments.reject_unknown(given, allowed, path)
    if "warn_at" in given and not rule.ceiling:
        ceilings = dict.fromkeys(other.name for other in RULES if other.ceiling)
        raise OptionError(
            f"{path}.warn_at: {rule.name} has no upper limit",
            hint=f"warn_at applies to rules with an upper limit: {', '.join(ceilings)}",
        )
    window = str(_require(given, "within", path, rule) if rule.keys else given.get("within", ""))
    within = arguments.duration(window, f"{path}.within") if window else None
    settings = settings.override(given, path)
    parse, unit = arguments.ARGUMENTS[rule.argument]
    name = "percent" if rule.keys else "limit"
    limit_value = given.get(name, True) if rule.argument == "flag" else _require(given, name, path, rule)
    limit = parse(limit_value, path if "limit" in given else f"{path}.{name}")
    if rule.name == "max_gap" and within is not None and limit >= within:
        raise OptionError(
            f"{path}.limit: {limit_value!r} must be less than within ({window}), or every gap is allowed",
            hint="Use a longer within",
        )
    limit_text = str(limit_value) if unit == "seconds" else format_value(limit, unit)
    uses_max_age = bool(rule.keys) or attribute.name in ("locations", "copies")
    if uses_max_age and not rule.keys:
        window = max_age or ""
    return Control(
        name=f"{attribute.name}.{rule.name}",
        attribute=attribute.states,
        evaluate=rule.evaluate,
        combine=rule.combine,
        unit=unit,
        ceiling=rule.ceiling,
        limit=limit,
        wording=rule.wording(attribute, limit_text, window),
        limit_text=limit_text,
        warn_at=settings.warn_at,
        within=within,
        blocks_unknown=settings.blocks_unknown,
        accept=settings.accept,
        weekdays=settings.weekdays,
        max_age=arguments.duration(max_age, f"{path}.max_age") if uses_max_age and max_age is not None else None,
        offset=offset,
    )


def _require(given: Mapping[str, t.Any], key: str, path: str, rule: Rule) -> t.Any:
    if key not in given:
        keys = ", ".join(f"{name}: ..." for name in rule.keys or ("limit",))
        raise OptionError(f"{path}.{key}: required key is missing", hint=f"Use {rule.name}: {{{keys}}}")
    return given[key]


def _parse_weekdays(value: t.Any, path: str) -> frozenset[int] | None:
    """Parse ``[mon..fri]`` or ``[mon, wed]`` to day numbers; None for all seven days."""
    return parse_weekdays(
        arguments.sequence(value, path), lambda name, index: arguments.choice(name, f"{path}[{index}]", DAY_NAMES)
    )
