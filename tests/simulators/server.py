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

from tests.simulators.connections import Traffic, compressed
from tests.simulators.delivery import send_badly
from tests.simulators.faults import Fault, FaultPlan
from tests.simulators.ground_truth import as_datetime
from tests.simulators.listener import Door
from tests.simulators.product_api import Call, Dialect, Response, json_answer

_LARGEST_REQUEST = 2**20


class ProductServer:
    def __init__(self, dialect: Dialect, latency: float) -> None:
        self.dialect = dialect
        self.latency = latency
        self.faults = FaultPlan(dialect.NAMES)
        self.recorded: list[dict[str, object]] = []
        self.busy: Counter[str] = Counter()
        self.traffic = Traffic()
        self._restarts = 0
        self._runner: web.ServerRunner | None = None
        self._door: Door | None = None
        # Of its own, and never shut: what nobody listens to could not be told to listen again.
        self._control_door: Door | None = None

    async def start(self, tls: ssl.SSLContext) -> None:
        server = web.Server(self._serve, access_log=None)
        self._runner = web.ServerRunner(server, shutdown_timeout=1.0)
        await self._runner.setup()
        self._door, self._control_door = Door(self._runner, tls), Door(self._runner, tls)
        await self._door.open()
        await self._control_door.open()

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    def ready_entry(self) -> dict[str, object]:
        assert self._door is not None
        assert self._control_door is not None
        urls = {"url": self._door.port, "control": self._control_door.port}
        return {name: f"https://127.0.0.1:{port}" for name, port in urls.items()} | self.dialect.credentials()

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        if (request.content_length or 0) > _LARGEST_REQUEST:
            return self._response(Response(413))
        call = Call(
            method=request.method,
            path=request.rel_url.raw_path,
            query=list(request.rel_url.query.items()),
            headers=request.headers,
            body=await request.read(),
        )
        if call.path.startswith("/__"):
            return self._response(await self._control(call))
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
        with self.traffic.counted(request):
            return await self._answer(request, call)

    async def _answer(self, request: web.BaseRequest, call: Call) -> web.StreamResponse:
        struck = self.faults.struck_by(call)
        controller = self.dialect.controller(call)
        self.busy[controller] += 1
        restarts = self._restarts
        try:
            refused = self.dialect.too_busy(call, self.busy[controller])
            delay = sum(fault.seconds for fault in struck if fault.name == "delay")
            await asyncio.sleep(self.latency + delay + self.dialect.thinking_seconds())
            if self._restarts != restarts:
                # It went down with the server: above all no log-in comes of it. The connection is gone.
                return web.Response()
            answer = self._bent(call, struck, refused)
        finally:
            self.busy[controller] -= 1
        for fault in struck:
            if fault.kind.door:
                await self._turn(fault)
                if fault.kind.befalls is not None:
                    # Also what was opened while it went down.
                    fault.kind.befalls(fault, self.dialect)
                    self._restarts += 1
                # The connection went with it.
                return web.Response()
        for fault in struck:
            if fault.kind.sends:
                return await send_badly(request, answer, fault.kind.sends, fault.seconds)
        return self._response(compressed(call, answer) if self.dialect.flag("gzip") else answer)

    def _bent(self, call: Call, struck: list[Fault], refused: Response | None) -> Response:
        """The answer, after everything that befell the question, the product and what it said."""
        for fault in struck:
            if fault.kind.befalls is not None:
                fault.kind.befalls(fault, self.dialect)
        for fault in struck:
            call = fault.asks(call)
        replaced = (fault.replaces(call, self.dialect) for fault in struck)
        answer = next((each for each in replaced if each is not None), None)
        answer = answer or refused or self.dialect.answer(call)
        for fault in struck:
            answer = fault.bends(call, answer)
        return answer

    async def _turn(self, fault: Fault) -> None:
        assert self._door is not None
        turn = self._door.cut if fault.kind.door == "cut" else self._door.shut
        await turn(fault.seconds if "seconds" in fault.details else None)

    async def begin(self, rules: object) -> None:
        """These faults from now on, in place of all others; what concerns the port and waits for nothing, at once."""
        self.faults.load(rules)
        if self._door is not None:
            await self._door.mend()
        for fault in self.faults.rules:
            if fault.kind.door and fault.at_once:
                fault.done = fault.changed = 1
                await self._turn(fault)

    def _response(self, answer: Response) -> web.Response:
        """The Date header is the server's own clock, which is the estate's and not this machine's."""
        now = as_datetime(self.dialect.clock())
        headers = {"Date": format_datetime(now, usegmt=True), **answer.headers}
        if answer.body:
            headers["Content-Type"] = answer.content_type
        return web.Response(status=answer.status, body=answer.body, headers=headers)

    async def _control(self, call: Call) -> Response:
        try:
            return await self._controlled(call)
        except (ValueError, TypeError) as error:
            return json_answer({"error": str(error)}, 400)

    async def _controlled(self, call: Call) -> Response:
        if call.method == "GET" and call.path == "/__requests":
            return json_answer(self.recorded)
        if call.method == "GET" and call.path == "/__sessions":
            return json_answer({"open": self.dialect.open_sessions()})
        if call.method == "GET" and call.path == "/__traffic":
            return json_answer(self.traffic.as_json())
        if call.method == "GET" and call.path == "/__drift":
            return json_answer([record for moved in self.dialect.drift.moved.values() for record in moved])
        if call.method == "GET" and call.path == "/__variant":
            return json_answer(self.dialect.variants)
        if call.method == "POST" and call.path == "/__variant":
            self.dialect.set_variants(json.loads(call.body))
            return json_answer(self.dialect.variants)
        if call.method == "POST" and call.path == "/__faults":
            await self.begin(json.loads(call.body))
            return json_answer({})
        if call.method == "GET" and call.path == "/__faults":
            return json_answer([fault.told() for fault in self.faults.rules])
        if call.method == "POST" and call.path == "/__reset":
            await self.begin([])
            self.recorded.clear()
            self.traffic.forget()
            self.dialect.reset()
            return json_answer({})
        return json_answer({"error": f"no control {call.method} {call.path}"}, 404)
