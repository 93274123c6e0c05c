# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From pages to items: in parallel, with bounded memory, complete or an error; never a silently shorter list."""

from __future__ import annotations

import collections
import concurrent.futures
import dataclasses
import typing as t
from collections.abc import Callable, Iterable, Iterator, Sequence

from ansible_collections.backup.audit.plugins.module_utils._failures import AnswerError
from ansible_collections.backup.audit.plugins.module_utils._ledger import Ledger

Item = t.TypeVar("Item")
Result = t.TypeVar("Result")

MAX_PAGES = 1_000_000
# A listing that moves while it is read is read again this often before it is given up.
_REREADS = 2


@dataclasses.dataclass(frozen=True)
class Page(t.Generic[Item]):
    """One page: its items, how many the listing has in all (None: not told), and the link to the next (None: last)."""

    items: Sequence[Item]
    total: int | None = None
    next: str | None = None


class Mapper(t.Protocol):
    """Does a task for each argument and gives (argument, result) in the order of the arguments."""

    def map(self, task: Callable[[t.Any], Result], arguments: Iterable[t.Any]) -> Iterator[tuple[t.Any, Result]]:
        """(argument, result), argument by argument."""


class Inline:
    """One after the other. For listings within a task of Workers, which must not wait for its own threads."""

    def map(self, task: Callable[[t.Any], Result], arguments: Iterable[t.Any]) -> Iterator[tuple[t.Any, Result]]:
        """(argument, result), argument by argument."""
        for argument in arguments:
            yield argument, task(argument)


class Workers:
    """A few threads, and never more work under way than ``2 x connections``, so that memory stays bounded."""

    def __init__(self, connections: int) -> None:
        self.connections = connections
        self._window = connections * 2
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


def by_link(
    fetch: Callable[[str | None], Page[Item]], what: str, identity: Callable[[Item], t.Hashable] = repr
) -> Iterator[Sequence[Item]]:
    """Pages that name the next one. A link seen before, or fewer items than the last total told, is an error.

    Where the total fell while pages were read, the listing is read again and only items not seen before are given.
    """
    ledger = Ledger(identity)
    for attempt in range(_REREADS + 1):
        ledger.begin()
        count, total = 0, None
        for page in _linked_pass(fetch, what):
            ledger.told(page.total)
            count, total = count + len(page.items), page.total
            # What stands on a single page cannot move, and most listings do.
            alone = attempt == 0 and page.next is None and count == len(page.items)
            yield page.items if alone else ledger.fresh(page.items)
        if not ledger.shrank:
            if total is not None and count < total:
                raise _incomplete(what, count, total)
            return
    raise _unsteady(what)


def _linked_pass(fetch: Callable[[str | None], Page[Item]], what: str) -> Iterator[Page[Item]]:
    seen: set[str] = set()
    link: str | None = None
    while True:
        page = fetch(link)
        yield page
        if page.next is None:
            return
        if page.next in seen or len(seen) >= MAX_PAGES:
            raise AnswerError(f"the pages of {what} lead in a circle", advice="Look at the server's own log")
        if not page.items:
            raise AnswerError(f"a page of {what} is empty but names a next one", advice="Try again")
        seen.add(page.next)
        link = page.next


def by_offset(
    fetch: Callable[[int, int], Page[Item]],
    workers: Mapper,
    page_size: int,
    identity: Callable[[Item], t.Hashable],
    what: str,
) -> Iterator[Sequence[Item]]:
    """Pages by offset and limit, read in parallel once the first has told the total.

    A page that is shorter than asked for is followed by the rest of it; an empty one before the total is an error.
    Where the total fell, or the number of distinct items does not reach it, because items came and went while pages
    were read, the listing is read again and only items not seen before are given.
    """
    ledger = Ledger(identity)
    for _attempt in range(_REREADS + 1):
        ledger.begin()
        total: int | None = None
        for page in _one_pass(fetch, workers, page_size, what):
            ledger.told(page.total)
            total = total if page.total is None else page.total
            if items := ledger.fresh(page.items):
                yield items
        if total is None or ledger.holds(total):
            return
    raise _unsteady(what) if ledger.shrank else _incomplete(what, ledger.count(), total)


@dataclasses.dataclass(frozen=True)
class NumberedPage(t.Generic[Item]):
    """One of ``pages`` pages, which are counted from 1; how many items there are in all is not told."""

    items: Sequence[Item]
    pages: int


def by_number(
    fetch: Callable[[int], NumberedPage[Item]],
    workers: Mapper,
    identity: Callable[[Item], t.Hashable],
    what: str,
) -> Iterator[Sequence[Item]]:
    """Pages by number, read in parallel once the first has told how many there are.

    Every page but the last must be as long as the first. An item met twice means that items moved from page to page
    while they were read, so that another was missed: the listing is read again, for items not seen before.
    """
    ledger = Ledger(identity)
    for _attempt in range(_REREADS + 1):
        ledger.begin()
        count = 0
        for page in _numbered_pass(fetch, workers, what):
            ledger.told(page.pages)
            count += len(page.items)
            if items := ledger.fresh(page.items):
                yield items
        if ledger.holds(count):
            return
    raise _unsteady(what) if ledger.shrank else _incomplete(what, ledger.count(), count)


def _numbered_pass(
    fetch: Callable[[int], NumberedPage[Item]], workers: Mapper, what: str
) -> Iterator[NumberedPage[Item]]:
    first = fetch(1)
    yield first
    done, pages, full = 1, first.pages, len(first.items)
    while done < pages:
        if pages > MAX_PAGES:
            raise AnswerError(f"the listing of {what} has more than {MAX_PAGES} pages")
        grown = pages
        for number, page in workers.map(fetch, range(done + 1, pages + 1)):
            grown = max(grown, page.pages)
            if len(page.items) != full and number < page.pages:
                raise AnswerError(
                    f"page {number} of {what} holds {len(page.items)} items, the first one {full}",
                    code="incomplete",
                    advice="Try again; if it stays so, use a smaller page_size",
                )
            yield page
        done, pages = pages, grown


def by_page_size(
    fetch: Callable[[int, int], Page[Item]],
    workers: Mapper,
    page_size: int,
    identity: Callable[[Item], t.Hashable],
    what: str,
) -> Iterator[Sequence[Item]]:
    """Pages by number (counted from 0) and size, read in parallel once the first has told the total.

    Where no total is told the listing ends with a page that brings nothing new, so that a server which knows no
    pages, and sends all of it every time, is read as well; a short one may be the server's filter. A total that
    shrinks while pages are read means that items moved to pages read already: the listing is read again, for items
    not seen before.
    """
    ledger = Ledger(identity)
    for _attempt in range(_REREADS + 1):
        ledger.begin()
        total: int | None = None
        for page in _sized_pass(fetch, workers, page_size, identity, what):
            ledger.told(page.total)
            total = total if page.total is None else page.total
            if items := ledger.fresh(page.items):
                yield items
        if total is None or ledger.holds(total):
            return
    raise _unsteady(what) if ledger.shrank else _incomplete(what, ledger.count(), total)


def _sized_pass(
    fetch: Callable[[int, int], Page[Item]],
    workers: Mapper,
    page_size: int,
    identity: Callable[[Item], t.Hashable],
    what: str,
) -> Iterator[Page[Item]]:
    first = fetch(0, page_size)
    yield first
    # A server that caps pages below what was asked gave its cap away on the first one.
    step = len(first.items)
    if first.total is None:
        if step:
            yield from _until_nothing_new(fetch, first, identity, what)
        return
    if first.total and not step:
        raise _incomplete(what, 0, first.total)
    done, total = 1, first.total
    while done * step < total:
        end = -(-total // step)
        if end > MAX_PAGES:
            raise AnswerError(f"the listing of {what} has more than {MAX_PAGES} pages")
        for _number, page in workers.map(lambda number: fetch(number, step), range(done, end)):
            total = max(total, page.total or 0)
            yield page
        done = end


def _until_nothing_new(
    fetch: Callable[[int, int], Page[Item]], first: Page[Item], identity: Callable[[Item], t.Hashable], what: str
) -> Iterator[Page[Item]]:
    step = len(first.items)
    seen = {hash(identity(item)) for item in first.items}
    for number in range(1, MAX_PAGES):
        page = fetch(number, step)
        new = [item for item in page.items if hash(identity(item)) not in seen]
        if not new:
            return
        yield Page(new)
        seen.update(hash(identity(item)) for item in new)
    raise AnswerError(f"the listing of {what} has more than {MAX_PAGES} pages")


def _one_pass(
    fetch: Callable[[int, int], Page[Item]], workers: Mapper, page_size: int, what: str
) -> Iterator[Page[Item]]:
    first = fetch(0, page_size)
    yield first
    # A server that caps pages below what was asked gave its cap away on the first one.
    step = len(first.items)
    if not step:
        if first.total:
            raise _incomplete(what, 0, first.total)
        return
    if first.total is None:
        yield from _until_empty(fetch, first, page_size, what)
        return
    done, total = step, first.total
    while done < total:
        grown = total
        for start, page in workers.map(lambda offset: fetch(offset, step), range(done, total, step)):
            grown = max(grown, page.total or 0)
            yield page
            yield from _rest(fetch, start + len(page.items), min(start + step, total), what)
        done, total = total, grown


def _rest(fetch: Callable[[int, int], Page[Item]], start: int, end: int, what: str) -> Iterator[Page[Item]]:
    """What a page that came shorter than asked for left out."""
    while start < end:
        page = fetch(start, end - start)
        if not page.items:
            if page.total is not None and page.total <= start:
                # The listing shrank while it was read: by_offset sees that by this page's total.
                yield page
                return
            raise _incomplete(what, start, page.total)
        yield page
        start += len(page.items)


def _until_empty(
    fetch: Callable[[int, int], Page[Item]], first: Page[Item], page_size: int, what: str
) -> Iterator[Page[Item]]:
    """Without a total only an empty page ends a listing: a short one may be the server's cap."""
    start, before = len(first.items), first.items
    for _page in range(MAX_PAGES):
        page = fetch(start, page_size)
        if not page.items:
            return
        if page.items == before:
            raise AnswerError(f"two pages of {what} are the same: the server does not turn pages")
        yield page
        start, before = start + len(page.items), page.items
    raise AnswerError(f"the listing of {what} has more than {MAX_PAGES} pages")


def _unsteady(what: str) -> AnswerError:
    return AnswerError(
        f"the listing of {what} lost items each of the {_REREADS + 1} times it was read, so others may be missing",
        code="incomplete",
        advice="Try again when the server is not removing expired recovery points",
    )


def _incomplete(what: str, count: int, total: int | None) -> AnswerError:
    return AnswerError(
        f"the listing of {what} came incomplete: {count} of {total} told",
        code="incomplete",
        advice="Try again; if it stays so, use a smaller page_size",
    )
