# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The Barman adapter with output in the formats of 3.4 and 3.19."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._adapters.barman.adapter import Barman
from ansible_collections.backup.audit.plugins.module_utils._core.errors import AuditError
from ansible_collections.backup.audit.plugins.module_utils._transport.command import Runner
from tests.unit.plugins.module_utils._adapters.running_barman import (
    ENDS,
    JSON,
    NEW,
    OLD,
    PASSWORD,
    SERVERS,
    VERSION,
    Server,
    check,
    details,
    listing,
    read,
    row,
    settings,
    show,
    usable,
    wal,
)
from tests.unit.plugins.module_utils._adapters.running_tools import Response


@pytest.fixture
def server(tmp_path: Path) -> Server:
    return Server(tmp_path)


class TestPoints:
    def test_all_backups_of_a_server(self, server: Server) -> None:
        collector, points, runner = read(server)
        assert runner.commands == [
            *(VERSION, SERVERS, settings(), listing(), show(NEW), show(OLD), wal(NEW), wal(OLD), check()),
        ]
        assert (collector.version, collector.problems, collector.warnings) == ("3.19.1", [], [])
        assert [point["id"] for point in points] == [f"main/{OLD}", f"main/{NEW}"]
        first = points[0]
        assert (first["created_at"], first["completed_at"]) == ("2026-11-20T01:00:05Z", "2026-11-20T01:00:05Z")
        assert (first["workload_name"], first["workload_type"], first["platform"]) == ("main", "database", "postgresql")
        assert (first["kind"], first["status"], first["usable"]) == ("full", "success", True)
        assert (first["size_bytes"], first["encrypted"], first["integrity_checked"]) == (700, False, None)
        (copy,) = first["copies"]
        assert (copy["location"], copy["location_type"], copy["role"]) == (str(server.folder), "disk", "primary")

    def test_old_versions_report_fewer_attributes(self, server: Server) -> None:
        for one in server.rows:
            del one["backup_type"]
        for found in server.details.values():
            base = found["base_backup_information"]
            base["disk_usage_bytes"] = base.pop("backup_size_bytes")
            for name in ("backup_method", "compression", "encryption"):
                del base[name]
            del found["system_id"], found["catalog_information"]
        points = read(server, version="3.4.0", verify="data")[1]
        facts = {(point["kind"], point["size_bytes"], point["encrypted"], point["usable"]) for point in points}
        assert facts == {("full", 700, None, True)}
        assert {point["integrity_checked"] for point in points} == {True}
        # Version 3.11 and later report the type, so a missing one means nothing.
        assert {point["kind"] for point in read(server, version="3.11.0")[1]} == {"backup"}

    @pytest.mark.parametrize(
        ("word", "kind"),
        [("rsync", "full"), ("incremental", "incremental"), ("snapshot", "snapshot"), ("new", "unknown")],
    )
    def test_kinds(self, server: Server, word: str, kind: str) -> None:
        server.rows[0]["backup_type"] = word
        assert read(server)[1][1]["kind"] == kind

    def test_old_snapshots(self, server: Server) -> None:
        del server.rows[0]["backup_type"]
        server.details[NEW]["snapshots_info"] = {"provider": "gcp", "snapshots": [{}]}
        newest = read(server, version="3.4.0")[1][1]
        # Barman does not report whether the snapshots of the disks still exist.
        assert (newest["kind"], newest["usable"]) == ("snapshot", None)

    @pytest.mark.parametrize(
        ("state", "status", "is_usable"),
        [
            ("FAILED", "failed", False),
            ("STARTED", "running", False),
            ("SYNCING", "running", False),
            ("EMPTY", "unknown", False),
            ("SOMETHING", "unknown", None),
            ("WAITING_FOR_WALS", "warning", None),
        ],
    )
    def test_states(self, server: Server, state: str, status: str, is_usable: bool | None) -> None:
        server.rows[0] = row(NEW, state)
        newest = read(server)[1][1]
        assert (newest["status"], newest["usable"]) == (status, is_usable)
        assert (newest["completed_at"] is None) == (state != "WAITING_FOR_WALS")

    def test_the_time_of_a_failed_backup_is_in_its_id(self, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
        import time

        server.rows[0] = row(NEW, "FAILED")
        server.details[NEW] = {"backup_id": NEW, "error": "disk full", "status": "FAILED"}
        monkeypatch.setenv("TZ", "Europe/Berlin")
        time.tzset()
        collector, points, _runner = read(server)
        monkeypatch.undo()
        time.tzset()
        assert (points[1]["created_at"], points[1]["size_bytes"]) == ("2026-11-21T00:00:00Z", None)
        assert collector.warnings == [
            f"server main: failed backups: {NEW}",
            "server main: the newest failed backup reports: disk full",
        ]

    def test_nonexistent_local_time(self, server: Server) -> None:
        server.rows.insert(0, row("20269999T999999", "FAILED"))
        server.details["20269999T999999"] = {}
        points = read(server)[1]
        assert (points[0]["created_at"], points[0]["usable"]) == ("1970-01-01T00:00:00Z", False)

    def test_a_server_without_backups_is_a_workload_without_points(self, server: Server) -> None:
        server.rows = []
        for ident in (OLD, NEW):
            (server.folder / "base" / ident).rename(server.folder / ident)
        for include in (True, False):
            collector, points, _runner = read(server, include_unprotected=include)
            assert (points, collector.problems) == ([], [])
            assert len(collector.summary.build()[0]) == int(include)

    @pytest.mark.parametrize("change", [{"backup_id": None}, {"backup_id": "latest"}, {"status": None}])
    def test_an_invalid_row_is_a_problem(self, server: Server, change: dict[str, Any]) -> None:
        server.rows.insert(0, {**row(NEW), **change})
        collector, points, _runner = read(server)
        assert len(points) == 2
        assert "backups of server 'main' that have no ID, status or time: 1" in collector.problems[0].message

    def test_a_finished_backup_without_an_end_is_a_problem(self, server: Server) -> None:
        del server.rows[1]["end_time_timestamp"]
        collector, points, _runner = read(server)
        assert [point["id"] for point in points] == [f"main/{NEW}"]
        assert len(collector.problems) >= 1

    def test_raw_records_have_no_secrets(self, server: Server) -> None:
        server.details[NEW]["snapshots_info"] = {"credential": PASSWORD}
        points = read(server, include_raw=True)[1]
        assert points[0]["raw"]["retention_status"] == "-"
        assert points[0]["raw"]["system_id"] == "77"
        assert PASSWORD not in json.dumps(points)

    def test_a_passive_server_has_copies(self, server: Server) -> None:
        server.settings["passive_node"] = True
        assert read(server)[1][0]["copies"][0]["role"] == "copy"

    def test_backups_in_an_object_store(self, server: Server) -> None:
        """Its files cannot be checked."""
        server.settings.update(basebackups_directory="s3://bucket/main/base", wals_directory="s3://bucket/main/wals")
        collector, points, _runner = read(server)
        assert usable(points) == [None, None]
        (copy,) = points[0]["copies"]
        assert (copy["location"], copy["location_type"]) == ("s3://bucket/main/base", "object")
        assert "server main: it is unknown whether the write-ahead log is complete" in collector.warnings

    @pytest.mark.parametrize(("encryption", "encrypted"), [("gpg", True), (None, False)])
    def test_encryption(self, server: Server, encryption: str | None, encrypted: bool) -> None:
        server.details[NEW] = details(NEW, ENCRYPTION=encryption)
        newest = read(server)[1][1]
        assert (newest["encrypted"], newest["copies"][0]["encrypted"]) == (encrypted, encrypted)


class TestServers:
    def test_several_servers(self, server: Server, tmp_path: Path) -> None:
        other = Server(tmp_path, "other")
        collector, points, _runner = read(server, other)
        assert {point["workload_name"] for point in points} == {"main", "other"}
        assert collector.problems == []
        names = {point["workload_name"] for point in read(server, other, workload_names=["oth*"])[1]}
        assert names == {"other"}

    def test_one_server(self, server: Server) -> None:
        commands = read(server, server="main")[2].commands
        assert SERVERS not in commands

    @pytest.mark.parametrize("request_of", [settings, listing])
    def test_a_server_that_cannot_be_read_is_a_problem(self, server: Server, tmp_path: Path, request_of: Any) -> None:
        other = Server(tmp_path, "other")
        broken = {request_of("other"): (1, {"_EXCEPTION": ["invalid backup.info"], "other": []}, "")}
        collector, points, _runner = read(server, other, changed=broken)
        assert {point["workload_name"] for point in points} == {"main"}
        assert [problem.server_message for problem in collector.problems] == ["invalid backup.info"]
        with pytest.raises(AuditError, match="return code 1"):
            read(other, changed=broken, server="other")

    @pytest.mark.parametrize(
        ("answer", "code"),
        [
            ((1, {"_ERROR": ["Unknown server 'main'"]}, ""), "not_found"),
            ((1, "", "ERROR: please run barman as 'barman' user"), "forbidden"),
            ((1, "", "Configuration file '/nowhere' does not exist"), "not_found"),
            ((1, {"_EXCEPTION": ["[Errno 13] Permission denied: '/x'"]}, ""), "forbidden"),
            ((0, "text", ""), "invalid_response"),
            ((0, [], ""), "invalid_response"),
            ((0, {"_WARNING": ["nothing else"]}, ""), "invalid_response"),
            ((0, {"main": None}, ""), "invalid_response"),
        ],
    )
    @pytest.mark.parametrize("request_of", [settings, listing])
    def test_unexpected_output_is_an_error(self, server: Server, request_of: Any, answer: Response, code: str) -> None:
        with pytest.raises(AuditError) as raised:
            read(server, changed={request_of(): answer}, server="main")
        assert raised.value.code == code

    @pytest.mark.parametrize("out", [f'{{"main": {{"conninfo": "password={PASSWORD}"', None])
    @pytest.mark.parametrize("rc", [0, 1])
    def test_an_error_does_not_show_passwords_of_the_settings(self, server: Server, out: str | None, rc: int) -> None:
        answer = out or json.dumps({"main": server.settings, "_ERROR": [f"cannot use password={PASSWORD}"]})
        if rc == 0 and out is None:
            return
        with pytest.raises(AuditError) as raised:
            read(server, changed={settings(): (rc, answer, f"password={PASSWORD} is wrong")}, server="main")
        assert PASSWORD not in str(raised.value.as_dict())

    def test_details_that_cannot_be_read_are_a_problem(self, server: Server) -> None:
        """Then the current database is unknown either."""
        collector, points, _runner = read(server, changed={show(NEW): (1, {"_EXCEPTION": ["damaged"]}, "")})
        assert usable(points) == [None, None]
        assert [problem.server_message for problem in collector.problems] == ["damaged"]

    def test_a_list_of_segments_that_cannot_be_read_is_a_problem(self, server: Server) -> None:
        collector, points, _runner = read(
            server, changed={wal(OLD): (1, {"_ERROR": ["invalid xlog segment name"]}, "")}
        )
        assert usable(points) == [None, None]
        assert [problem.server_message for problem in collector.problems] == ["invalid xlog segment name"]

    def test_server_names_that_are_commands_are_not_used(self, tmp_path: Path) -> None:
        """A server with the name of a command is not read, which is reported as a problem."""
        named = Server(tmp_path, "backup")
        collector, points, _runner = read(named)
        assert (points, [problem.code for problem in collector.problems]) == ([], ["request_not_allowed"])


class TestChecks:
    def test_failed_checks_are_warnings(self, server: Server) -> None:
        server.checks["receive_wal_running"] = {"hint": "See the log", "status": "FAILED"}
        server.checks["postgresql"] = {"hint": "", "status": "FAILED"}
        collector, points, _runner = read(server, changed={check(): (1, {"main": server.checks}, "")})
        assert collector.warnings == [
            "server main: barman check reports: postgresql; receive wal running (See the log)"
        ]
        assert usable(points) == [True, True]

    def test_another_database_is_running(self, server: Server) -> None:
        server.checks["systemid_coherence"] = {"hint": "the system Id changed", "status": "FAILED"}
        collector, points, _runner = read(server)
        assert usable(points) == [None, None]
        assert "systemid coherence (the system Id changed)" in collector.warnings[0]

    @pytest.mark.parametrize("answer", [(1, {"_EXCEPTION": ["timeout"]}, ""), (1, "", "killed"), (0, "text", "")])
    def test_a_check_that_does_not_end(self, server: Server, answer: Response) -> None:
        collector, points, _runner = read(server, changed={check(): answer})
        assert collector.warnings[0].startswith("server main: barman check failed: ")
        assert usable(points) == [True, True]

    @pytest.mark.parametrize("change", [{"active": False}, {"disabled": True, "msg_list": ["no conninfo"]}])
    def test_a_server_that_is_not_active(self, server: Server, change: dict[str, Any]) -> None:
        server.settings.update(change)
        collector, points, runner = read(server)
        assert check() not in runner.commands
        reasons = "".join(f": {text}" for text in server.settings["msg_list"])
        assert collector.warnings == [f"server main: it is disabled, so no new backups are made{reasons}"]
        assert usable(points) == [True, True]

    def test_the_check_is_skipped_if_it_would_create_directories(self, server: Server) -> None:
        incoming = server.folder / "incoming"
        incoming.rmdir()
        collector, _points, runner = read(server)
        assert check() not in runner.commands
        assert collector.warnings == [
            f"server main: barman check was not run, because directories are missing or cannot be read: {incoming}"
        ]

    def test_obsolete_backups(self, server: Server) -> None:
        server.rows[1]["retention_status"] = "OBSOLETE"
        server.rows[0]["retention_status"] = "OBSOLETE*"
        collector, points, _runner = read(server)
        assert collector.warnings == [
            f"server main: obsolete backups, which the next run of barman cron may delete: {OLD}"
        ]
        assert usable(points) == [True, True]


def test_time_of_the_result_is_the_time_of_the_list() -> None:
    assert row(NEW)["end_time_timestamp"] == str(ENDS[NEW])


@pytest.mark.parametrize(
    "arguments",
    [
        (*JSON, "check-backup", "main", NEW),
        (*JSON, "cron"),
        (*JSON, "backup", "main"),
        (*JSON, "delete", "main", NEW),
        (*JSON, "recover", "main", NEW, "/tmp/x"),
        (*JSON, "keep", "--target", "full", "main", NEW),
        (*JSON, "generate-manifest", "main", NEW),
        (*JSON, "archive-wal", "main"),
        (*JSON, "switch-wal", "main"),
        (*JSON, "sync-backup", "main", NEW),
        (*JSON, "list-files", "--target", "data", "main", NEW),
        (*JSON, "show-servers", "all"),
        (*JSON, "show-servers", "--help"),
        (*JSON, "show-backup", "main", "latest"),
        ("-c", "/tmp/x", *JSON, "list-servers"),
    ],
)
def test_other_commands_are_not_allowed(arguments: tuple[str, ...]) -> None:
    runner = Runner("/nonexistent/barman", Barman.allowlist, {})
    with pytest.raises(AuditError) as raised:
        runner.run(*arguments)
    assert raised.value.code == "request_not_allowed"
