# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The resources of the simulated Backup & Replication server other than points."""

from __future__ import annotations

import re
from collections import Counter
from datetime import timedelta

from tests.unit.simulators.veeam_backup_replication.client import NEWEST, POINTS, VbrClient, utc

# Objects, backups and files


def test_one_object_is_listed_once_for_each_backup(vbr: VbrClient) -> None:
    rows = vbr.all("backupObjects")
    counts = Counter(row["id"] for row in rows)
    ident = vbr.lists["workloads"][vbr.work("erp-prod")["key"]]
    assert counts[ident] == 3
    mine = [row for row in rows if row["id"] == ident]
    assert sum(row["restorePointsCount"] for row in mine) == len(vbr.all("restorePoints", backupObjectIdFilter=ident))
    backups = {row["id"] for row in vbr.all("backups")}
    assert {row["backupId"] in backups for row in rows if row["platformName"] != "UnstructuredData"} == {False}
    assert {row["backupId"] in backups for row in rows if row["platformName"] == "UnstructuredData"} == {True}
    vbr.use_revision("1.3-rev1")
    assert "backupId" not in vbr.all("backupObjects")[0]


def test_objects_without_a_job(vbr: VbrClient) -> None:
    before = len(vbr.all("backupObjects"))
    vbr.variant(leftovers=True)
    rows = vbr.all("backupObjects")
    assert len(rows) == before + 2
    assert [row["name"] for row in rows if not row["restorePointsCount"]] != []


def test_objects_of_backups(vbr: VbrClient) -> None:
    for backup in vbr.all("backups"):
        path = f"/api/v1/backups/{backup['id']}/objects"
        if backup["platformName"] in ("AWSEC2", "MongoDb"):
            assert vbr.expect_error(400, path)["message"] == "Backup platform or job type are not supported"
            continue
        objects = {row["id"] for row in vbr.get(path)["data"]}
        points = vbr.all("restorePoints", backupIdFilter=backup["id"])
        names = {row["name"] for row in vbr.get(path)["data"]}
        assert {re.sub(r" Id: \d+$", "", row["name"]) for row in points} == names
        assert objects <= set(vbr.lists["workloads"].values())


def test_files_have_sizes(vbr: VbrClient) -> None:
    sizes = {ident: point["size_bytes"] for _unused, point, ident in vbr.listed()}
    rows = {row["id"]: row for row in vbr.all("restorePoints")}
    own = shared = 0
    for backup in vbr.all("backups"):
        for file in vbr.all(f"backups/{backup['id']}/backupFiles"):
            assert all(rows[ident]["backupFileId"] == file["id"] for ident in file["restorePointIds"])
            first = sizes.get(file["restorePointIds"][0])
            if len(file["restorePointIds"]) == 1 and first is not None:
                own += 1
                assert file["backupSize"] == first
            elif first is not None:
                shared += 1
                assert file["backupSize"] == sum(sizes[ident] for ident in file["restorePointIds"])
    assert own > 100
    assert shared > 5
    vbr.use_revision("1.1-rev0")
    assert vbr.call("GET", f"/api/v1/backups/{backup['id']}/backupFiles").status_code == 404


def test_generations(vbr: VbrClient) -> None:
    work = vbr.work("ledger-archive")
    flags: dict[str, list[str]] = {}
    for backup in vbr.all("backups", nameFilter="Keeper*"):
        for file in vbr.all(f"backups/{backup['id']}/backupFiles"):
            flags |= dict.fromkeys(file["restorePointIds"], file["gfsPeriods"])
    for point in work["points"]:
        reported = flags[vbr.lists["points"][point["key"]]]
        assert [name.lower() for name in reported if name != "None"] == [n for n in point["retention"] if n != "daily"]
    places = {row["repositoryName"] for row in vbr.all("backups", nameFilter="Keeper*")}
    assert places == {"berlin-disk-1", "cloud-archive-immutable"}


def test_details_are_requested_with_post(vbr: VbrClient) -> None:
    backup = vbr.all("backups", nameFilter="Silver")[0]
    path = f"/api/v1/backups/{backup['id']}/details"
    details = vbr.call("POST", path, json={}).json()
    assert details["restorePointsCount"] == len(vbr.all("restorePoints", backupIdFilter=backup["id"]))
    one = vbr.get(f"/api/v1/backups/{backup['id']}/objects")["data"][0]
    assert (
        vbr.call("POST", path, json={"objectId": one["id"]}).json()["restorePointsCount"] == one["restorePointsCount"]
    )
    assert vbr.call("POST", path, data="x").status_code == 415
    assert vbr.call("GET", path).status_code == 405


# Other resources


def test_immutability_is_a_setting(vbr: VbrClient) -> None:
    rows = {row["name"]: row for row in vbr.all("backupInfrastructure/repositories")}
    assert rows["berlin-disk-1-immutable"]["repository"]["makeRecentBackupsImmutableDays"] == 14
    bucket = rows["cloud-vault-immutable"]["bucket"]["immutability"]
    assert bucket == {"isEnabled": True, "daysCount": 30, "immutabilityMode": "RepositorySettings"}
    assert rows["cloud-archive-immutable"]["bucket"]["immutabilityEnabled"] is True
    vbr.use_revision("1.2-rev1")
    rows = {row["name"]: row for row in vbr.all("backupInfrastructure/repositories")}
    assert rows["cloud-vault-immutable"]["bucket"]["immutability"] == {"isEnabled": True, "daysCount": 30}


def test_results_of_runs(vbr: VbrClient) -> None:
    tasks = vbr.all("taskSessions", typeFilter="Backup")
    by_name: dict[str, Counter[str]] = {}
    for row in tasks:
        by_name.setdefault(row["name"], Counter())[row["result"]["result"]] += 1
    assert by_name["lab-3"]["Failed"] == by_name["lab-3"]["Success"] == 15
    assert by_name["batch-night"]["None"] == 1
    running = [row for row in tasks if row["state"] == "Working"]
    assert [("endTime" in row, "restorePointId" in row) for row in running] == [(False, False)]
    points = {row["id"] for row in vbr.all("restorePoints")}
    assert {row["restorePointId"] for row in tasks if "restorePointId" in row} <= points
    failed = vbr.all("taskSessions", typeFilter="Backup", resultFilter="Failed")
    assert not any("restorePointId" in row for row in failed)


def test_scans_have_points_and_boot_tests_do_not(vbr: VbrClient) -> None:
    scans = {row["restorePointId"]: row for row in vbr.all("taskSessions", typeFilter="Antivirus")}
    truth = {ident: point for _unused, point, ident in vbr.listed()}
    for ident, row in scans.items():
        point = truth[ident]
        if row["scanResult"] == "Failed":
            assert (point["integrity_checked"], point["usable"]) == (False, False)
            continue
        assert point["checked_by"] == "scan"
        assert row["scanResult"] == ("Infected" if point["malware"] == "infected" else "Clean")
        assert abs(utc(row["endTime"]) - utc(point["checked_at"])) < timedelta(seconds=1)
    assert set(scans) >= {ident for ident, point in truth.items() if point["checked_by"] == "scan"}
    assert {row["scanResult"] for row in scans.values()} == {"Clean", "Infected", "Failed"}
    boots = vbr.all("sessions", typeFilter="SureBackup")
    assert {utc(row["endTime"]) for row in boots} == {
        utc(point["tested_at"]).replace(microsecond=0) for point in truth.values() if point["restore_tested"]
    }
    content = vbr.all("sessions", typeFilter="SureBackupContentScan")
    assert content
    vbr.use_revision("1.3-rev0")
    assert not vbr.all("sessions", typeFilter="SureBackupContentScan")
    assert len(vbr.all("sessions", typeFilter="SureBackup")) == len(boots) + len(content)


def test_most_sessions_are_resynchronizations(vbr: VbrClient) -> None:
    first = vbr.get("/api/v1/sessions", limit=50)["data"]
    assert Counter(row["sessionType"] for row in first)["ConfigurationResynchronize"] > 25


def test_malware_events(vbr: VbrClient) -> None:
    rows = vbr.all("malwareDetection/events")
    reported = {(row["machine"]["displayName"], row["severity"], row["state"]) for row in rows}
    assert {("download-01", "Infected", "Created"), ("shop-front", "Suspicious", "Created")} < reported
    assert [state for _unused, _unused2, state in reported].count("FalsePositive") == 1
    assert all(row["detectionTimeUtc"].endswith("Z") for row in rows)


def test_jobs_have_encryption_only_for_machines(vbr: VbrClient) -> None:
    jobs = {row["id"]: row for row in vbr.all("jobs")}
    encrypted = {
        row["name"]: row["storage"]["advancedSettings"]["storageData"]["encryption"]["isEnabled"]
        for row in jobs.values()
    }
    assert encrypted["Gold"] is True
    assert encrypted["Silver"] is False
    assert "Machines" not in encrypted
    states = vbr.all("jobs/states")
    assert {row["id"] for row in states} > set(jobs)
    other = next(row["id"] for row in states if row["id"] not in jobs)
    assert vbr.expect_error(400, f"/api/v1/jobs/{other}")["message"] == "Specify job of supported platform type."


def test_replicas(vbr: VbrClient) -> None:
    rows = {row["name"]: row for row in vbr.all("replicas")}
    assert {name: row["type"] for name, row in rows.items()} == {
        "web-02_replica": "Snapshot",
        "erp-standby_replica": "Snapshot",
        "ticker_replica": "CDP",
    }
    assert rows["erp-standby_replica"]["state"] == "Failover"
    in_use = vbr.get(f"/api/v1/replicas/{rows['erp-standby_replica']['id']}/replicaPoints")["data"]
    assert {row["state"] for row in in_use} == {"Failover"}
    assert all(row["allowedOperations"] for row in in_use)
    continuous = rows["ticker_replica"]["id"]
    assert vbr.get(f"/api/v1/replicas/{continuous}/replicaPoints")["data"] == []
    assert {row["id"] for row in rows.values()} == set(vbr.lists["replicas"].values())


def test_paths_and_methods(vbr: VbrClient) -> None:
    assert vbr.expect_error(404, "/api/v1/nothing")["errorCode"] == "NotFound"
    assert vbr.expect_error(405, POINTS, "DELETE")["errorCode"] == "MethodNotAllowed"
    assert vbr.expect_error(404, f"{POINTS}/74ebd705-5216-4a4b-8732-5079606c5b75")["errorCode"] == "NotFound"
    row = vbr.get(POINTS)["data"][5]
    assert vbr.get(f"{POINTS}/{row['id']}") == row
    assert vbr.headers["x-api-version"] == NEWEST
