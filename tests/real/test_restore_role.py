# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role restore_test with restic: successful restores are recorded as proof, failed ones are reported."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.running_plays import play
from tests.real import restic_repository
from tests.real.running_restore_role import (
    CONNECTION,
    MARK,
    ONE_LINE,
    PASSPHRASE,
    ROLE,
    ArgumentsMonitor,
    evaluate_with_record,
    find_secrets,
    record,
    run_role,
)
from tests.real.tools import corrupt_byte, needs
from tests.tools.project import ROOT


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
