# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run an info module as Ansible does, in its own process, without the second that ansible-playbook needs to start."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from tests.integration.products import MODULES, PREFIXES, VARIABLES
from tests.tools.project import ROOT

__all__ = ["MODULES", "ModuleResult", "get_login", "read", "run_module", "start_module", "wait_for_module"]

# Like AnsiballZ: arguments on stdin, the module runs as __main__. ansible-core 2.19 also requires a profile.
_RUN = """
import runpy, sys
from ansible.module_utils import basic
basic._ANSIBLE_ARGS = sys.stdin.buffer.read()
if hasattr(basic, "_ANSIBLE_PROFILE"):
    basic._ANSIBLE_PROFILE = "legacy"
runpy.run_module("ansible_collections.backup.audit.plugins.modules." + sys.argv[1], run_name="__main__")
"""


@dataclasses.dataclass(frozen=True)
class ModuleResult:
    """The result of a module and its complete output."""

    result: dict[str, Any]
    status: int
    output: str

    @property
    def failed(self) -> bool:
        """Whether it reported a failure."""
        return bool(self.result.get("failed"))

    @property
    def message(self) -> str:
        """The message for people."""
        return str(self.result.get("msg", ""))


def run_module(
    name: str, arguments: Mapping[str, Any], environment: Mapping[str, str] | None = None, *, before: str = ""
) -> ModuleResult:
    """Run one module with these arguments, after the Python lines in ``before`` in the same process."""
    return wait_for_module(start_module(name, arguments, environment, before=before))


def start_module(
    name: str, arguments: Mapping[str, Any], environment: Mapping[str, str] | None = None, *, before: str = ""
) -> subprocess.Popen[str]:
    """Start one module without waiting; ``wait_for_module`` waits for it."""
    tree = str(ROOT / ".venv" / "tree")
    environ = {key: value for key, value in os.environ.items() if not key.startswith(PREFIXES) and key not in VARIABLES}
    environ.update({"PYTHONPATH": tree, **(environment or {})})
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", before + _RUN, name]
    process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, env=environ)
    assert process.stdin is not None
    process.stdin.write(json.dumps({"ANSIBLE_MODULE_ARGS": dict(arguments)}))
    process.stdin.close()
    process.stdin = None
    return process


def wait_for_module(process: subprocess.Popen[str]) -> ModuleResult:
    """Wait for a started module and return its result."""
    try:
        output, errors = process.communicate(timeout=120)
    finally:
        process.kill()
    lines = [line for line in output.splitlines() if line.startswith("{")]
    if not lines:
        raise AssertionError(f"the module printed no result:\n{output}\n{errors}")
    return ModuleResult(json.loads(lines[-1]), process.returncode, output + errors)


def get_login(ready: Mapping[str, Any], product: str, account: str | None = None) -> dict[str, Any]:
    """Return connection options for a simulated server."""
    server = ready["products"][product]
    login = server["accounts"][account] if account else server
    return {
        "url": server["url"],
        "username": login["username"],
        "password": login["password"],
        "ca_path": ready["ca_path"],
        **server["options"],
    }


def read(ready: Mapping[str, Any], product: str, account: str | None = None, **options: Any) -> ModuleResult:
    """Run the module for this product against its simulator."""
    name, own = MODULES[product]
    return run_module(name, {**get_login(ready, product, account), **own, **options})
