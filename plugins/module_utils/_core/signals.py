# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Signals that end a module: heard at any time, obeyed where no session is lost by it."""

from __future__ import annotations

import contextlib
import select
import signal
import sys
import threading
import typing as t
from collections.abc import Iterator

_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class SignalInterruptError(BaseException):
    """A signal ended the module. No Exception, because whoever takes an error for one gap of many would read on."""


class SignalHandler:
    """Raises SignalInterruptError in the main thread for the first signal, once, and only within ``interruptible``.

    A signal in the middle of a log-in would lose the token of a session that the server has already opened, and one in
    the middle of a log-out the session itself. Further signals are ignored: Ctrl-C is often pressed twice.
    """

    def __init__(self) -> None:
        self._received: signal.Signals | None = None
        self._raised = False
        self._interruptible = False
        self._before_the_end = False

    def install(self) -> None:
        """From now on signals are heard, and that whoever waited for the result is gone."""
        for number in _SIGNALS:
            # What nohup made deaf to the end of a terminal stays so.
            if number is not signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._on_signal)
        threading.Thread(target=_watch_reader, name="watch", daemon=True).start()

    @property
    def received(self) -> bool:
        """Whether a signal asked to end."""
        return self._received is not None

    def raise_if_received(self) -> None:
        """StoppedError, if a signal came and nobody was told yet."""
        if self._received is not None and not self._raised:
            self._raised = True
            raise SignalInterruptError(f"stopped by {self._received.name}")

    @contextlib.contextmanager
    def interruptible(self) -> Iterator[None]:
        """Within it a signal ends what is done at once; one that came before does so on entry."""
        self._before_the_end = True
        try:
            with self._set_allowed(True):
                yield
        finally:
            self._before_the_end = False

    def deferred(self) -> contextlib.AbstractContextManager[None]:
        """Within it signals wait."""
        return self._set_allowed(False)

    def pausing(self) -> contextlib.AbstractContextManager[None]:
        """A place where even what holds signals back can be left, but not on the way out."""
        return self._set_allowed(self._before_the_end)

    @contextlib.contextmanager
    def _set_allowed(self, interruptible: bool) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            # Signals do not come here.
            yield
            return
        before = self._interruptible
        self._interruptible = interruptible
        try:
            if interruptible:
                self.raise_if_received()
            yield
        finally:
            self._interruptible = before
        if before:
            self.raise_if_received()

    def _on_signal(self, number: int, _frame: t.Any) -> None:
        if self._received is None:
            self._received = signal.Signals(number)
        if self._interruptible:
            self.raise_if_received()


def _watch_reader() -> None:
    """Where the time of a task is up, Ansible leaves the module to itself without a signal, which shows at its pipe."""
    try:
        output = sys.stdout.fileno()
    except (OSError, ValueError):
        return
    poll = select.poll()
    poll.register(output, 0)
    if any(events & select.POLLERR for _output, events in poll.poll()):
        # To the main thread, because another one would not wake it from waiting.
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)
