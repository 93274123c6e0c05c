# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for every document: the same bytes for the same ASSESSMENT, what it rests on, harmless text, speed."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.backup.audit.plugins.filter.compare_assessments import compare_assessments
from ansible_collections.backup.audit.plugins.filter.to_csv import to_csv
from ansible_collections.backup.audit.plugins.filter.to_hdf import to_hdf
from ansible_collections.backup.audit.plugins.filter.to_html_report import to_html_report
from ansible_collections.backup.audit.plugins.filter.to_junit import to_junit
from ansible_collections.backup.audit.plugins.filter.to_markdown import to_markdown
from ansible_collections.backup.audit.plugins.filter.to_openmetrics import to_openmetrics
from ansible_collections.backup.audit.plugins.filter.to_oscal import to_oscal
from tests.unit.plugins.plugin_utils.assessments import estate, large, plain

DOCUMENTS: list[Callable[..., str]] = [
    *(to_csv, to_hdf, to_html_report, to_junit, to_markdown, to_openmetrics, to_oscal),
]
# What is wanted is 2 s on an idle machine; a test machine that is busy with others must not fail by it.
SECONDS = 8
documents = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.__name__)


@documents
def test_the_same_assessment_is_the_same_bytes(document: Callable[..., str]) -> None:
    """Packed, plain, or as a registered result, today and tomorrow."""
    told = document(estate())
    assert told
    assert document(plain(estate())) == told
    assert document({"assessment": estate(), "changed": False}) == told


@documents
def test_what_it_rests_on_is_named(document: Callable[..., str]) -> None:
    """Servers, products' versions, times, the collection, the policy, the digest of each READ."""
    told, assessment = document(estate()).replace("\\", ""), plain(estate())
    for read in assessment["reads"][:2]:
        assert read["sha256"] in told
    for text in ("vbr1.example.com", "12.3.1", assessment["collection_version"], assessment["policy_sha256"]):
        assert text in told
    assert "2026-11-21T07:00:00Z" in told or "2026-11-21 07:00" in told


@documents
def test_nothing_in_it_obeys_a_name(document: Callable[..., str]) -> None:
    """No character that cannot be seen, ends a line, turns the text or cannot be written."""
    told = document(estate())
    assert told.encode()
    assert not set(told) & set("\0\x07\x1b\t\u202e\u2066\u2028\ufffe\uffff")


@documents
def test_large_estates_are_quick(document: Callable[..., str]) -> None:
    """5,000 workloads; measured in time of this process."""
    assessment = large()
    before = time.process_time()
    document(assessment)
    assert time.process_time() - before < SECONDS


@documents
def test_what_is_no_assessment_is_refused(document: Callable[..., str]) -> None:
    """The filter is named, and what was found."""
    with pytest.raises(AnsibleFilterError, match=f"backup.audit.{document.__name__}: .*no ASSESSMENT"):
        document({"schema": "backup.audit/read/1"})


def test_comparing_refuses_it_too() -> None:
    """On either side."""
    with pytest.raises(AnsibleFilterError, match="compare_assessments"):
        compare_assessments(estate(), {})
    with pytest.raises(AnsibleFilterError, match="compare_assessments"):
        compare_assessments({}, estate())
