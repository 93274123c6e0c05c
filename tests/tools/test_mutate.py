# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The selection of mutants, the tests for each, and failing runs."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest

from tests.tools import mutate
from tests.tools.mutant_runs import Baseline, Found, run_forks
from tests.tools.mutants import generate_mutants


def git(root: Path, *arguments: str) -> None:
    """Run git with a name and an email address."""
    person = ["-c", "user.name=A", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *person, *arguments], cwd=root, check=True, capture_output=True)


def commit(root: Path, **files: str) -> None:
    """Write the files and commit them."""
    for name, text in files.items():
        (root / f"{name}.py").write_text(text, "utf-8")
    git(root, "add", "-A")
    git(root, "commit", "-m", "A change")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Return a repository with one commit on the branch main."""
    git(tmp_path, "init", "-b", "main")
    commit(tmp_path, old="a = 1\nb = 2\nc = 3\n")
    return tmp_path


@pytest.fixture(autouse=True)
def _without_base_branch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_BASE_REF", raising=False)


def test_changed_lines(repository: Path) -> None:
    """New and different lines, committed or not, and all lines of an untracked file."""
    (repository / "old.py").write_text("a = 1\nb = 20\nc = 3\nd = 4\n", "utf-8")
    (repository / "new.py").write_text("e = 5\nf = 6\n", "utf-8")
    files = [repository / "old.py", repository / "new.py"]
    assert mutate.find_changed_lines(files, "HEAD", repository) == {files[0]: {2, 4}, files[1]: {1, 2}}
    commit(repository)
    assert mutate.find_changed_lines(files, "HEAD", repository) == {files[0]: set(), files[1]: set()}
    assert mutate.find_changed_lines(files, "HEAD^", repository) == {files[0]: {2, 4}, files[1]: {1, 2}}


def test_an_unknown_commit_is_an_error(repository: Path) -> None:
    """It must not give an empty selection."""
    with pytest.raises(SystemExit, match="git does not have the commit 'nothing'"):
        mutate.find_changed_lines([], "nothing", repository)


def test_base_commit_of_a_change(repository: Path) -> None:
    """On a branch, it is where it left main; on main, it is the previous commit. Without a history it is unknown."""
    assert mutate.find_base(repository) is None
    commit(repository, old="a = 2\n")

    def number(name: str) -> str:
        command = ["git", "rev-parse", name]
        return subprocess.run(command, cwd=repository, check=True, capture_output=True, text=True).stdout.strip()

    assert mutate.find_base(repository) == number("main~1")
    git(repository, "checkout", "-b", "change")
    commit(repository, old="a = 3\n")
    commit(repository, old="a = 4\n")
    assert mutate.find_base(repository) == number("main")


def test_tests_of_a_mutant() -> None:
    """Tests that execute one of its lines, the fastest first. For mutants at import, tests that use the file."""
    baseline = Baseline(["slow", "fast", "other"], [3.0, 1.0, 2.0], {"a.py": {4: [0], 5: [1, 0], 9: [2]}})
    assert baseline.choose("a.py", (4, 5)) == [1, 0]
    assert baseline.choose("a.py", None) == [1, 2, 0]
    assert baseline.choose("a.py", (6, 8)) == []
    assert baseline.choose("b.py", None) == []


def test_forks() -> None:
    """A fork that fails, hangs or is terminated counts as killed."""

    def fail() -> None:
        raise ValueError

    jobs = [(0, lambda: None, 60.0), (1, fail, 60.0), (2, lambda: time.sleep(60), 0.0), (3, lambda: None, 60.0)]
    assert dict(run_forks(jobs, at_once=2)) == {0: True, 1: False, 2: False, 3: True}


def found_in(source: str) -> list[Found]:
    """Return the mutants of a file."""
    return [("_policy/a.py", mutant) for mutant in generate_mutants(source)]


def test_failing_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A run fails if more than a tenth survives or none was tried. A change without mutants is accepted."""
    monkeypatch.setattr(mutate, "ROOT", tmp_path)
    monkeypatch.setattr(mutate, "EQUIVALENT", tmp_path / "equivalent.yml")
    found = found_in("".join(f"A{number} = {number}\n" for number in range(20)))
    killed = dict.fromkeys(range(20), False)
    assert mutate.report(found, killed) == 0
    assert mutate.report(found, killed | {3: True, 4: True}) == 0
    assert mutate.report(found, killed | {3: True, 4: True, 5: True}) == 1
    assert "survived: _policy/a.py:4: 3  ->  4\n" in capsys.readouterr().out
    assert mutate.report(found, {}) == 1
    assert mutate.report([], {}) == 0


def test_equivalent_mutants_exist() -> None:
    """Entries must match a mutant of the current code, and have a reason."""
    listed = mutate.read_equivalent()
    present = set()
    for name in {name for name, _line, _change in listed}:
        source = (mutate.FOLDER / name).read_text("utf-8")
        texts = {line for file, line, _change in listed if file == name}
        lines = [number for number, text in enumerate(source.splitlines(), 1) if text.strip() in texts]
        present |= {mutate.identify((name, mutant)) for mutant in generate_mutants(source, lines)}
    assert sorted(set(listed) - present) == []
    assert all(len(reason) > 10 for reason in listed.values())


def test_no_mutant_is_tried_without_a_history(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A source archive has no information about changed lines."""
    monkeypatch.setattr(mutate, "find_base", lambda: None)
    assert mutate.main(["--changed"]) == 0
    assert "The history is not available" in capsys.readouterr().out
