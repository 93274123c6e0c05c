# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How far a long reading is, told while it runs: a line now and then, over a pipe of the action plugin that listens."""

from __future__ import annotations

import contextlib
import os
import pathlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping

from ansible_collections.backup.audit.plugins.module_utils._core.request_stats import RequestStats

# Names the pipe. It is set for tasks on the control node when Ansible was started with -v, and for nothing else.
VARIABLE = "BACKUP_AUDIT_PROGRESS"
EVERY_SECONDS = 10.0
# A write to a pipe that is no longer than this comes through whole or not at all.
_MAX_LINE_BYTES = 500

Say = Callable[[str], None]


@contextlib.contextmanager
def listener(environ: Mapping[str, str]) -> Iterator[Say | None]:
    """What takes lines while this is open, or None where nobody listens; nothing but a pipe is ever written to."""
    path = environ.get(VARIABLE)
    try:
        if not path or not pathlib.Path(path).is_fifo():
            yield None
            return
        # Without waiting: a pipe that nobody reads is refused here, and one that is full takes no more.
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
def reporting(write_line: Say | None, describe: Callable[[], str], every: float = EVERY_SECONDS) -> Iterator[None]:
    """Within it ``write_line`` gets what ``describe`` returns, each time that so many seconds have passed."""
    if write_line is None:
        yield
        return
    over = threading.Event()
    thread = threading.Thread(
        target=_report_repeatedly, args=(write_line, describe, every, over), name="progress", daemon=True
    )
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _report_repeatedly(write_line: Say, describe: Callable[[], str], every: float, over: threading.Event) -> None:
    # Whoever listened may be gone.
    with contextlib.suppress(OSError):
        while not over.wait(every):
            write_line(describe())


def still_reading(request_stats: RequestStats) -> str:
    """How such a line begins."""
    return f"still reading after {time.monotonic() - request_stats.started:.0f} s:"


def amount(number: int, one: str) -> str:
    """So many of them: 1 page, 1,200 pages."""
    return f"{number:,} {one}{'' if number == 1 else 's'}"


def megabytes(count: int) -> str:
    """A number of bytes as people say it."""
    return f"{count / 1_000_000:,.1f} MB"
