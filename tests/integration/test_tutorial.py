# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Executes docs/development/adding_a_product.md in a copy of the project: files, commands and their output."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.documentation_blocks import Block, blocks
from tests.integration.running_modules import get_login
from tests.integration.running_plays import play
from tests.simulators import running
from tests.skips import is_enforced
from tests.tools.project import IN_COPY, ROOT, copy_project, get_collections_path

PAGE = ROOT / "docs" / "development" / "adding_a_product.md"
LINES = 300
LINTERS = (".venv/bin/mypy", ".venv/bin/ruff")
# Numbers that differ between runs or grow with the project.
_PASSING = re.compile(r"\d+(?:\.\d+)?(?=s$| passed| deselected| source files)")


def added(block: Block) -> int:
    """Return the number of lines that a block adds to the project."""
    lines = block.text.splitlines()
    return sum(line.startswith("+") for line in lines) if block.language == "diff" else len(lines)


def files() -> list[Block]:
    """Return the blocks that are files or lines of files."""
    return [block for block in blocks(PAGE) if block.file]


def commands() -> list[tuple[str, str]]:
    """List (command, output on the page) in the order of the page."""
    text = "".join(block.text for block in blocks(PAGE) if block.language == "console")
    return [(part.partition("\n")[0], part.partition("\n")[2]) for part in text.split("$ ")[1:]]


def write(copy: Path, block: Block) -> None:
    """Follow the page by writing a complete file, or adding lines between existing lines."""
    path = copy / str(block.file)
    if block.language != "diff":
        assert not path.exists(), f"{block.place}: {block.file} already exists"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.text, "utf-8")
        return
    lines = block.text.splitlines(keepends=True)
    before = "".join(line[1:] for line in lines if not line.startswith("+"))
    after = "".join(line[1:] for line in lines if not line.startswith("-"))
    text = path.read_text("utf-8")
    assert text.count(before) == 1, f"{block.place}: {block.file} does not contain this exactly once:\n{before}"
    path.write_text(text.replace(before, after), "utf-8")


@pytest.fixture(scope="module", autouse=True)
def not_measured() -> Iterator[None]:
    """Start no process with coverage: its report fails without the files of the copy."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG"):
            patch.delenv(name, raising=False)
        yield


@pytest.fixture(scope="module")
def copy() -> Iterator[Path]:
    """Create a copy of the project after `make setup`, with all files of the page."""
    with copy_project() as folder:
        environment = folder / ".venv"
        link = environment / "tree" / IN_COPY
        link.parent.mkdir(parents=True)
        link.symlink_to(folder)
        for path in Path(sys.prefix).iterdir():
            if path.name not in ("tree", "collections"):
                (environment / path.name).symlink_to(path)
        for block in files():
            write(folder, block)
        yield folder


@pytest.fixture(scope="module")
def printed(copy: Path) -> dict[str, str]:
    """Return the output of each command; none may fail. Linters exist only in the environment of `make setup`."""
    settings = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    outputs = {}
    for command, _output in commands():
        program = command.split()[0]
        # They must exist in CI, so that no command is skipped silently.
        if program in LINTERS and not (copy / program).exists() and not is_enforced():
            continue
        ended = subprocess.run(  # noqa: S602 - the command is from our own page
            command, shell=True, cwd=copy, env=settings, capture_output=True, text=True, timeout=120, check=False
        )
        assert ended.returncode == 0, f"{command}\n{ended.stdout[-3000:]}\n{ended.stderr[-3000:]}"
        outputs[command] = ended.stdout
    return outputs


def test_line_counts_match_the_page() -> None:
    """The page states the numbers, for each file and in total."""
    text = PAGE.read_text("utf-8")
    counted: dict[str, int] = {}
    for block in files():
        counted[str(block.file)] = counted.get(str(block.file), 0) + added(block)
    for name, lines in counted.items():
        assert f"| `{name}` | {lines} |" in text
    total = sum(counted.values())
    assert f"| **all** | **{total}** |" in text
    assert f"It takes {total} lines" in text
    assert total < LINES


def test_commands_have_the_output_of_the_page(printed: dict[str, str]) -> None:
    """They include the contract test of the new product."""
    expected = dict(commands())
    assert any("6 passed" in output for output in printed.values())
    for command, output in printed.items():
        assert _PASSING.sub("N", output) == _PASSING.sub("N", expected[command]), command


@pytest.mark.usefixtures("printed")
def test_generated_parts_are_complete(copy: Path) -> None:
    """The files that are generated from the adapter contain the new product."""
    assert "| no result is recorded |" in (copy / "docs/reference/capabilities.md").read_text("utf-8")
    assert "CAIRN_PASSWORD" in (copy / "extensions/awx/assets.yml").read_text("utf-8")
    assert "sha256:" in (copy / "plugins/modules/cairn_backups_info.py").read_text("utf-8")


def test_the_example_play_runs(copy: Path, tmp_path: Path) -> None:
    """Run it against the new simulator, with the real ansible-playbook. Unknown does not pass."""
    (text,) = [block.text for block in blocks(PAGE) if block.language == "yaml" and not block.file]
    plays: list[dict[str, Any]] = yaml.safe_load(text)
    with running(["cairn"], root=copy) as ready:
        login = get_login(ready, "cairn")
        plays[0]["tasks"][0]["backup.audit.cairn_backups_info"].update(
            {name: login[name] for name in ("url", "username", "ca_path")}
        )
        collections = {"ANSIBLE_COLLECTIONS_PATH": str(get_collections_path(copy))}
        ended = play(plays, tmp_path, variables={"cairn_password": login["password"]}, environment=collections)
    assert ended.status == 2, ended.output
    assert "crm-old" in ended.output
    assert "off-site recovery points: 0 known, at least 1 required; off-site status" in ended.output
