# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A real PostgreSQL and its Barman backups."""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.real.cluster import PORT, Cluster, binaries, give
from tests.real.tools import ModuleResult, run, run_module

PASSWORD = "sw0rdfish"
_CONFIG = """
[barman]
barman_user = {user}
barman_home = {folder}/home
barman_lock_directory = {folder}/lock
log_file = {folder}/barman.log
cloud_staging_directory = {folder}/staging
path_prefix = {programs}
minimum_redundancy = 1
retention_policy = REDUNDANCY 2
[main]
description = Main database
conninfo = host={database} port={port} user=postgres dbname=postgres password={password}
backup_method = postgres
immediate_checkpoint = true
streaming_conninfo = host={database} port={port} user=postgres dbname=postgres password={password}
archiver = on
[idle]
description = Never backed up
conninfo = host={database} port={port} user=postgres dbname=postgres
streaming_conninfo = host={database} port={port} user=postgres dbname=postgres
backup_method = postgres
immediate_checkpoint = true
archiver = on
"""
_SETTINGS = """
port={port}
listen_addresses=''
unix_socket_directories='{folder}'
archive_mode=on
archive_command='cp -p %p {folder}/home/main/incoming/%f'
wal_level=replica
fsync=off
"""


class BarmanCluster(Cluster):
    """A database, and the catalog of Barman with its backups."""

    @property
    def config(self) -> Path:
        """Return the path of the configuration of Barman."""
        return self.folder / "barman.conf"

    @property
    def home(self) -> Path:
        """Return the folder of the server ``main``."""
        return self.folder / "home/main"

    def barman(self, *arguments: str) -> str:
        """Run Barman for this catalog."""
        return self.run("barman", "-c", str(self.config), *arguments)

    def list_backups(self) -> list[dict[str, Any]]:
        """Return what Barman lists for the server ``main``, newest first."""
        listed: dict[str, list[dict[str, Any]]] = json.loads(self.barman("-f", "json", "list-backups", "main"))
        return listed["main"]

    def show(self, backup: str) -> dict[str, Any]:
        """Return what Barman shows for one backup."""
        shown: dict[str, Any] = json.loads(self.barman("-f", "json", "show-backup", "main", backup))["main"]
        return shown

    def data(self, backup: str) -> Path:
        """Return the folder of one backup."""
        return self.home / "base" / backup

    def segment(self, name: str) -> Path:  # type: ignore[override]
        """Return the path of an archived segment."""
        return self.home / "wals" / name[:16] / name

    def back_up(self) -> str:
        """Create a backup, wait for its WAL, and archive a segment that no backup needs; return its ID."""
        self.barman("backup", "--wait", "main")
        self.sql("create table if not exists filler (time timestamptz)")
        self.archive_segment()
        return str(self.list_backups()[0]["backup_id"])

    def archive_segment(self) -> None:
        """Fill the current segment with one row, and archive it."""
        self.sql("insert into filler values (clock_timestamp())")
        self.wait_until_archived()
        self.barman("archive-wal", "main")

    def read(self, **options: Any) -> ModuleResult:
        """Run the module."""
        given = {"config": str(self.config), "server": "main", "detail": "recovery_points"}
        return run_module("barman_backups_info", {**given, **options}, {"HOME": str(self.folder)})

    @contextlib.contextmanager
    def backup_in_progress(self) -> Iterator[None]:
        """Suspend a backup while it copies files, and kill it afterwards, so that Barman cannot record the failure."""
        before = {one["backup_id"] for one in self.list_backups()}
        command = ("barman", "-c", str(self.config), "backup", "main")
        environment = {**os.environ, "HOME": str(self.folder), "TZ": "UTC"}
        with subprocess.Popen(
            self.as_owner(command),
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        ) as process:
            while {one["backup_id"] for one in self.list_backups()} == before:
                time.sleep(0.05)
            os.killpg(process.pid, signal.SIGSTOP)
            try:
                yield
            finally:
                os.killpg(process.pid, signal.SIGKILL)

    def copy(self, to: Path) -> BarmanCluster:
        """Copy the catalog and the configuration, for a test that damages them; the database is the same."""
        copied = BarmanCluster(to)
        run(("cp", "-a", str(self.folder / "home"), str(to)), {})
        copied.run("mkdir", "lock")
        copied.write_config(self.folder)
        return copied

    def write_config(self, database: Path, *, password: bool = True) -> None:
        """Write the configuration. The sockets of the database are in ``database``."""
        owner = "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
        text = _CONFIG.format(
            folder=self.folder, database=database, port=PORT, user=owner, programs=binaries(), password=PASSWORD
        )
        self.config.write_text(text if password else text.replace(f" password={PASSWORD}", ""))
        self.config.chmod(0o644)


def create_cluster(folder: Path) -> BarmanCluster:
    """Create a database with 100,000 rows, and two backups of it."""
    cluster = BarmanCluster(folder)
    give(folder)
    cluster.write_config(folder)
    for name in ("home", "home/main", "home/main/incoming", "lock"):
        cluster.run("mkdir", name)
    cluster.run("initdb", "-D", f"{folder}/data", "-A", "trust", "-U", "postgres", "--no-sync", "--data-checksums")
    settings = _SETTINGS.format(folder=folder, port=PORT)
    cluster.run("sh", "-c", f"cat >> {folder}/data/postgresql.conf <<'END'\n{settings}\nEND")
    cluster.start()
    # The first run creates the directories.
    cluster.execute("barman", "-c", str(cluster.config), "check", "all")
    cluster.sql("create table numbers as select generate_series(1, 100000) as number")
    cluster.wait_until_archived()
    cluster.barman("archive-wal", "main")
    for _number in range(2):
        cluster.back_up()
    return cluster
