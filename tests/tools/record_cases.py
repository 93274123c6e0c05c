# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Recorded cases: repositories that are created and damaged, and commands that are run on them."""

from __future__ import annotations

import dataclasses
import json
import random
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.real import barman_cluster
from tests.real.cluster import CIPHER, Cluster, create_cluster
from tests.real.restic_repository import PASSWORD, Repository, create_repository
from tests.real.tools import corrupt_byte, execute, largest
from tests.recordings import Recording

WRONG = "wr0ng-one"
_RESTIC_LIST = ("--no-lock", "--no-cache", "--json", "snapshots")
_RESTIC_CONFIG = ("--no-lock", "--no-cache", "--json", "cat", "config")
_RESTIC_CHECK = ("--no-lock", "--json", "check")
_BORG_READ = ("--bypass-lock", "--log-json")
_BORG_LIST = (*_BORG_READ, "list", "--json", "--format", "{hostname}{end}{comment}")
_BORG_CHECK = (*_BORG_READ, "check", "--repository-only")
_BORG_EXTRACT = (*_BORG_READ, "extract", "--dry-run")
_QUIET = ("--log-level-console=off", "--log-level-stderr=error", "--log-level-file=off")
_INFO = ("--output=json", *_QUIET, "info")


@dataclasses.dataclass
class Recorder:
    """The folder of the repositories, the program, and its recorded runs by name."""

    folder: Path
    executable: str
    runs: dict[str, Recording] = dataclasses.field(default_factory=dict)

    @property
    def tool(self) -> str:
        """The name of the program."""
        return Path(self.executable).name

    def keep(
        self, name: str, arguments: tuple[str, ...], shown: Mapping[str, str], ended: subprocess.CompletedProcess[str]
    ) -> None:
        """Store one run under its name."""
        assert name not in self.runs, name
        command = (self.tool, *arguments)
        self.runs[name] = Recording(command, dict(shown), ended.returncode, ended.stdout, ended.stderr)

    def run(self, name: str, *arguments: str, home: Path, secrets: Mapping[str, str], **shown: str) -> None:
        """Run the program and store its output. Secrets are not recorded."""
        given = {"HOME": str(home), **secrets, **shown}
        ended = execute([self.executable, *arguments], given, cwd=self.folder)
        self.keep(name, arguments, shown, ended)

    def new_folder(self, name: str) -> Path:
        """Create a folder for one damaged copy."""
        folder = self.folder / name
        folder.mkdir()
        return folder


def write_data(folder: Path, *, size: int = 200_000, seed: int = 1) -> None:
    """Write files whose contents are the same in every recording."""
    folder.mkdir(exist_ok=True)
    (folder / "orders.csv").write_bytes(random.Random(seed).randbytes(size))
    (folder / "notes.txt").write_text(f"version {seed}\n" * 50)


# restic


def _restic_run(recorder: Recorder, name: str, repository: Repository, *arguments: str, password: str = "") -> None:
    secrets = {"RESTIC_PASSWORD": password or PASSWORD, "RESTIC_PROGRESS_FPS": "0.01"}
    recorder.run(name, *arguments, home=repository.home, secrets=secrets, RESTIC_REPOSITORY=str(repository.path))


def record_restic(recorder: Recorder) -> None:
    """Record a repository with snapshots of two hosts, damaged copies of it, and others."""
    repository = create_repository(recorder.folder)
    data = recorder.folder / "files"
    write_data(data)
    for day, tags in (("10", ()), ("11", ("--tag", "weekly,offsite"))):
        time = f"2026-01-{day} 02:00:00"
        repository.restic("backup", "--quiet", "--host", "files01", "--time", time, *tags, str(data))
    recorder.run("version", "version", home=repository.home, secrets={})
    _restic_run(recorder, "snapshots", repository, *_RESTIC_LIST)
    _restic_run(recorder, "snapshots_grouped", repository, *_RESTIC_LIST, "--group-by", "host")
    _restic_run(recorder, "stats", repository, "--no-lock", "--json", "stats", "--mode", "raw-data")
    _restic_run(recorder, "check", repository, *_RESTIC_CHECK)
    _restic_run(recorder, "check_data", repository, *_RESTIC_CHECK, "--read-data")
    for name, arguments in (("snapshots", _RESTIC_LIST), ("check", _RESTIC_CHECK)):
        _restic_run(recorder, f"{name}_wrong_password", repository, *arguments, password=WRONG)
        missing = Repository(recorder.folder / "missing", repository.home)
        _restic_run(recorder, f"{name}_missing_repository", missing, *arguments)
    empty = Repository(recorder.new_folder("empty") / "repository", repository.home)
    empty.restic("init")
    _restic_run(recorder, "snapshots_empty", empty, *_RESTIC_LIST)
    for case, damage in _RESTIC_DAMAGES.items():
        folder = recorder.new_folder(case)
        shutil.copytree(repository.path, folder / "repository")
        # Use a new home, because the cache would hide the damage.
        (folder / "home").mkdir()
        damaged = Repository(folder / "repository", folder / "home")
        damage(damaged.path)
        _restic_run(recorder, f"snapshots_{case}", damaged, *_RESTIC_LIST)
        _restic_run(recorder, f"check_{case}", damaged, *_RESTIC_CHECK)
        _restic_run(recorder, f"check_data_{case}", damaged, *_RESTIC_CHECK, "--read-data")
    _restic_run(recorder, "config", repository, *_RESTIC_CONFIG)


def _delete_largest(folder: Path) -> None:
    largest(folder).unlink()


_RESTIC_DAMAGES: dict[str, Callable[[Path], None]] = {
    "damaged_pack": lambda path: corrupt_byte(largest(path / "data"), 1000),
    "missing_pack": lambda path: _delete_largest(path / "data"),
    "damaged_snapshot": lambda path: corrupt_byte(largest(path / "snapshots"), 40),
    "missing_index": lambda path: _delete_largest(path / "index"),
}

# Borg


def _borg_run(
    recorder: Recorder,
    name: str,
    folder: Path,
    *arguments: str,
    password: str = PASSWORD,
    home: Path | None = None,
    **shown: str,
) -> None:
    secrets = {"BORG_PASSPHRASE": password} if password else {}
    shown = {"BORG_REPO": str(folder / "repository"), "BORG_RELOCATED_REPO_ACCESS_IS_OK": "yes", **shown}
    recorder.run(name, *arguments, home=home or folder / "home", secrets=secrets, **shown)


def _create_borg(recorder: Recorder, folder: Path, *, encryption: str = "repokey") -> None:
    (folder / "home").mkdir()
    given = {"BORG_REPO": str(folder / "repository"), "BORG_PASSPHRASE": PASSWORD, "HOME": str(folder / "home")}

    def borg(*arguments: str) -> None:
        ended = execute([recorder.executable, *arguments], given, cwd=folder)
        assert ended.returncode == 0, ended.stderr

    borg("init", f"--encryption={encryption}")
    write_data(folder / "data")
    names = ("web01-2026-01-10", "db01-2026-01-10", "web01-2026-01-11")
    for number, name in enumerate(names):
        # The largest segment is always that of db01.
        write_data(folder / "data", seed=number, size=300_000 if name.startswith("db01") else 200_000)
        day = name[-10:]
        borg("create", "--comment", f"{name[:-11]} daily", "--timestamp", f"{day}T02:00:00", f"::{name}", "data")
    borg("create", "::{hostname}-{now}", "data")


def record_borg(recorder: Recorder) -> None:
    """Record a repository with archives of two hosts, damaged copies of it, and others."""
    folder = recorder.folder
    _create_borg(recorder, folder)
    recorder.run("version", "--version", home=folder / "home", secrets={})
    _borg_run(recorder, "list", folder, *_BORG_LIST)
    _borg_run(recorder, "list_plain", folder, *_BORG_READ, "list", "--json")
    command_line = "{hostname}{end}{comment}{command_line}"
    _borg_run(recorder, "list_command_line", folder, *_BORG_READ, "list", "--json", "--format", command_line)
    _borg_run(recorder, "info", folder, *_BORG_READ, "info", "--json")
    _borg_run(recorder, "info_archives", folder, *_BORG_READ, "info", "--json", "--last", "2")
    _borg_run(recorder, "check", folder, *_BORG_CHECK)
    newest = json.loads(recorder.runs["list_plain"].out)["archives"][-1]["name"]
    for name, archive in (("web01", "web01-2026-01-11"), ("db01", "db01-2026-01-10"), ("newest", newest)):
        _borg_run(recorder, f"extract_{name}", folder, *_BORG_EXTRACT, f"::{archive}")
    for name, arguments in (("list", _BORG_LIST), ("check", _BORG_CHECK)):
        missing = str(folder / "missing")
        _borg_run(recorder, f"{name}_missing_repository", folder, *arguments, BORG_REPO=missing)
        _borg_run(recorder, f"{name}_not_a_repository", folder, *arguments, BORG_REPO=str(folder / "data"))
    fresh = recorder.new_folder("fresh")
    _borg_run(recorder, "list_wrong_password", folder, *_BORG_LIST, password=WRONG, home=fresh)
    plain = recorder.new_folder("plain")
    _create_borg(recorder, plain, encryption="none")
    _borg_run(recorder, "list_unencrypted", plain, *_BORG_LIST, password="")
    _borg_run(recorder, "list_unencrypted_unknown", plain, *_BORG_LIST, password="", home=fresh)
    for case, damage in _BORG_DAMAGES.items():
        copied = recorder.new_folder(case)
        shutil.copytree(folder / "repository", copied / "repository")
        (copied / "home").mkdir()
        damage(copied / "repository" / "data")
        _borg_run(recorder, f"list_{case}", copied, *_BORG_LIST)
        _borg_run(recorder, f"check_{case}", copied, *_BORG_CHECK)
        _borg_run(recorder, f"extract_{case}", copied, *_BORG_EXTRACT, "::db01-2026-01-10")
        _borg_run(recorder, f"extract_{case}_elsewhere", copied, *_BORG_EXTRACT, "::web01-2026-01-11")


_BORG_DAMAGES: dict[str, Callable[[Path], None]] = {
    "damaged_segment": lambda path: corrupt_byte(largest(path), 1000),
    "missing_segment": _delete_largest,
}

# pgBackRest


def _pgbackrest_run(recorder: Recorder, name: str, cluster: Cluster, *arguments: str, **shown: str) -> None:
    shown = {"PGBACKREST_CONFIG": str(cluster.config), **shown}
    recorder.keep(name, arguments, shown, cluster.execute(recorder.executable, *arguments, **shown))


def _verify(repo: int, stanza: str = "main") -> tuple[str, ...]:
    levels = ("--log-level-console=detail", "--log-level-stderr=error", "--log-level-file=off")
    return (f"--stanza={stanza}", f"--repo={repo}", "--output=text", "--verbose", *levels, "verify")


def _record_files(recorder: Recorder, name: str, cluster: Cluster, repo: int) -> None:
    """Record the folders of backups and the archive of one repository."""
    options = ("--stanza=main", f"--repo={repo}", "--output=json", *_QUIET)
    _pgbackrest_run(recorder, f"backups{name}_repo{repo}", cluster, *options, "repo-ls", "backup/main")
    _pgbackrest_run(recorder, f"archive{name}_repo{repo}", cluster, *options, "--recurse", "repo-ls", "archive/main")


def record_pgbackrest(recorder: Recorder) -> None:
    """Record a cluster with all kinds of backups in two repositories, and damaged copies of these."""
    try:
        cluster = create_cluster(recorder.folder)
        cluster.pgbackrest("--type=incr", "--repo=1", "--annotation=purpose=nightly", "backup")
        _record_cluster(recorder, cluster)
    finally:
        if (recorder.folder / "data/postmaster.pid").exists():
            Cluster(recorder.folder).stop()


def _record_cluster(recorder: Recorder, cluster: Cluster) -> None:
    recorder.keep("version", ("version",), {}, cluster.execute(recorder.executable, "version"))
    _pgbackrest_run(recorder, "info", cluster, *_INFO)
    _pgbackrest_run(recorder, "info_missing_stanza", cluster, *_INFO, PGBACKREST_STANZA="nowhere")
    for repo in (1, 2):
        _record_files(recorder, "", cluster, repo)
        _pgbackrest_run(recorder, f"verify_repo{repo}", cluster, *_verify(repo))
    _pgbackrest_run(recorder, "verify_log", cluster, "--stanza=main", "--repo=1", "--log-level-console=info", "verify")
    _pgbackrest_run(recorder, "verify_missing_stanza", cluster, *_verify(1, "nowhere"))
    for case, damage in _CLUSTER_DAMAGES.items():
        damaged = _copy(recorder, cluster, case)
        damage(damaged)
        _pgbackrest_run(recorder, f"info_{case}", damaged, *_INFO)
        _record_files(recorder, f"_{case}", damaged, 1)
        _pgbackrest_run(recorder, f"verify_{case}", damaged, *_verify(1))
        if case == "damaged_file":
            plain = ("--stanza=main", "--repo=1", "--output=text")
            _pgbackrest_run(recorder, f"verify_{case}_short", damaged, *plain, *_QUIET, "verify")
            _pgbackrest_run(recorder, f"verify_{case}_text", damaged, *plain, "--verbose", *_QUIET, "verify")
            log = ("--stanza=main", "--repo=1", "--log-level-console=info", "verify")
            _pgbackrest_run(recorder, f"verify_{case}_log", damaged, *log)
    without_backup = _copy(recorder, cluster, "without_backup")
    text = cluster.config.read_text().replace("[main]", "[new]")
    without_backup.config.write_text(without_backup.config.read_text() + text[text.index("[new]") :])
    without_backup.run("pgbackrest", f"--config={without_backup.config}", "--stanza=new", "stanza-create")
    _pgbackrest_run(recorder, "info_without_backup", without_backup, *_INFO)
    _damage_page(cluster)
    cluster.pgbackrest("--type=full", "--repo=1", "backup")
    _pgbackrest_run(recorder, "info_page_error", cluster, *_INFO)
    _record_files(recorder, "_page_error", cluster, 1)


def _copy(recorder: Recorder, cluster: Cluster, name: str) -> Cluster:
    folder = recorder.new_folder(name)
    shutil.chown(folder, cluster.folder.owner(), cluster.folder.group())
    return cluster.copy(folder)


def _damage_page(cluster: Cluster) -> None:
    """Damage a page of a table before it is backed up."""
    cluster.sql("create table fragile as select generate_series(1, 10000) as number")
    cluster.sql("checkpoint")
    with (cluster.folder / "data" / cluster.sql("select pg_relation_filepath('fragile')")).open("r+b") as opened:
        opened.seek(8192 + 100)
        opened.write(b"\xff\x00\xff\x00")


def _full(cluster: Cluster) -> Path:
    return next(path for path in sorted((cluster.folder / "repo1/backup/main").glob("2*F")) if path.is_dir())


def _log_files(cluster: Cluster) -> list[Path]:
    return sorted((cluster.folder / "repo1/archive/main").rglob("0*.gz"))


def _damage_file(cluster: Cluster) -> None:
    corrupt_byte(sorted((_full(cluster) / "pg_data/base").rglob("*.gz"))[100], 40)


def _delete_logs(cluster: Cluster) -> None:
    for path in _log_files(cluster):
        path.unlink()


def _damage_log(cluster: Cluster) -> None:
    corrupt_byte(_log_files(cluster)[1], 100)


def _change_passphrase(cluster: Cluster) -> None:
    cluster.config.write_text(cluster.config.read_text().replace(CIPHER, WRONG))


def _move_repositories(cluster: Cluster) -> None:
    cluster.config.write_text(cluster.config.read_text().replace(f"{cluster.folder}/repo", f"{cluster.folder}/missing"))


def _empty_repositories(cluster: Cluster) -> None:
    for repo in ("repo1", "repo2"):
        for path in (cluster.folder / repo).iterdir():
            shutil.rmtree(path)


_CLUSTER_DAMAGES: dict[str, Callable[[Cluster], None]] = {
    "damaged_file": _damage_file,
    "missing_full": lambda cluster: shutil.rmtree(_full(cluster)),
    "damaged_wal": _damage_log,
    "missing_wal_file": lambda cluster: _log_files(cluster)[1].unlink(),
    "missing_wal": _delete_logs,
    "wrong_passphrase": _change_passphrase,
    "missing_repository": _move_repositories,
    "empty_repository": _empty_repositories,
}

# Barman


def _barman_run(recorder: Recorder, name: str, cluster: barman_cluster.BarmanCluster, *arguments: str) -> None:
    shown, command = {"BARMAN_CONFIG_FILE": str(cluster.config)}, ("-f", "json", *arguments)
    recorder.keep(name, command, shown, cluster.execute(recorder.executable, *command, **shown))


def record_barman(recorder: Recorder) -> None:
    """Record a server with two backups, and damaged copies of its catalog."""
    cluster = barman_cluster.BarmanCluster(recorder.folder)
    try:
        barman_cluster.create_cluster(recorder.folder)
        cluster.write_config(cluster.folder, password=False)
        _record_server(recorder, cluster)
        for case, damage in _CATALOG_DAMAGES.items():
            folder = recorder.new_folder(case)
            shutil.chown(folder, cluster.folder.owner(), cluster.folder.group())
            damaged = cluster.copy(folder)
            damage(damaged)
            damaged.write_config(cluster.folder, password=False)
            _barman_run(recorder, f"list_{case}", damaged, "list-backups", "main")
            for number, ident in enumerate(_idents(cluster)):
                _barman_run(recorder, f"verify{number}_{case}", damaged, "verify-backup", "main", ident)
    finally:
        if (recorder.folder / "data/postmaster.pid").exists():
            cluster.stop()
    _barman_run(recorder, "check_database_down", cluster, "check", "main")


def _record_server(recorder: Recorder, cluster: barman_cluster.BarmanCluster) -> None:
    recorder.keep("version", ("--version",), {}, cluster.execute(recorder.executable, "--version"))
    _barman_run(recorder, "servers", cluster, "list-servers")
    for name in ("main", "idle"):
        _barman_run(recorder, f"settings_{name}", cluster, "show-servers", name)
        _barman_run(recorder, f"list_{name}", cluster, "list-backups", name)
        _barman_run(recorder, f"check_{name}", cluster, "check", name)
    _barman_run(recorder, "list_unknown", cluster, "list-backups", "nowhere")
    for number, ident in enumerate(_idents(cluster)):
        _barman_run(recorder, f"show{number}", cluster, "show-backup", "main", ident)
        _barman_run(recorder, f"wal{number}", cluster, "list-files", "--target", "wal", "main", ident)
        _barman_run(recorder, f"verify{number}", cluster, "verify-backup", "main", ident)


def _idents(cluster: barman_cluster.BarmanCluster) -> list[str]:
    """The IDs of the backups, newest first."""
    return sorted((path.name for path in (cluster.home / "base").iterdir()), reverse=True)


def _newest_data(cluster: barman_cluster.BarmanCluster) -> Path:
    return cluster.data(_idents(cluster)[0]) / "data"


_CATALOG_DAMAGES: dict[str, Callable[[barman_cluster.BarmanCluster], None]] = {
    "damaged_file": lambda cluster: corrupt_byte(largest(_newest_data(cluster) / "base"), 9000),
    "missing_data": lambda cluster: shutil.rmtree(_newest_data(cluster)),
    "missing_home": lambda cluster: shutil.rmtree(cluster.home),
}
CASES: dict[str, Callable[[Recorder], None]] = {
    "restic": record_restic,
    "borg": record_borg,
    "pgbackrest": record_pgbackrest,
    "barman": record_barman,
}
