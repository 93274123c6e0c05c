# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Backup runs from the user's status file, and their effect on recovery points."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._adapters.run_status import BackupRun, apply_runs, read_runs
from ansible_collections.backup.audit.plugins.module_utils._collect.collector import Collector
from ansible_collections.backup.audit.plugins.module_utils._core.errors import OptionError
from ansible_collections.backup.audit.plugins.module_utils._core.model import RecoveryPoint, Workload
from ansible_collections.backup.audit.plugins.module_utils._core.times import HOUR, SECOND, parse_time

RUN = {"workload": "web01", "exit_code": 0, "finished_at": "2026-11-21T02:10:00Z"}
START = parse_time("2026-11-21T00:00:00Z")


class TestReading:
    @pytest.mark.parametrize(
        "text",
        [
            json.dumps(RUN),
            json.dumps([RUN]),
            json.dumps(RUN, indent=2),
            f"{json.dumps(RUN)}\n",
            f"\n{json.dumps(RUN)}\n\n",
        ],
    )
    def test_formats_of_a_run(self, tmp_path: Path, text: str) -> None:
        (tmp_path / "status").write_text(text)
        assert read_runs(str(tmp_path / "status")) == [BackupRun("web01", 0, parse_time(RUN["finished_at"]), "")]

    @pytest.mark.parametrize("text", ["", "[]", "\n"])
    def test_a_file_without_runs(self, tmp_path: Path, text: str) -> None:
        (tmp_path / "status").write_text(text)
        assert read_runs(str(tmp_path / "status")) == []

    def test_lines_are_ordered_by_time(self, tmp_path: Path) -> None:
        earlier = {"host": "db01", "exit_code": 3, "finished_at": "2026-11-20T03:10:00+01:00", "message": "a\nb"}
        (tmp_path / "status").write_text(f"{json.dumps(RUN)}\n{json.dumps(earlier)}\n")
        runs = read_runs(str(tmp_path / "status"))
        assert [(run.workload, run.exit_code, run.message) for run in runs] == [("db01", 3, "a b"), ("web01", 0, "")]

    @pytest.mark.parametrize(
        ("entry", "message"),
        [
            ("text", "entry 1: not an object"),
            ({**RUN, "workload": None}, "expected a name in either workload or host"),
            ({**RUN, "workload": ["web01"]}, "expected a name in either workload or host"),
            ({**RUN, "host": "web01"}, "expected a name in either workload or host"),
            ({**RUN, "exit_code": "0"}, "exit_code is not a whole number"),
            ({**RUN, "exit_code": True}, "exit_code is not a whole number"),
            ({**RUN, "exit_code": None}, "exit_code is not a whole number"),
            ({**RUN, "finished_at": "2026-11-21T02:10:00"}, "the time zone is missing"),
            ({**RUN, "finished_at": 1795236816}, "not a valid RFC 3339 time"),
            ({**RUN, "message": 7}, "message is not text"),
        ],
    )
    def test_an_invalid_entry_is_an_error(self, tmp_path: Path, entry: Any, message: str) -> None:
        (tmp_path / "status").write_text(json.dumps(entry))
        with pytest.raises(OptionError, match=message):
            read_runs(str(tmp_path / "status"))

    def test_an_invalid_file_is_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(OptionError, match=r"cannot read .*No such file"):
            read_runs(str(tmp_path / "nowhere"))
        (tmp_path / "status").write_bytes(b"\xff")
        with pytest.raises(OptionError, match="not UTF-8"):
            read_runs(str(tmp_path / "status"))
        (tmp_path / "status").write_text(f'{json.dumps(RUN)}\n{{"workload": "web01", "exit_c')
        with pytest.raises(OptionError, match="line 2: not valid JSON"):
            read_runs(str(tmp_path / "status"))


def point(number: int, hours: float, workload: str = "web01 /etc", host: str = "web01") -> RecoveryPoint:
    return RecoveryPoint(
        id=str(number),
        workload=Workload(id=workload, name=host, type="host"),
        created=START + int(hours * HOUR * SECOND),
        kind="full",
        status="success",
        usable=True,
    )


def run(hours: float, exit_code: int, workload: str = "web01") -> BackupRun:
    return BackupRun(workload, exit_code, START + int(hours * HOUR * SECOND), "")


def apply(runs: list[BackupRun], points: list[RecoveryPoint]) -> tuple[list[RecoveryPoint], Collector]:
    collector = Collector("backup01", "restic")
    return apply_runs(runs, points, lambda code: code == 3, collector), collector


class TestEffect:
    def test_a_successful_run_changes_nothing(self) -> None:
        points = [point(1, 0)]
        failed, collector = apply([run(1, 0)], points)
        assert (failed, collector.warnings, points[0].status) == ([], [], "success")

    @pytest.mark.parametrize("name", ["web01", "web01 /etc"])
    def test_a_failed_run_is_a_point_that_is_not_usable(self, name: str) -> None:
        failed, collector = apply([run(25, 1, name)], [point(1, 0)])
        assert [(one.workload.id, one.status, one.usable, one.created) for one in failed] == [
            ("web01 /etc", "failed", False, START + 25 * HOUR * SECOND)
        ]
        assert collector.warnings == [
            f"the newest backup run of {name} ended with exit code 1 (2026-11-22T01:00:00Z)",
        ]

    def test_a_failed_run_before_a_successful_one_gives_no_warning(self) -> None:
        failed, collector = apply([run(0, 1), run(25, 0)], [point(1, 24)])
        assert (len(failed), collector.warnings) == (1, [])

    def test_a_workload_that_never_succeeded_is_listed(self) -> None:
        failed, _collector = apply([run(25, 1, "new01")], [point(1, 0)])
        assert [(one.workload.id, one.workload.name) for one in failed] == [("new01", "new01")]

    def test_a_run_with_warnings_only_marks_its_point(self) -> None:
        points = [point(1, 0), point(2, 24), point(3, 48)]
        failed, _collector = apply([run(1, 0), run(25, 3), run(49, 0)], points)
        assert (failed, [one.status for one in points]) == ([], ["success", "warning", "success"])
        assert points[1].usable is True

    def test_a_run_with_warnings_without_a_point_has_failed(self) -> None:
        points = [point(1, 0)]
        failed, _collector = apply([run(1, 0), run(25, 3)], points)
        assert ([one.status for one in failed], points[0].status) == (["failed"], "success")

    def test_missing_points_of_old_runs_were_removed_by_retention(self) -> None:
        points = [point(1, 0), point(3, 48)]
        failed, _collector = apply([run(1, 0), run(25, 3), run(49, 0)], points)
        assert (failed, [one.status for one in points]) == ([], ["success", "success"])

    def test_a_run_of_a_host_with_several_workloads(self) -> None:
        """A run with warnings belongs to the workload of its point. A failed run may belong to any of them."""
        points = [point(1, 0), point(2, 1, "web01 /data")]
        failed, _collector = apply([run(0.5, 3), run(1.5, 3)], points)
        assert (failed, [one.status for one in points]) == ([], ["warning", "warning"])
        failed, _collector = apply([run(25, 1)], points)
        assert {one.workload.id for one in failed} == {"web01 /etc", "web01 /data"}
