# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Command-line tools with canned output: unit tests define the output and inspect the commands that were run."""

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
    minimal_environment,
)

Response = tuple[int, Any, str]


class CannedRunner(Runner):
    """Check commands against the allowlist like the real runner, and return canned output."""

    def __init__(self, tool: type[CliAdapter], answers: Mapping[tuple[str, ...], Response]) -> None:
        super().__init__(tool.executable, tool.allowlist, minimal_environment(), known_problems=tool.known_problems)
        self.host = "here"
        self.answers = answers
        self.commands: list[tuple[str, ...]] = []

    def run(self, *arguments: str, timeout: float | None = None) -> CommandResult:
        """Return the canned output of one allowed command."""
        self._check_allowed(arguments)
        self.commands.append(arguments)
        rc, out, err = self.answers[arguments]
        text = out if isinstance(out, str) else json.dumps(out)
        return CommandResult(" ".join((self._executable, *arguments)), rc, text.encode(), err)


def run_adapter(
    tool: type[CliAdapter],
    answers: Mapping[tuple[str, ...], Response],
    *,
    check_mode: bool = False,
    runner: type[CannedRunner] = CannedRunner,
    **options: Any,
) -> tuple[Collector, list[dict[str, Any]], CannedRunner]:
    """Run the adapter on this output; return the collector, its points, and the runner."""
    params = {name: option.get("default") for name, option in tool_spec(tool).items()} | options
    settings = CliSettings(
        display_name="here",
        verify=params["verify"],
        verify_timeout=60,
        check_mode=check_mode,
        include_raw=params["include_raw"],
        include_unprotected=params["include_unprotected"],
        environment=params["environment"],
        own={name: params[name] for name in tool.own_spec()},
    )
    canned = runner(tool, answers)
    collector = Collector("here", tool.product, workload_names=params["workload_names"], keep_points=True)
    adapter = tool(canned, settings)
    adapter.open(collector)
    collector.start()
    adapter.read(collector)
    return collector, list_points(collector), canned


def list_points(collector: Collector) -> list[dict[str, Any]]:
    points: list[dict[str, Any]] = collector.result()["recovery_points"]
    return points


def by_id(points: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {point["id"]: point for point in points}
