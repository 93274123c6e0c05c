# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The HTTP server of a simulated product: TLS, latency, faults, request log, and the control paths under /__."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections import Counter
from email.utils import format_datetime

from aiohttp import web

from tests.simulators.connections import Traffic, compress_response
from tests.simulators.delivery import send_faulty
from tests.simulators.faults import Fault, FaultPlan
from tests.simulators.ground_truth import as_datetime
from tests.simulators.listener import PortListener
from tests.simulators.product_api import Call, ProductApi, Response, json_response

_LARGEST_REQUEST = 2**20


class ProductServer:
    def __init__(self, api: ProductApi, latency: float) -> None:
        self.api = api
        self.latency = latency
        self.faults = FaultPlan(api.MEMBER_NAMES)
        self.recorded: list[dict[str, object]] = []
        self.busy: Counter[str] = Counter()
        self.traffic = Traffic()
        self._restarts = 0
        self._runner: web.ServerRunner | None = None
        self._listener: PortListener | None = None
        # A separate port that is never closed, so that a closed port can be reopened on request.
        self._control_listener: PortListener | None = None

    async def start(self, tls: ssl.SSLContext) -> None:
        server = web.Server(self._serve, access_log=None)
        self._runner = web.ServerRunner(server, shutdown_timeout=1.0)
        await self._runner.setup()
        self._listener, self._control_listener = PortListener(self._runner, tls), PortListener(self._runner, tls)
        await self._listener.open()
        await self._control_listener.open()

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    def ready_entry(self) -> dict[str, object]:
        assert self._listener is not None
        assert self._control_listener is not None
        urls = {"url": self._listener.port, "control": self._control_listener.port}
        entry: dict[str, object] = {name: f"https://127.0.0.1:{port}" for name, port in urls.items()}
        options = self.api.module_options(str(entry["url"]))
        return entry | options | self.api.credentials() | {"options": options}

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
        with self.traffic.count_request(request):
            return await self._serve_call(request, call)

    async def _serve_call(self, request: web.BaseRequest, call: Call) -> web.StreamResponse:
        active = self.faults.get_active(call)
        controller = self.api.controller(call)
        self.busy[controller] += 1
        restarts = self._restarts
        try:
            refused = self.api.busy_response(call, self.busy[controller])
            delay = sum(fault.seconds for fault in active if fault.name == "delay")
            await asyncio.sleep(self.latency + delay + self.api.processing_seconds())
            if self._restarts != restarts:
                # The request was lost with the server, so a login has no effect. The connection is closed.
                return web.Response()
            response = self._build_faulty(call, active, refused)
        finally:
            self.busy[controller] -= 1
        for fault in active:
            if fault.kind.port_action:
                await self._apply_to_port(fault)
                if fault.kind.affect_product is not None:
                    # Includes sessions that were opened during the shutdown.
                    fault.kind.affect_product(fault, self.api)
                    self._restarts += 1
                # The connection was closed as well.
                return web.Response()
        for fault in active:
            if fault.kind.delivery:
                return await send_faulty(request, response, fault.kind.delivery, fault.seconds)
        return self._response(compress_response(call, response) if self.api.flag("gzip") else response)

    def _build_faulty(self, call: Call, active: list[Fault], refused: Response | None) -> Response:
        """Return the response after all faults in the request, the product and the response."""
        for fault in active:
            if fault.kind.affect_product is not None:
                fault.kind.affect_product(fault, self.api)
        for fault in active:
            call = fault.change_request(call)
        replaced = (fault.replace_response(call, self.api) for fault in active)
        response = next((each for each in replaced if each is not None), None)
        response = response or refused or self.api.respond(call)
        for fault in active:
            response = fault.change_response(call, response)
        return response

    async def _apply_to_port(self, fault: Fault) -> None:
        assert self._listener is not None
        apply = self._listener.break_handshakes if fault.kind.port_action == "cut" else self._listener.close_port
        await apply(fault.seconds if "seconds" in fault.details else None)

    async def load_faults(self, rules: object) -> None:
        """Replace all faults with these; faults of the port whose rule has no `match` take effect immediately."""
        self.faults.load(rules)
        if self._listener is not None:
            await self._listener.reopen()
        for fault in self.faults.rules:
            if fault.kind.port_action and fault.at_once:
                fault.done = fault.changed = 1
                await self._apply_to_port(fault)

    def _response(self, response: Response) -> web.Response:
        """Build the HTTP response; its Date header is the time of the environment's clock, not of this machine."""
        now = as_datetime(self.api.clock())
        headers = {"Date": format_datetime(now, usegmt=True), **response.headers}
        if response.body:
            headers["Content-Type"] = response.content_type
        return web.Response(status=response.status, body=response.body, headers=headers)

    async def _control(self, call: Call) -> Response:
        try:
            return await self._dispatch_control(call)
        except (ValueError, TypeError) as error:
            return json_response({"error": str(error)}, 400)

    async def _dispatch_control(self, call: Call) -> Response:
        if call.method == "GET" and call.path == "/__requests":
            return json_response(self.recorded)
        if call.method == "GET" and call.path == "/__sessions":
            return json_response({"open": self.api.open_sessions()})
        if call.method == "GET" and call.path == "/__traffic":
            return json_response(self.traffic.as_json())
        if call.method == "GET" and call.path == "/__drift":
            return json_response(
                [record for moved in self.api.concurrent_changes.changed_records.values() for record in moved]
            )
        if call.method == "GET" and call.path == "/__variant":
            return json_response(self.api.variants)
        if call.method == "POST" and call.path == "/__variant":
            self.api.set_variants(json.loads(call.body))
            return json_response(self.api.variants)
        if call.method == "POST" and call.path == "/__faults":
            await self.load_faults(json.loads(call.body))
            return json_response({})
        if call.method == "GET" and call.path == "/__faults":
            return json_response([fault.as_json() for fault in self.faults.rules])
        if call.method == "POST" and call.path == "/__reset":
            await self.load_faults([])
            self.recorded.clear()
            self.traffic.clear()
            self.api.reset()
            return json_response({})
        return json_response({"error": f"no control {call.method} {call.path}"}, 404)
