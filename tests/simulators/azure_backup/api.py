# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Azure Backup: Recovery Services vaults and Backup vaults behind Azure Resource Manager.

The login service has the address of the management service here. Accounts: see accounts.py.

Variants (product `azure_backup`; every product also has those of `ProductApi`):
  page_length           8      number of records in a page; clients cannot change it
  links                 own    other: nextLink names another host
  ids                   plain  vendor: ids of items as in the vendor's examples, /Subscriptions/ and no fabric
  unfiltered_lists_all  false  a list of items without a filter has all kinds of items
  counts                true   missing: items have no number of points; high: one more than the list has
  point_locks           true   false: points do not report their own lock, as in older versions of the API
  lock                  ""     the state of the immutability of locked vaults, in place of Locked: Unlocked
  cross_region_restore  true   false: geo-redundant vaults do not offer a restore from the other region
  source_location       false  items name the region of what they protect, as in newer versions of the API
  tier_details          true   false: points do not name their tiers
  databases             hana   sql: databases are those of SQL Server
  log_ranges            false  databases have a log chain, of which any time can be restored
  empty_ranges          false  databases list a log chain without a range, as before their first log backup
  agent                 MAB    DPM, AzureBackupServer: what backs up computers
  soft_deleted          ""     name of a workload that was deleted and can still be undeleted
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import ClassVar

from tests.simulators.azure_backup.accounts import ACCOUNTS, Account, TokenStore, check_subscription, list_permissions
from tests.simulators.azure_backup.arm import (
    BACKUP_GROUP,
    JSON,
    SUBSCRIPTIONS,
    TENANT,
    ArmRoute,
    check_version,
    denied,
    error_response,
    page_response,
    without_token,
)
from tests.simulators.azure_backup.data_protection import DataProtection
from tests.simulators.azure_backup.recovery_services import RecoveryServices
from tests.simulators.azure_backup.vaults import Item, Vault, Vaults
from tests.simulators.concurrent_changes import CHANGED_POINTS
from tests.simulators.ground_truth import Estate, Point, Workload
from tests.simulators.member_names import MemberNames
from tests.simulators.product_api import (
    Call,
    Listing,
    ProductApi,
    Refusal,
    Response,
    Setting,
    build_credentials,
    json_response,
)

_S = "/subscriptions/{subscription}"
_G = f"{_S}/resourceGroups/{{group}}"
_RSV, _DP = "providers/Microsoft.RecoveryServices/vaults", "providers/Microsoft.DataProtection/backupVaults"
_V, _D = f"{_G}/{_RSV}/{{vault}}", f"{_G}/{_DP}/{{vault}}"
_ITEM = f"{_V}/backupFabrics/Azure/protectionContainers/{{container}}/protectedItems/{{item}}"
_PERMISSIONS = "providers/Microsoft.Authorization/permissions"
_EXPANDED = "expand eq 'extendedinfo'"
# A failed or running run has no point.
_STATUSES = frozenset({"success", "warning"})
_BACKUPS = frozenset({"full", "incremental"})


class AzureBackup(ProductApi):
    product: ClassVar[str] = "azure_backup"
    LOG_IN: ClassVar[str] = f"/{TENANT}/oauth2/v2.0/token"
    LISTING: ClassVar[str] = "/subscriptions/*/recoveryPoints"
    STORES_SESSIONS: ClassVar[bool] = False
    SOME_OBJECTS: ClassVar[Mapping[str, object]] = {"path": LISTING, "after": 1}
    MEMBER_NAMES: ClassVar[MemberNames] = MemberNames(
        page_keys=frozenset({"$skipToken"}),
        uses_links=True,
        enum_members=frozenset(
            {
                *("objecttype", "type", "status", "state", "threatstatus", "protectionstate", "recoverypointtype"),
                *("standardtierstorageredundancy", "crossregionrestore", "recoverypointstate"),
                "currentprotectionstate",
            }
        ),
    )
    LISTS: ClassVar[dict[str, Listing]] = {
        "vm": Listing(_BACKUPS | {"archive", "snapshot"}, _STATUSES, "3"),
        "database": Listing(_BACKUPS, _STATUSES, "3"),
        "file_share": Listing(_BACKUPS | {"snapshot"}, _STATUSES, "3"),
        "physical": Listing(_BACKUPS, _STATUSES, "3"),
        "disk": Listing(_BACKUPS | {"snapshot"}, _STATUSES, "3"),
    }
    VARIANTS: ClassVar[dict[str, Setting]] = {
        **ProductApi.VARIANTS,
        "page_length": 8,
        "links": "own",
        "ids": "plain",
        "unfiltered_lists_all": False,
        "counts": "true",
        "point_locks": True,
        "lock": "",
        "cross_region_restore": True,
        "source_location": False,
        "tier_details": True,
        "databases": "hana",
        "log_ranges": False,
        "empty_ranges": False,
        "agent": "MAB",
        "soft_deleted": "",
    }

    session_store: TokenStore

    def __init__(self, estate: Estate) -> None:
        super().__init__(estate)
        self.session_store = TokenStore()
        self.vaults = Vaults(self)
        self.recovery_services = RecoveryServices(self)
        self.data_protection = DataProtection(self)
        self._encoded: dict[str, list[tuple[str, bytes]]] = {}
        self._lengths: dict[str, int] = {}
        self.routes = [
            ArmRoute("POST", "/{tenant}/oauth2/v2.0/token", self._log_in, needs_session=False),
            ArmRoute("GET", _S, self._subscription),
            ArmRoute("GET", f"{_S}/{_PERMISSIONS}", self._permissions),
            ArmRoute("GET", f"{_G}/{_PERMISSIONS}", self._permissions),
            ArmRoute("GET", f"{_S}/{_RSV}", self._list_vaults("rsv")),
            ArmRoute("GET", f"{_G}/{_RSV}", self._list_vaults("rsv")),
            ArmRoute("GET", f"{_S}/{_DP}", self._list_vaults("bv")),
            ArmRoute("GET", f"{_G}/{_DP}", self._list_vaults("bv")),
            ArmRoute("GET", f"{_V}/backupProtectedItems", self._list_items),
            ArmRoute("GET", _ITEM, self._get_item),
            ArmRoute("GET", f"{_ITEM}/recoveryPoints", self._list_points),
            ArmRoute("GET", f"{_D}/backupInstances", self._list_instances),
            ArmRoute("GET", f"{_D}/backupInstances/{{instance}}/recoveryPoints", self._list_instance_points),
        ]

    def prepare(self) -> None:
        self._encoded, self._lengths = {}, {}

    @property
    def identity(self) -> str:
        return TENANT

    # Accounts

    def _log_in(self, call: Call, _account: None, tenant: str) -> Response:
        return self.session_store.log_in(call, tenant)

    def authorize(self, call: Call) -> Account:
        return self.session_store.authorize(call)

    def end_sessions(self) -> None:
        """A restart does not end tokens."""

    def expire_sessions(self) -> None:
        self.session_store.expire()

    def credentials(self) -> dict[str, object]:
        logins = {name: {"username": one.client_id, "password": one.secret} for name, one in ACCOUNTS.items()}
        main = ACCOUNTS["main"]
        return {
            **build_credentials(logins),
            "tenant_id": TENANT,
            "client_id": main.client_id,
            "client_secret": main.secret,
            "subscription_id": SUBSCRIPTIONS[0],
        }

    def module_options(self, url: str) -> dict[str, object]:
        return {"login_url": url, "tenant": TENANT, "subscription_id": ",".join(SUBSCRIPTIONS)}

    # Subscriptions and vaults

    def _subscription(self, call: Call, account: Account, subscription: str) -> Response:
        check_version(call)
        known = check_subscription(subscription)
        if not account.visible:
            raise denied(account.client_id, "Microsoft.Resources/subscriptions/read", f"/subscriptions/{known}")
        return json_response(
            {
                "id": f"/subscriptions/{known}",
                "authorizationSource": "RoleBased",
                "subscriptionId": known,
                "tenantId": TENANT,
                "displayName": f"Production {SUBSCRIPTIONS.index(known) + 1}",
                "state": "Enabled",
            },
            content_type=JSON,
        )

    def _check_group(self, group: str) -> None:
        if group and group.lower() not in (BACKUP_GROUP, "rg-empty"):
            raise Refusal(404, f"Resource group '{group}' could not be found.", "ResourceGroupNotFound")

    def _permissions(self, call: Call, account: Account, subscription: str, group: str = "") -> Response:
        check_version(call)
        scope = f"/subscriptions/{check_subscription(subscription)}"
        self._check_group(group)
        items = [("permission", json.dumps(row).encode()) for row in list_permissions(account, scope)]
        return self._page(call, items)

    def _list_vaults(self, service: str) -> Callable[..., Response]:
        def respond(call: Call, account: Account, subscription: str, group: str = "") -> Response:
            check_version(call)
            known = check_subscription(subscription)
            self._check_group(group)
            chosen = [] if group.lower() == "rg-empty" else self.vaults.list(service, known)
            # Objects without permission are omitted.
            rows = [self.vaults.vault_row(vault) for vault in chosen if account.may_list(vault.name)]
            return self._page(call, [(str(row["name"]), json.dumps(row).encode()) for row in rows])

        return respond

    def _open_vault(
        self, call: Call, account: Account, service: str, subscription: str, group: str, vault: str, action: str
    ) -> Vault:
        check_version(call)
        self._check_group(group)
        found = self.vaults.find(service, check_subscription(subscription), vault)
        if found is None:
            raise Refusal(404, f"The Resource '{vault}' was not found.", "ResourceNotFound")
        if not account.may_read(found.name):
            raise denied(account.client_id, action, found.id)
        return found

    def _page(self, call: Call, items: list[tuple[str, bytes]]) -> Response:
        extra = {"origin": "https://management.other.example"} if self.text("links") == "other" else {}
        return page_response(call, items, self.number("page_length"), extra)

    # Recovery Services

    def _list_items(self, call: Call, account: Account, subscription: str, group: str, vault: str) -> Response:
        action = "Microsoft.RecoveryServices/vaults/backupProtectedItems/read"
        found = self._open_vault(call, account, "rsv", subscription, group, vault, action)
        wanted = [one for one in found.items if self.recovery_services.is_wanted(one, call.first("$filter"))]
        rows = [self.recovery_services.item_row(one) for one in wanted]
        return self._page(call, [(str(row["name"]), json.dumps(row).encode()) for row in rows])

    def _find_item(
        self, call: Call, account: Account, subscription: str, group: str, vault: str, container: str, item: str
    ) -> Item:
        action = "Microsoft.RecoveryServices/vaults/backupFabrics/protectionContainers/protectedItems/read"
        found = self._open_vault(call, account, "rsv", subscription, group, vault, action)
        for one in found.items:
            names = self.recovery_services.container(one), self.recovery_services.name(one)
            if [name.lower() for name in names] == [container.lower(), item.lower()]:
                return one
        raise Refusal(404, f"Item '{item}' is not protected in this vault.", "BMSUserErrorItemNotFound")

    def _get_item(self, call: Call, account: Account, **names: str) -> Response:
        item = self._find_item(call, account, **names)
        count = self._count(f"{call.path}/recoveryPoints", item) if call.first("$filter") == _EXPANDED else None
        return json_response(self.recovery_services.item_row(item, count), content_type=JSON)

    def _list_points(self, call: Call, account: Account, **names: str) -> Response:
        item = self._find_item(call, account, **names)
        return self._page(call, self._changing(call, self._point_items(item)))

    def _count(self, path: str, item: Item) -> int:
        """Return the current number of points, also while the list changes."""
        full = len(self._point_items(item))
        is_short = self.text("drift").startswith(("add", "swap")) and full > 3 * CHANGED_POINTS
        return self._lengths.get(path, full - CHANGED_POINTS if is_short else full)

    def _point_items(self, item: Item) -> list[tuple[str, bytes]]:
        if item.work.key not in self._encoded:
            is_rsv = item.vault.service == "rsv"
            rows = (self.recovery_services if is_rsv else self.data_protection).point_rows(item)
            self._encoded[item.work.key] = [(name, json.dumps(row).encode()) for name, row in rows]
        return self._encoded[item.work.key]

    def _changing(self, call: Call, items: list[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
        listed = list(self.with_concurrent_changes(without_token(call), items, lambda one: one[1]))
        self._lengths[call.path] = len(listed)
        return listed

    # Data Protection

    def _list_instances(self, call: Call, account: Account, subscription: str, group: str, vault: str) -> Response:
        action = "Microsoft.DataProtection/backupVaults/backupInstances/read"
        found = self._open_vault(call, account, "bv", subscription, group, vault, action)
        rows = [self.data_protection.instance_row(one) for one in found.items]
        return self._page(call, [(str(row["name"]), json.dumps(row).encode()) for row in rows])

    def _list_instance_points(
        self, call: Call, account: Account, subscription: str, group: str, vault: str, instance: str
    ) -> Response:
        action = "Microsoft.DataProtection/backupVaults/backupInstances/recoveryPoints/read"
        found = self._open_vault(call, account, "bv", subscription, group, vault, action)
        item = next((one for one in found.items if one.slug == instance.lower()), None)
        if item is None:
            raise Refusal(404, f"The backup instance '{instance}' was not found.", "UserErrorBackupInstanceNotFound")
        return self._page(call, self._changing(call, self._point_items(item)))

    # Errors and ground truth

    def error_response(self, call: Call, refusal: Refusal) -> Response:
        return error_response(refusal)

    def workload_id(self, work: Workload) -> str:
        item = self.vaults.items.get(work.key)
        if item is None:
            return work.key
        service = self.recovery_services if item.vault.service == "rsv" else self.data_protection
        return service.workload_id(item)

    def point_id(self, work: Workload, point: Point) -> str:
        return self.digest(point.key)
