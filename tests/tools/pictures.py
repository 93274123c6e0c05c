# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Create the pictures of the HTML report in docs/images: python -m tests.tools.pictures

Runs the demo without restic, because restic's row would name a folder of this machine. The runs before are invented, so
that there is a trend. Needs Chromium or Chrome.
"""

from __future__ import annotations

import base64
import copy
import json
import random
import struct
import sys
import tempfile
import zlib
from pathlib import Path
from typing import Any

import pypdfium2

from ansible_collections.backup.audit.plugins.filter.to_html_report import to_html_report
from ansible_collections.backup.audit.plugins.module_utils._core.times import DAY, SECOND, format_time, parse_time
from ansible_collections.backup.audit.plugins.module_utils._history.store import History
from ansible_collections.backup.audit.plugins.module_utils._history.trend import build_trend
from ansible_collections.backup.audit.plugins.plugin_utils._evidence.history_record import build_record
from tests.tools.demo import FINDINGS, OUTPUT, DemoError, run_play, simulators
from tests.tools.project import ROOT
from tests.unit.plugins.plugin_utils.browser import NAMES, Page, find_browser, in_browser, running

IMAGES = ROOT / "docs" / "images"
REPORT = OUTPUT / "report_with_trend.html"
WIDTH, WIDE, PHONE = 1100, 1400, 390
PHONE_HEIGHT = 1500
# The server whose workloads are shown, their number, and the workload whose findings are opened.
PRODUCT, ROWS, OPENED = "spp", 6, "lab-3"
# The history: number of days with runs, days without a run, and days on which one server was not read.
DAYS, UNKNOWN, UNREAD = 200, range(61, 64), (20, 21)

# Ends of parts of the page.
BOTTOM = "document.getElementById('{}').closest('section').querySelector('table').getBoundingClientRect().bottom"
SHOWN = "[...document.querySelectorAll('#table tr[data-v]')].filter((row) => !row.hidden)"


def invent_history(findings: dict[str, Any], folder: str) -> dict[str, Any]:
    """Return a result of compliance_history with invented runs before the one of the findings."""
    chance = random.Random(3)
    last = build_record(findings)
    end = parse_time(last["time"])
    history = History(folder, clock=lambda: end / SECOND)
    for day in range(DAYS, -1, -1):
        if day in UNKNOWN:
            continue
        record = copy.deepcopy(last)
        if day:
            record.update(time=format_time(end - day * DAY * SECOND), assessment_sha256=f"{day:064}")
            for workload in record["workloads"]:
                if chance.random() < 0.02 + 0.1 * (day > DAYS / 2):
                    workload[-1] = "failed"
                elif workload[-1] == "failed" and chance.random() < 0.05:
                    workload[-1] = "compliant"
        if day in UNREAD:
            unread = record["complete_sources"].pop(0)
            record["unread"] = [unread]
            record["workloads"] = [workload for workload in record["workloads"] if workload[0] != unread]
        with history.locked():
            history.append(record, 400 * DAY)
    trend = build_trend(history, "26h", "7d")
    return {"trend": base64.b64encode(zlib.compress(json.dumps(trend).encode())).decode()}


def write_report() -> None:
    """Write the report of the demo with a trend."""
    findings = json.loads(FINDINGS.read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as folder:
        history = invent_history(findings, folder)
    page = to_html_report(findings, policy_name="every night", run_by="the backup team", history=history)
    REPORT.write_text(page, encoding="utf-8")


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
    await page.open(REPORT)


async def capture(page: Page, width: int, top: float, bottom: float) -> bytes:
    clip = {"x": 0, "y": int(top), "width": width, "height": int(bottom - top), "scale": 1}
    answer = await page.call("Page.captureScreenshot", format="png", clip=clip, captureBeyondViewport=True)
    return base64.b64decode(answer["data"])


async def capture_report(page: Page) -> bytes:
    await open_report(page, WIDTH)
    return await capture(page, WIDTH, 0, await page.evaluate(BOTTOM.format("trend")) + 24)


async def capture_trend(page: Page) -> bytes:
    await open_report(page, WIDTH)
    top = await page.evaluate("document.getElementById('trend').getBoundingClientRect().top")
    bottom = await page.evaluate("document.querySelector('#trend ~ details table').getBoundingClientRect().bottom")
    return await capture(page, WIDTH, top - 16, bottom + 8)


async def capture_phone(page: Page) -> bytes:
    await open_report(page, PHONE)
    return await capture(page, PHONE, 0, PHONE_HEIGHT)


async def capture_print(page: Page) -> bytes:
    await open_report(page, WIDE)
    await page.call("Emulation.clearDeviceMetricsOverride")
    printed = await page.call("Page.printToPDF", preferCSSPageSize=True)
    bitmap = pypdfium2.PdfDocument(base64.b64decode(printed["data"]))[0].render(scale=1.4, rev_byteorder=True)
    return to_png(bitmap.width, bitmap.height, bytes(bitmap.buffer), bitmap.stride, bitmap.n_channels)


def to_png(width: int, height: int, pixels: bytes, stride: int, channels: int) -> bytes:
    """Return pixels of red, green and blue (and one more channel) as a PNG file."""
    rows = (pixels[row * stride : row * stride + width * channels] for row in range(height))
    lines = b"".join(b"\0" + row for row in rows)
    kind = {3: 2, 4: 6}[channels]
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0)),
        (b"IDAT", zlib.compress(lines, 9)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )


async def capture_workloads(page: Page) -> bytes:
    read_results = json.loads(FINDINGS.read_text(encoding="utf-8"))["data_sources"]
    (server,) = [read["server"]["host"] for read in read_results if read["server"]["product"] == PRODUCT]
    await open_report(page, WIDE)
    (name,) = await page.evaluate(
        f"[...document.querySelectorAll('[data-filter=server]')].map((one) => one.dataset.value)"
        f".filter((value) => value.includes({json.dumps(server)}))"
    )
    await page.evaluate(search(name))
    await page.evaluate("document.getElementById('workloads').scrollIntoView()")
    await page.evaluate(open_row(OPENED))
    top = await page.evaluate("document.getElementById('workloads').getBoundingClientRect().top + scrollY")
    bottom = await page.evaluate(f"{SHOWN}[{ROWS - 1}].getBoundingClientRect().bottom + scrollY")
    return await capture(page, WIDE, top - 16, bottom)


PICTURES = {
    "report.png": capture_report,
    "report_trend.png": capture_trend,
    "report_workloads.png": capture_workloads,
    "report_phone.png": capture_phone,
    "report_print.png": capture_print,
}


def main() -> int:
    browser = find_browser()
    if browser is None:
        print(f"No browser is found here: none of {', '.join(NAMES)}.", file=sys.stderr)
        return 1
    OUTPUT.mkdir(parents=True, exist_ok=True)
    try:
        with simulators() as ready:
            run_play(ready, {})
        write_report()
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
