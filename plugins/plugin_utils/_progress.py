# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A pipe over which a module that runs on this machine tells how far it is: it cannot show anything before its end."""

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
def pipe(on_line: Callable[[str], None]) -> Iterator[str]:
    """The path of a pipe for as long as the block runs; ``on_line`` gets every line that is written to it.

    Nothing said there touches a disk, and a module that dies leaves nothing behind. Where no pipe can be made the path
    is empty.
    """
    with contextlib.ExitStack() as stack:
        path = ""
        with contextlib.suppress(OSError):
            # Below Ansible's own folder, which nobody else may enter.
            folder = stack.enter_context(tempfile.TemporaryDirectory(dir=constants.DEFAULT_LOCAL_TMP))
            made = str(pathlib.Path(folder) / "progress")
            os.mkfifo(made, 0o600)
            # For both, so that it never ends while modules come and go.
            descriptor = os.open(made, os.O_RDWR)
            stack.callback(os.close, descriptor)
            thread = threading.Thread(target=_listen, args=(descriptor, on_line), name="progress", daemon=True)
            thread.start()
            stack.callback(thread.join)
            stack.callback(os.write, descriptor, _END)
            path = made
        yield path


def _listen(descriptor: int, on_line: Callable[[str], None]) -> None:
    rest = b""
    while _END not in rest:
        *lines, rest = (rest + os.read(descriptor, _CHUNK_BYTES)).split(b"\n")
        for line in lines:
            on_line(line.decode("utf-8", "replace"))
