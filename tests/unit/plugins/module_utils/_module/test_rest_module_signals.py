# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signals: a module that is terminated closes its session."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from tests.unit.plugins.module_utils._module.running_module import (
    MODULE,
    TREE,
    Appliance,
    ModuleResult,
    all_sessions_closed,
    build_arguments,
    start,
    wait_for_result,
)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_logout_after_a_signal(server: Any, appliance: Appliance, number: signal.Signals) -> None:
    appliance.hold = threading.Event()
    # Under nohup the module would inherit that SIGHUP is ignored.
    inherited = signal.signal(number, signal.SIG_DFL)
    try:
        process = start("one")
    finally:
        signal.signal(number, inherited)
    writer = threading.Thread(target=lambda: results.append(wait_for_result(process, build_arguments(server))))
    results: list[ModuleResult] = []
    writer.start()
    assert appliance.reached.wait(30)
    process.send_signal(number)
    # Ctrl-C is often pressed twice; the second one must not interrupt the logout.
    process.send_signal(number)
    writer.join(30)
    appliance.hold.set()
    assert results[0].result["failure"] == {
        "code": "stopped",
        "message": f"stopped by {number.name}",
        "server": "localhost",
    }
    assert all_sessions_closed(server)


@pytest.mark.parametrize("held_request", ["POST /session", "DELETE /session"])
def test_a_signal_during_login_or_logout_is_deferred(server: Any, appliance: Appliance, held_request: str) -> None:
    """Without the token, a session that the server has opened cannot be closed."""
    appliance.hold, appliance.held_request = threading.Event(), held_request
    end = interrupt_while_waiting(server, appliance)
    assert end.result["failure"]["code"] == "stopped"
    assert "workloads" not in end.result
    assert all_sessions_closed(server)
    assert ("GET /list" in server.calls()) is (held_request == "DELETE /session")


def test_logout_after_an_error_and_a_signal(server: Any, appliance: Appliance) -> None:
    """The error waits for a thread with a pending page; a signal in that time must not prevent the logout."""
    appliance.content = {"late": True, "bug": "division by zero"}
    appliance.hold, appliance.held_request = threading.Event(), "GET /page"
    end = interrupt_while_waiting(server, appliance, seconds=1.0)
    assert "unexpected ZeroDivisionError" in end.result["msg"]
    assert all_sessions_closed(server)


def test_allow_partial_does_not_ignore_signals(server: Any, appliance: Appliance) -> None:
    appliance.content = {"swallow": True}
    appliance.hold, appliance.held_request = threading.Event(), "GET /page"
    end = interrupt_while_waiting(server, appliance, allow_partial=True)
    assert end.result["failure"]["code"] == "stopped"
    assert all_sessions_closed(server)


def interrupt_while_waiting(server: Any, appliance: Appliance, *, seconds: float = 0.3, **more: Any) -> ModuleResult:
    """Send a signal to a module while the server delays its response; return the module's result."""
    process = start("one")
    results: list[ModuleResult] = []
    writer = threading.Thread(target=lambda: results.append(wait_for_result(process, build_arguments(server, **more))))
    writer.start()
    assert appliance.hold is not None
    assert appliance.reached.wait(30)
    time.sleep(seconds)
    process.send_signal(signal.SIGTERM)
    time.sleep(0.3)
    appliance.hold.set()
    writer.join(30)
    return results[0]


def test_an_abandoned_module_logs_out(server: Any, appliance: Appliance) -> None:
    """The module gets no signal on a task timeout or if Ansible was killed."""
    appliance.hold = threading.Event()
    with start("one") as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(build_arguments(server))
        process.stdin.close()
        assert appliance.reached.wait(30)
        process.stdout.close()
        process.wait(15)
    appliance.hold.set()
    assert all_sessions_closed(server)


def test_a_result_may_be_written_to_a_file(server: Any, tmp_path: Path) -> None:
    """No process reads the file while it is written."""
    with (tmp_path / "result.json").open("w+b") as file:
        environ = {**os.environ, "PYTHONPATH": TREE}
        command = [sys.executable, "-c", MODULE, "one"]
        subprocess.run(command, input=build_arguments(server), stdout=file, env=environ, check=True, timeout=60)
        file.seek(0)
        assert json.loads(file.read())["totals"]["recovery_points"] == 3


def test_waiting_threads_do_not_delay_a_signal(server: Any, appliance: Appliance) -> None:
    appliance.content, appliance.page = {"pages": 4}, (503, {"Retry-After": "100"}, b"")
    process = start("one")
    results: list[ModuleResult] = []
    writer = threading.Thread(target=lambda: results.append(wait_for_result(process, build_arguments(server))))
    writer.start()
    assert appliance.reached.wait(30)
    time.sleep(0.3)
    started = time.monotonic()
    process.send_signal(signal.SIGTERM)
    writer.join(30)
    assert results[0].result["failure"]["code"] == "stopped"
    assert time.monotonic() - started < 15
    assert all_sessions_closed(server)
