# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action plugin of all info modules: as without one, but with -v it shows how far a long reading is.

A module cannot show anything before it has ended, so this gives it a pipe and listens at the other end.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import tempfile
import threading
import typing as t
from collections.abc import Callable, Iterator

from ansible import constants
from ansible.plugins.action.normal import ActionModule as NormalAction
from ansible.utils.display import Display

from ansible_collections.backup.audit.plugins.module_utils._progress import VARIABLE
from ansible_collections.backup.audit.plugins.plugin_utils._clean import clean_text

_CHUNK_BYTES = 1 << 16
_END = b"\0"


class InfoAction(NormalAction):  # type: ignore[misc]
    """Runs the module. A line each ten seconds at most, none without -v, none of it in the result."""

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """What the module returns."""
        display = Display()
        # Only a module on this machine can reach the pipe, and nobody waits for one that runs on its own.
        here = self._connection.transport == "local" and not self._task.async_val
        if not here or not display.verbosity or self._task.no_log:
            return self._run_module(tmp, task_vars)
        host = str((task_vars or {}).get("inventory_hostname", "localhost"))
        with pipe(lambda line: display.v(clean_text(line), host=host)) as path:
            self._task.environment = [*(self._task.environment or []), {VARIABLE: path}]
            return self._run_module(tmp, task_vars)

    def _run_module(self, tmp: str | None, task_vars: dict[str, t.Any] | None) -> dict[str, t.Any]:
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        return result


@contextlib.contextmanager
def pipe(heard: Callable[[str], None]) -> Iterator[str]:
    """The path of a pipe for as long as the block runs; ``heard`` gets every line that is written to it.

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
            thread = threading.Thread(target=_listen, args=(descriptor, heard), name="progress", daemon=True)
            thread.start()
            stack.callback(thread.join)
            stack.callback(os.write, descriptor, _END)
            path = made
        yield path


def _listen(descriptor: int, heard: Callable[[str], None]) -> None:
    rest = b""
    while _END not in rest:
        *lines, rest = (rest + os.read(descriptor, _CHUNK_BYTES)).split(b"\n")
        for line in lines:
            heard(line.decode("utf-8", "replace"))
