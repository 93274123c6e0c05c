# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A backup as listed by a current Unitrends appliance."""

from __future__ import annotations

from typing import Any


def row(**more: Any) -> dict[str, Any]:
    """A full backup of a virtual machine as listed by later releases."""
    return {
        "id": 501,
        "asset_name": "web-01",
        "client_id": 7,
        "client_name": "vcenter",
        "type": "VMware Full",
        "start_time": "07/15/2026 02:30:05 am",
        "complete_time": "07/15/2026 02:58:07 am",
        "synthesized": False,
        "replicated": False,
        "duration": 1682,
        "complete": True,
        "status": "Successful",
        "size": 518,
        "encrypted": True,
        "verified": True,
        "verify_status": "Successful",
        "certified": False,
        "legalhold": True,
        "gfs_rp_type": "Weekly",
        "instance_id": 31,
        "app_id": 40,
        "app_name": "VMware",
        "vm_name": "web-01",
        **more,
    }
