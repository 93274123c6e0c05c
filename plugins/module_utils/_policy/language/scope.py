# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Compile the keys next to a policy: expected names, exclusions, waivers, combination and data quality."""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Mapping

from ansible_collections.backup.audit.plugins.module_utils._core.errors import OptionError
from ansible_collections.backup.audit.plugins.module_utils._policy.language import arguments
from ansible_collections.backup.audit.plugins.module_utils._policy.language.match import Exclusion, Waiver
from ansible_collections.backup.audit.plugins.module_utils._policy.language.schema import ATTRIBUTES, KIND_ATTRIBUTES
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.local_days import Calendar
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.terms import FAIL, WARN

# Controls without an attribute, which result from the scope of the policy.
EXISTS = "expected.exists"
EXPECTED = "policy.expected"
UNEXPECTED = "expected.unexpected"
TIER = "policy.tier"
EXCLUDED = "policy.exclude"
SUPERSEDED = "data.superseded"
COMBINE = "policy.combine"
IN_FUTURE = "recovery_points.in_future"
EXPIRED = "recovery_points.expired"
_UNEXPECTED = {"ignore": None, "warn": WARN, "fail": FAIL}
_ON_EMPTY = {"warn": WARN, "fail": FAIL}


def parse_scope(definition: Mapping[str, t.Any], controls: Iterable[str]) -> dict[str, t.Any]:
    """Return the fields of Document for the keys next to a policy. ``controls`` are the names of its controls."""
    found = _parse_expected(definition)
    found["dates"] = Calendar(definition.get("timezone", "UTC"))
    if "exclude" in definition:
        items = arguments.sequence(definition["exclude"], "exclude")
        found["exclude"] = tuple(Exclusion.parse(item, f"exclude[{i}]") for i, item in enumerate(items))
    if "waivers" in definition:
        names = {*controls, *_all_controls()}
        items = arguments.sequence(definition["waivers"], "waivers")
        found["waivers"] = tuple(Waiver.parse(item, f"waivers[{i}]", names) for i, item in enumerate(items))
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


def _parse_expected(definition: Mapping[str, t.Any]) -> dict[str, t.Any]:
    found: dict[str, t.Any] = {}
    if "expected" in definition:
        items = arguments.sequence(definition["expected"], "expected")
        found["expected"] = tuple(arguments.text(name, f"expected[{i}]") for i, name in enumerate(items))
        # Missing workloads are found by name, so an empty server does not hide them.
        found["on_empty"] = WARN
    if "expected_names" in definition:
        given = arguments.mapping(definition["expected_names"], "expected_names")
        named = {key: arguments.text(value, f"expected_names.{key}") for key, value in given.items()}
        unknown = [
            key
            for key in named
            if arguments.text(key, "expected_names").casefold()
            not in {name.casefold() for name in found.get("expected", ())}
        ]
        if unknown:
            raise OptionError(f"expected_names.{unknown[0]}: this name is not in expected", hint="Add it to expected")
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
    }
