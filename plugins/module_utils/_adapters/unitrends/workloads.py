# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Unitrends: the workloads of backups and of the inventory, a tree of clients, applications and instances."""

from __future__ import annotations

import dataclasses
import re
import typing as t
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future

from ansible_collections.backup.audit.plugins.module_utils._adapters.rest import Settings
from ansible_collections.backup.audit.plugins.module_utils._adapters.unitrends.notes import Notes
from ansible_collections.backup.audit.plugins.module_utils._collect.collector import Collector
from ansible_collections.backup.audit.plugins.module_utils._core.model import Workload
from ansible_collections.backup.audit.plugins.module_utils._core.vocabulary import OTHER, parse_platform
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import (
    as_int,
    as_list,
    as_object,
    as_text,
)
from ansible_collections.backup.audit.plugins.module_utils._decoding.record_cache import RecordCache

Row = Mapping[str, t.Any]
WORKLOAD_TYPES = ("vm", "database", "application", "file_share", "physical")
# Platform -> type of its workloads, if it is not an application.
_TYPES = {
    "vm": ("vmware", "hyperv", "xen", "nutanix_ahv", "kvm", "proxmox", "ovirt", "openstack", "scale_computing"),
    "database": ("mssql", "oracle", "mysql", "postgresql", "db2", "mongodb", "sap_hana"),
    "file_share": ("nas",),
    "physical": ("windows", "linux", "macos", "unix", "filesystem"),
}
_TYPE_OF_PLATFORM = {platform: name for name, platforms in _TYPES.items() for platform in platforms}
# Names for the files or disks of a machine, which are not an application.
_MACHINE = re.compile(r"file|block|image|volume|physical|agent", re.IGNORECASE)
_FILE_LEVEL = "file-level"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Inventory:
    """The inventory of one system."""

    workloads: tuple[Workload, ...] = ()
    # Instance -> client, for instances that represent all files of a machine. Only some responses have them.
    file_level: Mapping[str, str] = dataclasses.field(default_factory=dict)
    # Client -> the product's term for its operating system.
    operating_systems: Mapping[str, str] = dataclasses.field(default_factory=dict)
    # Number of invalid entries. If there are any, a workload that is not listed may still exist.
    unreadable: int = 0


def parse_inventory(nodes: Sequence[t.Any], sid: int) -> Inventory:
    """Parse the assets of one system. Entries of other systems are skipped."""
    workloads: list[Workload] = []
    file_level: dict[str, str] = {}
    systems: dict[str, str] = {}
    unreadable = 0
    for node in nodes:
        client = as_object(node)
        if as_int(client.get("system_id")) not in (None, sid):
            continue
        ident, asset_type = as_text(client.get("id")), as_text(client.get("asset_type"))
        term = as_text(client.get("os_type")) or as_text(client.get("os_family"))
        if ident is None or (asset_type is None and not client.get("children")):
            unreadable += 1
        elif "physical" in (asset_type or "").casefold():
            name, instance = as_text(client.get("name")), as_text(client.get("file_level_instance_id"))
            platform, term = parse_operating_system(term)
            workloads.append(
                Workload(id=f"{sid}/c{ident}", name=name, type="physical", platform=platform, vendor_platform=term)
            )
            if instance is not None:
                file_level[instance] = ident
            if term is not None:
                systems[ident] = term
        unreadable += sum(_count_unreadable(client))
        workloads += _parse_instances(client, sid)
    return Inventory(
        workloads=tuple(workloads), file_level=file_level, operating_systems=systems, unreadable=unreadable
    )


def _parse_instances(node: Row, sid: int) -> Iterator[Workload]:
    for child in map(as_object, as_list(node.get("children"))):
        ident = as_text(child.get("id"))
        if ident is not None and child.get("parent_id") is not None:
            kind, platform, term = parse_application(as_text(child.get("type")), as_text(child.get("asset_type")))
            name = as_text(child.get("name"))
            yield Workload(id=f"{sid}/{ident}", name=name, type=kind, platform=platform, vendor_platform=term)
        yield from _parse_instances(child, sid)


def _count_unreadable(node: Row) -> Iterator[int]:
    """Yield 1 for each entry below a node that has no number, or is neither an instance nor contains any."""
    children = node.get("children")
    if children is not None and not isinstance(children, list):
        yield 1
    for entry in as_list(children):
        child = as_object(entry)
        is_instance = child.get("parent_id") is not None
        is_container = child.get("children") or child.get("type") in ("application", "esx")
        if as_text(child.get("id")) is None or not (is_instance or is_container):
            yield 1
        yield from _count_unreadable(child)


# All fields that build_workload reads.
WORKLOAD_MEMBERS = (
    "client_id",
    "client_os",
    "instance_id",
    "instance_name",
    "app_name",
    "type",
    "vm_name",
    "database_name",
    "asset_name",
    "client_name",
)


def build_workload(row: Row, sid: int, inventory: Inventory) -> Workload:
    """Return the workload of a row or of a catalog instance.

    Numbers are unique only within one system, so the system number is the prefix.
    """
    client, instance = as_text(row.get("client_id")), as_text(row.get("instance_id"))
    if instance is not None and (
        instance in inventory.file_level or (as_text(row.get("instance_name")) or "").casefold() == _FILE_LEVEL
    ):
        client, instance = client or inventory.file_level.get(instance), None
    application, type_name = as_text(row.get("app_name")), as_text(row.get("type"))
    workload_type, platform, term = parse_application(application, type_name)
    # Only backups of the machine itself have the host's number as id. With application data, or rows that name neither
    # application nor type, all workloads of a host would be merged.
    is_machine = workload_type == "physical" and (application or type_name)
    if is_machine and term is None:
        platform, term = parse_operating_system(
            as_text(row.get("client_os")), inventory.operating_systems.get(client or "")
        )
    number = instance or (f"c{client}" if client and is_machine else None)
    return Workload(
        id=f"{sid}/{number}" if number else None,
        name=_get_workload_name(row, workload_type, instance),
        type=workload_type,
        platform=platform,
        vendor_platform=term,
    )


def _get_workload_name(row: Row, workload_type: str, instance: str | None) -> str | None:
    members = ("vm_name", "database_name", *(("instance_name",) if instance else ()), "asset_name", "client_name")
    member = next((member for member in members if as_text(row.get(member))), "client_name")
    named, host = as_text(row.get(member)), as_text(row.get("client_name"))
    # The client of a virtual machine is its host, whose name may be in asset_name too.
    is_host_name = named == host or (host is None and member == "asset_name")
    return None if workload_type == "vm" and is_host_name else named


class WorkloadIndex:
    """The workloads of one system, from its backups and its inventory."""

    def __init__(
        self, collector: Collector, notes: Notes, settings: Settings, inventory: Future[Inventory | None]
    ) -> None:
        self._collector = collector
        self._notes = notes
        self._settings = settings
        self._inventory = inventory
        self._origin = None if notes.system.local else notes.system.name
        self._found: dict[str, Workload] = {}
        self.get = RecordCache(WORKLOAD_MEMBERS, self._resolve).get

    def _resolve(self, row: Row) -> Workload | None:
        """Return the workload of a row (the same object for the same id), or None if it is not selected."""
        found = build_workload(row, self._notes.system.sid, self._inventory.result() or Inventory())
        if found.id is not None:
            found = self._found.setdefault(found.id, found)
        found.origin = self._origin
        selected = found.type in self._settings.workload_types and self._collector.is_selected(found)
        return found if selected else None

    def add_inventory(self, *, include_unprotected: bool) -> bool:
        """Compare with the inventory and report its workloads without backups; False if it is not available."""
        listed = self._inventory.result()
        if listed is None:
            return False
        if not listed.workloads and self._found:
            self._notes.warn_unavailable("inventory", "unprotected workloads cannot be detected", "it is empty")
            return True
        names = {workload.name.casefold() for workload in listed.workloads if workload.name is not None}
        present = {workload.id for workload in listed.workloads}
        for known in self._found.values():
            # If the inventory has the same name with another number, it may be the same workload.
            is_unclear = listed.unreadable or (known.name is not None and known.name.casefold() in names)
            known.in_inventory = True if known.id in present else None if is_unclear else False
        for workload in listed.workloads:
            workload.origin, workload.in_inventory = self._origin, True
            selected = workload.type in self._settings.workload_types
            if include_unprotected and selected and workload.id not in self._found:
                self._collector.add_workload(workload)
        return True


def parse_application(name: str | None, type_name: str | None = None) -> tuple[str, str | None, str | None]:
    """Return (workload_type, platform, the product's term for it).

    ``name`` is the name of the application. A type of backup often begins with one, for example VMware Full.
    """
    for text in (name, type_name):
        platform, term = _find_platform(text)
        if platform is not None:
            return _TYPE_OF_PLATFORM.get(platform, "application"), platform, term
    if name is not None and not _MACHINE.search(name):
        return "application", OTHER, name
    # Without an application, these are files or disks of a machine.
    return "physical", None, None


def parse_operating_system(*names: str | None) -> tuple[str | None, str | None]:
    """Return (platform, the product's term for it) from the first of these names with one, such as Windows 2016."""
    return next((found for name in names if (found := _find_platform(name)) != (None, None)), (None, None))


def _find_platform(text: str | None) -> tuple[str | None, str | None]:
    """Return the first platform whose name is in the text, and this name; the longest match is used."""
    terms = re.findall(r"[^\s:,]+", text or "")
    for start in range(len(terms)):
        for end in range(len(terms), start, -1):
            found = " ".join(terms[start:end])
            platform = parse_platform(found)
            if platform not in (None, OTHER):
                return platform, found
    return None, None
