# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The port of a simulated product: it serves, is closed, or aborts every TLS handshake."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Awaitable, Callable

from aiohttp import web

_HOST = "127.0.0.1"
_TRIES_TO_OPEN = 50


class PortListener:
    def __init__(self, runner: web.ServerRunner, tls: ssl.SSLContext) -> None:
        self.port = 0
        self._runner = runner
        self._tls = tls
        self._site: web.SockSite | None = None
        self._breaking_server: asyncio.Server | None = None
        self._reopen_task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        await self._close()
        server_socket = await self._bind()
        self.port = server_socket.getsockname()[1]
        self._site = web.SockSite(self._runner, server_socket, ssl_context=self._tls)
        await self._site.start()

    async def _bind(self) -> socket.socket:
        for _attempt in range(_TRIES_TO_OPEN):
            with contextlib.suppress(OSError):
                return socket.create_server((_HOST, self.port), backlog=128)
            # While it was closed, another connection may have been assigned this port.
            await asyncio.sleep(0.1)
        return socket.create_server((_HOST, self.port), backlog=128)

    async def close_port(self, seconds: float | None) -> None:
        """Close the port and abort its connections; reopen it after `seconds`, or on request if None."""
        await self._close()
        self._abort_connections()
        self._open_after(seconds)

    async def break_handshakes(self, seconds: float | None) -> None:
        """Accept connections and abort each as soon as the client has sent a byte."""
        await self._close()
        self._abort_connections()
        self._breaking_server = await asyncio.start_server(_abort_after_first_byte, _HOST, self.port)
        self._open_after(seconds)

    async def reopen(self) -> None:
        if self._site is None:
            await self.open()

    async def _close(self) -> None:
        if self._reopen_task is not None and self._reopen_task is not asyncio.current_task():
            self._reopen_task.cancel()
            self._reopen_task = None
        if self._site is not None:
            await self._site.stop()
            self._site = None
        if self._breaking_server is not None:
            self._breaking_server.close()
            self._breaking_server = None

    def _abort_connections(self) -> None:
        server = self._runner.server
        for connection in list(server.connections) if server is not None else []:
            transport = connection.transport
            if transport is not None and transport.get_extra_info("sockname")[1] == self.port:
                transport.abort()

    def _open_after(self, seconds: float | None) -> None:
        if seconds is not None:
            self._reopen_task = asyncio.ensure_future(_run_after(seconds, self.open))


async def _run_after(seconds: float, action: Callable[[], Awaitable[None]]) -> None:
    await asyncio.sleep(seconds)
    await action()


async def _abort_after_first_byte(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        await reader.read(1)
    writer.transport.abort()
