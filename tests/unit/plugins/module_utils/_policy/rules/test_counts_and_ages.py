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
    with_attribute,
)


def _points(rule: str, limit: Any, **facts: Any) -> dict[str, Any]:
    return {"recovery_points": {rule: limit, **facts}}


RECOVERY_POINTS: list[Case] = [
    ("enough", row(), _points("min_count", 30), "pass", "number of recovery points is 30, wanted are at least 30"),
    ("too few", row(), _points("min_count", 31), "fail", "number of recovery points is 30, wanted are at least 31"),
    ("none", EMPTY, _points("min_count", 1), "fail", "number of recovery points is 0, wanted are at least 1"),
    (
        "perhaps enough",
        with_attribute("recovery_points", UNSURE),
        _points("min_count", 32),
        "unknown",
        "at least 32 recovery points: 30 are known, and of 2 points the product does not tell",
    ),
    (
        "surely too few",
        with_attribute("recovery_points", UNSURE),
        _points("min_count", 33),
        "fail",
        "wanted are at least 33",
    ),
    ("counted only", COUNTS, _points("min_count", 30), "pass", "is 30"),
    ("young", row(), _points("max_age", "5h"), "pass", "newest recovery point is 5h old, allowed are 5h"),
    ("nearly old", row(), _points("max_age", "6h", warn_at="80%"), "warn", "is 5h old, allowed are 6h"),
    ("not near", row(), _points("max_age", "7h", warn_at="80%"), "pass", "is 5h old, allowed are 7h"),
    (
        "old",
        row(newest=ago(days=5, hours=3)),
        _points("max_age", "26h"),
        "fail",
        "is 5d 3h old, allowed are",
    ),
    ("no newest", EMPTY, _points("max_age", "26h"), "fail", "there is no recovery point"),
    ("no times", COUNTS, _points("max_age", "26h"), "unknown", "their times are not told"),
    (
        "perhaps young",
        with_attribute("recovery_points", {**UNSURE, "newest_unknown": ago(hours=1)}),
        _points("max_age", "2h"),
        "unknown",
        "cannot tell whether the newest recovery point is at most 2h old",
    ),
    (
        "unknown ones are old too",
        with_attribute("recovery_points", {**UNSURE, "newest_unknown": ago(hours=3)}),
        _points("max_age", "2h"),
        "fail",
        "is 5h old, allowed are 2h",
    ),
    ("goes back", row(), _points("min_retention", "30d"), "pass", "oldest recovery point is 30d old"),
    ("too short", row(), _points("min_retention", "31d"), "fail", "wanted is at least 31d"),
    ("no oldest", EMPTY, _points("min_retention", "1d"), "fail", "there is no recovery point"),
    ("no time of the oldest", COUNTS, _points("min_retention", "1d"), "unknown", "times are not told"),
    (
        "perhaps back",
        with_attribute("recovery_points", {**UNSURE, "oldest_unknown": ago(days=40)}),
        _points("min_retention", "31d"),
        "unknown",
        "of 2 points the product does not tell",
    ),
    ("regular", row(), _points("max_gap", {"limit": "25h", "within": "14d"}), "pass", "in the last 14d is 1d 1h"),
    ("nearly a gap", row(), _points("max_gap", {"limit": "26h", "warn_at": "80%"}), "warn", "is 1d 1h"),
    ("gap", row(), _points("max_gap", "24h"), "fail", "longest time without a new recovery point is 1d 1h"),
    (
        "gap since the newest",
        row(newest=ago(days=2), gaps=gaps(every=25 * HOUR)),
        _points("max_gap", "26h"),
        "fail",
        "is 2d, allowed are 1d 2h",
    ),
    ("no gaps told", row(gaps=None), _points("max_gap", "26h"), "unknown", "gaps between its points are not told"),
    ("no points, no gaps", EMPTY, _points("max_gap", "26h"), "fail", "there is no recovery point"),
    ("counted gaps", COUNTS, _points("max_gap", "26h"), "unknown", "gaps between its points are not told"),
    (
        "perhaps no gap",
        with_attribute(
            "recovery_points",
            {**UNSURE, "newest_unknown": ago(days=3), "oldest_unknown": ago(days=4)},
            gaps=gaps(every=50 * HOUR),
            possible={"gaps": gaps(every=25 * HOUR), "calendar": {"days": 30}},
        ),
        _points("max_gap", "26h"),
        "unknown",
        "of 2 points the product does not tell",
    ),
    (
        "a gap all the same",
        with_attribute(
            "recovery_points",
            {**UNSURE, "newest_unknown": ago(days=3), "oldest_unknown": ago(days=4)},
            gaps=gaps(every=50 * HOUR),
            possible={"gaps": gaps(every=27 * HOUR), "calendar": {"days": 30}},
        ),
        _points("max_gap", "26h"),
        "fail",
        "is 2d 2h",
    ),
    ("days", row(), _points("daily", 30), "pass", "number of days in a row with a recovery point is 30"),
    ("too few days", row(), _points("daily", 31), "fail", "wanted are at least 31"),
    ("weeks", row(), _points("weekly", 5), "pass", "number of weeks in a row with a recovery point is 5"),
    ("too few weeks", row(), _points("weekly", 6), "fail", "is 5, wanted are at least 6"),
    ("months", row(), _points("monthly", 2), "pass", "number of months in a row"),
    ("too few months", row(), _points("monthly", 3), "fail", "is 2"),
    ("years", row(), _points("yearly", 1), "pass", "number of years in a row"),
    ("too few years", row(), _points("yearly", 2), "fail", "is 1"),
    ("no days", EMPTY, _points("daily", 1), "fail", "is 0, wanted are at least 1"),
    ("days not told", row(calendar=None), _points("daily", 1), "unknown", "does not tell how many"),
    ("counted days", COUNTS, _points("weekly", 1), "unknown", "does not tell how many"),
    (
        "perhaps days",
        with_attribute("recovery_points", UNSURE, possible={"gaps": {}, "calendar": {"days": 31}}),
        _points("daily", 31),
        "unknown",
        "of 2 points the product does not tell",
    ),
    (
        "too few days either way",
        with_attribute("recovery_points", UNSURE, possible={"gaps": {}, "calendar": {"days": 31}}),
        _points("daily", 32),
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
    ("enough", with_attribute("full", _FULL), {"full": {"min_count": 4}}, "pass", "number of full backups is 4"),
    ("too few", with_attribute("full", _FULL), {"full": {"min_count": 5}}, "fail", "wanted are at least 5"),
    ("not told", row(), {"full": {"min_count": 1}}, "unknown", "of 30 points the product does not tell"),
    ("none", with_attribute("full", {"count": 0}), {"full": {"min_count": 1}}, "fail", "number of full backups is 0"),
    (
        "unknown kinds",
        with_attribute("full", {"count": 0, "unknown": 3}),
        {"full": {"min_count": 2}},
        "unknown",
        "of 3 points the product does not tell",
    ),
    ("young", with_attribute("full", _FULL), {"full": {"max_age": "2d"}}, "pass", "newest full backup is 2d old"),
    ("old", with_attribute("full", _FULL), {"full": {"max_age": "47h"}}, "fail", "is 2d old, allowed are 1d 23h"),
    (
        "back",
        with_attribute("full", _FULL),
        {"full": {"min_retention": "29d"}},
        "pass",
        "oldest full backup is 29d old",
    ),
    ("not back", with_attribute("full", _FULL), {"full": {"min_retention": "30d"}}, "fail", "wanted is at least 30d"),
    ("gap", with_attribute("full", _FULL), {"full": {"max_gap": "8d"}}, "fail", "without a new full backup is 9d"),
    ("no gap", with_attribute("full", _FULL), {"full": {"max_gap": "9d"}}, "pass", "without a new full backup is 9d"),
    *(
        (
            f"{rule} {result}",
            with_attribute("full", _FULL),
            {"full": {rule: limit}},
            result,
            f"{period} in a row with a full backup",
        )
        for rule, period, run in (("weekly", "weeks", 4), ("monthly", "months", 1), ("yearly", "years", 1))
        for result, limit in (("pass", run), ("fail", run + 1))
    ),
    ("no days", with_attribute("full", _FULL), {"full": {"daily": 1}}, "fail", "days in a row with a full backup is 0"),
    (
        "daily fulls",
        with_attribute("full", {**_FULL, "calendar": {"days": 7}}),
        {"full": {"daily": 7}},
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
    ("snapshots", _MIXED, {"backup_types": {"snapshot": {"min_count": 5}}}, "pass", "number of snapshot points is 5"),
    (
        "snapshots too few",
        _MIXED,
        {"backup_types": {"snapshot": {"min_count": 6}}},
        "fail",
        "number of snapshot points is 5",
    ),
    ("snapshot gap", _MIXED, {"backup_types": {"snapshot": {"max_gap": "1h"}}}, "fail", "snapshot point is 2h"),
    (
        "snapshot days",
        _MIXED,
        {"backup_types": {"snapshot": {"daily": 40}}},
        "pass",
        "snapshot point is 40",
    ),
    ("logs not told", _MIXED, {"backup_types": {"log": {"max_age": "1h"}}}, "unknown", "of 9 points"),
    ("no logs", row(), {"backup_types": {"log": {"max_age": "1h"}}}, "fail", "there is no log point"),
    ("counted only", COUNTS, {"backup_types": {"log": {"min_count": 1}}}, "unknown", "of 30 points"),
    (
        "snapshots count as well",
        _MIXED,
        {"recovery_points": {"backup_types": ["incremental", "snapshot"], "min_count": 35}},
        "pass",
        "number of recovery points is 35",
    ),
    (
        "the newest of all",
        _MIXED,
        {"recovery_points": {"backup_types": ["incremental", "snapshot"], "max_age": "1h"}},
        "pass",
        "is 1h old",
    ),
    (
        "the oldest of all",
        _MIXED,
        {"recovery_points": {"backup_types": ["incremental", "snapshot"], "min_retention": "40d"}},
        "pass",
        "is 40d old",
    ),
    (
        "no gap in one, so none in all",
        _MIXED,
        {"recovery_points": {"backup_types": ["incremental", "snapshot"], "max_gap": "2h"}},
        "pass",
        "is 2h",
    ),
    (
        "each has a gap, together perhaps not",
        _MIXED,
        {"recovery_points": {"backup_types": ["incremental", "snapshot"], "max_gap": "90m"}},
        "unknown",
        "cannot tell",
    ),
    (
        "no gap in the backups, so none with snapshots",
        row(
            by_kind={"incremental": 30, "snapshot": 5},
            kinds={"snapshot": {"count": 5, "newest": ago(hours=1), "oldest": ago(days=4)}, "incremental": UNSURE},
        ),
        {"recovery_points": {"backup_types": ["incremental", "snapshot"], "max_gap": "25h"}},
        "pass",
        "is 1d 1h",
    ),
    (
        "not all backups, so the gaps of all say nothing",
        row(by_kind={"full": 4, "incremental": 30}, kinds={"full": {"count": 4, **_FULL_TIMES}, "incremental": UNSURE}),
        {"recovery_points": {"backup_types": ["full", "snapshot"], "max_gap": "26h"}},
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
        {"recovery_points": {"backup_types": ["full", "incremental"], "min_retention": "50d"}},
        "unknown",
        "of 3 points",
    ),
    (
        "no point of any kind since",
        _MIXED,
        {"recovery_points": {"backup_types": ["incremental", "snapshot"], "max_gap": "59m"}},
        "fail",
        "is 1h",
    ),
    (
        "of all kinds that there are, the row's own",
        _MIXED,
        {"recovery_points": {"backup_types": ["incremental", "full"], "max_gap": "24h"}},
        "fail",
        "is 1d 1h",
    ),
    (
        "each has a short run, together perhaps not",
        _MIXED,
        {"recovery_points": {"backup_types": ["incremental", "snapshot"], "daily": 41}},
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
