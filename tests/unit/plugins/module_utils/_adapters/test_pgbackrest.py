# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The pgBackRest adapter with output of 2.45 and 2.55."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._adapters.pgbackrest.adapter import PgBackRest
from ansible_collections.backup.audit.plugins.module_utils._core.errors import AuditError, OptionError
from tests.unit.plugins.module_utils._adapters.running_pgbackrest import (
    DIFF,
    FULL,
    INCR,
    INFO,
    LISTED,
    OTHER,
    STANZA,
    STORED,
    VERSION,
    backup,
    changed,
    files,
    folders,
    ranges,
    read,
)
from tests.unit.plugins.module_utils._adapters.running_tools import Response, by_id


class TestPoints:
    def test_backups_of_all_repositories(self) -> None:
        collector, points, runner = read(STANZA)
        assert runner.commands == [VERSION, INFO, folders(1), files(1), folders(2), files(2)]
        assert (collector.version, collector.problems, collector.warnings) == ("2.45", [], [])
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

    def test_raw_records(self) -> None:
        points = read(STANZA, include_raw=True)[1]
        assert by_id(points)[f"main/{FULL}/repo1"]["raw"] == STANZA["backup"][0]

    def test_a_backup_whose_parent_is_gone_is_not_usable(self) -> None:
        _reading, points, _runner = read(changed(backup=STANZA["backup"][1:]))
        usable = {point["kind"]: point["usable"] for point in points}
        assert usable == {"differential": False, "incremental": False, "full": True}

    def test_a_parent_in_another_repository_does_not_count(self) -> None:
        backups = copy.deepcopy(STANZA["backup"])
        backups[0]["database"]["repo-key"] = 2
        assert by_id(read(changed(backup=backups))[1])[f"main/{DIFF}/repo1"]["usable"] is False

    def test_damaged_pages_are_a_warning_and_make_the_backup_unknown(self) -> None:
        _reading, points, _runner = read(changed(backup=[backup(FULL, "full", 1795222800, error=True)]))
        assert (points[0]["status"], points[0]["usable"]) == ("warning", None)

    def test_old_versions_do_not_report_damaged_pages(self) -> None:
        _reading, points, _runner = read(changed(backup=[backup(FULL, "full", 1795222800, error=None)]))
        assert (points[0]["status"], points[0]["usable"]) == ("unknown", True)

    @pytest.mark.parametrize("include", [True, False])
    def test_a_stanza_without_backups_is_a_workload_without_points(self, include: bool) -> None:
        empty = {"code": 2, "message": "no valid backups"}
        repo = [{"cipher": "none", "key": 1, "status": empty}]
        collector, points, _runner = read(changed(backup=[], repo=repo, status=empty), include_unprotected=include)
        assert (points, collector.problems) == ([], [])
        assert len(collector.summary.build()[0]) == int(include)

    @pytest.mark.parametrize("change", [{"label": None}, {"timestamp": None}, {"database": {}}])
    def test_an_invalid_backup_is_a_problem(self, change: dict[str, Any]) -> None:
        collector, points, _runner = read(changed(backup=[{**STANZA["backup"][0], **change}, STANZA["backup"][3]]))
        assert len(points) == 1
        assert "1 backup records of stanza 'main' have no label" in collector.problems[0].message


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
        assert (points, collector.summary.build()[0]) == ([], [])
        assert [problem.server_message for problem in collector.problems] == ["missing stanza path"] * 2

    def test_a_stanza_that_is_in_one_of_two_repositories_is_a_warning(self) -> None:
        missing = {"code": 1, "message": "missing stanza path"}
        repos = [STANZA["repo"][0], {"cipher": "none", "key": 2, "status": missing}]
        collector, points, _runner = read(changed(backup=STANZA["backup"][:3], repo=repos, status={"code": 4}))
        assert (collector.problems, collector.warnings) == ([], ["stanza main is not in repo2"])
        assert len(points) == 3

    def test_a_repository_without_backups_is_a_warning(self) -> None:
        repos = [STANZA["repo"][0], {"cipher": "none", "key": 2, "status": {"code": 2, "message": "no valid backups"}}]
        collector, _points, _runner = read(changed(backup=STANZA["backup"][:3], repo=repos, status={"code": 4}))
        assert (collector.problems, collector.warnings) == ([], ["stanza main has no backups in repo2"])

    @pytest.mark.parametrize(
        "answer", [(0, {}, ""), (0, "text", ""), (55, "", "ERROR: [055]: unable to open missing file")]
    )
    def test_unexpected_output_is_an_error(self, answer: Response) -> None:
        with pytest.raises(AuditError):
            read(checks={INFO: answer})


class TestOverallState:
    """A stanza can be wrong although each of its repositories is fine."""

    @pytest.mark.parametrize("code", [1, 3, 5, 6, 99, 1234, None])
    def test_every_other_code_is_a_problem(self, code: int | None) -> None:
        collector, points, _runner = read(changed(status={"code": code, "message": "something"}))
        assert [problem.message for problem in collector.problems] == ["the state of stanza 'main' is not ok"]
        assert (collector.problems[0].server_message, len(points)) == ("something", 4)

    @pytest.mark.parametrize("code", [0, 2, 4])
    def test_codes_that_the_repositories_explain(self, code: int) -> None:
        assert read(changed(status={"code": code, "message": "something"}))[0].problems == []

    def test_codes_without_repositories_are_not_explained(self) -> None:
        assert len(read(changed(status={"code": 4}, repo=[]))[0].problems) == 1


def database(ident: int, repo: int, system: int) -> dict[str, Any]:
    return {"id": ident, "repo-key": repo, "system-id": system, "version": "15"}


class TestDatabases:
    def usable(self, *databases: dict[str, Any], **members: Any) -> dict[str, Any]:
        points = read(changed(db=list(databases), **members))[1]
        return {point["copies"][0]["location"]: point["usable"] for point in points}

    def test_backups_of_an_earlier_database_are_not_usable(self) -> None:
        upgraded = changed(db=[database(1, 1, 77), database(2, 1, 88), database(1, 2, 77), database(2, 2, 88)])
        collector, points, _runner = read(upgraded)
        assert {point["usable"] for point in points} == {False}
        assert ranges(collector) == []
        text = "backups are of a database before the current one"
        assert collector.warnings == [
            f"main in repo1: 3 of 3 {text} (newest: {INCR}), so they are not usable",
            f"main in repo2: 1 of 1 {text} (newest: {OTHER}), so they are not usable",
        ]

    def test_a_repository_that_was_not_upgraded(self) -> None:
        assert self.usable(database(1, 1, 66), database(2, 1, 77), database(1, 2, 66)) == {
            "repo1": False,
            "repo2": False,
        }
        backups = [{**one, "database": {"id": 2, "repo-key": 1}} for one in STANZA["backup"][:3]]
        archives = [
            {"database": {"id": 2, "repo-key": 1}, "id": "15-1", "min": None, "max": None},
            STANZA["archive"][1],
        ]
        both = {"backup": [*backups, STANZA["backup"][3]], "archive": archives}
        assert self.usable(database(1, 1, 66), database(2, 1, 77), database(1, 2, 66), **both) == {
            "repo1": True,
            "repo2": False,
        }

    def test_repositories_of_unrelated_databases(self) -> None:
        assert self.usable(database(1, 1, 66), database(1, 2, 77)) == {"repo1": None, "repo2": None}

    @pytest.mark.parametrize("databases", [[], [database(7, 1, 66), database(7, 2, 66)]])
    def test_a_database_that_is_not_listed_is_unknown(self, databases: list[dict[str, Any]]) -> None:
        assert self.usable(*databases) == {"repo1": None, "repo2": None}


class TestConfiguration:
    OWN = "[global]\nrepo1-path=/a\n[main]\npg1-path=/d\n[second]\nrepo1-path=/b\nrepo1-type=s3\n[third]\npg1-path=/e\n"

    def info(self, stanza: str) -> tuple[str, ...]:
        return (f"--stanza={stanza}", *INFO)

    def test_a_stanza_with_its_own_repository_and_one_that_is_not_listed(self, tmp_path: Path) -> None:
        config = tmp_path / "pgbackrest.conf"
        config.write_text(self.OWN)
        missing = {"code": 1, "message": "missing stanza path"}
        second = changed(name="second", backup=STANZA["backup"][:1])
        third = changed(name="third", backup=[], repo=[{"cipher": "none", "key": 1, "status": missing}], status=missing)
        checks: dict[tuple[str, ...], Response] = {
            self.info("second"): (0, [second], ""),
            self.info("third"): (0, [third], ""),
            folders(1, "second"): (0, STORED, ""),
            files(1, "second"): (0, LISTED, ""),
        }
        stale = changed(name="second", backup=[])
        collector, points, runner = read(STANZA, stale, checks=checks, config=str(config))
        assert self.info("main") not in runner.commands
        assert [problem.message for problem in collector.problems] == ["cannot read stanza 'third' in repo1"]
        copies = {point["copies"][0]["location"]: point["copies"][0]["location_type"] for point in points}
        assert copies == {"repo1": "disk", "repo2": None, "second/repo1": "object"}

    def test_one_stanza_is_listed_without_the_others(self, tmp_path: Path) -> None:
        config = tmp_path / "pgbackrest.conf"
        config.write_text(self.OWN)
        assert read(STANZA, config=str(config), stanza="main")[0].problems == []

    def test_unselected_stanzas_are_not_read(self, tmp_path: Path) -> None:
        config = tmp_path / "pgbackrest.conf"
        config.write_text(self.OWN)
        _reading, points, _runner = read(STANZA, config=str(config), workload_names=["main"])
        assert len(points) == 4

    def test_a_configuration_that_cannot_be_read_makes_the_read_incomplete(self) -> None:
        collector, points, _runner = read(STANZA, config="/nowhere/pgbackrest.conf")
        assert "cannot read the configuration '/nowhere/pgbackrest.conf'" in collector.problems[0].message
        assert {point["copies"][0]["location_type"] for point in points} == {None}
        assert read(STANZA, config="/nowhere/pgbackrest.conf", stanza="main")[0].problems == []

    @pytest.mark.parametrize(
        "name", ["CONFIG", "STANZA", "REPO", "SET", "TYPE", "FILTER", "DETAIL_LEVEL", "REPO1_TARGET_TIME"]
    )
    def test_variables_that_limit_the_listing_are_rejected(self, name: str) -> None:
        params = {"config": None, "stanza": None, "repo": None, "environment": {f"PGBACKREST_{name}": "x"}}
        with pytest.raises(OptionError, match="would limit what is listed"):
            PgBackRest.access(params)

    def test_variables_of_repositories_are_passed_on(self) -> None:
        environment = {"PGBACKREST_REPO1_PATH": "/r", "PGBACKREST_REPO1_TYPE": "s3"}
        params = {"config": None, "stanza": None, "repo": 1, "environment": environment}
        assert PgBackRest.access(params).environment == {"PGBACKREST_REPO": "1"}
