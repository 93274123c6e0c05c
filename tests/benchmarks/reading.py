# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures of reading: one product at one scale, in seconds and memory, each with its baseline."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.benchmarks import plays
from tests.benchmarks.figures import medians, paired
from tests.benchmarks.recipes import RECIPES, WHOLE, Recipe, get_product
from tests.benchmarks.serving import Server, running_server, throughput
from tests.tools.project import ROOT

Result = dict[str, Any]
WORKLOADS = 500
SIZE = 500
CONNECTIONS = 4
# If each workload needs its own request, `uri` takes minutes: measure fewer and extrapolate.
_FEW_WORKLOADS = 50
_CALLS_BY_WORKLOAD = ("spp", "veeam_aws")
# For large reads, figures without a bound are measured once.
_MOST_IN_PAIRS = 10_000
# Like running_modules, but writes the peak memory at exit.
_RUN = """
import atexit, os, pathlib, runpy, sys
def write_peak():
    lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    peak = next(line.split()[1] for line in lines if line.startswith("VmHWM:"))
    pathlib.Path(os.environ["PEAK"]).write_text(peak)
atexit.register(write_peak)
from ansible.module_utils import basic
basic._ANSIBLE_ARGS = sys.stdin.buffer.read()
if hasattr(basic, "_ANSIBLE_PROFILE"):
    basic._ANSIBLE_PROFILE = "legacy"
runpy.run_module("ansible_collections.backup.audit.plugins.modules." + sys.argv[1], run_name="__main__")
"""


def count_weeks(points: int, workloads: int) -> int:
    """Count the weeks that contain points, with one point a night."""
    return points // workloads // 7 + 1


def run_client(name: str, server: Server, calls: list[list[str]] | None = None) -> Result:
    """Run the minimal client, following the recipe or sending these requests."""
    job = {
        "recipe": name,
        "server": server.login,
        "size": SIZE,
        "slices": count_weeks(server.points, len(server.ready["workloads"])),
        "calls": calls or [],
        "connections": CONNECTIONS,
    }
    command = [sys.executable, "-m", "tests.benchmarks.client"]
    ended = subprocess.run(command, cwd=ROOT, input=json.dumps(job), capture_output=True, text=True, check=False)
    if ended.returncode != 0:
        raise RuntimeError(f"the minimal client for {name} failed:\n{ended.stderr[-3000:]}")
    result: Result = json.loads(ended.stdout)
    if not calls and result["rows"] < server.points:
        raise RuntimeError(f"the minimal client for {name} counted {result['rows']} rows, expected {server.points}")
    return result


def run_module(name: str, server: Server, *, before: str = "", **options: Any) -> Result:
    """Run the info module in its own process; return its read result, peak memory and processor seconds.

    ``before`` is Python code that runs first in its process, and may write into the file PROFILE.
    """
    recipe = RECIPES[name]
    arguments = {**server.login, **recipe.options, "page_size": SIZE, "compress": True, **options}
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        peak, profile = Path(folder) / "peak", Path(folder) / "profile"
        files = {"PEAK": str(peak), "PROFILE": str(profile)}
        environment = {**os.environ, "PYTHONPATH": str(ROOT / ".venv" / "tree"), **files}
        before_it = resource.getrusage(resource.RUSAGE_CHILDREN)
        ended = subprocess.run(
            [sys.executable, "-c", before + _RUN, recipe.module],
            input=json.dumps({"ANSIBLE_MODULE_ARGS": arguments}),
            capture_output=True,
            text=True,
            env=environment,
            check=False,
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        lines = [line for line in ended.stdout.splitlines() if line.startswith("{")]
        read: Result = json.loads(lines[-1]) if lines else {"failed": True, "msg": ended.stderr[-3000:]}
        if read.get("failed") or read["totals"]["points_listed"] < server.points:
            raise RuntimeError(f"the module of {name} failed: {read.get('msg', read.get('totals'))}")
        return {
            "read": read,
            "peak_kb": int(peak.read_text("utf-8")),
            "cpu": after.ru_utime + after.ru_stime - before_it.ru_utime - before_it.ru_stime,
            "seconds": read["http_requests"]["seconds"],
            "profile": profile.read_text("utf-8") if profile.exists() else None,
        }


def warm_up(name: str, server: Server) -> tuple[list[list[str]], Result]:
    """Render all responses; return the requests of the module without login and logout, and its memory."""
    bare = run_client(name, server)
    server.fetch_stats()
    result = run_module(name, server)
    calls: list[list[str]] = server.fetch_stats()["calls"]
    return [call for call in calls if _is_read_request(call)], _memory_figures(bare, result)


def _is_read_request(call: list[str]) -> bool:
    method, target, _body = call
    return method == "GET" or "/backups/" in target


def measure_server(name: str, server: Server, calls: list[list[str]]) -> Result:
    """Measure the server's own speed with a client that only receives."""
    targets = [target for method, target, _body in calls if method == "GET"]
    headers = {name: value for name, value in RECIPES[name].headers.items() if "{{" not in value}
    answers, megabytes = throughput(server, headers, targets, CONNECTIONS)
    many, _megabytes = throughput(server, headers, targets * (1 + 500 // len(targets)), 64)
    return {"answers_per_second": answers, "megabytes_per_second": megabytes, "answers_per_second_of_64": many}


def measure_wall_time(name: str, points: int, pairs: int, *, hand: bool, workloads: int = WORKLOADS) -> list[Result]:
    """Measure task and play in turn with the minimal client; once also the figures that explain them, and memory."""
    of_a_play = [f"{name}{suffix}" for suffix in ("", "_compressed") for name in ("start", "ping", "read", "audit")]
    measured: dict[str, list[float]] = {key: [] for key in ("bare", "same_calls", *of_a_play)}
    hand = hand and not (RECIPES[name].xml or RECIPES[name].variants or RECIPES[name].signed_for)
    with running_server(get_product(name), workloads, points, variants=RECIPES[name].variants) as server:
        calls, peaks = warm_up(name, server)
        result: Result = {"server": measure_server(name, server, calls), "calls": len(calls)}
        server.fetch_stats()
        for number in range(pairs):
            measured["bare"].append(run_client(name, server)["seconds"])
            _measure_plays(measured, name, server, "")
            if number == 0:
                measured["same_calls"].append(run_client(name, server, calls)["seconds"])
            if number == 0 or points <= _MOST_IN_PAIRS:
                _measure_plays(measured, name, server, "_compressed", compress=True)
        result["rendered_while_measured"] = server.fetch_stats()["rendered"]
        if hand and name not in _CALLS_BY_WORKLOAD:
            result["hand"] = _measure_handwritten_play(name, RECIPES[name], server, points)
            if name in WHOLE:
                result["whole"] = _measure_handwritten_play(name, WHOLE[name], server, points)
    if hand and name in _CALLS_BY_WORKLOAD:
        with running_server(get_product(name), _FEW_WORKLOADS, points * _FEW_WORKLOADS // WORKLOADS) as server:
            run_client(name, server)
            result["hand"] = _measure_handwritten_play(name, RECIPES[name], server, points)
    measured["task"] = paired(measured, "read", "ping")
    measured["task_compressed"] = paired(measured, "read_compressed", "ping_compressed")
    which = {"product": name, "points": points}
    figures = {"medians": medians(measured), "all": measured}
    return [{"measure": "wall", **which, **result, **figures}, {"measure": "memory", **which, **peaks}]


def _measure_plays(measured: dict[str, list[float]], name: str, server: Server, suffix: str, **options: Any) -> None:
    """Measure one play without the time of the empty tasks before it."""
    timed = plays.run_timed(plays.build_audit_play(RECIPES[name], server, SIZE, **options))
    measured[f"start{suffix}"].append(timed.seconds - sum(timed.tasks.values()))
    measured[f"ping{suffix}"].append(timed.tasks["Ping"])
    measured[f"read{suffix}"].append(timed.tasks["Read"])
    measured[f"audit{suffix}"].append(timed.seconds - timed.tasks["First"] - timed.tasks["Ping"])


def _measure_handwritten_play(name: str, recipe: Recipe, server: Server, points: int) -> Result:
    workloads = len(server.ready["workloads"])
    timed = plays.run_timed(plays.build_handwritten_play(recipe, server, SIZE, count_weeks(server.points, workloads)))
    return {
        "seconds": timed.seconds,
        "tasks": dict(timed.tasks),
        "points": server.points,
        "wanted": points,
        "share": workloads / WORKLOADS,
        "by_workload": name in _CALLS_BY_WORKLOAD,
    }


def measure_memory(name: str, points: int, *, workloads: int = WORKLOADS) -> Result:
    """Measure peak memory and processor time of the module and the minimal client, each in its own process."""
    with running_server(get_product(name), workloads, points, latency_ms=5, variants=RECIPES[name].variants) as server:
        bare = run_client(name, server)
        result = run_module(name, server)
    return {"measure": "memory", "product": name, "points": points, **_memory_figures(bare, result)}


def _memory_figures(bare: Result, result: Result) -> Result:
    return {
        "module_peak_kb": result["peak_kb"],
        "module_cpu": result["cpu"],
        "module_seconds": result["seconds"],
        "bare_peak_kb": bare["peak_kb"],
        "bare_seconds": bare["seconds"],
    }
