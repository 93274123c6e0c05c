# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action groups: module_defaults apply to every module of their group, in a real play."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from tests.integration.conftest import Simulators
from tests.integration.running_modules import MODULES, get_login
from tests.integration.running_plays import on_localhost, play
from tests.tools.project import ROOT

GROUPS = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text("utf-8"))["action_groups"]


def test_every_info_module_is_in_one_group() -> None:
    modules = sorted(path.stem for path in (ROOT / "plugins" / "modules").glob("*_info.py"))
    assert sorted([*GROUPS["info"], *GROUPS["tools"]]) == modules


@pytest.mark.parametrize("verbosity", [(), ("-v",)])
def test_defaults_of_a_group_apply_to_its_modules(
    simulators: Simulators, tmp_path: Path, verbosity: tuple[str, ...]
) -> None:
    tasks = []
    for product, (module, own) in MODULES.items():
        defaults = {**get_login(simulators.ready, product), "workload_names": ["web-*"], "detail": "recovery_points"}
        read = {"name": product, f"backup.audit.{module}": own, "register": f"read_{product}"}
        tasks.append(
            {"name": product, "module_defaults": {"group/backup.audit.info": defaults}, "block": [read]},
        )
    needed = {"restic_snapshots_info": ["repository"], "borg_archives_info": ["repository"]}
    for module in GROUPS["tools"]:
        options = {**dict.fromkeys(needed.get(module, []), "/srv/backup"), **({"password": "p"} if needed else {})}
        options = options if module in needed else {}
        defaults = {"executable": "/nowhere/the-default"}
        run = {"name": module, f"backup.audit.{module}": options, "register": f"read_{module}", "ignore_errors": True}
        tasks.append({"name": module, "module_defaults": {"group/backup.audit.tools": defaults}, "block": [run]})
    names = [*MODULES, *GROUPS["tools"]]
    expressions = ", ".join(f"'{name}': read_{name}" for name in names)
    keep = {
        "content": f"{{{{ {{ {expressions} }} | to_json }}}}",
        "dest": str(tmp_path / "results.json"),
        "mode": "0600",
    }
    ended = play(on_localhost(*tasks, {"name": "Keep", "ansible.builtin.copy": keep}), tmp_path, arguments=verbosity)
    assert ended.status == 0, ended.output[-3000:]
    results = json.loads((tmp_path / "results.json").read_text("utf-8"))
    for product in MODULES:
        rows = results[product]["workloads"]
        assert {row["workload_name"] for row in rows if row["recovery_points"]} == {"web-01", "web-02"}, product
        assert results[product]["recovery_points"], product
    for module in GROUPS["tools"]:
        assert "/nowhere/the-default" in results[module]["msg"]
