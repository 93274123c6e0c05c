# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fetch pages in parallel threads, in the order of the requests, with a limited number in memory."""

from __future__ import annotations

import collections
import concurrent.futures
import typing as t
from collections.abc import Callable, Iterable, Iterator

Result = t.TypeVar("Result")


class Mapper(t.Protocol):
    """Runs a task for each argument and yields (argument, result) in the order of the arguments."""

    def map(self, task: Callable[[t.Any], Result], arguments: Iterable[t.Any]) -> Iterator[tuple[t.Any, Result]]:
        """Yield (argument, result) in the order of the arguments."""


class SerialMapper:
    """Runs tasks sequentially, for listings within a ThreadPool task, which must not wait for its own pool."""

    def map(self, task: Callable[[t.Any], Result], arguments: Iterable[t.Any]) -> Iterator[tuple[t.Any, Result]]:
        """Yield (argument, result) in the order of the arguments."""
        for argument in arguments:
            yield argument, task(argument)


class ThreadPool:
    """``connections`` threads with at most ``connections`` + 2 pages in memory.

    With one page less, a thread waits whenever a page takes longer than the previous one, which costs 10 % of the time.
    """

    def __init__(self, connections: int) -> None:
        self.connections = connections
        self._window = connections + 2
        self._pool = concurrent.futures.ThreadPoolExecutor(connections, thread_name_prefix="read")

    def close(self) -> None:
        """Wait for running tasks and cancel those that have not started."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def submit(self, task: Callable[..., Result], *arguments: t.Any) -> concurrent.futures.Future[Result]:
        """Start one task, which does not count towards the limit of pages in memory."""
        return self._pool.submit(task, *arguments)

    def map(self, task: Callable[[t.Any], Result], arguments: Iterable[t.Any]) -> Iterator[tuple[t.Any, Result]]:
        """Yield (argument, result) in the order of the arguments. The first error is raised."""
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
    """A listing whose first page is requested immediately in a thread, while other data is still being read."""

    def __init__(self, thread_pool: ThreadPool, fetch: Callable[..., Result], *first: t.Any) -> None:
        self._fetch = fetch
        self._first = first
        self._pending: concurrent.futures.Future[Result] | None = thread_pool.submit(fetch, *first)

    def first(self) -> Result:
        """Return the first page without consuming it."""
        return self._pending.result() if self._pending else self._fetch(*self._first)

    def __call__(self, *arguments: t.Any) -> Result:
        """Return the prefetched page for the first arguments; fetch any other page."""
        pending, self._pending = self._pending, None
        return pending.result() if pending and arguments == self._first else self._fetch(*arguments)
