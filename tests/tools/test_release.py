# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.tools import matrix, release, release_check
from tests.tools.project import ROOT


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A consistent project in which 1.2.0 is released."""
    files = {
        ".gitignore": "build/\n",
        "galaxy.yml": "name: audit\nversion: 1.2.0\nreadme: README.md\n",
        "CHANGELOG.md": "# Notes\n\n## v1\\.2\\.0\n\n## v1\\.0\\.0\n",
        "changelogs/changelog.yaml": "releases:\n  1.2.0: {}\n  1.0.0: {}\n",
        "plugins/modules/a.py": 'DOCUMENTATION = """\nversion_added: 1.0.0\n"""\n',
        "docs/a.md": "ansible-galaxy collection install backup-audit-1.2.0.tar.gz\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "changelogs" / "fragments").mkdir()
    return tmp_path


def test_a_consistent_project_has_no_findings(project: Path) -> None:
    assert list(release_check.disagreements(project)) == []


@pytest.mark.parametrize(
    ("file", "text", "finding"),
    [
        ("galaxy.yml", "version: 1.3.0\n", "changelogs/changelog.yaml: expected 1.3.0, found 1.2.0"),
        ("changelogs/changelog.yaml", "releases: {}\n", "changelogs/changelog.yaml: expected 1.2.0, found no release"),
        ("CHANGELOG.md", "## v1\\.0\\.0\n", "CHANGELOG.md: 1.2.0 is not the first release"),
        ("changelogs/fragments/new.yml", "bugfixes: []\n", "changelogs/fragments/new.yml: not released"),
        (
            "plugins/filter/b.yml",
            "  version_added: '1.1.0'\n",
            "plugins/filter/b.yml: version_added 1.1.0 is not a release",
        ),
        ("docs/b.md", "install backup.audit:==1.0.0\n", "docs/b.md: expected backup.audit 1.2.0, found 1.0.0"),
    ],
)
def test_each_inconsistency_is_reported(project: Path, file: str, text: str, finding: str) -> None:
    (project / file).parent.mkdir(exist_ok=True)
    (project / file).write_text(text, encoding="utf-8")
    assert any(line.startswith(finding) for line in release_check.disagreements(project))


def test_unexpected_and_missing_files_of_a_tarball_are_reported() -> None:
    whole = [pattern.replace("*", "a.yml") for pattern in release_check.IN_TARBALL]
    assert list(release_check.strays(whole)) == []
    assert list(release_check.strays([*whole, "tests/unit/a.py"])) == [
        "tests/unit/a.py: unexpected file in the tarball. Add it to build_ignore in galaxy.yml"
    ]
    assert list(release_check.strays([name for name in whole if name != "LICENSE"])) == ["LICENSE: not in the tarball"]


def test_warnings_and_failures_of_the_importer_are_reported() -> None:
    good = "Loading module a\nImporter processing completed successfully\n"
    assert release_check.complaints(good) == []
    assert release_check.complaints("WARNING: no description\n" + good) == ["WARNING: no description"]
    assert release_check.complaints("Traceback\nKeyError: 'a'\n")[0].endswith("KeyError: 'a'")
    assert release_check.complaints("") != []


def test_packages_missing_in_an_execution_environment_are_reported() -> None:
    output = "python:\n- 'requests>=2.28.0  # from collection backup.audit'\nsystem: []\n"
    assert list(release_check.not_introspected(output, "# A comment\nrequests>=2.28.0\n")) == []
    (lacking,) = release_check.not_introspected(output, "requests>=2.28.0\nxmltodict>=0.13.0\n")
    assert "xmltodict>=0.13.0" in lacking
    assert list(release_check.not_introspected("", "requests>=2.28.0\n")) != []


def test_a_release_is_created_or_extended_but_never_older() -> None:
    assert release.command("1.1.0", ["1.0.0"])[-1] == "--reload-plugins"
    assert release.command("1.1.0", ["1.0.0", "1.1.0"])[-1] == "--update-existing"
    with pytest.raises(SystemExit, match="older than the newest release"):
        release.command("1.0.1", ["1.0.0", "1.1.0"])
    with pytest.raises(SystemExit, match="not a version"):
        release.command("", [])


def test_make_release_does_not_need_a_tarball_of_the_new_version() -> None:
    command = ["make", "--dry-run", "release", "VERSION=999.0.0"]
    lines = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert 'tests.tools.release "999.0.0"' in lines
    assert "backup-audit-999.0.0.tar.gz" not in lines


def test_versions_are_sorted_by_number_and_only_the_version_line_changes(project: Path) -> None:
    (project / "changelogs" / "changelog.yaml").write_text("releases: {1.10.0: {}, 1.9.0: {}}\n", encoding="utf-8")
    assert release.released(project) == ["1.9.0", "1.10.0"]
    release.write_version(project, "1.11.0")
    assert (project / "galaxy.yml").read_text("utf-8") == "name: audit\nversion: 1.11.0\nreadme: README.md\n"


def test_the_workflow_runs_the_whole_matrix() -> None:
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text("utf-8"))["jobs"]
    cells = {cell.name: cell.pythons for cell in matrix.MATRIX}
    rows = jobs["matrix"]["strategy"]["matrix"]["include"]
    assert [row["core"] for row in rows] == list(cells)
    assert all(row["python"] in cells[row["core"]] for row in rows)
    assert jobs["sanity"]["strategy"]["matrix"]["core"] == [core for core in cells if core not in ("2.16", "2.17")]


def test_every_action_of_the_workflow_is_pinned() -> None:
    used = re.findall(r"uses: (\S+)", (ROOT / ".github" / "workflows" / "ci.yml").read_text("utf-8"))
    assert used
    assert [name for name in used if not re.fullmatch(r"[\w/-]+@v\d+\.\d+\.\d+", name)] == []
