# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Compiles the policy as written into tiers of controls and rejects everything that is not valid."""

from __future__ import annotations

import dataclasses
import typing as t
from collections.abc import Mapping

from ansible_collections.backup.audit.plugins.module_utils._core.errors import OptionError
from ansible_collections.backup.audit.plugins.module_utils._core.model import FACETS as FACET_NAMES
from ansible_collections.backup.audit.plugins.module_utils._core.model import KINDS
from ansible_collections.backup.audit.plugins.module_utils._core.times import DAY, SECOND
from ansible_collections.backup.audit.plugins.module_utils._policy.language import arguments
from ansible_collections.backup.audit.plugins.module_utils._policy.language.match import Exclusion, Match, Waiver
from ansible_collections.backup.audit.plugins.module_utils._policy.language.presets import EXTENDS, expand
from ansible_collections.backup.audit.plugins.module_utils._policy.language.schema import (
    FACETS,
    KIND_FACETS,
    RULES,
    Facet,
    Rule,
    attribute_for_kinds,
    rules_by_name,
)
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.terms import (
    ATTESTED,
    ESTIMATED,
    FAIL,
    UNKNOWN,
    WARN,
    Control,
    format_value,
)
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.workdays import DAY_NAMES

# Controls without a facet: they result from the scope of the policy.
EXISTS = "expected.exists"
ORPHAN = "expected.orphan"
TIER = "policy.tier"
EXCLUDED = "policy.exclude"
SUPERSEDED = "read.superseded"
COMBINE = "policy.combine"
IN_FUTURE = "recovery_points.in_future"

_ON_UNKNOWN = {"fail": FAIL, "warn": WARN, "ignore": UNKNOWN}
_ACCEPT = {"estimated": ESTIMATED, "attested": ATTESTED}
SETTINGS = ("on_unknown", "warn_at", "accept", "weekdays")
# Keys next to a policy; all of them can be in the same file.
OPTION_KEYS = (
    "expected",
    "expected_names",
    "expected_match",
    "orphans",
    "exclude",
    "waivers",
    "combine",
    "max_read_age",
    "empty_reads",
)
_RULE_NAMES = frozenset(rule.name for rule in RULES)
_ASK = "Ask for something, such as recovery_points: {minimum: 7}"
_ORPHANS = {"ignore": None, "warn": WARN, "fail": FAIL}
_EMPTY_READS = {"warn": WARN, "fail": FAIL}
_POLICY_KEYS = (*FACETS, "kinds", EXTENDS, *SETTINGS)


@dataclasses.dataclass(frozen=True, slots=True)
class Settings:
    """Settings of a policy, facet or rule; the most specific takes precedence."""

    on_unknown: int = FAIL
    warn_at: int = 100
    accept: frozenset[int] = frozenset()
    workdays: frozenset[int] | None = None

    def override(self, given: Mapping[str, t.Any], path: str) -> Settings:
        """Return these settings, overridden by those in ``given``."""
        changed: dict[str, t.Any] = {}
        if "on_unknown" in given:
            changed["on_unknown"] = _ON_UNKNOWN[
                arguments.choice(given["on_unknown"], f"{path}.on_unknown", _ON_UNKNOWN)
            ]
        if "warn_at" in given:
            changed["warn_at"] = arguments.percent(given["warn_at"], f"{path}.warn_at")
            if changed["warn_at"] >= 100:
                raise OptionError(f"{path}.warn_at: at 100% of a limit it fails", advice="Write less, such as 80%")
        if "accept" in given:
            names = arguments.choices(given["accept"], f"{path}.accept", ("exact", *_ACCEPT))
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
    on_unknown: int
    # The facets in addition to recovery_points that its controls use, and whether they use kinds.
    facets: frozenset[str]
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
    orphans: int | None = None
    expected_short: bool = True
    exclude: tuple[Exclusion, ...] = ()
    waivers: tuple[Waiver, ...] = ()
    combine: str | None = None
    independent: bool = False
    max_read_age: int = DAY
    # Result of a read result without workloads: an account without permissions reads the same.
    empty_reads: int = FAIL


def compile_document(policy: t.Any, options: Mapping[str, t.Any] | None = None) -> Document:
    """Compile ``policy`` (with or without its outer key, or a name) and the other ``options`` (None = not given)."""
    definition = expand(arguments.to_plain(policy, "policy"), "policy")
    if not definition:
        raise OptionError("policy: it is empty", advice=_ASK)
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
            raise OptionError(f"{path}.{key}: {key} is given twice", advice="Give it in one place")


def _parse_tiers(definition: dict[str, t.Any]) -> tuple[Tier, ...]:
    own = {key: value for key, value in definition.items() if key not in OPTION_KEYS and key != "policies"}
    if "policies" not in definition:
        return (_parse_tier(None, None, own, "policy"),)
    if own:
        raise OptionError(
            f"policy.{next(iter(own))}: it stands beside policies",
            advice="Put it into the policy of a tier; a last tier without match is for all the rest",
        )
    tiers: list[Tier] = []
    for index, item in enumerate(arguments.sequence(definition["policies"], "policies")):
        path = f"policies[{index}]"
        given = arguments.mapping(item, path, ("name", "match", "policy"))
        if tiers and tiers[-1].match is None:
            raise OptionError(f"{path}: it is never reached, the tier before it matches all", advice="Move it down")
        name = arguments.text(given.get("name"), f"{path}.name")
        if any(tier.name == name for tier in tiers):
            raise OptionError(f"{path}.name: there are two tiers {name!r}", advice="Give each its own name")
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
    if "max_read_age" in definition:
        found["max_read_age"] = arguments.duration(definition["max_read_age"], "max_read_age")
    if "empty_reads" in definition:
        found["empty_reads"] = _EMPTY_READS[arguments.choice(definition["empty_reads"], "empty_reads", _EMPTY_READS)]
    return found


def _parse_expected(definition: dict[str, t.Any]) -> dict[str, t.Any]:
    found: dict[str, t.Any] = {}
    if "expected" in definition:
        items = arguments.sequence(definition["expected"], "expected")
        names = [arguments.text(name, f"expected[{i}]") for i, name in enumerate(items)]
        found["expected"] = tuple({name.casefold(): name for name in reversed(names)}.values())[::-1]
        # The required workloads are named, so an empty server does not hide any of them.
        found["empty_reads"] = WARN
    if "expected_names" in definition:
        given = arguments.mapping(definition["expected_names"], "expected_names")
        named = {key: arguments.text(value, f"expected_names.{key}") for key, value in given.items()}
        strange = [
            key for key in named if key.casefold() not in {name.casefold() for name in found.get("expected", ())}
        ]
        if strange:
            raise OptionError(
                f"expected_names.{strange[0]}: this name is not among the expected", advice="Add it to expected"
            )
        found["expected_names"] = {key.casefold(): value for key, value in named.items()}
    if "orphans" in definition:
        if "expected" not in definition:
            raise OptionError("orphans: without expected nobody is expected", advice="Give expected as well")
        found["orphans"] = _ORPHANS[arguments.choice(definition["orphans"], "orphans", _ORPHANS)]
    if "expected_match" in definition:
        how = arguments.choice(definition["expected_match"], "expected_match", ("short", "exact"))
        found["expected_short"] = how == "short"
    return found


def _all_controls() -> set[str]:
    facets = (*FACETS.values(), *KIND_FACETS.values())
    return {f"{facet.name}.{rule.name}" for facet in facets for rule in facet.rules} | {
        EXISTS,
        ORPHAN,
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
        if key == "kinds":
            for kind, rules in arguments.mapping(value, f"{path}.kinds", KIND_FACETS).items():
                controls += _parse_facet(KIND_FACETS[kind], rules, f"{path}.kinds.{kind}", settings, max_age)
        elif key in FACETS:
            controls += _parse_facet(FACETS[key], value, f"{path}.{key}", settings, max_age)
    if not controls:
        raise OptionError(f"{path}: it asks for nothing", advice=_ASK)
    return Tier(
        name=name,
        match=match,
        controls=tuple(controls),
        on_unknown=settings.on_unknown,
        facets=frozenset(policy).intersection(FACET_NAMES) - {"recovery_points"},
        by_kind="kinds" in policy or "kinds" in policy.get("recovery_points", ()),
    )


def _default_max_age(policy: dict[str, t.Any], path: str) -> int | None:
    """Maximum age of the newest point of a location: locations.newest_within, else recovery_points.newest_within."""
    for facet in ("locations", "recovery_points"):
        value = policy.get(facet)
        limit = value.get("newest_within") if isinstance(value, dict) else None
        if isinstance(limit, dict):
            limit = limit.get("limit")
        if limit is not None:
            return arguments.duration(limit, f"{path}.{facet}.newest_within")
    return None


def _parse_facet(facet: Facet, value: t.Any, path: str, settings: Settings, max_age: int | None) -> list[Control]:
    rules = rules_by_name(facet)
    given = arguments.mapping(value, path)
    for key in given:
        if key not in rules and key in _RULE_NAMES:
            raise OptionError(
                f"{path}.{key}: {key} makes no sense on {facet.name}", advice=f"Rules of it are: {', '.join(rules)}"
            )
    arguments.refuse_unknown(given, (*rules, *facet.options, *SETTINGS), path, "rule or setting")
    settings = settings.override(given, path)
    if "kinds" in given:
        facet = attribute_for_kinds(tuple(dict.fromkeys(arguments.choices(given["kinds"], f"{path}.kinds", KINDS))))
    offset = 0
    if facet.name == "copies":
        offset = int(arguments.parse_bool(given.get("production", True), f"{path}.production"))
    controls = [
        _parse_control(facet, rules[name], limit, f"{path}.{name}", settings, max_age=max_age, offset=offset)
        for name, limit in given.items()
        if name in rules
    ]
    if not controls:
        raise OptionError(f"{path}: it asks for nothing", advice=f"Give at least one of {', '.join(rules)}")
    return controls


def _parse_control(
    facet: Facet, rule: Rule, value: t.Any, path: str, settings: Settings, *, max_age: int | None, offset: int
) -> Control:
    within = None
    if isinstance(value, dict):
        allowed = ("limit", *SETTINGS, *(("within",) if rule.within else ()))
        arguments.refuse_unknown(value, allowed, path)
        if "warn_at" in value and not rule.ceiling:
            raise OptionError(
                f"{path}.warn_at: {rule.name} has no limit that is come near to from below",
                advice="warn_at is for newest_within and longest_gap",
            )
        if "within" in value:
            within = arguments.duration(value["within"], f"{path}.within")
        settings = settings.override(value, path)
        if "limit" not in value and rule.argument != "flag":
            raise OptionError(f"{path}.limit: it is missing", advice=f"Write {rule.name}: {{limit: ...}}")
        value = value.get("limit", True)
    parse, unit = arguments.ARGUMENTS[rule.argument]
    limit = parse(value, path)
    window = within if facet.name not in ("locations", "copies") else max_age
    limit_micros = limit * SECOND if unit == "seconds" else 0
    return Control(
        name=f"{facet.name}.{rule.name}",
        evaluate=rule.evaluate,
        view=facet.view,
        combine="add" if rule.adds else rule.combine,
        unit=unit,
        ceiling=rule.ceiling,
        limit=limit,
        wording=rule.wording(
            facet, format_value(limit, unit), "" if window is None else format_value(window, "seconds")
        ),
        limit_micros=limit_micros,
        warn_micros=limit_micros * settings.warn_at // 100,
        within=within,
        on_unknown=settings.on_unknown,
        accept=settings.accept,
        workdays=settings.workdays,
        max_age_micros=None if max_age is None else max_age * SECOND,
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
