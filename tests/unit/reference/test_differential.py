# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection and the reference evaluator give the same 20,000 findings or more for random environments."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.reference import coverage, differential, evaluator
from tests.reference.random_estates import random_estate

_ESTATES = 100
_GROUPS = 16
# Findings of a hundred environments.
_LEAST = 1_250


@pytest.mark.parametrize("group", range(_GROUPS))
def test_the_same_findings(group: int) -> None:
    total = 0
    for seed in range(group * _ESTATES, (group + 1) * _ESTATES):
        differences, findings = differential.compare_seed(seed)
        assert differences == [], f"environment {seed}"
        total += len(findings)
    assert total >= _LEAST
    assert _LEAST * _GROUPS >= 20_000


def test_each_result_is_frequent_enough() -> None:
    """For every rule, setting and situation, pass, unknown and fail are each at least 1 % of the findings."""
    _tables, rare = coverage.measure(range(_GROUPS * _ESTATES))
    assert rare == []


def test_differences_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise the tests above could not fail."""
    estates = [random_estate(seed) for seed in range(20)]
    evaluate = evaluator.evaluate
    monkeypatch.setattr(evaluator, "evaluate", lambda estate: evaluate(replace(estate, options={})))
    assert any(differential.compare(estate)[0] for estate in estates)
