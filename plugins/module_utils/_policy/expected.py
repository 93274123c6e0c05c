# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Expected names: finds the row of each, and the findings for other rows of that name."""

from __future__ import annotations

import bisect
import difflib
from collections import defaultdict
from collections.abc import Sequence

from ansible_collections.backup.audit.plugins.module_utils._policy.findings import FACTS
from ansible_collections.backup.audit.plugins.module_utils._policy.language.document import Document
from ansible_collections.backup.audit.plugins.module_utils._policy.language.match import first_label, is_same_host
from ansible_collections.backup.audit.plugins.module_utils._policy.rows import Record
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.terms import (
    FAIL,
    NOT_APPLICABLE,
    PASS,
    UNKNOWN,
    to_micros,
)

_SHOWN_SERVERS = 3
# A similar name is searched for at most this many missing names, in the names before and after it in alphabetical
# order: to compare one name with 50,000 others takes 4 s.
_MAX_SUGGESTED = 100
_COMPARED = 100
_POINTS = FACTS.index("recovery_points")

# (number of the record or None, expected name, result, text)
Existence = tuple["int | None", str, int, str]


class Expected:
    """Finds the row for each expected name."""

    def __init__(self, document: Document, records: Sequence[Record], blind: Sequence[str] = ()) -> None:
        self._document = document
        # Servers that were not read or only partially read: a missing workload may be there.
        self._blind = blind
        self._records = records
        self._by_name: dict[str, list[int]] = defaultdict(list)
        self._by_label: dict[str, set[str]] = defaultdict(set)
        self._suggested_names: list[str] = []
        if not document.expected:
            return
        for number, record in enumerate(records):
            if record.name is not None:
                self._by_name[record.name.casefold()].append(number)
        for name in self._by_name:
            first = first_label(name)
            if first is not None:
                self._by_label[first].add(name)

    def evaluate(self) -> tuple[list[Existence], set[int]]:
        """Return a finding per expected name and per unevaluated row of such a name, and the set of those rows."""
        names = self._match_names()
        claims: dict[str, list[str]] = defaultdict(list)
        for expected, found in names.items():
            for name in found:
                claims[name].append(expected)
        existences: list[Existence] = []
        dropped: set[int] = set()
        # If many names are missing, they are not misspelled. Names that are expected are not suggested.
        if sum(not found for found in names.values()) <= _MAX_SUGGESTED:
            self._suggested_names = sorted(name for name in self._by_name if name not in claims)
        for expected, found in names.items():
            if len(found) > 1:
                matches = ", ".join(sorted(found))
                existences.append(
                    (None, expected, UNKNOWN, f"{expected} matches several workloads: {matches}. Use the full name")
                )
            elif found and len(claims[found[0]]) > 1 and found[0] != self._product_name(expected):
                others = ", ".join(other for other in claims[found[0]] if other != expected)
                text = f"{expected} matches only workload {found[0]}, which also matches {others}"
                existences.append((None, expected, UNKNOWN, text))
            elif found:
                existences += self._list_findings(expected, self._by_name[found[0]], dropped)
            else:
                existences.append(self._build_missing(expected))
        return existences, dropped

    def _match_names(self) -> dict[str, list[str]]:
        """Expected name -> case-folded names of workloads that may match it."""
        return {name: self._names_for(self._product_name(name)) for name in self._document.expected}

    def _product_name(self, expected: str) -> str:
        return self._document.expected_names.get(expected.casefold(), expected).casefold()

    def unexpected(self) -> list[int]:
        """Return the numbers of rows with recovery points whose name is not expected."""
        if self._document.unexpected is None:
            return []
        expected = {name for found in self._match_names().values() for name in found}
        return [
            number
            for number, record in enumerate(self._records)
            if record.facts[_POINTS] and (record.name is None or record.name.casefold() not in expected)
        ]

    def _build_missing(self, expected: str) -> Existence:
        text = "expected workload not found on any server that was read"
        if self._blind:
            names = ", ".join(self._blind[:_SHOWN_SERVERS])
            more = f" and {len(self._blind) - _SHOWN_SERVERS} more" if len(self._blind) > _SHOWN_SERVERS else ""
            text = f"{text}; not read or only partially read: {names}{more}"
        near = self._find_similar(self._product_name(expected))
        if near is not None:
            # The name as the server reports it.
            text = f"{text}. Similar name: {self._records[self._by_name[near][0]].name}"
        return (None, expected, UNKNOWN if self._blind else FAIL, text)

    def _find_similar(self, name: str) -> str | None:
        position = bisect.bisect(self._suggested_names, name)
        nearby = self._suggested_names[max(0, position - _COMPARED) : position + _COMPARED]
        return next(iter(difflib.get_close_matches(name, nearby, n=1)), None)

    def _names_for(self, expected: str) -> list[str]:
        if expected in self._by_name:
            return [expected]
        if not self._document.expected_short:
            return []
        near = set(self._by_label.get(expected, ())) | {first_label(expected) or expected}
        return sorted(name for name in near if name in self._by_name and is_same_host(name, expected))

    def _list_findings(self, expected: str, numbers: list[int], dropped: set[int]) -> list[Existence]:
        numbers = sorted(numbers, key=self._rank)
        number = numbers[0]
        record, others = self._records[number], numbers[1:]
        result, text = self._check_existence(record)
        if record.name is not None and record.name.casefold() != expected.casefold():
            text = f"{text} (expected name: {expected})"
        if not others or self._document.combine:
            return [(number, expected, result, text)]
        dropped.update(others)
        names = "; ".join(self._records[other].display_name() for other in others)
        existences: list[Existence] = [
            (number, expected, result, f"{text}; evaluated row: {record.display_name()}; not evaluated: {names}")
        ]
        for other in others:
            text = f"not evaluated: {len(numbers)} rows are named {expected}; evaluated row: {record.display_name()}"
            existences.append((other, expected, NOT_APPLICABLE, text))
        return existences

    def _rank(self, number: int) -> tuple[bool, int, int]:
        """Sort key: evaluated before excluded, in the inventory before unknown before removed, newest first."""
        record = self._records[number]
        presence = {True: 0, None: 1, False: 2}[record.in_inventory]
        newest = 0 if record.newest is None else to_micros(record.newest)
        return (record.excluded is not None, presence, -newest)

    @staticmethod
    def _check_existence(record: Record) -> tuple[int, str]:
        if record.in_inventory is False:
            return FAIL, f"expected workload is no longer in the inventory of {record.read.host}"
        if record.read.inventory is False and record.in_inventory is None:
            host = record.read.host
            return UNKNOWN, f"existence unknown: the inventory of {host} is not available to this account"
        if record.read.doubt:
            return UNKNOWN, f"found on {record.read.host}, but {record.read.doubt}"
        return PASS, f"found on {record.read.host}"
