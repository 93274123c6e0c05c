# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests to which faults are applied for each product: its login, and one in the middle of its listing of points."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.simulators.products import PRODUCT_APIS

LOG_IN = {name: api.LOG_IN for name, api in PRODUCT_APIS.items()}


_NOTHING: Mapping[str, Any] = {"path": "-"}


def listing(product: str) -> dict[str, Any]:
    """Build the rule match for the requests of the product's listing."""
    return {"method": PRODUCT_APIS[product].LISTED_BY, "path": PRODUCT_APIS[product].LISTING}


def some_objects(product: str) -> Mapping[str, Any]:
    """Return the rule match for requests of some objects of many; it matches nothing if all are in one listing."""
    return PRODUCT_APIS[product].SOME_OBJECTS or _NOTHING


def side_listing(product: str) -> Mapping[str, Any]:
    """Return the rule match for requests of a listing that is joined to recovery points."""
    return PRODUCT_APIS[product].SIDE_LISTING or _NOTHING


@dataclass(frozen=True)
class Column:
    """One way to read one product."""

    title: str
    product: str
    options: Mapping[str, Any]


_SMALL = {"page_size": 5, "connections": 2, "retries": 2, "timeout": 2}
_COLUMNS = (
    Column("spp", "spp", _SMALL),
    Column("vbr", "veeam_backup_replication", _SMALL),
    Column("em", "veeam_enterprise_manager", _SMALL),
    Column("em-xml", "veeam_enterprise_manager", {**_SMALL, "representation": "xml"}),
    Column("azure", "veeam_azure", _SMALL),
    Column("aws", "veeam_aws", _SMALL),
    Column("unitrends", "unitrends", {key: value for key, value in _SMALL.items() if key != "page_size"}),
    Column("vprotect", "vprotect", _SMALL),
)
_NAMED = {column.product for column in _COLUMNS}
COLUMNS = (*_COLUMNS, *(Column(product, product, _SMALL) for product in PRODUCT_APIS if product not in _NAMED))
