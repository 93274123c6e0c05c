# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An end to answers that only drip: each byte within the read timeout, and never the last one.

A timeout is for one read from the socket. A server, or something between, that sends a byte of a header now and then
would be waited for without end, so a whole answer, from its first header on, may take so many read timeouts.
"""

from __future__ import annotations

import http.client
import io
import socket
import time
import typing as t

from ansible_collections.backup.audit.plugins.module_utils._core.errors import InvalidResponseError

try:
    import requests.adapters
    import urllib3.connection
    import urllib3.connectionpool
except ImportError:
    # _http says so.
    pass

WHOLE_ANSWER_TIMEOUTS = 10


class _DeadlineReader(io.RawIOBase):
    """What comes from a socket, until a moment."""

    def __init__(self, raw: t.Any, sock: socket.socket) -> None:
        self._raw = raw
        self._sock = sock
        self._timeout = sock.gettimeout()
        self._limit = None if self._timeout is None else self._timeout * WHOLE_ANSWER_TIMEOUTS
        self._end = 0.0 if self._limit is None else time.monotonic() + self._limit

    def readable(self) -> bool:
        """Nothing else is done with it."""
        return True

    def readinto(self, buffer: t.Any) -> int | None:
        """What has come, waiting no longer than is left."""
        if self._limit is None or self._timeout is None:
            return t.cast("int | None", self._raw.readinto(buffer))
        left = self._end - time.monotonic()
        if left <= 0:
            raise self._too_slow()
        if left >= self._timeout:
            return t.cast("int | None", self._raw.readinto(buffer))
        self._sock.settimeout(left)
        try:
            return t.cast("int | None", self._raw.readinto(buffer))
        except TimeoutError:
            raise self._too_slow() from None
        finally:
            if self._sock.fileno() >= 0:
                # The connection may carry more answers.
                self._sock.settimeout(self._timeout)

    def close(self) -> None:
        """Let go of the socket."""
        self._raw.close()
        super().close()

    def _too_slow(self) -> InvalidResponseError:
        return InvalidResponseError(
            f"the answer was not complete after {self._limit:.0f} s",
            advice="Use a smaller page_size or a longer timeout",
        )


class _DeadlineResponse(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *arguments: t.Any, **more: t.Any) -> None:
        super().__init__(sock, *arguments, **more)
        self.fp = io.BufferedReader(_DeadlineReader(self.fp.detach(), sock))


def adapter(connections: int) -> requests.adapters.HTTPAdapter:
    """What requests sends by: so many connections to one host, whose answers end."""

    class Connection(urllib3.connection.HTTPConnection):
        response_class = _DeadlineResponse

    class TlsConnection(urllib3.connection.HTTPSConnection):
        response_class = _DeadlineResponse

    class Pool(urllib3.connectionpool.HTTPConnectionPool):
        ConnectionCls = Connection

    class TlsPool(urllib3.connectionpool.HTTPSConnectionPool):
        ConnectionCls = TlsConnection

    class DeadlineAdapter(requests.adapters.HTTPAdapter):
        def init_poolmanager(self, *arguments: t.Any, **more: t.Any) -> None:
            super().init_poolmanager(*arguments, **more)
            self.poolmanager.pool_classes_by_scheme = {"http": Pool, "https": TlsPool}

        def proxy_manager_for(self, proxy: t.Any, **more: t.Any) -> t.Any:
            manager = super().proxy_manager_for(proxy, **more)
            manager.pool_classes_by_scheme = {"http": Pool, "https": TlsPool}
            return manager

    return DeadlineAdapter(pool_connections=1, pool_maxsize=connections, max_retries=0, pool_block=True)
