# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

from tests.tools.links import Checker, markdown_page
from tests.tools.project import ROOT, project_files
from tests.tools.site import EDIT, FIRST_SECTION, SITE, gather, list_pages, product_list, shorten_sidebar

INDEX = """<!-- a comment -->

```{toctree}
:hidden:
:caption: Use it

docs/one
Another title <docs/two>
```

Text.

```{toctree}

Modules <reference/index>
```
"""


def test_pages_are_listed_from_the_sidebar() -> None:
    assert list_pages(INDEX) == ["docs/one", "docs/two"]


REFERENCE = """.. _plugins_in_backup.audit:

Backup.Audit
============

.. toctree::
    :hidden:

    spp_recovery_points_info_module
    to_csv_filter
"""


def test_every_page_of_docs_is_in_the_sidebar() -> None:
    pages = list_pages((SITE / "index.md").read_text(encoding="utf-8"))
    site = PurePosixPath(SITE.relative_to(ROOT))
    written = [
        str(file.with_suffix(""))
        for file in project_files()
        if file.suffix == ".md" and file.is_relative_to("docs") and file.parent != site
    ]
    assert len(pages) == len(set(pages))
    assert sorted(page for page in pages if page.startswith("docs/")) == sorted(written)


def test_linked_files_are_copied_with_pages(tmp_path: Path) -> None:
    gather(ROOT, tmp_path / "source")
    first = (tmp_path / "source" / "index.md").read_text(encoding="utf-8")
    beginning, example, rest = (ROOT / "README.md").read_text(encoding="utf-8").partition(FIRST_SECTION)
    assert beginning in first
    assert example + rest in first
    assert first.endswith((SITE / "index.md").read_text(encoding="utf-8"))
    checker = Checker(tmp_path / "source")
    for page in sorted((tmp_path / "source").rglob("*.md")):
        assert checker.broken(page) == []


def test_every_page_has_a_link_to_its_source(tmp_path: Path) -> None:
    gather(ROOT, tmp_path / "source")
    sources = {}
    for page in (tmp_path / "source").rglob("*.md"):
        link = re.match(r"---\ngithub_url: (.*)\n---\n", page.read_text(encoding="utf-8"))
        assert link is not None, page
        sources[page.relative_to(tmp_path / "source").as_posix()] = link[1].removeprefix(EDIT)
    assert len(sources) > 1
    assert {page: source for page, source in sources.items() if source != page} == {
        "index.md": "README.md",
        "CHANGELOG.md": "changelogs/changelog.yaml",
    }
    assert set(sources.values()) <= {file.as_posix() for file in project_files()}


def test_the_first_page_lists_every_product_with_its_module(tmp_path: Path) -> None:
    gather(ROOT, tmp_path / "source")
    first = (tmp_path / "source" / "index.md").read_text(encoding="utf-8")
    products = first[first.index('<div class="products">') :].partition("</div>")[0]
    pages = {file.as_posix() for file in project_files() if file.is_relative_to("docs/products")}
    assert sorted(markdown_page(products).links) == sorted(pages)
    lines = [line for line in products.splitlines() if line.startswith("- ")]
    assert len(lines) == len(pages)
    modules = {file.stem for file in project_files() if file.match("plugins/modules/*_info.py")}
    assert {re.fullmatch(r"- \[.*\]\(.*\): `backup\.audit\.(\w+)`", line)[1] for line in lines} == modules  # type: ignore[index]


def test_a_product_without_its_own_module_has_the_one_above() -> None:
    table = "| [A & B](docs/products/a.md) (x) | `backup.audit.a_info` with `product: a` |\n"
    table += "| [C](docs/products/c.md) | the same with `product: c` |\n"
    listed = [line for line in product_list(table).splitlines() if line.startswith("- ")]
    assert listed == [
        "- [A & B](docs/products/a.md): `backup.audit.a_info`",
        "- [C](docs/products/c.md): `backup.audit.a_info`",
    ]


def test_the_sidebar_lists_plugins_without_descriptions() -> None:
    index = shorten_sidebar(REFERENCE)
    assert "\nModules, plugins and roles\n====" in index
    assert "Backup.Audit" not in index
    assert "    spp_recovery_points_info <spp_recovery_points_info_module>\n    to_csv <to_csv_filter>\n" in index


def test_old_files_are_removed(tmp_path: Path) -> None:
    gather(ROOT, tmp_path / "source")
    (tmp_path / "source" / "docs" / "gone.md").write_text("# Gone\n")
    gather(ROOT, tmp_path / "source")
    assert not (tmp_path / "source" / "docs" / "gone.md").exists()
