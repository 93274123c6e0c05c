# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Simulated servers for the integration tests: one set per test run, reset before each test."""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.simulators import running


class Simulators:
    """The ready document, the true data, and the controls of running simulators."""

    def __init__(self, ready: dict[str, Any]) -> None:
        self.ready = ready
        self.estate: dict[str, Any] = json.loads(Path(ready["estate"]).read_text("utf-8"))
        self._context = ssl.create_default_context(cafile=ready["ca_path"])

    def ask(self, product: str, path: str, body: Any = None) -> Any:
        """Call one of the simulators' control paths: __requests, __sessions, __faults, __variant, __reset."""
        url = f"{self.ready['products'][product]['control']}/{path}"
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        parts = urlsplit(url)
        connection = http.client.HTTPSConnection(parts.netloc, timeout=30, context=self._context)
        try:
            connection.request("GET" if body is None else "POST", parts.path, data, headers)
            answer = connection.getresponse()
            text = answer.read()
            assert answer.status < 300, f"{url} answered {answer.status}: {text!r}"
        finally:
            connection.close()
        return json.loads(text) if text else None

    def requests(self, product: str) -> list[dict[str, Any]]:
        """List the requests that clients sent since the last reset."""
        recorded = self.ask(product, "__requests")
        return list(recorded["requests"] if isinstance(recorded, dict) else recorded)

    @property
    def products(self) -> list[str]:
        """List the names of all products served."""
        return list(self.ready["products"])

    def reset(self) -> None:
        """Clear faults, variants, sessions and recorded requests."""
        for product in self.products:
            self.ask(product, "__reset", {})


@pytest.fixture(scope="session")
def running_simulators() -> Iterator[Simulators]:
    """All products, 20 workloads, 30 points each."""
    with running() as ready:
        yield Simulators(ready)


@pytest.fixture
def simulators(running_simulators: Simulators) -> Iterator[Simulators]:
    """The same simulators after a reset. Fails if a test leaves a session open."""
    running_simulators.reset()
    yield running_simulators
    left = {product: running_simulators.ask(product, "__sessions")["open"] for product in running_simulators.products}
    assert not any(left.values()), f"sessions were left open: {left}"
