# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Spectrum Protect Plus: failure of one object of many, missing optional parts, malformed secondary listings."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.backup.audit.plugins.module_utils._core.errors import AuditError
from tests.unit.plugins.module_utils._adapters.spp.appliance import (
    CATALOG,
    DATABASES,
    SEARCH,
    Appliance,
    child,
    listing,
    protection,
    read,
    row,
)
from tests.unit.plugins.module_utils._adapters.spp.test_copies import SITES, TWO, machine, version

STATUSES = (400, 403, 404, 500)
MACHINES = ("a", "b", "c")
ODD: tuple[Any, ...] = (None, "x", 7, [], True)


def three() -> Appliance:
    """Build three machines with one point each."""
    return Appliance().with_machines({pk: [row(pk)] for pk in MACHINES})


@given(st.dictionaries(st.sampled_from(MACHINES), st.sampled_from(STATUSES), min_size=1))
def test_failure_of_some_machines(failing: dict[str, int]) -> None:
    """All other data is returned, and each error names the machine and the cause."""
    known = three()
    for pk, status in failing.items():
        known.answers[f"GET {CATALOG}/{pk}/version"] = status
    outcome = read(known)
    assert set(outcome.rows) == set(MACHINES) - set(failing)
    assert outcome.result["complete"] is False
    assert len(outcome.errors) == len(failing)
    for pk, status in failing.items():
        assert any(
            f"the recovery points of 'name-{pk}'" in each and f"HTTP {status}" in each for each in outcome.errors
        )
    assert outcome.result["errors"][0]["status"] in failing.values()


@pytest.mark.parametrize("is_listed", [True, False])
@pytest.mark.parametrize("is_back", [True, False])
def test_a_machine_that_was_removed_during_the_read(is_listed: bool, is_back: bool) -> None:
    """After HTTP 404 the catalog is listed again: a machine that is still in it is requested once more."""
    known = three()
    answers = iter([404, listing("contents", [row("b")]) if is_back else 404])
    known.answers[f"GET {CATALOG}/b/version"] = lambda _query, _body: next(answers)
    children = known.answers[f"GET {CATALOG}"]["children"]
    first = listing("children", children)
    second = first if is_listed else listing("children", [one for one in children if one["id"] != "b"])
    listings = iter([first, second])
    known.answers[f"GET {CATALOG}"] = lambda _query, _body: next(listings)
    # It still exists.
    known.answers["GET /api/endeavour/catalog/hypervisor/vm"] = listing(
        "children", [{"id": pk, "name": f"name-{pk}"} for pk in MACHINES]
    )
    outcome = read(known)
    assert len(outcome.errors) == (is_listed and not is_back)
    points = {pk: found["recovery_points"] for pk, found in outcome.rows.items()}
    others = {"a": 1, "c": 1}
    if not is_listed:
        assert points == {**others, "b": 0}
    else:
        assert points == ({**others, "b": 1} if is_back else others)


def test_a_server_that_fails_for_every_machine() -> None:
    """The adapter stops early and does not request a thousand machines."""
    known = Appliance().with_machines({f"m{number}": [] for number in range(1000)})
    for number in range(1000):
        known.answers[f"GET {CATALOG}/m{number}/version"] = 500
    with pytest.raises(AuditError, match="HTTP 500"):
        read(known)
    assert len(known.asked) < 50


@pytest.mark.parametrize("item", ODD)
def test_malformed_items_of_the_catalog(item: Any) -> None:
    """An item that is not a record is an error of the read; the others are returned."""
    known = three()
    known.answers[f"GET {CATALOG}"] = listing("children", [child("a"), item, child("b")])
    outcome = read(known)
    assert set(outcome.rows) == {"a", "b"}
    (error,) = outcome.errors
    assert "is not an object" in error


def test_machines_without_a_key() -> None:
    """They are reported, and not merged into one machine."""
    known = three()
    nameless: dict[str, Any] = {"name": "dc", "properties": {}, "links": {}}
    known.answers[f"GET {CATALOG}"] = listing("children", [child("a"), nameless, {**nameless}])
    outcome = read(known)
    assert set(outcome.rows) == {"a"}
    assert len([error for error in outcome.errors if "'dc' has no primary key" in error]) == 2
    assert not any("None" in path for _method, path, *_rest in known.asked)


@pytest.mark.parametrize("href", ["https://[broken", "version", f"{CATALOG}//version", f"{DATABASES}/a/version"])
def test_a_link_without_a_key(href: str) -> None:
    known = three()
    nameless: dict[str, Any] = {"name": "dc", "links": {"versions": {"href": href}}}
    known.answers[f"GET {CATALOG}"] = listing("children", [child("a"), nameless])
    outcome = read(known)
    assert set(outcome.rows) == {"a"}
    (error,) = outcome.errors
    assert "'dc' has no primary key" in error


@pytest.mark.parametrize("is_listed", [True, False])
def test_a_database_that_was_removed_during_the_read(is_listed: bool) -> None:
    """Its key is only in its link, also when the catalog is listed again."""
    record = {"name": "orders", "links": {"versions": {"href": f"{DATABASES}/d/version"}}}
    listings = iter([listing("children", [record]), listing("children", [record] if is_listed else [])])
    known = Appliance({f"GET {DATABASES}": lambda _query, _body: next(listings)})
    outcome = read(known, workload_types=("database",))
    assert outcome.rows == {}
    assert len(outcome.errors) == is_listed


def test_a_catalog_that_cannot_be_listed_again() -> None:
    """Each workload is reported."""
    known = three()
    children = known.answers[f"GET {CATALOG}"]
    answers = iter([children, 500])
    known.answers[f"GET {CATALOG}"] = lambda _query, _body: next(answers)
    for pk in ("a", "c"):
        del known.answers[f"GET {CATALOG}/{pk}/version"]
    outcome = read(known)
    assert set(outcome.rows) == {"b"}
    assert ["'name-a'" in outcome.errors[0], "'name-c'" in outcome.errors[1]] == [True, True]


@pytest.mark.parametrize("rows", [*([each] for each in ODD), [row("b")]])
def test_malformed_rows_of_one_machine(rows: list[Any]) -> None:
    """For a row that is not a record or a point of another machine, this machine is omitted with an error."""
    known = three()
    known.answers[f"GET {CATALOG}/a/version"] = listing("contents", [row("a"), *rows])
    outcome = read(known)
    assert set(outcome.rows) == {"b", "c"}
    (error,) = outcome.errors
    assert "'name-a'" in error


@pytest.mark.parametrize("status", [400, 403, 404, 405])
def test_a_server_without_databases(status: int) -> None:
    """Machines are read, and a warning states that databases are not."""
    known = three()
    known.answers[f"GET {DATABASES}"] = status
    outcome = read(known, workload_types=("vm", "database"))
    assert set(outcome.rows) == set(MACHINES)
    assert outcome.errors == []
    assert outcome.result["server"]["scope"]["databases"] is False
    (warning,) = outcome.warnings
    assert "catalog of databases is not available" in warning
    with pytest.raises(AuditError, match=f"HTTP {status}"):
        read(known, workload_types=("database",))


@pytest.mark.parametrize("status", [400, 403, 500])
def test_machines_that_cannot_be_listed(status: int) -> None:
    """Databases are read; the result is incomplete."""
    known = Appliance({f"GET {CATALOG}": status})
    known.answers[f"GET {DATABASES}"] = listing("children", [child("d", link="")])
    known.answers[f"GET {DATABASES}/d/version"] = listing("contents", [row("d")])
    outcome = read(known, workload_types=("vm", "database"))
    assert set(outcome.rows) == {"d"}
    assert outcome.result["complete"] is False
    assert f"HTTP {status}" in outcome.errors[0]


# Secondary listings

_RULE = {"type": "REPLICATION", "software": True, "retention": {"age": 10}, "useEncryption": True}
_POLICY = {"name": "Gold", "spec": {"subpolicy": [_RULE]}}
_UNREADABLE: tuple[Any, ...] = (*STATUSES, [], {}, {"slapolicies": None, "sites": None, "vms": None})


@pytest.mark.parametrize("answer", _UNREADABLE, ids=repr)
def test_policies_that_cannot_be_read(answer: Any) -> None:
    known = three()
    known.answers["GET /ngp/slapolicy"] = listing("slapolicies", [_POLICY])
    assert {point["encrypted"] for point in read(known).points} == {True}
    known.answers["GET /ngp/slapolicy"] = answer
    outcome = read(known)
    assert outcome.errors == []
    assert {point["encrypted"] for point in outcome.points} == {None}
    assert outcome.result["server"]["scope"]["sla_policies"] is False
    (warning,) = outcome.warnings
    assert "SLA policies not available" in warning


@pytest.mark.parametrize("item", [*ODD, {}, {"name": None}, {"name": "Gold"}, {**_POLICY, "name": "Silver"}], ids=repr)
def test_malformed_policies(item: Any) -> None:
    """The others are used if their name is unique."""
    known = three()
    known.answers["GET /ngp/slapolicy"] = listing("slapolicies", [item, _POLICY])
    outcome = read(known)
    is_twice = isinstance(item, dict) and item.get("name") == "Gold"
    assert {point["encrypted"] for point in outcome.points} == {None if is_twice else True}
    assert len(outcome.warnings) == (not isinstance(item, dict))


def test_policies_whose_next_page_has_another_path() -> None:
    """The list links to the same policies in another format, with other field names."""
    href = "https://appliance.internal/api/spec/storageprofile?pageSize=100&pageStartIndex=1"

    policies = [{"name": "Silver"}, _POLICY]

    def respond(query: dict[str, str], _body: Any) -> Any:
        if "pageStartIndex" in query:
            return {**listing("slapolicies", policies[int(query["pageStartIndex"]) :]), "total": 2}
        return {"links": {"nextPage": {"href": href}}, "total": 2, "slapolicies": policies[:1]}

    known = three()
    known.answers["GET /ngp/slapolicy"] = respond
    outcome = read(known)
    assert outcome.warnings == []
    assert {point["encrypted"] for point in outcome.points} == {True}


def with_view() -> Appliance:
    """Build two machines with copies at two sites."""
    known = Appliance().with_machines({"a": [row("a")], "b": [row("b")]})
    known.answers["GET /api/site"] = listing("sites", [*SITES])
    known.answers[f"POST {SEARCH}"] = listing("vms", [machine("a", "name-a"), machine("b", "name-b")])
    for pk in ("a", "b"):
        known.answers[f"GET /api/hypervisor/1001/vm/{pk}/version"] = listing("versions", [version(copies=TWO)])
    return known


@pytest.mark.parametrize("answer", _UNREADABLE, ids=repr)
def test_sites_that_cannot_be_read(answer: Any) -> None:
    """Only their names are unknown: ids of sites are compared."""
    known = with_view()
    known.answers["GET /api/site"] = answer
    outcome = read(known, copies=True)
    assert outcome.errors == []
    assert [point["offsite"] for point in outcome.points] == [True, True]
    assert {copy["location"] for point in outcome.points for copy in point["copies"]} == {"1000", "1001"}
    (warning,) = outcome.warnings
    assert "not all sites could be read" in warning


@pytest.mark.parametrize("item", [*ODD, {}, {"id": None, "name": "x"}, {"id": "7"}, {"name": []}], ids=repr)
def test_malformed_sites(item: Any) -> None:
    known = with_view()
    known.answers["GET /api/site"] = listing("sites", [item, *SITES])
    outcome = read(known, copies=True)
    assert outcome.errors == []
    assert {copy["location"] for point in outcome.points for copy in point["copies"]} == {"Primary", "Second"}


@pytest.mark.parametrize("answer", _UNREADABLE, ids=repr)
def test_a_restore_view_that_cannot_be_read(answer: Any) -> None:
    known = with_view()
    known.answers[f"POST {SEARCH}"] = answer
    outcome = read(known, copies=True)
    assert outcome.errors == []
    assert outcome.result["server"]["scope"]["copies"] is False
    assert [(point["usable"], point["copies"]) for point in outcome.points] == [(True, None)] * 2
    (warning,) = outcome.warnings
    assert "copies are unknown" in warning


@pytest.mark.parametrize("item", [*ODD, {}, {"id": None}, {"links": 7}, {"id": []}], ids=repr)
def test_malformed_machines_of_the_restore_view(item: Any) -> None:
    known = with_view()
    known.answers[f"POST {SEARCH}"]["vms"].insert(0, item)
    known.answers[f"POST {SEARCH}"]["total"] += 1
    outcome = read(known, copies=True)
    assert outcome.errors == []
    assert [point["offsite"] for point in outcome.points] == [True, True]


@pytest.mark.parametrize("status", STATUSES)
def test_failure_of_the_copies_of_one_machine(status: int) -> None:
    """They are unknown, and a warning names the machine. Those of the other machine are returned."""
    known = with_view()
    known.answers["GET /api/hypervisor/1001/vm/a/version"] = status
    outcome = read(known, copies=True)
    assert outcome.errors == []
    assert outcome.result["server"]["scope"]["copies"] is False
    assert [(point["usable"], point["offsite"]) for point in outcome.points] == [(True, None), (True, True)]
    (warning,) = outcome.warnings
    assert "name-a: " in warning
    assert f"HTTP {status}" in warning


@pytest.mark.parametrize("odd", [*ODD, {}, {"protectionInfo": 7}, version(0), {"protectionInfo": protection(None)}])
def test_malformed_versions_of_the_restore_view(odd: Any) -> None:
    """A version without a time belongs to no point."""
    known = with_view()
    known.answers["GET /api/hypervisor/1001/vm/a/version"] = listing("versions", [odd, version(copies=TWO)])
    outcome = read(known, copies=True)
    assert [(point["usable"], point["offsite"]) for point in outcome.points] == [(True, True)] * 2


@pytest.mark.parametrize("status", [400, 403, 404, 500])
@pytest.mark.parametrize("both", [True, False])
def test_a_version_that_cannot_be_read(status: int, both: bool) -> None:
    known = three()
    known.answers["GET /api/lifecycle/ping"] = status
    known.answers["GET /ngp/version"] = status if both else {"version": "10.1.6"}
    outcome = read(known)
    assert outcome.result["server"].get("version") == (None if both else "10.1.6")
    assert set(outcome.rows) == set(MACHINES)


def test_empty_lists_are_not_an_error() -> None:
    assert read(Appliance(), copies=True).errors == []
    known = Appliance().with_machines({"a": []})
    outcome = read(known)
    assert outcome.rows["a"]["recovery_points"] == 0
    assert outcome.errors == []


@pytest.mark.parametrize("detail", ["workloads", "counts"])
def test_remaining_items_of_a_page_with_malformed_items(detail: str) -> None:
    """Also with detail: counts."""

    def count(query: dict[str, str], _body: Any) -> Any:
        return {"results": [] if "999" in query["filter"] else [{"_id": {"pk": "a"}, "count": 1}]}

    known = three()
    known.answers[f"GET {CATALOG}"] = listing("children", [child("a"), None])
    known.answers[f"POST {CATALOG}"] = count
    outcome = read(known, detail=detail)
    assert len(outcome.errors) == 1
    assert set(outcome.rows) == {"a"}
