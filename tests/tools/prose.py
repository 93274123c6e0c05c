# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reject words and phrases of tests/tools/prose.yml in texts for people: python -m tests.tools.prose [FILE ...]

Checked are Markdown pages, plugin documentation, messages, docstrings, comments and names of tests in plugins, roles,
playbooks, templates and tests. Code in them is skipped.
"""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import yaml
from markdown_it import MarkdownIt
from proselint.registry.checks import Check
from proselint.registry.checks.engine import Fancy, RegexOptions
from proselint.registry.checks.types import PreferredForms

from tests.tools.project import ROOT, project_files

DICTIONARY = ROOT / "tests" / "tools" / "prose.yml"
FOLDERS = ("docs/", "roles/", "plugins/", "playbooks/", "extensions/", "changelogs/fragments/", ".github/", "tests/")
PAGES = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CODE_OF_CONDUCT.md", "galaxy.yml")
# These contain rejected phrases as examples.
EXAMPLES = ("tests/tools/prose.yml", "tests/tools/test_prose.py")
# Stands for code within a sentence.
CODE = "CODE"
# O(...), RV(...), ... of plugin documentation, `code` of Markdown and comments, ``code`` of docstrings.
_MARKUP = re.compile(r"\b(?:C|O|V|RV|E|P|M|L|U|B|I)\([^()]*(?:\([^()]*\)[^()]*)*\)|``[^`]+``|`[^`\n]+`")
_JINJA = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
# A text with a blank between two words is a sentence, or part of one.
_SENTENCE = re.compile(r"[A-Za-z]{2,},? [A-Za-z]{2,}")


@dataclass(frozen=True)
class Text:
    """A text for people, and the line on which it starts."""

    line: int
    content: str


@dataclass(frozen=True)
class Problem:
    """A rejected phrase."""

    path: PurePosixPath
    line: int
    phrase: str
    write: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: '{self.phrase}': write '{self.write}'"


def load_checks() -> list[Check]:
    """Build the checks of the dictionary."""
    return build_checks(yaml.safe_load(DICTIONARY.read_text(encoding="utf-8")))


def build_checks(entries: Iterable[Mapping[str, Any]]) -> list[Check]:
    """Build one check for each entry of a dictionary."""
    return [
        Check(
            check_type=PreferredForms(
                {f"(?:{pattern})".replace(" ", r"\s+"): entry["write"] for pattern in entry["not"]}
            ),
            engine=Fancy(RegexOptions(case_insensitive=not entry.get("case", False))),
            path="backup_audit.dictionary",
            message="{0}",
        )
        for entry in entries
    ]


def lint(path: PurePosixPath, texts: Iterator[Text], checks: Sequence[Check]) -> list[Problem]:
    """Return the rejected phrases in the texts of one file, in the order of lines."""
    found = []
    for text in texts:
        for check in checks:
            for result in check.check(text.content):
                start, end = result.span
                line = text.line + text.content.count("\n", 0, start)
                phrase = " ".join(text.content[start:end].split())
                found.append(Problem(path, line, phrase, result.replacements or ""))
    return sorted(found, key=lambda problem: problem.line)


def read_texts(path: PurePosixPath, content: str) -> Iterator[Text]:
    """Iterate over the texts for people in a file."""
    if path.suffix == ".md":
        return _markdown_texts(content)
    if path.suffix == ".py":
        return _python_texts(content)
    if path.suffix in (".yml", ".yaml", ".j2"):
        # Keys and code need no exception: the dictionary holds words that names do not contain either.
        return iter([Text(1, _without_code(content))])
    return iter(())


def _markdown_texts(content: str) -> Iterator[Text]:
    for token in MarkdownIt("commonmark").enable("table").parse(content):
        if token.type == "inline" and token.map is not None:
            parts = (
                CODE if part.type == "code_inline" else "\n" if part.type == "softbreak" else part.content
                for part in token.children or ()
                if part.type in ("text", "code_inline", "softbreak")
            )
            yield Text(token.map[0] + 1, "".join(parts))


def _python_texts(content: str) -> Iterator[Text]:
    nodes = list(ast.walk(ast.parse(content)))
    in_format_strings = {id(part) for node in nodes if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in nodes:
        if isinstance(node, ast.JoinedStr):
            parts = (part.value if isinstance(part, ast.Constant) else CODE for part in node.values)
            yield Text(node.lineno, _without_code("".join(map(str, parts))))
        elif isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            yield Text(node.lineno, node.name.replace("_", " "))
        elif id(node) in in_format_strings or not isinstance(node, ast.Constant):
            continue
        elif isinstance(node.value, str) and _SENTENCE.search(node.value):
            yield Text(node.lineno, _without_code(node.value))
    comments = [
        (token.start[0], token.string.lstrip("# "))
        for token in tokenize.generate_tokens(io.StringIO(content).readline)
        if token.type == tokenize.COMMENT
    ]
    for line, comment in comments:
        yield Text(line, _without_code(comment))


def _without_code(text: str) -> str:
    """Replace markup and templates by CODE, keeping line breaks so that line numbers stay right."""

    def replace(match: re.Match[str]) -> str:
        return f" {CODE} " + "\n" * match[0].count("\n")

    return _MARKUP.sub(replace, _JINJA.sub(replace, text))


def is_checked(path: PurePosixPath) -> bool:
    """Return whether a file of the project has texts for people."""
    return str(path) not in EXAMPLES and (str(path) in PAGES or str(path).startswith(FOLDERS))


def find_problems(paths: Sequence[PurePosixPath], checks: Sequence[Check]) -> dict[str, list[Problem]]:
    """Return path -> rejected phrases, for files that have any."""
    found = {}
    for path in paths:
        file = ROOT / path
        if not file.is_symlink() and file.suffix in (".md", ".py", ".yml", ".yaml", ".j2"):
            problems = lint(path, read_texts(path, file.read_text(encoding="utf-8")), checks)
            if problems:
                found[str(path)] = problems
    return found


def main(arguments: Sequence[str]) -> int:
    """Print every rejected phrase in the files, by default in all files of the project with texts for people."""
    paths = [PurePosixPath(name) for name in arguments] or [path for path in project_files() if is_checked(path)]
    found = find_problems(paths, load_checks())
    for problems in found.values():
        print("\n".join(map(str, problems)))
    print(f"{len(paths)} files checked, {sum(map(len, found.values()))} rejected words and phrases.")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
