# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulated vProtect server compared with its ground truth: backups, their copies, pages and filters."""

from __future__ import annotations

from typing import Any

import pytest

from tests.schemas.loader import load
from tests.unit.simulators.client import milliseconds
from tests.unit.simulators.vprotect.client import BACKUPS, VprotectClient, enum_name, points

STATUS = {"success": "SUCCESS", "warning": "PARTIAL_SUCCESS", "failed": "FAILED", "running": "INPROGRESS"}


@pytest.fixture
def vprotect(ready: dict[str, Any]) -> VprotectClient:
    api_client = VprotectClient(ready)
    api_client.control("reset", {})
    api_client.log_in()
    return api_client


def test_list_matches_the_ground_truth(vprotect: VprotectClient) -> None:
    seen = {row["guid"]: row for row in points(vprotect.get(BACKUPS))}
    expected = {
        vprotect.lists["points"][point["key"]]: (work, point)
        for work in vprotect.works()
        for point in vprotect.get_points(work)
    }
    assert set(seen) == set(expected)
    assert len(expected) > 400
    for guid, row in seen.items():
        work, point = expected[guid]
        assert row["protectedEntity"]["guid"] == vprotect.lists["workloads"][work["key"]]
        assert row["protectedEntity"]["name"] == work["name"]
        assert row["snapshotTime"] == milliseconds(point["created_at"])
        assert row.get("backupTime") == (None if point["completed_at"] is None else milliseconds(point["completed_at"]))
        assert row["size"] == (point["size_bytes"] or 0)
        assert enum_name(row["status"]) == STATUS[point["status"]]
        assert enum_name(row["type"]) == ("INCREMENTAL" if point["kind"] == "incremental" else "FULL")
        assert row["backupRule"]["name"] == point["job"]
        assert None not in row.values()


def test_newest_comes_first(vprotect: VprotectClient) -> None:
    moments = [row["snapshotTime"] for row in vprotect.get(BACKUPS)]
    assert moments == sorted(moments, reverse=True)


def test_copies_are_locations_of_a_backup(vprotect: VprotectClient) -> None:
    rows = points(vprotect.list_backups("erp-prod"))
    for row, point in zip(rows, vprotect.true_points("erp-prod"), strict=True):
        assert [enum_name(place["roleType"]) for place in row["backupLocations"]] == ["PRIMARY", "SECONDARY", "ARCHIVE"]
        names = [place["backupDestination"]["name"] for place in row["backupLocations"]]
        assert names == [f"{copy['location']}-encrypted" for copy in point["copies"]]
        assert {enum_name(place["status"]) for place in row["backupLocations"]} == {"PRESENT"}
    places = vprotect.get("/api/backup-locations", **{"protected-entity": vprotect.guid("erp-prod")})
    present = [place for place in places if enum_name(place["status"]) == "PRESENT"]
    assert len(present) == 3 * len(rows)
    gone = vprotect.get("/api/backup-locations", **{"location-status": "REMOVED"})
    assert gone
    assert {enum_name(place["status"]) for place in gone} == {"REMOVED"}


def test_additional_copies_are_rows(vprotect: VprotectClient) -> None:
    rows = vprotect.list_backups("web-01")
    copies = [row for row in rows if enum_name(row["type"]) == "SYNCHRONIZATION"]
    made = [row for row in rows if enum_name(row["type"]) != "SYNCHRONIZATION" and len(row["backupLocations"]) == 2]
    assert {row["parentBackup"]["guid"] for row in copies} >= {row["guid"] for row in points(made)}
    assert all(row["backupTime"] > row["snapshotTime"] for row in copies)
    vprotect.variant(synchronizations=False)
    assert not vprotect.get(BACKUPS, type="SYNCHRONIZATION")


def test_removed_backups_are_still_listed(vprotect: VprotectClient) -> None:
    gone = [row for row in vprotect.list_backups("web-01") if enum_name(row["status"]) == "SUCCESS_REMOVED"]
    assert len(gone) == 2
    oldest = min(point["created_at"] for point in vprotect.true_points("web-01"))
    assert all(row["snapshotTime"] < milliseconds(oldest) for row in gone)
    assert {enum_name(place["status"]) for row in gone for place in row["backupLocations"]} == {"REMOVED"}
    assert vprotect.list_backups("sandbox-7") == []
    vprotect.variant(removed=0)
    assert not vprotect.get(BACKUPS, status="SUCCESS_REMOVED")


def test_a_damaged_backup_has_no_present_location(vprotect: VprotectClient) -> None:
    rows = points(vprotect.list_backups("mail-01"))
    assert enum_name(rows[0]["status"]) == "SUCCESS"
    assert [{enum_name(place["status"]) for place in row["backupLocations"]} for row in rows] == [{"FAILED"}] + [
        {"PRESENT"}
    ] * (len(rows) - 1)


def test_chains(vprotect: VprotectClient) -> None:
    rows = points(vprotect.list_backups("web-01"))
    by_guid = {row["guid"]: row for row in rows}
    for row in rows:
        assert ("parentBackup" in row) is (enum_name(row["type"]) == "INCREMENTAL")
        if "parentBackup" in row:
            assert by_guid[row["parentBackup"]["guid"]]["snapshotTime"] < row["snapshotTime"]
    full = next(row for row in rows if enum_name(row["type"]) == "FULL")["guid"]
    children = points(vprotect.get(BACKUPS, **{"parent-backup": full}))
    assert [row["parentBackup"]["guid"] for row in children] == [full]
    chain = points(vprotect.get(BACKUPS, **{"root-backup": full}))
    assert full in [row["guid"] for row in chain]
    assert len([row for row in chain if enum_name(row["type"]) == "FULL"]) == 1


def test_unfinished_backups(vprotect: VprotectClient) -> None:
    running = vprotect.list_backups("batch-night")[0]
    assert (enum_name(running["status"]), "backupTime" in running, running["size"]) == ("INPROGRESS", False, 0)
    failed = vprotect.list_backups("lab-3", status="FAILED")
    assert failed
    assert all(row["backupLocations"] == [] and row["statusInfo"] for row in failed)
    warned = vprotect.list_backups("orders", status="PARTIAL_SUCCESS")
    assert all(row["warningsPresent"] and row["warnings"] for row in warned)
    vprotect.variant(unfinished_times=False)
    assert "snapshotTime" not in vprotect.list_backups("batch-night", status="INPROGRESS")[0]


# Pages


def test_pages(vprotect: VprotectClient) -> None:
    all_rows = vprotect.get(BACKUPS)
    first = vprotect.call("GET", BACKUPS, params={"page": 0, "size": 7})
    assert first.headers["X-Total-Count"] == str(len(all_rows))
    assert first.json() == all_rows[:7]
    assert vprotect.get(BACKUPS, page=3, size=7) == all_rows[21:28]
    assert vprotect.get(BACKUPS, page=len(all_rows), size=7) == []
    assert vprotect.get(BACKUPS, page=2) == all_rows
    assert vprotect.call("GET", BACKUPS, params={"page": 0, "size": 0}).status_code == 400
    vprotect.variant(page_cap=5)
    assert vprotect.get(BACKUPS, page=1, size=100) == all_rows[5:10]
    vprotect.variant(page_cap=0, total_count=False)
    assert "X-Total-Count" not in vprotect.call("GET", BACKUPS, params={"page": 0, "size": 7}).headers


def test_unknown_and_empty_parameters_are_accepted(vprotect: VprotectClient) -> None:
    all_rows = vprotect.get(BACKUPS)
    assert vprotect.get(BACKUPS, filter="", orderBy="", direction="null", Whatever="x") == all_rows
    assert vprotect.get(BACKUPS, direction="asc") == all_rows[::-1]
    by_size = vprotect.get(BACKUPS, orderBy="size", direction="desc")
    assert [row["size"] for row in by_size] == sorted((row["size"] for row in all_rows), reverse=True)
    names = [row["protectedEntity"]["name"] for row in vprotect.get(BACKUPS, orderBy="protectedEntity.name")]
    assert names == sorted(names, key=str.casefold)


# Filters


def test_filters(vprotect: VprotectClient) -> None:
    all_rows = vprotect.get(BACKUPS)
    good = vprotect.get(BACKUPS, status=["SUCCESS", "PARTIAL_SUCCESS"])
    assert {enum_name(row["status"]) for row in good} == {"SUCCESS", "PARTIAL_SUCCESS"}
    assert {enum_name(row["type"]) for row in vprotect.get(BACKUPS, type="INCREMENTAL")} == {"INCREMENTAL"}
    kinds = {"VM", "APP", "STORAGE", "OS_AGENT"}
    parts = [vprotect.get(BACKUPS, **{"protected-entity-type": kind}) for kind in sorted(kinds)]
    assert all(parts)
    assert sum(len(part) for part in parts) == len(all_rows)
    large = vprotect.get(BACKUPS, **{"min-size": 10**11})
    assert [row for row in all_rows if row["size"] >= 10**11] == large
    assert {row["protectedEntity"]["name"] for row in vprotect.get(BACKUPS, nameLike="WEB")} == {"web-01", "web-02"}
    rule = vprotect.list_backups("erp-prod")[0]["backupRule"]["guid"]
    assert {row["backupRule"]["name"] for row in vprotect.get(BACKUPS, **{"backup-rule": rule})} == {"Platinum"}
    vault = next(row for row in vprotect.get("/api/backup-destinations") if row["name"].startswith("cloud-vault"))
    there = vprotect.get(BACKUPS, **{"backup-destination": vault["guid"]})
    assert {row["protectedEntity"]["name"] for row in there} == {"erp-prod", "büro-größe-Łódź", "orders"}
    assert vprotect.get(BACKUPS, **{"only-mountable": "true", "protected-entity-type": "APP"}) == []


@pytest.mark.parametrize("query", [{"status": "GOOD"}, {"type": "DIFFERENTIAL"}, {"from": "today"}, {"size": "many"}])
def test_malformed_filters(vprotect: VprotectClient, query: dict[str, str]) -> None:
    refused = vprotect.call("GET", BACKUPS, params=query)
    assert refused.status_code == 400
    assert next(iter(query.values())) in refused.json()["message"]


def test_both_ends_of_a_window_are_inclusive(vprotect: VprotectClient) -> None:
    truth = vprotect.true_points("web-01")
    since, until = milliseconds(truth[3]["created_at"]), milliseconds(truth[1]["created_at"])
    inside = points(vprotect.list_backups("web-01", **{"from": since, "to": until}))
    assert [row["snapshotTime"] for row in inside] == [milliseconds(point["created_at"]) for point in truth[1:4]]
    ends = milliseconds(truth[2]["completed_at"])
    assert points(vprotect.list_backups("web-01", **{"from": ends, "to": ends})) == []
    vprotect.variant(window_clock="backup")
    (found,) = points(vprotect.list_backups("web-01", **{"from": ends, "to": ends}))
    assert found["backupTime"] == ends


def test_filters_of_version_7_4(vprotect: VprotectClient) -> None:
    policies = vprotect.get("/api/policies/vm-backup")
    guids = [row["guid"] for row in policies if row["name"] in ("Gold", "Mail")]
    chosen = vprotect.get(BACKUPS, **{"backup-policy": guids})
    assert {row["backupRule"]["name"] for row in chosen} == {"Gold", "Mail"}
    vprotect.variant(version="7.2.0-3")
    assert len(vprotect.get(BACKUPS, **{"backup-policy": guids})) == len(vprotect.get(BACKUPS))


def test_versions_before_5_0(vprotect: VprotectClient) -> None:
    vprotect.variant(version="4.3.1-2")
    rows = vprotect.get(BACKUPS)
    assert not any("backupLocations" in row for row in rows)
    assert not any(enum_name(row["type"]) == "SYNCHRONIZATION" for row in rows)
    first_only = vprotect.get(BACKUPS, status=["SUCCESS", "PARTIAL_SUCCESS"])
    assert {enum_name(row["status"]) for row in first_only} == {"SUCCESS"}
    assert vprotect.call("GET", "/api/backup-locations").status_code == 404


# Other views of the backups


def test_enumerations_as_text(vprotect: VprotectClient) -> None:
    row = vprotect.list_backups("web-01")[0]
    assert row["status"] == {"name": "SUCCESS", "description": "Success"}
    vprotect.variant(enums="strings")
    plain = vprotect.list_backups("web-01")[0]
    assert (plain["status"], plain["protectedEntity"]["type"]) == ("SUCCESS", "VM")
    assert {place["status"] for place in plain["backupLocations"]} == {"PRESENT"}


def test_synthetic_fulls(vprotect: VprotectClient) -> None:
    vprotect.variant(synthetic=True)
    kinds = [enum_name(row["type"]) for row in points(vprotect.list_backups("web-01"))]
    assert kinds[-1] == "FULL"
    assert set(kinds[:-1]) == {"SYNTHETIC", "INCREMENTAL"}


def test_detailed_grouped_and_single(vprotect: VprotectClient) -> None:
    rows = vprotect.list_backups("web-01")
    query = {"protected-entity": vprotect.guid("web-01")}
    detailed = vprotect.get("/api/backups/detailed", **query)
    assert [row["guid"] for row in detailed] == [row["guid"] for row in rows]
    assert not any("backupTime" in row for row in detailed)
    grouped = vprotect.get("/api/backups/grouped", **query)
    assert sum(row["attempts"] for row in grouped) == len(rows) > len(grouped)
    assert vprotect.get(f"/api/backups/{rows[0]['guid']}") == rows[0]
    missing = vprotect.call("GET", "/api/backups/none")
    assert (missing.status_code, set(missing.json())) == (404, {"message"})


def test_files_have_encryption(vprotect: VprotectClient) -> None:
    for name, encrypted in (("erp-prod", 1), ("mail-01", 0)):
        row = points(vprotect.list_backups(name))[0]
        files = vprotect.get("/api/backup-files", backup=row["guid"])
        assert len(files) == len(row["backupLocations"])
        assert {file["encryption"] for file in files} == {encrypted}


def test_restores_are_listed(vprotect: VprotectClient) -> None:
    truth = {
        vprotect.lists["points"][point["key"]]: milliseconds(point["tested_at"])
        for work in vprotect.works()
        for point in vprotect.get_points(work)
        if point["restore_tested"]
    }
    jobs = vprotect.get("/api/restore-jobs")
    assert {job["backup"]["guid"]: job["restoreTime"] for job in jobs} == truth
    one = vprotect.get("/api/restore-jobs", **{"protected-entity": vprotect.guid("orders")})
    assert 0 < len(one) < len(jobs)
    newest = jobs[0]["restoreTime"]
    assert all(job["restoreTime"] == newest for job in vprotect.get("/api/restore-jobs", **{"from": newest}))


def test_backups_follow_the_schema(vprotect: VprotectClient) -> None:
    """Tests every backup with its locations. Optional fields occur at least once."""
    schema, rows = load("vprotect", "7.4"), vprotect.get(BACKUPS)
    assert schema.problems("GET", BACKUPS, 200, rows) == []
    assert {"backupTime", "parentBackup", "statusInfo", "warnings", "archiveExpire"} <= {
        name for row in rows for name in row
    }
    assert any("statusInfo" in place for row in rows for place in row["backupLocations"])
    for wrong in ({"snapshottime": 1}, {"size": "1"}, {"status": "SUCCESS"}, {"parentBackup": None}):
        assert schema.problems("GET", BACKUPS, 200, [{**rows[0], **wrong}]) != []
