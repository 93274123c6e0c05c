# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Table of situations for the documentation."""

from __future__ import annotations

import importlib

from tests.false_compliance.situations import SITUATIONS

MODULES = {
    "test_points": "Points that look like recovery points",
    "test_attributes": "Facts about points that are less than they look",
    "test_read_results": "READs that prove less than they look",
    "test_scope": "Who is judged",
    "test_policies": "Policies and waivers that ask less than they look",
    "test_servers": "What servers say: simulated server, info module, policy",
    "test_servers_veeam": "What servers of Veeam say",
    "test_handwritten_answers": "What servers, chains and inventories hide",
}


def table() -> str:
    """Return the table: the situations of each test file under its title."""
    text, count = "", 0
    for name, title in MODULES.items():
        module = importlib.import_module(f"tests.false_compliance.{name}")
        rows = [row for row in SITUATIONS if hasattr(module, row.test)]
        count += len(rows)
        text += f"\n### {title}\n\n| situation | a careless check says | this one says |\n|---|---|---|\n"
        text += "".join(f"| {row.description} | {row.naive_check} | {row.expected} |\n" for row in rows)
    return f"\n{count} situations.\n{text}\n"
