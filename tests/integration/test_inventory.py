# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventory plugin with the real ansible-inventory: graph, list, cache, and servers that cannot be read."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.conftest import Simulators
from tests.integration.running_modules import MODULES
from tests.integration.running_plays import kept_results
from tests.tools.project import ROOT


def server(simulators: Simulators, product: str, **more: Any) -> dict[str, Any]:
    """Build one entry of servers; the password comes from the environment, as in the documentation."""
    ready = simulators.ready["products"][product]
    password = f"{{{{ lookup('ansible.builtin.env', 'PASSWORD_{product}') }}}}"
    login = {"url": ready["url"], "username": ready["username"], "password": password}
    return {"product": product, **login, **ready["options"], "ca_path": simulators.ready["ca_path"], **more}


def inventory(
    simulators: Simulators, folder: Path, *arguments: str, passwords: dict[str, str] | None = None, **options: Any
) -> subprocess.CompletedProcess[str]:
    """Run ansible-inventory with such a source."""
    file = folder / "workloads.yml"
    file.write_text(yaml.safe_dump({"plugin": "backup.audit.workloads", **options}), "utf-8")
    right = {name: entry["password"] for name, entry in simulators.ready["products"].items()}
    environment = {
        **os.environ,
        **{f"PASSWORD_{name}": password for name, password in {**right, **(passwords or {})}.items()},
        "ANSIBLE_COLLECTIONS_PATH": os.environ.get("ANSIBLE_COLLECTIONS_PATH", str(ROOT / ".venv" / "collections")),
        "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "true",
        "LC_ALL": "C.UTF-8",
    }
    command = [str(Path(sys.executable).parent / "ansible-inventory"), "-i", str(file), *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)


def test_graph_and_list_of_every_product(simulators: Simulators, tmp_path: Path) -> None:
    """Every workload with a name is a host in groups by result, product and platform. No secret is shown."""
    options: dict[str, Any] = {
        "servers": [server(simulators, product) for product in MODULES],
        "policy": "daily_26h",
        "keyed_groups": [{"key": "workload_type", "prefix": "type"}],
        "groups": {"never": "recovery_points == 0"},
        "compose": {"shown": "workload_name ~ '!'"},
    }
    listed = inventory(simulators, tmp_path, "--list", **options)
    assert listed.returncode == 0, listed.stderr
    listing = json.loads(listed.stdout)
    variables = listing["_meta"]["hostvars"]
    assert {host["workload_product"] for host in variables.values()} == set(MODULES)
    for name, host in variables.items():
        assert name in listing[f"verdict_{host['verdict']}"]["hosts"]
        assert name in listing[f"product_{host['workload_product']}"]["hosts"]
        assert name in listing[f"type_{host['workload_type']}"]["hosts"]
        assert (name in listing["never"]["hosts"]) == (host["recovery_points"] == 0)
        # From ansible-core 2.19, composed text is marked as not being a template.
        shown = host["shown"]["__ansible_unsafe"] if isinstance(host["shown"], dict) else host["shown"]
        assert shown == f"{host['workload_name']}!"
        assert bool(host["findings"]) == (host["verdict"] not in ("pass", "not_applicable"))
    graph = inventory(simulators, tmp_path, "--graph", "verdict_fail", **options)
    assert graph.returncode == 0, graph.stderr
    assert "@verdict_fail:" in graph.stdout
    for entry in simulators.ready["products"].values():
        assert entry["password"] not in listed.stdout + listed.stderr + graph.stdout


def test_the_cache_avoids_requests(simulators: Simulators, tmp_path: Path) -> None:
    options: dict[str, Any] = {
        "servers": [server(simulators, "spp")],
        "cache": True,
        "cache_plugin": "ansible.builtin.jsonfile",
        "cache_connection": str(tmp_path / "cache"),
    }
    first = inventory(simulators, tmp_path, "--list", **options)
    assert first.returncode == 0, first.stderr
    asked = len(simulators.requests("spp"))
    assert asked
    again = inventory(simulators, tmp_path, "--list", **options)
    assert sorted(json.loads(again.stdout)["_meta"]["hostvars"]) == sorted(
        json.loads(first.stdout)["_meta"]["hostvars"]
    )
    assert len(simulators.requests("spp")) == asked
    # A cached result is used for the same server with another password, but not for other servers or options.
    more = {**options, "servers": [*options["servers"], server(simulators, "vprotect")]}
    hosts = json.loads(inventory(simulators, tmp_path, "--list", **more).stdout)["_meta"]["hostvars"].values()
    assert {host["workload_product"] for host in hosts} == {"spp", "vprotect"}
    asked = len(simulators.requests("spp"))
    other = {**options, "servers": [server(simulators, "spp", workload_types=["vm"])]}
    assert inventory(simulators, tmp_path, "--list", **other).returncode == 0
    assert len(simulators.requests("spp")) > asked
    asked = len(simulators.requests("spp"))
    assert inventory(simulators, tmp_path, "--list", passwords={"spp": "changed"}, **options).returncode == 0
    assert len(simulators.requests("spp")) == asked
    # ansible-core 2.16 does not support --flush-cache here.
    if "--flush-cache" in inventory(simulators, tmp_path, "--help").stdout:
        assert inventory(simulators, tmp_path, "--list", "--flush-cache", **options).returncode == 0
        assert len(simulators.requests("spp")) > asked
    kept = "".join(path.read_text("utf-8") for path in (tmp_path / "cache").iterdir())
    assert kept
    assert simulators.ready["products"]["spp"]["password"] not in kept


@pytest.mark.parametrize("cached", [False, True])
def test_an_unreadable_server_is_reported(simulators: Simulators, tmp_path: Path, cached: bool) -> None:
    """By default the inventory fails. If only a warning is configured, the other servers are listed."""
    options: dict[str, Any] = {"servers": [server(simulators, "spp"), server(simulators, "vprotect")]}
    if cached:
        connection = str(tmp_path / "cache")
        options |= {"cache": True, "cache_plugin": "ansible.builtin.jsonfile", "cache_connection": connection}
    wrong = {"spp": "wrong-secret"}
    refused = inventory(simulators, tmp_path, "--list", passwords=wrong, **options)
    assert refused.returncode != 0
    # Older versions of Ansible wrap the message.
    assert "Login to https://" in " ".join(refused.stderr.split())
    assert "wrong-secret" not in refused.stderr
    partly = inventory(simulators, tmp_path, "--list", passwords=wrong, on_unreadable="warn", **options)
    assert partly.returncode == 0, partly.stderr
    assert "workloads are not listed" in partly.stderr.replace("\n", " ")
    hosts = json.loads(partly.stdout)["_meta"]["hostvars"].values()
    assert {host["workload_product"] for host in hosts} == {"vprotect"}
    # A failure is not cached.
    result = inventory(simulators, tmp_path, "--list", **options)
    hosts = json.loads(result.stdout)["_meta"]["hostvars"].values()
    assert {host["workload_product"] for host in hosts} == {"spp", "vprotect"}


def test_stored_read_results_are_a_source(simulators: Simulators, tmp_path: Path) -> None:
    """No server is contacted; a play runs over failing workloads."""
    facts = kept_results(simulators.ready, tmp_path)
    listed = inventory(simulators, tmp_path, "--list", results=[str(facts / "*.json")])
    assert listed.returncode == 0, listed.stderr
    hosts = json.loads(listed.stdout)["_meta"]["hostvars"].values()
    assert {host["workload_product"] for host in hosts} == set(MODULES)
    missing = inventory(simulators, tmp_path, "--list", results=[str(tmp_path / "nothing-*.json")])
    assert missing.returncode != 0
    assert "cannot read file" in missing.stderr.replace("\n", " ")
