# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read requests of toolkits and monitoring scripts that the module does not need, compared with the environment."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._adapters.unitrends.adapter import Unitrends
from tests.schemas.loader import load
from tests.unit.simulators.unitrends.client import UnitrendsClient, epoch, parse_moment

SCHEMA = load("unitrends", "10")
STATUS = {"success": "Success", "warning": "Warning", "failed": "Failed", "running": "Running"}
CALLS = (
    "joborders",
    "jobs/active",
    "jobs/active/flr",
    "jobs/history",
    "virtual_clients",
    "reports/system/alerts",
    "license",
    "storage",
    "backup-copy/connected_targets",
    "retention/policy",
    "retention/retention-points",
    "archive/sets",
    "archive/media/connected",
)


@pytest.fixture
def unitrends(ready: dict[str, Any]) -> UnitrendsClient:
    api_client = UnitrendsClient(ready)
    api_client.control("reset", {})
    api_client.log_in("monitor")
    return api_client


def listed(unitrends: UnitrendsClient, *sites: str) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Return (workload, point) of these sites for everything in the list of backups, newest first."""
    found = [
        (work, point)
        for work in unitrends.works()
        for point in unitrends.get_points(work)
        if point["kind"] != "archive" and (not sites or work["site"] in sites)
    ]
    return sorted(found, key=lambda pair: str(pair[1]["created_at"]), reverse=True)


@pytest.mark.parametrize("path", CALLS)
def test_responses_follow_the_schema(unitrends: UnitrendsClient, path: str) -> None:
    assert SCHEMA.problems("GET", f"/api/{path}", 200, unitrends.get(f"/api/{path}")) == []


@pytest.mark.parametrize("path", CALLS)
def test_the_module_does_not_send_these_requests(path: str) -> None:
    assert f"/api/{path}" not in [entry.path.rstrip("/") for entry in Unitrends.allowlist]


def test_jobs_have_the_status_of_their_last_run(unitrends: UnitrendsClient) -> None:
    expected: dict[str, str] = {}
    for _work, point in listed(unitrends, "berlin", "frankfurt", "cloud"):
        if point["status"] != "running":
            expected.setdefault(point["job"], STATUS[point["status"]])
    rows = {row["name"]: row for row in unitrends.get("/api/joborders", sid=1)["data"]}
    assert {name: row["last_status"] for name, row in rows.items() if row["last_status"] != "Never"} == expected
    assert {name for name, row in rows.items() if row["status"] == "Running"} == {"Batch"}
    assert {row["sid"] for row in unitrends.get("/api/joborders")["data"]} == {1, 2}


def test_active_jobs_are_the_running_backups(unitrends: UnitrendsClient) -> None:
    running = [(work["name"], point) for work, point in listed(unitrends) if point["status"] == "running"]
    rows = unitrends.get("/api/jobs/active")["data"]
    assert [(row["instance_name"], row["name"]) for row in rows] == [(name, point["job"]) for name, point in running]
    assert [f"{row['sid']}/{row['id']}" for row in rows] == [
        unitrends.lists["points"][point["key"]] for _name, point in running
    ]
    assert unitrends.get("/api/jobs/active/flr")["data"] == []
    assert unitrends.get("/api/virtual_clients")["data"] == {"vm_ir": [], "hv_ir": [], "wir": {"data": []}}


def test_history_has_every_backup_with_its_result(unitrends: UnitrendsClient) -> None:
    jobs = {row["name"]: row for row in unitrends.get("/api/jobs/history", sid=1)["data"]}
    points = [point for _work, point in listed(unitrends, "berlin", "frankfurt", "cloud")]
    expected = Counter((point["job"], STATUS[point["status"]]) for point in points)
    assert Counter((name, row["status"]) for name, job in jobs.items() for row in job["backups"]) == expected
    gold = jobs["Gold"]
    newest = next(point for point in points if point["job"] == "Gold")
    assert (gold["status"], parse_moment(gold["start_date"])) == ("Success", newest["created_at"][:19])
    assert gold["backups"][0]["sort_start_time"] == epoch(newest["created_at"])
    assert all(row["message"] for row in jobs["Lab"]["backups"] if row["status"] == "Failed")


def test_alerts_list_the_last_failures(unitrends: UnitrendsClient) -> None:
    newest: dict[str, tuple[str, dict[str, Any]]] = {}
    for work, point in listed(unitrends):
        if point["completed_at"] is not None:
            newest.setdefault(work["key"], (work["name"], point))
    severities = {"failed": "critical", "warning": "warning"}
    expected = {(severities[point["status"]], name) for name, point in newest.values() if point["status"] in severities}
    rows = unitrends.get("/api/reports/system/alerts")["data"]
    assert {(row["severity"], row["message"].split(" of ")[1].partition(":")[0]) for row in rows} == expected


def test_used_storage_is_the_size_of_its_backups(unitrends: UnitrendsClient) -> None:
    rows = {row["name"]: row for row in unitrends.get("/api/storage")["storage"]}
    assert {name: row["usage"] for name, row in rows.items() if row["sid"] == 1} == {
        "berlin-disk-1": "backup",
        "berlin-disk-2": "backup",
        "cloud-vault": "archive",
        "cloud-archive": "archive",
    }
    for name, row in rows.items():
        used = sum(
            (point["size_bytes"] or 0) // 2**20
            for work in unitrends.works()
            for point in unitrends.get_points(work)
            if name in {copy["location"] for copy in point["copies"]}
        )
        assert (row["mb_used"], row["mb_size"]) == (used, row["mb_used"] + row["mb_free"])


def test_license_counts_protected_assets(unitrends: UnitrendsClient) -> None:
    document = unitrends.get("/api/license", sid=1)
    protected = [work for work in unitrends.works() if work["protected"] and work["site"] != "chicago"]
    assert document["feature_string"].rpartition("=")[2] == str(len(protected))


def test_archive_sets_and_media(unitrends: UnitrendsClient) -> None:
    copies = Counter(item["storage"] for _instance, item in unitrends.items("archives", start_date="01/01/2020"))
    rows = unitrends.get("/api/archive/sets")["sets"]
    assert {row["target"]: row["archives"] for row in rows} == copies
    sets = {item["set_id"] for _instance, item in unitrends.items("archives", start_date="01/01/2020")}
    assert {row["id"] for row in rows} == sets
    assert {row["name"] for row in unitrends.get("/api/archive/media/connected")["media"]} == set(copies)


def test_retention_points(unitrends: UnitrendsClient) -> None:
    instance = unitrends.instance("ledger-archive")
    rows = unitrends.get("/api/retention/retention-points", sid=1, iid=instance)["data"]
    points = [
        point for point in unitrends.get_points(unitrends.workload("ledger-archive")) if point["kind"] != "archive"
    ]
    assert {f"1/{row['id']}": row["gfs_rp_type"].lower().split(", ") for row in rows} == {
        unitrends.lists["points"][point["key"]]: point["retention"] for point in points
    }
    (policy,) = [row for row in unitrends.get("/api/retention/policy", sid=1)["data"] if row["policy_name"] == "Keeper"]
    assert unitrends.get(f"/api/retention/policy/{policy['policy_id']}", sid=1)["data"] == [policy]


def test_platforms_of_the_inventory(unitrends: UnitrendsClient) -> None:
    """Toolkits recognize hypervisors by the type of the client, and machines by their type in the catalog."""
    types = {node["name"]: node["type"] for node in unitrends.get("/api/assets/", sid=1)["data"]}
    assert types["vcenter-berlin"] == "VMware"
    assert set(types.values()) <= {"VMware", "Windows", "Linux", "NAS"}
    apps = {instance["client_name"]: instance["app_type"] for instance, _item in unitrends.items(sid=1)}
    assert (apps["projects"], apps["vcenter-berlin"]) == ("Physical Server", "VMware")


# Variants


def test_an_ignored_language(unitrends: UnitrendsClient) -> None:
    unitrends.variant(language="en-gb", lang="ignored")
    rows = unitrends.rows(query="&lang=en", instance_id=unitrends.instance("dc-01"))
    assert rows[0]["start_time"].startswith("10/03/2026 0")
    assert not rows[0]["start_time"].endswith("m")
    _instance, item = unitrends.items(sid=1, lang="en")[0]
    assert item["start_date"][3:5] == "03"


@pytest.mark.parametrize(("fulls", "statuses"), [("kept", {"Successful"}), ("failed", {"Failed"}), ("gone", set())])
def test_failed_and_missing_full_backups(unitrends: UnitrendsClient, fulls: str, statuses: set[str]) -> None:
    unitrends.variant(fulls=fulls)
    rows = [row for row in unitrends.backups(instance_id=unitrends.instance("web-01")) if row["type"] == "VMware Full"]
    assert {row["status"] for row in rows} == statuses
    items = [item for instance, item in unitrends.items(sid=1) if instance["database_name"] == "web-01"]
    assert {item["status"] for item in items if item["type"] == "Full"} == {"kept": {0}, "failed": {2}, "gone": set()}[
        fulls
    ]
