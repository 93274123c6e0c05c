# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Limit the total time of a response, so that a slow (trickling) server cannot block a request forever.

The read timeout applies to a single read from the socket. A server or proxy that occasionally sends a byte never
exceeds it, so a complete response, from its first header on, may take at most MAX_RESPONSE_TIMEOUTS read timeouts.
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
    # client.py records it in HAS_REQUESTS.
    pass

MAX_RESPONSE_TIMEOUTS = 10


class _DeadlineReader(io.RawIOBase):
    """Reads from a socket until a deadline."""

    def __init__(self, raw: t.Any, sock: socket.socket) -> None:
        self._raw = raw
        self._sock = sock
        self._timeout = sock.gettimeout()
        self._limit = None if self._timeout is None else self._timeout * MAX_RESPONSE_TIMEOUTS
        self._deadline = 0.0 if self._limit is None else time.monotonic() + self._limit

    def readable(self) -> bool:
        """Return True, because the stream is only read."""
        return True

    def readinto(self, buffer: t.Any) -> int | None:
        """Read available data, waiting at most until the deadline; InvalidResponseError after it."""
        if self._limit is None or self._timeout is None:
            return t.cast("int | None", self._raw.readinto(buffer))
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise self._too_slow_error()
        if left >= self._timeout:
            return t.cast("int | None", self._raw.readinto(buffer))
        self._sock.settimeout(left)
        try:
            return t.cast("int | None", self._raw.readinto(buffer))
        except TimeoutError:
            raise self._too_slow_error() from None
        finally:
            if self._sock.fileno() >= 0:
                # The connection may be reused for more responses.
                self._sock.settimeout(self._timeout)

    def close(self) -> None:
        """Release the socket."""
        self._raw.close()
        super().close()

    def _too_slow_error(self) -> InvalidResponseError:
        return InvalidResponseError(
            f"the response was not complete after {self._limit:.0f} s",
            hint='Decrease "page_size" or increase "timeout"',
        )


class _DeadlineResponse(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *arguments: t.Any, **more: t.Any) -> None:
        super().__init__(sock, *arguments, **more)
        self.fp = io.BufferedReader(_DeadlineReader(self.fp.detach(), sock))


def build_http_adapter(connections: int, fingerprint: str | None = None) -> requests.adapters.HTTPAdapter:
    """Build a requests adapter with up to ``connections`` connections to one host and a time limit per response.

    If the SHA-256 of the server's certificate is not ``fingerprint``, the TLS handshake fails and nothing is sent.
    """
    pinned: dict[str, t.Any] = {} if fingerprint is None else {"assert_fingerprint": fingerprint}

    class Connection(urllib3.connection.HTTPConnection):
        response_class = _DeadlineResponse

    class TlsConnection(urllib3.connection.HTTPSConnection):
        response_class = _DeadlineResponse

    class Pool(urllib3.connectionpool.HTTPConnectionPool):
        ConnectionCls = Connection

    class TlsPool(urllib3.connectionpool.HTTPSConnectionPool):
        ConnectionCls = TlsConnection

    class DeadlineAdapter(requests.adapters.HTTPAdapter):
        """Checks the certificate files only once, whereas requests does so for each request.

        Each check releases the GIL, and the thread then waits until another one has processed a page.
        """

        def __init__(self, **more: t.Any) -> None:
            self._pool_key: t.Any = None
            self._checked_pool: t.Any = None
            super().__init__(**more)

        def build_connection_pool_key_attributes(self, *arguments: t.Any, **more: t.Any) -> t.Any:
            if self._pool_key is None:
                self._pool_key = super().build_connection_pool_key_attributes(*arguments, **more)
            return self._pool_key

        def cert_verify(self, conn: t.Any, *arguments: t.Any, **more: t.Any) -> None:
            if conn is not self._checked_pool:
                t.cast("t.Any", super()).cert_verify(conn, *arguments, **more)
                self._checked_pool = conn

        def init_poolmanager(self, *arguments: t.Any, **more: t.Any) -> None:
            more.update(pinned)
            super().init_poolmanager(*arguments, **more)
            self.poolmanager.pool_classes_by_scheme = {"http": Pool, "https": TlsPool}

        def proxy_manager_for(self, proxy: t.Any, **more: t.Any) -> t.Any:
            manager = super().proxy_manager_for(proxy, **{**more, **pinned})
            manager.pool_classes_by_scheme = {"http": Pool, "https": TlsPool}
            return manager

    return DeadlineAdapter(pool_connections=1, pool_maxsize=connections, max_retries=0, pool_block=True)
