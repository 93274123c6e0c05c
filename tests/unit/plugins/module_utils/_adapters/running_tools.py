# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tools whose answers are written down: unit tests say what a tool would write, and see what it was asked."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.backup.audit.plugins.module_utils._adapters.cli import CliAdapter, CliSettings
from ansible_collections.backup.audit.plugins.module_utils._collect.collector import Collector
from ansible_collections.backup.audit.plugins.module_utils._module.cli_module import tool_spec
from ansible_collections.backup.audit.plugins.module_utils._transport.command import (
    CommandResult,
    Runner,
    bare_environment,
)

Response = tuple[int, Any, str]


class Canned(Runner):
    """Judges commands as the real one does, and answers what it was given for them."""

    def __init__(self, tool: type[CliAdapter], answers: Mapping[tuple[str, ...], Response]) -> None:
        super().__init__(tool.executable, tool.allowlist, bare_environment(), known_problems=tool.known_problems)
        self.host = "here"
        self.answers = answers
        self.asked: list[tuple[str, ...]] = []

    def run(self, *arguments: str, timeout: float | None = None) -> CommandResult:
        """The answer to one permitted command."""
        self._check_allowed(arguments)
        self.asked.append(arguments)
        rc, out, err = self.answers[arguments]
        text = out if isinstance(out, str) else json.dumps(out)
        return CommandResult(" ".join((self._executable, *arguments)), rc, text.encode(), err)


def told(
    tool: type[CliAdapter], answers: Mapping[tuple[str, ...], Response], *, check_mode: bool = False, **options: Any
) -> tuple[Collector, list[dict[str, Any]], Canned]:
    """What the adapter tells of these answers: the reading, its points, and the tool that was asked."""
    params = {name: option.get("default") for name, option in tool_spec(tool).items()} | options
    settings = CliSettings(
        shown="here",
        verify=params["verify"],
        verify_timeout=60,
        check_mode=check_mode,
        include_raw=params["include_raw"],
        include_unprotected=params["include_unprotected"],
        own={name: params[name] for name in tool.own_spec()},
    )
    runner = Canned(tool, answers)
    collector = Collector("here", tool.product, names=params["names"], keep_points=True)
    adapter = tool(runner, settings)
    adapter.open(collector)
    collector.start()
    adapter.read(collector)
    return collector, points_of(collector), runner


def points_of(collector: Collector) -> list[dict[str, Any]]:
    points: list[dict[str, Any]] = collector.result()["recovery_points"]
    return points


def by_id(points: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {point["id"]: point for point in points}
