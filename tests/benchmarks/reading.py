# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures of reading: one product at one scale, in seconds and in memory, each beside what it is compared with."""

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
from tests.benchmarks.recipes import RECIPES, WHOLE, Recipe, product_of
from tests.benchmarks.serving import Server, serving, throughput
from tests.tools.project import ROOT

Result = dict[str, Any]
WORKLOADS = 500
SIZE = 500
CONNECTIONS = 4
# Where each workload has a call of its own, `uri` takes minutes: measured with fewer, and multiplied.
_FEW_WORKLOADS = 50
_CALLS_BY_WORKLOAD = ("spp", "veeam_aws")
# Of large reads what is in no bound is measured once.
_MOST_IN_PAIRS = 10_000
# As running_modules does it, with the peak of memory told at the end.
_RUN = """
import atexit, os, pathlib, runpy, sys
def tell():
    lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    peak = next(line.split()[1] for line in lines if line.startswith("VmHWM:"))
    pathlib.Path(os.environ["PEAK"]).write_text(peak)
atexit.register(tell)
from ansible.module_utils import basic
basic._ANSIBLE_ARGS = sys.stdin.buffer.read()
if hasattr(basic, "_ANSIBLE_PROFILE"):
    basic._ANSIBLE_PROFILE = "legacy"
runpy.run_module("ansible_collections.backup.audit.plugins.modules." + sys.argv[1], run_name="__main__")
"""


def slices_of(points: int, workloads: int) -> int:
    """Weeks that hold points, of one point a night."""
    return points // workloads // 7 + 1


def client(name: str, server: Server, calls: list[list[str]] | None = None) -> Result:
    """Run the bare client, by the recipe or with these calls."""
    job = {
        "recipe": name,
        "server": server.login,
        "size": SIZE,
        "slices": slices_of(server.points, len(server.ready["workloads"])),
        "calls": calls or [],
        "connections": CONNECTIONS,
    }
    command = [sys.executable, "-m", "tests.benchmarks.client"]
    ended = subprocess.run(command, cwd=ROOT, input=json.dumps(job), capture_output=True, text=True, check=False)
    if ended.returncode != 0:
        raise RuntimeError(f"the bare client of {name} failed:\n{ended.stderr[-3000:]}")
    told: Result = json.loads(ended.stdout)
    if not calls and told["rows"] < server.points:
        raise RuntimeError(f"the bare client of {name} met {told['rows']} rows of {server.points}")
    return told


def module(name: str, server: Server, *, before: str = "", **options: Any) -> Result:
    """Run the info module as a process of its own; gives its READ, its peak of memory and its seconds of processor.

    ``before`` is Python that runs first in its process, and may write into the file PROFILE.
    """
    recipe = RECIPES[name]
    arguments = {**server.login, **recipe.options, "page_size": SIZE, "pack": True, **options}
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
            "seconds": read["requests"]["seconds"],
            "profile": profile.read_text("utf-8") if profile.exists() else None,
        }


def warm(name: str, server: Server) -> tuple[list[list[str]], Result]:
    """Have all answers rendered; gives the calls that the module made, but for log-in and log-out, and its memory."""
    bare = client(name, server)
    server.counted()
    told = module(name, server)
    calls: list[list[str]] = server.counted()["calls"]
    return [call for call in calls if _is_reading(call)], _in_memory(bare, told)


def _is_reading(call: list[str]) -> bool:
    method, target, _body = call
    return method == "GET" or "/backups/" in target


def alone(name: str, server: Server, calls: list[list[str]]) -> Result:
    """The server's own speed, with a client that only receives."""
    targets = [target for method, target, _body in calls if method == "GET"]
    headers = {name: value for name, value in RECIPES[name].headers.items() if "{{" not in value}
    answers, megabytes = throughput(server, headers, targets, CONNECTIONS)
    many, _megabytes = throughput(server, headers, targets * (1 + 500 // len(targets)), 64)
    return {"answers_per_second": answers, "megabytes_per_second": megabytes, "answers_per_second_of_64": many}


def wall(name: str, points: int, pairs: int, *, hand: bool, workloads: int = WORKLOADS) -> list[Result]:
    """Seconds of the task and of the play, in turn with the bare client; and, once, what explains them, and memory."""
    series = ("bare", "ping", "read", "audit", "same_calls", "ping_packed", "read_packed", "audit_packed")
    measured: dict[str, list[float]] = {key: [] for key in series}
    hand = hand and not (RECIPES[name].xml or RECIPES[name].variants)
    with serving(product_of(name), workloads, points, variants=RECIPES[name].variants) as server:
        calls, peaks = warm(name, server)
        told: Result = {"server": alone(name, server, calls), "calls": len(calls)}
        server.counted()
        for number in range(pairs):
            measured["bare"].append(client(name, server)["seconds"])
            _audited(measured, name, server, "")
            if number == 0:
                measured["same_calls"].append(client(name, server, calls)["seconds"])
            if number == 0 or points <= _MOST_IN_PAIRS:
                _audited(measured, name, server, "_packed", pack=True)
        told["rendered_while_measured"] = server.counted()["rendered"]
        if hand and name not in _CALLS_BY_WORKLOAD:
            told["hand"] = _by_hand(name, RECIPES[name], server, points)
            if name in WHOLE:
                told["whole"] = _by_hand(name, WHOLE[name], server, points)
    if hand and name in _CALLS_BY_WORKLOAD:
        with serving(product_of(name), _FEW_WORKLOADS, points * _FEW_WORKLOADS // WORKLOADS) as server:
            client(name, server)
            told["hand"] = _by_hand(name, RECIPES[name], server, points)
    measured["task"] = paired(measured, "read", "ping")
    measured["task_packed"] = paired(measured, "read_packed", "ping_packed")
    which = {"product": name, "points": points}
    figures = {"medians": medians(measured), "all": measured}
    return [{"measure": "wall", **which, **told, **figures}, {"measure": "memory", **which, **peaks}]


def _audited(measured: dict[str, list[float]], name: str, server: Server, suffix: str, **options: Any) -> None:
    """One play with empty tasks before it, whose time is not counted to it."""
    timed = plays.timed(plays.audit(RECIPES[name], server, SIZE, **options))
    measured[f"ping{suffix}"].append(timed.tasks["Ping"])
    measured[f"read{suffix}"].append(timed.tasks["Read"])
    measured[f"audit{suffix}"].append(timed.seconds - timed.tasks["First"] - timed.tasks["Ping"])


def _by_hand(name: str, recipe: Recipe, server: Server, points: int) -> Result:
    workloads = len(server.ready["workloads"])
    timed = plays.timed(plays.by_hand(recipe, server, SIZE, slices_of(server.points, workloads)))
    return {
        "seconds": timed.seconds,
        "tasks": dict(timed.tasks),
        "points": server.points,
        "wanted": points,
        "share": workloads / WORKLOADS,
        "by_workload": name in _CALLS_BY_WORKLOAD,
    }


def memory(name: str, points: int, *, workloads: int = WORKLOADS) -> Result:
    """Peak of memory and processor time of module and bare client, each a process of its own."""
    with serving(product_of(name), workloads, points, latency_ms=5, variants=RECIPES[name].variants) as server:
        bare = client(name, server)
        told = module(name, server)
    return {"measure": "memory", "product": name, "points": points, **_in_memory(bare, told)}


def _in_memory(bare: Result, told: Result) -> Result:
    return {
        "module_peak_kb": told["peak_kb"],
        "module_cpu": told["cpu"],
        "module_seconds": told["seconds"],
        "bare_peak_kb": bare["peak_kb"],
        "bare_seconds": bare["seconds"],
    }
