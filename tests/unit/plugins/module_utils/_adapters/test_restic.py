# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The restic adapter with output of restic 0.14 and 0.18."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._adapters.restic.adapter import Restic
from ansible_collections.backup.audit.plugins.module_utils._core.errors import AuditError, OptionError
from ansible_collections.backup.audit.plugins.module_utils._transport.command import CommandResult
from tests.unit.plugins.module_utils._adapters.running_tools import CannedRunner, Response, by_id, run_adapter

VERSION = ("version",)
LIST = ("--no-lock", "--no-cache", "--json", "snapshots")
CONFIG = ("--no-lock", "--no-cache", "--json", "cat", "config")
CHECK = ("--no-lock", "--json", "check")
CHECK_DATA = (*CHECK, "--read-data")
INDEXES = ("--no-lock", "--no-cache", "list", "index")
OLD = {
    "time": "2026-11-20T03:00:00.123456789+01:00",
    "tree": "t",
    "paths": ["/srv", "/etc"],
    "hostname": "web01",
    "tags": ["daily"],
    "id": "a" * 64,
}
NEW = {
    **OLD,
    "id": "b" * 64,
    "hostname": "db01",
    "program_version": "restic 0.18.0",
    "summary": {"backup_end": "2026-11-20T02:05:00Z", "data_added": 4000, "data_added_packed": 1200},
}
SOUND = "check all packs\nno errors were found\n"
SOUND_JSON = '{"message_type":"summary","num_errors":0,"broken_packs":null}\n'
BROKEN_JSON = (
    '{"message_type":"error","message":"pack 6d02 contains 1 errors: [blob 9da4: ciphertext verification failed]\\n"}\n'
    '{"message_type":"summary","num_errors":1,"broken_packs":["6d02"]}\n'
    '{"message_type":"exit_error","code":1,"message":"Fatal: repository contains errors"}\n'
)


def answers(snapshots: Any, **more: Response) -> dict[tuple[str, ...], Response]:
    known: dict[tuple[str, ...], Response] = {
        VERSION: (0, "restic 0.18.0 compiled with go1.24 on linux/amd64\n", ""),
        LIST: (0, snapshots, "") if not isinstance(snapshots, tuple) else snapshots,
        CONFIG: (0, {"version": 2, "id": "c" * 64, "chunker_polynomial": "2c661cd477405f"}, ""),
        INDEXES: (0, f"{'1' * 64}\n{'2' * 64}\n", ""),
    }
    names = {"config": CONFIG, "check": CHECK, "check_data": CHECK_DATA, "indexes": INDEXES}
    return known | {names[name]: answer for name, answer in more.items()}


def read(snapshots: Any, **more: Any) -> Any:
    checks = {name: more.pop(name) for name in ("config", "check", "check_data", "indexes") if name in more}
    return run_adapter(Restic, answers(snapshots, **checks), repository="/srv/restic", **more)


def access(**given: Any) -> Any:
    params = {"password": None, "password_file": None, "ca_path": None, "environment": {}, **given}
    return Restic.access(params)


class TestPoints:
    def test_an_old_and_a_new_snapshot(self) -> None:
        collector, points, _runner = read([OLD, NEW])
        assert (collector.version, collector.scope) == ("0.18.0", {"inventory": False})
        old, new = by_id(points)["a" * 64], by_id(points)["b" * 64]
        assert (old["workload_name"], old["created_at"]) == ("web01", "2026-11-20T02:00:00.123456Z")
        assert (old["completed_at"], old["size_bytes"]) == (None, None)
        assert (new["completed_at"], new["size_bytes"]) == ("2026-11-20T02:05:00Z", 1200)
        for point in points:
            assert (point["kind"], point["status"], point["usable"], point["encrypted"]) == (
                "full",
                "success",
                True,
                True,
            )
            assert (point["integrity_checked"], point["restore_tested"], point["immutable"], point["offsite"]) == (
                None,
            ) * 4
            assert point["copies"][0]["location_type"] == "disk"

    @pytest.mark.parametrize("nothing", [[], None])
    def test_an_empty_repository_has_no_points(self, nothing: Any) -> None:
        assert read(nothing)[1] == []

    @pytest.mark.parametrize(
        ("by", "identity", "name"),
        [
            (None, "web01 /etc,/srv", "web01"),
            (["host"], "web01", "web01"),
            (["host", "paths"], "web01 /etc,/srv", "web01"),
            (["host", "tags"], "web01 daily", "web01"),
            (["tags"], "daily", "daily"),
        ],
    )
    def test_grouping_into_workloads(self, by: list[str] | None, identity: str, name: str) -> None:
        point = read([OLD], **({"workload_by": by} if by else {}))[1][0]
        assert (point["workload_id"], point["workload_name"]) == (identity, name)

    def test_groups_of_one_host_share_its_name(self) -> None:
        other = {**OLD, "id": "c" * 64, "paths": ["/data"]}
        collector, points, _runner = read([OLD, other])
        assert {point["workload_id"] for point in points} == {"web01 /etc,/srv", "web01 /data"}
        assert [row["workload_name"] for row in collector.result()["workloads"]] == ["web01", "web01"]

    def test_different_parts_never_make_the_same_workload(self) -> None:
        parts: list[dict[str, Any]] = [
            {"hostname": "web01", "paths": ["/a", "/b"]},
            {"hostname": "web01", "paths": ["/a,/b"]},
            {"hostname": "web01", "paths": ["/a\\,/b"]},
            {"hostname": "web01 /a", "paths": ["/b"]},
            {"hostname": "web01", "paths": ["/a /b"]},
            {"hostname": "", "paths": ["/a", "/b"]},
        ]
        points = read([{**OLD, **one, "id": f"{number:064}"} for number, one in enumerate(parts)])[1]
        assert len({point["workload_id"] for point in points}) == len(parts)

    def test_workload_names_are_filtered_by_the_adapter(self) -> None:
        assert [point["workload_name"] for point in read([OLD, NEW], workload_names=["DB*"])[1]] == ["db01"]

    def test_raw_records_are_optional(self) -> None:
        assert "raw" not in read([OLD])[1][0]
        assert read([OLD], include_raw=True)[1][0]["raw"] == OLD

    @pytest.mark.parametrize(
        "change", [{"id": None}, {"time": "yesterday"}, {"time": None}, {"time": "2026-11-20T02:00:00"}]
    )
    def test_an_invalid_snapshot_is_a_problem(self, change: dict[str, Any]) -> None:
        collector, points, _runner = read([{**OLD, **change}, NEW])
        assert [point["workload_name"] for point in points] == ["db01"]
        assert "a snapshot record is not valid" in collector.problems[0].message

    @pytest.mark.parametrize(
        "line",
        [
            'Ignoring "a1b2c3": invalid data returned',
            "could not load snapshot a1b2c3: decrypting failed",
            "error: unable to load snapshot",
            "Ignoring a1b2c3: open /srv/cache/snapshots/a1b2c3: permission denied",
            "unable to open snapshot: /srv/cache: failed",
        ],
    )
    def test_a_snapshot_that_restic_omits_makes_the_read_incomplete(self, line: str) -> None:
        collector, _points, _runner = read((0, [NEW], f"{line}\n"))
        assert (collector.problems[0].message, collector.problems[0].server_message) == (
            "restic omitted a snapshot from the listing",
            line,
        )

    @pytest.mark.parametrize(
        "line", ["unable to open cache: mkdir /root/.cache: failed", "repository a1b2 opened (v2)"]
    )
    def test_cache_messages_are_not_a_problem(self, line: str) -> None:
        assert read((0, [NEW], f"{line}\n"))[0].problems == []


class TestIdentity:
    def test_identity_is_the_repository_id(self) -> None:
        collector, _points, runner = read([OLD])
        assert collector.identity == f"restic:{'c' * 64}"
        assert runner.commands == [VERSION, LIST, CONFIG]

    @pytest.mark.parametrize(
        "config",
        [
            (1, "", "Fatal: unable to open repository: connection refused\n"),
            (12, "", '{"message_type":"exit_error","code":12,"message":"Fatal: wrong password or no key found"}\n'),
            (0, "", ""),
            (0, "config", ""),
            (0, [], ""),
            (0, {"version": 2}, ""),
            (0, {"version": 2, "id": ""}, ""),
            (0, {"version": 2, "id": None}, ""),
            (0, {"version": 2, "id": 7}, ""),
        ],
    )
    def test_a_read_without_the_id_is_complete(self, config: Response) -> None:
        collector, points, _runner = read([OLD], config=config)
        assert "identity" not in collector.result()["server"]
        assert (collector.problems, collector.warnings, len(points)) == ([], [], 1)

    def test_the_key_is_never_printed(self) -> None:
        commands = [vector for vector in Restic.allowlist if "cat" in vector]
        assert commands == [CONFIG]


class TestVerify:
    def test_no_check_is_run_by_default(self) -> None:
        collector, _points, runner = read([OLD])
        assert runner.commands == [VERSION, LIST, CONFIG]
        assert collector.verify is None

    @pytest.mark.parametrize("out", [SOUND, SOUND_JSON])
    def test_quick_is_inferred(self, out: str) -> None:
        collector, points, runner = read([OLD], verify="quick", check=(0, out, ""))
        assert runner.commands[-1] == CHECK
        assert collector.verify is not None
        assert (collector.verify["level"], collector.verify["result"]) == ("quick", "sound")
        assert (points[0]["integrity_checked"], points[0]["checked_by"], points[0]["inferred"]) == (
            True,
            "integrity_check",
            ["integrity_checked"],
        )

    @pytest.mark.parametrize("out", [SOUND, SOUND_JSON])
    def test_data_is_reported(self, out: str) -> None:
        collector, points, runner = read([OLD], verify="data", check_data=(0, out, ""))
        assert runner.commands[-1] == CHECK_DATA
        assert (points[0]["integrity_checked"], points[0]["inferred"]) == (True, [])
        assert collector.verify is not None
        assert points[0]["checked_at"] == collector.verify["at"]

    @pytest.mark.parametrize(
        ("answer", "server_message"),
        [
            (
                (1, "load indexes\n", "Pack ID does not match, want 6d02\nFatal: repository contains errors\n"),
                "Pack ID",
            ),
            ((1, BROKEN_JSON, ""), "ciphertext verification failed"),
            # The return code alone is not sufficient.
            ((0, BROKEN_JSON, ""), "ciphertext verification failed"),
            ((1, SOUND, ""), "no errors were found"),
        ],
    )
    def test_damage_makes_all_points_unknown(self, answer: Response, server_message: str) -> None:
        collector, points, _runner = read([OLD, NEW], verify="data", check_data=answer)
        assert collector.verify is not None
        assert collector.verify["result"] == "damaged"
        assert server_message in collector.verify["server_message"]
        assert server_message in collector.warnings[0]
        assert [(point["integrity_checked"], point["usable"]) for point in points] == [(False, None)] * 2
        assert collector.problems == []

    @pytest.mark.parametrize(
        "answer",
        [
            (0, "check all packs\n", ""),
            (1, "", "Fatal: wrong password or no key found\n"),
            (1, "", "Fatal: unable to open config file: permission denied\n"),
        ],
    )
    def test_an_unfinished_check_proves_nothing(self, answer: Response) -> None:
        collector, points, _runner = read([OLD], verify="data", check_data=answer)
        assert collector.verify == {"level": "data", "result": "unfinished"}
        assert len(collector.problems) == 1
        assert (points[0]["integrity_checked"], points[0]["usable"]) == (None, True)

    def test_a_prune_during_the_check_is_not_damage(self) -> None:
        """A prune replaces indexes. Backups only add indexes."""
        listed = iter([f"{'1' * 64}\n", f"{'2' * 64}\n"])

        class Runner(CannedRunner):
            def run(self, *arguments: str, timeout: float | None = None) -> CommandResult:
                if arguments == INDEXES:
                    self.answers = {**self.answers, INDEXES: (0, next(listed), "")}
                return super().run(*arguments, timeout=timeout)

        known = answers([OLD], check=(1, "", "error: pack 6d02 does not exist\nFatal: repository contains errors"))
        collector, points, _runner = run_adapter(Restic, known, runner=Runner, repository="/srv/restic", verify="quick")
        assert collector.verify == {"level": "quick", "result": "unfinished"}
        assert [problem.code for problem in collector.problems] == ["not_checked"]
        assert "pack 6d02 does not exist" in str(collector.problems[0])
        assert (points[0]["integrity_checked"], points[0]["usable"]) == (None, True)

    def test_indexes_that_cannot_be_listed_do_not_hide_damage(self) -> None:
        collector = read([OLD], verify="data", check_data=(1, BROKEN_JSON, ""), indexes=(1, "", "Fatal: x"))[0]
        assert collector.verify is not None
        assert collector.verify["result"] == "damaged"

    def test_check_mode_skips_the_check_with_a_warning(self) -> None:
        collector, points, runner = run_adapter(
            Restic, answers([OLD]), check_mode=True, repository="/srv/restic", verify="data"
        )
        assert runner.commands == [VERSION, LIST, CONFIG]
        assert collector.verify == {"level": "data", "result": "skipped"}
        assert "skipped in check mode" in collector.warnings[0]
        assert points[0]["integrity_checked"] is None


class TestFailures:
    @pytest.mark.parametrize(
        ("rc", "err", "code"),
        [
            (1, "Fatal: wrong password or no key found", "wrong_password"),
            (
                12,
                '{"message_type":"exit_error","code":12,"message":"Fatal: wrong password or no key found"}',
                "wrong_password",
            ),
            (
                1,
                "Fatal: unable to open config file: stat /x/config: no such file\nIs there a repository at",
                "not_found",
            ),
            (10, '{"message_type":"exit_error","message":"Fatal: repository does not exist: unable"}', "not_found"),
            (
                1,
                "Fatal: unable to open config file: open /x/config: permission denied\nIs there a repository at",
                "forbidden",
            ),
            (
                1,
                "Fatal: Head: dial tcp 127.0.0.1:1: connect: connection refused\nIs there a repository at",
                "connection_error",
            ),
            (1, "Fatal: something new", "tool_failed"),
        ],
    )
    def test_failure_codes(self, rc: int, err: str, code: str) -> None:
        with pytest.raises(AuditError) as caught:
            read((rc, "", err))
        assert caught.value.code == code
        assert caught.value.server_message

    @pytest.mark.parametrize("out", ["", "no json", '{"a": 1}', '"text"'])
    def test_unexpected_output_is_not_a_list(self, out: str) -> None:
        with pytest.raises(AuditError) as caught:
            read((0, out, ""))
        assert caught.value.code == "invalid_response"

    def test_another_program_instead_of_restic_is_an_error(self) -> None:
        with pytest.raises(AuditError, match="does not report a version of restic"):
            run_adapter(Restic, {VERSION: (0, "borg 1.2.4\n", "")}, repository="/srv/restic")


class TestAccess:
    def test_local_repositories_are_named_with_their_host(self) -> None:
        given = access(repository="/srv/restic", password="pw")
        assert given.display_name.endswith(":/srv/restic")
        assert given.display_name != ":/srv/restic"
        assert given.environment["RESTIC_PASSWORD"] == "pw"

    @pytest.mark.parametrize(
        ("repository", "shown", "secret"),
        [
            ("rest:https://me:p%40ss@backup.example:8000/", "rest:https://backup.example:8000/", "p@ss"),
            ("s3:https://s3.example/bucket", "s3:https://s3.example/bucket", None),
            ("sftp:me@nas.example:/restic", "sftp:me@nas.example:/restic", None),
        ],
    )
    def test_remote_repositories_are_shown_without_password(
        self, repository: str, shown: str, secret: str | None
    ) -> None:
        given = access(repository=repository, password_file="/etc/restic")
        assert given.display_name == shown
        assert given.environment["RESTIC_REPOSITORY"] == repository
        assert secret is None or secret in given.secrets

    @pytest.mark.parametrize(
        "given", [{"repository": None, "password": "pw"}, {"repository": " "}, {"repository": "/x"}]
    )
    def test_missing_options_are_reported(self, given: dict[str, Any]) -> None:
        with pytest.raises(OptionError, match="missing required arguments"):
            access(**given)

    @pytest.mark.parametrize(
        "name",
        [
            "RESTIC_HOST",
            "RCLONE_MAX_AGE",
            "RCLONE_EXCLUDE_FROM",
            "RCLONE_FILTER",
            "RCLONE_METADATA_EXCLUDE",
            "RCLONE_HASH_FILTER",
        ],
    )
    def test_a_variable_that_limits_the_listing_is_rejected(self, name: str) -> None:
        with pytest.raises(OptionError, match=rf"{name}.*workload_names"):
            access(repository="/srv/restic", password="pw", environment={"RCLONE_CONFIG": "/x", name: "1"})


class TestRuns:
    def test_the_status_file_is_used(self, tmp_path: Path) -> None:
        (tmp_path / "status").write_text(
            '{"host": "web01", "exit_code": 3, "finished_at": "2026-11-20T02:10:00Z"}\n'
            '{"host": "db01", "exit_code": 1, "finished_at": "2026-11-21T02:10:00Z", "message": "disk full"}\n'
        )
        collector, points, _runner = read([OLD, NEW], status_file=str(tmp_path / "status"))
        assert {(point["workload_name"], point["status"], point["usable"]) for point in points} == {
            ("web01", "warning", True),
            ("db01", "success", True),
            ("db01", "failed", False),
        }
        assert [warning.partition(" (")[0] for warning in collector.warnings] == [
            "the newest backup run of web01 ended with exit code 3",
            "the newest backup run of db01 ended with exit code 1",
        ]
