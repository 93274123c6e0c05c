# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The trend of a history: shares of time, days, changes, and since when workloads are not compliant."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.backup.audit.plugins.module_utils._core.errors import OptionError
from ansible_collections.backup.audit.plugins.module_utils._history.lines import (
    LETTERS,
    Entry,
    format_line,
    workload_key,
)
from tests.unit.plugins.module_utils._history.runs import add, by_name, record, trend

# A year of hourly runs.
RUNS = 365 * 24
GIGABYTE = 10**9


def test_a_status_holds_until_the_next_run(tmp_path: Path) -> None:
    """Four days, of which b was compliant for three; the last run counts for one second."""
    ok, bad = {"a": "compliant", "b": "compliant"}, {"a": "compliant", "b": "failed"}
    add(tmp_path, *(record(f"2026-11-0{day}", bad if day == 2 else ok) for day in range(1, 6)))
    found = trend(tmp_path)
    assert (found["from"], found["until"], found["runs"]) == ("2026-11-01T00:00:00Z", "2026-11-05T00:00:00Z", 5)
    names = by_name(found)
    assert names["a"]["compliant_percent"] == {"quarter": 100.0, "year": 100.0}
    assert names["b"]["compliant_percent"] == {"quarter": 75.0, "year": 75.0}
    assert found["periods"]["year"]["tiers"] == [{"tier": None, "compliant_percent": 87.5, "unknown_percent": 0.0}]
    assert [(day["date"], day["tiers"][0]["parts"]) for day in found["days"]] == [
        ("2026-11-01", [1000, 0, 0, 0, 0]),
        ("2026-11-02", [500, 0, 0, 500, 0]),
        ("2026-11-03", [1000, 0, 0, 0, 0]),
        ("2026-11-04", [1000, 0, 0, 0, 0]),
        ("2026-11-05", [1000, 0, 0, 0, 0]),
    ]


def test_a_status_is_unknown_after_its_maximum_age(tmp_path: Path) -> None:
    """Runs 52 hours apart with a maximum of 26 hours: half of the time is unknown, and unknown is not compliant."""
    add(tmp_path, record("2026-11-01", {"a": "compliant"}), record("2026-11-03T04:00:00", {"a": "compliant"}))
    found = trend(tmp_path)
    assert by_name(found)["a"]["compliant_percent"]["year"] == 50.0
    assert found["periods"]["quarter"]["tiers"] == [{"tier": None, "compliant_percent": 50.0, "unknown_percent": 49.9}]
    # The second day is known until 02:00, the third is unknown until 04:00 and counts one second.
    assert [day["tiers"][0]["parts"] for day in found["days"]] == [
        [1000, 0, 0, 0, 0],
        [83, 0, 0, 0, 917],
        [0, 0, 0, 0, 1000],
    ]
    assert by_name(trend(tmp_path, max_status_age="52h"))["a"]["compliant_percent"]["year"] == 100.0


def test_time_without_a_read_is_unknown(tmp_path: Path) -> None:
    """Workloads that a limited run did not read are unknown."""
    both = {"a": "compliant", "vbr2/c": "compliant"}
    add(
        tmp_path,
        record("2026-11-01", both, complete_sources=["vbr1", "vbr2"]),
        record("2026-11-02", {"a": "compliant"}, limited=True),
        record("2026-11-03", both, complete_sources=["vbr1", "vbr2"]),
    )
    names = by_name(trend(tmp_path))
    assert (names["a"]["compliant_percent"]["year"], names["c"]["compliant_percent"]["year"]) == (100.0, 50.0)


def test_a_workload_that_returns_keeps_its_sums(tmp_path: Path) -> None:
    """It failed for six days and is missing for one: that day is unknown, and of eight days it was compliant on none.

    ``late`` was compliant for two days, is missing for four, and is compliant on the other two: half of the time.
    """
    days = [{"a": "compliant", "b": "failed", "late": "compliant"} for _day in range(9)]
    del days[6]["b"]
    for day in days[2:6]:
        del day["late"]
    add(tmp_path, *(record(f"2026-11-0{number}", statuses) for number, statuses in enumerate(days, 1)))
    names = by_name(trend(tmp_path))
    assert {name: one["compliant_percent"]["year"] for name, one in names.items()} == {
        "a": 100.0,
        "b": 0.0,
        "late": 50.0,
    }
    assert (names["b"]["not_compliant_since"], names["b"]["since_first_run"]) == ("2026-11-01T00:00:00Z", True)
    assert [one["not_compliant_since"] for one in (names["a"], names["late"])] == [None, None]


def test_a_workload_that_is_gone_is_not_listed(tmp_path: Path) -> None:
    """It may return with another status and tier."""
    add(tmp_path, record("2026-11-01", {"a": "compliant", "b:gold": "failed"}), record("2026-11-02", {"a": "failed"}))
    assert list(by_name(trend(tmp_path))) == ["a"]
    add(tmp_path, record("2026-11-03", {"a": "failed", "b:silver": "compliant"}), record("2026-11-05", {"a": "failed"}))
    add(tmp_path, record("2026-11-06", {"a": "failed", "b:silver": "failed"}))
    found = by_name(trend(tmp_path))["b"]
    # Compliant for 26 hours of five days.
    assert (found["tier"], found["compliant_percent"]["year"]) == ("silver", 21.6)
    assert (found["not_compliant_since"], found["since_first_run"]) == ("2026-11-06T00:00:00Z", False)


def test_a_damaged_first_line_of_a_month_keeps_sums(tmp_path: Path) -> None:
    """b failed for 3 days, until the second run of November, was unknown for 29 and compliant for 1: 1 of 33 days."""
    days = ["2026-10-30", "2026-10-31", "2026-11-01", "2026-11-02", "2026-12-01", "2026-12-02"]
    statuses = ["failed", "failed", "failed", "failed", "compliant", "compliant"]
    add(tmp_path, *(record(day, {"b": status}) for day, status in zip(days, statuses, strict=True)))
    file = tmp_path / "2026-11.jsonl"
    first, second, _end = file.read_bytes().split(b"\n")
    file.write_bytes(first[:-9] + b"\n" + second + b"\n")
    found = trend(tmp_path, max_status_age="40d")
    (workload,) = found["workloads"]
    assert [one["line"] for one in found["skipped"]] == [1, 2]
    assert workload["compliant_percent"]["year"] == 3.0
    assert workload["not_compliant_since"] is None


def test_periods_end_with_the_last_run(tmp_path: Path) -> None:
    """It failed in the first of five months, which is not in the last quarter."""
    months = [f"2026-{month:02d}-01" for month in range(1, 7)]
    add(tmp_path, *(record(month, {"a": "failed" if month == months[0] else "compliant"}) for month in months))
    found = trend(tmp_path, max_status_age="40d")
    # 31 of 151 days failed; the quarter begins on 2026-03-01.
    assert by_name(found)["a"]["compliant_percent"] == {"quarter": 100.0, "year": 79.4}
    assert found["periods"]["quarter"]["from"] == "2026-03-01T00:00:00Z"


def test_excluded_time_does_not_count(tmp_path: Path) -> None:
    """Waived time counts and is not compliant."""
    add(
        tmp_path,
        record("2026-11-01", {"a": "excluded", "b": "waived"}),
        record("2026-11-02", {"a": "compliant", "b": "compliant"}),
        record("2026-11-03", {"a": "compliant", "b": "compliant"}),
    )
    names = by_name(trend(tmp_path))
    assert (names["a"]["compliant_percent"]["year"], names["b"]["compliant_percent"]["year"]) == (100.0, 50.0)


def test_tiers_have_their_own_shares(tmp_path: Path) -> None:
    """All workloads come first, workloads without a tier last."""
    statuses = {"a:gold": "compliant", "b:gold": "failed", "c:silver": "compliant", "d": "not_proved"}
    add(tmp_path, record("2026-11-01", statuses), record("2026-11-02", statuses))
    found = trend(tmp_path)
    shares = [(one["tier"], one["compliant_percent"]) for one in found["periods"]["year"]["tiers"]]
    assert shares == [(None, 50.0), ("gold", 50.0), ("silver", 100.0), ("", 0.0)]
    assert [one["tier"] for one in found["days"][0]["tiers"]] == [None, "gold", "silver", ""]


def test_since_when_a_workload_is_not_compliant(tmp_path: Path) -> None:
    """Time without a read neither starts nor ends the period. A waiver ends it."""
    runs = {
        "start": ["failed"] * 5,
        "later": ["compliant", "failed", "not_proved", "failed", "failed"],
        "unread": ["compliant", "failed", "not_read", "failed", "failed"],
        "again": ["failed", "failed", "compliant", "failed", "failed"],
        "waived": ["failed", "failed", "failed", "failed", "waived"],
        "blind": ["compliant", "compliant", "not_read", "not_read", "failed"],
    }
    add(
        tmp_path,
        *(record(f"2026-11-0{day + 1}", {name: runs[name][day] for name in runs}) for day in range(5)),
    )
    found = {
        name: (one["not_compliant_since"] or "")[8:10] + ("*" if one["since_first_run"] else "")
        for name, one in by_name(trend(tmp_path)).items()
    }
    assert found == {"start": "01*", "later": "02", "unread": "02", "again": "04", "waived": "", "blind": "05"}


def test_changes_since_the_last_run_and_since_a_date(tmp_path: Path) -> None:
    """A workload with its earlier status has not changed. New and removed workloads have no other status."""
    add(
        tmp_path,
        record("2026-11-01", {"a": "compliant", "b": "compliant", "c": "compliant", "d": "failed"}),
        record("2026-11-03", {"a": "compliant", "b": "failed", "c": "failed", "d": "failed"}),
        record("2026-11-04", {"a": "failed", "b": "failed", "c": "compliant", "e": "waived"}),
    )

    def changes(since: str, name: str) -> tuple[str, set[tuple[str, str | None, str | None]]]:
        found = trend(tmp_path, since=since)["changes"][name]
        return found["from"][:10], {(one["workload_name"], one["before"], one["after"]) for one in found["workloads"]}

    in_last = {("a", "compliant", "failed"), ("c", "failed", "compliant"), ("d", "failed", None), ("e", None, "waived")}
    since_first = {
        ("a", "compliant", "failed"),
        ("b", "compliant", "failed"),
        ("d", "failed", None),
        ("e", None, "waived"),
    }
    assert changes("7d", "last") == ("2026-11-03", in_last)
    assert changes("7d", "since") == ("2026-11-01", since_first)
    assert changes("2026-11-02", "since") == ("2026-11-01", since_first)
    assert changes("2026-11-03", "since") == ("2026-11-03", in_last)


def test_the_first_run_has_no_changes(tmp_path: Path) -> None:
    """Its shares are those of the single run."""
    add(tmp_path, record("2026-11-01", {"a": "compliant", "b": "failed"}))
    found = trend(tmp_path)
    assert [one["workloads"] for one in found["changes"].values()] == [[], []]
    assert found["periods"]["year"]["tiers"][0]["compliant_percent"] == 50.0


def test_an_empty_history(tmp_path: Path) -> None:
    """An empty history has no runs."""
    assert trend(tmp_path / "missing") == {"schema": "backup.audit/trend/1", "runs": 0, "skipped": []}


def test_since_must_be_a_time_or_a_duration(tmp_path: Path) -> None:
    """The message shows valid values."""
    add(tmp_path, record("2026-11-01", {"a": "compliant"}))
    with pytest.raises(OptionError, match="since: 'yesterday' is not a valid date, time or duration"):
        trend(tmp_path, since="yesterday")


def test_a_year_of_large_runs_stays_small() -> None:
    """50,000 workloads each hour, with two percent changes, need less than a gigabyte a year."""
    count, changing = 50_000, 1_000
    identities = [
        ("vbr1.example.com", None, f"{number * 2654435761 % 2**64:016x}", f"vm-{number:05d}.example.com", "gold")
        for number in range(count)
    ]
    before = {workload_key(one): Entry(one, LETTERS["compliant"]) for one in identities}
    keys = list(before)[:: count // changing]
    after = {**before, **{key: Entry(before[key].identity, LETTERS["failed"]) for key in keys}}
    frame = record("2026-11-01", {})
    complete = len(format_line(frame, before))
    changes = len(format_line(frame, after, ("0" * 16, before)))
    assert len(keys) == changing
    # A change needs at least the random part of its key.
    assert changing * 9 < changes < changing * 16 + 1000
    assert 13 * complete + RUNS * changes < GIGABYTE / 4
