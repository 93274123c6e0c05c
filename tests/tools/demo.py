# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The compliance play against simulated backup servers: python -m tests.tools.demo [--collections FOLDER]

Starts the simulators, makes a real restic repository where restic is installed, writes an inventory for them, runs the
real ansible-playbook, ends the simulators. Workloads fail in there on purpose; the demo fails only if something broke.
With a folder of collections the play knows that one only, and runs in it.
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
# What the user changes; never written over.
OWN = OUTPUT / "my_servers.yml"

# A real repository, made anew each time.
RESTIC = OUTPUT / "restic"
RESTIC_PASSWORD = secrets.token_hex(16)

PLAYBOOK = "backup.audit.compliance"
PLAY_VARIABLES = {"compliance_output": str(OUTPUT), "compliance_fail": False, "compliance_table_rows": 200}

PRODUCTS = ROOT / "roles" / "compliance" / "vars" / "main.yml"

SIMULATORS = [
    *(sys.executable, "-m", "tests.simulators", "--stop-with-stdin"),
    *("--workloads", "20", "--points", "30", "--seed", "7", "--latency-ms", "0"),
]
SECONDS_TO_START = 60
SECONDS_TO_END = 10


class DemoError(Exception):
    """Something broke; the text says what, and what to look at."""


@contextlib.contextmanager
def simulators() -> Iterator[dict[str, Any]]:
    """Simulated servers for as long as the block runs; yields where they are and how to log in."""
    ready_file = OUTPUT / "simulators.json"
    log = OUTPUT / "simulators.log"
    ready_file.unlink(missing_ok=True)
    with log.open("wb") as output:
        # A session of its own: Ctrl-C reaches this process, which then ends the simulators in its own order.
        # Their standard input closes with this process, whatever its ending was: none is left behind.
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
            end(process)
            # It holds passwords.
            ready_file.unlink(missing_ok=True)


def products() -> list[str]:
    """What the role can read, in its own words."""
    return list(yaml.safe_load(PRODUCTS.read_text(encoding="utf-8"))["compliance__products"])


def wait_until_ready(process: subprocess.Popen[bytes], ready_file: Path, log: Path) -> dict[str, Any]:
    deadline = time.monotonic() + SECONDS_TO_START
    while not ready_file.exists():
        if process.poll() is not None:
            raise DemoError(f"The simulators ended with {process.returncode} before they served.\n{log_of(log)}")
        if time.monotonic() > deadline:
            raise DemoError(f"The simulators did not serve within {SECONDS_TO_START} s.\n{log_of(log)}")
        time.sleep(0.05)
    ready: dict[str, Any] = json.loads(ready_file.read_text(encoding="utf-8"))
    return ready


def log_of(log: Path) -> str:
    return f"They said:\n{log.read_text(encoding='utf-8', errors='replace') or '(nothing)'}"


def end(process: subprocess.Popen[bytes]) -> None:
    """Ask first: ansible-playbook that is killed leaves its workers behind. One that has ended is not disturbed."""
    process.terminate()
    try:
        process.wait(SECONDS_TO_END)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def password_variable(product: str) -> str:
    return f"DEMO_{product.upper()}_PASSWORD"


def inventory_of(ready: dict[str, Any]) -> dict[str, Any]:
    """One host for each product. The passwords stay in the environment: nothing secret is written."""
    hosts = {
        "demo-" + product.replace("_", "-"): {
            "backup_product": product,
            "backup_url": server["url"],
            "backup_username": server["username"],
            "backup_password": f"{{{{ lookup('ansible.builtin.env', '{password_variable(product)}') }}}}",
            "backup_ca_path": ready["ca_path"],
        }
        for product, server in ready["products"].items()
    }
    return {"backup_servers": {"hosts": hosts}}


def play_command() -> list[str]:
    ansible_playbook = Path(sys.executable).parent / "ansible-playbook"
    return [str(ansible_playbook), "-i", str(INVENTORY), PLAYBOOK, "-e", json.dumps(PLAY_VARIABLES)]


def restic_host() -> dict[str, Any]:
    """A host with a real repository, read by restic itself; none, and a word of it, where restic is not installed."""
    if shutil.which("restic") is None:
        print("restic is not installed: the demo shows simulated servers only.", flush=True)
        return {}
    print("Backing up the documentation with restic, so that a real repository is read too.", flush=True)
    # Not only the repository: a cache of an earlier one would be of another.
    shutil.rmtree(RESTIC, ignore_errors=True)
    RESTIC.mkdir(parents=True)
    environment = os.environ | {"RESTIC_REPOSITORY": str(RESTIC), "RESTIC_PASSWORD": RESTIC_PASSWORD}
    backup = ["restic", "--no-cache", "backup", "--quiet", "--host", "documentation", str(ROOT / "docs")]
    for command in (["restic", "--no-cache", "init", "--quiet"], backup):
        ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if ended.returncode != 0:
            raise DemoError(f"{shlex.join(command)} ended with {ended.returncode}.\n{ended.stderr}")
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
    """The play over the simulated servers and other hosts."""
    FINDINGS.unlink(missing_ok=True)
    inventory = inventory_of(ready)
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
        end(play)
    if status != 0:
        raise DemoError(f"ansible-playbook ended with {status}; workloads that fail do not make it do so here.")
    if not FINDINGS.is_file():
        raise DemoError(f"The play ended well, but left no {FINDINGS.relative_to(ROOT)}.")
    check_reads(json.loads(FINDINGS.read_text(encoding="utf-8"))["reads"], len(hosts))


def check_reads(reads: list[dict[str, Any]], servers: int) -> None:
    """Workloads may fail in here, reading may not: every server was read, and to its end."""
    broken = [
        f"{read['server']['host']}: {read.get('failure', 'incomplete')}" for read in reads if not read["complete"]
    ]
    if broken or len(reads) != servers:
        raise DemoError("\n  ".join([f"{len(reads) - len(broken)} of {servers} servers were read in full.", *broken]))


def own_servers() -> str:
    """An inventory for a server of the user's own: what is to be changed, and nothing else."""
    return f"""\
---
# One host for each backup server: change product, URL and user name, and add more hosts as you like.
backup_servers:
  hosts:
    my-server:
      # One of {", ".join(products())}
      backup_product: spp
      backup_url: https://backup.example.com
      # An account that may only look is enough.
      backup_username: auditor
      # From the environment; a value encrypted by ansible-vault, or a lookup of your own, does as well.
      backup_password: "{{{{ lookup('ansible.builtin.env', 'BACKUP_PASSWORD') }}}}"
      # If the server's certificate was signed by an authority of your own:
      # backup_ca_path: /etc/ssl/my-ca.pem
"""


def own_command() -> str:
    """What reads the servers of that file, in any shell, from any folder."""
    collections = shlex.quote(str(ROOT / ".venv" / "collections"))
    evidence = shlex.quote(f"compliance_output={OUTPUT / 'mine'}")
    playbook = [str(Path(sys.executable).parent / "ansible-playbook"), "-i", str(OWN), PLAYBOOK]
    return f"ANSIBLE_COLLECTIONS_PATH={collections} {shlex.join(playbook)} -e {evidence}"


def what_next() -> str:
    if not OWN.exists():
        OWN.write_text(own_servers(), encoding="utf-8")
    return f"""
The evidence is in {OUTPUT.relative_to(ROOT)}/: open report.html; findings.json holds everything.

To read a server of your own:
  1. Change {OWN.relative_to(ROOT)}: product, URL and user name.
  2. read -rs BACKUP_PASSWORD && export BACKUP_PASSWORD
  3. {own_command()}
It fails if a workload cannot be proved recoverable; the evidence stands all the same. Nothing but reads is ever sent.
"""


def stop(signal_number: int, _frame: FrameType | None) -> None:
    # As an exception, so that the simulators are ended on the way out.
    raise SystemExit(128 + signal_number)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.tools.demo")
    parser.add_argument("--collections", type=Path, help="where the collection is installed, if not in .venv/")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, stop)
    OUTPUT.mkdir(parents=True, exist_ok=True)
    try:
        with simulators() as ready:
            run_play(ready, restic_host(), options.collections)
    except DemoError as error:
        print(f"The demo broke: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    print(what_next())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
