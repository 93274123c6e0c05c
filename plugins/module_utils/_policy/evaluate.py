# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Evaluate read results against a policy. A pure function: equal read results, policy and as_of give equal bytes.

The identities of all workloads are read first, then the points, block by block. Each row is evaluated separately, and
only its outcomes are kept, unless its points must be combined with those of other rows.
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Mapping

from ansible_collections.backup.audit.plugins.module_utils._collect.result import (
    ReadResult,
    canonical_json,
    sha256_hex,
)
from ansible_collections.backup.audit.plugins.module_utils._core.errors import OptionError
from ansible_collections.backup.audit.plugins.module_utils._core.times import FIRST, LAST, SECOND, format_time
from ansible_collections.backup.audit.plugins.module_utils._policy.assessment import SCHEMA, Assessment
from ansible_collections.backup.audit.plugins.module_utils._policy.data_checks import (
    Failure,
    ReadFacts,
    check_listing,
    check_result,
    check_time,
    report_failure,
)
from ansible_collections.backup.audit.plugins.module_utils._policy.findings import Findings
from ansible_collections.backup.audit.plugins.module_utils._policy.headline import build_headline
from ansible_collections.backup.audit.plugins.module_utils._policy.language.document import Document, compile_document
from ansible_collections.backup.audit.plugins.module_utils._policy.restore_tests import RestoreTests
from ansible_collections.backup.audit.plugins.module_utils._policy.rows import build_records, read_points
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.terms import FAIL, UNPROVED, WARN
from ansible_collections.backup.audit.plugins.module_utils._policy.servers import find_servers
from ansible_collections.backup.audit.plugins.module_utils._policy.verdicts import FindingsWriter, find_kept


def assess(
    read_results: Iterable[ReadResult | Failure],
    policy: t.Any,
    *,
    as_of: int,
    collection_version: str,
    options: Mapping[str, t.Any] | None = None,
    restore_tests: Iterable[Mapping[str, t.Any]] = (),
    notes: Iterable[str] = (),
    timelines: bool = False,
) -> Assessment:
    """Evaluate opened read results at ``as_of`` (microseconds since 1970 UTC).

    ``options`` are the other keys of a policy file: expected, exclude, waivers, ... (None: not given).
    ``restore_tests`` are the tests from restore test records (see restore_tests.py). Each of ``notes`` becomes a
    warning. With ``timelines``, each workload gets a timeline. Raise OptionError for an invalid policy and DataError
    for an invalid read result.
    """
    document = compile_document(policy, options)
    if not FIRST <= as_of // SECOND <= LAST:
        raise OptionError(
            f"as_of: {format_time(as_of)} is not between the years 1980 and 9000", hint="Correct the time"
        )
    findings = Findings()
    # Sorted, so that the order of the input does not matter.
    opened = sorted(read_results, key=_order)
    # If as_of is shortly before a read, the time of the read is used.
    now = max([as_of // SECOND, *(check_time(one, as_of // SECOND) for one in opened if isinstance(one, ReadResult))])
    unread_servers: list[str] = []
    writer = FindingsWriter(document, now, findings, unread_servers)
    readable, results, named = _check_results(opened, document, now, findings, unread_servers)
    records_by_result = [build_records(read, facts, document) for read, facts in zip(readable, results, strict=True)]
    records = [record for own in records_by_result for record in own]
    tests = RestoreTests(restore_tests, (record.identity for record in records))
    servers = find_servers(results)
    kept = find_kept(document, records, servers)
    for read, own in zip(readable, records_by_result, strict=True):
        read_points(read, own, document, tests, kept, timelines=timelines)
        check_listing(read.host, len(own), document.on_empty, findings)
    _report_tests(tests, findings)
    _report_notes(notes, findings)
    writer.write(records, results, servers)
    _check_proof(writer, findings, has_workloads=bool(records))
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
        "headline": build_headline(totals, named, compliant=compliant, failed_checks=findings.count_blocking_checks()),
    }
    return Assessment(frame, findings)


def _order(read: ReadResult | Failure) -> tuple[str, str, str]:
    if isinstance(read, Failure):
        return (read.host, "", read.message)
    return (read.host, str(read.frame["read_at"]), str(read.frame["sha256"]))


def _check_results(
    opened: Iterable[ReadResult | Failure], document: Document, now: int, findings: Findings, unread_servers: list[str]
) -> tuple[list[ReadResult], list[ReadFacts], list[dict[str, t.Any]]]:
    """Check the quality of the data; servers that were not completely read are added to ``unread_servers``."""
    found: list[ReadResult] = []
    results: list[ReadFacts] = []
    named = []
    for read in opened:
        if isinstance(read, Failure):
            named.append(report_failure(read, findings))
            unread_servers.append(read.host)
            continue
        facts, summary = check_result(read, len(results), now, document, findings)
        named.append(summary)
        found.append(read)
        results.append(facts)
        if facts.incomplete:
            unread_servers.append(facts.host)
    return found, results, named


def _check_proof(writer: FindingsWriter, findings: Findings, *, has_workloads: bool) -> None:
    """Add a finding for each workload that is not proved, and one if none is proved."""
    unproved, is_proved = findings.find_unproved(writer.evaluated, writer.controls)
    for subject in unproved:
        text = "no rule is proved for this workload"
        findings.add(subject, findings.control_number("policy.proof"), FAIL, text, UNPROVED)
    if not is_proved:
        subject = findings.add_subject((None, None, None, None), is_workload=False)
        text = "no workload is proved compliant" if has_workloads else "no workloads were read"
        findings.add(subject, findings.control_number("data.proof"), FAIL, text, UNPROVED)


def _report_notes(notes: Iterable[str], findings: Findings) -> None:
    """Add the notes about what this assessment covers."""
    for note in notes:
        subject = findings.add_subject((None, None, None, None), is_workload=False)
        findings.add(subject, findings.control_number("data.notes"), WARN, note, UNPROVED)


def _report_tests(tests: RestoreTests, findings: Findings) -> None:
    """Warn about restore tests that cannot be used."""
    control = findings.control_number("data.restore_tests")
    unused = tests.unused()
    for test in unused:
        subject = findings.add_subject((test["source"], None, None, None), is_workload=False)
        text = (
            f"restore test of {test['workload_name']} at {test['tested_at']} does not match exactly one workload that "
            "was read"
        )
        findings.add(subject, control, WARN, text, UNPROVED)
    for test in (one for one in tests.unclear if one not in unused):
        subject = findings.add_subject((test["source"], None, None, None), is_workload=False)
        text = (
            f"restore test of {test['workload_name']} at {test['tested_at']} is earlier than its recovery point "
            f"({test['point_created_at']}): its result is unknown"
        )
        findings.add(subject, control, WARN, text, UNPROVED)
