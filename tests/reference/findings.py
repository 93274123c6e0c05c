# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Findings and waivers."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from tests.reference.policies import matches_pattern

MAX_WAIVER_SECONDS = 366 * 86400
NOT_WAIVABLE = ["policy.tier", "policy.proof"]


class RejectedError(Exception):
    """The environment cannot be evaluated."""


class Finding(NamedTuple):
    source: str | None
    origin: str | None
    workload_id: str | None
    workload_name: str | None
    control: str
    tier: str | None
    result: str
    blocking: bool
    # Only for rules.
    certainty: str | None = None
    # The value that `warn_at` compares; only for rules with `warn_at` that pass or warn.
    value: int | None = None


class Assessment(NamedTuple):
    findings: list[Finding]
    compliant: bool


def waiver_end(until: str, timezone: str) -> int:
    """Return the end of a waiver. A date ends at 00:00 of the next date."""
    if len(until) == len("2026-12-31"):
        next_date = date.fromisoformat(until) + timedelta(days=1)
        return int(datetime.combine(next_date, datetime.min.time(), tzinfo=ZoneInfo(timezone)).timestamp())
    return int(datetime.fromisoformat(until).timestamp())


def reject_long_waivers(options: dict[str, Any], timezones: set[str], as_of: int) -> None:
    for waiver in options.get("waivers", []):
        for timezone in timezones:
            if waiver_end(waiver["until"], timezone) > as_of + MAX_WAIVER_SECONDS:
                raise RejectedError(f"the waiver until {waiver['until']} ends more than 366 days after as_of")


def is_waived(control: str, names: list[str], timezone: str, options: dict[str, Any], as_of: int) -> bool:
    """Return whether a waiver covers a control of a workload. It must match the names of all combined rows."""
    if control.startswith("data.") or control in NOT_WAIVABLE:
        return False
    for waiver in options.get("waivers", []):
        if waiver_end(waiver["until"], timezone) <= as_of or not matches_pattern(control, waiver["control"]):
            continue
        if all(matches_pattern(name, waiver["workload"]) for name in names):
            return True
    return False
