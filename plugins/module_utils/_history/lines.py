# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lines of a history file: one JSON object per run, sealed with a SHA-256 digest.

A line contains the totals of its run and, in ``data``, the status of all workloads if ``base`` is null, or else the
changes since the line that ``base`` identifies.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import hashlib
import json
import typing as t
import zlib
from collections.abc import Iterable, Iterator, Mapping

from ansible_collections.backup.audit.plugins.module_utils._core.errors import DataError
from ansible_collections.backup.audit.plugins.module_utils._core.times import FIRST, LAST, SECOND, parse_time

SCHEMA = "backup.audit/history/1"
# Status of a workload -> its letter in a line. ``not_read``: its server was not read completely in this run.
LETTERS = {"compliant": "p", "failed": "f", "not_proved": "u", "waived": "w", "excluded": "x", "not_read": "n"}
STATUSES = {letter: status for status, letter in LETTERS.items()}
GONE = "-"
# Fields of a run that are copied to its line.
FRAME = (
    *("time", "assessment_sha256", "policy_sha256", "collection_version", "compliant", "limited", "unread"),
    *("controls", "tiers"),
)
_KEY_CHARACTERS = 12
# About a million workloads. Larger data is an attack or a defect.
_MAX_BYTES = 1 << 28
_SHOWN = 60

# source, origin, workload_id, workload_name, tier
Identity = tuple[t.Any, ...]


class Entry(t.NamedTuple):
    """A workload and the letter of its status."""

    identity: Identity
    letter: str


# Key of a workload -> its entry.
State = dict[str, Entry]


class LineError(Exception):
    """A line is invalid. The message is the reason."""


@dataclasses.dataclass(frozen=True, slots=True)
class Line:
    """One run."""

    # Seconds since 1970 UTC.
    time: int
    frame: Mapping[str, t.Any]
    # The first characters of the line's SHA-256, which ``base`` of the next line contains.
    name: str
    base: str | None
    # Workloads that are new or have another tier (in a complete line: all), and letter -> keys.
    entries: State
    changes: Mapping[str, str]

    def state(self) -> State:
        """Return the state of a complete line."""
        return dict(self.entries)

    def apply(self, state: State) -> Iterator[str]:
        """Update the state of the previous line to this line, and yield the changed keys."""
        for key, entry in self.entries.items():
            state[key] = entry
            yield key
        for key, letter in self.changes.items():
            if letter == GONE:
                state.pop(key, None)
            elif key in state:
                state[key] = Entry(state[key].identity, letter)
            yield key


def workload_key(identity: Iterable[t.Any]) -> str:
    """Return the key of a workload: 72 bits of the SHA-256 of its identity without its tier."""
    text = json.dumps(list(identity)[:4], separators=(",", ":"), ensure_ascii=True)
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()[:9]).decode()


def format_line(frame: Mapping[str, t.Any], state: State, base: tuple[str, State] | None = None) -> str:
    """Return a line without its line feed, with the complete state or the changes since the line ``base``."""
    before = {} if base is None else base[1]
    entries: list[list[t.Any]] = []
    changes: dict[str, list[str]] = {}
    for key, entry in state.items():
        old = before.get(key)
        if old is None or old.identity != entry.identity:
            entries.append([*entry.identity, entry.letter])
        elif old.letter != entry.letter:
            changes.setdefault(entry.letter, []).append(key)
    gone = [key for key in before if key not in state]
    if gone:
        changes[GONE] = gone
    data = {"workloads": entries, "changes": {letter: "".join(keys) for letter, keys in changes.items()}}
    line = {
        "schema": SCHEMA,
        **{name: frame[name] for name in FRAME},
        "base": None if base is None else base[0],
        "data": base64.b64encode(zlib.compress(_to_json(data), 9)).decode(),
    }
    return _to_json({**line, "sha256": hashlib.sha256(_to_json(line)).hexdigest()}).decode()


def parse_line(text: bytes) -> Line:
    """Check and parse a line. Raise LineError if it is damaged or has another format."""
    try:
        line = json.loads(text)
    except (ValueError, RecursionError):
        raise LineError("not valid JSON, so the line is truncated or damaged") from None
    schema = line.get("schema") if isinstance(line, dict) else None
    if schema != SCHEMA:
        raise LineError(f"expected schema {SCHEMA!r}, found {str(schema)[:_SHOWN]!r}")
    given = line.pop("sha256", None)
    if given != hashlib.sha256(_to_json(line)).hexdigest():
        raise LineError("the line was changed after it was written (its SHA-256 does not match)")
    try:
        time = parse_time(line["time"]) // SECOND
        if not FIRST <= time <= LAST:
            raise LineError(f"time {line['time']} is not between the years 1980 and 9000")
        entries, changes = _open_data(line["data"])
        frame = {name: line[name] for name in FRAME}
        if any(count < 0 for counts in frame["tiers"].values() for count in map(int.__index__, counts.values())):
            raise LineError("the line has a negative number of workloads")
        return Line(time, frame, given[:16], line["base"], entries, changes)
    except (KeyError, TypeError, ValueError, AttributeError, binascii.Error, zlib.error, DataError) as error:
        raise LineError(f"the line has an invalid member ({error})") from None


def _open_data(text: str) -> tuple[State, dict[str, str]]:
    inflater = zlib.decompressobj()
    data = json.loads(inflater.decompress(base64.b64decode(text, validate=True), _MAX_BYTES))
    if not inflater.eof:
        raise ValueError("data is truncated or too large")
    entries = {}
    for source, origin, workload_id, name, tier, letter in data["workloads"]:
        identity = (source, origin, workload_id, name, tier)
        if letter not in STATUSES or not all(part is None or isinstance(part, str) for part in identity):
            raise ValueError("data has an invalid workload")
        entries[workload_key(identity)] = Entry(identity, letter)
    changes = {}
    for letter, keys in data["changes"].items():
        if letter not in STATUSES and letter != GONE:
            raise ValueError("data has an invalid status")
        for start in range(0, len(keys), _KEY_CHARACTERS):
            changes[keys[start : start + _KEY_CHARACTERS]] = letter
    return entries, changes


def _to_json(value: t.Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode()
