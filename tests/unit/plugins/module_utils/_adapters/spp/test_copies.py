# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Spectrum Protect Plus: where copies are stored, and whether they are off-site."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.backup.audit.plugins.module_utils._adapters.spp.copies import (
    Sites,
    build_row_copies,
    parse_view_copies,
)
from ansible_collections.backup.audit.plugins.module_utils._core.model import Copy
from ansible_collections.backup.audit.plugins.module_utils._core.vocabulary import LOCATION_TYPES
from tests.unit.plugins.module_utils._adapters.spp.appliance import (
    DAY,
    NIGHT,
    OWN,
    SEARCH,
    Appliance,
    listing,
    protection,
    read,
    row,
)

SITES = ({"id": "1000", "name": "Primary"}, {"id": "1001", "name": "Second"}, {"id": "1002", "name": "second"})


def copy_row(kind: str, site: Any = None, *destinations: Any, storage: Any = "vsnap", **more: Any) -> dict[str, Any]:
    """Build a copy of the restore view; ``destinations`` are the sites of its parts."""
    mappings = [{"storageType": storage, "destination": {"siteId": each}} for each in destinations or (None,)]
    return {"siteId": site, "protectionInfo": {"subPolicyType": kind, **more}, "mappings": mappings}


def copies(*rows: dict[str, Any], platform: str = "vmware", sites: Any = SITES) -> list[Copy]:
    """Parse the copies of one version."""
    return parse_view_copies(rows, Sites(sites), platform)


def offsite(primary: Any, replica: Any, sites: Any = SITES) -> bool | None:
    """Whether a replica is off-site, from the site of the backup and that of the replica."""
    return copies(copy_row("BACKUP", primary), copy_row("REPLICATION", replica), sites=sites)[1].offsite


@pytest.mark.parametrize(
    ("primary", "replica", "expected"),
    [
        ("1000", "1000", False),
        ("1000", "1001", True),
        (1000, "1000", False),
        # A name stands for the site that has it, if it is unique regardless of case.
        ("1000", "Primary", False),
        ("1000", "primary", False),
        ("Primary", "1001", True),
        ("1000", "Second", None),
        ("1000", "West Europe", None),
        ("westeurope", "West Europe", None),
        ("1000", None, None),
        (None, "1001", None),
        (None, None, None),
        ("1000", "", None),
        # A site that the account cannot list also has an id.
        ("1000", "1077", True),
    ],
)
def test_sites(primary: Any, replica: Any, expected: bool | None) -> None:
    assert offsite(primary, replica) is expected


@given(
    st.text(min_size=1, max_size=8),
    st.text(min_size=1, max_size=8),
    st.sampled_from([[], SITES]),
    st.sampled_from([1, 2]),
)
def test_different_text_is_not_a_different_site(one: str, other: str, sites: Any, number: int) -> None:
    """Without two ids, a site is never known to be a different one because its text differs."""
    terms = (one, other) if number == 1 else (one.upper(), one.lower())
    listed = {site["id"] for site in sites}
    found = offsite(*terms, sites=sites)
    if found is True:
        known = {site["name"].casefold() for site in sites}
        assert all(word.isdecimal() or word in listed or word.casefold() in known for word in terms)


def test_parts_at_several_sites() -> None:
    """The disks of a machine can be on several servers."""
    for replica in (copy_row("REPLICATION", "1001", "1001", "1000"), copy_row("REPLICATION", None, "1000", "1001")):
        assert copies(copy_row("BACKUP", "1000"), replica)[1].offsite is None
    assert copies(copy_row("BACKUP", "1000", "1001"), copy_row("REPLICATION", "1077"))[1].offsite is None
    assert copies(copy_row("BACKUP", "1000"), copy_row("REPLICATION", "1001", "1001"))[1].offsite is True


@pytest.mark.parametrize("kind", ["SPPOFFLOAD", "SPPARCHIVE"])
@pytest.mark.parametrize(
    ("offload", "platform", "expected"),
    [
        ({"offloadProvider": "aws", "offloadType": "s3"}, "vmware", True),
        ({}, "vmware", None),
        # A name of a provider is not a kind of storage.
        ({"offloadProvider": "new provider"}, "vmware", None),
        ({"offloadProvider": "aws", "offloadType": "new kind"}, "vmware", None),
        # A repository server may be at the same site.
        ({"offloadProvider": "sp"}, "vmware", None),
        ({"offloadProvider": "vault-1", "offloadType": "SP"}, "hyperv", None),
        # A machine in the cloud may have its copy in the same region of the same cloud.
        ({"offloadProvider": "aws", "offloadType": "s3"}, "aws_ec2", None),
        ({}, "aws_ec2", None),
    ],
)
def test_copies_in_the_cloud(kind: str, offload: dict[str, Any], platform: str, expected: bool | None) -> None:
    (copy,) = copies(copy_row(kind, "1000", offloadInfo=offload), platform=platform)
    assert copy.offsite is expected
    assert copy.location == offload.get("offloadProvider")


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (copy_row("BACKUP"), ("disk", "vsnap")),
        (copy_row("BACKUP", storage=None), (None, None)),
        (copy_row("BACKUP", storage="new sort"), ("other", "new sort")),
        (copy_row("SNAPSHOT", storage="flash array"), ("snapshot_array", "flash array")),
        (copy_row("SPPOFFLOAD", storage=None, offloadInfo={"offloadType": "s3"}), ("object", "s3")),
        (copy_row("SPPOFFLOAD", storage=None, offloadInfo={"offloadType": "sp"}), ("other", "sp")),
    ],
)
def test_types_of_locations(row: dict[str, Any], expected: tuple[str | None, str | None]) -> None:
    (copy,) = copies(row)
    assert (copy.location_type, copy.vendor_location_type) == expected


def test_types_of_catalog_rows() -> None:
    """Catalog rows report types as well; parts with different types give the type "other"."""
    snapshots = [{"storageType": "vsnap"}, {"storageType": "s3"}]
    (copy,) = build_row_copies([row("a", storageInfo="{'disk-1':'7'}", storageSnapshots=snapshots)], "vmware")
    assert (copy.location, copy.location_type, copy.vendor_location_type) == ("disk-1", "other", "s3, vsnap")
    (copy,) = build_row_copies([row("a", storageSnapshots=snapshots[:1])], "vmware")
    assert (copy.location, copy.location_type, copy.vendor_location_type) == (None, "disk", "vsnap")


@given(st.text(max_size=10))
def test_types_are_in_the_vocabulary(word: str) -> None:
    (copy,) = copies(copy_row("BACKUP", storage=word))
    assert copy.location_type in (None, *LOCATION_TYPES)


# The view of the restore wizard


def machine(ident: str, name: str, *, path: str | None = None, **more: Any) -> dict[str, Any]:
    """Build a machine of the restore view."""
    href = f"{OWN}/api/hypervisor/1001/vm/{ident}/version?from=recovery" if path is None else path
    return {"id": ident, "name": name, "links": {"versions": {"href": href}}, **more}


def version(moment: int = NIGHT, copies: Any = (), **more: Any) -> dict[str, Any]:
    """Build a version of the restore view."""
    return {"id": str(moment), "protectionInfo": protection(moment), "copies": list(copies), "links": {}, **more}


TWO = (copy_row("BACKUP", "1000"), copy_row("REPLICATION", "1001"))


def appliance(found: dict[str, Any], *versions: dict[str, Any], path: str = "version", ident: str = "a") -> Appliance:
    """Build an appliance with one machine in both views."""
    known = Appliance().with_machines({"a": [row("a"), row("a", NIGHT - DAY)]})
    known.answers[f"POST {SEARCH}"] = listing("vms", [found])
    known.answers["GET /api/site"] = listing("sites", [*SITES])
    known.answers[f"GET /api/hypervisor/1001/vm/{ident}/{path}"] = listing("versions", list(versions))
    return known


def states(known: Appliance) -> list[tuple[Any, Any]]:
    """Return (usable, off-site) of the two points, the newest first."""
    outcome = read(known, copies=True)
    assert outcome.errors == []
    return [(point["usable"], point["offsite"]) for point in reversed(outcome.points)]


def test_copies_of_both_points() -> None:
    versions = (version(copies=TWO), version(NIGHT - DAY, TWO[:1]))
    assert states(appliance(machine("a", "name-a"), *versions)) == [(True, True), (True, False)]


def test_copies_that_the_view_does_not_list() -> None:
    """The copies of one version are gone, and the other version is omitted: neither is reported as restorable."""
    assert states(appliance(machine("a", "name-a"), version())) == [(False, False), (None, None)]
    assert states(appliance(machine("a", "name-a"))) == [(None, None)] * 2
    (warning,) = read(appliance(machine("a", "name-a"), version()), copies=True).warnings
    assert warning.startswith("1 recovery points are not listed in the restore view")


@pytest.mark.parametrize(
    ("path", "served"),
    [
        (f"{OWN}/api/hypervisor/1001/vm/a/versions", "versions"),
        (f"{OWN}/api/hypervisor/1001/vm/a/version?from=recovery&omitIfNoCopies=true", "version"),
        ("", "version"),
    ],
)
def test_links_of_the_view(path: str, served: str) -> None:
    """Without a link, the path is built from the hypervisor of the machine."""
    found = machine("a", "name-a", path=path, config={"hypervisorKey": "1001"})
    versions = (version(copies=TWO), version(NIGHT - DAY, TWO))
    assert states(appliance(found, *versions, path=served)) == [(True, True)] * 2


@pytest.mark.parametrize(
    "path",
    [
        f"{OWN}/api/hypervisor/1001/vm/b/version",
        f"{OWN}/api/hypervisor/1001/vm/a/version?action=expire",
        f"{OWN}/api/application/1001/vm/a/version",
        f"{OWN}/api/hypervisor/1001/vm/a/../b/version",
        f"{OWN}/api",
        "",
    ],
)
def test_other_links_of_the_view_are_rejected(path: str) -> None:
    """The copies of this machine are unknown, which is reported. Its points are read."""
    known = appliance(machine("a", "name-a", path=path), version(copies=TWO))
    outcome = read(known, copies=True)
    assert outcome.result["server"]["scope"]["copies"] is False
    assert any("copies of 1 virtual machines are unknown. name-a: " in warning for warning in outcome.warnings)
    assert [point["copies"] for point in outcome.points] == [None, None]
    assert outcome.rows["a"]["recovery_points"] == 2


@pytest.mark.parametrize(
    "more",
    [{"links": {"self": {"href": f"{OWN}/api/hypervisor/1001/vm/b/version/7"}}}, {"name": "name-b"}],
    ids=["link", "name"],
)
def test_versions_of_another_machine(more: dict[str, Any]) -> None:
    """The server ignores the requested machine. Machines of one session have versions with the same time."""
    versions = (version(copies=TWO, **more), version(NIGHT - DAY, TWO, name="name-a"))
    assert states(appliance(machine("a", "name-a"), *versions)) == [(None, None), (True, True)]


def test_copies_that_are_not_embedded() -> None:
    """They are requested from the link of the version, as the web interface does."""
    versions = []
    for moment, name in ((NIGHT, "1"), (NIGHT - DAY, "2")):
        links = {"copies": {"href": f"{OWN}/api/hypervisor/1001/vm/a/version/{name}/copy?from=recovery"}}
        versions.append(version(moment, links=links))
        del versions[-1]["copies"]
    known = appliance(machine("a", "name-a"), *versions)
    known.answers["GET /api/hypervisor/1001/vm/a/version/1/copy"] = listing("copies", list(TWO))
    known.answers["GET /api/hypervisor/1001/vm/a/version/2/copy"] = listing("copies", [])
    assert states(known) == [(True, True), (False, False)]
    del versions[0]["links"]["copies"]
    assert states(known)[0] == (True, None)


@pytest.mark.parametrize("odd", [[None], ["x", 7]])
def test_malformed_copies(odd: list[Any]) -> None:
    """They are not counted as copies, and do not prove that no copy is left."""
    assert states(appliance(machine("a", "name-a"), version(copies=odd)))[0] == (True, None)
    assert states(appliance(machine("a", "name-a"), version(copies=[*odd, *TWO])))[0] == (True, True)


def test_machines_with_the_same_name_are_not_confused() -> None:
    """An id in both views proves that ids can be compared. A machine with the same name and another id is different."""
    known = appliance(machine("a", "name-a"), version(copies=TWO))
    known.with_machines({"a": [row("a")], "b": [row("b")]})
    known.answers[f"POST {SEARCH}"] = listing("vms", [machine("a", "name-a"), machine("x", "name-b")])
    known.answers["GET /api/hypervisor/1001/vm/x/version"] = listing("versions", [version(copies=TWO)])
    outcome = read(known, copies=True)
    assert {point["workload_id"]: point["offsite"] for point in outcome.points} == {"a": True, "b": None}
    known.answers[f"POST {SEARCH}"] = listing("vms", [machine("y", "name-a"), machine("x", "name-b")])
    known.answers["GET /api/hypervisor/1001/vm/y/version"] = listing("versions", [version(copies=TWO)])
    outcome = read(known, copies=True)
    assert {point["workload_id"]: point["offsite"] for point in outcome.points} == {"a": True, "b": True}
