# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role restore_test with the real tools: successful restores are recorded as proof, failed ones are reported."""

from __future__ import annotations

import json
import os
import pwd
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.process_monitor import ProcessMonitor
from tests.integration.running_plays import PlayResult, play
from tests.real import barman_cluster, restic_repository
from tests.real import cluster as postgres
from tests.real.tools import corrupt_byte, needs
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


# Characters that a shell would interpret. Each word contains MARK, so a part of the secret is found too.
MARK = "zq7"
ONE_LINE = 'zq7\'s "zq7 $HOME" `zq7` \\ zq7'
PASSPHRASE = f"{ONE_LINE}\nzq7"
# A host that becomes unreachable when the file "gone" exists.
CONNECTION = """
import os
from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.connection.local import Connection as Local

DOCUMENTATION = "name: vanishing\\nshort_description: local, until a file exists\\noptions: {}"

class Connection(Local):
    transport = "vanishing"

    def exec_command(self, *args, **more):
        if os.path.exists(os.environ["GONE"]):
            raise AnsibleConnectionFailure("gone")
        return super().exec_command(*args, **more)
"""


class ArgumentsMonitor(ProcessMonitor):
    """Records only what all users of a machine can see: not the environment, which only the owner can read."""

    def _record(self, number: int, folder: Path) -> None:
        parent = int((folder / "stat").read_bytes().rpartition(b")")[2].split()[1])
        if number in self.processes or parent in self.processes:
            self.processes.add(number)
            self.seen.add((folder / "cmdline").read_bytes())


def find_secrets(watch: ProcessMonitor, ended: PlayResult, *secrets: str) -> list[str]:
    """List the secrets in arguments of processes, or in the output."""
    seen = b"\n".join(watch.seen).decode(errors="replace")
    assert "AnsiballZ_command.py" in seen
    return [secret for secret in secrets if secret in seen or secret in ended.output]


def run_role(
    folder: Path, variables: dict[str, Any], home: Path, *arguments: str, watch: ProcessMonitor | None = None
) -> PlayResult:
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
        watch=watch,
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


@pytest.mark.parametrize("name", ["backup_ca_path", "backup_config", "backup_environment", "backup_timeout"])
def test_an_undefined_reference_is_an_error(tmp_path: Path, name: str) -> None:
    """An optional variable that refers to an undefined one is not treated as not set."""
    given = {"backup_product": "restic", "backup_repository": "/nowhere", "restore_test_check": ["true"]}
    ended = run_role(tmp_path, {**given, name: "{{ not_there }}"}, tmp_path)
    assert ended.status != 0
    assert "'not_there' is undefined" in ended.output
    assert "Read recovery points" not in ended.output


@needs("restic")
class TestRestic:
    def test_a_checked_restore_is_a_proof(self, repository: restic_repository.Repository, tmp_path: Path) -> None:
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

        # The data of the same host fails a check, so the earlier proof is no longer valid.
        broken = {**given, "restore_test_check": ["grep", "-r", "nowhere", "."], "restore_test_workloads": ["web*"]}
        ended = run_role(tmp_path, broken, repository.home)
        assert ended.status != 0
        assert f"Restore tests failed: web01 {data}: Check restored data" in " ".join(ended.output.split())
        assert {(one["workload_name"], one["result"]) for one in record(tmp_path)} == {
            ("web01", "failed"),
            ("db01", "passed"),
        }
        assert list((tmp_path / "scratch").iterdir()) == []
        verdict = evaluate_with_record(tmp_path, {"backup.audit.restic_snapshots_info": reading}, repository.home)
        assert verdict.status != 0
        assert re.search(r"newest restore test \(\S+\) failed: Check restored data", " ".join(verdict.output.split()))

    @pytest.mark.parametrize("folder", ["index", "snapshots"])
    def test_data_from_the_private_cache_is_not_a_proof(
        self, repository: restic_repository.Repository, tmp_path: Path, folder: str
    ) -> None:
        """The repository has lost files that the user's cache still has."""
        own = restic_repository.copy_repository(repository, tmp_path)
        own.warm_cache()
        for file in (own.path / folder).iterdir():
            corrupt_byte(file, 60)
        given = {
            "backup_product": "restic",
            "backup_repository": str(own.path),
            "backup_password": restic_repository.PASSWORD,
            "restore_test_check": ["true"],
        }
        ended = run_role(tmp_path, given, own.home)
        assert ended.status != 0
        if folder == "index":
            assert [one["result"] for one in record(tmp_path)] == ["failed"]
        else:
            # Without a list of snapshots, there is nothing to restore.
            assert "omitted a snapshot" in " ".join(ended.output.split())
            assert not (tmp_path / "records").exists()
        assert list((tmp_path / "scratch").iterdir()) == []

    @pytest.mark.parametrize(
        ("fault", "message"),
        [
            ({"restore_test_check": ["no-such-check"]}, "Check restored data"),
            ({"restore_test_check": ["sh", "-c", "no-such-check"]}, "Check restored data"),
            ({"restore_test_scratch": "/nowhere"}, "Create temporary directory"),
            ({"restore_test_hook": "{{ inventory_dir }}/hook.yml"}, "Broken condition"),
        ],
        ids=["check", "check in a shell", "directory", "hook"],
    )
    def test_an_error_of_the_test_itself_is_not_recorded(
        self, repository: restic_repository.Repository, tmp_path: Path, fault: dict[str, Any], message: str
    ) -> None:
        (tmp_path / "hook.yml").write_text(
            yaml.safe_dump([{"name": "Broken condition", "ansible.builtin.command": "true", "when": "nobody.knows"}])
        )
        given = {
            "backup_product": "restic",
            "backup_repository": str(repository.path),
            "backup_password": restic_repository.PASSWORD,
            "restore_test_check": ["true"],
            "restore_test_workloads": ["web01"],
        }
        ended = run_role(tmp_path, {**given, **fault}, repository.home)
        assert ended.status != 0
        output = " ".join(ended.output.split())
        assert "Restore tests could not be run: " in output
        assert message in output
        assert not (tmp_path / "records").exists()
        assert list((tmp_path / "scratch").iterdir()) == []

    @pytest.mark.parametrize(
        ("failure", "message"),
        [
            ({"restore_test_check": ["sh", "-c", "echo connection refused; exit 1"]}, "connection refused"),
            ({"restore_test_check": ["sleep", "8"], "restore_test_timeout": 3}, "3"),
            ({"restore_test_hook": "{{ inventory_dir }}/hook.yml"}, "it did not boot"),
        ],
        ids=["check", "timeout", "hook"],
    )
    def test_a_failure_of_restore_or_check_is_recorded(
        self, repository: restic_repository.Repository, tmp_path: Path, failure: dict[str, Any], message: str
    ) -> None:
        (tmp_path / "hook.yml").write_text(
            yaml.safe_dump([{"name": "Boot", "ansible.builtin.fail": {"msg": "it did not boot"}}])
        )
        given = {
            "backup_product": "restic",
            "backup_repository": str(repository.path),
            "backup_password": restic_repository.PASSWORD,
            "restore_test_check": ["true"],
        }
        assert run_role(tmp_path, {**given, **failure}, repository.home).status != 0
        (tested,) = record(tmp_path)
        assert tested["result"] == "failed"
        assert message in tested["message"]
        assert list((tmp_path / "scratch").iterdir()) == []

    def test_all_groups_of_a_host_are_restored(self, repository: restic_repository.Repository, tmp_path: Path) -> None:
        own = restic_repository.copy_repository(repository, tmp_path)
        (own.home / "etc").mkdir()
        for host in ("web01", "db01"):
            own.restic("backup", "--quiet", "--host", host, str(own.home / "etc"))
        given = {
            "backup_product": "restic",
            "backup_repository": str(own.path),
            "backup_password": restic_repository.PASSWORD,
            "restore_test_check": ["true"],
        }
        ended = run_role(tmp_path, given, own.home)
        assert ended.status == 0, ended.output
        tested = record(tmp_path)
        assert len({one["workload_name"] for one in tested}) == 1
        assert {one["workload_id"].partition(" ")[2] for one in tested} == {
            str(own.home / "etc"),
            str(repository.path.parent / "data"),
        }

    def test_the_example_play_of_the_readme(self, repository: restic_repository.Repository, tmp_path: Path) -> None:
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

    def test_no_secret_is_in_arguments_or_output(
        self, repository: restic_repository.Repository, tmp_path: Path
    ) -> None:
        own = restic_repository.copy_repository(repository, tmp_path)
        (tmp_path / "new").write_text(f"{ONE_LINE}\n")
        own.restic("key", "passwd", "--new-password-file", str(tmp_path / "new"))
        # The tool receives the exact values, and repeats them in an error.
        tool = tmp_path / "tool"
        tool.write_text(
            f'#!/bin/sh\ncase "$*" in *" restore "*) printf %s "$AWS_SECRET_ACCESS_KEY" > {tmp_path}/received\n'
            'printf "%s\\n" "cannot use $RESTIC_PASSWORD or https://me:s3cretURL@host/" >&2; esac\nexec restic "$@"\n'
        )
        tool.chmod(0o755)
        given = {
            "backup_product": "restic",
            "backup_executable": str(tool),
            "backup_repository": str(own.path),
            "backup_password": ONE_LINE,
            "backup_secret_environment": {"AWS_SECRET_ACCESS_KEY": PASSPHRASE},
            "restore_test_check": ["true"],
        }
        watch = ArgumentsMonitor()
        ended = run_role(tmp_path, given, own.home, "-vvv", watch=watch)
        assert ended.status == 0, ended.output
        assert find_secrets(watch, ended, MARK) == []
        assert (tmp_path / "received").read_text() == PASSPHRASE

        # Damaged data: the reason is reported although the output of the task is hidden.
        for file in (own.path / "data").rglob("*"):
            if file.is_file():
                file.unlink()
        watch = ArgumentsMonitor()
        ended = run_role(tmp_path, given, own.home, "-vvv", watch=watch)
        assert ended.status != 0
        (tested,) = record(tmp_path)
        assert tested["result"] == "failed"
        assert "Restore restic snapshot: cannot use ******** or https://********@host/" in tested["message"]
        assert "no such file or directory" in ended.output
        assert find_secrets(watch, ended, MARK, "s3cretURL") == []

    def test_a_variable_that_a_shell_cannot_set_is_rejected(self, tmp_path: Path) -> None:
        given = {"backup_product": "restic", "backup_repository": "/nowhere", "restore_test_check": ["true"]}
        ended = run_role(tmp_path, {**given, "backup_secret_environment": {"AWS_A-B": "s3cret"}}, tmp_path)
        assert ended.status != 0
        assert "invalid names of variables: AWS_A-B." in " ".join(ended.output.split())
        assert "s3cret" not in ended.output

    @pytest.mark.parametrize(("moment", "recorded"), [("restore", 1), ("check", 2)])
    def test_finished_tests_are_recorded_if_the_host_becomes_unreachable(
        self, repository: restic_repository.Repository, tmp_path: Path, moment: str, recorded: int
    ) -> None:
        """During the second restore, or after the second check has failed.

        With pipelining, the connection is not used between the end of a command and the next task.
        """
        (tmp_path / "connection_plugins").mkdir()
        (tmp_path / "connection_plugins" / "vanishing.py").write_text(CONNECTION)
        count = f'echo x >> {tmp_path}/count; [ "$(wc -l < {tmp_path}/count)" -lt 2 ] || touch {tmp_path}/gone'
        tool = tmp_path / "tool"
        step = count if moment == "restore" else ":"
        tool.write_text(f'#!/bin/sh\ncase "$*" in *" restore "*) {step};; esac\nexec restic "$@"\n')
        tool.chmod(0o755)
        given = {
            "ansible_connection": "vanishing",
            "backup_product": "restic",
            "backup_executable": str(tool),
            "backup_repository": str(repository.path),
            "backup_password": restic_repository.PASSWORD,
            "restore_test_sample": 2,
            "restore_test_check": ["sh", "-c", f"{count if moment == 'check' else ':'}; exit 1"],
            "restore_test_output": str(tmp_path / "records"),
            "restore_test_scratch": str(tmp_path / "scratch"),
            "ansible_python_interpreter": sys.executable,
        }
        (tmp_path / "scratch").mkdir()
        ended = play(
            ROLE,
            tmp_path,
            inventory={"all": {"hosts": {"backup01": given}}},
            environment={"HOME": str(repository.home), "GONE": str(tmp_path / "gone"), "ANSIBLE_PIPELINING": "1"},
        )
        assert "unreachable=1" in ended.output
        assert [one["result"] for one in record(tmp_path)] == ["failed"] * recorded

    def test_a_rescued_error_does_not_end_the_tests_of_other_hosts(
        self, repository: restic_repository.Repository, tmp_path: Path
    ) -> None:
        given = {
            "ansible_connection": "local",
            "ansible_python_interpreter": sys.executable,
            "backup_product": "restic",
            "backup_repository": str(repository.path),
            "backup_password": restic_repository.PASSWORD,
            "restore_test_workloads": ["web01"],
            "restore_test_output": str(tmp_path / "records"),
            "restore_test_scratch": str(tmp_path),
            "restore_test_fail": False,
        }
        hosts = {
            "backup01": {**given, "restore_test_check": ["true"]},
            "other": {**given, "restore_test_check": ["false"]},
        }
        ended = play(
            [{**ROLE[0], "hosts": "all", "any_errors_fatal": True}],
            tmp_path,
            inventory={"all": {"hosts": hosts}},
            environment={"HOME": str(repository.home)},
        )
        assert ended.status == 0, ended.output
        other = json.loads((tmp_path / "records" / "other.restore_tests.json").read_text())["tests"]
        assert [one["result"] for one in (*record(tmp_path), *other)] == ["passed", "failed"]

    def test_seed_and_date_of_the_selection_are_recorded(
        self, repository: restic_repository.Repository, tmp_path: Path
    ) -> None:
        """Values that change with each evaluation, as the date does at midnight."""
        given = {
            "backup_product": "restic",
            "backup_repository": str(repository.path),
            "backup_password": restic_repository.PASSWORD,
            "restore_test_sample": 2,
            "restore_test_seed": "{{ now().timestamp() }}",
            "restore_test_date": "{{ now().timestamp() }}",
            "restore_test_check": ["true"],
        }
        ended = run_role(tmp_path, given, repository.home)
        assert ended.status == 0, ended.output
        first, second = record(tmp_path)
        assert (first["seed"], first["date"]) == (second["seed"], second["date"])

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
