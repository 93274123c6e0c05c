# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Features of Unitrends: windows, time zones, generations, errors that look like empty lists, several systems."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.conftest import Simulators
from tests.integration.running_modules import get_login, read, run_module
from tests.simulators import running


def summarize(result: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Return the relevant values of each row."""
    names = ("workload_name", "workload_id", "origin", "recovery_points", "newest", "oldest", "in_inventory", "by_kind")
    return [tuple(row.get(name) for name in names) for row in result["workloads"]]


@pytest.fixture(scope="module")
def normal(running_simulators: Simulators) -> list[tuple[Any, ...]]:
    """Return the appliance's rows without variants."""
    running_simulators.reset()
    return summarize(read(running_simulators.ready, "unitrends").result)


@pytest.mark.parametrize(
    "variant",
    [
        {"language": "fr"},
        {"language": "fr", "lang": "ignored"},
        {"language": "en-gb", "lang": "ignored", "row_zone": "own"},
        {"running_status": "null"},
        {"certified": "n/a"},
        {"hold_days": 12},
        {"target_managed": False},
        {"strategy": "MinMax"},
        {"row_zone": "own"},
        {"error_body": "message"},
        {"timeout": 0},
    ],
    ids=str,
)
def test_variants_do_not_affect_the_result(
    simulators: Simulators, normal: list[tuple[Any, ...]], variant: dict[str, object]
) -> None:
    """Undocumented behavior may differ between servers."""
    simulators.ask("unitrends", "__variant", variant)
    ended = read(simulators.ready, "unitrends")
    assert not ended.failed, ended.message
    assert summarize(ended.result) == normal


def test_the_older_generation(simulators: Simulators, normal: list[tuple[Any, ...]]) -> None:
    """It has other fields and values, and times without seconds. The points are the same, truncated to the minute."""
    simulators.ask("unitrends", "__variant", {"generation": "wiki"})
    ended = read(simulators.ready, "unitrends")
    assert not ended.failed, ended.message
    rows = summarize(ended.result)
    assert [(*row[:4], *row[6:]) for row in rows] == [(*row[:4], *row[6:]) for row in normal]
    for row, known in zip(rows, normal, strict=True):
        assert (row[4] or "")[:16] == (known[4] or "")[:16]


@pytest.mark.parametrize("fulls", ["failed", "gone"])
def test_increments_without_a_full_backup(simulators: Simulators, fulls: str) -> None:
    """If every full backup failed or is not listed, only archives are recovery points."""
    simulators.ask("unitrends", "__variant", {"fulls": fulls})
    ended = read(simulators.ready, "unitrends", detail="recovery_points")
    assert not ended.failed, ended.message
    points = ended.result["recovery_points"]
    assert any(point["kind"] == "incremental" and point["status"] == "success" for point in points)
    assert {point["kind"] for point in points if point["usable"]} == {"archive"}


def test_archives_of_other_types(simulators: Simulators) -> None:
    """Logs, selected files and replicas on archive media are not recovery points, and jobs are not reported."""
    before = read(simulators.ready, "unitrends", detail="recovery_points").result
    simulators.ask("unitrends", "__variant", {"archived_types": "all"})
    after = read(simulators.ready, "unitrends", detail="recovery_points").result
    known = {point["id"] for point in before["recovery_points"]}
    archived = sum(point["kind"] == "archive" for point in before["recovery_points"])
    added = [point for point in after["recovery_points"] if point["id"] not in known]
    assert archived
    # Two types of logs, and two types that may not contain the complete workload.
    kinds = [point["kind"] for point in added]
    assert (kinds.count("log"), kinds.count("unknown"), len(added)) == (2 * archived, 2 * archived, 4 * archived)
    assert after.get("warnings") == before.get("warnings")
    assert all([copy["role"] for copy in point["copies"]] == ["archive"] for point in added)


def test_suspicious_backups(simulators: Simulators) -> None:
    """Only points that the appliance reports as being at risk are suspicious."""
    estate = simulators.estate
    listed = estate["products"]["unitrends"]["points"]
    infected = {
        listed[point["key"]]
        for work in estate["workloads"]
        for point in work["points"]
        if point["key"] in listed and point["malware"] in ("suspicious", "infected")
    }
    ended = read(simulators.ready, "unitrends", detail="recovery_points")
    assert {point["id"] for point in ended.result["recovery_points"] if point["malware"] == "suspicious"} == infected
    assert infected


def test_only_read_requests_are_sent(simulators: Simulators) -> None:
    """Only the two read queries are sent to the path that can also delete, and nothing is deleted."""
    before = read(simulators.ready, "unitrends", since="2000d").result["totals"]
    for call in simulators.requests("unitrends"):
        if call["method"] == "POST" and "backups" in call["path"]:
            assert sorted(name for name, _value in call["query"]) == ["lang", "sid"]
        assert call["method"] in ("GET", "POST")
    assert read(simulators.ready, "unitrends", since="2000d").result["totals"] == before


def test_a_list_that_hides_errors(simulators: Simulators, normal: list[tuple[Any, ...]]) -> None:
    """If the list is empty because of an internal failure, the catalog's points are returned with a warning."""
    simulators.ask("unitrends", "__variant", {"core_failure": "1,2"})
    ended = read(simulators.ready, "unitrends")
    assert not ended.failed, ended.message
    assert any("omits some backups of the catalog" in str(warning) for warning in ended.result["warnings"])
    # The catalog does not report that a backup could not be read back, so one more looks successful.
    (broken,) = [work["name"] for work in simulators.estate["workloads"] if work["story"].startswith("corrupted")]
    rows = [row[:6] for row in summarize(ended.result) if row[0] != broken]
    assert rows == [row[:6] for row in normal if row[0] != broken]


def test_an_unproven_empty_result_is_rejected(simulators: Simulators) -> None:
    """The list is empty, and neither the catalog nor the inventory is available."""
    simulators.ask("unitrends", "__variant", {"core_failure": "1,2,3"})
    rules = [
        {"match": {"path": path}, "fault": "status", "status": 403, "body": "{}"}
        for path in ("/api/catalog/", "/api/assets/")
    ]
    simulators.ask("unitrends", "__faults", rules)
    ended = read(simulators.ready, "unitrends")
    assert ended.failed
    assert "neither its catalog nor its inventory is available" in ended.message
    partial = read(simulators.ready, "unitrends", allow_partial=True)
    assert not partial.failed, partial.message
    assert partial.result["complete"] is False
    assert partial.result["server"]["scope"]["inventory"] is False


def test_php_warning(simulators: Simulators) -> None:
    """A warning before the response makes it invalid JSON, and nothing is extracted from it."""
    simulators.ask("unitrends", "__variant", {"php_warning": True})
    ended = read(simulators.ready, "unitrends")
    assert ended.failed
    assert ended.result["failure"]["code"] == "invalid_response"


@pytest.mark.parametrize("failure", ["401", "500", "false"])
def test_failed_login(simulators: Simulators, failure: str) -> None:
    """Appliances report a wrong password in several forms."""
    simulators.ask("unitrends", "__variant", {"login_failure": failure})
    ended = run_module("unitrends_backups_info", {**get_login(simulators.ready, "unitrends"), "password": "wrong one"})
    assert ended.failed
    assert ended.result["failure"]["code"] == "login_rejected"
    assert "Check username and password" in ended.message


def test_errors_with_status_200(simulators: Simulators) -> None:
    """A rejection with status 200 is still a rejection."""
    simulators.ask("unitrends", "__variant", {"error_status": 200})
    simulators.ask("unitrends", "__faults", [{"match": {"path": "/api/systems/"}, "fault": "expire_session"}])
    ended = read(simulators.ready, "unitrends")
    assert ended.failed
    assert "returned an error" in ended.message or ended.result["failure"]["code"] == "login_rejected"


def test_unreachable_system(simulators: Simulators, normal: list[tuple[Any, ...]]) -> None:
    """Its workloads are missing, so the task fails or reports an incomplete result."""
    simulators.ask("unitrends", "__variant", {"remote_status": "not available"})
    ended = read(simulators.ready, "unitrends")
    assert ended.failed
    assert "ueb-chicago" in ended.message
    assert "not available" in ended.message
    partial = read(simulators.ready, "unitrends", allow_partial=True)
    assert partial.result["complete"] is False
    assert summarize(partial.result) == [row for row in normal if row[2] is None]


def test_scoped_account(simulators: Simulators, normal: list[tuple[Any, ...]]) -> None:
    """A role with a scope silently hides backups; the scope is reported."""
    ended = read(simulators.ready, "unitrends", "scoped")
    assert not ended.failed, ended.message
    assert any("scope" in str(warning) for warning in ended.result["warnings"])
    assert len(ended.result["workloads"]) < len(normal)


def test_monitor_account(simulators: Simulators, normal: list[tuple[Any, ...]]) -> None:
    """The read-only account sees everything."""
    ended = read(simulators.ready, "unitrends", "monitor")
    assert not ended.failed, ended.message
    assert summarize(ended.result) == normal


def test_wrong_time_zone_is_rejected(simulators: Simulators) -> None:
    """The time zone contradicts the appliance's times."""
    ended = read(simulators.ready, "unitrends", timezone="Asia/Tokyo")
    assert ended.failed
    assert 'Set "timezone"' in ended.message
    right = read(simulators.ready, "unitrends", timezone="Europe/Berlin")
    assert not right.failed, right.message


def test_unreported_time_zone(simulators: Simulators, normal: list[tuple[Any, ...]]) -> None:
    """Times are known only with the option."""
    rule = {"match": {"path": "/api/date-time/"}, "fault": "status", "status": 404, "body": "{}"}
    simulators.ask("unitrends", "__faults", [rule])
    ended = read(simulators.ready, "unitrends")
    assert ended.failed
    assert 'Set "timezone"' in ended.message
    given = read(simulators.ready, "unitrends", timezone="Europe/Berlin")
    assert not given.failed, given.message
    assert summarize(given.result) == normal


def test_the_window_is_reported(simulators: Simulators) -> None:
    """Without `since`, the result has the window that was read. With it, exactly that window is read."""
    short = read(simulators.ready, "unitrends", since="10d")
    complete = read(simulators.ready, "unitrends", since="800d", slice="30d")
    default = read(simulators.ready, "unitrends")
    assert short.result["totals"]["recovery_points"] < default.result["totals"]["recovery_points"]
    assert complete.result["totals"]["recovery_points"] == default.result["totals"]["recovery_points"]
    assert default.result["selection"]["since"] > complete.result["selection"]["since"]
    assert "until" not in default.result["selection"]
    nothing = read(simulators.ready, "unitrends", since="5s", until="2s")
    assert nothing.result["totals"]["recovery_points"] == 0


@pytest.mark.parametrize("now", ["2026-10-25T02:45:00Z", "2026-10-25T00:30:00Z", "2026-03-29T03:10:00Z"])
def test_clock_change(now: str) -> None:
    """Backups of that night are complete, and not dated too late."""
    with running(("unitrends",), workloads=20, points=5, now=now) as ready:
        ended = read(ready, "unitrends", detail="recovery_points", until=now, since="2000d")
        assert not ended.failed, ended.message
        estate = Simulators(ready).estate
    listed = estate["products"]["unitrends"]
    true = {
        listed["points"][point["key"]]: point["created_at"]
        for work in estate["workloads"]
        for point in work["points"]
        if point["key"] in listed["points"] and point["created_at"] <= now
    }
    points = {point["id"]: point for point in ended.result["recovery_points"]}
    assert set(points) >= set(true)
    for ident, created in true.items():
        assert points[ident]["created_at"][:19] <= created[:19]
        if points[ident]["created_at"][:19] != created[:19]:
            assert "created_at" in points[ident]["inferred"]


def test_invalid_options(simulators: Simulators) -> None:
    """They are rejected before any request is sent."""
    for options, word in (
        ({"timezone": "Mars/Base"}, "timezone"),
        ({"slice": "5m"}, "slice"),
        ({"slice": "x"}, "slice"),
    ):
        ended = read(simulators.ready, "unitrends", **options)
        assert ended.failed
        assert word in ended.message
    assert simulators.requests("unitrends") == []
