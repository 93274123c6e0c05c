# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Spectrum Protect Plus: copies of a recovery point, from rows of the catalog or from the restore view."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Iterable, Mapping, Sequence

from ansible_collections.backup.audit.plugins.module_utils._adapters.spp.sla import ROLES
from ansible_collections.backup.audit.plugins.module_utils._core.model import Copy
from ansible_collections.backup.audit.plugins.module_utils._core.vocabulary import OTHER, parse_location_type
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import as_list, as_object, as_text

_QUOTED = re.compile(r"[\"']([^\"']+)[\"']")
# Roles whose copies are stored in the cloud or on a repository server.
CLOUD_ROLES = ("offload", "archive")
_AWS = "aws_ec2"
_REPOSITORY_SERVER = "sp"


def get_protection(row: Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return the field protectionInfo of a row of any listing."""
    return as_object(as_object(row.get("properties")).get("protectionInfo")) or as_object(row.get("protectionInfo"))


def get_role(row: Mapping[str, t.Any]) -> str:
    """Return the role of the copy that a row describes; "unknown" if its type is missing or new."""
    return ROLES.get((as_text(get_protection(row).get("subPolicyType")) or "").upper(), "unknown")


def has_storage(row: Mapping[str, t.Any]) -> bool | None:
    """Return whether a row of the catalog lists the snapshots that hold its data; None if it does not report them."""
    snapshots = get_protection(row).get("storageSnapshots")
    return bool(snapshots) if isinstance(snapshots, list) else None


def build_row_copies(rows: Iterable[Mapping[str, t.Any]], platform: str | None) -> list[Copy]:
    """Build the copies of one point, each of which is a row of the catalog."""
    return [_build_row_copy(row, platform) for row in rows]


def _build_row_copy(row: Mapping[str, t.Any], platform: str | None) -> Copy:
    role = get_role(row)
    protection = get_protection(row)
    # The name of the storage is the first quoted word of storageInfo, a JSON-like text.
    found = _QUOTED.search(as_text(protection.get("storageInfo")) or "")
    snapshots = map(as_object, as_list(protection.get("storageSnapshots")))
    terms = [as_text(one.get("storageType")) for one in snapshots]
    location_type, word = _parse_type(role, terms)
    return Copy(
        location=found[1] if found else None,
        location_type=location_type,
        vendor_location_type=word,
        role=role,
        offsite=_is_cloud_offsite(terms, platform) if role in CLOUD_ROLES else None,
    )


def _parse_type(role: str, terms: Iterable[str | None]) -> tuple[str | None, str | None]:
    """Return (type, vendor's term) of a location; "other" if its parts are of different types."""
    known = sorted({word for word in terms if word})
    word = ", ".join(known) or None
    if role == "snapshot":
        return "snapshot_array", word
    types = {parse_location_type(one) for one in known}
    return (types.pop() if len(types) == 1 else OTHER if types else None), word


def _is_cloud_offsite(terms: Iterable[str | None], platform: str | None) -> bool | None:
    """Return whether an offload or archive copy is off-site: inferred, because its location is not reported.

    The kind of storage must be reported as object storage, and no part of the copy may be on a disk. A repository
    server ("sp") may be at the same site, and the storage for a machine in AWS in the same region.
    """
    known = {term.casefold() for term in terms if term}
    types = {parse_location_type(term) for term in known}
    is_cloud = "object" in types and "disk" not in types and _REPOSITORY_SERVER not in known
    return True if is_cloud and platform != _AWS else None


class Sites:
    """Sites by id and name, to find whether two copies are at different sites."""

    def __init__(self, rows: Iterable[Mapping[str, t.Any]]) -> None:
        self._names = {
            ident: name for ident, name in ((as_text(row.get("id")), as_text(row.get("name"))) for row in rows) if ident
        }
        names = [name.casefold() for name in self._names.values() if name]
        self._by_name = {
            name.casefold(): ident for ident, name in self._names.items() if name and names.count(name.casefold()) == 1
        }

    def get_name(self, site: str | None) -> str | None:
        """Return the name of a site, or ``site`` itself if it is not listed."""
        return self._names.get(site or "") or site

    def get_id(self, site: str | None) -> str | None:
        """Return the id of a site from its id or name, or None if it is neither an id nor a unique name."""
        if site is None or site in self._names:
            return site
        return site if site.isdecimal() else self._by_name.get(site.casefold())


def parse_view_copies(rows: Sequence[Mapping[str, t.Any]], sites: Sites, platform: str | None) -> list[Copy]:
    """Build the copies of one version of the restore view."""
    primary = [_get_site(row, sites) for row in rows if get_role(row) == "primary"]
    # None: a primary site is unknown, so no other site is proven to be different.
    primary_sites = None if not primary or None in primary else set(primary)
    return [_build_view_copy(row, primary_sites, sites, platform) for row in rows]


def _list_sites(row: Mapping[str, t.Any]) -> list[str]:
    destinations = (as_object(as_object(one).get("destination")) for one in as_list(row.get("mappings")))
    terms = (as_text(row.get("siteId")), *(as_text(one.get("siteId")) for one in destinations))
    return [word for word in terms if word]


def _get_site(row: Mapping[str, t.Any], sites: Sites) -> str | None:
    """Return the id of the site of a copy, or None if it is unknown, or if its parts are at different sites."""
    ids = {sites.get_id(word) for word in _list_sites(row)}
    return ids.pop() if len(ids) == 1 else None


def _build_view_copy(
    row: Mapping[str, t.Any], primary_sites: set[str | None] | None, sites: Sites, platform: str | None
) -> Copy:
    role = get_role(row)
    offload = as_object(get_protection(row).get("offloadInfo"))
    mappings = [as_object(one) for one in as_list(row.get("mappings"))]
    destinations = [as_object(one.get("destination")) for one in mappings]
    provider = as_text(offload.get("offloadProvider")) or next(
        (word for one in destinations if (word := as_text(one.get("offloadProvider")))), None
    )
    offload_type = as_text(offload.get("offloadType"))
    terms = [offload_type] if offload_type else [as_text(one.get("storageType")) for one in mappings]
    location_type, word = _parse_type(role, terms)
    offsite: bool | None = None
    place = provider
    if role in CLOUD_ROLES:
        offsite = _is_cloud_offsite((provider, *terms), platform)
    else:
        place = provider or sites.get_name(next(iter(_list_sites(row)), None))
    if role in ("primary", "snapshot"):
        offsite = False
    elif role == "replica" and primary_sites is not None:
        # Replication within one site protects against storage failure, but not against a fire.
        site = _get_site(row, sites)
        offsite = None if site is None else site not in primary_sites
    return Copy(location=place, location_type=location_type, vendor_location_type=word, role=role, offsite=offsite)
