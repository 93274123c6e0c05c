# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A compiled rule of a policy, and its outcomes."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from ansible_collections.backup.audit.plugins.module_utils._policy.rules.local_days import Calendar, Elapsed, elapsed
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.points import Points
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.states import Attribute
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.terms import (
    FAIL,
    HOLE,
    PASS,
    REPORTED,
    UNKNOWN,
    UNPROVED,
    WARN,
    Accept,
    Outcome,
    Wording,
)

Evaluate = Callable[[Points, "Control", Accept], Outcome]


@dataclasses.dataclass(slots=True, kw_only=True)
class Control:
    """One compiled rule of one attribute with its limit. Durations are seconds."""

    name: str
    attribute: Attribute
    evaluate: Evaluate
    # How several rows of a workload are evaluated; see Rule in language/schema.py.
    combine: str
    unit: str
    limit: int
    wording: Wording
    # ``limit`` as the user wrote it.
    limit_text: str = ""
    # Percentage of the limit above which a pass is a warning.
    warn_at: int = 100
    # Whether less is better.
    ceiling: bool = False
    within: int | None = None
    # Whether an unknown result makes the assessment not compliant.
    blocks_unknown: bool = True
    # Certainties that count in addition to reported.
    accept: Accept = frozenset()
    # Function that measures ages and gaps, on the weekdays of the policy.
    elapsed: Elapsed = elapsed
    calendar: Calendar = dataclasses.field(default_factory=Calendar)
    # Days on which a backup is required, Monday = 0; None = all.
    weekdays: frozenset[int] | None = None
    # For locations: maximum age of a location's newest point. For min_coverage: time that a point covers.
    max_age: int | None = None
    # For copies: 1 if production counts as a copy.
    offset: int = 0
    # Its number in the findings.
    number: int = 0

    def passed(self, actual: int, text: str | None = None) -> Outcome:
        """Build the outcome of a rule that is met, which is a warning if ``warn_at`` is exceeded."""
        near = self.ceiling and actual * 100 > self.warn_at * self.limit
        return (WARN if near else PASS, REPORTED, actual, text or self.wording.passed)

    def failed(self, actual: int | None, text: str | None = None) -> Outcome:
        """Build the outcome of a rule that is not met. Without a measured value, there are no points."""
        return (FAIL, REPORTED, actual, text or (self.wording.empty if actual is None else self.wording.failed))

    def unknown(self, why: str, actual: int | None = None) -> Outcome:
        """Build an unknown outcome with its reason. For counts, ``actual`` is the known number."""
        wording = self.wording
        if not wording.required:
            text = f"{wording.subject}: {why}"
        elif self.unit == "count" and actual is not None:
            text = f"{wording.subject}: {HOLE} known, {wording.required}; {why}"
        else:
            text = f"{wording.subject} unknown ({wording.required}): {why}"
        return (UNKNOWN, UNPROVED, actual, text)
