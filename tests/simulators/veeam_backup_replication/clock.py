# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The clock of a backup server: times with its offset, and times that hide it (facts B4, "Times")."""

from __future__ import annotations

from datetime import datetime, timezone
from zoneinfo import ZoneInfo

from tests.simulators.ground_truth import as_datetime, from_iso
from tests.simulators.product_api import Dialect


class ServerClock:
    """The zone is a variant, so it is looked up when it is needed."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.dialect.text("timezone"))

    def _local(self, moment: int, fraction: bool) -> tuple[str, str]:
        when = as_datetime(moment).astimezone(self.zone)
        digits = f"{moment % 1_000_000:06}".rstrip("0") if fraction else ""
        text = when.isoformat(timespec="seconds")
        return text[:19] + (f".{digits}" if digits else ""), text[19:]

    def with_offset(self, moment: int, fraction: bool = False) -> str:
        return "".join(self._local(moment, fraction))

    def without_offset(self, moment: int, fraction: bool = False) -> str:
        """Local time, and nothing that says so; `backup_times=offset` is what the vendor's examples show."""
        text, offset = self._local(moment, fraction)
        return text + offset if self.dialect.text("backup_times") == "offset" else text

    def seven_digits(self, moment: int) -> str:
        text, offset = self._local(moment, fraction=False)
        return f"{text}.{moment % 1_000_000:06}4{offset}"

    def utc(self, moment: int) -> str:
        return f"{as_datetime(moment):%Y-%m-%dT%H:%M:%S}Z"

    def describe(self, moment: int) -> str:
        """As Windows names a zone; the city is the zone's."""
        _unused, offset = self._local(moment, fraction=False)
        return f"(UTC{offset}) {self.zone.key.rpartition('/')[2].replace('_', ' ')}"

    def read(self, text: str) -> int | None:
        """A time that a client sent, as a moment; without an offset it is the server's own. None: it is no time."""
        try:
            when = from_iso(text)
        except ValueError:
            return None
        if when.tzinfo is None:
            when = when.replace(tzinfo=self.zone)
        passed = when - datetime(1970, 1, 1, tzinfo=timezone.utc)
        return (passed.days * 86_400 + passed.seconds) * 1_000_000 + passed.microseconds
