# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server may ignore a query parameter and return other rows, so responses are compared with the request."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._adapters.rest import RestAdapter
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.backup_replication.adapter import (
    VeeamBackupReplication,
)
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.enterprise_manager.adapter import (
    VeeamEnterpriseManager,
)
from tests.simulators.product_api import Call, ProductApi, Response
from tests.simulators.veeam_backup_replication.api import VeeamBackupReplication as SimulatedVbr
from tests.simulators.veeam_enterprise_manager.api import VeeamEnterpriseManager as SimulatedManager
from tests.unit.plugins.module_utils._adapters.veeam.simulated_server import Change, SimulatedServer, edit

_NOW = datetime.now(timezone.utc)
WINDOW = {
    "since": (_NOW - timedelta(days=2)).strftime("%Y-%m-%dT%H:%M:%SZ"),
    "until": (_NOW - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ"),
}
IGNORED = [
    (SimulatedVbr, VeeamBackupReplication, ("createdAfterFilter", "createdBeforeFilter")),
    (SimulatedVbr, VeeamBackupReplication, ("orderColumn", "orderAsc")),
    (SimulatedVbr, VeeamBackupReplication, ("typeFilter",)),
    (SimulatedVbr, VeeamBackupReplication, ("limit",)),
    (SimulatedManager, VeeamEnterpriseManager, ("filter",)),
    (SimulatedManager, VeeamEnterpriseManager, ("sortDesc",)),
    (SimulatedManager, VeeamEnterpriseManager, ("pageSize",)),
]


def ignore(*names: str) -> Change:
    def change(call: Call, _own: Callable[[], Response]) -> Response | None:
        call.query[:] = [(name, value) for name, value in call.query if name not in names]
        return None

    return change


@pytest.mark.parametrize("window", [{}, WINDOW], ids=["everything", "window"])
@pytest.mark.parametrize(("api", "adapter", "names"), IGNORED)
def test_the_points_are_the_same(
    api: type[ProductApi], adapter: type[RestAdapter], names: tuple[str, ...], window: dict[str, Any]
) -> None:
    server = SimulatedServer(api, adapter)
    expected, found = server.read(**window), server.read(ignore(*names), **window)
    assert not found.problems
    assert found.points == expected.points
    assert found.points
    if window:
        times = {point["created_at"][:19] for point in found.points}
        assert window["since"][:19] <= min(times)
        assert max(times) <= window["until"][:19]


@pytest.mark.parametrize("is_ignored", [True, False])
def test_an_ignored_filter_by_object_is_a_problem(is_ignored: bool) -> None:
    """Before 1.3-rev2 the list of an object is not paged. If it is truncated, only the filter returns all points."""

    def truncate(document: dict[str, Any]) -> None:
        del document["data"][2:]

    server = SimulatedServer(SimulatedVbr, VeeamBackupReplication, release="12.3.1")
    expected = server.read(workload_names=["web-01"], workload_types=["vm"])
    changes = [ignore("backupObjectIdFilter")] if is_ignored else []
    cut = edit("/api/v1/backupObjects/*/restorePoints", truncate)
    found = server.read(*changes, cut, workload_names=["web-01"], workload_types=["vm"])
    if is_ignored:
        assert ["the listing of restore points of 'web-01' is incomplete" in str(one) for one in found.problems] == [
            True
        ]
        assert found.points == []
    else:
        assert found.points == expected.points


def test_records_of_another_type_are_not_points() -> None:
    """A server that ignores the type would return jobs or sessions as restore points."""

    def change(call: Call, _own: Callable[[], Response]) -> Response | None:
        if call.first("type") == "VmRestorePoint":
            call.query[:] = [(name, "VmReplicaPoint" if name == "type" else value) for name, value in call.query]
        return None

    server = SimulatedServer(SimulatedManager, VeeamEnterpriseManager)
    expected, found = server.read(), server.read(change)
    assert ["expected a record of type VmRestorePoint" in str(problem) for problem in found.problems] == [True]
    assert found.points == [point for point in expected.points if point["workload_type"] != "vm"]
