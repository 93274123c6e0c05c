# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Helpers for tests with real tools: running them, comparing every byte of a repository, evaluating the result."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import stat
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._collect.result import open_result
from ansible_collections.backup.audit.plugins.module_utils._core.times import parse_time
from ansible_collections.backup.audit.plugins.module_utils._policy.evaluate import assess
from tests.integration.running_modules import ModuleResult, run_module
from tests.tools.project import ROOT

NEWEST = {"recovery_points": {"min_count": 1, "max_age": "26h"}}
INTEGRITY_CHECKED = {**NEWEST, "integrity_checked": {"max_age": "1d"}}
# A user without access to this project's files.
NOBODY = 65534


def needs(*tools: str) -> pytest.MarkDecorator:
    """Skip tests that cannot run here, with the missing tools as the reason."""
    missing = [tool for tool in tools if shutil.which(tool) is None]
    return pytest.mark.skipif(bool(missing), reason=f"not installed: {', '.join(missing)} (make setup-programs)")


def execute(
    command: Sequence[str], environment: Mapping[str, str], *, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a tool as its user would; return its complete output, and its return code."""
    return subprocess.run(
        command,
        env={"PATH": os.environ["PATH"], "TZ": "UTC", "LC_ALL": "C.UTF-8", **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        cwd=cwd,
        check=False,
        timeout=120,
    )


def run(command: Sequence[str], environment: Mapping[str, str], *, ok: bool = True, cwd: Path | None = None) -> str:
    """Run a tool as its user would; return its output."""
    ended = execute(command, environment, cwd=cwd)
    assert (ended.returncode == 0) is ok, f"{command} ended with {ended.returncode}:\n{ended.stdout}\n{ended.stderr}"
    return ended.stdout


def tree(root: Path, *, rewritten: str = "") -> dict[str, tuple[str, int, int]]:
    """Map every file of a repository to its bytes, mode, and modification time (except for ``rewritten``)."""
    states = {}
    for path in sorted(root.rglob("*")):
        state = path.lstat()
        digest = hashlib.sha256(path.read_bytes()).hexdigest() if stat.S_ISREG(state.st_mode) else ""
        states[str(path.relative_to(root))] = (
            digest,
            state.st_mode,
            state.st_mtime_ns if digest and path.name != rewritten else 0,
        )
    assert states, f"{root} is empty"
    return states


def corrupt_byte(path: Path, at: int) -> None:
    """Damage a file by changing one byte."""
    data = bytearray(path.read_bytes())
    data[at] ^= 0xFF
    path.chmod(0o600)
    path.write_bytes(data)


def largest(folder: Path) -> Path:
    """Return the largest file below a folder."""
    return max((path for path in folder.rglob("*") if path.is_file()), key=lambda path: path.stat().st_size)


def list_points(ended: ModuleResult) -> list[dict[str, Any]]:
    """Return the recovery points in a module's result."""
    assert not ended.failed, ended.message
    points: list[dict[str, Any]] = ended.result["recovery_points"]
    return points


def evaluate(ended: ModuleResult, policy: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the assessment of the result."""
    assert not ended.failed, ended.message
    read = open_result(ended.result)
    return assess([read], policy or NEWEST, as_of=parse_time(read.frame["read_at"]), collection_version="0").plain()


def findings(ended: ModuleResult, policy: Mapping[str, Any] | None = None) -> dict[str, tuple[str, str]]:
    """Map control -> (result, message)."""
    return {one["control"]: (one["result"], one["message"]) for one in evaluate(ended, policy)["findings"]}


def as_nobody(tool: str, folder: Path) -> str:
    """Run the tool as a user without access. Only root can do this; other users get an inaccessible folder."""
    script = folder / f"{tool}-as-nobody"
    script.write_text(f'#!/bin/sh\nexec setpriv --reuid={NOBODY} --regid={NOBODY} --clear-groups {tool} "$@"\n')
    script.chmod(0o755)
    return str(script)


def script_of_page(page: str, folder: Path, **replaced: str) -> str:
    """Store the only shell script of a documentation page, with its paths replaced; return its path."""
    (text,) = re.findall(
        r"^```text\n(#!/bin/sh\n.*?)^```", (ROOT / "docs" / "products" / page).read_text("utf-8"), re.M | re.S
    )
    for old, new in replaced.items():
        path = f"/{old.replace('_', '/')}"
        assert path in text, path
        text = text.replace(path, new)
    script = folder / "script"
    script.write_text(text)
    script.chmod(0o755)
    return str(script)


def recorder(tool: str, folder: Path) -> tuple[str, Path]:
    """Wrap the tool in a script that records its arguments and its environment."""
    script, notes = folder / f"{tool}-noted", folder / "noted"
    script.write_text(
        f'#!/bin/sh\n{{ printf "%s\\n" "$@"; echo; }} >> {notes}.argv\nenv >> {notes}.env\nexec {tool} "$@"\n'
    )
    script.chmod(0o755)
    return str(script), notes


__all__ = ["ModuleResult", "run_module"]
