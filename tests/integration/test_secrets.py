# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No password, token or session id remains on the screen, in files, or in /proc, in any encoding."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from tests.faults.products import LOG_IN, listing
from tests.integration.conftest import Simulators
from tests.integration.process_monitor import ProcessMonitor
from tests.integration.running_modules import MODULES, get_login, read
from tests.integration.running_plays import PlayResult, play, servers
from tests.unit.plugins.module_utils._core.secret_encodings import SPELLINGS

PRODUCTS = list(MODULES)
# Headers with session tokens of the products.
CARRIERS = ("authorization", "authtoken", "x-endeavour-sessionid", "x-restsvcsessionid")
# Shorter values are settings sent in the same header, such as a language.
SHORTEST = 8


def find_secrets(simulators: Simulators, product: str) -> set[str]:
    """Return the password and all credentials sent to the server: tokens, session ids, refresh tokens."""
    login = get_login(simulators.ready, product)
    found = {login["password"], f"{login['username']}:{login['password']}"}
    for call in simulators.requests(product):
        for name, value in call["headers"].items():
            if name.casefold() == "cookie":
                found.update(cookie.partition("=")[2] for cookie in value.split(";"))
            elif name.casefold() in CARRIERS:
                found.add(value.removeprefix("Bearer ").removeprefix("Basic "))
        if "grant_type=" in call["body"]:
            found.update(parse_qs(call["body"]).get("refresh_token", []))
    return {secret.strip() for secret in found if len(secret.strip()) >= SHORTEST}


def find_hits(left: bytes, secrets: set[str]) -> list[str]:
    """List the secrets found, and their encoding."""
    return [
        f"{secret} ({name})"
        for secret in secrets
        for name, spelled in SPELLINGS.items()
        if spelled(secret).encode() in left
    ]


class Run:
    """A play; ``given`` has its secrets, and ``left`` has everything that it leaves."""

    def __init__(self, folder: Path) -> None:
        self.given, self.left = folder / "given", folder / "left"
        self.given.mkdir()
        self.left.mkdir()
        self.watch = ProcessMonitor()

    def play(self, playbook: Any, variables: dict[str, Any], **more: Any) -> PlayResult:
        """Run the play with every option that stores or prints data turned on."""
        file = self.given / "variables.json"
        file.write_text(json.dumps(variables))
        file.chmod(0o600)
        environment = {
            "ANSIBLE_HOME": str(self.left / "home"),
            "ANSIBLE_REMOTE_TEMP": str(self.left / "remote"),
            "ANSIBLE_LOG_PATH": str(self.left / "ansible.log"),
            "ANSIBLE_RETRY_FILES_ENABLED": "true",
            "ANSIBLE_RETRY_FILES_SAVE_PATH": str(self.left / "retry"),
            "ANSIBLE_CACHE_PLUGIN": "ansible.builtin.jsonfile",
            "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(self.left / "facts"),
            "ANSIBLE_DISPLAY_TRACEBACK": "always",
            "ANSIBLE_INJECT_INVOCATION": "true",
        }
        arguments = ("-vvvv", "-e", f"@{file}")
        ended = play(playbook, self.left, environment=environment, arguments=arguments, watch=self.watch, **more)
        (self.left / "output").write_text(ended.output)
        return ended

    def collect_output(self) -> bytes:
        """Return all files and their names, and the arguments and environment of processes."""
        files = [path for path in self.left.rglob("*") if path.is_file()]
        return b"\0".join(
            [*(str(path).encode() for path in files), *(path.read_bytes() for path in files), *self.watch.seen]
        )


def faults(run: Run, simulators: Simulators, product: str, name: str, rules: list[dict[str, Any]]) -> dict[str, Any]:
    """Build a task that activates these faults in the simulator, read from a file so that the task shows nothing."""
    file = run.given / f"{name}.json"
    file.write_text(json.dumps(rules))
    request = {
        "url": f"{simulators.ready['products'][product]['control']}/__faults",
        "method": "POST",
        "src": str(file),
        "headers": {"Content-Type": "application/json"},
        "ca_path": simulators.ready["ca_path"],
    }
    return {"name": f"Faults {name}", "ansible.builtin.uri": request}


def build_tasks(run: Run, simulators: Simulators, product: str) -> list[dict[str, Any]]:
    """Build tasks that store their results: a rejected account, servers that echo requests in errors, success."""
    name, own = MODULES[product]
    login = get_login(simulators.ready, product)
    options = {**login, "password": "{{ the_password }}", **own}
    pair = base64.b64encode(f"{login['username']}:{login['password']}".encode()).decode()
    echoed = " ".join([*(spelled(login["password"]) for spelled in SPELLINGS.values()), pair])
    rules: dict[str, dict[str, Any]] = {
        "log_in": {"match": {"path": LOG_IN[product]}, "fault": "status", "status": 401, "body": f"No: {echoed}"},
        "listing": {"match": listing(product), "fault": "echo"},
        # Each renewed token was requested with another token.
        "expired": {"match": {**listing(product), "nth": 1}, "fault": "expire_session"},
    }

    def reading(register: str, **more: Any) -> dict[str, Any]:
        task = {"name": f"Read {register}", f"backup.audit.{name}": {**options, **more}, "register": register}
        return {**task, "ignore_errors": True}

    return [
        reading("rejected", username="nobody@pbs"),
        faults(run, simulators, product, "log_in", [rules["log_in"]]),
        reading("log_in"),
        faults(run, simulators, product, "listing", [rules["listing"]]),
        reading("listing"),
        faults(run, simulators, product, "expired", [rules["expired"]]),
        reading("good", detail="recovery_points", include_raw=True),
        {
            "name": "Keep the facts",
            "ansible.builtin.set_fact": {"kept": "{{ [rejected, log_in, listing, good] }}", "cacheable": True},
        },
        {
            "name": "Keep the results",
            "ansible.builtin.copy": {"content": "{{ kept | to_json }}", "dest": "results.json", "mode": "0600"},
        },
        {"name": "Fail", "ansible.builtin.fail": {"msg": "so that there may be a retry file"}},
    ]


@pytest.mark.parametrize("product", PRODUCTS)
def test_no_secret_is_left(simulators: Simulators, product: str, tmp_path: Path) -> None:
    run = Run(tmp_path)
    tasks = build_tasks(run, simulators, product)
    head = {"name": "Test", "hosts": "localhost", "gather_facts": False, "tasks": tasks}
    password = get_login(simulators.ready, product)["password"]
    variables = {"the_password": password, "ansible_python_interpreter": "{{ ansible_playbook_python }}"}
    ended = run.play([head], variables)
    assert ended.status == 2, ended.output[-3000:]
    rejected, log_in, listed, good = json.loads((run.left / "results.json").read_text())
    assert rejected["failure"]["code"] == log_in["failure"]["code"] == "login_rejected"
    assert log_in["failure"]["server_message"].startswith("No: ********")
    assert listed["failure"]["server_message"].startswith("not accepted: ")
    assert "********" in listed["failure"]["server_message"]
    assert not good.get("failed"), good
    assert good["totals"]["recovery_points"] > 100

    secrets = find_secrets(simulators, product)
    # The password, alone and with the name, and the credentials of at least two sessions.
    assert len(secrets) >= 4
    assert any((run.left / "facts").iterdir())
    assert (run.left / "ansible.log").stat().st_size > 10_000
    assert any(b"AnsiballZ_" in seen for seen in run.watch.seen)
    assert find_hits(run.collect_output(), secrets) == []
    # Ansible transfers the module in a file that contains its options.
    assert [path for path in (run.left / "remote").rglob("*") if path.is_file()] == []


def test_the_role_leaves_no_secret(simulators: Simulators, tmp_path: Path) -> None:
    """All products at once, with evidence in every format and stored reads."""
    run = Run(tmp_path)
    inventory = servers(simulators.ready)
    variables: dict[str, Any] = {}
    for name, host in inventory["backup_servers"]["hosts"].items():
        variable = f"password_of_{name.replace('-', '_')}"
        variables[variable] = host["backup_password"]
        host["backup_password"] = f"{{{{ {variable} }}}}"
    variables |= {
        "compliance_output": str(run.left / "evidence"),
        "compliance_data_dir": str(run.left / "reads"),
        "compliance_fail_when_noncompliant": False,
    }
    (run.left / "reads").mkdir()
    ended = run.play("backup.audit.compliance", variables, inventory=inventory)
    assert ended.status == 0, ended.output[-3000:]
    assert (run.left / "evidence" / "report.html").stat().st_size > 10_000
    secrets = set().union(*(find_secrets(simulators, product) for product in PRODUCTS))
    assert len(secrets) >= 2 * len(PRODUCTS)
    assert find_hits(run.collect_output(), secrets) == []


@pytest.mark.parametrize("product", PRODUCTS)
def test_raw_records_have_no_secrets(simulators: Simulators, product: str) -> None:
    """The servers add fields with secrets to every object of every list."""
    hidden = "pl4nted-s3cret"
    plant = {
        "guestPassword": hidden,
        "access_token": hidden,
        "Api-Key": hidden,
        "nestedPlant": {"clientSecret": hidden, "ConnectionString": hidden, "plantedNote": "kept"},
        "plantedSetting": {"name": "sasToken", "value": hidden},
        "plantedLink": f"https://x.example/disk?sig={hidden}",
    }
    # Starts after the login, because the response of the login must be unchanged.
    paths = {"spp": "/api/endeavour/catalog/*", "veeam_enterprise_manager": "/api/query"}
    rule = {"match": {"path": paths.get(product, listing(product)["path"])}, "fault": "planted", "plant": plant}
    simulators.ask(product, "__faults", [rule])
    ended = read(simulators.ready, product, detail="recovery_points", include_raw=True)
    assert not ended.failed, ended.message
    raw = json.dumps([point["raw"] for point in ended.result["recovery_points"]])
    assert '"plantedNote": "kept"' in raw
    assert "sig=********" in raw
    assert hidden not in ended.output
