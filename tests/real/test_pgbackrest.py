# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real pgBackRest with a real PostgreSQL: the module returns what it lists, and the verdict reflects the damage."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.real.cluster import CIPHER, Cluster, binaries, create_cluster
from tests.real.tools import (
    INTEGRITY_CHECKED,
    NEWEST,
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
    """A cluster whose repositories no test changes, accessible for its owner: pytest's folders belong to one user."""
    with tempfile.TemporaryDirectory(prefix="backup-audit-pg-") as folder:
        running = create_cluster(Path(folder))
        yield running
        running.stop()


@pytest.fixture
def own(cluster: Cluster, tmp_path: Path) -> Cluster:
    """Repositories that a test may damage."""
    return cluster.copy(tmp_path)


def test_the_listing_is_that_of_pgbackrest(cluster: Cluster) -> None:
    listed = json.loads(cluster.run("pgbackrest", f"--config={cluster.config}", "--output=json", "info"))[0]["backup"]
    reported = list_points(cluster.read())
    assert {point["id"] for point in reported} == {
        f"main/{one['label']}/repo{one['database']['repo-key']}" for one in listed
    }
    kinds = {(point["kind"], point["copies"][0]["location"], point["encrypted"]) for point in reported}
    assert kinds == {("full", "repo1", True), ("differential", "repo1", True), ("full", "repo2", False)}
    assert evaluate(cluster.read())["compliant"] is True


@pytest.mark.parametrize("verify", ["none", "data"])
def test_nothing_in_the_repositories_changes(own: Cluster, verify: str) -> None:
    before = tree(own.folder)
    ended = own.read(verify=verify)
    assert not ended.failed, ended.message
    assert tree(own.folder) == before


def test_a_check_of_every_file(cluster: Cluster) -> None:
    ended = cluster.read(verify="data")
    assert {point["integrity_checked"] for point in list_points(ended)} == {True}
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


@pytest.mark.parametrize("damage", [corrupt_file, delete_chain_member, delete_log])
def test_the_verdict_follows_the_damage(own: Cluster, damage: Callable[[Cluster], None]) -> None:
    damage(own)
    unseen = own.read(repo=1)
    assert {point["integrity_checked"] for point in list_points(unseen)} == {None}
    assert findings(unseen, INTEGRITY_CHECKED)["integrity_checked.max_age"][0] == "unknown"
    before = tree(own.folder)
    seen = own.read(repo=1, verify="data")
    assert tree(own.folder) == before
    result, message = findings(seen)["data.verify"]
    assert (result, "found damage: main in repo1: " in message) == ("fail", True)
    assert evaluate(seen, {**NEWEST, "on_unknown": "ignore"})["compliant"] is False
    assert not [point for point in list_points(seen) if point["usable"] is True or point["integrity_checked"] is True]


def test_pages_that_were_damaged_before_the_backup_are_a_warning(cluster: Cluster, tmp_path: Path) -> None:
    cluster.sql("create table fragile as select generate_series(1, 10000) as number")
    cluster.sql("checkpoint")
    file = cluster.folder / "data" / cluster.sql("select pg_relation_filepath('fragile')")
    data = bytearray(file.read_bytes())
    data[8192 + 100] ^= 0xFF
    with file.open("r+b") as opened:
        opened.write(data)
    cluster.pgbackrest("--type=full", "--repo=2", "backup")
    newest = max(list_points(cluster.read()), key=lambda point: str(point["created_at"]))
    assert (newest["status"], newest["usable"]) == ("warning", None)
    cluster.sql("drop table fragile")


def test_a_stanza_that_is_not_there(cluster: Cluster) -> None:
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
    assert evaluate(partial)["compliant"] is False


def test_a_passphrase_of_the_task_is_nowhere_to_be_seen(own: Cluster, tmp_path: Path) -> None:
    own.config.write_text(own.config.read_text().replace(f"repo1-cipher-pass={CIPHER}\n", ""))
    executable, notes = recorder("pgbackrest", tmp_path)
    ended = own.read(executable=executable, secret_environment={"PGBACKREST_REPO1_CIPHER_PASS": CIPHER}, verify="data")
    assert {point["integrity_checked"] for point in list_points(ended)} == {True}
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
