# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Recovery points of Azure Backup: tiers, datastores, locks, regions, ranges."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._adapters.azure_backup.points import (
    PointParser,
    parse_datastores,
    parse_tiers,
)
from ansible_collections.backup.audit.plugins.module_utils._adapters.azure_backup.records import (
    parse_backup_instance,
    parse_backup_vault,
    parse_protected_item,
    parse_recovery_services_vault,
)
from ansible_collections.backup.audit.plugins.module_utils._core.errors import DataError, InvalidResponseError
from ansible_collections.backup.audit.plugins.module_utils._core.model import RecoveryPoint
from ansible_collections.backup.audit.plugins.module_utils._core.times import HOUR, SECOND, parse_time

VAULT = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.RecoveryServices/vaults/rsv"
ITEM = f"{VAULT}/backupFabrics/Azure/protectionContainers/c;1/protectedItems/i;1"
BACKUP_VAULT = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.DataProtection/backupVaults/bv"
CREATED = "2026-11-20T01:00:00.1234567Z"
EXPIRES = "2026-12-20T01:00:00Z"
NOW = parse_time("2026-11-29T00:00:00Z")


def tiers(**states: str) -> list[dict[str, str]]:
    return [{"type": name, "status": state} for name, state in states.items()]


def build(
    properties: dict[str, Any],
    *,
    vault: dict[str, Any] | None = None,
    item: dict[str, Any] | None = None,
    management: str = "AzureIaasVM",
    now: int = NOW,
) -> RecoveryPoint:
    """Build the point of an item in a vault; arguments override properties of an ordinary point."""
    found = parse_recovery_services_vault({"id": VAULT, "location": "westeurope", "properties": vault or {}})
    row = {"id": ITEM, "properties": {"friendlyName": "web-01", "policyName": "Daily", **(item or {})}}
    parser = PointParser(parse_protected_item(row, found, management), now, include_raw=False)
    point = {
        "objectType": "IaasVMRecoveryPoint",
        "recoveryPointTime": CREATED,
        "recoveryPointTierDetails": tiers(HardenedRP="Valid"),
        "recoveryPointProperties": {"expiryTime": EXPIRES},
        **properties,
    }
    ((template, ident, created, expires),) = parser.parse({"id": f"{ITEM}/recoveryPoints/1", "properties": point})
    assert ident == f"{ITEM}/recoveryPoints/1"
    assert created == parse_time(CREATED)
    assert expires == parse_time(EXPIRES)
    return template


@pytest.mark.parametrize(
    ("details", "kind", "usable", "status"),
    [
        (tiers(HardenedRP="Valid"), "backup", True, "success"),
        (tiers(InstantRP="Valid", HardenedRP="Valid"), "backup", True, "success"),
        (tiers(InstantRP="Deleted", HardenedRP="Valid"), "backup", True, "success"),
        (tiers(InstantRP="Valid"), "snapshot", True, "success"),
        (tiers(IASnapshotRP="Valid"), "snapshot", True, "success"),
        (tiers(InstantRP="Valid", HardenedRP="Deleted"), "snapshot", True, "success"),
        (tiers(HardenedRP="Deleted", ArchivedRP="Valid"), "archive", True, "success"),
        (tiers(HardenedRP="Deleted", ArchivedRP="Rehydrated"), "archive", True, "success"),
        (tiers(HardenedRP="Deleted"), "backup", False, "success"),
        (tiers(HardenedRP="Disabled"), "backup", False, "success"),
        (tiers(HardenedRP="Invalid"), "backup", False, "failed"),
        (tiers(instantrp="VALID"), "snapshot", True, "success"),
        # An unknown state or tier may mean anything.
        (tiers(HardenedRP="Moving"), "unknown", None, "unknown"),
        (tiers(InstantRP="Valid", HardenedRP="Moving"), "unknown", True, "success"),
        (tiers(ColdRP="Valid"), "unknown", True, "success"),
        (tiers(InstantRP="Valid", ColdRP="Valid"), "unknown", True, "success"),
        ([], "unknown", None, "unknown"),
        (None, "unknown", None, "unknown"),
        ("HardenedRP", "unknown", None, "unknown"),
        ([{"type": "HardenedRP"}], "unknown", None, "unknown"),
        ([{"status": "Valid"}], "unknown", True, "success"),
    ],
)
def test_tiers_decide_whether_a_point_counts(details: Any, kind: str, usable: bool | None, status: str) -> None:
    point = build({"recoveryPointTierDetails": details})
    assert (point.kind, point.usable, point.status) == (kind, usable, status)


def test_only_snapshots_are_stored_with_the_machine() -> None:
    inside = build({"recoveryPointTierDetails": tiers(InstantRP="Valid", HardenedRP="Valid")})
    outside = build({"recoveryPointTierDetails": tiers(InstantRP="Valid")})
    assert [(copy.location, copy.location_type) for copy in inside.copies or ()] == [("rg/rsv", "cloud_vault")]
    places = [(copy.location, copy.location_type) for copy in outside.copies or ()]
    assert places == [("rg/rsv (snapshot)", "snapshot_array")]
    assert outside.offsite is False


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("Full", "full"),
        ("Differential", "differential"),
        ("Incremental", "incremental"),
        ("Log", "log"),
        ("SnapshotFull", "snapshot"),
        ("SnapshotCopyOnlyFull", "snapshot"),
        ("Synthetic", "unknown"),
    ],
)
def test_backup_types_of_databases(word: str, kind: str) -> None:
    fields = {"objectType": "AzureWorkloadSQLRecoveryPoint", "recoveryPointTime": None, "type": word}
    point = build({**fields, "recoveryPointTimeInUTC": CREATED}, management="AzureWorkload")
    assert point.kind == kind


def test_an_archived_full_backup_is_an_archive() -> None:
    fields = {"type": "Full", "recoveryPointTierDetails": tiers(ArchivedRP="Valid")}
    assert build(fields, management="AzureWorkload").kind == "archive"


GENERIC = {"objectType": "GenericRecoveryPoint", "recoveryPointTierDetails": None}


def test_points_of_agents_without_tiers() -> None:
    point = build(GENERIC, management="MAB")
    assert (point.kind, point.usable, point.status, point.offsite) == ("backup", True, "success", None)
    assert build({"recoveryPointTierDetails": None}, management="MAB").usable is None
    assert build(GENERIC, management="AzureSql").usable is None


def test_an_empty_list_of_tiers_is_unknown() -> None:
    vault = parse_recovery_services_vault({"id": VAULT, "properties": {"x": 1}})
    item = parse_protected_item({"id": ITEM, "properties": {"x": 1}}, vault, "MAB")
    parser = PointParser(item, NOW, include_raw=False)
    found = []
    values: tuple[Any, ...] = (None, [], "HardenedRP", None)
    for details in values:
        properties: dict[str, Any] = {**GENERIC, "recoveryPointTime": CREATED, "recoveryPointTierDetails": details}
        found += [point.usable for point, *_rest in parser.parse({"id": "p", "properties": properties})]
    assert found == [True, None, None, True]


def test_points_of_agents_are_in_the_vault() -> None:
    vault = {**locked("Locked"), **redundancy("GeoRedundant"), "encryption": {"keyVaultProperties": {"keyUri": "k"}}}
    point = build(GENERIC, vault=vault, management="MAB")
    assert (point.offsite, point.immutable_until, point.encrypted) == (True, parse_time(EXPIRES), True)
    assert point.inferred == ("offsite", "immutable")
    assert [copy.location for copy in point.copies or ()] == ["rg/rsv"]
    # Reported tiers take precedence.
    fields = {**GENERIC, "recoveryPointTierDetails": tiers(InstantRP="Valid")}
    point = build(fields, vault=vault, management="MAB")
    assert (point.kind, point.offsite, point.immutable, point.encrypted) == ("snapshot", False, False, None)


@pytest.mark.parametrize("management", ["DPM", "AzureBackupServer"])
@pytest.mark.parametrize("state", ["Locked", "Unlocked", "Disabled"])
@pytest.mark.parametrize("item", [{}, {"sourceLocation": "northeurope"}, {"sourceLocation": "westeurope"}])
@pytest.mark.parametrize("kind", ["GeoRedundant", "LocallyRedundant"])
def test_points_of_backup_servers_may_be_on_their_disks(
    management: str, state: str, item: dict[str, Any], kind: str
) -> None:
    vault = {**locked(state), **redundancy(kind), "encryption": {"keyVaultProperties": {"keyUri": "k"}}}
    point = build(GENERIC, vault=vault, item=item, management=management)
    assert (point.kind, point.usable, point.status) == ("unknown", None, "unknown")
    assert (point.offsite, point.immutable, point.immutable_until, point.encrypted) == (None, None, None, None)
    assert point.inferred == ()
    assert [(copy.location, copy.offsite) for copy in point.copies or ()] == [(None, None)]
    # A tier is a statement of the service.
    stored = build({}, vault=vault, item=item, management=management)
    assert (stored.kind, stored.usable, stored.encrypted) == ("backup", True, True)
    assert [copy.location for copy in stored.copies or ()] == ["rg/rsv"]


@pytest.mark.parametrize(
    ("item", "lifetime"),
    [({"isScheduledForDeferredDelete": True}, {}), ({}, {"isSoftDeleted": True}), ({}, {"isSoftDeleted": "true"})],
)
def test_deleted_points_are_not_usable(item: dict[str, Any], lifetime: dict[str, Any]) -> None:
    point = build({"recoveryPointProperties": {"expiryTime": EXPIRES, **lifetime}}, item=item)
    assert point.usable is False
    assert build({"recoveryPointProperties": {"expiryTime": EXPIRES, "isSoftDeleted": False}}).usable is True


# Locks


def locked(state: Any, **more: Any) -> dict[str, Any]:
    return {"securitySettings": {"immutabilitySettings": {"state": state, **more}}}


def lifetime(**lock: Any) -> dict[str, Any]:
    return {"recoveryPointProperties": {"expiryTime": EXPIRES, "immutabilityProperties": lock}}


@pytest.mark.parametrize(
    ("vault", "properties", "immutable", "until", "inferred"),
    [
        (locked("Locked"), {}, None, EXPIRES, True),
        (locked("locked"), {}, None, EXPIRES, True),
        (locked("Locked", configuration={"type": "AsPerPolicy"}), {}, None, EXPIRES, True),
        (locked("Locked", configuration={"type": "TimeBased", "durationInDays": 7}), {}, None, None, False),
        (
            locked("Locked"),
            lifetime(isImmutable=True, expiryTime="2026-12-01T00:00:00Z"),
            None,
            "2026-12-01T00:00:00Z",
            False,
        ),
        (locked("Locked"), lifetime(isImmutable=True), None, EXPIRES, False),
        (locked("Locked"), lifetime(isImmutable=False), False, None, False),
        (locked("Locked"), lifetime(), None, None, False),
        (
            locked("Locked"),
            {"recoveryPointProperties": {"expiryTime": EXPIRES, "immutabilityProperties": None}},
            None,
            None,
            False,
        ),
        (locked("Locked"), {"recoveryPointTierDetails": tiers(InstantRP="Valid")}, False, None, False),
        (locked("Locked"), {"recoveryPointTierDetails": None}, None, None, False),
        # The owner of the vault can disable it at any time.
        (locked("Unlocked"), lifetime(isImmutable=True), False, None, False),
        (locked("Disabled"), {}, False, None, False),
        (locked("Sealed"), lifetime(isImmutable=True), None, None, False),
        (locked(None), {}, None, None, False),
        ({}, lifetime(isImmutable=True), None, None, False),
        # Soft delete is a recycle bin.
        ({"securitySettings": {"softDeleteSettings": {"softDeleteState": "AlwaysON"}}}, {}, None, None, False),
    ],
)
def test_only_a_locked_vault_is_immutable(
    vault: dict[str, Any], properties: dict[str, Any], immutable: bool | None, until: str | None, inferred: bool
) -> None:
    point = build(properties, vault=vault)
    assert point.immutable is immutable
    assert point.immutable_until == (None if until is None else parse_time(until))
    assert ("immutable" in point.inferred) is inferred


# Regions and encryption


def redundancy(kind: Any, restore: Any = "Enabled") -> dict[str, Any]:
    return {"redundancySettings": {"standardTierStorageRedundancy": kind, "crossRegionRestore": restore}}


@pytest.mark.parametrize(
    ("vault", "item", "offsite", "inferred"),
    [
        (redundancy("GeoRedundant"), {}, True, True),
        (redundancy("GeoRedundant", "Disabled"), {}, None, False),
        (redundancy("GeoRedundant", None), {}, None, False),
        (redundancy("LocallyRedundant"), {}, False, True),
        (redundancy("ZoneRedundant"), {"sourceLocation": "West Europe"}, False, False),
        (redundancy("LocallyRedundant"), {"sourceLocation": "northeurope"}, True, False),
        (redundancy("LocallyRedundant"), {"sourceLocation": "global"}, False, True),
        (redundancy("Somewhere"), {}, None, False),
        ({}, {}, None, False),
        ({}, {"sourceLocation": "northeurope"}, True, False),
    ],
)
def test_off_site_is_another_region(
    vault: dict[str, Any], item: dict[str, Any], offsite: bool | None, inferred: bool
) -> None:
    point = build({}, vault=vault, item=item)
    assert point.offsite is offsite
    assert ("offsite" in point.inferred) is inferred
    assert [copy.offsite for copy in point.copies or ()] == [offsite]


def test_the_copy_in_the_other_region_may_be_late() -> None:
    vault = redundancy("GeoRedundant")
    created = parse_time(CREATED)
    assert build({}, vault=vault, now=created + 36 * HOUR * SECOND - 1).offsite is None
    assert build({}, vault=vault, now=created + 36 * HOUR * SECOND).offsite is True


def test_archives_are_not_copied_to_the_other_region() -> None:
    fields = {"recoveryPointTierDetails": tiers(ArchivedRP="Valid")}
    assert build(fields, vault=redundancy("GeoRedundant")).offsite is None


def test_only_customer_managed_keys_are_reported() -> None:
    key = {"encryption": {"keyVaultProperties": {"keyUri": "https://kv.example/keys/1"}}}
    assert build({}, vault=key).encrypted is True
    assert build({"recoveryPointTierDetails": tiers(InstantRP="Valid")}, vault=key).encrypted is None
    assert build({"isSourceVMEncrypted": True}).encrypted is None
    assert build({}, vault={"encryption": {"keyVaultProperties": {"keyUri": ""}}}).encrypted is None


@pytest.mark.parametrize(
    ("word", "malware"),
    [
        ("Healthy", "clean"),
        ("Warning", "suspicious"),
        ("UnHealthy", "infected"),
        ("Unknown", None),
        ("NotAvailable", None),
        (None, None),
    ],
)
def test_threats(word: str | None, malware: str | None) -> None:
    assert build({"threatStatus": word}).malware == malware


@pytest.mark.parametrize(
    ("rule", "classes"), [("Weekly", ("weekly",)), ("yearly", ("yearly",)), ("Default", ()), (None, ())]
)
def test_retention(rule: str | None, classes: tuple[str, ...]) -> None:
    assert build({"recoveryPointProperties": {"expiryTime": EXPIRES, "ruleName": rule}}).retention == classes


# Backup instances, templates


def stores(*rows: tuple[str, Any, Any]) -> list[dict[str, Any]]:
    return [{"type": kind, "state": state, "visible": visible} for kind, state, visible in rows]


@pytest.mark.parametrize(
    ("details", "completion", "kind", "usable", "status"),
    [
        (stores(("VaultStore", "COMMITTED", True)), "Completed", "incremental", True, "success"),
        (stores(("OperationalStore", "COMMITTED", True)), "Completed", "snapshot", True, "success"),
        (
            stores(("OperationalStore", "COMMITTED", True), ("VaultStore", "COMMITTED", True)),
            "Completed",
            "incremental",
            True,
            "success",
        ),
        (stores(("ArchiveStore", "COMMITTED", True)), "Completed", "archive", True, "success"),
        (stores(("VaultStore", "COMMITTED", True)), "Partial", "incremental", None, "warning"),
        (stores(("VaultStore", "COMMITTED", True)), None, "incremental", None, "unknown"),
        (stores(("VaultStore", "COMMITTED", False)), "Completed", "incremental", False, "success"),
        (stores(("VaultStore", "DELETING", True)), "Completed", "unknown", None, "unknown"),
        ([], "Completed", "unknown", None, "unknown"),
    ],
)
def test_datastores_decide(details: Any, completion: Any, kind: str, usable: bool | None, status: str) -> None:
    vault = parse_backup_vault({"id": BACKUP_VAULT, "location": "westeurope", "properties": {}})
    source = {"resourceName": "disk-1", "datasourceType": "Microsoft.Compute/disks", "resourceLocation": "westeurope"}
    row = {"id": f"{BACKUP_VAULT}/backupInstances/d", "properties": {"dataSourceInfo": source}}
    parser = PointParser(parse_backup_instance(row, vault), NOW, include_raw=False)
    properties = {
        "recoveryPointTime": CREATED,
        "recoveryPointType": "Incremental",
        "recoveryPointState": completion,
        "recoveryPointDataStoresDetails": details,
    }
    ((point, *_rest),) = parser.parse({"id": "p", "properties": properties})
    assert (point.kind, point.usable, point.status) == (kind, usable, status)


def test_equal_and_different_values_share_no_template() -> None:
    """True and 1 are equal in Python, but only True is a valid value of the field."""
    vault = parse_recovery_services_vault({"id": VAULT, "location": "westeurope", "properties": {}})
    item = parse_protected_item({"id": ITEM, "properties": {"friendlyName": "web-01"}}, vault, "AzureIaasVM")
    parser = PointParser(item, NOW, include_raw=False)
    found = []
    for number, deleted in enumerate((True, 1, False, ["x"], ["y"])):
        properties = {
            "recoveryPointTime": CREATED,
            "recoveryPointTierDetails": tiers(HardenedRP="Valid"),
            "recoveryPointProperties": {"isSoftDeleted": deleted},
        }
        ((point, *_rest),) = parser.parse({"id": str(number), "properties": properties})
        found.append(point.usable)
    assert found == [False, True, True, True, True]


@pytest.mark.parametrize(
    ("row", "error"),
    [
        ({"properties": {"recoveryPointTime": CREATED}}, InvalidResponseError),
        ({"id": "p", "properties": {}}, InvalidResponseError),
        ({"id": "p"}, InvalidResponseError),
        ({"id": "p", "properties": {"recoveryPointTime": "yesterday"}}, DataError),
    ],
)
def test_a_point_needs_an_id_and_a_time(row: dict[str, Any], error: type[Exception]) -> None:
    vault = parse_recovery_services_vault({"id": VAULT, "location": "westeurope", "properties": {}})
    item = parse_protected_item({"id": ITEM, "properties": {"friendlyName": "web-01"}}, vault, "AzureIaasVM")
    with pytest.raises(error):
        list(PointParser(item, NOW, include_raw=False).parse(row))


def test_unreported_datastores() -> None:
    assert parse_tiers(None) is None
    assert parse_datastores({}) is None
