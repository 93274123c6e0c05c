# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role restore_test with the real tools: successful restores are recorded as proof, failed ones are reported."""

from __future__ import annotations

import json
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.running_plays import PlayResult, play
from tests.real import cluster as postgres
from tests.real import restic_repository
from tests.real.tools import needs
from tests.tools.project import ROOT

POLICY = {
    "recovery_points": {"min_count": 1, "max_age": "26h"},
    "restore_tested": {"max_age": "1d", "max_restore_time": "10m"},
}
ROLE = [
    {
        "hosts": "backup01",
        "gather_facts": False,
        "tasks": [{"name": "Test", "ansible.builtin.include_role": {"name": "backup.audit.restore_test"}}],
    }
]


def run_role(folder: Path, variables: dict[str, Any], home: Path, *arguments: str) -> PlayResult:
    """Run the role on one host, which is this machine."""
    host = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable, **variables}
    given = {"restore_test_output": str(folder / "records"), "restore_test_scratch": str(folder / "scratch")}
    (folder / "scratch").mkdir(exist_ok=True)
    return play(
        ROLE,
        folder,
        inventory={"all": {"hosts": {"backup01": {**given, **host}}}},
        environment={"HOME": str(home)},
        arguments=arguments,
    )


def record(folder: Path) -> list[dict[str, Any]]:
    """Return the record that the role wrote."""
    records: list[dict[str, Any]] = json.loads((folder / "records" / "backup01.restore_tests.json").read_text())[
        "tests"
    ]
    return records


def evaluate_with_record(folder: Path, reading: dict[str, Any], home: Path) -> PlayResult:
    """Evaluate a read of the same repository together with the record."""
    plays = [
        {
            "hosts": "localhost",
            "gather_facts": False,
            "vars": {"ansible_python_interpreter": sys.executable},
            "tasks": [
                {**reading, "register": "read_result"},
                {
                    "backup.audit.recovery_points_assert": {
                        "results": ["{{ read_result }}", str(folder / "records" / "backup01.restore_tests.json")],
                        "policy": POLICY,
                    }
                },
            ],
        }
    ]
    return play(plays, folder, environment={"HOME": str(home)})


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> restic_repository.Repository:
    return restic_repository.create_repository(tmp_path_factory.mktemp("restored"))


@needs("restic")
class TestRestic:
    def test_a_restore_that_was_checked_is_proof(
        self, repository: restic_repository.Repository, tmp_path: Path
    ) -> None:
        given = {
            "backup_product": "restic",
            "backup_repository": str(repository.path),
            "backup_password": restic_repository.PASSWORD,
            "restore_test_sample": 2,
        }
        data = repository.path.parent / "data"
        check = [
            "sh",
            "-c",
            f'test "$(cat ."{data}"/small)" = "$RESTORE_TEST_WORKLOAD" && cmp .{data}/large {data}/large',
        ]
        ended = run_role(tmp_path, {**given, "restore_test_check": check}, repository.home)
        assert ended.status == 0, ended.output
        assert {(one["workload_name"], one["result"]) for one in record(tmp_path)} == {
            ("web01", "passed"),
            ("db01", "passed"),
        }
        assert all(0 < one["seconds"] < 600 for one in record(tmp_path))
        assert list((tmp_path / "scratch").iterdir()) == []
        assert restic_repository.PASSWORD not in ended.output
        assert restic_repository.PASSWORD not in (tmp_path / "records" / "backup01.restore_tests.json").read_text()
        reading = {"repository": str(repository.path), "password": restic_repository.PASSWORD}
        verdict = evaluate_with_record(tmp_path, {"backup.audit.restic_snapshots_info": reading}, repository.home)
        assert verdict.status == 0, verdict.output

        # The same host, with a check that the data fails: the earlier proof is no longer valid.
        broken = {**given, "restore_test_check": ["grep", "-r", "nowhere", "."], "restore_test_workloads": ["web*"]}
        ended = run_role(tmp_path, broken, repository.home)
        assert ended.status != 0
        assert "Restore tests failed: web01: Check restored data" in ended.output
        assert {(one["workload_name"], one["result"]) for one in record(tmp_path)} == {
            ("web01", "failed"),
            ("db01", "passed"),
        }
        assert list((tmp_path / "scratch").iterdir()) == []
        verdict = evaluate_with_record(tmp_path, {"backup.audit.restic_snapshots_info": reading}, repository.home)
        assert verdict.status != 0
        assert re.search(r"newest restore test \(\S+\) failed: Check restored data", " ".join(verdict.output.split()))

    def test_the_play_of_the_readme(self, repository: restic_repository.Repository, tmp_path: Path) -> None:
        """Unchanged, except for paths and root privileges."""
        page = (ROOT / "roles" / "restore_test" / "README.md").read_text("utf-8")
        (plays,) = [yaml.safe_load(text) for text in re.findall(r"^```yaml\n(.*?)^```", page, re.M | re.S)]
        plays[0].pop("become")
        (role,) = plays[0]["roles"]
        assert {"restore_test_check", "restore_test_output"} <= set(role)
        role.update(restore_test_check=["test", "-d", "."], restore_test_output=str(tmp_path / "records"))
        (tmp_path / "scratch").mkdir()
        host = {
            "ansible_connection": "local",
            "ansible_python_interpreter": sys.executable,
            "backup_product": "restic",
            "backup_repository": str(repository.path),
            "backup_password": restic_repository.PASSWORD,
            "restore_test_scratch": str(tmp_path / "scratch"),
        }
        inventory = {"backup_servers": {"hosts": {"backup01": host}}}
        ended = play(plays, tmp_path, inventory=inventory, environment={"HOME": str(repository.home)})
        assert ended.status == 0, ended.output
        assert [one["result"] for one in record(tmp_path)] == ["passed"]

    def test_check_mode_restores_nothing(self, repository: restic_repository.Repository, tmp_path: Path) -> None:
        given = {
            "backup_product": "restic",
            "backup_repository": str(repository.path),
            "backup_password": restic_repository.PASSWORD,
            "restore_test_check": ["true"],
        }
        ended = run_role(tmp_path, given, repository.home, "--check")
        assert ended.status == 0, ended.output
        assert "nothing was restored" in ended.output
        assert not (tmp_path / "records").exists()


@pytest.fixture(scope="module")
def cluster() -> Iterator[postgres.Cluster]:
    with tempfile.TemporaryDirectory(prefix="backup-audit-pg-") as folder:
        running = postgres.create_cluster(Path(folder))
        running.stop()
        yield running


# As a user would write it: start the restored database where nobody else can connect, and query it.
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
def test_a_restored_postgresql_answers_a_query(cluster: postgres.Cluster, tmp_path: Path) -> None:
    ask = cluster.folder / "ask"
    given = {
        "backup_product": "pgbackrest",
        "backup_config": str(cluster.config),
        "restore_test_check": [str(ask)],
        "restore_test_scratch": str(cluster.folder / "scratch"),
    }
    cluster.run("mkdir", "-m", "0777", "scratch")
    script = _ASK.replace("BIN", str(postgres.binaries()))
    ask.write_text(script.replace("WANTED", "100000|5000050000"))
    ask.chmod(0o755)
    ended = run_role(tmp_path, given, cluster.folder)
    assert ended.status == 0, ended.output
    assert [(one["workload_name"], one["result"]) for one in record(tmp_path)] == [("main", "passed")]
    assert list((cluster.folder / "scratch").iterdir()) == []
    reading = {"backup.audit.pgbackrest_backups_info": {"config": str(cluster.config)}}
    verdict = evaluate_with_record(tmp_path, reading, cluster.folder)
    assert verdict.status == 0, verdict.output

    ask.write_text(script.replace("WANTED", "99999|1"))
    assert run_role(tmp_path, given, cluster.folder).status != 0
    assert record(tmp_path)[0]["result"] == "failed"
    assert evaluate_with_record(tmp_path, reading, cluster.folder).status != 0


@needs("borg")
def test_an_archive_of_borg(tmp_path: Path) -> None:
    from tests.real.test_borg import PASSWORD, Repository

    fresh = Repository(tmp_path / "repository", tmp_path / "home")
    fresh.home.mkdir()
    data = tmp_path / "data"
    data.mkdir()
    (data / "file").write_text("what matters")
    fresh.borg("init", "--encryption=repokey")
    fresh.borg("create", "::web01-2026-11-01", str(data))
    (tmp_path / "pass").write_text(f"{PASSWORD}\n")
    given = {
        "backup_product": "borg",
        "backup_repository": str(fresh.path),
        "backup_password_file": str(tmp_path / "pass"),
        "backup_workload_by": "name_prefix",
        "restore_test_check": ["grep", "-qx", "what matters", f".{data}/file"],
    }
    ended = run_role(tmp_path, given, fresh.home)
    assert ended.status == 0, ended.output
    assert [(one["workload_name"], one["result"]) for one in record(tmp_path)] == [("web01", "passed")]
    assert PASSWORD not in ended.output
