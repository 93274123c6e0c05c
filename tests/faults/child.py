# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a module in a forked copy of this process: as fast as a function call, but it may hang, crash or leak safely."""

from __future__ import annotations

import io
import json
import os
import runpy
import select
import signal
import sys
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible.module_utils import basic

from ansible_collections.backup.audit.plugins.module_utils._module import rest_module

# Imported here so that the forked processes have it loaded already.
from ansible_collections.backup.audit.plugins.module_utils._transport import client, deadlines
from tests.integration.products import PREFIXES, VARIABLES

__all__ = ["Run", "run"]
_MODULES = "ansible_collections.backup.audit.plugins.modules."
_LARGEST_ANSWER = 4 << 20


@dataclass(frozen=True)
class Run:
    """The end of a run. Without a result, the module hung, crashed or was killed."""

    result: dict[str, Any] | None
    output: str
    seconds: float
    hung: bool


def run(name: str, arguments: Mapping[str, Any], limit: float) -> Run:
    """Run one module and kill it after ``limit`` seconds."""
    assert rest_module is not None
    reader, writer = os.pipe()
    started = time.monotonic()
    pid = os.fork()
    if pid == 0:
        _run_in_child(name, arguments, writer)
    os.close(writer)
    output, hung = _read_output(reader, started + limit)
    if hung:
        os.kill(pid, signal.SIGKILL)
    os.close(reader)
    os.waitpid(pid, 0)
    lines = [line for line in output.splitlines() if line.startswith("{")]
    result = json.loads(lines[-1]) if lines and not hung else None
    return Run(result, output, time.monotonic() - started, hung)


def _run_in_child(name: str, arguments: Mapping[str, Any], writer: int) -> None:
    try:
        os.dup2(writer, 1)
        os.dup2(writer, 2)
        sys.stdout = io.TextIOWrapper(os.fdopen(1, "wb", closefd=False), write_through=True)
        sys.stderr = io.TextIOWrapper(os.fdopen(2, "wb", closefd=False), write_through=True)
        for variable in [each for each in os.environ if each.startswith(PREFIXES) or each in VARIABLES]:
            del os.environ[variable]
        _shorten_waits()
        basic._ANSIBLE_ARGS = json.dumps({"ANSIBLE_MODULE_ARGS": dict(arguments)}).encode()
        if hasattr(basic, "_ANSIBLE_PROFILE"):
            basic._ANSIBLE_PROFILE = "legacy"
        runpy.run_module(_MODULES + name, run_name="__main__")
    except SystemExit:
        pass
    except BaseException:  # noqa: BLE001 - what escapes from a module is a traceback for its user, too
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)


def _shorten_waits() -> None:
    """Shorten waits and limits. Unit tests cover their real values."""
    assert hasattr(deadlines, "MAX_RESPONSE_TIMEOUTS")
    for name in ("_backoff", "MAX_RETRY_AFTER_SECONDS"):
        assert hasattr(client, name), f"_transport/client.{name} is gone: the matrix would wait for real"
    client._backoff = _short_backoff
    client.MAX_RETRY_AFTER_SECONDS = 0.2
    deadlines.MAX_RESPONSE_TIMEOUTS = 2
    defaults = client.Endpoint.__init__.__kwdefaults__ or {}
    assert "max_response_bytes" in defaults
    defaults["max_response_bytes"] = _LARGEST_ANSWER


def _short_backoff(attempt: int) -> float:
    return 0.05 * attempt


def _read_output(reader: int, deadline: float) -> tuple[str, bool]:
    chunks: list[bytes] = []
    while (left := deadline - time.monotonic()) > 0:
        ready, _writable, _exceptional = select.select([reader], [], [], left)
        if ready:
            chunk = os.read(reader, 1 << 16)
            if not chunk:
                return b"".join(chunks).decode("utf-8", "replace"), False
            chunks.append(chunk)
    return b"".join(chunks).decode("utf-8", "replace"), True
