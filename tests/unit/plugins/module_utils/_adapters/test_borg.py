# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The Borg adapter with output of Borg 1.2."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._adapters.borg import Borg
from ansible_collections.backup.audit.plugins.module_utils._core.errors import AuditError, OptionError
from ansible_collections.backup.audit.plugins.module_utils._transport.command import CommandResult
from tests.unit.plugins.module_utils._adapters.running_tools import CannedRunner, Response, by_id, run_adapter

VERSION = ("--version",)
LIST = ("--bypass-lock", "--log-json", "list", "--json", "--format", "{hostname}{end}{comment}")
CHECK = ("--bypass-lock", "--log-json", "check", "--repository-only")
EXTRACT = ("--bypass-lock", "--log-json", "extract", "--dry-run")
ITEMS = ("--bypass-lock", "--log-json", "list", "--format", "{type}{health} ")

FILLED, EMPTY = "dhealthy -healthy ", "dhealthy lhealthy "


def archive(name: str, day: int, host: str = "backup01") -> dict[str, Any]:
    return {
        "archive": name,
        "comment": "",
        "end": f"2026-11-{day:02}T02:10:00.000000",
        "hostname": host,
        "id": f"id-{name}",
        "name": name,
        "start": f"2026-11-{day:02}T02:00:00.000000",
        "time": f"2026-11-{day:02}T02:00:00.000000",
    }


ARCHIVES = [archive("web01-2026-11-01", 1), archive("web01-2026-11-02", 2), archive("db01-2026-11-02", 2)]
IMPAIRED = (
    '{"type": "log_message", "message": "Data integrity error: Segment entry checksum mismatch [segment 2, offset 8]",'
    ' "levelname": "ERROR", "name": "borg.repository"}\n'
)
MISSING = (
    '{"type": "log_message", "message": "Local Exception", "levelname": "ERROR", "msgid": "Exception"}\n'
    '{"type": "log_message", "message": "Traceback (most recent call last):\\n  File \\"x\\"\\nKeyError: 2\\n\\n'
    "During handling:\\n\\nTraceback:\\nFileNotFoundError: [Errno 2] No such file: '/srv/borg/data/0/2'\\n\\n"
    'Platform: Linux\\nPID: 1\\n", "levelname": "ERROR", "name": "borg.archiver"}\n'
)
WRONG = (
    '{"type": "log_message", "message": "passphrase supplied in BORG_PASSPHRASE, by BORG_PASSCOMMAND or via'
    ' BORG_PASSPHRASE_FD is incorrect.", "levelname": "ERROR", "msgid": "PassphraseWrong"}'
)


def listing(archives: list[dict[str, Any]], mode: str | None = "repokey") -> dict[str, Any]:
    return {"archives": archives, "encryption": {"mode": mode}, "repository": {"id": "e" * 64, "location": "/srv/borg"}}


def read(answer: Any, checks: dict[tuple[str, ...], Response] | None = None, **options: Any) -> Any:
    answer = answer if isinstance(answer, tuple) else (0, listing(answer) if isinstance(answer, list) else answer, "")
    listed = answer[1].get("archives") if isinstance(answer[1], dict) else []
    items: dict[tuple[str, ...], Response] = {(*ITEMS, f"::{one['name']}"): (0, FILLED, "") for one in listed or ()}
    answers = {VERSION: (0, "borg 1.2.4\n", ""), LIST: answer, **items, **(checks or {})}
    return run_adapter(Borg, answers, repository="/srv/borg", **options)


def access(**given: Any) -> Any:
    return Borg.access({"password": None, "password_file": None, "environment": {}, **given})


class TestIdentity:
    @pytest.mark.parametrize("repository", [None, [], {}, {"id": None}, {"id": ""}, {"id": 7}])
    def test_repository_without_an_id(self, repository: Any) -> None:
        collector, points, _runner = read({**listing(ARCHIVES), "repository": repository})
        assert "identity" not in collector.result()["server"]
        assert (collector.problems, len(points)) == ([], 3)


class TestPoints:
    def test_times_without_a_zone_are_utc(self) -> None:
        collector, points, runner = read(ARCHIVES)
        assert runner.commands == [VERSION, LIST]
        assert (collector.version, collector.verify, collector.identity) == ("1.2.4", None, f"borg:{'e' * 64}")
        first = by_id(points)["id-web01-2026-11-01"]
        assert (first["created_at"], first["completed_at"]) == ("2026-11-01T02:00:00Z", "2026-11-01T02:10:00Z")
        assert (first["kind"], first["status"], first["usable"], first["size_bytes"]) == ("full", "success", True, None)
        assert (first["integrity_checked"], first["restore_tested"], first["immutable"], first["offsite"]) == (
            None,
        ) * 4

    @pytest.mark.parametrize(
        ("mode", "encrypted"),
        [
            ("repokey", True),
            ("keyfile-blake2", True),
            ("none", False),
            ("authenticated", False),
            ("authenticated-blake2", False),
            ("later", None),
            (None, None),
        ],
    )
    def test_encryption(self, mode: str | None, encrypted: bool | None) -> None:
        point = read(listing(ARCHIVES, mode))[1][0]
        assert (point["encrypted"], point["copies"][0]["encrypted"]) == (encrypted, encrypted)

    @pytest.mark.parametrize(
        ("by", "identity", "name"),
        [
            (None, "backup01 web01", "backup01"),
            ("series", "backup01 web01", "backup01"),
            ("hostname", "backup01", "backup01"),
            ("name_prefix", "web01", "web01"),
        ],
    )
    def test_grouping_into_workloads(self, by: str | None, identity: str, name: str) -> None:
        options: dict[str, Any] = {"workload_by": by} if by else {}
        point = read([archive("web01-2026-11-01", 1)], **options)[1][0]
        assert (point["workload_id"], point["workload_name"]) == (identity, name)

    @pytest.mark.parametrize("by", ["series", "hostname", "name_prefix"])
    def test_an_archive_named_by_date_belongs_to_the_host(self, by: str) -> None:
        point = read([archive("2026-11-01", 1)], workload_by=by)[1][0]
        assert (point["workload_id"], point["workload_name"]) == ("backup01", "backup01")

    def test_an_archive_without_a_host(self) -> None:
        point = read([archive("web01-2026-11-01", 1, "")])[1][0]
        assert (point["workload_id"], point["workload_name"]) == ("web01", "web01")

    def test_a_host_name_with_a_space_is_unambiguous(self) -> None:
        points = read([archive("a b", 1, "h"), archive("b", 1, "h a")])[1]
        assert {point["workload_id"] for point in points} == {"h a b", "h\\ a b"}

    @pytest.mark.parametrize(("by", "warns"), [("series", True), ("name_prefix", True), ("hostname", False)])
    def test_archives_without_a_date_are_reported(self, by: str, warns: bool) -> None:
        collector = read([*ARCHIVES, archive("web01-monday", 1), archive("web01-tuesday", 2)], workload_by=by)[0]
        assert [warning.partition(", so ")[0] for warning in collector.warnings] == [
            "2 archives have no date in their names (such as web01-monday)"
        ] * warns

    @pytest.mark.parametrize("change", [{"id": None}, {"name": None}, {"start": "soon"}, {"end": 3}])
    def test_an_invalid_archive_is_a_problem(self, change: dict[str, Any]) -> None:
        collector, points, _runner = read([{**ARCHIVES[0], **change}, ARCHIVES[1]])
        assert len(points) == 1
        assert "an archive record is not valid" in collector.problems[0].message


class TestVerify:
    def test_quick_is_inferred(self) -> None:
        collector, points, runner = read(ARCHIVES, {CHECK: (0, "", "")}, verify="quick")
        newest = {(*ITEMS, f"::{name}") for name in ("web01-2026-11-02", "db01-2026-11-02")}
        assert (runner.commands[:3], set(runner.commands[3:])) == ([VERSION, LIST, CHECK], newest)
        assert collector.verify is not None
        assert collector.verify["result"] == "sound"
        assert {(point["integrity_checked"], tuple(point["inferred"])) for point in points} == {
            (True, ("integrity_checked",))
        }

    def test_data_reads_the_newest_archive_of_each_workload(self) -> None:
        through: dict[tuple[str, ...], Response] = {
            CHECK: (0, "", ""),
            (*EXTRACT, "::web01-2026-11-02"): (0, "", ""),
            (*EXTRACT, "::db01-2026-11-02"): (0, "", ""),
        }
        _reading, points, runner = read(ARCHIVES, through, verify="data", workload_by="name_prefix")
        assert len(runner.commands) == 7
        exact = {point["workload_name"] for point in points if point["integrity_checked"] and not point["inferred"]}
        assert exact == {"web01", "db01"}
        assert by_id(points)["id-web01-2026-11-01"]["inferred"] == ["integrity_checked"]

    def test_only_selected_workloads_are_checked(self) -> None:
        through = {CHECK: (0, "", ""), (*EXTRACT, "::db01-2026-11-02"): (0, "", "")}
        runner = read(ARCHIVES, through, verify="data", workload_by="name_prefix", workload_names=["db*"])[2]
        assert len(runner.commands) == 5

    @pytest.mark.parametrize("verify", ["quick", "data"])
    def test_a_damaged_segment_makes_all_archives_unknown(self, verify: str) -> None:
        collector, points, runner = read(ARCHIVES, {CHECK: (1, "", IMPAIRED)}, verify=verify)
        # The list is read again, because a concurrent change of the repository can look like damage.
        assert runner.commands == [VERSION, LIST, CHECK, LIST]
        assert collector.verify is not None
        assert (collector.verify["result"], "checksum mismatch" in collector.verify["server_message"]) == (
            "damaged",
            True,
        )
        assert {(point["integrity_checked"], point["usable"]) for point in points} == {(False, None)}

    def test_an_unreadable_archive_is_lost_and_the_others_are_unknown(self) -> None:
        through: dict[tuple[str, ...], Response] = {
            CHECK: (0, "", ""),
            (*EXTRACT, "::web01-2026-11-02"): (2, "", MISSING),
            (*EXTRACT, "::db01-2026-11-02"): (0, "", ""),
        }
        collector, points, _runner = read(ARCHIVES, through, verify="data", workload_by="name_prefix")
        assert collector.verify is not None
        assert (
            "web01-2026-11-02 cannot be read: Local Exception; FileNotFoundError" in collector.verify["server_message"]
        )
        states = {point["id"]: (point["integrity_checked"], point["usable"]) for point in points}
        assert states == {
            "id-web01-2026-11-02": (False, False),
            "id-web01-2026-11-01": (False, None),
            "id-db01-2026-11-02": (True, True),
        }

    @pytest.mark.parametrize("last", [(0, listing(ARCHIVES[1:]), ""), (2, "", WRONG)], ids=["changed", "unreadable"])
    def test_a_change_during_the_check_is_not_damage(self, last: Response) -> None:
        listed = iter([(0, listing(ARCHIVES), ""), last])

        class Runner(CannedRunner):
            def run(self, *arguments: str, timeout: float | None = None) -> CommandResult:
                if arguments == LIST:
                    self.answers = {**self.answers, LIST: next(listed)}
                return super().run(*arguments, timeout=timeout)

        collector = read(ARCHIVES, {CHECK: (1, "", IMPAIRED)}, verify="quick", runner=Runner)[0]
        assert collector.verify is not None
        if last[0] == 0:
            assert collector.verify == {"level": "quick", "result": "unfinished"}
            assert [problem.code for problem in collector.problems] == ["not_checked"]
        else:
            assert collector.verify["result"] == "damaged"

    @pytest.mark.parametrize("verify", ["quick", "data"])
    @pytest.mark.parametrize(
        ("older", "usable", "older_usable"),
        [(FILLED, False, True), ("dhealthy hhealthy ", False, True), (EMPTY, None, None)],
    )
    def test_an_archive_without_files(
        self, verify: str, older: str, usable: bool | None, older_usable: bool | None
    ) -> None:
        checks: dict[tuple[str, ...], Response] = {
            CHECK: (0, "", ""),
            (*ITEMS, "::web01-2026-11-02"): (0, EMPTY, ""),
            (*ITEMS, "::web01-2026-11-01"): (0, older, ""),
            (*EXTRACT, "::web01-2026-11-02"): (0, "", ""),
            (*EXTRACT, "::db01-2026-11-02"): (0, "", ""),
        }
        collector, points, _runner = read(ARCHIVES, checks, verify=verify)
        states = {point["id"]: point["usable"] for point in points}
        assert states == {
            "id-web01-2026-11-02": usable,
            "id-web01-2026-11-01": older_usable,
            "id-db01-2026-11-02": True,
        }
        assert [warning.rpartition(": ")[2] for warning in collector.warnings] == ["backup01 web01"] * (usable is None)

    def test_an_archive_whose_items_cannot_be_listed_is_lost(self) -> None:
        checks: dict[tuple[str, ...], Response] = {CHECK: (0, "", ""), (*ITEMS, "::db01-2026-11-02"): (2, "", MISSING)}
        collector, points, _runner = read(ARCHIVES, checks, verify="quick")
        assert collector.verify is not None
        assert "db01-2026-11-02 cannot be read: Local Exception" in collector.verify["server_message"]
        assert by_id(points)["id-db01-2026-11-02"]["usable"] is False

    @pytest.mark.parametrize("verify", ["quick", "data"])
    def test_a_repaired_archive_with_holes_is_lost(self, verify: str) -> None:
        checks: dict[tuple[str, ...], Response] = {
            CHECK: (0, "", ""),
            (*ITEMS, "::db01-2026-11-02"): (0, "dhealthy -broken -healthy -broken ", ""),
            (*EXTRACT, "::web01-2026-11-02"): (0, "", ""),
        }
        collector, points, _runner = read(ARCHIVES, checks, verify=verify)
        assert collector.verify is not None
        assert "db01-2026-11-02 is incomplete: " in collector.verify["server_message"]
        assert "in 2 files" in collector.verify["server_message"]
        assert by_id(points)["id-db01-2026-11-02"]["usable"] is False

    def test_a_quick_check_does_not_need_archive_names(self) -> None:
        collector = read([archive("{hostname}-1", 1)], {CHECK: (0, "", "")}, verify="quick")[0]
        assert collector.verify is not None
        assert collector.verify["result"] == "sound"

    @pytest.mark.parametrize("name", ["{hostname}-1", "a/b", "x\ny"])
    def test_names_with_special_meaning_for_borg_are_not_sent(self, name: str) -> None:
        collector, points, runner = read([archive(name, 1)], {CHECK: (0, "", "")}, verify="data")
        assert runner.commands[-1] == CHECK
        assert collector.verify == {"level": "data", "result": "unfinished"}
        assert (collector.problems[0].code, points[0]["integrity_checked"]) == ("not_checked", None)

    def test_a_wrong_passphrase_is_not_damage(self) -> None:
        collector = read(ARCHIVES, {CHECK: (2, "", WRONG)}, verify="quick")[0]
        assert (collector.verify, collector.problems[0].code) == (
            {"level": "quick", "result": "unfinished"},
            "wrong_password",
        )


@pytest.mark.parametrize(("code", "status"), [(0, "success"), (1, "warning"), (107, "warning")])
def test_a_status_file_marks_the_archive_of_a_run(tmp_path: Path, code: int, status: str) -> None:
    run = f'{{"workload": "backup01 db01", "exit_code": {code}, "finished_at": "2026-11-02T02:10:01Z"}}'
    (tmp_path / "status").write_text(run)
    points = read(ARCHIVES, status_file=str(tmp_path / "status"))[1]
    assert len(points) == 3
    assert by_id(points)["id-db01-2026-11-02"]["status"] == status


def test_a_status_file_shows_a_run_that_made_no_archive(tmp_path: Path) -> None:
    (tmp_path / "status").write_text('{"host": "backup01", "exit_code": 2, "finished_at": "2026-11-03T02:10:01Z"}')
    points = read(ARCHIVES, status_file=str(tmp_path / "status"))[1]
    assert {point["workload_id"] for point in points if point["status"] == "failed"} == {
        "backup01 web01",
        "backup01 db01",
    }


class TestFailures:
    @pytest.mark.parametrize(
        ("err", "code"),
        [
            (WRONG, "wrong_password"),
            ('{"message": "Repository /x does not exist.", "msgid": "Repository.DoesNotExist"}', "not_found"),
            ('{"message": "/x is not a valid repository.", "msgid": "Repository.InvalidRepository"}', "not_found"),
            ('{"message": "Repository access aborted", "msgid": "Cache.RepositoryAccessAborted"}', "certificate_error"),
            (
                '{"message": "Cache initialization aborted", "msgid": "Cache.CacheInitAbortedError"}',
                "certificate_error",
            ),
            ("PermissionError: [Errno 13] Permission denied: '/srv/borg/config'", "forbidden"),
            (MISSING, "tool_failed"),
        ],
    )
    def test_failure_codes(self, err: str, code: str) -> None:
        with pytest.raises(AuditError) as caught:
            read((2, "", err))
        assert caught.value.code == code
        assert caught.value.server_message

    @pytest.mark.parametrize("answer", [{}, {"archives": None}, []])
    def test_unexpected_output_is_not_a_list(self, answer: Any) -> None:
        with pytest.raises(AuditError, match="archives"):
            read((0, answer, ""))

    def test_another_program_instead_of_borg_is_an_error(self) -> None:
        with pytest.raises(AuditError, match="does not report a version of borg"):
            run_adapter(Borg, {VERSION: (0, "restic 0.14.0\n", "")}, repository="/srv/borg")


class TestAccess:
    def test_the_first_line_of_a_file_is_the_passphrase(self, tmp_path: Path) -> None:
        (tmp_path / "pass").write_text(" s3cret \nmore\n")
        given = access(repository="/srv/borg", password_file=str(tmp_path / "pass"))
        assert given.environment == {"BORG_REPO": "/srv/borg", "BORG_PASSPHRASE": " s3cret "}
        assert given.secrets == (" s3cret ",)

    @pytest.mark.parametrize(
        ("repository", "is_remote"),
        [
            ("/srv/borg", False),
            ("./borg", False),
            ("ssh://me@nas/srv/borg", True),
            ("me@nas:/srv/borg", True),
            ("nas:borg", True),
        ],
    )
    def test_local_repositories_are_named_with_their_host(self, repository: str, is_remote: bool) -> None:
        assert (access(repository=repository).display_name == repository) is is_remote

    @pytest.mark.parametrize(
        ("given", "message"),
        [
            ({"repository": None}, "missing required arguments: repository"),
            ({"repository": "/srv/borg::web01"}, "expected a repository, found an archive"),
            ({"repository": "/srv/borg", "password_file": "/nowhere"}, "password_file: cannot read '/nowhere'"),
        ],
    )
    def test_invalid_values_are_rejected(self, given: dict[str, Any], message: str) -> None:
        with pytest.raises(OptionError, match=message):
            access(**given)
