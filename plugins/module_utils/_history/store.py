# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The directory of a history, with a file for each month. Lines are only appended, by one process at a time.

Every file starts with a complete line, so damage in one month does not affect others, and old files can be removed
without rewriting others.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import os
import pathlib
import re
import time
import typing as t
from collections.abc import Callable, Iterator, Mapping

from ansible_collections.backup.audit.plugins.module_utils._core.errors import DataError, OptionError
from ansible_collections.backup.audit.plugins.module_utils._core.times import (
    CLOCK_TOLERANCE,
    SECOND,
    format_time,
    parse_time,
)
from ansible_collections.backup.audit.plugins.module_utils._history.lines import (
    LETTERS,
    Entry,
    Line,
    LineError,
    State,
    format_line,
    parse_line,
)
from ansible_collections.backup.audit.plugins.module_utils._history.record import count_by_tier, next_state

_FILE = re.compile(r"(\d{4})-(\d\d)\.jsonl")
_TIME = re.compile(rb'"time":"([0-9TZ:.+-]+)"')
_LOCK = ".lock"
_SECONDS_TO_WAIT = 300
_HINT_PATH = "Set path to a directory in which this user can write"


@dataclasses.dataclass(frozen=True, slots=True)
class Run:
    """A run, and the state of all workloads after it; the state is valid only until the next run is read."""

    line: Line
    state: State
    # Keys whose entries may have changed since the previous run; None: all of them.
    changed: list[str] | None


class History:
    """The history in a directory, which must be locked. Invalid lines are added to ``skipped``.

    ``clock`` returns the current time in seconds. Lines with a later time are invalid.
    """

    def __init__(self, path: str, *, clock: Callable[[], float] = time.time) -> None:
        self._path = pathlib.Path(path)
        self._clock = clock
        self.skipped: list[dict[str, t.Any]] = []

    def append(self, record: Mapping[str, t.Any], keep_seconds: int, *, write: bool = True) -> bool:
        """Add the line of a run, and remove files in which all lines are older by more than ``keep_seconds``.

        Return False if the history already contains this assessment. Without ``write``, nothing is written. Raise
        DataError if the run is later than the clock of the host.
        """
        moment, now = parse_time(record["time"]) // SECOND, int(self._clock())
        _check_time(moment, now)
        file = self._path / f"{format_time(moment * SECOND)[:7]}.jsonl"
        lines = _read_lines(file)
        if _has_assessment(lines, str(record["assessment_sha256"])):
            return False
        if write:
            reader = self._reader(file, lines).read_all()
            state = next_state(reader.last_state or self._latest_state(file.name), record)
            # A line with a future time is valid when that time has come, and lines that continue others would not be.
            base = reader.chain if reader.last_time <= moment and not reader.has_future else None
            _append_line(file, format_line({**record, "tiers": count_by_tier(state)}, state, base))
            self._remove_old(min(moment, now) - keep_seconds)
        return True

    def runs(self) -> Iterator[Run]:
        """Iterate over all runs, oldest first."""
        self.skipped = []
        state: State = {}
        for file in self._files():
            reader = self._reader(file)
            # If the first line is damaged, the workloads are unknown until the next complete line, and are not gone.
            reader.last_state = _forget_statuses(state)
            yield from reader.runs()
            state = reader.last_state
            self.skipped += reader.skipped

    def last_time(self) -> int | None:
        """Return the time of the last run in seconds, or None if there is no valid line."""
        for file in reversed(self._files()):
            reader = self._reader(file).read_all()
            if reader.last_time:
                return reader.last_time
            self.skipped = reader.skipped + self.skipped
        return None

    def _reader(self, file: pathlib.Path, lines: list[bytes] | None = None) -> _Reader:
        latest = int(self._clock()) + CLOCK_TOLERANCE
        return _Reader(file.name, _read_lines(file) if lines is None else lines, latest)

    def _files(self) -> list[pathlib.Path]:
        try:
            return sorted(file for file in self._path.iterdir() if _FILE.fullmatch(file.name))
        except FileNotFoundError:
            return []
        except OSError as error:
            raise OptionError(f"path: cannot read {self._path}: {error.strerror}", hint=_HINT_PATH) from error

    def _latest_state(self, name: str) -> State:
        """Return the last state in the files before the file with this name."""
        for file in reversed(self._files()):
            if file.name < name and (state := self._reader(file).read_all().last_state):
                return state
        return {}

    def _remove_old(self, limit: int) -> None:
        for file in self._files():
            year, month = int(file.name[:4]), int(file.name[5:7])
            end = f"{year + month // 12}-{month % 12 + 1:02d}-01T00:00:00Z"
            if 1 <= month <= 12 and parse_time(end) // SECOND <= limit:
                file.unlink()

    @contextlib.contextmanager
    def locked(self, *, create: bool = True) -> Iterator[None]:
        """Context that holds the lock, so that no other process writes. Without ``create``, only if the lock exists."""
        try:
            if create:
                self._path.mkdir(mode=0o750, parents=True, exist_ok=True)
            elif not (self._path / _LOCK).exists():
                yield
                return
            lock = os.open(self._path / _LOCK, os.O_RDWR | os.O_CREAT, 0o640)
        except OSError as error:
            raise OptionError(f"path: cannot write to {self._path}: {error.strerror}", hint=_HINT_PATH) from error
        try:
            _wait_for_lock(lock, self._path)
            yield
        finally:
            os.close(lock)


def _check_time(moment: int, now: int) -> None:
    if moment > now + CLOCK_TOLERANCE:
        raise DataError(
            f"assessment: its time {format_time(moment * SECOND)} is in the future; expected at most "
            f"{CLOCK_TOLERANCE} s after the clock of the host of the history, which shows "
            f"{format_time(now * SECOND)}",
            hint="Synchronize the clocks of this host and of the hosts that read the servers, and evaluate again",
        )


def _wait_for_lock(lock: int, path: pathlib.Path) -> None:
    deadline = time.monotonic() + _SECONDS_TO_WAIT
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise DataError(
                    f"history {path}: another run has held the lock for {_SECONDS_TO_WAIT} s",
                    hint="Wait until the other run has ended, and run the report again",
                ) from None
            time.sleep(0.1)
        except OSError as error:
            raise OptionError(
                f"path: cannot lock {path}: {error.strerror}", hint="Use a file system that supports locks"
            ) from error
        else:
            return


def _read_lines(file: pathlib.Path) -> list[bytes]:
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise OptionError(f"path: cannot read {file}: {error.strerror}", hint=_HINT_PATH) from error
    return content.split(b"\n")[: None if content and not content.endswith(b"\n") else -1]


def _append_line(file: pathlib.Path, line: str) -> None:
    """Append a line completely or not at all. If the last line is truncated by a killed run, end it first."""
    try:
        with file.open("ab+") as output:
            size = output.seek(0, os.SEEK_END)
            is_ended = not size or (output.seek(size - 1), output.read(1))[1] == b"\n"
            try:
                output.write(f"{'' if is_ended else chr(10)}{line}\n".encode())
                output.flush()
                os.fsync(output.fileno())
            except OSError:
                output.truncate(size)
                raise
    except OSError as error:
        raise OptionError(f"path: cannot write to {file}: {error.strerror}", hint=_HINT_PATH) from error


def _forget_statuses(state: State) -> State:
    return {key: Entry(entry.identity, LETTERS["not_read"]) for key, entry in state.items()}


def _has_assessment(lines: list[bytes], digest: str) -> bool:
    for line in lines:
        if digest.encode() in line:
            with contextlib.suppress(LineError):
                if parse_line(line).frame["assessment_sha256"] == digest:
                    return True
    return False


class _Reader:
    """Converts the lines of one file to runs, oldest first. Lines after the time ``latest`` are skipped."""

    def __init__(self, name: str, lines: list[bytes], latest: int) -> None:
        self._name = name
        self._lines = lines
        self._latest = latest
        self.has_future = False
        self.skipped: list[dict[str, t.Any]] = []
        # Name and state of the last line, if the next line can continue it; None if lines before it are damaged.
        self.chain: tuple[str, State] | None = None
        self.last_state: State = {}
        self.last_time = 0

    def read_all(self) -> _Reader:
        """Read all lines to get the last state."""
        for _run in self.runs():
            pass
        return self

    def runs(self) -> Iterator[Run]:
        """Iterate over the runs of this file."""
        late = self._find_late()
        waiting = sorted(late, key=lambda number: (late[number], number))
        was_late = False
        for number in range(len(self._lines)):
            if number in late:
                continue
            line = self._parse(number)
            if line is None:
                continue
            while waiting and late[waiting[0]] < line.time:
                was_late |= yield from self._late_run(waiting.pop(0))
            changed = self._continue_chain(number, line)
            self.last_time = line.time
            yield Run(line, self.last_state, None if was_late else changed)
            was_late = False
        for number in waiting:
            yield from self._late_run(number)

    def _find_late(self) -> dict[int, int]:
        """Return number -> time of complete lines whose time is before that of an earlier line."""
        late: dict[int, int] = {}
        latest = 0
        for number, text in enumerate(self._lines):
            found = _TIME.search(text)
            try:
                moment = parse_time(found[1].decode()) // SECOND if found else 0
            except DataError:
                continue
            # Lines after one with a future time are not late.
            if moment > self._latest:
                continue
            if moment < latest and b'"base":null' in text:
                late[number] = moment
            latest = max(latest, moment)
        return late

    def _late_run(self, number: int) -> t.Generator[Run, None, bool]:
        line = self._parse(number)
        if line is None:
            return False
        yield Run(line, line.state(), None)
        return True

    def _continue_chain(self, number: int, line: Line) -> list[str] | None:
        """Update the state; return the keys that may have changed."""
        if line.base is None:
            self.last_state = line.state()
            self.chain = (line.name, self.last_state)
            return None
        if self.chain is not None and self.chain[0] == line.base:
            changed = list(line.apply(self.last_state))
            self.chain = (line.name, self.last_state)
            return changed
        self._skip(number, "only its totals are used, because the line that it continues is missing or damaged")
        # The state of workloads is unknown until the next complete line.
        self.chain = None
        self.last_state = _forget_statuses(self.last_state)
        return None

    def _parse(self, number: int) -> Line | None:
        try:
            line = parse_line(self._lines[number])
            if not format_time(line.time * SECOND).startswith(self._name[:7]):
                raise LineError(f"time {line.frame['time']} belongs to another file")
            if line.time > self._latest:
                self.has_future = True
                raise LineError(f"time {line.frame['time']} is in the future, according to the clock of this host")
        except LineError as error:
            self._skip(number, str(error))
            return None
        return line

    def _skip(self, number: int, reason: str) -> None:
        self.skipped.append({"file": self._name, "line": number + 1, "reason": reason})
