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
_SECONDS_BETWEEN_LOOKS = 0.1


class ProcessWatch:
    """Looks again and again at a process and all that it started, and what these started."""

    def __init__(self) -> None:
        self.seen: set[bytes] = set()
        self.processes: set[int] = set()
        self._over = threading.Event()

    @contextlib.contextmanager
    def on(self, process: int) -> Iterator[None]:
        """Look until the end of the block."""
        self.processes.add(process)
        looking = threading.Thread(target=self._look_on, daemon=True)
        looking.start()
        try:
            yield
        finally:
            self._over.set()
            looking.join()

    def _look_on(self) -> None:
        while not self._over.wait(_SECONDS_BETWEEN_LOOKS):
            for folder in _PROC.iterdir():
                # Processes end while they are looked at.
                with contextlib.suppress(OSError):
                    if folder.name.isdigit():
                        self._look_at(int(folder.name), folder)

    def _look_at(self, number: int, folder: Path) -> None:
        # The name, in brackets, may hold anything; behind it stand the state and the parent.
        parent = int((folder / "stat").read_bytes().rpartition(b")")[2].split()[1])
        if number in self.processes or parent in self.processes:
            self.processes.add(number)
            self.seen.update(((folder / "cmdline").read_bytes(), (folder / "environ").read_bytes()))
