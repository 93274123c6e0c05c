# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Backup runs from the status file that the user's own script writes (``status_file``).

A repository lists only successful backups. The status file also contains runs that made no recovery point; each is
reported as a failed, unusable point. A run with warnings sets the status of its point to warning.
"""

from __future__ import annotations

import dataclasses
import json
import typing as t
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from ansible_collections.backup.audit.plugins.module_utils._collect.collector import Collector
from ansible_collections.backup.audit.plugins.module_utils._core.errors import DataError, OptionError
from ansible_collections.backup.audit.plugins.module_utils._core.model import RecoveryPoint, Workload
from ansible_collections.backup.audit.plugins.module_utils._core.times import SECOND, format_time, parse_time
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import as_text
from ansible_collections.backup.audit.plugins.module_utils._transport.command import to_single_line

_OPTION = "status_file"
# Enough for the runs of many years.
_MAX_BYTES = 32 * 1024 * 1024
# The script records the time after the tool ends, but may truncate it to whole seconds.
_TOLERANCE = SECOND


@dataclasses.dataclass(frozen=True, slots=True)
class BackupRun:
    """One run of a backup: of a workload (its id or name) or of a host."""

    workload: str
    exit_code: int
    finished: int
    message: str


def read_runs(path: str) -> list[BackupRun]:
    """Read a status file, ordered by time. Raise OptionError if it cannot be read or an entry is not valid."""
    try:
        with Path(path).open(encoding="utf-8") as file:
            text = file.read(_MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise OptionError(
            f"{_OPTION}: cannot read {path!r}: {reason}", hint="Check the path and its permissions"
        ) from error
    if len(text) > _MAX_BYTES:
        raise OptionError(f"{_OPTION}: {path!r} is larger than {_MAX_BYTES} bytes", hint="Remove old runs from it")
    runs = []
    for where, entry in _parse_entries(path, text):
        try:
            runs.append(_parse_run(entry))
        except DataError as error:
            raise _invalid(path, where, error.message) from error
    return sorted(runs, key=lambda run: run.finished)


def _parse_entries(path: str, text: str) -> list[tuple[str, t.Any]]:
    """Return (position, entry) for each entry of a file with one JSON document, or with one per line."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        entries = []
        for number, line in enumerate(text.splitlines(), 1):
            if line.strip():
                try:
                    entries.append((f"line {number}", json.loads(line)))
                except (ValueError, RecursionError) as error:
                    raise _invalid(path, f"line {number}", "not valid JSON") from error
        return entries
    items = document if isinstance(document, list) else [document]
    return [(f"entry {number}", item) for number, item in enumerate(items, 1)]


def _invalid(path: str, where: str, reason: str) -> OptionError:
    return OptionError(
        f"{_OPTION}: {path!r}, {where}: {reason}",
        hint='Expected {"workload": "web01", "exit_code": 0, "finished_at": "2026-11-21T02:10:00Z"} for each run',
    )


def _parse_run(entry: t.Any) -> BackupRun:
    if not isinstance(entry, dict):
        raise DataError("not an object")
    names = [name for name in ("workload", "host") if entry.get(name) is not None]
    workload = as_text(entry[names[0]]) if len(names) == 1 else None
    if workload is None:
        raise DataError("expected a name in either workload or host")
    exit_code, message = entry.get("exit_code"), entry.get("message")
    if not isinstance(exit_code, int) or isinstance(exit_code, bool):
        raise DataError("exit_code is not a whole number")
    if not isinstance(message, (str, type(None))):
        raise DataError("message is not text")
    finished = parse_time(entry.get("finished_at"))
    return BackupRun(workload, exit_code, finished, to_single_line(message or ""))


def apply_runs(
    runs: Iterable[BackupRun],
    points: Sequence[RecoveryPoint],
    made_with_warning: Callable[[int], bool],
    collector: Collector,
) -> list[RecoveryPoint]:
    """Apply runs to the points of the repository; return a failed point for each workload whose run made none.

    ``made_with_warning``: whether the tool returns this code if it made a point but could not read all files. If the
    newest run of a workload did not succeed, a warning is added to the read result.
    """
    ordered = sorted(points, key=lambda point: point.created)
    workloads = {point.workload.key: point.workload for point in ordered}
    newest: dict[str, BackupRun] = {}
    failed = []
    for run in runs:
        # A host may have several workloads, and the run does not name the workload.
        named = [workload for workload in workloads.values() if run.workload in (workload.id, workload.name)]
        named = named or [Workload(id=run.workload, name=run.workload, type="host")]
        previous = newest.get(run.workload)
        newest[run.workload] = run
        if run.exit_code == 0:
            continue
        keys = {workload.key for workload in named}
        own = [point for point in ordered if point.workload.key in keys]
        if not made_with_warning(run.exit_code) or not _mark_point(own, run, previous):
            failed += [_build_failed(workload, run) for workload in named]
    for run in newest.values():
        if run.exit_code != 0:
            collector.warnings.append(_describe(run))
    return failed


def _mark_point(points: Sequence[RecoveryPoint], run: BackupRun, previous: BackupRun | None) -> bool:
    """Mark the point that the run made. Return False if it is missing although retention has not removed it."""
    made = [point for point in points if point.created <= run.finished + _TOLERANCE]
    if made and (previous is None or made[-1].created > previous.finished):
        made[-1].status = "warning"
        return True
    # Retention removes the points of old runs.
    return len(made) < len(points)


def _build_failed(workload: Workload, run: BackupRun) -> RecoveryPoint:
    return RecoveryPoint(
        id=f"run {format_time(run.finished)} {workload.id}",
        workload=workload,
        created=run.finished,
        kind="full",
        status="failed",
        usable=False,
    )


def _describe(run: BackupRun) -> str:
    reason = f": {run.message}" if run.message else ""
    name, at = to_single_line(run.workload), format_time(run.finished)
    return f"the newest backup run of {name} ended with exit code {run.exit_code} ({at}){reason}"
