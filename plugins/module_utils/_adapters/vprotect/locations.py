# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Storware vProtect: the locations of a backup: which of them hold it, what they are, and where."""

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

# Such a location no longer holds the backup.
_GONE = ("REMOVED", "FAILED")
# Hints about the retention of a location that may lose its copy at the next cleanup.
_LEAVING = ("TO_REMOVE", "RECREATE")
# Platform of a machine -> type of the object storage that its cloud runs: it may be the same place.
# A KVM host may belong to OpenStack.
_OWN_STORAGE = {"aws_ec2": "S3", "azure_vm": "AZURE", "gcp": "GCS", "openstack": "SWIFT", "kvm": "SWIFT"}
_NO_DESTINATION = Destination(None, None, None)


def is_archived(locations: Sequence[Location] | None) -> bool:
    """Whether a backup is only in archives: it must be retrieved from there first."""
    held = [location for location in locations or () if location.status not in _GONE] or locations or ()
    return bool(held) and all(location.role == "ARCHIVE" for location in held)


def is_present(locations: Sequence[Location] | None, *, lists_locations: bool) -> bool | None:
    """Whether a finished backup can be restored from one of its locations; None if that is unknown."""
    if any(map(is_staying, locations or ())) or (locations is None and not lists_locations):
        return True
    return False if locations and all(location.status in _GONE for location in locations) else None


def is_staying(location: Location) -> bool:
    """Whether the location holds the backup, also after the next cleanup."""
    return location.status == PRESENT and location.hint not in _LEAVING


def build_copies(
    locations: Sequence[Location] | None, encrypting: Container[str | None], destinations: Mapping[str, Destination]
) -> list[Copy] | None:
    """Build the copies that stay; None if that is unknown for one of the locations, or if none stays."""
    known = (PRESENT, IN_PROGRESS, *_GONE)
    if locations is None or any(location.status not in known for location in locations):
        return None
    staying = list(filter(is_staying, locations))
    if not staying and any(location.status == PRESENT for location in locations):
        return None
    # A destination is one place, even if a location has an old name of it.
    names = {location.destination: location.name for location in reversed(staying)}
    copies = []
    for location in staying:
        found = destinations.get(location.destination or "", _NO_DESTINATION)
        word = location.kind or found.kind
        location_type = parse_location_type(word)
        copies.append(
            Copy(
                location=found.name or (names[location.destination] if location.destination else location.name),
                location_type=location_type,
                vendor_location_type=word,
                role=location.role.lower() or None,
                encrypted=True if location.destination in encrypting else None,
                offsite=True if location_type == "object" else None,
            )
        )
    return copies


def limit_offsite(point: RecoveryPoint) -> bool:
    """Withdraw ``offsite`` from copies that may be where the workload is; return whether one is left."""
    changed = [
        dataclasses.replace(copy, offsite=None) if copy.offsite and _may_be_near(point.workload, copy) else copy
        for copy in point.copies or ()
    ]
    point.copies = changed
    point.offsite = any_true(copy.offsite for copy in changed)
    return point.offsite is True


def _may_be_near(workload: Workload, copy: Copy) -> bool:
    """Whether the workload may be in the cloud that runs this object storage."""
    word = (copy.vendor_location_type or "").upper()
    if workload.type == "vm":
        # A machine on an unknown platform may be in any cloud.
        return workload.platform in (None, OTHER) or _OWN_STORAGE.get(workload.platform) == word
    # Workloads of Microsoft 365 are in the cloud of Azure.
    return (workload.type or "cloud").startswith("cloud") and word == "AZURE"
