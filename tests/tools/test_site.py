# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path, PurePosixPath

from tests.tools.links import Checker
from tests.tools.project import ROOT, project_files
from tests.tools.site import SITE, gather, list_pages

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


def test_pages_are_those_of_the_sidebar() -> None:
    assert list_pages(INDEX) == ["docs/one", "docs/two"]


def test_every_page_of_docs_stands_in_the_sidebar() -> None:
    pages = list_pages((SITE / "index.md").read_text(encoding="utf-8"))
    site = PurePosixPath(SITE.relative_to(ROOT))
    written = [
        str(file.with_suffix(""))
        for file in project_files()
        if file.suffix == ".md" and file.is_relative_to("docs") and file.parent != site
    ]
    assert len(pages) == len(set(pages))
    assert sorted(page for page in pages if page.startswith("docs/")) == sorted(written)


def test_what_pages_show_comes_with_them(tmp_path: Path) -> None:
    gather(ROOT, tmp_path / "source")
    first = (tmp_path / "source" / "index.md").read_text(encoding="utf-8")
    assert first.startswith((ROOT / "README.md").read_text(encoding="utf-8"))
    assert first.endswith((SITE / "index.md").read_text(encoding="utf-8"))
    checker = Checker(tmp_path / "source")
    for page in sorted((tmp_path / "source").rglob("*.md")):
        assert checker.broken(page) == []


def test_nothing_is_left_from_before(tmp_path: Path) -> None:
    gather(ROOT, tmp_path / "source")
    (tmp_path / "source" / "docs" / "gone.md").write_text("# Gone\n")
    gather(ROOT, tmp_path / "source")
    assert not (tmp_path / "source" / "docs" / "gone.md").exists()
