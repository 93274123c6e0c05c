# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every command of the documentation exists, with its targets, playbooks, variables and options."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.integration.documentation_blocks import all_blocks
from tests.integration.products import PREFIXES
from tests.tools.project import ROOT

# Standard programs that are not part of this project.
SHELL = {
    "python3",
    ".",
    "export",
    "read",
    "mkdir",
    "ls",
    "echo",
    "ansible-vault",
    "git",
    "cd",
    "awx",
    "proxmox-backup-manager",
}
FROM_ENVIRONMENT = ("URL", "USERNAME", "PASSWORD", "CA_PATH", "FINGERPRINT", "VALIDATE_CERTS")


def commands() -> list[tuple[str, str]]:
    """List (page and line of the block, command) without prompt, output and comments."""
    found = []
    for block in all_blocks("console", "shell", "bash", "sh"):
        text = block.text.replace("\\\n", " ")
        lines = [line for line in text.splitlines() if line.strip()]
        if block.language == "console":
            lines = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
        found += [(block.place, part) for line in lines for part in line.split(" && ")]
    return found


def split_command(command: str) -> list[str]:
    """Split a command into arguments, without comments and without leading variable assignments."""
    arguments = shlex.split(command, comments=True)
    while arguments and re.match(r"[A-Z_]+=", arguments[0]):
        del arguments[0]
    return arguments


def check_make(arguments: list[str]) -> None:
    """Check that each target is in the Makefile."""
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = [word for word in arguments if "=" not in word and not word.startswith("-")]
    assert targets
    assert all(re.search(rf"^{re.escape(target)}:", makefile, re.MULTILINE) for target in targets), targets


def check_playbook(arguments: list[str]) -> None:
    """Check that a playbook of the collection exists and accepts these variables; others are the reader's own."""
    named = [word.removeprefix("backup.audit.") for word in arguments if word.startswith("backup.audit.")]
    for name in named:
        assert (ROOT / "playbooks" / f"{name}.yml").is_file(), name
    given = [word.partition("=")[0] for word in arguments if re.match(r"[a-z_]+=", word)]
    texts = [path.read_text("utf-8") for path in (ROOT / "roles").glob("*/meta/argument_specs.yml")]
    options = {
        name for text in texts for spec in yaml.safe_load(text)["argument_specs"].values() for name in spec["options"]
    }
    assert set(given) <= options, set(given) - options
    assert named or any(word.endswith(".yml") for word in arguments)


def check_module(arguments: list[str]) -> None:
    """Check that a program of the project accepts every option."""
    assert arguments[:1] == ["-m"]
    command = [sys.executable, "-m", arguments[1], "--help"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stderr
    for option in (word for word in arguments[2:] if word.startswith("--")):
        assert option.partition("=")[0] in ended.stdout, option


def check_pip(arguments: list[str]) -> None:
    """Check that exactly ansible-core and the collection's requirements are installed or downloaded."""
    assert arguments[0] in ("install", "download")
    options = {"--no-index", "--find-links", "-d", "wheels"}
    needed = re.findall(r"^[a-z]+", (ROOT / "requirements.txt").read_text("utf-8"), re.MULTILINE)
    files = [word for word in arguments if word.endswith("requirements.txt")]
    assert files or set(arguments[1:]) - options == {"ansible-core", *needed}


def check_galaxy(arguments: list[str]) -> None:
    """Check that the collection is installed or downloaded by its name, or installed from its tarball."""
    assert arguments[:2] in (["collection", "install"], ["collection", "download"])
    assert arguments[-1] == "backup.audit" or arguments[-1].endswith(".tar.gz")


def check_shell(command: str) -> None:
    """Check that a module reads each variable that is set."""
    for name in re.findall(r"\b([A-Z]+_\w+)(?==)", command):
        prefix = next((prefix for prefix in PREFIXES if name.startswith(prefix)), None)
        assert prefix is not None, name
        assert name.removeprefix(prefix) in FROM_ENVIRONMENT, name


@pytest.mark.parametrize(("place", "command"), commands())
def test_command(place: str, command: str) -> None:
    """Check one command, depending on the program that it starts."""
    arguments = split_command(command)
    if not arguments:
        return
    program = Path(arguments[0]).name if arguments[0] != "." else "."
    checks = {
        "make": check_make,
        "ansible-playbook": check_playbook,
        "python": check_module,
        "pip": check_pip,
        "ansible-galaxy": check_galaxy,
    }
    if program in checks:
        checks[program](arguments[1:])
    else:
        assert program in SHELL, f"{place}: nothing checks {command}"
        check_shell(command)


def test_there_are_commands() -> None:
    """The blocks are found."""
    programs = {arguments[0] for _place, command in commands() if (arguments := split_command(command))}
    assert {"make", "ansible-playbook", "pip", "ansible-galaxy"} <= programs
