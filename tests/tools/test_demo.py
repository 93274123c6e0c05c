# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.tools import demo

READY: dict[str, Any] = {
    "ca_path": "/tmp/ca.pem",
    "products": {
        "spp": {"url": "https://localhost:1", "username": "reader", "password": "s&e+c%r e"},
        "veeam_azure": {"url": "https://localhost:2", "username": "reader", "password": "another one"},
    },
}


@pytest.fixture
def process() -> Iterator[subprocess.Popen[bytes]]:
    """A process that neither serves nor ends by itself."""
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as process:
        yield process
        process.kill()


def test_no_password_is_written() -> None:
    written = yaml.safe_dump(demo.inventory_of(READY))
    for server in READY["products"].values():
        assert server["password"] not in written
    hosts = demo.inventory_of(READY)["backup_servers"]["hosts"]
    assert sorted(hosts) == ["demo-spp", "demo-veeam-azure"]
    assert "DEMO_VEEAM_AZURE_PASSWORD" in hosts["demo-veeam-azure"]["backup_password"]


def test_simulators_that_end_early_are_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "OUTPUT", tmp_path)
    monkeypatch.setattr(demo, "SIMULATORS", [sys.executable, "-c", "raise SystemExit('no free port')"])
    with pytest.raises(demo.DemoError, match="no free port"), demo.simulators():
        pass


def test_simulators_that_never_serve_are_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, process: subprocess.Popen[bytes]
) -> None:
    monkeypatch.setattr(demo, "SECONDS_TO_START", 0)
    log = tmp_path / "log"
    log.write_text("still thinking", encoding="utf-8")
    with pytest.raises(demo.DemoError, match="still thinking"):
        demo.wait_until_ready(process, tmp_path / "ready.json", log)
    demo.end(process)
    assert process.returncode is not None


# Says its process id in the ready file and then serves nobody.
SERVE = """
import json, os, sys, time
with open(sys.argv[2] + ".part", "w") as ready:
    json.dump({"pid": os.getpid()}, ready)
os.replace(sys.argv[2] + ".part", sys.argv[2])
time.sleep(600)
"""


def test_the_simulators_end_when_the_block_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "OUTPUT", tmp_path)
    monkeypatch.setattr(demo, "SIMULATORS", [sys.executable, "-c", SERVE])

    def fail_inside() -> None:
        with demo.simulators() as ready:
            raise ValueError(ready["pid"])

    with pytest.raises(ValueError, match=r"\d+") as failure:
        fail_inside()
    with pytest.raises(ProcessLookupError):
        os.kill(int(str(failure.value)), 0)
    assert not (tmp_path / "simulators.json").exists()
