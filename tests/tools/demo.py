# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The compliance play against simulated backup servers: python -m tests.tools.demo [--collections FOLDER]

Starts the simulators, creates a real restic repository if restic is installed, writes an inventory for them, runs the
real ansible-playbook, and stops the simulators. Some workloads fail on purpose; this does not make the demo fail.
With a collections folder, the play uses only that folder and runs in it.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import secrets
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import yaml

from tests.tools.project import ROOT

OUTPUT = ROOT / "build" / "demo"
INVENTORY = OUTPUT / "inventory.yml"
FINDINGS = OUTPUT / "findings.json"
# Edited by the user, so it is never overwritten.
OWN = OUTPUT / "my_servers.yml"

# A real repository, created anew each time.
RESTIC = OUTPUT / "restic"
RESTIC_PASSWORD = secrets.token_hex(16)

PLAYBOOK = "backup.audit.compliance"
PLAY_VARIABLES = {
    "compliance_output": str(OUTPUT),
    "compliance_fail_when_noncompliant": False,
    "compliance_table_rows": 200,
}

PRODUCTS = ROOT / "roles" / "compliance" / "vars" / "main.yml"

SIMULATORS = [
    *(sys.executable, "-m", "tests.simulators", "--stop-with-stdin"),
    *("--workloads", "20", "--points", "30", "--seed", "7", "--latency-ms", "0"),
]
SECONDS_TO_START = 60
SECONDS_TO_END = 10


class DemoError(Exception):
    """The demo failed; the message names the cause and where to look."""


@contextlib.contextmanager
def simulators() -> Iterator[dict[str, Any]]:
    """Run simulated servers during the block; yields their addresses and login data."""
    ready_file = OUTPUT / "simulators.json"
    log = OUTPUT / "simulators.log"
    ready_file.unlink(missing_ok=True)
    with log.open("wb") as output:
        # A separate session: Ctrl-C reaches only this process, which then stops the simulators in the right order.
        # Their standard input closes when this process ends for any reason, so none of them is left running.
        process = subprocess.Popen(
            [*SIMULATORS, "--ready-file", str(ready_file), *(f"--product={name}" for name in products())],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            yield wait_until_ready(process, ready_file, log)
        finally:
            stop_process(process)
            # The file contains passwords.
            ready_file.unlink(missing_ok=True)


def products() -> list[str]:
    """List the products that the role can read, by the role's names."""
    return list(yaml.safe_load(PRODUCTS.read_text(encoding="utf-8"))["compliance__products"])


def wait_until_ready(process: subprocess.Popen[bytes], ready_file: Path, log: Path) -> dict[str, Any]:
    deadline = time.monotonic() + SECONDS_TO_START
    while not ready_file.exists():
        if process.poll() is not None:
            raise DemoError(
                f"The simulators exited with status {process.returncode} before they were ready.\n{quote_log(log)}"
            )
        if time.monotonic() > deadline:
            raise DemoError(f"The simulators were not ready within {SECONDS_TO_START} s.\n{quote_log(log)}")
        time.sleep(0.05)
    ready: dict[str, Any] = json.loads(ready_file.read_text(encoding="utf-8"))
    return ready


def quote_log(log: Path) -> str:
    return f"Output of the simulators:\n{log.read_text(encoding='utf-8', errors='replace') or '(empty)'}"


def stop_process(process: subprocess.Popen[bytes]) -> None:
    """Terminate first: a killed ansible-playbook leaves its workers running. Does nothing if the process has ended."""
    process.terminate()
    try:
        process.wait(SECONDS_TO_END)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def password_variable(product: str) -> str:
    return f"DEMO_{product.upper()}_PASSWORD"


def build_inventory(ready: dict[str, Any]) -> dict[str, Any]:
    """Build one host for each product. Passwords stay in the environment, so no secret is written."""
    hosts = {
        "demo-" + product.replace("_", "-"): {
            "backup_product": product,
            "backup_url": server["url"],
            "backup_username": server["username"],
            "backup_password": f"{{{{ lookup('ansible.builtin.env', '{password_variable(product)}') }}}}",
            "backup_ca_path": ready["ca_path"],
            # Other options that the product requires, such as the subscriptions of Azure.
            **{f"backup_{name}": value for name, value in server["options"].items()},
        }
        for product, server in ready["products"].items()
    }
    return {"backup_servers": {"hosts": hosts}}


def play_command() -> list[str]:
    ansible_playbook = Path(sys.executable).parent / "ansible-playbook"
    return [str(ansible_playbook), "-i", str(INVENTORY), PLAYBOOK, "-e", json.dumps(PLAY_VARIABLES)]


def restic_host() -> dict[str, Any]:
    """Create a host with a real repository, read by restic itself; without restic, print a note and return nothing."""
    if shutil.which("restic") is None:
        print("restic is not installed: the demo reads only simulated servers.", flush=True)
        return {}
    print("Backing up the documentation with restic, so that the demo also reads a real repository.", flush=True)
    # Remove the complete folder: the cache of an earlier repository would not match.
    shutil.rmtree(RESTIC, ignore_errors=True)
    RESTIC.mkdir(parents=True)
    environment = os.environ | {"RESTIC_REPOSITORY": str(RESTIC), "RESTIC_PASSWORD": RESTIC_PASSWORD}
    backup = ["restic", "--no-cache", "backup", "--quiet", "--host", "documentation", str(ROOT / "docs")]
    for command in (["restic", "--no-cache", "init", "--quiet"], backup):
        ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if ended.returncode != 0:
            raise DemoError(f"{shlex.join(command)} failed with status {ended.returncode}.\n{ended.stderr}")
    return {
        "demo-restic": {
            "backup_product": "restic",
            "backup_repository": str(RESTIC),
            "backup_password": f"{{{{ lookup('ansible.builtin.env', '{password_variable('restic')}') }}}}",
            "backup_verify": "data",
            "ansible_connection": "local",
            "ansible_python_interpreter": "{{ ansible_playbook_python }}",
        }
    }


def run_play(ready: dict[str, Any], others: dict[str, Any], collections: Path | None = None) -> None:
    """Run the play over the simulated servers and the other hosts."""
    FINDINGS.unlink(missing_ok=True)
    inventory = build_inventory(ready)
    hosts = inventory["backup_servers"]["hosts"]
    hosts.update(others)
    INVENTORY.write_text(yaml.safe_dump(inventory, sort_keys=False, allow_unicode=True), encoding="utf-8")
    passwords = {password_variable(product): server["password"] for product, server in ready["products"].items()}
    passwords[password_variable("restic")] = RESTIC_PASSWORD
    settings = {
        "ANSIBLE_CALLBACK_RESULT_FORMAT": "yaml",
        "ANSIBLE_COLLECTIONS_PATH": str(collections or ROOT / ".venv" / "collections"),
    }
    command = play_command()
    print(f"$ {shlex.join(command)}", flush=True)
    play = subprocess.Popen(command, cwd=collections or ROOT, env=os.environ | settings | passwords)
    try:
        status = play.wait()
    finally:
        stop_process(play)
    if status != 0:
        raise DemoError(f"ansible-playbook failed with status {status}. Noncompliant workloads are not the cause.")
    if not FINDINGS.is_file():
        raise DemoError(f"The play succeeded, but did not write {FINDINGS.relative_to(ROOT)}.")
    check_results(json.loads(FINDINGS.read_text(encoding="utf-8"))["data_sources"], len(hosts))


def check_results(read_results: list[dict[str, Any]], servers: int) -> None:
    """Check that every server was read completely. Noncompliant workloads are allowed."""
    broken = [
        f"{read['server']['host']}: {read.get('failure', 'incomplete')}"
        for read in read_results
        if not read["complete"]
    ]
    if broken or len(read_results) != servers:
        raise DemoError(
            "\n  ".join([f"{len(read_results) - len(broken)} of {servers} servers were read completely.", *broken])
        )


def own_inventory() -> str:
    """Return an inventory for the user's own server with the values that the user has to change."""
    return f"""\
---
# One host for each backup server. Change the product, URL and user name, and add more hosts as needed.
backup_servers:
  hosts:
    my-server:
      # Valid values: {", ".join(products())}
      backup_product: spp
      backup_url: https://backup.example.com
      # A read-only account is sufficient.
      backup_username: auditor
      # From the environment. A value encrypted with ansible-vault or another lookup works as well.
      backup_password: "{{{{ lookup('ansible.builtin.env', 'BACKUP_PASSWORD') }}}}"
      # Only needed if the server uses a certificate from a private CA:
      # backup_ca_path: /etc/ssl/my-ca.pem
"""


def own_command() -> str:
    """Return the command that reads the servers of that file, for any shell and folder."""
    collections = shlex.quote(str(ROOT / ".venv" / "collections"))
    evidence = shlex.quote(f"compliance_output={OUTPUT / 'mine'}")
    playbook = [str(Path(sys.executable).parent / "ansible-playbook"), "-i", str(OWN), PLAYBOOK]
    return f"ANSIBLE_COLLECTIONS_PATH={collections} {shlex.join(playbook)} -e {evidence}"


def next_steps() -> str:
    if not OWN.exists():
        OWN.write_text(own_inventory(), encoding="utf-8")
    return f"""
The evidence is in {OUTPUT.relative_to(ROOT)}/. Open report.html. findings.json contains all findings.

To read your own server:
  1. Set the product, URL and user name in {OWN.relative_to(ROOT)}.
  2. read -rs BACKUP_PASSWORD && export BACKUP_PASSWORD
  3. {own_command()}
The command fails if a workload is not compliant. It always writes the evidence. It only sends read requests.
"""


def handle_signal(signal_number: int, _frame: FrameType | None) -> None:
    # An exception stops the simulators during cleanup.
    raise SystemExit(128 + signal_number)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.tools.demo")
    parser.add_argument(
        "--collections", type=Path, help="folder in which the collection is installed (default: .venv/collections)"
    )
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, handle_signal)
    OUTPUT.mkdir(parents=True, exist_ok=True)
    try:
        with simulators() as ready:
            run_play(ready, restic_host(), options.collections)
    except DemoError as error:
        print(f"The demo failed: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    print(next_steps())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
