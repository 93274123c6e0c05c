# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real browser for tests of HTML pages, controlled with the DevTools protocol, without network access."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
SECONDS = 60
_FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-dev-shm-usage", "--remote-debugging-port=0", "--window-size=1400,900"),
    # Any request of the page would fail and be recorded.
    "--host-resolver-rules=MAP * ~NOTFOUND",
)


def find_browser() -> str | None:
    """Return the path of the browser, or None."""
    return next((path for path in map(shutil.which, NAMES) if path), None)


class Page:
    """One page. ``requests`` lists its network requests, ``complaints`` the errors of its scripts."""

    def __init__(self, socket: Any) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self.requests: list[str] = []
        self.complaints: list[str] = []

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Send one command and return its result."""
        number = next(self._numbers)
        await self._socket.send_json({"id": number, "method": method, "params": params})
        while True:
            result = await self._next()
            if result.get("id") == number:
                assert "error" not in result, result
                answer: dict[str, Any] = result["result"]
                return answer

    async def _next(self) -> dict[str, Any]:
        message = await asyncio.wait_for(self._socket.receive(), SECONDS)
        assert message.type is aiohttp.WSMsgType.TEXT, f"the browser has gone: {message}"
        document: dict[str, Any] = json.loads(message.data)
        if document.get("method") == "Network.requestWillBeSent":
            self.requests.append(document["params"]["request"]["url"])
        if document.get("method") == "Runtime.exceptionThrown":
            self.complaints.append(str(document["params"]["exceptionDetails"]))
        if document.get("method") == "Log.entryAdded":
            self.complaints.append(document["params"]["entry"]["text"])
        return document

    async def open(self, file: Path, query: str = "") -> None:
        """Load a file and wait until it is complete."""
        for domain in ("Network", "Runtime", "Log", "Page"):
            await self.call(f"{domain}.enable")
        # Only the page in front receives key events.
        await self.call("Page.bringToFront")
        number = next(self._numbers)
        params = {"url": file.as_uri() + query}
        await self._socket.send_json({"id": number, "method": "Page.navigate", "params": params})
        while (await self._next()).get("method") != "Page.loadEventFired":
            pass

    async def evaluate(self, expression: str) -> Any:
        """Return the value of an expression in the page."""
        result = await self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")


@contextlib.contextmanager
def running(browser: str, folder: Path) -> Iterator[int]:
    """Provide the port of a browser that runs while the block runs."""
    profile = folder / "profile"
    process = subprocess.Popen(
        [browser, *_FLAGS, f"--user-data-dir={profile}", "about:blank"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        for line in process.stderr:
            if "DevTools listening on" in line:
                yield int(line.rpartition(":")[2].partition("/")[0])
                return
        raise AssertionError(f"{browser} ended before it listened, with {process.wait()}")
    finally:
        process.kill()
        process.communicate()


def in_browser(port: int, work: Callable[[Page], Any]) -> Any:
    """Call ``work`` (a coroutine function) with a new page and return its result."""

    async def run() -> Any:
        async with aiohttp.ClientSession() as session:
            async with session.put(f"http://127.0.0.1:{port}/json/new?about:blank") as answer:
                target = await answer.json()
            async with session.ws_connect(target["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                try:
                    return await work(Page(socket))
                finally:
                    await session.get(f"http://127.0.0.1:{port}/json/close/{target['id']}")

    return asyncio.run(run())
