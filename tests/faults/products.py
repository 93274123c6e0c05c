# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where each product is hit: its log-in, and a call in the middle of its listing of recovery points."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# A call in the middle of each product's listing, and the log-in.
LISTING = {
    "spp": "/api/endeavour/catalog/recovery/hypervisorvm/*",
    "veeam_aws": "/api/v1/virtualMachines/restorePoints",
    "veeam_azure": "/api/v8/restorePoints/virtualMachines",
    "veeam_backup_replication": "/api/v1/backupObjects/*/restorePoints",
    "veeam_enterprise_manager": "/api/query",
    "unitrends": "/api/backups/",
    "vprotect": "/api/backups",
}
LOG_IN = {
    "spp": "/api/endeavour/session",
    "veeam_aws": "/api/v1/token",
    "veeam_azure": "/api/oauth2/token",
    "veeam_backup_replication": "/api/oauth2/token",
    "veeam_enterprise_manager": "/api/sessionMngr/",
    "unitrends": "/api/login",
    "vprotect": "/api/session/login",
}
# Products that list by a call that is no GET.
POSTED_LISTS = ("unitrends",)


def listing(product: str) -> dict[str, Any]:
    """What a rule matches that is about the product's listing."""
    return {"method": "POST" if product in POSTED_LISTS else "GET", "path": LISTING[product]}


@dataclass(frozen=True)
class Column:
    """One way of reading one product."""

    title: str
    product: str
    options: Mapping[str, Any]


_SMALL = {"page_size": 5, "connections": 2, "retries": 2, "timeout": 2}
COLUMNS = (
    Column("spp", "spp", _SMALL),
    Column("vbr", "veeam_backup_replication", _SMALL),
    Column("em", "veeam_enterprise_manager", _SMALL),
    Column("em-xml", "veeam_enterprise_manager", {**_SMALL, "representation": "xml"}),
    Column("azure", "veeam_azure", _SMALL),
    Column("aws", "veeam_aws", _SMALL),
    Column("unitrends", "unitrends", {key: value for key, value in _SMALL.items() if key != "page_size"}),
    Column("vprotect", "vprotect", _SMALL),
)
