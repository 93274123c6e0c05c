# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Health checks prove the points that they covered, and name corrupted ones only by number."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.plugins.module_utils._adapters.veeam.azure.small_appliance import (
    ARCHIVE,
    STANDARD,
    Appliance,
    checked,
    facts,
    item,
    point,
    session,
)

# The check is on the 20th at 3:00: points 1 to 3 existed, point 4 did not.
POINTS = (point(1, 17, type="Full"), point(2, 18), point(3, 19), point(4, 20))
OTHER = {**STANDARD, "id": "repository-3", "name": "other"}
NOTHING = {"1": None, "2": None, "3": None, "4": None}


def test_a_successful_check_proves_the_points_that_existed() -> None:
    result = checked((session("s", 20), [item(3)])).read(*POINTS)
    proven = (True, "2026-11-20T04:00:00Z", "integrity_check")
    assert facts(result, "integrity_checked", "checked_at", "checked_by") == {
        "1": proven,
        "2": proven,
        "3": proven,
        "4": (None, None, None),
    }
    assert set(facts(result, "usable").values()) == {True}


def test_deleted_points_are_included_in_the_count() -> None:
    """The check covered more points than are left, because retention has deleted some since."""
    assert facts(checked((session("s", 20), [item(9)])).read(*POINTS), "integrity_checked")["3"] is True


@pytest.mark.parametrize(
    "found",
    [
        pytest.param(item(2), id="fewer points than existed"),
        pytest.param(item(0), id="no points"),
        pytest.param(item(3, status="Warning"), id="warning"),
        pytest.param(item(3, status="Running"), id="running"),
        pytest.param(item(3, status="Canceled"), id="canceled"),
        pytest.param(item(3, status=None), id="no status"),
        pytest.param(item(3, totalRestorePoints=None), id="no total"),
        pytest.param(item(3, corruptedRestorePoints=None), id="no number of corrupted points"),
        pytest.param(item(3, resource={"name": "erp"}), id="workload without an id"),
        pytest.param(item(3, resource={"id": "vm-2", "name": "erp"}), id="another workload with this name"),
        pytest.param(item(3, repository=None), id="no repository"),
        pytest.param(item(3, repository=OTHER), id="a repository that is not listed"),
        pytest.param(item(3, repository=ARCHIVE), id="an archive repository"),
        pytest.param(item(3, repository={**STANDARD, "id": None, "name": "else"}), id="a repository by another name"),
    ],
)
def test_an_item_that_proves_nothing(found: dict[str, Any]) -> None:
    result = checked((session("s", 20), [found]), repositories=[STANDARD, ARCHIVE]).read(*POINTS)
    assert facts(result, "integrity_checked") == NOTHING
    assert set(facts(result, "usable").values()) == {True}


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "Running"},
        {"status": "Canceled"},
        {"status": None},
        {"executionStartTime": None},
        {"executionStopTime": None},
        {"executionStartTime": "yesterday"},
        # The server ignores the filter by type.
        {"type": "PolicyBackup"},
    ],
    ids=str,
)
def test_a_session_that_proves_nothing(changes: dict[str, Any]) -> None:
    result = checked((session("s", 20, **changes), [item(3)])).read(*POINTS)
    assert facts(result, "integrity_checked") == NOTHING


@pytest.mark.parametrize(
    ("changes", "proven"),
    [
        ({}, False),
        ({"storageTier": "Archive"}, True),
        ({"storageTier": "Cool"}, True),
        ({"storageTier": "Inferred"}, False),
        ({"storageTier": "Unknown"}, False),
        ({"regionId": "r9", "regionName": "westus"}, True),
        ({"regionId": "r9", "regionName": "North Europe"}, False),
        ({"regionId": None, "regionName": "somewhere"}, False),
    ],
    ids=str,
)
def test_a_check_proves_nothing_if_another_repository_may_contain_the_points(
    changes: dict[str, Any], proven: bool
) -> None:
    """Restore points do not report their repository."""
    appliance = checked((session("s", 20), [item(3)]), repositories=[STANDARD, {**OTHER, **changes}])
    result = facts(appliance.read(*POINTS), "integrity_checked")
    assert result == ({"1": True, "2": True, "3": True, "4": None} if proven else NOTHING)


def test_checks_of_all_possible_repositories() -> None:
    """Each point is in one of two repositories, and both were checked with three points in total."""
    second = session("t", 20, executionStopTime="2026-11-20T05:00:00Z", healthCheckJobInfo={"policyId": "policy-2"})
    both = [(session("s", 20), [item(2)]), (second, [item(1, repository=OTHER)])]
    appliance = checked(*both, repositories=[STANDARD, OTHER])
    assert facts(appliance.read(*POINTS), "checked_at") == {
        "1": "2026-11-20T04:00:00Z",
        "2": "2026-11-20T04:00:00Z",
        "3": "2026-11-20T04:00:00Z",
        "4": None,
    }
    both[1] = (second, [item(1, corrupted=1, repository=OTHER)])
    found = checked(*both, repositories=[STANDARD, OTHER]).read(*POINTS)
    assert facts(found, "integrity_checked", "usable") == dict.fromkeys("1234", (None, None))


def test_repositories_that_cannot_be_read_may_contain_the_points() -> None:
    result = checked((session("s", 20), [item(3)]), repositories=403).read(*POINTS)
    assert facts(result, "integrity_checked") == NOTHING


@pytest.mark.parametrize("tier", ["Archive", "Unknown", None, ["Hot"]], ids=str)
def test_archived_points_are_never_checked(tier: Any) -> None:
    archived = point(2, 18, accessTier=tier)
    result = checked((session("s", 20), [item(3)]), repositories=[STANDARD, ARCHIVE]).read(POINTS[0], archived)
    assert facts(result, "integrity_checked") == {"1": True, "2": None}


def test_snapshots_are_not_checked() -> None:
    snapshot = point(2, 18, backupDestination="Snapshot", state="NotApplicable", isCorrupted=None, accessTier=None)
    result = checked((session("s", 20), [item(1)])).read(POINTS[0], snapshot)
    assert facts(result, "integrity_checked") == {"1": True, "2": None}


def test_the_latest_check_counts() -> None:
    older, later = session("s", 18), session("t", 20, status="Error")
    result = checked((older, [item(1)]), (later, [item(3, status="Error")])).read(*POINTS)
    assert facts(result, "integrity_checked") == NOTHING
    repaired = checked((session("s", 18, status="Error"), [item(1, corrupted=1)]), (session("t", 20), [item(3)]))
    assert facts(repaired.read(*POINTS), "integrity_checked", "usable")["1"] == (True, True)


def test_older_sessions_of_a_policy_are_not_read() -> None:
    """No session before a completely successful one is needed."""
    appliance = checked(
        (session("s", 16, status="Error"), [item(3, corrupted=3)]),
        (session("t", 18), [item(1)]),
        (session("u", 20, status="Error"), [item(3, status="Error", corruptedRestorePoints=0)]),
    )
    appliance.read(*POINTS)
    read = [call.split("/")[4] for call in appliance.calls if "checkedItems" in call]
    assert sorted(read) == ["t", "u"]


# Corrupted points


def test_corrupted_points_marked_by_the_server() -> None:
    """The others are usable, but not proven by the check."""
    marked = (POINTS[0], POINTS[1], point(3, 19, isCorrupted=True, state="Corrupted"), POINTS[3])
    result = checked((session("s", 20, status="Error"), [item(3, corrupted=1)])).read(*marked)
    assert facts(result, "usable") == {"1": True, "2": True, "3": False, "4": True}
    assert facts(result, "integrity_checked") == NOTHING


def test_unmarked_corrupted_points() -> None:
    """Any of them may be damaged, and so may later incremental backups."""
    result = checked((session("s", 20, status="Error"), [item(3, corrupted=1)])).read(*POINTS)
    assert facts(result, "usable", "status", "integrity_checked") == dict.fromkeys("1234", (None, "unknown", None))


def test_a_later_full_backup_does_not_need_the_corrupted_ones() -> None:
    later = (*POINTS, point(5, 21, type="Full"), point(6, 22))
    result = checked((session("s", 20, status="Error"), [item(3, corrupted=1)])).read(*later)
    assert facts(result, "usable") == {"1": None, "2": None, "3": None, "4": None, "5": True, "6": True}


def test_all_points_are_corrupted() -> None:
    result = checked((session("s", 20, status="Error"), [item(3, corrupted=3)])).read(*POINTS)
    assert facts(result, "usable", "status") == {
        "1": (False, "failed"),
        "2": (False, "failed"),
        "3": (False, "failed"),
        "4": (None, "unknown"),
    }


def test_all_points_of_another_repository_are_corrupted() -> None:
    """It is unknown which points it contains, so no point is known to be damaged."""
    appliance = checked((session("s", 20), [item(3, corrupted=3)]), repositories=[STANDARD, OTHER])
    assert set(facts(appliance.read(*POINTS), "usable").values()) == {None}


def test_points_elsewhere_are_not_affected() -> None:
    archived = point(5, 18, accessTier="Archive", type="Full")
    elsewhere = point(6, 18, regionId="r9", regionName="westus", type="Full")
    far = {**OTHER, "regionId": "r9", "regionName": "westus"}
    appliance = checked((session("s", 20), [item(3, corrupted=3)]), repositories=[STANDARD, ARCHIVE, far])
    result = facts(appliance.read(*POINTS[:3], archived, elsewhere), "usable")
    assert result == {"1": False, "2": False, "3": False, "5": True, "6": True}


@pytest.mark.parametrize("status", ["Running", "Canceled", "Unknown", None])
def test_corruption_counts_before_the_check_ends(status: str | None) -> None:
    result = checked((session("s", 20, status="Running"), [item(3, corrupted=1, status=status)])).read(*POINTS)
    assert set(facts(result, "usable").values()) == {None}


def test_corruption_of_a_workload_without_an_id() -> None:
    found = item(3, corrupted=1, resource={"id": None, "name": "erp"})
    result = checked((session("s", 20, status="Error"), [found])).read(*POINTS)
    assert set(facts(result, "usable").values()) == {None}


# Health checks that cannot be read


@pytest.mark.parametrize("status", [400, 403, 404, 500])
def test_sessions_that_cannot_be_read(status: int) -> None:
    result = Appliance(jobSessions=status).read(*POINTS)
    assert facts(result, "integrity_checked", "usable") == dict.fromkeys("1234", (None, True))
    assert any("health checks not available" in warning for warning in result.warnings)


@pytest.mark.parametrize("status", [400, 403, 500])
def test_one_session_of_two_that_cannot_be_read(status: int) -> None:
    """The unreadable session may have found corrupted points after the other one."""
    older = session("s", 20), [item(3)]
    result = checked(older, (session("t", 21, status="Error"), status)).read(*POINTS)
    assert "health check t" in str(result.error)
    other_policy = session("t", 21, healthCheckJobInfo={"policyId": "policy-2"})
    result = checked(older, (other_policy, status)).read(*POINTS)
    assert {one["id"]: one["integrity_checked"] for one in result.points}["point-1"] is True
    assert "health check t" in str(result.error)


@pytest.mark.parametrize("still_listed", [True, False])
def test_a_session_that_is_not_found_is_listed_again(still_listed: bool) -> None:
    appliance = checked((session("s", 20), [item(3)]), (session("t", 21, status="Error"), 404))
    answer = appliance.serve

    def serve(request: Any) -> Any:
        response = answer(request)
        if "checkedItems" in str(request.url) and response.status == 404 and not still_listed:
            del appliance.lists["jobSessions"][1]
        return response

    appliance.serve = serve  # type: ignore[method-assign]
    result = appliance.read(*POINTS)
    assert (result.error is not None) is still_listed


@pytest.mark.parametrize("odd", [None, 7, "text", {}, {"id": None}, {"resource": 5}, {"id": "x", "repository": []}])
def test_malformed_items_are_ignored_or_reported(odd: Any) -> None:
    """An item without an id is omitted, and the result is incomplete."""
    result = checked((session("s", 20), [item(3), odd])).read(*POINTS)
    assert result.error is None or "checked items" in str(result.error)


def test_health_checks_are_not_requested_from_other_versions() -> None:
    appliance = Appliance()
    appliance.read(*POINTS, api_version="v7")
    assert not any("jobSessions" in call for call in appliance.calls)
