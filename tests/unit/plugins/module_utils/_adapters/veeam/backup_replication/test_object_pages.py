# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A listing of backup objects with several pages. Before 1.3-rev2, its rows do not name their backup."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.backup_replication.adapter import (
    VeeamBackupReplication,
)
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.backup_replication.object_matching import (
    ObjectMatcher,
)
from tests.simulators.veeam_backup_replication.api import VeeamBackupReplication as SimulatedVbr
from tests.unit.plugins.module_utils._adapters.veeam.simulated_server import SimulatedServer, edit

OBJECTS = "/api/v1/backupObjects"


@pytest.mark.parametrize("page_size", [3, 4, 5])
@pytest.mark.parametrize("release", ["12.0", "12.3.1", "13.0.1", "13.1"])
def test_each_row_is_read_once(release: str, page_size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The numbers of points of all rows of an object are added up."""
    server = SimulatedServer(SimulatedVbr, VeeamBackupReplication, release=release)
    listed: Counter[str] = Counter()
    added: Counter[str] = Counter()
    add_object = ObjectMatcher.add_object

    def keep(document: dict[str, Any]) -> None:
        for row in document["data"]:
            listed[row["id"]] += row["restorePointsCount"]

    def record(self: ObjectMatcher, row: dict[str, Any]) -> None:
        added[row["id"]] += row["restorePointsCount"]
        add_object(self, row)

    complete = server.read(edit(OBJECTS, keep))
    monkeypatch.setattr(ObjectMatcher, "add_object", record)
    result = server.read(page_size=page_size)
    assert not result.problems
    assert added == listed
    assert len(listed) > page_size
    assert {(point["workload_id"], point["created_at"]) for point in result.points} == {
        (point["workload_id"], point["created_at"]) for point in complete.points
    }
