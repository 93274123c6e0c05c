# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where each product is hit: its log-in, and a call in the middle of its listing of recovery points."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.simulators.products import DIALECTS

LOG_IN = {name: dialect.LOG_IN for name, dialect in DIALECTS.items()}


def listing(product: str) -> dict[str, Any]:
    """What a rule matches that is about the product's listing."""
    return {"method": DIALECTS[product].LISTED_BY, "path": DIALECTS[product].LISTING}


@dataclass(frozen=True)
class Column:
    """One way of reading one product."""

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
COLUMNS = (*_COLUMNS, *(Column(product, product, _SMALL) for product in DIALECTS if product not in _NAMED))
