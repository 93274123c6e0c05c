# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Create the screenshots of the HTML report in docs/images: python -m tests.tools.pictures

Runs the demo without restic, because restic's row would name a folder of this machine. Needs Chromium or Chrome.
"""

from __future__ import annotations

import base64
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.tools.demo import FINDINGS, OUTPUT, DemoError, run_play, simulators
from tests.tools.project import ROOT
from tests.unit.plugins.plugin_utils.browser import NAMES, Page, find_browser, in_browser, running

IMAGES = ROOT / "docs" / "images"
WIDTH, WIDE = 1100, 1400
# The server whose workloads are shown, how many of them, and the workload whose findings are opened.
PRODUCT, ROWS, OPENED = "spp", 6, "lab-3"

# From the top of the page to the end of the controls table.
TOP = "document.getElementById('controls').closest('section').querySelector('table').getBoundingClientRect().bottom"
SHOWN = "[...document.querySelectorAll('#table tr[data-v]')].filter((row) => !row.hidden)"


def search(text: str) -> str:
    typed = f"box.value = {json.dumps(text)}; box.dispatchEvent(new Event('input'))"
    wait = "setTimeout(done, 400)"
    return f"new Promise((done) => {{ const box = document.getElementById('search'); {typed}; {wait}; }})"


def open_row(name: str) -> str:
    """Click the name after the script has made it a button, and wait until the timelines are drawn."""
    row = f"{SHOWN}.find((row) => row.querySelector('bdi').textContent === {json.dumps(name)})"
    clicked = "(more.click(), setTimeout(done, 600))"
    look = f"const more = {row}.querySelector('.more'); more ? {clicked} : setTimeout(look, 50)"
    return f"new Promise((done) => {{ const look = () => {{ {look}; }}; look(); }})"


async def open_report(page: Page, width: int) -> None:
    light: dict[str, Any] = {"features": [{"name": "prefers-color-scheme", "value": "light"}]}
    await page.call("Emulation.setEmulatedMedia", **light)
    window: dict[str, Any] = {"width": width, "height": 2400, "deviceScaleFactor": 1, "mobile": False}
    await page.call("Emulation.setDeviceMetricsOverride", **window)
    await page.open(OUTPUT / "report.html")


async def capture(page: Page, width: int, top: float, bottom: float) -> bytes:
    clip = {"x": 0, "y": int(top), "width": width, "height": int(bottom - top), "scale": 1}
    answer = await page.call("Page.captureScreenshot", format="png", clip=clip, captureBeyondViewport=True)
    return base64.b64decode(answer["data"])


async def capture_report(page: Page) -> bytes:
    await open_report(page, WIDTH)
    return await capture(page, WIDTH, 0, await page.evaluate(TOP) + 24)


async def capture_workloads(page: Page) -> bytes:
    read_results = json.loads(FINDINGS.read_text(encoding="utf-8"))["data_sources"]
    (server,) = [read["server"]["host"] for read in read_results if read["server"]["product"] == PRODUCT]
    await open_report(page, WIDE)
    await page.evaluate(search(server))
    await page.evaluate("document.getElementById('workloads').scrollIntoView()")
    await page.evaluate(open_row(OPENED))
    top = await page.evaluate("document.getElementById('workloads').getBoundingClientRect().top + scrollY")
    bottom = await page.evaluate(f"{SHOWN}[{ROWS - 1}].getBoundingClientRect().bottom + scrollY")
    return await capture(page, WIDE, top - 16, bottom)


PICTURES = {"report.png": capture_report, "report_workloads.png": capture_workloads}


def main() -> int:
    browser = find_browser()
    if browser is None:
        print(f"No browser is found here: none of {', '.join(NAMES)}.", file=sys.stderr)
        return 1
    OUTPUT.mkdir(parents=True, exist_ok=True)
    try:
        with simulators() as ready:
            run_play(ready, {})
    except DemoError as error:
        print(f"The demo broke: {error}", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as folder, running(browser, Path(folder)) as port:
        for name, work in PICTURES.items():
            content: bytes = in_browser(port, work)
            (IMAGES / name).write_bytes(content)
            print(f"{(IMAGES / name).relative_to(ROOT)}: {len(content):,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
