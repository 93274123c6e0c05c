# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The prose linter: its dictionary, and the texts that it finds in files."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

import pytest
import yaml

from tests.tools import prose
from tests.tools.project import project_files

ENTRIES: list[dict[str, Any]] = yaml.safe_load(prose.DICTIONARY.read_text(encoding="utf-8"))
CHECKS = prose.load_checks()


def phrases(name: str, content: str) -> list[tuple[int, str]]:
    """Return (line, rejected phrase) for a file."""
    path = PurePosixPath(name)
    return [(problem.line, problem.phrase) for problem in prose.lint(path, prose.read_texts(path, content), CHECKS)]


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: str(entry["write"]))
def test_each_expression_of_the_dictionary_has_an_example(entry: dict[str, Any]) -> None:
    """Each expression of an entry matches in its examples."""
    text = ", ".join(entry["example"])
    for pattern in entry["not"]:
        (check,) = prose.build_checks([{**entry, "not": [pattern]}])
        assert list(check.check(text)), (pattern, text)


@pytest.mark.parametrize(
    "text",
    [
        # Contains words of the dictionary in plain English.
        "There is no recovery point. There are no backups, and it is no longer listed.",
        "Failed requests are retried up to 4 times. The server reports this attribute.",
        "SLA stands for service level agreement. The newest recovery point is 5d 8h old (maximum 26h).",
        "2 recovery points, at least 7 required. It is read from the API, and it is already read.",
        "Read the documentation, which is ready. Its policy is built in.",
        "The API does not report this. The number of connections is limited. It is not a valid duration.",
    ],
)
def test_plain_sentences_are_accepted(text: str) -> None:
    assert phrases("page.md", text) == []


def test_code_of_markdown_is_skipped() -> None:
    page = (
        "# Judge\n\nThe `READ` of the page [stands in](READ.md):\n\n"
        "```yaml\nfacet: READ\n```\n\n| told by | `facet` |\n|-|-|\n| it is\n"
    )
    assert phrases("page.md", page) == [(1, "Judge"), (3, "stands"), (9, "told by")]


def test_a_phrase_may_be_wrapped() -> None:
    assert phrases("page.md", "One line.\n\nThe time is not\ntold, and nothing\nelse.\n") == [(3, "is not told")]


def test_messages_docstrings_and_comments_of_python() -> None:
    source = (
        '"""What is asked."""\n'
        "facet = read_facet('estate')  # The name facet is code, the word facet is not.\n"
        'MESSAGE = f"{facet} is no "\n'
        'OTHER = (f"{facet} is no "\n'
        '         "duration, wanted are C(facet) ``facet``")\n'
    )
    assert phrases("plugin.py", source) == [
        (1, "What is asked"),
        (2, "facet"),
        (2, "facet"),
        (4, "is no duration"),
        (4, "wanted are"),
    ]


def test_names_of_tests() -> None:
    source = "def test_what_is_judged() -> None:\n    judged = None\n"
    assert phrases("test_policy.py", source) == [(1, "judged")]


def test_roles_and_templates() -> None:
    assert phrases("main.yml", "- name: Judge the {{ estate }}\n# What stands here\n") == [(1, "Judge"), (2, "stands")]
    assert phrases("page.j2", "{% for facet in facets %}{# facet #}\n{{ facet }} is told{% endfor %}") == [
        (2, "is told")
    ]


def test_checked_files() -> None:
    for name in (
        "README.md",
        "docs/guides/faq.md",
        "roles/compliance/tasks/main.yml",
        "plugins/plugin_utils/_sanitize.py",
        "tests/tools/prose.py",
    ):
        assert prose.is_checked(PurePosixPath(name))
    for name in ("tests/tools/prose.yml", "CHANGELOG.md", "Makefile"):
        assert not prose.is_checked(PurePosixPath(name))


def test_every_text_of_the_project_is_accepted() -> None:
    """This is the same check as `make lint-prose`."""
    found = prose.find_problems([path for path in project_files() if prose.is_checked(path)], CHECKS)
    assert found == {}


def test_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert prose.main(["tests/tools/prose.yml"]) == 1
    printed = capsys.readouterr().out
    assert "tests/tools/prose.yml:14: 'READ': write 'read result'" in printed
    assert prose.main(["README.md"]) == 0
    assert capsys.readouterr().out == "1 files checked, 0 rejected words and phrases.\n"
