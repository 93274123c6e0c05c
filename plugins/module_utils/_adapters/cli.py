# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Base class of adapters that run a command-line tool: repository access and command allowlist."""

from __future__ import annotations

import abc
import dataclasses
import re
import time
import typing as t
from collections.abc import Iterable, Mapping

from ansible_collections.backup.audit.plugins.module_utils._adapters.base import Adapter
from ansible_collections.backup.audit.plugins.module_utils._collect.collector import Collector
from ansible_collections.backup.audit.plugins.module_utils._core.errors import AuditError, OptionError
from ansible_collections.backup.audit.plugins.module_utils._core.model import RecoveryPoint
from ansible_collections.backup.audit.plugins.module_utils._core.times import SECOND, format_time
from ansible_collections.backup.audit.plugins.module_utils._transport.command import (
    CommandResult,
    KnownProblem,
    OutputError,
    Runner,
    Vector,
    to_single_line,
)

# Values of ``verify``. quick does not read the data, so its result is inferred.
NONE, QUICK, DATA = "none", "quick", "data"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Access:
    """Access to a repository: its display name, and the environment and secrets for the child process only."""

    display_name: str
    environment: Mapping[str, str]
    secrets: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class CliSettings:
    """The validated options."""

    display_name: str
    verify: str
    verify_timeout: float
    check_mode: bool
    include_raw: bool
    include_unprotected: bool
    # The variables that the user set for the tool.
    environment: Mapping[str, str]
    # The options that are specific to this product's module, by name.
    own: Mapping[str, t.Any]


@dataclasses.dataclass(frozen=True, slots=True)
class Check:
    """Result of the tool's own check for points: no result (``at`` is None), sound, or damaged."""

    at: int | None = None
    level: str = NONE
    damage: str | None = None

    def apply_to(self, point: RecoveryPoint) -> RecoveryPoint:
        """Set the result of the check on a point and return the point."""
        if self.at is None:
            return point
        point.integrity_checked = self.damage is None
        point.checked_at, point.checked_by = self.at, "integrity_check"
        if self.damage is not None:
            # The tool does not report which points need the damaged data, so any point may be affected.
            point.usable = None if point.usable else point.usable
        elif self.level == QUICK:
            point.inferred = (*point.inferred, "integrity_checked")
        return point


class CliAdapter(Adapter):
    """Adapter for one tool. ``open`` and ``read`` are called once each, in this order."""

    executable: t.ClassVar[str]
    # The command that prints the version, and the pattern of its output.
    version_command: t.ClassVar[tuple[str, ...]]
    version_pattern: t.ClassVar[re.Pattern[str]]
    allowlist: t.ClassVar[tuple[Vector, ...]]
    known_problems: t.ClassVar[tuple[KnownProblem, ...]] = ()
    verify_levels: t.ClassVar[tuple[str, ...]] = (NONE, QUICK, DATA)
    # Environment variables that the user may pass to the tool; a star at the end matches any suffix.
    variables: t.ClassVar[tuple[str, ...]]
    # Variables that would shorten a listing without being recorded in the result, and what to use instead.
    filters: t.ClassVar[re.Pattern[str]] = re.compile(r"(?!)")
    filters_hint: t.ClassVar[str] = ""
    # Variable with the directory of the tool's private cache. Each read uses a new, empty directory, because data in a
    # cache proves nothing about the repository.
    cache_variable: t.ClassVar[str | None] = None

    def __init__(self, runner: Runner, settings: CliSettings) -> None:
        self.runner = runner
        self.settings = settings

    @classmethod
    @abc.abstractmethod
    def own_spec(cls) -> dict[str, t.Any]:
        """Return the part of the argument spec that is specific to this tool."""

    @classmethod
    @abc.abstractmethod
    def access(cls, params: Mapping[str, t.Any]) -> Access:
        """Build the repository access from the options. Raise OptionError if something is missing."""

    @classmethod
    def reject_filters(cls, environment: Iterable[str]) -> None:
        """Raise OptionError if one of the user's variables would shorten a listing."""
        for name in filter(cls.filters.fullmatch, environment):
            raise OptionError(f"environment variable {name!r} would limit what is listed", hint=cls.filters_hint)

    def open(self, collector: Collector) -> None:
        """Read the tool's version; there is no session because each command opens the repository."""
        command_result = self.runner.run(*self.version_command)
        match = self.version_pattern.match(command_result.out.decode("utf-8", "replace"))
        if command_result.rc != 0 or match is None:
            raise OutputError(
                f"the executable does not report a version of {self.executable}",
                server=self.runner.host,
                request=command_result.request,
                server_message=self.runner.tool_message(command_result),
                hint='Check "executable"',
            )
        collector.version = match[1]

    @abc.abstractmethod
    def check(self) -> str | None:
        """Run the tool's own check at level ``settings.verify``; return a description of the damage, or None."""

    def perform_check(self, collector: Collector) -> Check:
        """Run the check if it is enabled and return its result; an unfinished check is recorded as a problem."""
        level = self.settings.verify
        if level == NONE:
            return Check()
        if self.settings.check_mode:
            collector.verify = {"level": level, "result": "skipped"}
            collector.warnings.append(f"verify: {level} is skipped in check mode, so the repository is not checked")
            return Check()
        started = time.time_ns() // 1000
        try:
            damage = self.check()
        except AuditError as error:
            collector.verify = {"level": level, "result": "unfinished"}
            collector.add_problem(error)
            return Check()
        collector.verify = {
            "level": level,
            "result": "sound" if damage is None else "damaged",
            "at": format_time(started // SECOND * SECOND),
        }
        if damage is not None:
            collector.verify["server_message"] = damage
            collector.warnings.append(f"verify: {level} found damage: {damage}")
        return Check(started // SECOND * SECOND, level, damage)

    def run_check(self, *arguments: str) -> CommandResult:
        """Run one command of the check, with its own timeout."""
        return self.runner.run(*arguments, timeout=self.settings.verify_timeout)

    def is_known_problem(self, command_result: CommandResult) -> bool:
        """Return whether a check failed for a reason other than damage (for example, a wrong password)."""
        return self.runner.error(command_result).code != "tool_failed"


def mark_empty(points: Iterable[RecoveryPoint], collector: Collector) -> None:
    """Set the usability of points without a single file.

    Such a point is not usable if others of its workload have files: its source was probably not mounted. If none has,
    the workload may consist of something else than files, so this is unknown.
    """
    empty: dict[t.Any, list[RecoveryPoint]] = {}
    filled = set()
    for point in points:
        if point.file_count:
            filled.add(point.workload.key)
        elif point.file_count == 0:
            empty.setdefault(point.workload.key, []).append(point)
    names = []
    for key, empty_points in empty.items():
        for point in empty_points:
            point.usable = False if key in filled else None
        if key not in filled and collector.is_selected(empty_points[0].workload):
            names.append(str(empty_points[0].workload.id))
    if names:
        shown = to_single_line(", ".join(sorted(names)))
        collector.warnings.append(f"not a single file in any backup, so it is unknown whether they are usable: {shown}")
