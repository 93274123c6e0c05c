# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Spectrum Protect Plus: attributes from rows of the catalog, and attributes inferred from the current SLA policy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.backup.audit.plugins.module_utils._adapters.spp.records import Context, build_points
from ansible_collections.backup.audit.plugins.module_utils._adapters.spp.sla import parse_slas
from ansible_collections.backup.audit.plugins.module_utils._core.model import (
    COUNTING_KINDS,
    Copy,
    RecoveryPoint,
    Workload,
)
from ansible_collections.backup.audit.plugins.module_utils._core.vocabulary import LOCATION_TYPES
from tests.unit.plugins.module_utils._adapters.spp.appliance import DAY, NIGHT, Appliance, protection, read, row

_KNOWN = ("BACKUP", "REPLICATION", "SPPOFFLOAD", "SPPARCHIVE", "SNAPSHOT")
_NEW = ("MIRROR", "VMCOPY", "HYBRID", "NEW", "", None)
_MICROS = 1000


def build(
    *rows: dict[str, Any],
    sla: Sequence[dict[str, Any]] = (),
    view: dict[int, list[Copy] | None] | None = None,
    platform: str = "vmware",
) -> list[RecoveryPoint]:
    """Build the points of one machine."""
    workload = Workload(id="a", name="web01", type="vm", platform=platform)
    policies = [{"name": "Gold", "spec": {"subpolicy": list(sla)}}] if sla else []
    return build_points(workload, rows, view, Context(parse_slas(policies), include_raw=False))


def one(*rows: dict[str, Any], **more: Any) -> RecoveryPoint:
    """Build the only point of these rows."""
    (point,) = build(*rows, **more)
    return point


@pytest.mark.parametrize(
    ("facts", "kind", "usable"),
    [
        ({"baseBackup": True}, "full", True),
        ({"baseBackup": "false"}, "incremental", True),
        ({"baseBackup": None}, "backup", True),
        ({"subPolicyType": "SPPOFFLOAD", "baseBackup": None}, "backup", True),
        ({"subPolicyType": "replication"}, "replica", True),
        ({"subPolicyType": "SPPARCHIVE"}, "archive", True),
        ({"subPolicyType": "SNAPSHOT"}, "snapshot", True),
        *(({"subPolicyType": word, "baseBackup": True}, "unknown", None) for word in _NEW),
    ],
)
def test_kinds(facts: dict[str, Any], kind: str, usable: bool | None) -> None:
    point = one(row("a", **facts))
    assert (point.kind, point.usable) == (kind, usable)


@given(st.lists(st.sampled_from((*_KNOWN, *_NEW)), min_size=1, max_size=4))
def test_rows_of_one_time_are_one_point(terms: list[str | None]) -> None:
    """A point needs a known type. An additional unknown type never improves it."""
    point = one(*(row("a", subPolicyType=word) for word in terms))
    is_backup = {"BACKUP", "REPLICATION", "SPPOFFLOAD", "SPPARCHIVE"}.intersection(terms)
    assert (point.usable is True and point.kind in COUNTING_KINDS) is bool(is_backup)
    if "BACKUP" in terms:
        assert point.kind == "incremental"
    elif set(terms).intersection(_NEW):
        assert point.kind in ("backup", "unknown", "snapshot")


@pytest.mark.parametrize("time", [None, "", "2026-11-20T01:00:00Z", -1, "x", [], {}, True, 10**20, 1.5, 0])
def test_a_point_without_a_valid_time(time: Any) -> None:
    """It is listed without a time, and the others are read."""
    outcome = read(Appliance().with_machines({"a": [row("a", time), row("a")]}))
    assert outcome.errors == []
    found = outcome.rows["a"]
    assert (found["recovery_points"], found["undated"]) == (1, 1)
    assert found["attributes"]["recovery_points"]["unknown"] == 1
    assert any("no valid time" in warning or "dated before 1980" in warning for warning in outcome.warnings)
    assert len({point["id"] for point in outcome.points}) == 2


def test_rows_without_a_time_may_be_copies() -> None:
    """A replica does not count as a separate point if the row of the backup has no time."""
    dated, undated = build(row("a", subPolicyType="REPLICATION"), row("a", None))
    assert (dated.kind, undated.created) == ("backup", 0)


@pytest.mark.parametrize("place", ["row", "properties"])
@pytest.mark.parametrize(("session", "is_listed"), [("0", False), (0, False), ("17", True), (17, True), (None, True)])
def test_the_entry_of_the_workload_itself(place: str, session: Any, is_listed: bool) -> None:
    """Its session is 0, in either of two fields."""
    record = row("a")
    record["properties"]["sessionId"] = session
    record["sessionId"] = None
    if place == "row":
        record["sessionId"], record["properties"]["sessionId"] = session, None
    assert len(build(record)) == is_listed


@pytest.mark.parametrize(
    ("mine", "others", "usable"),
    [
        ([{"storageType": "vsnap"}], [{"storageType": "vsnap"}], True),
        ([], [{"storageType": "vsnap"}], None),
        (None, [{"storageType": "vsnap"}], None),
        ([], None, None),
        # If the field is missing for all points, the server does not support it.
        (None, None, True),
    ],
)
def test_points_whose_snapshots_are_gone(mine: Any, others: Any, usable: bool | None) -> None:
    first, second = build(
        row("a", storageSnapshots=mine),
        row("a", NIGHT - DAY, storageSnapshots=others),
    )
    assert (first.usable, second.usable) == (usable, True)
    # Objects in the cloud are not snapshots.
    copied = row("a", storageSnapshots=mine, subPolicyType="SPPARCHIVE")
    assert build(copied, row("a", NIGHT - DAY, storageSnapshots=others))[0].usable is True


@pytest.mark.parametrize(
    ("view", "usable"),
    [
        (None, True),
        ({}, None),
        ({NIGHT * _MICROS: []}, False),
        ({NIGHT * _MICROS: None}, True),
        ({NIGHT * _MICROS: [Copy(role="primary")]}, True),
        ({(NIGHT - DAY) * _MICROS: [Copy(role="primary")]}, None),
    ],
)
def test_versions_whose_copies_are_gone(view: dict[int, list[Copy] | None] | None, usable: bool | None) -> None:
    """The restore view lists the copies of each version, and may omit versions without copies."""
    assert one(row("a"), view=view).usable is usable


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([row("a"), row("a", NIGHT - DAY, subPolicyType="HYBRID")], "1 recovery points are of an unknown type"),
        ([row("a", None)], "1 recovery points have no valid time"),
        (
            [row("a", storageSnapshots=[]), row("a", NIGHT - DAY, storageSnapshots=[{}])],
            "1 recovery points have no storage snapshot",
        ),
    ],
)
def test_warnings_about_unknown_points(rows: list[Any], reason: str) -> None:
    """A warning states the number and the workload."""
    outcome = read(Appliance().with_machines({"a": rows}))
    (warning,) = [each for each in outcome.warnings if each.startswith(reason)]
    assert warning.endswith(": name-a (1)")


def test_only_a_snapshot_is_left() -> None:
    """The catalog lists a backup, but only a snapshot of the array remains."""
    point = one(row("a"), view={NIGHT * _MICROS: [Copy(role="snapshot")]})
    assert point.kind == "snapshot"


# Attributes from the SLA policy

_BACKUP = {"type": "REPLICATION", "software": True, "retention": {"age": 10}, "useEncryption": True}
_WORM = {"href": "/api/cloud/1", "wormProtected": True}


def offload(**more: Any) -> dict[str, Any]:
    """Build a rule for copies in the cloud."""
    return {"type": "SPPOFFLOAD", "retention": {"age": 30}, "useEncryption": True, "target": _WORM, **more}


def test_all_rules_of_a_policy() -> None:
    cloud = row("a", subPolicyType="SPPOFFLOAD", storageSnapshots=[{"storageType": "s3"}])
    point = one(row("a"), cloud, sla=[_BACKUP, offload()])
    assert point.encrypted is True
    assert point.expires_at == (NIGHT + 10 * DAY) * _MICROS
    assert point.immutable_until == (NIGHT + 30 * DAY) * _MICROS
    assert set(point.inferred) == {"offsite", "encrypted", "expires_at", "immutable", "immutable_until"}


@pytest.mark.parametrize(
    ("retention", "days"),
    [
        ({"age": 30}, 30),
        ({}, 10),
        ({"numsnapshots": 5}, None),
        (None, None),
        ({"age": None}, None),
        ({"age": -1}, None),
    ],
)
def test_how_long_a_copy_is_locked(retention: Any, days: int | None) -> None:
    """An empty retention means that of the source. A retention that counts snapshots has no end."""
    point = one(row("a"), row("a", subPolicyType="SPPOFFLOAD"), sla=[_BACKUP, offload(retention=retention)])
    assert point.immutable_until == (None if days is None else (NIGHT + days * DAY) * _MICROS)


def test_only_an_offload_copy_is_left() -> None:
    """The rule for the disk pool does not apply to it."""
    view: dict[int, list[Copy] | None] = {NIGHT * _MICROS: [Copy(role="offload")]}
    point = one(row("a"), view=view, sla=[_BACKUP, offload(useEncryption=False)])
    assert (point.encrypted, point.expires_at) == (None, None)
    assert point.immutable_until == (NIGHT + 30 * DAY) * _MICROS


@pytest.mark.parametrize("role", ["SPPOFFLOAD", "SPPARCHIVE"])
@pytest.mark.parametrize(
    ("storage", "offsite"),
    [
        (["s3"], True),
        (["azure", None], True),
        (["sp"], None),
        (["s3", "SP"], None),
        ([None], None),
        ([], None),
        (["vsnap"], None),
        (["new kind"], None),
        (["s3", "vsnap"], None),
    ],
)
def test_offload_copy_of_a_catalog_row(role: str, storage: list[str | None], offsite: bool | None) -> None:
    """A repository server, or storage of an unknown kind, may be at the same site."""
    snapshots = [{"storageType": kind} for kind in storage]
    point = one(row("a"), row("a", subPolicyType=role, storageSnapshots=snapshots))
    assert point.offsite is offsite
    assert ("offsite" in point.inferred) is (offsite is True)


@pytest.mark.parametrize("role", ["REPLICATION", "SPPOFFLOAD", "SPPARCHIVE", "SNAPSHOT", "HYBRID"])
def test_the_rule_for_backups_does_not_apply_to_other_points(role: str) -> None:
    """Encryption and retention of the disk pool do not apply to an archive or a snapshot of the array."""
    point = one(row("a", subPolicyType=role), sla=[_BACKUP])
    assert (point.encrypted, point.expires_at, point.immutable_until) == (None, None, None)


@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(1, 99)), min_size=1, max_size=3))
def test_several_rules_of_one_type(rules: list[tuple[bool, bool, int]]) -> None:
    """Only values that all rules have in common are known; the shortest retention is used."""
    sla = [
        offload(useEncryption=encrypts, target={"wormProtected": locks}, retention={"age": days})
        for encrypts, locks, days in rules
    ]
    point = one(row("a"), row("a", subPolicyType="SPPOFFLOAD"), sla=[_BACKUP, *sla])
    encrypts, locks, days = zip(*rules, strict=True)
    assert point.encrypted is (True if all(encrypts) else None)
    assert point.immutable_until == ((NIGHT + min(days) * DAY) * _MICROS if all(locks) else None)


def test_two_policies_with_the_same_name() -> None:
    policies = [{"name": "Gold", "spec": {"subpolicy": [_BACKUP]}}] * 2
    assert parse_slas(policies) == {}


_STRANGE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)


@given(st.sampled_from([*protection(), "storageInfo", "storageSnapshots"]), _STRANGE)
def test_fields_with_unexpected_types_are_unknown(name: str, strange: Any) -> None:
    """Fields with undocumented types make attributes unknown; values outside of the vocabularies never occur."""
    points = build(row("a", **{name: strange}), row("a", subPolicyType="REPLICATION"), sla=[_BACKUP])
    for point in points:
        for copy in point.copies or ():
            assert copy.location_type in (None, *LOCATION_TYPES)


@given(_STRANGE)
def test_policies_with_unexpected_types_imply_nothing(strange: Any) -> None:
    for policy in ({"name": "Gold", "spec": strange}, {"name": strange, "spec": {"subpolicy": [strange]}}):
        assert all(sla.encrypted <= {"primary"} for sla in parse_slas([policy]).values())
    for name in ("type", "retention", "useEncryption", "software", "target"):
        one(row("a"), sla=[{**_BACKUP, name: strange}])
