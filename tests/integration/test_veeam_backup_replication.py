# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Features of Veeam Backup & Replication: revisions, roles, replicas, and the many forms of its responses."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._core.times import parse_time
from tests.integration.conftest import Simulators
from tests.integration.running_modules import ModuleResult, read

PRODUCT = "veeam_backup_replication"
BACKUPS = ["vm", "physical", "file_share", "database", "directory", "other"]


def read_ok(simulators: Simulators, account: str | None = None, **options: Any) -> dict[str, Any]:
    """Return the result of a read that must succeed."""
    ended = read(simulators.ready, PRODUCT, account, **options)
    assert not ended.failed, ended.message
    return ended.result


def rows(result: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """Return the rows of all workloads with this name."""
    return [row for row in result["workloads"] if row.get("workload_name") == name]


def warnings(result: dict[str, Any]) -> str:
    """Return all warnings as one text."""
    return str(result.get("warnings", ""))


def list_calls(simulators: Simulators, path: str) -> list[dict[str, Any]]:
    """List the requests sent to one path."""
    return [call for call in simulators.requests(PRODUCT) if call["path"] == path]


@pytest.mark.parametrize(
    ("release", "version"),
    [
        ("12.0", "1.1-rev0"),
        ("12.1", "1.1-rev1"),
        ("12.2", "1.1-rev2"),
        ("12.3", "1.2-rev0"),
        ("12.3.1", "1.2-rev1"),
        ("13.0", "1.3-rev0"),
        ("13.0.1", "1.3-rev1"),
        ("13.1", "1.3-rev2"),
    ],
)
@pytest.mark.parametrize("documented", [True, False], ids=["listed", "unlisted"])
def test_the_newest_common_revision_is_used(
    simulators: Simulators, release: str, version: str, documented: bool
) -> None:
    """The server lists its revisions, or rejects wrong ones. Only then the password is sent again."""
    expected = read_ok(simulators, workload_types=BACKUPS)["totals"]
    simulators.reset()
    simulators.ask(PRODUCT, "__variant", {"release": release})
    if not documented:
        rule = {"match": {"method": "GET", "path": "/swagger/index.js"}, "fault": "status", "status": 404}
        simulators.ask(PRODUCT, "__faults", [rule])
    result = read_ok(simulators, workload_types=BACKUPS)
    assert result["server"]["scope"]["api_version"] == version
    for name in ("workloads", "recovery_points"):
        # A damaged point is reported as such only in 1.2 or later.
        assert expected[name] <= result["totals"][name] <= expected[name] + (version < "1.2")
    assert {call["headers"].get("x-api-version") for call in list_calls(simulators, "/api/v1/backupObjects")} == {
        version
    }
    assert simulators.ask(PRODUCT, "__sessions")["open"] == 0


def test_a_server_that_is_too_old_is_reported(simulators: Simulators) -> None:
    """Release 11 has no revision that lists points."""
    simulators.ask(PRODUCT, "__variant", {"release": "11"})
    ended = read(simulators.ready, PRODUCT)
    assert ended.failed
    assert ended.result["failure"]["code"] == "wrong_version"
    assert "Release 12 or later is required" in ended.message


def test_a_requested_revision_is_not_changed(simulators: Simulators) -> None:
    """It is tried once. A revision that this module does not support is rejected immediately."""
    simulators.ask(PRODUCT, "__variant", {"release": "12.3"})
    ended = read(simulators.ready, PRODUCT, api_version="1.3-rev0")
    assert ended.result["failure"]["code"] == "wrong_version"
    assert "1.3-rev0" in ended.message
    assert len(list_calls(simulators, "/api/oauth2/token")) == 1
    unknown = read(simulators.ready, PRODUCT, api_version="v8")
    assert unknown.result["failure"]["code"] == "invalid_option"


def test_wrong_passwords_are_not_tried_for_each_revision(simulators: Simulators) -> None:
    """A rejected password ends the search, even if revisions have to be guessed."""
    rule = {"match": {"method": "GET", "path": "/swagger/index.js"}, "fault": "status", "status": 404}
    simulators.ask(PRODUCT, "__faults", [rule])
    ended = read(simulators.ready, PRODUCT, "mfa")
    assert ended.result["failure"]["code"] == "login_rejected"
    assert "multi-factor" in ended.message
    assert "Multi-factor authentication is enabled" in ended.message
    assert len(list_calls(simulators, "/api/oauth2/token")) == 1


def test_an_account_without_a_role(simulators: Simulators) -> None:
    """The error contains the server's message."""
    ended = read(simulators.ready, PRODUCT, "no_role")
    assert ended.failed
    assert "has no role" in ended.message


def test_objects_hidden_from_a_viewer_are_unknown_and_reported(simulators: Simulators) -> None:
    """Points are complete. Jobs (encryption) and replicas are missing, and not reported as zero."""
    complete = read_ok(simulators, workload_types=BACKUPS)["totals"]
    result = read_ok(simulators, "viewer")
    assert result["totals"]["recovery_points"] == complete["recovery_points"]
    assert result["server"]["scope"]["jobs"] is False
    assert result["server"]["scope"]["vm_replica"] is False
    assert "jobs could not be read" in warnings(result)
    assert "replicas could not be read" in warnings(result)
    # Access to serverInfo is denied as well.
    assert {"version", "identity"}.isdisjoint(result["server"])
    assert not any(
        "encrypted" in row["attributes"] and "inferred" in row["attributes"]["encrypted"] for row in result["workloads"]
    )
    asked_for = read(simulators.ready, PRODUCT, "viewer", workload_types=["vm_replica"])
    assert asked_for.result["failure"]["code"] == "forbidden"


def test_repositories_without_permission(simulators: Simulators) -> None:
    """The repository's name is known from the backup, but its settings are unknown."""
    simulators.ask(PRODUCT, "__variant", {"viewer_repositories": False})
    result = read_ok(simulators, "viewer")
    assert result["server"]["scope"]["repositories"] is False
    (row,) = rows(result, "erp-prod")
    assert {place["location"] for place in row["locations"]} >= {"berlin-disk-1", "frankfurt-disk-1"}
    # Unknown for all points.
    assert "immutable" not in row["attributes"]


def test_machines_with_one_name_are_separate(simulators: Simulators) -> None:
    """A rebuilt machine keeps its name and its job. Only the object's id distinguishes it from the previous one."""
    result = read_ok(simulators)
    ages = sorted(row["newest_age_seconds"] // 86400 for row in rows(result, "rebuilt-01"))
    assert len(ages) == 2
    assert ages[0] < 2
    assert ages[1] >= 19


def test_copies_are_not_points(simulators: Simulators) -> None:
    """There are two locations, and one point per night."""
    (row,) = rows(read_ok(simulators, workload_names=["web-01"]), "web-01")
    assert row["recovery_points"] == 30
    assert [(place["location"], place["count"]) for place in row["locations"]] == [
        ("berlin-disk-1", 30),
        ("frankfurt-disk-1", 30),
    ]


def test_continuous_replicas_are_unknown(simulators: Simulators) -> None:
    """They are in no row. A warning has their number and names."""
    result = read_ok(simulators)
    assert result["server"]["scope"]["cdp_replicas"] == 1
    assert "1 CDP replica is not included because the API does not list its recovery points: ticker" in warnings(result)
    assert not [row for row in rows(result, "ticker") if row["workload_type"] == "vm_replica"]


def test_a_replica_in_failover_is_not_usable(simulators: Simulators) -> None:
    """The offered operations only end the failover."""
    (row,) = (row for row in rows(read_ok(simulators), "erp-standby") if row["workload_type"] == "vm_replica")
    assert row["recovery_points"] == 0
    (ready,) = (row for row in rows(read_ok(simulators), "web-02") if row["workload_type"] == "vm_replica")
    assert ready["recovery_points"] == 7


def test_scans_are_checks_and_malware_is_reported(simulators: Simulators) -> None:
    """They are not restore tests."""
    (row,) = rows(read_ok(simulators), "download-01")
    assert row["attributes"]["malware"]["count"] > 0
    assert row["attributes"]["integrity_checked"]["count"] > 0
    assert "restore_tested" not in row["attributes"]


@pytest.mark.parametrize(
    "variant",
    [
        {"agent_names": "computer job"},
        {"object_names": "address"},
        {"page_cap": 9},
        {"timezone": "America/St_Johns"},
        {"backup_times": "offset"},
        {"version_header": "optional"},
        {"fresh_refused": True},
        {"token_calls": 20},
        {"objects_refused": "VMware,HyperV"},
        {"unknown_enums": True},
        {"files": "own"},
    ],
    ids=lambda variant: next(iter(variant)),
)
def test_formats_do_not_affect_counts(simulators: Simulators, variant: dict[str, Any]) -> None:
    """Count and newest point of every workload do not depend on names, pages, time zones or sessions."""

    def known(result: dict[str, Any]) -> dict[Any, Any]:
        return {row["workload_id"]: (row["recovery_points"], row.get("newest")) for row in result["workloads"]}

    expected = known(read_ok(simulators))
    simulators.reset()
    simulators.ask(PRODUCT, "__variant", variant)
    assert known(read_ok(simulators)) == expected
    assert simulators.ask(PRODUCT, "__sessions")["open"] == 0


def test_missing_fields_add_no_attributes(simulators: Simulators) -> None:
    """A third of the points has only required fields: they are backups of unknown type, or may be snapshots."""

    def kinds(result: dict[str, Any]) -> Counter[str]:
        return sum((Counter(row.get("by_kind", {})) for row in result["workloads"]), Counter[str]())

    complete = read_ok(simulators)
    simulators.ask(PRODUCT, "__variant", {"missing_optional": True})
    result = read_ok(simulators)
    # A machine that has only snapshots may now have a recovery point.
    without = complete["totals"]["without_recovery_points"] - 1
    assert result["totals"] == {**complete["totals"], "without_recovery_points": without}
    before, after = kinds(complete), kinds(result)
    backups = ("full", "incremental", "backup")
    assert sum(before[kind] for kind in backups) == sum(after[kind] for kind in backups)
    assert after["backup"] - before["backup"] > 200
    assert before["unknown"] == 0
    assert before["snapshot"] == after["snapshot"] + after["unknown"]


def test_tiers_of_a_scale_out_repository_are_inferred(simulators: Simulators) -> None:
    """Points may have been copied or moved to the cloud by its policy, which is not a proof."""
    simulators.ask(PRODUCT, "__variant", {"offload": "tier"})
    (row,) = rows(read_ok(simulators), "erp-prod")
    assert row["recovery_points"] == 30
    assert row["attributes"]["offsite"]["count"] == 0
    assert row["attributes"]["offsite"]["inferred"] > 0
    assert row["attributes"].get("immutable", {}).get("count", 0) == 0


def test_objects_without_points_are_rows_without_points(simulators: Simulators) -> None:
    """Objects without a job are returned as well."""
    before = read_ok(simulators)["totals"]["without_recovery_points"]
    simulators.ask(PRODUCT, "__variant", {"leftovers": True})
    assert read_ok(simulators)["totals"]["without_recovery_points"] > before


@pytest.mark.parametrize("version", ["1.3-rev2", "1.2-rev1"])
def test_the_window_is_exact(simulators: Simulators, version: str) -> None:
    """It does not matter whether the server filters by time."""
    result = read_ok(simulators, since="10d", detail="recovery_points", api_version=version)
    moments = [parse_time(point["created_at"]) for point in result["recovery_points"]]
    assert min(moments) >= parse_time(result["selection"]["since"])
    assert 100 < len(moments) < read_ok(simulators, detail="recovery_points")["totals"]["points_listed"]
    sent = [call for call in simulators.requests(PRODUCT) if "createdAfterFilter" in str(call["query"])]
    assert sent


def test_only_points_of_selected_names_are_requested(simulators: Simulators) -> None:
    """Only the selected objects are requested, regardless of the case of their names."""
    result = read_ok(simulators, workload_names=["WEB-*"], workload_types=["vm"])
    assert {row["workload_name"] for row in result["workloads"]} == {"web-01", "web-02"}
    asked = [call for call in simulators.requests(PRODUCT) if call["path"].endswith("/restorePoints")]
    assert len([call for call in asked if "/backupObjects/" in call["path"]]) == 2


def test_points_without_an_object_are_one_row(simulators: Simulators) -> None:
    """Points of an object missing from the list are still returned."""
    result = read_ok(simulators)
    # One of two machines with the same name, so that its points are requested by its id.
    victim = next(row for row in rows(result, "rebuilt-01") if row["newest_age_seconds"] < 2 * 86400)
    rule = {
        "match": {"method": "GET", "path": f"/api/v1/backupObjects/{victim['workload_id']}/restorePoints"},
        "fault": "status",
        "status": 200,
        "body": '{"data": [], "pagination": {"total": 0, "count": 0, "skip": 0, "limit": 500}}',
    }
    simulators.ask(PRODUCT, "__faults", [rule])
    lost = read_ok(simulators)
    (row,) = (row for row in lost["workloads"] if "workload_id" not in row)
    assert "workload_name" not in row
    assert row["recovery_points"] == victim["recovery_points"] > 0
    assert "do not belong to any backup object" in warnings(lost)


def test_unselected_types_give_no_rows_without_an_id(simulators: Simulators) -> None:
    """Their points do not count as points without an object."""
    result = read_ok(simulators, workload_types=["vm", "vm_replica"])
    assert {row["workload_type"] for row in result["workloads"]} == {"vm", "vm_replica"}
    assert all("workload_id" in row for row in result["workloads"])


def test_a_failed_read_reports_the_request(simulators: Simulators) -> None:
    """One object whose points cannot be read fails the read, and the message names the request."""
    rule = {"match": {"method": "GET", "path": "/api/v1/backupObjects/*/restorePoints", "nth": 5}, "fault": "status"}
    simulators.ask(PRODUCT, "__faults", [{**rule, "status": 403}])
    ended: ModuleResult = read(simulators.ready, PRODUCT, workload_names=["*"])
    assert ended.result["failure"]["code"] == "forbidden"
    assert "/restorePoints" in ended.message
    assert "restore points of '" in ended.message


def test_one_failed_object_does_not_affect_the_others(simulators: Simulators) -> None:
    """With allow_partial the rest is returned, and the error names the object."""
    expected = read_ok(simulators, workload_names=["*"], workload_types=BACKUPS)
    rule = {"match": {"method": "GET", "path": "/api/v1/backupObjects/*/restorePoints", "nth": 5}, "fault": "status"}
    simulators.ask(PRODUCT, "__faults", [{**rule, "status": 403}])
    result = read_ok(simulators, workload_names=["*"], workload_types=BACKUPS, allow_partial=True)
    assert result["complete"] is False
    (error,) = result["errors"]
    missing = {row["workload_id"] for row in expected["workloads"]} - {
        row["workload_id"] for row in result["workloads"]
    }
    (lost,) = (row for row in expected["workloads"] if row["workload_id"] in missing)
    assert f"restore points of {lost['workload_name']!r} could not be read" in error["message"]
    assert lost["workload_id"] in error["request"]


@pytest.mark.parametrize(
    "variant",
    [{}, {"agent_names": "computer job"}, {"leftovers": True}, {"missing_optional": True}, {"release": "12.3"}],
    ids=lambda variant: next(iter(variant), "plain"),
)
def test_the_full_listing_gives_the_same_result_as_single_objects(
    simulators: Simulators, variant: dict[str, Any]
) -> None:
    """Only objects that are not proven by name are requested by id. The rows are equal."""
    simulators.ask(PRODUCT, "__variant", variant)

    def known(result: dict[str, Any]) -> dict[Any, Any]:
        # Ages grow during the read.
        members = ("recovery_points", "newest", "oldest", "by_kind", "by_status", "attributes", "locations")
        return {row["workload_id"]: [row.get(member) for member in members] for row in result["workloads"]}

    def by_object() -> set[str]:
        return {call["path"] for call in simulators.requests(PRODUCT) if "/backupObjects/" in call["path"]}

    at_once = read_ok(simulators, detail="recovery_points")
    asked = by_object()
    one_by_one = read_ok(simulators, detail="recovery_points", workload_names=["*"])
    assert known(at_once) == known(one_by_one)
    assert at_once["recovery_points"] == one_by_one["recovery_points"]
    # If files do not refer to objects, every object is requested.
    assert asked == by_object() if "missing_optional" in variant else 0 < len(asked) < len(by_object()) // 2


def test_without_point_counts_objects_are_read_one_by_one(simulators: Simulators) -> None:
    """The number of points proves that the names identify the owners."""
    expected = read_ok(simulators)["totals"]
    simulators.ask(PRODUCT, "__variant", {"counts": False})
    assert read_ok(simulators)["totals"] == expected
