# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Check a repository in parts, one part per run: choose the next part, and calculate what all parts have covered.

The tool does not remember what it has read, so a file on the host does. A part is a fixed selection of the data files
that exist when it is read. A recovery point is therefore covered once every part was read after the point was listed
for the first time. Its own times prove nothing, because points can be backdated or copied from another repository.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
import time
import typing as t
from collections.abc import Iterable, Mapping
from pathlib import Path

from ansible_collections.backup.audit.plugins.module_utils._core.errors import DataError, OptionError
from ansible_collections.backup.audit.plugins.module_utils._core.times import SECOND, format_time, parse_time
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import as_list, as_object

SCHEMA = "backup.audit/verify-state/1"
_OPTION = "verify_state"


class CheckParts:
    """The state of a check in ``parts`` parts, stored in a file. Times are microseconds."""

    def __init__(self, path: str, parts: int, repository: str | None) -> None:
        self.parts = parts
        self._path = Path(path)
        self._repository = repository
        # After the points were listed, and before the check.
        self._now = time.time_ns() // 1000
        # Part -> start of its newest read without damage.
        self._read: dict[int, int] = {}
        self._damaged: set[int] = set()
        # Id of a point -> start of the check before which it was listed for the first time.
        self._listed: dict[str, int] = {}
        self._load()
        # Damaged parts are read again first, then parts that were never read, then the part read longest ago.
        self.part = min(
            range(1, parts + 1), key=lambda part: (part not in self._damaged, self._read.get(part, 0), part)
        )

    def record(self, *, damaged: bool, listed: Iterable[str]) -> None:
        """Store the result of the check of ``part``, before which these points were listed."""
        if damaged:
            self._damaged.add(self.part)
            self._read.pop(self.part, None)
        else:
            self._damaged.discard(self.part)
            self._read[self.part] = self._now
        # A time in the future was written with a wrong clock.
        self._read = {part: at for part, at in self._read.items() if at <= self._now}
        self._listed = {point: min(self._listed.get(point, self._now), self._now) for point in listed}
        self._store()

    def covered_since(self, point: str) -> int | None:
        """Return the time since which all data of this point was read, or None if a part is still missing."""
        since, listed = self._complete_since(), self._listed.get(point)
        return since // SECOND * SECOND if since is not None and listed is not None and listed <= since else None

    def evidence(self) -> dict[str, t.Any]:
        """Return the state of the parts for the read result."""
        since = self._complete_since()
        return {
            "part": f"{self.part}/{self.parts}",
            "parts_read": len(self._read),
            "covered_since": None if since is None else format_time(since // SECOND * SECOND),
        }

    def _complete_since(self) -> int | None:
        return min(self._read.values()) if len(self._read) == self.parts else None

    def _load(self) -> None:
        try:
            text = self._path.read_text("utf-8")
        except FileNotFoundError:
            return
        except (OSError, ValueError) as error:
            raise OptionError(
                f"{_OPTION}: cannot read {str(self._path)!r}", hint="Check the path and its permissions"
            ) from error
        try:
            state = as_object(json.loads(text))
            if state.get("schema") != SCHEMA:
                raise DataError("it has another format")
            if state.get("repository") != self._repository:
                raise DataError("it belongs to another repository")
            if state.get("parts") != self.parts:
                if state.get("damaged"):
                    raise DataError("a part was damaged, so verify_parts must not change until it was read again")
                # With another number of parts, each part contains other files.
                return
            self._read = {int(part): parse_time(at) for part, at in as_object(state.get("read")).items()}
            self._damaged = {int(part) for part in as_list(state.get("damaged"))}
            self._listed = {str(point): parse_time(at) for point, at in as_object(state.get("listed")).items()}
            if not {*self._read, *self._damaged} <= set(range(1, self.parts + 1)):
                raise DataError("it contains other parts")
        except (ValueError, TypeError, RecursionError, DataError) as error:
            raise OptionError(
                f"{_OPTION}: {str(self._path)!r} is not valid: {error}",
                hint="Use one file for each repository, or remove the file to start again with the first part",
            ) from error

    def _store(self) -> None:
        state: Mapping[str, t.Any] = {
            "schema": SCHEMA,
            "repository": self._repository,
            "parts": self.parts,
            "read": {str(part): format_time(at) for part, at in sorted(self._read.items())},
            "damaged": sorted(self._damaged),
            "listed": {point: format_time(at) for point, at in sorted(self._listed.items())},
        }
        temporary = None
        try:
            handle, temporary = tempfile.mkstemp(prefix=f".{self._path.name}.", dir=self._path.parent)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(state, file)
            Path(temporary).replace(self._path)
        except OSError as error:
            if temporary is not None:
                with contextlib.suppress(OSError):
                    Path(temporary).unlink()
            raise OptionError(
                f"{_OPTION}: cannot write {str(self._path)!r}: {error.strerror}",
                hint="Use a file in a directory that exists and in which this user can write",
            ) from error
