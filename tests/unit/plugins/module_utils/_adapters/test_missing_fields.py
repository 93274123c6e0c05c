# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fields that a server omits. Each case once gave a false attribute or a traceback."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from tests.fuzz.damage import DROP, NULL, Damage, apply_damages, sites
from tests.fuzz.reading import ReadResult
from tests.fuzz.replay import get_recording

Points = list[dict[str, Any]]


def without(setup: str, *ends: str) -> tuple[ReadResult, ReadResult]:
    """Return (complete result, result without all fields whose names have these endings)."""
    recording = get_recording(setup)
    found = sites(recording.documents)
    losses = [Damage(DROP, tuple(where), name) for name, where in found.items() if name.endswith(ends)]
    assert losses
    return recording.original, recording.replay(apply_damages(recording.documents, losses, random.Random(0)))


def ids(points: Points, chosen: Callable[[dict[str, Any]], bool]) -> set[str]:
    """Return the ids of the points that match."""
    return {point["id"] for point in points if chosen(point)}


def test_spp_a_point_without_a_type_may_be_a_snapshot() -> None:
    original, less = without("spp", "protectionInfo.subPolicyType")
    assert {point["kind"] for point in original.points} >= {"snapshot", "incremental"}
    assert {(point["kind"], point["usable"], point["copies"] is None) for point in less.points} == {
        ("unknown", None, True)
    }


def test_spp_a_malformed_workload_is_an_error() -> None:
    recording = get_recording("spp with copies")
    (where,) = [
        where for name, where in sites(recording.documents).items() if name.endswith("hypervisorvm body.children.[]")
    ]
    found = recording.replay(apply_damages(recording.documents, [Damage(NULL, (where[0],))], random.Random(0)))
    assert "is not an object" in str(found.error)
    assert 0 < len(found.points) < len(recording.original.points)


def test_spp_a_malformed_site_has_no_name() -> None:
    """Only the name of one site is lost; sites are distinguished by id."""
    recording = get_recording("spp with copies")
    (where,) = [where for name, where in sites(recording.documents).items() if name.endswith("/site body.sites.[]")]
    found = recording.replay(apply_damages(recording.documents, [Damage(NULL, (where[0],))], random.Random(0)))
    assert found.error is None
    assert [point["offsite"] for point in found.points] == [point["offsite"] for point in recording.original.points]


def test_spp_unreadable_policies_imply_nothing() -> None:
    recording = get_recording("spp")
    assert [point for point in recording.original.points if point["encrypted"]]
    where = sites(recording.documents)["GET /ngp/slapolicy body.slapolicies.[]"]
    found = recording.replay(apply_damages(recording.documents, [Damage(NULL, tuple(where))], random.Random(0)))
    assert {point["encrypted"] for point in found.points} == {None}


def test_vprotect_a_backup_without_locations_may_be_removed() -> None:
    original, less = without("vprotect", "/backups body.[].backupLocations")
    gone = ids(original.points, lambda point: point["usable"] is False and point["status"] == "success")
    assert gone
    assert ids(less.points, lambda point: point["usable"] is True) == set()


def test_vprotect_a_record_without_a_type_may_be_a_copy() -> None:
    original, less = without("vprotect", "/backups body.[].type")
    assert len(less.points) > len(original.points)
    assert ids(less.points, lambda point: point["usable"] is True) == set()


def test_aws_an_instance_without_existence_field_may_be_deleted() -> None:
    original, less = without("aws", "body.results.[].isDeleted")
    assert {point["in_inventory"] for point in original.points} >= {True, False}
    assert {point["in_inventory"] for point in less.points} <= {None}


@pytest.mark.parametrize("listing", ["virtualMachines", "sql", "fileShares", "cosmosDb/continuous", "vnets"])
def test_azure_a_point_without_a_time_is_an_error(listing: str) -> None:
    _whole, less = without("azure v8.1", f"/{listing} body.results.[].pointInTime")
    assert "restore point " in str(less.error)
    assert "None is not a valid RFC 3339 time" in str(less.error)


def test_azure_a_point_in_a_repository_is_not_continuous() -> None:
    original, less = without("azure v8.1", "/cosmosDb/repository body.results.[].backupDestination")
    kinds = {point["id"]: point["kind"] for point in original.points}
    changed = [point for point in less.points if point["kind"] != kinds[point["id"]]]
    assert [point for point in changed if point["usable"] is True] == []


def test_azure_networks_without_a_region_have_no_id() -> None:
    original, less = without("azure v8.1", "/vnets body.results.[].regionName", "/vnets body.results.[].regionId")
    networks = [point for point in original.points if point["workload_type"] == "network"]
    assert len({point["workload_id"] for point in networks}) > 1
    workload_ids = {point["workload_id"] for point in less.points if point["workload_type"] == "network"}
    assert workload_ids == {None}


@pytest.mark.parametrize(
    ("setup", "member"),
    [
        ("vbr 1.3-rev2", "/replicaPoints body.data.[].name"),
        ("vbr 1.3-rev2", "/replicaPoints body.data.[].replicaId"),
        ("em 12", "AgentRestorePoints.[].Name"),
        ("em 12", "VmReplicaPoints.[].Links"),
    ],
)
def test_veeam_incomplete_identities_are_unknown(setup: str, member: str) -> None:
    _whole, less = without(setup, member)
    assert less.error is None
    idents = [point["workload_id"] for point in less.points]
    assert None in idents
    assert not [ident for ident in idents if ident and "None" in ident]


def test_unitrends_a_backup_without_completion_field_may_be_running() -> None:
    original, less = without("unitrends", "/backups/ body.data.[].complete")
    running = ids(original.points, lambda point: point["status"] == "running")
    assert running
    assert not running & ids(less.points, lambda point: point["usable"] is True)


def test_unitrends_machines_of_one_host_without_numbers_stay_separate() -> None:
    original, less = without("unitrends", "/backups/ body.data.[].instance_id")
    names = {point["id"]: point["workload_name"] for point in original.points}
    machines = [point for point in less.points if point["workload_type"] == "vm" and point["id"] in names]
    assert machines
    assert all(point["workload_name"] == names[point["id"]] for point in machines)
    assert {point["workload_id"] for point in machines} == {None}


def test_unitrends_a_machine_is_not_named_after_its_host() -> None:
    _whole, less = without("unitrends", "/backups/ body.data.[].vm_name", "/backups/ body.data.[].asset_name")
    names = {point["workload_name"] for point in less.points if point["workload_type"] == "vm"}
    assert not [name for name in names if name and ("hyperv" in name or "vcenter" in name)]


@pytest.mark.parametrize("member", ["/assets/ body.data", "/assets/ body.data.[].id", "children.[].children.[].id"])
def test_unitrends_workloads_missing_in_an_unreadable_inventory_are_not_gone(member: str) -> None:
    original, less = without("unitrends", member)
    assert {point["in_inventory"] for point in original.points} >= {True}
    assert {point["in_inventory"] for point in less.points} <= {True, None}
    assert [
        warning
        for warning in less.warnings
        if warning.startswith("inventory of system ") and "unprotected workloads cannot be detected" in warning
    ]
