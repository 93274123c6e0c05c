# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Views of the HTML report in a real browser: filters, the URL, exports, marks of timelines, phones and paper."""

from __future__ import annotations

import base64
import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.filter.to_html_report import to_html_report
from tests.unit.plugins.module_utils._policy.policy_points import EMPTY, point
from tests.unit.plugins.plugin_utils.assessments import (
    HOSTILE,
    compressed_assessment,
    daily_points,
    estate,
    plain,
    point_row,
    server,
)
from tests.unit.plugins.plugin_utils.browser import Page, in_browser
from tests.unit.plugins.plugin_utils.trends import estate_history

pypdfium2 = pytest.importorskip("pypdfium2")

SHOWN = "[...document.querySelectorAll('#table tr[data-v]')].filter((row) => !row.hidden)"
NAMES_SHOWN = f"{SHOWN}.map((row) => row.querySelector('bdi').textContent)"
# The WCAG ratio of each shape that carries information, against the background behind the picture.
MARKS = """
(() => {
  const parse = (color) => (color.match(/[\\d.]+/g) || []).map(Number);
  const light = (color) => {
    const [r, g, b] = parse(color).map((part) => part / 255)
      .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const parts = parse(getComputedStyle(one).backgroundColor);
      if (parts.length === 3 || parts[3] === 1) return getComputedStyle(one).backgroundColor;
    }
    return "rgb(255, 255, 255)";
  };
  const seen = {};
  for (const shape of document.querySelectorAll("svg rect, svg path")) {
    const svg = shape.closest("svg");
    const style = getComputedStyle(shape);
    const ground = light(behind(svg.parentElement));
    // A shape with a pattern is seen by the lines of the pattern; a shaded area by its border.
    const colors = [style.fill, style.stroke].filter((color) => color.startsWith("rgb") && parse(color)[3] !== 0);
    const ratios = colors.map(light).map((one) => (Math.max(one, ground) + 0.05) / (Math.min(one, ground) + 0.05));
    if (!style.fill.startsWith("url")) {
      const name = `${svg.getAttribute("class")} ${shape.getAttribute("class") || shape.closest("[id]").id}`;
      seen[name] = Math.min(seen[name] || 99, Math.max(...ratios));
    }
  }
  return seen;
})()
"""


async def opened(page: Page, file: Path, address: str = "") -> None:
    await page.open(file)
    if address:
        await page.evaluate(f"location.hash = {json.dumps(address)}")
        await page.evaluate("new Promise((done) => setTimeout(done, 100))")


def tier_names() -> set[str]:
    """Return the names of workloads of the tier silver."""
    return {str(one["workload_name"]) for one in plain(estate())["findings"] if one["tier"] == "silver"}


def test_control_server_and_group_names_filter_the_workloads(port: int, report: Path) -> None:
    """A link shows only related workloads and is stored in the URL. A control shows workloads that did not pass."""

    async def work(page: Page) -> dict[str, Any]:
        await opened(page, report)
        found = {}
        for name, value in (
            ("control", "offsite.min_count"),
            ("server", "vbr1.example.com"),
            ("tier", "gold <&>"),
            ("type", "vm"),
        ):
            one = (
                f"[...document.querySelectorAll('[data-filter={name}]')].find((one) => one.dataset.value === {value!r})"
            )
            await page.evaluate(f"{one}.querySelector('button').click()")
            found[name] = (await page.evaluate(NAMES_SHOWN), await page.evaluate("location.hash"))
        return found

    found = in_browser(port, work)
    findings = plain(estate())["findings"]
    failing = {
        one["workload_name"]
        for one in findings
        if one["control"] == "offsite.min_count" and one["result"] not in ("pass", "not_applicable")
    }
    assert failing
    assert set(found["control"][0]) == failing
    workloads = plain(estate())["workloads"]
    assert len(found["server"][0]) == sum(one["source"] == "vbr1.example.com" for one in workloads)
    assert found["tier"] == (["gold-db"], "#tier=gold+%3C%26%3E")
    assert len(found["type"][0]) == sum(one["workload_type"] == "vm" for one in workloads)
    assert found["server"][1] == "#server=vbr1.example.com"


def test_url_restores_a_view(port: int, report: Path) -> None:
    """The URL contains search terms, results, values and the order. Values that no longer exist are ignored."""

    async def work(page: Page) -> list[Any]:
        address = "q=e&result=fail,unknown&server=vbr1.example.com&sort=-n&platform=gone"
        await opened(page, report, address)
        restored = [await page.evaluate(NAMES_SHOWN), await page.evaluate("document.getElementById('search').value")]
        await page.evaluate("document.getElementById('clear').click()")
        return [*restored, await page.evaluate(f"{SHOWN}.length"), await page.evaluate("location.hash")]

    names, search_text, cleared, address = in_browser(port, work)
    assert names == ["offsite unknown", "never", "late", "encryption unknown"]
    assert (search_text, cleared, address) == ("e", 24, "")


def download(kind: str) -> str:
    """Return the script that clicks an export and returns the text that would be saved."""
    return f"""new Promise((done) => {{
        const create = URL.createObjectURL;
        URL.createObjectURL = (blob) => {{ blob.text().then(done); return create.call(URL, blob); }};
        document.querySelector('[data-export={kind}]').click();
        URL.createObjectURL = create;
    }})"""


def test_visible_rows_can_be_exported(port: int, report: Path) -> None:
    """CSV has no formulas, JSON has all findings, and both contain only the visible rows."""

    async def work(page: Page) -> tuple[str, str, list[str]]:
        await opened(page, report)
        everything = await page.evaluate(download("csv"))
        await opened(page, report, "result=fail")
        return everything, await page.evaluate(download("json")), page.complaints

    everything, failed, complaints = in_browser(port, work)
    assert complaints == []
    lines = list(csv.DictReader(io.StringIO(everything, newline=""), strict=True))
    assert len(lines) == len(plain(estate())["workloads"])
    names = {line["workload"] for line in lines}
    assert {f"'{HOSTILE[1]}", f"'{HOSTILE[2]}", HOSTILE[3]} <= names
    (late,) = (line for line in lines if line["workload"] == "late")
    assert (late["tier"], late["result"], late["status"], late["product"], late["workload_id"]) == (
        *("silver", "fail", "failed", "Veeam Backup & Replication", "id of late"),
    )
    assert "newest recovery point is 4d old" in late["reasons"]
    assert "not compliant since 2026-11-18" in late["history"]
    document = json.loads(failed)
    assert {one["workload"] for one in document} == {"late", "never"}
    (late,) = (one for one in document if one["workload"] == "late")
    assert {one["result"] for one in late["findings"]} >= {"pass", "fail"}


def timeline(name: str) -> str:
    """Return the script that returns the marks of a timeline by class."""
    row = f"{SHOWN}.find((row) => row.querySelector('bdi').textContent === {name!r})"
    return f"""new Promise((done) => {{ {row}.scrollIntoView(); const look = () => {{
        const svg = {row}.querySelector('svg');
        if (!svg) return setTimeout(look, 50);
        const marks = [...svg.querySelectorAll('[class]')].map((one) => [one.getAttribute('class'),
            one.getAttribute('width') || one.getAttribute('d').split('M').length - 1]);
        done({{marks: Object.fromEntries(marks), text: {row}.cells[5].textContent}});
    }}; look(); }})"""


def test_failing_gaps_are_shaded_and_uncounted_points_are_hollow(port: int, tmp_path: Path) -> None:
    """A gap is shaded within the window of the failing rule, but not older gaps or gaps of passing workloads."""
    rows = [
        # Passes: the gap is outside the window of 7 days.
        point_row("old gap", daily_points("FIII...IIIIIIII")),
        # Fails because of the gap of three days in the last 7; the older one does not matter.
        point_row("two gaps", daily_points("FI...IIIIIIII...II")),
        # Fails only because the newest point is too old.
        point_row("stopped", daily_points("FI...IIIIIIIIIII", days=3)),
        point_row("snapshots", daily_points("SSSSSSSSSSSSSSS")),
        point_row("doubtful", [point(days=day, hours=5, usable=None) for day in range(15)]),
        point_row("counts", daily_points("SSSSSSSSSSSSSSS"), platform="hyperv"),
    ]
    gap = {"limit": "48h", "within": "7d"}
    policies = [
        {
            "name": "snapshots",
            "match": {"platform": "hyperv"},
            "policy": {"recovery_points": {"max_gap": gap, "backup_types": ["snapshot"]}},
        },
        {"name": "age", "match": {"workload_name": "stopped"}, "policy": {"recovery_points": {"max_age": "26h"}}},
        {"name": "gaps", "policy": {"recovery_points": {"max_gap": gap}}},
    ]
    file = tmp_path / "report.html"
    file.write_text(
        to_html_report(compressed_assessment(server("vbr1", *rows), policy={"policies": policies})), "utf-8"
    )

    async def work(page: Page) -> dict[str, Any]:
        await opened(page, file)
        return {
            name: await page.evaluate(timeline(name))
            for name in ("old gap", "two gaps", "stopped", "snapshots", "doubtful", "counts")
        }

    found = in_browser(port, work)
    gaps = {name: [width for kind, width in one["marks"].items() if kind == "gap"] for name, one in found.items()}
    # Four units are a day; the timeline of a workload without any counted point is one gap.
    assert gaps == {
        "old gap": [],
        "two gaps": ["12"],
        "stopped": ["12"],
        "snapshots": ["60"],
        "doubtful": ["60"],
        "counts": [],
    }
    for name in ("snapshots", "doubtful"):
        assert found[name]["marks"]["S"] == 15
        assert "none of these count as recovery points" in found[name]["text"]
    assert ("S" in found["counts"]["marks"], found["counts"]["marks"].get("I")) == (False, 15)
    assert "none of these" not in found["counts"]["text"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("media", ["screen", "print"])
def test_timeline_mark_contrast(port: int, report: Path, scheme: str, media: str) -> None:
    """WCAG 1.4.11 requires at least 3:1 against the background."""

    async def work(page: Page) -> Any:
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        await page.call("Emulation.setEmulatedMedia", media=media, features=features)
        metrics = {"width": 1400, "height": 6000, "deviceScaleFactor": 1, "mobile": False}
        await page.call("Emulation.setDeviceMetricsOverride", **metrics)
        await opened(page, report)
        await page.evaluate("dispatchEvent(new Event('beforeprint'))")
        return await page.evaluate(MARKS)

    seen = in_browser(port, work)
    assert {"bar fail", "bar pass", "line F", "line S", "line x", "line base", "chart compliant"} <= set(seen)
    assert {f"patterns {name}-pattern" for name in ("failed", "not_proved", "unknown", "waived")} <= set(seen)
    assert {name: ratio for name, ratio in seen.items() if ratio < 3} == {}


def test_tables_fit_on_a_phone(port: int, report: Path) -> None:
    """Nothing is wider than the window or hidden behind a scroll bar, and every cell has its heading."""

    async def work(page: Page) -> tuple[Any, Any]:
        metrics = {"width": 360, "height": 900, "deviceScaleFactor": 1, "mobile": True}
        await page.call("Emulation.setDeviceMetricsOverride", **metrics)
        await opened(page, report)
        await page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        row = f"{SHOWN}.find((row) => row.querySelector('bdi').textContent === 'late')"
        await page.evaluate(f"{row}.scrollIntoView()")
        look = f"const more = {row}.querySelector('.more'); more ? done(more.click()) : setTimeout(look, 50)"
        await page.evaluate(f"new Promise((done) => {{ const look = () => {{ {look}; }}; look(); }})")
        wide = """[...document.querySelectorAll("main *:not(svg *)")].filter((one) => one.getClientRects().length
            && (one.getBoundingClientRect().right > innerWidth + 0.5 || one.scrollWidth > one.clientWidth + 1)
            && getComputedStyle(one).display !== 'inline' && !one.matches('select, input, pre'))
            .map((one) => one.outerHTML.slice(0, 90))"""
        unnamed = """[...document.querySelectorAll(".small tbody td")].filter((cell) => !cell.dataset.l).length"""
        return await page.evaluate(wide), await page.evaluate(unnamed)

    assert in_browser(port, work) == ([], 0)


def print_report(port: int, file: Path) -> list[str]:
    """Return the text of each page of the printed report."""

    async def work(page: Page) -> str:
        await opened(page, file)
        return str((await page.call("Page.printToPDF", preferCSSPageSize=True))["data"])

    document = pypdfium2.PdfDocument(base64.b64decode(in_browser(port, work)))
    return [page.get_textpage().get_text_range() for page in document]


def test_each_printed_page_has_number_date_and_policy(port: int, report: Path) -> None:
    """A single page can be attributed to its report."""
    pages = print_report(port, report)
    digest = plain(estate())["policy_sha256"]
    for number, text in enumerate(pages, 1):
        assert f"Page {number} of {len(pages)}" in text
        assert f"As of 2026-11-21 07:00 UTC, policy SHA-256 {digest}" in " ".join(text.split())


def test_160_workloads_print_on_at_most_12_pages(port: int, tmp_path: Path) -> None:
    """A third of the workloads fail for several reasons. Each page has all headings and at least three rows."""
    rows = [
        point_row(
            f"vm-{number:03d}.example.com",
            EMPTY if number % 3 == 0 else None,
            id=f"{number:08x}-7f2c-4686-8de5-58072c8810{number:03d}",
        )
        for number in range(160)
    ]
    file = tmp_path / "report.html"
    file.write_text(to_html_report(compressed_assessment(server("vbr1.example.com", *rows))), "utf-8")
    pages = print_report(port, file)
    assert len(pages) <= 12
    names = [re.findall(r"vm-\d{3}\.example\.com", text) for text in pages]
    assert sum(map(len, names)) == 160
    for text, found in zip(pages, names, strict=True):
        assert not found or len(found) >= 3
        if found:
            assert all(heading in text for heading in ("Result", "Workload", "Server", "Points", "Newest", "Reason"))


def test_printed_headings_stay_with_their_table(port: int, report: Path) -> None:
    """The last line of a page, above its margin, is never a heading."""
    headings = {"Controls", "Summary", "Data sources", "Workloads", "Exclusions", "Waivers", "Trend"}
    for text in print_report(port, report):
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        body = [line for line in lines if not line.startswith(("As of", "Page ", "policy SHA"))]
        assert body[-1] not in headings


def test_report_with_a_trend_is_deterministic() -> None:
    """The same history gives the same bytes."""
    assert to_html_report(estate(), history=estate_history()) == to_html_report(
        plain(estate()), history=estate_history()
    )
