# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""pgBackRest: the backups of PostgreSQL clusters (stanzas), in all repositories of one configuration.

Sources: runs of 2.45, recordings of 2.55. Its return code is 0 for a stanza that does not exist, for a repository
without read permission, and for a check that found damage. Only the output shows these cases.
"""

from __future__ import annotations

import platform
import re
import typing as t
from collections.abc import Iterable, Mapping

from ansible.module_utils.basic import env_fallback

from ansible_collections.backup.audit.plugins.module_utils._adapters.cli import DATA, NONE, Access, Check, CliAdapter
from ansible_collections.backup.audit.plugins.module_utils._adapters.pgbackrest.config import (
    Configuration,
    read_configuration,
)
from ansible_collections.backup.audit.plugins.module_utils._adapters.pgbackrest.records import (
    ArchiveListing,
    Stanza,
    build_workload,
    parse_archive,
)
from ansible_collections.backup.audit.plugins.module_utils._adapters.pgbackrest.repository import Repository
from ansible_collections.backup.audit.plugins.module_utils._adapters.pgbackrest.verify import VerifyOutput, parse_output
from ansible_collections.backup.audit.plugins.module_utils._adapters.wal import parse_history
from ansible_collections.backup.audit.plugins.module_utils._collect.collector import Collector
from ansible_collections.backup.audit.plugins.module_utils._core.errors import AuditError, DataError
from ansible_collections.backup.audit.plugins.module_utils._core.model import Copy
from ansible_collections.backup.audit.plugins.module_utils._core.vocabulary import parse_location_type
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import (
    as_int,
    as_object,
    as_text,
    remove_secrets,
)
from ansible_collections.backup.audit.plugins.module_utils._transport.command import (
    KnownProblem,
    OutputError,
    Slot,
    ToolError,
    to_single_line,
)

_QUIET = ("--log-level-console=off", "--log-level-stderr=error", "--log-level-file=off")
_LIST = ("--output=json", *_QUIET)
_INFO = (*_LIST, "info")
# At this log level, verify names damaged segments and the ranges of WAL that it checked.
_VERIFY = (
    *("--output=text", "--verbose"),
    *("--log-level-console=detail", "--log-level-stderr=error", "--log-level-file=off", "verify"),
)
_NAME = r"(?!\.{1,2}(?:/|$))[^\x00-\x1f/]+"
_STANZA = Slot("--stanza=", _NAME)
_REPO = Slot("--repo=", r"[0-9]{1,3}")
_OK, _NO_STANZA, _NO_BACKUP = 0, 1, 2
# Status code: the repositories of a stanza have different states. Each of them is evaluated.
_DIFFERENT = 4
# Return code of verify if it stops at a file that cannot be decompressed.
_FORMAT_ERROR = 29


class PgBackRest(CliAdapter):
    """Reads all backups of all stanzas, or of one stanza."""

    product = "pgbackrest"
    title = "pgBackRest"
    executable = "pgbackrest"
    version_command = ("version",)
    version_pattern = re.compile(r"pgBackRest (\S+)")
    environment = ("PGBACKREST",)
    workload_types = ("database",)
    allowlist = (
        ("version",),
        _INFO,
        (_STANZA, *_INFO),
        (_STANZA, _REPO, *_LIST, "repo-ls", Slot("backup/", _NAME)),
        (_STANZA, _REPO, *_LIST, "--recurse", "repo-ls", Slot("archive/", _NAME)),
        (_STANZA, _REPO, *_QUIET, "repo-get", Slot("archive/", rf"{_NAME}/{_NAME}/[0-9A-F]{{8}}\.history")),
        (_STANZA, _REPO, *_VERIFY),
    )
    # pgBackRest has no check that does not read the data.
    verify_levels = (NONE, DATA)
    variables = ("PGBACKREST_*", "TMPDIR")
    filters = re.compile(r"PGBACKREST_(?:CONFIG|STANZA|REPO|SET|TYPE|FILTER|DETAIL_LEVEL|(?:REPO[0-9]*_)?TARGET_TIME)")
    filters_hint = 'Use the options "config", "stanza" and "repo", which are recorded in the result'
    known_problems = (
        KnownProblem(
            "Permission denied",
            "forbidden",
            "this user may not read the repository",
            "Run the task as the owner of the repository",
        ),
        KnownProblem("unable to open missing file", "not_found", "a file is missing", 'Check "config" and "stanza"'),
        KnownProblem("CryptoError", "wrong_password", "the cipher passphrase is wrong", "Check repo-cipher-pass"),
        KnownProblem(
            "key/value found outside of section",
            "wrong_password",
            "the repository cannot be decrypted",
            "Check repo-cipher-pass",
        ),
        KnownProblem(
            "HostConnectError",
            "connection_error",
            "cannot connect to the host of the repository",
            "Check that this host is running",
        ),
        KnownProblem(
            "missing stanza path",
            "not_found",
            "the repository does not contain the stanza",
            "Check the path of the repository, create the stanza, or remove its section from the configuration",
        ),
        KnownProblem(
            "database mismatch",
            "invalid_data",
            "the repositories belong to different databases",
            "Run stanza-upgrade for all repositories",
        ),
    )
    not_reported: t.ClassVar = {
        ("*", "*"): {
            "in_inventory": ("cannot", "a stanza remains listed after its cluster has been removed"),
            "status": ("sometimes", "a backup with damaged pages is reported as a warning; failed runs are not listed"),
            "usable": (
                "sometimes",
                "backups without their folder or their WAL are not usable; verify checks their files for damage",
            ),
            "restore_tested": ("cannot", "the repository does not store restore results; see the role restore_test"),
            "integrity_checked": ("sometimes", "the repository does not store check results; verify runs a check now"),
            "offsite": ("cannot", "pgBackRest does not report where a repository is stored"),
            "immutable": ("cannot", "pgBackRest does not report how the storage of a repository is protected"),
            "immutable_until": ("cannot", "pgBackRest does not report how the storage of a repository is protected"),
            "expires_at": ("cannot", "retention is applied when backups are expired"),
            "malware": ("cannot", "pgBackRest does not scan for malware"),
            "retention": ("cannot", "backups have no retention class"),
            "job": ("cannot", "backups do not record what started them"),
        },
    }

    @classmethod
    def own_spec(cls) -> dict[str, t.Any]:
        """Return the options for configuration, stanza and repository."""
        return {
            "config": {"type": "path", "fallback": (env_fallback, ["PGBACKREST_CONFIG"])},
            "stanza": {"type": "str", "fallback": (env_fallback, ["PGBACKREST_STANZA"])},
            "repo": {"type": "int", "fallback": (env_fallback, ["PGBACKREST_REPO"])},
        }

    @classmethod
    def access(cls, params: Mapping[str, t.Any]) -> Access:
        """Pass stanza and repository in the environment, so that one command lists everything."""
        cls.reject_filters(params["environment"])
        given = {f"PGBACKREST_{name.upper()}": params[name] for name in ("config", "stanza", "repo")}
        environment = {name: str(value) for name, value in given.items() if value}
        display_name = f"{platform.node()}:{params['config'] or 'pgbackrest'}"
        return Access(display_name=display_name, environment=environment)

    def read(self, collector: Collector) -> None:
        """Report all backups of all repositories; the check runs after listing."""
        collector.scope["inventory"] = False
        self._collector = collector
        self._configuration = self._read_configuration()
        stanzas = self._list_stanzas()
        for stanza in stanzas:
            self._check_state(stanza)
        self._repositories = [repository for stanza in stanzas for repository in self._build_repositories(stanza)]
        for repository in self._repositories:
            self._list_files(repository)
        if any(repository.has_losses() for repository in self._repositories):
            # Missing files may belong to backups that were removed after the listing.
            for repository, later in self._list_again():
                repository.drop_removed(later)
        check = self.perform_check(collector)
        if check.at is not None and check.damage is None and any(one.is_uncertain for one in self._repositories):
            collector.verify = {**(collector.verify or {}), "result": "unfinished"}
        for stanza in stanzas:
            self._report_stanza(stanza)
        for repository in self._repositories:
            self._report_points(repository, check)

    def check(self) -> str | None:
        """Run ``pgbackrest verify`` for each stanza and repository: every file of every backup, and its WAL."""
        results = [(repository, self._verify(repository)) for repository in self._repositories]
        found = []
        # Backups may have been removed or started during a long check.
        for (repository, after), (_same, result) in zip(self._list_again(), results, strict=True):
            if isinstance(result, str):
                repository.has_unnamed_damage = True
                found.append(f"{repository.title}: {result}")
                continue
            if result.damaged:
                self._list_files(after)
            damage, warnings = repository.apply_check(result, after)
            self._collector.warnings += warnings
            if damage:
                found.append(f"{repository.title}: {', '.join(damage)}")
        return to_single_line("; ".join(found)) or None

    def _list_again(self) -> list[tuple[Repository, Repository]]:
        """List all repositories again; return each with its new state."""
        later = {one.title: one for stanza in self._list_stanzas() for one in self._build_repositories(stanza)}
        missing = next((one.title for one in self._repositories if one.title not in later), None)
        if missing is not None:
            raise ToolError(f"{missing}: its backups are not listed any more", server=self.runner.host)
        return [(repository, later[repository.title]) for repository in self._repositories]

    def _verify(self, repository: Repository) -> VerifyOutput | str:
        """Run the check of one repository; return its result, or the error message if a file stopped it."""
        command_result = self.run_check(f"--stanza={repository.stanza}", f"--repo={repository.key}", *_VERIFY)
        result = parse_output(command_result.out.decode("utf-8", "replace"))
        if result is not None:
            return result
        if command_result.rc != _FORMAT_ERROR or self.is_known_problem(command_result):
            raise self.runner.error(command_result)
        return self.runner.tool_message(command_result) or "a file cannot be read"

    # Listings

    def _read_configuration(self) -> Configuration | None:
        """Read the configuration for the names of all stanzas. Return None if it cannot be read."""
        own = self.settings.own
        try:
            return read_configuration(own["config"], self.settings.environment)
        except DataError as error:
            # Without the names, a stanza may be missing; a single stanza is listed in any case.
            if not own["stanza"]:
                error.server = self.runner.host
                self._collector.add_problem(error)
            return None

    def _list_stanzas(self) -> list[Stanza]:
        """List the stanzas of the shared repositories, then each other stanza of the configuration."""
        stanzas = {stanza.name: stanza for stanza in self._run_info()}
        if self._configuration is not None and not self.settings.own["stanza"]:
            for name in filter(self._is_selected, self._configuration.stanzas()):
                if name not in stanzas or self._configuration.has_own_options(name):
                    stanzas.update((stanza.name, stanza) for stanza in self._run_info(f"--stanza={name}"))
        return [stanza for stanza in stanzas.values() if self._is_selected(stanza.name)]

    def _is_selected(self, name: str | None) -> bool:
        return self._collector.is_selected(build_workload(name or ""))

    def _run_info(self, *options: str) -> Iterable[Stanza]:
        command_result = self.runner.run(*options, *_INFO)
        stanzas = self.runner.json(command_result)
        if not isinstance(stanzas, list):
            raise OutputError("expected a list of stanzas", server=self.runner.host, request=command_result.request)
        return [Stanza(as_object(stanza)) for stanza in stanzas]

    def _check_state(self, stanza: Stanza) -> None:
        """Record every state other than success, because the return code does not show it."""
        states = [(key, as_int(status.get("code")), status) for key, status in stanza.repositories]
        missing = [key for key, code, _status in states if code == _NO_STANZA]
        is_in_one = len(missing) < len(states)
        failed = [
            (f" in repo{key}", status)
            for key, code, status in states
            if code not in (_OK, _NO_BACKUP) and not (code == _NO_STANZA and is_in_one)
        ]
        code = as_int(stanza.status.get("code"))
        # The state of the stanza counts even if the states of all its parts are good.
        if not failed and code not in (_OK, _NO_BACKUP, *((_DIFFERENT,) if states else ())):
            failed = [("", stanza.status)]
        for where, status in failed:
            message = to_single_line(self.runner.scrub(as_text(status.get("message")) or ""))
            error = ToolError(
                f"cannot read stanza {stanza.name!r}{where}"
                if where
                else f"the state of stanza {stanza.name!r} is not ok",
                code="not_found",
                server_message=message,
            )
            for problem in self.known_problems:
                if problem.text in message:
                    error.code, error.hint = problem.code, problem.hint
            error.server = self.runner.host
            self._collector.add_problem(error)
        empty = [key for key, code, _status in states if code == _NO_BACKUP]
        for keys, text in ((missing, "is not in"), (empty, "has no backups in")):
            if keys and len(keys) < len(states):
                shown = ", ".join(f"repo{key}" for key in keys)
                self._collector.warnings.append(f"stanza {stanza.name} {text} {shown}")

    def _build_repositories(self, stanza: Stanza) -> Iterable[Repository]:
        backups, _invalid = stanza.backups()
        for key in sorted({backup.repo for backup in backups}):
            name = stanza.name or ""
            configuration = self._configuration
            word = None if configuration is None else configuration.repository_type(name, key)
            # If the section of the stanza defines the repository, it is not the global one with the same number.
            is_own = configuration is not None and key in configuration.own_repositories(name)
            yield Repository(
                stanza=name,
                key=key,
                backups=[backup for backup in backups if backup.repo == key],
                location=Copy(
                    location=f"{name}/repo{key}" if is_own else f"repo{key}",
                    location_type=parse_location_type(word),
                    vendor_location_type=word,
                    encrypted=stanza.is_encrypted(key),
                ),
                is_busy=stanza.is_busy,
            )

    def _list_files(self, repository: Repository) -> None:
        """List the folders of backups, and the archive, of one repository."""
        options = (f"--stanza={repository.stanza}", f"--repo={repository.key}")
        try:
            folders = self.runner.json(self.runner.run(*options, *_LIST, "repo-ls", f"backup/{repository.stanza}"))
            repository.folders = as_object(folders)
            listing = (*options, *_LIST, "--recurse", "repo-ls", f"archive/{repository.stanza}")
            files = parse_archive(self.runner.json(self.runner.run(*listing)))
            self._read_histories(repository, files, options)
            repository.files = files
        except AuditError as error:
            error.server = self.runner.host
            self._collector.add_problem(error)

    def _read_histories(self, repository: Repository, files: ArchiveListing, options: tuple[str, str]) -> None:
        """Read the ancestors of each timeline, except for timelines that are ancestors of a newer one."""
        seen: set[tuple[str, int]] = set()
        for archive, timeline in repository.timelines(files):
            if (archive, timeline) in seen:
                continue
            path = f"archive/{repository.stanza}/{archive}/{timeline:08X}.history"
            command_result = self.runner.run(*options, *_QUIET, "repo-get", path)
            if command_result.rc != 0:
                raise self.runner.error(command_result)
            switches = parse_history(command_result.out.decode("utf-8", "replace"))
            for index, switch in enumerate(switches):
                seen.add((archive, switch.timeline))
                repository.histories.setdefault(archive, {}).setdefault(switch.timeline, switches[:index])
            repository.histories.setdefault(archive, {})[timeline] = switches

    # Workloads and points

    def _report_stanza(self, stanza: Stanza) -> None:
        """Report an existing stanza, even without backups, and its invalid records."""
        _backups, invalid = stanza.backups()
        if invalid:
            self._collector.add_problem(
                OutputError(
                    f"{invalid} backup records of stanza {stanza.name!r} have no label, repository or time",
                    server=self.runner.host,
                )
            )
        exists = any(as_int(status.get("code")) in (_OK, _NO_BACKUP) for _key, status in stanza.repositories)
        if stanza.name is not None and exists and self.settings.include_unprotected:
            self._collector.add_workload(build_workload(stanza.name))

    def _report_points(self, repository: Repository, check: Check) -> None:
        """Report the backups of one repository, then the ranges of times that its WAL can restore."""
        archives = repository.build_archives()
        usable = set()
        for backup, point in repository.build_points(archives, check):
            if self.settings.include_raw:
                point.raw = remove_secrets(dict(backup.record))
            if point.usable:
                usable.add(backup.label)
            self._collector.add_point(point)
        for point in repository.build_ranges(archives, usable):
            self._collector.add_point(point)
        self._collector.warnings += repository.warnings(archives)
