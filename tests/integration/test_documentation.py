# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every YAML block of the documentation is run according to its kind: play, tasks, policy, rulebook, ...

Addresses and passwords are replaced with those of simulated servers, and paths with a test folder; nothing else
changes. A result may be not compliant; nothing may fail for another reason. A block that cannot be run is marked in
its page.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.false_compliance.collecting import moved
from tests.integration.conftest import Simulators
from tests.integration.documentation_blocks import Block, all_blocks
from tests.integration.products import ADAPTERS
from tests.integration.running_modules import MODULES, get_login, read
from tests.integration.running_plays import PlayResult, on_localhost, play, servers
from tests.integration.test_events import read_events
from tests.integration.test_examples import HOSTS, get_product, use_shared_names
from tests.tools.project import ROOT

# test_getting_started follows the page with all of its steps.
BLOCKS = [block for block in all_blocks("yaml", "yml") if block.page.name != "getting_started.md"]
# A larger number would circumvent this test.
MOST_NOT_RUN = 6
LOCAL = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
PASSWORD = "for the tests"
DAILY = {"policy": "daily_26h"}
PROMETHEUS = re.compile(r"backup_audit_\w+")


class Example:
    """One block and the environment to run it in."""

    def __init__(self, block: Block, simulators: Simulators, folder: Path) -> None:
        self.block = block
        self.content = yaml.safe_load(block.text)
        self.simulators = simulators
        self.folder = folder

    def use_simulators(self, content: Any) -> Any:
        """Replace addresses with simulated servers, and remove become because it would prompt for a password."""
        if isinstance(content, list):
            return [self.use_simulators(inner) for inner in content]
        if not isinstance(content, dict):
            return self.move_path(content) if isinstance(content, str) else content
        changed = {name: self.use_simulators(inner) for name, inner in content.items() if not name.startswith("become")}
        for name, options in content.items():
            if name.startswith("backup.audit.") and {"url", "access_key"} & set(options or {}):
                product = get_product(name, options)
                use_shared_names(product, changed[name])
                changed[name].update(self.login(product))
                changed[name].pop("fingerprint", None)
        return changed

    def login(self, product: str) -> dict[str, Any]:
        """Return the connection of the simulated server; the password stays the example's variable."""
        login = get_login(self.simulators.ready, product)
        return {name: value for name, value in login.items() if name != "password"}

    def move_path(self, text: str) -> str:
        """Return a path of the example, moved into the folder."""
        for path in ("/var/lib/backup-audit", "/srv/", "/etc/borg/", "/etc/restic/"):
            text = text.replace(path, f"{self.folder}/{path.strip('/').replace('/', '-')}{'/' * path.endswith('/')}")
        return text

    def variables(self) -> dict[str, Any]:
        """Return the variables that examples define elsewhere: passwords."""
        login = {name: get_login(self.simulators.ready, product)["password"] for name, product in HOSTS.items()}
        return {f"{prefix}{name}_password": word for name, word in login.items() for prefix in ("", "vault_")}

    def play(self, plays: Any, inventory: dict[str, Any] | None = None, **more: Any) -> PlayResult:
        """Run the plays; a result that is not compliant is the only permitted failure."""
        environment = {
            f"{prefix}_{name.upper()}": value
            for product in MODULES
            for prefix in ADAPTERS[product].environment
            for name, value in get_login(self.simulators.ready, product).items()
            if isinstance(value, str)
        }
        hosts = {
            "production": {"hosts": {"web-01": LOCAL}},
            "tools": {"hosts": {"backup01": LOCAL}},
            **servers(self.simulators.ready),
            **(inventory or {}),
        }
        file = self.folder / "variables.json"
        file.write_text(json.dumps({**self.variables(), **more.pop("variables", {})}), "utf-8")
        ended = play(
            plays, self.folder, inventory=hosts, environment=environment, arguments=("-e", f"@{file}"), timeout=100
        )
        failed = [part for part in ended.output.split("\nTASK [") if "fatal:" in part and "...ignoring" not in part]
        assert ended.status in (0, 2), f"{self.block.place}\n{ended.output[-4000:]}"
        assert len(failed) == ended.status // 2, ended.output[-4000:]
        assert all("not compliant" in part.casefold() for part in failed), failed
        return ended


def run_plays(example: Example) -> None:
    """Run plays, with a real repository if one is read with a tool."""
    for tool, make in (("restic", make_restic), ("borg", make_borg)):
        if f"backup.audit.{tool}_" in example.block.text:
            if shutil.which(tool) is None:
                pytest.skip(f"{tool} is not installed")
            make(example)
    evidence = example.folder / "evidence"
    evidence.mkdir()
    # An example evaluates the state at the end of a year.
    kept = moved(read(example.simulators.ready, "veeam_azure").result, "2025-12-31T23:55:00Z")
    (evidence / "2025-12-31.json").write_text(json.dumps(kept), "utf-8")
    example.play(example.use_simulators(example.content))


def make_restic(example: Example) -> None:
    """Create a repository with one snapshot at the path in the example."""
    password, repository = example.move_path("/etc/restic/password"), example.move_path("/srv/restic")
    _with_password(password)
    for arguments in (["init"], ["backup", "--quiet", "--host", "web01", password]):
        command = ["restic", "--repo", repository, "--password-file", password, *arguments]
        subprocess.run(command, check=True, capture_output=True, timeout=60)


def make_borg(example: Example) -> None:
    """Create a repository with one archive at the path in the example."""
    password, repository = example.move_path("/etc/borg/passphrase"), example.move_path("/srv/borg")
    _with_password(password)
    Path(repository).parent.mkdir(exist_ok=True)
    environment = {**os.environ, "BORG_PASSPHRASE": PASSWORD}
    for arguments in (["init", "-e", "repokey", repository], ["create", f"{repository}::web01-1", password]):
        subprocess.run(["borg", *arguments], env=environment, check=True, capture_output=True, timeout=60)


def _with_password(path: str) -> None:
    Path(path).parent.mkdir()
    Path(path).write_text(PASSWORD, "utf-8")
    Path(path).chmod(0o600)


def assertion_tasks(example: Example, **more: Any) -> list[dict[str, Any]]:
    """Build tasks that store an assessment in ``audit``, with these options of the assertion."""
    read_results = example.folder / "read.json"
    read_results.write_text(json.dumps(read(example.simulators.ready, "spp", compress=True).result), "utf-8")
    task = {
        "name": "Evaluate",
        "backup.audit.recovery_points_assert": {"results": [str(read_results)], "fail": False, **more},
        "register": "audit",
    }
    check = {
        "name": "Check that there is an assessment",
        "ansible.builtin.assert": {"that": "audit.assessment is defined"},
    }
    return [task, check]


def run_tasks(example: Example) -> None:
    """Run tasks of a play that has read results, an assessment, and the assessment of the last run."""
    (example.folder / "evidence").mkdir()
    before = assertion_tasks(example, **DAILY)
    given = {"read_results": [str(example.folder / "read.json")]}
    last = {"name": "Remember", "ansible.builtin.set_fact": {"last_run": "{{ audit }}"}}
    example.play(on_localhost(*before, last, *example.use_simulators(example.content)), variables=given)


def run_policy(example: Example) -> None:
    """Run options of the assertion: each is accepted, and the result is an assessment."""
    options = example.content if {"policy", "policies"} & set(example.content) else {**DAILY, **example.content}
    ended = example.play(on_localhost(*assertion_tasks(example, **json.loads(json.dumps(options, default=str)))))
    assert "failed=0" in ended.output, ended.output[-4000:]


def run_rulebook(example: Example) -> None:
    """The source reads the servers of the rulebook, and its events match the rulebook's conditions."""
    (book,) = example.content
    (source,) = (entry["backup.audit.recovery_points"] for entry in book["sources"])
    assert set(source) <= {"interval", "state_file", "policy", "servers"}
    for server in source["servers"]:
        assert re.fullmatch(r"\{\{ \w+_password \}\}", server["password"])
        server |= {**get_login(example.simulators.ready, server["product"])}
    events = read_events(source["servers"], source["policy"], None)
    for rule in book["rules"]:
        path, value = re.fullmatch(r'event\.recovery_points\.(\w+) == "(\w+)"', rule["condition"]).groups()  # type: ignore[union-attr]
        assert value in {event[path] for event in events}


def run_alerts(example: Example) -> None:
    """Check that every metric of an alert exists under that name."""
    keep = {"content": "{{ audit | backup.audit.to_openmetrics }}", "dest": str(example.folder / "metrics")}
    tasks = [*assertion_tasks(example, **DAILY), {"name": "Keep", "ansible.builtin.copy": {**keep, "mode": "0600"}}]
    example.play(on_localhost(*tasks))
    lines = (example.folder / "metrics").read_text("utf-8").splitlines()
    there = {found[0] for line in lines if (found := PROMETHEUS.match(line))}
    for alert in example.content:
        wanted = set(PROMETHEUS.findall(alert["expr"]))
        assert wanted
        assert wanted <= there


def check_accounts(example: Example) -> None:
    """Check each host's accounts against what the AWX templates use."""
    group = (ROOT / "extensions" / "awx" / "assets.yml").read_text("utf-8")
    for account in example.content.values():
        assert account
        assert all(f"backup_account.get('{name}')" in group.replace("''", "'") for name in account)


def check_role_variables(example: Example) -> None:
    """Check that the role compliance has these variables."""
    specs = yaml.safe_load((ROOT / "roles" / "compliance" / "meta" / "argument_specs.yml").read_text("utf-8"))
    assert set(example.content) <= set(specs["argument_specs"]["main"]["options"])


def check_fragment(example: Example) -> None:
    """Check that the changelog has the sections of the fragment."""
    config = yaml.safe_load((ROOT / "changelogs" / "config.yaml").read_text("utf-8"))
    assert set(example.content) <= {name for name, _title in config["sections"]}


def get_runner(content: Any) -> Callable[[Example], None]:
    """Return the function that runs this kind of block."""
    names = set(content) if isinstance(content, dict) else set().union(*(set(entry) for entry in content))
    listed = isinstance(content, list)
    assertion = yaml.safe_load(_documentation("recovery_points_assert"))["options"]
    kinds: list[tuple[bool, Callable[[Example], None]]] = [
        (listed and "sources" in names, run_rulebook),
        (listed and "hosts" in names, run_plays),
        (listed and "alert" in names, run_alerts),
        (listed, run_tasks),
        (names <= set(assertion), run_policy),
        (all(name.endswith(("_changes", "fixes")) for name in names), check_fragment),
        (not listed and all(name.startswith("compliance_") for name in names), check_role_variables),
        (
            not listed and all(isinstance(entry, dict) and "password" in entry for entry in content.values()),
            check_accounts,
        ),
    ]
    return next(run for true, run in kinds if true)


def _documentation(module: str) -> str:
    text = (ROOT / "plugins" / "modules" / f"{module}.py").read_text("utf-8")
    found = re.search(r'^DOCUMENTATION = r"""\n(.*?)^"""', text, re.DOTALL | re.MULTILINE)
    assert found
    return found[1]


@pytest.mark.parametrize("block", [block for block in BLOCKS if not block.not_run], ids=lambda block: block.place)
def test_block_runs(simulators: Simulators, tmp_path: Path, block: Block) -> None:
    """Run the block unchanged."""
    example = Example(block, simulators, tmp_path)
    get_runner(example.content)(example)


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.not_run], ids=lambda block: block.place)
def test_blocks_that_are_not_run_have_valid_syntax(tmp_path: Path, block: Block) -> None:
    """Check its syntax, including the names of its modules and roles."""
    ended = play(yaml.safe_load(block.text), tmp_path, arguments=("--syntax-check",))
    assert ended.status == 0, ended.output


def test_few_blocks_are_not_run() -> None:
    """Each of them has a reason."""
    marked = [f"{block.place}: {block.not_run}" for block in BLOCKS if block.not_run]
    assert len(marked) <= MOST_NOT_RUN, "\n".join(marked)
