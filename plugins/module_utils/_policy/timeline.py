# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Timelines of workloads for reports: one letter for each local day."""

from __future__ import annotations

import bisect

from ansible_collections.backup.audit.plugins.module_utils._collect.blocks import CODES, Block
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.local_days import Calendar

_DAYS = 400
# The best point of a day determines its letter. Lower case (failed) is used only if no backup succeeded.
LETTERS = {
    "full": "F",
    "synthetic_full": "F",
    "differential": "D",
    "incremental": "I",
    "backup": "B",
    "archive": "A",
    "replica": "R",
    "unknown": "U",
    "continuous": "C",
    "snapshot": "S",
    "log": "L",
    "config": "G",
}
_RANKS = {letter: rank for rank, letter in enumerate("FDIBARUCSLG")}


def draw(block: Block, start: int, end: int, now: int, calendar: Calendar) -> str:
    """Return a letter for each of at most 400 days up to today, oldest first; a dot means no points.

    The points of the workload are from ``start`` to ``end`` in the block. ``now`` is in seconds.
    """
    letters = {}
    for number, one in enumerate(block.classes):
        letter = LETTERS[one.facts.kind]
        letters[CODES[number]] = letter.lower() if one.facts.usable is False else letter
    starts = calendar.period_starts("daily", now, _DAYS - 1)[::-1]
    days: dict[int, str] = {}
    for index in range(bisect.bisect_left(block.times, starts[0], start, end), end):
        day = bisect.bisect_right(starts, block.times[index]) - 1
        letter = letters[block.codes[index]]
        known = days.get(day)
        if known is None or _rank(letter) < _rank(known):
            days[day] = letter
    return "".join(days.get(day, ".") for day in range(min(days), len(starts))) if days else ""


def _rank(letter: str) -> tuple[bool, int]:
    return (letter.islower(), _RANKS[letter.upper()])
