# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The record of a run, and the state of all workloads after it. The control node builds it from the assessment."""

from __future__ import annotations

import base64
import binascii
import json
import typing as t
import zlib
from collections import Counter
from collections.abc import Mapping

from ansible_collections.backup.audit.plugins.module_utils._core.errors import DataError
from ansible_collections.backup.audit.plugins.module_utils._history.lines import (
    FRAME,
    LETTERS,
    STATUSES,
    Entry,
    State,
    workload_key,
)

# If workloads have the same identity, the worst status counts.
_WORST_FIRST = "funwpx"
_MAX_BYTES = 1 << 28


def pack_record(record: Mapping[str, t.Any]) -> str:
    """Compress a record to text, to pass it to the module."""
    return base64.b64encode(zlib.compress(json.dumps(record).encode(), 6)).decode()


def unpack_record(text: str) -> dict[str, t.Any]:
    """Return the record in a text of pack_record. Raise DataError if it is invalid."""
    try:
        inflater = zlib.decompressobj()
        record = json.loads(inflater.decompress(base64.b64decode(text, validate=True), _MAX_BYTES))
        if {*FRAME, "workloads", "complete_sources"} - record.keys():
            raise ValueError("members are missing")
    except (binascii.Error, ValueError, AttributeError, zlib.error) as error:
        raise DataError(
            f"assessment: not the result of recovery_points_assert ({error})",
            hint="Pass the registered result of recovery_points_assert",
        ) from error
    return dict(record)


def next_state(before: State, record: Mapping[str, t.Any]) -> State:
    """Return the state after a run.

    A workload that is no longer listed is removed if its server, or every server, was read completely. Otherwise,
    its status is not_read.
    """
    state: State = {}
    for source, origin, workload_id, name, tier, status in record["workloads"]:
        entry = Entry((source, origin, workload_id, name, tier), LETTERS[status])
        known = state.get(workload_key(entry.identity))
        if known is None or _WORST_FIRST.index(entry.letter) < _WORST_FIRST.index(known.letter):
            state[workload_key(entry.identity)] = entry
    complete = set(record["complete_sources"])
    all_read = not record["limited"] and not record["unread"]
    for key, entry in before.items():
        if key not in state and not all_read and entry.identity[0] not in complete:
            state[key] = Entry(entry.identity, LETTERS["not_read"])
    return state


def count_by_tier(state: State) -> dict[str, dict[str, int]]:
    """Return the number of workloads by tier (empty if there is none) and status."""
    counts: dict[str, Counter[str]] = {}
    for entry in state.values():
        counts.setdefault(entry.identity[4] or "", Counter())[STATUSES[entry.letter]] += 1
    return {tier: dict(counted) for tier, counted in counts.items()}
