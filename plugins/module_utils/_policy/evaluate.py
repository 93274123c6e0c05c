# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read results x policy -> assessment. A pure function: the same read results, policy and as_of give the same bytes.

Each row is evaluated alone while its read result is loaded, and only the outcomes are kept; everything that needs
several rows (expected names, workloads that several servers protect) works on the outcomes.
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Mapping

from ansible_collections.backup.audit.plugins.module_utils._collect.result import canonical_json, sha256_hex
from ansible_collections.backup.audit.plugins.module_utils._core.errors import DataError
from ansible_collections.backup.audit.plugins.module_utils._core.times import SECOND, format_time
from ansible_collections.backup.audit.plugins.module_utils._policy.assessment import SCHEMA, Assessment
from ansible_collections.backup.audit.plugins.module_utils._policy.data_checks import (
    TOLERANCE,
    ReadFacts,
    check_listing,
    check_result,
    report_failure,
)
from ansible_collections.backup.audit.plugins.module_utils._policy.findings import Findings
from ansible_collections.backup.audit.plugins.module_utils._policy.headline import build_headline
from ansible_collections.backup.audit.plugins.module_utils._policy.language.document import Document, compile_document
from ansible_collections.backup.audit.plugins.module_utils._policy.restore_tests import RestoreTests
from ansible_collections.backup.audit.plugins.module_utils._policy.rows import Record, evaluate_row
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.terms import FAIL, UNPROVED, WARN
from ansible_collections.backup.audit.plugins.module_utils._policy.verdicts import FindingsWriter

Read = Mapping[str, t.Any]


def assess(
    read_results: Iterable[Read],
    policy: t.Any,
    *,
    as_of: int,
    collection_version: str,
    options: Mapping[str, t.Any] | None = None,
    restore_tests: Iterable[Mapping[str, t.Any]] = (),
) -> Assessment:
    """Evaluate plain read results (see unpack in _collect/result.py) at ``as_of`` (microseconds since 1970 UTC).

    ``options`` has the other keys of a policy file: expected, exclude, waivers, ... (None = not given).
    ``restore_tests`` are the tests from restore test records (see restore_tests.py).
    Raises OptionError for an invalid policy and DataError for an invalid read result.
    """
    document = compile_document(policy, options)
    findings = Findings()
    blind: list[str] = []
    writer = FindingsWriter(document, as_of, findings, blind)
    tests = RestoreTests(restore_tests, as_of + TOLERANCE * SECOND)
    records, results, named = _evaluate_rows(read_results, document, as_of, findings, blind, tests)
    for test in tests.unused():
        subject = findings.add_subject((test["source"], None, None, None), is_workload=False)
        text = (
            f"restore test of {test['workload_name']} at {test['tested_at']} does not match any workload that was read"
        )
        findings.add(subject, findings.control_number("data.restore_tests"), WARN, text, UNPROVED)
    writer.write(records, results)
    unproved, is_proved = findings.find_unproved(writer.evaluated, writer.controls)
    for subject in unproved:
        text = "no rule is proved for this workload"
        findings.add(subject, findings.control_number("policy.proof"), FAIL, text, UNPROVED)
    if not is_proved:
        subject = findings.add_subject((None, None, None, None), is_workload=False)
        text = "no workload is proved compliant" if records else "no workloads were read"
        findings.add(subject, findings.control_number("data.proof"), FAIL, text, UNPROVED)
    totals = findings.totals()
    compliant = not totals["blocking"]
    frame = {
        "schema": SCHEMA,
        "as_of": format_time(as_of),
        "collection_version": collection_version,
        "policy": document.definition,
        "policy_sha256": sha256_hex(canonical_json(document.definition)),
        "data_sources": named,
        "totals": totals,
        "compliant": compliant,
        "headline": build_headline(totals, named, compliant=compliant),
    }
    return Assessment(frame, findings)


def _evaluate_rows(
    read_results: Iterable[Read],
    document: Document,
    as_of: int,
    findings: Findings,
    blind: list[str],
    tests: RestoreTests,
) -> tuple[list[Record], list[ReadFacts], list[dict[str, t.Any]]]:
    """Evaluate row by row without keeping the rows. Servers not completely read are added to ``blind``."""
    records: list[Record] = []
    results: list[ReadFacts] = []
    named = []
    for read in read_results:
        if "failure" in read:
            named.append(report_failure(read, findings))
            blind.append(str(read["server"]["host"]))
            continue
        facts, summary = check_result(read, as_of, document, findings)
        named.append(summary)
        results.append(facts)
        if read.get("complete") is not True:
            blind.append(facts.host)
        before = len(records)
        for number, row in enumerate(read["workloads"]):
            try:
                records.append(evaluate_row(tests.apply(row, facts.host), facts, document))
            except (AttributeError, KeyError, TypeError, ValueError, DataError) as error:
                name = row.get("workload_name") if isinstance(row, Mapping) else None
                raise DataError(
                    f"read result of {facts.host}: workload {number} ({name}) has an invalid format: {error!r}",
                    hint="Read again with a module of this collection version",
                ) from error
        check_listing(facts.host, len(records) - before, document.on_empty, findings)
    return records, results, named
