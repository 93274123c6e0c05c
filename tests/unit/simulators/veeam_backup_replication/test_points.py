# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulated Backup & Replication server lists the points of the environment."""

from __future__ import annotations

import re
from collections import Counter
from datetime import timedelta

import pytest

from tests.unit.simulators.veeam_backup_replication.client import OLD_POINTS, POINTS, VbrClient, utc

# Points


def test_points_match_the_environment(vbr: VbrClient) -> None:
    rows = {row["id"]: row for row in vbr.all("restorePoints")}
    replicas = {row["id"]: row for row in vbr.all("replicaPoints")}
    assert len(rows) == sum(len(copies) for copies in vbr.lists["copies"].values()) + snapshots(vbr)
    kinds = {"full": "Full", "incremental": "Increment", "archive": "Full", "snapshot": "Snapshot"}
    seen = Counter[str]()
    for work, point, ident in vbr.listed():
        row = replicas[ident] if point["kind"] == "replica" else rows[ident]
        name = re.sub(r" Id: \d+$", "", row["name"])
        assert name == work["name"]
        assert abs(utc(row["creationTime"]) - utc(point["created_at"])) < timedelta(seconds=1)
        assert not row["creationTime"].endswith("Z")
        seen[point["kind"]] += 1
        if work["workload_type"] == "file_share":
            assert not {"type", "malwareStatus", "sessionId", "backupFileId"} & set(row)
            continue
        assert row["malwareStatus"].lower() == point["malware"]
        if point["kind"] == "replica":
            assert (row["state"] == "Ready") is point["usable"]
        else:
            assert row["type"] == kinds[point["kind"]]
            assert bool(row["allowedOperations"]) is point["usable"]
    assert set(seen) == {*kinds, "replica"}
    assert seen["replica"] == len(replicas)


def snapshots(vbr: VbrClient) -> int:
    return sum(point["kind"] == "snapshot" for _unused, point, _unused2 in vbr.listed())


def test_omitted_points(vbr: VbrClient) -> None:
    """Failed, running and continuous points and workloads without backups are not listed."""
    listed_keys = set(vbr.lists["points"])
    for work in vbr.truth["workloads"]:
        for point in work["points"]:
            if point["status"] in ("failed", "running") or point["kind"] == "continuous":
                assert point["key"] not in listed_keys
    names = {row["name"] for row in vbr.all("backupObjects")}
    assert "sandbox-7" not in names
    assert "orders" not in names
    assert "billing-2019" in names


def test_copies_are_separate_points(vbr: VbrClient) -> None:
    work = vbr.work("erp-prod")
    rows = {row["id"]: row for row in vbr.all("restorePoints")}
    backups = {row["id"]: row for row in vbr.all("backups")}
    point = work["points"][3]
    copies = vbr.lists["copies"][point["key"]]
    assert set(copies) == {"berlin-disk-1", "frankfurt-disk-1", "cloud-vault-immutable"}
    found = {place: rows[ident] for place, ident in copies.items()}
    assert len({row["creationTime"] for row in found.values()}) == 1
    assert len({row["backupId"] for row in found.values()}) == 3
    for place, row in found.items():
        backup = backups[row["backupId"]]
        assert backup["repositoryName"] == place
        copied = place != "berlin-disk-1"
        assert backup["platformName"] == ("CustomPlatform" if copied else "VMware")
        assert backup["jobType"] == ("BackupCopy" if copied else "VSphereBackup")
        assert row["platformName"] == "VMware"


def test_tiers_do_not_list_points(vbr: VbrClient) -> None:
    vbr.variant(offload="tier")
    point = vbr.work("erp-prod")["points"][3]
    moment = utc(point["created_at"]).replace(microsecond=0)
    rows = [
        row
        for row in vbr.all("restorePoints", nameFilter="erp-prod")
        if utc(row["creationTime"]).replace(microsecond=0) == moment
    ]
    backups = {row["id"]: row for row in vbr.all("backups")}
    assert {backups[row["backupId"]]["repositoryName"] for row in rows} == {"scale-out-platinum", "frankfurt-disk-1"}
    (scale_out,) = vbr.get("/api/v1/backupInfrastructure/scaleOutRepositories", nameFilter="scale-out-platinum")["data"]
    assert scale_out["capacityTier"]["copyPolicyEnabled"] is True
    extents = {extent["id"] for extent in scale_out["capacityTier"]["extents"]}
    states = {row["id"]: row for row in vbr.all("backupInfrastructure/repositories/states")}
    assert {states[ident]["name"] for ident in extents} == {"cloud-vault-immutable"}
    assert states[extents.pop()]["scaleOutRepositoryDetails"]["membership"] == "scale-out-platinum"


def test_rebuilt_machines_are_distinguished_only_by_object(vbr: VbrClient) -> None:
    twins = [work for work in vbr.truth["workloads"] if work["name"] == "rebuilt-01"]
    by_name = vbr.all("restorePoints", nameFilter="rebuilt-01")
    assert len({row["backupId"] for row in by_name}) == 1
    for work in twins:
        mine = vbr.all("restorePoints", backupObjectIdFilter=vbr.lists["workloads"][work["key"]])
        assert {row["id"] for row in mine} == {vbr.lists["points"][point["key"]] for point in work["points"]}


def test_two_machines_with_one_name(vbr: VbrClient) -> None:
    rows = vbr.all("backupObjects", nameFilter="dc-01")
    assert len({row["id"] for row in rows}) == 2
    assert {row["platformName"] for row in rows} == {"HyperV", "VMware"}


def test_times_have_the_time_zone_of_the_server(vbr: VbrClient) -> None:
    def moments() -> dict[str, str]:
        return {row["id"]: row["creationTime"] for row in vbr.all("restorePoints")}

    berlin = moments()
    vbr.variant(timezone="Asia/Kolkata")
    kolkata = moments()
    assert {text[-6:] for text in kolkata.values()} == {"+05:30"}
    assert {ident: utc(text) for ident, text in kolkata.items()} == {ident: utc(text) for ident, text in berlin.items()}
    time = vbr.get("/api/v1/serverTime")
    assert time["serverTime"].endswith("+05:30")
    assert time["ianaTimeZoneId"] == "Asia/Kolkata"
    backup = vbr.all("backups")[0]
    assert re.fullmatch(r"[\d-]{10}T[\d:]{8}", backup["creationTime"])
    vbr.variant(backup_times="offset")
    assert vbr.all("backups")[0]["creationTime"] == backup["creationTime"] + "+05:30"


def test_daylight_saving(vbr: VbrClient) -> None:
    vbr.variant(timezone="America/New_York")
    # The date of the environment is 10 March 2026. Clocks in New York went forward on the 8th.
    assert {row["creationTime"][-6:] for row in vbr.all("restorePoints")} == {"-04:00", "-05:00"}


def test_unknown_and_missing_values(vbr: VbrClient) -> None:
    vbr.variant(unknown_enums=True)
    assert "Synthetic" in {row.get("type") for row in vbr.all("restorePoints")}
    vbr.variant(unknown_enums=False, missing_optional=True)
    assert {"malwareStatus" in row for row in vbr.all("restorePoints", platformNameFilter="VMware")} == {True, False}


def test_agents_may_be_named_after_their_job(vbr: VbrClient) -> None:
    vbr.variant(agent_names="computer job", object_names="address")
    names = {row["name"] for row in vbr.all("restorePoints", platformNameFilter="LinuxPhysical")}
    assert names == {"linbase02 Machines"}
    (backup,) = vbr.all("backups", jobIdFilter=machines_job(vbr))
    (below,) = vbr.get(f"/api/v1/backups/{backup['id']}/objects")["data"]
    assert re.fullmatch(r"10\.0\.\d+\.7", below["name"])
    assert below["id"] == vbr.lists["workloads"][vbr.work("linbase02")["key"]]


def machines_job(vbr: VbrClient) -> str:
    jobs = {row["jobId"] for row in vbr.all("backups") if row["jobType"] == "LinuxAgentBackup"}
    return str(jobs.pop())


# Paging and filters


def test_paging(vbr: VbrClient) -> None:
    first = vbr.get(POINTS)
    total = first["pagination"]["total"]
    assert first["pagination"] == {"total": total, "count": 200, "skip": 0, "limit": 200}
    assert total > 400
    beyond = vbr.get(POINTS, skip=total, limit=10)
    assert beyond == {"data": [], "pagination": {"total": total, "count": 0, "skip": total, "limit": 10}}
    times = [utc(row["creationTime"]) for row in first["data"]]
    assert times == sorted(times, reverse=True)
    vbr.variant(page_cap=50)
    assert vbr.get(POINTS, limit=999)["pagination"]["count"] == 50
    rows = vbr.all("restorePoints")
    assert len({row["id"] for row in rows}) == total


@pytest.mark.parametrize(
    "query",
    [
        {"limit": "0"},
        {"limit": "many"},
        {"skip": "-1"},
        {"orderColumn": "Size"},
        {"orderColumn": "CreationTime", "orderAsc": "maybe"},
        {"backupObjectIdFilter": "web-01"},
        {"createdAfterFilter": "yesterday"},
        {"malwareStatusFilter": "Ill"},
    ],
)
def test_invalid_parameters(vbr: VbrClient, query: dict[str, str]) -> None:
    assert vbr.expect_error(400, POINTS, params=query)["status"] == 400


def test_an_offset_without_its_plus_sign(vbr: VbrClient) -> None:
    assert vbr.call("GET", POINTS + "?createdAfterFilter=2026-03-01T00:00:00+01:00").status_code == 400
    assert vbr.call("GET", POINTS + "?createdAfterFilter=2026-03-01T00:00:00%2B01:00").status_code == 200


def test_unknown_parameters_are_ignored(vbr: VbrClient) -> None:
    total = vbr.get(POINTS)["pagination"]["total"]
    assert vbr.get(POINTS, filter='backupId eq "x"', objectIdFilter="x")["pagination"]["total"] == total
    vbr.use_revision("1.1-rev0")
    assert vbr.get(OLD_POINTS, malwareStatusFilter="Infected")["pagination"]["total"] == total


def test_filters(vbr: VbrClient) -> None:
    rows = vbr.all("restorePoints")
    since = "2026-03-05T00:00:00Z"
    recent = [row["id"] for row in rows if utc(row["creationTime"]) > utc(since)]
    assert [row["id"] for row in vbr.all("restorePoints", createdAfterFilter=since)] == recent
    assert 0 < len(recent) < len(rows)
    older = vbr.all("restorePoints", createdBeforeFilter=since)
    assert len(older) + len(recent) == len(rows)
    ascending = vbr.all("restorePoints", orderColumn="CreationTime", orderAsc="true")
    assert [row["id"] for row in ascending] == [row["id"] for row in rows][::-1]
    named = vbr.all("restorePoints", nameFilter="WEB*")
    assert {row["name"] for row in named} == {"web-01", "web-02"}
    assert {row["name"] for row in vbr.all("restorePoints", nameFilter="*-3")} == {"lab-3"}
    infected = vbr.all("restorePoints", malwareStatusFilter=["Infected", "Suspicious"])
    assert {row["malwareStatus"] for row in infected} == {"Infected", "Suspicious"}
    vbr.use_revision("1.3-rev1")
    scalar = vbr.all("restorePoints", malwareStatusFilter=["Infected", "Suspicious"])
    assert {row["malwareStatus"] for row in scalar} == {"Infected"}


def test_filters_use_the_values_of_the_revision(vbr: VbrClient) -> None:
    assert {row["name"] for row in vbr.all("restorePoints", platformNameFilter="CloudDirector")} == {"vapp-shop"}
    vbr.use_revision("1.1-rev0")
    assert {row["name"] for row in vbr.all("objectRestorePoints", platformNameFilter="Vcd")} == {"vapp-shop"}
    assert vbr.all("objectRestorePoints", platformNameFilter="CloudDirector") == []


def test_points_of_an_object(vbr: VbrClient) -> None:
    ident = vbr.lists["workloads"][vbr.work("web-01")["key"]]
    path = f"/api/v1/backupObjects/{ident}/restorePoints"
    filtered = vbr.all("restorePoints", backupObjectIdFilter=ident)
    assert len(filtered) == 60
    assert vbr.get(path, limit=7)["pagination"]["count"] == 7
    vbr.use_revision("1.2-rev1")
    assert len(vbr.get(path, limit=7)["data"]) == 60
    assert vbr.expect_error(404, f"/api/v1/backupObjects/{'0' * 8}-0000-0000-0000-{'0' * 12}/restorePoints")
