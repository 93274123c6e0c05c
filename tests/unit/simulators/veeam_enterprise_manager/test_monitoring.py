# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read requests of public clients, scripts and monitoring templates: their values match the environment."""

from __future__ import annotations

from typing import Any

import pytest

from tests.schemas.loader import Schema, load
from tests.unit.simulators.veeam_enterprise_manager.client import EmClient, guid

REPORTS = ("overview", "job_statistics", "vms_overview")
LISTS = {
    "jobs": "Jobs",
    "backupSessions": "BackupJobSessions",
    "backupTaskSessions": "BackupTaskSessions",
    "replicaSessions": "ReplicaJobSessions",
    "replicaTaskSessions": "ReplicaTaskSessions",
    "backupServers": "BackupServers",
    "repositories": "Repositories",
    "agents/discoveredComputers": "DiscoveredComputers",
}
SCHEMAS = pytest.mark.parametrize("release", ["12", "13"])


@pytest.fixture(scope="module")
def schemas() -> dict[str, Schema]:
    return {release: load("veeam_enterprise_manager", release) for release in ("12", "13")}


def entities(em: EmClient, path: str, plural: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = em.json(path, format="Entity")[plural]
    return found


@SCHEMAS
@pytest.mark.parametrize("report", REPORTS)
def test_reports_conform_to_the_schema(schemas: dict[str, Schema], em: EmClient, release: str, report: str) -> None:
    em.variant(release=release)
    path = f"/api/reports/summary/{report}"
    assert schemas[release].problems("GET", path, 200, em.json(f"reports/summary/{report}")) == []


@SCHEMAS
def test_jobs_and_computers_conform_to_the_schema(schemas: dict[str, Schema], em: EmClient, release: str) -> None:
    em.variant(release=release)
    for path in ("jobs", "agents/discoveredComputers"):
        document = em.json(path, format="Entity")
        assert schemas[release].problems("GET", f"/api/{path}", 200, document) == []


@pytest.mark.parametrize(("path", "plural"), LISTS.items())
def test_lists_have_both_forms_and_queries(em: EmClient, path: str, plural: str) -> None:
    """Tests the list itself, a query of its type, one item, and references in XML."""
    found = entities(em, path, plural)
    assert found
    kind = found[0]["Type"]
    queried = list(em.pages(kind, plural))
    assert {row["UID"] for row in queried} == {row["UID"] for row in found}
    assert em.json(f"{path}/{guid(found[0])}", format="Entity") == found[0]
    references = em.xml(path)["EntityReferences"]["Ref"]
    assert [row["@UID"] for row in references] == [row["UID"] for row in found]


def test_numbers_of_the_overview(em: EmClient) -> None:
    document = em.json("reports/summary/overview")
    assert document["BackupServers"] == len(entities(em, "backupServers", "BackupServers"))
    assert document["ScheduledJobs"] == len(entities(em, "jobs", "Jobs"))
    machines = [work for work in em.works("vm") if work["tenant"] is None]
    backups = [[p for p in work["points"] if p["kind"] in ("full", "incremental")] for work in machines]
    latest = [max(points, key=lambda point: str(point["created_at"]))["status"] for points in backups if points]
    for status, name in (("success", "Successful"), ("warning", "Warning"), ("failed", "Failed")):
        assert document[f"{name}VmLastestStates"] == latest.count(status)


def test_numbers_of_the_statistics(em: EmClient) -> None:
    document = em.json("reports/summary/job_statistics")
    sessions = [
        *entities(em, "backupSessions", "BackupJobSessions"),
        *entities(em, "replicaSessions", "ReplicaJobSessions"),
    ]
    assert document["TotalJobRuns"] == len(sessions)
    for result, name in (("Success", "Successful"), ("Warning", "Warnings"), ("Failed", "Failed")):
        assert document[f"{name}JobRuns"] == sum(session["Result"] == result for session in sessions)
    jobs = {session["JobName"] for session in entities(em, "replicaSessions", "ReplicaJobSessions")}
    assert document["ScheduledReplicaJobs"] == len(jobs)
    assert document["ScheduledJobs"] == document["ScheduledBackupJobs"] + document["ScheduledReplicaJobs"]


def test_points_of_the_runs_of_a_backup(em: EmClient) -> None:
    """/backups/{id}/restorePoints lists runs, whose files and machines link to the restore points."""
    points = {guid(point): point for point in em.pages("VmRestorePoint", "VmRestorePoints")}
    listed = 0
    for backup in entities(em, "backups", "Backups"):
        runs = em.json(f"backups/{guid(backup)}/restorePoints", format="Entity")["RestorePoints"]
        listed += len(runs)
        newest = max(runs, key=lambda run: str(run["BackupDateUTC"]))
        path = f"restorePoints/{guid(newest)}"
        machines = em.json(f"{path}/vmRestorePoints", format="Entity")["VmRestorePoints"]
        assert all(points[guid(machine)] == machine for machine in machines)
        for file in em.json(f"{path}/backupFiles", format="Entity")["BackupFiles"]:
            assert backup["Name"] in file["Name"]
            back = em.json(f"backupFiles/{guid(file)}/restorePoints", format="Entity")["RestorePoints"]
            assert [row["UID"] for row in back] == [newest["UID"]]
    assert listed == len(entities(em, "restorePoints", "RestorePoints"))


def test_sessions_are_below_their_jobs(em: EmClient) -> None:
    every = {row["UID"] for row in entities(em, "backupSessions", "BackupJobSessions")}
    found = set()
    for job in entities(em, "jobs", "Jobs"):
        below = em.json(f"jobs/{guid(job)}/backupSessions", format="Entity")["BackupJobSessions"]
        assert {row["JobUid"] for row in below} <= {job["UID"]}
        found |= {row["UID"] for row in below}
    assert found <= every
    for path, below, plural in (
        ("backupSessions", "taskSessions", "BackupTaskSessions"),
        ("replicaSessions", "replicaTaskSessions", "ReplicaTaskSessions"),
    ):
        session = em.json(path)["Refs"][0]
        tasks = em.json(f"{path}/{guid(session)}/{below}", format="Entity")[plural]
        assert {task["JobSessionUid"] for task in tasks} == {session["UID"]}


def test_jobs_of_a_server(em: EmClient) -> None:
    jobs = {row["UID"] for row in entities(em, "jobs", "Jobs")}
    found: set[str] = set()
    for server in em.json("backupServers")["Refs"]:
        found |= {row["UID"] for row in em.json(f"backupServers/{guid(server)}/jobs")["Refs"]}
    assert found == jobs


def test_computers_are_the_machines_with_agents(em: EmClient) -> None:
    rows = entities(em, "agents/discoveredComputers", "DiscoveredComputers")
    assert {row["Name"] for row in rows} == {work["name"] for work in em.works("physical")}
    assert all(row["HierarchyObjRef"].startswith("urn:AgentFor") for row in rows)


def test_sessions_of_replicas_match_the_environment(em: EmClient) -> None:
    tasks = entities(em, "replicaTaskSessions", "ReplicaTaskSessions")
    points = list(em.pages("VmReplicaPoint", "VmReplicaPoints"))
    assert len(tasks) == len(points)
    assert {task["VmDisplayName"] for task in tasks} == {point["VmDisplayName"] for point in points}


def test_reports_require_permissions(em: EmClient) -> None:
    em.log_on("restore_operator")
    for report in REPORTS:
        response = em.call("GET", f"/api/reports/summary/{report}")
        assert response.status_code == 403


def test_get_does_not_start_jobs(em: EmClient) -> None:
    job = em.json("jobs")["Refs"][0]
    assert em.call("GET", f"/api/jobs/{guid(job)}?action=start").status_code == 405
