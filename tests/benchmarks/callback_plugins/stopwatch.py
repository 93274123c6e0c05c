# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A callback for the benchmarks: writes the time of each task and the memory of the play to the file STOPWATCH."""

from __future__ import annotations

import json
import os
import resource
import time
from pathlib import Path
from typing import Any

from ansible.plugins.callback import CallbackBase

from tests.benchmarks.memory import peak_kilobytes

DOCUMENTATION = """
name: stopwatch
type: aggregate
short_description: How long each task took
description:
  - Writes the seconds of each task, and the peak memory of the play and of its workers, into the file STOPWATCH.
"""


class CallbackModule(CallbackBase):  # type: ignore[misc]
    """Measures from the start of a task to the start of the next task or the end of the play."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "stopwatch"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self._tasks: list[tuple[str, float]] = []

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        """Record the start of a task, which ends the previous one."""
        self._tasks.append((task.get_name(), time.monotonic()))

    def v2_playbook_on_stats(self, stats: Any) -> None:
        """Write the results after the play and its workers have ended."""
        ends = [*(begun for _name, begun in self._tasks[1:]), time.monotonic()]
        measured = {
            "tasks": {name: end - begun for (name, begun), end in zip(self._tasks, ends, strict=True)},
            "peak_kb": peak_kilobytes(),
            "worker_peak_kb": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss,
        }
        Path(os.environ["STOPWATCH"]).write_text(json.dumps(measured), "utf-8")
