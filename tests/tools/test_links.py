# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest

from tests.tools.links import REPOSITORY, Checker, find_form_problem, main, markdown_page, slug

OTHER = "# Other page\n\n## One & `two`\n\n## Twice\n\n## Twice\n\n<a id='by-hand'></a>\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "other.md").write_text(OTHER)
    (tmp_path / "docs" / "picture one.png").write_bytes(b"")
    return tmp_path


def broken(root: Path, text: str) -> list[str]:
    page = root / "README.md"
    page.write_text(text)
    return Checker(root).broken(page)


@pytest.mark.parametrize(
    ("heading", "anchor"),
    [
        ("Results for a healthy workload", "results-for-a-healthy-workload"),
        ("One & two", "one--two"),
        ("max_age: 26h?", "max_age-26h"),
        ("3-2-1-1-0", "3-2-1-1-0"),
    ],
)
def test_anchors_match_github(heading: str, anchor: str) -> None:
    assert slug(heading) == anchor


def test_repeated_headings_are_numbered() -> None:
    assert markdown_page(OTHER).anchors == {"other-page", "one--two", "twice", "twice-1", "by-hand"}


@pytest.mark.parametrize(
    "link",
    [
        "[x](docs/other.md)",
        "[x](docs/other.md#one--two)",
        "[x](docs/other.md#twice-1)",
        "[x](docs/other.md#by-hand)",
        "[x](#top)",
        "![x](docs/picture%20one.png)",
        "[x](docs)",
        "[x][name]\n\n[name]: docs/other.md#twice",
        "| [x](docs/other.md) |\n|---|\n| [x](docs/other.md#twice) |",
        "[x](https://example.com/a?b=c#d)",
        "[x](mailto:security@example.com)",
        "`[x](nowhere.md)`",
        "```\n[x](nowhere.md)\n```",
        "<!-- [x](nowhere.md) -->",
    ],
)
def test_valid_links(root: Path, link: str) -> None:
    assert broken(root, f"# Top\n\n{link}\n") == []


def test_addresses_of_files_of_this_project(root: Path) -> None:
    file = root / "module.py"
    file.write_text(f"L(one,{REPOSITORY}docs/other.md) {REPOSITORY}docs/other.md#twice.\n")
    assert Checker(root).broken_addresses(file) == []
    file.write_text(f"L(one,{REPOSITORY}docs/gone.md) {REPOSITORY}docs/other.md#three.\n")
    gone, three = Checker(root).broken_addresses(file)
    assert gone.startswith(f"module.py: {REPOSITORY}docs/gone.md: ")
    assert three.startswith(f"module.py: {REPOSITORY}docs/other.md#three: ")


@pytest.mark.parametrize(
    ("link", "why"),
    [
        ("[x](docs/gone.md)", "file not found"),
        ("![x](docs/gone.png)", "file not found"),
        ("[x](docs/other.md#three)", "anchor not found"),
        ("[x](#nowhere)", "anchor not found"),
        ("[x][name]\n\n[name]: docs/other.md#nowhere", "anchor not found"),
        ("| [x](docs/gone.md) |\n|---|\n| y |", "file not found"),
        ("<a href='docs/gone.md'>x</a>", "file not found"),
        ("[x](../outside.md)", "outside of the project"),
        ("[x](/docs/other.md)", "outside of the project"),
        ("[x](https://nowhere)", "not a valid web address"),
        ("[x](https:///path)", "not a valid web address"),
        ("[x](htps://example.com)", "unsupported scheme htps:"),
        ("[x](mailto:nobody)", "not a valid mail address"),
    ],
)
def test_broken_links(root: Path, link: str, why: str) -> None:
    found = broken(root, f"# Top\n\n{link}\n")
    assert len(found) == 1
    assert found[0].startswith("README.md: ")
    assert why in found[0]


def test_a_built_site(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "index.html").write_text('<h1 id="top"></h1><a href="two.html#end">x</a><a href="two.html#gone">x</a>')
    (tmp_path / "two.html").write_text('<p id="end"></p><img src="gone.png"><a href="index.html#top">x</a>')
    assert main([str(tmp_path)]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "index.html: two.html#gone: anchor not found",
        "two.html: gone.png: file not found",
        "2 pages, 4 links, 2 broken.",
    ]


def test_a_site_without_pages_is_an_error(tmp_path: Path) -> None:
    assert main([str(tmp_path)]) == 1


def test_external_links_are_not_requested() -> None:
    assert find_form_problem("https://no-such-host.example.com/") is None


def test_the_documentation_itself(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0, capsys.readouterr().out
