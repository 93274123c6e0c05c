# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The pgBackRest adapter: folders of backups, archived segments, and ranges of restorable times."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._core.errors import AuditError
from tests.unit.plugins.module_utils._adapters.running_pgbackrest import (
    DIFF,
    FULL,
    INCR,
    INFO,
    LISTED,
    NEWEST,
    OTHER,
    QUIET,
    STANZA,
    STORED,
    Changing,
    archive,
    backup,
    changed,
    files,
    folders,
    ranges,
    read,
    segment,
)


class TestFiles:
    def test_the_range_of_each_repository(self) -> None:
        assert ranges(read(STANZA)[0]) == [
            ("repo1", "2026-11-21T01:00:00Z", "2026-11-21T05:00:00Z"),
            ("repo2", "2026-11-21T04:00:00Z", "2026-11-21T05:00:00Z"),
        ]

    def test_a_gap(self) -> None:
        listed = archive(*range(1, 12), *range(14, 21))
        collector, points, _runner = read(STANZA, checks={files(1): (0, listed, "")})
        assert ranges(collector)[0] == ("repo1", "2026-11-21T01:00:00Z", "2026-11-21T04:59:51Z")
        assert collector.warnings == [
            f"main in repo1: the write-ahead log has 1 gaps; missing segments: {segment(12)} to {segment(13)}"
        ]
        assert {point["usable"] for point in points} == {True}

    def test_many_gaps(self) -> None:
        collector, _points, _runner = read(STANZA, checks={files(1): (0, archive(*range(2, 40, 2)), "")})
        newest = ", ".join(f"{segment(number)} to {segment(number)}" for number in (33, 35, 37))
        assert collector.warnings == [
            f"main in repo1: the write-ahead log has 18 gaps; missing segments: {newest} (the newest gaps)"
        ]

    @pytest.mark.parametrize(
        "change",
        [
            {f"15-1/0000000100000000/{segment(7)}-{'5' * 40}.gz": {"type": "file", "size": 0, "time": NEWEST}},
            {f"15-1/0000000100000000/{segment(7)}-{'6' * 40}.gz": {"type": "file", "size": 5, "time": NEWEST}},
        ],
    )
    def test_a_segment_that_cannot_be_restored(self, change: dict[str, Any]) -> None:
        points = read(STANZA, checks={files(1): (0, {**LISTED, **change}, "")})[1]
        usable = {point["id"].split("/")[1]: point["usable"] for point in points}
        assert usable == {FULL: True, DIFF: False, INCR: True, OTHER: True}

    def test_files_that_are_not_segments(self) -> None:
        others = {
            ".": {"type": "path"},
            "archive.info": {"type": "file", "size": 300, "time": NEWEST},
            f"15-1/0000000100000000/{segment(7)}.00000028.backup": {"type": "file", "size": 300, "time": NEWEST},
            f"15-1/0000000100000000/{segment(21)}.partial-{'5' * 40}.gz": {"type": "file", "size": 9, "time": NEWEST},
            f"15-1/0000000100000000/{segment(21)}-{'5' * 40}.gz.pgbackrest.tmp": {"type": "file", "size": 9},
        }
        assert ranges(read(STANZA, checks={files(1): (0, {**LISTED, **others}, "")})[0]) == ranges(read(STANZA)[0])

    @pytest.mark.parametrize("lost", [FULL, DIFF])
    def test_a_backup_without_its_folder(self, lost: str) -> None:
        kept = {label: record for label, record in STORED.items() if label != lost}
        points = read(STANZA, checks={folders(1): (0, kept, "")})[1]
        usable = {point["id"].split("/")[1]: point["usable"] for point in points}
        assert usable == {FULL: lost != FULL, DIFF: False, INCR: False, OTHER: True}

    def test_an_unexpected_listing_is_a_problem(self) -> None:
        collector, points, _runner = read(STANZA, checks={files(2): (0, ["unexpected"], "")})
        assert [problem.code for problem in collector.problems] == ["invalid_data"]
        assert {point["copies"][0]["location"]: point["usable"] for point in points} == {"repo1": True, "repo2": None}

    @pytest.mark.parametrize(("first", "last"), [(segment(4), segment(3)), (segment(3), "x"), (None, segment(3))])
    def test_invalid_segment_names(self, first: str | None, last: str) -> None:
        wrong = changed(backup=[backup(FULL, "full", 1795222800, archive={"start": first, "stop": last}, lsn=None)])
        collector, points, _runner = read(wrong)
        assert ([point["usable"] for point in points], ranges(collector)) == ([None], [])

    def test_a_repository_that_is_no_longer_listed(self) -> None:
        """Its backups are gone, or it is no longer readable."""
        later = changed(backup=STANZA["backup"][:3])
        checks = {folders(2): (0, {}, ""), INFO: Changing((0, [STANZA], ""), (0, [later], ""))}
        with pytest.raises(AuditError, match="main in repo2: its backups are not listed any more"):
            read(STANZA, checks=checks)

    def test_histories_of_several_timelines(self) -> None:
        """The history file of the newest timeline contains those of its ancestors. A branch has its own file."""
        listed = archive(*range(1, 13)) | archive(13, 14, timeline=2) | archive(13, 14, timeline=3)
        for timeline in (2, 3, 4):
            listed[f"15-1/{timeline:08X}.history"] = {"type": "file", "size": 64, "time": NEWEST}
        get = ("--stanza=main", "--repo=1", *QUIET, "repo-get")
        newest, branch = (f"archive/main/15-1/{timeline:08X}.history" for timeline in (3, 2))
        history = (0, "1\t0/D000050\treached consistency\n", "")
        checks = {files(1): (0, listed, ""), (*get, newest): history, (*get, branch): history}
        runner = read(STANZA, checks=checks)[2]
        # Without segments, the newest timeline does not matter.
        assert [command[-1] for command in runner.commands if "repo-get" in command] == [newest, branch]
        longer = (*get, newest)
        checks[longer] = (0, "1\t0/D000050\treached consistency\n2\t0/E000050\tno target\n", "")
        runner = read(STANZA, checks=checks)[2]
        assert [command[-1] for command in runner.commands if "repo-get" in command] == [newest]

    def test_a_backup_that_is_removed_between_two_listings_is_not_a_loss(self) -> None:
        """pgBackRest expired it after it had been listed."""
        kept = {label: record for label, record in STORED.items() if label != INCR}
        later = changed(backup=[one for one in STANZA["backup"] if one["label"] != INCR])
        checks = {folders(1): (0, kept, ""), INFO: Changing((0, [STANZA], ""), (0, [later], ""))}
        collector, points, _runner = read(STANZA, checks=checks)
        assert {point["id"].split("/")[1]: point["usable"] for point in points} == {FULL: True, DIFF: True, OTHER: True}
        assert collector.warnings == [f"main in repo1: backups were removed during the read: {INCR}"]

    def test_a_listing_that_fails_leaves_everything_unknown(self) -> None:
        error = (55, "", "ERROR: [055]: unable to list [13] Permission denied\n")
        for command in (folders(1), files(1)):
            collector, points, _runner = read(STANZA, checks={command: error})
            assert [problem.code for problem in collector.problems] == ["forbidden"]
            assert {point["copies"][0]["location"]: point["usable"] for point in points} == {
                "repo1": None,
                "repo2": True,
            }
            assert [location for location, _start, _end in ranges(collector)] == ["repo2"]

    def test_a_backup_of_a_stopped_cluster_needs_no_wal(self) -> None:
        nothing = {"start": None, "stop": None}
        offline = changed(backup=[backup(FULL, "full", 1795222800, archive=nothing, lsn=nothing)])
        collector, points, _runner = read(offline, checks={files(1): (0, {}, "")})
        assert ([point["usable"] for point in points], ranges(collector), collector.warnings) == ([True], [], [])

    @pytest.mark.parametrize(
        "range_of_wal", [None, {}, {"start": None}, {"stop": None}, {"start": segment(3)}, {"stop": segment(4)}, []]
    )
    def test_a_backup_without_a_statement_about_its_wal_may_need_it(self, range_of_wal: Any) -> None:
        unclear = backup(FULL, "full", 1795222800, archive=range_of_wal)
        absent = {name: value for name, value in unclear.items() if name != "archive" or range_of_wal is not None}
        for one in (unclear, absent):
            collector, points, _runner = read(changed(backup=[one, STANZA["backup"][3]]))
            assert {point["id"].split("/")[1]: point["usable"] for point in points} == {FULL: None, OTHER: True}
            # Nothing can be restored from WAL alone.
            assert [location for location, _start, _end in ranges(collector)] == ["repo2"]
            text = f"1 of 1 backups do not report which write-ahead log they need (newest: {FULL})"
            assert collector.warnings == [f"main in repo1: {text}, so it is unknown whether they are usable"]

    def test_an_unknown_segment_size_leaves_everything_unknown(self) -> None:
        """The names and positions contradict each other."""
        wrong = changed(backup=[backup(FULL, "full", 1795222800, lsn={"start": "0/9000028", "stop": "0/9000100"})])
        collector, points, _runner = read(wrong)
        assert ([point["usable"] for point in points], ranges(collector)) == ([None], [])
        assert collector.warnings == ["main in repo1: it is unknown whether the write-ahead log is complete"]

    def test_a_new_timeline(self) -> None:
        history = {"15-1/00000002.history": {"type": "file", "size": 64, "time": NEWEST}}
        listed = archive(*range(1, 13)) | archive(*range(12, 15), timeline=2) | history
        get = ("--stanza=main", "--repo=1", *QUIET, "repo-get", "archive/main/15-1/00000002.history")
        checks = {files(1): (0, listed, ""), get: (0, "1\t0/C000050\treached consistency\n", "")}
        collector, _points, runner = read(STANZA, checks=checks)
        assert get in runner.commands
        assert ranges(collector)[0] == ("repo1", "2026-11-21T01:00:00Z", "2026-11-21T05:00:00Z")
        assert collector.warnings == []
        failed = read(STANZA, checks={**checks, get: (55, "", "ERROR: [055]: unable to open missing file")})[0]
        assert [problem.code for problem in failed.problems] == ["not_found"]
