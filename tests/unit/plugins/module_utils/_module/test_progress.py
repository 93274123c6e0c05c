# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a module tells how far it is, and how the action plugin hears it."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest
from ansible import constants

from ansible_collections.backup.audit.plugins.module_utils._module.progress import VARIABLE, amount, listener, reporting
from ansible_collections.backup.audit.plugins.plugin_utils._progress import pipe
from tests.tools.project import ROOT

EVERY = 0.02


@pytest.fixture(autouse=True)
def _folder_of_ansible(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "DEFAULT_LOCAL_TMP", str(tmp_path))


def test_lines_come_while_the_reading_goes_on() -> None:
    heard: list[str] = []
    three = threading.Event()

    def hear(line: str) -> None:
        heard.append(line)
        if len(heard) == 3:
            three.set()

    numbers = iter(range(1000))
    with pipe(hear) as path, listener({VARIABLE: path}) as say, reporting(say, lambda: f"page {next(numbers)}", EVERY):
        assert three.wait(10)
    assert heard[:3] == ["page 0", "page 1", "page 2"]


def test_nothing_is_left(tmp_path: Path) -> None:
    with pipe(print) as path, listener({VARIABLE: path}) as say:
        assert say is not None
        say("on its way")
        assert Path(path).is_fifo()
        assert Path(path).stat().st_mode & 0o077 == 0
    assert list(tmp_path.iterdir()) == []


def test_what_was_said_before_the_end_is_heard() -> None:
    heard: list[str] = []
    with pipe(heard.append) as path, listener({VARIABLE: path}) as say:
        assert say is not None
        for number in range(5):
            say(f"line {number} {'x' * 600}")
    assert [line.split()[1] for line in heard] == list("01234")
    assert max(map(len, heard)) <= 500


def test_a_module_that_dies_in_the_middle_of_a_line_ends_nothing() -> None:
    heard: list[str] = []
    with pipe(heard.append) as path:
        with Path(path).open("wb", buffering=0) as end:
            end.write(b"whole\nhal")
        with listener({VARIABLE: path}) as say:
            assert say is not None
            say("another")
    assert heard == ["whole", "halanother"]


def test_without_a_listener_nobody_is_told(tmp_path: Path) -> None:
    lonely = tmp_path / "lonely"
    os.mkfifo(lonely)
    for path in ("", str(tmp_path / "missing"), str(lonely)):
        with listener({VARIABLE: path}) as say:
            assert say is None
    with listener({}) as say:
        assert say is None
    threads = threading.active_count()
    with reporting(None, lambda: "never", EVERY):
        assert threading.active_count() == threads


def test_nothing_but_a_pipe_is_written_to(tmp_path: Path) -> None:
    """Whoever sets the variable to a file must not get it changed by a module that only reads."""
    file = tmp_path / "precious"
    file.write_text("precious")
    with listener({VARIABLE: str(file)}) as say:
        assert say is None
    assert file.read_text() == "precious"


def test_a_listener_that_goes_or_sleeps_does_not_hold_the_reading_up(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    with listener({VARIABLE: str(path)}) as say:
        assert say is not None
        for _number in range(1000):
            say("x" * 490)  # More than the pipe holds, and nobody takes any of it.
        os.close(reader)
        numbers = iter(range(1000))
        with reporting(say, lambda: f"{next(numbers)}", EVERY):
            time.sleep(EVERY * 10)
    assert next(numbers) == 1


def test_where_no_pipe_can_be_made_the_module_runs_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "DEFAULT_LOCAL_TMP", "/nowhere")
    with pipe(print) as path:
        assert path == ""


def test_numbers_are_said_as_people_do() -> None:
    assert [amount(number, "page") for number in (0, 1, 1200)] == ["0 pages", "1 page", "1,200 pages"]


def test_every_info_module_has_the_action_plugin() -> None:
    names = {
        kind: {path.name for path in (ROOT / "plugins" / kind).glob("*_info.py")} for kind in ("modules", "action")
    }
    assert names["modules"]
    assert names["action"] == names["modules"]
