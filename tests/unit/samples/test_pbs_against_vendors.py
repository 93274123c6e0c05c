# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Recorded responses of a real Proxmox Backup Server give attributes that were derived by hand."""

from __future__ import annotations

from typing import Any

import pytest

from tests.tools.project import VENDORS
from tests.unit.plugins.module_utils._adapters.pbs.documents import count_groups, list_facts, read_documents
from tests.unit.samples.originals import read_original

if not VENDORS.is_dir():
    pytest.skip("the vendors' files are not part of the project", allow_module_level=True)

STATUS: dict[str, Any] = {"data": {"total": 1, "used": 1, "avail": 0, "counts": {}}}
EMPTY: dict[str, Any] = {"data": []}
# The start of the task that verified both namespaces.
TASK_STARTED = "2026-09-28T09:00:38Z"
ROOT = [
    ("store1/host/db01", "success", True, True, TASK_STARTED, True),
    ("store1/host/web01", "success", True, True, TASK_STARTED, False),
    ("store1/host/web01", "success", True, True, TASK_STARTED, False),
    ("store1/host/web01", "running", False, None, None, None),
]
CLUSTER = [
    ("store1/clusterA/vm/100", "failed", False, False, None, False),
    ("store1/clusterA/vm/101", "success", True, True, TASK_STARTED, True),
    # Created after the verification.
    ("store1/clusterA/vm/101", "success", True, None, None, False),
]
# A copy of the first one. The task verified the other datastore.
COPY = ("store2/host/db01", "success", True, None, None, True)


def recorded(name: str) -> Any:
    return read_original(f"pbs/samples/{name}.json")


def list_snapshots(place: str, name: str) -> dict[str, Any]:
    """Return a recorded list of snapshots, and the groups that belong to it."""
    snapshots, (store, _colon, namespace) = recorded(name), place.partition(":")
    suffix = f":{namespace}" if namespace else ""
    listing = f"admin/datastore/{store}"
    return {f"{listing}/snapshots{suffix}": snapshots, f"{listing}/groups{suffix}": count_groups(snapshots)}


def build_server() -> dict[str, Any]:
    """Build the recorded server. Its lists of groups and of snapshots are shortened differently."""
    return {
        "version": recorded("version"),
        "access/permissions": recorded("access_permissions_full"),
        "admin/datastore": recorded("admin_datastore"),
        # The recorded jobs for verification and pruning are those of another server.
        "admin/verify": EMPTY,
        "admin/prune": EMPTY,
        "admin/sync": recorded("admin_sync_all"),
        "admin/datastore/store1/status": STATUS,
        "admin/datastore/store1/namespace": recorded("namespace"),
        **list_snapshots("store1", "snapshots_root"),
        **list_snapshots("store1:clusterA", "snapshots_clusterA"),
        "admin/datastore/store1/groups:clusterA/sub": EMPTY,
        "admin/datastore/store1/snapshots:clusterA/sub": EMPTY,
        "admin/datastore/store2/status": STATUS,
        "admin/datastore/store2/namespace": {"data": [{"ns": ""}]},
        **list_snapshots("store2", "snapshots_sync_target_store2"),
    }


def build_small_server(name: str, **more: Any) -> dict[str, Any]:
    """Build a server with one datastore and one list of snapshots."""
    return {
        **build_server(),
        "admin/datastore": {"data": [{"store": "store1", "comment": None, "backend-type": "filesystem"}]},
        "admin/datastore/store1/namespace": {"data": [{"ns": ""}]},
        **list_snapshots("store1", name),
        **more,
    }


def test_all_of_version_4() -> None:
    found = read_documents(build_server())
    assert found.error is None
    assert list_facts(found) == [*CLUSTER, *ROOT, COPY]
    assert {point["copies"][0]["location_type"] for point in found.points} == {"disk"}
    assert len(found.warnings) == 1
    assert found.warnings[0].startswith("1 snapshots were verified by another server or in another datastore")


def test_groups_with_other_counts() -> None:
    """The recorded list of groups has one snapshot more than the shortened list of snapshots."""
    found = read_documents({**build_server(), "admin/datastore/store1/groups": recorded("groups_root")})
    assert "datastore 'store1': the list of snapshots is incomplete: host/web01 lists 3 of 4" in str(found.error)
    assert list_facts(found) == [*CLUSTER, COPY]


def test_a_group_that_was_never_copied_completely() -> None:
    """It has no snapshot, and the other group has one."""
    snapshots = recorded("snapshots_clusterA")
    snapshots["data"] = [row for row in snapshots["data"] if "fingerprint" in row]
    groups = recorded("groups_failed_sync_target")
    store = "admin/datastore/store1"
    found = read_documents(
        build_small_server("snapshots_root", **{f"{store}/snapshots": snapshots, f"{store}/groups": groups})
    )
    assert found.error is None
    assert list_facts(found) == [("store1/vm/101", "success", True, True, TASK_STARTED, True)]


def test_version_2() -> None:
    documents = build_small_server("snapshots_root")
    documents |= {"version": {"data": {"version": "2.1", "release": "10"}}}
    documents |= {"admin/datastore": recorded("admin_datastore_pbs21")}
    for missing in ("namespace", "prune"):
        error = recorded("errors")["404_path"]
        documents[f"admin/datastore/store1/{missing}"] = (error["status"], error["body"])
    del documents["admin/prune"]
    found = read_documents(documents)
    assert found.error is None
    assert list_facts(found) == ROOT
    assert {point["copies"][0]["location_type"] for point in found.points} == {"disk"}


def test_a_missing_list_of_namespaces_in_version_4() -> None:
    error = recorded("errors")["404_path"]
    found = read_documents(
        build_small_server("snapshots_root", **{"admin/datastore/store1/namespace": (error["status"], error["body"])})
    )
    assert found.points == []
    assert error["body"].rstrip(".") in str(found.error)


@pytest.mark.parametrize("name", ["not_propagated", "scoped"])
def test_permissions_that_do_not_prove_complete_lists(name: str) -> None:
    documents = {**build_server(), "access/permissions": recorded(f"access_permissions_{name}")}
    found = read_documents(documents)
    assert "does not have Datastore.Audit with propagation at /datastore," in str(found.error)
    scoped = {**documents, "admin/datastore/store1/namespace": recorded("namespace_scoped")}
    found = read_documents(scoped, datastores=["store1/clusterA"])
    assert (found.error is None) is (name == "scoped")
    assert list_facts(found) == CLUSTER


def test_an_offline_datastore() -> None:
    error = recorded("errors")["400_offline"]
    documents = {**build_server(), "admin/datastore": recorded("admin_datastore_offline")}
    documents["admin/datastore/store2/namespace"] = (error["status"], error["body"])
    found = read_documents(documents)
    assert error["body"] in str(found.error)
    assert list_facts(found) == [*CLUSTER, *ROOT]


def test_constructed_snapshots() -> None:
    found = read_documents(build_small_server("constructed/snapshots_unreadable_manifest"))
    assert list_facts(found) == [("store1/vm/102", "unknown", None, None, None, None)]
    found = read_documents(build_small_server("constructed/snapshots_verified_elsewhere"))
    assert list_facts(found) == [("store1/vm/103", "success", True, None, None, False)]
    assert found.points[0]["workload_name"] == "app-01"


@pytest.mark.parametrize("jobs", ["verify", "prune"])
def test_a_snapshot_without_files(jobs: str) -> None:
    """Its verification counts if the jobs belong to the same server, but its files are unknown."""
    snapshots = {"data": [recorded("snapshot_pve_vm_weekly_verify")]}
    documents = build_small_server("snapshots_root", **{f"admin/{jobs}": recorded(f"admin_{jobs}")})
    documents["admin/datastore/store1/snapshots"] = snapshots
    documents["admin/datastore/store1/groups"] = count_groups(snapshots)
    found = read_documents(documents)
    assert list_facts(found) == [("store1/vm/152", "unknown", None, True, "2026-10-04T10:00:00Z", None)]
    assert found.points[0]["workload_name"] == snapshots["data"][0]["comment"]
