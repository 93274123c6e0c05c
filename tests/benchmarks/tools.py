# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures of products that are read by running a tool: real restic, compared with its own listing."""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.benchmarks import plays
from tests.benchmarks.figures import medians, paired
from tests.integration.running_plays import on_localhost
from tests.real.restic_repository import PASSWORD, add_snapshots, create_repository

RESTIC = "restic"


def measure_restic(snapshots: int, pairs: int) -> list[dict[str, Any]]:
    """Measure the info task over this many snapshots of one repository, less the empty task; nothing without restic."""
    if shutil.which(RESTIC) is None:
        return []
    measured: dict[str, list[float]] = {"own": [], "ping": [], "read": []}
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        repository = create_repository(Path(folder), hosts=("web01",))
        add_snapshots(repository, snapshots - 1)
        given = {"repository": str(repository.path), "password": PASSWORD, "compress": True}
        task = {
            "name": "Read",
            "backup.audit.restic_snapshots_info": given,
            "environment": {"HOME": str(repository.home)},
        }
        # restic fills its cache of the repository during the first run.
        repository.snapshots()
        for _number in range(pairs):
            started = time.monotonic()
            repository.snapshots()
            measured["own"].append(time.monotonic() - started)
            timed = plays.run_timed(on_localhost(*plays.PINGS, task))
            measured["ping"].append(timed.tasks["Ping"])
            measured["read"].append(timed.tasks["Read"])
    measured["task"] = paired(measured, "read", "ping")
    figures = {"medians": medians(measured), "all": measured}
    return [{"measure": "tool", "tool": RESTIC, "points": snapshots, **figures}]
