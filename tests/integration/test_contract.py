# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One contract for every product: the module returns the true value of every field."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._core.vocabulary import (
    LOCATION_TYPES,
    PLATFORMS,
    WORKLOAD_TYPES,
    parse_platform,
)
from tests.integration import contract
from tests.integration.conftest import Simulators
from tests.integration.running_modules import MODULES, read

CASES = [
    *(pytest.param(product, {}, id=product) for product in MODULES),
    *(pytest.param(product, {"page_size": 7}, id=f"{product}-small-pages") for product in MODULES),
    pytest.param("spp", {"copies": True}, id="spp-copies"),
    pytest.param("veeam_aws", {"api_version": "1.0-rev0"}, id="aws-1.0-rev0"),
    pytest.param("veeam_aws", {"api_version": "1.2-rev0", "page_size": 7}, id="aws-1.2-rev0-small-pages"),
    pytest.param("veeam_azure", {"api_version": "v8.1"}, id="azure-v8.1"),
    pytest.param("veeam_azure", {"api_version": "v5", "workload_types": ["vm"]}, id="azure-v5"),
    pytest.param("veeam_enterprise_manager", {"representation": "xml"}, id="em-xml"),
    pytest.param("veeam_backup_replication", {"api_version": "1.3-rev0"}, id="vbr-1.3-rev0"),
    pytest.param("veeam_backup_replication", {"api_version": "1.2-rev1"}, id="vbr-1.2-rev1"),
    pytest.param("veeam_backup_replication", {"api_version": "1.1-rev0"}, id="vbr-1.1-rev0"),
    pytest.param("unitrends", {"since": "2000d", "slice": "1d"}, id="unitrends-small-slices"),
    pytest.param("vprotect", {"since": "2000d"}, id="vprotect-window"),
]


@pytest.mark.parametrize(("product", "options"), CASES)
def test_points_are_the_truth(simulators: Simulators, product: str, options: dict[str, Any]) -> None:
    """Every listed point is returned once with true values, and so is the identity of the server."""
    ended = read(simulators.ready, product, detail="recovery_points", **options)
    assert not ended.failed, ended.message
    assert ended.result["server"].get("identity", "missing") == contract.expected_identity(simulators.estate, product)
    by_time: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for point in ended.result["recovery_points"]:
        by_time.setdefault((point["workload_id"], point["created_at"][:19]), []).append(point)
    ids = {ident for ident, _time in by_time if ident}
    version = options.get("api_version") or contract.newest_version(product)
    problems = []
    expected = 0
    for workload, truth, _ident in contract.expected_points(simulators.estate, product):
        if workload["workload_type"] not in options.get("workload_types", [workload["workload_type"]]):
            continue
        if not contract.is_listed(product, truth, version):
            continue
        expected += 1
        ident = contract.workload_id(simulators.estate, product, workload, truth, ids)
        times = (truth["created_at"][:19], contract.hour_before(truth["created_at"])[:19])
        same_time = by_time.get((ident, times[0])) or by_time.get((ident, times[1]), [])
        name = f"{workload['name']} ({workload['key']}) at {truth['created_at']}"
        if not same_time:
            problems.append(f"{name}: missing")
            continue
        # A backup and a snapshot may have the same time. A different type is an error unless types are not reported.
        same_kind = (index for index, each in enumerate(same_time) if each["kind"] == truth["kind"])
        point = same_time.pop(next(same_kind, 0))
        unknown = contract.not_reported(product, point["workload_type"], version)
        problems += [f"{name}: {difference}" for difference in contract.differences(point, truth, unknown)]
    problems += [f"not in the environment: {point}" for points in by_time.values() for point in points]
    assert not problems, "\n".join(problems[:30])
    assert len(ended.result["recovery_points"]) == expected > 100


@pytest.mark.parametrize("product", MODULES)
def test_platforms_and_types_are_in_the_vocabulary(simulators: Simulators, product: str) -> None:
    """The product's own term is kept. Without a term, the platform is unknown or fixed for the product."""
    ended = read(simulators.ready, product, detail="recovery_points")
    terms: dict[str, set[str]] = {}
    for one in (*ended.result["workloads"], *ended.result["recovery_points"]):
        platform, own = one.get("platform"), one.get("vendor_platform")
        assert platform in (*PLATFORMS, None)
        assert one.get("workload_type") in (*WORKLOAD_TYPES, None)
        if own is not None:
            assert platform == parse_platform(own)
            terms.setdefault(own, set()).add(platform)
    for point in ended.result["recovery_points"]:
        for copy in point["copies"] or ():
            assert copy["location_type"] in (*LOCATION_TYPES, None)
    for row in ended.result["workloads"]:
        for place in row.get("locations", ()):
            assert place.get("location_type") in (*LOCATION_TYPES, None)
    assert all(len(found) == 1 for found in terms.values())


def _without_ages(value: Any) -> Any:
    """Remove values that change from one second to the next."""
    if isinstance(value, dict):
        kept = {name: inner for name, inner in value.items() if name != "newest_age_seconds"}
        return {name: _without_ages(inner) for name, inner in kept.items()}
    return value


@pytest.mark.parametrize(("product", "options"), CASES)
def test_rows_do_not_depend_on_returning_points(simulators: Simulators, product: str, options: dict[str, Any]) -> None:
    """Points that are only counted are not built one by one. The test above checks the values of built points."""
    kept = read(simulators.ready, product, detail="recovery_points", **options)
    counted = read(simulators.ready, product, detail="workloads", **options)
    rows = [[_without_ages(row) for row in ended.result["workloads"]] for ended in (kept, counted)]
    assert rows[0] == rows[1]
    assert len(rows[0]) > 10
    # All points with their attributes and times, as policies evaluate them.
    assert kept.result["points"] == counted.result["points"]
