# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connection statistics of clients, and compressed responses."""

from __future__ import annotations

import dataclasses
import gzip
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from aiohttp import web

from tests.simulators.product_api import Call, Response

# Key for the total of all lists; no path ends with it.
_ALL = "/"


class Traffic:
    """Maximum number of parallel requests, in total and for each list, and the number of connections used."""

    def __init__(self) -> None:
        self._running: Counter[str] = Counter()
        self._most: Counter[str] = Counter()
        self._ports: set[object] = set()

    def clear(self) -> None:
        self._most.clear()
        self._ports.clear()

    @contextmanager
    def count_request(self, request: web.BaseRequest) -> Iterator[None]:
        lists = _ALL, request.path.rpartition("/")[2]
        for name in lists:
            self._running[name] += 1
            self._most[name] = max(self._most[name], self._running[name])
        if request.transport is not None:
            self._ports.add(request.transport.get_extra_info("peername"))
        try:
            yield
        finally:
            self._running.subtract(lists)

    def as_json(self) -> dict[str, object]:
        return {"at_once": self._most[_ALL], "at_once_of": dict(self._most), "connections": len(self._ports)}


def compress_response(call: Call, response: Response) -> Response:
    """Return the response as a server sends it to a client that accepts gzip."""
    if "gzip" not in call.headers.get("Accept-Encoding", "") or not response.body:
        return response
    headers = {**response.headers, "Content-Encoding": "gzip"}
    return dataclasses.replace(response, body=gzip.compress(response.body), headers=headers)
