# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fenced blocks of the documentation, with what is said of each in the line before it."""

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
    """One block. ``file`` is the path that it is the text of; ``not_run`` is why it cannot be run."""

    page: Path
    line: int
    language: str
    text: str
    before: str

    @property
    def place(self) -> str:
        """Page and line, as editors take them."""
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    @property
    def file(self) -> str | None:
        """The path in bold before it."""
        found = _FILE.fullmatch(self.before)
        return found[1] if found else None

    @property
    def not_run(self) -> str | None:
        """The reason in the comment before it."""
        found = _NOT_RUN.fullmatch(self.before)
        return found[1] if found else None


def blocks(page: Path) -> Iterator[Block]:
    """Every fenced block of a page, in lists too, without their indentation."""
    before, fence, language, start = "", "", "", 0
    inside: list[str] = []
    for number, line in enumerate(page.read_text("utf-8").splitlines(), 1):
        words = line.strip()
        if not fence and words.startswith("```"):
            fence, language, start, inside = line[: line.index("`")], words.strip("`"), number, []
            fence += words[: len(words) - len(words.lstrip("`"))]
        elif fence and words == fence.strip():
            yield Block(page, start, language, "".join(inside), before)
            fence, before = "", ""
        elif fence:
            inside.append(line.removeprefix(fence[: fence.index("`")]) + "\n")
        elif words:
            before = words


def pages() -> list[Path]:
    """Every page that a user reads."""
    return sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "roles").glob("*/README.md")])


def all_blocks(*languages: str) -> list[Block]:
    """Every block in these languages, but those of the tutorial, which has a test of its own."""
    return [
        block
        for page in pages()
        if page.name != "adding_a_product.md"
        for block in blocks(page)
        if block.language in languages
    ]
