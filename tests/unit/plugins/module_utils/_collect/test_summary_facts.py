# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Attributes of points in the rows of the summary: unknown, inferred, tested, infected."""

from __future__ import annotations

import pytest

from ansible_collections.backup.audit.plugins.module_utils._core.times import DAY
from tests.unit.plugins.module_utils._collect.summary_rows import ago, point, row, shown

# Unknown is neither true nor false


def test_gaps_and_runs_are_told_for_sure_and_as_they_may_be() -> None:
    found = row(point(1), point(2, usable=None), point(5), point(3, usable=False))
    assert found["gaps"]["7d"] == 4 * DAY
    assert found["calendar"]["days"] == 1
    assert found["possible"]["gaps"]["7d"] == 3 * DAY
    assert found["possible"]["calendar"]["days"] == 2
    assert row(point(1), point(3, usable=False))["possible"] is None


def test_a_kind_that_is_unknown_may_be_full() -> None:
    full = row(point(4), point(2, kind="synthetic_full"), point(1, kind="incremental"), point(3, kind="unknown"))
    attribute = full["attributes"]["full"]
    assert (attribute["count"], attribute["newest"], attribute["oldest"]) == (2, shown(2), shown(4))
    assert (attribute["unknown"], attribute["newest_unknown"]) == (1, shown(3))
    assert attribute["gaps"]["7d"] == 2 * DAY
    assert row(point(3, kind="unknown", usable=False))["attributes"]["full"]["unknown"] is None


@pytest.mark.parametrize("name", ["restore_tested", "integrity_checked", "offsite", "immutable", "encrypted"])
def test_the_facts_of_points(name: str) -> None:
    points = [point(1, **{name: None}), point(2, **{name: True}), point(3, **{name: True}), point(4, **{name: False})]
    attribute = row(*points)["attributes"][name]
    assert (attribute["count"], attribute["newest"], attribute["oldest"]) == (2, shown(2), shown(3))
    assert (attribute["unknown"], attribute["newest_unknown"], attribute["oldest_unknown"]) == (1, shown(1), shown(1))
    assert (attribute["false"], attribute["newest_false"]) == (1, shown(4))
    assert attribute["inferred"] is attribute["declared"] is None


@pytest.mark.parametrize("name", ["restore_tested", "integrity_checked", "offsite", "immutable", "encrypted"])
def test_a_fact_of_what_is_perhaps_no_recovery_point_is_unknown(name: str) -> None:
    attribute = row(point(1, usable=None, **{name: True}), point(2, usable=False, **{name: True}))["attributes"][name]
    assert (attribute["count"], attribute["unknown"], attribute["newest_unknown"]) == (0, 1, shown(1))
    assert row(point(1, usable=None, **{name: False}))["attributes"][name]["false"] == 1


@pytest.mark.parametrize("origin", ["inferred", "declared"])
def test_what_is_inferred_or_declared_is_kept_apart(origin: str) -> None:
    vouched = {"immutable": True, origin: ("immutable",)}
    attribute = row(point(1, **vouched), point(3, **vouched), point(2, immutable=True))["attributes"]["immutable"]
    assert (attribute["count"], attribute["newest"], attribute["unknown"]) == (1, shown(2), None)
    known = {name: value for name, value in attribute[origin].items() if value is not None}
    assert known == {"count": 2, "newest": shown(1), "oldest": shown(3)}
    # If something may not be a recovery point, its attributes are unknown, regardless of what was reported.
    unsure = row(point(1, usable=None, **vouched))["attributes"]["immutable"]
    assert (unsure[origin], unsure["unknown"]) == (None, 1)


@pytest.mark.parametrize("origin", ["inferred", "declared"])
def test_what_is_inferred_or_declared_to_be_missing_is_kept_apart_as_well(origin: str) -> None:
    attribute = row(point(1, encrypted=False, **{origin: ("encrypted",)}))["attributes"]["encrypted"]
    assert (attribute["false"], attribute["count"]) == (None, 0)
    assert (attribute[origin]["false"], attribute[origin]["newest_false"], attribute[origin]["count"]) == (
        1,
        shown(1),
        0,
    )


def test_the_newest_test_is_not_always_that_of_the_newest_point() -> None:
    found = row(
        point(5, restore_tested=True, tested_at=ago(1), integrity_checked=True, checked_at=ago(0.5)),
        point(2, restore_tested=True, tested_at=ago(1.5)),
        point(1, restore_tested=False, tested_at=ago(0.1)),
        point(0.5, restore_tested=None),
    )["attributes"]
    assert (found["restore_tested"]["tested_at"], found["restore_tested"]["tested_point"]) == (shown(1), shown(5))
    assert found["restore_tested"]["newest"] == shown(2)
    assert (found["integrity_checked"]["tested_at"], found["integrity_checked"]["tested_point"]) == (
        shown(0.5),
        shown(5),
    )


def test_a_verification_without_a_date_has_none() -> None:
    attribute = row(point(1, restore_tested=True), point(2, restore_tested=True, tested_at=ago(1)))["attributes"][
        "restore_tested"
    ]
    assert (attribute["count"], attribute["tested_at"]) == (2, shown(1))
    assert row(point(1, restore_tested=True))["attributes"]["restore_tested"]["tested_at"] is None


def test_a_test_in_the_future_is_no_test_of_today() -> None:
    attribute = row(point(1, restore_tested=True, tested_at=ago(-1)), point(2, restore_tested=True, tested_at=ago(1)))[
        "attributes"
    ]
    assert attribute["restore_tested"]["tested_at"] == shown(1)
    assert row(point(1, restore_tested=True, tested_at=ago(-1)))["attributes"]["restore_tested"]["tested_at"] is None


def test_the_test_of_a_point_that_was_dropped_goes_with_it() -> None:
    """A point is returned twice, once tested and once not: the less favourable record counts."""
    found = row(
        point(9, restore_tested=True, tested_at=ago(8)),
        point(1, id="twice", restore_tested=True, tested_at=ago(0.5)),
        point(1, id="twice", restore_tested=False),
    )["attributes"]["restore_tested"]
    assert (found["count"], found["tested_at"], found["tested_point"]) == (1, shown(8), shown(9))


# Malware


def test_malware_is_counted_by_state() -> None:
    found = row(
        point(1, malware="clean"),
        point(2, malware="infected"),
        point(3, malware="infected"),
        point(4, malware="suspicious"),
        point(5),
        point(6, malware="infected", usable=False),
        point(0.5, malware="infected", kind="snapshot"),
    )
    assert found["malware"] == {"clean": 1, "infected": 2, "suspicious": 1, "unknown": 1}
    assert found["malware_newest"] == {"clean": shown(1), "infected": shown(2), "suspicious": shown(4)}


def test_malware_in_what_is_perhaps_a_recovery_point_is_not_passed_over() -> None:
    found = row(point(1, malware="clean"), point(2, malware="infected", usable=None))
    assert found["malware"] == {"clean": 1, "infected": 1}
    assert found["malware_newest"]["infected"] == shown(2)
    assert row(point(1, malware="clean", usable=None))["malware"] == {"unknown": 1}
