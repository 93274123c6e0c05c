# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Patterns of workload_names that match no workload: usually misspelled."""

from __future__ import annotations

import pytest

from ansible_collections.backup.audit.plugins.module_utils._collect.collector import Collector
from ansible_collections.backup.audit.plugins.module_utils._core.model import Workload


@pytest.mark.parametrize(
    ("patterns", "unmatched"),
    [
        ([], []),
        (["db01", "WEB*"], []),
        (["web-99", "db*", "Db[02]"], ["web-99", "Db[02]"]),
        # Two patterns may match the same workload.
        (["db01", "*"], []),
    ],
)
def test_unmatched_names_are_listed(patterns: list[str], unmatched: list[str]) -> None:
    collector = Collector("backup.example", "spp", workload_names=patterns)
    for name in ("db01", "web-01", None):
        collector.add_workload(Workload(name=name, type="vm"))
    assert collector.unmatched_names == unmatched
