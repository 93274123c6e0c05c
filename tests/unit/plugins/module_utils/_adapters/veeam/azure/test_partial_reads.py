# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parts that cannot be read: optional parts give a warning, one object of many is a problem."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.azure.adapter import VeeamAzure
from ansible_collections.backup.audit.plugins.module_utils._core.errors import AuditError
from tests.simulators.veeam_azure.api import VeeamAzure as SimulatedAzure
from tests.unit.plugins.module_utils._adapters.veeam.azure.small_appliance import MACHINE, Appliance, facts, point
from tests.unit.plugins.module_utils._adapters.veeam.simulated_server import Result, SimulatedServer, edit, status

ROOT = "/api/v8"
MACHINES = f"{ROOT}/restorePoints/virtualMachines"
OPTIONAL = {
    f"{ROOT}/restorePoints/sql": "azure_sql",
    f"{ROOT}/restorePoints/fileShares": "azure_files",
    f"{ROOT}/restorePoints/cosmosDb/repository": "azure_cosmos",
    f"{ROOT}/restorePoints/cosmosDb/continuous": "azure_cosmos",
    f"{ROOT}/restorePoints/vnets": "azure_network",
}
SIDE_LISTINGS = {
    f"{ROOT}/repositories": "repositories",
    f"{ROOT}/jobSessions": "health_checks",
    f"{ROOT}/virtualMachines": "inventory",
    f"{ROOT}/databases": "inventory",
}
ODD = pytest.mark.parametrize("odd", [None, "text", 5, [], {}, {"id": None}, {"id": 7, "name": []}], ids=repr)
CODES = pytest.mark.parametrize("code", [400, 403, 404, 500])


@pytest.fixture(scope="module")
def server() -> SimulatedServer:
    return SimulatedServer(SimulatedAzure, VeeamAzure)


@pytest.fixture(scope="module")
def complete(server: SimulatedServer) -> Result:
    result = server.read()
    assert (result.problems, result.warnings) == ([], [])
    return result


def idents(result: Result) -> set[str]:
    return {one["id"] for one in result.points}


def idents_except(result: Result, platform: str) -> set[str]:
    return {one["id"] for one in result.points if one["platform"] != platform}


@pytest.mark.parametrize(("path", "platform"), OPTIONAL.items())
@pytest.mark.parametrize("code", [400, 403, 404])
def test_points_not_supported_by_the_version_or_the_role(
    server: SimulatedServer, complete: Result, path: str, platform: str, code: int
) -> None:
    """All others are read, and a warning names the omitted points. Their workloads are not listed as unprotected."""
    result = server.read(status(code, path))
    assert result.problems == []
    assert result.scope[platform] is False
    assert result.warned(f"restore points ({platform}) are not included")
    assert idents(result) == idents_except(complete, platform)
    assert [row for row in result.rows() if row["platform"] == platform] == []


@pytest.mark.parametrize("path", [*OPTIONAL, MACHINES])
def test_points_that_cannot_be_read_at_the_moment(server: SimulatedServer, complete: Result, path: str) -> None:
    """The rest is read, and the result is incomplete."""
    result = server.read(status(500, path))
    platform = OPTIONAL.get(path, "azure_vm")
    (problem,) = result.problems
    assert problem.message.startswith(f"restore points ({platform}) could not be read")
    assert idents(result) == idents_except(complete, platform)


def test_a_partially_read_listing_of_points(server: SimulatedServer) -> None:
    """Only a listing of which nothing was read is optional."""
    result = server.read(status(403, f"{ROOT}/restorePoints/sql", nth=2), page_size=2)
    assert "restore points (azure_sql)" in result.problems[0].message
    assert result.data["complete"] is False


def test_no_points_at_all(server: SimulatedServer) -> None:
    with pytest.raises(AuditError, match="HTTP 403"):
        server.read(status(403, f"{ROOT}/restorePoints/*"), workload_types=["database", "network"])
    with pytest.raises(AuditError, match="api_version"):
        server.read(status(404, f"{ROOT}/*"), workload_types=["database"])
    with pytest.raises(AuditError, match="api_version"):
        server.read(status(404, f"{ROOT}/*"))


@CODES
@pytest.mark.parametrize(("path", "scope"), SIDE_LISTINGS.items())
def test_secondary_listings(server: SimulatedServer, complete: Result, path: str, scope: str, code: int) -> None:
    """No point is lost, and no attribute improves."""
    result = server.read(status(code, path))
    assert result.problems == []
    assert result.scope[scope] is False
    assert result.warnings
    assert idents(result) == idents(complete)
    before = {one["id"]: one for one in complete.points}
    for one in result.points:
        for name in ("usable", "offsite", "immutable", "encrypted", "integrity_checked", "in_inventory"):
            assert one[name] in (before[one["id"]][name], None)


@CODES
def test_the_version_is_optional(server: SimulatedServer, complete: Result, code: int) -> None:
    result = server.read(status(code, f"{ROOT}/system/about"))
    assert result.problems == []
    assert "version" not in result.data["server"]
    assert idents(result) == idents(complete)


@CODES
def test_names_are_not_sufficient_without_protected_items(server: SimulatedServer, complete: Result, code: int) -> None:
    """A point may belong to a deleted machine with the same name, so each machine is queried."""
    result = server.read(status(code, f"{ROOT}/protectedItem/virtualMachines"))
    assert result.warned("protected items (azure_vm) could not be read")
    before = {one["id"]: one for one in complete.points}
    for one in result.points:
        assert one["workload_id"] in (before[one["id"]]["workload_id"], None)
    gone = [one for one in result.points if one["workload_name"] == "billing-2019"]
    assert {(one["workload_id"], one["usable"]) for one in gone} == {(None, None)}


# One object of many


@CODES
def test_one_machine_of_two_with_the_same_name(server: SimulatedServer, complete: Result, code: int) -> None:
    calls = [call for call in complete.calls if call.path == MACHINES and call.first("VirtualMachineId")]
    assert len(calls) == 3
    lost = str(calls[1].first("VirtualMachineId"))
    result = server.read(status(code, MACHINES, nth=3))
    (problem,) = result.problems
    assert "restore points of 'dc-01' could not be read" in problem.message
    assert f"(HTTP {code})" in problem.message
    assert idents(result) == idents(complete)
    missing = {one["id"] for one in complete.points if one["workload_id"] == lost}
    unknown = {one["id"] for one in result.points if one["workload_id"] is None and one["workload_name"] == "dc-01"}
    assert missing == unknown
    assert {one["usable"] for one in result.points if one["id"] in missing} == {None}


def test_a_machine_that_was_removed_during_the_read(server: SimulatedServer, complete: Result) -> None:
    """It is not found and no longer listed."""
    lost = [str(call.first("VirtualMachineId")) for call in complete.calls if call.first("VirtualMachineId")][1]
    listed: list[str] = []

    def remove(document: Any) -> None:
        listed.append("again")
        if len(listed) > 2:
            document["results"] = [row for row in document["results"] if row["id"] != lost]
            document["totalCount"] = len(document["results"])

    changes = edit(f"{ROOT}/protectedItem/virtualMachines", remove), edit(f"{ROOT}/virtualMachines", remove)
    result = server.read(status(404, MACHINES, nth=3), *changes)
    assert result.problems == []
    assert idents(result) == idents(complete)


def test_the_filter_cannot_be_tested(server: SimulatedServer, complete: Result) -> None:
    result = server.read(status(500, MACHINES, nth=2))
    assert "restore points of single workloads" in result.problems[0].message
    assert idents(result) == idents(complete)


@pytest.mark.parametrize("time", [None, "", "yesterday", 5, "2026-13-45T00:00:00Z"], ids=str)
def test_a_point_with_an_invalid_time_is_undated(time: Any) -> None:
    result = Appliance().read(point(1, 19), point(2, 20, pointInTime=time))
    assert "restore point point-2" in str(result.error)
    undated = {one["id"]: (one["created_at"], one["usable"]) for one in result.points}
    assert undated["point-2"] == ("1970-01-01T00:00:00Z", None)
    assert undated["point-1"][1] is True


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00Z", "1753-01-01T00:00:00Z"])
def test_a_point_with_an_impossible_time_is_undated(time: str) -> None:
    assert facts(Appliance().read(point(1, 19), point(2, 20, pointInTime=time)), "usable") == {"1": True, "2": None}


@ODD
def test_a_point_without_an_id_is_reported(odd: Any) -> None:
    """It is omitted, and the result is incomplete."""
    result = Appliance().read(point(1, 19), odd)
    has_id = isinstance(odd, dict) and odd.get("id")
    assert ("restore point 7" if has_id else "a record of restore points (azure_vm) has no id") in str(result.error)
    assert "point-1" in {one["id"] for one in result.points}


# Malformed entries of secondary listings


@ODD
@pytest.mark.parametrize(("listing", "encrypted"), [("repositories", None), ("jobSessions", True)])
def test_a_malformed_repository_or_session(listing: str, encrypted: bool | None, odd: Any) -> None:
    appliance = Appliance()
    appliance.lists[listing] = [*appliance.lists[listing], odd]
    assert facts(appliance.read(point(1, 19)), "usable", "encrypted") == {"1": (True, encrypted)}


@ODD
@pytest.mark.parametrize("listing", ["protectedItem/virtualMachines", "virtualMachines"])
def test_a_malformed_workload(listing: str, odd: Any) -> None:
    """An entry without id and name may be any machine, so names are not sufficient, but the filter is."""
    appliance = Appliance(**{listing: [MACHINE, odd]})
    result = appliance.read(point(1, 19))
    assert facts(result, "workload_id", "usable") == {"1": ("vm-1", True)}
    has_id = isinstance(odd, dict) and bool(odd.get("id"))
    assert any("listed without an id" in warning for warning in result.warnings) is not has_id


def test_a_machine_without_an_id_may_own_points_of_its_name() -> None:
    """Two machines are named "erp", and one has no id, so names do not distinguish their points."""
    appliance = Appliance(**{"protectedItem/virtualMachines": [MACHINE, {"name": "erp"}]})
    assert facts(appliance.read(point(1, 19)), "workload_id") == {"1": "vm-1"}
    assert any("VirtualMachineId=vm-1" in call for call in appliance.calls)


def test_azure_ids_join_the_listings() -> None:
    """The appliance's own id may be missing in one of them."""
    machine = {**MACHINE, "azureId": "/subscriptions/s/erp"}
    appliance = Appliance(
        **{"protectedItem/virtualMachines": [{**machine, "id": None}], "virtualMachines": [machine]},
    )
    assert facts(appliance.read(point(1, 19)), "workload_id", "in_inventory") == {"1": ("vm-1", True)}


OLD = {**MACHINE, "id": "vm-0", "azureId": "/subscriptions/s/erp"}
NEW = {**MACHINE, "azureId": "/subscriptions/s/erp"}


@pytest.mark.parametrize("protected", [[OLD], [OLD, NEW], [NEW, OLD]], ids=["old", "old, new", "new, old"])
@pytest.mark.parametrize(
    "inventory",
    [[NEW], [{**OLD, "isDeleted": True}, NEW], [NEW, {**OLD, "isDeleted": True}]],
    ids=["new", "old, new", "new, old"],
)
def test_a_machine_that_was_created_again_is_another_workload(protected: Any, inventory: Any) -> None:
    """Both have the same id in Azure. The filter finds the points of each, regardless of the order of the listings."""
    appliance = Appliance(**{"protectedItem/virtualMachines": protected, "virtualMachines": inventory})
    appliance.owners = {"point-1": "vm-0"}
    found = facts(appliance.read(point(1, 18), point(2, 19)), "workload_id", "in_inventory")
    assert found == {"1": ("vm-0", False), "2": ("vm-1", True)}


def test_an_item_without_an_id_may_be_each_of_two_machines() -> None:
    """Whether the older one was deleted is unknown."""
    lists = {"protectedItem/virtualMachines": [OLD, NEW], "virtualMachines": [{**NEW, "id": None}]}
    appliance = Appliance(**lists)
    appliance.owners = {"point-1": "vm-0"}
    result = appliance.read(point(1, 18), point(2, 19))
    assert facts(result, "workload_id", "in_inventory") == {"1": ("vm-0", None), "2": ("vm-1", None)}
    assert any("listed without an id" in warning for warning in result.warnings)


def test_two_databases_with_one_resource_id() -> None:
    """The points of each have its own id."""
    first, second = ({"id": ident, "name": "shop", "resourceId": "/subscriptions/s/shop"} for ident in ("d1", "d2"))
    points = [{**point(number, 19), "databaseId": f"d{number}", "databaseName": "shop"} for number in (1, 2)]
    for listed in ([first, second], [second, first]):
        appliance = Appliance(**{"restorePoints/sql": points, "protectedItem/sql": [first], "databases": listed})
        found = facts(appliance.read(workload_types=["database"]), "workload_id", "in_inventory")
        assert found == {"1": ("d1", True), "2": ("d2", True)}


@pytest.mark.parametrize("machines", [[], 403], ids=str)
def test_two_points_without_a_machine_may_belong_to_different_machines(machines: Any) -> None:
    """Two machines may have had the same name."""
    appliance = Appliance(**{"protectedItem/virtualMachines": [], "virtualMachines": machines})
    result = appliance.read(point(1, 18, vmName="dc"), point(2, 19, vmName="dc"))
    assert facts(result, "workload_name", "workload_id", "usable") == dict.fromkeys("12", ("dc", None, None))
    assert any("only the name" in warning for warning in result.warnings)
