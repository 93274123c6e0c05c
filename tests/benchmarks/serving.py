# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Start a server with cached responses in its own process, query its statistics, and measure it alone."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.simulators.process import wait_or_kill
from tests.tools.project import ROOT

_SECONDS_TO_START = 600
# It ends immediately, except for responses that it is still sending.
_SECONDS_TO_END = 20


@dataclass(frozen=True)
class Server:
    """A running server: its address, its login data, and the ids of its workloads."""

    product: str
    points: int
    ready: dict[str, Any]

    @property
    def url(self) -> str:
        """Return its first address."""
        return str(self.ready["urls"][0])

    @property
    def login(self) -> dict[str, Any]:
        """Return connection options for an info module."""
        account = {name: self.ready[name] for name in ("username", "password", "ca_path")}
        return {"url": self.url, **account, **self.ready["options"]}

    def fetch_stats(self) -> dict[str, Any]:
        """Return the statistics since the last query, and close open sessions."""
        context = ssl.create_default_context(cafile=self.ready["ca_path"])
        connection = http.client.HTTPSConnection(urlsplit(self.url).netloc, context=context, timeout=600)
        try:
            connection.request("GET", "/__counters")
            stats: dict[str, Any] = json.loads(connection.getresponse().read())
        finally:
            connection.close()
        return stats


@contextmanager
def running_server(
    product: str,
    workloads: int,
    points: int,
    *,
    latency_ms: float = 50,
    ports: int = 1,
    variants: Sequence[str] = (),
) -> Iterator[Server]:
    """Run a server with this many workloads, this many points in total, and these variants of its product API."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        ready_file = Path(folder) / "ready.json"
        command = [
            sys.executable,
            "-m",
            "tests.benchmarks.server",
            f"--product={product}",
            f"--ready-file={ready_file}",
        ]
        command += [f"--workloads={workloads}", f"--points={points // workloads}"]
        command += [f"--latency-ms={latency_ms}", f"--ports={ports}"]
        command += ["--variant", *variants]
        process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE)
        try:
            deadline = time.monotonic() + _SECONDS_TO_START
            while not ready_file.exists():
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"the server of {product} did not start")
                time.sleep(0.05)
            yield Server(product, points // workloads * workloads, json.loads(ready_file.read_text("utf-8")))
        finally:
            # Closing its input ends it, and it removes its folder.
            assert process.stdin is not None
            process.stdin.close()
            wait_or_kill(process, _SECONDS_TO_END)


def throughput(server: Server, headers: dict[str, str], targets: list[str], connections: int) -> tuple[float, float]:
    """Return (responses, megabytes) per second for a client that only receives, over this many connections.

    Latency is included, because it affects the measured clients in the same way.
    """
    parts = urlsplit(server.url)
    context = ssl.create_default_context(cafile=server.ready["ca_path"])
    lines = "".join(f"{name}: {value}\r\n" for name, value in {"Host": parts.netloc, **headers}.items())
    shares = [targets[start::connections] for start in range(connections)]
    received = [0] * connections

    def send_requests(number: int) -> None:
        plain = socket.create_connection((str(parts.hostname), int(parts.port or 443)))
        with context.wrap_socket(plain, server_hostname=parts.hostname) as line:
            buffer = bytearray(2**18)
            for target in shares[number]:
                line.sendall(f"GET {target} HTTP/1.1\r\n{lines}\r\n".encode())
                received[number] += _receive(line, buffer)

    started = time.monotonic()
    threads = [threading.Thread(target=send_requests, args=(number,)) for number in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.monotonic() - started
    return len(targets) / seconds, sum(received) / seconds / 1e6


def _receive(line: ssl.SSLSocket, buffer: bytearray) -> int:
    """Receive one response and discard it; return the size of its body in bytes."""
    head = b""
    while b"\r\n\r\n" not in head:
        head += line.recv(2**16)
    head, _end, begun = head.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
    missing = length - len(begun)
    while missing > 0:
        missing -= line.recv_into(buffer, min(missing, len(buffer)))
    return length
