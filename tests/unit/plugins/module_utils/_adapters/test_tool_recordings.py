# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The adapters with recordings of tools (tests/recordings), independent of the installed versions."""

from __future__ import annotations

import os
from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._adapters.borg import Borg
from ansible_collections.backup.audit.plugins.module_utils._adapters.cli import CliAdapter
from ansible_collections.backup.audit.plugins.module_utils._adapters.pgbackrest.adapter import PgBackRest
from ansible_collections.backup.audit.plugins.module_utils._adapters.restic.adapter import Restic
from ansible_collections.backup.audit.plugins.module_utils._core.errors import AuditError
from tests.recordings import FOLDER, load, versions
from tests.unit.plugins.module_utils._adapters import test_borg, test_restic
from tests.unit.plugins.module_utils._adapters.running_tools import Response, run_adapter

RESTIC, BORG, PGBACKREST = versions("restic"), versions("borg"), versions("pgbackrest")
# Example ids of the pack and the snapshot that the recording script damaged.
PACK_FILE, SNAPSHOT = "86b7cece02f1bf25", "3310c60f"


def answers(version: str, *names: str) -> dict[tuple[str, ...], Response]:
    """Map the recorded commands to their output; they must be the commands of the adapter."""
    config = ("config",) if version in RESTIC else ()
    recordings = [load(version, name) for name in ("version", *config, *names)]
    known = {recording.command[1:]: recording.answer for recording in recordings}
    if version in RESTIC:
        # No prune during the check.
        known[test_restic.INDEXES] = (0, f"{'1' * 64}\n", "")
    if version in BORG:
        # Every archive has a folder and a file.
        archives = load(version, "list").out["archives"]
        known |= {(*test_borg.ITEMS, f"::{archive['name']}"): (0, test_borg.FILLED, "") for archive in archives}
    return known


def read(tool: type[CliAdapter], version: str, *names: str, **options: Any) -> tuple[Any, list[dict[str, Any]]]:
    """Run the adapter on recordings; return the collector and the points."""
    if tool is not PgBackRest:
        options["repository"] = "/srv/recording/repository"
    else:
        # Do not read the configuration of this machine.
        options["config"] = os.devnull
        names += file_listings(version, names[0])
    collector, points, _runner = run_adapter(tool, answers(version, *names), **options)
    assert collector.version == version.partition("-")[2]
    return collector, points


def file_listings(version: str, info: str) -> tuple[str, ...]:
    """Return the recordings of the files in both repositories that belong to a recording of ``info``."""
    case = info.removeprefix("info")
    known = {path.stem for path in (FOLDER / version).iterdir()}
    names = [(f"{kind}{case}_repo{repo}", f"{kind}_repo{repo}") for kind in ("backups", "archive") for repo in (1, 2)]
    return tuple(own if own in known else base for own, base in names)


def backups(points: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [point for point in points if point["kind"] != "continuous"]


def labels_in_first(version: str) -> dict[str, str]:
    """Return type -> label of the three backups in repo1; repo2 has a different full backup."""
    listed = load(version, "info").out[0]["backup"]
    labels = {backup["type"]: backup["label"] for backup in listed if backup["database"]["repo-key"] == 1}
    assert (sorted(labels), len(listed)) == (["diff", "full", "incr"], 4)
    return labels


def outcomes(points: list[dict[str, Any]]) -> set[tuple[Any, Any]]:
    return {(point["integrity_checked"], point["usable"]) for point in points}


def test_identities() -> None:
    """Those of pgBackRest belong to a database, not to the repository."""
    for version in RESTIC:
        found = read(Restic, version, "snapshots")[0].identity
        assert found == f"restic:{load(version, 'config').out['id']}"
    for version in BORG:
        assert read(Borg, version, "list")[0].identity == f"borg:{load(version, 'list').out['repository']['id']}"
    for version in PGBACKREST:
        assert "identity" not in read(PgBackRest, version, "info")[0].result()["server"]


class TestRestic:
    @pytest.mark.parametrize("with_summary", [False, True])
    @pytest.mark.parametrize("version", RESTIC)
    def test_snapshots(self, version: str, with_summary: bool) -> None:
        recorded = answers(version, "snapshots")
        snapshots = load(version, "snapshots").out
        if with_summary:
            # Written by restic 0.17 and later.
            snapshots = [{**snapshot, "summary": test_restic.NEW["summary"]} for snapshot in snapshots]
            recorded[test_restic.LIST] = (0, snapshots, "")
        collector, points, _runner = run_adapter(Restic, recorded, repository="/srv/restic")
        assert collector.problems == []
        assert {point["id"] for point in points} == {snapshot["id"] for snapshot in snapshots}
        assert {point["workload_name"] for point in points} == {"files01", "web01", "db01"}
        assert all((point["size_bytes"] is not None) == ("summary" in s) for point in points for s in snapshots)
        given = {point["created_at"] for point in points if point["workload_name"] == "files01"}
        assert given == {"2026-01-10T02:00:00Z", "2026-01-11T02:00:00Z"}

    @pytest.mark.parametrize("version", RESTIC)
    def test_an_empty_repository(self, version: str) -> None:
        collector, points = read(Restic, version, "snapshots_empty")
        assert (collector.problems, points) == ([], [])

    @pytest.mark.parametrize(
        ("verify", "check", "inferred"),
        [
            ("quick", "check", ["integrity_checked"]),
            # Not found, because the data is not read.
            ("quick", "check_damaged_pack", ["integrity_checked"]),
            ("data", "check_data", []),
        ],
    )
    @pytest.mark.parametrize("version", RESTIC)
    def test_a_check_without_errors(self, version: str, verify: str, check: str, inferred: list[str]) -> None:
        collector, points = read(Restic, version, "snapshots", check, verify=verify)
        assert (collector.verify["result"], len(points)) == ("sound", 4)
        assert outcomes(points) == {(True, True)}
        assert all(point["inferred"] == inferred for point in points)

    @pytest.mark.parametrize(
        ("verify", "check", "server_message"),
        [
            ("data", "check_data_damaged_pack", PACK_FILE),
            (
                "quick",
                "check_missing_pack",
                PACK_FILE,
            ),
            ("data", "check_data_missing_pack", PACK_FILE),
            ("quick", "check_missing_index", "not found in repository"),
            ("data", "check_data_missing_index", "not found in repository"),
            ("quick", "check_damaged_snapshot", SNAPSHOT),
            ("data", "check_data_damaged_snapshot", SNAPSHOT),
        ],
    )
    @pytest.mark.parametrize("version", RESTIC)
    def test_check_of_a_damaged_repository(self, version: str, verify: str, check: str, server_message: str) -> None:
        collector, points = read(Restic, version, "snapshots", check, verify=verify)
        assert collector.verify is not None
        assert collector.verify["result"] == "damaged"
        assert server_message in collector.verify["server_message"]
        assert outcomes(points) == {(False, None)}

    @pytest.mark.parametrize("version", RESTIC)
    def test_check_of_a_damaged_repository_in_json(self, version: str) -> None:
        """restic 0.18 writes the result of a check in JSON."""
        recorded = answers(version, "snapshots") | {test_restic.CHECK_DATA: (1, test_restic.BROKEN_JSON, "")}
        collector, points, _runner = run_adapter(Restic, recorded, repository="/srv/restic", verify="data")
        assert collector.verify is not None
        assert "pack 6d02 contains 1 errors" in collector.verify["server_message"]
        assert outcomes(points) == {(False, None)}

    @pytest.mark.parametrize("version", RESTIC)
    def test_a_snapshot_that_cannot_be_read(self, version: str) -> None:
        collector, points = read(Restic, version, "snapshots_damaged_snapshot")
        assert [problem.message for problem in collector.problems] == ["restic omitted a snapshot from the listing"]
        assert SNAPSHOT in collector.problems[0].server_message
        assert len(points) == 3

    @pytest.mark.parametrize("case", ["damaged_pack", "missing_pack", "missing_index"])
    @pytest.mark.parametrize("version", RESTIC)
    def test_other_damage_is_not_visible_in_the_list(self, version: str, case: str) -> None:
        collector, points = read(Restic, version, f"snapshots_{case}")
        assert (collector.problems, len(points)) == ([], 4)
        assert outcomes(points) == {(None, True)}

    @pytest.mark.parametrize(
        ("case", "code"), [("wrong_password", "wrong_password"), ("missing_repository", "not_found")]
    )
    @pytest.mark.parametrize("version", RESTIC)
    def test_failures(self, version: str, case: str, code: str) -> None:
        with pytest.raises(AuditError) as caught:
            read(Restic, version, f"snapshots_{case}")
        assert caught.value.code == code
        collector, points = read(Restic, version, "snapshots", f"check_{case}", verify="quick")
        assert collector.verify == {"level": "quick", "result": "unfinished"}
        assert [problem.code for problem in collector.problems] == [code]
        assert outcomes(points) == {(None, True)}


EXTRACTED = ("extract_web01", "extract_db01", "extract_newest")


@pytest.mark.parametrize("version", BORG)
class TestBorg:
    def test_archives(self, version: str) -> None:
        listing = load(version, "list").out
        collector, points = read(Borg, version, "list", workload_by="name_prefix")
        assert collector.problems == []
        assert {point["id"] for point in points} == {archive["id"] for archive in listing["archives"]}
        # The last one is named by host and time.
        assert [point["workload_name"] for point in points].count("web01") == 2
        assert {point["workload_name"] for point in points} == {"db01", "web01", "backup01"}
        assert {point["encrypted"] for point in points} == {True}
        by_host = read(Borg, version, "list", workload_by="hostname")[1]
        assert {point["workload_name"] for point in by_host} == {"backup01"}

    def test_a_repository_that_is_not_encrypted(self, version: str) -> None:
        points = read(Borg, version, "list_unencrypted")[1]
        assert [point["encrypted"] for point in points] == [False] * 4

    @pytest.mark.parametrize(("verify", "inferred"), [("quick", 4), ("data", 1)])
    def test_a_check_without_errors(self, version: str, verify: str, inferred: int) -> None:
        collector, points = read(Borg, version, "list", "check", *EXTRACTED, verify=verify, workload_by="name_prefix")
        assert collector.verify["result"] == "sound"
        assert outcomes(points) == {(True, True)}
        # The older archive of web01 is not extracted.
        assert [point["inferred"] for point in points].count(["integrity_checked"]) == inferred

    def test_check_of_a_damaged_segment(self, version: str) -> None:
        collector, points = read(Borg, version, "list_damaged_segment", "check_damaged_segment", verify="quick")
        assert collector.verify["result"] == "damaged"
        assert "Segment entry checksum mismatch [segment 6, offset 8]" in collector.verify["server_message"]
        assert outcomes(points) == {(False, None)}

    def test_check_of_a_missing_segment(self, version: str) -> None:
        collector, points = read(Borg, version, "list", "check_missing_segment", verify="quick")
        assert collector.verify["result"] == "damaged"
        assert "Index object count mismatch" in collector.verify["server_message"]
        assert outcomes(points) == {(False, None)}

    @pytest.mark.parametrize(
        ("case", "server_message"), [("damaged", "Segment entry checksum mismatch"), ("missing", "data/0/6")]
    )
    def test_an_archive_that_cannot_be_extracted(self, version: str, case: str, server_message: str) -> None:
        extracted = (f"extract_{case}_segment", f"extract_{case}_segment_elsewhere", "extract_newest")
        options = {"verify": "data", "workload_by": "name_prefix"}
        collector, points = read(Borg, version, "list", "check", *extracted, **options)
        assert collector.verify["server_message"].startswith("db01-2026-01-10 cannot be read: ")
        assert server_message in collector.verify["server_message"]
        assert {(point["workload_name"], point["integrity_checked"], point["usable"]) for point in points} == {
            ("db01", False, False),
            # One was extracted. The older one may share chunks with the archive of db01.
            ("web01", True, True),
            ("web01", False, None),
            ("backup01", True, True),
        }

    @pytest.mark.parametrize(
        ("case", "code"),
        [
            ("wrong_password", "wrong_password"),
            ("missing_repository", "not_found"),
            ("not_a_repository", "not_found"),
            ("unencrypted_unknown", "certificate_error"),
            ("missing_segment", "tool_failed"),
        ],
    )
    def test_failures(self, version: str, case: str, code: str) -> None:
        with pytest.raises(AuditError) as caught:
            read(Borg, version, f"list_{case}")
        assert caught.value.code == code
        assert caught.value.server_message

    @pytest.mark.parametrize("case", ["missing_repository", "not_a_repository"])
    def test_a_check_that_could_not_start(self, version: str, case: str) -> None:
        collector, points = read(Borg, version, "list", f"check_{case}", verify="quick")
        assert collector.verify == {"level": "quick", "result": "unfinished"}
        assert outcomes(points) == {(None, True)}


@pytest.mark.parametrize("version", PGBACKREST)
class TestPgBackRest:
    @pytest.mark.parametrize("case", ["info", "info_page_error"])
    def test_backups(self, version: str, case: str) -> None:
        stanzas = load(version, case).out
        collector, listed = read(PgBackRest, version, case)
        assert (collector.problems, collector.warnings) == ([], [])
        points = backups(listed)
        labels = [backup["label"] for backup in stanzas[0]["backup"]]
        assert sorted(point["id"].split("/")[1] for point in points) == sorted(labels)
        assert {(point["status"], point["usable"]) for point in points} <= {("success", True), ("warning", None)}
        assert [point["status"] for point in points].count("warning") == (case == "info_page_error")
        assert {(point["copies"][0]["location"], point["encrypted"]) for point in points} == {
            ("repo1", True),
            ("repo2", False),
        }
        kinds = [point["kind"] for point in listed]
        assert [kinds.count(kind) for kind in ("differential", "incremental", "continuous")] == [1, 1, 2]

    def test_a_check_without_errors(self, version: str) -> None:
        collector, points = read(PgBackRest, version, "info", "verify_repo1", "verify_repo2", verify="data")
        assert collector.verify["result"] == "sound"
        assert (outcomes(backups(points)), len(backups(points))) == ({(True, True)}, 4)

    @pytest.mark.parametrize("output", ["verify_damaged_file", "verify_damaged_file_short"])
    def test_verify_of_a_damaged_repository(self, version: str, output: str) -> None:
        names = ("info_damaged_file", "verify_damaged_file", "verify_repo2")
        recorded = answers(version, *names, *file_listings(version, names[0]))
        # Without --verbose, valid backups are not listed.
        recorded[load(version, "verify_damaged_file").command[1:]] = load(version, output).answer
        collector, points, _runner = run_adapter(PgBackRest, recorded, config=os.devnull, verify="data")
        assert collector.verify is not None
        assert "is invalid" in collector.verify["server_message"]
        invalid = {point["id"].split("/")[1] for point in points if point["usable"] is False}
        assert invalid == set(labels_in_first(version).values())
        assert outcomes(backups(points)) == {(False, False), (True, True)}

    def test_verify_without_the_full_backup(self, version: str) -> None:
        collector, points = read(
            PgBackRest, version, "info_missing_full", "verify_missing_full", "verify_repo2", verify="data"
        )
        labels = labels_in_first(version)
        assert f"backup {labels['diff']} is invalid" in collector.verify["server_message"]
        # The full backup is still listed, but the check no longer mentions it.
        states = {
            point["id"].split("/")[1]: (point["integrity_checked"], point["usable"])
            for point in backups(points)
            if point["id"].endswith("/repo1")
        }
        assert states == {labels["full"]: (None, False), labels["diff"]: (False, False), labels["incr"]: (False, False)}

    def test_verify_with_a_damaged_wal_segment(self, version: str) -> None:
        collector, points = read(
            PgBackRest, version, "info_damaged_wal", "verify_damaged_wal", "verify_repo2", verify="data"
        )
        assert "1 files of the write-ahead log are damaged (0000" in collector.verify["server_message"]
        states = {
            point["kind"]: (point["integrity_checked"], point["usable"])
            for point in backups(points)
            if point["id"].endswith("/repo1")
        }
        assert states == {"full": (False, False), "differential": (True, True), "incremental": (True, True)}

    def test_a_repository_without_any_wal(self, version: str) -> None:
        collector, points = read(PgBackRest, version, "info_missing_wal")
        assert {point["copies"][0]["location"]: point["usable"] for point in points} == {"repo1": False, "repo2": True}
        assert "main in repo1: the write-ahead log has 1 gaps" in collector.warnings[0]

    def test_wal_with_a_gap(self, version: str) -> None:
        """A segment that the full backup needs is missing. The segments before and after it are archived."""
        files = "info_missing_wal_file", "verify_missing_wal_file", "verify_repo2"
        collector, points = read(PgBackRest, version, *files, verify="data")
        states = {
            point["kind"]: (point["integrity_checked"], point["usable"])
            for point in backups(points)
            if point["id"].endswith("/repo1")
        }
        # The other backups need other files.
        assert states == {"full": (False, False), "differential": (True, True), "incremental": (True, True)}
        assert collector.verify["result"] == "damaged"
        assert "has no complete write-ahead log" in collector.verify["server_message"]
        first = [point for point in points if point["kind"] == "continuous" and point["id"].endswith("/repo1")]
        differential = next(point for point in points if point["kind"] == "differential")
        assert [point["restorable_from"] for point in first] == [differential["created_at"]]

    def test_a_stanza_that_is_missing(self, version: str) -> None:
        collector, points = read(PgBackRest, version, "info_missing_stanza", stanza="nowhere")
        assert points == []
        problems = {(problem.code, problem.server_message) for problem in collector.problems}
        assert problems == {("not_found", "missing stanza path")}
        assert len(collector.problems) == 2

    def test_a_wrong_passphrase(self, version: str) -> None:
        collector, points = read(PgBackRest, version, "info_wrong_passphrase")
        assert [problem.code for problem in collector.problems] == ["wrong_password"]
        assert {point["copies"][0]["location"] for point in points} == {"repo2"}

    def test_a_stanza_without_backups(self, version: str) -> None:
        collector, points = read(PgBackRest, version, "info_without_backup", include_unprotected=True)
        assert (collector.problems, {point["workload_name"] for point in points}) == ([], {"main"})
        assert {workload["workload_name"] for workload in collector.result()["workloads"]} == {"main", "new"}
