# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A real PostgreSQL and its pgBackRest backups."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
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
repo2-bundle=y
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
    """A database, its configuration, and two repositories, the first of which is encrypted."""

    folder: Path

    @property
    def config(self) -> Path:
        """Return the path of the configuration of pgBackRest."""
        return self.folder / "pgbackrest.conf"

    def execute(self, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a program as the owner of the database, because the server cannot run as root."""
        path = f"{binaries()}:{os.environ['PATH']}"
        environment = {"PATH": path, "HOME": str(self.folder), **environment}
        return execute(self.as_owner(command), environment, cwd=self.folder)

    def as_owner(self, command: tuple[str, ...]) -> tuple[str, ...]:
        """Return a command that runs as the owner of the database."""
        if os.geteuid() != 0:
            return command
        owner = pwd.getpwnam("postgres")
        return ("setpriv", f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}", "--clear-groups", *command)

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

    def wait_until_archived(self) -> None:
        """Complete the current segment, and wait until everything is archived."""
        self.sql("select pg_switch_wal()")
        for _number in range(100):
            if self.sql("select count(*) from pg_ls_archive_statusdir() where name like '%.ready'") == "0":
                return
            time.sleep(0.05)
        raise AssertionError("the segments were not archived")

    def start(self) -> None:
        """Start the database."""
        self.run("pg_ctl", "-D", f"{self.folder}/data", "-l", f"{self.folder}/server.log", "-w", "start")

    def stop(self) -> None:
        """Stop the database."""
        self.run("pg_ctl", "-D", f"{self.folder}/data", "-m", "fast", "-w", "stop")

    def read(self, **options: Any) -> ModuleResult:
        """Run the module."""
        given = {"config": str(self.config), "detail": "recovery_points"}
        return run_module("pgbackrest_backups_info", {**given, **options}, {"HOME": str(self.folder)})

    def archive(self, repo: int) -> Path:
        """Return the folder of archived segments of the first database."""
        return next((self.folder / f"repo{repo}/archive/main").glob("*-1"))

    def segment(self, repo: int, name: str) -> Path:
        """Return the path of an archived segment."""
        return next(self.archive(repo).rglob(f"{name}-*"))

    def info(self) -> dict[str, Any]:
        """Return what pgBackRest lists for the stanza."""
        listed: list[dict[str, Any]] = json.loads(self.pgbackrest("--output=json", "info"))
        return listed[0]

    def replace_database(self) -> None:
        """Initialize another database, which needs ``stanza-upgrade``."""
        self.run("initdb", "-D", f"{self.folder}/data", "-A", "trust", "-U", "postgres", "--no-sync")
        text = self.config.read_text()
        self.config.write_text(re.sub("pg1-path=.*", f"pg1-path={self.folder}/data", text))

    @contextlib.contextmanager
    def restored(self, *options: str) -> Iterator[None]:
        """Restore to a new database, and run it. It archives a new timeline."""
        self.config.write_text(re.sub("pg1-path=.*", f"pg1-path={self.folder}/data", self.config.read_text()))
        self.pgbackrest(*options, "--target-action=promote", "restore")
        push = f"archive_command=pgbackrest --config={self.config} --stanza=main archive-push %p"
        settings = f"-c unix_socket_directories='{self.folder}' -c '{push}'"
        self.run(
            "pg_ctl", "-D", f"{self.folder}/data", "-l", f"{self.folder}/server.log", "-w", "-o", settings, "start"
        )
        try:
            for _number in range(100):
                if self.sql("select pg_is_in_recovery()") == "f":
                    break
                time.sleep(0.05)
            yield
        finally:
            self.stop()

    @contextlib.contextmanager
    def backup_in_progress(self) -> Iterator[None]:
        """Suspend a backup of the running database while it copies files, and kill it afterwards."""
        folders = set((self.folder / "repo1/backup/main").iterdir())
        options = ("--type=full", "--repo=1", "--no-archive-check", "--compress-level=9", "--process-max=1")
        command = ("pgbackrest", f"--config={self.config}", "--stanza=main", *options, "backup")
        with subprocess.Popen(
            self.as_owner(command), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        ) as process:
            for _number in range(500):
                new = set((self.folder / "repo1/backup/main").iterdir()) - folders
                if any((path / "backup.manifest.copy").exists() for path in new):
                    break
                time.sleep(0.01)
            os.killpg(process.pid, signal.SIGSTOP)
            try:
                yield
            finally:
                os.killpg(process.pid, signal.SIGKILL)

    def copy(self, to: Path) -> Cluster:
        """Copy only the repositories, for a test that damages them."""
        copied = Cluster(to)
        for name in ("repo1", "repo2", "pgbackrest.conf"):
            command = ("cp", "-a", str(self.folder / name), str(to))
            run(command, {})
        text = self.config.read_text().replace(f"{self.folder}/repo", f"{to}/repo")
        copied.config.write_text(text.replace(f"{self.folder}/lock", f"{to}/lock"))
        return copied


def give(folder: Path) -> None:
    folder.chmod(0o755)
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres", "postgres")


@contextlib.contextmanager
def owned_folder() -> Iterator[Path]:
    """Create a folder for the owner of the database. Unlike the folders of pytest, other users can read it."""
    with tempfile.TemporaryDirectory(prefix="backup-audit-pg-") as folder:
        give(Path(folder))
        yield Path(folder)


def create_cluster(folder: Path) -> Cluster:
    """Create a database with 100,000 rows, a full and a differential backup in repo1, and a full one in repo2."""
    cluster = Cluster(folder)
    give(folder)
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
    for kind, repo in (("full", 1), ("diff", 1), ("full", 2)):
        cluster.pgbackrest(f"--type={kind}", f"--repo={repo}", "backup")
        # A segment that no backup needs.
        cluster.sql("create table if not exists filler (time timestamptz)")
        cluster.sql("insert into filler values (clock_timestamp())")
        cluster.wait_until_archived()
    return cluster
