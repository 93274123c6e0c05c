# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures of the steps after reading: the role over many servers, the assertion, and the filters."""

from __future__ import annotations

import functools
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ansible_collections.backup.audit.plugins.filter import (
    compare_assessments,
    to_csv,
    to_hdf,
    to_html_report,
    to_junit,
    to_markdown,
    to_openmetrics,
    to_oscal,
    to_text,
)
from ansible_collections.backup.audit.plugins.module_utils._collect.result import seal, unpack
from tests.benchmarks import plays, reading
from tests.benchmarks.figures import medians
from tests.benchmarks.serving import Server, running_server
from tests.integration.running_plays import on_localhost
from tests.unit.plugins.plugin_utils.assessments import large

Result = dict[str, Any]
_PRODUCT = "veeam_azure"
_PER_SOURCE = 1000
_NIGHTS = 10
# A loop of assert runs a task for every row and slows down with their number, so the number is limited.
_MOST_LOOPED = 1000
# Like the assertion, it runs on the control node without a module.
_EMPTY = tuple({"name": name, "ansible.builtin.assert": {"that": ["true"]}} for name in ("First", "Empty"))
_BY_LOOP = {
    "ansible.builtin.assert": {
        "that": [
            f"item.recovery_points >= {plays.MINIMUM}",
            f"item.newest_age_seconds <= {plays.MAX_AGE_HOURS * 3600}",
        ],
        "quiet": True,
    },
    "loop": "{{ read_results | map(attribute='workloads') | flatten(levels=1) }}",
    "loop_control": {"label": "{{ item.workload_name }}"},
}


def measure_role(sources: int, times: int) -> Result:
    """Measure the play backup.audit.compliance over this many servers with 1,000 workloads each."""
    points = _PER_SOURCE * _NIGHTS
    seconds: list[float] = []
    peaks: list[float] = []
    with (
        running_server(_PRODUCT, _PER_SOURCE, points, ports=sources) as server,
        tempfile.TemporaryDirectory() as folder,
    ):
        reading.warm_up(_PRODUCT, server)
        variables = {"compliance_output": folder, "compliance_policy": plays.POLICY}
        for _number in range(times):
            timed = plays.run_timed("backup.audit.compliance", variables, inventory=_inventory(server))
            seconds.append(timed.seconds)
            peaks.append(timed.peak_kb)
    measured = {"seconds": seconds, "peak_kb": peaks}
    return {"measure": "role", "sources": sources, "points": points, "medians": medians(measured), "all": measured}


def _inventory(server: Server) -> dict[str, Any]:
    hosts = {
        f"server-{number}": {
            "backup_product": _PRODUCT,
            "backup_url": url,
            "backup_username": server.ready["username"],
            "backup_password": server.ready["password"],
            "backup_ca_path": server.ready["ca_path"],
        }
        for number, url in enumerate(server.ready["urls"])
    }
    return {"backup_servers": {"hosts": hosts}}


@functools.cache
def build_read() -> dict[str, Any]:
    """Return a read result with 1,000 workloads, created by the module."""
    with running_server(_PRODUCT, _PER_SOURCE, _PER_SOURCE * _NIGHTS, latency_ms=0) as server:
        read: dict[str, Any] = reading.run_module(_PRODUCT, server, compress=False)["read"]
    return {name: value for name, value in read.items() if name not in ("invocation", "changed")}


def _copy_read(read: dict[str, Any], workloads: int, *, compressed: bool) -> list[dict[str, Any]]:
    """Copy the read result once per thousand workloads, each copy as another server with the same workloads."""
    blocks = [json.loads(unpack(text, "points")) for text in read["points"]]
    frame = {name: value for name, value in read.items() if name not in ("points", "sha256")}
    read_results = []
    for number in range(workloads // _PER_SOURCE):
        host = f"server-{number}.example.com"
        rows = [{**row, "source": host} for row in read["workloads"]]
        # With one identity, they would be read results of the same server, and only the newest one would count.
        server = {**frame["server"], "host": host, "identity": f"server-{number}"}
        result = {**frame, "server": server, "workloads": rows}
        read_results.append(seal(result, blocks, compress=compressed))
    return read_results


def measure_assertion(workloads: int, times: int, *, compressed: bool) -> Result:
    """Measure recovery_points_assert over this many workloads and, if the rows are readable, a loop of assert."""
    evaluate = {
        "name": "Evaluate",
        "backup.audit.recovery_points_assert": {"results": "{{ read_results }}", "policy": plays.POLICY},
    }
    measured: dict[str, list[float]] = {"task": [], "peak_kb": []}
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "reads.json"
        file.write_text(json.dumps(_copy_read(build_read(), workloads, compressed=compressed)), "utf-8")
        for _number in range(times):
            timed = plays.run_timed(_with_results(file, *_EMPTY, evaluate))
            measured["task"].append(timed.tasks["Evaluate"] - timed.tasks["Empty"])
            measured["peak_kb"].append(timed.peak_kb)
        result = {"measure": "assertion", "workloads": workloads, "compressed": compressed}
        if not compressed and workloads <= _MOST_LOOPED:
            timed = plays.run_timed(_with_results(file, {"name": "Loop", **_BY_LOOP}))
            result["loop"] = timed.tasks["Loop"]
    return {**result, "medians": medians(measured), "all": measured}


def _with_results(file: Path, *tasks: dict[str, Any]) -> plays.Play:
    """Load the read results as if they were registered: Ansible would search the values of vars_files for templates."""
    load = {"read_results": f"{{{{ lookup('ansible.builtin.file', '{file}') | from_json }}}}"}
    return on_localhost({"name": "Load", "ansible.builtin.set_fact": load}, *tasks)


def measure_filters(workloads: int, times: int) -> list[Result]:
    """Measure each filter over an assessment of this many workloads."""
    assessment = large(workloads)
    every: dict[str, Callable[[Any], Any]] = {
        "to_html_report": to_html_report.to_html_report,
        "to_junit": to_junit.to_junit,
        "to_csv": to_csv.to_csv,
        "to_openmetrics": to_openmetrics.to_openmetrics,
        "to_oscal": to_oscal.to_oscal,
        "to_hdf": to_hdf.to_hdf,
        "to_markdown": to_markdown.to_markdown,
        "to_text": to_text.to_text,
        "compare_assessments": lambda given: compare_assessments.compare_assessments(given, given),
    }
    results = []
    for name, render in every.items():
        seconds = []
        for _number in range(times):
            started = time.perf_counter()
            document = render(assessment)
            seconds.append(time.perf_counter() - started)
        size = len(document) if isinstance(document, str) else len(json.dumps(document))
        figures = {"seconds": seconds}
        result = {"measure": "filter", "filter": name, "workloads": workloads, "characters": size}
        results.append({**result, "medians": medians(figures), "all": figures})
    return results
