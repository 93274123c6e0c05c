# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Counters of requests, retries, bytes and time, for the ``http_requests`` key of a read result."""

from __future__ import annotations

import dataclasses
import time
import typing as t


@dataclasses.dataclass
class RequestStats:
    """Counters since the object was created. Commands are never retried, so they have no retries."""

    count: int = 0
    retries: int = 0
    bytes: int = 0
    started: float = dataclasses.field(default_factory=time.monotonic)

    def as_dict(self) -> dict[str, t.Any]:
        """Return the counters as they are in the read result, with the seconds until now."""
        return {
            "count": self.count,
            "retries": self.retries,
            "bytes": self.bytes,
            "seconds": round(time.monotonic() - self.started, 3),
        }
