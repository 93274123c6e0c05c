# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulators as a process: files, termination, and published documents of the vendors."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.schemas.loader import load
from tests.simulators import running
from tests.simulators.process import SimulatorError
from tests.tools.project import ROOT
from tests.unit.simulators.client import AGGREGATE, CATALOGUE, WITH_SESSION, AzureClient, SppClient


def start(ready_file: Path, *arguments: str, **more: Any) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.simulators", "--ready-file", str(ready_file), *arguments]
    return subprocess.Popen(command, cwd=ROOT, **more)


def wait_for(path: Path, process: subprocess.Popen[bytes]) -> dict[str, Any]:
    for _ignored in range(1500):
        if path.exists():
            document: dict[str, Any] = json.loads(path.read_text())
            return document
        assert process.poll() is None, "ended before it served"
        time.sleep(0.02)
    raise AssertionError("did not serve within 30 s")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_terminates_on_request_without_leftovers(tmp_path: Path, number: signal.Signals) -> None:
    ready_file, temporary = tmp_path / "ready.json", tmp_path / "tmp"
    temporary.mkdir()
    process = start(ready_file, "--workloads=3", env={**os.environ, "TMPDIR": str(temporary)})
    ready = wait_for(ready_file, process)
    assert sorted(ready) == ["ca_path", "estate", "products"]
    assert set(ready["products"]) >= {"spp", "veeam_azure"}
    assert Path(ready["ca_path"]).read_text().startswith("-----BEGIN CERTIFICATE")
    assert Path(ready["estate"]).is_relative_to(temporary)
    process.send_signal(number)
    assert process.wait(15) == 0
    assert list(tmp_path.iterdir()) == [temporary]
    assert list(temporary.iterdir()) == []


def test_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    ready_file = tmp_path / "ready.json"
    process = start(ready_file, "--workloads=1", "--stop-with-stdin", stdin=subprocess.PIPE)
    wait_for(ready_file, process)
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(15) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--product=spp", "--variant=spp.colour=red"], "no variant 'colour'"),
        (["--product=spp", "--variant=veeam_azure.page_cap=3"], "not among the products"),
        (["--product=none"], "invalid choice"),
        (["--now=2026-03-10T12:00:00"], "needs a zone"),
        (["--points=0"], "not a number above 0"),
    ],
)
def test_invalid_arguments_are_rejected(tmp_path: Path, arguments: list[str], message: str) -> None:
    process = start(tmp_path / "ready.json", *arguments, stderr=subprocess.PIPE)
    _ignored, errors = process.communicate(timeout=30)
    assert process.returncode == 2
    assert message in errors.decode()
    assert list(tmp_path.iterdir()) == []


def test_a_failed_start_reports_the_reason() -> None:
    with pytest.raises(SimulatorError, match="no variant 'colour'"), running(variants={"spp.colour": "red"}):
        pass


def test_data_is_the_same_for_the_same_time() -> None:
    texts = []
    for _ignored in range(2):
        with running(("spp",), workloads=5, points=3, now="2026-03-10T12:00:00Z") as ready:
            texts.append(Path(ready["estate"]).read_bytes())
    assert texts[0] == texts[1]


def test_start_options() -> None:
    wanted = {"spp.copies_as_rows": False, "spp.version": "10.1.6"}
    with running(("spp",), workloads=4, points=5, latency_ms=80, variants=wanted) as ready:
        assert list(ready["products"]) == ["spp"]
        spp = SppClient(ready)
        spp.control("reset", {})
        assert spp.control("variant")["copies_as_rows"] is False
        started = time.monotonic()
        spp.log_in()
        assert time.monotonic() - started > 0.08
        assert {row["count"] for row in spp.counts().values()} == {5}
        assert "version" in spp.get("/ngp/version")


@pytest.fixture(scope="module")
def printed() -> Iterator[dict[str, Any]]:
    with running(estate="seed") as ready:
        yield ready


def test_published_counts_of_ibm(printed: dict[str, Any]) -> None:
    spp = SppClient(printed)
    spp.log_in()
    assert {pk: row["count"] for pk, row in spp.counts().items()} == {
        "92647504afd9005226aef77bc0b98abb": 10,
        "8989CFF1-6F16-4E2B-9FCC-9F8C8CD719C9": 1,
    }
    total = [{"operation": "sum", "fieldname": "protectionInfo.transferSize", "outputname": "incrBackupSize"}]
    chosen = json.dumps(
        [
            {"property": "sessionId", "op": ">", "value": "0"},
            {"property": "protectionInfo.baseBackup", "op": "=", "value": "false"},
        ]
    )
    sums = {row["incrBackupSize"] for row in spp.counts(op=total, filter_text=chosen).values()}
    assert sums == {10_737_418_240, 1_073_741_824_000}


def test_published_points_of_veeam(printed: dict[str, Any]) -> None:
    azure = AzureClient(printed)
    azure.log_in()
    page = azure.get("/api/v1/restorePoints")
    assert (page["offset"], page["limit"], page["totalCount"]) == (0, 30, 5)
    assert {row["id"]: (row["pointInTime"], row["backupDestination"]) for row in page["results"]} == {
        "15ed5dd3-c759-4726-9682-be9f9d72a7d5": ("2020-02-03T13:02:39.35773Z", "ManualSnapshot"),
        "1e1782e9-9921-4e11-980a-77203e9c691a": ("2020-02-05T10:48:38.853005Z", "AzureBlob"),
        "cd88a27f-afb0-4bd2-b9e7-bc1bd47252a0": ("2020-02-05T10:45:14.482326Z", "Snapshot"),
        "df483336-91b8-4e6b-87cf-7bd95f43c3de": ("2020-02-04T11:15:29.990303Z", "AzureBlob"),
        "f5661843-f425-4081-9d77-de440b4106e1": ("2020-02-04T19:02:30.328869Z", "AzureBlob"),
    }
    assert {row["backupSizeBytes"] for row in page["results"]} == {136_367_309_312}


def test_printed_documents_follow_their_schemas(printed: dict[str, Any]) -> None:
    """Fields and types match; the values are tested above."""
    spp = SppClient(printed)
    spp.log_in()
    query = {"action": "aggregate", "filter": WITH_SESSION}
    counts = spp.call("POST", CATALOGUE, params=query, json=AGGREGATE).json()
    assert load("spp", "10.1").problems("POST", CATALOGUE, 200, counts) == []
    assert len(counts["results"]) == 2
    azure = AzureClient(printed)
    azure.log_in()
    points = azure.get("/api/v1/restorePoints")
    assert load("veeam_azure", "1").problems("GET", "/api/v1/restorePoints", 200, points) == []
    assert len(points["results"]) == 5
