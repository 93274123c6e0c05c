# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faulty delivery of a response: cut off, not sent at all, or sent one byte at a time."""

from __future__ import annotations

import asyncio
import socket
import struct

from aiohttp import web

from tests.simulators.product_api import Response

# Longer than the timeout of any client, so that a hanging test ends.
_MAX_TRICKLE_SECONDS = 120.0
_NO_LINGER = struct.pack("ii", 1, 0)


async def send_faulty(request: web.BaseRequest, response: Response, how: str, seconds: float) -> web.StreamResponse:
    if how == "cut":
        return await _cut(request, response)
    if how == "slow_body":
        return await _slow_body(request, response, seconds)
    if how == "slow_headers":
        await _slow_headers(request, seconds)
    _close_connection(request, reset=how == "unanswered")
    # Never sent: the connection is closed.
    return web.Response()


def _close_connection(request: web.BaseRequest, *, reset: bool) -> None:
    transport = request.transport
    if transport is None:
        return
    if reset:
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
    transport.abort()


def _start_response(response: Response) -> web.StreamResponse:
    headers = {**response.headers, "Content-Type": response.content_type}
    stream = web.StreamResponse(status=response.status, headers=headers)
    stream.content_length = max(len(response.body), 2)
    return stream


async def _cut(request: web.BaseRequest, response: Response) -> web.StreamResponse:
    """Announce the complete body, send half of it, and close the connection."""
    stream = _start_response(response)
    await stream.prepare(request)
    await stream.write(response.body[: len(response.body) // 2])
    _close_connection(request, reset=False)
    return stream


async def _slow_body(request: web.BaseRequest, response: Response, seconds: float) -> web.StreamResponse:
    """Send one byte at a time, each within the timeout of a client."""
    stream = _start_response(response)
    await stream.prepare(request)
    elapsed = 0.0
    for sent, byte in enumerate(response.body, 1):
        await stream.write(bytes([byte]))
        if sent == stream.content_length:
            # The body is complete, so the client may already use the connection for its next request.
            return stream
        await asyncio.sleep(seconds)
        elapsed += seconds
        if elapsed > _MAX_TRICKLE_SECONDS or request.transport is None or request.transport.is_closing():
            break
    _close_connection(request, reset=False)
    return stream


async def _slow_headers(request: web.BaseRequest, seconds: float) -> None:
    """Send a header line that grows by one letter at a time and never ends."""
    transport = request.transport
    assert isinstance(transport, asyncio.Transport)
    transport.write(b"HTTP/1.1 200 OK\r\nX-Patience: ")
    elapsed = 0.0
    while elapsed <= _MAX_TRICKLE_SECONDS and not transport.is_closing():
        transport.write(b"a")
        await asyncio.sleep(seconds)
        elapsed += seconds
