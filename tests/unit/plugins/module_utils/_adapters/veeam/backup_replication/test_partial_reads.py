# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parts that cannot be read: optional parts give a warning, one object of many is a problem."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.backup_replication.adapter import (
    VeeamBackupReplication,
)
from ansible_collections.backup.audit.plugins.module_utils._core.errors import AuditError
from tests.simulators.veeam_backup_replication.api import VeeamBackupReplication as SimulatedVbr
from tests.unit.plugins.module_utils._adapters.veeam.simulated_server import Result, SimulatedServer, edit, status

ROOT = "/api/v1"
BY_OBJECT = f"{ROOT}/backupObjects/*/restorePoints"
SIDE_LISTINGS = {
    "repositories": f"{ROOT}/backupInfrastructure/repositories",
    "scale_out_repositories": f"{ROOT}/backupInfrastructure/scaleOutRepositories",
    "jobs": f"{ROOT}/jobs",
    "backups": f"{ROOT}/backups",
    "scans": f"{ROOT}/taskSessions",
}
CODES = pytest.mark.parametrize("code", [400, 403, 404, 500])
SIDES = pytest.mark.parametrize(("name", "path"), SIDE_LISTINGS.items(), ids=list(SIDE_LISTINGS))
ODD = pytest.mark.parametrize("odd", [None, "text", 5, {}, {"id": None}], ids=["null", "text", "5", "empty", "no id"])


@pytest.fixture(scope="module")
def server() -> SimulatedServer:
    return SimulatedServer(SimulatedVbr, VeeamBackupReplication)


@pytest.fixture(scope="module")
def complete(server: SimulatedServer) -> Result:
    result = server.read()
    assert not result.problems
    return result


def idents(result: Result, name: str | None = None) -> set[str]:
    """Return the ids of all points, or those of workloads with this name."""
    return {point["id"] for point in result.points if name in (None, point["workload_name"])}


def moments(result: Result) -> set[tuple[str, str]]:
    """Return the times of all points. Which of two copies provides the id of the point depends on their backups."""
    return {(point["workload_id"], point["created_at"]) for point in result.points}


def names(result: Result) -> set[str]:
    return {row["workload_name"] for row in result.rows() if row.get("workload_id")}


# One object of many


@pytest.mark.parametrize("release", ["12.0", "12.3.1", "13.0", "13.1"])
@pytest.mark.parametrize("code", [400, 403, 500])
def test_one_failed_object_is_reported(release: str, code: int) -> None:
    """All other objects are read, and its points are not treated as points without an object."""
    server = SimulatedServer(SimulatedVbr, VeeamBackupReplication, release=release)
    expected = server.read(workload_names=["*"])
    calls = [call for call in expected.calls if call.path.endswith("/restorePoints") and "Objects/" in call.path]
    failing = calls[4].path
    result = server.read(status(code, failing), workload_names=["*"])
    assert result.data["complete"] is False
    (problem,) = result.problems
    lost = [row for row in expected.rows() if row.get("workload_id") == failing.split("/")[4]]
    assert [row["workload_name"] for row in lost] == [problem.message.split("'")[1]]
    assert f"(HTTP {code})" in problem.message
    assert failing in str(problem)
    missing = {point["id"] for point in expected.points if point["workload_id"] == lost[0]["workload_id"]}
    assert missing
    assert idents(result) == idents(expected) - missing


@CODES
def test_an_object_of_the_full_listing_that_fails(server: SimulatedServer, complete: Result, code: int) -> None:
    """Only some objects are requested by id. After HTTP 404 the object is listed again and read."""
    result = server.read(status(code, BY_OBJECT, nth=2))
    assert len(result.problems) == (code != 404)
    assert all("workload_id" in row for row in result.rows())
    assert (idents(result) == idents(complete)) is (code == 404)


def test_an_object_that_is_still_listed_is_reported_as_missing(server: SimulatedServer) -> None:
    """The request is repeated once if the server lists an object and returns HTTP 404 for it."""
    path = next(call.path for call in server.read().calls if "backupObjects/" in call.path)
    result = server.read(status(404, path))
    (problem,) = result.problems
    assert "restore points of " in problem.message
    assert "(HTTP 404)" in problem.message


def test_an_object_that_was_deleted_during_the_read_is_not_missing(server: SimulatedServer, complete: Result) -> None:
    path = next(call.path for call in server.read(workload_names=["web-01"]).calls if "backupObjects/" in call.path)
    ident = path.split("/")[4]
    listings: list[int] = []

    def delete(document: dict[str, Any]) -> None:
        listings.append(1)
        if len(listings) > 1:
            document["data"] = [row for row in document["data"] if row["id"] != ident]
            document["pagination"]["total"] = document["pagination"]["count"] = len(document["data"])

    result = server.read(status(404, path), edit(f"{ROOT}/backupObjects", delete), workload_names=["*"])
    assert not result.problems
    assert result.warned("1 backup object was deleted during the read: web-01")
    assert names(result) == names(complete) - {"web-01"}


@CODES
def test_a_list_of_objects_that_cannot_be_read_again(server: SimulatedServer, code: int) -> None:
    """The object with HTTP 404 may still exist."""
    path = next(call.path for call in server.read(workload_names=["web-01"]).calls if "backupObjects/" in call.path)
    listing = status(code, f"{ROOT}/backupObjects", nth=2)
    (problem,) = server.read(status(404, path), listing, workload_names=["web-01"]).problems
    assert "restore points of 'web-01' could not be read" in problem.message


@CODES
def test_pages_that_were_read_are_kept(server: SimulatedServer, complete: Result, code: int) -> None:
    """The first page shows that the listing is available."""
    for path, name in ((f"{ROOT}/backupObjects", "some backup objects"), (f"{ROOT}/replicaPoints", "replicas")):
        result = server.read(status(code, path, nth=2), page_size=3)
        (problem,) = result.problems
        assert problem.message.startswith(f"{name} could not be read")
        assert set() < moments(result) < moments(complete)
        assert all("workload_id" in row for row in result.rows())


def test_reading_stops_if_all_objects_fail(server: SimulatedServer) -> None:
    with pytest.raises(AuditError, match="HTTP 503"):
        server.read(status(503, BY_OBJECT), workload_names=["*"])


@pytest.mark.parametrize("release", ["12.3.1", "13.1"])
@pytest.mark.parametrize("time", [None, "", "2026-11-20T23:00:12", "yesterday", 7])
def test_a_point_with_an_invalid_time_is_reported(release: str, time: Any) -> None:
    server = SimulatedServer(SimulatedVbr, VeeamBackupReplication, release=release)
    expected = server.read()
    victim = next(point for point in expected.points if point["workload_name"] == "web-01")

    def change(document: dict[str, Any]) -> None:
        for row in document["data"]:
            if row["id"] == victim["id"]:
                row["creationTime"] = time

    result = server.read(edit("*estorePoints", change))
    assert [f"restore point {victim['id']} has no creationTime" in str(problem) for problem in result.problems] == [
        True
    ]
    assert idents(expected) - idents(result) == {victim["id"]}


def test_a_point_with_the_earliest_time_is_undated(server: SimulatedServer, complete: Result) -> None:
    victims = sorted(idents(complete, "erp-prod"))

    def change(document: dict[str, Any]) -> None:
        for row in document["data"]:
            if row["id"] in victims:
                row["creationTime"] = "0001-01-01T00:00:00"

    result = server.read(edit("*estorePoints", change))
    assert not result.problems
    undated = [point for point in result.points if point["id"] in victims]
    assert len(undated) == len(victims)
    assert {(point["usable"], point["immutable_until"]) for point in undated} == {(None, None)}
    assert True not in {point["immutable"] for point in undated}
    assert result.data["totals"]["undated"] >= len(victims)


@ODD
@pytest.mark.parametrize("path", [f"{ROOT}/backupObjects", BY_OBJECT, f"{ROOT}/replicas", f"{ROOT}/replicaPoints"])
def test_an_entry_of_a_main_listing_that_is_not_a_record_is_a_problem(
    server: SimulatedServer, complete: Result, path: str, odd: Any
) -> None:
    def change(document: dict[str, Any]) -> None:
        document["data"].append(odd)
        document["pagination"]["total"] += 1

    result = server.read(edit(path, change))
    assert result.problems
    assert all("has no id" in str(problem) for problem in result.problems)
    assert idents(result) == idents(complete)


# Secondary listings


@SIDES
@CODES
def test_a_rejected_secondary_listing_is_reported(
    server: SimulatedServer, complete: Result, name: str, path: str, code: int
) -> None:
    result = server.read(status(code, path))
    assert not result.problems
    assert moments(result) == moments(complete)
    assert result.scope[name] is False
    assert result.warned(f"{name.replace('_', ' ')} could not be read")


@SIDES
@ODD
def test_a_malformed_entry_of_a_secondary_listing_is_ignored(
    server: SimulatedServer, complete: Result, name: str, path: str, odd: Any
) -> None:
    def change(document: dict[str, Any]) -> None:
        document["data"].append(odd)
        document["pagination"]["total"] += 1

    result = server.read(edit(path, change))
    assert not result.problems
    assert result.points == complete.points
    assert result.scope[name] is True
    assert result.warned(f"a record of {name.replace('_', ' ')} has no id and is ignored")


@SIDES
@pytest.mark.parametrize("document", [{"data": [], "pagination": {"total": 0}}, {}, [], {"data": None}, {"data": {}}])
def test_a_secondary_listing_may_be_empty_or_invalid(
    server: SimulatedServer, complete: Result, name: str, path: str, document: Any
) -> None:
    result = server.read(edit(path, lambda _own: document))
    assert not result.problems
    assert moments(result) == moments(complete)
    assert result.scope[name] is (document == {"data": [], "pagination": {"total": 0}})


@CODES
@pytest.mark.parametrize("path", [f"{ROOT}/backups/*/backupFiles", f"{ROOT}/serverInfo", f"{ROOT}/serverTime"])
def test_files_and_the_server_itself_are_optional(
    server: SimulatedServer, complete: Result, path: str, code: int
) -> None:
    result = server.read(status(code, path))
    assert not result.problems
    assert idents(result) == idents(complete)
    assert "serverInfo" not in path or "version" not in result.data["server"]
    assert "backupFiles" not in path or result.warned("sizes are unknown for some backups")


@CODES
def test_without_the_full_listing_objects_are_read_one_by_one(
    server: SimulatedServer, complete: Result, code: int
) -> None:
    for pages in ("*", "2"):
        change = status(code, f"{ROOT}/restorePoints", nth=None if pages == "*" else 2)
        result = server.read(change, page_size=20)
        assert not result.problems
        assert idents(result) == idents(complete)
        assert result.warned("those without a backup object are not included")


@CODES
@pytest.mark.parametrize("path", [f"{ROOT}/replicas", f"{ROOT}/replicaPoints"])
def test_rejected_replicas(server: SimulatedServer, complete: Result, path: str, code: int) -> None:
    """A role or a version may not support them. A server that fails for them does."""
    result = server.read(status(code, path))
    assert {point["workload_type"] for point in complete.points} - {
        point["workload_type"] for point in result.points
    } == {"vm_replica"}
    assert len(result.problems) == (code == 500)
    assert result.warned("replicas could not be read") is (code != 500)


@pytest.mark.parametrize("code", [401, 403, 404, 500, 503, 302])
@pytest.mark.parametrize("release", ["12.0", "12.3", "13.1"])
def test_the_page_with_the_revisions_is_optional(release: str, code: int) -> None:
    """Without it, all revisions that the module supports are tried."""
    server = SimulatedServer(SimulatedVbr, VeeamBackupReplication, release=release)
    result = server.read(status(code, "/swagger/index.js"))
    assert result.scope["api_version"] == server.read().scope["api_version"]


# Points whose type is not reported


def test_points_that_may_be_snapshots_are_explained() -> None:
    """Up to 12.2 points have no type. Without repositories, backups and snapshots look the same."""
    for release in ("12.0", "12.1", "12.2"):
        server = SimulatedServer(SimulatedVbr, VeeamBackupReplication, release=release, viewer_repositories=False)
        result = server.read(account="viewer")
        known = {point["workload_type"] for point in result.points if point["usable"]}
        assert known == {"file_share"}
        kinds = {point["kind"] for point in result.points if point["workload_type"] == "vm"}
        assert kinds == {"unknown"}
        assert result.scope["kinds"] is False
        assert result.warned("some restore points have no type")
        readable = server.read()
        assert {point["kind"] for point in readable.points if point["workload_name"] == "web-01"} == {"backup"}
