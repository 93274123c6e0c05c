# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""If one of several systems or an optional list fails, the rest is read and the gap is reported."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._core.errors import AuditError
from tests.unit.plugins.module_utils._adapters.unitrends.fake_appliance import (
    HERE,
    THERE,
    FakeAppliance,
    always,
    backup,
    read,
)

STATUSES = (400, 403, 404, 500)
INSTANCE = {"instance_id": "31", "system_id": "1", "app_name": "VMware", "database_name": "web-01"}
ITEM = {"id": 501, "type": "Full", "start_date": "07/10/2026 01:00:00 am", "status": 0, "storage": "Internal"}
ONLY = {"id": 510, "type": "Full", "start_date": "07/11/2026 01:00:00 am", "status": 0, "storage": "Internal"}
COPY = {"id": 9, "orig_backup_id": 501, "start_date": ITEM["start_date"], "success": True, "storage": "cloud"}
MACHINE = {"id": 31, "name": "web-01", "parent_id": 7, "type": "VMware", "children": []}
UNPROTECTED = {"id": 32, "name": "web-02", "parent_id": 7, "type": "VMware", "children": []}
OPTIONAL = ("catalog", "catalog/archives", "assets", "backups/browser", "backups/latest")


def client(*children: Any) -> dict[str, Any]:
    """Build a host with its machines."""
    return {"id": 7, "name": "vcenter", "asset_type": "VMware:server", "children": list(children)}


def appliance(**others: Any) -> FakeAppliance:
    """Build an appliance with one machine and one backup, which is in every list."""
    made = {
        "catalog": {"catalog": [{**INSTANCE, "backups": [ITEM]}]},
        "catalog/archives": {"catalog": [{**INSTANCE, "archives": [COPY]}]},
        "assets": {"data": [client(MACHINE, UNPROTECTED)]},
        "backups/browser": {"data": [{"id": 501, "at_risk": True}]},
    }
    answers = {**made, **others}
    return FakeAppliance(
        {1: [backup(501, "2026-07-10T01:00:00Z")]},
        others={name: always(body) for name, body in answers.items()},
    )


def read_july(serve: Callable[..., Any], server: FakeAppliance) -> dict[str, Any]:
    """Read one month."""
    return read(serve, server, "2026-07-01", "2026-08-01")


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("failing", [1, 2])
def test_one_of_two_systems_fails(serve: Callable[..., Any], failing: int, status: int) -> None:
    """The other one is read, even if the appliance itself fails. The error names the system."""
    rows = {sid: [backup(501, "2026-07-10T01:00:00Z")] for sid in (1, 2)}
    server = FakeAppliance(rows, systems=[HERE, THERE], statuses={("backups", failing): status})
    result = read_july(serve, server)
    assert [point["id"] for point in result["recovery_points"]] == [f"{3 - failing}/501"]
    assert result["complete"] is False
    (error,) = result["errors"]
    assert error["message"].startswith(f"system '{'here' if failing == 1 else 'there'}'")
    assert error["status"] == status


@pytest.mark.parametrize("status", [404, 500])
def test_a_system_that_was_removed_during_the_read(serve: Callable[..., Any], status: int) -> None:
    """The systems are listed again before one is reported as missing."""
    rows = {sid: [backup(501, "2026-07-10T01:00:00Z")] for sid in (1, 2)}
    server = FakeAppliance(rows, systems=[HERE, THERE])
    answer = server.answer

    def remove(request: Any) -> Any:
        if request.path.startswith("/api/backups/?sid=2"):
            server.systems, server.statuses = [HERE], {("backups", 2): status}
        return answer(request)

    server.answer = remove  # type: ignore[method-assign]
    result = read_july(serve, server)
    assert [point["id"] for point in result["recovery_points"]] == ["1/501"]
    assert result["complete"] is True
    assert any("'there' was removed" in warning for warning in result["warnings"])


@pytest.mark.parametrize("entry", [{"name": "odd"}, {"id": None, "name": "odd"}, {"id": "x"}, "text", None])
def test_a_malformed_system(serve: Callable[..., Any], entry: Any) -> None:
    """The others are read; the result is incomplete."""
    server = FakeAppliance({1: [backup(501, "2026-07-10T01:00:00Z")]}, systems=[HERE, entry])
    result = read_july(serve, server)
    assert [point["id"] for point in result["recovery_points"]] == ["1/501"]
    assert result["complete"] is False
    assert "number 'id'" in result["errors"][0]["message"]


def test_no_system_responds(serve: Callable[..., Any]) -> None:
    """Without any system the read fails."""
    with pytest.raises(AuditError, match="does not list any system"):
        read_july(serve, FakeAppliance(systems=[]))


@pytest.mark.parametrize("name", OPTIONAL)
@pytest.mark.parametrize(
    "body", [400, 403, 404, 500, [], "text", {"error": 1, "message": "no"}, {"other": []}], ids=str
)
def test_an_optional_list_is_not_available(serve: Callable[..., Any], name: str, body: Any) -> None:
    """The backup is read, attributes from the list stay unknown, and a warning names the list."""
    server = appliance() if isinstance(body, int) else appliance(**{name: body})
    if isinstance(body, int):
        server.statuses[name, 1] = body
    result = read_july(serve, server)
    (point,) = result["recovery_points"]
    assert (point["id"], point["usable"], result["complete"]) == ("1/501", True, True)
    missing = {
        "catalog": point["copies"][0]["location"] is None,
        "catalog/archives": point["offsite"] is None,
        "assets": point["in_inventory"] is None,
        "backups/browser": point["malware"] is None,
        "backups/latest": True,
    }
    assert missing[name]
    if body != [] and name != "backups/latest":
        said = {"catalog/archives": "archives", "assets": "inventory", "backups/browser": "at_risk"}.get(name, name)
        assert result["server"]["scope"][said] is False
        assert any(warning.startswith(f"{said} of system 'here' not available") for warning in result["warnings"])


@pytest.mark.parametrize("odd", [None, "text", 5, [], {}, {"id": None}, {"id": "x", "start_date": "never"}], ids=str)
def test_a_malformed_entry_of_an_optional_list(serve: Callable[..., Any], odd: Any) -> None:
    """Other entries are not affected."""
    server = appliance(
        **{
            "catalog": {"catalog": [odd, {**INSTANCE, "backups": [odd, ITEM]}]},
            "catalog/archives": {"catalog": [odd, {**INSTANCE, "archives": [odd, COPY]}]},
            "assets": {"data": [odd, client(odd, MACHINE, UNPROTECTED)]},
            "backups/browser": {"data": [odd, {"id": 501, "at_risk": True}]},
        }
    )
    result = read_july(serve, server)
    (point,) = result["recovery_points"]
    assert (point["id"], point["usable"], point["offsite"], point["malware"]) == ("1/501", True, True, "suspicious")
    assert point["in_inventory"] is True
    assert [row["workload_name"] for row in result["workloads"]] == ["web-01", "web-02"]
    # The unreadable entry may be a workload.
    assert result["server"]["scope"]["inventory"] is False
    assert any("some unprotected workloads cannot be detected" in warning for warning in result["warnings"])


ODD_TIMES: tuple[Any, ...] = (
    None,
    "",
    "unknown",
    "0000-00-00",
    "02/30/2026 01:00:00 am",
    "01/01/1753 12:00:00 am",
    0,
    {},
    [],
)


@pytest.mark.parametrize("text", ODD_TIMES, ids=str)
def test_a_backup_with_an_invalid_time(serve: Callable[..., Any], text: Any) -> None:
    """The others are read. This one is reported without a time and proves nothing."""
    _moment, odd = backup(502, "2026-07-09T01:00:00Z", instance_id=32, vm_name="web-02")
    odd["start_time"] = text
    rows = [backup(501, "2026-07-10T01:00:00Z"), ("2026-07-09T01:00:00Z", odd)]
    result = read_july(serve, FakeAppliance({1: rows}))
    points = {point["id"]: point["usable"] for point in result["recovery_points"]}
    assert points == {"1/501": True, "1/502": None}
    assert any(
        "the time of 1 backups is unknown" in warning and "they prove nothing" in warning
        for warning in result["warnings"]
    )


@pytest.mark.parametrize("text", ODD_TIMES, ids=str)
def test_an_item_of_the_catalog_or_the_archives_with_an_invalid_time(serve: Callable[..., Any], text: Any) -> None:
    """Also if no other list contains the backup."""
    server = appliance(
        **{
            "catalog": {"catalog": [{**INSTANCE, "backups": [ITEM, {**ONLY, "start_date": text}]}]},
            "catalog/archives": {
                "catalog": [{**INSTANCE, "archives": [{**COPY, "orig_backup_id": 4, "start_date": text}]}]
            },
        }
    )
    result = read_july(serve, server)
    points = {point["id"]: point["usable"] for point in result["recovery_points"]}
    assert points.pop("1/501") is True
    assert set(points.values()) <= {None}


@pytest.mark.parametrize("text", ["unknown", "01/01/1753 12:00:00 am"])
def test_backups_with_an_invalid_time_are_undated(serve: Callable[..., Any], text: Any) -> None:
    """Without since, they are in the result."""
    _moment, odd = backup(502, "2026-07-09T01:00:00Z")
    odd["start_time"] = text
    server = FakeAppliance({1: [("2026-11-09T01:00:00Z", odd)]}, honors_window=False)
    result = read(serve, server, None, None)
    assert (result["totals"]["undated"], result["totals"]["recovery_points"]) == (1, 0)


@pytest.mark.parametrize("lost", [{"id": None}, {"id": "x"}, {"id": -1}], ids=str)
def test_a_backup_without_a_number(serve: Callable[..., Any], lost: dict[str, Any]) -> None:
    """The list is never silently shorter. Jobs that are not backups have no number."""
    rows = [
        backup(501, "2026-07-10T01:00:00Z"),
        backup(0, "2026-07-10T02:00:00Z", **lost),
        backup(0, "2026-07-10T03:00:00Z", type="Restore", **lost),
        backup(0, "2026-07-10T03:00:00Z", type="Novelty", **lost),
    ]
    result = read_july(serve, FakeAppliance({1: rows}))
    assert [point["id"] for point in result["recovery_points"]] == ["1/501"]
    assert result["complete"] is False
    assert "1 backups have no number" in result["errors"][0]["message"]
    assert any("1 rows of the list have no number" in warning for warning in result["warnings"])


def test_an_empty_inventory_is_reported(serve: Callable[..., Any]) -> None:
    """A system that has backups has assets."""
    result = read_july(serve, appliance(assets=[]))
    assert [point["in_inventory"] for point in result["recovery_points"]] == [None]
    assert result["server"]["scope"]["inventory"] is False
