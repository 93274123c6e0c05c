# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Expected names: find the row of each, and the findings for other rows of the same name."""

from __future__ import annotations

import bisect
import difflib
import typing as t
from collections import defaultdict
from collections.abc import Callable, Sequence

from ansible_collections.backup.audit.plugins.module_utils._policy.language.document import Document
from ansible_collections.backup.audit.plugins.module_utils._policy.language.match import first_label, is_same_host
from ansible_collections.backup.audit.plugins.module_utils._policy.rows import Record
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.terms import FAIL, PASS, UNKNOWN

_SHOWN_SERVERS = 3
# Similar names are searched for at most this many missing names, among their neighbors in alphabetical order.
# Comparing one name with 50,000 others would take 4 s.
_MAX_SUGGESTED = 100
_COMPARED = 100

# (number of the record, or None; expected name; result; text)
Existence = tuple["int | None", str, int, str]


class Expected:
    """Finds the row for each expected name."""

    def __init__(
        self,
        document: Document,
        records: Sequence[Record],
        unread_servers: Sequence[str] = (),
        recent: Callable[[Record], bool] = lambda _record: False,
    ) -> None:
        """``recent``: whether a row passes recovery_points.max_age of its policy."""
        self._document = document
        self._recent = recent
        # Servers that were not read, or only partially. They may contain a missing workload.
        self._unread_servers = unread_servers
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

    def evaluate(self) -> list[Existence]:
        """Return a finding for each expected name."""
        names = self._match_names()
        claims: dict[str, list[str]] = defaultdict(list)
        for expected, found in names.items():
            for name in found:
                claims[name].append(expected)
        existences: list[Existence] = []
        # If many names are missing, they are probably not misspelled. Expected names are not suggested.
        if sum(not found for found in names.values()) <= _MAX_SUGGESTED:
            self._suggested_names = sorted(name for name in self._by_name if name not in claims)
        for expected, found in names.items():
            if len(found) > 1:
                matches = ", ".join(sorted(found))
                existences.append(
                    (None, expected, UNKNOWN, f"{expected} matches several workloads: {matches}. Use the full name")
                )
            elif found and len(claims[found[0]]) > 1:
                others = ", ".join(other for other in claims[found[0]] if other != expected)
                text = f"{expected} matches only workload {found[0]}, which also matches {others}"
                existences.append((None, expected, UNKNOWN, text))
            elif found:
                existences.append(self._find_row(expected, self._by_name[found[0]]))
            else:
                existences.append(self._build_missing(expected))
        return existences

    def repeated_names(self) -> dict[str, str]:
        """Return expected names that are listed twice or mean the same workload as another one -> the other name."""
        first: dict[str, str] = {}
        repeated: dict[str, str] = {}
        longer: dict[str | None, list[str]] = defaultdict(list)
        for name in self._document.expected:
            if name.casefold() in first:
                repeated[name] = first[name.casefold()]
            else:
                first[name.casefold()] = name
                if name.casefold() not in self._document.expected_names:
                    longer[first_label(name.casefold())].append(name)
        for name in first.values() if self._document.expected_short else ():
            # A short name, and the only full name with this first label.
            full = [other for other in longer[name.casefold()] if other.casefold() != name.casefold()]
            if len(full) == 1 and name.casefold() not in self._document.expected_names:
                repeated[name] = full[0]
        return repeated

    def _match_names(self) -> dict[str, list[str]]:
        """Return the case-folded names of workloads that may match, by expected name, without repeated names."""
        repeated = self.repeated_names()
        return {
            name: self._names_for(self._product_name(name))
            for name in self._document.expected
            if repeated.get(name, name) == name
        }

    def _product_name(self, expected: str) -> str:
        return self._document.expected_names.get(expected.casefold(), expected).casefold()

    def find_names(self) -> set[str]:
        """Return the case-folded names of workloads that are expected."""
        return {name for found in self._match_names().values() for name in found}

    def _build_missing(self, expected: str) -> Existence:
        text = "expected workload not found on any server that was read"
        if self._unread_servers:
            names = ", ".join(self._unread_servers[:_SHOWN_SERVERS])
            omitted = len(self._unread_servers) - _SHOWN_SERVERS
            more = f" and {omitted} more" if omitted > 0 else ""
            text = f"{text}; not read or only partially read: {names}{more}"
        near = self._find_similar(self._product_name(expected))
        if near is not None:
            # The name as the server reports it.
            text = f"{text}. Similar name: {self._records[self._by_name[near][0]].name}"
        return (None, expected, UNKNOWN if self._unread_servers else FAIL, text)

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

    def _find_row(self, expected: str, numbers: list[int]) -> Existence:
        numbers = sorted(numbers, key=self._rank)
        first = self._rank(numbers[0])[:-1]
        # Rows of one workload in several read results: use the worst result.
        equal = [number for number in numbers if self._rank(number)[:-1] == first]
        best = max(equal, key=lambda number: self._check_existence(self._records[number])[0])
        record, others = self._records[best], [number for number in numbers if number != best]
        result, text = self._check_existence(record)
        if record.name is not None and record.name.casefold() != expected.casefold():
            text = f"{text} (expected name: {expected})"
        if others and not self._document.combine:
            names = "; ".join(self._records[other].display_name() for other in others)
            text = f"{text}: {record.display_name()}; other rows with this name: {names}"
        return (best, expected, result, text)

    def _rank(self, number: int) -> tuple[t.Any, ...]:
        """Return a sort key: in the inventory, then unknown, then removed; newest first."""
        record = self._records[number]
        presence = {True: 0, None: 1, False: 2}[record.in_inventory]
        one = record.identity
        names = (record.subject[0] or "", one["workload_type"] or "", one["workload_id"] or "", one["origin"] or "")
        return (presence, -(record.newest_point or 0), *names)

    def _check_existence(self, record: Record) -> tuple[int, str]:
        read, host = record.read, record.read.host
        if record.in_inventory is False:
            return FAIL, f"expected workload is no longer in the inventory of {host}"
        if read.doubt:
            return UNKNOWN, f"found on {host}, but {read.doubt}"
        if record.in_inventory:
            return PASS, f"found on {host}"
        types = read.inventory_types
        if types is None or record.identity["workload_type"] in (None, *types):
            return UNKNOWN, f"existence unknown: {host} does not report whether this workload is in its inventory"
        if not self._recent(record):
            return UNKNOWN, f"existence unknown: {host} has no inventory of its type, and no recent recovery point"
        return PASS, f"found on {host} with a recent recovery point; there is no inventory of its type"
