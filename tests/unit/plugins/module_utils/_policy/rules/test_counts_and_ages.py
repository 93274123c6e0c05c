# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Counts, ages and regularity: known facts of a row, and the resulting finding."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._core.times import DAY, HOUR
from tests.unit.plugins.module_utils._policy.policy_rows import (
    COUNTS,
    EMPTY,
    UNSURE,
    Case,
    ago,
    findings,
    gaps,
    row,
    with_facet,
)


def _points(rule: str, limit: Any, **facts: Any) -> dict[str, Any]:
    return {"recovery_points": {rule: limit, **facts}}


RECOVERY_POINTS: list[Case] = [
    ("enough", row(), _points("minimum", 30), "pass", "number of recovery points is 30, wanted are at least 30"),
    ("too few", row(), _points("minimum", 31), "fail", "number of recovery points is 30, wanted are at least 31"),
    ("none", EMPTY, _points("minimum", 1), "fail", "number of recovery points is 0, wanted are at least 1"),
    (
        "perhaps enough",
        with_facet("recovery_points", UNSURE),
        _points("minimum", 32),
        "unknown",
        "at least 32 recovery points: 30 are known, and of 2 points the product does not tell",
    ),
    ("surely too few", with_facet("recovery_points", UNSURE), _points("minimum", 33), "fail", "wanted are at least 33"),
    ("counted only", COUNTS, _points("minimum", 30), "pass", "is 30"),
    ("young", row(), _points("newest_within", "5h"), "pass", "newest recovery point is 5h old, allowed are 5h"),
    ("nearly old", row(), _points("newest_within", "6h", warn_at="80%"), "warn", "is 5h old, allowed are 6h"),
    ("not near", row(), _points("newest_within", "7h", warn_at="80%"), "pass", "is 5h old, allowed are 7h"),
    (
        "old",
        row(newest=ago(days=5, hours=3)),
        _points("newest_within", "26h"),
        "fail",
        "is 5d 3h old, allowed are",
    ),
    ("no newest", EMPTY, _points("newest_within", "26h"), "fail", "there is no recovery point"),
    ("no times", COUNTS, _points("newest_within", "26h"), "unknown", "their times are not told"),
    (
        "perhaps young",
        with_facet("recovery_points", {**UNSURE, "newest_unknown": ago(hours=1)}),
        _points("newest_within", "2h"),
        "unknown",
        "cannot tell whether the newest recovery point is at most 2h old",
    ),
    (
        "unknown ones are old too",
        with_facet("recovery_points", {**UNSURE, "newest_unknown": ago(hours=3)}),
        _points("newest_within", "2h"),
        "fail",
        "is 5h old, allowed are 2h",
    ),
    ("goes back", row(), _points("reaches_back", "30d"), "pass", "oldest recovery point is 30d old"),
    ("too short", row(), _points("reaches_back", "31d"), "fail", "wanted is at least 31d"),
    ("no oldest", EMPTY, _points("reaches_back", "1d"), "fail", "there is no recovery point"),
    ("no time of the oldest", COUNTS, _points("reaches_back", "1d"), "unknown", "times are not told"),
    (
        "perhaps back",
        with_facet("recovery_points", {**UNSURE, "oldest_unknown": ago(days=40)}),
        _points("reaches_back", "31d"),
        "unknown",
        "of 2 points the product does not tell",
    ),
    ("regular", row(), _points("longest_gap", {"limit": "25h", "within": "14d"}), "pass", "in the last 14d is 1d 1h"),
    ("nearly a gap", row(), _points("longest_gap", {"limit": "26h", "warn_at": "80%"}), "warn", "is 1d 1h"),
    ("gap", row(), _points("longest_gap", "24h"), "fail", "longest time without a new recovery point is 1d 1h"),
    (
        "gap since the newest",
        row(newest=ago(days=2), gaps=gaps(every=25 * HOUR)),
        _points("longest_gap", "26h"),
        "fail",
        "is 2d, allowed are 1d 2h",
    ),
    ("no gaps told", row(gaps=None), _points("longest_gap", "26h"), "unknown", "gaps between its points are not told"),
    ("no points, no gaps", EMPTY, _points("longest_gap", "26h"), "fail", "there is no recovery point"),
    ("counted gaps", COUNTS, _points("longest_gap", "26h"), "unknown", "gaps between its points are not told"),
    (
        "perhaps no gap",
        with_facet(
            "recovery_points",
            {**UNSURE, "newest_unknown": ago(days=3), "oldest_unknown": ago(days=4)},
            gaps=gaps(every=50 * HOUR),
            possible={"gaps": gaps(every=25 * HOUR), "calendar": {"days": 30}},
        ),
        _points("longest_gap", "26h"),
        "unknown",
        "of 2 points the product does not tell",
    ),
    (
        "a gap all the same",
        with_facet(
            "recovery_points",
            {**UNSURE, "newest_unknown": ago(days=3), "oldest_unknown": ago(days=4)},
            gaps=gaps(every=50 * HOUR),
            possible={"gaps": gaps(every=27 * HOUR), "calendar": {"days": 30}},
        ),
        _points("longest_gap", "26h"),
        "fail",
        "is 2d 2h",
    ),
    ("days", row(), _points("days", 30), "pass", "number of days in a row with a recovery point is 30"),
    ("too few days", row(), _points("days", 31), "fail", "wanted are at least 31"),
    ("weeks", row(), _points("weeks", 5), "pass", "number of weeks in a row with a recovery point is 5"),
    ("too few weeks", row(), _points("weeks", 6), "fail", "is 5, wanted are at least 6"),
    ("months", row(), _points("months", 2), "pass", "number of months in a row"),
    ("too few months", row(), _points("months", 3), "fail", "is 2"),
    ("years", row(), _points("years", 1), "pass", "number of years in a row"),
    ("too few years", row(), _points("years", 2), "fail", "is 1"),
    ("no days", EMPTY, _points("days", 1), "fail", "is 0, wanted are at least 1"),
    ("days not told", row(calendar=None), _points("days", 1), "unknown", "does not tell how many"),
    ("counted days", COUNTS, _points("weeks", 1), "unknown", "does not tell how many"),
    (
        "perhaps days",
        with_facet("recovery_points", UNSURE, possible={"gaps": {}, "calendar": {"days": 31}}),
        _points("days", 31),
        "unknown",
        "of 2 points the product does not tell",
    ),
    (
        "too few days either way",
        with_facet("recovery_points", UNSURE, possible={"gaps": {}, "calendar": {"days": 31}}),
        _points("days", 32),
        "fail",
        "is 30",
    ),
]

_FULL = {
    "count": 4,
    "newest": ago(days=2),
    "oldest": ago(days=29),
    "gaps": gaps(every=9 * DAY),
    "calendar": {"days": 0, "weeks": 4, "months": 1, "years": 1},
}
FULL: list[Case] = [
    ("enough", with_facet("full", _FULL), {"full": {"minimum": 4}}, "pass", "number of full backups is 4"),
    ("too few", with_facet("full", _FULL), {"full": {"minimum": 5}}, "fail", "wanted are at least 5"),
    ("not told", row(), {"full": {"minimum": 1}}, "unknown", "of 30 points the product does not tell"),
    ("none", with_facet("full", {"count": 0}), {"full": {"minimum": 1}}, "fail", "number of full backups is 0"),
    (
        "unknown kinds",
        with_facet("full", {"count": 0, "unknown": 3}),
        {"full": {"minimum": 2}},
        "unknown",
        "of 3 points the product does not tell",
    ),
    ("young", with_facet("full", _FULL), {"full": {"newest_within": "2d"}}, "pass", "newest full backup is 2d old"),
    ("old", with_facet("full", _FULL), {"full": {"newest_within": "47h"}}, "fail", "is 2d old, allowed are 1d 23h"),
    ("back", with_facet("full", _FULL), {"full": {"reaches_back": "29d"}}, "pass", "oldest full backup is 29d old"),
    ("not back", with_facet("full", _FULL), {"full": {"reaches_back": "30d"}}, "fail", "wanted is at least 30d"),
    ("gap", with_facet("full", _FULL), {"full": {"longest_gap": "8d"}}, "fail", "without a new full backup is 9d"),
    ("no gap", with_facet("full", _FULL), {"full": {"longest_gap": "9d"}}, "pass", "without a new full backup is 9d"),
    *(
        (
            f"{rule} {result}",
            with_facet("full", _FULL),
            {"full": {rule: limit}},
            result,
            f"{rule} in a row with a full backup",
        )
        for rule, run in (("weeks", 4), ("months", 1), ("years", 1))
        for result, limit in (("pass", run), ("fail", run + 1))
    ),
    ("no days", with_facet("full", _FULL), {"full": {"days": 1}}, "fail", "days in a row with a full backup is 0"),
    (
        "daily fulls",
        with_facet("full", {**_FULL, "calendar": {"days": 7}}),
        {"full": {"days": 7}},
        "pass",
        "days in a row with a full backup is 7",
    ),
]

_FULL_TIMES = {"newest": ago(days=2), "oldest": ago(days=29)}
_SNAPSHOTS = {
    "count": 5,
    "newest": ago(hours=1),
    "oldest": ago(days=40),
    "gaps": gaps(every=2 * HOUR),
    "calendar": {"days": 40},
}
_MIXED = row(
    by_kind={"incremental": 30, "snapshot": 5, "log": 9},
    kinds={"snapshot": _SNAPSHOTS, "incremental": {"count": 30, "newest": ago(hours=5), "oldest": ago(days=30)}},
)
KINDS: list[Case] = [
    ("snapshots", _MIXED, {"kinds": {"snapshot": {"minimum": 5}}}, "pass", "number of snapshot points is 5"),
    ("snapshots too few", _MIXED, {"kinds": {"snapshot": {"minimum": 6}}}, "fail", "number of snapshot points is 5"),
    ("snapshot gap", _MIXED, {"kinds": {"snapshot": {"longest_gap": "1h"}}}, "fail", "snapshot point is 2h"),
    (
        "snapshot days",
        _MIXED,
        {"kinds": {"snapshot": {"days": 40}}},
        "pass",
        "snapshot point is 40",
    ),
    ("logs not told", _MIXED, {"kinds": {"log": {"newest_within": "1h"}}}, "unknown", "of 9 points"),
    ("no logs", row(), {"kinds": {"log": {"newest_within": "1h"}}}, "fail", "there is no log point"),
    ("counted only", COUNTS, {"kinds": {"log": {"minimum": 1}}}, "unknown", "of 30 points"),
    (
        "snapshots count as well",
        _MIXED,
        {"recovery_points": {"kinds": ["incremental", "snapshot"], "minimum": 35}},
        "pass",
        "number of recovery points is 35",
    ),
    (
        "the newest of all",
        _MIXED,
        {"recovery_points": {"kinds": ["incremental", "snapshot"], "newest_within": "1h"}},
        "pass",
        "is 1h old",
    ),
    (
        "the oldest of all",
        _MIXED,
        {"recovery_points": {"kinds": ["incremental", "snapshot"], "reaches_back": "40d"}},
        "pass",
        "is 40d old",
    ),
    (
        "no gap in one, so none in all",
        _MIXED,
        {"recovery_points": {"kinds": ["incremental", "snapshot"], "longest_gap": "2h"}},
        "pass",
        "is 2h",
    ),
    (
        "each has a gap, together perhaps not",
        _MIXED,
        {"recovery_points": {"kinds": ["incremental", "snapshot"], "longest_gap": "90m"}},
        "unknown",
        "cannot tell",
    ),
    (
        "no gap in the backups, so none with snapshots",
        row(
            by_kind={"incremental": 30, "snapshot": 5},
            kinds={"snapshot": {"count": 5, "newest": ago(hours=1), "oldest": ago(days=4)}, "incremental": UNSURE},
        ),
        {"recovery_points": {"kinds": ["incremental", "snapshot"], "longest_gap": "25h"}},
        "pass",
        "is 1d 1h",
    ),
    (
        "not all backups, so the gaps of all say nothing",
        row(by_kind={"full": 4, "incremental": 30}, kinds={"full": {"count": 4, **_FULL_TIMES}, "incremental": UNSURE}),
        {"recovery_points": {"kinds": ["full", "snapshot"], "longest_gap": "26h"}},
        "fail",
        "is 2d",
    ),
    (
        "the oldest of unknown, of all kinds",
        row(
            by_kind={"full": 4, "incremental": 30},
            kinds={
                "full": {"count": 4, **_FULL_TIMES, "unknown": 1, "oldest_unknown": ago(days=50)},
                "incremental": {**UNSURE, "oldest_unknown": ago(days=40)},
            },
        ),
        {"recovery_points": {"kinds": ["full", "incremental"], "reaches_back": "50d"}},
        "unknown",
        "of 3 points",
    ),
    (
        "no point of any kind since",
        _MIXED,
        {"recovery_points": {"kinds": ["incremental", "snapshot"], "longest_gap": "59m"}},
        "fail",
        "is 1h",
    ),
    (
        "of all kinds that there are, the row's own",
        _MIXED,
        {"recovery_points": {"kinds": ["incremental", "full"], "longest_gap": "24h"}},
        "fail",
        "is 1d 1h",
    ),
    (
        "each has a short run, together perhaps not",
        _MIXED,
        {"recovery_points": {"kinds": ["incremental", "snapshot"], "days": 41}},
        "unknown",
        "cannot tell",
    ),
]
CASES = [*RECOVERY_POINTS, *FULL, *KINDS]


@pytest.mark.parametrize(("_title", "workload", "policy", "result", "message"), CASES, ids=[case[0] for case in CASES])
def test_case(_title: str, workload: dict[str, Any], policy: dict[str, Any], result: str, message: str) -> None:
    (found,) = findings(workload, {**policy, "on_unknown": "ignore"})
    assert found["result"] == result, found["message"]
    assert message in found["message"]
    assert (found["certainty"] == "unknown") == (result == "unknown")
    assert "\0" not in found["message"]
