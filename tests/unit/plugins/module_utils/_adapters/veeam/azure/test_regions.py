# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Off-site requires two regions that are known to differ. Ids take precedence over names."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.azure import regions
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.azure.regions import Region, parse_region
from tests.unit.plugins.module_utils._adapters.veeam.azure.small_appliance import MACHINE, Appliance, facts, point

KNOWN = sorted(regions._KNOWN)
NAMES = st.one_of(
    st.sampled_from(KNOWN), st.text(min_size=1, max_size=12), st.sampled_from(["West Europe", "UK South"])
)
IDS = st.one_of(st.none(), st.sampled_from(["r1", "r2", "westeurope"]))


def respell(name: str, seed: int) -> str:
    """Return the name in a different case, with signs between its letters."""
    rng = random.Random(seed)
    letters = [letter.upper() if rng.random() < 0.5 else letter for letter in name]
    return "".join(letter + (rng.choice(" -_") if rng.random() < 0.3 else "") for letter in letters)


@pytest.mark.parametrize(
    ("of_point", "of_machine", "offsite"),
    [
        # Ids take precedence over names.
        ({"regionId": "r1", "regionName": "West Europe"}, {"region": {"id": "r1", "name": "westeurope"}}, False),
        ({"regionId": "r1", "regionName": "northeurope"}, {"region": {"id": "r1", "name": "westeurope"}}, False),
        ({"regionId": "r1"}, {"region": {"id": "r1"}}, False),
        ({"regionId": "h1"}, {"region": {"id": "r1", "resourceId": "h1"}}, False),
        # Ids of the appliance and of Azure may differ for the same region.
        ({"regionId": "r2", "regionName": "westeurope"}, {"region": {"id": "r1", "name": "West Europe"}}, False),
        ({"regionId": "r2"}, {"region": {"id": "r1"}}, None),
        # Names of two known regions.
        ({"regionName": "West Europe"}, {"regionName": "westeurope"}, False),
        ({"regionName": "West Europe"}, {"regionName": "northeurope"}, True),
        ({"regionId": "r2", "regionName": "westus2"}, {"region": {"id": "r1", "name": "West US"}}, True),
        ({"regionName": "eastus"}, {"regionName": None, "regionDisplayName": "East US 2"}, True),
        # Other texts may be names of the same region.
        ({"regionName": "Westeuropa"}, {"regionName": "westeurope"}, None),
        ({"regionName": "(Europe) West Europe"}, {"regionName": "westeurope"}, None),
        ({"regionName": "West Europe"}, {"regionName": "Amsterdam"}, None),
        ({"regionName": "Amsterdam"}, {"regionName": "Amsterdam"}, False),
        ({"regionName": ""}, {"regionName": "westeurope"}, None),
        ({"regionName": 5, "regionId": []}, {"regionName": "westeurope"}, None),
        ({}, {}, None),
        # The machine was moved, so its protected item and the inventory report different regions.
        ({"regionName": "northeurope"}, {"regionName": "northeurope", "region": {"name": "westeurope"}}, False),
    ],
)
def test_offsite(of_point: dict[str, Any], of_machine: dict[str, Any], offsite: bool | None) -> None:
    machine = {"id": "vm-1", "name": "erp", **of_machine}
    record = point(1, 20)
    del record["regionId"], record["regionName"]
    appliance = Appliance(**{"protectedItem/virtualMachines": [machine], "virtualMachines": [machine]})
    assert facts(appliance.read({**record, **of_point}), "offsite") == {"1": offsite}


def test_protected_item_and_inventory_together() -> None:
    """The protected item has the id of the region, the inventory its name."""
    lists = {
        "protectedItem/virtualMachines": [{"id": "vm-1", "name": "erp", "region": {"id": "r1"}}],
        "virtualMachines": [{"id": "vm-1", "name": "erp", "regionName": "westeurope", "regionDisplayName": "Europe"}],
    }
    records = (point(1, 18, regionId="r1", regionName="Europa"), point(2, 19, regionId="r2", regionName="UK West"))
    assert facts(Appliance(**lists).read(*records), "offsite") == {"1": False, "2": True}


@given(st.sampled_from(KNOWN), st.integers(), st.integers(), IDS, IDS)
def test_spellings_of_one_region_are_equal(
    name: str, first: int, second: int, left: str | None, right: str | None
) -> None:
    one = parse_region({"regionName": respell(name, first), "regionId": left})
    other = parse_region({"region": {"name": respell(name, second), "id": right}})
    assert one.is_other_than(other) is False
    assert one.is_other_than(other, is_same_id_type=True) is False


@given(NAMES, NAMES, IDS, IDS)
def test_two_regions_need_two_names_or_two_ids_of_one_type(
    one: str, other: str, left: str | None, right: str | None
) -> None:
    """The order does not matter, and equal ids are never off-site."""
    first, second = parse_region({"regionName": one, "regionId": left}), parse_region({"regionName": other})
    second |= parse_region({"regionId": right})
    for is_same_id_type in (False, True):
        found = first.is_other_than(second, is_same_id_type=is_same_id_type)
        assert found == second.is_other_than(first, is_same_id_type=is_same_id_type)
        if found:
            both_known = regions.normalize_region(one) in KNOWN and regions.normalize_region(other) in KNOWN
            assert both_known or (is_same_id_type and left and right)
            assert left is None or left != right
    assert not first.is_other_than(Region())


def test_all_spellings_are_one_location() -> None:
    """Otherwise one region would count as several locations."""
    records = (
        point(1, 17, regionName="North Europe"),
        point(2, 18, regionName="northeurope", regionId=None),
        point(3, 19, regionName=None),
        point(4, 20, regionName="Nordeuropa"),
        point(5, 21, regionName=None, regionId="r7"),
    )
    copies = facts(Appliance().read(*records), "copies")
    assert {number: one[0]["location"] for number, one in copies.items()} == {
        "1": "northeurope",
        "2": "northeurope",
        "3": "northeurope",
        "4": "northeurope",
        "5": None,
    }


def test_vocabulary() -> None:
    """The API does not report the platform. The destination is the product's term for the type of location."""
    snapshot = point(2, 18, backupDestination="ManualSnapshot", regionName=MACHINE["regionName"], regionId="r1")
    result = Appliance().read(point(1, 17), snapshot)
    assert facts(result, "workload_type", "platform", "vendor_platform")["1"] == ("vm", "azure_vm", None)
    copies = {number: copy[0] for number, copy in facts(result, "copies").items()}
    assert {number: (copy["location_type"], copy["vendor_location_type"]) for number, copy in copies.items()} == {
        "1": ("object", "AzureBlob"),
        "2": ("snapshot_array", "ManualSnapshot"),
    }


@pytest.mark.parametrize(
    ("path", "platform", "record"),
    [
        ("cosmosDb/repository", "azure_cosmos", {"accountId": "a", "accountName": "docs"}),
        ("vnets", "azure_network", {"subscriptionId": "a", "subscriptionName": "main"}),
    ],
)
def test_regions_of_other_objects_are_ignored(path: str, platform: str, record: dict[str, Any]) -> None:
    """Cosmos DB points have the region of the account. Network points have the region in which they were created."""
    appliance = Appliance(**{f"restorePoints/{path}": [{**point(1, 20), **record}]})
    result = appliance.read(workload_types=["database", "network"])
    assert facts(result, "platform", "offsite", "copies") == {"1": (platform, None, None)}
