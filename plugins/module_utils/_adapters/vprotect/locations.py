# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Storware vProtect: the locations of a backup: whether they contain it, their types, and whether they are off-site."""

from __future__ import annotations

import dataclasses
from collections.abc import Container, Mapping, Sequence

from ansible_collections.backup.audit.plugins.module_utils._adapters.vprotect.record_fields import (
    IN_PROGRESS,
    PRESENT,
    Destination,
    Location,
)
from ansible_collections.backup.audit.plugins.module_utils._core.model import Copy, RecoveryPoint, Workload, any_true
from ansible_collections.backup.audit.plugins.module_utils._core.vocabulary import OTHER, parse_location_type

# Statuses of locations that no longer contain the backup.
_GONE = ("REMOVED", "FAILED")
# Retention hints of locations that may lose their copy at the next cleanup.
_MARKED_FOR_REMOVAL = ("TO_REMOVE", "RECREATE")
# Platform of a machine -> type of the object storage in the same cloud. A KVM host may belong to OpenStack.
_OWN_STORAGE = {"aws_ec2": "S3", "azure_vm": "AZURE", "gcp": "GCS", "openstack": "SWIFT", "kvm": "SWIFT"}
_NO_DESTINATION = Destination(None, None, None)


def is_archived(locations: Sequence[Location] | None) -> bool:
    """Return whether a backup is only in archives, from which it must be retrieved before a restore."""
    held = [location for location in locations or () if location.status not in _GONE] or locations or ()
    return bool(held) and all(location.role == "ARCHIVE" for location in held)


def is_present(locations: Sequence[Location] | None, *, lists_locations: bool) -> bool | None:
    """Return whether a finished backup can be restored from one of its locations, or None if that is unknown."""
    if any(map(is_retained, locations or ())) or (locations is None and not lists_locations):
        return True
    return False if locations and all(location.status in _GONE for location in locations) else None


def is_retained(location: Location) -> bool:
    """Return whether the location contains the backup, and will still contain it after the next cleanup."""
    return location.status == PRESENT and location.hint not in _MARKED_FOR_REMOVAL


def build_copies(
    locations: Sequence[Location] | None, encrypting: Container[str | None], destinations: Mapping[str, Destination]
) -> list[Copy] | None:
    """Build the retained copies. Return None if that is unknown for a location, or if there are none."""
    known = (PRESENT, IN_PROGRESS, *_GONE)
    if locations is None or any(location.status not in known for location in locations):
        return None
    retained = list(filter(is_retained, locations))
    if not retained and any(location.status == PRESENT for location in locations):
        return None
    # A destination is one location, even if some records have its old name.
    names = {location.destination: location.name for location in reversed(retained)}
    copies = []
    for location in retained:
        found = destinations.get(location.destination or "", _NO_DESTINATION)
        term = location.kind or found.kind
        location_type = parse_location_type(term)
        copies.append(
            Copy(
                location=found.name or (names[location.destination] if location.destination else location.name),
                location_type=location_type,
                vendor_location_type=term,
                role=location.role.lower() or None,
                encrypted=True if location.destination in encrypting else None,
                offsite=True if location_type == "object" else None,
            )
        )
    return copies


def limit_offsite(point: RecoveryPoint) -> bool:
    """Clear ``offsite`` of copies that may be in the workload's cloud; return whether any copy is still off-site."""
    changed = [
        dataclasses.replace(copy, offsite=None) if copy.offsite and _may_be_near(point.workload, copy) else copy
        for copy in point.copies or ()
    ]
    point.copies = changed
    point.offsite = any_true(copy.offsite for copy in changed)
    return point.offsite is True


def _may_be_near(workload: Workload, copy: Copy) -> bool:
    """Return whether the workload may be in the cloud that runs this object storage."""
    term = (copy.vendor_location_type or "").upper()
    if workload.type == "vm":
        # A machine on an unknown platform may be in any cloud.
        return workload.platform in (None, OTHER) or _OWN_STORAGE.get(workload.platform) == term
    # Workloads of Microsoft 365 are in Azure.
    return (workload.type or "cloud").startswith("cloud") and term == "AZURE"
