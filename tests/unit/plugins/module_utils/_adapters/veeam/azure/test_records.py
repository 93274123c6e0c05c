# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fields of restore points: unreported values stay unknown, and the meaning depends on version and listing."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.plugins.module_utils._adapters.veeam.azure.small_appliance import STANDARD, Appliance, facts, point

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


def policy(state: Any, **more: Any) -> dict[str, Any]:
    """Build the repository of the points with this state of its immutability policy."""
    container = {"name": "c", "supportsVersioning": True, "ImmutabilityPolicyState": state}
    return {**STANDARD, "azureStorageContainer": container, "immutabilityEnabled": True, **more}


def with_ids(repositories: Any) -> Any:
    """Give each repository its own id. An error status is returned unchanged."""
    if isinstance(repositories, int):
        return repositories
    return [{**row, "id": f"repository-{number}"} for number, row in enumerate(repositories)]


OTHER_REGION = {"regionId": "r3", "regionName": "uksouth"}


@pytest.mark.parametrize(
    ("repositories", "expected"),
    [
        ([policy("Locked")], (True, False)),
        ([policy("Locked"), policy("Locked", storageTier="Inferred")], (True, False)),
        # The owner of an unlocked policy can shorten the lock.
        ([policy("Unlocked")], (False, False)),
        ([policy("Unlocked"), policy("Unlocked")], (False, False)),
        ([policy("Locked"), policy("Unlocked")], (None, False)),
        ([policy(None), policy("Unlocked")], (None, False)),
        # Without a policy of the container, blobs can have their own.
        ([policy("NotPresent")], (None, False)),
        ([policy("Locked"), policy("NotPresent")], (None, False)),
        ([policy("Unlocked"), policy("NotPresent")], (None, False)),
        # Other regions and the archive cannot contain the point.
        ([policy("Locked"), policy("Unlocked", **OTHER_REGION)], (True, False)),
        ([policy("Locked"), policy("Unlocked", storageTier="Archive")], (True, False)),
        ([policy("Unlocked"), policy("Locked", **OTHER_REGION)], (False, False)),
        # A repository without immutability does not lock points, unless its setting was changed.
        ([policy("Locked"), policy("NotPresent", immutabilityEnabled=False)], (True, True)),
        ([policy("NotPresent", immutabilityEnabled=False)], (None, False)),
        ([policy("Locked"), policy("Unlocked", immutabilityEnabled=False)], (None, False)),
        # The state is not reported.
        ([policy("Locked"), policy(None)], (True, True)),
        ([policy("Locked", azureStorageContainer=None)], (True, True)),
        ([policy("Sealed")], (True, True)),
        ([policy("Locked", **OTHER_REGION)], (True, True)),
        ([], (True, True)),
        (403, (True, True)),
    ],
)
def test_a_lock_counts_as_reported_only_if_no_policy_can_be_shortened(
    repositories: Any, expected: tuple[bool | None, bool]
) -> None:
    """The date of a point alone does not state that its repository is locked."""
    till = "2999-01-01T00:00:00Z"
    result = Appliance(repositories=with_ids(repositories)).read(point(1, 20, immutableTill=till), point(2, 19))
    immutable, is_inferred = expected
    values = facts(result, "immutable", "immutable_until", "copies", "inferred")
    until = till if immutable else None
    assert (values["1"][:2], values["1"][2][0]["immutable_until"]) == ((immutable, until), until)
    assert set(values["1"][3]) - {"encrypted"} == ({"immutable", "immutable_until"} if is_inferred else set())
    # A point without a date is not locked, regardless of its repository.
    assert (values["2"][0], set(values["2"][3]) - {"encrypted"}) == (False, set())


def test_the_region_of_databases_does_not_exclude_repositories() -> None:
    """Their points do not include the region of their repository."""
    record = {**point(1, 20, immutableTill="2999-01-01T00:00:00Z"), "databaseId": "d", "databaseName": "shop"}
    repositories = with_ids([policy("Locked"), policy("Unlocked", **OTHER_REGION)])
    appliance = Appliance(**{"restorePoints/sql": [record], "repositories": repositories})
    assert facts(appliance.read(workload_types=["database"]), "immutable") == {"1": None}


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
