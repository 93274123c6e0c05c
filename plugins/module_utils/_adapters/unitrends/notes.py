# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Unitrends: count skipped and unknown data of one system, for the warnings, scope and errors of a read result."""

from __future__ import annotations

import dataclasses
import typing as t
from collections.abc import Collection

from ansible_collections.backup.audit.plugins.module_utils._adapters.unitrends.local_times import LocalTimes
from ansible_collections.backup.audit.plugins.module_utils._collect.collector import Collector
from ansible_collections.backup.audit.plugins.module_utils._core.errors import DataError, InvalidResponseError


@dataclasses.dataclass(frozen=True)
class System:
    """An appliance that the queried appliance manages; ``local``: the queried appliance itself."""

    sid: int
    name: str
    local: bool


class Notes:
    """Collects counts that are reported once, at the end."""

    def __init__(self, collector: Collector, system: System) -> None:
        self._collector = collector
        self.system = system
        self._counts: dict[str, int] = {}
        self._problems: dict[str, int] = {}
        # Numbers of backups without a known time.
        self.undated: set[int] = set()
        self._example: t.Any = None
        self._has_ambiguous = False
        # Number -> time, for backups whose time is outside of the window that listed them.
        self.outside: dict[int, int | None] = {}

    def count(self, what: str) -> None:
        """Count one record; ``what`` completes a sentence that starts with a number."""
        self._counts[what] = self._counts.get(what, 0) + 1

    def count_problem(self, what: str) -> None:
        """Count one record without which the result is incomplete."""
        self._problems[what] = self._problems.get(what, 0) + 1

    def add_to_scope(self, name: str) -> None:
        """Count one backup in the scope of the result."""
        self._collector.scope[name] = self._collector.scope.get(name, 0) + 1

    def add_undated(self, number: int, text: t.Any, *, is_ambiguous: bool = False) -> None:
        """Record a backup whose time is not known; ``text`` is the value that the product returned."""
        self._example = text if not self.undated else self._example
        self._has_ambiguous = self._has_ambiguous or is_ambiguous
        self.undated.add(number)

    def add_outside(self, number: int, times: LocalTimes, text: t.Any) -> None:
        """Record a backup whose time is outside of the window that listed it."""
        try:
            self.outside[number] = times.instants(text)[0]
        except DataError:
            self.outside[number] = None

    def warn(self, warning: str) -> None:
        """Add a warning, unless it was added before."""
        if warning not in self._collector.warnings:
            self._collector.warnings.append(warning)

    def warn_unavailable(self, name: str, consequence: str, cause: str) -> None:
        """Warn that an optional part of the data is not available, and about the consequence."""
        self._collector.scope[name] = False
        self.warn(f"{name} of system {self.system.name!r} not available: {consequence}. Cause: {cause}")

    def report(self, reported: Collection[int], *, is_contradictory: bool) -> None:
        """Add the warnings and problems.

        ``reported`` are the numbers of all backups in the result; ``is_contradictory``: times have the month first in
        some records, and the day first in others.
        """
        for what, number in self._counts.items():
            self.warn(f"system {self.system.name!r}: {number} {what}")
        for what, number in self._problems.items():
            message = f"system {self.system.name!r}: {number} {what}"
            self._collector.add_problem(InvalidResponseError(message, code="incomplete"))
        if self.undated:
            self.warn(self._describe_undated())
        missing = {number: time for number, time in self.outside.items() if number not in reported}
        if self.outside:
            self.warn(
                f"system {self.system.name!r}: {len(self.outside)} backups are dated outside the time window in "
                f"which they were listed; {len(missing)} of them are not listed in any other window and are left out"
            )
        if is_contradictory or any(self._is_requested(time) for time in missing.values()):
            self._collector.add_problem(
                InvalidResponseError(
                    f"system {self.system.name!r}: the times of backups do not match the time windows in which they "
                    "were listed, so they cannot be trusted",
                    code="incomplete",
                    hint='Check "timezone" and the language of the appliance',
                )
            )

    def _is_requested(self, time: int | None) -> bool:
        """Return whether the time is in the period that the user asked for, or unknown."""
        since, until = self._collector.since, self._collector.until
        return time is None or ((since is None or time >= since) and (until is None or time <= until))

    def _describe_undated(self) -> str:
        reason = "day and month can be swapped" if self._has_ambiguous else "it is not a valid time"
        return (
            f"system {self.system.name!r}: the time of {len(self.undated)} backups is unknown "
            f"({str(self._example)[:40]!r}: {reason}); they prove nothing"
        )
