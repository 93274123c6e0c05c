# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real browser for the tests of the HTML report, spoken to over its DevTools protocol. It can reach no network."""

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
    # Whatever the page asked for would fail, and be seen to be asked for.
    "--host-resolver-rules=MAP * ~NOTFOUND",
)


def find_browser() -> str | None:
    """Where it is, or None."""
    return next((path for path in map(shutil.which, NAMES) if path), None)


class Page:
    """One page. What it asked of the network is in ``requests``, what its scripts complained of in ``complaints``."""

    def __init__(self, socket: Any) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self.requests: list[str] = []
        self.complaints: list[str] = []

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        """One command, and its answer."""
        number = next(self._numbers)
        await self._socket.send_json({"id": number, "method": method, "params": params})
        while True:
            told = await self._next()
            if told.get("id") == number:
                assert "error" not in told, told
                answer: dict[str, Any] = told["result"]
                return answer

    async def _next(self) -> dict[str, Any]:
        message = await asyncio.wait_for(self._socket.receive(), SECONDS)
        assert message.type is aiohttp.WSMsgType.TEXT, f"the browser has gone: {message}"
        told: dict[str, Any] = json.loads(message.data)
        if told.get("method") == "Network.requestWillBeSent":
            self.requests.append(told["params"]["request"]["url"])
        if told.get("method") == "Runtime.exceptionThrown":
            self.complaints.append(str(told["params"]["exceptionDetails"]))
        if told.get("method") == "Log.entryAdded":
            self.complaints.append(told["params"]["entry"]["text"])
        return told

    async def open(self, file: Path) -> None:
        """Load a file and wait until all of it is there."""
        for domain in ("Network", "Runtime", "Log", "Page"):
            await self.call(f"{domain}.enable")
        # Keys go to the page in front only.
        await self.call("Page.bringToFront")
        number = next(self._numbers)
        params = {"url": file.as_uri()}
        await self._socket.send_json({"id": number, "method": "Page.navigate", "params": params})
        while (await self._next()).get("method") != "Page.loadEventFired":
            pass

    async def evaluate(self, expression: str) -> Any:
        """The value of an expression in the page."""
        told = await self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in told, told
        return told["result"].get("value")


@contextlib.contextmanager
def running(browser: str, folder: Path) -> Iterator[int]:
    """The port of a browser that runs as long as the block."""
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
    """What ``work`` (a coroutine function) makes of a new page."""

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
