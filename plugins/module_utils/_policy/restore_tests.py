# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Restore tests: the records that the role restore_test writes, and the workloads that they belong to.

A record is an additional input of an assertion. It lists workloads, identified as in the read result that they were
selected from, with the restored point and the duration, or with the failure.
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Mapping

from ansible_collections.backup.audit.plugins.module_utils._collect.result import canonical_json, sha256_hex
from ansible_collections.backup.audit.plugins.module_utils._core.errors import DataError
from ansible_collections.backup.audit.plugins.module_utils._core.times import (
    CLOCK_TOLERANCE,
    FIRST,
    LAST,
    SECOND,
    parse_time,
)
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.recorded_tests import (
    FAILED,
    NO_TESTS,
    PASSED,
    UNCLEAR,
    Recorded,
    Tests,
)

SCHEMA = "backup.audit/restore_tests/1"
# Keys of a row that identify a workload in all read results.
_IDENTITY = ("source", "workload_type", "workload_id", "workload_name")
_REQUIRED = ("source", "workload_name", "point_created_at", "tested_at", "result")

Key = tuple[t.Any, ...]
Test = Mapping[str, t.Any]


def is_record(value: t.Any) -> bool:
    """Return whether a value is a record of restore tests, and not a read result."""
    return isinstance(value, Mapping) and value.get("schema") == SCHEMA


def seal_record(tests: Iterable[Test], earlier: t.Any = None) -> dict[str, t.Any]:
    """Build the record of these tests, and of the tests of other workloads or locations in an ``earlier`` record."""
    newest: dict[Key, Test] = {}
    for test in (*(parse_tests(earlier, "earlier record") if earlier else ()), *tests):
        _check_test(test, "record")
        key = (*_key(test), test.get("location"))
        known = newest.get(key)
        if known is None or parse_time(known["tested_at"]) <= parse_time(test["tested_at"]):
            newest[key] = dict(test)
    ordered = sorted(newest.values(), key=lambda test: [str(test.get(name) or "") for name in (*_IDENTITY, "location")])
    record = {"schema": SCHEMA, "tests": ordered}
    return {**record, "sha256": sha256_hex(canonical_json(record))}


def parse_tests(record: t.Any, where: str) -> list[Test]:
    """Return the tests of a record. Raise DataError if its digest does not match or it is invalid."""
    if not is_record(record) or not isinstance(record.get("tests"), list):
        raise DataError(f"{where}: not a restore test record")
    plain = {"schema": record["schema"], "tests": record["tests"]}
    if sha256_hex(canonical_json(plain)) != record.get("sha256"):
        raise DataError(
            f"{where}: the restore test record was altered or truncated (its SHA-256 does not match)",
            hint="Use the file as the role restore_test wrote it, or run the tests again",
        )
    for test in record["tests"]:
        _check_test(test, where)
    return list(record["tests"])


def _check_test(test: t.Any, where: str) -> None:
    given = test if isinstance(test, Mapping) else {}
    invalid = [name for name in _REQUIRED if not isinstance(given.get(name), str)]
    invalid += [name for name in (*_IDENTITY, "location") if not isinstance(given.get(name, ""), (str, type(None)))]
    seconds = given.get("seconds")
    is_number = isinstance(seconds, int) and not isinstance(seconds, bool) and seconds >= 0
    if not is_number and (seconds is not None or given.get("result") == PASSED):
        invalid.append("seconds")
    if given.get("result") not in (PASSED, FAILED):
        invalid.append("result")
    for name in ("tested_at", "point_created_at"):
        if name not in invalid and not FIRST <= parse_time(given[name]) // SECOND <= LAST:
            invalid.append(name)
    if invalid:
        raise DataError(f"{where}: a restore test has no valid {', '.join(dict.fromkeys(invalid))}")


def _key(test: Test) -> Key:
    return tuple(test.get(name) for name in _IDENTITY)


class RestoreTests:
    """The tests of all records. ``find`` returns the tests of a workload."""

    def __init__(self, tests: Iterable[Test], rows: Iterable[Mapping[str, t.Any]] = ()) -> None:
        """``rows`` are the identities of all workloads. A test that matches several of them is not used."""
        origins: dict[Key, set[t.Any]] = {}
        unique = {canonical_json(test): test for test in tests}
        for row in rows if unique else ():
            origins.setdefault(_key(row), set()).add(row["origin"])
        self._ambiguous = {key for key, own in origins.items() if len(own) > 1}
        self._tests: dict[Key, list[Recorded]] = {}
        self._given: dict[Key, list[Test]] = {}
        self._used: set[Key] = set()
        # Tests with a point that is newer than the test itself.
        self.unclear: list[Test] = []
        # Sorted, so that the order of the input does not matter.
        for _text, test in sorted(unique.items()):
            created, tested_at = (parse_time(test[name]) // SECOND for name in ("point_created_at", "tested_at"))
            result = test["result"]
            if tested_at < created - CLOCK_TOLERANCE:
                result = UNCLEAR
                self.unclear.append(test)
            recorded = Recorded(created, tested_at, result, test.get("seconds"), str(test.get("message") or ""))
            self._tests.setdefault(_key(test), []).append(recorded)
            self._given.setdefault(_key(test), []).append(test)

    def find(self, row: Mapping[str, t.Any]) -> Tests:
        """Return the tests of the workload of a row."""
        if not self._tests:
            return NO_TESTS
        key = _key(row)
        found = self._tests.get(key)
        if found is None or key in self._ambiguous:
            return NO_TESTS
        self._used.add(key)
        return Tests(tuple(found))

    def unused(self) -> list[Test]:
        """Return the tests whose workload is not in any read result, or has the same identity as others."""
        return [test for key, tests in self._given.items() if key not in self._used for test in tests]
