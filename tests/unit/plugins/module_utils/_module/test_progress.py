# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Progress lines: written by a module, read by the action plugin."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest
from ansible import constants

from ansible_collections.backup.audit.plugins.module_utils._module.progress import (
    VARIABLE,
    format_count,
    open_progress_pipe,
    report_progress,
)
from ansible_collections.backup.audit.plugins.plugin_utils._progress import open_pipe
from tests.tools.project import ROOT

EVERY = 0.02


@pytest.fixture(autouse=True)
def _folder_of_ansible(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "DEFAULT_LOCAL_TMP", str(tmp_path))


def test_lines_are_received_during_the_read() -> None:
    lines: list[str] = []
    three = threading.Event()

    def add_line(line: str) -> None:
        lines.append(line)
        if len(lines) == 3:
            three.set()

    numbers = iter(range(1000))
    with (
        open_pipe(add_line) as path,
        open_progress_pipe({VARIABLE: path}) as write_line,
        report_progress(write_line, lambda: f"page {next(numbers)}", EVERY),
    ):
        assert three.wait(10)
    assert lines[:3] == ["page 0", "page 1", "page 2"]


def test_pipe_and_folder_are_removed(tmp_path: Path) -> None:
    with open_pipe(print) as path, open_progress_pipe({VARIABLE: path}) as write_line:
        assert write_line is not None
        write_line("on its way")
        assert Path(path).is_fifo()
        assert Path(path).stat().st_mode & 0o077 == 0
    assert list(tmp_path.iterdir()) == []


def test_last_lines_before_the_end_are_received() -> None:
    lines: list[str] = []
    with open_pipe(lines.append) as path, open_progress_pipe({VARIABLE: path}) as write_line:
        assert write_line is not None
        for number in range(5):
            write_line(f"line {number} {'x' * 600}")
    assert [line.split()[1] for line in lines] == list("01234")
    assert max(map(len, lines)) <= 500


def test_an_unfinished_line_of_a_killed_module_is_harmless() -> None:
    lines: list[str] = []
    with open_pipe(lines.append) as path:
        with Path(path).open("wb", buffering=0) as end:
            end.write(b"whole\nhal")
        with open_progress_pipe({VARIABLE: path}) as write_line:
            assert write_line is not None
            write_line("another")
    assert lines == ["whole", "halanother"]


def test_no_lines_are_written_without_a_listener(tmp_path: Path) -> None:
    lonely = tmp_path / "lonely"
    os.mkfifo(lonely)
    for path in ("", str(tmp_path / "missing"), str(lonely)):
        with open_progress_pipe({VARIABLE: path}) as write_line:
            assert write_line is None
    with open_progress_pipe({}) as write_line:
        assert write_line is None
    threads = threading.active_count()
    with report_progress(None, lambda: "never", EVERY):
        assert threading.active_count() == threads


def test_only_pipes_are_written_to(tmp_path: Path) -> None:
    """If the variable is set to a regular file, the module must not change it."""
    file = tmp_path / "precious"
    file.write_text("precious")
    with open_progress_pipe({VARIABLE: str(file)}) as write_line:
        assert write_line is None
    assert file.read_text() == "precious"


def test_a_stopped_or_slow_listener_does_not_block_the_read(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    with open_progress_pipe({VARIABLE: str(path)}) as write_line:
        assert write_line is not None
        for _number in range(1000):
            write_line("x" * 490)  # More than the pipe can hold, without a reader.
        os.close(reader)
        numbers = iter(range(1000))
        with report_progress(write_line, lambda: f"{next(numbers)}", EVERY):
            time.sleep(EVERY * 10)
    assert next(numbers) == 1


def test_the_module_runs_without_progress_if_no_pipe_can_be_created(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "DEFAULT_LOCAL_TMP", "/nowhere")
    with open_pipe(print) as path:
        assert path == ""


def test_numbers_are_human_readable() -> None:
    assert [format_count(number, "page") for number in (0, 1, 1200)] == ["0 pages", "1 page", "1,200 pages"]


def test_every_info_module_has_the_action_plugin() -> None:
    names = {
        kind: {path.name for path in (ROOT / "plugins" / kind).glob("*_info.py")} for kind in ("modules", "action")
    }
    assert names["modules"]
    assert names["action"] == names["modules"]
