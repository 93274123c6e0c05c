# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each product's page lists what its adapter may send or run, and the README links to the page."""

from __future__ import annotations

import re

import pytest

from ansible_collections.backup.audit.plugins.module_utils._adapters.base import Adapter
from ansible_collections.backup.audit.plugins.module_utils._adapters.cli import CliAdapter
from ansible_collections.backup.audit.plugins.module_utils._adapters.rest import RestAdapter
from tests.integration.products import ADAPTERS
from tests.tools.project import ROOT


def section(page: str, heading: str) -> str:
    """Return that section of a page, or the complete page if it has no sections."""
    found = re.search(rf"^## {heading}\n(.*?)^## ", page, re.DOTALL | re.MULTILINE)
    assert found or "\n## " not in page, heading
    return found[1] if found else page


def read_page(adapter: type[Adapter]) -> str:
    return (ROOT / "docs" / "products" / f"{adapter.product}.md").read_text(encoding="utf-8")


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


def test_the_readme_leaves_no_product_out() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [name for name in ADAPTERS if f"(docs/products/{name}.md)" not in text] == []
