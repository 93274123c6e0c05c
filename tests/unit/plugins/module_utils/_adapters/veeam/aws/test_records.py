# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Veeam Backup for AWS: parse records to points, and use the instance filter only if it is proven to work."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from ansible_collections.backup.audit.plugins.module_utils._adapters.rest import Settings
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.aws import records
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.aws.adapter import API_VERSIONS, VeeamAws
from ansible_collections.backup.audit.plugins.module_utils._collect.collector import Collector
from ansible_collections.backup.audit.plugins.module_utils._core.errors import AuditError
from ansible_collections.backup.audit.plugins.module_utils._core.model import RecoveryPoint, Workload
from ansible_collections.backup.audit.plugins.module_utils._core.times import format_time
from ansible_collections.backup.audit.plugins.module_utils._transport.client import Client, Endpoint
from ansible_collections.backup.audit.plugins.module_utils._transport.thread_pool import ThreadPool
from tests.samples import read as read_sample

FRANKFURT, VIRGINIA = "aa000000-0000-4000-8000-000000000001", "aa000000-0000-4000-8000-000000000002"
STRANGE: tuple[Any, ...] = (None, [], {}, "x", -1, True, 1.5)
MACHINES = [
    {"id": "vm-1", "name": "web-01", "location": {"id": FRANKFURT, "name": "eu-1"}, "backupDestinations": ["AwsBlob"]},
    {"id": "vm-2", "name": "web-02", "location": {"id": FRANKFURT, "name": "eu-1"}, "backupDestinations": ["Snapshot"]},
    {"id": "vm-3", "name": "new-03", "location": {"id": FRANKFURT, "name": "eu-1"}, "backupDestinations": []},
]


def row(**more: Any) -> dict[str, Any]:
    """A backup in a repository."""
    return {
        "id": "p-1",
        "backupId": "b-1",
        "jobType": "Backup",
        "pointInTime": "2026-11-20T11:23:27.321",
        "backupSizeBytes": 4096,
        "volumes": [{"diskId": "d", "encryptionKey": "key of the disk"}],
        "regionId": FRANKFURT,
        **more,
    }


def point(record: dict[str, Any], encrypted: bool | None = None) -> RecoveryPoint:
    """The point of a record whose instance runs in Frankfurt."""
    workload = Workload(id="vm-1", name="web-01")
    names = {FRANKFURT: "eu-1", VIRGINIA: "us-1"}
    home = records.Region(FRANKFURT, "eu-1")
    return records.parse_point(record, workload, home=home, names=names, encrypted=encrypted, include_raw=False)


def test_a_backup() -> None:
    """Reported values are parsed; values that are not reported stay unknown: state, kind, location, key of a disk."""
    result = point(row())
    assert format_time(result.created) == "2026-11-20T11:23:27.321Z"
    assert (result.kind, result.status, result.usable, result.size_bytes) == ("backup", "unknown", True, 4096)
    assert (result.encrypted, result.offsite, result.immutable, result.copies) == (None, None, None, None)
    inferred = point(row(), encrypted=True)
    assert (inferred.encrypted, inferred.inferred) == (True, ("encrypted",))


def test_snapshots_and_replicas() -> None:
    """A snapshot is stored with the disk; a replica is offsite only if its region is different."""
    snapshot = point(row(jobType="ManualSnapshot"), encrypted=True)
    assert (snapshot.kind, snapshot.offsite, snapshot.immutable, snapshot.encrypted) == ("snapshot", False, False, None)
    assert snapshot.inferred == ("size_bytes",)
    assert point(row(jobType="Snapshot", backupSizeBytes=0)).size_bytes is None
    replica = point(row(jobType="Replica", regionId=VIRGINIA))
    assert (replica.kind, replica.offsite, replica.usable) == ("replica", True, True)
    assert [copy.location for copy in replica.copies or ()] == ["us-1"]
    assert point(row(jobType="Replica")).offsite is False
    assert point(row(jobType="Replica", regionId=None)).offsite is None
    strange = point(row(jobType="Telepathy"))
    assert (strange.kind, strange.usable) == ("unknown", None)


@pytest.mark.parametrize(
    ("of_point", "of_instance", "offsite"),
    [
        ((FRANKFURT, None), (FRANKFURT, None), False),
        ((FRANKFURT, None), (VIRGINIA, None), True),
        (("eu-central-1", None), ("us-east-1", None), True),
        # Ids of two kinds can mean the same region.
        (("eu-central-1", None), (FRANKFURT, None), None),
        ((FRANKFURT, None), ("eu-central-1", None), None),
        (("17", None), (FRANKFURT, None), None),
        (("17", None), ("region-17", None), None),
        (("eu-central-1", None), (FRANKFURT, "Europe (Frankfurt)"), None),
        # A code is a name, too.
        (("eu-central-1", None), (FRANKFURT, "eu-central-1"), False),
        (("us-east-1", None), (FRANKFURT, "eu-central-1"), True),
        ((FRANKFURT, "eu-central-1"), ("eu-central-1", None), False),
        # Two ids of one kind with one name are a contradiction.
        ((VIRGINIA, "eu-central-1"), (FRANKFURT, "eu-central-1"), None),
        ((None, "eu-central-1"), (FRANKFURT, "us-east-1"), True),
        ((None, "Europe (Frankfurt)"), (None, "eu-central-1"), None),
        ((None, None), (None, "eu-central-1"), None),
    ],
)
def test_ids_of_two_kinds_do_not_prove_two_regions(
    of_point: tuple[str | None, str | None], of_instance: tuple[str | None, str | None], offsite: bool | None
) -> None:
    """The order of the two regions does not matter."""
    one, other = records.Region(*of_point), records.Region(*of_instance)
    assert (records._is_other(one, other), records._is_other(other, one)) == (offsite, offsite)


def test_a_replica_whose_region_has_an_id_of_another_kind() -> None:
    """The point has the code of a region, the instance the appliance's own id."""
    assert point(row(jobType="Replica", regionId="eu-central-1")).offsite is None


def test_times() -> None:
    """A time without a zone is UTC; a point without a time is an error."""
    assert format_time(point(row(pointInTime="2026-11-20T11:23:27Z")).created) == "2026-11-20T11:23:27Z"
    for strange in (None, "", "yesterday", 5):
        with pytest.raises(AuditError, match="p-1"):
            point(row(pointInTime=strange))


def test_fields_with_unexpected_types_are_unknown() -> None:
    """Fields of a type other than documented make attributes unknown and never raise an error."""
    for name in row():
        if name in ("id", "pointInTime"):
            continue
        for strange in STRANGE:
            point(row(**{name: strange}))


def appliance(
    *,
    honours_filter: bool = True,
    served: str = "1.8-rev0",
    path: str = "virtualMachines/restorePoints",
    others: tuple[tuple[str, str], ...] = (),
    total_off_by: int = 0,
    answers_behind: bool = True,
) -> Any:
    """Build an appliance with points of two of its three instances, and optionally ``others``."""
    points = (("p-1", "vm-1"), ("p-2", "vm-2"), *others)

    def respond(request: Any) -> tuple[int, dict[str, str], Any]:
        parts = urlsplit(request.path)
        query = parse_qs(parts.query)
        if request.headers.get("x-api-version") != served:
            return 400, {}, {"title": "Unsupported API version", "errorCode": "InvalidURI"}
        if parts.path == "/api/v1/token":
            return 200, {}, {"access_token": "token-of-this-test"}
        if parts.path == "/api/v1/virtualMachines":
            return 200, {}, page(MACHINES, query)
        if parts.path == f"/api/v1/{path}":
            owner = query.get("VirtualMachineId", [None])[0] if honours_filter else None
            owned = {ident: None for ident, vm in points if owner in (None, vm)}
            body = page([row(id=ident) for ident in owned], query)
            if owner is None:
                body["totalCount"] += total_off_by
                if not body["results"] and not answers_behind:
                    return 400, {}, {"title": "Offset is out of range"}
            return 200, {}, body
        return 404, {}, {}

    return respond


def page(rows: list[dict[str, Any]], query: dict[str, list[str]]) -> dict[str, Any]:
    """Build one page of a listing."""
    start = int(query["Offset"][0])
    return {"totalCount": len(rows), "results": rows[start : start + int(query["Limit"][0])]}


def read(server: Any, *, workload_names: tuple[str, ...] = (), api_version: str | None = None) -> dict[str, Any]:
    """Read such an appliance."""
    settings = Settings(
        username="auditor",
        password="secret-word",
        page_size=100,
        detail="workloads",
        workload_types=("vm",),
        include_unprotected=True,
        include_raw=False,
        own={"api_version": api_version},
    )
    client = Client(Endpoint(url=server.url, verify=server.ca_path, retries=0), VeeamAws.allowlist)
    thread_pool = ThreadPool(2)
    collector = Collector("here", "veeam_aws", workload_names=workload_names)
    source = VeeamAws(client, settings, thread_pool)
    try:
        source.collect(collector)
    finally:
        thread_pool.close()
        source.close()
        client.close()
    return {**collector.result(), "warnings": collector.warnings}


def test_points_find_their_instance(serve: Callable[..., Any]) -> None:
    """Each instance is queried for its points, except an instance that is reported without points."""
    server = serve(appliance(honours_filter=True))
    result = read(server)
    assert count_by_instance(result) == {"vm-1": 1, "vm-2": 1, "vm-3": 0}
    assert not any("vm-3" in call for call in server.calls())
    assert [each["workload_name"] for each in read(server, workload_names=("WEB-02",))["workloads"]] == ["web-02"]


def count_by_instance(result: dict[str, Any]) -> dict[str | None, int]:
    """Return instance -> number of points; None for points without an instance."""
    return {each.get("workload_id"): each["recovery_points"] for each in result["workloads"]}


def count_full_listing_pages(server: Any) -> int:
    """Count requested pages of the full listing, except requests that only read the total."""
    calls = [call for call in server.calls() if "/restorePoints?" in call and "VirtualMachineId" not in call]
    return sum("Limit=1&" not in call and not call.endswith("Limit=1") for call in calls)


def test_full_listing_is_skipped_if_instances_list_all_points(serve: Callable[..., Any]) -> None:
    """The full listing is not needed for a name filter either."""
    server = serve(appliance())
    assert read(server)["totals"]["recovery_points"] == 2
    assert count_full_listing_pages(server) == 0
    assert read(server, workload_names=("web-02",))["totals"]["recovery_points"] == 1
    assert read(server, workload_names=("nobody",))["totals"]["recovery_points"] == 0
    assert count_full_listing_pages(server) == 0


def test_a_total_that_is_too_small_is_detected(serve: Callable[..., Any]) -> None:
    """Two points of instances and a total of two; after the second there is a third point without an instance."""
    server = serve(appliance(total_off_by=-1, others=(("p-3", "gone"),)))
    result = read(server)
    assert count_by_instance(result) == {None: 1, "vm-1": 1, "vm-2": 1, "vm-3": 0}
    assert count_full_listing_pages(server) > 0


def test_full_listing_is_read_if_requests_after_the_last_point_fail(serve: Callable[..., Any]) -> None:
    """It is not proven that no point is left, so the full listing is read."""
    server = serve(appliance(answers_behind=False))
    assert read(server)["totals"]["recovery_points"] == 2
    assert count_full_listing_pages(server) > 0


@pytest.mark.parametrize("off_by", [1, 40])
def test_a_total_that_is_too_large_proves_nothing(serve: Callable[..., Any], off_by: int) -> None:
    """The full listing is read and found to be incomplete."""
    server = serve(appliance(total_off_by=off_by))
    result = read(server)
    assert count_by_instance(result) == {"vm-1": 1, "vm-2": 1, "vm-3": 0}
    assert result["complete"] is False
    assert "incomplete" in result["errors"][0]["message"]
    assert count_full_listing_pages(server) > 0


def test_points_without_an_instance_or_with_two(serve: Callable[..., Any]) -> None:
    """Points that were read by instance are added again from the full listing, and none of them twice."""
    result = read(serve(appliance(others=(("p-3", "gone"), ("p-4", "gone")))))
    assert count_by_instance(result) == {None: 2, "vm-1": 1, "vm-2": 1, "vm-3": 0}
    assert result["totals"]["recovery_points"] == 4
    server = serve(appliance(others=(("p-1", "vm-2"), ("p-3", "vm-2"))))
    result = read(server)
    assert count_by_instance(result) == {None: 1, "vm-1": 0, "vm-2": 2, "vm-3": 0}
    assert any("does not report the instance of some restore points" in warning for warning in result["warnings"])
    with pytest.raises(AuditError, match="workload_names"):
        read(server, workload_names=("web-*",))


def test_an_ignored_filter_is_detected(serve: Callable[..., Any]) -> None:
    """No instance gets the points of all others, and a name filter fails instead of returning wrong points."""
    server = serve(appliance(honours_filter=False))
    result = read(server)
    assert count_by_instance(result) == {None: 2, "vm-1": 0, "vm-2": 0, "vm-3": 0}
    assert any("does not report the instance of some restore points" in warning for warning in result["warnings"])
    with pytest.raises(AuditError, match="workload_names"):
        read(server, workload_names=("web-01",))


def test_the_newest_supported_revision_is_used(serve: Callable[..., Any]) -> None:
    """A rejected revision is not treated as a rejected password, and the older path is used."""
    server = serve(appliance(honours_filter=True, served="1.0-rev0", path="vmRestorePoints"))
    result = read(server)
    assert result["server"]["scope"]["api_version"] == "1.0-rev0"
    assert result["totals"]["recovery_points"] == 2
    log_ins = [call for call in server.calls() if call == "POST /api/v1/token"]
    assert len(log_ins) == len(API_VERSIONS)
    with pytest.raises(AuditError, match=r"1\.2-rev0"):
        read(server, api_version="1.2-rev0")


def test_sample_of_version_1() -> None:
    """It is parsed. Without a jobType its usability is unknown."""
    (record,) = read_sample("veeam_aws/points_1.0.yml")["results"]
    parsed = point(record)
    assert format_time(parsed.created) == "2026-11-18T02:15:44.908Z"
    assert (parsed.kind, parsed.usable, parsed.size_bytes) == ("unknown", None, 8053063680)
