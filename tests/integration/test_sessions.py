# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sessions are closed however a read ends. Only SIGKILL leaves one open, which does not lock out anyone.

Some servers do not store sessions, so there is nothing to close or count.
"""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.faults.products import LOG_IN
from tests.integration.conftest import Simulators
from tests.integration.running_modules import MODULES, get_login, read, run_module, start_module, wait_for_module
from tests.integration.running_plays import play
from tests.integration.test_failures import fault
from tests.simulators.products import PRODUCT_APIS

PRODUCTS = list(MODULES)
BUG = """
from ansible_collections.backup.audit.plugins.module_utils._collect.summary import Summary
def add(self, *point):
    raise ZeroDivisionError("in the summary")
assert hasattr(Summary, "add_point_like")
Summary.add = Summary.add_point_like = add
"""


def count_open_sessions(simulators: Simulators, product: str) -> int:
    """Return the number of sessions that the server holds open."""
    return int(simulators.ask(product, "__sessions")["open"])


def count_log_ins(simulators: Simulators, product: str) -> int:
    """Count the logins."""
    calls = [(call["method"], call["path"]) for call in simulators.requests(product)]
    return calls.count(("POST", LOG_IN[product]))


def count_active_reads(simulators: Simulators, product: str) -> int:
    """Count the reads that have logged in."""
    count = count_open_sessions if PRODUCT_APIS[product].STORES_SESSIONS else count_log_ins
    return count(simulators, product)


def wait_until(condition: Callable[[], bool], seconds: float, what: str) -> None:
    """Fail if the condition is not true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


def start_reading(simulators: Simulators, product: str) -> subprocess.Popen[str]:
    """Start a module that reads, without waiting."""
    name, own = MODULES[product]
    return start_module(name, {**get_login(simulators.ready, product), **own})


@pytest.mark.parametrize("product", PRODUCTS)
def test_session_is_closed_after_success(simulators: Simulators, product: str) -> None:
    """A normal read ends."""
    assert not read(simulators.ready, product).failed
    assert count_log_ins(simulators, product) == 1
    assert count_open_sessions(simulators, product) == 0


@pytest.mark.parametrize("product", PRODUCTS)
def test_session_is_closed_after_an_error(simulators: Simulators, product: str) -> None:
    """The server fails in the middle of the listing."""
    simulators.ask(product, "__faults", fault(product, "status", status=500))
    assert read(simulators.ready, product).result["failure"]["code"] == "server_error"
    assert count_log_ins(simulators, product) == 1
    assert count_open_sessions(simulators, product) == 0


@pytest.mark.parametrize("product", PRODUCTS)
def test_session_is_closed_after_an_internal_error(simulators: Simulators, product: str) -> None:
    """The error occurs while other threads are still reading."""
    name, own = MODULES[product]
    end = run_module(name, {**get_login(simulators.ready, product), **own}, before=BUG)
    assert "unexpected ZeroDivisionError: in the summary" in end.message
    assert count_log_ins(simulators, product) == 1
    assert count_open_sessions(simulators, product) == 0


@pytest.mark.parametrize("product", PRODUCTS)
def test_session_is_closed_after_a_signal(simulators: Simulators, product: str) -> None:
    """Three reads at once, each ended by a different signal while running."""
    simulators.ask(product, "__faults", fault(product, "delay", seconds=6))
    numbers = [signal.SIGTERM, signal.SIGINT, signal.SIGHUP]
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        # Under nohup modules ignore it, as they should.
        numbers.remove(signal.SIGHUP)
    processes = [start_reading(simulators, product) for _number in numbers]
    try:
        wait_until(lambda: count_active_reads(simulators, product) == len(numbers), 60, "not all have logged in")
        for process, number in zip(processes, numbers, strict=True):
            process.send_signal(number)
        ends = [wait_for_module(process) for process in processes]
    finally:
        for process in processes:
            process.kill()
    for end, number in zip(ends, numbers, strict=True):
        assert end.result["failure"]["code"] == "stopped"
        assert number.name in end.message
    assert count_open_sessions(simulators, product) == 0


@pytest.mark.parametrize("product", PRODUCTS)
def test_sigkill_leaves_a_session_open(simulators: Simulators, product: str) -> None:
    """The session is open until the server ends it, and does not lock out anyone."""
    simulators.ask(product, "__faults", fault(product, "delay", seconds=20))
    process = start_reading(simulators, product)
    try:
        wait_until(lambda: count_active_reads(simulators, product) == 1, 60, "it has not logged in")
    finally:
        process.kill()
        process.communicate()
    simulators.ask(product, "__faults", [])
    assert not read(simulators.ready, product).failed
    assert count_open_sessions(simulators, product) == (1 if PRODUCT_APIS[product].STORES_SESSIONS else 0)
    simulators.reset()


def test_session_is_closed_after_a_task_timeout(simulators: Simulators, tmp_path: Path) -> None:
    """Ansible's ``timeout`` leaves the modules running. They detect it and end. Tests all products at once."""
    hosts: dict[str, Any] = {}
    tasks: list[dict[str, Any]] = []
    for product in PRODUCTS:
        simulators.ask(product, "__faults", fault(product, "delay", seconds=30))
        name, own = MODULES[product]
        hosts[product] = {}
        tasks.append(
            {
                "name": f"Read {product}",
                f"backup.audit.{name}": {**get_login(simulators.ready, product), **own},
                "when": f"inventory_hostname == '{product}'",
                "timeout": 20,
                "register": product,
                "ignore_errors": True,
            }
        )
    keep = {
        "name": "Keep the result",
        "ansible.builtin.copy": {
            "content": "{{ lookup('ansible.builtin.vars', inventory_hostname) | to_json }}",
            "dest": f"{tmp_path}/{{{{ inventory_hostname }}}}.json",
            "mode": "0600",
        },
    }
    variables = {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}
    head = {"name": "Test", "hosts": "all", "gather_facts": False, "strategy": "free", "vars": variables}
    end = play(
        [{**head, "tasks": [*tasks, keep]}],
        tmp_path,
        inventory={"all": {"hosts": hosts}},
        arguments=("--forks", str(len(PRODUCTS))),
    )
    assert end.status == 0, end.output
    for product in PRODUCTS:
        result = json.loads((tmp_path / f"{product}.json").read_text())
        assert result["failed"] is True
        # Before ansible-core 2.17 only the message reports it.
        assert "timedout" in result or "expected time frame" in result["msg"], result
        assert count_log_ins(simulators, product) == 1
    # Pending requests are still completed.
    wait_until(
        lambda: not any(count_open_sessions(simulators, product) for product in PRODUCTS), 50, "not all have logged out"
    )
