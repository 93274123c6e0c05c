# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Attributes that the appliance reports or does not report: risks, holds, templates, platforms, locations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.backup.audit.plugins.module_utils._adapters.unitrends import records
from ansible_collections.backup.audit.plugins.module_utils._adapters.unitrends.workloads import (
    WORKLOAD_TYPES,
    Inventory,
    build_workload,
    parse_application,
    parse_inventory,
)
from ansible_collections.backup.audit.plugins.module_utils._core.model import Copy, RecoveryPoint, Workload
from ansible_collections.backup.audit.plugins.module_utils._core.vocabulary import PLATFORMS, parse_platform
from tests.unit.plugins.module_utils._adapters.unitrends.fake_appliance import FakeAppliance, always, backup, read

ITEM = {"id": 501, "type": "Full", "start_date": "07/10/2026 01:00:00 am", "status": 0, "storage": "Internal"}
INSTANCE = {"instance_id": "31", "system_id": "1", "app_name": "VMware", "database_name": "web-01"}


def read_one(serve: Callable[..., Any], row: dict[str, Any], **others: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read an appliance with one backup; return its point and the result."""
    server = FakeAppliance(
        {1: [backup(501, "2026-07-10T01:00:00Z", **row)]},
        others={name: always(body) for name, body in others.items()},
    )
    result = read(serve, server, "2026-07-01", "2026-08-01")
    (point,) = result["recovery_points"]
    return point, result


@pytest.mark.parametrize(
    ("at_risk", "malware"),
    [(True, "suspicious"), ("true", "suspicious"), (False, None), (None, None), ("n/a", None), (0, None)],
)
def test_backups_at_risk(serve: Callable[..., Any], at_risk: Any, malware: str | None) -> None:
    """No finding does not mean that a backup is clean."""
    rows = {"data": [{"id": 501, "at_risk": at_risk}, {"id": 502, "at_risk": True}]}
    point, _result = read_one(
        serve, {}, **{"catalog": {"catalog": [{**INSTANCE, "backups": [ITEM]}]}, "backups/browser": rows}
    )
    assert point["malware"] == malware


def test_backups_at_risk_that_only_the_catalog_lists(serve: Callable[..., Any]) -> None:
    item = {**ITEM, "id": 502, "start_date": "07/11/2026 01:00:00 am"}
    server = FakeAppliance(
        others={
            "catalog": lambda _sid, _query: {"catalog": [{**INSTANCE, "backups": [item]}]},
            "backups/browser": lambda _sid, _query: {"data": [{"id": "502", "at_risk": True}]},
        }
    )
    (point,) = read(serve, server, "2026-07-01", "2026-08-01")["recovery_points"]
    assert (point["id"], point["malware"]) == ("1/502", "suspicious")


@pytest.mark.parametrize(("row", "item"), [({"legalhold": True}, {}), ({}, {"legal_hold": True, "hold": ""})])
def test_a_legal_hold_is_counted_and_is_not_immutability(
    serve: Callable[..., Any], row: dict[str, Any], item: dict[str, Any]
) -> None:
    """Administrators can release it."""
    catalog = {"catalog": [{**INSTANCE, "backups": [{**ITEM, **item}]}]}
    point, result = read_one(serve, row, catalog=catalog)
    assert (point["immutable"], point["immutable_until"], point["expires_at"]) == (None, None, None)
    assert result["server"]["scope"]["legal_holds"] == 1


@pytest.mark.parametrize("name", ["vmware_template", "vm_ware_template", "xen_template"])
def test_templates_are_counted(serve: Callable[..., Any], name: str) -> None:
    """They are backups of a template rather than of a machine."""
    _point, result = read_one(serve, {name: True})
    assert result["server"]["scope"]["template_backups"] == 1
    for value in (False, None, "n/a", ""):
        _point, result = read_one(serve, {name: value})
        assert "template_backups" not in result["server"]["scope"]


@pytest.mark.parametrize(
    ("flag", "status", "checked"),
    [
        (True, "Successful", True),
        (True, "Success", True),
        (None, "Successful", None),
        (False, "Successful", None),
        ("n/a", "Successful", None),
        (True, "Not Applicable", None),
        (True, None, None),
        (True, "Failed", False),
        (None, "Failed", False),
    ],
)
def test_a_verification_needs_both_fields(
    serve: Callable[..., Any], flag: Any, status: Any, checked: bool | None
) -> None:
    point, _result = read_one(serve, {"verified": flag, "verify_status": status})
    assert point["integrity_checked"] is checked
    assert point["usable"] is (checked is not False)


@pytest.mark.parametrize(
    ("value", "offsite"),
    [
        ("Completed", True),
        ("Done", True),
        ("Needed", None),
        ("In Progress", None),
        ("N/A", None),
        ("Done/Cancelled, multiple targets", None),
        ("Needed/Cancelled, multiple targets", None),
        ("Completed with errors", None),
        (None, None),
    ],
)
def test_replication(serve: Callable[..., Any], value: Any, offsite: bool | None) -> None:
    """Only a completed replication is a copy."""
    point, _result = read_one(serve, {"replication_status": value})
    assert point["offsite"] is offsite


def test_a_copy_that_is_still_being_made(serve: Callable[..., Any]) -> None:
    rows = [
        backup(501, "2026-07-10T01:00:00Z"),
        backup(501, "2026-07-10T01:00:00Z", sync_status="Success", complete=False),
    ]
    (point,) = read(serve, FakeAppliance({1: rows}), "2026-07-01", "2026-08-01")["recovery_points"]
    assert (point["offsite"], point["copies"]) == (None, None)


@pytest.mark.parametrize(
    ("storage", "location", "offsite"),
    [("Internal", "cloud", True), ("Internal", "INTERNAL", None), (None, "cloud", True), ("Internal", None, True)],
)
def test_a_copy_on_the_same_storage_is_not_another_location(storage: Any, location: Any, offsite: bool | None) -> None:
    """Names are compared regardless of case."""
    point = RecoveryPoint(id="1", workload=Workload(id="1/31"), created=1)
    records.set_copies(point, storage, [Copy(location=location, role="archive", offsite=True)])
    assert point.offsite is offsite
    assert ("offsite" in point.inferred) is (offsite is True)


@pytest.mark.parametrize(
    ("item", "kind"),
    [({"type": "Full"}, "full"), ({}, "backup"), ({"type": "Replica"}, "unknown"), ({"type": "Novelty"}, "unknown")],
)
def test_kinds_in_the_catalog(item: dict[str, Any], kind: str) -> None:
    """It lists only backups, so an entry without a type is a backup."""
    assert records.parse_catalog_kind(item) == kind


@pytest.mark.parametrize("type_name", ["Restore", "Replica Restore", "System Metadata", "securesync vmware full"])
def test_jobs_in_the_catalog_are_not_backups(type_name: str) -> None:
    assert not records.is_own({"id": 1, "type": type_name})


def test_a_restore_has_the_type_of_the_restored_backup() -> None:
    _moment, row = backup(501, "2026-07-10T01:00:00Z", restored_bkup_type="Full")
    assert records.parse_fields(row).is_other_job


# Platforms


@pytest.mark.parametrize(
    ("name", "type_name", "expected"),
    [
        ("VMware", "VMware Full", ("vm", "vmware", "VMware")),
        ("Hyper-V", None, ("vm", "hyperv", "Hyper-V")),
        ("Xen", "xen full", ("vm", "xen", "Xen")),
        ("AHV", None, ("vm", "nutanix_ahv", "AHV")),
        ("SQL Server 2016", "SQL Full", ("database", "mssql", "SQL Server")),
        (None, "mssql full", ("database", "mssql", "mssql")),
        (None, "legacy mssql diff", ("database", "mssql", "mssql")),
        ("Oracle", None, ("database", "oracle", "Oracle")),
        ("Exchange 2013", None, ("application", "exchange", "Exchange")),
        ("SharePoint", None, ("application", "sharepoint", "SharePoint")),
        (None, "ucs service profile full", ("application", "cisco_ucs", "ucs")),
        (None, "ndmp incr", ("file_share", "nas", "ndmp")),
        # Names that contain the name of another platform.
        ("MySQL", "Full", ("database", "mysql", "MySQL")),
        ("PostgreSQL", "Full", ("database", "postgresql", "PostgreSQL")),
        ("Lotus Domino", "Full", ("application", "other", "Lotus Domino")),
        ("file-level", "Full", ("physical", None, None)),
        ("Physical Server", "Incremental", ("physical", None, None)),
        (None, "Bare Metal", ("physical", None, None)),
        (None, None, ("physical", None, None)),
    ],
)
def test_platforms(name: str | None, type_name: str | None, expected: tuple[str, str | None, str | None]) -> None:
    assert parse_application(name, type_name) == expected


@given(st.none() | st.text(max_size=30), st.none() | st.text(max_size=30))
def test_every_platform_is_in_the_vocabulary(name: str | None, type_name: str | None) -> None:
    workload_type, platform, word = parse_application(name, type_name)
    assert workload_type in WORKLOAD_TYPES
    assert platform in (*PLATFORMS, None)
    if word is not None and platform != "other":
        assert parse_platform(word) == platform


def test_the_operating_system_of_a_machine() -> None:
    """It is in the row or in the inventory. The operating system of a host is not that of its virtual machines."""
    nodes = [
        {"id": 9, "name": "files", "asset_type": "physical", "os_type": "Windows 2016", "file_level_instance_id": 40},
        {"id": 10, "name": "odd", "asset_type": "physical", "os_type": "Amiga", "file_level_instance_id": 41},
    ]
    inventory = parse_inventory(nodes, 1)
    assert [(one.platform, one.vendor_platform) for one in inventory.workloads] == [
        ("windows", "Windows"),
        (None, None),
    ]
    machine = {"client_id": 9, "client_name": "files", "type": "Full"}
    for more, expected in (
        ({}, "windows"),
        ({"client_os": "Unknown"}, "windows"),
        ({"client_os": "Linux"}, "linux"),
        ({"client_id": 10}, None),
        ({"app_name": "VMware", "instance_id": 31, "vm_name": "web", "client_os": "Linux"}, "vmware"),
    ):
        assert build_workload({**machine, **more}, 1, inventory).platform == expected
    assert build_workload(machine, 1, Inventory()).platform is None


def test_a_name_in_the_inventory_is_compared_regardless_of_case(serve: Callable[..., Any]) -> None:
    """A machine is not gone if it may be listed with a different number."""
    node = {"id": 99, "name": "WEB-01", "parent_id": 7, "type": "VMware"}
    assets = {"data": [{"id": 7, "asset_type": "VMware:server", "children": [node]}]}
    point, _result = read_one(serve, {}, assets=assets)
    assert point["in_inventory"] is None
    node["name"] = "other"
    point, _result = read_one(serve, {}, assets=assets)
    assert point["in_inventory"] is False
