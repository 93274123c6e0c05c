# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Coverage: the limits, the measured files, and processes that a test starts."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import coverage
import pytest

from tests.integration.running_plays import on_localhost
from tests.tools.coverage import add_missing_files, describe_worst_files, find_problems, remove_unreadable
from tests.tools.project import ROOT


def summary(lines: int, of_lines: int, branches: int, of_branches: int) -> dict[str, int]:
    """Return the numbers as the coverage tool writes them."""
    return {
        "covered_lines": lines,
        "num_statements": of_lines,
        "missing_lines": of_lines - lines,
        "covered_branches": branches,
        "num_branches": of_branches,
        "missing_branches": of_branches - branches,
    }


@pytest.mark.parametrize(
    ("numbers", "problem"),
    [
        ((95, 100, 90, 100), None),
        ((949, 1000, 90, 100), "plugins/: tests reach 94.90 % of lines, at least 95.0 % required"),
        ((95, 100, 899, 1000), "plugins/: tests reach 89.90 % of branches, at least 90.0 % required"),
    ],
)
def test_limits(numbers: tuple[int, int, int, int], problem: str | None) -> None:
    """Both limits, 95 % of lines and 90 % of branches, must be reached."""
    assert find_problems(summary(*numbers)) == ([problem] if problem else [])


def test_unreadable_data_is_removed(tmp_path: Path) -> None:
    """A killed process may leave an empty file, a part of a database, or a database without tables."""
    good = tmp_path / "data.good"
    data = coverage.CoverageData(str(good))
    data.add_lines({"plugins/a.py": [1, 2]})
    data.write()
    (tmp_path / "data.empty").touch()
    (tmp_path / "data.part").write_bytes(good.read_bytes()[:5000])
    with contextlib.closing(sqlite3.connect(tmp_path / "data.tables")) as database:
        database.execute("create table other (name text)")
    remove_unreadable(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["data.good"]
    data = coverage.CoverageData(str(good))
    data.read()
    assert data.lines("plugins/a.py") == [1, 2]


def test_files_without_imports_count(tmp_path: Path) -> None:
    """All of its lines are missing. The data of the others are kept."""
    used, forgotten = (tmp_path / f"plugins/filter/{name}.py" for name in ("used", "forgotten"))
    used.parent.mkdir(parents=True)
    for file in (used, forgotten):
        file.write_text("A = 1\n", "utf-8")
    data = coverage.CoverageData(str(tmp_path / "data"))
    data.add_arcs({str(used): {(-1, 1), (1, -1)}})
    data.write()
    add_missing_files(tmp_path / "data", tmp_path)
    found = coverage.CoverageData(str(tmp_path / "data"))
    found.read()
    assert {file: found.lines(str(file)) for file in (used, forgotten)} == {used: [1], forgotten: []}


def test_the_worst_files_come_first() -> None:
    """Files are sorted by the number of missing lines and branches. Complete files are not listed."""
    files: dict[str, Any] = {
        "complete.py": {"summary": summary(4, 4, 2, 2), "missing_lines": [], "missing_branches": []},
        "some.py": {"summary": summary(9, 10, 2, 2), "missing_lines": [7], "missing_branches": []},
        "most.py": {"summary": summary(3, 4, 1, 2), "missing_lines": [5], "missing_branches": [[4, -1]]},
    }
    assert describe_worst_files(files) == [
        "most.py: 75.0 % of lines, 50.0 % of branches; not reached: 5, 4->exit",
        "some.py: 90.0 % of lines, 100.0 % of branches; not reached: 7",
    ]
    assert len(describe_worst_files(files, 1)) == 1


def test_the_module_process_of_a_play_is_measured(tmp_path: Path) -> None:
    """Ansible copies a module as an archive to a temporary folder, and its lines count as those of plugins/."""
    play = tmp_path / "play.yml"
    play.write_text(json.dumps(on_localhost({"backup.audit.restic_snapshots_info": {"repository": ""}})), "utf-8")
    result = tmp_path / "found.json"
    settings = {key: value for key, value in os.environ.items() if not key.startswith("COVERAGE_")}
    settings["COVERAGE_FILE"] = str(tmp_path / "data")
    settings.setdefault("ANSIBLE_COLLECTIONS_PATH", str(ROOT / ".venv" / "collections"))
    # The play fails, because the module requires a repository.
    for status, *arguments in (
        (2, "run", "-m", "ansible", "playbook", play),
        (0, "combine"),
        (0, "json", "-o", result),
    ):
        command = [sys.executable, "-m", "coverage", *map(str, arguments)]
        ended = subprocess.run(command, cwd=ROOT, env=settings, capture_output=True, text=True, check=False)
        assert ended.returncode == status, ended.stdout + ended.stderr
    files = json.loads(result.read_text("utf-8"))["files"]
    for name in ("modules/restic_snapshots_info.py", "module_utils/_module/runner.py"):
        assert files[f"plugins/{name}"]["summary"]["covered_lines"] > 3, name
    assert not [name for name in files if not name.startswith("plugins/")]
