# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A real PostgreSQL and its pgBackRest backups."""

from __future__ import annotations

import dataclasses
import os
import pwd
import shutil
import subprocess
from pathlib import Path
from typing import Any

from tests.real.tools import ModuleResult, execute, run, run_module

CIPHER = "c1pher-pass"
PORT = "54321"
_CONFIG = """
[global]
repo1-path={folder}/repo1
repo1-cipher-type=aes-256-cbc
repo1-cipher-pass={cipher}
repo1-retention-full=9
repo2-path={folder}/repo2
repo2-retention-full=9
log-path={folder}
lock-path={folder}/lock
spool-path={folder}
log-level-file=off
start-fast=y
[main]
pg1-path={folder}/data
pg1-socket-path={folder}
pg1-port={port}
pg1-user=postgres
"""
_SETTINGS = """
port={port}
listen_addresses=''
unix_socket_directories='{folder}'
archive_mode=on
archive_command='pgbackrest --config={folder}/pgbackrest.conf --stanza=main archive-push %p'
wal_level=replica
fsync=off
"""


def binaries() -> Path | None:
    """Return the folder of the PostgreSQL programs: Debian does not put them into PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return found[-1].parent if found else None


@dataclasses.dataclass(frozen=True)
class Cluster:
    """A database, its configuration, and two repositories of which the first is encrypted."""

    folder: Path

    @property
    def config(self) -> Path:
        """The configuration of pgBackRest."""
        return self.folder / "pgbackrest.conf"

    def execute(self, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a program as the owner of the database: the server refuses to run as root."""
        if os.geteuid() == 0:
            owner = pwd.getpwnam("postgres")
            ids = (f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}", "--clear-groups")
            command = ("setpriv", *ids, *command)
        path = f"{binaries()}:{os.environ['PATH']}"
        return execute(command, {"PATH": path, "HOME": str(self.folder), **environment}, cwd=self.folder)

    def run(self, *command: str) -> str:
        """Run a program as the owner of the database; return its output."""
        ended = self.execute(*command)
        assert ended.returncode == 0, f"{command} ended with {ended.returncode}:\n{ended.stdout}\n{ended.stderr}"
        return ended.stdout

    def pgbackrest(self, *arguments: str) -> str:
        """Run pgBackRest for it."""
        return self.run("pgbackrest", f"--config={self.config}", "--stanza=main", *arguments)

    def sql(self, text: str) -> str:
        """Run a query and return the database's output."""
        return self.run("psql", "-h", str(self.folder), "-p", PORT, "-U", "postgres", "-AtXc", text, "postgres").strip()

    def start(self) -> None:
        """Start the database."""
        self.run("pg_ctl", "-D", f"{self.folder}/data", "-l", f"{self.folder}/server.log", "-w", "start")

    def stop(self) -> None:
        """Stop the database."""
        self.run("pg_ctl", "-D", f"{self.folder}/data", "-m", "fast", "-w", "stop")

    def read(self, **options: Any) -> ModuleResult:
        """Run the module for it."""
        given = {"config": str(self.config), "detail": "recovery_points"}
        return run_module("pgbackrest_backups_info", {**given, **options}, {"HOME": str(self.folder)})

    def copy(self, to: Path) -> Cluster:
        """Copy only the repositories, for a test that damages them."""
        copied = Cluster(to)
        for name in ("repo1", "repo2", "pgbackrest.conf"):
            command = ("cp", "-a", str(self.folder / name), str(to))
            run(command, {})
        text = self.config.read_text().replace(f"{self.folder}/repo", f"{to}/repo")
        copied.config.write_text(text.replace(f"{self.folder}/lock", f"{to}/lock"))
        return copied


def create_cluster(folder: Path) -> Cluster:
    """Create a database with 100,000 rows: a full and a differential backup in repo1, a full one in repo2."""
    cluster = Cluster(folder)
    folder.chmod(0o755)
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
    cluster.config.write_text(_CONFIG.format(folder=folder, cipher=CIPHER, port=PORT))
    for name in ("repo1", "repo2", "lock"):
        cluster.run("mkdir", name)
    cluster.run("initdb", "-D", f"{folder}/data", "-A", "trust", "-U", "postgres", "--no-sync", "--data-checksums")
    cluster.run(
        "sh", "-c", f"cat >> {folder}/data/postgresql.conf <<'END'\n{_SETTINGS.format(folder=folder, port=PORT)}\nEND"
    )
    cluster.start()
    cluster.pgbackrest("stanza-create")
    cluster.sql("create table numbers as select generate_series(1, 100000) as number")
    cluster.pgbackrest("--type=full", "--repo=1", "backup")
    cluster.pgbackrest("--type=diff", "--repo=1", "backup")
    cluster.pgbackrest("--type=full", "--repo=2", "backup")
    return cluster
