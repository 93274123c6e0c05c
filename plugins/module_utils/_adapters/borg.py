# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""BorgBackup: list the archives of one repository, using the borg command.

Sources: runs of Borg 1.2. Borg prints times without a zone, in the local zone of its process, which is UTC here.
"""

from __future__ import annotations

import platform
import re
import typing as t
from collections.abc import Mapping
from pathlib import Path

from ansible.module_utils.basic import env_fallback

from ansible_collections.backup.audit.plugins.module_utils._adapters.borg_series import get_series
from ansible_collections.backup.audit.plugins.module_utils._adapters.cli import (
    DATA,
    QUICK,
    Access,
    Check,
    CliAdapter,
    mark_empty,
)
from ansible_collections.backup.audit.plugins.module_utils._adapters.run_status import apply_runs, read_runs
from ansible_collections.backup.audit.plugins.module_utils._collect.collector import Collector
from ansible_collections.backup.audit.plugins.module_utils._core.errors import AuditError, DataError, OptionError
from ansible_collections.backup.audit.plugins.module_utils._core.model import Copy, RecoveryPoint, Workload
from ansible_collections.backup.audit.plugins.module_utils._core.times import parse_time
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import (
    as_int,
    as_object,
    as_text,
    get_items,
    remove_secrets,
)
from ansible_collections.backup.audit.plugins.module_utils._transport.command import (
    KnownProblem,
    OutputError,
    Slot,
    to_single_line,
)

# --bypass-lock: nothing is written to the repository.
_READ = ("--bypass-lock", "--log-json")
_LIST = (*_READ, "list", "--json", "--format", "{hostname}{end}{comment}")
# A check of archives would write to the repository (it reserves nonces), so archives are extracted (dry run) instead.
_CHECK = (*_READ, "check", "--repository-only")
_EXTRACT = (*_READ, "extract", "--dry-run")
# The type of each item in an archive (one character), and whether a repair has replaced lost data with zeros.
_ITEMS = (*_READ, "list", "--format", "{type}{health} ")
# Regular files, and further hard links to them.
_FILES = (b"-healthy ", b"-broken ", b"hhealthy ", b"hbroken ")
_BROKEN = b"broken "
# Sizes and numbers of files. For this, Borg builds a cache and reads the metadata of every archive.
_INFO = (*_READ, "info", "--json", "--glob-archives", "*")
# No slashes, and no braces, which Borg would expand as placeholders.
_ARCHIVE = Slot("::", r"[^/{}\x00-\x1f]+")


class Borg(CliAdapter):
    """Reads all archives of a repository."""

    product = "borg"
    title = "BorgBackup"
    executable = "borg"
    version_command = ("--version",)
    version_pattern = re.compile(r"borg (\S+)")
    environment = ("BORG",)
    workload_types = ("host",)
    allowlist = (("--version",), _LIST, _INFO, _CHECK, (*_ITEMS, _ARCHIVE), (*_EXTRACT, _ARCHIVE))
    cache_variable = "BORG_CACHE_DIR"
    variables = ("BORG_*", "SSH_AUTH_SOCK", "TMPDIR")
    known_problems = (
        KnownProblem(
            "PassphraseWrong", "wrong_password", "the passphrase is wrong", 'Check "password" or "password_file"'
        ),
        KnownProblem(
            "is incorrect.", "wrong_password", "the passphrase is wrong", 'Check "password" or "password_file"'
        ),
        KnownProblem("Repository.DoesNotExist", "not_found", "the repository does not exist", 'Check "repository"'),
        KnownProblem("Repository.InvalidRepository", "not_found", "not a borg repository", 'Check "repository"'),
        KnownProblem(
            "RepositoryAccessAborted",
            "certificate_error",
            "the repository had a different location when this user last read it",
            'If the repository was moved intentionally, set BORG_RELOCATED_REPO_ACCESS_IS_OK to yes in "environment"',
        ),
        KnownProblem(
            "CacheInitAbortedError",
            "certificate_error",
            "the repository is not encrypted, and this user has never read it",
            'If the repository is yours, set BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK to yes in "environment"',
        ),
        # Not all "Permission denied": on a read-only repository, the check prints it for a file that it would write.
        KnownProblem(
            "[Errno 13]",
            "forbidden",
            "this user may not read the repository",
            "Run the task as the owner of the repository",
        ),
        KnownProblem("Permission denied (", "forbidden", "the server rejected the login", "Check the SSH key"),
        KnownProblem(
            "Connection refused",
            "connection_error",
            "the server of the repository refused the connection",
            'Check "repository" and that its server is running',
        ),
        KnownProblem(
            "Could not resolve",
            "connection_error",
            "the host name of the repository cannot be resolved",
            'Check "repository" and the DNS configuration of this machine',
        ),
        KnownProblem(
            "ConnectionClosed", "connection_error", "the connection was closed", 'Check "repository" and its server'
        ),
    )
    not_reported: t.ClassVar = {
        ("*", "*"): {
            "in_inventory": ("cannot", "a repository lists only what was backed up"),
            "status": (
                "sometimes",
                "archives do not record files that could not be read, and failed runs are not listed; see status_file",
            ),
            "usable": (
                "sometimes",
                "damaged archives and those without files are listed like intact ones; verify checks for both",
            ),
            "size_bytes": ("sometimes", "requires a slow command; see statistics"),
            "restore_tested": ("cannot", "the repository does not store restore results; see the role restore_test"),
            "integrity_checked": ("sometimes", "the repository does not store check results; verify runs a check now"),
            "encrypted": (
                "sometimes",
                "from the encryption mode of the repository; unknown if the mode is not recognized",
            ),
            "offsite": ("cannot", "borg does not report where the repository is stored"),
            "immutable": ("cannot", "append_only keeps deleted data only until the repository is compacted"),
            "immutable_until": ("cannot", "append_only keeps deleted data only until the repository is compacted"),
            "expires_at": ("cannot", "retention is applied when archives are pruned"),
            "malware": ("cannot", "borg does not scan for malware"),
            "retention": ("cannot", "archives have no retention class"),
            "job": ("cannot", "archives do not record what started them"),
        },
    }

    @classmethod
    def own_spec(cls) -> dict[str, t.Any]:
        """Return the options for the repository and for the grouping into workloads."""
        return {
            "repository": {"type": "str", "fallback": (env_fallback, ["BORG_REPO"])},
            "password": {"type": "str", "no_log": True, "fallback": (env_fallback, ["BORG_PASSPHRASE"])},
            "password_file": {"type": "path", "no_log": False},
            "workload_by": {"type": "str", "choices": ["series", "hostname", "name_prefix"], "default": "series"},
            "statistics": {"type": "bool", "default": False},
            "status_file": {"type": "path"},
        }

    @classmethod
    def access(cls, params: Mapping[str, t.Any]) -> Access:
        """Build the repository access from environment and display name."""
        repository = (params["repository"] or "").strip()
        if not repository:
            raise OptionError(
                "missing required arguments: repository", hint='Set "repository" or the environment variable BORG_REPO'
            )
        if "::" in repository:
            raise OptionError(
                "repository: expected a repository, found an archive", hint="Remove :: and the text after it"
            )
        environment = {"BORG_REPO": repository}
        password = params["password"] or _read_first_line(params["password_file"])
        if password:
            environment["BORG_PASSPHRASE"] = password
        remote = "://" in repository or re.match(r"[^/]+@?[^/]*:", repository)
        display_name = repository if remote else f"{platform.node()}:{repository}"
        return Access(display_name=display_name, environment=environment, secrets=(password,) if password else ())

    def read(self, collector: Collector) -> None:
        """Report all archives; the check runs after listing, so it covers every listed archive."""
        collector.scope["inventory"] = False
        self._listing, archives = self._list()
        collector.set_identity(as_object(self._listing.get("repository")).get("id"))
        mode = as_text(as_object(self._listing.get("encryption")).get("mode"))
        self._names: dict[str, str] = {}
        self._undated: list[str] = []
        self._points: list[RecoveryPoint] = []
        for archive in archives:
            try:
                self._points.append(self._build_point(as_object(archive), _is_encrypted(mode)))
            except DataError as error:
                collector.add_problem(
                    OutputError(f"an archive record is not valid: {error.message}", server=self.runner.host)
                )
        self._warn_undated(collector)
        self._newest = _select_newest(self._points, collector)
        # Archives that were read completely, and archives that could not be read.
        self._sound: set[str] = set()
        self._broken: set[str] = set()
        if self.settings.own["statistics"]:
            self._read_statistics()
        check = self.perform_check(collector)
        mark_empty(self._points, collector)
        points = [self._apply_check(point, check) for point in self._points]
        if self.settings.own["status_file"]:
            points += apply_runs(read_runs(self.settings.own["status_file"]), points, _made_archive, collector)
        for point in points:
            collector.add_point(point)

    def _list(self) -> tuple[dict[str, t.Any], list[t.Any]]:
        command_result = self.runner.run(*_LIST)
        listing = as_object(self.runner.json(command_result))
        return listing, get_items(listing, "archives", command_result.request, str(self.runner.host))

    def _read_statistics(self) -> None:
        command_result = self.run_check(*_INFO)
        listing = as_object(self.runner.json(command_result))
        found = {}
        for archive in map(as_object, get_items(listing, "archives", command_result.request, str(self.runner.host))):
            found[as_text(archive.get("id"))] = as_object(archive.get("stats"))
        for point in self._points:
            statistics = found.get(point.id, {})
            point.size_bytes = as_int(statistics.get("deduplicated_size"))
            point.file_count = as_int(statistics.get("nfiles"))

    def _warn_undated(self, collector: Collector) -> None:
        if self._undated and self.settings.own["workload_by"] != "hostname":
            example = to_single_line(min(self._undated))
            collector.warnings.append(
                f"{len(self._undated)} archives have no date in their names (such as {example}), so each of them is a "
                "workload of its own; workload_by: hostname groups archives by host only"
            )

    def check(self) -> str | None:
        """Check every segment and whether the newest archives have files; with level data, also read these archives."""
        command_result = self.run_check(*_CHECK)
        if command_result.rc != 0:
            if self.is_known_problem(command_result):
                raise self.runner.error(command_result)
            cause = self.runner.tool_message(command_result)
            return self._confirm(cause or f"borg check failed with return code {command_result.rc}")
        damage = [message for point in self._newest if (message := self._check_archive(point)) is not None]
        return self._confirm("; ".join(damage)) if damage else None

    def _confirm(self, damage: str) -> str:
        """Return the damage, unless a backup or a prune changed the repository during the check."""
        try:
            listing = self._list()[0]
        except AuditError:
            return damage
        if listing != self._listing:
            raise AuditError(
                "the repository was changed during the check, which may look like damage",
                code="not_checked",
                server=self.runner.host,
                server_message=damage,
                hint="Check it again when no backup, prune or compact is running",
            )
        return damage

    def _check_archive(self, newest: RecoveryPoint) -> str | None:
        """Count the files of the newest archive of a workload and, with level data, read it; return the damage."""
        damage = self._count_files(newest)
        if damage is None and newest.file_count == 0:
            # Other archives of the workload show whether it should have files.
            older = [
                point for point in self._points if point.workload.key == newest.workload.key and point is not newest
            ]
            for point in sorted(older, key=lambda point: -point.created):
                if self._count_files(point) is None and point.file_count:
                    break
        if damage is not None or self.settings.verify != DATA:
            return damage
        damage = self._run_on(newest, _EXTRACT)[1]
        if damage is None:
            self._sound.add(newest.id)
        return damage

    def _count_files(self, point: RecoveryPoint) -> str | None:
        point.file_count = None
        if not _ARCHIVE.matches(f"::{self._names[point.id]}"):
            return None
        out, damage = self._run_on(point, _ITEMS)
        if damage is not None:
            return damage
        point.file_count = sum(map(out.count, _FILES))
        broken = out.count(_BROKEN)
        if not broken:
            return None
        self._broken.add(point.id)
        return f"{self._names[point.id]} is incomplete: a repair has replaced lost data in {broken} files with zeros"

    def _run_on(self, point: RecoveryPoint, command: tuple[str, ...]) -> tuple[bytes, str | None]:
        """Run a command on one archive; return its output, and the damage if it could not read the archive."""
        archive = self._names[point.id]
        if not _ARCHIVE.matches(f"::{archive}"):
            raise AuditError(
                "an archive was not checked because borg would interpret special characters in its name",
                code="not_checked",
                server=self.runner.host,
                server_message=ascii(archive),
            )
        command_result = self.run_check(*command, f"::{archive}")
        if command_result.rc == 0:
            return command_result.out, None
        if self.is_known_problem(command_result):
            raise self.runner.error(command_result)
        self._broken.add(point.id)
        cause = self.runner.tool_message(command_result) or f"return code {command_result.rc}"
        return b"", f"{archive} cannot be read: {cause}"

    def _apply_check(self, point: RecoveryPoint, check: Check) -> RecoveryPoint:
        if check.at is None:
            return point
        if point.id in self._broken:
            point.usable = False
        # A chunk that is missing from one archive may be missing from others that share it.
        level = DATA if point.id in self._sound else QUICK
        damage = None if point.id in self._sound else check.damage
        return Check(check.at, level, damage).apply_to(point)

    def _build_point(self, archive: dict[str, t.Any], encrypted: bool | None) -> RecoveryPoint:
        identity, name = as_text(archive.get("id")), as_text(archive.get("name"))
        if identity is None or name is None:
            raise DataError("id or name is missing")
        self._names[identity] = name
        series = get_series(name)
        if series == name:
            self._undated.append(name)
        ended = archive.get("end")
        return RecoveryPoint(
            id=identity,
            workload=_build_workload(as_text(archive.get("hostname")), series, self.settings.own["workload_by"]),
            created=parse_time(archive.get("start"), naive_is_utc=True),
            completed=None if ended is None else parse_time(ended, naive_is_utc=True),
            kind="full",
            status="success",
            usable=True,
            copies=[Copy(location=self.settings.display_name, encrypted=encrypted)],
            encrypted=encrypted,
            raw=remove_secrets(archive) if self.settings.include_raw else None,
        )


def _build_workload(host: str | None, series: str, workload_by: str) -> Workload:
    """Build the workload of an archive: its host, its series, or both (the name is then the host)."""
    if workload_by == "hostname":
        return Workload(id=host, name=host, type="host")
    if workload_by == "name_prefix":
        return Workload(id=series or host, name=series or host, type="host")
    # A space in the host's name is escaped, so that the id is unambiguous.
    identity = " ".join(part for part in ((host or "").replace(" ", "\\ "), series) if part) or None
    return Workload(id=identity, name=host or identity, type="host")


def _made_archive(exit_code: int) -> bool:
    """Return whether borg made an archive with warnings: exit code 1, or 100 to 127 with BORG_EXIT_CODES=modern."""
    return exit_code == 1 or 100 <= exit_code <= 127


def _read_first_line(path: str | None) -> str | None:
    if not path:
        return None
    try:
        return Path(path).read_text("utf-8").split("\n", 1)[0]
    except (OSError, ValueError) as error:
        raise OptionError(f"password_file: cannot read {path!r}", hint="Check the path and its permissions") from error


def _is_encrypted(mode: str | None) -> bool | None:
    """Return whether a mode encrypts the data. Authenticated modes do not."""
    if mode is None:
        return None
    if mode == "none" or mode.startswith("authenticated"):
        return False
    return True if mode.startswith(("repokey", "keyfile")) else None


def _select_newest(points: list[RecoveryPoint], collector: Collector) -> list[RecoveryPoint]:
    """Return the newest archive of each selected workload."""
    newest: dict[t.Any, RecoveryPoint] = {}
    for point in sorted(points, key=lambda point: point.created):
        after_since = collector.since is None or point.created >= collector.since
        before_until = collector.until is None or point.created <= collector.until
        if after_since and before_until and collector.is_selected(point.workload):
            newest[point.workload.key] = point
    return list(newest.values())
