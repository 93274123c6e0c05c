# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Attributes of points in the rows of the summary: unknown, inferred, declared, dated, infected."""

from __future__ import annotations

import pytest

from tests.unit.plugins.module_utils._collect.summary_rows import ago, point, row, shown

FACTS = ["restore_tested", "integrity_checked", "offsite", "immutable", "encrypted"]

# Unknown is neither true nor false


def test_a_kind_that_is_unknown_may_be_full() -> None:
    found = row(
        point(5),
        point(4, kind="synthetic_full"),
        point(1, kind="incremental"),
        point(2, kind="unknown"),
        point(3, kind="backup"),
        point(0.5, kind="log"),
        point(0.2, usable=None),
        point(0.1, kind="unknown", usable=False),
    )["attributes"]
    assert found["full"] == {"count": 2, "unknown": 3, "newest": shown(4)}
    # Full, synthetic full, incremental, backup and unknown, and a point that may not be usable.
    assert found["recovery_points"] == {"count": 4, "unknown": 2, "newest": shown(1)}


def test_without_unknown_points_the_row_has_the_number() -> None:
    assert row(point(1), point(2, kind="log"), point(3, usable=False))["attributes"] == {
        "full": {"count": 1, "newest": shown(1)}
    }


def test_attributes_that_are_unknown_for_all_points_are_left_out() -> None:
    assert "attributes" not in row(point(1, kind="backup"), point(2, kind="backup"))


@pytest.mark.parametrize("name", FACTS)
def test_attributes_of_points(name: str) -> None:
    points = [point(1, **{name: None}), point(2, **{name: True}), point(3, **{name: True}), point(4, **{name: False})]
    assert row(*points)["attributes"][name] == {"count": 2, "unknown": 1, "newest": shown(2)}
    assert row(point(4, **{name: False}))["attributes"][name] == {"count": 0}


@pytest.mark.parametrize("name", FACTS)
def test_attributes_of_possible_recovery_points_are_unknown(name: str) -> None:
    """An unusable point does not count. For a possibly usable point, false attributes are known."""
    known = point(9, **{name: True})
    for unsure in (point(1, usable=None, **{name: True}), point(1, kind="unknown", **{name: True})):
        found = row(known, unsure, point(2, usable=False, **{name: True}))["attributes"][name]
        assert found == {"count": 1, "unknown": 1, "newest": shown(9)}
    assert row(known, point(1, usable=None, **{name: False}))["attributes"][name] == {"count": 1, "newest": shown(9)}


@pytest.mark.parametrize("kind", ["snapshot", "log", "config", "continuous"])
def test_attributes_of_other_points_do_not_count(kind: str) -> None:
    found = row(point(1, kind=kind, offsite=True), point(2, offsite=False))["attributes"]
    assert found["offsite"] == {"count": 0}


@pytest.mark.parametrize("origin", ["inferred", "declared"])
def test_inferred_and_declared_values_are_counted_separately(origin: str) -> None:
    vouched = {"offsite": True, origin: ("offsite",)}
    found = row(point(1, **vouched), point(3, **vouched), point(2, offsite=True))["attributes"]
    assert found["offsite"] == {"count": 1, origin: 2, "newest": shown(2)}
    # If a point may not be a recovery point, its attributes are unknown even if they were reported.
    unsure = row(point(1, usable=None, **vouched), point(2, offsite=True))["attributes"]
    assert unsure["offsite"] == {"count": 1, "unknown": 1, "newest": shown(2)}


@pytest.mark.parametrize("origin", ["inferred", "declared"])
def test_inferred_and_declared_false_is_known(origin: str) -> None:
    found = row(point(1, encrypted=False, **{origin: ("encrypted",)}))["attributes"]
    assert found["encrypted"] == {"count": 0}


# Locks with an end, as of the time of reading


def test_a_lock_counts_until_its_end() -> None:
    found = row(
        point(1, immutable_until=ago(0)),
        point(2, immutable_until=ago(0) + 1),
        point(3, immutable_until=ago(-30), immutable=True),
        point(4, immutable_until=ago(1), immutable=True),
        point(5, immutable_until=ago(-30), immutable=False),
        point(0.5),
    )["attributes"]
    assert found["immutable"] == {"count": 2, "unknown": 1, "newest": shown(2)}


def test_an_expired_lock_does_not_count() -> None:
    assert row(point(1, immutable_until=ago(0.5)))["attributes"]["immutable"] == {"count": 0}


def test_the_lock_of_a_possible_recovery_point_is_unknown() -> None:
    found = row(
        point(1, usable=None, immutable_until=ago(-9)),
        point(2, usable=None, immutable_until=ago(9)),
        point(3, immutable=False),
    )["attributes"]
    assert found["immutable"] == {"count": 0, "unknown": 1}


def test_an_inferred_lock_is_counted_separately() -> None:
    found = row(point(1, immutable_until=ago(-9), immutable=True, inferred=("immutable", "immutable_until")))
    assert found["attributes"]["immutable"] == {"count": 0, "inferred": 1}


# The test of a point


def test_the_test_of_a_duplicate_is_dropped_with_it() -> None:
    """A point is returned twice, once tested and once not. The less favorable record counts."""
    found = row(
        point(9, restore_tested=True, tested_at=ago(8)),
        point(1, id="twice", restore_tested=True, tested_at=ago(0.5)),
        point(1, id="twice", restore_tested=False),
    )
    assert found["recovery_points"] == 2
    assert found["attributes"]["restore_tested"] == {"count": 1, "newest": shown(9)}


# Malware


def test_points_with_malware_are_counted() -> None:
    """Two infected, one suspicious, one clean, one not scanned, and two that are not recovery points."""
    found = row(
        point(1, malware="clean"),
        point(2, malware="infected"),
        point(3, malware="infected"),
        point(4, malware="suspicious"),
        point(5),
        point(6, malware="infected", usable=False),
        point(0.5, malware="infected", kind="snapshot"),
    )
    assert found["attributes"]["malware"] == {"count": 3, "unknown": 1, "newest": shown(2)}
    assert row(point(1, malware="clean"))["attributes"]["malware"] == {"count": 0}


def test_malware_in_a_possible_recovery_point_is_counted() -> None:
    found = row(point(1, malware="clean"), point(2, malware="infected", usable=None))
    assert found["attributes"]["malware"] == {"count": 0, "unknown": 1}
