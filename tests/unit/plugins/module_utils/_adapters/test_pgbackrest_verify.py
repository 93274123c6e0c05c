# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The pgBackRest adapter: results of checks, and errors that do not indicate damage."""

from __future__ import annotations

import os
from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._adapters.pgbackrest.adapter import PgBackRest
from tests.unit.plugins.module_utils._adapters.running_pgbackrest import (
    BROKEN,
    DIFF,
    FULL,
    INCR,
    INFO,
    LISTED,
    OK,
    OTHER,
    RANGE,
    STANZA,
    STORED,
    VALID,
    VALID_TOO,
    VERSION,
    Changing,
    archive,
    backup,
    changed,
    files,
    folders,
    ranges,
    read,
    segment,
    verify,
)
from tests.unit.plugins.module_utils._adapters.running_tools import by_id, run_adapter


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

    def test_damage_without_details_makes_all_backups_unknown(self) -> None:
        out = VALID.replace("status: ok", "status: error").replace("valid WAL: 20", "valid WAL: 19")
        checks = {verify(1): (0, out, ""), verify(2): (0, VALID_TOO, "")}
        collector, points, _runner = read(STANZA, checks=checks, verify="data")
        assert collector.verify is not None
        assert "1 files of the write-ahead log are damaged" in collector.verify["server_message"]
        states = {(point["copies"][0]["location"], point["integrity_checked"], point["usable"]) for point in points}
        assert states == {("repo1", None, None), ("repo2", True, True)}
        assert [end for location, _start, end in ranges(collector) if location == "repo1"] == []

    @pytest.mark.parametrize(
        ("line", "valid"),
        [
            (f"invalid result 15-1/0000000100000000/{segment(7)}-{'5' * 40}.gz: [29] raised from local-1", 19),
            (f"invalid checksum '15-1/0000000100000000/{segment(7)}-{'5' * 40}.gz'", 19),
            (f"duplicate WAL '{segment(7)}' for '15-1' exists, skipping", 18),
        ],
    )
    def test_a_damaged_file_affects_the_backups_that_need_it(self, line: str, valid: int) -> None:
        out = VALID.replace("status: ok", "status: error").replace("valid WAL: 20", f"valid WAL: {valid}")
        out = f"2026-11-21 05:00:00.000 P01   INFO: {line}\n{out}"
        checks = {verify(1): (0, out, ""), verify(2): (0, VALID_TOO, "")}
        collector, points, _runner = read(STANZA, checks=checks, verify="data")
        assert collector.verify is not None
        assert f"1 files of the write-ahead log are damaged ({segment(7)})" in collector.verify["server_message"]
        states = {point["id"].split("/")[1]: (point["integrity_checked"], point["usable"]) for point in points}
        # Only the differential backup was running when that segment was written.
        assert states == {DIFF: (False, False), FULL: (True, True), INCR: (True, True), OTHER: (True, True)}
        assert [found for found in ranges(collector) if found[0] == "repo1"] == [
            ("repo1", "2026-11-21T01:00:00Z", "2026-11-21T04:59:46Z"),
            ("repo1", "2026-11-21T03:00:00Z", "2026-11-21T05:00:00Z"),
        ]

    def test_an_error_without_details_is_damage(self) -> None:
        checks = {verify(1): (0, VALID.replace("status: ok", "status: error"), ""), verify(2): (0, VALID_TOO, "")}
        collector, points, _runner = read(STANZA, checks=checks, verify="data")
        assert collector.verify is not None
        assert collector.verify["result"] == "damaged"
        assert {point["integrity_checked"] for point in points if point["copies"][0]["location"] == "repo1"} == {None}

    @pytest.mark.parametrize("out", ["stanza: main\nstatus: ok\n  backup: none found\n", f"{RANGE}{BROKEN}"])
    def test_a_backup_missing_from_the_check_is_unchecked_and_not_usable(self, out: str) -> None:
        checks = {verify(1): (0, VALID, ""), verify(2): (0, out, "")}
        collector, points, _runner = read(STANZA, checks=checks, verify="data")
        found = by_id(points)[f"main/{OTHER}/repo2"]
        assert (found["integrity_checked"], found["usable"]) == (None, False)
        assert collector.verify is not None
        assert f"backup {OTHER} is missing" in collector.verify["server_message"]

    def test_a_backup_whose_wal_was_not_checked_is_unchecked(self) -> None:
        """It was archived or listed after the check."""
        short = VALID_TOO.replace(segment(20), segment(12))
        checks = {verify(1): (0, VALID, ""), verify(2): (0, short, "")}
        _reading, points, _runner = read(STANZA, checks=checks, verify="data")
        found = by_id(points)[f"main/{OTHER}/repo2"]
        assert (found["integrity_checked"], found["usable"]) == (None, True)

    @pytest.mark.parametrize(
        ("range_of_wal", "expected"),
        [
            (None, (None, None)),
            ({}, (None, None)),
            ({"start": None}, (None, None)),
            ({"start": segment(12)}, (None, None)),
            ({"start": segment(12), "stop": None}, (None, None)),
            ({"start": None, "stop": segment(13)}, (None, None)),
            ({"start": segment(12), "stop": segment(13)}, (True, True)),
            # A backup of a stopped cluster.
            ({"start": None, "stop": None}, (True, True)),
        ],
    )
    def test_a_backup_that_may_need_wal_is_unchecked(
        self, range_of_wal: dict[str, Any] | None, expected: tuple[bool | None, bool | None]
    ) -> None:
        other = backup(OTHER, "full", 1795233600, repo=2, first=12, archive=range_of_wal)
        checks = {verify(1): (0, VALID, ""), verify(2): (0, VALID_TOO, "")}
        collector, points, _runner = read(changed(backup=[*STANZA["backup"][:3], other]), checks=checks, verify="data")
        assert (collector.verify or {})["result"] == "sound"
        states = {point["id"].split("/")[1]: (point["integrity_checked"], point["usable"]) for point in points}
        assert states == {FULL: (True, True), DIFF: (True, True), INCR: (True, True), OTHER: expected}

    def test_a_running_backup_is_not_damage(self) -> None:
        out = f"{VALID}  backup: 20261121-050000F, status: in-progress, total files checked: 0, total valid files: 0\n"
        checks = {verify(1): (0, out, ""), verify(2): (0, VALID_TOO, "")}
        collector, points, _runner = read(STANZA, checks=checks, verify="data")
        assert collector.verify is not None
        assert (collector.verify["result"], collector.warnings) == ("sound", [])
        assert {(point["integrity_checked"], point["usable"]) for point in points} == {(True, True)}

    def test_an_error_without_a_cause_during_a_backup_is_not_damage(self) -> None:
        checks = {verify(1): (0, VALID.replace("status: ok", "status: error"), ""), verify(2): (0, VALID_TOO, "")}
        busy = changed(status={**OK, "lock": {"backup": {"held": True}}})
        collector, points, _runner = read(busy, checks=checks, verify="data")
        assert collector.verify is not None
        assert collector.verify["result"] == "unfinished"
        warning = "main in repo1: verify reported an error without a cause: a backup was running"
        assert collector.warnings == [warning]
        assert {point["usable"] for point in points} == {True}
        # The error may be unrelated to the backup.
        checked = {point["copies"][0]["location"]: point["integrity_checked"] for point in points}
        assert checked == {"repo1": None, "repo2": True}

    @pytest.mark.parametrize("result", ["manifest missing", "invalid"])
    def test_the_rest_of_an_aborted_backup_is_not_damage(self, result: str) -> None:
        out = VALID.replace("status: ok", "status: error")
        out += f"  backup: 20261121-050000F, status: {result}, total files checked: 0, total valid files: 0\n"
        checks = {verify(1): (0, out, ""), verify(2): (0, VALID_TOO, "")}
        collector, points, _runner = read(STANZA, checks=checks, verify="data")
        assert collector.verify is not None
        assert collector.verify["result"] == "sound"
        assert f"verify found backups that are not listed: 20261121-050000F ({result})" in collector.warnings[0]
        assert {(point["integrity_checked"], point["usable"]) for point in points} == {(True, True)}

    def test_a_backup_that_is_removed_during_the_check_is_not_damage(self) -> None:
        """The second listing no longer contains it, nor its WAL."""
        out = (
            f"2026-11-21 05:00:00.000 P01   INFO: invalid checksum '15-1/0000000100000000/{segment(3)}-{'5' * 40}.gz'\n"
        )
        out += VALID.replace(f"{FULL}, status: valid", f"{FULL}, status: invalid").replace(
            "status: ok", "status: error"
        )
        later = [one for one in STANZA["backup"] if one["label"] in (INCR, OTHER)]
        for one in later[:1]:
            later[0] = {**one, "prior": None, "reference": None}
        before = changed(backup=[STANZA["backup"][0], *later])
        answers = {
            VERSION: (0, "pgBackRest 2.45\n", ""),
            INFO: Changing((0, [before], ""), (0, [changed(backup=later)], "")),
            **{folders(repo): (0, STORED, "") for repo in (1, 2)},
            files(1): Changing((0, LISTED, ""), (0, archive(*range(6, 21)), "")),
            files(2): (0, LISTED, ""),
            verify(1): (0, out, ""),
            verify(2): (0, VALID_TOO, ""),
        }
        collector, points, _runner = run_adapter(PgBackRest, answers, config=os.devnull, verify="data")
        assert collector.verify is not None
        assert collector.verify["result"] == "sound"
        assert f"main in repo1: backups were removed during the read: {FULL}" in collector.warnings
        labels = {point["id"].split("/")[1] for point in points if point["kind"] != "continuous"}
        assert labels == {INCR, OTHER}

    def test_a_file_that_ends_the_check_is_damage(self) -> None:
        broken = (29, "", "ERROR: [029]: zlib threw error: [-3] data error\n")
        checks = {verify(1): broken, verify(2): (0, VALID_TOO, "")}
        collector, points, _runner = read(STANZA, checks=checks, verify="data")
        assert collector.verify is not None
        assert "zlib threw error" in collector.verify["server_message"]
        states = {(point["copies"][0]["location"], point["integrity_checked"], point["usable"]) for point in points}
        assert states == {("repo1", None, None), ("repo2", True, True)}

    def test_a_check_without_output_proves_nothing(self) -> None:
        checks = {verify(1): (0, "", ""), verify(2): (0, VALID_TOO, "")}
        collector, points, _runner = read(STANZA, checks=checks, verify="data")
        assert collector.verify == {"level": "data", "result": "unfinished"}
        assert len(collector.problems) == 1
        assert {point["integrity_checked"] for point in points} == {None}
