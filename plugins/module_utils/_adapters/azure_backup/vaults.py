# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Azure Backup: read vaults, protected items and recovery points, and verify that none is missing.

A list of vaults may silently omit some (see rights.py). Recovery Services counts the points of each item; the count is
compared with the list of its points.
"""

from __future__ import annotations

import dataclasses
import itertools
import typing as t
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence

from ansible_collections.backup.audit.plugins.module_utils._adapters.azure_backup import records
from ansible_collections.backup.audit.plugins.module_utils._adapters.azure_backup.arm import (
    BACKUP_VAULTS,
    EXPANDED,
    MANAGEMENT_TYPES,
    PERMISSIONS,
    PERMISSIONS_VERSION,
    VAULTS,
    Arm,
    instance_path,
    item_path,
    management_filter,
    name_problem,
    quote_segment,
)
from ansible_collections.backup.audit.plugins.module_utils._adapters.azure_backup.points import (
    has_no_range,
    parse_ranges,
)
from ansible_collections.backup.audit.plugins.module_utils._adapters.azure_backup.records import Item, Vault
from ansible_collections.backup.audit.plugins.module_utils._adapters.azure_backup.rights import find_gap
from ansible_collections.backup.audit.plugins.module_utils._core.errors import (
    REQUEST_ERRORS,
    AuditError,
    ForbiddenError,
    InvalidResponseError,
    NotFoundError,
    ServerError,
)
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import as_int, as_object
from ansible_collections.backup.audit.plugins.module_utils._transport.thread_pool import ThreadPool

# Maximum number of reads of an item's points until their number matches the service's own count.
_ATTEMPTS = 3
# After this many server errors, no more requests are sent, because failing ones could take hours.
_MAX_SERVER_ERRORS = 3
_SHOWN = 3
Row = dict[str, t.Any]


@dataclasses.dataclass(frozen=True)
class Scope:
    """A subscription, or a resource group of it."""

    subscription: str
    group: str | None = None

    @property
    def path(self) -> str:
        """Return the path in the API."""
        path = f"/subscriptions/{quote_segment(self.subscription)}"
        return path if self.group is None else f"{path}/resourceGroups/{quote_segment(self.group)}"


@dataclasses.dataclass
class _Listing:
    """The vaults in a scope, and the permissions that show whether the list is complete."""

    vaults: list[Vault]
    backup_vaults: list[Vault]
    permissions: list[Row]


@dataclasses.dataclass(frozen=True)
class _Part:
    """One list of items: those of one kind in a Recovery Services vault, or all of a Backup vault (kind None)."""

    vault: Vault
    kind: str | None


class VaultReader:
    """Reads the vaults of subscriptions. Errors are passed to ``add_problem``."""

    def __init__(
        self,
        arm: Arm,
        thread_pool: ThreadPool,
        add_problem: Callable[[AuditError], None],
        warn: Callable[[str], None],
        workload_types: Sequence[str],
    ) -> None:
        self._arm = arm
        self._thread_pool = thread_pool
        self._add_problem = add_problem
        self._warn = warn
        self._types = frozenset(workload_types)
        self._reads_all_types = self._types.issuperset(records.WORKLOAD_TYPES)
        self._server_errors = 0
        self._failures: dict[tuple[str, str], list[tuple[str, AuditError]]] = defaultdict(list)
        self._with_logs: list[str] = []
        self._without_range: list[str] = []
        self._uncounted: list[str] = []
        # Whether all lists of vaults are proven to be complete.
        self.is_proven = True

    def read(self, scopes: Sequence[Scope], selected: Sequence[str]) -> Iterator[tuple[Item, list[Row]]]:
        """Yield each item with the records of its points; ``selected`` selects vaults (NAME or RESOURCE_GROUP/NAME)."""
        vaults, backup_vaults = self._open_scopes(scopes, selected)
        parts = [
            *(_Part(vault, kind) for vault in vaults for kind in MANAGEMENT_TYPES if self._may_have(kind)),
            *(_Part(vault, None) for vault in backup_vaults if self._may_have(None)),
        ]
        for item, found in self._thread_pool.map(self._read_item, self._list_items(parts)):
            if isinstance(found, AuditError):
                self._record_failure(item.vault, f"the recovery points of {item.workload.name!r}", found)
                continue
            if any(map(has_no_range, found)):
                self._without_range.append(str(item.workload.name))
            yield item, found
        self._report_failures()
        if self._uncounted:
            self._warn(
                f"the number of recovery points of {len(self._uncounted)} items is not reported "
                f"({', '.join(self._uncounted[:_SHOWN])}), so missing ones would not be noticed"
            )
        if self._with_logs:
            self._warn(
                f"{len(self._with_logs)} databases count more recovery points than they list "
                f"({', '.join(self._with_logs[:_SHOWN])}). The difference may be log backups, which are a range"
            )
        if self._without_range:
            self._warn(
                f"{len(self._without_range)} databases list log backups without a range of times "
                f"({', '.join(self._without_range[:_SHOWN])}). Only their other recovery points can be restored"
            )

    def is_item_selected(self, item: Item) -> bool:
        """Return whether the type of the item is selected. Unknown types are read only without a selection."""
        known = item.workload.type in records.WORKLOAD_TYPES
        return item.workload.type in self._types or (self._reads_all_types and not known)

    def _may_have(self, kind: str | None) -> bool:
        if self._reads_all_types:
            return True
        types = records.MANAGEMENT_WORKLOADS[kind] if kind else ("storage", "application", "database", "file_share")
        return not self._types.isdisjoint(types)

    # Vaults

    def _open_scopes(self, scopes: Sequence[Scope], selected: Sequence[str]) -> tuple[list[Vault], list[Vault]]:
        vaults: dict[t.Any, Vault] = {}
        backup_vaults: dict[t.Any, Vault] = {}
        missing: dict[str, AuditError] = {}
        found_groups: set[str | None] = set()
        is_complete_anyway = bool(selected) and all("/" in name for name in selected)
        for scope, listing in self._thread_pool.map(self._open_scope, scopes):
            if isinstance(listing, NotFoundError) and scope.group is not None:
                missing.setdefault(scope.group, listing)
                continue
            if isinstance(listing, AuditError):
                self.is_proven = False
                self._add_problem(name_problem(listing, scope.path, self._arm.host))
                continue
            found_groups.add(scope.group)
            for known, listed in ((vaults, listing.vaults), (backup_vaults, listing.backup_vaults)):
                known.update({_key(vault): vault for vault in listed})
            if not is_complete_anyway:
                self._check_rights(scope, listing)
        for group, error in missing.items():
            if group not in found_groups:
                self.is_proven = False
                self._add_problem(name_problem(error, f"resource group {group!r}", self._arm.host))
        self._check_names(selected, [*vaults.values(), *backup_vaults.values()])
        chosen = [[one for one in known.values() if _is_selected(one, selected)] for known in (vaults, backup_vaults)]
        return chosen[0], chosen[1]

    def _open_scope(self, scope: Scope) -> _Listing | AuditError:
        try:
            lists = [
                self._arm.list(f"{scope.path}{kind}", self._arm.get_version(kind)) for kind in (VAULTS, BACKUP_VAULTS)
            ]
            vaults = [records.parse_recovery_services_vault(row) for row in lists[0]]
            backup_vaults = [records.parse_backup_vault(row) for row in lists[1]]
            try:
                permissions = self._arm.list(f"{scope.path}{PERMISSIONS}", PERMISSIONS_VERSION)
            except REQUEST_ERRORS:
                # Without permission to read its own permissions, completeness cannot be proven.
                permissions = []
        except REQUEST_ERRORS as error:
            return error
        return _Listing(vaults, backup_vaults, permissions)

    def _check_rights(self, scope: Scope, listing: _Listing) -> None:
        visible = [vault.ident.label for vault in (*listing.vaults, *listing.backup_vaults)]
        if gap := find_gap(listing.permissions, scope.path, visible):
            self.is_proven = False
            gap.server = self._arm.host
            self._add_problem(gap)

    def _check_names(self, selected: Sequence[str], vaults: Sequence[Vault]) -> None:
        for name in selected:
            if not any(_is_selected(vault, [name]) for vault in vaults):
                shown = ", ".join(sorted(vault.ident.label for vault in vaults)) or "none"
                error = NotFoundError(
                    f"vault {name!r}: it is not listed",
                    server=self._arm.host,
                    hint=f'Correct "vaults", or grant the account permissions. Visible vaults: {shown}',
                )
                self._add_problem(error)

    # Items

    def _list_items(self, parts: Sequence[_Part]) -> Iterator[Item]:
        """Yield all items; lists that fail are recorded."""
        for part, found in self._thread_pool.map(self._list_part, parts):
            if isinstance(found, AuditError):
                self._record_failure(part.vault, part.kind or "backup instances", found)
                continue
            yield from filter(self.is_item_selected, found)

    def _list_part(self, part: _Part) -> list[Item] | AuditError:
        vault = part.vault
        try:
            if part.kind is None:
                path = f"{vault.ident.path(BACKUP_VAULTS)}/backupInstances"
                rows = self._arm.list(path, self._arm.get_version(BACKUP_VAULTS))
                return [records.parse_backup_instance(row, vault) for row in rows]
            path = f"{vault.ident.path(VAULTS)}/backupProtectedItems"
            query = {"$filter": management_filter(part.kind)}
            rows = self._arm.list(path, self._arm.get_version(VAULTS), query)
            return [records.parse_protected_item(row, vault, part.kind) for row in rows]
        except REQUEST_ERRORS as error:
            return error

    # Recovery points

    def _read_item(self, item: Item) -> list[Row] | AuditError:
        try:
            if item.is_instance:
                path = f"{instance_path(item.vault.ident, item.ident)}/recoveryPoints"
                return self._arm.list(path, self._arm.get_version(BACKUP_VAULTS))
            return self._read_counted(item)
        except REQUEST_ERRORS as error:
            return error

    def _read_counted(self, item: Item) -> list[Row]:
        """Read the points of a protected item; read again if fewer are listed than the service counts."""
        path, version = item_path(item.vault.ident, item.ident), self._arm.get_version(VAULTS)
        count, listed, rows = 0, 0, []
        for _attempt in range(_ATTEMPTS):
            # The count is requested first, so that points that are added meanwhile cause no difference.
            properties = as_object(self._arm.get(path, version, {"$filter": EXPANDED}).get("properties"))
            reported = as_int(as_object(properties.get("extendedInfo")).get("recoveryPointCount"))
            rows = self._arm.list(f"{path}/recoveryPoints", version)
            listed = len({str(row.get("id")).casefold() for row in rows})
            if reported is None:
                self._uncounted.append(str(item.workload.name))
                return rows
            count = reported
            if listed >= count:
                return rows
        # Only log backups that can be restored explain a difference.
        if any(map(parse_ranges, rows)):
            self._with_logs.append(str(item.workload.name))
            return rows
        raise InvalidResponseError(
            f"the list of recovery points is incomplete: {listed} of {count} are listed",
            server=self._arm.host,
            request=f"GET {path}/recoveryPoints",
            hint="Try again. If the problem persists, compare with the list in the Azure portal",
        )

    # Failures

    def _record_failure(self, vault: Vault, what: str, error: AuditError) -> None:
        """Record the failure of a request for a vault. Failures of the vault itself are reported once."""
        self._failures[vault.ident.label, f"{error.code} {error.status}"].append((what, error))
        if isinstance(error, ServerError):
            self._server_errors += 1
            if self._server_errors >= _MAX_SERVER_ERRORS:
                raise name_problem(error, f"vault {vault.ident.label!r}: {what}", self._arm.host)

    def _report_failures(self) -> None:
        for (label, _code), failed in self._failures.items():
            names = list(dict.fromkeys(what for what, _error in failed))
            error = failed[0][1]
            more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
            what = "" if isinstance(error, ForbiddenError) and len(names) > 1 else f" {', '.join(names[:_SHOWN])}{more}"
            self._add_problem(name_problem(error, f"vault {label!r}{':' if what else ''}{what}", self._arm.host))
        self._failures.clear()


def build_scopes(subscriptions: Sequence[str], groups: Sequence[str]) -> list[Scope]:
    """Return the scopes to read: each subscription, or each resource group in each subscription."""
    if not groups:
        return [Scope(subscription) for subscription in subscriptions]
    return [Scope(*pair) for pair in itertools.product(subscriptions, groups)]


def _key(vault: Vault) -> tuple[str, str, str]:
    ident = vault.ident
    return ident.subscription.casefold(), ident.group.casefold(), ident.name.casefold()


def _is_selected(vault: Vault, selected: Sequence[str]) -> bool:
    names = {vault.ident.name.casefold(), vault.ident.label.casefold()}
    return not selected or any(name.casefold() in names for name in selected)
