# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Own recordings of Barman have the fields and types of independent recordings, which are not part of the project."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.recordings import load
from tests.tools.project import VENDORS

SAMPLES = VENDORS / "barman" / "samples"
if not SAMPLES.is_dir():
    pytest.skip("no independent recordings here", allow_module_level=True)
# The version of the independent recordings.
BARMAN = "barman-3.19.1"


def shape(value: Any) -> Any:
    """Return a document with types instead of values, and with the distinct shapes of list items."""
    if isinstance(value, dict):
        return {name: shape(member) for name, member in value.items()}
    if isinstance(value, list):
        return sorted({json.dumps(shape(item), sort_keys=True) for item in value})
    return type(value).__name__


def sample(name: str) -> Any:
    return json.loads((SAMPLES / f"{name}.json").read_text("utf-8"))


@pytest.mark.parametrize(
    ("recording", "name"),
    [
        ("list_main", "list_two_done"),
        ("list_unknown", "list_backups_unknown"),
        ("verify0_damaged_file", "verify_corrupt"),
        ("verify0", "verify_ok_though_wal_missing"),
    ],
)
def test_documents(recording: str, name: str) -> None:
    own, theirs = shape(load(BARMAN, recording).out), shape(sample(name))
    assert list(own.values()) == list(theirs.values())


def test_details_of_a_backup() -> None:
    """Ratios and rates are text if there is something to compress, otherwise 0. An idle server has no ratio."""
    own, theirs = load(BARMAN, "show1").out["main"], sample("show_wal_missing_still_done")["orders"]
    varying = {"wal_compression_ratio", "compression_ratio", "wal_rate", "wal_rate_per_second", "backup_name"}
    for part in ("base_backup_information", "catalog_information", "wal_information"):
        ours, others = shape(own.pop(part)), shape(theirs.pop(part))
        assert {name: kind for name, kind in ours.items() if name not in varying} == {
            name: kind for name, kind in others.items() if name not in varying
        }
    assert shape(own) == shape(theirs)


def test_results_of_checks() -> None:
    """The list of checks depends on the configuration."""
    for own, name in (("check_main", "check_failed"), ("check_database_down", "check_dbdown")):
        ours, theirs = shape(load(BARMAN, own).out["main"]), shape(sample(name)["orders"])
        assert {
            "systemid_coherence",
            "minimum_redundancy_requirements",
            "failed_backups",
        } <= ours.keys() & theirs.keys()
        assert {json.dumps(one) for one in (*ours.values(), *theirs.values())} == {'{"hint": "str", "status": "str"}'}
