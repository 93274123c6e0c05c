# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Log backups of Azure Backup: ranges of times that can be restored, and records without a range."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._adapters.azure_backup.points import (
    PointParser,
    has_no_range,
)
from ansible_collections.backup.audit.plugins.module_utils._adapters.azure_backup.records import (
    parse_protected_item,
    parse_recovery_services_vault,
)
from ansible_collections.backup.audit.plugins.module_utils._core.errors import DataError, InvalidResponseError
from ansible_collections.backup.audit.plugins.module_utils._core.model import RecoveryPoint
from ansible_collections.backup.audit.plugins.module_utils._core.times import parse_time

VAULT = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.RecoveryServices/vaults/rsv"
ITEM = f"{VAULT}/backupFabrics/Azure/protectionContainers/c;1/protectedItems/i;1"
NOW = parse_time("2026-11-29T00:00:00Z")
TIME = "2026-11-20T01:00:00Z"
TYPES = [
    "AzureWorkloadPointInTimeRecoveryPoint",
    "AzureWorkloadSQLPointInTimeRecoveryPoint",
    "AzureWorkloadSAPHanaPointInTimeRecoveryPoint",
]
SPANS = [
    {"startTime": "2026-11-22T00:00:00Z", "endTime": "2026-11-25T00:45:00Z"},
    {"startTime": "2026-11-26T00:00:00Z", "endTime": "2026-11-28T23:45:00Z"},
]
HARDENED = [{"type": "HardenedRP", "status": "Valid"}]


def build_row(ranges: Any, **more: Any) -> dict[str, Any]:
    properties = {"objectType": TYPES[1], "timeRanges": ranges, "type": "Log", **more}
    return {"id": "x", "properties": properties}


def parse(row: dict[str, Any], **item: Any) -> list[RecoveryPoint]:
    vault = parse_recovery_services_vault({"id": VAULT, "location": "westeurope", "properties": {}})
    record = {"id": ITEM, "properties": {"friendlyName": "orders", **item}}
    parser = PointParser(parse_protected_item(record, vault, "AzureWorkload"), NOW, include_raw=False)
    return [point for point, *_rest in parser.parse(row)]


def test_log_chains_are_ranges() -> None:
    found = parse(build_row(SPANS))
    assert [(one.kind, one.restorable_from, one.restorable_until) for one in found] == [
        ("continuous", parse_time(span["startTime"]), parse_time(span["endTime"])) for span in SPANS
    ]
    assert [one.id for one in found] == ["x/2026-11-22T00:00:00Z", "x/2026-11-26T00:00:00Z"]


@pytest.mark.parametrize(
    ("details", "usable"),
    [
        # The service lists ranges without tiers.
        ({}, True),
        ({"recoveryPointTierDetails": None}, True),
        ({"recoveryPointTierDetails": HARDENED}, True),
        ({"recoveryPointTierDetails": []}, None),
        ({"recoveryPointTierDetails": "HardenedRP"}, None),
        ({"recoveryPointTierDetails": [{"type": "HardenedRP", "status": "Moving"}]}, None),
        ({"recoveryPointTierDetails": [{"type": "HardenedRP", "status": "Invalid"}]}, False),
        ({"recoveryPointProperties": {"isSoftDeleted": True}}, False),
        ({"recoveryPointProperties": {"isSoftDeleted": False}}, True),
    ],
)
def test_reported_tiers_must_confirm_a_range(details: dict[str, Any], usable: bool | None) -> None:
    assert [one.usable for one in parse(build_row(SPANS, **details))] == [usable, usable]
    assert [one.usable for one in parse(build_row(SPANS, **details), isScheduledForDeferredDelete=True)] == [False] * 2


@pytest.mark.parametrize("ranges", [None, [], {}, "none", 0])
@pytest.mark.parametrize("name", ["recoveryPointTimeInUTC", "recoveryPointTime"])
@pytest.mark.parametrize("kind", ["AzureWorkloadSQLRecoveryPoint", *TYPES])
def test_a_dated_point_without_ranges_is_an_ordinary_point(ranges: Any, name: str, kind: str) -> None:
    row = build_row(ranges, type="Full", objectType=kind, recoveryPointTierDetails=HARDENED, **{name: TIME})
    found = parse(row)
    assert [(one.id, one.kind, one.usable, one.created) for one in found] == [("x", "full", True, parse_time(TIME))]
    assert (found[0].restorable_from, found[0].restorable_until) == (None, None)


@pytest.mark.parametrize("kind", [*TYPES, TYPES[0].lower()])
def test_an_empty_list_of_ranges_is_not_a_point(kind: str) -> None:
    row = build_row([], objectType=kind)
    assert has_no_range(row)
    assert parse(row) == []


@pytest.mark.parametrize(
    ("row", "error"),
    [
        # Only a point in time record without a range is complete without a time.
        (build_row([], objectType="AzureWorkloadSQLRecoveryPoint"), InvalidResponseError),
        (build_row([], objectType=None), InvalidResponseError),
        (build_row(None), InvalidResponseError),
        (build_row({}), InvalidResponseError),
        (build_row("none"), InvalidResponseError),
        (build_row([{"startTime": TIME}]), DataError),
        (build_row([None]), DataError),
    ],
)
def test_ranges_that_are_not_valid(row: dict[str, Any], error: type[Exception]) -> None:
    assert not has_no_range(row)
    with pytest.raises(error):
        parse(row)
