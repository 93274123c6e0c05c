# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Recorded runs of backup tools, one file for each run; README.md describes them."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent


@dataclasses.dataclass(frozen=True)
class Recording:
    """One run: the command, the settings in its environment, and its output."""

    command: tuple[str, ...]
    environment: dict[str, str]
    rc: int
    # The JSON document that was printed, or the text.
    out: Any
    err: str

    @property
    def answer(self) -> tuple[int, Any, str]:
        """Return the output of the run."""
        return self.rc, self.out, self.err


def versions(tool: str) -> list[str]:
    """List the recorded versions of a tool, as names of folders."""
    return sorted(path.name for path in FOLDER.glob(f"{tool}-*") if path.is_dir())


def load(version: str, name: str) -> Recording:
    """Read one recording."""
    plain = json.loads((FOLDER / version / f"{name}.json").read_text("utf-8"))
    out = plain["json"] if "json" in plain else "".join(f"{line}\n" for line in plain["out"])
    err = "".join(f"{line}\n" for line in plain["err"])
    return Recording(tuple(plain["command"]), plain["environment"], plain["rc"], out, err)


def dump(recording: Recording) -> str:
    """Write a recording as text, one line of output per line."""
    plain: dict[str, Any] = {"command": recording.command, "environment": recording.environment, "rc": recording.rc}
    try:
        printed = json.loads(recording.out)
    except ValueError:
        plain["out"] = _split(recording.out)
    else:
        plain["json"] = printed
    plain["err"] = _split(recording.err)
    return json.dumps(plain, indent=2) + "\n"


def _split(text: str) -> list[str]:
    # Not splitlines, because it also splits at control characters, which occur in data decrypted with a wrong key.
    return text.removesuffix("\n").split("\n") if text else []
