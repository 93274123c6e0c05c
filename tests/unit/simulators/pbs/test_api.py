# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulated Proxmox Backup Server compared with its ground truth: login, permissions, listings, versions."""

from __future__ import annotations

from collections import Counter
from typing import Any
from urllib.parse import quote

import pytest

from tests.simulators.ground_truth import SECOND, as_moment, from_iso
from tests.unit.simulators.pbs.client import API, PbsClient, Row

ROOT = "/admin/datastore/berlin-disk-1"
# The second one has no groups of its own.
DEEPER = ["production/critical", "production/mail", "production/mail/archive"]


@pytest.fixture
def pbs(ready: dict[str, Any]) -> PbsClient:
    api_client = PbsClient(ready)
    api_client.control("reset", {})
    api_client.use_token()
    return api_client


def group_key(row: Row) -> tuple[str, str]:
    return row["backup-type"], row["backup-id"]


# Login


def test_a_token_is_sent_in_a_header(pbs: PbsClient) -> None:
    login = pbs.account("token")
    assert (pbs.entry["token_id"], pbs.entry["token_secret"]) == (login["username"], login["password"])
    assert pbs.data("/version")["version"] == "4.2"
    for header in ("PBSAPIToken {0}:{1}", "PVEAPIToken={0}={1}", "PBSAPIToken={0}={1}", "PBSAPIToken={0}:wrong"):
        pbs.headers = {"Authorization": header.format(login["username"], login["password"])}
        expected = (200, "") if header.startswith("PBSAPIToken {") else (401, "authentication failed")
        status, text = pbs.refusal("/version")
        assert (status, text if status != 200 else "") == expected


def test_a_ticket_cookie_is_valid_after_a_restart(pbs: PbsClient) -> None:
    pbs.log_in()
    assert pbs.data("/version")
    assert pbs.control("sessions") == {"open": 0}
    entry = pbs.account("main")
    assert pbs.request_ticket(entry["username"], "wrong").status_code == 401
    assert pbs.request_ticket("audit", entry["password"]).status_code == 400
    assert pbs.request_ticket(pbs.entry["token_id"], pbs.entry["token_secret"]).status_code == 401


def test_a_second_factor_is_a_challenge_instead_of_a_ticket(pbs: PbsClient) -> None:
    pbs.variant(second_factor=True)
    entry = pbs.account("main")
    ticket = pbs.request_ticket(entry["username"], entry["password"]).json()["data"]["ticket"]
    assert ticket.startswith("PBS:!tfa!")
    pbs.headers = {"Cookie": f"PBSAuthCookie={ticket}"}
    assert pbs.refusal("/version") == (401, "authentication failed")


# Permissions


@pytest.mark.parametrize(
    ("account", "stores", "namespaces"),
    [
        ("token", 4, ["", "production", *DEEPER]),
        ("one_store", 1, ["", "production", *DEEPER]),
        ("one_namespace", 1, ["production", *DEEPER]),
        ("not_propagated", 0, []),
        ("nothing", 0, []),
    ],
)
def test_objects_without_permission_are_omitted(
    pbs: PbsClient, account: str, stores: int, namespaces: list[str]
) -> None:
    if "!" in pbs.account(account)["username"]:
        pbs.use_token(account)
    else:
        pbs.log_in(account)
    assert len(pbs.stores()) == stores
    if namespaces:
        assert [row["ns"] for row in pbs.data(f"{ROOT}/namespace")] == namespaces
    permissions = pbs.data("/access/permissions")
    assert {
        "token": permissions.get("/datastore") == {"Datastore.Audit": True},
        "one_store": "/datastore" not in permissions,
        "one_namespace": "/datastore/berlin-disk-1" not in permissions,
        "not_propagated": permissions.get("/datastore") == {"Datastore.Audit": False},
        "nothing": permissions == {},
    }[account]


def test_an_account_for_backups_sees_only_its_own_groups(pbs: PbsClient) -> None:
    complete = pbs.listings("groups")
    pbs.log_in("owner")
    own = pbs.listings("groups")
    assert own.keys() == complete.keys()
    assert {row["owner"] for rows in own.values() for row in rows} == {"backup-gold@pbs"}
    assert 0 < sum(map(len, own.values())) < sum(map(len, complete.values()))


def test_a_namespace_without_permission_is_rejected(pbs: PbsClient) -> None:
    pbs.use_token("one_namespace")
    status, text = pbs.refusal(f"{ROOT}/snapshots")
    assert (status, "missing Datastore.Audit|Datastore.Backup on /datastore/berlin-disk-1" in text) == (403, True)
    status = pbs.data(f"{ROOT}/status", verbose=1)
    assert (status["total"], "gc-status" in status) == (0, False)
    rows = [row for listed in pbs.listings("snapshots").values() for row in listed]
    assert sum(one["snapshots"] for one in status["counts"].values() if one) == len(rows) > 0


def test_the_role_noaccess_hides_a_namespace_except_in_counts(pbs: PbsClient) -> None:
    before = pbs.data(f"{ROOT}/status", verbose=1)["counts"]
    pbs.log_in("hidden_namespace")
    permissions = pbs.data("/access/permissions")
    assert permissions["/datastore"] == {"Datastore.Audit": True}
    assert "/datastore/berlin-disk-1/production" not in permissions
    assert [row["ns"] for row in pbs.data(f"{ROOT}/namespace")] == [""]
    assert pbs.refusal(f"{ROOT}/snapshots", ns="production")[0] == 403
    assert pbs.data(f"{ROOT}/status", verbose=1)["counts"] == before


# Listings


def test_every_point_is_a_snapshot_counted_by_its_group(pbs: PbsClient) -> None:
    groups, snapshots = pbs.listings("groups"), pbs.listings("snapshots")
    for place, rows in groups.items():
        assert {group_key(row): row["backup-count"] for row in rows} == Counter(map(group_key, snapshots[place]))
    assert sum(map(len, snapshots.values())) == len(pbs.lists["points"])
    by_id = {
        f"{store}/{namespace}".rstrip("/") + f"/{row['backup-type']}/{row['backup-id']}": row
        for (store, namespace), rows in snapshots.items()
        for row in rows
    }
    listed = {pbs.lists["workloads"][work["key"]] for work in pbs.works() if pbs.get_points(work)}
    assert by_id.keys() == listed


def test_guest_ids_can_repeat_in_other_namespaces(pbs: PbsClient) -> None:
    places = Counter(
        row["backup-id"] for rows in pbs.listings("groups").values() for row in rows if row["backup-type"] == "vm"
    )
    assert places["100"] > 1


def test_the_status_counts_visible_snapshots(pbs: PbsClient) -> None:
    snapshots = [one for (store, _ns), rows in pbs.listings("snapshots").items() if store in ROOT for one in rows]
    counts = pbs.data(f"{ROOT}/status", verbose=1)["counts"]
    assert sum(one["snapshots"] for one in counts.values() if one) == len(snapshots)
    assert counts["other"] is None
    pbs.variant(hidden_groups="owner")
    shorter = [one for (store, _ns), rows in pbs.listings("snapshots").items() if store in ROOT for one in rows]
    assert len(shorter) < len(snapshots)
    assert pbs.data(f"{ROOT}/status", verbose=1)["counts"] == counts


def test_namespaces_by_parent_and_depth(pbs: PbsClient) -> None:
    path = f"{ROOT}/namespace"
    assert [row["ns"] for row in pbs.data(path, **{"max-depth": 1})] == ["", "production"]
    assert [row["ns"] for row in pbs.data(path, parent="production", **{"max-depth": 0})] == ["production"]
    assert len(pbs.data(path, parent="production")) == 4


def test_unknown_parameters_are_rejected(pbs: PbsClient) -> None:
    status, text = pbs.refusal(f"{ROOT}/snapshots", limit=1)
    assert (status, "'limit': schema does not allow additional properties" in text) == (400, True)


def test_an_offline_datastore_is_listed_and_rejects_requests(pbs: PbsClient) -> None:
    pbs.variant(offline="berlin-disk-1")
    listed = {row["store"]: row.get("maintenance") for row in pbs.data("/admin/datastore")}
    assert listed["berlin-disk-1"] == "offline,message=disk swap tonight"
    for call in ("namespace", "groups", "snapshots", "status"):
        status, text = pbs.refusal(f"{ROOT}/{call}")
        assert (status, text) == (
            400,
            "datastore 'berlin-disk-1' is unavailable: offline maintenance mode: disk swap tonight",
        )
    assert any("error" in row for row in pbs.data("/status/datastore-usage"))
    pbs.variant(maintenance="delete")
    assert pbs.refusal(f"{ROOT}/groups")[1].endswith("is unavailable: datastore is being deleted")
    pbs.variant(maintenance="read-only")
    assert pbs.data(f"{ROOT}/snapshots")


# Snapshots


def find_snapshots(pbs: PbsClient, name: str) -> list[Row]:
    """Return the snapshots of a workload, newest first."""
    ident = pbs.lists["workloads"][pbs.workload(name)["key"]]
    store, *between, backup_type, backup_id = ident.split("/")
    query = {"ns": "/".join(between), "backup-type": backup_type, "backup-id": backup_id}
    rows: list[Row] = pbs.data(f"/admin/datastore/{store}/snapshots", **query)
    return sorted(rows, key=lambda row: -row["backup-time"])


def test_an_unfinished_upload_has_no_manifest(pbs: PbsClient) -> None:
    newest = find_snapshots(pbs, "batch-night")[0]
    assert newest["files"] == []
    assert newest.keys().isdisjoint({"size", "verification", "fingerprint", "comment"})
    group = next(row for row in pbs.data(f"{ROOT}/groups", ns="") if row["backup-id"] == newest["backup-id"])
    finished = [row["backup-time"] for row in find_snapshots(pbs, "batch-night") if row["files"]]
    assert group["last-backup"] == max(finished) < newest["backup-time"]
    assert "index.json.blob" in group["files"]
    pbs.variant(uploaded_files=1)
    assert find_snapshots(pbs, "batch-night")[0]["files"] == [{"filename": "qemu-server.conf.blob"}]


def test_verifications_have_their_task(pbs: PbsClient) -> None:
    damaged = find_snapshots(pbs, "mail-01")[0]
    assert damaged["verification"]["state"] == "failed"
    points = pbs.get_points(pbs.workload("web-01"))
    for row, point in zip(find_snapshots(pbs, "web-01"), points, strict=True):
        assert row["backup-time"] == as_moment(from_iso(point["created_at"])) // SECOND
        assert ("verification" in row) is point["integrity_checked"]
        if "verification" in row:
            parts = row["verification"]["upid"].split(":")
            assert int(parts[5], 16) == as_moment(from_iso(point["checked_at"])) // SECOND
            assert parts[7].startswith("berlin\\x2ddisk\\x2d1\\x3a")


def test_copies_keep_the_verification_of_another_server(pbs: PbsClient) -> None:
    pbs.variant(synced=True)
    rows = pbs.listings("snapshots")["dr-copies", "from-berlin"]
    assert {row["verification"]["upid"].split(":")[1] for row in rows if "verification" in row} == {"pbs-frankfurt"}
    job = pbs.data("/admin/sync", **{"sync-direction": "all"})[0]
    assert (job["remote"], job["ns"], "sync-direction" in job) == ("frankfurt", "from-berlin", False)


def test_encryption_is_reported_per_file(pbs: PbsClient) -> None:
    modes = {one["filename"]: one.get("crypt-mode") for one in find_snapshots(pbs, "web-01")[0]["files"]}
    assert modes == {
        "qemu-server.conf.blob": "encrypt",
        "drive-scsi0.img.fidx": "encrypt",
        "index.json.blob": "sign-only",
        "client.log.blob": None,
    }
    pbs.variant(mixed_encryption=True)
    mixed = find_snapshots(pbs, "web-01")[0]
    assert [one.get("crypt-mode") for one in mixed["files"]] == ["none", "encrypt", "sign-only", None]
    assert "fingerprint" in mixed


def test_an_unreadable_manifest_gives_only_file_names(pbs: PbsClient) -> None:
    pbs.variant(unreadable_manifests=True)
    newest = find_snapshots(pbs, "web-01")[0]
    assert {name for one in newest["files"] for name in one} == {"filename"}
    assert "index.json.blob" in [one["filename"] for one in newest["files"]]
    assert "size" not in newest


def test_groups_that_the_server_omits(pbs: PbsClient) -> None:
    groups = pbs.data(f"{ROOT}/groups")
    pbs.variant(hidden_groups="owner")
    assert len(pbs.data(f"{ROOT}/groups")) == len(groups) - 1
    pbs.variant(hidden_groups="snapshots")
    assert len(pbs.data(f"{ROOT}/groups")) == len(groups) - 1
    assert pbs.refusal(f"{ROOT}/snapshots")[0] == 400


# Versions


def test_versions(pbs: PbsClient) -> None:
    pbs.variant(empty_groups=True)
    empty = [row for row in pbs.data(f"{ROOT}/groups") if row["backup-count"] == 0]
    assert [row["last-backup"] for row in empty] == [0]
    pbs.variant(version="4.0.16")
    assert all(row["backup-count"] for row in pbs.data(f"{ROOT}/groups"))
    assert all("backend-type" not in row for row in pbs.data("/admin/datastore"))
    pbs.variant(version="3.2.2")
    status, text = pbs.refusal("/admin/sync", **{"sync-direction": "all"})
    assert (status, "sync-direction" in text) == (400, True)
    assert all("mount-status" not in row for row in pbs.data("/admin/datastore"))
    pbs.variant(version="2.1.10")
    assert pbs.data("/version")["release"] == "10"
    for path in (f"{ROOT}/namespace", "/admin/prune", "/admin/gc"):
        assert pbs.refusal(path) == (404, f"Path '{API}{path}' not found.")
    assert pbs.refusal(f"{ROOT}/snapshots", ns="")[0] == 400


def test_the_superuser_sees_the_node_and_its_tasks(pbs: PbsClient) -> None:
    pbs.log_in("superuser")
    assert pbs.data("/access/permissions")["/datastore"]["Datastore.Audit"] is True
    node = pbs.data("/nodes")[0]["node"]
    assert pbs.data(f"/nodes/{node}/status")["uptime"] > 0
    tasks = pbs.data(f"/nodes/{node}/tasks", limit=0)
    assert {task["worker_type"] for task in tasks} == {"verificationjob", "prunejob", "garbage_collection"}
    assert pbs.data("/nodes/localhost/tasks", limit=2) == tasks[:2]
    status = pbs.data(f"/nodes/{node}/tasks/{quote(tasks[0]['upid'])}/status")
    assert status["exitstatus"] == "OK"
    assert pbs.refusal("/nodes/elsewhere/status")[0] == 400


def test_requests_of_other_clients(pbs: PbsClient) -> None:
    assert pbs.data("/ping") == {"pong": True}
    assert pbs.refusal("/nodes") == (403, "permission check failed")
    assert pbs.data("/nodes/localhost/tasks", limit=5) == []
    assert pbs.refusal("/nodes/localhost/status")[0] == 403
    assert pbs.data(f"{ROOT}/gc")["last-run-state"] == "OK"
    assert pbs.data("/admin/gc")
    assert pbs.data("/tape/media/content")[0]["label-text"] == "TAPE001L8"
    assert pbs.data(f"{ROOT}/group-notes", **{"backup-type": "vm", "backup-id": "100"}) == ""
