# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How much was asked of a server or a tool, for the READ's ``requests``."""

from __future__ import annotations

import dataclasses
import time
import typing as t


@dataclasses.dataclass
class RequestStats:
    """Counted from when it is made. A tool that is run is never asked again, so it has no retries."""

    count: int = 0
    retries: int = 0
    bytes: int = 0
    started: float = dataclasses.field(default_factory=time.monotonic)

    def requests(self) -> dict[str, t.Any]:
        """As the READ tells it, with the seconds until now."""
        return {
            "count": self.count,
            "retries": self.retries,
            "bytes": self.bytes,
            "seconds": round(time.monotonic() - self.started, 3),
        }
