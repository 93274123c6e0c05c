# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every YAML block of the documentation is run as what it is: a play, tasks, a policy, an inventory, a rulebook, ...

Addresses and passwords become those of simulated servers, paths those of a folder of the test; nothing else changes.
Verdicts may be bad; nothing may fail for any other reason. A block that cannot be run is marked in its page.
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

from tests.integration.conftest import Simulators
from tests.integration.products import ADAPTERS
from tests.integration.reading_pages import Block, all_blocks
from tests.integration.running_modules import MODULES, login_of, read
from tests.integration.running_plays import Played, on_localhost, play, servers
from tests.integration.test_events import look
from tests.integration.test_examples import HOSTS, product_of
from tests.tools.project import ROOT

BLOCKS = all_blocks("yaml", "yml")
# More than these few would be a way around this test.
MOST_NOT_RUN = 6
LOCAL = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
PASSWORD = "for the tests"
DAILY = {"policy": "daily_26h"}
PROMETHEUS = re.compile(r"backup_audit_\w+")


class Example:
    """One block, and what there is to run it."""

    def __init__(self, block: Block, simulators: Simulators, folder: Path) -> None:
        self.block = block
        self.content = yaml.safe_load(block.text)
        self.simulators = simulators
        self.folder = folder

    def pointed(self, content: Any) -> Any:
        """The same with the addresses of simulated servers; who becomes root here would be asked for a password."""
        if isinstance(content, list):
            return [self.pointed(inner) for inner in content]
        if not isinstance(content, dict):
            return self.placed(content) if isinstance(content, str) else content
        changed = {name: self.pointed(inner) for name, inner in content.items() if not name.startswith("become")}
        for name, options in content.items():
            if name.startswith("backup.audit.") and "url" in (options or {}):
                changed[name].update(self.login(product_of(name, options)))
        return changed

    def login(self, product: str) -> dict[str, Any]:
        """How to reach what is simulated; the password stays the variable that it is."""
        login = login_of(self.simulators.ready, product)
        return {name: login[name] for name in ("url", "username", "ca_path")}

    def placed(self, text: str) -> str:
        """A path of the example, in the folder."""
        for path in ("/var/lib/backup-audit", "/srv/", "/etc/borg/", "/etc/restic/"):
            text = text.replace(path, f"{self.folder}/{path.strip('/').replace('/', '-')}{'/' * path.endswith('/')}")
        return text

    def variables(self) -> dict[str, Any]:
        """What examples take from elsewhere: passwords."""
        login = {name: login_of(self.simulators.ready, product)["password"] for name, product in HOSTS.items()}
        return {f"{prefix}{name}_password": word for name, word in login.items() for prefix in ("", "vault_")}

    def play(self, plays: Any, inventory: dict[str, Any] | None = None, **more: Any) -> Played:
        """Run it; a bad verdict is the only reason to fail."""
        environment = {
            f"{prefix}_{name.upper()}": value
            for product in MODULES
            for prefix in ADAPTERS[product].environment
            for name, value in login_of(self.simulators.ready, product).items()
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
    """Plays, with a real repository where one is read with a tool."""
    for tool, make in (("restic", make_restic), ("borg", make_borg)):
        if f"backup.audit.{tool}_" in example.block.text:
            if shutil.which(tool) is None:
                pytest.skip(f"{tool} is not installed")
            make(example)
    evidence = example.folder / "evidence"
    evidence.mkdir()
    kept = read(example.simulators.ready, "veeam_azure").result
    (evidence / "2025-12-31.json").write_text(json.dumps(kept), "utf-8")
    example.play(example.pointed(example.content))


def make_restic(example: Example) -> None:
    """A repository with one snapshot, where the example looks for it."""
    password, repository = example.placed("/etc/restic/password"), example.placed("/srv/restic")
    _with_password(password)
    for arguments in (["init"], ["backup", "--quiet", "--host", "web01", password]):
        command = ["restic", "--repo", repository, "--password-file", password, *arguments]
        subprocess.run(command, check=True, capture_output=True, timeout=60)


def make_borg(example: Example) -> None:
    """A repository with one archive, where the example looks for it."""
    password, repository = example.placed("/etc/borg/passphrase"), example.placed("/srv/borg")
    _with_password(password)
    Path(repository).parent.mkdir(exist_ok=True)
    environment = {**os.environ, "BORG_PASSPHRASE": PASSWORD}
    for arguments in (["init", "-e", "repokey", repository], ["create", f"{repository}::web01-1", password]):
        subprocess.run(["borg", *arguments], env=environment, check=True, capture_output=True, timeout=60)


def _with_password(path: str) -> None:
    Path(path).parent.mkdir()
    Path(path).write_text(PASSWORD, "utf-8")
    Path(path).chmod(0o600)


def judged(example: Example, **more: Any) -> list[dict[str, Any]]:
    """Tasks that leave an assessment in ``verdict``, by these options of the assertion."""
    reads = example.folder / "read.json"
    reads.write_text(json.dumps(read(example.simulators.ready, "spp", pack=True).result), "utf-8")
    task = {
        "name": "Judge",
        "backup.audit.recovery_points_assert": {"reads": [str(reads)], **more},
        "register": "verdict",
        "ignore_errors": True,
    }
    check = {"name": "It was judged", "ansible.builtin.assert": {"that": "verdict.assessment is defined"}}
    return [task, check]


def run_tasks(example: Example) -> None:
    """Tasks of a play that has READs, a verdict, and the verdict of the last run."""
    (example.folder / "evidence").mkdir()
    before = judged(example, **DAILY)
    given = {"reads": [str(example.folder / "read.json")]}
    last = {"name": "Remember", "ansible.builtin.set_fact": {"last_run": "{{ verdict }}"}}
    example.play(on_localhost(*before, last, *example.pointed(example.content)), variables=given)


def run_policy(example: Example) -> None:
    """Options of the assertion: each is taken, and something is judged by them."""
    options = example.content if {"policy", "policies"} & set(example.content) else {**DAILY, **example.content}
    ended = example.play(on_localhost(*judged(example, **json.loads(json.dumps(options, default=str)))))
    assert "failed=0" in ended.output, ended.output[-4000:]


def run_role_variables(example: Example) -> None:
    """Variables of the role compliance, with -e."""
    output = {"compliance_output": str(example.folder / "output")}
    example.play("backup.audit.compliance", variables={**example.content, **output})
    assert list((example.folder / "output").iterdir())


def run_inventory(example: Example) -> None:
    """Backup servers: the playbook compliance reads every one of them."""
    hosts = example.content["backup_servers"]["hosts"]
    for host in hosts.values():
        host |= {f"backup_{name}": value for name, value in example.login(host["backup_product"]).items()}
    ended = example.play("backup.audit.compliance", example.content)
    assert not re.search(r"could not be read|login_rejected|not_read", ended.output), ended.output


def run_rulebook(example: Example) -> None:
    """The source reads what the rulebook names, and tells what its conditions ask for."""
    (book,) = example.content
    (source,) = (entry["backup.audit.recovery_points"] for entry in book["sources"])
    assert set(source) <= {"interval", "state_file", "policy", "servers"}
    for server in source["servers"]:
        assert re.fullmatch(r"\{\{ \w+_password \}\}", server["password"])
        server |= {**login_of(example.simulators.ready, server["product"])}
    told = look(source["servers"], source["policy"], None)
    for rule in book["rules"]:
        path, value = re.fullmatch(r'event\.recovery_points\.(\w+) == "(\w+)"', rule["condition"]).groups()  # type: ignore[union-attr]
        assert value in {event[path] for event in told}


def run_alerts(example: Example) -> None:
    """Every metric of an alert is there, with the name that it has."""
    keep = {"content": "{{ verdict | backup.audit.to_openmetrics }}", "dest": str(example.folder / "metrics")}
    tasks = [*judged(example, **DAILY), {"name": "Keep", "ansible.builtin.copy": {**keep, "mode": "0600"}}]
    example.play(on_localhost(*tasks))
    lines = (example.folder / "metrics").read_text("utf-8").splitlines()
    there = {found[0] for line in lines if (found := PROMETHEUS.match(line))}
    for alert in example.content:
        wanted = set(PROMETHEUS.findall(alert["expr"]))
        assert wanted
        assert wanted <= there


def check_accounts(example: Example) -> None:
    """Host by host what the templates of AWX take from it."""
    group = (ROOT / "extensions" / "awx" / "assets.yml").read_text("utf-8")
    for account in example.content.values():
        assert account
        assert all(f"backup_account.get('{name}')" in group.replace("''", "'") for name in account)


def check_vault(example: Example) -> None:
    """Each is used by another block of its page."""
    others = [block.text for block in BLOCKS if block.page == example.block.page and block != example.block]
    assert all(any(f"{{{{ {name} }}}}" in text for text in others) for name in example.content)


def check_fragment(example: Example) -> None:
    """Sections of a changelog that the changelog has."""
    config = yaml.safe_load((ROOT / "changelogs" / "config.yaml").read_text("utf-8"))
    assert set(example.content) <= {name for name, _title in config["sections"]}


def kind_of(content: Any) -> Callable[[Example], None]:
    """What a block is, and how that is run."""
    names = set(content) if isinstance(content, dict) else set().union(*(set(entry) for entry in content))
    listed = isinstance(content, list)
    assertion = yaml.safe_load(_documentation("recovery_points_assert"))["options"]
    kinds: list[tuple[bool, Callable[[Example], None]]] = [
        (listed and "sources" in names, run_rulebook),
        (listed and "hosts" in names, run_plays),
        (listed and "alert" in names, run_alerts),
        (listed, run_tasks),
        ("backup_servers" in names, run_inventory),
        (names <= set(assertion), run_policy),
        (all(name.startswith("compliance_") for name in names), run_role_variables),
        (all(name.startswith("vault_") for name in names), check_vault),
        (all(name.endswith(("_changes", "fixes")) for name in names), check_fragment),
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
    """As it stands."""
    example = Example(block, simulators, tmp_path)
    kind_of(example.content)(example)


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.not_run], ids=lambda block: block.place)
def test_block_that_cannot_be_run_is_a_play_at_least(tmp_path: Path, block: Block) -> None:
    """Its syntax is checked, and the names of its modules and roles with it."""
    ended = play(yaml.safe_load(block.text), tmp_path, arguments=("--syntax-check",))
    assert ended.status == 0, ended.output


def test_few_blocks_are_not_run() -> None:
    """Each says why."""
    marked = [f"{block.place}: {block.not_run}" for block in BLOCKS if block.not_run]
    assert len(marked) <= MOST_NOT_RUN, "\n".join(marked)
