# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The event source: one event per change, no duplicates after a restart, and a real rulebook that reacts to them."""

from __future__ import annotations

import asyncio
import json
import os
import runpy
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.conftest import Simulators
from tests.tools.project import ROOT

# As installed: the file finds the collection above its own folder.
INSTALLED = ROOT / ".venv" / "collections" / "ansible_collections" / "backup" / "audit"
SOURCES = INSTALLED / "extensions" / "eda" / "plugins" / "event_source"
RULEBOOK = shutil.which("ansible-rulebook", path=f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}")
# Drools runs in its own Java process.
JAVA = next(iter(sorted(Path("/usr/lib/jvm").glob("*17*/bin/java"))), None)
ONE, MANY = {"recovery_points": {"min_count": 1}}, {"recovery_points": {"min_count": 1000}}


def server(simulators: Simulators, product: str = "spp", **more: Any) -> dict[str, Any]:
    """Build one entry of servers."""
    ready = simulators.ready["products"][product]
    login = {"url": ready["url"], "username": ready["username"], "password": ready["password"]}
    return {"product": product, **login, "ca_path": simulators.ready["ca_path"], "retries": 0, **more}


def read_events(servers: list[dict[str, Any]], policy: dict[str, Any], state: Path | None) -> list[dict[str, Any]]:
    """Run one read through the source's entry point and return its events."""
    queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    arguments = {"servers": servers, "policy": policy, "once": True, "state_file": str(state) if state else None}
    main = runpy.run_path(str(SOURCES / "recovery_points.py"))["main"]
    asyncio.run(main(queue, arguments))
    return [queue.get_nowait()["recovery_points"] for _number in range(queue.qsize())]


def group_by_change(events: list[dict[str, Any]]) -> dict[str, list[str]]:
    """Map each change to the names of its workloads."""
    changes: dict[str, list[str]] = {}
    for event in events:
        changes.setdefault(event["change"], []).append((event["workload"] or {"name": event["server"]})["name"])
    return changes


def test_every_change_is_reported_once(simulators: Simulators, tmp_path: Path) -> None:
    """A workload becomes noncompliant, stays noncompliant across a restart, and recovers."""
    state = tmp_path / "state.json"
    servers = [server(simulators)]
    first = group_by_change(read_events(servers, ONE, state))
    assert set(first) == {"not_compliant"}
    assert read_events(servers, ONE, state) == []
    worse = read_events(servers, MANY, state)
    turned = group_by_change(worse)["not_compliant"]
    assert turned == sorted(turned)
    assert not set(turned) & set(first["not_compliant"])
    # The points of one workload are kept although they have expired, which is a warning.
    assert {event["previous"] for event in worse} == {"pass", "warn"}
    assert all(event["findings"] for event in worse)
    assert len({event["id"] for event in worse}) == len(worse)
    assert read_events(servers, MANY, state) == []
    assert group_by_change(read_events(servers, ONE, state)) == {"compliant": turned}
    assert simulators.ready["products"]["spp"]["password"] not in state.read_text("utf-8")
    assert state.stat().st_mode & 0o077 == 0


def test_an_unreadable_server_is_reported_once(simulators: Simulators, tmp_path: Path) -> None:
    """Its workloads are not evaluated in the meantime, so their events are not repeated afterwards."""
    state = tmp_path / "state.json"
    wrong = [server(simulators, password="wr0ng-secret"), server(simulators, "vprotect")]
    right = [server(simulators), server(simulators, "vprotect")]
    read_events(right, ONE, state)
    (event,) = read_events(wrong, ONE, state)
    assert event["change"] == "unreadable"
    assert next(iter(event)) == "headline"
    assert event["headline"].endswith("; 1 of 2 servers could not be read")
    assert "as 'audit' failed (HTTP 401)" in event["message"]
    assert "wr0ng-secret" not in json.dumps(event)
    assert read_events(wrong, ONE, state) == []
    assert [event["change"] for event in read_events(right, ONE, state)] == ["readable"]


def test_new_points_are_reported(simulators: Simulators, tmp_path: Path) -> None:
    """The stored state has older points."""
    state = tmp_path / "state.json"
    servers = [server(simulators)]
    read_events(servers, ONE, state)
    kept = json.loads(state.read_text("utf-8"))
    older = {
        key: {**value, "newest": "2020-01-01T00:00:00Z"} if value.get("newest") else value
        for key, value in kept["workloads"].items()
    }
    state.write_text(json.dumps({**kept, "workloads": older}))
    changes = group_by_change(read_events(servers, ONE, state))
    assert set(changes) == {"recovery_point"}
    assert len(changes["recovery_point"]) == sum(bool(value.get("newest")) for value in older.values())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "servers is required"),
        ({"servers": [{"product": "tape"}]}, "'tape' is not a valid product"),
        ({"server": []}, "unsupported arguments: server. Did you mean 'servers'"),
    ],
)
def test_invalid_arguments_are_rejected(arguments: dict[str, Any], message: str) -> None:
    main = runpy.run_path(str(SOURCES / "recovery_points.py"))["main"]
    with pytest.raises(Exception, match=message):
        asyncio.run(main(asyncio.Queue(), {"once": True, **arguments}))


@pytest.mark.skipif(RULEBOOK is None or JAVA is None, reason="ansible-rulebook or a Java 17 is not installed")
def test_a_rulebook_runs_one_action_for_each_change(simulators: Simulators, tmp_path: Path) -> None:
    """Real ansible-rulebook: one action for each workload that became noncompliant, and none after a restart."""
    rules = [
        {
            "name": "Backups",
            "hosts": "all",
            "sources": [
                {
                    "recovery_points": {
                        "servers": [server(simulators)],
                        "policy": ONE,
                        "once": True,
                        "state_file": str(tmp_path / "state.json"),
                    }
                }
            ],
            "rules": [
                {
                    "name": "Turned bad",
                    "condition": 'event.recovery_points.change == "not_compliant"',
                    "action": {"debug": {"msg": "ACTED ON {{ event.recovery_points.workload.name }}"}},
                }
            ],
        }
    ]
    (tmp_path / "rules.yml").write_text(yaml.safe_dump(rules))
    (tmp_path / "hosts.yml").write_text("all:\n  hosts:\n    localhost:\n")
    queue = []
    for _start in range(2):
        assert RULEBOOK is not None
        assert JAVA is not None
        ended = subprocess.run(
            [RULEBOOK, "-r", str(tmp_path / "rules.yml"), "-i", str(tmp_path / "hosts.yml"), "-S", str(SOURCES)],
            env={
                **os.environ,
                "PATH": f"{Path(RULEBOOK).parent}:{os.environ['PATH']}",
                "JAVA_HOME": str(JAVA.parents[1]),
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
        queue.append(ended.stdout.count("ACTED ON"))
    bad = {"lab-3", "sandbox-7"}
    assert queue[0] >= len(bad)
    assert queue[1] == 0
