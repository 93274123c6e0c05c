# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parse records of Veeam Backup & Replication to workloads, repositories and recovery points."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.backup_replication import (
    records,
    repositories,
)
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.copies import (
    infer_offsite,
    merge_copies,
    parse_cloud,
)
from ansible_collections.backup.audit.plugins.module_utils._core.errors import InvalidResponseError
from ansible_collections.backup.audit.plugins.module_utils._core.model import RecoveryPoint, Workload
from ansible_collections.backup.audit.plugins.module_utils._core.times import DAY, SECOND, format_time, parse_time
from ansible_collections.backup.audit.plugins.module_utils._core.vocabulary import PLATFORMS, WORKLOAD_TYPES
from tests.samples import list_samples, read

SAMPLES = list(list_samples("veeam_backup_replication"))

POINT = {
    "platformName": "VMware",
    "type": "Increment",
    "malwareStatus": "Clean",
    "id": "0b1f6a1e-0000-4000-8000-000000000001",
    "name": "web-01",
    "creationTime": "2026-11-20T23:00:12.250055+01:00",
    "backupId": "5d7e0000-0000-4000-8000-00000000000a",
    "sessionId": None,
    "allowedOperations": ["StartEntireVmRestore"],
    "backupFileId": "f11e0000-0000-4000-8000-000000000001",
}
AWS = frozenset({"aws"})
DISK = repositories.Location("disk-1", "WinLocal", locked=False)
CLOUD = repositories.Location("vault", "AmazonS3", AWS, True, 30)
WEB = Workload(id="0bec", name="web-01", type="vm", platform="vmware")


def point(
    changes: dict[str, Any] | None = None,
    backup: repositories.Backup | None = None,
    file: records.File | None = None,
    scan: records.Scan | None = None,
    has_operations: bool = True,
) -> RecoveryPoint:
    """Build the point of one changed record."""
    row = {**POINT, **(changes or {})}
    return records.parse_point(row, WEB, backup, file, scan, has_operations=has_operations, include_raw=False)


def test_times_are_converted_to_utc_without_loss() -> None:
    """The server's offset is subtracted, and all digits are kept."""
    assert format_time(point().created) == "2026-11-20T22:00:12.250055Z"


@pytest.mark.parametrize("time", [None, "", "2026-11-20T23:00:12", 7, "yesterday"])
def test_a_point_with_an_ambiguous_time_is_an_error(time: Any) -> None:
    """Local time without an offset could be any of 24 hours."""
    with pytest.raises(InvalidResponseError, match="creationTime"):
        point({"creationTime": time})


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("Full", "full"),
        ("Increment", "incremental"),
        ("Rollback", "incremental"),
        ("Snapshot", "snapshot"),
        ("Different", "backup"),
        ("Novel", "backup"),
        (None, "backup"),
        (3, "backup"),
    ],
)
def test_kinds(value: Any, kind: str) -> None:
    """A point of a backup job with an unknown type is a backup of unknown type."""
    assert point({"type": value}).kind == kind


def test_a_point_is_usable_if_restore_operations_are_offered() -> None:
    """A point without operations proves nothing, except in revision 1.1, which has none for most platforms."""
    assert point().usable is True
    assert point({"allowedOperations": []}).usable is None
    assert point({"allowedOperations": None}).usable is None
    assert point({"allowedOperations": []}, has_operations=False).usable is True


def test_a_possible_snapshot_has_unknown_usability() -> None:
    """Without a type, only a file or a repository proves that a point is a backup."""
    bare = {"type": None, "backupFileId": None}
    external = repositories.Location("account", "AmazonS3External", AWS)
    assert point({"type": None}).usable is True
    assert point(bare).usable is None
    assert point({**bare, "backupFileId": records.NO_ID}).usable is None
    assert point(bare, repositories.Backup("Gold", DISK, None, None)).usable is True
    assert point(bare, repositories.Backup("Gold", external, None, None)).usable is None
    for kind in (None, "SanSnapshotOnly", "AbrVirtual", "PlatformServiceVmbApi", "Novel"):
        odd = repositories.Backup("Gold", repositories.Location("?", kind), None, None)
        assert (point(bare, odd).kind, point(bare, odd).usable) == ("unknown", None)
    for kind in ("ExtendableRepository", "LinuxHardened", "Tape", "Cloud", "QuantumDXi", "S3Compatible"):
        known = repositories.Backup("Gold", repositories.Location("?", kind), None, None)
        assert (point(bare, known).kind, point(bare, known).usable) == ("backup", True)
    assert point({**bare, "platformName": "UnstructuredData"}).usable is True


@pytest.mark.parametrize(
    ("value", "malware"),
    [("Clean", "clean"), ("Infected", "infected"), ("Informative", None), (None, None), ("Odd", None)],
)
def test_malware(value: Any, malware: str | None) -> None:
    """A value that is not an alarm does not mean clean."""
    assert point({"malwareStatus": value}).malware == malware


def test_scans_are_integrity_checks_and_not_restore_tests() -> None:
    """A clean scan is a check. An infected scan is not, and it overrides the status of the point."""
    clean = point(scan=records.Scan(False, 5 * SECOND))
    assert (clean.integrity_checked, clean.checked_at, clean.checked_by, clean.restore_tested) == (
        True,
        5 * SECOND,
        "scan",
        None,
    )
    infected = point(scan=records.Scan(True, 5 * SECOND))
    assert (infected.integrity_checked, infected.malware) == (None, "infected")


@pytest.mark.parametrize(
    "task",
    [
        {"scanResult": "Clean", "scanState": "InProgress"},
        {"scanResult": "Failed", "scanState": "Finished"},
        {"scanResult": "Inconclusive", "scanState": "Finished"},
        {},
    ],
)
def test_a_scan_without_result_does_not_count(task: dict[str, Any]) -> None:
    """Only a finished scan with a result counts."""
    assert records.parse_scan(task) is None


@pytest.mark.parametrize("state", ["Finished", "finished", "FINISHED"])
def test_terms_of_a_scan_have_any_case(state: str) -> None:
    assert records.parse_scan({"scanResult": "clean", "scanState": state}) == records.Scan(False, None)


@pytest.mark.parametrize("times", [(1, 2), (2, 1), (None, 2), (1, None), (None, None), (1, 1)])
def test_of_two_scans_the_later_one_counts(times: tuple[int | None, int | None]) -> None:
    """If it is unknown which is the later one, the point is infected."""
    clean, infected = records.Scan(False, times[0]), records.Scan(True, times[1])
    is_clean_later = times == (2, 1)
    assert clean.supersedes(infected) is is_clean_later
    assert infected.supersedes(clean) is not is_clean_later


def test_shared_files_give_no_size() -> None:
    """A file with one point gives its size. A file with several points or an unreported number does not."""
    assert records.parse_file({"restorePointIds": ["a"], "backupSize": 7}).size == 7
    assert records.parse_file({"restorePointIds": ["a", "b"], "backupSize": 7}).size is None
    assert records.parse_file({"restorePointIds": [], "backupSize": 7}).size is None
    assert records.parse_file({"backupSize": 7}).size is None


@pytest.mark.parametrize(
    ("row", "locked", "days"),
    [
        ({"type": "LinuxHardened", "repository": {"makeRecentBackupsImmutableDays": 14}}, True, 14),
        ({"type": "LinuxHardened", "repository": {"makeRecentBackupsImmutableDays": 0}}, False, None),
        ({"type": "LinuxHardened", "repository": {}}, None, None),
        ({"type": "AmazonS3", "bucket": {"immutability": {"isEnabled": True, "daysCount": 30}}}, True, 30),
        ({"type": "AzureBlob", "container": {"immutability": {"isEnabled": False, "daysCount": 30}}}, False, None),
        (
            {
                "type": "S3Compatible",
                "bucket": {
                    "immutability": {"isEnabled": True, "daysCount": 3, "immutabilityMode": "RetentionSettings"}
                },
            },
            True,
            None,
        ),
        ({"type": "AmazonS3Glacier", "bucket": {"immutabilityEnabled": True}}, True, None),
        ({"type": "DellDataDomain", "repository": {"immutability": {"isEnabled": True, "daysCount": 9}}}, True, 9),
        ({"type": "WinLocal", "repository": {}}, False, None),
        ({"type": "ExaGrid", "repository": {}}, None, None),
        ({"type": "AmazonS3", "bucket": "?"}, None, None),
        ({}, None, None),
    ],
)
def test_locks(row: dict[str, Any], locked: bool | None, days: int | None) -> None:
    """Each repository type reports it in a different field. Without such a field it is unknown."""
    place = repositories.parse_repository(row)
    assert (place.locked, place.locked_days) == (locked, days)


def test_attributes_of_a_scale_out_repository_require_all_extents() -> None:
    """If one extent has no lock or is unknown, nothing is certain."""
    places = {
        "a": CLOUD,
        "b": repositories.Location("b", "LinuxHardened", locked=True, locked_days=14),
        "c": DISK,
        "d": repositories.Location("d", "S3Compatible", locked=True),
        "e": repositories.Location("e", "AzureBlob", frozenset({"azure"}), True, 7),
    }

    def tier(*ids: str, archive: dict[str, Any] | None = None, **capacity: Any) -> repositories.Location:
        row = {"name": "sobr", "performanceTier": {"performanceExtents": [{"id": ident} for ident in ids]}}
        tiers = {"capacityTier": capacity, "archiveTier": archive or {"isEnabled": False}}
        return repositories.parse_scale_out_repository({**row, **tiers}, places)

    def lock(location: repositories.Location) -> tuple[bool | None, int | None]:
        return location.locked, location.locked_days

    assert (lock(tier("a", "b")), tier("a", "b").clouds) == ((True, 14), frozenset())
    assert tier("a", "e").clouds == {"aws", "azure"}
    # One extent is not locked, and it is unknown which points are in it.
    assert lock(tier("a", "c")) == (None, None)
    assert lock(tier("c", "c")) == (False, None)
    # Locked for 14 days in one extent, and until the end of retention in the other.
    assert lock(tier("b", "d")) == (True, 14)
    assert lock(tier("d")) == (True, None)
    assert lock(tier("a", "unknown")) == (None, None)
    assert lock(tier()) == (None, None)
    for enabled in ("isEnabled", "enabled"):
        switch: dict[str, Any] = {enabled: True}
        copied = tier("c", copyPolicyEnabled=True, movePolicyEnabled=False, extents=[{"id": "a"}], **switch)
        assert (copied.locked, copied.clouds) == (None, AWS)
    # Copies do not change the lock of their source. Moved points have the lock of the target, or none.
    copies: dict[str, Any] = {"isEnabled": True, "copyPolicyEnabled": True, "movePolicyEnabled": False}
    moves: dict[str, Any] = {**copies, "movePolicyEnabled": True}
    assert lock(tier("b", **copies, extents=[{"id": "c"}])) == (True, 14)
    assert lock(tier("b", **moves, extents=[{"id": "c"}])) == (None, None)
    assert lock(tier("b", **moves, extents=[{"id": "e"}])) == (True, 7)
    assert lock(tier("b", archive={"isEnabled": True, "extentId": "c"})) == (None, None)
    assert not tier("c", isEnabled=True, copyPolicyEnabled=False, extents=[{"id": "a"}]).clouds
    assert not tier("c", isEnabled=False, copyPolicyEnabled=True, extents=[{"id": "a"}]).clouds


def test_attributes_from_settings_are_inferred() -> None:
    """Current settings may differ from the settings when the point was created."""
    full = point(backup=repositories.Backup("Gold", CLOUD, False, True))
    assert full.job == "Gold"
    assert full.immutable_until == full.created + 30 * DAY * SECOND
    assert (full.encrypted, full.offsite) == (True, True)
    assert set(full.inferred) == {"encrypted", "offsite", "immutable", "immutable_until"}
    silent = point(backup=repositories.Backup("Gold", None, None, None))
    assert (silent.encrypted, silent.offsite, silent.immutable, silent.inferred) == (None, None, None, ())
    assert point().copies is None


def test_copies_with_the_same_time_are_one_point() -> None:
    """The copy adds a location but no point. It proves nothing unless it can be restored, but its malware counts."""
    other = point({"creationTime": "2026-11-19T22:00:00Z", "id": "0c"})

    def merge(operations: list[str]) -> list[RecoveryPoint]:
        source = point({"type": "Increment"}, repositories.Backup("Gold", DISK, False, True), records.File(5, ()))
        row = {"id": "0a", "type": "Full", "malwareStatus": "Suspicious", "allowedOperations": operations}
        scan = records.Scan(False, 9 * SECOND)
        copy = point(row, repositories.Backup("Copy", CLOUD, True, None), records.File(50, ("weekly",)), scan)
        return merge_copies([copy, source, other])

    one, second = merge(["StartFlrRestore"])
    assert (one.id, one.kind, one.size_bytes, one.job) == (POINT["id"], "incremental", 5, "Gold")
    assert [(each.location, each.role) for each in one.copies or []] == [("vault", "copy"), ("disk-1", "primary")]
    assert (one.usable, one.offsite, one.encrypted, one.malware) == (True, True, None, "suspicious")
    assert one.immutable is None
    assert one.immutable_until == one.created + 30 * DAY * SECOND
    assert (one.integrity_checked, one.checked_at) == (True, 9 * SECOND)
    assert one.retention == ("weekly",)
    assert set(one.inferred) == {"offsite", "immutable", "immutable_until"}
    assert second.id == "0c"
    one, _second = merge([])
    assert [each.location for each in one.copies or []] == ["disk-1"]
    assert (one.usable, one.offsite, one.encrypted, one.malware) == (True, None, None, "suspicious")
    assert (one.immutable, one.immutable_until, one.integrity_checked) == (False, None, None)
    assert one.inferred == ("immutable",)


def test_a_point_listed_twice_is_not_a_copy_of_itself() -> None:
    """Listings can change while they are read."""
    (one,) = merge_copies([point(backup=repositories.Backup("Gold", DISK, False, True)) for _time in range(2)])
    assert len(one.copies or []) == 1


def test_copies_without_a_job_type() -> None:
    """Before 1.3 backups have no job type: two different types become a backup of unknown type."""
    first = point({"type": "Full"}, repositories.Backup("Gold", DISK, None, None))
    second = point({"type": "Increment", "id": "1"}, repositories.Backup("Copy", CLOUD, None, None))
    assert merge_copies([first])[0].kind == "full"
    assert merge_copies([first, second])[0].kind == "backup"


@pytest.mark.parametrize(
    ("kind", "offsite"),
    [
        ("AmazonS3", True),
        ("AzureBlob", True),
        ("VeeamDataCloudVault", True),
        ("Cloud", True),
        ("S3Compatible", None),
        ("AmazonS3Compatible", None),
        ("AzureDataBox", None),
        ("Tape", None),
        ("WinLocal", None),
        (None, None),
    ],
)
def test_only_cloud_repositories_are_off_site(kind: str | None, offsite: bool | None) -> None:
    """On-premises object storage may be in the same data center."""
    cloud = parse_cloud(kind)
    assert infer_offsite(frozenset({cloud} if cloud else ()), "vmware") is offsite


@pytest.mark.parametrize(
    ("row", "workload_type", "platform"),
    [
        ({"platformName": "VMware", "type": "VM"}, "vm", "vmware"),
        ({"platformName": "Vcd", "type": "NfcDir"}, "vm", "vmware_cloud_director"),
        ({"platformName": "CloudDirector"}, "vm", "vmware_cloud_director"),
        ({"platformName": "AWSEC2"}, "vm", "aws_ec2"),
        ({"platformName": "AzureCompute"}, "vm", "azure_vm"),
        ({"platformName": "GCE"}, "vm", "gcp"),
        ({"platformName": "Nutanix"}, "vm", "nutanix_ahv"),
        ({"platformName": "MongoDb"}, "database", "mongodb"),
        ({"platformName": "EntraID"}, "directory", "entra_id"),
        ({"platformName": "ApplicationBackupRepository"}, "database", "other"),
        ({"platformName": "LinuxPhysical", "type": "Directory"}, "physical", "linux"),
        ({"platformName": "NasBackup"}, "file_share", "nas"),
        ({"platformName": "CustomPlatform", "type": "VM"}, "vm", "other"),
        ({"platformName": "Novel"}, "other", "other"),
        ({}, "other", None),
    ],
)
def test_workloads(row: dict[str, Any], workload_type: str, platform: str | None) -> None:
    """Every platform is accepted. An unknown one has the type "other"."""
    workload = records.parse_workload(row)
    assert (workload.type, workload.platform) == (workload_type, platform)
    assert workload.vendor_platform == row.get("platformName")
    assert workload.type in WORKLOAD_TYPES
    assert platform is None or platform in PLATFORMS


@pytest.mark.parametrize(
    ("state", "usable"), [("Ready", True), ("Failover", False), ("Processing", False), ("Novel", None), (None, None)]
)
def test_only_ready_replicas_are_usable(state: Any, usable: bool | None) -> None:
    """Only a replica in the state Ready can be used for failover."""
    row = {**POINT, "state": state, "replicaId": "r"}
    assert records.parse_replica_point(row, WEB, False).usable is usable


def test_every_sample_is_parsed() -> None:
    """No record of any sample is an error; each point has its own time."""
    seen = {}
    for name in SAMPLES:
        rows = read(name).get("data", [])
        for row in rows:
            check_record(row)
        seen[name.removeprefix("veeam_backup_replication/")] = len(rows)
    points = [number for name, number in seen.items() if name.endswith("points.yml")]
    assert sum(points) == 12
    assert len(seen) == 20
    assert [name for name, number in seen.items() if not number] == [
        "printed/server.yml",
        "recorded/server.yml",
        "recorded/token.yml",
    ]


def check_record(row: dict[str, Any]) -> None:
    """Parse a record as the adapter does."""
    if "creationTime" in row and "allowedOperations" in row:
        make = records.parse_replica_point if "replicaId" in row else _plain
        parsed = make(row, records.parse_workload(row), True)
        assert parsed.created == parse_time(row["creationTime"])
        assert parsed.usable is True
    elif "restorePointIds" in row:
        assert records.parse_file(row).size == row["backupSize"]
    elif "restorePointsCount" in row:
        assert records.parse_workload(row).type in records.WORKLOAD_TYPES
        assert records.parse_workload(row).name
    elif "repositoryId" in row:
        assert repositories.parse_backup(row, {row["repositoryId"]: DISK}, {}).job
    elif "type" in row and "jobId" not in row:
        assert repositories.parse_repository(row).name
    else:
        assert row["type"] == "Snapshot"


def _plain(row: dict[str, Any], workload: Workload, include_raw: bool) -> RecoveryPoint:
    return records.parse_point(row, workload, None, None, None, has_operations=True, include_raw=include_raw)
