# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Features of Enterprise Manager: two formats, several backup servers, tenants, and delayed data."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._core.times import parse_time
from tests.integration.conftest import Simulators
from tests.integration.running_modules import read

PRODUCT = "veeam_enterprise_manager"


def read_ok(simulators: Simulators, account: str | None = None, **options: Any) -> dict[str, Any]:
    """Return the result of a read that must succeed."""
    ended = read(simulators.ready, PRODUCT, account, **options)
    assert not ended.failed, ended.message
    return ended.result


def rows(result: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """Return the rows of all workloads with this name."""
    return [row for row in result["workloads"] if row.get("workload_name") == name]


def points(result: dict[str, Any]) -> list[dict[str, Any]]:
    """List every point."""
    return list(result["recovery_points"])


@pytest.mark.parametrize("release", ["12", "13"])
@pytest.mark.parametrize("bom", ["none", "json", "all"])
def test_xml_and_json_give_the_same_result(simulators: Simulators, release: str, bom: str) -> None:
    """Spelling and prefix of the release do not matter."""
    simulators.ask(PRODUCT, "__variant", {"release": release, "bom": bom})
    as_json = read_ok(simulators, detail="recovery_points")
    as_xml = read_ok(simulators, detail="recovery_points", representation="xml")
    assert points(as_json) == points(as_xml)
    assert len(points(as_json)) > 100
    assert as_json["server"]["scope"] == as_xml["server"]["scope"]
    assert simulators.ask(PRODUCT, "__sessions")["open"] == 0


def test_only_the_own_session_is_closed(simulators: Simulators) -> None:
    """Another client's session is first in the list of sessions, and is not closed."""
    read_ok(simulators)
    ended = [call["path"] for call in simulators.requests(PRODUCT) if call["method"] == "DELETE"]
    assert len(ended) == 1
    assert not [call for call in simulators.requests(PRODUCT) if call["path"] == "/api/logonSessions"]


def test_no_cookie_is_ever_sent(simulators: Simulators) -> None:
    """It would override the header, and outlive the session."""
    read_ok(simulators)
    assert all("cookie" not in {name.lower() for name in call["headers"]} for call in simulators.requests(PRODUCT))


def test_rows_have_the_backup_server(simulators: Simulators) -> None:
    """Two machines with the same name on two servers are two rows."""
    result = read_ok(simulators)
    origins = {row["origin"] for row in rows(result, "dc-01") if row["workload_type"] == "vm"}
    assert len(origins) == 2
    assert set(result["server"]["scope"]["backup_servers"]) >= origins


def test_the_collection_delay_is_reported(simulators: Simulators) -> None:
    """Every result has a note about the age of its data."""
    assert read_ok(simulators)["server"]["scope"]["collection_lag_seconds"] == 900


def test_tenants_of_one_provider(simulators: Simulators) -> None:
    """Machines of two tenants with the same name are two rows. One in failover has no usable point."""
    result = read_ok(simulators, workload_types=["cloud_vm_replica"])
    assert {row["workload_type"] for row in result["workloads"]} == {"cloud_vm_replica"}
    web = rows(result, "tenant-web")
    assert len(web) == 2
    assert all(row["recovery_points"] == 14 for row in web)
    (in_use,) = rows(result, "tenant-db")
    assert in_use["recovery_points"] == 0
    assert sum(in_use["by_status"].values()) == 14


def test_a_tenant_sees_its_own_points(simulators: Simulators) -> None:
    """A tenant's session has no query service, but the points are the same as for the provider."""
    everything = read_ok(simulators, workload_types=["cloud_vm_replica"], detail="recovery_points")
    for representation in ("json", "xml"):
        own = read_ok(simulators, "acme", tenant=True, representation=representation, detail="recovery_points")
        names = {point["workload_name"] for point in own["recovery_points"]}
        assert names
        assert names < {point["workload_name"] for point in everything["recovery_points"]}
        assert all(point in points(everything) for point in points(own))
    assert simulators.ask(PRODUCT, "__sessions")["open"] == 0


def test_continuous_replicas_are_unknown(simulators: Simulators) -> None:
    """They are in no row. A warning has their number and names."""
    result = read_ok(simulators)
    assert result["server"]["scope"]["cdp_replicas"] == 1
    shown = "1 CDP replica is not included because the API reports only time spans for its recovery points: Standby CDP"
    assert shown in str(result["warnings"])
    # It has the name of its job. The machine is "ticker".
    assert not [row for row in rows(result, "ticker") if row["workload_type"] == "vm_replica"]


def test_shared_files_have_no_size_of_one_machine(simulators: Simulators) -> None:
    """Some jobs write one file for several machines, others one for each."""
    result = read_ok(simulators, workload_types=["vm"])
    sizes = {row["workload_name"]: row.get("size_bytes") for row in result["workloads"]}
    assert sizes["web-01"] or sizes["erp-prod"]
    assert sizes["crm-old"] is None


@pytest.mark.parametrize(
    "variant",
    [
        {"database": "postgresql"},
        {"display_names": False},
        {"cloud_tag": "CloudVmReplicaPoint"},
        {"page_cap": 9},
        {"session_calls": 7},
        {"empty_pages": 0},
        {"form": "reference"},
    ],
    ids=lambda variant: next(iter(variant)),
)
def test_formats_do_not_affect_counts(simulators: Simulators, variant: dict[str, Any]) -> None:
    """Counts of workloads do not depend on databases, names, pages or sessions."""

    def known(result: dict[str, Any]) -> dict[Any, Any]:
        return {row["workload_id"]: (row.get("workload_name"), row["recovery_points"]) for row in result["workloads"]}

    expected = known(read_ok(simulators))
    simulators.reset()
    simulators.ask(PRODUCT, "__variant", variant)
    assert known(read_ok(simulators)) == expected
    assert simulators.ask(PRODUCT, "__sessions")["open"] == 0


def test_the_window_is_exact(simulators: Simulators) -> None:
    """A larger window is requested, so that files shared with points outside of it are recognized."""
    result = read_ok(simulators, since="10d", detail="recovery_points")
    since = parse_time(result["selection"]["since"])
    assert min(parse_time(point["created_at"]) for point in result["recovery_points"]) >= since
    complete = read_ok(simulators, detail="recovery_points")
    inside = [point for point in complete["recovery_points"] if parse_time(point["created_at"]) >= since]
    assert {point["id"] for point in inside} == {point["id"] for point in result["recovery_points"]}
    assert {point["size_bytes"] for point in inside} == {point["size_bytes"] for point in result["recovery_points"]}


def test_joined_records_may_be_rejected(simulators: Simulators) -> None:
    """A restore operator sees some machines but no files or repositories, so sizes and locations are unknown."""
    result = read_ok(simulators, "restore_operator", workload_types=["vm"])
    assert result["totals"]["recovery_points"] > 0
    for row in result["workloads"]:
        assert "size_bytes" not in row
        assert not any("location" in place for place in row.get("locations", []))
    for kind in ("BackupFile", "Backup", "Repository"):
        assert result["server"]["scope"][kind] is False
        assert f"{kind} could not be read" in str(result["warnings"])


def test_points_without_a_time_are_undated(simulators: Simulators) -> None:
    """The read continues, and they are counted as undated."""
    before = read_ok(simulators, workload_types=["vm"])["totals"]
    simulators.ask(PRODUCT, "__variant", {"undated": True})
    result = read_ok(simulators, workload_types=["vm"])
    assert result["totals"]["undated"] > 0
    assert 0 < result["totals"]["recovery_points"] < before["recovery_points"]
    assert result["complete"] is True


def test_types_not_supported_by_older_versions(simulators: Simulators) -> None:
    """They are omitted with a warning, unless only they were requested."""
    simulators.ask(PRODUCT, "__variant", {"unsupported": "AgentRestorePoint,CloudVmReplicaPoint"})
    result = read_ok(simulators)
    assert {row["workload_type"] for row in result["workloads"]} == {"vm", "vm_replica"}
    assert result["server"]["scope"]["physical"] is False
    assert "restore points of type physical could not be read" in str(result["warnings"])
    ended = read(simulators.ready, PRODUCT, workload_types=["physical"])
    assert ended.failed
    assert "(HTTP 400)" in ended.message


def test_replicas_do_not_report_their_state(simulators: Simulators) -> None:
    """A replica in failover looks like any other, so usability is unknown for all of them."""
    for name in ("erp-standby", "web-02"):
        (row,) = (row for row in rows(read_ok(simulators), name) if row["workload_type"] == "vm_replica")
        assert row["recovery_points"] == 0
        assert row["attributes"]["recovery_points"]["unknown"] in (5, 7)


@pytest.mark.parametrize("form", ["error", "text", "empty"])
@pytest.mark.parametrize("representation", ["json", "xml"])
def test_a_wrong_password_is_recognized_in_every_format(simulators: Simulators, form: str, representation: str) -> None:
    """The format of errors is not documented."""
    simulators.ask(PRODUCT, "__variant", {"error_body": form})
    ended = read(simulators.ready, PRODUCT, password="wrong", representation=representation)
    assert ended.result["failure"]["code"] == "login_rejected"
    assert "DOMAIN" in ended.message
