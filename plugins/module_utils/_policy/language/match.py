# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Scope of a policy: conditions on rows, names, exclusions and waivers."""

from __future__ import annotations

import dataclasses
import difflib
import fnmatch
import re
import typing as t
from collections.abc import Iterable, Mapping, Sequence

from ansible_collections.backup.audit.plugins.module_utils._core.errors import OptionError
from ansible_collections.backup.audit.plugins.module_utils._core.names import renamed, suggest
from ansible_collections.backup.audit.plugins.module_utils._core.vocabulary import PLATFORMS, WORKLOAD_TYPES
from ansible_collections.backup.audit.plugins.module_utils._policy.language import arguments
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.local_days import Calendar

_TEXT_KEYS = (
    *("workload_name", "workload_id", "workload_type", "platform", "vendor_platform", "source", "origin", "product"),
)
MATCH_KEYS = (*_TEXT_KEYS, "in_inventory")
_CLOSED = {"platform": PLATFORMS, "workload_type": WORKLOAD_TYPES}

_ADDRESS = re.compile(r"[0-9.]+|.*:.*")


class Globs:
    """One or several shell patterns; case-insensitive, and a name always matches itself."""

    def __init__(self, value: t.Any, path: str) -> None:
        patterns = [value] if isinstance(value, str) else arguments.sequence(value, path)
        self.patterns = [arguments.text(pattern, path) for pattern in patterns]
        casefolded = [pattern.casefold() for pattern in self.patterns]
        self._names = frozenset(casefolded)
        wild = [fnmatch.translate(pattern) for pattern in casefolded if any(sign in pattern for sign in "*?[")]
        self._wild = re.compile("|".join(wild)) if wild else None

    def match(self, name: t.Any) -> bool:
        """Return whether the name matches; an unknown name does not."""
        if name is None:
            return False
        casefolded = str(name).casefold()
        return casefolded in self._names or (self._wild is not None and self._wild.fullmatch(casefolded) is not None)


class Match:
    """Conditions on a row: every given key must match."""

    def __init__(self, value: t.Any, path: str) -> None:
        given = arguments.mapping(value, path, MATCH_KEYS)
        if not given:
            raise OptionError(f"{path}: no condition is given", hint=f"Give at least one of {', '.join(MATCH_KEYS)}")
        self._globs = [(key, Globs(given[key], f"{path}.{key}")) for key in _TEXT_KEYS if key in given]
        for key, globs in self._globs:
            if key in _CLOSED:
                _require_possible(globs, f"{path}.{key}", _CLOSED[key])
        self._checks_inventory = "in_inventory" in given
        inventory = given.get("in_inventory")
        self._inventory = None if inventory is None else arguments.parse_bool(inventory, f"{path}.in_inventory")

    def __call__(self, row: Mapping[str, t.Any]) -> bool:
        """Return whether a row, with the keys in IDENTITY and ``product``, matches."""
        if self._checks_inventory and row.get("in_inventory") is not self._inventory:
            return False
        return all(globs.match(row.get(key)) for key, globs in self._globs)


@dataclasses.dataclass(frozen=True, slots=True)
class Exclusion:
    """Rows that are not evaluated, and the reason."""

    match: Match
    reason: str

    @classmethod
    def parse(cls, value: t.Any, path: str) -> Exclusion:
        """Parse one item of ``exclude``."""
        given = arguments.mapping(value, path, ("match", "reason"))
        arguments.require_keys(given, ("match", "reason"), path)
        return cls(Match(given["match"], f"{path}.match"), arguments.text(given["reason"], f"{path}.reason"))


@dataclasses.dataclass(frozen=True, slots=True)
class Waiver:
    """A control that a workload does not have to pass until an end date, and the reason."""

    workload: Globs
    control: Globs
    # A date as proleptic ordinal, which ends with that day in the time zone of the policy; or a time in seconds.
    last_day: int | None
    last_second: int
    definition: dict[str, t.Any]

    @classmethod
    def parse(cls, value: t.Any, path: str, controls: Iterable[str]) -> Waiver:
        """Parse one item of ``waivers``; its control must exist."""
        keys = ("workload", "control", "until", "reason")
        given = arguments.mapping(value, path, keys)
        arguments.require_keys(given, keys, path)
        arguments.text(given["reason"], f"{path}.reason")
        control = Globs(given["control"], f"{path}.control")
        names = sorted(controls)
        patterns = [given["control"]] if isinstance(given["control"], str) else given["control"]
        for pattern in patterns:
            if not any(Globs(pattern, f"{path}.control").match(name) for name in names):
                raise OptionError(
                    f"{path}.control: unknown control {pattern!r}",
                    hint=_suggest_control(pattern, names)
                    or "Use <attribute>.<rule>, for example recovery_points.min_count",
                )
        end = arguments.end_date(given["until"], f"{path}.until")
        return cls(Globs(given["workload"], f"{path}.workload"), control, *end, {key: given[key] for key in keys})

    def end(self, calendar: Calendar) -> int:
        """Return the second at which it ends; ``calendar`` has the time zone, and days that begin at midnight."""
        return self.last_second if self.last_day is None else calendar.start_of(self.last_day + 1)


def _require_possible(globs: Globs, path: str, values: Sequence[str]) -> None:
    """Reject a pattern that matches none of the existing values."""
    for pattern in globs.patterns:
        if not any(Globs(pattern, path).match(value) for value in values):
            raise OptionError(
                f"{path}: {pattern!r} matches no {path.rpartition('.')[2]}",
                hint=suggest(pattern, values) or f"Values: {', '.join(values)}",
            )


def _suggest_control(given: str, names: Sequence[str]) -> str:
    """Return the control or pattern of version 2 for one of version 1; else a control of a similar name, or ""."""
    new = renamed(given.casefold())
    if new != given.casefold() and any(Globs(new, "control").match(name) for name in names):
        return f"It was renamed to {new}."
    attribute, separator, rule = given.partition(".")
    attributes = sorted({name.partition(".")[0] for name in names})
    if separator and attribute not in attributes:
        # The rule, which may be a pattern, stays as it is.
        near = difflib.get_close_matches(attribute, attributes, n=1)
        return f"Did you mean '{near[0]}.{rule}'?" if near else ""
    return suggest(given, names)


def first_label(name: str) -> str | None:
    """Return the first label of a host name, or None for an IP address."""
    return None if _ADDRESS.fullmatch(name) else name.partition(".")[0]


def is_same_host(one: str, other: str) -> bool:
    """Return whether two case-folded names may mean one host: equal, or one is only the first label of the other.

    web1.prod and web1.test have the same first label and are two hosts.
    """
    return one == other or first_label(one) == other or first_label(other) == one
