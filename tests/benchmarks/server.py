# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server that is not the bottleneck: a dialect answers each call once; from then on the bytes come from memory.

Run as a process of its own: `python -m tests.benchmarks.server`. Only log-ins, log-outs and clocks are asked of the
dialect every time. A kept answer is given without a look at the session: what is measured here is reading.
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
from http import HTTPStatus
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import trustme
from multidict import CIMultiDict

from tests.simulators.estate import build_even_estate
from tests.simulators.ground_truth import as_moment
from tests.simulators.product_api import Call, Dialect, Response, json_answer
from tests.simulators.products import DIALECTS

_ALIVE = re.compile(r"/(token|session|login|logout|logonSessions|sessionMngr|date-time|serverTime)\b", re.IGNORECASE)
# Unitrends is asked for spans of time that end now: calls of the same hour ask for the same.
_SECONDS = re.compile(rb'"(start|end)_time": ?(\d+)')
_HEAD_END = b"\r\n\r\n"


@dataclass
class RequestStats:
    """What was served since this was last asked; `rendered` counts answers that were not ready."""

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
    """The answers of one dialect, each made once."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self.request_stats = RequestStats()
        self._kept: dict[tuple[str, ...], tuple[bytes, bytes]] = {}

    def answer(self, request: _Request) -> list[bytes]:
        """The answer as it goes over the wire, in pieces; its Date is of now."""
        if request.target == "/__counters":
            return _dated(_wire(json_answer(self._counted())))
        key = self._key(request)
        pieces = self._kept.get(key)
        if pieces is None:
            answer = self.dialect.answer(self._call(request))
            pieces = _wire(answer)
            if answer.status == HTTPStatus.OK and not _ALIVE.search(request.target):
                self.request_stats.rendered += 1
                self._kept[key] = pieces
        self.request_stats.served += 1
        self.request_stats.bytes += len(pieces[1])
        self.request_stats.calls.append(self._replayable(request))
        return _dated(pieces)

    def _counted(self) -> dict[str, object]:
        told, self.request_stats = self.request_stats, RequestStats()
        # Whoever asks has ended: what was left open is given back.
        self.dialect.end_sessions()
        return asdict(told)

    @staticmethod
    def _replayable(request: _Request) -> list[str]:
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


def _wire(answer: Response) -> tuple[bytes, bytes]:
    """Head, but for its last line, and body."""
    status = HTTPStatus(answer.status)
    headers = {"Content-Type": answer.content_type, **answer.headers, "Content-Length": str(len(answer.body))}
    lines = [f"HTTP/1.1 {status.value} {status.phrase}", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join(lines).encode("latin-1"), answer.body


def _dated(pieces: tuple[bytes, bytes]) -> list[bytes]:
    head, body = pieces
    now = format_datetime(datetime.now(timezone.utc), usegmt=True)
    return [head, b"\r\nDate: " + now.encode() + _HEAD_END, body]


class _Connection(asyncio.Protocol):
    """HTTP/1.1 with kept-alive connections, as much of it as these clients use."""

    def __init__(self, canned: Canned, latency: float) -> None:
        self._canned = canned
        self._latency = latency
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (request := self._next()) is not None:
            # Rendered before the wait, so that the wait is all that a ready answer costs the client.
            pieces = self._canned.answer(request)
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


async def _serve(options: argparse.Namespace, dialect: Dialect, folder: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(tls)
    canned = Canned(dialect)
    loop = asyncio.get_running_loop()
    latency = options.latency_ms / 1000
    servers = [
        await loop.create_server(lambda: _Connection(canned, latency), "127.0.0.1", 0, ssl=tls)
        for _number in range(options.ports)
    ]
    ports = [server.sockets[0].getsockname()[1] for server in servers]
    ready = {
        "ca_path": str(folder / "ca.pem"),
        "urls": [f"https://127.0.0.1:{port}" for port in ports],
        "workloads": [dialect.workload_id(work) for work in dialect.estate.workloads],
        **dialect.credentials(),
    }
    unfinished = folder / "ready.json"
    unfinished.write_text(json.dumps(ready), "utf-8")
    unfinished.replace(options.ready_file)
    # All that was built stays; looking through it again and again would take time from those who are measured.
    gc.freeze()
    await loop.run_in_executor(None, sys.stdin.read)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.server", description=__doc__)
    parser.add_argument("--product", choices=DIALECTS, required=True)
    parser.add_argument("--workloads", type=int, default=500)
    parser.add_argument("--points", type=int, default=20, help="of each workload")
    parser.add_argument("--variant", nargs="*", default=[], metavar="NAME=VALUE", help="of the dialect")
    parser.add_argument("--latency-ms", type=float, default=50.0)
    parser.add_argument("--ports", type=int, default=1, help="how many servers to look like")
    parser.add_argument("--ready-file", type=Path, required=True, help="written when it serves; it ends with its stdin")
    options = parser.parse_args()
    now = as_moment(datetime.now(timezone.utc))
    dialect = DIALECTS[options.product](build_even_estate(7, options.workloads, options.points, now))
    dialect.start_with(dict(variant.split("=", 1) for variant in options.variant))
    dialect.prepare()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        asyncio.run(_serve(options, dialect, Path(folder)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
