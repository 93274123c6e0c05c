# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Table of situations for the documentation."""

from __future__ import annotations

import importlib

from tests.false_compliance.situations import SITUATIONS

MODULES = {
    "test_points": "Items that look like recovery points",
    "test_attributes": "Attributes that prove less than they seem to",
    "test_read_results": "Read results that prove less than they seem to",
    "test_times": "Clocks, time zones, and the time between read and evaluation",
    "test_scope": "Scope of the evaluation",
    "test_policies": "Policies and waivers that require less than they seem to",
    "test_servers": "Server behavior: simulated server, info module and policy",
    "test_servers_veeam": "Server behavior: Veeam",
    "test_servers_aws_backup": "Server behavior: AWS Backup",
    "test_servers_pbs": "Server behavior: Proxmox Backup Server",
    "test_servers_azure_backup": "Server behavior: Azure Backup",
    "test_handwritten_responses": "Server behavior: filters, backup chains and inventories",
}


def table() -> str:
    """Return the table: the situations of each test file under its title."""
    text, count = "", 0
    for name, title in MODULES.items():
        module = importlib.import_module(f"tests.false_compliance.{name}")
        rows = [row for row in SITUATIONS if hasattr(module, row.test)]
        count += len(rows)
        text += f"\n### {title}\n\n| situation | naive check | this collection |\n|---|---|---|\n"
        text += "".join(f"| {row.description} | {row.naive_check} | {row.expected} |\n" for row in rows)
    return f"\n{count} situations.\n{text}\n"
