# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How an answer leaves the server when it does not leave as it should: cut, not at all, or by drops."""

from __future__ import annotations

import asyncio
import socket
import struct

from aiohttp import web

from tests.simulators.product_api import Response

# Nothing reads longer than that, and a test that hangs is to end.
_LONGEST_DRIP_SECONDS = 120.0
_NO_LINGER = struct.pack("ii", 1, 0)


async def send_badly(request: web.BaseRequest, answer: Response, how: str, seconds: float) -> web.StreamResponse:
    if how == "cut":
        return await _cut(request, answer)
    if how == "slow_body":
        return await _slow_body(request, answer, seconds)
    if how == "slow_headers":
        await _slow_headers(request, seconds)
    _end(request, reset=how == "unanswered")
    # Never sent: the connection is gone.
    return web.Response()


def _end(request: web.BaseRequest, *, reset: bool) -> None:
    transport = request.transport
    if transport is None:
        return
    if reset:
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
    transport.abort()


def _promise(answer: Response) -> web.StreamResponse:
    headers = {**answer.headers, "Content-Type": answer.content_type}
    response = web.StreamResponse(status=answer.status, headers=headers)
    response.content_length = max(len(answer.body), 2)
    return response


async def _cut(request: web.BaseRequest, answer: Response) -> web.StreamResponse:
    """Promise the whole body, send half of it, and cut the connection."""
    response = _promise(answer)
    await response.prepare(request)
    await response.write(answer.body[: len(answer.body) // 2])
    _end(request, reset=False)
    return response


async def _slow_body(request: web.BaseRequest, answer: Response, seconds: float) -> web.StreamResponse:
    """One byte at a time, each within what a client bears to wait."""
    response = _promise(answer)
    await response.prepare(request)
    spent = 0.0
    for sent, byte in enumerate(answer.body, 1):
        await response.write(bytes([byte]))
        if sent == response.content_length:
            # Whole after all: the connection is the client's, and carries its next request perhaps already.
            return response
        await asyncio.sleep(seconds)
        spent += seconds
        if spent > _LONGEST_DRIP_SECONDS or request.transport is None or request.transport.is_closing():
            break
    _end(request, reset=False)
    return response


async def _slow_headers(request: web.BaseRequest, seconds: float) -> None:
    """A header line that grows by one letter at a time, and never ends."""
    transport = request.transport
    assert isinstance(transport, asyncio.Transport)
    transport.write(b"HTTP/1.1 200 OK\r\nX-Patience: ")
    spent = 0.0
    while spent <= _LONGEST_DRIP_SECONDS and not transport.is_closing():
        transport.write(b"a")
        await asyncio.sleep(seconds)
        spent += seconds
