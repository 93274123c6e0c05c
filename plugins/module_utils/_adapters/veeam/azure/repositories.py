# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Veeam Backup for Microsoft Azure: the repositories that can contain a point, and whether they lock it.

A restore point does not name its repository. Regions and access tiers exclude some repositories.
"""

from __future__ import annotations

import dataclasses
import typing as t
from collections.abc import Mapping, Sequence

from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.azure.regions import Region, parse_region
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import as_bool, as_object, as_text

ARCHIVE = "Archive"
# This tier means the default tier of the storage account, which can be any of the others.
_INFERRED = "Inferred"
# The tiers of repositories that health checks include.
TIERS = frozenset({"Hot", "Cool", "Cold", _INFERRED})
# How certain the date of a lock is.
Lock = t.Literal["reported", "inferred", "unknown", "removable"]
_LOCKED, _UNLOCKED, _NOT_PRESENT, _DISABLED = "Locked", "Unlocked", "NotPresent", "disabled"


@dataclasses.dataclass(frozen=True)
class Storage:
    """Known properties of a repository, or of the unknown repository of a point."""

    region: Region
    tier: str | None

    def may_equal(self, other: Storage) -> bool:
        """Return whether both may be the same repository."""
        if self.region.is_other_than(other.region, is_same_id_type=True):
            return False
        tiers = {self.tier, other.tier}
        return len(tiers) == 1 or not tiers <= {*TIERS, ARCHIVE} or (_INFERRED in tiers and ARCHIVE not in tiers)


def parse_repository(row: Mapping[str, t.Any]) -> Storage:
    """Parse the storage of a repository."""
    return Storage(parse_region(row), as_text(row.get("storageTier")))


def parse_storage(row: Mapping[str, t.Any], platform: str | None, kind: str) -> Storage:
    """Parse the storage of a point. Only virtual machines report the region of their repository."""
    region = parse_region(row) if platform == "azure_vm" else Region()
    return Storage(region, ARCHIVE if kind == "archive" else as_text(row.get("accessTier")))


class Repositories:
    """The repositories of one appliance; empty if they cannot be read."""

    def __init__(self) -> None:
        self.items: list[tuple[Mapping[str, t.Any], Storage]] = []
        self._possible: dict[Storage, list[int]] = {}
        self._locks: dict[Storage, Lock] = {}

    def add(self, rows: Sequence[Mapping[str, t.Any]]) -> None:
        """Add all repositories before the first lookup."""
        self.items += [(row, parse_repository(row)) for row in rows]

    def list_possible(self, storage: Storage) -> list[int]:
        """Return the indexes of the repositories that may contain a point with this storage."""
        if storage not in self._possible:
            items = enumerate(self.items)
            self._possible[storage] = [number for number, (_row, other) in items if storage.may_equal(other)]
        return self._possible[storage]

    def get_lock(self, storage: Storage) -> Lock:
        """Return how certain the lock of a point with this storage is, if the server reports an end of it."""
        if storage not in self._locks:
            rows = [self.items[number][0] for number in self.list_possible(storage)]
            self._locks[storage] = _combine({_parse_policy(row) for row in rows})
        return self._locks[storage]


def _parse_policy(row: Mapping[str, t.Any]) -> str | None:
    """Return the state of the immutability policy of a repository, or None if it is not reported."""
    state = as_text(as_object(row.get("azureStorageContainer")).get("ImmutabilityPolicyState"))
    if state == _NOT_PRESENT and as_bool(row.get("immutabilityEnabled")) is False:
        return _DISABLED
    return state if state in (_LOCKED, _UNLOCKED, _NOT_PRESENT) else None


def _combine(states: set[str | None]) -> Lock:
    if states == {_LOCKED}:
        return "reported"
    if states == {_UNLOCKED}:
        # The owner of the container can shorten or remove the lock.
        return "removable"
    # Without a policy of the container, its blobs can have their own, whose state is not reported.
    if states & {_UNLOCKED, _NOT_PRESENT} or states == {_DISABLED}:
        return "unknown"
    # A repository without immutability does not contain a locked point, unless its setting was changed.
    return "inferred"
