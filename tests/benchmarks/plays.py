# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real plays: the info module with the assertion, the same handwritten with `uri`, and the empty task as a baseline."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.benchmarks.recipes import WEEK, Recipe
from tests.benchmarks.serving import Server
from tests.integration.running_plays import on_localhost, play
from tests.tools.project import ROOT

Play = list[dict[str, Any]]
MINIMUM = 7
MAX_AGE_HOURS = 26
POLICY = {"recovery_points": {"min_count": MINIMUM, "max_age": f"{MAX_AGE_HOURS}h"}}
# Timeout in seconds: a longer play would spoil the run.
_TIMEOUT = 900
_CUTOFFS = {
    "iso": "{{ '%Y-%m-%dT%H:%M:%S' | strftime(cutoff_at, utc=true) }}",
    "datetime": "{{ '%Y-%m-%dT%H:%M:%S' | strftime(cutoff_at, utc=true) | to_datetime('%Y-%m-%dT%H:%M:%S') }}",
    "milliseconds": "{{ cutoff_at * 1000 }}",
    "seconds": "{{ cutoff_at }}",
}


@dataclass(frozen=True)
class PlayTiming:
    """Seconds of the play and of each task; peak kilobytes of the play or its largest child process."""

    seconds: float
    tasks: Mapping[str, float]
    peak_kb: int


def run_timed(plays: Play | str, variables: Mapping[str, Any] | None = None, **more: Any) -> PlayTiming:
    """Run a play, which must succeed, and measure it."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        environment = {
            "ANSIBLE_CALLBACK_PLUGINS": str(Path(__file__).parent / "callback_plugins"),
            "ANSIBLE_CALLBACKS_ENABLED": "stopwatch",
            "ANSIBLE_FORKS": "10",
            "STOPWATCH": str(folder / "stopwatch.json"),
            "PYTHONPATH": str(ROOT),
        }
        started = time.monotonic()
        ended = play(plays, folder, variables=variables, environment=environment, timeout=_TIMEOUT, **more)
        seconds = time.monotonic() - started
        if ended.status != 0:
            raise RuntimeError(f"a play that is measured failed:\n{ended.output[-3000:]}")
        stopwatch = json.loads((folder / "stopwatch.json").read_text("utf-8"))
    return PlayTiming(seconds, stopwatch["tasks"], max(stopwatch["peak_kb"], stopwatch["worker_peak_kb"]))


# The first task of every play takes longer; the second is the empty task that serves as a baseline.
PINGS: tuple[dict[str, Any], ...] = (
    {"name": "First", "ansible.builtin.ping": {}},
    {"name": "Ping", "ansible.builtin.ping": {}},
)


def build_audit_play(recipe: Recipe, server: Server, size: int, **options: Any) -> Play:
    """Build the play of a user of this collection, with the empty tasks before it."""
    arguments = {**server.login, **recipe.options, "page_size": size, **options}
    return on_localhost(
        *PINGS,
        {"name": "Read", f"backup.audit.{recipe.module}": arguments, "register": "read"},
        {"name": "Evaluate", "backup.audit.recovery_points_assert": {"results": ["{{ read }}"], "policy": POLICY}},
    )


def build_handwritten_play(recipe: Recipe, server: Server, size: int, slices: int) -> Play:
    """Build the same evaluation with `uri`: pages by computed offsets, one template over rows grouped by workload."""
    pages = "([first] if keep else []) + rest.results"
    tasks: list[dict[str, Any]] = [
        {
            "name": "Log in",
            "ansible.builtin.uri": _uri_arguments(recipe.login, server),
            "register": "login",
            "no_log": True,
        },
        {"name": "First", "ansible.builtin.uri": _page_arguments(recipe, server, recipe.first), "register": "first"},
        {
            "name": "Pages",
            "ansible.builtin.uri": _page_arguments(recipe, server, recipe.page, recipe.body),
            "loop": "{{ " + recipe.loop + " }}",
            "register": "rest",
            "vars": {"first_body": "{{ " + _decode_expression(recipe, "first") + " }}"},
        },
        {
            "name": "Evaluate",
            "ansible.builtin.assert": {"that": [f"verdict | trim == '{len(server.ready['workloads'])} 0'"]},
            "vars": {
                "pages": "{{ " + pages.replace("keep", str(recipe.first_has_rows).lower()) + " }}",
                "rows": _rows_template(recipe),
                "cutoff": _CUTOFFS[recipe.cutoff],
                "verdict": _verdict_template(recipe),
            },
        },
    ]
    [plays] = on_localhost(*tasks)
    known = {"server": server.login, "size": size, "slices": slices, "week": WEEK, "asked_at": int(time.time())}
    plays["vars"] |= {**known, "cutoff_at": int(time.time()) - MAX_AGE_HOURS * 3600}
    return [plays]


def _uri_arguments(arguments: Mapping[str, Any], server: Server) -> dict[str, Any]:
    return {**arguments, "url": server.url + arguments["url"], "ca_path": server.ready["ca_path"]}


def _page_arguments(
    recipe: Recipe, server: Server, target: str, body: Mapping[str, str] | None = None
) -> dict[str, Any]:
    arguments: dict[str, Any] = {"url": target, "headers": dict(recipe.headers), "return_content": recipe.marked}
    if body is not None:
        fields = {name: text.replace("}}", "| int }}") for name, text in body.items()}
        arguments |= {"method": "POST", "body_format": "json", "body": {"system_id": 1, **fields, "sync_msg": 1}}
    return _uri_arguments(arguments, server)


def _decode_expression(recipe: Recipe, page: str) -> str:
    # `uri` does not remove a byte order mark.
    return f"({page}.content[1:] | from_json)" if recipe.marked else f"{page}.json"


def _rows_template(recipe: Recipe) -> str:
    if recipe.marked:
        member = ".".join(recipe.rows)
        return (
            "{% set found = [] %}{% for page in pages %}{% set ignored = found.extend("
            + _decode_expression(recipe, "page") + f".{member}) %}}{{% endfor %}}{{{{ found }}}}"
        )  # fmt: skip
    return "{{ pages | map(attribute='" + ".".join(("json", *recipe.rows)) + "') | flatten(levels=1) }}"


def _verdict_template(recipe: Recipe) -> str:
    """Count workloads and failing workloads; each page, row and group is visited once."""
    return (
        "{% set seen = [] %}{% set late = [] %}{% set limit = cutoff %}"
        f"{{% for name, points in rows {recipe.usable} | groupby('{recipe.group}') %}}"
        f"{{% set times = points | map(attribute='{recipe.time}') | list %}}{{% set ignored = seen.append(name) %}}"
        f"{{% if points | length < {MINIMUM} or ({recipe.newest}) < limit %}}"
        "{% set ignored = late.append(name) %}{% endif %}"
        "{% endfor %}{{ seen | length }} {{ late | length }}"
    )
