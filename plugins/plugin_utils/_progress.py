# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A pipe for progress messages of a module on this machine. Modules cannot display anything before they exit."""

from __future__ import annotations

import contextlib
import os
import pathlib
import tempfile
import threading
from collections.abc import Callable, Iterator

from ansible import constants

_CHUNK_BYTES = 1 << 16
_END = b"\0"


@contextlib.contextmanager
def open_pipe(on_line: Callable[[str], None]) -> Iterator[str]:
    """Context that yields the path of a pipe. ``on_line`` receives every line that is written to it.

    No message is written to disk, and nothing remains if a module is killed. The path is empty if no pipe can be
    created.
    """
    with contextlib.ExitStack() as stack:
        path = ""
        with contextlib.suppress(OSError):
            # Ansible's own temporary directory is not accessible to other users.
            folder = stack.enter_context(tempfile.TemporaryDirectory(dir=constants.DEFAULT_LOCAL_TMP))
            fifo = str(pathlib.Path(folder) / "progress")
            os.mkfifo(fifo, 0o600)
            # Opened for reading and writing, so that there is no end of file between modules.
            descriptor = os.open(fifo, os.O_RDWR)
            stack.callback(os.close, descriptor)
            thread = threading.Thread(target=_read_lines, args=(descriptor, on_line), name="progress", daemon=True)
            thread.start()
            stack.callback(thread.join)
            stack.callback(os.write, descriptor, _END)
            path = fifo
        yield path


def _read_lines(descriptor: int, on_line: Callable[[str], None]) -> None:
    rest = b""
    while _END not in rest:
        *lines, rest = (rest + os.read(descriptor, _CHUNK_BYTES)).split(b"\n")
        for line in lines:
            on_line(line.decode("utf-8", "replace"))
