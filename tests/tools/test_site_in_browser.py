# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation site that `make docs` built, opened as files in a real browser."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine, Iterator
from typing import Any

import pytest

from tests.tools.project import ROOT
from tests.unit.plugins.plugin_utils.browser import NAMES, Page, find_browser, in_browser, running

SITE = ROOT / "build" / "docs"
# To find a new page, 50 ms apart.
ATTEMPTS = 600
PAGES = ("index.html", "docs/getting_started.html", "CHANGELOG.html", "reference/recovery_points_assert_module.html")
RESULTS = """
new Promise((done) => {
  const look = () => {
    if (!/found/.test(document.querySelector(".search-summary")?.textContent)) return setTimeout(look, 50);
    // The quotes come last.
    setTimeout(() => done([...document.querySelectorAll("#search-results li")].map((item) => [
      item.querySelector("a").href.split("#")[0], item.querySelector("p.context")?.textContent
    ])), 500);
  };
  look();
})
"""


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Start a browser for all tests of this file."""
    if not (SITE / "search.html").is_file():
        pytest.skip("there is no site: run make docs")
    browser = find_browser()
    if browser is None:
        pytest.skip(f"no browser is found here: none of {', '.join(NAMES)}")
    with running(browser, tmp_path_factory.mktemp("browser")) as listening:
        yield listening


async def follow(page: Page, action: Coroutine[Any, Any, Any]) -> None:
    """Wait until an action has led to the search page. The browser rejects commands while it replaces the page."""
    loaded = "location.pathname.endsWith('/search.html') && document.readyState === 'complete'"
    with contextlib.suppress(AssertionError):
        await action
    for _attempt in range(ATTEMPTS):
        with contextlib.suppress(AssertionError):
            if await page.evaluate(loaded):
                return
        await asyncio.sleep(0.05)
    raise AssertionError("the search page was not opened")


def check_results(results: list[tuple[str, str | None]]) -> None:
    """Every result has a quote, and the pages about policies are among the results for "immutable"."""
    files = {(SITE / "docs" / "reference" / name).as_uri() for name in ("policy.html", "evaluation.html")}
    assert files <= {address for address, _quote in results}
    assert [address for address, quote in results if not quote] == []
    assert any("immutable" in (quote or "") for _address, quote in results)


def test_search_page(port: int) -> None:
    """Results quote the pages, without any error or request over the network."""

    async def work(page: Page) -> list[Any]:
        await page.open(SITE / "search.html", "?q=immutable")
        found = await page.evaluate(RESULTS)
        return [found, page.complaints, [url for url in page.requests if not url.startswith(("file:", "data:"))]]

    results, complaints, requests = in_browser(port, work)
    check_results(results)
    assert (complaints, requests) == ([], [])


@pytest.mark.parametrize("name", PAGES)
def test_search_box_of_a_page(port: int, name: str) -> None:
    """Words that are typed into the box, followed by Enter, lead to the results."""

    async def work(page: Page) -> Any:
        await page.open(SITE / name)
        await page.evaluate("document.querySelector('#rtd-search-form input[type=text]').focus()")
        await page.call("Input.insertText", text="immutable")
        enter = {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13, "text": "\r"}
        await follow(page, page.call("Input.dispatchKeyEvent", type="keyDown", **enter))
        return await page.evaluate(RESULTS)

    check_results(in_browser(port, work))


def test_product_menu(port: int) -> None:
    """Selecting a product shows the links to its page and to its module, and no others."""
    visible = "[...document.querySelectorAll('.products li:not([hidden]) a')].map((link) => link.getAttribute('href'))"

    async def work(page: Page) -> list[Any]:
        await page.open(SITE / "index.html")
        found = [await page.evaluate(visible)]
        numbers = await page.evaluate("[...document.querySelector('.products select').options].map((one) => one.value)")
        for number in numbers[1:]:
            select = f"menu.value = {number!r}; menu.dispatchEvent(new Event('change'))"
            await page.evaluate(f"(() => {{ const menu = document.querySelector('.products select'); {select}; }})()")
            found.append(await page.evaluate(visible))
        return found

    nothing, *products = in_browser(port, work)
    assert nothing == []
    assert sorted(links[0] for links in products) == sorted(
        f"docs/products/{file.stem}.html" for file in (ROOT / "docs" / "products").glob("*.md")
    )
    for links in products:
        assert len(links) == 2
        assert (SITE / links[1]).is_file()


@pytest.mark.parametrize("width", [1400, 390])
@pytest.mark.parametrize("name", [*PAGES, "docs/reference/capabilities.html"])
def test_pages_fit_into_the_window(port: int, name: str, width: int) -> None:
    """Headings wrap, and wide tables and examples scroll in their own frames."""
    outside = """
    [...document.querySelectorAll("[role=main] :is(h1, h2, h3, h4, p, li, pre, table)")].filter((element) => {
      for (let one = element; one !== document.body; one = one.parentElement) {
        if (getComputedStyle(one).overflowX === "auto") return false;
      }
      return element.getBoundingClientRect().left + element.scrollWidth > window.innerWidth;
    }).map((element) => `${element.tagName} ${element.textContent.slice(0, 40)}`)
    """

    async def work(page: Page) -> Any:
        metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        await page.call("Emulation.setDeviceMetricsOverride", **metrics)
        await page.open(SITE / name)
        # The script of the theme puts frames around tables.
        await page.evaluate("new Promise((done) => jQuery(() => setTimeout(done)))")
        return await page.evaluate(outside)

    assert in_browser(port, work) == []
