# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Veeam Backup for AWS: records -> points, and a filter that is believed only where it is proved."""

from __future__ import annotations

import json
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
from tests.tools.project import VENDORS

STRANGE: tuple[Any, ...] = (None, [], {}, "x", -1, True, 1.5)
SAMPLES = VENDORS / "veeam_cloud" / "samples"
MACHINES = [
    {"id": "vm-1", "name": "web-01", "location": {"id": "r-1", "name": "eu-1"}, "backupDestinations": ["AwsBlob"]},
    {"id": "vm-2", "name": "web-02", "location": {"id": "r-1", "name": "eu-1"}, "backupDestinations": ["Snapshot"]},
    {"id": "vm-3", "name": "new-03", "location": {"id": "r-1", "name": "eu-1"}, "backupDestinations": []},
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
        "regionId": "r-1",
        **more,
    }


def point(record: dict[str, Any], encrypted: bool | None = None) -> RecoveryPoint:
    """The point of a record whose instance runs in r-1."""
    workload = Workload(id="vm-1", name="web-01")
    names = {"r-1": "eu-1", "r-2": "us-1"}
    return records.point_of(record, workload, home="r-1", regions=names, encrypted=encrypted, include_raw=False)


def test_a_backup() -> None:
    """What is told, and that nothing is made of what is not: no state, no kind, no place, no key of a disk."""
    told = point(row())
    assert format_time(told.created) == "2026-11-20T11:23:27.321Z"
    assert (told.kind, told.status, told.usable, told.size_bytes) == ("unknown", "unknown", True, 4096)
    assert (told.encrypted, told.offsite, told.immutable, told.copies) == (None, None, None, None)
    implied = point(row(), encrypted=True)
    assert (implied.encrypted, implied.estimated) == (True, ("encrypted",))


def test_snapshots_and_replicas() -> None:
    """A snapshot lies beside the disk; a replica is elsewhere only if its region is another one."""
    snapshot = point(row(jobType="ManualSnapshot"), encrypted=True)
    assert (snapshot.kind, snapshot.offsite, snapshot.immutable, snapshot.encrypted) == ("snapshot", False, False, None)
    assert snapshot.estimated == ("size_bytes",)
    assert point(row(jobType="Snapshot", backupSizeBytes=0)).size_bytes is None
    replica = point(row(jobType="Replica", regionId="r-2"))
    assert (replica.kind, replica.offsite, replica.usable) == ("replica", True, True)
    assert [copy.location for copy in replica.copies or ()] == ["us-1"]
    assert point(row(jobType="Replica")).offsite is None
    assert point(row(jobType="Replica", regionId=None)).offsite is None
    strange = point(row(jobType="Telepathy"))
    assert (strange.kind, strange.usable) == ("unknown", None)


def test_times() -> None:
    """Without a zone they are UTC; without a time there is no point."""
    assert format_time(point(row(pointInTime="2026-11-20T11:23:27Z")).created) == "2026-11-20T11:23:27Z"
    for strange in (None, "", "yesterday", 5):
        with pytest.raises(AuditError, match="p-1"):
            point(row(pointInTime=strange))


def test_strange_members_are_survived() -> None:
    """Members of another type than documented make facts unknown and never raise."""
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
    """What an appliance answers that holds two points, of two of its three instances, and perhaps ``others``."""
    points = (("p-1", "vm-1"), ("p-2", "vm-2"), *others)

    def answer(asked: Any) -> tuple[int, dict[str, str], Any]:
        parts = urlsplit(asked.path)
        query = parse_qs(parts.query)
        if asked.headers.get("x-api-version") != served:
            return 400, {}, {"title": "Unsupported API version", "errorCode": "InvalidURI"}
        if parts.path == "/api/v1/token":
            return 200, {}, {"access_token": "token-of-this-test"}
        if parts.path == "/api/v1/virtualMachines":
            return 200, {}, page(MACHINES, query)
        if parts.path == f"/api/v1/{path}":
            owner = query.get("VirtualMachineId", [None])[0] if honours_filter else None
            owned = {ident: None for ident, vm in points if owner in (None, vm)}
            told = page([row(id=ident) for ident in owned], query)
            if owner is None:
                told["totalCount"] += total_off_by
                if not told["results"] and not answers_behind:
                    return 400, {}, {"title": "Offset is out of range"}
            return 200, {}, told
        return 404, {}, {}

    return answer


def page(rows: list[dict[str, Any]], query: dict[str, list[str]]) -> dict[str, Any]:
    """One page of a listing."""
    start = int(query["Offset"][0])
    return {"totalCount": len(rows), "results": rows[start : start + int(query["Limit"][0])]}


def read(server: Any, *, names: tuple[str, ...] = (), api_version: str | None = None) -> dict[str, Any]:
    """The READ of such an appliance."""
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
    collector = Collector("here", "veeam_aws", names=names)
    source = VeeamAws(client, settings, thread_pool)
    try:
        source.collect(collector)
    finally:
        thread_pool.close()
        source.close()
        client.close()
    return {**collector.result(), "warnings": collector.warnings}


def test_points_find_their_instance(serve: Callable[..., Any]) -> None:
    """Each is asked for its own; the one that is said to have none is not asked."""
    server = serve(appliance(honours_filter=True))
    told = read(server)
    assert by_instance(told) == {"vm-1": 1, "vm-2": 1, "vm-3": 0}
    assert not any("vm-3" in call for call in server.calls())
    assert [each["workload_name"] for each in read(server, names=("WEB-02",))["workloads"]] == ["web-02"]


def by_instance(told: dict[str, Any]) -> dict[str | None, int]:
    """How many points each instance has; None has those of nobody."""
    return {each.get("workload_id"): each["recovery_points"] for each in told["workloads"]}


def list_of_all(server: Any) -> int:
    """How many pages of the list of all points were asked for, but for those of which only the total was wanted."""
    asked = [call for call in server.calls() if "/restorePoints?" in call and "VirtualMachineId" not in call]
    return sum("Limit=1&" not in call and not call.endswith("Limit=1") for call in asked)


def test_what_the_instances_list_may_be_all(serve: Callable[..., Any]) -> None:
    """Then the list of all is not read; names need none of it."""
    server = serve(appliance())
    assert read(server)["totals"]["recovery_points"] == 2
    assert list_of_all(server) == 0
    assert read(server, names=("web-02",))["totals"]["recovery_points"] == 1
    assert read(server, names=("nobody",))["totals"]["recovery_points"] == 0
    assert list_of_all(server) == 0


def test_a_total_that_is_too_small_shows(serve: Callable[..., Any]) -> None:
    """Two points of instances and a total of two; behind the second stands a third, which is nobody's."""
    server = serve(appliance(total_off_by=-1, others=(("p-3", "gone"),)))
    told = read(server)
    assert by_instance(told) == {None: 1, "vm-1": 1, "vm-2": 1, "vm-3": 0}
    assert list_of_all(server) > 0


def test_nothing_can_be_asked_for_behind_the_last_point(serve: Callable[..., Any]) -> None:
    """Then there is no proof that nothing is there, and the list of all is read."""
    server = serve(appliance(answers_behind=False))
    assert read(server)["totals"]["recovery_points"] == 2
    assert list_of_all(server) > 0


@pytest.mark.parametrize("off_by", [1, 40])
def test_a_total_that_is_too_large_is_no_proof(serve: Callable[..., Any], off_by: int) -> None:
    """The list of all is read, and found to be incomplete."""
    server = serve(appliance(total_off_by=off_by))
    with pytest.raises(AuditError, match="incomplete"):
        read(server)
    assert list_of_all(server) > 0


def test_points_of_nobody_and_of_two(serve: Callable[..., Any]) -> None:
    """What is told instance by instance is told anew from the list of all, and nothing twice."""
    told = read(serve(appliance(others=(("p-3", "gone"), ("p-4", "gone")))))
    assert by_instance(told) == {None: 2, "vm-1": 1, "vm-2": 1, "vm-3": 0}
    assert told["totals"]["recovery_points"] == 4
    server = serve(appliance(others=(("p-1", "vm-2"), ("p-3", "vm-2"))))
    told = read(server)
    assert by_instance(told) == {None: 1, "vm-1": 0, "vm-2": 2, "vm-3": 0}
    assert any("whose restore points" in warning for warning in told["warnings"])
    with pytest.raises(AuditError, match="names"):
        read(server, names=("web-*",))


def test_filter_that_is_ignored(serve: Callable[..., Any]) -> None:
    """Then nobody gets the points of all; asking for names fails instead of finding too much or too little."""
    server = serve(appliance(honours_filter=False))
    told = read(server)
    assert by_instance(told) == {None: 2, "vm-1": 0, "vm-2": 0, "vm-3": 0}
    assert any("whose restore points" in warning for warning in told["warnings"])
    with pytest.raises(AuditError, match="names"):
        read(server, names=("web-01",))


def test_the_newest_revision_that_is_served(serve: Callable[..., Any]) -> None:
    """A refused revision is no refused password; the older path is found."""
    server = serve(appliance(honours_filter=True, served="1.0-rev0", path="vmRestorePoints"))
    told = read(server)
    assert told["server"]["scope"]["api_version"] == "1.0-rev0"
    assert told["totals"]["recovery_points"] == 2
    log_ins = [call for call in server.calls() if call == "POST /api/v1/token"]
    assert len(log_ins) == len(API_VERSIONS)
    with pytest.raises(AuditError, match=r"1\.2-rev0"):
        read(server, api_version="1.2-rev0")


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the vendor's examples are not here")
def test_example_of_the_vendor() -> None:
    """It goes through; that it names no jobType makes it of unknown use."""
    (told,) = json.loads((SAMPLES / "vbaws_1.0-rev0_vmRestorePoints_excerpt.json").read_text("utf-8"))["results"]
    made = point(told)
    assert format_time(made.created) == "2020-03-31T11:23:27.321Z"
    assert (made.kind, made.usable, made.size_bytes) == ("unknown", None, 45097156608)
