# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real pgBackRest with a real PostgreSQL: the module returns its listing, and damage affects the result."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.real.cluster import CIPHER, Cluster, binaries, create_cluster, owned_folder
from tests.real.tools import (
    INTEGRITY_CHECKED,
    NEWEST,
    ModuleResult,
    as_nobody,
    corrupt_byte,
    evaluate,
    findings,
    list_points,
    needs,
    recorder,
    tree,
)

pytestmark = [needs("pgbackrest"), pytest.mark.skipif(binaries() is None, reason="no PostgreSQL (make setup-programs)")]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A cluster whose repositories no test changes. Its folder is accessible for the owner of the database."""
    with owned_folder() as folder:
        running = create_cluster(folder)
        yield running
        running.stop()


@pytest.fixture
def own(cluster: Cluster) -> Iterator[Cluster]:
    """Repositories that a test may change."""
    with owned_folder() as folder:
        yield cluster.copy(folder)


def list_backups(ended: ModuleResult) -> list[dict[str, Any]]:
    return [point for point in list_points(ended) if point["kind"] != "continuous"]


def list_ranges(ended: ModuleResult) -> dict[str, list[tuple[str, str]]]:
    """Return repository -> restorable ranges."""
    ranges: dict[str, list[tuple[str, str]]] = {}
    for point in list_points(ended):
        if point["kind"] == "continuous":
            found = (point["restorable_from"], point["restorable_until"])
            ranges.setdefault(point["copies"][0]["location"], []).append(found)
    return ranges


def test_the_listing_matches_pgbackrest(cluster: Cluster) -> None:
    listed = cluster.info()["backup"]
    reported = list_backups(cluster.read())
    assert {point["id"] for point in reported} == {
        f"main/{one['label']}/repo{one['database']['repo-key']}" for one in listed
    }
    kinds = {(point["kind"], point["copies"][0]["location"], point["encrypted"]) for point in reported}
    assert kinds == {("full", "repo1", True), ("differential", "repo1", True), ("full", "repo2", False)}
    assert evaluate(cluster.read())["compliant"] is True


@pytest.mark.parametrize("verify", ["none", "data"])
def test_the_repositories_are_not_changed(own: Cluster, verify: str) -> None:
    before = tree(own.folder)
    ended = own.read(verify=verify)
    assert not ended.failed, ended.message
    assert tree(own.folder) == before


def test_a_check_of_every_file(cluster: Cluster) -> None:
    ended = cluster.read(verify="data")
    assert {point["integrity_checked"] for point in list_backups(ended)} == {True}
    assert evaluate(ended, INTEGRITY_CHECKED)["compliant"] is True


def full(cluster: Cluster) -> Path:
    return next(path for path in sorted((cluster.folder / "repo1/backup/main").glob("2*F")) if path.is_dir())


def corrupt_file(cluster: Cluster) -> None:
    corrupt_byte(sorted((full(cluster) / "pg_data/base").rglob("*.gz"))[100], 40)


def delete_chain_member(cluster: Cluster) -> None:
    shutil.rmtree(full(cluster))


def delete_log(cluster: Cluster) -> None:
    for path in (cluster.folder / "repo1/archive/main").rglob("*.gz"):
        corrupt_byte(path, 100)


@pytest.mark.parametrize(
    ("damage", "before_check"),
    # A missing folder is found without a check.
    [(corrupt_file, "unknown"), (delete_chain_member, "fail"), (delete_log, "unknown")],
)
def test_damage_affects_the_result(own: Cluster, damage: Callable[[Cluster], None], before_check: str) -> None:
    damage(own)
    unseen = own.read(repo=1)
    assert {point["integrity_checked"] for point in list_backups(unseen)} == {None}
    assert findings(unseen, INTEGRITY_CHECKED)["integrity_checked.max_age"][0] == before_check
    before = tree(own.folder)
    seen = own.read(repo=1, verify="data")
    assert tree(own.folder) == before
    result, message = findings(seen)["data.verify"]
    assert (result, "found damage: main in repo1: " in message) == ("fail", True)
    assert evaluate(seen, {**NEWEST, "on_unknown": "ignore"})["compliant"] is False
    assert not [point for point in list_backups(seen) if point["usable"] is True or point["integrity_checked"] is True]


def test_a_missing_stanza(cluster: Cluster) -> None:
    ended = cluster.read(stanza="nowhere")
    assert (ended.result["failure"]["code"], ended.result["failure"]["server_message"]) == (
        "not_found",
        "missing stanza path",
    )


def test_a_wrong_passphrase(own: Cluster) -> None:
    own.config.write_text(own.config.read_text().replace(CIPHER, "wr0ng-one"))
    ended = own.read()
    assert ended.result["failure"]["code"] == "wrong_password", ended.message
    assert "wr0ng-one" not in ended.output
    partial = own.read(allow_partial=True)
    assert {point["copies"][0]["location"] for point in list_points(partial)} == {"repo2"}
    assert list_ranges(partial).keys() == {"repo2"}
    assert evaluate(partial)["compliant"] is False


def test_a_passphrase_of_the_task_is_not_shown(own: Cluster, tmp_path: Path) -> None:
    own.config.write_text(own.config.read_text().replace(f"repo1-cipher-pass={CIPHER}\n", ""))
    executable, notes = recorder("pgbackrest", tmp_path)
    ended = own.read(executable=executable, secret_environment={"PGBACKREST_REPO1_CIPHER_PASS": CIPHER}, verify="data")
    assert {point["integrity_checked"] for point in list_backups(ended)} == {True}
    assert CIPHER not in ended.output
    assert CIPHER not in notes.with_name("noted.argv").read_text()
    assert CIPHER in notes.with_name("noted.env").read_text()


def test_a_repository_of_another_user(own: Cluster, tmp_path: Path) -> None:
    if os.geteuid() == 0:
        tmp_path.chmod(0o755)
        ended = own.read(executable=as_nobody("pgbackrest", tmp_path))
    else:
        (own.folder / "repo1").chmod(0)
        ended = own.read()
        (own.folder / "repo1").chmod(0o700)
    assert ended.failed
    assert ended.result["failure"]["code"] == "forbidden", ended.message


def policy_passes(ended: ModuleResult) -> bool:
    return evaluate(ended, {**NEWEST, "on_unknown": "ignore"})["compliant"] is True


@pytest.mark.parametrize("verify", ["none", "data"])
def test_a_listed_backup_without_its_folder(own: Cluster, verify: str) -> None:
    """pgBackRest lists it, and its check reports "ok" because it does not find the backup."""
    shutil.rmtree(next((own.folder / "repo2/backup/main").glob("2*F")))
    ended = own.read(repo=2, verify=verify)
    assert [(point["usable"], point["integrity_checked"]) for point in list_backups(ended)] == [(False, None)]
    assert (list_ranges(ended), policy_passes(ended)) == ({}, False)
    if verify == "data":
        assert "is missing" in findings(ended)["data.verify"][1]


def test_backups_of_the_database_before_an_upgrade(own: Cluster) -> None:
    """They restore a different database than the running one."""
    own.replace_database()
    own.pgbackrest("--no-online", "stanza-upgrade")
    assert own.info()["status"]["code"] == 0
    ended = own.read()
    assert {point["usable"] for point in list_backups(ended)} == {False}
    assert (list_ranges(ended), policy_passes(ended)) == ({}, False)
    assert "main in repo2: 1 of 1 backups are of a database before the current one" in str(ended.result["warnings"])
    own.pgbackrest("--no-online", "--repo=2", "--type=full", "backup")
    ended = own.read()
    assert {point["copies"][0]["location"] for point in list_backups(ended) if point["usable"]} == {"repo2"}
    assert policy_passes(ended)


def test_repositories_with_different_databases(own: Cluster) -> None:
    """Each repository is valid, but only one was upgraded."""
    text = own.config.read_text()
    own.replace_database()
    own.config.write_text("\n".join(line for line in own.config.read_text().splitlines() if "repo2" not in line))
    own.pgbackrest("--no-online", "stanza-upgrade")
    own.pgbackrest("--no-online", "--type=full", "backup")
    own.config.write_text(text)
    assert own.info()["status"]["code"] == 5
    failed = own.read()
    assert failed.result["failure"]["server_message"] == "database mismatch across repos"
    partial = own.read(allow_partial=True)
    usable = {point["copies"][0]["location"] for point in list_backups(partial) if point["usable"] is not False}
    assert (usable, policy_passes(partial)) == ({"repo1"}, False)


def section(folder: Path) -> str:
    return (
        f"[other]\npg1-path={folder}/data\nrepo1-path={folder}/repo3\nrepo1-cipher-type=none\n"
        f"repo2-path={folder}/repo4\n"
    )


def test_a_stanza_with_its_own_repository(own: Cluster) -> None:
    """Without a stanza, pgBackRest lists only the repositories for all stanzas."""
    own.config.write_text(own.config.read_text() + section(own.folder))
    missing = own.read()
    assert "cannot read stanza 'other'" in missing.message, missing.message
    assert own.read(stanza="main").result["selection"]["stanza"] == "main"
    own.replace_database()
    own.run("mkdir", "repo3", "repo4")
    other = ("pgbackrest", f"--config={own.config}", "--stanza=other", "--no-online")
    own.run(*other, "stanza-create")
    own.run(*other, "--repo=2", "--type=full", "backup")
    assert '"other"' not in own.run("pgbackrest", f"--config={own.config}", "--output=json", "info")
    ended = own.read()
    found = {point["workload_name"]: point["copies"][0]["location"] for point in list_backups(ended)}
    assert found["other"] == "other/repo2"
    assert {row["workload_name"] for row in ended.result["workloads"]} == {"main", "other"}


def test_a_stanza_in_an_included_file(cluster: Cluster, tmp_path: Path) -> None:
    (tmp_path / "other.conf").write_text(section(cluster.folder))
    included = cluster.read(environment={"PGBACKREST_CONFIG_INCLUDE_PATH": str(tmp_path)})
    assert "cannot read stanza 'other'" in included.message, included.message


def test_a_variable_that_limits_the_listing(cluster: Cluster) -> None:
    ended = cluster.read(environment={"PGBACKREST_STANZA": "main"})
    assert "'PGBACKREST_STANZA' would limit what is listed" in ended.message


def test_a_check_during_a_backup(own: Cluster) -> None:
    """Files of a running or killed backup are not damage."""
    with own.backup_in_progress():
        assert own.info()["status"]["lock"]["backup"]["held"] is True
        running = own.read(repo=1, verify="data")
    killed = own.read(repo=1, verify="data")
    for ended in (running, killed):
        assert ended.result["server"]["verify"]["result"] == "sound", ended.result["server"]["verify"]
        assert {(point["usable"], point["integrity_checked"]) for point in list_backups(ended)} == {(True, True)}
    # A later backup is listed, so the killed one no longer seems to be running.
    labels = [path.name for path in (own.folder / "repo1/backup/main").glob("2*F")]
    (own.folder / "repo1/backup/main" / max(labels)).rename(own.folder / "repo1/backup/main/20200101-000000F")
    ended = own.read(repo=1, verify="data")
    assert ended.result["server"]["verify"]["result"] == "sound", ended.result["server"]["verify"]
    assert "verify found backups that are not listed: 20200101-000000F" in str(ended.result["warnings"])


def test_types_of_locations(own: Cluster) -> None:
    own.config.write_text(own.config.read_text().replace("repo2-path", "repo2-type=cifs\nrepo2-path"))
    copies = {point["copies"][0]["vendor_location_type"]: point["copies"][0] for point in list_backups(own.read())}
    assert {word: copy["location_type"] for word, copy in copies.items()} == {"posix": "disk", "cifs": "disk"}


def test_pages_damaged_before_the_backup_give_a_warning(cluster: Cluster) -> None:
    """This is the last test, because it adds a backup to the shared repositories."""
    cluster.sql("create table fragile as select generate_series(1, 10000) as number")
    cluster.sql("checkpoint")
    file = cluster.folder / "data" / cluster.sql("select pg_relation_filepath('fragile')")
    data = bytearray(file.read_bytes())
    data[8192 + 100] ^= 0xFF
    with file.open("r+b") as opened:
        opened.write(data)
    cluster.pgbackrest("--type=full", "--repo=2", "backup")
    newest = max(list_backups(cluster.read()), key=lambda point: str(point["created_at"]))
    assert (newest["status"], newest["usable"]) == ("warning", None)
    cluster.sql("drop table fragile")
