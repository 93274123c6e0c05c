# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.tools import sanity


@pytest.mark.parametrize(
    ("message", "believed"),
    [
        ('Running sanity test "pep8"', True),
        ('WARNING: Skipping sanity test "import" on Python 3.14 because it could not be found.', True),
        ("WARNING: All targets skipped.", False),
        ('WARNING: Required program "shellcheck" not found.', False),
        ('WARNING: Skipping sanity test "yamllint" on Python 3.13 due to missing libyaml support in PyYAML.', False),
        ("WARNING: Skipping validate-modules collection version checks since no collection version was found.", False),
    ],
)
def test_success_without_tests_is_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, message: str, believed: bool
) -> None:
    stand_in = tmp_path / "ansible-test"
    stand_in.write_text(f"#!/bin/sh\necho '{message}'\n", encoding="utf-8")
    stand_in.chmod(0o700)
    monkeypatch.setattr(sanity, "search_path", lambda _tools: f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    assert (sanity.run_sanity(tmp_path, tmp_path) == 0) is believed


def test_every_python_in_the_search_path_works() -> None:
    tools = Path(sys.executable).parent
    folders = sanity.search_path(tools).split(":")
    assert folders[0] == str(tools)
    for version in sanity.PYTHONS:
        for folder in folders:
            python = Path(folder) / f"python{version}"
            if python.exists():
                # ansible-test uses the first one with that name, so it must not be a shim.
                subprocess.run([str(python), "-c", ""], check=True)
                break
