# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Restore tests: the record that the role restore_test writes, and its effect on the rows of a read result.

A record is an additional input of an assertion. It lists workloads, named as in the read result that they were chosen
from, with the point that was restored and checked and the time that it took; or with the failure.
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Mapping

from ansible_collections.backup.audit.plugins.module_utils._collect.result import canonical_json, sha256_hex
from ansible_collections.backup.audit.plugins.module_utils._core.errors import DataError
from ansible_collections.backup.audit.plugins.module_utils._core.times import parse_time

SCHEMA = "backup.audit/restore_tests/1"
PASSED, FAILED = "passed", "failed"
# Keys of a row that identify a workload in all read results.
_IDENTITY = ("source", "workload_type", "workload_id", "workload_name")
_REQUIRED = ("source", "workload_name", "point_created_at", "tested_at", "result")

Key = tuple[t.Any, ...]
Test = Mapping[str, t.Any]


def is_record(value: t.Any) -> bool:
    """Whether it is a record of restore tests and not a read result."""
    return isinstance(value, Mapping) and value.get("schema") == SCHEMA


def seal_record(tests: Iterable[Test], earlier: t.Any = None) -> dict[str, t.Any]:
    """Build the record of these tests and of the tests in an ``earlier`` record for other workloads."""
    newest: dict[Key, Test] = {}
    for test in (*(parse_tests(earlier, "earlier record") if earlier else ()), *tests):
        _check_test(test, "record")
        known = newest.get(_key(test))
        if known is None or parse_time(known["tested_at"]) <= parse_time(test["tested_at"]):
            newest[_key(test)] = dict(test)
    ordered = sorted(newest.values(), key=lambda test: [str(test.get(name) or "") for name in _IDENTITY])
    record = {"schema": SCHEMA, "tests": ordered}
    return {**record, "sha256": sha256_hex(canonical_json(record))}


def parse_tests(record: t.Any, where: str) -> list[Test]:
    """Return the tests of a record after checking its digest; DataError for an altered or invalid record."""
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
    missing = [name for name in _REQUIRED if not isinstance(given.get(name), str)]
    seconds = given.get("seconds")
    if given.get("result") == PASSED and (not isinstance(seconds, int) or isinstance(seconds, bool) or seconds < 0):
        missing.append("seconds")
    if missing or given.get("result") not in (PASSED, FAILED):
        raise DataError(f"{where}: a restore test has no valid {', '.join(missing) or 'result'}")
    parse_time(given["tested_at"])
    parse_time(given["point_created_at"])


def _key(test: Test) -> Key:
    return tuple(test.get(name) for name in _IDENTITY)


class RestoreTests:
    """The newest test of each workload; ``apply`` adds it to the row of the workload."""

    def __init__(self, tests: Iterable[Test], until: int) -> None:
        self._newest: dict[Key, Test] = {}
        self._used: set[Key] = set()
        for test in tests:
            # A later test proves nothing about the time of the evaluation.
            if parse_time(test["tested_at"]) <= until:
                known = self._newest.get(_key(test))
                if known is None or parse_time(known["tested_at"]) <= parse_time(test["tested_at"]):
                    self._newest[_key(test)] = test

    def apply(self, row: Mapping[str, t.Any], host: str) -> Mapping[str, t.Any]:
        """Return the row with the result of its restore test; the row itself is not changed."""
        if not self._newest:
            return row
        key = (row.get("source") or host, *(row.get(name) for name in _IDENTITY[1:]))
        test = self._newest.get(key)
        if test is None:
            return row
        self._used.add(key)
        attributes = dict(row.get("attributes") or {})
        attributes["restore_tested"] = _apply_test(dict(attributes.get("restore_tested") or {}), test, row)
        return {**row, "attributes": attributes}

    def unused(self) -> list[Test]:
        """Return the tests of workloads that are not in any read result."""
        return [test for key, test in self._newest.items() if key not in self._used]


def _apply_test(attribute: dict[str, t.Any], test: Test, row: Mapping[str, t.Any]) -> dict[str, t.Any]:
    attribute["restore"] = {name: test.get(name) for name in ("result", "tested_at", "seconds", "message")}
    created = parse_time(test["point_created_at"])
    ends = [row.get(name) for name in ("oldest", "newest")]
    is_there = None not in ends and parse_time(ends[0]) <= created <= parse_time(ends[1])
    if test["result"] != PASSED or not is_there or not attribute.get("unknown"):
        return attribute
    # One of the points of unknown state is known now.
    attribute["unknown"] -= 1
    newest, oldest = attribute.get("newest"), attribute.get("oldest")
    if not attribute.get("count"):
        newest = oldest = test["point_created_at"]
    attribute["count"] = attribute.get("count", 0) + 1
    point = test["point_created_at"]
    # In the compact form of a row it is omitted if it equals the row's own time.
    attribute["newest"] = max((time for time in (newest, point) if time), key=parse_time) if newest else row["newest"]
    attribute["oldest"] = min((time for time in (oldest, point) if time), key=parse_time) if oldest else row["oldest"]
    if not attribute["unknown"]:
        for name in ("unknown", "newest_unknown", "oldest_unknown"):
            attribute.pop(name, None)
    tested = [time for time in (attribute.get("tested_at"), test["tested_at"]) if time]
    attribute["tested_at"] = max(tested, key=parse_time)
    return attribute
