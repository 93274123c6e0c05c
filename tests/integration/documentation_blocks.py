# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fenced code blocks of the documentation, with the line before each."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.tools.project import ROOT

_FILE = re.compile(r"\*\*`([^`]+)`\*\*")
_NOT_RUN = re.compile(r"<!-- not run: (.+) -->")


@dataclass(frozen=True)
class Block:
    """One code block. ``file`` is the path of the file with this text; ``not_run`` is why it cannot be run."""

    page: Path
    line: int
    language: str
    text: str
    before: str

    @property
    def place(self) -> str:
        """Page and line in the form that editors accept."""
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    @property
    def file(self) -> str | None:
        """The path in bold before the block."""
        found = _FILE.fullmatch(self.before)
        return found[1] if found else None

    @property
    def not_run(self) -> str | None:
        """The reason in the comment before the block."""
        found = _NOT_RUN.fullmatch(self.before)
        return found[1] if found else None


def blocks(page: Path) -> Iterator[Block]:
    """Yield every fenced block of a page, including those in lists, without indentation."""
    before, fence, language, start = "", "", "", 0
    inside: list[str] = []
    for number, line in enumerate(page.read_text("utf-8").splitlines(), 1):
        text = line.strip()
        if not fence and text.startswith("```"):
            fence, language, start, inside = line[: line.index("`")], text.strip("`"), number, []
            fence += text[: len(text) - len(text.lstrip("`"))]
        elif fence and text == fence.strip():
            yield Block(page, start, language, "".join(inside), before)
            fence, before = "", ""
        elif fence:
            inside.append(line.removeprefix(fence[: fence.index("`")]) + "\n")
        elif text:
            before = text


def pages() -> list[Path]:
    """List every page for users."""
    return sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "roles").glob("*/README.md")])


def all_blocks(*languages: str) -> list[Block]:
    """List every block in these languages, except those of the tutorial, which has its own test."""
    return [
        block
        for page in pages()
        if page.name != "adding_a_product.md"
        for block in blocks(page)
        if block.language in languages
    ]
