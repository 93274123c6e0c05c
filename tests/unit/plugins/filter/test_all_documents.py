# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Properties of every document: same bytes for the same assessment, data sources, sanitized text, speed."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.backup.audit.plugins.filter.compare_assessments import compare_assessments
from ansible_collections.backup.audit.plugins.filter.to_csv import to_csv
from ansible_collections.backup.audit.plugins.filter.to_hdf import to_hdf
from ansible_collections.backup.audit.plugins.filter.to_html_report import to_html_report
from ansible_collections.backup.audit.plugins.filter.to_json import to_json
from ansible_collections.backup.audit.plugins.filter.to_junit import to_junit
from ansible_collections.backup.audit.plugins.filter.to_markdown import to_markdown
from ansible_collections.backup.audit.plugins.filter.to_openmetrics import to_openmetrics
from ansible_collections.backup.audit.plugins.filter.to_oscal import to_oscal
from ansible_collections.backup.audit.plugins.filter.to_text import to_text
from tests.unit.plugins.plugin_utils.assessments import estate, large, plain

DOCUMENTS: list[Callable[..., str]] = [
    *(to_csv, to_hdf, to_html_report, to_json, to_junit, to_markdown, to_openmetrics, to_oscal),
]
documents = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.__name__)


@documents
def test_documents_are_deterministic(document: Callable[..., str]) -> None:
    """Input form (compressed, plain or registered result) and time do not change the bytes."""
    result = document(estate())
    assert result
    assert document(plain(estate())) == result
    assert document({"assessment": estate(), "changed": False}) == result


@pytest.mark.parametrize(
    "document",
    [to_csv, to_hdf, to_json, to_junit, to_markdown, to_oscal, to_text],
    ids=lambda document: document.__name__,
)
def test_the_first_two_lines_state_the_overall_result(document: Callable[..., str]) -> None:
    """They have the result, and numbers of failed, unknown and missing workloads and of unread servers."""
    first = " ".join(document(estate()).splitlines()[:2])
    assert re.search("not compliant: 2 of 23 workloads failed, 2 unknown, ", first, re.IGNORECASE)
    assert "; 1 expected workload unknown; 1 of 3 servers could not be read" in first


@documents
def test_data_sources_are_listed(document: Callable[..., str]) -> None:
    """Servers, product versions, times, the collection, the policy, the digest of each read result."""
    result, assessment = document(estate()).replace("\\", ""), plain(estate())
    for read in assessment["data_sources"][1:]:
        assert read["sha256"] in result
    for text in ("vbr1.example.com", "12.3.1", assessment["collection_version"], assessment["policy_sha256"]):
        assert text in result
    assert "2026-11-21T07:00:00Z" in result or "2026-11-21 07:00" in result


@documents
def test_control_characters_in_names_are_replaced(document: Callable[..., str]) -> None:
    """Documents have no characters that are invisible, break lines, change the direction, or cannot be encoded."""
    result = document(estate())
    assert result.encode()
    assert not set(result) & set("\0\x07\x1b\t\u202e\u2066\u2028\ufffe\uffff")


@documents
def test_the_time_grows_with_the_number_of_workloads(document: Callable[..., str]) -> None:
    """Ten times the workloads take at most 20 times as long: quadratic growth would take 100 times.

    Processor time of this process. A fixed limit would depend on the machine, and on the measurement of the coverage.
    """
    few, many = large(500), large(5000)
    # Loads the template, among other things.
    document(few)
    seconds = {}
    for assessment in (few, many):
        before = time.process_time()
        document(assessment)
        seconds[assessment] = time.process_time() - before
    assert seconds[many] < 20 * seconds[few]


@documents
def test_input_without_an_assessment_is_rejected(document: Callable[..., str]) -> None:
    """The message has the name of the filter and the invalid value."""
    with pytest.raises(
        AnsibleFilterError, match=f"backup.audit.{document.__name__}: the input has no 'assessment' .found schema"
    ):
        document({"schema": "backup.audit/read/1"})


def test_comparison_rejects_input_without_an_assessment() -> None:
    """Of either argument."""
    with pytest.raises(AnsibleFilterError, match="compare_assessments: before has no 'assessment'"):
        compare_assessments(estate(), {})
    with pytest.raises(AnsibleFilterError, match="compare_assessments: the input has no 'assessment'"):
        compare_assessments({}, estate())
