# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from ansible_collections.backup.audit.plugins.module_utils._core.errors import InvalidResponseError
from ansible_collections.backup.audit.plugins.module_utils._transport.thread_pool import SerialMapper, ThreadPool


def test_results_are_in_the_order_of_arguments(thread_pool: ThreadPool) -> None:
    def task(number: int) -> int:
        time.sleep(0.02 if number % 3 == 0 else 0)
        return number * number

    assert list(thread_pool.map(task, range(20))) == [(number, number * number) for number in range(20)]


def test_pages_are_read_in_parallel(thread_pool: ThreadPool) -> None:
    together = threading.Barrier(4, timeout=60)

    def task(number: int) -> int:
        together.wait()
        return number

    assert [number for number, _result in thread_pool.map(task, range(8))] == list(range(8))


def test_the_number_of_pending_tasks_is_bounded(thread_pool: ThreadPool) -> None:
    taken = []

    def arguments() -> Iterator[int]:
        for number in range(100):
            taken.append(number)
            yield number

    results = thread_pool.map(lambda number: number, arguments())
    for expected in range(50):
        assert next(results) == (expected, expected)
        # Few results are buffered, so that a slow consumer does not fill the memory with pages.
        assert len(taken) <= expected + thread_pool.connections + 2


def test_the_first_error_cancels_pending_tasks(thread_pool: ThreadPool) -> None:
    started = []

    def task(number: int) -> int:
        started.append(number)
        if number == 5:
            raise InvalidResponseError("page 5 is broken")
        return number

    results = thread_pool.map(task, range(1000))
    assert [next(results)[0] for _turn in range(5)] == list(range(5))
    with pytest.raises(InvalidResponseError, match="page 5 is broken"):
        next(results)
    thread_pool.close()
    assert len(started) <= 5 + thread_pool.connections + 2


def test_pending_tasks_do_not_start_after_close() -> None:
    thread_pool = ThreadPool(1)
    hold, running, started = threading.Event(), threading.Event(), []

    def task(number: int) -> None:
        started.append(number)
        running.set()
        hold.wait(5)

    futures = [thread_pool.submit(task, number) for number in range(3)]
    assert running.wait(5)
    threading.Timer(0.1, hold.set).start()
    thread_pool.close()
    assert started == [0]
    assert [future.cancelled() for future in futures] == [False, True, True]


def test_inline_execution_is_sequential_and_lazy() -> None:
    done: list[int] = []

    def task(number: int) -> int:
        done.append(number)
        return number

    results = SerialMapper().map(task, range(3))
    assert next(results) == (0, 0)
    assert done == [0]
    assert list(results) == [(1, 1), (2, 2)]
