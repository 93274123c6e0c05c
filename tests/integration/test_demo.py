# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The next steps that `make demo` prints lead to a result for the user's own server."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.integration.conftest import Simulators
from tests.integration.running_modules import get_login
from tests.tools import demo
from tests.tools.project import ROOT


def test_next_steps_read_another_server(
    simulators: Simulators, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the lines marked in the file are changed, and its command is run as printed."""
    monkeypatch.setattr(demo, "ROOT", tmp_path)
    monkeypatch.setattr(demo, "OUTPUT", tmp_path)
    monkeypatch.setattr(demo, "OWN", tmp_path / "my_servers.yml")
    (tmp_path / ".venv").symlink_to(ROOT / ".venv")
    printed = demo.next_steps()
    login = get_login(simulators.ready, "vprotect")
    text = demo.OWN.read_text()
    for line, new in (
        ("backup_product: spp", "backup_product: vprotect"),
        ("backup_url: https://backup.example.com", f"backup_url: {login['url']}"),
        ("backup_username: auditor", f"backup_username: {login['username']}"),
        ("# backup_ca_path: /etc/ssl/my-ca.pem", f"backup_ca_path: {login['ca_path']}"),
    ):
        assert line in text
        text = text.replace(line, new)
    demo.OWN.write_text(text)
    assert demo.next_steps() == printed
    assert demo.OWN.read_text() == text
    (command,) = [line.partition("3. ")[2] for line in printed.splitlines() if line.startswith("  3. ")]
    environment = {**os.environ, "BACKUP_PASSWORD": login["password"], "LC_ALL": "C.UTF-8"}
    environment.pop("ANSIBLE_COLLECTIONS_PATH", None)
    ended = subprocess.run(
        ["/bin/sh", "-c", command], env=environment, cwd="/", capture_output=True, text=True, check=False, timeout=120
    )
    assert re.search(r"NOT COMPLIANT: \d+ of \d+ workloads failed", ended.stdout), ended.stdout + ended.stderr
    findings = json.loads((tmp_path / "mine" / "findings.json").read_text("utf-8"))
    assert [(one["server"]["product"], one["complete"]) for one in findings["data_sources"]] == [("vprotect", True)]
    assert (tmp_path / "mine" / "report.html").is_file()
