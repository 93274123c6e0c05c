# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulated Unitrends manager compared with its ground truth: the catalog, assets, and all other read requests."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime
from typing import Any

import pytest

from tests.schemas.loader import load
from tests.simulators.estate import build_estate
from tests.simulators.ground_truth import as_moment
from tests.simulators.product_api import Call
from tests.simulators.unitrends.api import Unitrends
from tests.unit.simulators.conftest import NOW
from tests.unit.simulators.unitrends.client import Row, UnitrendsClient, epoch, parse_moment

LONG_AGO = "01/01/2020"


@pytest.fixture
def unitrends(ready: dict[str, Any]) -> UnitrendsClient:
    api_client = UnitrendsClient(ready)
    api_client.control("reset", {})
    api_client.log_in()
    return api_client


# The catalog


def test_catalog_without_a_start_covers_seven_days(unitrends: UnitrendsClient) -> None:
    """It starts at local midnight six days ago, and contains failed but not running backups."""
    items = unitrends.items(sid=1)
    assert min(parse_moment(item["start_date"]) for _ignored, item in items) >= "2026-03-03T23:00:00"
    assert "crm-old" in {instance["database_name"] for instance, _ignored in items}
    assert "billing-2019" not in {instance["database_name"] for instance, _ignored in items}
    listed = {row["id"]: row for row in unitrends.backups()}
    assert {item["id"] for _ignored, item in items} < set(listed)
    assert all(listed[item["id"]]["complete"] for _ignored, item in items)
    keywords = {0: "Successful", 1: "Warning", 2: "Failed"}
    assert all(keywords[item["status"]] == listed[item["id"]]["status"] for _ignored, item in items)
    assert {item["status"] for _ignored, item in items} >= {0, 2}
    everything = unitrends.items(sid=1, start_date=LONG_AGO)
    assert {item["id"] for _ignored, item in everything} == {
        number for number, row in listed.items() if row["complete"]
    }


def test_dates_of_a_window_have_the_american_format(unitrends: UnitrendsClient) -> None:
    day = unitrends.items(sid=1, start_date="03/05/2026", end_date="03/05/2026", lang="fr")
    assert {item["start_date"][:10] for _ignored, item in day} == {"05/03/2026"}
    refused = unitrends.call("GET", "/api/catalog/?sid=1&start_date=2026-13-45")
    assert (refused.status_code, refused.json()["result"][0]["message"]) == (500, "Invalid date: 2026-13-45")


def test_numbers_are_text_and_clients_may_have_no_instance(unitrends: UnitrendsClient) -> None:
    instances = {instance["database_name"]: instance for instance, _ignored in unitrends.items(sid=1)}
    assert instances["web-01"]["instance_id"] == str(unitrends.instance("web-01"))
    assert (instances["projects"]["instance_id"], instances["projects"]["client_name"]) == ("", "projects")
    assert (
        unitrends.lists["workloads"][unitrends.workload("projects")["key"]]
        == f"1/c{instances['projects']['client_id']}"
    )


def test_views_omit_fields(unitrends: UnitrendsClient) -> None:
    def first(view: str) -> Row:
        group = unitrends.get("/api/catalog/", sid=1, view=view)["catalog"][0]
        instance = group if view == "instance" else group["instances"][0]
        item: Row = instance["backups"][0]
        return item

    assert "status" not in first("system")
    assert "encrypted" not in first("storage")
    assert {"status", "encrypted", "certified", "legal_hold"} <= set(first("instance"))
    assert not {"verified", "verify_status", "duration"} & set(first("instance"))
    assert first("day")["id"] == first("instance")["id"]
    assert unitrends.call("GET", "/api/catalog/?view=week").status_code == 500


def test_holds(unitrends: UnitrendsClient) -> None:
    def holds() -> set[tuple[bool, str]]:
        return {(item["legal_hold"], item["hold"]) for _ignored, item in unitrends.items(sid=1, start_date=LONG_AGO)}

    assert holds() == {(False, "n/a"), (True, "")}
    unitrends.variant(hold_days=12)
    assert holds() == {(False, "n/a"), (True, "12 days remaining")}


def test_holds_reject_two_thousand_backups() -> None:
    estate = build_estate(7, 90, 30, as_moment(_moment()))
    api = Unitrends(estate)
    token = _token(api)
    for start, has_holds in ((LONG_AGO, False), ("03/09/2026", True)):
        query = [("view", "instance"), ("start_date", start)]
        document = json.loads(api.respond(Call("GET", "/api/catalog/", query, {"AuthToken": token}, b"")).body)
        items = [item for instance in document["catalog"] for item in instance["backups"]]
        assert (len(items) < 2000) is has_holds
        assert ("legal_hold" not in document) is has_holds
        assert all(("hold" in item) is has_holds for item in items)


def _moment() -> datetime:
    return datetime.fromisoformat(NOW.replace("Z", "+00:00"))


def _token(api: Unitrends) -> str:
    login = json.dumps({name: api.credentials()[name] for name in ("username", "password")}).encode()
    return str(json.loads(api.respond(Call("POST", "/api/login", [], {}, login)).body)["auth_token"])


def test_archives(unitrends: UnitrendsClient) -> None:
    """Copies on media, including a second disk at the same site, joined by the number of their backup."""
    truth = {
        (unitrends.lists["points"][point["key"]], copy["location"])
        for work in unitrends.works()
        for point in unitrends.get_points(work)
        for copy in point["copies"][point["kind"] != "archive" :]
        if copy["location"] in ("cloud-vault", "cloud-archive", "berlin-disk-2") and point["kind"] != "archive"
    }
    items = [item for _ignored, item in unitrends.items("archives", start_date=LONG_AGO)]
    joined = {(f"1/{item['orig_backup_id']}", item["storage"]) for item in items if item["storage"] != "cloud-archive"}
    assert joined == truth
    assert {item["storage"] for item in items} == {"cloud-vault", "cloud-archive", "berlin-disk-2"}
    merged = {item["id"] for _ignored, item in unitrends.items("ba", start_date=LONG_AGO) if "set_id" in item}
    assert merged == {item["id"] for item in items}
    # The window applies to the time of the copy, and not to that of the backup.
    copied = items[0]["archive_start_date"]
    assert parse_moment(items[0]["start_date"]) < parse_moment(copied)
    assert [item["id"] for _ignored, item in unitrends.items("a", start_date=copied)] == [items[0]["id"]]


def test_archives_of_other_types(unitrends: UnitrendsClient) -> None:
    """Logs, selected files, replicas and jobs, whose originals are no longer on the appliance."""
    before = unitrends.items("archives", start_date=LONG_AGO)
    points = [point for work in unitrends.works() for point in unitrends.get_points(work)]
    archived = sum(len(point["copies"]) for point in points if point["kind"] == "archive")
    unitrends.variant(archived_types="all")
    items = [item for _ignored, item in unitrends.items("archives", start_date=LONG_AGO)]
    others = ("Transaction", "SQL Transaction", "Selective", "Replica", "System Metadata", "Restore")
    assert Counter(item["type"] for item in items if item["type"] in others) == dict.fromkeys(others, archived)
    assert len(items) == len({item["id"] for item in items}) == len(before) + 6 * archived
    originals = [item["orig_backup_id"] for item in items if item["type"] in others]
    assert len(set(originals)) == 6 * archived
    assert archived
    assert not set(originals) & {row["id"] for row in unitrends.backups()}


def test_replication(unitrends: UnitrendsClient) -> None:
    copies = [item for _ignored, item in unitrends.items("replication", sid=1)]
    assert copies
    assert all(item["remote"] is True and item["storage"] == "frankfurt-disk-1" for item in copies)
    assert not any("remote" in item for _ignored, item in unitrends.items("b", sid=1))
    assert unitrends.items("b", sid=3) == []
    assert all(item["replicated"] for _ignored, item in unitrends.items("b", sid=3, grandclients="true"))


def test_archive_status(unitrends: UnitrendsClient) -> None:
    every = unitrends.call("POST", "/api/archive/status/", json={}).json()["status"]
    ids = [row["id"] for row in every]
    assert sorted(ids, reverse=True) == ids
    chosen = unitrends.call("POST", "/api/archive/status/", json={"archive_ids": ids[:2]}).json()["status"]
    assert [row["id"] for row in chosen] == ids[:2]
    assert unitrends.call("POST", "/api/archive/status/", json={"archive_ids": []}).json() == []


# Assets and systems


def test_assets_are_the_inventory(unitrends: UnitrendsClient) -> None:
    """A client without an application is the asset itself. Assets of other clients are below them."""
    found: set[str] = set()
    for sid in (1, 2):
        for client in unitrends.get("/api/assets/", sid=sid)["data"]:
            leaves = _leaves(client)
            found |= {f"{sid}/{node['id']}" for node in leaves} if client["children"] else {f"{sid}/c{client['id']}"}
    present = {unitrends.lists["workloads"][work["key"]] for work in unitrends.works() if work["in_inventory"]}
    assert found == present
    assert len(unitrends.works()) == len(present) + 1


def _leaves(node: Row) -> list[Row]:
    if not node["children"]:
        return [node]
    return [leaf for child in node["children"] for leaf in _leaves(child)]


def test_selection_of_assets(unitrends: UnitrendsClient) -> None:
    def names(**query: str) -> set[str]:
        clients = unitrends.get("/api/assets/", sid="1", **query)["data"]
        return {leaf["name"] for client in clients for leaf in _leaves(client)}

    assert names(type="hyperv") == {"dc-01"}
    protected = unitrends.get("/api/assets/protected/", sid=1)["data"]
    assert "sandbox-7" in names()
    assert "sandbox-7" not in {leaf["name"] for client in protected for leaf in _leaves(client)}
    assert not any("retention" in leaf for client in protected for leaf in _leaves(client))
    flat = unitrends.get("/api/assets/?sid=1&noESX&include_retention=true")["data"][0]
    assert {node["retention"] for node in flat["children"]} > {"Gold", "Silver", ""}
    grown = unitrends.get("/api/assets/", sid=3, grandclient="true")["data"]
    assert {leaf["name"] for client in grown for leaf in _leaves(client)} >= {"web-01", "erp-prod"}
    assert unitrends.get("/api/assets/", sid=3)["data"] == []


def test_systems(unitrends: UnitrendsClient) -> None:
    systems = unitrends.get("/api/systems/")["appliance"]
    assert [(row["id"], row["role"], row["local"]) for row in systems] == [
        (1, "Backup System", True),
        (2, "Backup System", False),
        (3, "Target", False),
    ]
    more = unitrends.get("//api/systems", include_pending=1, include_rejected=1)["appliance"]
    assert {row["status"] for row in more} == {"accepted", "pending", "rejected"}
    unitrends.variant(remote_status="not available")
    refused = unitrends.post(2, system_id=2)
    assert (refused.status_code, "not available" in refused.text) == (500, True)
    assert {row["system_id"] for row in unitrends.post(None).json()["data"]} == {1, 3}


def test_epochs_in_addition_to_texts(unitrends: UnitrendsClient) -> None:
    instance = unitrends.instance("erp-prod")
    latest = unitrends.get("/api/backups/latest/", sid=1, iid=instance, days=3)["data"]
    truth = unitrends.get_points(unitrends.workload("erp-prod"))[:4]
    assert [row["start_time"] for row in latest] == [epoch(point["created_at"]) for point in truth][: len(latest)]
    assert len(latest) in (3, 4)
    assert all(epoch(parse_moment(row["start_time_string"])) == row["start_time"] for row in latest)
    assert len(unitrends.get("/api/backups/latest/", sid=1, iid=instance)["data"]) == 1
    all_rows = unitrends.get("/api/backups/latest/", sid=1, iid=unitrends.instance("billing-2019"), list=1)["data"]
    assert len(all_rows) == 30
    none = unitrends.call("GET", f"/api/backups/latest/?sid=1&iid={unitrends.instance('sandbox-7')}&days=7")
    assert (none.status_code, none.json()["result"][0]["message"]) == (500, "No Backups were found!")
    jobs = unitrends.get("/api/jobs/history?showFlat=true&sid=1")["data"]
    assert {row["backup_id"]: row["sort_start_time"] for row in jobs} == {
        row["id"]: epoch(parse_moment(row["start_time"])) for row in unitrends.backups()
    } | {row["backup_id"]: row["sort_start_time"] for row in jobs if row["start_time"].startswith("10/26/2025")}


def test_risk(unitrends: UnitrendsClient) -> None:
    newest = int(unitrends.numbers("shop-front")[0].partition("/")[2])
    other = int(unitrends.numbers("web-01")[0].partition("/")[2])
    levels = unitrends.get(f"/api/backups/risk_level/{newest},{other}?sid=1")["data"]
    assert levels[str(newest)] > 0 == levels[str(other)]
    risky = [row["id"] for row in unitrends.get("/api/backups/browser/", sid=1)["data"] if row["at_risk"]]
    assert risky == [newest]


def test_status_by_get(unitrends: UnitrendsClient) -> None:
    rows = unitrends.get("/api/backups/", sid=1)["BackupStatus"]
    assert {row["id"] for row in rows if "id" in row} < {row["id"] for row in unitrends.backups()}
    assert set(unitrends.get("/api/backups/")["BackupStatus"]) == {"ueb-berlin", "ueb-chicago", "ueb-frankfurt"}
    number = unitrends.numbers("billing-2019")[0].partition("/")[2]
    old = unitrends.get("/api/backups/", sid=1, bid=number)["BackupStatus"]
    assert [str(row["id"]) for row in old] == [number]
    (lost,) = unitrends.get("/api/backups/", sid=1, bid=99999)["BackupStatus"]
    assert lost["start_time"] == "unknown"
    copies = unitrends.get("/api/backups/", sid=1, copies=1)["BackupStatus"]
    assert copies
    assert all("sync_status" in row for row in copies)
    details = unitrends.get("/api/backups/details/", sid=1, bid=number)["BackupInfo"]
    assert details[0]["last"] is True
    chain = unitrends.get(f"/api/backups/related/{number}/?sid=1")["data"]
    assert chain[-1]["type"] == "VMware Full"


def test_retention(unitrends: UnitrendsClient) -> None:
    policies = unitrends.get("/api/retention/", sid=1)["data"]
    assert {"Gold", "Platinum", "Keeper"} <= {row["policy_name"] for row in policies}
    one = unitrends.get("/api/retention/", sid=1, instance_id=unitrends.instance("ledger-archive"))["data"]
    assert [(row["policy_name"], row["years"]) for row in one] == [("Keeper", 3)]
    unitrends.variant(strategy="MinMax")
    assert unitrends.get("/api/retention/strategy/", sid=1)["data"]["strategy"] == "MinMax"
    refused = unitrends.call("GET", "/api/retention/?sid=1")
    assert (refused.status_code, "not GFS" in refused.text) == (500, True)


def test_locations(unitrends: UnitrendsClient) -> None:
    places = {row["name"]: row["usage"] for row in unitrends.get("/api/storage/", sid=1)["storage"]}
    assert places["berlin-disk-1"] == "backup"
    assert places["cloud-vault"] == "archive"
    targets = unitrends.get("/api/backup-copy/connected_targets")["data"]
    assert [row["name"] for row in targets] == ["ueb-frankfurt"]
    clients = {row["name"] for row in unitrends.get("/api/clients/", sid=1)["data"]}
    assert {"ueb-berlin", "vcenter-berlin", "projects"} <= clients
    assert unitrends.get("/api/summary/current", sid=1)["data"]["backup"]["running"] == 1


# Formats

SCHEMA = load("unitrends", "10")


@pytest.mark.parametrize(
    ("method", "path", "get_response"),
    [
        ("POST", "/api/backups/", lambda api_client: api_client.post(None).json()),
        (
            "GET",
            "/api/catalog/",
            lambda api_client: api_client.get("/api/catalog/", view="instance", start_date=LONG_AGO),
        ),
        (
            "GET",
            "/api/backups/latest/",
            lambda api_client: api_client.get("/api/backups/latest/", sid=1, iid=api_client.instance("web-01")),
        ),
        ("GET", "/api/date-time/", lambda api_client: api_client.get("/api/date-time/")),
        ("GET", "/api/systems/", lambda api_client: api_client.get("/api/systems/")),
    ],
)
def test_responses_follow_the_schema(unitrends: UnitrendsClient, method: str, path: str, get_response: Any) -> None:
    response = get_response(unitrends)
    assert SCHEMA.problems(method, path, 200, response) == []
    assert [] not in response.values()


def test_machine_follows_the_schema(unitrends: UnitrendsClient) -> None:
    """Rows of jobs and copies differ. Rows of a machine's backups have exactly these fields."""
    rows = unitrends.rows(instance_id=unitrends.instance("web-01"), type=["vmware full"])
    assert rows
    for row in rows:
        assert SCHEMA.document_problems("machine", row) == []
    for wrong in ({"legal_hold": False}, {"id": str(rows[0]["id"])}, {"size": None}):
        assert SCHEMA.document_problems("machine", {**rows[0], **wrong}) != []


def test_log_in_follows_the_schema(unitrends: UnitrendsClient) -> None:
    assert SCHEMA.problems("POST", "/api/login", 201, unitrends.log_in()) == []
