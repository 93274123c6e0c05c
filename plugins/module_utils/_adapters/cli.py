# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the adapter of a product is that is read by running its own tool: a way in, and a list of permitted commands."""

from __future__ import annotations

import abc
import dataclasses
import re
import time
import typing as t
from collections.abc import Mapping

from ansible_collections.backup.audit.plugins.module_utils._adapters.base import Adapter
from ansible_collections.backup.audit.plugins.module_utils._collect.collector import Collector
from ansible_collections.backup.audit.plugins.module_utils._core.errors import AuditError
from ansible_collections.backup.audit.plugins.module_utils._core.model import RecoveryPoint
from ansible_collections.backup.audit.plugins.module_utils._core.times import SECOND, format_time
from ansible_collections.backup.audit.plugins.module_utils._transport.command import (
    CommandResult,
    KnownProblem,
    OutputError,
    Runner,
    Vector,
)

# What ``verify`` may be. quick does not read the data, so what it proves is an estimate.
NONE, QUICK, DATA = "none", "quick", "data"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Access:
    """Where a tool finds its repository: the name by which it is shown, and what only its child process may know."""

    shown: str
    environment: Mapping[str, str]
    secrets: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class CliSettings:
    """What the user asked for."""

    shown: str
    verify: str
    verify_timeout: float
    check_mode: bool
    include_raw: bool
    include_unprotected: bool
    # The options that only this product's module has, by name.
    own: Mapping[str, t.Any]


@dataclasses.dataclass(frozen=True, slots=True)
class Check:
    """What the tool's own check proved of points: nothing (``at`` is None), that they are sound, or damage."""

    at: int | None = None
    level: str = NONE
    damage: str | None = None

    def stamp(self, point: RecoveryPoint) -> RecoveryPoint:
        """The point with what was proved of it."""
        if self.at is None:
            return point
        point.checked = self.damage is None
        point.checked_at, point.checked_by = self.at, "integrity_check"
        if self.damage is not None:
            # Which points need what is damaged is not told, so any of them may be lost.
            point.usable = None if point.usable else point.usable
        elif self.level == QUICK:
            point.estimated = (*point.estimated, "checked")
        return point


class CliAdapter(Adapter):
    """One tool's dialect. ``open`` and ``read`` are called once each, in this order."""

    executable: t.ClassVar[str]
    # The command that tells the version, and how its answer begins.
    version_command: t.ClassVar[tuple[str, ...]]
    version_pattern: t.ClassVar[re.Pattern[str]]
    allowlist: t.ClassVar[tuple[Vector, ...]]
    known_problems: t.ClassVar[tuple[KnownProblem, ...]] = ()
    verifies: t.ClassVar[tuple[str, ...]] = (NONE, QUICK, DATA)
    # Names of variables, or with a star at the end their beginning, that the user may hand to the tool.
    variables: t.ClassVar[tuple[str, ...]]

    def __init__(self, runner: Runner, settings: CliSettings) -> None:
        self.runner = runner
        self.settings = settings

    @classmethod
    @abc.abstractmethod
    def own_spec(cls) -> dict[str, t.Any]:
        """The part of the argument spec that only this tool has."""

    @classmethod
    @abc.abstractmethod
    def access(cls, params: Mapping[str, t.Any]) -> Access:
        """From the options to where the repository is; OptionError where something is missing."""

    def open(self, collector: Collector) -> None:
        """The tool's version; there is no session, each command opens the repository anew."""
        command_result = self.runner.run(*self.version_command)
        told = self.version_pattern.match(command_result.out.decode("utf-8", "replace"))
        if command_result.rc != 0 or told is None:
            raise OutputError(
                f"what was run is not {self.executable}",
                server=self.runner.host,
                call=command_result.call,
                words=self.runner.words(command_result),
                advice="Check executable",
            )
        collector.version = told[1]

    @abc.abstractmethod
    def check(self) -> str | None:
        """Run the tool's own check as ``settings.verify`` says; what is damaged, or None if nothing is."""

    def checked(self, collector: Collector) -> Check:
        """What the check proves, if one is wanted; a check that did not come to its end is a problem of the READ."""
        level = self.settings.verify
        if level == NONE:
            return Check()
        if self.settings.check_mode:
            collector.verify = {"level": level, "result": "skipped"}
            collector.warnings.append(f"verify: {level} is skipped in check mode; nothing was checked")
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
            collector.verify["words"] = damage
            collector.warnings.append(f"verify: {level} found damage: {damage}")
        return Check(started // SECOND * SECOND, level, damage)

    def run_check(self, *arguments: str) -> CommandResult:
        """One command of the check, with its own limit of time."""
        return self.runner.run(*arguments, timeout=self.settings.verify_timeout)

    def is_known_problem(self, command_result: CommandResult) -> bool:
        """Whether a check failed for a reason that is no damage (a wrong password, say)."""
        return self.runner.error(command_result).code != "tool_failed"
