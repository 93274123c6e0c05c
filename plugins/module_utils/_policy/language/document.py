# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The policy as it is written -> tiers of compiled controls. Everything in it that makes no sense is refused here."""

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
from ansible_collections.backup.audit.plugins.module_utils._policy.language.presets import EXTENDS, written_out
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
    shown,
)
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.workdays import DAY_NAMES

# Controls that no facet asks: they follow from who is judged.
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
# Members that stand beside a policy; all of them may be given in one file with it.
BESIDE = (
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
    """What may be said at policy, facet and rule; the nearest wins."""

    on_unknown: int = FAIL
    warn_at: int = 100
    accept: frozenset[int] = frozenset()
    workdays: frozenset[int] | None = None

    def nearer(self, given: Mapping[str, t.Any], path: str) -> Settings:
        """These settings, with those that are given here in their place."""
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
            words = arguments.choices(given["accept"], f"{path}.accept", ("exact", *_ACCEPT))
            changed["accept"] = frozenset(_ACCEPT[word] for word in words if word in _ACCEPT)
        if "weekdays" in given:
            changed["workdays"] = _workdays(given["weekdays"], f"{path}.weekdays")
        return dataclasses.replace(self, **changed)


@dataclasses.dataclass(frozen=True, slots=True)
class Tier:
    """One policy and the rows it is for."""

    name: str | None
    match: Match | None
    controls: tuple[Control, ...]
    on_unknown: int
    # The facets of a row, beside recovery_points, that its controls look at; and whether they look at kinds.
    facets: frozenset[str]
    by_kind: bool


@dataclasses.dataclass(frozen=True, slots=True)
class Document:
    """The whole policy, compiled; ``said`` is what was written, ready policies written out, for the evidence."""

    tiers: tuple[Tier, ...]
    said: dict[str, t.Any]
    expected: tuple[str, ...] = ()
    # Case-folded expected name -> the name that its workload has in the backup products.
    expected_names: Mapping[str, str] = dataclasses.field(default_factory=dict)
    # What a workload that has points and that nobody expects becomes; None: nothing is said of it.
    orphans: int | None = None
    expected_short: bool = True
    exclude: tuple[Exclusion, ...] = ()
    waivers: tuple[Waiver, ...] = ()
    combine: str | None = None
    independent: bool = False
    max_read_age: int = DAY
    # What a READ without any workload becomes: an account that may see none reads the same.
    empty_reads: int = FAIL


def compile_document(policy: t.Any, beside: Mapping[str, t.Any] | None = None) -> Document:
    """``policy`` (with or without its outer key, or a name) and what is given ``beside`` it (None = not given)."""
    said = written_out(arguments.plain(policy, "policy"), "policy")
    if not said:
        raise OptionError("policy: it is empty", advice=_ASK)
    arguments.mapping(said, "policy")
    if isinstance(said.get("policy"), (dict, str)) and not any(key in _POLICY_KEYS for key in said):
        arguments.refuse_unknown(said, ("policy", "policies", *BESIDE), "policy")
        inner = written_out(said.pop("policy"), "policy.policy")
        _refuse_twice(inner, said, "policy.policy")
        said = {**inner, **said}
    for key, value in (beside or {}).items():
        if value is not None:
            _refuse_twice(said, {key: value}, "policy")
            said[key] = arguments.plain(value, key)
    tiers = _tiers(said)
    return Document(tiers, said, **_beside(said, tiers))


def _refuse_twice(one: Mapping[str, t.Any], other: Mapping[str, t.Any], path: str) -> None:
    for key in other:
        if key in one:
            raise OptionError(f"{path}.{key}: {key} is given twice", advice="Give it in one place")


def _tiers(said: dict[str, t.Any]) -> tuple[Tier, ...]:
    own = {key: value for key, value in said.items() if key not in BESIDE and key != "policies"}
    if "policies" not in said:
        return (_tier(None, None, own, "policy"),)
    if own:
        raise OptionError(
            f"policy.{next(iter(own))}: it stands beside policies",
            advice="Put it into the policy of a tier; a last tier without match is for all the rest",
        )
    tiers: list[Tier] = []
    for index, item in enumerate(arguments.sequence(said["policies"], "policies")):
        path = f"policies[{index}]"
        given = arguments.mapping(item, path, ("name", "match", "policy"))
        if tiers and tiers[-1].match is None:
            raise OptionError(f"{path}: it is never reached, the tier before it matches all", advice="Move it down")
        name = arguments.text(given.get("name"), f"{path}.name")
        if any(tier.name == name for tier in tiers):
            raise OptionError(f"{path}.name: there are two tiers {name!r}", advice="Give each its own name")
        match = None if given.get("match") is None else Match(given["match"], f"{path}.match")
        given["policy"] = written_out(given.get("policy"), f"{path}.policy")
        tiers.append(_tier(name, match, arguments.mapping(given["policy"], f"{path}.policy"), f"{path}.policy"))
    return tuple(tiers)


def _beside(said: dict[str, t.Any], tiers: tuple[Tier, ...]) -> dict[str, t.Any]:
    found = _expected(said)
    if "exclude" in said:
        items = arguments.sequence(said["exclude"], "exclude")
        found["exclude"] = tuple(Exclusion.parse(item, f"exclude[{i}]") for i, item in enumerate(items))
    if "waivers" in said:
        controls = {control.name for tier in tiers for control in tier.controls} | _all_controls()
        items = arguments.sequence(said["waivers"], "waivers")
        found["waivers"] = tuple(Waiver.parse(item, f"waivers[{i}]", controls) for i, item in enumerate(items))
    if "combine" in said:
        combine = arguments.mapping(said["combine"], "combine", ("by", "independent"))
        found["combine"] = arguments.choice(combine.get("by"), "combine.by", ("workload_name", "workload_id"))
        found["independent"] = arguments.parse_bool(combine.get("independent", False), "combine.independent")
    if "max_read_age" in said:
        found["max_read_age"] = arguments.duration(said["max_read_age"], "max_read_age")
    if "empty_reads" in said:
        found["empty_reads"] = _EMPTY_READS[arguments.choice(said["empty_reads"], "empty_reads", _EMPTY_READS)]
    return found


def _expected(said: dict[str, t.Any]) -> dict[str, t.Any]:
    found: dict[str, t.Any] = {}
    if "expected" in said:
        items = arguments.sequence(said["expected"], "expected")
        names = [arguments.text(name, f"expected[{i}]") for i, name in enumerate(items)]
        found["expected"] = tuple({name.casefold(): name for name in reversed(names)}.values())[::-1]
        # Those who must be somewhere are named; a server that has none of them hides nobody.
        found["empty_reads"] = WARN
    if "expected_names" in said:
        given = arguments.mapping(said["expected_names"], "expected_names")
        named = {key: arguments.text(value, f"expected_names.{key}") for key, value in given.items()}
        strange = [
            key for key in named if key.casefold() not in {name.casefold() for name in found.get("expected", ())}
        ]
        if strange:
            raise OptionError(
                f"expected_names.{strange[0]}: this name is not among the expected", advice="Add it to expected"
            )
        found["expected_names"] = {key.casefold(): value for key, value in named.items()}
    if "orphans" in said:
        if "expected" not in said:
            raise OptionError("orphans: without expected nobody is expected", advice="Give expected as well")
        found["orphans"] = _ORPHANS[arguments.choice(said["orphans"], "orphans", _ORPHANS)]
    if "expected_match" in said:
        how = arguments.choice(said["expected_match"], "expected_match", ("short", "exact"))
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


def _tier(name: str | None, match: Match | None, policy: dict[str, t.Any], path: str) -> Tier:
    arguments.refuse_unknown(policy, _POLICY_KEYS if name else (*_POLICY_KEYS, "policies", *BESIDE), path)
    settings = Settings().nearer(policy, path)
    young = _default_max_age(policy, path)
    controls: list[Control] = []
    for key, value in policy.items():
        if key == "kinds":
            for kind, rules in arguments.mapping(value, f"{path}.kinds", KIND_FACETS).items():
                controls += _facet(KIND_FACETS[kind], rules, f"{path}.kinds.{kind}", settings, young)
        elif key in FACETS:
            controls += _facet(FACETS[key], value, f"{path}.{key}", settings, young)
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
    """How old the newest point of a location may be: locations.newest_within, else recovery_points.newest_within."""
    for facet in ("locations", "recovery_points"):
        value = policy.get(facet)
        limit = value.get("newest_within") if isinstance(value, dict) else None
        if isinstance(limit, dict):
            limit = limit.get("limit")
        if limit is not None:
            return arguments.duration(limit, f"{path}.{facet}.newest_within")
    return None


def _facet(facet: Facet, value: t.Any, path: str, settings: Settings, young: int | None) -> list[Control]:
    rules = rules_by_name(facet)
    given = arguments.mapping(value, path)
    for key in given:
        if key not in rules and key in _RULE_NAMES:
            raise OptionError(
                f"{path}.{key}: {key} makes no sense on {facet.name}", advice=f"Rules of it are: {', '.join(rules)}"
            )
    arguments.refuse_unknown(given, (*rules, *facet.options, *SETTINGS), path, "rule or setting")
    settings = settings.nearer(given, path)
    if "kinds" in given:
        facet = attribute_for_kinds(tuple(dict.fromkeys(arguments.choices(given["kinds"], f"{path}.kinds", KINDS))))
    offset = 0
    if facet.name == "copies":
        offset = int(arguments.parse_bool(given.get("production", True), f"{path}.production"))
    controls = [
        _control(facet, rules[name], limit, f"{path}.{name}", settings, young=young, offset=offset)
        for name, limit in given.items()
        if name in rules
    ]
    if not controls:
        raise OptionError(f"{path}: it asks for nothing", advice=f"Give at least one of {', '.join(rules)}")
    return controls


def _control(
    facet: Facet, rule: Rule, value: t.Any, path: str, settings: Settings, *, young: int | None, offset: int
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
        settings = settings.nearer(value, path)
        if "limit" not in value and rule.argument != "flag":
            raise OptionError(f"{path}.limit: it is missing", advice=f"Write {rule.name}: {{limit: ...}}")
        value = value.get("limit", True)
    parse, unit = arguments.ARGUMENTS[rule.argument]
    limit = parse(value, path)
    window = within if facet.name not in ("locations", "copies") else young
    limit_micros = limit * SECOND if unit == "seconds" else 0
    return Control(
        name=f"{facet.name}.{rule.name}",
        evaluate=rule.evaluate,
        view=facet.view,
        combine="add" if rule.adds else rule.combine,
        unit=unit,
        ceiling=rule.ceiling,
        limit=limit,
        words=rule.words(facet, shown(limit, unit), "" if window is None else shown(window, "seconds")),
        limit_micros=limit_micros,
        warn_micros=limit_micros * settings.warn_at // 100,
        within=within,
        on_unknown=settings.on_unknown,
        accept=settings.accept,
        workdays=settings.workdays,
        young=None if young is None else young * SECOND,
        offset=offset,
    )


def _workdays(value: t.Any, path: str) -> frozenset[int] | None:
    """``[mon..fri]`` or ``[mon, wed]`` -> numbers of days; all seven are the same as none given."""
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
