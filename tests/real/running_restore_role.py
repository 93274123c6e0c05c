# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the role restore_test with real tools, and observe the processes."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from tests.integration.process_monitor import ProcessMonitor
from tests.integration.running_plays import PlayResult, play

POLICY = {
    "recovery_points": {"min_count": 1, "max_age": "26h"},
    "restore_tested": {"max_age": "1d", "max_restore_time": "10m"},
}
ROLE = [
    {
        "hosts": "backup01",
        "gather_facts": False,
        "tasks": [{"name": "Test", "ansible.builtin.include_role": {"name": "backup.audit.restore_test"}}],
    }
]


# Characters that a shell would interpret. Each word contains MARK, so a part of the secret is found too.
MARK = "zq7"
ONE_LINE = 'zq7\'s "zq7 $HOME" `zq7` \\ zq7'
PASSPHRASE = f"{ONE_LINE}\nzq7"
# A host that becomes unreachable when the file "gone" exists.
CONNECTION = """
import os
from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.connection.local import Connection as Local

DOCUMENTATION = "name: vanishing\\nshort_description: local, until a file exists\\noptions: {}"

class Connection(Local):
    transport = "vanishing"

    def exec_command(self, *args, **more):
        if os.path.exists(os.environ["GONE"]):
            raise AnsibleConnectionFailure("gone")
        return super().exec_command(*args, **more)
"""


class ArgumentsMonitor(ProcessMonitor):
    """Records only what all users of a machine can see: not the environment, which only the owner can read."""

    def _record(self, number: int, folder: Path) -> None:
        parent = int((folder / "stat").read_bytes().rpartition(b")")[2].split()[1])
        if number in self.processes or parent in self.processes:
            self.processes.add(number)
            self.seen.add((folder / "cmdline").read_bytes())


def find_secrets(watch: ProcessMonitor, ended: PlayResult, *secrets: str) -> list[str]:
    """List the secrets in arguments of processes, or in the output."""
    seen = b"\n".join(watch.seen).decode(errors="replace")
    assert "AnsiballZ_command.py" in seen
    return [secret for secret in secrets if secret in seen or secret in ended.output]


def run_role(
    folder: Path, variables: dict[str, Any], home: Path, *arguments: str, watch: ProcessMonitor | None = None
) -> PlayResult:
    """Run the role on one host, which is this machine."""
    host = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable, **variables}
    given = {"restore_test_output": str(folder / "records"), "restore_test_scratch": str(folder / "scratch")}
    (folder / "scratch").mkdir(exist_ok=True)
    return play(
        ROLE,
        folder,
        inventory={"all": {"hosts": {"backup01": {**given, **host}}}},
        environment={"HOME": str(home)},
        arguments=arguments,
        watch=watch,
    )


def record(folder: Path) -> list[dict[str, Any]]:
    """Return the record that the role wrote."""
    records: list[dict[str, Any]] = json.loads((folder / "records" / "backup01.restore_tests.json").read_text())[
        "tests"
    ]
    return records


def evaluate_with_record(folder: Path, reading: dict[str, Any], home: Path) -> PlayResult:
    """Evaluate a read of the same repository together with the record."""
    plays = [
        {
            "hosts": "localhost",
            "gather_facts": False,
            "vars": {"ansible_python_interpreter": sys.executable},
            "tasks": [
                {**reading, "register": "read_result"},
                {
                    "backup.audit.recovery_points_assert": {
                        "results": ["{{ read_result }}", str(folder / "records" / "backup01.restore_tests.json")],
                        "policy": POLICY,
                    }
                },
            ],
        }
    ]
    return play(plays, folder, environment={"HOME": str(home)})
