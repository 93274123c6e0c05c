# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One contract for every product: the module returns the estate's truth, field by field."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration import contract
from tests.integration.conftest import Simulators
from tests.integration.running_modules import read

CASES = [
    pytest.param("spp", {}, id="spp"),
    pytest.param("spp", {"copies": True}, id="spp-copies"),
    pytest.param("veeam_azure", {}, id="azure"),
    pytest.param("veeam_azure", {"api_version": "v8.1"}, id="azure-v8.1"),
    pytest.param("veeam_azure", {"api_version": "v5", "workload_types": ["vm"]}, id="azure-v5"),
    pytest.param("veeam_azure", {"page_size": 7}, id="azure-small-pages"),
]


@pytest.mark.parametrize(("product", "options"), CASES)
def test_points_are_the_truth(simulators: Simulators, product: str, options: dict[str, Any]) -> None:
    """Every point that the product lists is there, once, and says nothing but the truth."""
    ended = read(simulators.ready, product, detail="recovery_points", **options)
    assert not ended.failed, ended.message
    told = {
        (point["workload_id"], point["created_at"][:19], point["kind"]): point
        for point in ended.result["recovery_points"]
    }
    ids = simulators.estate["products"][product]["workloads"]
    problems = []
    expected = 0
    for workload, truth, _ident in contract.expected_points(simulators.estate, product):
        if workload["workload_type"] not in options.get("workload_types", [workload["workload_type"]]):
            continue
        expected += 1
        point = told.pop((ids[workload["key"]], truth["created_at"][:19], truth["kind"]), None)
        name = f"{workload['name']} ({workload['key']}) at {truth['created_at']}"
        if point is None:
            problems.append(f"{name}: missing")
            continue
        unknown = contract.cannot_tell(product, point["workload_type"], options.get("api_version", "v8"))
        problems += [f"{name}: {difference}" for difference in contract.differences(point, truth, unknown)]
    problems += [f"not in the estate: {point}" for point in told.values()]
    assert not problems, "\n".join(problems[:30])
    assert len(ended.result["recovery_points"]) == expected > 100
