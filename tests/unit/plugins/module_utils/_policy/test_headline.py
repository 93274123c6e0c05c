# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The result of an assessment in one line."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._policy.headline import build_headline
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.terms import RESULTS

READ, PARTIAL, FAILED = {"complete": True}, {"complete": False}, {"complete": False, "failure": "refused"}


@pytest.mark.parametrize(
    ("verdicts", "sources", "compliant", "headline"),
    [
        ({"pass": 19}, [READ], True, "Compliant: 19 of 19 workloads passed"),
        ({"pass": 1}, [READ], True, "Compliant: 1 of 1 workload passed"),
        ({"fail": 7, "pass": 12}, [READ], False, "Not compliant: 7 of 19 workloads failed, 12 passed"),
        ({}, [READ], False, "Not compliant: no workloads were evaluated"),
        (
            {"fail": 7, "pass": 12},
            [READ, FAILED],
            False,
            "Not compliant: 7 of 19 workloads failed, 12 passed; 1 of 2 servers could not be read",
        ),
        ({}, [FAILED], False, "Not compliant: no workloads were evaluated; 1 of 1 server could not be read"),
        (
            {"pass": 2},
            [READ, FAILED, PARTIAL, PARTIAL],
            False,
            (
                "Not compliant: 2 of 2 workloads passed; 1 of 4 servers could not be read; "
                "2 of 4 servers could only be partially read"
            ),
        ),
        (
            {"fail": 1, "unknown": 2, "warn": 3, "waived": 4, "pass": 5, "not_applicable": 6},
            [READ],
            False,
            "Not compliant: 1 of 21 workloads failed, 2 unknown, 3 with warnings, 4 waived, 5 passed, 6 not applicable",
        ),
        ({"waived": 1, "pass": 1}, [READ], True, "Compliant: 1 of 2 workloads waived, 1 passed"),
    ],
)
def test_headline(verdicts: dict[str, int], sources: list[dict[str, Any]], compliant: bool, headline: str) -> None:
    assert build_headline(totals(verdicts), sources, compliant=compliant, failed_checks=0) == headline


def totals(verdicts: dict[str, int], **missing: int) -> dict[str, Any]:
    """Build the totals of an assessment with these numbers of workloads."""
    none = dict.fromkeys(RESULTS, 0)
    return {"workloads": sum(verdicts.values()), "verdicts": {**none, **verdicts}, "missing": {**none, **missing}}


@pytest.mark.parametrize(
    ("missing", "text"),
    [
        ({"fail": 1}, "1 expected workload not found"),
        ({"fail": 2}, "2 expected workloads not found"),
        ({"fail": 1, "unknown": 3, "waived": 1}, "1 expected workload not found, 3 unknown, 1 waived"),
        ({"unknown": 1}, "1 expected workload unknown"),
    ],
)
def test_missing_workloads_are_in_the_headline(missing: dict[str, int], text: str) -> None:
    headline = build_headline(totals({"pass": 19}, **missing), [READ], compliant=False, failed_checks=0)
    assert headline == f"Not compliant: 19 of 19 workloads passed; {text}"


@pytest.mark.parametrize(("number", "text"), [(1, "1 data quality check failed"), (2, "2 data quality checks failed")])
def test_a_failed_check_explains_why_it_is_not_compliant(number: int, text: str) -> None:
    headline = build_headline(totals({"pass": 19}), [READ], compliant=False, failed_checks=number)
    assert headline == f"Not compliant: 19 of 19 workloads passed; {text}"
