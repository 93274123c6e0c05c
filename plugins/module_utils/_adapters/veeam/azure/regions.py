# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Compare Azure regions by id and by name: "West Europe" and "westeurope" are one region."""

from __future__ import annotations

import dataclasses
import re
import typing as t
from collections.abc import Iterable, Mapping

from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import as_object, as_text

# Two names prove two regions only if both are known names. Any other text may be a name of the same region in
# another language or product.
_NAMES = """
    australiacentral australiacentral2 australiaeast australiasoutheast austriaeast belgiumcentral brazilsouth
    brazilsoutheast canadacentral canadaeast centralindia centralus centraluseuap chilecentral chinaeast chinaeast2
    chinaeast3 chinanorth chinanorth2 chinanorth3 denmarkeast eastasia eastus eastus2 eastus2euap eastus3 francecentral
    francesouth germanycentral germanynorth germanynortheast germanywestcentral indonesiacentral israelcentral
    israelnorthwest italynorth japaneast japanwest jioindiacentral jioindiawest koreacentral koreasouth malaysiawest
    mexicocentral newzealandnorth northcentralus northeurope norwayeast norwaywest polandcentral qatarcentral
    southafricanorth southafricawest southcentralus southcentralus2 southeastasia southindia spaincentral swedencentral
    swedensouth switzerlandnorth switzerlandwest taiwannorth taiwannorthwest uaecentral uaenorth uksouth ukwest
    usdodcentral usdodeast usgovarizona usgoviowa usgovtexas usgovvirginia westcentralus westeurope westindia westus
    westus2 westus3
"""
_KNOWN = frozenset(_NAMES.split())
_SIGNS = re.compile(r"[\W_]+")


@dataclasses.dataclass(frozen=True)
class Region:
    """The normalized ids and names that records report for one region."""

    ids: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()

    def __or__(self, other: Region) -> Region:
        """Combine two descriptions of the same region."""
        return Region(self.ids | other.ids, self.names | other.names)

    def is_other_than(self, other: Region, *, is_same_id_type: bool = False) -> bool | None:
        """Return whether these are two regions, or None if unknown.

        Equal ids take precedence over names. Different ids prove two regions only if both are of the same type, because
        the appliance has its own region ids in addition to those of Azure.
        """
        if self.ids & other.ids or self.names & other.names:
            return False
        if is_same_id_type and self.ids and other.ids:
            return True
        return True if self.names & _KNOWN and other.names & _KNOWN else None


def parse_region(record: Mapping[str, t.Any]) -> Region:
    """Parse the region of a restore point, repository, protected item or inventory record."""
    region = as_object(record.get("region"))
    return Region(
        _texts((record.get("regionId"), region.get("id"), region.get("resourceId"))),
        frozenset(
            map(
                normalize_region,
                _texts((record.get("regionName"), region.get("name"), record.get("regionDisplayName"))),
            )
        ),
    )


def get_region_name(record: Mapping[str, t.Any], names: dict[str, str]) -> str | None:
    """Return the name of the region of a record, or None if unknown.

    ``names`` stores the first name of each id, so that different spellings are one location.
    """
    ident, name = as_text(record.get("regionId")), as_text(record.get("regionName"))
    name = None if name is None else normalize_region(name)
    if ident is None:
        return name
    return names.get(ident) if name is None else names.setdefault(ident, name)


def normalize_region(name: str) -> str:
    """Return the common spelling of a region's name. Other text is returned unchanged."""
    spelling = _SIGNS.sub("", name.casefold())
    return spelling if spelling in _KNOWN else name


def _texts(values: Iterable[t.Any]) -> frozenset[str]:
    return frozenset(filter(None, map(as_text, values)))
