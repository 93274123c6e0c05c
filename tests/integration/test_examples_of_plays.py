# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The examples of roles, the inventory plugin and the event source run unchanged, except for addresses."""

from __future__ import annotations

import asyncio
import inspect
import json
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.awx.standin import TOKEN, serving
from tests.integration.conftest import Simulators
from tests.integration.running_modules import get_login, read
from tests.integration.running_plays import play, servers
from tests.integration.test_events import INSTALLED, JAVA, RULEBOOK, SOURCES
from tests.tools.project import ROOT

INVENTORY_PLUGIN = ROOT / "plugins" / "inventory" / "workloads.py"


def fenced(page: Path) -> list[Any]:
    """Parse the YAML blocks of a Markdown page."""
    found = [yaml.safe_load(text) for text in re.findall(r"^```yaml\n(.*?)^```", page.read_text("utf-8"), re.M | re.S)]
    assert found, page
    return found


def test_example_play_of_the_role_compliance(simulators: Simulators, tmp_path: Path) -> None:
    (plays,) = fenced(ROOT / "roles" / "compliance" / "README.md")
    variables = plays[0]["tasks"][0]["vars"]
    variables["compliance_output"] = str(tmp_path / "evidence")
    ended = play(plays, tmp_path, inventory=servers(simulators.ready))
    # Not all simulated workloads comply with the example's policy.
    assert ended.status == 2, ended.output[-3000:]
    document = json.loads((tmp_path / "evidence" / "findings.json").read_text("utf-8"))
    assert all(one["complete"] for one in document["data_sources"])
    controls = {finding["control"] for finding in document["findings"]}
    assert controls >= {f"recovery_points.{rule}" for rule in variables["compliance_policy"]["recovery_points"]}


def test_example_play_of_the_role_awx_setup(tmp_path: Path) -> None:
    (plays,) = fenced(ROOT / "roles" / "awx_setup" / "README.md")
    variables = plays[0]["tasks"][0]["vars"]
    with serving() as (url, standin):
        variables["awx_setup_url"] = url
        ended = play(plays, tmp_path, environment={"CONTROLLER_OAUTH_TOKEN": TOKEN})
        assert ended.status == 0, ended.output[-3000:]
        assert {host["name"] for host in standin.objects["hosts"].values()} >= set(variables["awx_setup_hosts"])


def inventories() -> list[dict[str, Any]]:
    """Return the examples of the inventory plugin."""
    found = re.search(r'^EXAMPLES = r"""\n(.*?)^"""', INVENTORY_PLUGIN.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    assert found
    return [document for document in yaml.safe_load_all(found[1]) if document]


@pytest.mark.parametrize("number", range(len(inventories())))
def test_examples_of_the_inventory_plugin(simulators: Simulators, tmp_path: Path, number: int) -> None:
    example = inventories()[number]
    environment = {}
    for server in example.get("servers", []):
        login = get_login(simulators.ready, server["product"])
        # The example takes its password from an environment variable.
        environment[f"{server['product'].upper()}_PASSWORD"] = login.pop("password")
        server.update(login)
    if "results" in example:
        kept = read(simulators.ready, "spp").result
        (tmp_path / "spp.json").write_text(json.dumps(kept))
        example["results"] = [str(tmp_path / Path(pattern).name) for pattern in example["results"]]
    if "cache_connection" in example:
        example["cache_connection"] = str(tmp_path / "cache")
    file = tmp_path / "backup_workloads.yml"
    file.write_text(yaml.safe_dump(example, sort_keys=False))
    settings = {
        "ANSIBLE_COLLECTIONS_PATH": str(INSTALLED.parents[2]),
        "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "true",
        "LC_ALL": "C.UTF-8",
    }
    listed = subprocess.run(
        [str(Path(sys.executable).parent / "ansible-inventory"), "-i", str(file), "--list"],
        env={**os.environ, **settings, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert listed.returncode == 0, listed.stderr
    document = json.loads(listed.stdout)
    assert any(host.partition("--")[0] == "web-01" for host in document["_meta"]["hostvars"])
    for keyed in example.get("keyed_groups", []):
        assert any(group.startswith(f"{keyed['prefix']}_") for group in document)
    for group in example.get("groups", {}):
        assert document[group]["hosts"]
    assert not example.get("cache") or list((tmp_path / "cache").iterdir())


def rulebooks() -> list[Any]:
    """Return the rulebook of the page and that of the file itself."""
    page = next(found for found in fenced(ROOT / "docs" / "guides" / "events.md") if "sources" in found[0])
    docstring = inspect.cleandoc(str(runpy.run_path(str(SOURCES / "recovery_points.py"))["__doc__"]))
    return [page, yaml.safe_load(docstring.split("Example:\n")[1])]


def use_simulator(rulebook: Any, simulators: Simulators, folder: Path) -> dict[str, Any]:
    """Return the arguments of its source with a simulated server, and the password of the example."""
    arguments: dict[str, Any] = rulebook[0]["sources"][0]["backup.audit.recovery_points"]
    for server in arguments["servers"]:
        server.update({**get_login(simulators.ready, server["product"]), "password": server["password"]})
    arguments.update(state_file=str(folder / "events.json"), once=True)
    return arguments


@pytest.mark.parametrize("number", [0, 1])
def test_arguments_of_the_event_source(simulators: Simulators, tmp_path: Path, number: int) -> None:
    arguments = use_simulator(rulebooks()[number], simulators, tmp_path)
    for server in arguments["servers"]:
        assert server["password"] == f"{{{{ {server['product']}_password }}}}"
        server["password"] = get_login(simulators.ready, server["product"])["password"]
    document: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    asyncio.run(runpy.run_path(str(SOURCES / "recovery_points.py"))["main"](document, arguments))
    assert document.get_nowait()["recovery_points"]["change"] == "not_compliant"


@pytest.mark.skipif(RULEBOOK is None or JAVA is None, reason="ansible-rulebook or a Java 17 is not installed")
def test_the_rulebook_of_the_page_runs_its_playbook(simulators: Simulators, tmp_path: Path) -> None:
    assert RULEBOOK is not None
    assert JAVA is not None
    rulebook = rulebooks()[0]
    use_simulator(rulebook, simulators, tmp_path)
    action = rulebook[0]["rules"][0]["action"]["run_playbook"]
    shared = {"hosts": "localhost", "gather_facts": False, "connection": "local"}
    shown = {"ansible.builtin.debug": {"msg": "TOLD OF {{ ansible_eda.event.recovery_points.workload.name }}"}}
    (tmp_path / action["name"]).write_text(yaml.safe_dump([{**shared, "tasks": [shown]}]))
    (tmp_path / "rules.yml").write_text(yaml.safe_dump(rulebook))
    (tmp_path / "hosts.yml").write_text("all:\n  hosts:\n    localhost:\n")
    (tmp_path / "vars.yml").write_text(
        yaml.safe_dump({"spp_password": get_login(simulators.ready, "spp")["password"]}),
    )
    environment = {
        "PATH": f"{Path(RULEBOOK).parent}:{os.environ['PATH']}",
        "JAVA_HOME": str(JAVA.parents[1]),
        "ANSIBLE_COLLECTIONS_PATH": str(INSTALLED.parents[2]),
        "LC_ALL": "C.UTF-8",
    }
    ended = subprocess.run(
        [RULEBOOK, "-r", "rules.yml", "-i", "hosts.yml", "--vars", "vars.yml"],
        cwd=tmp_path,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "TOLD OF" in ended.stdout, ended.stdout + ended.stderr
