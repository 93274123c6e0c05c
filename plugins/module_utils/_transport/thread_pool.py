# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Threads that read: many answers at once, in the order in which they were wanted, and few of them held."""

from __future__ import annotations

import collections
import concurrent.futures
import typing as t
from collections.abc import Callable, Iterable, Iterator

Result = t.TypeVar("Result")


class Mapper(t.Protocol):
    """Does a task for each argument and gives (argument, result) in the order of the arguments."""

    def map(self, task: Callable[[t.Any], Result], arguments: Iterable[t.Any]) -> Iterator[tuple[t.Any, Result]]:
        """(argument, result), argument by argument."""


class SerialMapper:
    """One after the other. For listings within a task of Workers, which must not wait for its own threads."""

    def map(self, task: Callable[[t.Any], Result], arguments: Iterable[t.Any]) -> Iterator[tuple[t.Any, Result]]:
        """(argument, result), argument by argument."""
        for argument in arguments:
            yield argument, task(argument)


class ThreadPool:
    """A few threads, and never more pages held than ``connections`` and two, so that memory stays bounded.

    With one less a thread waits wherever a page takes longer than the one before it, which costs a tenth of the time.
    """

    def __init__(self, connections: int) -> None:
        self.connections = connections
        self._window = connections + 2
        self._pool = concurrent.futures.ThreadPoolExecutor(connections, thread_name_prefix="read")

    def close(self) -> None:
        """Stop; what has not started never will."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def submit(self, task: Callable[..., Result], *arguments: t.Any) -> concurrent.futures.Future[Result]:
        """One task, not counted against the window."""
        return self._pool.submit(task, *arguments)

    def map(self, task: Callable[[t.Any], Result], arguments: Iterable[t.Any]) -> Iterator[tuple[t.Any, Result]]:
        """(argument, result) in the order of the arguments; the first error ends it."""
        waiting: collections.deque[tuple[t.Any, concurrent.futures.Future[Result]]] = collections.deque()
        try:
            for argument in arguments:
                waiting.append((argument, self._pool.submit(task, argument)))
                if len(waiting) >= self._window:
                    first, future = waiting.popleft()
                    yield first, future.result()
            while waiting:
                first, future = waiting.popleft()
                yield first, future.result()
        finally:
            for _argument, future in waiting:
                future.cancel()


class Prefetch(t.Generic[Result]):
    """A listing whose first page is asked for at once, in a thread, while something else is still read."""

    def __init__(self, thread_pool: ThreadPool, fetch: Callable[..., Result], *first: t.Any) -> None:
        self._fetch = fetch
        self._first = first
        self._begun: concurrent.futures.Future[Result] | None = thread_pool.submit(fetch, *first)

    def first(self) -> Result:
        """The first page, which can still be asked for."""
        return self._begun.result() if self._begun else self._fetch(*self._first)

    def __call__(self, *arguments: t.Any) -> Result:
        """A page: the first one as it was asked for ahead, all others when they are wanted."""
        begun, self._begun = self._begun, None
        return begun.result() if begun and arguments == self._first else self._fetch(*arguments)
