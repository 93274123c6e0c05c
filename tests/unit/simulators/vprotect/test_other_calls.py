# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulated vProtect server compared with its ground truth: sessions, permissions, entities, policies, rules."""

from __future__ import annotations

from typing import Any

import pytest

from tests.samples import read
from tests.schemas.loader import load
from tests.unit.simulators.client import milliseconds
from tests.unit.simulators.vprotect.client import BACKUPS, Row, VprotectClient, enum_name, points

LISTS = {"virtual-machines": "vm", "applications": "database", "storages": "file_share"}


@pytest.fixture
def vprotect(ready: dict[str, Any]) -> VprotectClient:
    api_client = VprotectClient(ready)
    api_client.control("reset", {})
    api_client.log_in()
    return api_client


# Sessions


def test_session_is_a_cookie(vprotect: VprotectClient) -> None:
    assert [cookie.name for cookie in vprotect.session.cookies] == ["JSESSIONID"]
    assert vprotect.control("sessions") == {"open": 1}
    assert vprotect.call("POST", "/api/session/logout").status_code == 201
    assert vprotect.control("sessions") == {"open": 0}
    refused = vprotect.call("GET", BACKUPS)
    assert (refused.status_code, refused.json()) == (401, {"message": "Unauthorized"})
    vprotect.variant(empty_401=True)
    assert vprotect.call("GET", BACKUPS).content == b""


@pytest.mark.parametrize("status", [200, 201, 204])
def test_login_success_in_several_formats(vprotect: VprotectClient, status: int) -> None:
    vprotect.variant(login_status=status, cookie_name="quarkus-credential")
    response = vprotect.log_in()
    assert response.status_code == status
    assert bool(response.content) is (status != 204)
    assert vprotect.get("/api/session/user")["requester"]["name"] == vprotect.entry["username"]


def test_login_response_contains_secrets(vprotect: VprotectClient) -> None:
    assert vprotect.log_in().json()["endpointsTokens"]["endpointsServerManagerToken"]


@pytest.mark.parametrize("status", [400, 401])
def test_wrong_password(vprotect: VprotectClient, status: int) -> None:
    vprotect.variant(login_failure=status)
    refused = vprotect.try_log_in(vprotect.entry["username"], "wrong")
    assert (refused.status_code, refused.json()) == (status, {"message": "Invalid login or password"})
    assert "Set-Cookie" not in refused.headers


def test_login_requires_json_and_its_field_names(vprotect: VprotectClient) -> None:
    login, password = vprotect.entry["username"], vprotect.entry["password"]
    form = vprotect.call("POST", "/api/session/login", data={"login": login, "password": password})
    assert form.status_code == 415
    wrong_name = vprotect.call("POST", "/api/session/login", json={"username": login, "password": password})
    assert (wrong_name.status_code, wrong_name.json()["message"]) == (400, "login must not be null")
    broken = vprotect.call("POST", "/api/session/login", data="{", headers={"Content-Type": "application/json"})
    assert broken.status_code == 400


def test_session_expires(vprotect: VprotectClient) -> None:
    vprotect.variant(session_calls=2)
    assert [vprotect.call("GET", "/api/nodes").status_code for _ignored in range(3)] == [200, 200, 401]
    vprotect.log_in()
    assert vprotect.call("GET", "/api/nodes").status_code == 200
    vprotect.session.cookies.clear()
    assert vprotect.call("GET", "/api/session").status_code == 204


def test_objects_without_permission_are_silently_omitted(vprotect: VprotectClient) -> None:
    all_rows, machines = vprotect.get(BACKUPS), vprotect.get("/api/virtual-machines")
    first = points(vprotect.list_backups("erp-prod"))[0]["guid"]
    vprotect.log_in("restricted")
    seen = vprotect.call("GET", BACKUPS)
    assert seen.headers["X-Total-Count"] == str(len(seen.json()))
    assert 0 < len(seen.json()) < len(all_rows)
    assert {row["backupRule"]["name"] for row in seen.json()} == {"Gold"}
    assert 0 < len(vprotect.get("/api/virtual-machines")) < len(machines)
    assert vprotect.list_backups("erp-prod") == []
    assert vprotect.get("/api/backup-locations", **{"protected-entity": vprotect.guid("erp-prod")}) == []
    assert vprotect.call("GET", f"/api/backups/{first}").status_code == 404
    assert vprotect.get(f"/api/backups/for-restore/{first}")["guid"] == first
    assert vprotect.get("/api/backup-locations/for-restore", **{"protected-entity": vprotect.guid("erp-prod")})


def test_writing_is_rejected(vprotect: VprotectClient) -> None:
    guid = points(vprotect.list_backups("web-01"))[0]["guid"]
    for path in (f"/api/backups/{guid}/description", f"/api/backups/{guid}/warnings-acknowledged", BACKUPS):
        assert vprotect.call("PUT", path, json={}).status_code in (404, 405)
    assert vprotect.call("GET", "/api/nothing").json() == {"message": "Nothing is found at /api/nothing."}


# Entities


def test_entities_are_the_workloads(vprotect: VprotectClient) -> None:
    for name, kind in LISTS.items():
        rows = {row["guid"]: row for row in vprotect.get(f"/api/{name}")}
        works = {vprotect.lists["workloads"][work["key"]]: work for work in vprotect.works(kind)}
        assert set(rows) == set(works)
        for guid, row in rows.items():
            assert (row["name"], row["present"]) == (works[guid]["name"], works[guid]["in_inventory"])
            assert ("backupUpToDate" in row) is works[guid]["protected"]
    every = vprotect.get("/api/protected-entities")
    assert {row["guid"] for row in every} == set(vprotect.lists["workloads"].values())
    assert "OS_AGENT" in {enum_name(row["type"]) for row in every}


def test_backup_fields_of_an_entity(vprotect: VprotectClient) -> None:
    rows = {row["name"]: row for row in vprotect.get("/api/virtual-machines") if row["name"] != "dc-01"}
    newest = vprotect.true_points("web-01")[0]
    assert rows["web-01"]["lastBackup"] == milliseconds(newest["created_at"])
    assert rows["web-01"]["lastSuccessfulBackupSize"] == newest["size_bytes"]
    assert (rows["web-01"]["backupUpToDate"], rows["crm-old"]["backupUpToDate"]) == (True, False)
    assert not {"lastBackup", "backupUpToDate", "vmBackupPolicy"} & set(rows["sandbox-7"])
    assert rows["sandbox-7"]["restorable"] is False
    # An attempt, and not a completed backup.
    assert rows["batch-night"]["lastBackup"] == milliseconds(vprotect.true_points("batch-night")[0]["created_at"])


def test_selection_of_machines(vprotect: VprotectClient) -> None:
    machines = vprotect.get("/api/virtual-machines")
    names = [row["name"] for row in machines]
    assert names == sorted(names, key=str.casefold)
    assert [row["name"] for row in vprotect.get("/api/virtual-machines", direction="desc")] == names[::-1]
    assert len(vprotect.get("/api/virtual-machines", nameLike="DC-01")) == 2
    one = vprotect.get("/api/virtual-machines", uuid=machines[0]["uuid"])
    assert one == [machines[0]]
    assert vprotect.get(f"/api/virtual-machines/{machines[0]['guid']}") == machines[0]
    states = [
        vprotect.get("/api/virtual-machines", backupStatus=s) for s in ("IS_PROTECTED", "NOT_PROTECTED", "NO_SCHEDULE")
    ]
    assert [row["name"] for row in states[2]] == ["billing-2019", "sandbox-7"]
    assert sum(map(len, states)) == len(machines)
    counts = vprotect.get("/api/dashboard/protection")["vm"]
    assert list(counts.values()) == [len(part) for part in states]
    page = vprotect.call("GET", "/api/virtual-machines", params={"page": 1, "size": 4})
    assert (page.json(), page.headers["X-Total-Count"]) == (machines[4:8], str(len(machines)))


def test_deleted_workloads(vprotect: VprotectClient) -> None:
    guid = vprotect.guid("billing-2019")
    vprotect.variant(deleted_entities="gone")
    assert guid not in {row["guid"] for row in vprotect.get("/api/protected-entities")}
    left = [row for row in vprotect.get(BACKUPS) if "protectedEntity" not in row]
    assert len(points(left)) == 30
    assert {row["sourceNameAndGuid"] for row in left} == {f"billing-2019 ({guid})"}


def test_snapshots_are_not_backups(vprotect: VprotectClient) -> None:
    truth = [
        milliseconds(point["created_at"])
        for work in vprotect.truth["workloads"]
        for point in work["points"]
        if point["kind"] == "snapshot" and work["key"] in vprotect.lists["workloads"]
    ]
    assert sorted(row["snapshotTime"] for row in vprotect.get("/api/snapshots")) == sorted(truth)
    assert vprotect.list_backups("edge-cache") == []


# Policies and rules


def rules_by_name(vprotect: VprotectClient, kind: str) -> dict[str, Row]:
    policies = vprotect.get(f"/api/policies/{kind}")
    return {row["name"]: vprotect.get(f"/api/rules/{kind}/{row['rules'][0]['guid']}") for row in policies}


def test_rules_have_the_locks(vprotect: VprotectClient) -> None:
    """A lock is reported for a destination of the current rule, never for a backup."""
    rules = rules_by_name(vprotect, "vm-backup")
    locks = {
        name: {
            enum_name(place["roleType"]): place["daysToKeepRetentionLock"] for place in rule["ruleBackupDestinations"]
        }
        for name, rule in rules.items()
    }
    assert locks["Platinum"] == {"PRIMARY": 0, "SECONDARY": 0, "ARCHIVE": 30}
    assert locks["Keeper"] == {"PRIMARY": 0, "ARCHIVE": 365}
    assert set(locks["Silver"].values()) == {0}
    by_rule = {row["backupRule"]["guid"] for row in vprotect.get(BACKUPS, **{"protected-entity-type": "VM"})}
    assert by_rule <= {rule["guid"] for rule in rules.values()}
    vprotect.variant(rule_lock="removed")
    assert not any(
        place["daysToKeepRetentionLock"]
        for rule in rules_by_name(vprotect, "vm-backup").values()
        for place in rule["ruleBackupDestinations"]
    )


def test_other_types_of_rules(vprotect: VprotectClient) -> None:
    assert set(rules_by_name(vprotect, "app-backup")) == {"Orders", "Documents"}
    assert set(rules_by_name(vprotect, "storage-backup")) == {"Files"}
    assert set(rules_by_name(vprotect, "os-backup")) == {"Machines"}
    guid = next(iter(rules_by_name(vprotect, "app-backup").values()))["guid"]
    assert vprotect.call("GET", f"/api/rules/vm-backup/{guid}").status_code == 404
    assert vprotect.call("GET", "/api/policies/no-such").status_code == 404
    plain = vprotect.get("/api/policies/storage-backup")[0]
    extended = vprotect.get("/api/policies/storage-backup", extended="true")[0]
    assert set(extended) - set(plain) == {"backupDestinations"}
    assert "ruleBackupDestinations" in vprotect.get("/api/policies/vm-backup", extended="true")[0]
    only = vprotect.get("/api/policies/vm-backup", **{"virtual-machine": vprotect.guid("mail-01")})
    assert [row["name"] for row in only] == ["Mail"]


def test_destinations(vprotect: VprotectClient) -> None:
    places = {row["name"]: row for row in vprotect.get("/api/backup-destinations")}
    assert (places["berlin-disk-1"]["encryptionEnabled"], enum_name(places["berlin-disk-1"]["type"])) == (
        False,
        "FILESYSTEM",
    )
    vault = places["cloud-vault-encrypted"]
    assert (vault["encryptionEnabled"], enum_name(vault["type"])) == (True, "S3")
    used = {place["backupDestination"]["guid"] for row in vprotect.get(BACKUPS) for place in row["backupLocations"]}
    assert used <= {row["guid"] for row in places.values()}


def test_other_lists(vprotect: VprotectClient) -> None:
    (node,) = vprotect.get("/api/nodes")
    assert (node["version"], enum_name(node["state"])) == ("7.4.0-27", "RUNNING")
    (task,) = vprotect.get("/api/tasks", states=["RUNNING", "QUEUED"])
    assert task["backup"]["guid"] == vprotect.list_backups("batch-night", status="INPROGRESS")[0]["guid"]
    assert vprotect.get("/api/tasks", state="FINISHED") == []
    schedules = vprotect.get("/api/schedules", **{"protected-entity": vprotect.guid("mail-01")})
    assert [row["hour"] for row in schedules] == [23 * 3_600_000]
    plans = {row["name"] for row in vprotect.get("/api/policies/recovery-plan")}
    assert plans == {"Test of Platinum", "Test of Orders", "Test of Documents"}


@pytest.mark.parametrize(
    "path",
    ["/api/nodes", "/api/protected-entities", "/api/snapshots", "/api/tasks", "/api/backup-locations"],
)
def test_responses_follow_the_schema(vprotect: VprotectClient, path: str) -> None:
    rows = vprotect.get(path)
    assert rows
    assert load("vprotect", "7.4").problems("GET", path, 200, rows) == []


def test_an_entity_has_the_fields_of_the_sample(vprotect: VprotectClient) -> None:
    """The schema does not require most of them, because an entity without backups omits them."""
    (sample,) = read("vprotect/entities.yml")
    missing = {"averageProgress", "lastChainMarkedForDeletion"}
    assert set(sample) - missing <= set(vprotect.get("/api/protected-entities")[0])


# Requests of the vendor's user interface, monitoring templates and reports


def made(vprotect: VprotectClient, kind: str = "vm") -> list[dict[str, Any]]:
    """Return the finished points of all workloads of one type, with the name of their workload."""
    return [
        {**point, "name": work["name"]}
        for work in vprotect.works(kind)
        for point in vprotect.get_points(work)
        if point["status"] in ("success", "warning")
    ]


def test_values_of_the_monitoring_template(vprotect: VprotectClient) -> None:
    """Lists whose lengths and states are monitored are read without parameters."""
    rows = vprotect.get(BACKUPS)
    per_status = {status: sum(enum_name(row["status"]) == status for row in rows) for status in ("SUCCESS", "FAILED")}
    truth = [point for work in vprotect.works() for point in vprotect.get_points(work)]
    assert per_status["FAILED"] == sum(point["status"] == "failed" for point in truth)
    assert len(vprotect.get("/api/virtual-machines")) == len(vprotect.works("vm"))
    assert {enum_name(node["state"]) for node in vprotect.get("/api/nodes")} == {"RUNNING"}
    assert len(vprotect.get("/api/tasks")) == sum(point["status"] == "running" for point in truth)
    for row in vprotect.get("/api/backup-destinations"):
        assert 0 <= row["totalUsedSpace"] <= row["totalAvailableSpace"]


def test_hypervisors_and_their_managers(vprotect: VprotectClient) -> None:
    machines = vprotect.get("/api/virtual-machines")
    hosts, managers = vprotect.get("/api/hypervisors"), vprotect.get("/api/hypervisor-managers")
    assert {host["guid"] for host in hosts} == {machine["hypervisor"]["guid"] for machine in machines}
    assert {host["hvManager"]["guid"] for host in hosts} == {manager["guid"] for manager in managers}
    assert {enum_name(manager["type"]) for manager in managers} >= {"VMWARE", "HYPERV"}
    only = vprotect.get("/api/hypervisor-managers", type="HYPERV")
    assert {enum_name(manager["type"]) for manager in only} == {"HYPERV"}
    detailed = vprotect.get("/api/virtual-machines/detailed", filter="web-01")
    assert [row["name"] for row in detailed] == ["web-01"]


def test_projects(vprotect: VprotectClient) -> None:
    machines = vprotect.get("/api/virtual-machines")
    projects = vprotect.get("/api/projects")
    assert {project["name"] for project in projects} == {machine["project"]["name"] for machine in machines}
    parts = [vprotect.get("/api/virtual-machines", **{"project-uuid": project["uuid"]}) for project in projects]
    assert all(parts)
    assert sum(map(len, parts)) == len(machines)


@pytest.mark.parametrize("name", ["mounted-backups", "cloud-sites", "cloud-users", "cloud-groups", "cloud-teams"])
def test_empty_lists(vprotect: VprotectClient, name: str) -> None:
    response = vprotect.call("GET", f"/api/{name}")
    assert (response.status_code, response.json(), response.headers["X-Total-Count"]) == (200, [], "0")


def test_dashboard(vprotect: VprotectClient) -> None:
    truth = [point for work in vprotect.works() for point in vprotect.get_points(work)]
    states = [point["status"] for point in truth]
    stats = vprotect.get("/api/dashboard/backup-stats")
    assert stats["successful"] == states.count("success") + states.count("warning")
    assert (stats["failed"], stats["inProgress"], stats["queued"]) == (
        states.count("failed"),
        states.count("running"),
        0,
    )
    assert isinstance(stats["totalData"], str)
    report = vprotect.get("/api/dashboard/report", protectedEntityType="VM")
    machines = [point for work in vprotect.works("vm") for point in vprotect.get_points(work)]
    assert report["total"] == len(machines)
    web = next(element for element in report["elements"] if element["name"] == "web-01")
    assert web["successful"] == len(vprotect.true_points("web-01"))
    newest = milliseconds(max(point["created_at"] for point in machines))
    assert vprotect.get("/api/dashboard/report", **{"from": newest + 1})["total"] == 0
    (space,) = vprotect.get("/api/dashboard/staging-space")
    assert space["node"]["name"] == vprotect.get("/api/nodes")[0]["name"]
    total = vprotect.get("/api/dashboard/backup-destination-stats")
    assert total["totalUsedSpace"] == sum(row["totalUsedSpace"] for row in vprotect.get("/api/backup-destinations"))


def test_chargeback(vprotect: VprotectClient) -> None:
    """A report that is requested with POST and changes nothing."""
    path = "/api/chargeback-reporting/backup-size/vm"

    def report(**wanted: Any) -> dict[str, int]:
        response = vprotect.call("POST", path, json=wanted)
        assert response.status_code == 200, response.text
        sizes: dict[str, int] = {}
        for row in response.json():
            sizes[row["name"]] = sizes.get(row["name"], 0) + row["size"]
        return sizes

    expected: dict[str, int] = {}
    for point in made(vprotect):
        expected[point["name"]] = expected.get(point["name"], 0) + point["size_bytes"]
    assert report(groupBy="virtual-machine") == expected
    total = sum(expected.values())
    assert sum(report(groupBy="project").values()) == sum(report(groupBy="backup-policy").values()) == total
    one = report(groupBy="virtual-machine", virtualMachineGuids=[vprotect.guid("web-01")])
    assert one == {"web-01": expected["web-01"]}
    assert report(groupBy="project", **{"from": milliseconds(vprotect.truth["now"]) + 1}) == {}
    assert vprotect.call("POST", path, json={"groupBy": "color"}).status_code == 400
    assert vprotect.call("POST", path, data="{").status_code == 400


def test_workflows(vprotect: VprotectClient) -> None:
    (flow,) = vprotect.get("/api/workflow-executions", page=0, size=40)
    assert (flow["name"], enum_name(flow["state"]), enum_name(flow["definitionName"])) == (
        "batch-night",
        "RUNNING",
        "VM_BACKUP",
    )
    vprotect.variant(version="5.1.0-3")
    assert vprotect.get("/api/workflow-executions")[0]["definitionName"] == "VM_BACKUP"
    vprotect.variant(version="5.0.0-1")
    assert vprotect.call("GET", "/api/workflow-executions").status_code == 404


def test_files_in_detail(vprotect: VprotectClient) -> None:
    row = points(vprotect.list_backups("web-01"))[0]
    files = vprotect.get("/api/backup-files", backup=row["guid"])
    for end in ("/detailed", "/detailed/for-restore"):
        assert vprotect.get(f"/api/backup-files{end}", backup=row["guid"]) == files
