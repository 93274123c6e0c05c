# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists of points that change while their pages are read: nothing that stood there all the time goes missing."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.conftest import Simulators
from tests.integration.running_modules import MODULES, read

# What each product is asked besides; names has Backup & Replication ask object by object.
# Unitrends has no pages.
PAGED: dict[str, dict[str, Any]] = {
    **{product: {"page_size": 20} for product in MODULES if product != "unitrends"},
    "spp": {"page_size": 7},
    "veeam_backup_replication": {"page_size": 7, "names": ["*"]},
}


# Where copies are rows, one of them stands for a point whose own row goes; and the list of all points of AWS is read
# only where some are of no instance.
VARIANTS: dict[str, dict[str, Any]] = {
    "spp": {"copies_as_rows": False},
    "veeam_aws": {"deleted_instances": "gone"},
    "vprotect": {"synchronizations": False},
}
# Where points of one moment are told as one, that goes by the id of one of them, which may be the one that goes.
FOLDED = ("veeam_backup_replication", "veeam_enterprise_manager")


@pytest.fixture(scope="module")
def whole(running_simulators: Simulators) -> dict[str, dict[str, str]]:
    """Product -> all points that it lists while nothing moves."""
    running_simulators.reset()
    for product, variant in VARIANTS.items():
        running_simulators.ask(product, "__variant", variant)
    return {product: dict(told_by(running_simulators, product)) for product in PAGED}


def told_by(simulators: Simulators, product: str, **options: Any) -> list[tuple[str, str]]:
    """(what tells it apart, its id) of every point that the module tells."""
    ended = read(simulators.ready, product, detail="recovery_points", **(options or PAGED[product]))
    assert not ended.failed, ended.message
    assert ended.result["complete"]
    points, totals = ended.result["recovery_points"], ended.result["totals"]
    assert totals["points_listed"] + totals["in_future"] == len(points)
    member = "created_at" if product in FOLDED else "id"
    return [(f"{point['workload_id']} {point[member]}", point["id"]) for point in points]


def assert_only_what_moved_is_missing(told: list[tuple[str, str]], expected: dict[str, str], moved: list[str]) -> None:
    """Everything that was expected is told, and once; but for what came or went, nothing is missing."""
    missing = {ident for key, ident in expected.items() if key not in dict(told)}
    # The id of SPP begins with that of the workload, and its records carry the rest.
    lost = {ident for ident in missing if not any(ident.split("/")[-1] in record for record in moved)}
    assert not lost
    assert set(dict(told)) <= set(expected)
    assert len(told) == len(dict(told))


@pytest.mark.parametrize("product", PAGED)
@pytest.mark.parametrize("drift", ["add@2", "add@4", "remove@2", "remove@4", "swap@3", "swap@5"])
def test_what_stood_there_all_the_time_is_told_once(
    simulators: Simulators, whole: dict[str, dict[str, str]], product: str, drift: str
) -> None:
    """Points come first, go first, or both, between two pages: of the others each is told, and once."""
    simulators.ask(product, "__variant", {**VARIANTS.get(product, {}), "drift": drift})
    told = told_by(simulators, product)
    moved = simulators.ask(product, "__drift")
    assert moved
    assert_only_what_moved_is_missing(told, whole[product], moved)


@pytest.mark.parametrize("drift", ["add@2", "add@4", "remove@2", "remove@4", "swap@3", "swap@5"])
def test_a_listing_of_all_points_that_moves(simulators: Simulators, drift: str) -> None:
    """Backup & Replication: whose points do not come out right in the whole listing is asked again by itself."""
    product, options = "veeam_backup_replication", {"page_size": 100}
    expected = dict(told_by(simulators, product, **options))
    asked = [call["path"] for call in simulators.requests(product)]
    assert asked.count("/api/v1/restorePoints") > 5
    simulators.reset()
    simulators.ask(product, "__variant", {"drift": f"{drift} /api/v1/restorePoints"})
    told = told_by(simulators, product, **options)
    moved = simulators.ask(product, "__drift")
    assert moved
    assert_only_what_moved_is_missing(told, expected, moved)


@pytest.mark.parametrize("drift", ["add@2", "add@3", "remove@2", "swap@2"])
def test_instances_whose_points_move(simulators: Simulators, drift: str) -> None:
    """Backup for AWS: between the total that is asked first and the one asked last; then the list of all is read."""
    product, path = "veeam_aws", "/api/v1/virtualMachines/restorePoints"
    options = {"page_size": 100}
    expected = dict(told_by(simulators, product, **options))

    def pages() -> int:
        asked = [dict(call["query"]) for call in simulators.requests(product) if call["path"] == path]
        return sum("VirtualMachineId" not in query and query["Limit"] == "100" for query in asked)

    assert pages() == 0
    simulators.reset()
    simulators.ask(product, "__variant", {"drift": drift})
    told = told_by(simulators, product, **options)
    moved = simulators.ask(product, "__drift")
    assert pages() > 0
    assert_only_what_moved_is_missing(told, expected, moved)
