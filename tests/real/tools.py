# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What tests with real tools share: running them, looking at every byte of a repository, judging what was read."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._collect.result import unpack
from ansible_collections.backup.audit.plugins.module_utils._core.times import parse_time
from ansible_collections.backup.audit.plugins.module_utils._policy.evaluate import assess
from tests.integration.running_modules import Ended, run_module

NEWEST = {"recovery_points": {"minimum": 1, "newest_within": "26h"}}
CHECKED = {**NEWEST, "checked": {"newest_within": "1d"}}
# A user who may read nothing of ours.
NOBODY = 65534


def needs(*tools: str) -> pytest.MarkDecorator:
    """Skips what cannot be run here, and says what is missing."""
    missing = [tool for tool in tools if shutil.which(tool) is None]
    return pytest.mark.skipif(bool(missing), reason=f"not installed: {', '.join(missing)} (make setup-real)")


def run(command: Sequence[str], environment: Mapping[str, str], *, ok: bool = True, cwd: Path | None = None) -> str:
    """Run a tool as its user would; what it wrote."""
    ended = subprocess.run(
        command,
        env={"PATH": os.environ["PATH"], "TZ": "UTC", "LC_ALL": "C.UTF-8", **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        cwd=cwd,
        check=False,
        timeout=120,
    )
    assert (ended.returncode == 0) is ok, f"{command} ended with {ended.returncode}:\n{ended.stdout}\n{ended.stderr}"
    return ended.stdout


def tree(root: Path, *, rewritten: str = "") -> dict[str, tuple[str, int, int]]:
    """Every file of a repository: its bytes, its mode, and when it was last written (but for ``rewritten``)."""
    told = {}
    for path in sorted(root.rglob("*")):
        state = path.lstat()
        digest = hashlib.sha256(path.read_bytes()).hexdigest() if stat.S_ISREG(state.st_mode) else ""
        told[str(path.relative_to(root))] = (
            digest,
            state.st_mode,
            state.st_mtime_ns if digest and path.name != rewritten else 0,
        )
    assert told, f"{root} is empty"
    return told


def flip(path: Path, at: int) -> None:
    """Damage a file: one byte becomes another."""
    data = bytearray(path.read_bytes())
    data[at] ^= 0xFF
    path.chmod(0o600)
    path.write_bytes(data)


def largest(folder: Path) -> Path:
    """The largest file below a folder."""
    return max((path for path in folder.rglob("*") if path.is_file()), key=lambda path: path.stat().st_size)


def points_of(ended: Ended) -> list[dict[str, Any]]:
    """The recovery points that a module told."""
    assert not ended.failed, ended.message
    points: list[dict[str, Any]] = ended.result["recovery_points"]
    return points


def judged(ended: Ended, policy: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The ASSESSMENT of what was read."""
    assert not ended.failed, ended.message
    read = unpack(ended.result)
    return assess([read], policy or NEWEST, as_of=parse_time(read["read_at"]), collection_version="0").plain()


def findings(ended: Ended, policy: Mapping[str, Any] | None = None) -> dict[str, tuple[str, str]]:
    """control -> (result, message)."""
    return {one["control"]: (one["result"], one["message"]) for one in judged(ended, policy)["findings"]}


def as_nobody(tool: str, folder: Path) -> str:
    """The tool, run by a user who owns nothing; only root can make one, others see a folder that is closed to them."""
    script = folder / f"{tool}-as-nobody"
    script.write_text(f'#!/bin/sh\nexec setpriv --reuid={NOBODY} --regid={NOBODY} --clear-groups {tool} "$@"\n')
    script.chmod(0o755)
    return str(script)


def recorder(tool: str, folder: Path) -> tuple[str, Path]:
    """The tool, behind a script that notes its arguments and its environment for all to see."""
    script, notes = folder / f"{tool}-noted", folder / "noted"
    script.write_text(
        f'#!/bin/sh\n{{ printf "%s\\n" "$@"; echo; }} >> {notes}.argv\nenv >> {notes}.env\nexec {tool} "$@"\n'
    )
    script.chmod(0o755)
    return str(script), notes


__all__ = ["Ended", "run_module"]
