# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each product's page has the same sections, lists what its adapter may send or run, and is linked in the README."""

from __future__ import annotations

import itertools
import re

import pytest
from markdown_it import MarkdownIt

from ansible_collections.backup.audit.plugins.module_utils._adapters.base import Adapter
from ansible_collections.backup.audit.plugins.module_utils._adapters.cli import CliAdapter
from ansible_collections.backup.audit.plugins.module_utils._adapters.rest import RestAdapter
from tests.integration.products import ADAPTERS
from tests.tools.project import ROOT

# The sections of every page, in this order. The page of a tool has "Commands" instead of "Requests".
SECTIONS = ["Example", "Access", "Requests", "Workloads", "Recovery points", "Versions", "Limitations"]
OPTIONAL_LAST = "Troubleshooting"


def list_headings(page: str, level: str) -> list[str]:
    """Return the texts of the headings of one level, such as h2, in the order of the page."""
    tokens = MarkdownIt("commonmark").parse(page)
    return [
        inside.content
        for opening, inside in itertools.pairwise(tokens)
        if opening.type == "heading_open" and opening.tag == level
    ]


def section(page: str, heading: str) -> str:
    """Return that section of a page. Another section always follows it."""
    found = re.search(rf"^## {heading}\n(.*?)^## ", page, re.DOTALL | re.MULTILINE)
    assert found, heading
    return found[1]


def read_page(adapter: type[Adapter]) -> str:
    return (ROOT / "docs" / "products" / f"{adapter.product}.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", list(ADAPTERS))
def test_every_page_has_the_same_sections(name: str) -> None:
    adapter = ADAPTERS[name]
    page = read_page(adapter)
    expected = ["Commands" if issubclass(adapter, CliAdapter) and one == "Requests" else one for one in SECTIONS]
    found = list_headings(page, "h2")
    assert found in (expected, [*expected, OPTIONAL_LAST])
    assert len(list_headings(page, "h1")) == 1


@pytest.mark.parametrize("name", [name for name, adapter in ADAPTERS.items() if issubclass(adapter, RestAdapter)])
def test_every_allowed_request_is_on_the_page(name: str) -> None:
    adapter = ADAPTERS[name]
    assert issubclass(adapter, RestAdapter)
    requests = section(read_page(adapter), "Requests")
    # A page may shorten the start of a path and join alternatives in braces; the last part is always written in full.
    page_words = set(re.findall(r"[\w-]+", requests))
    for request in adapter.allowlist:
        last = next((part for part in reversed(request.path.split("/")) if part and "{" not in part), "/")
        assert request.method in page_words, request
        assert set(re.findall(r"[\w-]+", last)) <= page_words | {"api"} | {f"{one}-backup" for one in page_words}, (
            request
        )


@pytest.mark.parametrize("name", [name for name, adapter in ADAPTERS.items() if issubclass(adapter, CliAdapter)])
def test_every_allowed_command_is_on_the_page(name: str) -> None:
    adapter = ADAPTERS[name]
    assert issubclass(adapter, CliAdapter)
    commands = section(read_page(adapter), "Commands")
    for vector in adapter.allowlist:
        for word in vector:
            # Options that only affect the output format, and placeholders, may be omitted.
            if isinstance(word, str) and re.fullmatch(r"[a-z][a-z-]+", word):
                assert word in commands, (vector, word)


@pytest.mark.parametrize("name", list(ADAPTERS))
def test_every_page_explains_the_identity_of_the_server(name: str) -> None:
    """Either which value it is, or that there is none."""
    assert "`server.identity`" in read_page(ADAPTERS[name])


def test_the_readme_lists_every_product() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [name for name in ADAPTERS if f"(docs/products/{name}.md)" not in text] == []
