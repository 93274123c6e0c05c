# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a history: appended and omitted lines, and concurrent runs."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._core.errors import DataError, OptionError
from ansible_collections.backup.audit.plugins.module_utils._history.store import History
from tests.tools.project import ROOT
from tests.unit.plugins.module_utils._history.runs import KEEP, add, history, record, states, trend

OK, BAD = {"a": "compliant", "b": "compliant"}, {"a": "compliant", "b": "failed"}


def lines(folder: Path, month: str = "2026-11") -> list[dict[str, Any]]:
    """Return the lines of a month."""
    return [json.loads(line) for line in (folder / f"{month}.jsonl").read_text().splitlines()]


def test_only_changes_are_written_within_a_month(tmp_path: Path) -> None:
    """The first line of each month is complete; the others refer to the line before."""
    add(tmp_path, record("2026-11-01", OK), record("2026-11-02", BAD), record("2026-12-01", BAD))
    first, second = lines(tmp_path)
    (third,) = lines(tmp_path, "2026-12")
    assert (first["base"], second["base"], third["base"]) == (None, first["sha256"][:16], None)
    assert (first["tiers"], second["tiers"]) == ({"": {"compliant": 2}}, {"": {"compliant": 1, "failed": 1}})
    assert states(tmp_path) == [{"a": "p", "b": "p"}, {"a": "p", "b": "f"}, {"a": "p", "b": "f"}]


def test_the_same_assessment_is_added_once(tmp_path: Path) -> None:
    """Even if other runs were added in between."""
    first = record("2026-11-01", OK)
    add(tmp_path, first, record("2026-11-02", BAD))
    with (opened := history(tmp_path)).locked():
        assert opened.append(first, KEEP) is False
    assert len(lines(tmp_path)) == 2


def test_check_mode_writes_nothing(tmp_path: Path) -> None:
    """Not even the directory."""
    opened = history(tmp_path / "new")
    with opened.locked(create=False):
        assert opened.append(record("2026-11-01", OK), KEEP, write=False) is True
    assert not (tmp_path / "new").exists()


def test_workloads_that_were_not_read_are_unknown(tmp_path: Path) -> None:
    """They are unknown because of a limit or a failed server. Missing workloads of a server that was read are gone."""
    both = {"a": "compliant", "b": "failed", "vbr2/c": "compliant"}
    add(
        tmp_path,
        record("2026-11-01", both, complete_sources=["vbr1", "vbr2"]),
        record("2026-11-02", {"a": "compliant"}, limited=True),
        record("2026-11-03", {"a": "compliant"}, unread=["second"]),
        record("2026-11-04", {"vbr2/c": "compliant"}, complete_sources=[], unread=["vbr1"]),
        record("2026-11-05", {"a": "compliant"}),
    )
    assert states(tmp_path) == [
        {"a": "p", "b": "f", "c": "p"},
        {"a": "p", "c": "n"},
        {"a": "p", "c": "n"},
        {"a": "n", "c": "p"},
        {"a": "p"},
    ]
    assert [line["tiers"][""] for line in lines(tmp_path)][1] == {"compliant": 1, "not_read": 1}
    assert trend(tmp_path)["incomplete_runs"] == 3


def test_a_workload_can_change_its_tier(tmp_path: Path) -> None:
    """It is the same workload, counted in the new tier."""
    add(tmp_path, record("2026-11-01", {"a:gold": "failed"}), record("2026-11-02", {"a:silver": "failed"}))
    found = trend(tmp_path)
    assert [line["tiers"] for line in lines(tmp_path)] == [{"gold": {"failed": 1}}, {"silver": {"failed": 1}}]
    assert [(one["tier"], one["not_compliant_since"]) for one in found["workloads"]] == [
        ("silver", "2026-11-01T00:00:00Z")
    ]


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda line: line[: len(line) // 2], "not valid JSON, so the line is truncated or damaged"),
        (lambda line: line.replace(b'"compliant":true', b'"compliant":false'), "the line was changed after"),
        (lambda _line: b'{"level": "info"}', "expected schema 'backup.audit/history/1', found 'None'"),
        (lambda _line: b"\xff\xfe\x00", "not valid JSON"),
        (lambda _line: b"", "not valid JSON"),
        (lambda _line: b"[" * 100_000, "not valid JSON"),
    ],
)
def test_damaged_and_foreign_lines_are_reported_and_skipped(tmp_path: Path, damage: Any, reason: str) -> None:
    """Changes after a damaged line are unknown until the next complete line, which the next run writes."""
    days = [record(f"2026-11-0{day}", statuses) for day, statuses in enumerate((OK, BAD, OK, BAD), 1)]
    add(tmp_path, days[0], {**days[1], "compliant": True}, days[2])
    file = tmp_path / "2026-11.jsonl"
    content = file.read_bytes().split(b"\n")
    content[1] = damage(content[1])
    file.write_bytes(b"\n".join(content))
    found = trend(tmp_path)
    assert [(one["file"], one["line"]) for one in found["skipped"]] == [("2026-11.jsonl", 2), ("2026-11.jsonl", 3)]
    assert reason in found["skipped"][0]["reason"]
    assert found["skipped"][1]["reason"].startswith("only its totals are used")
    assert states(tmp_path) == [{"a": "p", "b": "p"}, {"a": "n", "b": "n"}]
    add(tmp_path, days[3])
    assert states(tmp_path)[-1] == {"a": "p", "b": "f"}
    assert file.read_bytes().split(b"\n")[:3] == content[:3]
    assert json.loads(file.read_bytes().split(b"\n")[3])["base"] is None


def test_a_damaged_first_line_of_a_month(tmp_path: Path) -> None:
    """The workloads of the month before are unknown until the next complete line, in this month or the next."""
    add(tmp_path, record("2026-10-31", BAD), record("2026-11-01", BAD), record("2026-11-02", OK))
    add(tmp_path, record("2026-12-01", BAD), record("2026-12-02", OK))
    for month in ("2026-11", "2026-12"):
        file = tmp_path / f"{month}.jsonl"
        file.write_bytes(b"{" + file.read_bytes())
    assert states(tmp_path) == [{"a": "p", "b": "f"}, {"a": "n", "b": "n"}, {"a": "n", "b": "n"}]
    add(tmp_path, record("2026-12-03", BAD))
    assert states(tmp_path)[-1] == {"a": "p", "b": "f"}


def test_a_truncated_last_line_does_not_damage_the_next(tmp_path: Path) -> None:
    """A run that was killed while it wrote leaves a line without an end."""
    add(tmp_path, record("2026-11-01", OK))
    file = tmp_path / "2026-11.jsonl"
    with file.open("ab") as output:
        output.write(b'{"assessment_sha256":"')
    add(tmp_path, record("2026-11-02", BAD))
    assert states(tmp_path) == [{"a": "p", "b": "p"}, {"a": "p", "b": "f"}]
    assert [one["line"] for one in trend(tmp_path)["skipped"]] == [2]


def test_a_line_of_another_month_is_foreign(tmp_path: Path) -> None:
    """For example, a copied line."""
    add(tmp_path, record("2026-11-01", OK), record("2026-12-01", BAD))
    (tmp_path / "2026-11.jsonl").open("ab").write((tmp_path / "2026-12.jsonl").read_bytes())
    found = trend(tmp_path)
    assert (found["runs"], [one["reason"] for one in found["skipped"]]) == (
        2,
        ["time 2026-12-01T00:00:00Z belongs to another file"],
    )


def test_a_run_that_is_added_late_counts_at_its_time(tmp_path: Path) -> None:
    """Of two concurrent runs, the later one may be added first. The next run continues the latest line."""
    add(
        tmp_path,
        record("2026-11-01", OK),
        record("2026-11-03", OK),
        record("2026-11-02", BAD),
        record("2026-11-04", OK),
    )
    assert states(tmp_path) == [{"a": "p", "b": p} for p in "pfpp"]
    assert [line["base"] is None for line in lines(tmp_path)] == [True, False, True, False]
    found = trend(tmp_path)
    assert [found["skipped"], found["runs"]] == [[], 4]
    # One of three days, without the one second that the last run counts.
    (share,) = {one["compliant_percent"]["year"] for one in found["workloads"] if one["workload_name"] == "b"}
    assert share == 66.6


def test_old_months_are_removed(tmp_path: Path) -> None:
    """A month is removed if its last day is more than 400 days before the run."""
    add(tmp_path, record("2025-10-25", OK), record("2025-11-01", OK), record("2026-12-05T23:59:59", OK))
    assert sorted(file.name for file in tmp_path.glob("*.jsonl")) == ["2025-10.jsonl", "2025-11.jsonl", "2026-12.jsonl"]
    add(tmp_path, record("2026-12-06", OK))
    assert sorted(file.name for file in tmp_path.glob("*.jsonl")) == ["2025-11.jsonl", "2026-12.jsonl"]


@pytest.mark.parametrize("write", [True, False])
def test_a_run_in_the_future_is_rejected(tmp_path: Path, write: bool) -> None:
    """It would remove all months before it. 300 seconds are allowed, because clocks differ slightly."""
    clock = "2026-11-03T00:00:00Z"
    add(tmp_path, record("2026-11-01", OK), record("2026-11-03T00:05:00", OK), clock=clock)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    for late in ("2026-11-03T00:05:01", "2028-01-01"):
        with (opened := history(tmp_path, clock)).locked(), pytest.raises(DataError) as raised:
            opened.append(record(late, BAD), KEEP, write=write)
        assert str(raised.value).startswith(f"assessment: its time {late[:10]}T00:0")
        assert "is in the future; expected at most 300 s after the clock of the host" in str(raised.value)
        assert "which shows 2026-11-03T00:00:00Z. Synchronize the clocks" in str(raised.value)
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


def test_a_clock_in_the_past_removes_nothing(tmp_path: Path) -> None:
    """The age of a month counts from the earlier of the run and the clock: here the clock, by two minutes."""
    add(tmp_path, record("2025-10-25", OK))
    # 400 days after the end of October 2025.
    add(tmp_path, record("2026-12-06", OK), clock="2026-12-05T23:58:00Z")
    assert len(states(tmp_path)) == 2
    add(tmp_path, record("2026-12-06T00:00:01", OK), clock="2026-12-06T00:00:00Z")
    assert len(states(tmp_path)) == 2
    assert not (tmp_path / "2025-10.jsonl").exists()


@pytest.mark.parametrize("wrong", ["2026-11-20", "2026-12-08"])
def test_existing_lines_in_the_future_are_skipped(tmp_path: Path, wrong: str) -> None:
    """They do not hide later runs, neither in the same month nor in another, and count when their time has come."""
    add(tmp_path, record("2026-11-01", OK), record(wrong, OK))
    clocks = [f"2026-11-0{day}T01:00:00Z" for day in range(2, 5)]
    for clock, statuses in zip(clocks, (BAD, OK, BAD), strict=True):
        add(tmp_path, record(clock[:10], statuses), clock=clock)
    found = trend(tmp_path, clock=clocks[-1])
    assert [(one["file"], one["line"], one["reason"]) for one in found["skipped"]] == [
        (
            f"{wrong[:7]}.jsonl",
            1 + (wrong[:7] == "2026-11"),
            f"time {wrong}T00:00:00Z is in the future, according to the clock of this host",
        )
    ]
    assert (found["runs"], found["until"]) == (4, "2026-11-04T00:00:00Z")
    (change,) = found["changes"]["last"]["workloads"]
    assert (change["workload_name"], change["before"], change["after"]) == ("b", "compliant", "failed")
    assert states(tmp_path, clocks[-1]) == [{"a": "p", "b": letter} for letter in "pfpf"]
    # The same lines, read later.
    assert (trend(tmp_path)["skipped"], states(tmp_path)) == ([], [{"a": "p", "b": letter} for letter in "pfpfp"])


WRITER = """
import sys, time
from tests.unit.plugins.module_utils._history.runs import add, record
from pathlib import Path
while not (Path(sys.argv[1]) / "go").exists():
    time.sleep(0.001)
for minute in range(60):
    for_both = {"a": "failed" if minute % 2 else "compliant", sys.argv[2]: "compliant"}
    for hour in (0, 1):
        add(Path(sys.argv[1]), record(f"2026-11-01T{hour:02d}:{minute:02d}:{sys.argv[3]}", for_both))
"""


def test_concurrent_processes_lose_no_run(tmp_path: Path) -> None:
    """Every run of both processes is in the history, no line is damaged, and every state is that of its run."""
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path), name, second],
            cwd=ROOT,
            env={"PYTHONPATH": f"{ROOT}:{ROOT / '.venv' / 'tree'}"},
        )
        for name, second in (("left", "10"), ("right", "40"))
    ]
    # Both are started before the first one continues.
    time.sleep(1)
    (tmp_path / "go").touch()
    assert [writer.wait(120) for writer in writers] == [0, 0]
    found = trend(tmp_path)
    assert (found["runs"], found["skipped"]) == (240, [])
    assert states(tmp_path) == [
        {"a": "f" if minute % 2 else "p", name: "p"}
        for _hour in (0, 1)
        for minute in range(60)
        for name in ("left", "right")
    ]


@pytest.mark.parametrize("path", ["/proc/nothing", "file/inside"])
def test_a_directory_that_cannot_be_written(tmp_path: Path, path: str) -> None:
    """The message has the path and the reason."""
    (tmp_path / "file").write_text("")
    target = str(tmp_path / path) if not path.startswith("/") else path
    with pytest.raises(OptionError, match=f"path: cannot write to {target}: "), History(target).locked():
        pass
