# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The port of a simulated product: it serves, nothing listens on it, or it breaks off every TLS handshake."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Awaitable, Callable

from aiohttp import web

_HOST = "127.0.0.1"
_TRIES_TO_OPEN = 50


class Door:
    def __init__(self, runner: web.ServerRunner, tls: ssl.SSLContext) -> None:
        self.port = 0
        self._runner = runner
        self._tls = tls
        self._site: web.SockSite | None = None
        self._cutter: asyncio.Server | None = None
        self._later: asyncio.Task[None] | None = None

    async def open(self) -> None:
        await self._close()
        bound = await self._bound()
        self.port = bound.getsockname()[1]
        self._site = web.SockSite(self._runner, bound, ssl_context=self._tls)
        await self._site.start()

    async def _bound(self) -> socket.socket:
        for _attempt in range(_TRIES_TO_OPEN):
            with contextlib.suppress(OSError):
                return socket.create_server((_HOST, self.port), backlog=128)
            # While it was shut, a connection of somebody else may have been given this port.
            await asyncio.sleep(0.1)
        return socket.create_server((_HOST, self.port), backlog=128)

    async def shut(self, seconds: float | None) -> None:
        """Nothing listens, and whoever is connected is cut off; open again after so many seconds, or when told."""
        await self._close()
        self._cut_off()
        self._open_after(seconds)

    async def cut(self, seconds: float | None) -> None:
        """Connections are accepted, and end as soon as the client has spoken."""
        await self._close()
        self._cut_off()
        self._cutter = await asyncio.start_server(_break_off, _HOST, self.port)
        self._open_after(seconds)

    async def mend(self) -> None:
        if self._site is None:
            await self.open()

    async def _close(self) -> None:
        if self._later is not None and self._later is not asyncio.current_task():
            self._later.cancel()
            self._later = None
        if self._site is not None:
            await self._site.stop()
            self._site = None
        if self._cutter is not None:
            self._cutter.close()
            self._cutter = None

    def _cut_off(self) -> None:
        server = self._runner.server
        for connection in list(server.connections) if server is not None else []:
            transport = connection.transport
            if transport is not None and transport.get_extra_info("sockname")[1] == self.port:
                transport.abort()

    def _open_after(self, seconds: float | None) -> None:
        if seconds is not None:
            self._later = asyncio.ensure_future(_after(seconds, self.open))


async def _after(seconds: float, deed: Callable[[], Awaitable[None]]) -> None:
    await asyncio.sleep(seconds)
    await deed()


async def _break_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        await reader.read(1)
    writer.transport.abort()
