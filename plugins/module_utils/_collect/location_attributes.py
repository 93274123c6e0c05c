# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Apply user-declared attributes of backup locations (option location_attributes), marked as declared."""

from __future__ import annotations

import fnmatch
import typing as t
from collections.abc import Mapping, Sequence

from ansible_collections.backup.audit.plugins.module_utils._core.errors import OptionError
from ansible_collections.backup.audit.plugins.module_utils._core.model import Copy, RecoveryPoint, any_true
from ansible_collections.backup.audit.plugins.module_utils._core.vocabulary import OTHER

_FACTS = ("offsite", "immutable", "encrypted")


class LocationAttributes:
    """Fills in unknown attributes of points with those that the user declared for the locations of their copies.

    Locations are matched with case-insensitive globs; the first match wins. If the product lists no copies for a
    point, its location is unknown and only the entry ``*`` matches. Reported values are never overridden.
    """

    def __init__(self, entries: Sequence[Mapping[str, t.Any]]) -> None:
        for entry in entries:
            if all(entry.get(name) is None for name in (*_FACTS, "location_type")):
                raise OptionError(
                    f"location_attributes: the entry for {entry['match']!r} does not declare an attribute",
                    hint="Set at least one of offsite, immutable, encrypted, location_type",
                )
        self._entries = [(entry["match"].casefold(), entry) for entry in entries]
        self._found: dict[str | None, Mapping[str, t.Any]] = {}

    def apply(self, point: RecoveryPoint) -> None:
        """Fill in the attributes of one point."""
        copies: Sequence[Copy] = point.copies if point.copies is not None else (Copy(),)
        entries = [self._find_entry(copy.location) for copy in copies]
        for copy, entry in zip(copies, entries, strict=True):
            if copy.location_type in (None, OTHER) and entry.get("location_type") is not None:
                copy.location_type = entry["location_type"]
                copy.is_type_declared = True
        # Points may share copies, whose type may already be declared.
        declared = []
        if any(copy.is_type_declared for copy in point.copies or ()) and "location_type" not in point.declared:
            declared.append("location_type")
        for name in _FACTS:
            if getattr(point, name) is None or (name in point.inferred and getattr(point, name) is not True):
                fact = _resolve_attribute(name, copies, entries)
                if fact is not None:
                    setattr(point, name, fact)
                    declared.append(name)
        if declared:
            point.declared = (*point.declared, *declared)
            point.inferred = tuple(name for name in point.inferred if name not in declared)

    def _find_entry(self, location: str | None) -> Mapping[str, t.Any]:
        if location not in self._found:
            name = (location or "").casefold()
            matching = (entry for glob, entry in self._entries if fnmatch.fnmatchcase(name, glob))
            self._found[location] = next(matching, {})
        return self._found[location]


def _resolve_attribute(name: str, copies: Sequence[Copy], entries: Sequence[Mapping[str, t.Any]]) -> bool | None:
    facts: list[bool | None] = []
    for copy, entry in zip(copies, entries, strict=True):
        value: bool | None = getattr(copy, name, None)
        facts.append(value if value is not None else entry.get(name))
    if name == "encrypted":
        # A single unencrypted copy exposes the data, so all copies must be encrypted.
        missing = any_true(None if fact is None else not fact for fact in facts)
        return None if missing is None or not facts else not missing
    return any_true(facts) if facts else None
