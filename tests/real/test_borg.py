# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real Borg: the module returns its listing, and damage affects the result."""

from __future__ import annotations

import dataclasses
import datetime
import json
import os
import platform
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
    execute,
    findings,
    largest,
    list_points,
    needs,
    recorder,
    run,
    run_module,
    script_of_page,
    tree,
)

pytestmark = needs("borg")

PASSWORD = "c0rrect-h&rse"
MOVED = {"BORG_RELOCATED_REPO_ACCESS_IS_OK": "yes"}


@dataclasses.dataclass(frozen=True)
class Repository:
    """A repository with its own home."""

    path: Path
    home: Path

    def borg(self, *arguments: str) -> str:
        """Run Borg for this repository as its user would."""
        given = {"BORG_REPO": str(self.path), "BORG_PASSPHRASE": PASSWORD, "HOME": str(self.home), **MOVED}
        return run(["borg", *arguments], given)

    def read(self, **options: Any) -> ModuleResult:
        """Run the module."""
        given = {"repository": str(self.path), "password": PASSWORD, "detail": "recovery_points", "environment": MOVED}
        more = {"workload_by": "name_prefix", **options}
        return run_module("borg_archives_info", {**given, **more}, {"HOME": str(self.home)})

    def archives(self) -> list[dict[str, Any]]:
        """Return the listing of Borg."""
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


def test_the_listing_matches_borg(repository: Repository) -> None:
    reported = {(point["id"], point["created_at"][:19]) for point in list_points(repository.read())}
    assert reported == {(one["id"], one["start"][:19]) for one in repository.archives()}
    assert len(reported) == 3
    assert {point["workload_name"] for point in list_points(repository.read())} == {"web01", "db01"}
    assert evaluate(repository.read())["compliant"] is True


def test_the_identity_is_the_repository_id(repository: Repository) -> None:
    info = json.loads(repository.borg("--bypass-lock", "info", "--json"))
    assert repository.read().result["server"]["identity"] == f"borg:{info['repository']['id']}"


def test_the_time_zone_of_the_user_does_not_matter(repository: Repository) -> None:
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
def test_the_repository_is_not_changed(repository: Repository, verify: str) -> None:
    # borg check rewrites this file with the same bytes.
    before = tree(repository.path, rewritten="config")
    ended = repository.read(verify=verify)
    assert not ended.failed, ended.message
    assert tree(repository.path, rewritten="config") == before


def test_the_newest_archive_of_each_workload_is_read_completely(repository: Repository) -> None:
    ended = repository.read(verify="data")
    assert evaluate(ended, INTEGRITY_CHECKED)["compliant"] is True
    newest = {(point["workload_name"], point["created_at"]) for point in list_points(ended) if not point["inferred"]}
    assert len(newest) == 2


@pytest.fixture(scope="module")
def series(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """Create a current series, an old one with a similar name, and one with an empty newest archive."""
    folder = tmp_path_factory.mktemp("series")
    fresh = Repository(folder / "repository", folder / "home")
    fresh.home.mkdir()
    for name in ("data", "empty"):
        (folder / name).mkdir()
    (folder / "data" / "file").write_text("text")
    (folder / "empty" / "link").symlink_to("file")
    fresh.borg("init", "--encryption=repokey")
    day = datetime.datetime.now(datetime.timezone.utc)
    old = day - datetime.timedelta(days=60)
    for name, moment, data in (
        ("vm3605", day, "data"),
        ("vm3606", old, "data"),
        ("files", day - datetime.timedelta(hours=9), "data"),
        ("files", day, "empty"),
        ("links", day, "empty"),
    ):
        stamp = moment.strftime("%Y-%m-%dT%H:%M:%S")
        fresh.borg("create", "--timestamp", stamp, f"::{name}-{stamp}", str(folder / data))
    return fresh


@pytest.mark.parametrize("options", [{"workload_by": "series"}, {"workload_by": "name_prefix"}])
def test_an_old_series_next_to_a_current_one_is_found(series: Repository, options: dict[str, str]) -> None:
    assessment = evaluate(series.read(**options))
    assert assessment["compliant"] is False
    assert {one["workload_id"].rpartition(" ")[2] for one in assessment["findings"] if one["result"] == "fail"} == {
        "vm3606"
    }
    if options["workload_by"] == "series":
        assert {one["workload_name"] for one in assessment["findings"] if one["result"] == "fail"} == {platform.node()}
    assert evaluate(series.read(workload_by="hostname"))["compliant"] is True


@pytest.mark.parametrize("verify", ["quick", "data"])
def test_an_archive_without_files_is_not_usable(series: Repository, verify: str) -> None:
    unseen = {point["usable"] for point in list_points(series.read())}
    assert unseen == {True}
    seen = series.read(verify=verify)
    states = {(point["workload_name"], point["usable"]) for point in list_points(seen)}
    # An archive with only links may be complete.
    assert states == {("vm3605", True), ("vm3606", True), ("files", True), ("files", False), ("links", None)}
    assert "not a single file in any backup, so it is unknown whether they are usable: links" in seen.output


def test_statistics_match_borg(series: Repository) -> None:
    before = tree(series.path)
    points = list_points(series.read(statistics=True))
    assert tree(series.path) == before
    listed = json.loads(series.borg("--bypass-lock", "info", "--json", "--last", "5"))["archives"]
    assert {(point["id"], point["size_bytes"]) for point in points} == {
        (one["id"], one["stats"]["deduplicated_size"]) for one in listed
    }
    empty = {one["id"] for one in listed if one["stats"]["nfiles"] == 0}
    assert {point["id"] for point in points if point["usable"] is not True} == empty
    assert len(empty) == 2


def test_no_cache_is_left_behind(own: Repository, tmp_path: Path) -> None:
    (tmp_path / "temporary").mkdir()
    own.borg("info", "--last", "1")
    before = tree(own.home / ".cache")
    own.read(environment={**MOVED, "TMPDIR": str(tmp_path / "temporary")}, verify="data")
    assert list((tmp_path / "temporary").iterdir()) == []
    assert tree(own.home / ".cache") == before
    # Borg's list of known repositories is kept, as protection against replaced ones.
    assert list((own.home / ".config" / "borg" / "security").iterdir())


@pytest.mark.parametrize("verify", ["quick", "data"])
def test_a_repaired_archive_with_holes_is_damaged(own: Repository, tmp_path: Path, verify: str) -> None:
    """After a repair, every segment is valid, and lost data is replaced by zeros."""
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "large").write_bytes(os.urandom(200_000))
    own.borg("create", "::aa01-2026-11-04", str(tmp_path / "files"))
    (tmp_path / "files" / "small").write_text("text")
    own.borg("create", "::bb01-2026-11-05", str(tmp_path / "files"))
    segments = [path for path in (own.path / "data").rglob("*") if path.is_file() and path.stat().st_size > 100_000]
    # The large file is stored with the first archive, and the second one only refers to it.
    max(segments, key=lambda path: int(path.name)).unlink()
    given = {"BORG_REPO": str(own.path), "BORG_PASSPHRASE": PASSWORD, "HOME": str(own.home), **MOVED}
    ended = execute(["borg", "check", "--repair"], {**given, "BORG_CHECK_I_KNOW_WHAT_I_AM_DOING": "YES"})
    assert ended.returncode <= 1, ended.stderr
    (broken,) = [archive["id"] for archive in own.archives() if archive["name"].startswith("bb01")]
    seen = own.read(verify=verify)
    result, message = findings(seen)["data.verify"]
    assert (result, "bb01-2026-11-05 is incomplete" in message) == ("fail", True)
    assert [point["id"] for point in list_points(seen) if point["usable"] is False] == [broken]


def corrupt_segment(repository: Repository) -> None:
    corrupt_byte(largest(repository.path / "data"), 1000)


def delete_segment(repository: Repository) -> None:
    """Remove the data of one archive, but keep the list readable."""
    largest(repository.path / "data").unlink()


@pytest.mark.parametrize("verify", ["quick", "data"])
@pytest.mark.parametrize("damage", [corrupt_segment, delete_segment])
def test_damage_affects_the_result(own: Repository, damage: Callable[[Repository], None], verify: str) -> None:
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


def test_a_missing_repository(repository: Repository, tmp_path: Path) -> None:
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


def test_a_moved_repository_is_not_trusted_silently(own: Repository) -> None:
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


def test_the_documented_script(own: Repository, tmp_path: Path) -> None:
    (tmp_path / "srv").mkdir()
    (tmp_path / "srv" / "file").write_text("text")
    script = script_of_page("borg.md", tmp_path, var_log=str(tmp_path))
    text = Path(script).read_text().replace(" /srv\n", f" {tmp_path}/srv\n")
    Path(script).write_text(text)
    given = {"BORG_REPO": str(own.path), "BORG_PASSPHRASE": PASSWORD, "HOME": str(own.home), **MOVED}
    assert execute([script], given).returncode == 0
    assert execute([script], {**given, "BORG_PASSPHRASE": "wr0ng-one"}).returncode == 2
    points = list_points(own.read(workload_by="series", status_file=str(tmp_path / "borg-runs.jsonl")))
    states = {point["status"] for point in points if point["workload_id"] == f"{platform.node()} srv"}
    assert states == {"success", "failed"}
