# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shared helpers of the transport tests: an allowlist, responses in sequence, and an event that does not wait."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from typing import Any

from ansible_collections.backup.audit.plugins.module_utils._transport.allowlist import AllowedRequest

ALLOWLIST = (
    AllowedRequest("GET", "/api/list", {"page": None}),
    AllowedRequest("GET", "/api/items/{id}"),
    AllowedRequest("POST", "/api/session"),
    AllowedRequest("DELETE", "/api/session"),
)
PASSWORD = "p&ss/wörd +%"
OK: tuple[int, dict[str, str], Any] = (200, {}, {"ok": True})

Answers = Callable[[Any], tuple[int, dict[str, str], Any]]


class RecordingEvent(threading.Event):
    """An event whose ``wait`` only records the timeout."""

    def __init__(self, slept: list[float]) -> None:
        super().__init__()
        self._slept = slept

    def wait(self, timeout: float | None = None) -> bool:
        self._slept.append(timeout or 0.0)
        return self.is_set()


def in_turn(*answers: tuple[int, dict[str, str], Any]) -> Answers:
    """Return these responses one after the other, then repeat the last one."""
    left = list(answers)
    return lambda _asked: left.pop(0) if len(left) > 1 else left[0]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
