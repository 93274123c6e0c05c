# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The HTTP side of a simulated product: TLS, latency, faults, records, and the control paths under /__."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections import Counter
from email.utils import format_datetime

from aiohttp import web

from .dialect import Answer, Call, Dialect, json_answer
from .faults import FaultPlan
from .truth import as_datetime

_LARGEST_REQUEST = 2**20


class ProductServer:
    def __init__(self, dialect: Dialect, latency: float) -> None:
        self.dialect = dialect
        self.latency = latency
        self.faults = FaultPlan()
        self.recorded: list[dict[str, object]] = []
        self.busy: Counter[str] = Counter()
        self.port = 0
        self._runner: web.ServerRunner | None = None

    async def start(self, tls: ssl.SSLContext) -> None:
        server = web.Server(self._serve, access_log=None)
        self._runner = web.ServerRunner(server, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=tls)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    def ready_entry(self) -> dict[str, object]:
        return {"url": f"https://127.0.0.1:{self.port}", **self.dialect.credentials()}

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        if (request.content_length or 0) > _LARGEST_REQUEST:
            return self._response(Answer(413))
        call = Call(
            method=request.method,
            path=request.rel_url.raw_path,
            query=list(request.rel_url.query.items()),
            headers=request.headers,
            body=await request.read(),
        )
        if call.path.startswith("/__"):
            return self._response(self._control(call))
        self.recorded.append(
            {
                "method": call.method,
                "path": call.path,
                "query": call.query,
                "raw_query": request.rel_url.raw_query_string,
                "headers": dict(call.headers),
                "body": call.body.decode("utf-8", "replace"),
            }
        )
        return await self._answer(request, call)

    async def _answer(self, request: web.BaseRequest, call: Call) -> web.StreamResponse:
        struck = self.faults.struck_by(call)
        controller = self.dialect.controller(call)
        self.busy[controller] += 1
        try:
            refused = self.dialect.too_busy(call, self.busy[controller])
            delay = sum(fault.seconds for fault in struck if fault.name == "delay")
            await asyncio.sleep(self.latency + delay + self.dialect.thinking_seconds())
            if any(fault.name == "expire_session" for fault in struck):
                self.dialect.expire_sessions()
            replaced = next((answer for answer in (fault.replaces() for fault in struck) if answer is not None), None)
            answer = replaced or refused or self.dialect.answer(call)
        finally:
            self.busy[controller] -= 1
        for fault in struck:
            answer = fault.bends(answer)
        if any(fault.name == "reset" for fault in struck):
            return await _break_off(request, answer)
        return self._response(answer)

    def _response(self, answer: Answer) -> web.Response:
        """The Date header is the server's own clock, which is the estate's and not this machine's."""
        now = as_datetime(self.dialect.clock())
        headers = {"Date": format_datetime(now, usegmt=True), **answer.headers}
        if answer.body:
            headers["Content-Type"] = answer.content_type
        return web.Response(status=answer.status, body=answer.body, headers=headers)

    def _control(self, call: Call) -> Answer:
        try:
            return self._controlled(call)
        except (ValueError, TypeError) as error:
            return json_answer({"error": str(error)}, 400)

    def _controlled(self, call: Call) -> Answer:
        if call.method == "GET" and call.path == "/__requests":
            return json_answer(self.recorded)
        if call.method == "GET" and call.path == "/__sessions":
            return json_answer({"open": self.dialect.open_sessions()})
        if call.method == "GET" and call.path == "/__variant":
            return json_answer(self.dialect.variants)
        if call.method == "POST" and call.path == "/__variant":
            self.dialect.set_variants(json.loads(call.body))
            return json_answer(self.dialect.variants)
        if call.method == "POST" and call.path == "/__faults":
            self.faults.load(json.loads(call.body))
            return json_answer({})
        if call.method == "POST" and call.path == "/__reset":
            self.faults.clear()
            self.recorded.clear()
            self.dialect.reset()
            return json_answer({})
        return json_answer({"error": f"no control {call.method} {call.path}"}, 404)


async def _break_off(request: web.BaseRequest, answer: Answer) -> web.StreamResponse:
    """Promise the whole body, send half of it, and cut the connection."""
    headers = {**answer.headers, "Content-Type": answer.content_type}
    response = web.StreamResponse(status=answer.status, headers=headers)
    response.content_length = max(len(answer.body), 2)
    await response.prepare(request)
    await response.write(answer.body[: len(answer.body) // 2])
    if request.transport is not None:
        request.transport.abort()
    return response
