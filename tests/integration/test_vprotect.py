# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Features of vProtect: old and new servers, pages, deleted backups, copies, objects that an account cannot see."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.conftest import Simulators
from tests.integration.running_modules import ModuleResult, read


def summarize(result: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Return the relevant values of each row."""
    names = ("workload_name", "workload_id", "recovery_points", "newest", "oldest", "by_kind", "in_inventory")
    return [tuple(row.get(name) for name in names) for row in result["workloads"]]


@pytest.fixture(scope="module")
def normal(running_simulators: Simulators) -> list[tuple[Any, ...]]:
    """Return the server's rows without variants."""
    running_simulators.reset()
    return summarize(read(running_simulators.ready, "vprotect").result)


def list_backup_queries(simulators: Simulators) -> list[dict[str, list[str]]]:
    """List the queries of all requests for backups."""
    queries = []
    for call in simulators.requests("vprotect"):
        if call["path"] == "/api/backups":
            query: dict[str, list[str]] = {}
            for name, value in call["query"]:
                query.setdefault(name, []).append(value)
            queries.append(query)
    return queries


@pytest.mark.parametrize(
    "variant",
    [
        {"version": "7.2.0-1"},
        {"total_count": False},
        {"total_count": False, "page_cap": 13},
        {"page_cap": 13},
        {"enums": "strings"},
        {"login_status": 201},
        {"login_status": 204},
        {"cookie_name": "quarkus-credential"},
        {"window_clock": "backup"},
        {"synchronizations": False},
        {"removed": 0},
        {"removed": 9},
        {"rule_lock": "removed"},
    ],
    ids=str,
)
@pytest.mark.parametrize("options", [{}, {"since": "2000d"}], ids=["all", "window"])
def test_variants_do_not_affect_the_result(
    simulators: Simulators, normal: list[tuple[Any, ...]], variant: dict[str, object], options: dict[str, str]
) -> None:
    """Undocumented behavior may differ between servers."""
    simulators.ask("vprotect", "__variant", variant)
    ended = read(simulators.ready, "vprotect", page_size=40, **options)
    assert not ended.failed, ended.message
    assert summarize(ended.result) == normal


def test_version_4(simulators: Simulators, normal: list[tuple[Any, ...]]) -> None:
    """Before 5.0 there are no locations, no total, and one status per filter. No point is lost."""
    simulators.ask("vprotect", "__variant", {"version": "4.2.0-1", "total_count": False})
    ended = read(simulators.ready, "vprotect")
    assert not ended.failed, ended.message
    assert not any("status" in query for query in list_backup_queries(simulators))
    rows = {row["workload_id"]: row for row in ended.result["workloads"]}
    for _name, ident, count, newest, oldest, *_rest in normal:
        # Without locations, unreadable and archived points look like any other.
        assert rows[ident]["recovery_points"] >= count
        assert rows[ident].get("newest", "") >= (newest or "")
        assert rows[ident].get("oldest") == oldest
        assert "locations" not in rows[ident]


def test_deleted_backups_are_not_requested(simulators: Simulators) -> None:
    """The server omits deleted backups, and totals prove that it omits nothing else."""
    ended = read(simulators.ready, "vprotect")
    assert not ended.failed, ended.message
    listings = [query for query in list_backup_queries(simulators) if query["size"] != ["1"]]
    assert listings
    assert all("SUCCESS_REMOVED" not in query["status"] for query in listings)
    assert all(len(query["status"]) == 5 for query in listings)


def test_deleted_workload(simulators: Simulators, normal: list[tuple[Any, ...]]) -> None:
    """A workload that is no longer listed keeps its backups, with the name stored in them."""
    (name,) = [work["name"] for work in simulators.estate["workloads"] if work["story"].startswith("retired")]
    simulators.ask("vprotect", "__variant", {"deleted_entities": "gone"})
    ended = read(simulators.ready, "vprotect")
    assert not ended.failed, ended.message
    (row,) = [row for row in ended.result["workloads"] if name in row.get("workload_name", "")]
    (before,) = [row for row in normal if row[0] == name]
    assert row["recovery_points"] == before[2]
    assert row["newest"] == before[3]


def test_points_without_times(simulators: Simulators) -> None:
    """Failed and running backups without a time are reported in a warning and change no recovery point."""
    complete = read(simulators.ready, "vprotect").result["totals"]
    simulators.ask("vprotect", "__variant", {"unfinished_times": False})
    ended = read(simulators.ready, "vprotect")
    assert not ended.failed, ended.message
    assert ended.result["totals"]["recovery_points"] == complete["recovery_points"]
    assert ended.result["totals"]["points_listed"] < complete["points_listed"]
    assert any("have no time and are not included" in str(warning) for warning in ended.result["warnings"])


def test_backups_without_a_recovery_point_time(simulators: Simulators) -> None:
    """All of them are listed, and none counts. A warning has their number."""

    def list_made_points(ended: ModuleResult) -> list[dict[str, Any]]:
        assert not ended.failed, ended.message
        return [point for point in ended.result["recovery_points"] if point["status"] in ("success", "warning")]

    complete = list_made_points(read(simulators.ready, "vprotect", detail="recovery_points"))
    simulators.ask("vprotect", "__variant", {"snapshot_times": False, "synchronizations": False})
    ended = read(simulators.ready, "vprotect", detail="recovery_points")
    made = list_made_points(ended)
    assert {point["id"] for point in made} == {point["id"] for point in complete}
    assert ended.result["totals"]["recovery_points"] == 0
    assert {point["usable"] for point in made} <= {None, False}
    assert all("created_at" in point["inferred"] for point in made)
    unknown = sum(point["usable"] is None for point in made)
    text = f"because they have a storage time, but not the point in time that they restore (snapshotTime): {unknown}"
    assert any(text in str(one) for one in ended.result["warnings"])


def test_restricted_account(simulators: Simulators, normal: list[tuple[Any, ...]]) -> None:
    """The product hides objects silently. The rest of the result is the same."""
    ended = read(simulators.ready, "vprotect", "restricted")
    assert not ended.failed, ended.message
    seen = {row[1]: row for row in summarize(ended.result)}
    complete = {row[1]: row for row in normal}
    assert seen
    assert set(seen) < set(complete)
    assert all(row == complete[ident] for ident, row in seen.items())


@pytest.mark.parametrize(
    ("path", "scope"),
    [
        ("/api/protected-entities", "inventory"),
        ("/api/backup-destinations", "destinations"),
        ("/api/restore-jobs", "restore_jobs"),
        ("/api/rules/*", "rules"),
    ],
)
def test_attributes_from_denied_requests_are_unknown(simulators: Simulators, path: str, scope: str) -> None:
    """If data that points depend on is denied, a warning reports it, and no attribute is derived from it."""
    counts = read(simulators.ready, "vprotect").result["totals"]["recovery_points"]
    simulators.ask("vprotect", "__faults", [{"match": {"path": path}, "fault": "status", "status": 403, "body": "{}"}])
    ended = read(simulators.ready, "vprotect", detail="recovery_points")
    assert not ended.failed, ended.message
    assert ended.result["server"]["scope"][scope] is False
    assert ended.result["warnings"]
    assert ended.result["totals"]["recovery_points"] == counts
    field = {"destinations": "encrypted", "restore_jobs": "restore_tested", "rules": "immutable"}.get(scope)
    if field is not None:
        assert all(point[field] is None for point in ended.result["recovery_points"])


def test_inferred_values_occur_with_all_permissions(simulators: Simulators) -> None:
    """This proves that the test above has an effect."""
    ended = read(simulators.ready, "vprotect", detail="recovery_points")
    assert not ended.failed, ended.message
    for field in ("encrypted", "restore_tested", "immutable", "offsite"):
        holders = [point for point in ended.result["recovery_points"] if point[field] is True]
        assert holders, field
        assert all(field in point["inferred"] for point in holders)


def test_workload_types(simulators: Simulators) -> None:
    """Types are selected by the adapter: with the server's filter, backups of deleted workloads may be missing."""
    for types in (["vm"], ["vm", "storage"]):
        simulators.reset()
        ended = read(simulators.ready, "vprotect", workload_types=types)
        assert not ended.failed, ended.message
        assert {row["workload_type"] for row in ended.result["workloads"]} == set(types)
        assert all("protected-entity-type" not in query for query in list_backup_queries(simulators))


def test_url_with_api_path(simulators: Simulators) -> None:
    """The vendor's pages show the URL with /api. The message suggests the correct URL."""
    ended = read(simulators.ready, "vprotect", url=simulators.ready["products"]["vprotect"]["url"] + "/api")
    assert ended.failed
    assert "expected a URL without /api at the end. Use https://HOST" in ended.message
