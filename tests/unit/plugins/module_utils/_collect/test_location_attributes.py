# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._collect.location_attributes import LocationAttributes
from ansible_collections.backup.audit.plugins.module_utils._core.errors import OptionError
from ansible_collections.backup.audit.plugins.module_utils._core.model import Copy, RecoveryPoint, Workload

S3 = {"match": "s3-*", "offsite": True, "immutable": True, "encrypted": True, "location_type": "object"}


def point(*locations: str | None, **more: Any) -> RecoveryPoint:
    copies = None if locations == (None,) else [Copy(location=location) for location in locations]
    return RecoveryPoint(**{"id": "a", "workload": Workload(), "created": 0, "copies": copies, **more})


def declared(made: RecoveryPoint, *entries: dict[str, Any]) -> RecoveryPoint:
    LocationAttributes(entries).apply(made)
    return made


def facts(made: RecoveryPoint) -> tuple[bool | None, bool | None, bool | None]:
    return made.offsite, made.immutable, made.encrypted


def test_attributes_of_a_matching_location_are_declared() -> None:
    made = declared(point("s3-vault"), S3)
    assert facts(made) == (True, True, True)
    assert made.declared == ("location_type", "offsite", "immutable", "encrypted")
    assert made.copies is not None
    assert made.copies[0].location_type == "object"


@pytest.mark.parametrize(
    ("glob", "location", "fits"),
    [
        ("s3-*", "S3-Vault", True),
        ("S3-VAULT", "s3-vault", True),
        ("s3-vault", "s3-vault-2", False),
        ("tape?", "tape1", True),
        ("*", "anything", True),
        ("s3-*", "disk", False),
    ],
)
def test_locations_match_patterns_regardless_of_case(glob: str, location: str, fits: bool) -> None:
    assert declared(point(location), {"match": glob, "offsite": True}).offsite is (True if fits else None)


def test_the_first_matching_entry_is_used() -> None:
    entries = [{"match": "s3-test*", "offsite": False}, {"match": "s3-*", "offsite": True, "immutable": True}]
    made = declared(point("s3-test1"), *entries)
    assert facts(made) == (False, None, None)
    assert made.declared == ("offsite",)


def test_a_point_without_listed_copies_matches_only_the_asterisk() -> None:
    assert facts(declared(point(None), S3)) == (None, None, None)
    made = declared(point(None), S3, {"match": "*", "offsite": False, "encrypted": True})
    assert facts(made) == (False, None, True)
    assert made.copies is None


def test_a_point_without_locations_gets_no_declared_attributes() -> None:
    made = declared(point(), {"match": "*", "offsite": True, "encrypted": True})
    assert facts(made) == (None, None, None)
    assert made.declared == ()


def test_one_copy_suffices_for_offsite_and_immutable_but_all_must_be_encrypted() -> None:
    """A single unencrypted copy exposes the data."""
    made = declared(point("s3-vault", "disk"), S3)
    assert facts(made) == (True, True, None)
    made = declared(point("s3-vault", "disk"), S3, {"match": "disk", "offsite": False, "encrypted": False})
    assert facts(made) == (True, True, False)


def test_an_unknown_location_leaves_attributes_unknown() -> None:
    made = declared(point("disk", "other"), {"match": "disk", "offsite": False, "immutable": False})
    assert facts(made) == (None, None, None)
    assert made.declared == ()


@pytest.mark.parametrize("reported", [True, False])
def test_reported_attributes_are_not_overridden(reported: bool) -> None:
    made = declared(point("s3-vault", offsite=reported, immutable=reported, encrypted=reported), S3)
    assert facts(made) == (reported, reported, reported)
    assert made.declared == ("location_type",)


def test_reported_attributes_of_a_copy_are_not_overridden() -> None:
    copies = [Copy(location="s3-vault", offsite=False, encrypted=False, location_type="disk")]
    made = declared(point(copies=copies), S3)
    assert (made.offsite, made.encrypted) == (False, False)
    assert copies[0].location_type == "disk"
    assert "location_type" not in made.declared


def test_points_that_share_their_copies_all_have_the_declared_type() -> None:
    copies = [Copy(location="s3-vault"), Copy(location="s3-two", location_type="tape")]
    for made in (point(copies=copies), point(copies=copies)):
        assert declared(made, {"match": "s3-*", "location_type": "object"}).declared == ("location_type",)
    assert [copy.location_type for copy in copies] == ["object", "tape"]


def test_repeated_declarations_are_listed_once() -> None:
    """A point may be added again after it was discarded."""
    made = declared(declared(point("s3-vault"), S3), S3)
    assert made.declared == ("location_type", "offsite", "immutable", "encrypted")


def test_declarations_override_inferred_false_but_not_inferred_true() -> None:
    made = declared(
        point("s3-vault", immutable=False, encrypted=True, inferred=("immutable", "encrypted")),
        {"match": "s3-*", "immutable": True, "encrypted": True},
    )
    assert (made.immutable, made.encrypted) == (True, True)
    assert (made.declared, made.inferred) == (("immutable",), ("encrypted",))


@pytest.mark.parametrize("entry", [{"match": "s3-*"}, {"match": "s3-*", "offsite": None, "location_type": None}])
def test_an_entry_without_attributes_is_rejected(entry: dict[str, Any]) -> None:
    with pytest.raises(OptionError, match=r"location_attributes: the entry for 's3-\*' does not declare an attribute"):
        LocationAttributes([entry])


def test_an_entry_may_declare_false() -> None:
    assert declared(point("disk"), {"match": "disk", "immutable": False}).immutable is False
