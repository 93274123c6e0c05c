# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role restore_test with pgBackRest, Barman and Borg."""

from __future__ import annotations

import os
import pwd
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.real import barman_cluster
from tests.real import cluster as postgres
from tests.real.running_restore_role import (
    MARK,
    PASSPHRASE,
    ArgumentsMonitor,
    evaluate_with_record,
    find_secrets,
    record,
    run_role,
)
from tests.real.tools import needs


@pytest.fixture(scope="module")
def cluster() -> Iterator[postgres.Cluster]:
    with tempfile.TemporaryDirectory(prefix="backup-audit-pg-") as folder:
        running = postgres.create_cluster(Path(folder))
        running.stop()
        yield running


# As a user would write it: start the restored database without remote connections, and query it.
_ASK = """#!/bin/sh -e
cd "$RESTORE_TEST_PATH"
as_owner() { if [ "$(id -u)" = 0 ]; then setpriv --reuid=postgres --regid=postgres --clear-groups "$@"; else "$@"; fi; }
[ "$(id -u)" != 0 ] || chown -R postgres: "$RESTORE_TEST_PATH"
as_owner BIN/pg_ctl -D "$RESTORE_TEST_PATH/data" -w -o "-p 54322 -k $RESTORE_TEST_PATH" start > start.log
trap 'as_owner BIN/pg_ctl -D "$RESTORE_TEST_PATH/data" -m immediate stop > stop.log' EXIT
query='select count(*), sum(number) from numbers'
test "$(psql -h "$RESTORE_TEST_PATH" -p 54322 -U postgres -AtXc "$query" postgres)" = "WANTED"
"""


@needs("pgbackrest", "psql")
@pytest.mark.skipif(postgres.binaries() is None, reason="no PostgreSQL (make setup-programs)")
def test_a_restored_postgresql_database_can_be_queried(cluster: postgres.Cluster, tmp_path: Path) -> None:
    ask = cluster.folder / "ask"
    given = {
        "backup_product": "pgbackrest",
        "backup_config": str(cluster.config),
        # Not used, because no repository is in S3.
        "backup_secret_environment": {"PGBACKREST_REPO1_S3_KEY_SECRET": PASSPHRASE},
        "restore_test_check": [str(ask)],
        "restore_test_scratch": str(cluster.folder / "scratch"),
    }
    cluster.run("mkdir", "-m", "0777", "scratch")
    script = _ASK.replace("BIN", str(postgres.binaries()))
    ask.write_text(script.replace("WANTED", "100000|5000050000"))
    ask.chmod(0o755)
    watch = ArgumentsMonitor()
    ended = run_role(tmp_path, given, cluster.folder, "-vvv", watch=watch)
    assert ended.status == 0, ended.output
    assert find_secrets(watch, ended, MARK) == []
    assert [(one["workload_name"], one["result"]) for one in record(tmp_path)] == [("main", "passed")]
    (tested,) = record(tmp_path)
    # The repository of the restored backup.
    assert tested["location"].rpartition("/")[2] == tested["point_id"].rpartition("/")[2]
    assert list((cluster.folder / "scratch").iterdir()) == []
    reading = {"backup.audit.pgbackrest_backups_info": {"config": str(cluster.config)}}
    verdict = evaluate_with_record(tmp_path, reading, cluster.folder)
    assert verdict.status == 0, verdict.output

    ask.write_text(script.replace("WANTED", "99999|1"))
    assert run_role(tmp_path, given, cluster.folder).status != 0
    assert record(tmp_path)[0]["result"] == "failed"
    assert evaluate_with_record(tmp_path, reading, cluster.folder).status != 0


@needs("barman", "psql")
@pytest.mark.skipif(postgres.binaries() is None, reason="no PostgreSQL (make setup-programs)")
def test_a_database_restored_by_barman_can_be_queried(tmp_path: Path) -> None:
    with postgres.owned_folder() as folder:
        source = barman_cluster.create_cluster(folder)
        source.run("mkdir", "space")
        source.sql(f"create tablespace fast location '{folder}/space'")
        source.sql("alter table numbers set tablespace fast")
        newest = source.back_up()
        segment = source.segment(source.show(newest)["base_backup_information"]["end_wal"])
        ask = folder / "ask"
        # Barman restores as this user, who owns the temporary directory.
        user = pwd.getpwuid(os.geteuid()).pw_name
        source.config.write_text(re.sub("barman_user = .*", f"barman_user = {user}", source.config.read_text()))
        given = {
            "backup_product": "barman",
            "backup_config": str(source.config),
            "backup_barman_server": "main",
            # Not used by the connection of the test.
            "backup_secret_environment": {"PGPASSWORD": PASSPHRASE},
            "restore_test_check": [str(ask)],
            "restore_test_scratch": str(folder / "scratch"),
        }
        source.run("mkdir", "-m", "0777", "scratch")
        script = _ASK.replace("BIN", str(postgres.binaries()))
        ask.write_text(script.replace("WANTED", "100000|5000050000"))
        ask.chmod(0o755)
        watch = ArgumentsMonitor()
        ended = run_role(tmp_path, given, folder, "-vvv", watch=watch)
        assert ended.status == 0, ended.output
        assert find_secrets(watch, ended, MARK) == []
        assert [(one["workload_name"], one["result"]) for one in record(tmp_path)] == [("main", "passed")]
        assert list((folder / "scratch").iterdir()) == []
        reading = {"backup.audit.barman_backups_info": {"config": str(source.config), "server": "main"}}
        verdict = evaluate_with_record(tmp_path, reading, folder)
        assert verdict.status == 0, verdict.output

        # A backup without its last segment is not restored. Whether Barman restores an earlier one depends on its
        # version, because some versions copy all later segments.
        segment.unlink()
        run_role(tmp_path, given, folder)
        assert record(tmp_path)[0]["point_id"] != f"main/{newest}"
        ask.write_text(script.replace("WANTED", "99999|1"))
        assert run_role(tmp_path, given, folder).status != 0
        assert record(tmp_path)[0]["result"] == "failed"
        source.stop()


@needs("borg")
@pytest.mark.parametrize("password", ["file", "variable", "none"])
def test_an_archive_of_borg(tmp_path: Path, password: str) -> None:
    from tests.real.test_borg import PASSWORD, Repository

    fresh = Repository(tmp_path / "repository", tmp_path / "home")
    fresh.home.mkdir()
    data = tmp_path / "data"
    data.mkdir()
    (data / "file").write_text("what matters")
    fresh.borg("init", f"--encryption={'none' if password == 'none' else 'repokey'}")
    fresh.borg("create", "::web01-2026-11-01", str(data))
    (tmp_path / "pass").write_text(f"{PASSWORD}\n")
    secrets = {"file": {"backup_password_file": str(tmp_path / "pass")}, "variable": {"backup_password": PASSWORD}}
    given = {
        "backup_product": "borg",
        "backup_repository": str(fresh.path),
        **secrets.get(password, {}),
        "backup_workload_by": "name_prefix",
        "restore_test_check": ["grep", "-qx", "what matters", f".{data}/file"],
    }
    watch = ArgumentsMonitor()
    ended = run_role(tmp_path, given, fresh.home, "-vvv", watch=watch)
    assert ended.status == 0, ended.output
    assert [(one["workload_name"], one["result"]) for one in record(tmp_path)] == [("web01", "passed")]
    assert find_secrets(watch, ended, PASSWORD) == []
    assert list((tmp_path / "scratch").iterdir()) == []
