# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fields of restore points: unreported values stay unknown, and the meaning depends on version and listing."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.plugins.module_utils._adapters.veeam.azure.small_appliance import Appliance, facts, point

MISSING: dict[str, Any] = {"isCorrupted": None, "state": None}


@pytest.mark.parametrize(
    ("reported", "usable", "status"),
    [
        ({"isCorrupted": False, "state": "Ok"}, True, "success"),
        ({"isCorrupted": None, "state": "Ok"}, True, "success"),
        ({"isCorrupted": False, "state": None}, True, "success"),
        ({"isCorrupted": False, "state": "NotApplicable"}, True, "success"),
        ({"isCorrupted": True, "state": "Ok"}, False, "failed"),
        ({"isCorrupted": False, "state": "Corrupted"}, False, "failed"),
        (MISSING, None, "unknown"),
        ({"isCorrupted": None, "state": "NotApplicable"}, None, "unknown"),
        ({"isCorrupted": False, "state": "Quarantined"}, None, "unknown"),
        ({"isCorrupted": "maybe", "state": "Quarantined"}, None, "unknown"),
    ],
    ids=str,
)
def test_a_backup_is_usable_if_its_state_is_reported(
    reported: dict[str, Any], usable: bool | None, status: str
) -> None:
    assert facts(Appliance().read(point(1, 20, **reported)), "usable", "status") == {"1": (usable, status)}


def test_versions_without_a_state() -> None:
    """They offer all points for restores. If a point has the field, its value counts."""
    bare = point(1, 18)
    del bare["isCorrupted"], bare["state"]
    result = Appliance().read(bare, point(2, 19, **MISSING), api_version="v7")
    assert facts(result, "usable") == {"1": True, "2": None}
    assert facts(Appliance().read(bare), "usable") == {"1": None}


@pytest.mark.parametrize(
    ("destination", "kind", "expected"),
    [
        ("AzureBlob", "Full", ("full", True)),
        ("ManualBackup", "Incremental", ("incremental", True)),
        ("AzureBlob", None, ("backup", True)),
        ("AzureBlob", "Differential", ("backup", True)),
        ("Snapshot", "Full", ("snapshot", True)),
        ("Unknown", "Full", ("full", None)),
        ("Vault", "Incremental", ("incremental", None)),
        (None, "Full", ("full", None)),
        (None, None, ("unknown", None)),
    ],
)
def test_kinds(destination: str | None, kind: str | None, expected: tuple[str, bool | None]) -> None:
    """A point without a location may be a snapshot."""
    found = Appliance().read(point(1, 20, backupDestination=destination, type=kind))
    assert facts(found, "kind", "usable") == {"1": expected}


def test_values_of_early_versions_may_be_lists() -> None:
    record = point(1, 20, backupDestination=["AzureBlob"], type=["Full"], gfsFlags=["Weekly", "Monthly"])
    strange = point(2, 19, backupDestination=["AzureBlob", "Snapshot"], type=[], gfsFlags=[5])
    del record["vmName"], strange["vmName"]
    appliance = Appliance(restorePoints=[record, strange])
    result = appliance.read(api_version="v3")
    assert facts(result, "kind", "usable", "retention") == {
        "1": ("full", True, ["weekly", "monthly"]),
        "2": ("unknown", None, []),
    }


@pytest.mark.parametrize(
    ("till", "immutable", "until"),
    [
        (None, False, None),
        ("2999-01-01T00:00:00Z", True, "2999-01-01T00:00:00Z"),
        ("2020-01-01T00:00:00Z", False, "2020-01-01T00:00:00Z"),
        ("soon", None, None),
        (7, None, None),
        ([], None, None),
    ],
)
def test_locks(till: Any, immutable: bool | None, until: str | None) -> None:
    """An invalid date does not abort the read, and proves nothing."""
    found = facts(Appliance().read(point(1, 20, immutableTill=till)), "immutable", "immutable_until")
    assert found == {"1": (immutable, until)}


@pytest.mark.parametrize(
    ("destination", "encrypted"),
    [("AzureBlob", True), ("All", True), ("Database", None), ("Unknown", None), (None, None)],
)
def test_network_configurations(destination: str | None, encrypted: bool | None) -> None:
    """Only configurations in a repository have its encryption."""
    record = {**point(1, 20, backupDestination=destination), "subscriptionId": "s", "subscriptionName": "main"}
    appliance = Appliance(**{"restorePoints/vnets": [record]})
    found = facts(appliance.read(workload_types=["network"]), "kind", "encrypted", "workload_id")
    assert found == {"1": ("config", encrypted, "s/northeurope")}


def test_continuous_backups_have_a_separate_listing() -> None:
    """A point in the other listing without type and destination may be anything."""
    bare = {"id": "point-1", "pointInTime": "2026-11-20T22:00:00Z", "accountId": "a", "accountName": "docs"}
    appliance = Appliance(
        **{
            "restorePoints/cosmosDb/repository": [bare],
            "restorePoints/cosmosDb/continuous": [{**bare, "id": "point-2"}],
        }
    )
    found = facts(appliance.read(workload_types=["database"]), "kind", "usable", "restorable_until")
    assert found == {"1": ("unknown", None, None), "2": ("continuous", True, "2026-11-20T22:00:00Z")}


@pytest.mark.parametrize(
    ("settings", "encrypted"),
    [([True, True], True), ([False], False), ([True, False], None), ([True, None], None), ([], None), ([5], None)],
    ids=str,
)
def test_encryption_of_all_repositories(settings: list[Any], encrypted: bool | None) -> None:
    """Repositories may have no id."""
    repositories = [{"name": f"r{number}", "enableEncryption": setting} for number, setting in enumerate(settings)]
    appliance = Appliance(repositories=repositories)
    assert facts(appliance.read(point(1, 20)), "encrypted") == {"1": encrypted}
