# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real Borg: the module returns what Borg lists, and the verdict reflects the damage."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.real.tools import (
    INTEGRITY_CHECKED,
    NEWEST,
    ModuleResult,
    as_nobody,
    corrupt_byte,
    evaluate,
    findings,
    largest,
    list_points,
    needs,
    recorder,
    run,
    run_module,
    tree,
)

pytestmark = needs("borg")

PASSWORD = "c0rrect-h&rse"
MOVED = {"BORG_RELOCATED_REPO_ACCESS_IS_OK": "yes"}


@dataclasses.dataclass(frozen=True)
class Repository:
    """One repository with its own home."""

    path: Path
    home: Path

    def borg(self, *arguments: str) -> str:
        """Run borg for it as its user would."""
        given = {"BORG_REPO": str(self.path), "BORG_PASSPHRASE": PASSWORD, "HOME": str(self.home), **MOVED}
        return run(["borg", *arguments], given)

    def read(self, **options: Any) -> ModuleResult:
        """Run the module for it."""
        given = {"repository": str(self.path), "password": PASSWORD, "detail": "recovery_points", "environment": MOVED}
        more = {"workload_by": "name_prefix", **options}
        return run_module("borg_archives_info", {**given, **more}, {"HOME": str(self.home)})

    def archives(self) -> list[dict[str, Any]]:
        """Return borg's own listing."""
        listed: list[dict[str, Any]] = json.loads(self.borg("--bypass-lock", "list", "--json"))["archives"]
        return listed


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """A repository that no test changes."""
    folder = tmp_path_factory.mktemp("borg")
    fresh = Repository(folder / "repository", folder / "home")
    fresh.home.mkdir()
    data = folder / "data"
    data.mkdir()
    fresh.borg("init", "--encryption=repokey")
    for name in ("web01-2026-11-01", "db01-2026-11-02", "web01-2026-11-03"):
        (data / "file").write_bytes(os.urandom(200_000))
        fresh.borg("create", f"::{name}", str(data))
    return fresh


@pytest.fixture
def own(repository: Repository, tmp_path: Path) -> Repository:
    """A copy that a test may damage."""
    shutil.copytree(repository.path, tmp_path / "repository")
    (tmp_path / "home").mkdir()
    return Repository(tmp_path / "repository", tmp_path / "home")


def test_the_listing_is_that_of_borg(repository: Repository) -> None:
    reported = {(point["id"], point["created_at"][:19]) for point in list_points(repository.read())}
    assert reported == {(one["id"], one["start"][:19]) for one in repository.archives()}
    assert len(reported) == 3
    assert {point["workload_name"] for point in list_points(repository.read())} == {"web01", "db01"}
    assert evaluate(repository.read())["compliant"] is True


def test_the_identity_is_the_id_of_the_repository(repository: Repository) -> None:
    info = json.loads(repository.borg("--bypass-lock", "info", "--json"))
    assert repository.read().result["server"]["identity"] == f"borg:{info['repository']['id']}"


def test_the_zone_of_the_user_changes_nothing(repository: Repository) -> None:
    given = {
        "repository": str(repository.path),
        "password": PASSWORD,
        "detail": "recovery_points",
        "environment": MOVED,
    }
    there = {"HOME": str(repository.home), "TZ": "America/New_York", "LC_ALL": "C.UTF-8"}
    elsewhere = run_module("borg_archives_info", given, there)
    times = {point["created_at"] for point in list_points(elsewhere)}
    assert times == {point["created_at"] for point in list_points(repository.read())}


@pytest.mark.parametrize("verify", ["none", "quick", "data"])
def test_nothing_in_the_repository_changes(repository: Repository, verify: str) -> None:
    # borg check rewrites this file with the same bytes.
    before = tree(repository.path, rewritten="config")
    ended = repository.read(verify=verify)
    assert not ended.failed, ended.message
    assert tree(repository.path, rewritten="config") == before


def test_the_newest_archive_of_each_workload_is_read_through(repository: Repository) -> None:
    ended = repository.read(verify="data")
    assert evaluate(ended, INTEGRITY_CHECKED)["compliant"] is True
    newest = {(point["workload_name"], point["created_at"]) for point in list_points(ended) if not point["inferred"]}
    assert len(newest) == 2


def corrupt_segment(repository: Repository) -> None:
    corrupt_byte(largest(repository.path / "data"), 1000)


def delete_segment(repository: Repository) -> None:
    """Remove the data of one archive, so that the list can still be read."""
    largest(repository.path / "data").unlink()


@pytest.mark.parametrize("verify", ["quick", "data"])
@pytest.mark.parametrize("damage", [corrupt_segment, delete_segment])
def test_the_verdict_follows_the_damage(own: Repository, damage: Callable[[Repository], None], verify: str) -> None:
    damage(own)
    unseen = own.read()
    if unseen.failed:
        # The lost segment also contained the metadata of an archive.
        assert unseen.result["failure"]["server_message"]
        return
    assert {point["integrity_checked"] for point in list_points(unseen)} == {None}
    before = tree(own.path, rewritten="config")
    seen = own.read(verify=verify)
    assert tree(own.path, rewritten="config") == before
    result, message = findings(seen)["data.verify"]
    assert (result, "found damage: " in message) == ("fail", True)
    assert evaluate(seen, {**NEWEST, "on_unknown": "ignore"})["compliant"] is False
    assert {point["integrity_checked"] for point in list_points(seen)} == {False}


def test_a_wrong_passphrase(repository: Repository) -> None:
    ended = repository.read(password="wr0ng-one")
    assert ended.result["failure"]["code"] == "wrong_password"
    assert "wr0ng-one" not in ended.output


def test_a_repository_that_is_not_there(repository: Repository, tmp_path: Path) -> None:
    assert repository.read(repository=str(tmp_path / "nowhere")).result["failure"]["code"] == "not_found"
    tmp_path.joinpath("empty").mkdir()
    assert repository.read(repository=str(tmp_path / "empty")).result["failure"]["code"] == "not_found"


def test_a_repository_of_another_user(own: Repository, tmp_path: Path) -> None:
    if os.geteuid() == 0:
        own.path.chmod(0o700)
        own.home.chmod(0o777)
        tmp_path.chmod(0o755)
        ended = own.read(executable=as_nobody("borg", tmp_path))
    else:
        own.path.chmod(0)
        ended = own.read()
        own.path.chmod(0o700)
    assert ended.failed
    assert ended.result["failure"]["code"] == "forbidden", ended.message


def test_a_repository_that_was_moved_is_not_trusted_without_a_word(own: Repository) -> None:
    own.read()
    moved = own.path.rename(own.path.with_name("moved"))
    ended = own.read(repository=str(moved), environment={})
    assert ended.result["failure"]["code"] == "certificate_error"
    assert "BORG_RELOCATED_REPO_ACCESS_IS_OK" in ended.message


def test_no_secret_is_in_arguments_or_results(own: Repository, tmp_path: Path) -> None:
    executable, notes = recorder("borg", tmp_path)
    ended = own.read(executable=executable, verify="data")
    assert not ended.failed, ended.message
    assert PASSWORD not in ended.output
    assert PASSWORD not in notes.with_name("noted.argv").read_text()
    assert PASSWORD in notes.with_name("noted.env").read_text()
