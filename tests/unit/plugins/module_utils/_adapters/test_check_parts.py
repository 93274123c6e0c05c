# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""verify_parts: each run checks one part of the data, and a file records which parts were read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._adapters.restic.adapter import Restic
from ansible_collections.backup.audit.plugins.module_utils._core.errors import OptionError
from tests.unit.plugins.module_utils._adapters.running_tools import Response, by_id, run_adapter
from tests.unit.plugins.module_utils._adapters.test_restic import CHECK, OLD, SOUND, answers, read

FIRST, SECOND = str(OLD["id"]), "d" * 64
OTHER = {**OLD, "id": SECOND}


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state.json"


def check(state: Path, number: int, snapshots: list[Any], answer: Response = (0, SOUND, ""), parts: int = 3) -> Any:
    """Run a check that is expected to read this part."""
    part = (*CHECK, f"--read-data-subset={number}/{parts}")
    known = answers(snapshots) | {part: answer}
    options: dict[str, Any] = {"verify": "data", "verify_parts": parts, "verify_state": str(state)}
    return run_adapter(Restic, known, repository="/srv/restic", **options)


def test_a_point_is_checked_once_all_parts_were_read(state: Path) -> None:
    for number in (1, 2):
        collector, points, _runner = check(state, number, [OLD])
        assert collector.verify is not None
        assert collector.verify["part"] == f"{number}/3"
        assert (collector.verify["parts_read"], collector.verify["covered_since"]) == (number, None)
        assert (points[0]["integrity_checked"], points[0]["inferred"]) == (True, ["integrity_checked"])
    first = f"{json.loads(state.read_text())['read']['1'][:19]}Z"
    collector, points, _runner = check(state, 3, [OLD, OTHER])
    assert collector.verify is not None
    assert (collector.verify["parts_read"], collector.verify["covered_since"]) == (3, first)
    old, new = by_id(points)[FIRST], by_id(points)[SECOND]
    assert (old["integrity_checked"], old["inferred"], old["checked_at"]) == (True, [], first)
    # It was first listed after the other parts had been read, so it may need files that were not checked.
    assert (new["integrity_checked"], new["inferred"]) == (True, ["integrity_checked"])
    for number in (1, 2):
        points = check(state, number, [OLD, OTHER])[1]
    assert {tuple(point["inferred"]) for point in points} == {()}


def test_a_damaged_part_is_checked_again_first(state: Path) -> None:
    check(state, 1, [OLD])
    damaged = (1, "", "Pack ID does not match\nFatal: repository contains errors")
    for _run in range(2):
        collector, points, _runner = check(state, 2, [OLD], damaged)
        assert collector.verify is not None
        assert (collector.verify["result"], collector.verify["parts_read"]) == ("damaged", 1)
        assert (points[0]["integrity_checked"], points[0]["usable"]) == (False, None)
    check(state, 2, [OLD])
    points = check(state, 3, [OLD])[1]
    assert points[0]["inferred"] == []


def test_an_unfinished_check_does_not_record_its_part(state: Path) -> None:
    check(state, 1, [OLD], (1, "", "Fatal: wrong password or no key found"))
    assert not state.exists()
    check(state, 1, [OLD])


def test_a_different_number_of_parts_starts_again(state: Path) -> None:
    check(state, 1, [OLD])
    collector = check(state, 1, [OLD], parts=2)[0]
    assert collector.verify is not None
    assert collector.verify["parts_read"] == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": "x"}, "another format"),
        ({"repository": "restic:other"}, "belongs to another repository"),
        ({"read": {"9": "2026-11-21T00:00:00Z"}}, "other parts"),
        ({"read": {"1": "yesterday"}}, "not a valid RFC 3339 time"),
        ({"damaged": ["x"]}, "invalid literal"),
        ({"parts": 9, "damaged": [2]}, "must not change"),
    ],
)
def test_an_invalid_state_is_rejected(state: Path, change: dict[str, Any], message: str) -> None:
    check(state, 1, [OLD])
    state.write_text(json.dumps({**json.loads(state.read_text()), **change}))
    with pytest.raises(OptionError, match=message):
        check(state, 2, [OLD])


def test_an_unusable_state_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="verify_state: cannot write"):
        check(tmp_path / "nowhere" / "state", 1, [OLD])
    with pytest.raises(OptionError, match="verify_state: cannot read"):
        check(tmp_path, 1, [OLD])
    (tmp_path / "text").write_text("no json")
    with pytest.raises(OptionError, match="is not valid"):
        check(tmp_path / "text", 1, [OLD])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"verify_parts": 30}, "missing required arguments: verify_state"),
        ({"verify_parts": 0}, "not between 1 and 256"),
        ({"verify_parts": 257}, "not between 1 and 256"),
    ],
)
def test_invalid_options_are_rejected(options: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        read([OLD], verify="data", **options)


def test_parts_require_a_data_check(state: Path) -> None:
    read([OLD], verify="quick", check=(0, SOUND, ""), verify_parts=30)
    assert not state.exists()
