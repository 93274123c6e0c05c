# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""With -v a play shows the progress of long reads. Without it the output does not change."""

from __future__ import annotations

import concurrent.futures
import json
import re
from pathlib import Path
from typing import Any

from tests.integration.conftest import Simulators
from tests.integration.running_modules import MODULES, get_login
from tests.integration.running_plays import PlayResult, play

PRODUCTS = ("spp", "vprotect")
# Longer than the time until the first line, shorter than until the second.
SECONDS = 12
LINE = r"<(?P<host>\w+)> (?P<server>\S+): still reading after 10 s: [\d,]+ pages? \([\d.]+ MB\), "
LINE += r"[\d,]+ recovery points? of [\d,]+ workloads?\n"


def plays(simulators: Simulators) -> list[dict[str, Any]]:
    """Build plays that read two servers at the same time, then one of them in the background."""
    python = {"ansible_python_interpreter": "{{ ansible_playbook_python }}", "ansible_connection": "local"}
    tasks = []
    for product in PRODUCTS:
        name, own = MODULES[product]
        task = {f"backup.audit.{name}": {**get_login(simulators.ready, product), **own}, "register": f"told_{product}"}
        tasks += [
            {**task, "name": f"Read {product}", "when": f"inventory_hostname == '{product}'"},
            {**task, "name": "Read on its own", "when": f"inventory_hostname == '{product}'", "async": 60, "poll": 1},
        ]
    shown_run = "lookup('ansible.builtin.vars', 'told_' ~ inventory_hostname)"
    keep = {"content": f"{{{{ {shown_run} | to_json }}}}", "dest": "{{ inventory_hostname }}.json", "mode": "0600"}
    tasks.append({"name": "Keep", "ansible.builtin.copy": keep})
    return [{"name": "Read", "hosts": "all", "gather_facts": False, "strategy": "free", "vars": python, "tasks": tasks}]


def test_progress_is_shown_only_with_v(simulators: Simulators, tmp_path: Path) -> None:
    for product in PRODUCTS:
        # Separate for each of the plays that run at the same time.
        simulators.ask(product, "__faults", [{"match": {}, "fault": "delay", "seconds": SECONDS, "times": 2}])

    def run(name: str, *arguments: str) -> PlayResult:
        (tmp_path / name).mkdir()
        hosts = {"all": {"hosts": dict.fromkeys(PRODUCTS)}}
        return play(plays(simulators), tmp_path / name, inventory=hosts, arguments=arguments)

    with concurrent.futures.ThreadPoolExecutor() as pool:
        shown_run, quiet = pool.submit(run, "told", "-v"), pool.submit(run, "quiet")
        shown, silent = shown_run.result(), quiet.result()
    assert shown.status == 0, shown.output
    assert silent.status == 0, silent.output
    assert sorted(match["host"] for match in re.finditer(LINE, shown.output)) == sorted(PRODUCTS)
    assert "still reading" not in silent.output
    for product in PRODUCTS:
        assert get_login(simulators.ready, product)["password"] not in shown.output
        kept = (tmp_path / "quiet" / f"{product}.json").read_text()
        assert json.loads(kept)["totals"]["recovery_points"] > 100
        assert "still reading" not in kept
    left = [path for path in tmp_path.rglob("*") if path.is_fifo()]
    assert left == []
