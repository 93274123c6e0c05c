# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import itertools
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.backup.audit.plugins.module_utils._core.model import (
    COUNTING_KINDS,
    FULL_KINDS,
    KINDS,
    MOMENTS,
    Copy,
    RecoveryPoint,
    Workload,
    any_true,
    median,
)
from ansible_collections.backup.audit.plugins.module_utils._core.times import parse_time


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ([], False),
        ([False, False], False),
        ([False, None], None),
        ([None, None], None),
        ([None, False, True], True),
        ([True, None], True),
    ],
)
def test_or_of_three_values(facts: list[bool | None], expected: bool | None) -> None:
    assert {any_true(order) for order in itertools.permutations(facts)} == {expected}


@given(st.lists(st.integers(0, 2**63 - 1) | st.integers(0, 5), min_size=1))
def test_median_matches_the_statistics_module(values: list[int]) -> None:
    assert median(values) == round(statistics.median(values))


def test_workloads_are_distinguished_by_id_or_by_name() -> None:
    assert Workload(id="1", name="a", type="vm").key == Workload(id="1", name="b", type="vm").key
    assert Workload(name="a", type="vm").key != Workload(name="b", type="vm").key
    assert Workload(id="a", type="vm").key != Workload(name="a", type="vm").key
    assert Workload(id="1", type="vm").key != Workload(id="1", type="vm", origin="b").key
    assert Workload(id="1", type="vm").key != Workload(id="1", type="database").key


def test_a_point_has_all_fields_and_null_for_unknown_values() -> None:
    moment = parse_time("2026-11-21T06:49:00.5Z")
    shown = RecoveryPoint(id="a", workload=Workload(), created=moment).as_dict("backup.example", "spp")
    known = {
        "id": "a",
        "source": "backup.example",
        "product": "spp",
        "created_at": "2026-11-21T06:49:00.5Z",
        "kind": "unknown",
        "status": "unknown",
        "retention": [],
        "inferred": [],
        "declared": [],
    }
    assert {name: value for name, value in shown.items() if value is not None} == known
    assert shown["usable"] is shown["copies"] is shown["immutable"] is None
    assert "raw" not in shown


def test_a_point_has_times_and_copies_as_text() -> None:
    moment = parse_time("2026-11-21T06:49:00Z")
    shown = RecoveryPoint(
        id="a",
        workload=Workload(id="1", name="db01", type="vm", platform="vmware", in_inventory=False, origin="vbr1"),
        created=moment,
        completed=moment + 1,
        tested_at=moment,
        checked_at=moment,
        immutable_until=moment,
        expires_at=moment,
        restorable_from=moment,
        restorable_until=moment,
        copies=[Copy(location="s3", location_type="object", role="copy", immutable_until=moment, encrypted=True)],
        retention=("daily",),
        inferred=("immutable",),
        raw={"x": 1},
    ).as_dict("backup.example", "spp")
    assert shown["completed_at"] == "2026-11-21T06:49:00.000001Z"
    for name in MOMENTS:
        assert shown[name] == "2026-11-21T06:49:00Z"
    assert shown["copies"] == [
        {
            "location": "s3",
            "location_type": "object",
            "vendor_location_type": None,
            "role": "copy",
            "immutable_until": "2026-11-21T06:49:00Z",
            "encrypted": True,
            "offsite": None,
        }
    ]
    assert (shown["origin"], shown["in_inventory"], shown["retention"]) == ("vbr1", False, ["daily"])
    assert (shown["inferred"], shown["raw"]) == (["immutable"], {"x": 1})


def test_field_names_are_stable() -> None:
    """Playbooks rely on these keys."""
    shown = RecoveryPoint(id="a", workload=Workload(), created=0, raw={}).as_dict("backup.example", "spp")
    assert list(shown) == [
        *("id", "source", "origin", "product"),
        *("workload_id", "workload_name", "workload_type", "platform", "vendor_platform", "in_inventory"),
        *("created_at", "completed_at", "kind", "status", "usable", "size_bytes", "file_count", "copies"),
        *("restore_tested", "tested_at", "tested_by", "integrity_checked", "checked_at", "checked_by"),
        *("encrypted", "offsite", "immutable", "immutable_until", "expires_at"),
        *("restorable_from", "restorable_until", "malware"),
        *("retention", "job", "inferred", "declared", "raw"),
    ]


def test_types_that_are_recovery_points() -> None:
    """A "backup" is certainly one, although its type is not reported. An unknown type may be anything."""
    assert [kind for kind in KINDS if kind in COUNTING_KINDS] == [
        *("full", "incremental", "differential", "synthetic_full", "backup", "replica", "archive")
    ]
    assert set(KINDS) - COUNTING_KINDS == {"log", "snapshot", "continuous", "config", "unknown"}
    assert {"full", "synthetic_full"} == FULL_KINDS


def test_every_moment_is_a_field_of_a_point() -> None:
    """Blocks contain a column for each."""
    point = RecoveryPoint(id="a", workload=Workload(), created=0)
    assert [getattr(point, name) for name in MOMENTS] == [None] * 6
