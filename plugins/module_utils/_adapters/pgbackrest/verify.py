# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The output of ``pgbackrest verify``: log lines (ranges of WAL, damaged files), followed by the result as text."""

from __future__ import annotations

import dataclasses
import re
import typing as t

_TEXT = re.compile(r"^stanza: ", re.MULTILINE)
_RESULT = re.compile(r"^\s*backup: (\S+), status: ([a-z -]+?)(?:,|$)", re.MULTILINE)
_STATUS = re.compile(r"^\s*status: (\w+)", re.MULTILINE)
_WAL = re.compile(r"total WAL checked: (\d{1,18}), total valid WAL: (\d{1,18})")
_RANGE = re.compile(r"DETAIL: archiveId: (\S+), wal start: ([0-9A-F]{24}), wal stop: ([0-9A-F]{24})\s*$", re.MULTILINE)
_DAMAGED = re.compile(r"^\S+ \S+ \S+ +(?:INFO|WARN|ERROR): .*?([^/\s']+)/[0-9A-F]{16}/([0-9A-F]{24})-", re.MULTILINE)
_DUPLICATE = re.compile(r"duplicate WAL '([0-9A-F]{24})' for '([^']+)'")
VALID = "valid"
# Other results are "invalid" and "manifest missing".
IN_PROGRESS = "in-progress"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class VerifyOutput:
    """What a check covered in one repository of a stanza, and its result."""

    is_ok: bool
    # Label -> result. A missing backup was not checked.
    backups: t.Mapping[str, str]
    # Checked ranges of segments: (archive, first segment, last segment).
    ranges: frozenset[tuple[str, str, str]]
    # (archive, segment) for every damaged segment that the log names.
    damaged: frozenset[tuple[str, str]]
    # The number of damaged segments that the log does not name.
    unnamed: int

    def covers(self, archive: str, start: str, stop: str) -> bool:
        """Return whether the check covered each segment from ``start`` to ``stop``."""
        return any(name == archive and first <= start and stop <= last for name, first, last in self.ranges)


def parse_output(output: str) -> VerifyOutput | None:
    """Return the result of a check, or None if the output does not contain one."""
    starts = [match.start() for match in _TEXT.finditer(output)]
    text = output[starts[-1] :] if starts else output
    log = output[: starts[-1]] if starts else ""
    status = _STATUS.search(text)
    if status is None:
        return None
    damaged = frozenset(
        {
            *((match[1], match[2]) for match in _DAMAGED.finditer(log)),
            *((match[2], match[1]) for match in _DUPLICATE.finditer(log)),
        }
    )
    lost = sum(int(checked) - int(valid) for checked, valid in _WAL.findall(text))
    duplicates = len(set(_DUPLICATE.findall(log)))
    return VerifyOutput(
        is_ok=status[1] == "ok",
        backups={label: result.strip() for label, result in _RESULT.findall(text)},
        ranges=frozenset(_RANGE.findall(log)),
        damaged=damaged,
        # Both files of a duplicate are counted.
        unnamed=max(0, lost - len(damaged) - duplicates),
    )
