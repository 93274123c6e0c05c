# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What other users of a machine could see of a run in /proc: arguments and environment of all its processes."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

_PROC = Path("/proc")
_SECONDS_BETWEEN_SAMPLES = 0.1


class ProcessMonitor:
    """Repeatedly records a process and all its descendants."""

    def __init__(self) -> None:
        self.seen: set[bytes] = set()
        self.processes: set[int] = set()
        self._stopped = threading.Event()

    @contextlib.contextmanager
    def watching(self, process: int) -> Iterator[None]:
        """Record until the end of the block."""
        self.processes.add(process)
        watcher = threading.Thread(target=self._watch, daemon=True)
        watcher.start()
        try:
            yield
        finally:
            self._stopped.set()
            watcher.join()

    def _watch(self) -> None:
        while not self._stopped.wait(_SECONDS_BETWEEN_SAMPLES):
            for folder in _PROC.iterdir():
                # Processes may end while they are inspected.
                with contextlib.suppress(OSError):
                    if folder.name.isdigit():
                        self._record(int(folder.name), folder)

    def _record(self, number: int, folder: Path) -> None:
        # The name, in parentheses, may contain anything; state and parent follow it.
        parent = int((folder / "stat").read_bytes().rpartition(b")")[2].split()[1])
        if number in self.processes or parent in self.processes:
            self.processes.add(number)
            self.seen.update(((folder / "cmdline").read_bytes(), (folder / "environ").read_bytes()))
