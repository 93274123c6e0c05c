# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Findings, which are stored as columns.

Most of hundreds of thousands of findings are similar. Subject, control and text of each are indexes into tables, so
that they fit into memory and into results of Ansible. Texts contain HOLE instead of the measured value.
"""

from __future__ import annotations

import typing as t
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from ansible_collections.backup.audit.plugins.module_utils._policy.references import get_references
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.terms import (
    CERTAINTIES,
    FAIL,
    PASS,
    REPORTED,
    RESULTS,
    UNKNOWN,
    UNPROVED,
    WAIVED,
    WARN,
    Outcome,
    fill_in,
)

# source, origin, workload_id, workload_name
Subject = tuple["str | None", "str | None", "str | None", "str | None"]
# Properties of a workload that reports show in addition to its findings, in this order.
FACTS = (
    "workload_type",
    "platform",
    "product",
    "in_inventory",
    "recovery_points",
    "newest",
    "oldest",
    "newest_age_seconds",
    "restorable_from",
    "restorable_until",
    "timeline",
)

# Controls about servers that the headline describes separately, and does not count as failed checks.
_IN_HEADLINE = ("data.complete", "data.proof")


class Findings:
    """All findings, in the order in which they were added."""

    def __init__(self) -> None:
        self._subjects: list[Subject] = []
        self._facts: list[Sequence[t.Any]] = []
        self._is_workload = bytearray()
        # (name, limit, limit as the user wrote it, unit, tier, references, whether an unknown result blocks)
        self._controls: list[tuple[str, t.Any, str, str, str | None, list[str], bool]] = []
        self._control_numbers: dict[tuple[str, t.Any, str | None, bool], int] = {}
        self._texts: dict[str, int] = {}
        self._waivers: list[dict[str, t.Any]] = []
        self._at: list[int] = []
        self._control: list[int] = []
        self._result = bytearray()
        self._certainty = bytearray()
        self._actual: list[int | None] = []
        self._text: list[int] = []
        self._waived_by: dict[int, int] = {}

    def add_subject(self, subject: Subject, *, is_workload: bool = True, facts: Sequence[t.Any] = ()) -> int:
        """Add a workload or server, and return its number. ``facts`` are in the order of FACTS."""
        self._subjects.append(subject)
        self._facts.append(facts)
        self._is_workload.append(is_workload)
        return len(self._subjects) - 1

    def control_number(
        self,
        name: str,
        limit: t.Any = None,
        unit: str = "text",
        tier: str | None = None,
        limit_text: str = "",
        *,
        blocks_unknown: bool = True,
    ) -> int:
        """Return the number of a control of a tier. Add the control if it is new."""
        key = (name, limit, tier, blocks_unknown)
        number = self._control_numbers.get(key)
        if number is None:
            number = self._control_numbers[key] = len(self._controls)
            self._controls.append((name, limit, limit_text, unit, tier, get_references(name), blocks_unknown))
        return number

    def add(
        self,
        subject: int,
        control: int,
        result: int,
        text: str,
        certainty: int = REPORTED,
        actual: int | None = None,
        waiver: dict[str, t.Any] | None = None,
    ) -> None:
        """Add a finding."""
        if waiver is not None:
            if waiver not in self._waivers:
                self._waivers.append(waiver)
            self._waived_by[len(self._at)] = self._waivers.index(waiver)
        self._at.append(subject)
        self._control.append(control)
        self._result.append(result)
        self._certainty.append(certainty)
        self._actual.append(actual)
        self._text.append(self._texts.setdefault(text, len(self._texts)))

    def add_all(self, subject: int, controls: Sequence[int], outcomes: Iterable[Outcome]) -> None:
        """Add the outcomes of all controls for one workload."""
        states, certainties, actuals, texts = zip(*outcomes, strict=True)
        self._at.extend([subject] * len(controls))
        self._control.extend(controls)
        self._result.extend(states)
        self._certainty.extend(certainties)
        self._actual.extend(actuals)
        known = self._texts
        self._text.extend([known.setdefault(text, len(known)) for text in texts])

    def worst_first(self, at_most: int) -> list[dict[str, t.Any]]:
        """Return the findings that do not pass: blocking ones first, then worst first."""
        results, blocking = self._result, list(self._blocking())
        numbers = [number for number, result in enumerate(results) if result != PASS]
        numbers.sort(key=lambda number: (not blocking[number], -results[number]))
        return list(as_dicts(self.columns(), numbers[:at_most]))

    def columns(self) -> dict[str, t.Any]:
        """Return the tables and columns for JSON. Results and certainties are strings of digits."""
        return {
            "places": self._subjects,
            "facts": self._facts,
            "is_workload": "".join(map(str, self._is_workload)),
            "controls": self._controls,
            "texts": list(self._texts),
            "waivers": self._waivers,
            "at": self._at,
            "control": self._control,
            "result": "".join(map(str, self._result)),
            "certainty": "".join(map(str, self._certainty)),
            "actual": self._actual,
            "text": self._text,
            "waived_by": {str(number): waiver for number, waiver in self._waived_by.items()},
        }

    def totals(self) -> dict[str, t.Any]:
        """Count workloads by verdict, findings by result, and findings that are not based on known values."""
        verdicts: dict[int, int] = {}
        for subject, result in zip(self._at, self._result):  # noqa: B905 - equal by construction
            if result > verdicts.get(subject, -1):
                verdicts[subject] = result
        # Expected names that no server lists are counted separately, because they are not workloads.
        by_verdict, missing = (
            Counter(
                verdict
                for subject, verdict in verdicts.items()
                if self._is_workload[subject] and (self._subjects[subject][0] is None) == is_missing
            )
            for is_missing in (False, True)
        )
        by_result = Counter(self._result)
        return {
            "workloads": sum(by_verdict.values()),
            "verdicts": {name: by_verdict[number] for number, name in enumerate(RESULTS)},
            "missing": {name: missing[number] for number, name in enumerate(RESULTS)},
            "findings": len(self._at),
            "results": {name: by_result[number] for number, name in enumerate(RESULTS)},
            "not_proved": self._certainty.count(UNPROVED),
            "blocking": sum(self._blocking()),
        }

    def count_blocking_checks(self) -> int:
        """Count the blocking findings about servers, except those that the headline describes separately."""
        return sum(
            blocks and not self._is_workload[subject] and self._controls[control][0] not in _IN_HEADLINE
            for subject, control, blocks in zip(self._at, self._control, self._blocking(), strict=True)
        )

    def _blocking(self) -> Iterator[bool]:
        """Yield for each finding whether it makes the assessment not compliant."""
        blocks = [control[-1] for control in self._controls]
        return (
            result == FAIL or (result == UNKNOWN and blocks[control])
            for result, control in zip(self._result, self._control, strict=True)
        )

    def find_unproved(self, subjects: Iterable[int], controls: Collection[int]) -> tuple[list[int], bool]:
        """Return the workloads that are neither proved, waived nor blocked, and whether any workload is proved.

        A workload is proved if one of these controls passes (even with a warning) and no finding blocks. A waiver
        is not a proof.
        """
        proved, decided, blocked = set(), set(), set()
        for subject, control, result, certainty, blocks in zip(
            self._at, self._control, self._result, self._certainty, self._blocking(), strict=True
        ):
            if result in (PASS, WARN) and certainty != UNPROVED and control in controls:
                proved.add(subject)
            elif blocks:
                blocked.add(subject)
            elif result == WAIVED and control in controls:
                decided.add(subject)
        resolved = proved | decided | blocked
        return [subject for subject in subjects if subject not in resolved], bool(proved - blocked)


def workload_dicts(columns: Mapping[str, t.Any]) -> Iterator[dict[str, t.Any]]:
    """Yield the workloads with findings as dicts: identity, properties, and verdict (the worst result)."""
    verdicts: dict[int, int] = {}
    for subject, digit in zip(columns["at"], columns["result"], strict=True):
        verdicts[subject] = max(verdicts.get(subject, 0), int(digit))
    for number, subject in enumerate(columns["places"]):
        if columns["is_workload"][number] == "1" and number in verdicts:
            source, origin, workload_id, workload_name = subject
            yield {
                "source": source,
                "origin": origin,
                "workload_id": workload_id,
                "workload_name": workload_name,
                **dict.fromkeys(FACTS),
                **dict(zip(FACTS, columns["facts"][number], strict=False)),
                "verdict": RESULTS[verdicts[number]],
            }


def as_dicts(columns: Mapping[str, t.Any], numbers: Iterable[int] | None = None) -> Iterator[dict[str, t.Any]]:
    """Yield the findings with these numbers (None: all) as dicts for reports and programs."""
    subjects, controls, texts = columns["places"], columns["controls"], columns["texts"]
    for number in range(len(columns["at"])) if numbers is None else numbers:
        source, origin, workload_id, workload_name = subjects[columns["at"][number]]
        name, limit, limit_text, unit, tier, references, blocks_unknown = controls[columns["control"][number]]
        actual, result = columns["actual"][number], int(columns["result"][number])
        waiver = columns["waived_by"].get(str(number))
        yield {
            "source": source,
            "origin": origin,
            "workload_id": workload_id,
            "workload_name": workload_name,
            "control": name,
            "result": RESULTS[result],
            "blocking": result == FAIL or (result == UNKNOWN and blocks_unknown),
            "limit": bool(limit) if unit == "flag" else limit,
            "limit_text": limit_text,
            "actual": actual,
            "certainty": CERTAINTIES[int(columns["certainty"][number])],
            "message": fill_in(texts[columns["text"][number]], actual, unit, limit),
            "tier": tier,
            "waiver": None if waiver is None else columns["waivers"][waiver],
            "references": list(references),
        }
