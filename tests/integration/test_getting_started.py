# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Follows Getting started and the README like a new user: each file, each command, its return code and its output.

Only the servers, the accounts and the installation differ. Numbers that depend on the time of day are not compared.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.conftest import Simulators
from tests.integration.documentation_blocks import Block, blocks
from tests.integration.products import PREFIXES
from tests.integration.running_modules import get_login
from tests.integration.running_plays import IS_BEFORE_2_19
from tests.tools.project import ROOT

pytestmark = pytest.mark.skipif(
    IS_BEFORE_2_19,
    reason="the pages show the output of ansible-core 2.19 or later",
)

GETTING_STARTED = ROOT / "docs" / "getting_started.md"
README = ROOT / "README.md"
HOSTS = {"spp": ["spp.example.com", "spp.berlin.example.com"], "vprotect": ["vprotect.example.com"]}
VAULT_PASSWORD = "new vault password"
# Commands that prompt for a password -> number of prompts.
ANSWERS = {"read -rs": 1, "ansible-vault create": 2, "--ask-vault-pass": 1}
_NAMED = re.compile(r"`([a-z_]+\.yml)`")
_CHANGING = (
    (re.compile(r"\d+ of \d+ workloads failed(?:, \d+ with warnings)?, \d+ passed"), "N workloads failed, N passed"),
    (re.compile(r"\d{4}-\d\d-\d\d[T ][\d:.]+Z?"), "TIME"),
    (re.compile(r"\d+[dhms](?: (?:and )?\d+[dhms])*"), "AGE"),
    # Columns are as wide as their contents.
    (re.compile(r"--+|  +"), " "),
)


def normalized(line: str) -> str:
    """Return a line without parts that differ between runs."""
    for pattern, text in _CHANGING:
        line = pattern.sub(text, line)
    return line.strip()


def count_answers(command: str) -> int:
    """Return how often a command prompts for a password."""
    return next((count for part, count in ANSWERS.items() if part in command), 0)


class Reader:
    """Follows a page in a temporary directory with a separate shell."""

    def __init__(self, simulators: Simulators, folder: Path) -> None:
        self.folder = folder
        self._logins = {product: get_login(simulators.ready, product) for product in HOSTS}
        self._environment = folder / "environment"
        self._status = 0
        self._vault = ""
        (folder / "ca.pem").write_bytes(Path(simulators.ready["ca_path"]).read_bytes())
        variables = {key: value for key, value in os.environ.items() if not key.startswith(PREFIXES)}
        variables |= {
            "PATH": f"{Path(sys.executable).parent}:{variables['PATH']}",
            "ANSIBLE_COLLECTIONS_PATH": variables.get("ANSIBLE_COLLECTIONS_PATH", str(ROOT / ".venv" / "collections")),
            "ANSIBLE_NOCOLOR": "1",
            "LC_ALL": "C.UTF-8",
            "PWD": str(folder),
            # The editor that ansible-vault starts.
            "EDITOR": str(folder / "editor"),
        }
        self._export(variables)

    def _export(self, variables: dict[str, str]) -> None:
        lines = [f"export {name}={shlex.quote(value)}\n" for name, value in variables.items() if name.isidentifier()]
        self._environment.write_text("".join(lines), "utf-8")

    def _with_own_servers(self, text: str) -> str:
        for product, hosts in HOSTS.items():
            login = self._logins[product]
            for host in hosts:
                text = text.replace(f"https://{host}", login["url"])
        # Both simulated servers have the same account.
        text = re.sub(r"\bauditor\b", login["username"], text)
        return text.replace("/etc/ssl/backup-ca.pem", str(self.folder / "ca.pem"))

    def follow(self, found: list[Block]) -> None:
        """Save the files and run the commands of a page in order."""
        for number, block in enumerate(found):
            name = _NAMED.search(block.before)
            if block.language == "yaml" and name:
                (self.folder / name[1]).write_text(self._with_own_servers(block.text), "utf-8")
            elif block.language == "console":
                # A file that the page shows after the command that opens an editor.
                self._vault = found[number + 1].text if number + 1 < len(found) else ""
                parts = [re.sub(r"\\\n", "", part).partition("\n") for part in block.text.split("$ ")[1:]]
                for (command, _end, expected), following in zip(parts, [*parts[1:], ("", "", "")], strict=True):
                    self._run(command, expected, block.place)
                    # The page shows all other return codes.
                    assert self._status == 0 or following[0] == "echo $?" or command == "echo $?", command

    def _run(self, command: str, expected: str, place: str) -> None:
        if command == "echo $?":
            assert expected.strip() == str(self._status), f"{place}: the return code is {self._status}"
            return
        output = self._execute(command)
        lines = [normalized(line) for line in output.splitlines()]
        position = 0
        for line in map(normalized, expected.splitlines()):
            if line not in ("", "..."):
                assert line in lines[position:], f"{place}: not printed after the lines before: {line}\n{output}"
                position += lines[position:].index(line) + 1
        if "..." not in expected and not count_answers(command):
            # Nothing is omitted.
            assert len([line for line in lines if line]) == len([line for line in expected.splitlines() if line])

    def _execute(self, command: str) -> str:
        editor = self._vault
        for product in HOSTS:
            placeholder = re.search(rf"(?<=vault_{product}_password: ).*", editor)
            if placeholder:
                quoted = "'" + self._logins[product]["password"].replace("'", "''") + "'"
                editor = editor.replace(placeholder[0], quoted, 1)
        (self.folder / "edited").write_text(editor, "utf-8")
        (self.folder / "editor").write_text(f'#!/bin/sh\ncat "{self.folder / "edited"}" > "$1"\n', "utf-8")
        (self.folder / "editor").chmod(0o755)
        secret = self._logins["spp"]["password"] if "read -rs" in command else VAULT_PASSWORD
        # There is no terminal.
        own = self._with_own_servers(command).replace("ansible-vault create", "ansible-vault create --skip-tty-check")
        script = f". {self._environment}\n{own}\nstatus=$?\nexport -p > {self._environment}\nexit $status\n"
        ended = subprocess.run(
            ["bash", "-c", script],
            cwd=self.folder,
            # Without a terminal, passwords are read from standard input.
            start_new_session=True,
            input=f"{secret}\n" * count_answers(command),
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        self._status = ended.returncode
        output = ended.stdout + ended.stderr
        for product, hosts in HOSTS.items():
            output = output.replace(self._logins[product]["url"].removeprefix("https://"), hosts[0])
        return output


def blocks_after(page: Path, heading: str) -> list[Block]:
    """List the blocks below a heading. Earlier ones install the collection, which test_documented_commands checks."""
    start = page.read_text("utf-8").splitlines().index(heading)
    return [block for block in blocks(page) if block.line > start]


def test_getting_started(simulators: Simulators, tmp_path: Path) -> None:
    found = blocks_after(GETTING_STARTED, "## 2. Audit one server")
    assert [name[1] for block in found if block.language == "yaml" and (name := _NAMED.search(block.before))] == [
        *("first.yml", "production.yml", "expected.yml", "inventory.yml", "policy.yml"),
    ]
    Reader(simulators, tmp_path).follow(found)
    assert (tmp_path / "report.html").is_file()


def test_readme(simulators: Simulators, tmp_path: Path) -> None:
    """Its play, with the login and the inventory of Getting started."""
    prepared = [
        block
        for block in blocks_after(GETTING_STARTED, "## 2. Audit one server")
        if "SPP_URL" in block.text or "`production.yml`" in block.before
    ]
    (play,) = [block for block in blocks(README) if block.language == "yaml"]
    (run,) = [block for block in blocks(README) if "check.yml" in block.text]
    (tmp_path / "check.yml").write_text(play.text, "utf-8")
    Reader(simulators, tmp_path).follow([*prepared, run])


@pytest.mark.parametrize("page", [GETTING_STARTED, README], ids=lambda page: page.name)
def test_no_play_succeeds_if_the_result_is_not_compliant(page: Path) -> None:
    """In cron, a play that ignores errors would always succeed."""
    assert "ignore_errors" not in page.read_text("utf-8")
