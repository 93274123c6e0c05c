# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check every link of the documentation: python -m tests.tools.links [FOLDER OF A BUILT SITE]

Without a folder, the project's Markdown files are checked as GitHub shows them, and in all files the addresses of this
project's files on GitHub. Files and anchors are looked up. No server is contacted: for links that leave the project,
only the form is checked.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from markdown_it import MarkdownIt
from markdown_it.token import Token

from tests.tools.project import ROOT, project_files

HOST = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+(:\d+)?", re.IGNORECASE)
ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
# Addresses of files of this project, for example in the documentation of plugins.
REPOSITORY = "https://github.com/backup-audit/backup.audit/blob/main/"
_TO_REPOSITORY = re.compile(re.escape(REPOSITORY) + r"([\w./#-]*\w)")
# The script of the theme turns these into links.
NO_PLACE = ("javascript:", "data:")


@dataclass
class Page:
    """The links of one page, and the anchors that other pages may link to."""

    links: list[str] = field(default_factory=list)
    anchors: set[str] = field(default_factory=set)


class HtmlPage(HTMLParser):
    """Links and anchors of an HTML page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.page = Page()
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.page.links += [found[name] or "" for name in ("href", "src") if name in found]
        self.page.anchors.update(found[name] or "" for name in ("id", "name") if name in found)


def slug(heading: str) -> str:
    """Return the anchor that GitHub generates for a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _text(inline: Token) -> str:
    return "".join(child.content for child in inline.children or () if child.type in ("text", "code_inline"))


def markdown_page(text: str) -> Page:
    """Parse links and anchors of a Markdown page. A second heading with the same text has the anchor TEXT-1."""
    page = Page()
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    for before, token in zip([None, *tokens], tokens, strict=False):
        if token.type == "inline" and before is not None and before.type == "heading_open":
            name, times = slug(_text(token)), 0
            while (anchor := f"{name}-{times}" if times else name) in page.anchors:
                times += 1
            page.anchors.add(anchor)
        for part in (token, *(token.children or ())):
            if part.type in ("html_block", "html_inline"):
                found = HtmlPage(part.content).page
                page.links += found.links
                page.anchors |= found.anchors
            target = part.attrGet({"link_open": "href", "image": "src"}.get(part.type, ""))
            if target is not None:
                page.links.append(str(target))
    return page


def find_form_problem(link: str) -> str | None:
    """Return the problem of a link that leaves the project, or None."""
    parts = urlsplit(link)
    if parts.scheme == "mailto":
        return None if ADDRESS.fullmatch(parts.path) else "not a valid mail address"
    if parts.scheme not in ("http", "https"):
        return f"unsupported scheme {parts.scheme}:"
    return None if HOST.fullmatch(parts.netloc) and " " not in link else "not a valid web address"


class Checker:
    """Looks up links in the pages below one folder, and reads each page once."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()
        self._pages: dict[Path, Page] = {}

    def page(self, file: Path) -> Page:
        if file not in self._pages:
            text = file.read_text(encoding="utf-8")
            self._pages[file] = markdown_page(text) if file.suffix == ".md" else HtmlPage(text).page
        return self._pages[file]

    def broken(self, file: Path) -> list[str]:
        """List one line for each broken link of a page."""
        found = ((link, self._find_problem(file, link)) for link in dict.fromkeys(self.page(file).links))
        return [f"{file.relative_to(self._root)}: {link}: {why}" for link, why in found if why is not None]

    def broken_addresses(self, file: Path) -> list[str]:
        """List one line for each address of a file of this project that is broken."""
        paths = _TO_REPOSITORY.findall(file.read_text(encoding="utf-8", errors="replace"))
        found = ((path, self._find_problem(self._root / "README.md", path)) for path in dict.fromkeys(paths))
        return [f"{file.relative_to(self._root)}: {REPOSITORY}{path}: {why}" for path, why in found if why is not None]

    def _find_problem(self, file: Path, link: str) -> str | None:
        if link.startswith(NO_PLACE):
            return None
        parts = urlsplit(link)
        if parts.scheme or parts.netloc:
            return find_form_problem(link)
        target = (file.parent / unquote(parts.path)).resolve() if parts.path else file
        if not target.is_relative_to(self._root):
            return "outside of the project"
        if not target.exists():
            return "file not found"
        anchor = unquote(parts.fragment)
        if anchor and target.suffix in (".md", ".html") and anchor not in self.page(target).anchors:
            return "anchor not found"
        return None


def main(arguments: list[str]) -> int:
    if arguments:
        root = Path(arguments[0]).resolve()
        files = sorted(root.rglob("*.html"))
    else:
        root = ROOT
        files = [ROOT / file for file in project_files() if file.suffix == ".md"]
    checker = Checker(root)
    broken = [line for file in files for line in checker.broken(file)]
    if not arguments:
        every = [ROOT / file for file in project_files()]
        broken += [line for file in every if file.is_file() for line in checker.broken_addresses(file)]
    for line in broken:
        print(line)
    links = sum(len(checker.page(file).links) for file in files)
    print(f"{len(files)} pages, {links} links, {len(broken)} broken.")
    return 1 if broken or not files else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
