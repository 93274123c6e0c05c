# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The API revisions of a Backup & Replication server, and the conversion of rows to older ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Row = dict[str, Any]

REVISIONS = (
    "1.0-rev1",
    "1.0-rev2",
    "1.1-rev0",
    "1.1-rev1",
    "1.1-rev2",
    "1.2-rev0",
    "1.2-rev1",
    "1.3-rev0",
    "1.3-rev1",
    "1.3-rev2",
)
_RANK = {revision: rank for rank, revision in enumerate(REVISIONS)}


def is_at_least(revision: str, first: str) -> bool:
    return _RANK[revision] >= _RANK[first]


def _span(first: str, last: str) -> tuple[str, ...]:
    return REVISIONS[_RANK[first] : _RANK[last] + 1]


@dataclass(frozen=True)
class Release:
    """A server's build, its revisions, and whether errors have `title` and `status` (only seen in 13.1)."""

    build: str
    revisions: tuple[str, ...]
    modern_errors: bool = False


RELEASES = {
    "11": Release("11.0.1.1261", _span("1.0-rev1", "1.0-rev1")),
    "12.0": Release("12.0.0.1420", _span("1.0-rev1", "1.1-rev0")),
    "12.1": Release("12.1.2.172", _span("1.0-rev1", "1.1-rev1")),
    "12.2": Release("12.2.0.334", _span("1.0-rev1", "1.1-rev2")),
    "12.3": Release("12.3.0.310", _span("1.0-rev1", "1.2-rev0")),
    "12.3.1": Release("12.3.1.1139", _span("1.0-rev1", "1.2-rev1")),
    "13.0": Release("13.0.0.4967", _span("1.0-rev2", "1.3-rev0"), modern_errors=True),
    "13.0.1": Release("13.0.1.180", _span("1.0-rev2", "1.3-rev1"), modern_errors=True),
    "13.1": Release("13.1.0.411", _span("1.1-rev0", "1.3-rev2"), modern_errors=True),
}


@dataclass(frozen=True)
class Shape:
    """Differences of the rows of one list between revisions; rows are built in the newest format.

    `since` names the first revision that has a field, `before` gives (first revision that no longer needs it, change)
    for all other differences. Fields that start with `_` are for filters and are never sent.
    """

    since: dict[str, str] = field(default_factory=dict)
    before: tuple[tuple[str, Callable[[Row], None]], ...] = ()

    def adapt(self, row: Row, revision: str) -> Row:
        found = {
            name: value
            for name, value in row.items()
            if not name.startswith("_") and (name not in self.since or is_at_least(revision, self.since[name]))
        }
        for first, change in self.before:
            if not is_at_least(revision, first):
                change(found)
        return found

    def oldest_equivalent(self, revision: str) -> str:
        """Return the oldest revision with the same rows, so that they are encoded once."""
        steps = {*self.since.values(), *(first for first, _unused in self.before)}
        return max((step for step in steps if is_at_least(revision, step)), key=_RANK.__getitem__, default=REVISIONS[0])


def old_encryption(encryption: Row) -> Row:
    """Convert to 1.1, which has another name for the password and no other encryption types."""
    new_names = {"encryptionPasswordId": "encryptionPasswordIdOrNull"}
    return {new_names.get(name, name): value for name, value in encryption.items() if name != "encryptionType"}


# platformName got more values, and some were renamed.
_PLATFORMS_OF_1_3 = {"MongoDb", "AWSEC2"}
_OLD_PLATFORMS = {"CloudDirector": "Vcd", "UnstructuredData": "NasBackup"}


def platforms_before_1_3(row: Row) -> None:
    if row.get("platformName") in _PLATFORMS_OF_1_3:
        row["platformName"] = "CustomPlatform"


def platforms_before_1_2(row: Row) -> None:
    row["platformName"] = _OLD_PLATFORMS.get(row["platformName"], row["platformName"])


PLATFORM_CHANGES = (("1.3-rev0", platforms_before_1_3), ("1.2-rev0", platforms_before_1_2))
