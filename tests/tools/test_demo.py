# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.simulators.products import PRODUCT_APIS
from tests.tools import demo

READY: dict[str, Any] = {
    "ca_path": "/tmp/ca.pem",
    "products": {
        "spp": {"url": "https://localhost:1", "username": "reader", "password": "s&e+c%r e", "options": {}},
        "veeam_azure": {
            "url": "https://localhost:2",
            "username": "reader",
            "password": "another one",
            "options": {"subscription_id": "one,two"},
        },
    },
}


@pytest.fixture
def process() -> Iterator[subprocess.Popen[bytes]]:
    """A process that neither serves requests nor ends by itself."""
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as process:
        yield process
        process.kill()


def test_passwords_are_not_written() -> None:
    written = yaml.safe_dump(demo.build_inventory(READY))
    for server in READY["products"].values():
        assert server["password"] not in written
    hosts = demo.build_inventory(READY)["backup_servers"]["hosts"]
    assert sorted(hosts) == ["demo-spp", "demo-veeam-azure"]
    assert "DEMO_VEEAM_AZURE_PASSWORD" in hosts["demo-veeam-azure"]["backup_password"]


def test_hosts_have_the_options_that_their_products_require() -> None:
    hosts = demo.build_inventory(READY)["backup_servers"]["hosts"]
    assert hosts["demo-veeam-azure"]["backup_subscription_id"] == "one,two"
    assert "backup_subscription_id" not in hosts["demo-spp"]


def test_output_of_simulators_that_end_early_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "OUTPUT", tmp_path)
    monkeypatch.setattr(demo, "SIMULATORS", [sys.executable, "-c", "raise SystemExit('no free port')"])
    with pytest.raises(demo.DemoError, match="no free port"), demo.simulators():
        pass


def test_hanging_simulators_are_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, process: subprocess.Popen[bytes]
) -> None:
    monkeypatch.setattr(demo, "SECONDS_TO_START", 0)
    log = tmp_path / "log"
    log.write_text("still thinking", encoding="utf-8")
    with pytest.raises(demo.DemoError, match="still thinking"):
        demo.wait_until_ready(process, tmp_path / "ready.json", log)
    demo.stop_process(process)
    assert process.returncode is not None


WHOLE: dict[str, Any] = {"server": {"host": "one"}, "complete": True}
BROKEN: dict[str, Any] = {"server": {"host": "two"}, "complete": False, "failure": "the log-in was rejected"}


def test_complete_reads_of_every_server_succeed() -> None:
    demo.check_results([WHOLE, WHOLE], 2)


@pytest.mark.parametrize(
    ("read_results", "message"),
    [([WHOLE, BROKEN], "two: the log-in was rejected"), ([WHOLE], "1 of 2 servers"), ([], "0 of 2 servers")],
)
def test_an_unread_server_is_an_error(read_results: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(demo.DemoError, match=message):
        demo.check_results(read_results, 2)


def test_every_product_of_the_role_has_a_simulator() -> None:
    assert set(demo.products()) <= set(PRODUCT_APIS)
    assert {"spp", "veeam_azure"} <= set(demo.products())


# Writes its process id to the ready file, but does not serve requests.
SERVE = """
import json, os, sys, time
ready_file = sys.argv[sys.argv.index("--ready-file") + 1]
with open(ready_file + ".part", "w") as ready:
    json.dump({"pid": os.getpid()}, ready)
os.replace(ready_file + ".part", ready_file)
time.sleep(600)
"""


def test_simulators_are_stopped_if_the_block_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_missing_restic_is_reported(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert demo.restic_host() == {}
    assert "restic is not installed" in capsys.readouterr().out


@pytest.mark.skipif(shutil.which("restic") is None, reason="restic is not installed")
def test_with_restic_a_real_repository_is_created(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "RESTIC", tmp_path / "restic")
    host = demo.restic_host()["demo-restic"]
    assert demo.RESTIC_PASSWORD not in yaml.safe_dump(host["backup_password"])
    environment = os.environ | {"RESTIC_REPOSITORY": host["backup_repository"], "RESTIC_PASSWORD": demo.RESTIC_PASSWORD}
    command = ["restic", "--no-cache", "--no-lock", "--json", "snapshots"]
    listed = json.loads(subprocess.run(command, env=environment, capture_output=True, check=True).stdout)
    assert [snapshot["hostname"] for snapshot in listed] == ["documentation"]
