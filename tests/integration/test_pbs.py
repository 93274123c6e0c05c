# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Features of Proxmox Backup Server: permissions, namespaces, verifications, copies, maintenance, versions."""

from __future__ import annotations

import json

import pytest

from tests.integration.conftest import Simulators
from tests.integration.reading_pbs import PBS, find_row, list_points, list_requests, read_ok, read_pbs

# Permissions


@pytest.mark.parametrize("account", ["one_store", "one_namespace", "not_propagated", "owner", "partly", "nothing"])
def test_results_without_sufficient_permissions_are_incomplete(simulators: Simulators, account: str) -> None:
    ended = read_pbs(simulators, account)
    assert ended.failed
    assert ended.result["failure"]["code"] == "forbidden"
    assert "does not have Datastore.Audit with propagation at /datastore" in ended.message
    assert "so the server silently omits snapshots" in ended.message
    assert "Grant the role DatastoreAudit" in ended.message
    partly = read_ok(simulators, account, allow_partial=True)
    assert partly["complete"] is False
    assert partly["server"]["scope"] == {"datastores": False, "inventory": False}


@pytest.mark.parametrize(
    ("account", "datastores"),
    [
        ("one_store", ["berlin-disk-1"]),
        ("one_namespace", ["berlin-disk-1/production"]),
        (None, ["berlin-disk-1/production/critical", "berlin-disk-2"]),
    ],
)
def test_a_part_of_the_server_can_be_selected(
    simulators: Simulators, account: str | None, datastores: list[str]
) -> None:
    everything = read_ok(simulators)
    part = read_ok(simulators, account, datastores=datastores)
    assert part["complete"] is True
    assert part["server"]["scope"] == {"datastores": True, "inventory": False}
    assert part["selection"]["datastores"] == datastores
    expected = {
        row["workload_id"]
        for row in everything["workloads"]
        if any(str(row["workload_id"]).startswith(f"{name}/") for name in datastores)
    }
    assert {row["workload_id"] for row in part["workloads"]} == expected
    assert expected


def test_a_selection_without_sufficient_permissions_is_incomplete(simulators: Simulators) -> None:
    ended = read_pbs(simulators, "one_namespace", datastores=["berlin-disk-1"])
    assert "does not have Datastore.Audit with propagation at /datastore/berlin-disk-1," in ended.message
    assert "(berlin-disk-1/production)" in ended.message


@pytest.mark.parametrize("name", ["elsewhere", "berlin-disk-1/elsewhere"])
def test_a_selected_part_that_does_not_exist_is_an_error(simulators: Simulators, name: str) -> None:
    ended = read_pbs(simulators, datastores=[name, "berlin-disk-2"])
    assert f"datastore '{name}': it is not listed" in ended.message
    assert "Visible datastores: berlin-disk-1, " in ended.message


# Complete lists


def test_groups_with_an_unreadable_owner_are_reported_as_missing(simulators: Simulators) -> None:
    """They are in no list, but in the server's own count."""
    simulators.ask(PBS, "__variant", {"hidden_groups": "owner"})
    ended = read_pbs(simulators)
    assert "datastore 'berlin-disk-1': the list of snapshots is incomplete: vm: " in ended.message
    assert "but the server counts" in ended.message


def test_a_namespace_without_permission_is_reported_as_missing(simulators: Simulators) -> None:
    """The role NoAccess also hides it from the permissions, but not from the server's own count."""
    ended = read_pbs(simulators, "hidden_namespace")
    assert "datastore 'berlin-disk-1': the list of snapshots is incomplete: vm: " in ended.message
    assert "does not have the role NoAccess at a namespace of the datastore" in ended.message
    selected = read_pbs(simulators, "hidden_namespace", datastores=["berlin-disk-1/production"])
    assert selected.result["failure"]["code"] == "forbidden"


def test_a_status_without_counts_is_reported(simulators: Simulators) -> None:
    simulators.ask(PBS, "__variant", {"counts": False})
    result = read_ok(simulators)
    assert "datastore 'berlin-disk-1': the server's own number of groups cannot be read" in str(result["warnings"])
    assert "has no 'counts'" in str(result["warnings"])


def test_snapshots_that_cannot_be_listed_are_reported_as_missing(simulators: Simulators) -> None:
    simulators.ask(PBS, "__variant", {"hidden_groups": "snapshots"})
    ended = read_pbs(simulators)
    assert "Input/output error" in ended.message
    assert "the read is incomplete: datastore 'berlin-disk-1" in ended.message


def test_a_namespace_is_read_again_if_groups_count_more_snapshots(simulators: Simulators) -> None:
    """Snapshots may be added between the two requests. A list that remains too short is an error."""
    expected = read_ok(simulators)["totals"]
    simulators.reset()
    simulators.ask(PBS, "__variant", {"drift": "add@2"})
    assert read_ok(simulators)["totals"] == expected
    calls = list_requests(simulators)
    assert calls.count("GET /admin/datastore/berlin-disk-2/snapshots") == 2
    simulators.reset()
    simulators.ask(PBS, "__variant", {"drift": "remove@1"})
    ended = read_pbs(simulators)
    assert "the list of snapshots is incomplete: " in ended.message
    assert ended.result["failure"]["code"] == "invalid_response"


def test_namespaces_that_time_out_are_requested_once(simulators: Simulators) -> None:
    """On a stale network file system, each further request would block another thread of the server."""
    rule = {"match": {"path": "*/berlin-disk-1/namespace"}, "fault": "delay", "seconds": 3}
    simulators.ask(PBS, "__faults", [rule])
    ended = read_pbs(simulators, timeout=1, retries=3)
    assert ended.result["failure"]["code"] == "connection_error"
    assert "Timed out after 1 s" in ended.message
    assert list_requests(simulators).count("GET /admin/datastore/berlin-disk-1/namespace") == 1


def test_namespaces_are_requested_again_after_a_broken_connection(simulators: Simulators) -> None:
    rule = {"match": {"path": "*/berlin-disk-1/namespace", "nth": 1}, "fault": "reset_unanswered"}
    simulators.ask(PBS, "__faults", [rule])
    assert read_ok(simulators)["complete"] is True
    assert list_requests(simulators).count("GET /admin/datastore/berlin-disk-1/namespace") == 2
    simulators.reset()
    simulators.ask(PBS, "__faults", [{**rule, "match": {"path": "*/berlin-disk-1/namespace"}}])
    assert "Connection to" in read_pbs(simulators, retries=2).message
    assert list_requests(simulators).count("GET /admin/datastore/berlin-disk-1/namespace") == 3


def test_an_offline_datastore_makes_the_result_incomplete(simulators: Simulators) -> None:
    simulators.ask(PBS, "__variant", {"offline": "berlin-disk-2"})
    ended = read_pbs(simulators)
    assert "the read is incomplete: datastore 'berlin-disk-2'" in ended.message
    assert "datastore 'berlin-disk-2' is unavailable: offline maintenance mode: disk swap tonight" in ended.message
    partly = read_ok(simulators, allow_partial=True)
    assert partly["complete"] is False
    assert partly["totals"]["recovery_points"] > 100
    simulators.ask(PBS, "__variant", {"maintenance": "read-only"})
    assert read_ok(simulators)["complete"] is True


# Snapshots


def test_an_unfinished_upload_is_not_a_recovery_point(simulators: Simulators) -> None:
    for uploaded in (0, 1):
        simulators.ask(PBS, "__variant", {"uploaded_files": uploaded})
        newest = list_points(read_ok(simulators, detail="recovery_points"), "batch-night")[0]
        assert (newest["status"], newest["usable"], newest["encrypted"]) == ("running", False, None)


def test_an_unreadable_manifest_is_unknown(simulators: Simulators) -> None:
    simulators.ask(PBS, "__variant", {"unreadable_manifests": True})
    result = read_ok(simulators, detail="recovery_points")
    newest, next_one = list_points(result, "web-01")[:2]
    assert (newest["status"], newest["usable"], newest["encrypted"]) == ("unknown", None, None)
    assert (next_one["status"], next_one["usable"], next_one["encrypted"]) == ("success", True, True)


def test_one_unencrypted_file_makes_a_snapshot_unencrypted(simulators: Simulators) -> None:
    assert find_row(read_ok(simulators), "web-01")["attributes"]["encrypted"]["count"] == 30
    simulators.ask(PBS, "__variant", {"mixed_encryption": True})
    assert find_row(read_ok(simulators), "web-01")["attributes"]["encrypted"]["count"] == 0


def test_copies_from_another_server_were_not_verified_here(simulators: Simulators) -> None:
    simulators.ask(PBS, "__variant", {"synced": True})
    result = read_ok(simulators, detail="recovery_points")
    points = [point for point in result["recovery_points"] if point["workload_id"].startswith("dr-copies/from-berlin/")]
    assert points
    assert {point["integrity_checked"] for point in points} == {None}
    assert {point["usable"] for point in points} == {True}
    assert "were verified by another server or in another datastore" in str(result["warnings"])
    own = [point for point in result["recovery_points"] if point["workload_id"].startswith("berlin-disk-1/production/")]
    assert True in {point["integrity_checked"] for point in own}


def test_no_verification_counts_without_the_server_name(simulators: Simulators) -> None:
    assert find_row(read_ok(simulators), "web-01")["attributes"]["integrity_checked"]["count"] > 20
    simulators.ask(PBS, "__variant", {"jobs_ran": False})
    result = read_ok(simulators)
    assert "integrity_checked" not in find_row(result, "web-01")["attributes"]
    assert "the account sees no task of this server, so its name is unknown" in str(result["warnings"])


def test_a_manual_verification_counts(simulators: Simulators) -> None:
    expected = read_ok(simulators)["points"]
    simulators.ask(PBS, "__variant", {"verified_by": "user"})
    assert read_ok(simulators)["points"] == expected


def test_a_failed_verification_makes_a_snapshot_unusable(simulators: Simulators) -> None:
    newest = list_points(read_ok(simulators, detail="recovery_points"), "mail-01")[0]
    assert (newest["status"], newest["usable"], newest["integrity_checked"]) == ("failed", False, False)


# Workloads


def test_names_are_comments_or_ids(simulators: Simulators) -> None:
    result = read_ok(simulators)
    row = find_row(result, "web-01")
    assert row["workload_id"] == "berlin-disk-1/production/vm/100"
    assert (row["workload_type"], row["platform"]) == ("vm", "proxmox")
    # A name with blanks may be a note.
    assert '<b>vm & "co"</b>' not in {each["workload_name"] for each in result["workloads"]}
    for options, variant in (({"workload_name": "id"}, "name"), ({}, "template"), ({}, "empty")):
        simulators.ask(PBS, "__variant", {"comments": variant})
        named = {each["workload_id"]: each["workload_name"] for each in read_ok(simulators, **options)["workloads"]}
        assert named["berlin-disk-1/production/vm/100"] == "100"
        assert named["berlin-disk-1/host/linbase02"] == "linbase02"
        assert list(named.values()).count("100") > 1


def test_types(simulators: Simulators) -> None:
    result = read_ok(simulators)
    types = {row["workload_type"] for row in result["workloads"]}
    assert types == {"vm", "container", "host"}
    containers = read_ok(simulators, workload_types=["container"])
    assert [row["workload_name"] for row in containers["workloads"]] == ["dc-01"]
    assert {row["workload_id"].rsplit("/", 2)[1] for row in containers["workloads"]} == {"ct"}


def test_an_empty_group_is_a_workload_without_recovery_points(simulators: Simulators) -> None:
    simulators.ask(PBS, "__variant", {"empty_groups": True})
    result = read_ok(simulators)
    assert result["totals"]["without_recovery_points"] == 2
    assert read_ok(simulators, include_unprotected=False)["totals"]["without_recovery_points"] == 0


@pytest.mark.parametrize("name", ["web-0*", "dc-01"])
def test_names_select_workloads(simulators: Simulators, name: str) -> None:
    result = read_ok(simulators, workload_names=[name])
    assert len(result["workloads"]) == 2


def test_own_records_are_returned_on_request(simulators: Simulators) -> None:
    result = read_ok(simulators, detail="recovery_points", include_raw=True)
    raw = list_points(result, "web-01")[0]["raw"]
    assert raw["backup-id"] == "100"
    assert [one["filename"] for one in raw["files"]][-1] == "client.log.blob"
    assert json.dumps(raw)


# Versions


@pytest.mark.parametrize("version", ["4.0.17", "3.4.2", "3.1.5", "2.4.7"])
def test_older_versions_return_the_same_points(simulators: Simulators, version: str) -> None:
    """Only the type of locations depends on the version, because it is not reported in 4.0 to 4.1.6."""
    expected = read_ok(simulators)
    simulators.ask(PBS, "__variant", {"version": version})
    result = read_ok(simulators)
    assert result["totals"] == expected["totals"]
    assert result["server"]["version"] == version
    types = {one.get("location_type") for row in result["workloads"] for one in row.get("locations", [])}
    assert types == ({None} if version == "4.0.17" else {"disk"})


def test_versions_before_2_2_have_no_namespaces(simulators: Simulators) -> None:
    simulators.ask(PBS, "__variant", {"version": "2.1.10"})
    result = read_ok(simulators)
    assert result["complete"] is True
    assert result["totals"]["recovery_points"] > 100
    assert all(row["workload_id"].count("/") == 2 for row in result["workloads"])


def test_a_missing_list_of_namespaces_is_an_error_in_newer_versions(simulators: Simulators) -> None:
    rule = {"match": {"path": "*/berlin-disk-2/namespace"}, "fault": "status", "status": 404, "body": "Path not found."}
    simulators.ask(PBS, "__faults", [rule])
    ended = read_pbs(simulators)
    assert "datastore 'berlin-disk-2': the server does not support this request (HTTP 404)" in ended.message


def test_jobs_that_cannot_be_listed_are_not_needed(simulators: Simulators) -> None:
    rules = [
        {
            "match": {"path": f"/api2/json/admin/{name}"},
            "fault": "status",
            "status": 403,
            "body": "permission check failed",
        }
        for name in ("verify", "sync", "prune")
    ]
    simulators.ask(PBS, "__faults", rules)
    # The last garbage collection names the server.
    assert find_row(read_ok(simulators), "web-01")["attributes"]["integrity_checked"]["count"] > 20
