# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server that is not the bottleneck: the product API renders each response once; later requests get cached bytes.

Run in its own process: `python -m tests.benchmarks.server`. Only logins, logouts and clocks are passed to the product
API every time. Cached responses are sent without checking the session, because only reading is measured here.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import re
import ssl
import sys
import tempfile
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from email.utils import format_datetime
from functools import partial
from http import HTTPStatus
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import trustme
from multidict import CIMultiDict

from tests.simulators.estate import build_even_estate
from tests.simulators.ground_truth import as_moment
from tests.simulators.product_api import Call, ProductApi, Response, json_response
from tests.simulators.products import PRODUCT_APIS

_ALIVE = re.compile(r"/(token|session|login|logout|logonSessions|sessionMngr|date-time|serverTime)\b", re.IGNORECASE)
# Unitrends queries cover time ranges that end now: requests in the same hour share a response.
_SECONDS = re.compile(rb'"(start|end)_time": ?(\d+)')
_HEAD_END = b"\r\n\r\n"


@dataclass
class RequestStats:
    """Numbers of served responses since the last query; `rendered` counts responses that were not cached."""

    served: int = 0
    bytes: int = 0
    rendered: int = 0
    calls: list[list[str]] = field(default_factory=list)


@dataclass(frozen=True)
class _Request:
    method: str
    target: str
    headers: CIMultiDict[str]
    body: bytes


class Canned:
    """The responses of one product API, each rendered once."""

    def __init__(self, api: ProductApi) -> None:
        self.api = api
        self.request_stats = RequestStats()
        self._kept: dict[tuple[str, ...], tuple[bytes, bytes]] = {}

    def answer(self, request: _Request) -> list[bytes]:
        """Return the response as sent over the network, in pieces, with the current time in its Date."""
        if request.target == "/__counters":
            return _add_date(_to_bytes(json_response(self._take_stats())))
        key = self._key(request)
        pieces = self._kept.get(key)
        if pieces is None:
            answer = self.api.respond(self._call(request))
            pieces = _to_bytes(answer)
            if answer.status == HTTPStatus.OK and not _ALIVE.search(request.target):
                self.request_stats.rendered += 1
                self._kept[key] = pieces
        self.request_stats.served += 1
        self.request_stats.bytes += len(pieces[1])
        self.request_stats.calls.append(self._as_call_record(request))
        return _add_date(pieces)

    def _take_stats(self) -> dict[str, object]:
        stats, self.request_stats = self.request_stats, RequestStats()
        # The client has ended, so close the sessions it left open.
        self.api.end_sessions()
        return asdict(stats)

    @staticmethod
    def _as_call_record(request: _Request) -> list[str]:
        return [request.method, request.target, request.body.decode("latin-1")]

    @staticmethod
    def _key(request: _Request) -> tuple[str, ...]:
        body = _SECONDS.sub(lambda match: match[1] + str(int(match[2]) // 3600).encode(), request.body)
        representation = "xml" if "xml" in request.headers.get("Accept", "") else ""
        return request.method, request.target, representation, body.decode("latin-1")

    @staticmethod
    def _call(request: _Request) -> Call:
        parts = urlsplit(request.target)
        query = parse_qsl(parts.query, keep_blank_values=True)
        return Call(request.method, parts.path, query, request.headers, request.body)


def _to_bytes(answer: Response) -> tuple[bytes, bytes]:
    """Return the head without its last line, and the body."""
    status = HTTPStatus(answer.status)
    headers = {"Content-Type": answer.content_type, **answer.headers, "Content-Length": str(len(answer.body))}
    lines = [f"HTTP/1.1 {status.value} {status.phrase}", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join(lines).encode("latin-1"), answer.body


def _add_date(pieces: tuple[bytes, bytes]) -> list[bytes]:
    head, body = pieces
    now = format_datetime(datetime.now(timezone.utc), usegmt=True)
    return [head, b"\r\nDate: " + now.encode() + _HEAD_END, body]


class _Connection(asyncio.Protocol):
    """The part of HTTP/1.1 with keep-alive connections that these clients use."""

    def __init__(self, canned: Canned, latency: float, number: int) -> None:
        self._canned = canned
        self._latency = latency
        self._received = b""
        self._identity = (canned.api.identity or "").encode()
        self._own_identity = self._identity[:-4] + f"{number:04}".encode()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (request := self._next()) is not None:
            # Render before the wait, so that a cached response costs the client only the wait.
            pieces = self._canned.answer(request)
            if self._identity:
                # Each port is another installation, so that the read results of all of them count.
                pieces = [piece.replace(self._identity, self._own_identity) for piece in pieces]
            asyncio.get_running_loop().call_later(self._latency, self._send, pieces)

    def _send(self, pieces: list[bytes]) -> None:
        if not self._transport.is_closing():
            self._transport.writelines(pieces)

    def _next(self) -> _Request | None:
        end = self._received.find(_HEAD_END)
        if end < 0:
            return None
        first, *lines = self._received[:end].decode("latin-1").split("\r\n")
        method, target, _version = first.split(" ")
        parted = (line.partition(":") for line in lines)
        headers: CIMultiDict[str] = CIMultiDict((name, value.strip()) for name, _colon, value in parted)
        stop = end + len(_HEAD_END) + int(headers.get("Content-Length", "0"))
        if len(self._received) < stop:
            return None
        body, self._received = self._received[end + len(_HEAD_END) : stop], self._received[stop:]
        return _Request(method, target, headers, body)


async def _serve(options: argparse.Namespace, api: ProductApi, folder: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(tls)
    canned = Canned(api)
    loop = asyncio.get_running_loop()
    latency = options.latency_ms / 1000
    servers = [
        await loop.create_server(partial(_Connection, canned, latency, number), "127.0.0.1", 0, ssl=tls)
        for number in range(options.ports)
    ]
    ports = [server.sockets[0].getsockname()[1] for server in servers]
    urls = [f"https://127.0.0.1:{port}" for port in ports]
    ready = {
        "ca_path": str(folder / "ca.pem"),
        "urls": urls,
        "options": api.module_options(urls[0]),
        "workloads": [api.workload_id(work) for work in api.estate.workloads],
        **api.credentials(),
    }
    unfinished = folder / "ready.json"
    unfinished.write_text(json.dumps(ready), "utf-8")
    unfinished.replace(options.ready_file)
    # Objects created here are kept, so garbage collection would only slow down the measured clients.
    gc.freeze()
    await loop.run_in_executor(None, sys.stdin.read)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.server", description=__doc__)
    parser.add_argument("--product", choices=PRODUCT_APIS, required=True)
    parser.add_argument("--workloads", type=int, default=500)
    parser.add_argument("--points", type=int, default=20, help="of each workload")
    parser.add_argument("--variant", nargs="*", default=[], metavar="NAME=VALUE", help="of the dialect")
    parser.add_argument("--latency-ms", type=float, default=50.0)
    parser.add_argument("--ports", type=int, default=1, help="how many servers to look like")
    parser.add_argument("--ready-file", type=Path, required=True, help="written when it serves; it ends with its stdin")
    options = parser.parse_args()
    now = as_moment(datetime.now(timezone.utc))
    api = PRODUCT_APIS[options.product](build_even_estate(7, options.workloads, options.points, now))
    api.set_initial_variants(dict(variant.split("=", 1) for variant in options.variant))
    api.prepare()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        asyncio.run(_serve(options, api, Path(folder)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
