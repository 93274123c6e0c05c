# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cases for one rule: the points of a workload, the policy, and the finding (docs/reference/evaluation.md)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ansible_collections.backup.audit.plugins.module_utils._core.model import RecoveryPoint
from ansible_collections.backup.audit.plugins.module_utils._core.times import SECOND, format_time, parse_time
from tests.unit.plugins.module_utils._policy.policy_points import (
    NOW,
    findings,
    has_placeholder,
    is_unknown_text,
    nightly,
    point,
    read,
    row,
)

# title, points, rules, result, part of the message
Case = tuple[str, list[RecoveryPoint], dict[str, Any], str, str]

FACTS = {
    "restore_tested": ("restore-tested", "restore test result"),
    "integrity_checked": ("integrity-checked", "integrity check result"),
    "offsite": ("off-site", "off-site status"),
    "immutable": ("immutable", "immutability"),
    "encrypted": ("encrypted", "encryption status"),
}
_WARNINGS = ("recovery_points.expired", "recovery_points.in_future")


def counted(number: int = 1, **facts: Any) -> list[RecoveryPoint]:
    """Build usable points of known type without a time, as if only their number were known."""
    return [point(created=0, **facts) for _number in range(number)]


def undated(number: int = 1, **facts: Any) -> list[RecoveryPoint]:
    """Build points without a time."""
    return counted(number, usable=None, **facts)


def utc(text: str) -> int:
    """Return a time, such as "2026-11-19T22:00"; without year and month it is in November 2026."""
    text = text if text[4] == "-" else f"2026-11-{text}"
    return parse_time(f"{text}:00Z" if text.count(":") == 1 else f"{text}Z")


def times(*texts: str, **facts: Any) -> list[RecoveryPoint]:
    """Build a point for each time."""
    return [point(created=utc(text), **facts) for text in texts]


def fact(name: str, value: bool | None) -> dict[str, Any]:
    """Return the fields of a point that has, does not have, or may have an attribute."""
    if name != "malware":
        return {name: value}
    return {name: None if value is None else "infected" if value else "clean"}


def mixed(name: str, true: int = 0, unknown: int = 0, false: int = 0) -> list[RecoveryPoint]:
    """Build nightly points: the newest have the attribute, the next ones may have it, the oldest do not have it."""
    values = [True] * true + [None] * unknown + [False] * false
    made = nightly(len(values))
    for one, value in zip(made, values, strict=True):
        for member, known in fact(name, value).items():
            setattr(one, member, known)
    return made


def find(
    points: Iterable[RecoveryPoint],
    rules: dict[str, Any],
    *,
    read_at: int = NOW,
    later: int = 0,
    since: str | None = None,
    until: str | None = None,
    skew: int | None = None,
    failed_runs: bool = True,
    in_inventory: bool | None = None,
    restore_tests: Any = (),
    **options: Any,
) -> dict[str, Any]:
    """Return the finding of the only rule; it is evaluated this many seconds ``later`` than the points were read."""
    server = {"clock_skew_seconds": skew, "scope": {"failed_runs": failed_runs}}
    window = {name: time for name, time in (("since", since), ("until", until)) if time is not None}
    workload = row(points, in_inventory=in_inventory)
    given = read(workload, server=server, selection=window, read_at=format_time(read_at))
    as_of = read_at + later * SECOND
    found = findings([given], rules, as_of=as_of, restore_tests=restore_tests, max_data_age="9999d", **options)
    (only,) = [one for one in found if one["control"] not in _WARNINGS]
    return only


def get_result(points: Iterable[RecoveryPoint], rules: dict[str, Any], **given: Any) -> str:
    """Return the result of the only rule."""
    return str(find(points, rules, **given)["result"])


def check(points: Iterable[RecoveryPoint], rules: dict[str, Any], result: str, message: str, **given: Any) -> None:
    """Check the finding of the only rule, and that its text is complete."""
    found = find(points, rules, **given)
    assert found["result"] == result, found["message"]
    assert message in found["message"]
    assert (found["certainty"] == "unknown") == (result == "unknown")
    assert not has_placeholder(found["message"])
    assert is_unknown_text(found["message"]) == (result == "unknown"), found["message"]
