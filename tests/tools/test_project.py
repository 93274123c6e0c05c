# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import subprocess
import sys
from pathlib import Path, PurePosixPath

import pytest

from tests.tools.project import ROOT, copy_project, get_collections_path, project_files

IGNORED = "# Comment\n/.venv/\nbuild/\n__pycache__/\n*.pyc\n/tests/output/\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A small project with sources, build output and caches."""
    root = tmp_path / "project"
    for name in (
        "plugins/a.py",
        "plugins/__pycache__/a.pyc",
        "build/out.txt",
        "tests/output/x",
        ".venv/bin/python",
        "README.md",
    ):
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("x\n", encoding="utf-8")
    (root / ".gitignore").write_text(IGNORED, encoding="utf-8")
    (root / "link").symlink_to("README.md")
    return root


SOURCES = [PurePosixPath(name) for name in (".gitignore", "README.md", "link", "plugins/a.py")]


def git(root: Path, *arguments: str) -> None:
    subprocess.run(["git", "-C", str(root), *arguments], check=True, capture_output=True)


def test_without_git_files_in_gitignore_are_excluded(project: Path) -> None:
    assert project_files(project) == SOURCES


def test_with_git_new_files_are_included_and_ignored_and_removed_ones_excluded(project: Path) -> None:
    git(project, "init")
    git(project, "add", "README.md", ".gitignore")
    (project / "README.md").unlink()

    assert project_files(project) == [source for source in SOURCES if source.name != "README.md"]


def test_an_empty_project_is_an_error(tmp_path: Path) -> None:
    git(tmp_path, "init")
    with pytest.raises(RuntimeError, match="No file of the project"):
        project_files(tmp_path)


def test_the_copy_has_a_valid_collection_path_and_is_removed(project: Path) -> None:
    with copy_project(project) as copy:
        assert copy.parts[-3:] == ("ansible_collections", "backup", "audit")
        assert get_collections_path(copy) / "ansible_collections" / "backup" / "audit" == copy
        copied = sorted(PurePosixPath(path.relative_to(copy)) for path in copy.rglob("*") if not path.is_dir())
        assert copied == SOURCES
        assert (copy / "link").is_symlink()
    assert not copy.exists()


def test_build_output_is_excluded() -> None:
    strays = {".venv", ".venv-matrix", "build", ".ansible", "__pycache__"}
    assert not [file for file in project_files(ROOT) if strays.intersection(file.parts)]


def test_the_python_for_an_environment_is_not_in_an_environment() -> None:
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    found = subprocess.run(
        ["sh", str(ROOT / "tests" / "tools" / "find_python.sh"), version],
        env={"PATH": path, "PYENV_ROOT": "/nowhere"},
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    prefixes = "import sys; print(sys.prefix == sys.base_prefix, sys.version_info[:2] == tuple(map(int, sys.argv[1:])))"
    answer = subprocess.run([found, "-c", prefixes, *version.split(".")], check=True, capture_output=True, text=True)
    assert answer.stdout.split() == ["True", "True"]
