# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Signals that end a module: heard at any time, obeyed where no session is lost by it."""

from __future__ import annotations

import contextlib
import signal
import threading
import typing as t
from collections.abc import Iterator

_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class StoppedError(BaseException):
    """A signal ended the module. No Exception, because whoever takes an error for one gap of many would read on."""


class Stop:
    """Raises StoppedError in the main thread for the first signal, once, and only within ``allowed``.

    A signal in the middle of a log-in would lose the token of a session that the server has already opened, and one in
    the middle of a log-out the session itself. Further signals are ignored: Ctrl-C is often pressed twice.
    """

    def __init__(self) -> None:
        self._heard: signal.Signals | None = None
        self._raised = False
        self._allowed = False
        self._before_the_end = False

    def listen(self) -> None:
        """From now on signals are heard."""
        for number in _SIGNALS:
            # What nohup made deaf to the end of a terminal stays so.
            if number is not signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._hear)

    @property
    def heard(self) -> bool:
        """Whether a signal asked to end."""
        return self._heard is not None

    def obey(self) -> None:
        """StoppedError, if a signal came and nobody was told yet."""
        if self._heard is not None and not self._raised:
            self._raised = True
            raise StoppedError(f"stopped by {self._heard.name}")

    @contextlib.contextmanager
    def allowed(self) -> Iterator[None]:
        """Within it a signal ends what is done at once; one that came before does so on entry."""
        self._before_the_end = True
        try:
            with self._while(True):
                yield
        finally:
            self._before_the_end = False

    def held(self) -> contextlib.AbstractContextManager[None]:
        """Within it signals wait."""
        return self._while(False)

    def pausing(self) -> contextlib.AbstractContextManager[None]:
        """A place where even what holds signals back can be left, but not on the way out."""
        return self._while(self._before_the_end)

    @contextlib.contextmanager
    def _while(self, allowed: bool) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            # Signals do not come here.
            yield
            return
        before = self._allowed
        self._allowed = allowed
        try:
            if allowed:
                self.obey()
            yield
        finally:
            self._allowed = before
        if before:
            self.obey()

    def _hear(self, number: int, _frame: t.Any) -> None:
        if self._heard is None:
            self._heard = signal.Signals(number)
        if self._allowed:
            self.obey()
