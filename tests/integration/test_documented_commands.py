# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every command of the documentation exists, with the targets, playbooks, variables and options that it is given."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.integration.products import PREFIXES
from tests.integration.reading_pages import all_blocks
from tests.tools.project import ROOT

# What is not ours, and is as it always was.
SHELL = {"python3", ".", "export", "read", "mkdir", "ansible-vault", "git", "cd", "awx"}
FROM_ENVIRONMENT = ("URL", "USERNAME", "PASSWORD", "CA_PATH", "VALIDATE_CERTS")


def commands() -> list[tuple[str, str]]:
    """(page and line of the block, command) without prompt, output and comments."""
    found = []
    for block in all_blocks("console", "shell", "bash", "sh"):
        text = block.text.replace("\\\n", " ")
        lines = [line for line in text.splitlines() if line.strip()]
        if block.language == "console":
            lines = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
        found += [(block.place, part) for line in lines for part in line.split(" && ")]
    return found


def server_message(command: str) -> list[str]:
    """The words, without a comment and without variables that are set for this command only."""
    words = shlex.split(command, comments=True)
    while words and re.match(r"[A-Z_]+=", words[0]):
        del words[0]
    return words


def check_make(words: list[str]) -> None:
    """Each target is in the Makefile."""
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = [word for word in words if "=" not in word and not word.startswith("-")]
    assert targets
    assert all(re.search(rf"^{re.escape(target)}:", makefile, re.MULTILINE) for target in targets), targets


def check_playbook(words: list[str]) -> None:
    """A playbook of the collection is there, and takes these variables; others are the reader's own."""
    named = [word.removeprefix("backup.audit.") for word in words if word.startswith("backup.audit.")]
    for name in named:
        assert (ROOT / "playbooks" / f"{name}.yml").is_file(), name
    given = [word.partition("=")[0] for word in words if re.match(r"[a-z_]+=", word)]
    texts = [path.read_text("utf-8") for path in (ROOT / "roles").glob("*/meta/argument_specs.yml")]
    options = {
        name for text in texts for spec in yaml.safe_load(text)["argument_specs"].values() for name in spec["options"]
    }
    assert set(given) <= options, set(given) - options
    assert named or any(word.endswith(".yml") for word in words)


def check_module(words: list[str]) -> None:
    """A program of the project knows every option."""
    assert words[:1] == ["-m"]
    command = [sys.executable, "-m", words[1], "--help"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stderr
    for option in (word for word in words[2:] if word.startswith("--")):
        assert option.partition("=")[0] in ended.stdout, option


def check_pip(words: list[str]) -> None:
    """What is installed is ansible-core and what the collection needs, no more and no less."""
    assert words[0] == "install"
    needed = re.findall(r"^[a-z]+", (ROOT / "requirements.txt").read_text("utf-8"), re.MULTILINE)
    files = [word for word in words if word.endswith("requirements.txt")]
    assert files or set(words[1:]) == {"ansible-core", *needed}


def check_galaxy(words: list[str]) -> None:
    """The collection by its name."""
    assert words[:2] == ["collection", "install"]
    assert words[-1] == "backup.audit" or words[-1].endswith(".tar.gz")


def check_shell(command: str) -> None:
    """Variables that are set here are read by a module."""
    for name in re.findall(r"\b([A-Z]+_\w+)(?==)", command):
        prefix = next((prefix for prefix in PREFIXES if name.startswith(prefix)), None)
        assert prefix is not None, name
        assert name.removeprefix(prefix) in FROM_ENVIRONMENT, name


@pytest.mark.parametrize(("place", "command"), commands())
def test_command(place: str, command: str) -> None:
    """One command, by the program that it starts."""
    words = server_message(command)
    if not words:
        return
    program = Path(words[0]).name if words[0] != "." else "."
    checks = {
        "make": check_make,
        "ansible-playbook": check_playbook,
        "python": check_module,
        "pip": check_pip,
        "ansible-galaxy": check_galaxy,
    }
    if program in checks:
        checks[program](words[1:])
    else:
        assert program in SHELL, f"{place}: nothing checks {command}"
        check_shell(command)


def test_there_are_commands() -> None:
    """The blocks are found."""
    programs = {words[0] for _place, command in commands() if (words := server_message(command))}
    assert {"make", "ansible-playbook", "pip", "ansible-galaxy"} <= programs
