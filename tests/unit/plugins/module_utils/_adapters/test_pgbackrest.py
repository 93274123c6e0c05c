# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The pgBackRest adapter with output of 2.45 and 2.55."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._adapters.pgbackrest import PgBackRest
from ansible_collections.backup.audit.plugins.module_utils._core.errors import AuditError
from tests.unit.plugins.module_utils._adapters.running_tools import Response, by_id, run_adapter

QUIET = ("--log-level-console=off", "--log-level-stderr=error", "--log-level-file=off")
VERSION = ("version",)
INFO = ("--output=json", *QUIET, "info")
FULL, DIFF, INCR = "20261120-010000F", "20261120-010000F_20261121-010000D", "20261120-010000F_20261121-020000I"


def verify(repo: int) -> tuple[str, ...]:
    return ("--stanza=main", f"--repo={repo}", "--output=text", "--verbose", *QUIET, "verify")


def backup(label: str, kind: str, stop: int, repo: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "archive": {"start": "000000010000000000000003", "stop": "000000010000000000000004"},
        "database": {"id": 1, "repo-key": repo},
        "error": False,
        "info": {"delta": 9000, "repository": {"delta": 700, "size": 3000}, "size": 90000},
        "label": label,
        "prior": None,
        "reference": None,
        "timestamp": {"start": stop - 5, "stop": stop},
        "type": kind,
        **more,
    }


OK = {"code": 0, "message": "ok"}
STANZA: dict[str, Any] = {
    "archive": [
        {
            "database": {"id": 1, "repo-key": 1},
            "id": "15-1",
            "min": "0" * 7 + "1" + "0" * 16,
            "max": "0" * 7 + "1" + "F" * 16,
        },
        {
            "database": {"id": 1, "repo-key": 2},
            "id": "15-1",
            "min": "0" * 7 + "1" + "0" * 16,
            "max": "0" * 7 + "1" + "F" * 16,
        },
    ],
    "backup": [
        backup(FULL, "full", 1795222800),
        backup(DIFF, "diff", 1795226400, prior=FULL, reference=[FULL]),
        backup(INCR, "incr", 1795230000, prior=DIFF, reference=[FULL, DIFF]),
        backup("20261121-030000F", "full", 1795233600, repo=2),
    ],
    "cipher": "mixed",
    "name": "main",
    "repo": [{"cipher": "aes-256-cbc", "key": 1, "status": OK}, {"cipher": "none", "key": 2, "status": OK}],
    "status": {**OK, "lock": {"backup": {"held": False}}},
}
VALID = (
    "stanza: main\nstatus: ok\n  archiveId: 15-1, total WAL checked: 19, total valid WAL: 19\n"
    "    missing: 0, checksum invalid: 0, size invalid: 0, other: 0\n"
    f"  backup: {FULL}, status: valid, total files checked: 9, total valid files: 9\n"
    f"  backup: {DIFF}, status: valid, total files checked: 9, total valid files: 9\n"
    f"  backup: {INCR}, status: valid, total files checked: 9, total valid files: 9\n"
)
VALID_TOO = "stanza: main\nstatus: ok\n  backup: 20261121-030000F, status: valid, total files checked: 9\n"
BROKEN = VALID.replace("status: ok", "status: error").replace(f"{DIFF}, status: valid", f"{DIFF}, status: invalid")


def changed(**members: Any) -> dict[str, Any]:
    return {**copy.deepcopy(STANZA), **members}


def read(*stanzas: Any, checks: dict[tuple[str, ...], Response] | None = None, **options: Any) -> Any:
    answers: dict[tuple[str, ...], Response] = {
        VERSION: (0, "pgBackRest 2.45\n", ""),
        INFO: (0, list(stanzas), ""),
        **(checks or {}),
    }
    return run_adapter(PgBackRest, answers, **options)


class TestPoints:
    def test_backups_of_all_repositories(self) -> None:
        collector, points, runner = read(STANZA)
        assert runner.commands == [VERSION, INFO]
        assert (collector.version, collector.problems) == ("2.45", [])
        points_by_id = by_id(points)
        assert {point["kind"] for point in points} == {"full", "differential", "incremental"}
        full, other = points_by_id[f"main/{FULL}/repo1"], points_by_id["main/20261121-030000F/repo2"]
        assert (full["created_at"], full["size_bytes"], full["encrypted"]) == ("2026-11-21T01:00:00Z", 700, True)
        # "mixed" at the top level does not apply to any repository.
        assert (other["encrypted"], other["copies"][0]["location"]) == (False, "repo2")
        assert {(point["workload_name"], point["workload_type"], point["platform"]) for point in points} == {
            ("main", "database", "postgresql")
        }
        assert {(point["status"], point["usable"], point["integrity_checked"]) for point in points} == {
            ("success", True, None)
        }

    def test_a_backup_whose_parent_is_gone_is_not_usable(self) -> None:
        _reading, points, _runner = read(changed(backup=STANZA["backup"][1:]))
        usable = {point["kind"]: point["usable"] for point in points}
        assert usable == {"differential": False, "incremental": False, "full": True}

    def test_a_parent_in_another_repository_is_none(self) -> None:
        backups = copy.deepcopy(STANZA["backup"])
        backups[0]["database"]["repo-key"] = 2
        assert by_id(read(changed(backup=backups))[1])[f"main/{DIFF}/repo1"]["usable"] is False

    def test_damaged_pages_are_a_warning_and_of_unknown_use(self) -> None:
        _reading, points, _runner = read(changed(backup=[backup(FULL, "full", 1795222800, error=True)]))
        assert (points[0]["status"], points[0]["usable"]) == ("warning", None)

    def test_old_versions_do_not_say_whether_pages_were_damaged(self) -> None:
        _reading, points, _runner = read(changed(backup=[backup(FULL, "full", 1795222800, error=None)]))
        assert (points[0]["status"], points[0]["usable"]) == ("unknown", True)

    @pytest.mark.parametrize(
        "archive", [[], [{"database": {"repo-key": 1}, "min": "0" * 23 + "9", "max": "0" * 22 + "99"}]]
    )
    def test_a_backup_whose_log_is_gone_is_of_unknown_use(self, archive: Any) -> None:
        assert by_id(read(changed(archive=archive))[1])[f"main/{FULL}/repo1"]["usable"] is None

    @pytest.mark.parametrize("include", [True, False])
    def test_a_stanza_without_backups_is_a_workload_without_points(self, include: bool) -> None:
        empty = {"code": 2, "message": "no valid backups"}
        repo = [{"cipher": "none", "key": 1, "status": empty}]
        collector, points, _runner = read(changed(backup=[], repo=repo, status=empty), include_unprotected=include)
        assert (points, collector.problems) == ([], [])
        assert len(collector.summary.build()[0]) == int(include)

    @pytest.mark.parametrize("change", [{"label": None}, {"timestamp": None}, {"database": {}}])
    def test_a_backup_that_makes_no_sense_is_a_problem_and_not_a_gap(self, change: dict[str, Any]) -> None:
        collector, points, _runner = read(changed(backup=[{**STANZA["backup"][0], **change}, STANZA["backup"][3]]))
        assert len(points) == 1
        assert "a backup record is not valid" in collector.problems[0].message


class TestStates:
    """The return code is 0 in all of these."""

    @pytest.mark.parametrize(
        ("message", "code"),
        [
            ("[PathOpenError] unable to list file info for path '/r1/backup': [13] Permission denied", "forbidden"),
            (
                "[FormatError] unable to load\nFormatError: key/value found outside of section at line 1",
                "wrong_password",
            ),
            ("[CryptoError] unable to flush", "wrong_password"),
            ("something new", "not_found"),
        ],
    )
    def test_a_repository_that_cannot_be_read_makes_the_read_incomplete(self, message: str, code: str) -> None:
        repos = [{"cipher": "aes-256-cbc", "key": 1, "status": {"code": 99, "message": message}}, STANZA["repo"][1]]
        collector, points, _runner = read(changed(backup=STANZA["backup"][3:], repo=repos, status={"code": 4}))
        assert [(problem.code, "in repo1" in problem.message) for problem in collector.problems] == [(code, True)]
        assert len(points) == 1

    def test_a_stanza_that_does_not_exist_is_a_problem(self) -> None:
        missing = {"code": 1, "message": "missing stanza path"}
        repos = [{"cipher": "none", "key": key, "status": missing} for key in (1, 2)]
        collector, points, _runner = read(changed(name="nope", backup=[], archive=[], repo=repos, status=missing))
        assert (points, collector.summary.build()) == ([], ([], []))
        assert [problem.server_message for problem in collector.problems] == ["missing stanza path"] * 2

    def test_a_stanza_that_is_in_one_of_two_repositories_is_a_warning(self) -> None:
        missing = {"code": 1, "message": "missing stanza path"}
        repos = [STANZA["repo"][0], {"cipher": "none", "key": 2, "status": missing}]
        collector, points, _runner = read(changed(backup=STANZA["backup"][:3], repo=repos, status={"code": 4}))
        assert (collector.problems, collector.warnings) == ([], ["stanza main is not in repo2"])
        assert len(points) == 3

    @pytest.mark.parametrize(
        "answer", [(0, {}, ""), (0, "text", ""), (55, "", "ERROR: [055]: unable to open missing file")]
    )
    def test_another_answer_is_an_error(self, answer: Response) -> None:
        with pytest.raises(AuditError):
            read(checks={INFO: answer})


class TestVerify:
    def test_every_valid_backup_is_checked(self) -> None:
        checks = {verify(1): (0, VALID, ""), verify(2): (0, VALID_TOO, "")}
        collector, points, _runner = read(STANZA, checks=checks, verify="data")
        assert collector.verify is not None
        assert collector.verify["result"] == "sound"
        assert {(point["integrity_checked"], tuple(point["inferred"])) for point in points} == {(True, ())}

    def test_an_invalid_backup_is_not_usable_and_the_others_are_checked(self) -> None:
        # The return code is 0 nevertheless.
        checks = {verify(1): (0, BROKEN, ""), verify(2): (0, VALID_TOO, "")}
        collector, points, _runner = read(STANZA, checks=checks, verify="data")
        assert collector.verify is not None
        assert collector.verify["server_message"] == f"main in repo1: backup {DIFF} is invalid"
        states = {point["id"].split("/")[1]: (point["integrity_checked"], point["usable"]) for point in points}
        # The increment depends on it, although its own files are valid.
        assert (states[DIFF], states[INCR]) == ((False, False), (False, False))
        assert {state for label, state in states.items() if label not in (DIFF, INCR)} == {(True, True)}

    def test_damage_in_the_log_leaves_no_backup_surely_usable(self) -> None:
        out = VALID.replace("status: ok", "status: error").replace("valid WAL: 19", "valid WAL: 18")
        checks = {verify(1): (0, out, ""), verify(2): (0, VALID_TOO, "")}
        collector, points, _runner = read(STANZA, checks=checks, verify="data")
        assert collector.verify is not None
        assert "1 files of the write-ahead log are damaged" in collector.verify["server_message"]
        states = {(point["copies"][0]["location"], point["integrity_checked"], point["usable"]) for point in points}
        assert states == {("repo1", None, None), ("repo2", True, True)}

    def test_an_error_of_which_nothing_is_told_is_damage(self) -> None:
        checks = {verify(1): (0, VALID.replace("status: ok", "status: error"), ""), verify(2): (0, VALID_TOO, "")}
        collector, points, _runner = read(STANZA, checks=checks, verify="data")
        assert collector.verify is not None
        assert collector.verify["result"] == "damaged"
        assert {point["integrity_checked"] for point in points if point["copies"][0]["location"] == "repo1"} == {None}

    def test_a_backup_that_the_check_did_not_name_is_unchecked(self) -> None:
        checks = {verify(1): (0, VALID, ""), verify(2): (0, "stanza: main\nstatus: ok\n", "")}
        _reading, points, _runner = read(STANZA, checks=checks, verify="data")
        assert by_id(points)["main/20261121-030000F/repo2"]["integrity_checked"] is None

    def test_a_backup_that_is_listed_and_was_not_met_is_lost_where_something_is_wrong(self) -> None:
        out = BROKEN.replace(f"  backup: {FULL}, status: valid, total files checked: 9, total valid files: 9\n", "")
        checks = {verify(1): (0, out, ""), verify(2): (0, VALID_TOO, "")}
        _reading, points, _runner = read(STANZA, checks=checks, verify="data")
        full = by_id(points)[f"main/{FULL}/repo1"]
        assert (full["integrity_checked"], full["usable"]) == (False, False)

    def test_a_file_that_ends_the_check_is_damage(self) -> None:
        broken = (29, "", "ERROR: [029]: zlib threw error: [-3] data error\n")
        checks = {verify(1): broken, verify(2): (0, VALID_TOO, "")}
        collector, points, _runner = read(STANZA, checks=checks, verify="data")
        assert collector.verify is not None
        assert "zlib threw error" in collector.verify["server_message"]
        states = {(point["copies"][0]["location"], point["integrity_checked"], point["usable"]) for point in points}
        assert states == {("repo1", None, None), ("repo2", True, True)}

    def test_a_check_that_says_nothing_is_no_proof(self) -> None:
        checks = {verify(1): (0, "", ""), verify(2): (0, VALID_TOO, "")}
        collector, points, _runner = read(STANZA, checks=checks, verify="data")
        assert collector.verify == {"level": "data", "result": "unfinished"}
        assert len(collector.problems) == 1
        assert {point["integrity_checked"] for point in points} == {None}
