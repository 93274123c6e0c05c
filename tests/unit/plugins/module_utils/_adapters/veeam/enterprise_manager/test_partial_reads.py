# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parts that cannot be read: optional parts are omitted with a warning, others are a problem."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.enterprise_manager.adapter import (
    VeeamEnterpriseManager,
)
from ansible_collections.backup.audit.plugins.module_utils._core.errors import AuditError
from tests.simulators.product_api import Call, Response
from tests.simulators.veeam_enterprise_manager.api import VeeamEnterpriseManager as SimulatedManager
from tests.simulators.vendor_estate import build_seed_estate
from tests.unit.plugins.module_utils._adapters.veeam.simulated_server import Change, Result, SimulatedServer, status

# Type of workload -> type of the query and its number of points in the sample environment.
TYPES = {
    "vm": "VmRestorePoint",
    "physical": "AgentRestorePoint",
    "vm_replica": "VmReplicaPoint",
    "cloud_vm_replica": "CloudVmReplicaPoint",
}
JOINS = ("BackupFile", "Backup", "Repository", "Replica", "CloudReplica", "CdpReplica", "BackupServer")
REFUSALS = pytest.mark.parametrize("code", [400, 403, 404])


@pytest.fixture(scope="module")
def server() -> SimulatedServer:
    return SimulatedServer(SimulatedManager, VeeamEnterpriseManager)


@pytest.fixture(scope="module")
def complete(server: SimulatedServer) -> Result:
    result = server.read()
    assert not result.problems
    return result


def refuse(kind: str, code: int, *, page: int = 1) -> Change:
    """Refuse queries of one type, from this page on."""

    def change(call: Call, _own: Callable[[], Response]) -> Response | None:
        refused = call.first("type") == kind and int(call.first("page") or 0) >= page
        return Response(code, b'{"Message": "refused"}') if refused else None

    return change


def edit_records(kind: str, action: Callable[[list[Any]], Any]) -> Change:
    """Change the list of records in responses to queries of one type."""

    def change(call: Call, own: Callable[[], Response]) -> Response | None:
        if call.first("type") != kind:
            return None
        response = own()
        document = json.loads(response.body.decode("utf-8-sig"))
        (group,) = [group for group in document["Entities"].values() if group]
        action(next(iter(group.values())))
        response.body = json.dumps(document).encode()
        return response

    return change


def count_by_type(result: Result) -> dict[str, int]:
    return {name: sum(point["workload_type"] == name for point in result.points) for name in TYPES}


@REFUSALS
@pytest.mark.parametrize("workload_type", TYPES)
def test_a_rejected_type_is_omitted_with_a_warning(
    server: SimulatedServer, complete: Result, workload_type: str, code: int
) -> None:
    result = server.read(refuse(TYPES[workload_type], code))
    assert not result.problems
    assert count_by_type(result) == {**count_by_type(complete), workload_type: 0}
    assert result.scope[workload_type] is False
    # Accounts without permission for a type are restore operators or portal users.
    assert result.warned("the account is restricted") is (code == 403)
    assert result.warned(f"restore points of type {workload_type} could not be read, so they are not included")


@REFUSALS
def test_a_read_without_any_type_fails(server: SimulatedServer, code: int) -> None:
    refused = [refuse(kind, code) for kind in TYPES.values()]
    with pytest.raises(AuditError, match=f"HTTP {code}"):
        server.read(*refused)
    with pytest.raises(AuditError, match=f"HTTP {code}"):
        server.read(refuse("VmRestorePoint", code), workload_types=["vm"])


@pytest.mark.parametrize("workload_type", TYPES)
def test_a_type_with_server_errors_is_a_problem(server: SimulatedServer, complete: Result, workload_type: str) -> None:
    result = server.read(refuse(TYPES[workload_type], 500))
    assert [problem.message for problem in result.problems] == [
        f"restore points of type {workload_type} could not be read: the server failed or is still starting (HTTP 500)"
    ]
    assert count_by_type(result) == {**count_by_type(complete), workload_type: 0}
    assert result.data["complete"] is False


@pytest.mark.parametrize("code", [400, 403, 404, 500])
def test_a_partially_read_type_is_a_problem(server: SimulatedServer, complete: Result, code: int) -> None:
    """Only a rejected first page means that the type is not available."""
    result = server.read(refuse("VmRestorePoint", code, page=2), page_size=10)
    assert ["restore points of type vm could not be read" in str(problem) for problem in result.problems] == [True]
    assert {**count_by_type(result), "vm": 0} == {**count_by_type(complete), "vm": 0}


@pytest.mark.parametrize("code", [400, 403, 404, 500])
@pytest.mark.parametrize("kind", JOINS)
def test_joined_records_are_optional(server: SimulatedServer, complete: Result, kind: str, code: int) -> None:
    result = server.read(refuse(kind, code))
    assert not result.problems
    assert {point["id"] for point in result.points} == {point["id"] for point in complete.points}
    assert result.scope[kind] is False
    assert result.warned(f"{kind} could not be read, so values derived from it are unknown")


def test_agents_are_unknown_if_files_cannot_be_read(server: SimulatedServer) -> None:
    """Only the backup distinguishes a reinstalled machine from its predecessor with the same name."""
    result = server.read(refuse("BackupFile", 403))
    agents = [point for point in result.points if point["workload_type"] == "physical"]
    assert {point["usable"] for point in agents} == {None}
    assert {point["usable"] for point in result.points if point["workload_type"] == "vm"} == {True}
    assert result.warned("do not identify their machine")


def test_cdp_replicas_that_cannot_be_listed_are_not_zero(server: SimulatedServer) -> None:
    assert "cdp_replicas" not in server.read(refuse("CdpReplica", 403)).scope


# Single records


@pytest.mark.parametrize("form", ["json", "xml"])
@pytest.mark.parametrize("release", ["12", "13"])
def test_points_without_a_time_are_undated(complete: Result, form: str, release: str) -> None:
    """They are listed but do not count as recovery points, and all other points are unchanged."""
    result = SimulatedServer(SimulatedManager, VeeamEnterpriseManager, undated=True, release=release).read(
        representation=form
    )
    assert not result.problems
    undated = [point for point in result.points if point["created_at"].startswith("1753")]
    assert undated
    assert {point["usable"] for point in undated if point["workload_type"] != "vm_replica"} <= {None, False}
    # Points without a time have no copies.
    assert all(len(point["copies"] or ()) <= 1 for point in undated)
    times = {(point["workload_name"], point["created_at"]) for point in complete.points}
    assert {(p["workload_name"], p["created_at"]) for p in result.points if p not in undated} <= times
    assert result.data["totals"]["undated"] > 0


@pytest.mark.parametrize("kind", TYPES.values())
@pytest.mark.parametrize("time", [None, "", "yesterday", "Sep 20 2016  2:59PM", 7])
def test_a_point_with_an_invalid_time_is_reported(
    server: SimulatedServer, complete: Result, kind: str, time: Any
) -> None:
    ident = ""

    def change(records: list[Any]) -> None:
        nonlocal ident
        records[1]["CreationTimeUTC"] = time
        ident = records[1]["UID"].rpartition(":")[2]

    result = server.read(edit_records(kind, change))
    assert [f"restore point {ident} has no valid CreationTimeUTC" in str(problem) for problem in result.problems] == [
        True
    ]
    known = {point["id"] for point in complete.points}
    assert known - {point["id"] for point in result.points} <= {ident}


@pytest.mark.parametrize("kind", TYPES.values())
@pytest.mark.parametrize("odd", [None, "text", 5, {}], ids=["null", "text", "number", "empty"])
def test_an_entry_that_is_not_a_record_is_a_problem(
    server: SimulatedServer, complete: Result, kind: str, odd: Any
) -> None:
    result = server.read(edit_records(kind, lambda records: records.append(odd)))
    assert ["has neither UID nor Href" in str(problem) for problem in result.problems] == [True]
    assert [point["id"] for point in result.points] == [point["id"] for point in complete.points]


@pytest.mark.parametrize("kind", JOINS)
@pytest.mark.parametrize("odd", [None, "text", 5, {}], ids=["null", "text", "number", "empty"])
def test_a_malformed_entry_of_a_joined_list_is_ignored(
    server: SimulatedServer, complete: Result, kind: str, odd: Any
) -> None:
    result = server.read(edit_records(kind, lambda records: records.append(odd)))
    assert not result.problems
    assert result.points == complete.points
    assert kind == "BackupFile" or result.warned(f"records of {kind} have no id and are ignored")


@pytest.mark.parametrize("kind", JOINS)
def test_a_joined_list_may_be_empty(server: SimulatedServer, complete: Result, kind: str) -> None:
    result = server.read(edit_records(kind, list.clear))
    assert not result.problems
    assert {point["id"] for point in result.points} == {point["id"] for point in complete.points}


def test_a_list_without_a_valid_record_aborts_the_read(server: SimulatedServer) -> None:
    def change(records: list[Any]) -> None:
        records += [{"UID": f"urn:veeam:VmRestorePoint:{number}"} for number in range(200)]

    with pytest.raises(AuditError, match="has no valid CreationTimeUTC"):
        server.read(edit_records("VmRestorePoint", change))


# References instead of records


@pytest.mark.parametrize("form", ["json", "xml"])
@pytest.mark.parametrize("release", ["12", "13"])
def test_references_are_followed(complete: Result, form: str, release: str) -> None:
    """A server may return references regardless of the requested form. Each point is then requested by its id."""
    referring = SimulatedServer(SimulatedManager, VeeamEnterpriseManager, form="reference", release=release)
    result = referring.read(representation=form)
    assert not result.problems
    assert {(point["id"], point["created_at"], point["kind"]) for point in result.points} == {
        (point["id"], point["created_at"], point["kind"]) for point in complete.points
    }
    own = referring.read(representation=form, account="acme", tenant=True)
    requested = SimulatedServer(SimulatedManager, VeeamEnterpriseManager, release=release)
    # References to replicas do not contain the platform.
    unknown = {"platform": None, "vendor_platform": None}
    expected = requested.read(representation=form, account="acme", tenant=True).points
    assert own.points == [{**point, **unknown} for point in expected]


@pytest.mark.parametrize("code", [400, 403, 404, 500])
def test_an_unreadable_reference_is_a_point_without_a_time(complete: Result, code: int) -> None:
    """The server lists it. HTTP 404 means that it was deleted during the read, or that it has no path of its own."""
    referring = SimulatedServer(SimulatedManager, VeeamEnterpriseManager, form="reference")
    result = referring.read(status(code, "/api/cloud/vmReplicaPoints/*", nth=2, body=b"{}"))
    (lost,) = [point for point in result.points if point["created_at"].startswith("1753")]
    assert (lost["workload_type"], lost["usable"]) == ("cloud_vm_replica", None)
    assert lost["workload_name"].startswith("tenant-")
    assert {point["id"] for point in result.points} == {point["id"] for point in complete.points}
    assert [lost["id"] in str(problem) for problem in result.problems] == ([] if code == 404 else [True])
    assert result.warned("the server returns only references")


# Machines without a reference


@pytest.mark.parametrize("detail", ["workloads", "recovery_points"])
def test_machines_without_a_reference_are_unknown(detail: str) -> None:
    """Two machines may have the same name, in one backup or in several."""
    result = SimulatedServer(SimulatedManager, VeeamEnterpriseManager, machine_refs="none").read(detail=detail)
    machines = [row for row in result.data["workloads"] if row["workload_type"] == "vm"]
    assert machines
    assert {row["recovery_points"] for row in machines} == {0}
    # Two machines with this name on two servers, each with its own backup.
    assert len([row for row in machines if row["workload_name"] == "dc-01"]) == 2
    assert result.warned("dc-01")


def test_points_with_one_name_in_two_backups_are_two_machines(server: SimulatedServer) -> None:
    def change(records: list[Any]) -> None:
        for record in records:
            if record["VmDisplayName"] == "web-01":
                record["HierarchyObjRef"] = None

    result = server.read(edit_records("VmRestorePoint", change))
    assert not [point for point in result.points if point["workload_name"] == "web-01" and point["usable"]]
    others = [point for point in result.points if point["workload_type"] == "vm" and point["workload_name"] != "web-01"]
    assert {point["usable"] for point in others} == {True}


def test_two_agents_in_one_run_of_a_job_are_two_machines(server: SimulatedServer) -> None:
    """A run of a job creates one point for each machine."""

    def change(records: list[Any]) -> None:
        first = next(record for record in records if record["Name"].startswith("linbase02"))
        records.append({**first, "UID": "urn:veeam:AgentRestorePoint:other", "CreationTimeUTC": "2026-01-02T03:04:05Z"})

    result = server.read(edit_records("AgentRestorePoint", change))
    usable = {point["usable"] for point in result.points if point["workload_name"] == "linbase02"}
    assert None in usable
    assert {point["usable"] for point in result.points if point["workload_name"] == "desk-finance-7"} == {True}


@pytest.mark.parametrize("form", ["json", "xml"])
@pytest.mark.parametrize("is_followed", [True, False])
def test_the_vendors_example_of_references(form: str, is_followed: bool) -> None:
    """Six points of three machines in two replicas. Without their records, time and state are unknown."""
    server = SimulatedServer(SimulatedManager, VeeamEnterpriseManager, estate=build_seed_estate(), form="reference")
    changes = [] if is_followed else [status(404, "/api/cloud/vmReplicaPoints/*")]
    result = server.read(*changes, representation=form, workload_types=["cloud_vm_replica"])
    assert not result.problems
    rows = {row["workload_id"]: row for row in result.rows()}
    assert {ident: sum(point["workload_id"] == ident for point in result.points) for ident in rows} == {
        "6b2b42d5-3850-421c-93c1-e063f12a2ead/srv39": 2,
        "8393c284-c953-403f-a9b9-cff63e0c6815/srv40": 2,
        "8393c284-c953-403f-a9b9-cff63e0c6815/srv38": 2,
    }
    assert {row["origin"] for row in rows.values()} == {"172.17.53.48"}
    newest = {row["workload_name"]: row.get("newest") for row in rows.values()}
    if is_followed:
        assert newest == {
            "srv38": "2015-12-24T21:03:50Z",
            "srv39": "2015-12-25T20:00:47Z",
            "srv40": "2015-12-27T21:08:13Z",
        }
        assert {point["usable"] for point in result.points} == {True}
    else:
        assert set(newest.values()) == {None}
        assert {point["usable"] for point in result.points} == {None}
        assert result.data["totals"]["undated"] == 6
