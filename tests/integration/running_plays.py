# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run real plays with the installed collection, as a user would."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from ansible.release import __version__ as ansible_version

from tests.integration.process_monitor import ProcessMonitor
from tests.integration.running_modules import MODULES
from tests.tools.project import ROOT

# The output of these versions is different. Among other things, messages that are printed as YAML have doubled quotes.
IS_BEFORE_2_19 = tuple(map(int, ansible_version.split(".")[:2])) < (2, 19)


@dataclasses.dataclass(frozen=True)
class PlayResult:
    """The exit status of a play and its complete output."""

    status: int
    output: str


def play(
    playbook: str | list[dict[str, Any]],
    folder: Path,
    *,
    inventory: Mapping[str, Any] | None = None,
    variables: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
    arguments: tuple[str, ...] = (),
    watch: ProcessMonitor | None = None,
    timeout: float = 300,
) -> PlayResult:
    """Run a playbook (its full name, or plays as data) with ``folder`` as the current directory."""
    if not isinstance(playbook, str):
        file = folder / "play.yml"
        file.write_text(yaml.safe_dump(playbook, sort_keys=False, allow_unicode=True), "utf-8")
        playbook = str(file)
    hosts = folder / "inventory.yml"
    hosts.write_text(yaml.safe_dump(dict(inventory or {"all": {"hosts": {}}}), allow_unicode=True), "utf-8")
    command = [str(Path(sys.executable).parent / "ansible-playbook"), "-i", str(hosts), playbook, *arguments]
    if variables:
        command += ["-e", json.dumps(dict(variables))]
    settings = {
        "ANSIBLE_COLLECTIONS_PATH": os.environ.get("ANSIBLE_COLLECTIONS_PATH", str(ROOT / ".venv" / "collections")),
        "ANSIBLE_CALLBACK_RESULT_FORMAT": "yaml",
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_LOCAL_TEMP": str(folder / "ansible"),
        "LC_ALL": "C.UTF-8",
    }
    process = subprocess.Popen(
        command,
        cwd=folder,
        env={**os.environ, **settings, **(environment or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        with watch.watching(process.pid) if watch else contextlib.nullcontext():
            output, errors = process.communicate(timeout=timeout)
    finally:
        process.kill()
    text = output.replace("''", "'") if IS_BEFORE_2_19 else output
    return PlayResult(process.returncode, text + errors)


def on_localhost(*tasks: dict[str, Any]) -> list[dict[str, Any]]:
    """Build one play on the control node."""
    head = {"name": "Test", "hosts": "localhost", "gather_facts": False}
    return [{**head, "vars": {"ansible_python_interpreter": "{{ ansible_playbook_python }}"}, "tasks": list(tasks)}]


def servers(ready: Mapping[str, Any], **overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Build an inventory with the simulated servers in backup_servers, as a user would write it."""
    hosts = {}
    for product in MODULES:
        server = ready["products"][product]
        hosts[product.replace("_", "-")] = {
            "backup_product": product,
            "backup_url": server["url"],
            "backup_username": server["username"],
            "backup_password": server["password"],
            "backup_ca_path": ready["ca_path"],
            **{f"backup_{name}": value for name, value in server["options"].items()},
            **overrides.get(product, {}),
        }
    return {"backup_servers": {"hosts": hosts}}


def kept_results(ready: Mapping[str, Any], folder: Path) -> Path:
    """Run the playbook gather, and return the directory with the stored reads of all simulated servers."""
    facts = folder / "facts"
    ended = play("backup.audit.gather", folder, inventory=servers(ready), variables={"compliance_data_dir": str(facts)})
    assert ended.status == 0, ended.output
    return facts
