# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files of a Barman catalog: backups and WAL that are listed but lost, ranges of WAL, and the integrity check."""

from __future__ import annotations

import gzip
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.plugins.module_utils._adapters.running_barman import (
    NEW,
    OLD,
    SOUND,
    Server,
    check,
    details,
    listing,
    ranges,
    read,
    row,
    segment,
    usable,
    verify,
    wal,
)
from tests.unit.plugins.module_utils._adapters.running_pgbackrest import Changing
from tests.unit.plugins.module_utils._adapters.running_tools import Response

WHOLE = [("2026-11-20T01:00:05Z", "2026-11-21T05:00:00Z")]
DAMAGED: Response = (
    1,
    {"_ERROR": ["verify backup failure on directory '/x'", 'pg_verifybackup: error: checksum mismatch for "base/1"']},
    "",
)


@pytest.fixture
def server(tmp_path: Path) -> Server:
    return Server(tmp_path)


def data(server: Server, ident: str = NEW) -> Path:
    return server.folder / "base" / ident / "data"


class TestBackups:
    def test_a_listed_backup_whose_directory_is_gone(self, server: Server) -> None:
        shutil.rmtree(data(server).parent)
        collector, points, runner = read(server)
        assert usable(points) == [True, False]
        assert runner.commands.count(listing()) == 2
        assert f"server main: backups without their files: {NEW}" in collector.warnings

    @pytest.mark.parametrize("name", ["PG_VERSION", "backup_manifest"])
    def test_a_directory_without_a_cluster(self, server: Server, name: str) -> None:
        (data(server) / name).unlink()
        assert usable(read(server)[1]) == [True, name != "PG_VERSION"]

    def test_a_compressed_backup(self, server: Server) -> None:
        for path in data(server).iterdir():
            path.unlink()
        (data(server) / "base.tar.gz").write_bytes(b"x")
        assert usable(read(server)[1]) == [True, True]

    def test_tablespaces(self, server: Server) -> None:
        server.details[NEW]["tablespaces"] = [{"name": "fast", "oid": 16387}, {"name": "slow", "oid": 16388}]
        assert usable(read(server)[1]) == [True, False]
        for oid in (16387, 16388):
            (data(server).parent / str(oid)).mkdir()
        assert usable(read(server)[1]) == [True, False]
        (data(server).parent / "16387" / "PG_15").mkdir()
        (data(server) / "16388.tar.gz").write_bytes(b"x")
        assert usable(read(server)[1]) == [True, True]

    def test_backups_that_were_removed_during_the_read(self, server: Server) -> None:
        shutil.rmtree(data(server, OLD).parent)
        later = Changing((0, {"main": server.rows}, ""), (0, {"main": server.rows[:1]}, ""))
        collector, points, _runner = read(server, changed={listing(): later})
        assert [point["id"] for point in points] == [f"main/{NEW}"]
        assert collector.warnings == [f"server main: backups removed during the read: {OLD}"]

    def test_backups_of_another_database(self, server: Server) -> None:
        server.details[OLD]["system_id"] = "76"
        collector, points, _runner = read(server)
        assert usable(points) == [False, True]
        assert collector.warnings == [f"server main: backups of another database than the newest one: {OLD}"]

    @pytest.mark.parametrize(
        ("change", "expected"),
        [
            (lambda server: None, [True, True]),
            (lambda server: shutil.rmtree(data(server, OLD)), [False, False]),
            (lambda server: server.rows.pop(), [False]),
            (lambda server: server.rows.__setitem__(1, row(OLD, "FAILED")), [False, False]),
            (lambda server: server.details[NEW]["catalog_information"].clear(), [True, None]),
            (lambda server: server.details[NEW]["catalog_information"].update(parent_backup_id=NEW), [True, False]),
        ],
    )
    def test_an_incremental_backup_needs_its_parent(
        self, server: Server, change: Callable[[Server], Any], expected: list[bool | None]
    ) -> None:
        server.rows[0]["backup_type"] = "incremental"
        server.details[NEW] = details(NEW, parent=OLD)
        change(server)
        assert usable(read(server)[1]) == expected

    def test_an_incremental_backup_does_not_need_the_wal_of_its_parent(self, server: Server) -> None:
        server.rows[0]["backup_type"] = "incremental"
        server.details[NEW] = details(NEW, parent=OLD)
        server.archive(3).unlink()
        assert usable(read(server)[1]) == [False, True]


class TestCatalog:
    def test_a_directory_that_is_not_mounted(self, server: Server) -> None:
        shutil.rmtree(server.folder)
        server.rows = []
        for _case in ("missing", "empty"):
            collector, points, runner = read(server)
            assert (points, check() in runner.commands) == ([], False)
            assert [problem.code for problem in collector.problems] == ["not_found"]
            assert f"'{server.folder}' of server 'main' does not exist" in collector.problems[0].message
            server.folder.mkdir(exist_ok=True)

    @pytest.mark.parametrize("name", ["", "base", "meta", "wals", f"base/{NEW}/data"])
    def test_directories_that_cannot_be_read(self, server: Server, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        closed = server.folder / name
        iterdir = Path.iterdir

        def refuse(path: Path) -> Any:
            if path == closed:
                raise PermissionError(13, "Permission denied")
            return iterdir(path)

        monkeypatch.setattr(Path, "iterdir", refuse)
        collector, points, _runner = read(server)
        is_one = name.endswith("data")
        assert usable(points) == [True if is_one else None, None]
        assert [problem.code for problem in collector.problems] == ([] if name == "wals" or is_one else ["forbidden"])
        assert (f"server main: backups whose files cannot be looked at: {NEW}" in collector.warnings) is is_one

    def test_a_catalog_of_a_newer_version(self, server: Server) -> None:
        server.rows.pop(0)
        collector, points, _runner = read(server)
        assert (len(points), collector.problems) == (1, [])
        assert collector.warnings == [f"server main: directories of backups that Barman does not list: {NEW}"]
        (server.folder / "meta").mkdir()
        (server.folder / "meta" / f"{NEW}-backup.info").write_text("status=DONE\n")
        collector, _points, _runner = read(server)
        assert [problem.code for problem in collector.problems] == ["invalid_data"]
        assert f"Barman 3.19.1 does not list all backups in the catalog of server 'main': {NEW}" in str(
            collector.problems[0]
        )


class TestWal:
    def test_a_range_from_the_first_backup(self, server: Server) -> None:
        assert ranges(read(server)[0]) == WHOLE

    def test_a_lost_segment_of_a_backup(self, server: Server) -> None:
        """Barman still lists it."""
        server.archive(8).unlink()
        collector, points, _runner = read(server)
        assert usable(points) == [True, False]
        assert ranges(collector) == [("2026-11-20T01:00:05Z", "2026-11-21T03:00:00Z")]
        assert f"missing segments: {segment(8)} to {segment(8)}" in collector.warnings[0]

    def test_an_empty_segment(self, server: Server) -> None:
        server.archive(8).write_bytes(b"")
        assert usable(read(server)[1]) == [True, False]

    def test_a_file_that_barman_does_not_list(self, server: Server) -> None:
        """A restore uses only segments in the index."""
        changed = {wal(ident): server.listed(3, 4, 5, 6, 7, 9) for ident in (OLD, NEW)}
        assert usable(read(server, changed=changed)[1]) == [True, False]

    def test_a_gap_between_backups(self, server: Server) -> None:
        server.archive(6).unlink()
        collector, points, _runner = read(server)
        assert usable(points) == [True, True]
        assert len(ranges(collector)) == 2
        assert collector.warnings == [
            f"server main: the write-ahead log has 1 gaps; missing segments: {segment(6)} to {segment(6)}"
        ]

    def test_partial_and_foreign_files(self, server: Server) -> None:
        for name in (f"{segment(10)}.partial", f"{segment(4)}.00000028.backup", "notes"):
            (server.archive(9).parent / name).write_bytes(b"x")
        (server.folder / "wals" / "xlog.db").write_text("index")
        assert ranges(read(server)[0]) == WHOLE

    @pytest.mark.parametrize(
        ("name", "connected"), [("plain", True), ("gzip", True), ("lost", False), ("unknown compression", False)]
    )
    def test_a_failover(self, server: Server, name: str, connected: bool) -> None:
        """Barman lists the segments of the new timeline only from the first backup on it."""
        text = b"1\t0/7000000\tno recovery target specified\n"
        contents = {"plain": text, "gzip": gzip.compress(text), "unknown compression": b"\x28\xb5\x2f\xfd"}
        server.archive(7).unlink()
        server.archive(8).unlink()
        server.archive(9).unlink()
        for number in (7, 8, 9):
            server.archive(number, timeline=2)
        if name in contents:
            (server.folder / "wals" / "00000002.history").write_bytes(contents[name])
        server.details[NEW] = details(NEW, first=8, timeline=2)
        changed = {wal(OLD): server.listed(3, 4, 5, 6), wal(NEW): server.listed(8, 9, timeline=2)}
        collector, points, _runner = read(server, changed=changed)
        assert usable(points) == [True, True]
        assert (ranges(collector) == WHOLE) is connected
        assert len(ranges(collector)) == (1 if connected else 2)

    def test_a_history_that_is_not_a_file(self, server: Server) -> None:
        os.mkfifo(server.folder / "wals" / "00000002.history")
        assert ranges(read(server)[0]) == WHOLE

    def test_segments_of_unknown_size(self, server: Server) -> None:
        for ident in (OLD, NEW):
            server.details[ident]["base_backup_information"].update(begin_lsn="0/1", begin_wal="nonsense")
        collector, points, _runner = read(server)
        assert (usable(points), ranges(collector)) == ([None, None], [])

    def test_a_backup_that_is_waiting_for_wal(self, server: Server) -> None:
        server.rows[0]["status"] = "WAITING_FOR_WALS"
        server.archive(8).unlink()
        newest = read(server)[1][1]
        assert (newest["status"], newest["usable"]) == ("warning", False)


class TestVerify:
    def test_sound_backups(self, server: Server) -> None:
        collector, points, _runner = read(server, verify="data")
        assert collector.verify["result"] == "sound"
        # The check does not read the WAL.
        assert [(point["integrity_checked"], point["inferred"]) for point in points] == [
            (True, ["integrity_checked"])
        ] * 2
        assert {point["checked_by"] for point in points} == {"integrity_check"}

    def test_a_sound_backup_without_its_wal_is_not_checked(self, server: Server) -> None:
        server.archive(8).unlink()
        points = read(server, verify="data")[1]
        assert [(point["usable"], point["integrity_checked"]) for point in points] == [(True, True), (False, None)]

    def test_a_damaged_backup(self, server: Server) -> None:
        collector, points, _runner = read(server, verify="data", changed={verify(NEW): DAMAGED})
        assert [(point["usable"], point["integrity_checked"]) for point in points] == [(True, True), (False, False)]
        message = f'main/{NEW}: pg_verifybackup: error: checksum mismatch for "base/1"'
        assert (collector.verify["result"], collector.verify["server_message"]) == ("damaged", message)

    def test_a_damaged_parent(self, server: Server) -> None:
        server.rows[0]["backup_type"] = "incremental"
        server.details[NEW] = details(NEW, parent=OLD)
        points = read(server, verify="data", changed={verify(OLD): DAMAGED})[1]
        assert [(point["usable"], point["integrity_checked"]) for point in points] == [(False, False)] * 2

    def test_a_backup_that_is_removed_during_the_check(self, server: Server) -> None:
        later = Changing((0, {"main": server.rows}, ""), (0, {"main": server.rows[:1]}, ""))
        collector, points, _runner = read(server, verify="data", changed={listing(): later, verify(OLD): DAMAGED})
        assert [(point["id"], point["integrity_checked"]) for point in points] == [(f"main/{NEW}", True)]
        assert collector.verify["result"] == "sound"

    @pytest.mark.parametrize(
        ("answer", "code"),
        [
            ((1, {"_ERROR": ["pg_verifybackup not found"]}, ""), "not_installed"),
            ((1, {"_ERROR": ["Unknown backup"]}, ""), "tool_failed"),
            ((0, {"_INFO": ["Calling pg_verifybackup"]}, ""), "invalid_response"),
            ((0, {**SOUND, "_ERROR": ["but"]}, ""), "invalid_response"),
            ((0, "", ""), "invalid_response"),
            (
                (
                    1,
                    {"_ERROR": [DAMAGED[1]["_ERROR"][0], 'error: could not open directory "base": Permission denied']},
                    "",
                ),
                "forbidden",
            ),
        ],
    )
    def test_a_check_without_a_result_proves_nothing(self, server: Server, answer: Response, code: str) -> None:
        collector, points, _runner = read(server, verify="data", changed={verify(OLD): answer})
        assert (collector.verify["result"], [problem.code for problem in collector.problems]) == ("unfinished", [code])
        assert [(point["usable"], point["integrity_checked"]) for point in points] == [(True, None)] * 2

    @pytest.mark.parametrize(
        "change",
        [{"BACKUP_METHOD": "rsync"}, {"COMPRESSION": "gzip"}, {"ENCRYPTION": "gpg"}, {"BACKUP_METHOD": "snapshot"}],
    )
    def test_backups_that_cannot_be_compared_with_a_manifest(self, server: Server, change: dict[str, Any]) -> None:
        server.details[NEW] = details(NEW, **change)
        collector, points, runner = read(server, verify="data")
        assert verify(NEW) not in runner.commands
        assert [point["integrity_checked"] for point in points] == [True, None]
        assert "server main: backups that cannot be verified" in collector.warnings[0]

    def test_a_check_that_read_nothing_is_unfinished(self, server: Server) -> None:
        for ident in (OLD, NEW):
            (data(server, ident) / "backup_manifest").unlink()
        collector, points, _runner = read(server, verify="data")
        assert collector.verify["result"] == "unfinished"
        assert [point["integrity_checked"] for point in points] == [None, None]

    def test_check_mode(self, server: Server) -> None:
        collector, _points, runner = read(server, verify="data", check_mode=True)
        assert collector.verify["result"] == "skipped"
        assert verify(NEW) not in runner.commands
