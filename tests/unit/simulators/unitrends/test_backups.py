# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulated Unitrends manager compared with its ground truth: the list of backups."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from itertools import pairwise
from typing import Any

import pytest

from tests.simulators.estate import build_estate
from tests.simulators.ground_truth import as_moment
from tests.simulators.product_api import Call
from tests.simulators.unitrends.api import Unitrends
from tests.unit.simulators.unitrends.client import UnitrendsClient, epoch, own_backups, parse_moment

WEEK = 7 * 86400


@pytest.fixture
def unitrends(ready: dict[str, Any]) -> UnitrendsClient:
    api_client = UnitrendsClient(ready)
    api_client.control("reset", {})
    api_client.log_in()
    return api_client


def test_list_matches_the_ground_truth(unitrends: UnitrendsClient) -> None:
    seen = {f"{sid}/{row['id']}": row for sid in (1, 2) for row in unitrends.backups(sid)}
    expected = {
        unitrends.lists["points"][point["key"]]: point
        for work in unitrends.works()
        for point in unitrends.get_points(work)
        if point["kind"] != "archive"
    }
    assert set(seen) == set(expected)
    assert len(expected) > 400
    for number, row in seen.items():
        point = expected[number]
        # One hour of last October occurred twice, so the text is ambiguous.
        assert point["created_at"][:19] in {parse_moment(row["start_time"], fold) for fold in (0, 1)}
        assert row["size"] == (point["size_bytes"] or 0) // 2**20
        assert row["encrypted"] is point["encrypted"]
        assert row["complete"] is (point["completed_at"] is not None)
        assert row["legalhold"] is (point["hold"] == "legal")
        assert row["certified"] is point["restore_tested"]
        kind = "Full" if point["kind"] == "full" else "Incremental"
        assert row["type"].split()[-1] == kind


def test_archived_points_are_only_in_the_catalog(unitrends: UnitrendsClient) -> None:
    """The backup is no longer on the appliance, but the archive still reports its number."""
    archived = [
        point for work in unitrends.works() for point in unitrends.get_points(work) if point["kind"] == "archive"
    ]
    items = {
        f"{instance['system_id']}/a{item['id']}": item
        for instance, item in unitrends.items("archives", start_date="01/01/2020")
    }
    listed = {row["id"] for row in unitrends.backups()}
    assert archived
    for point in archived:
        item = items[unitrends.lists["points"][point["key"]]]
        assert parse_moment(item["start_date"]) == point["created_at"][:19]
        assert item["orig_backup_id"] not in listed


def test_states(unitrends: UnitrendsClient) -> None:
    rows = unitrends.backups()

    def newest(name: str) -> dict[str, Any]:
        return next(row for row in rows if name in (row.get("vm_name"), row.get("database_name")))

    running = newest("batch-night")
    assert (running["complete"], running["complete_time"], running["status"]) == (False, None, "Successful")
    assert {row["status"] for row in rows if row.get("vm_name") == "lab-3"} == {"Successful", "Failed"}
    assert {row["status"] for row in rows if row.get("database_name") == "orders"} == {"Successful", "Warning"}
    broken = newest("mail-01")
    assert (broken["status"], broken["verified"], broken["verify_status"]) == ("Successful", False, "Failed")
    assert (newest("crm-old")["verified"], newest("crm-old")["verify_status"]) == (None, "Not Applicable")
    assert {row["verify_status"] for row in rows} == {"Successful", "Failed", "Not Applicable"}
    unitrends.variant(running_status="null")
    assert next(row for row in unitrends.backups() if not row["complete"])["status"] is None


def test_copies_have_the_number_of_their_backup(unitrends: UnitrendsClient) -> None:
    rows = unitrends.rows()
    backups = {row["id"]: row for row in own_backups(rows)}
    copies = [row for row in rows if "sync_status" in row]
    replicated = [
        point
        for work in unitrends.works()
        for point in unitrends.get_points(work)
        if any(copy["location"] == "frankfurt-disk-1" and copy["role"] == "replica" for copy in point["copies"])
    ]
    assert {f"1/{row['id']}" for row in copies} == {unitrends.lists["points"][point["key"]] for point in replicated}
    assert replicated
    for row in copies:
        assert row["type"] == backups[row["id"]]["type"]
        assert "sync_message" not in row
    reported = [row for row in unitrends.rows(sync_msg=1) if "sync_status" in row]
    assert all(row["sync_message"].startswith("Success") for row in reported)


def test_rows_that_are_not_backups(unitrends: UnitrendsClient) -> None:
    others = [row for row in unitrends.rows() if row["type"] in ("Restore", "System Metadata")]
    assert {row["type"] for row in others} == {"Restore", "System Metadata"}
    assert not any("id" in row for row in others)
    types = ["vmware full", "vmware incremental"]
    chosen = unitrends.rows(type=types)
    assert {row["type"] for row in chosen} == {"VMware Full", "VMware Incremental"}
    assert not any("sync_status" in row for row in chosen)
    assert {row["type"] for row in unitrends.rows(type=["securesync vmware full"])} == {"VMware Full"}
    assert unitrends.rows(type=["no such type"]) == []


def test_both_ends_of_a_window_are_inclusive(unitrends: UnitrendsClient) -> None:
    points = unitrends.get_points(unitrends.workload("web-01"))
    moments = [epoch(point["created_at"]) for point in points]
    inside = unitrends.backups(start_time=moments[3], end_time=moments[1], instance_id=unitrends.instance("web-01"))
    assert [f"1/{row['id']}" for row in inside] == unitrends.numbers("web-01")[1:4]
    assert unitrends.rows(start_time=moments[0] + 1, end_time=moments[0]) == []
    now = epoch(unitrends.truth["now"])
    edges = [now - week * WEEK for week in range(60)]
    slices = [unitrends.backups(start_time=older, end_time=newer) for newer, older in pairwise(edges)]
    assert {row["id"] for rows in slices for row in rows} == {row["id"] for row in unitrends.backups()}


def test_other_windows(unitrends: UnitrendsClient) -> None:
    """Windows by local day, by end time, and by elapsed hours."""
    day = unitrends.backups(start_day="03/09/2026", end_day="03/09/2026")
    assert {row["start_time"][:10] for row in day} == {"03/09/2026"}
    assert {row["id"] for row in day} == {
        row["id"] for row in unitrends.backups() if row["start_time"].startswith("03/09")
    }
    point = unitrends.get_points(unitrends.workload("web-01"))[2]
    ended = epoch(point["completed_at"])
    by_end = unitrends.backups(finish_interval_start=ended, finish_interval_end=ended)
    assert unitrends.numbers("web-01")[2] in [f"1/{row['id']}" for row in by_end]
    recent = unitrends.backups(start_hours=12)
    assert recent
    assert all(parse_moment(row["start_time"]) >= "2026-03-10T00:00:00" for row in recent)
    assert not [row for row in unitrends.backups(end_hours=2) if not row["complete"]]


def test_scope_of_filters(unitrends: UnitrendsClient) -> None:
    two = [int(number.partition("/")[2]) for number in unitrends.numbers("erp-prod")[:2]]
    assert [row["id"] for row in unitrends.backups(backup_ids=two)] == two
    client = unitrends.backups(backup_ids=two)[0]["client_id"]
    assert {row["client_name"] for row in unitrends.backups(client_id=client)} == {"vcenter-berlin"}
    assert len(unitrends.rows(unheard_of=1)) == len(unitrends.rows())


def test_names_are_those_of_the_system_in_the_query(unitrends: UnitrendsClient) -> None:
    """The body selects the rows, and the query the names. Without it they belong to clients of another system."""
    right = unitrends.rows(2)
    assert {row["client_name"] for row in right} == {"vcenter-chicago", "ueb-chicago"}
    assert not any("system_id" in row for row in right)
    wrong = unitrends.post(None, system_id=2).json()["data"]
    assert {row["client_name"] for row in wrong} == {"vcenter-berlin", "ueb-berlin"}
    assert {(row["system_id"], row["system_name"]) for row in wrong} == {(2, "ueb-chicago")}
    other_rows = unitrends.post(2, system_id=1).json()["data"]
    assert not any(row["legalhold"] for row in other_rows)
    assert any(row["legalhold"] for row in unitrends.rows(1))


def test_replicated_backups(unitrends: UnitrendsClient) -> None:
    rows = unitrends.rows(3)
    came = [row for row in rows if row["replicated"]]
    assert {row["vm_name"] for row in came if "vm_name" in row} >= {"web-01", "erp-prod"}
    assert not any(row["replicated"] for row in unitrends.rows(3, grandclients=False))
    unitrends.variant(target_managed=False)
    assert unitrends.post(3, system_id=3).status_code == 500


def test_empty_list_proves_nothing(unitrends: UnitrendsClient) -> None:
    """An unsupported filter and an internal failure both return an empty list."""
    for body in ({"start_time": "today"}, {"type": "vmware full"}, {"backup_ids": 200}, {"system_id": 99}):
        response = unitrends.post(1, **body)
        assert (response.status_code, response.text) == (200, "[]")
    unitrends.variant(core_failure="2")
    assert unitrends.rows(2) == []
    assert unitrends.rows(1)


def test_wiki_generation(unitrends: UnitrendsClient) -> None:
    unitrends.variant(generation="wiki")
    rows = own_backups(unitrends.rows(key="backups"))
    first = next(row for row in rows if row.get("vm_name") == "web-01")
    point = unitrends.get_points(unitrends.workload("web-01"))[0]
    local = datetime.strptime(first["start_date_time"], "%m/%d/%Y %I:%M %p")  # noqa: DTZ007 - without a zone
    assert local.strftime("%M") == point["created_at"][14:16]
    assert first["duration"].count(":") == 2
    assert (first["status"], first["replication_status"], first["verify_status"]) == (
        "Success",
        "Completed",
        "Not Applicable",
    )
    assert {"asset_name", "complete_time", "start_time"}.isdisjoint(first)
    assert {row["status"] for row in rows} == {"Success", "Failure", "Warning", "None"}
    share = next(row for row in rows if row["client_name"] == "projects")
    assert (share["instance_name"], "files" in share) == ("file-level", True)


@pytest.mark.parametrize(
    ("language", "looks"), [("en", "03/10/2026 01:"), ("en-gb", "10/03/2026 01:"), ("fr", "10/03/2026 01:")]
)
def test_language(unitrends: UnitrendsClient, language: str, looks: str) -> None:
    """Without a language in the request, the language of the appliance is used."""
    unitrends.variant(language=language)
    instance = unitrends.instance("crm-old")
    newest = unitrends.rows(instance_id=unitrends.instance("dc-01"))[0]["start_time"]
    assert newest.startswith(looks[:10])
    assert newest.endswith("m") is (language == "en")
    reported = unitrends.rows(query="&lang=en", instance_id=instance)[0]["start_time"]
    assert reported[-2:] in ("am", "pm")


def test_php_warning_before_the_response(unitrends: UnitrendsClient) -> None:
    unitrends.variant(php_warning=True)
    response = unitrends.post(1, system_id=1)
    assert (response.status_code, response.headers["Content-Type"]) == (200, "text/html")
    assert response.text.startswith("<br />")


def test_sql_server(unitrends: UnitrendsClient) -> None:
    unitrends.variant(databases="mssql")
    rows = [row for row in unitrends.backups() if row.get("database_name") == "orders"]
    assert {row["type"] for row in rows} == {"SQL Full", "SQL Differential"}


# Local time


def list_backups(
    api: Unitrends, token: str, body: dict[str, Any], query: list[tuple[str, str]]
) -> list[dict[str, Any]]:
    call = Call("POST", "/api/backups/", query, {"AuthToken": token}, json.dumps(body).encode())
    document = json.loads(api.respond(call).body)
    rows: list[dict[str, Any]] = document["data"] if document else []
    return rows


def test_a_repeated_hour() -> None:
    """Backups at 01:00 UTC on the last Sunday of October start at the second 2 o'clock. Epochs are unambiguous."""
    estate = build_estate(7, 20, 30, as_moment(datetime(2026, 11, 1, 12, tzinfo=timezone.utc)))
    api = Unitrends(estate)
    login = json.dumps({"username": "audit", "password": api.credentials()["password"]}).encode()
    token = json.loads(api.respond(Call("POST", "/api/login", [], {}, login)).body)["auth_token"]
    # Clocks were set back at 01:00 UTC.
    back = epoch("2026-10-25T01:00:00")
    folded = list_backups(api, token, {"system_id": 1, "start_time": back, "end_time": back + 3600}, [("sid", "1")])
    before = list_backups(api, token, {"system_id": 1, "start_time": back - 3600, "end_time": back - 1}, [("sid", "1")])
    silver = next(row for row in folded if row.get("vm_name") == "dc-01")
    assert silver["start_time"].startswith("10/25/2026 02:")
    assert (
        parse_moment(silver["start_time"], fold=0) < "2026-10-25T01:00:00" <= parse_moment(silver["start_time"], fold=1)
    )
    assert silver["id"] not in [row.get("id") for row in before]


def test_rows_have_the_time_zone_of_the_responding_system(unitrends: UnitrendsClient) -> None:
    point = unitrends.get_points(next(work for work in unitrends.works() if work["site"] == "chicago"))[0]
    assert parse_moment(unitrends.backups(2)[0]["start_time"]) == point["created_at"][:19]
    assert unitrends.get("/api/date-time/", sid=2)["tz"] == "America/Chicago"
    unitrends.variant(row_zone="own")
    assert parse_moment(unitrends.backups(2)[0]["start_time"]) != point["created_at"][:19]
