# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""READs x policy -> ASSESSMENT. A pure function: the same READs, policy and as_of give the same bytes.

Each row is judged alone while its READ is at hand, and only the outcomes are kept; what needs to see several rows
(expected names, workloads that several servers protect) works on these.
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Mapping

from ansible_collections.backup.audit.plugins.module_utils._collect.result import canonical, sha256_hex
from ansible_collections.backup.audit.plugins.module_utils._core.errors import DataError
from ansible_collections.backup.audit.plugins.module_utils._core.times import SECOND, format_time
from ansible_collections.backup.audit.plugins.module_utils._policy.assessment import SCHEMA, Assessment
from ansible_collections.backup.audit.plugins.module_utils._policy.data_checks import (
    TOLERANCE,
    check_listing,
    check_result,
    report_failure,
)
from ansible_collections.backup.audit.plugins.module_utils._policy.findings import Findings
from ansible_collections.backup.audit.plugins.module_utils._policy.language.document import Document, compile_document
from ansible_collections.backup.audit.plugins.module_utils._policy.restore_tests import RestoreTests
from ansible_collections.backup.audit.plugins.module_utils._policy.rows import Record, evaluate_row
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.terms import FAIL, UNPROVED, WARN
from ansible_collections.backup.audit.plugins.module_utils._policy.verdicts import FindingsWriter

Read = Mapping[str, t.Any]


def assess(
    reads: Iterable[Read],
    policy: t.Any,
    *,
    as_of: int,
    collection_version: str,
    beside: Mapping[str, t.Any] | None = None,
    restore_tests: Iterable[Mapping[str, t.Any]] = (),
) -> Assessment:
    """Judge plain READs (see _read.unpack) by a policy at ``as_of`` (microseconds since 1970 UTC).

    ``beside`` holds what may also stand in the policy's file: expected, exclude, waivers, ... (None = not given).
    ``restore_tests`` are what records of such tests hold (see _restores).
    Raises OptionError for a policy that makes no sense and DataError for a READ that is none.
    """
    document = compile_document(policy, beside)
    findings = Findings()
    blind: list[str] = []
    filing = FindingsWriter(document, as_of, findings, blind)
    restores = RestoreTests(restore_tests, as_of + TOLERANCE * SECOND)
    records, named = _evaluate_rows(reads, document, as_of, findings, blind, restores)
    for test in restores.unused():
        place = findings.new_place((test["source"], None, None, None), is_workload=False)
        text = f"the restore test of {test['workload_name']} of {test['tested_at']} fits no workload that was read"
        findings.add(place, findings.control_number("read.restore_tests"), WARN, text, UNPROVED)
    filing.file(records)
    if not findings.proves(filing.controls):
        place = findings.new_place((None, None, None, None), is_workload=False)
        text = "nothing was proved about any workload" if records else "there is no workload in what was read"
        findings.add(place, findings.control_number("read.proof"), FAIL, text, UNPROVED)
    frame = {
        "schema": SCHEMA,
        "as_of": format_time(as_of),
        "collection_version": collection_version,
        "policy": document.said,
        "policy_sha256": sha256_hex(canonical(document.said)),
        "reads": named,
        "totals": findings.totals(),
        "compliant": not findings.fails,
    }
    return Assessment(frame, findings)


def _evaluate_rows(
    reads: Iterable[Read], document: Document, as_of: int, findings: Findings, blind: list[str], restores: RestoreTests
) -> tuple[list[Record], list[dict[str, t.Any]]]:
    """Judge row by row; the rows themselves are let go with their READ. ``blind`` takes servers not read wholly."""
    records: list[Record] = []
    named = []
    for read in reads:
        if "failure" in read:
            named.append(report_failure(read, findings))
            blind.append(str(read["server"]["host"]))
            continue
        facts, name = check_result(read, as_of, document.max_read_age, findings)
        named.append(name)
        if read.get("complete") is not True:
            blind.append(facts.host)
        before = len(records)
        for number, row in enumerate(read["workloads"]):
            try:
                records.append(evaluate_row(restores.applied(row, facts.host), facts, document))
            except (AttributeError, KeyError, TypeError, ValueError, DataError) as error:
                called = row.get("workload_name") if isinstance(row, Mapping) else None
                raise DataError(
                    f"the READ of {facts.host}: workload {number} ({called}) is not in the shape of a READ: {error!r}",
                    advice="Read again with a module of the same collection",
                ) from error
        check_listing(facts.host, len(records) - before, document.empty_reads, findings)
    return records, named
