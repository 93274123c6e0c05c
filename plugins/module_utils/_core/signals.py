# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Handle signals that end a module: record them at any time, but act only when no session would be lost."""

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
    """A signal ended the module. Not an Exception, because code that records errors and continues would catch it."""


class SignalHandler:
    """Raises SignalInterruptError in the main thread, for the first signal only, and only within ``interruptible``.

    A signal during a login would lose the token of a session that the server has already opened, and a signal during
    a logout would leave the session open. Further signals are ignored: Ctrl-C is often pressed twice.
    """

    def __init__(self) -> None:
        self._received: signal.Signals | None = None
        self._raised = False
        self._interruptible = False
        self._in_interruptible = False

    def install(self) -> None:
        """Install the signal handlers, and watch for the exit of the process that waits for the result."""
        for number in _SIGNALS:
            # nohup ignores SIGHUP, which must stay ignored.
            if number is not signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._on_signal)
        threading.Thread(target=_watch_output_pipe, name="watch", daemon=True).start()

    @property
    def received(self) -> bool:
        """Whether a signal was received."""
        return self._received is not None

    def raise_if_received(self) -> None:
        """Raise SignalInterruptError if a signal was received that has not been raised yet."""
        if self._received is not None and not self._raised:
            self._raised = True
            raise SignalInterruptError(f"stopped by {self._received.name}")

    @contextlib.contextmanager
    def interruptible(self) -> Iterator[None]:
        """Context in which signals interrupt immediately. A signal that was received earlier interrupts on entry."""
        self._in_interruptible = True
        try:
            with self._set_interruptible(True):
                yield
        finally:
            self._in_interruptible = False

    def deferred(self) -> contextlib.AbstractContextManager[None]:
        """Context in which signals are deferred until its end."""
        return self._set_interruptible(False)

    def interruptible_wait(self) -> contextlib.AbstractContextManager[None]:
        """Context for waits that signals interrupt even within ``deferred``, if it is within ``interruptible``."""
        return self._set_interruptible(self._in_interruptible)

    @contextlib.contextmanager
    def _set_interruptible(self, interruptible: bool) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            # Python runs signal handlers only in the main thread.
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


def _watch_output_pipe() -> None:
    """Send SIGTERM when the reader of stdout exits, because Ansible sends no signal on a task timeout."""
    try:
        output = sys.stdout.fileno()
    except (OSError, ValueError):
        return
    poll = select.poll()
    poll.register(output, 0)
    if any(events & select.POLLERR for _output, events in poll.poll()):
        # Signal the main thread, because a signal to another thread would not interrupt its wait.
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)
