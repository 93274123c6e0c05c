# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Identifiers of tasks (UPID): node, process, start and worker of a task in one text."""

from __future__ import annotations

import re

NODE = "pbs-berlin"
# Process start time since boot: 9 digits on a server that has been running for long.
_PROCESS, _PROCESS_START = 0x30B1, 0x1A12D8375
_PLAIN = re.compile(r"[a-zA-Z0-9_.]")


def escape(text: str) -> str:
    """Escape a worker id like a systemd unit name."""
    return "".join(one if _PLAIN.match(one) else "-" if one == "/" else f"\\x{ord(one):02x}" for one in text)


def upid(worker_type: str, worker_id: str, start: int, *, node: str = NODE, user: str = "root@pam") -> str:
    """`start` is in seconds since 1970."""
    numbers = f"{_PROCESS:08X}:{_PROCESS_START:08X}:{start & 0xFFFF:08X}:{start:08X}"
    return f"UPID:{node}:{numbers}:{worker_type}:{escape(worker_id)}:{user}:"


def describe(task: str) -> dict[str, object]:
    """Return the parts of a task's ID that its records repeat."""
    _prefix, node, process, process_start, _number, start, *_worker, user, _end = task.split(":")
    numbers = {"pid": int(process, 16), "pstart": int(process_start, 16), "starttime": int(start, 16)}
    return {"upid": task, "node": node, "user": user, **numbers}
