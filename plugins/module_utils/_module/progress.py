# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Report the progress of a module with periodic lines in a named pipe of the action plugin."""

from __future__ import annotations

import contextlib
import os
import pathlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping

from ansible_collections.backup.audit.plugins.module_utils._core.request_stats import RequestStats

# Path of the pipe. Set only for tasks on the control node, and only if Ansible was started with -v.
VARIABLE = "BACKUP_AUDIT_PROGRESS"
EVERY_SECONDS = 10.0
# A write of up to this length to a pipe is atomic.
_MAX_LINE_BYTES = 500

LineWriter = Callable[[str], None]


@contextlib.contextmanager
def open_progress_pipe(environ: Mapping[str, str]) -> Iterator[LineWriter | None]:
    """Yield a function that writes lines to the pipe; None if the path is not a pipe or has no reader."""
    path = environ.get(VARIABLE)
    try:
        if not path or not pathlib.Path(path).is_fifo():
            yield None
            return
        # Non-blocking: without a reader, open fails here; if the pipe is full, lines are dropped.
        pipe = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        yield None
        return

    def write_line(line: str) -> None:
        with contextlib.suppress(BlockingIOError):
            os.write(pipe, line.encode("utf-8", "replace")[:_MAX_LINE_BYTES] + b"\n")

    try:
        yield write_line
    finally:
        os.close(pipe)


@contextlib.contextmanager
def report_progress(
    write_line: LineWriter | None, describe: Callable[[], str], every: float = EVERY_SECONDS
) -> Iterator[None]:
    """Context that writes the result of ``describe`` every ``every`` seconds."""
    if write_line is None:
        yield
        return
    finished = threading.Event()
    thread = threading.Thread(
        target=_report_repeatedly, args=(write_line, describe, every, finished), name="progress", daemon=True
    )
    thread.start()
    try:
        yield
    finally:
        finished.set()
        thread.join()


def _report_repeatedly(
    write_line: LineWriter, describe: Callable[[], str], every: float, finished: threading.Event
) -> None:
    # The reader may have exited.
    with contextlib.suppress(OSError):
        while not finished.wait(every):
            write_line(describe())


def progress_prefix(request_stats: RequestStats) -> str:
    """Return the beginning of a progress line."""
    return f"still reading after {time.monotonic() - request_stats.started:.0f} s:"


def format_count(number: int, one: str) -> str:
    """Format a number with its unit: 1 page, 1,200 pages."""
    return f"{number:,} {one}{'' if number == 1 else 's'}"


def format_megabytes(count: int) -> str:
    """Format a number of bytes as megabytes."""
    return f"{count / 1_000_000:,.1f} MB"
