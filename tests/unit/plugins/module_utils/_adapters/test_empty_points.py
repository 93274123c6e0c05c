# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Recovery points without a single file, as far as the tool reports their number."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._core.errors import AuditError
from tests.unit.plugins.module_utils._adapters.running_tools import Response, by_id
from tests.unit.plugins.module_utils._adapters.test_borg import ARCHIVES, LIST, MISSING, VERSION
from tests.unit.plugins.module_utils._adapters.test_borg import read as read_borg
from tests.unit.plugins.module_utils._adapters.test_restic import OLD
from tests.unit.plugins.module_utils._adapters.test_restic import read as read_restic

INFO = ("--bypass-lock", "--log-json", "info", "--json", "--glob-archives", "*")


class TestEmptySnapshots:
    """restic 0.17 and later report the number of files: 0 if the source was not mounted."""

    @staticmethod
    def snapshot(number: int, files: int | None, **more: Any) -> dict[str, Any]:
        summary = {} if files is None else {"summary": {"total_files_processed": files}}
        return {**OLD, "id": f"{number:064}", **summary, **more}

    def usable(self, *files: int | None, **options: Any) -> tuple[list[bool | None], list[str]]:
        collector, points, _runner = read_restic([self.snapshot(*one) for one in enumerate(files)], **options)
        return [by_id(points)[f"{number:064}"]["usable"] for number in range(len(points))], collector.warnings

    def test_an_empty_snapshot_among_others_is_not_usable(self) -> None:
        assert self.usable(5, 0, 7, None) == ([True, False, True, True], [])

    @pytest.mark.parametrize("files", [(0,), (0, 0), (0, None)])
    def test_snapshots_are_unknown_if_none_has_files(self, files: tuple[int | None, ...]) -> None:
        usable, warnings = self.usable(*files)
        assert usable == [None if number == 0 else True for number in files]
        assert [warning.rpartition(": ")[2] for warning in warnings] == ["web01 /etc,/srv"]

    def test_no_warning_about_unselected_workloads(self) -> None:
        assert self.usable(0, workload_names=["db*"]) == ([], [])

    def test_workloads_are_compared_separately(self) -> None:
        points = read_restic([self.snapshot(1, 3), self.snapshot(2, 0, paths=["/data"])])[1]
        assert {point["workload_id"]: point["usable"] for point in points} == {
            "web01 /etc,/srv": True,
            "web01 /data": None,
        }


class TestStatistics:
    @staticmethod
    def info(*files: int | None) -> Response:
        archives = [
            {"id": one["id"], "stats": {"deduplicated_size": 500, "nfiles": number, "original_size": 9000}}
            for one, number in zip(ARCHIVES, files, strict=True)
        ]
        return 0, {"archives": archives}, ""

    def test_sizes_and_archives_without_files(self) -> None:
        collector, points, runner = read_borg(ARCHIVES, {INFO: self.info(3, 0, 0)}, statistics=True)
        assert runner.commands == [VERSION, LIST, INFO]
        assert {point["id"]: point["usable"] for point in points} == {
            "id-web01-2026-11-01": True,
            "id-web01-2026-11-02": False,
            "id-db01-2026-11-02": None,
        }
        assert {point["size_bytes"] for point in points} == {500}
        assert [warning.rpartition(": ")[2] for warning in collector.warnings] == ["backup01 db01"]

    def test_an_archive_without_statistics_is_unknown(self) -> None:
        points = read_borg(ARCHIVES, {INFO: (0, {"archives": []}, "")}, statistics=True)[1]
        assert {(point["usable"], point["size_bytes"]) for point in points} == {(True, None)}

    @pytest.mark.parametrize("answer", [(2, "", MISSING), (0, {}, ""), (0, "text", "")])
    def test_statistics_that_cannot_be_read_are_an_error(self, answer: Response) -> None:
        with pytest.raises(AuditError):
            read_borg(ARCHIVES, {INFO: answer}, statistics=True)
