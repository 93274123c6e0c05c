# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Spectrum Protect Plus: machines of the inventory and of the catalog, and machines without recovery points."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.plugins.module_utils._adapters.spp.appliance import CATALOG, INVENTORY, Appliance, listing, read, row


def machine(ident: str | None, name: str | None, **properties: Any) -> dict[str, Any]:
    """Build a machine of the inventory."""
    return {"id": ident, "name": name, "properties": {"hypervisorType": "vmware", **properties}}


def appliance(*machines: Any, protected: tuple[str, ...] = ("a", "b")) -> Appliance:
    """Build an appliance with these protected machines (with the same key and name) and this inventory."""
    known = Appliance().with_machines({pk: [row(pk)] for pk in protected})
    for child in known.answers[f"GET {CATALOG}"]["children"]:
        child["name"] = child["id"]
    known.answers[f"GET {INVENTORY}"] = listing("children", list(machines))
    return known


def existence(known: Appliance, **options: Any) -> dict[str, bool | None]:
    """Return machine id -> whether the machine exists."""
    return {ident: found.get("in_inventory") for ident, found in read(known, **options).rows.items()}


def test_a_machine_that_was_rebuilt() -> None:
    """The new machine has the old name and no points. It is unprotected, and the old one is gone."""
    assert existence(appliance(machine("a", "a"), machine("b2", "b"))) == {"a": True, "b": False, "b2": True}
    # The same if only the rebuilt one is selected.
    known = appliance(machine("a", "a"), machine("b2", "b"))
    assert existence(known, workload_names=("b",)) == {"b": False, "b2": True}


@pytest.mark.parametrize(
    ("catalog", "inventory", "expected"),
    [
        # A deleted machine and a new one may have the same name.
        ({}, {}, {"a": None, "b": False, "3": True}),
        ({"hypervisorHostName": "vc1"}, {}, {"a": None, "b": False, "3": True}),
        ({"hypervisorHostName": "vc1"}, {"host": "esx1"}, {"a": None, "b": False, "3": True}),
        ({"hypervisorHostName": "VC1"}, {"host": "vc1"}, {"a": True, "b": False, "3": True}),
        (
            {"hypervisorHostName": "vc1"},
            {"host": "vc1", "hypervisorType": "hyperv"},
            {"a": None, "b": False, "3": True},
        ),
        # No machine of this name exists.
        ({}, {"inHLO": False}, {"a": False, "b": False, "3": True}),
    ],
)
@pytest.mark.parametrize("include", [True, False])
def test_ids_that_cannot_be_compared(
    catalog: dict[str, Any], inventory: dict[str, Any], expected: dict[str, bool | None], include: bool
) -> None:
    """If no id is in both lists, only an equal name and host identify a machine."""
    known = appliance(machine("1", "a", **inventory), machine("3", "c", inHLO=True))
    if "inHLO" not in inventory:
        known.answers[f"GET {INVENTORY}"]["children"][0]["properties"]["inHLO"] = True
    for child in known.answers[f"GET {CATALOG}"]["children"]:
        child["properties"].update(catalog)
    outcome = read(known, include_unprotected=include)
    found = {ident: each.get("in_inventory") for ident, each in outcome.rows.items()}
    assert found == {ident: exists for ident, exists in expected.items() if include or ident != "3"}
    is_certain = expected["a"] is not None
    assert outcome.result["server"]["scope"]["inventory"] is is_certain
    text = "distinguished from protected ones of the same name: 1, for example 'a'. They may be unprotected"
    assert [text in warning for warning in outcome.warnings] == ([] if is_certain else [True])


def test_several_machines_of_a_name() -> None:
    """Neither is identified, but both exist."""
    known = appliance(machine("1", "a", host="vc1"), machine("2", "a", host="vc1"), machine("3", "b", host="vc1"))
    for child in known.answers[f"GET {CATALOG}"]["children"]:
        child["properties"]["hypervisorHostName"] = "vc1"
    outcome = read(known)
    assert {ident: found.get("in_inventory") for ident, found in outcome.rows.items()} == {"a": None, "b": True}
    assert outcome.result["server"]["scope"]["inventory"] is False
    assert [": 2, for example 'a'" in warning for warning in outcome.warnings] == [True]


def test_case_of_ids() -> None:
    assert existence(appliance(machine("A", "a"), machine("B", "b"))) == {"a": True, "b": True}


def test_machines_that_were_removed() -> None:
    """The inventory may list machines that no longer exist (inHLO)."""
    removed = appliance(machine("a", "a", inHLO=False), machine("b", "b", inHLO="true"), machine("c", "c", inHLO=False))
    assert existence(removed) == {"a": False, "b": True}
    partly = appliance(machine("a", "a", inHLO=True), machine("b", "b"), machine("c", "c"))
    assert existence(partly) == {"a": True, "b": None, "c": None}
    assert existence(appliance(machine("a", "a"), machine("b", "b"))) == {"a": True, "b": True}


@pytest.mark.parametrize("odd", [None, "x", 7, [], {}, machine(None, None)])
def test_a_malformed_item(odd: Any) -> None:
    """The others are used, and a warning states that unprotected machines may be missing."""
    outcome = read(appliance(machine("a", "a"), odd, machine("c", "c")))
    assert outcome.errors == []
    assert set(outcome.rows) == {"a", "b", "c"}
    assert outcome.result["server"]["scope"]["inventory"] is False
    assert any("unprotected" in warning and "cannot be detected" in warning for warning in outcome.warnings)
    assert outcome.rows["a"]["in_inventory"] is True


@pytest.mark.parametrize("status", [400, 403, 404, 500])
def test_an_inventory_that_cannot_be_read(status: int) -> None:
    known = appliance()
    known.answers[f"GET {INVENTORY}"] = status
    outcome = read(known)
    assert outcome.errors == []
    assert {ident: found.get("in_inventory") for ident, found in outcome.rows.items()} == {"a": None, "b": None}
    assert outcome.result["server"]["scope"]["inventory"] is False
    (warning,) = outcome.warnings
    assert f"HTTP {status}" in warning


def test_an_inventory_that_is_incomplete() -> None:
    """It has fewer items than its total, so it proves nothing about machines that it does not list."""
    known = appliance(machine("a", "a"))
    known.answers[f"GET {INVENTORY}"]["total"] = 9
    assert existence(known) == {"a": None, "b": None}
