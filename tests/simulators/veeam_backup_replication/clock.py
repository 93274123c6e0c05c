# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The clock of a backup server: times with and without its offset."""

from __future__ import annotations

from datetime import datetime, timezone
from zoneinfo import ZoneInfo

from tests.simulators.ground_truth import as_datetime, from_iso
from tests.simulators.product_api import ProductApi


class ServerClock:
    """Formats times in the server's time zone, which is a variant and can change."""

    def __init__(self, api: ProductApi) -> None:
        self.api = api

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.api.text("timezone"))

    def _local(self, moment: int, fraction: bool) -> tuple[str, str]:
        when = as_datetime(moment).astimezone(self.zone)
        digits = f"{moment % 1_000_000:06}".rstrip("0") if fraction else ""
        text = when.isoformat(timespec="seconds")
        return text[:19] + (f".{digits}" if digits else ""), text[19:]

    def with_offset(self, moment: int, fraction: bool = False) -> str:
        return "".join(self._local(moment, fraction))

    def without_offset(self, moment: int, fraction: bool = False) -> str:
        """Format local time without an offset; the vendor's examples have one, as with `backup_times=offset`."""
        text, offset = self._local(moment, fraction)
        return text + offset if self.api.text("backup_times") == "offset" else text

    def seven_digits(self, moment: int) -> str:
        text, offset = self._local(moment, fraction=False)
        return f"{text}.{moment % 1_000_000:06}4{offset}"

    def utc(self, moment: int) -> str:
        return f"{as_datetime(moment):%Y-%m-%dT%H:%M:%S}Z"

    def describe(self, moment: int) -> str:
        """Return the name of the time zone in Windows' format, with the city of the zone."""
        _unused, offset = self._local(moment, fraction=False)
        return f"(UTC{offset}) {self.zone.key.rpartition('/')[2].replace('_', ' ')}"

    def parse(self, text: str) -> int | None:
        """Parse a time from a client; without an offset it is server time. None: not a valid time."""
        try:
            when = from_iso(text)
        except ValueError:
            return None
        if when.tzinfo is None:
            when = when.replace(tzinfo=self.zone)
        passed = when - datetime(1970, 1, 1, tzinfo=timezone.utc)
        return (passed.days * 86_400 + passed.seconds) * 1_000_000 + passed.microseconds
