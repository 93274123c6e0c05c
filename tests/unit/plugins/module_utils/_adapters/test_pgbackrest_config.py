# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The configuration files of pgBackRest: which files are read, and the values that are kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.backup.audit.plugins.module_utils._adapters.pgbackrest import config
from ansible_collections.backup.audit.plugins.module_utils._adapters.pgbackrest.config import read_configuration
from ansible_collections.backup.audit.plugins.module_utils._core.errors import DataError

TEXT = """
# [comment]
[global]
repo1-path = /backup
repo1-cipher-pass=s3cret
repo2-host=repository.example.com
 repo3-type=gcs
repo-s3-key=s3cret
log-level-file=off

[global:archive-push]
compress-level=3
[main]
pg1-path=/data
[retention]
repo1-retention-full=2
[other:info]
repo1-type=azure
[own]
repo2-path=/own
repo2-type=cifs
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder that replaces /etc/pgbackrest."""
    monkeypatch.setattr(config, "_FOLDER", str(tmp_path))
    monkeypatch.setattr(config, "_OLD_FILE", str(tmp_path / "old.conf"))
    return tmp_path


def test_sections(folder: Path) -> None:
    (folder / "pgbackrest.conf").write_text(TEXT)
    found = read_configuration(None, {})
    assert found.stanzas() == ["main", "retention", "other", "own"]
    assert [found.own_repositories(name) for name in found.stanzas()] == [set(), set(), {1}, {2}]
    assert [found.has_own_options(name) for name in found.stanzas()] == [False, True, True, True]
    assert "s3cret" not in str(vars(found))


@pytest.mark.parametrize(
    ("stanza", "repo", "word"),
    [
        # The default of pgBackRest.
        ("main", 1, "posix"),
        # The host of the repository has its own configuration.
        ("main", 2, None),
        ("main", 3, "gcs"),
        ("main", 4, None),
        ("other", 1, "azure"),
        ("own", 2, "cifs"),
    ],
)
def test_types(folder: Path, stanza: str, repo: int, word: str | None) -> None:
    (folder / "pgbackrest.conf").write_text(TEXT)
    assert read_configuration(None, {}).repository_type(stanza, repo) == word


def test_variables_take_precedence(folder: Path) -> None:
    (folder / "pgbackrest.conf").write_text(TEXT)
    found = read_configuration(None, {"PGBACKREST_REPO1_TYPE": "s3", "PGBACKREST_REPO4_HOST": "x", "TMPDIR": "/t"})
    assert (found.repository_type("main", 1), found.repository_type("main", 4)) == ("s3", None)


class TestFiles:
    """Files are found as pgBackRest finds them."""

    @pytest.fixture(autouse=True)
    def _write(self, folder: Path) -> None:
        for name in ("conf.d", "include", "base", "base/conf.d"):
            (folder / name).mkdir()
        for name in ("pgbackrest", "old", "given", "conf.d/a", "include/b", "base/pgbackrest", "base/conf.d/c"):
            (folder / f"{name}.conf").write_text(f"[{name.replace('/', '_')}]\npg1-path=/data\n")
        (folder / "conf.d/ignored.txt").write_text("[ignored]\n")

    @pytest.mark.parametrize(
        ("given", "variables", "stanzas"),
        [
            (None, {}, ["pgbackrest", "conf.d_a"]),
            ("given.conf", {}, ["given"]),
            (None, {"INCLUDE_PATH": "include"}, ["pgbackrest", "include_b"]),
            ("given.conf", {"INCLUDE_PATH": "include"}, ["given", "include_b"]),
            (None, {"PATH": "base"}, ["base_pgbackrest", "base_conf.d_c"]),
            ("given.conf", {"PATH": "base"}, ["given", "base_conf.d_c"]),
        ],
    )
    def test_files(self, folder: Path, given: str | None, variables: dict[str, str], stanzas: list[str]) -> None:
        environment = {f"PGBACKREST_CONFIG_{name}": str(folder / value) for name, value in variables.items()}
        assert read_configuration(given and str(folder / given), environment).stanzas() == stanzas

    def test_the_old_location(self, folder: Path) -> None:
        (folder / "pgbackrest.conf").unlink()
        assert read_configuration(None, {}).stanzas() == ["old", "conf.d_a"]

    def test_no_files(self, folder: Path) -> None:
        for path in folder.rglob("*.conf"):
            path.unlink()
        (folder / "conf.d/ignored.txt").unlink()
        (folder / "conf.d").rmdir()
        assert read_configuration(None, {}).stanzas() == []

    @pytest.mark.parametrize("method", ["read_text", "iterdir"])
    def test_a_file_without_read_permission(self, monkeypatch: pytest.MonkeyPatch, method: str) -> None:
        def refuse(path: Path, **_options: str) -> None:
            raise PermissionError(13, "Permission denied", str(path))

        monkeypatch.setattr(Path, method, refuse)
        with pytest.raises(DataError, match=r"cannot read the configuration '.*' \(Permission denied\)"):
            read_configuration(None, {})

    def test_a_missing_file(self, folder: Path) -> None:
        with pytest.raises(DataError, match="No such file"):
            read_configuration(str(folder / "nowhere.conf"), {})

    def test_a_folder_instead_of_a_file(self, folder: Path) -> None:
        with pytest.raises(DataError, match="Is a directory"):
            read_configuration(str(folder / "conf.d"), {})

    def test_a_file_instead_of_a_folder(self, folder: Path) -> None:
        with pytest.raises(DataError, match="cannot read the configuration"):
            read_configuration(None, {"PGBACKREST_CONFIG_INCLUDE_PATH": str(folder / "old.conf")})
