# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Listings that change while their pages are read: points that exist for the whole time are not missing."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.conftest import Simulators
from tests.integration.running_modules import MODULES, read

# Additional module options per product; names makes Backup & Replication read object by object.
# Unitrends and Proxmox Backup Server have no pages, and Azure determines the page size.
PAGED: dict[str, dict[str, Any]] = {
    **{product: {"page_size": 20} for product in MODULES if product not in ("unitrends", "pbs")},
    "spp": {"page_size": 7},
    "veeam_backup_replication": {"page_size": 7, "workload_names": ["*"]},
}


# If copies are rows, a copy represents a point whose own row is removed; and AWS lists all points only if
# some belong to no instance.
VARIANTS: dict[str, dict[str, Any]] = {
    "spp": {"copies_as_rows": False},
    "veeam_aws": {"deleted_instances": "gone"},
    "vprotect": {"synchronizations": False},
}
# If points of the same time are merged, the result has the id of one of them, which may be the removed one.
MERGED = ("aws_backup", "veeam_backup_replication", "veeam_enterprise_manager")


@pytest.fixture(scope="module")
def all_points(running_simulators: Simulators) -> dict[str, dict[str, str]]:
    """Map each product to all points that it lists while nothing changes."""
    running_simulators.reset()
    for product, variant in VARIANTS.items():
        running_simulators.ask(product, "__variant", variant)
    return {product: dict(list_points(running_simulators, product)) for product in PAGED}


def list_points(simulators: Simulators, product: str, **options: Any) -> list[tuple[str, str]]:
    """List (identity, id) of every point that the module returns."""
    ended = read(simulators.ready, product, detail="recovery_points", **(options or PAGED[product]))
    assert not ended.failed, ended.message
    assert ended.result["complete"]
    points, totals = ended.result["recovery_points"], ended.result["totals"]
    assert totals["points_listed"] + totals["in_future"] == len(points)
    member = "created_at" if product in MERGED else "id"
    return [(f"{point['workload_id']} {point[member]}", point["id"]) for point in points]


def assert_only_what_moved_is_missing(
    points: list[tuple[str, str]], expected: dict[str, str], moved: list[str]
) -> None:
    """Check that every expected point is returned once. Only added or removed points may be missing."""
    missing = {ident for key, ident in expected.items() if key not in dict(points)}
    # SPP's id begins with that of the workload, and its records contain the rest.
    lost = {ident for ident in missing if not any(ident.split("/")[-1] in record for record in moved)}
    assert not lost
    assert set(dict(points)) <= set(expected)
    assert len(points) == len(dict(points))


@pytest.mark.parametrize("product", PAGED)
@pytest.mark.parametrize("drift", ["add@2", "add@4", "remove@2", "remove@4", "swap@3", "swap@5"])
def test_points_that_exist_for_the_whole_time_are_returned_once(
    simulators: Simulators, all_points: dict[str, dict[str, str]], product: str, drift: str
) -> None:
    """Points are added, removed, or both, between two pages: every other point is returned exactly once."""
    simulators.ask(product, "__variant", {**VARIANTS.get(product, {}), "drift": drift})
    points = list_points(simulators, product)
    moved = simulators.ask(product, "__drift")
    assert moved
    assert_only_what_moved_is_missing(points, all_points[product], moved)


@pytest.mark.parametrize("drift", ["add@2", "add@4", "remove@2", "remove@4", "swap@3", "swap@5"])
def test_a_changing_listing_of_all_points(simulators: Simulators, drift: str) -> None:
    """Backup & Replication: objects with inconsistent points in the complete listing are read again individually."""
    product, options = "veeam_backup_replication", {"page_size": 100}
    expected = dict(list_points(simulators, product, **options))
    asked = [call["path"] for call in simulators.requests(product)]
    assert asked.count("/api/v1/restorePoints") > 5
    simulators.reset()
    simulators.ask(product, "__variant", {"drift": f"{drift} /api/v1/restorePoints"})
    points = list_points(simulators, product, **options)
    moved = simulators.ask(product, "__drift")
    assert moved
    assert_only_what_moved_is_missing(points, expected, moved)


@pytest.mark.parametrize("drift", ["add@2", "add@3", "remove@2", "swap@2"])
def test_changing_points_of_instances(simulators: Simulators, drift: str) -> None:
    """Backup for AWS: the complete listing is read if the first and the last total differ."""
    product, path = "veeam_aws", "/api/v1/virtualMachines/restorePoints"
    options = {"page_size": 100}
    expected = dict(list_points(simulators, product, **options))

    def pages() -> int:
        asked = [dict(call["query"]) for call in simulators.requests(product) if call["path"] == path]
        return sum("VirtualMachineId" not in query and query["Limit"] == "100" for query in asked)

    assert pages() == 0
    simulators.reset()
    simulators.ask(product, "__variant", {"drift": drift})
    points = list_points(simulators, product, **options)
    moved = simulators.ask(product, "__drift")
    assert pages() > 0
    assert_only_what_moved_is_missing(points, expected, moved)
