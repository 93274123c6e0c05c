# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CI accepts only skips that are listed, and no unused entries. The tests run pytest on small files."""

from __future__ import annotations

import fnmatch
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import skips
from tests.tools.project import ROOT, project_files
from tests.tools.totals import format_totals

CONFTEST = """
from tests import skips
from tests.skips import *
from tests.skips import pytest_make_collect_report, pytest_runtest_makereport, pytest_sessionfinish

skips.ALLOWED = (
    skips.AllowedSkip("test_*.py::test_allowed*", "no server", lambda: True),
    skips.AllowedSkip("test_*.py::test_elsewhere", "not here", lambda: False),
)
"""
TESTS = """
import pytest

def test_runs():
    pass

@pytest.mark.skip(reason="no server")
def test_allowed():
    pass
"""
SKIPPED = """
@pytest.mark.skip(reason="no tool")
def test_{name}():
    pass
"""


def run(folder: Path, text: str, *arguments: str, ci: str = "true") -> tuple[int, str, list[dict[str, object]]]:
    """Return (exit status, output, recorded totals) of a pytest run with the hooks of tests/skips.py."""
    (folder / "conftest.py").write_text(CONFTEST, "utf-8")
    (folder / "test_small.py").write_text(text, "utf-8")
    totals = folder / "totals"
    totals.unlink(missing_ok=True)
    environment = {**os.environ, "CI": ci, "PYTHONPATH": str(ROOT), "TEST_TOTALS": str(totals)}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", f"--rootdir={folder}", "-c", os.devnull]
    ended = subprocess.run(
        [*command, str(folder), *arguments], env=environment, cwd=folder, capture_output=True, text=True, check=False
    )
    return ended.returncode, ended.stdout, [json.loads(line) for line in totals.read_text("utf-8").splitlines()]


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_an_allowed_skip_passes_and_is_counted(tmp_path: Path, workers: tuple[str, ...]) -> None:
    status, output, totals = run(tmp_path, TESTS, *workers)
    assert status == 0, output
    assert totals == [{"passed": 1, "failed": 0, "skipped": 1, "tests": ["test_small.py::test_allowed"]}]


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
@pytest.mark.parametrize("name", ["other", "elsewhere"])
def test_any_other_skip_fails(tmp_path: Path, name: str, workers: tuple[str, ...]) -> None:
    """Including a skip whose entry applies only to other machines."""
    status, output, totals = run(tmp_path, TESTS + SKIPPED.format(name=name), *workers)
    assert status == 1
    assert "no tool" in output
    assert totals == [{"passed": 1, "failed": 1, "skipped": 1, "tests": ["test_small.py::test_allowed"]}]


def test_a_skipped_file_fails(tmp_path: Path) -> None:
    status, output, _totals = run(tmp_path, "import pytest\npytest.importorskip('no_such_package')\n")
    assert status != 0
    assert "no_such_package" in output


def test_an_unused_entry_fails(tmp_path: Path) -> None:
    status, output, _totals = run(tmp_path, "def test_allowed():\n    pass\n")
    assert status == 1
    assert "ran: remove its entry" in output


def test_skips_are_allowed_outside_of_ci(tmp_path: Path) -> None:
    """Skips are not checked if the variable CI is not set."""
    status, _output, totals = run(tmp_path, TESTS + SKIPPED.format(name="other"), ci="")
    assert status == 0
    assert totals[0]["skipped"] == 2


def test_the_totals_end_with_one_line() -> None:
    runs = [
        {"passed": 3, "failed": 0, "skipped": 1, "tests": ["tests/unit/test_nowhere.py::test_it"]},
        {"passed": 2, "failed": 1, "skipped": 0, "tests": []},
    ]
    assert format_totals([json.dumps(each) for each in runs]) == [
        "skipped: 1 (not on the list of tests/skips.py)",
        "5 passed, 1 failed, 1 skipped",
    ]


def test_the_list_is_short_and_has_existing_files() -> None:
    assert len(skips.ALLOWED) < 10
    files = [str(file) for file in project_files()]
    for entry in skips.ALLOWED:
        assert fnmatch.filter(files, entry.tests), entry.tests
        assert len(entry.reason) > 20
