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
    has_placeholder,
    is_unknown_text,
    row,
    with_attribute,
)


def _points(rule: str, limit: Any, **facts: Any) -> dict[str, Any]:
    return {"recovery_points": {rule: limit, **facts}}


RECOVERY_POINTS: list[Case] = [
    ("enough", row(), _points("min_count", 30), "pass", "30 recovery points, at least 30 required"),
    ("too few", row(), _points("min_count", 31), "fail", "30 recovery points, at least 31 required"),
    ("none", EMPTY, _points("min_count", 1), "fail", "0 recovery points, at least 1 required"),
    (
        "perhaps enough",
        with_attribute("recovery_points", UNSURE),
        _points("min_count", 32),
        "unknown",
        "recovery points: 30 known, at least 32 required; usability unknown for 2 recovery points",
    ),
    (
        "surely too few",
        with_attribute("recovery_points", UNSURE),
        _points("min_count", 33),
        "fail",
        "at least 33 required",
    ),
    ("counted only", COUNTS, _points("min_count", 30), "pass", "30 recovery points"),
    ("young", row(), _points("max_age", "5h"), "pass", "newest recovery point is 5h old (maximum 5h)"),
    ("nearly old", row(), _points("max_age", "6h", warn_at="80%"), "warn", "is 5h old (maximum 6h)"),
    ("not near", row(), _points("max_age", "7h", warn_at="80%"), "pass", "is 5h old (maximum 7h)"),
    (
        "old",
        row(newest=ago(days=5, hours=3)),
        _points("max_age", "26h"),
        "fail",
        "is 5d 3h old (maximum 26h)",
    ),
    ("no newest", EMPTY, _points("max_age", "26h"), "fail", "no recovery points (newest must be"),
    ("no times", COUNTS, _points("max_age", "26h"), "unknown", "creation times not reported"),
    (
        "perhaps young",
        with_attribute("recovery_points", {**UNSURE, "newest_unknown": ago(hours=1)}),
        _points("max_age", "2h"),
        "unknown",
        "age of the newest recovery point unknown (maximum 2h): usability unknown",
    ),
    (
        "unknown ones are old too",
        with_attribute("recovery_points", {**UNSURE, "newest_unknown": ago(hours=3)}),
        _points("max_age", "2h"),
        "fail",
        "is 5h old (maximum 2h)",
    ),
    ("goes back", row(), _points("min_retention", "30d"), "pass", "oldest recovery point is 30d old"),
    ("too short", row(), _points("min_retention", "31d"), "fail", "is 30d old, at least 31d required"),
    ("no oldest", EMPTY, _points("min_retention", "1d"), "fail", "no recovery points (oldest must"),
    ("no time of the oldest", COUNTS, _points("min_retention", "1d"), "unknown", "creation times not reported"),
    (
        "perhaps back",
        with_attribute("recovery_points", {**UNSURE, "oldest_unknown": ago(days=40)}),
        _points("min_retention", "31d"),
        "unknown",
        "usability unknown for 2 recovery points",
    ),
    ("regular", row(), _points("max_gap", {"limit": "25h", "within": "14d"}), "pass", "in the last 14d is 1d 1h"),
    ("nearly a gap", row(), _points("max_gap", {"limit": "26h", "warn_at": "80%"}), "warn", "is 1d 1h"),
    ("gap", row(), _points("max_gap", "24h"), "fail", "longest gap without a new recovery point is 1d 1h"),
    (
        "gap since the newest",
        row(newest=ago(days=2), gaps=gaps(every=25 * HOUR)),
        _points("max_gap", "26h"),
        "fail",
        "is 2d (maximum 26h)",
    ),
    ("no gaps told", row(gaps=None), _points("max_gap", "26h"), "unknown", "unknown (maximum 26h): gaps not reported"),
    ("no points, no gaps", EMPTY, _points("max_gap", "26h"), "fail", "no recovery points (maximum gap 26h)"),
    ("counted gaps", COUNTS, _points("max_gap", "26h"), "unknown", "unknown (maximum 26h): gaps not reported"),
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
        "usability unknown for 2 recovery points",
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
    ("days", row(), _points("daily", 30), "pass", "30 consecutive days with a recovery point, at least 30 required"),
    ("too few days", row(), _points("daily", 31), "fail", "at least 31 required"),
    ("weeks", row(), _points("weekly", 5), "pass", "5 consecutive weeks with a recovery point, at least 5 required"),
    ("too few weeks", row(), _points("weekly", 6), "fail", "5 consecutive weeks with a recovery point, at least 6"),
    ("months", row(), _points("monthly", 2), "pass", "2 consecutive months with"),
    ("too few months", row(), _points("monthly", 3), "fail", "2 consecutive months"),
    ("years", row(), _points("yearly", 1), "pass", "1 consecutive year with"),
    ("too few years", row(), _points("yearly", 2), "fail", "1 consecutive year with"),
    ("no days", EMPTY, _points("daily", 1), "fail", "0 consecutive days with a recovery point"),
    (
        "days not told",
        row(calendar=None),
        _points("daily", 1),
        "unknown",
        "the read result does not contain the exact number",
    ),
    ("counted days", COUNTS, _points("weekly", 1), "unknown", "the read result does not contain the exact number"),
    (
        "perhaps days",
        with_attribute("recovery_points", UNSURE, possible={"gaps": {}, "calendar": {"days": 31}}),
        _points("daily", 31),
        "unknown",
        "usability unknown for 2 recovery points",
    ),
    (
        "too few days either way",
        with_attribute("recovery_points", UNSURE, possible={"gaps": {}, "calendar": {"days": 31}}),
        _points("daily", 32),
        "fail",
        "30 consecutive days with",
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
    ("enough", with_attribute("full", _FULL), {"full": {"min_count": 4}}, "pass", "4 full backups, at least 4"),
    ("too few", with_attribute("full", _FULL), {"full": {"min_count": 5}}, "fail", "4 full backups, at least 5"),
    (
        "not told",
        row(),
        {"full": {"min_count": 1}},
        "unknown",
        "backup type or usability unknown for 30 recovery points",
    ),
    ("none", with_attribute("full", {"count": 0}), {"full": {"min_count": 1}}, "fail", "0 full backups, at least 1"),
    (
        "unknown kinds",
        with_attribute("full", {"count": 0, "unknown": 3}),
        {"full": {"min_count": 2}},
        "unknown",
        "0 known, at least 2 required; backup type or usability unknown for 3 recovery points",
    ),
    ("young", with_attribute("full", _FULL), {"full": {"max_age": "2d"}}, "pass", "newest full backup is 2d old"),
    ("old", with_attribute("full", _FULL), {"full": {"max_age": "47h"}}, "fail", "is 2d old (maximum 47h)"),
    (
        "back",
        with_attribute("full", _FULL),
        {"full": {"min_retention": "29d"}},
        "pass",
        "oldest full backup is 29d old",
    ),
    (
        "not back",
        with_attribute("full", _FULL),
        {"full": {"min_retention": "30d"}},
        "fail",
        "29d old, at least 30d required",
    ),
    ("gap", with_attribute("full", _FULL), {"full": {"max_gap": "8d"}}, "fail", "without a new full backup is 9d"),
    ("no gap", with_attribute("full", _FULL), {"full": {"max_gap": "9d"}}, "pass", "without a new full backup is 9d"),
    *(
        (
            f"{rule} {result}",
            with_attribute("full", _FULL),
            {"full": {rule: limit}},
            result,
            f"{run} consecutive {period} with a full backup, at least {limit} required",
        )
        for rule, period, run in (("weekly", "weeks", 4), ("monthly", "month", 1), ("yearly", "year", 1))
        for result, limit in (("pass", run), ("fail", run + 1))
    ),
    ("no days", with_attribute("full", _FULL), {"full": {"daily": 1}}, "fail", "0 consecutive days with a full backup"),
    (
        "daily fulls",
        with_attribute("full", {**_FULL, "calendar": {"days": 7}}),
        {"full": {"daily": 7}},
        "pass",
        "7 consecutive days with a full backup",
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
    ("snapshots", _MIXED, {"backup_types": {"snapshot": {"min_count": 5}}}, "pass", "5 snapshot recovery points"),
    (
        "snapshots too few",
        _MIXED,
        {"backup_types": {"snapshot": {"min_count": 6}}},
        "fail",
        "5 snapshot recovery points, at least 6 required",
    ),
    (
        "snapshot gap",
        _MIXED,
        {"backup_types": {"snapshot": {"max_gap": "1h"}}},
        "fail",
        "snapshot recovery point is 2h",
    ),
    (
        "snapshot days",
        _MIXED,
        {"backup_types": {"snapshot": {"daily": 40}}},
        "pass",
        "40 consecutive days with a snapshot recovery point",
    ),
    ("logs not told", _MIXED, {"backup_types": {"log": {"max_age": "1h"}}}, "unknown", "for 9 recovery points"),
    ("no logs", row(), {"backup_types": {"log": {"max_age": "1h"}}}, "fail", "no log recovery points (newest"),
    ("counted only", COUNTS, {"backup_types": {"log": {"min_count": 1}}}, "unknown", "for 30 recovery points"),
    (
        "snapshots count as well",
        _MIXED,
        {"recovery_points": {"backup_types": ["incremental", "snapshot"], "min_count": 35}},
        "pass",
        "35 recovery points, at least 35 required",
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
        "unknown (maximum 90m): the read result does not contain the exact gap length",
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
        "for 3 recovery points",
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
        "40 known, at least 41 required; the read result does not contain the exact number",
    ),
]
CASES = [*RECOVERY_POINTS, *FULL, *KINDS]


@pytest.mark.parametrize(("_title", "workload", "policy", "result", "message"), CASES, ids=[case[0] for case in CASES])
def test_case(_title: str, workload: dict[str, Any], policy: dict[str, Any], result: str, message: str) -> None:
    (found,) = findings(workload, {**policy, "on_unknown": "ignore"})
    assert found["result"] == result, found["message"]
    assert message in found["message"]
    assert (found["certainty"] == "unknown") == (result == "unknown")
    assert not has_placeholder(found["message"])
    assert is_unknown_text(found["message"]) == (result == "unknown")
