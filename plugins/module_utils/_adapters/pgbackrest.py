# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""pgBackRest: the backups of PostgreSQL clusters (stanzas), in all repositories of one configuration.

Sources: runs of 2.45, recordings of 2.55. Its return code is 0 for a stanza that does not exist, for a repository
without read permission, and for a check that found damage: these are reported only in the output.
"""

from __future__ import annotations

import dataclasses
import platform
import re
import typing as t
from collections.abc import Mapping

from ansible.module_utils.basic import env_fallback

from ansible_collections.backup.audit.plugins.module_utils._adapters.cli import DATA, NONE, Access, Check, CliAdapter
from ansible_collections.backup.audit.plugins.module_utils._collect.collector import Collector
from ansible_collections.backup.audit.plugins.module_utils._core.errors import DataError
from ansible_collections.backup.audit.plugins.module_utils._core.model import Copy, RecoveryPoint, Workload
from ansible_collections.backup.audit.plugins.module_utils._core.times import SECOND
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import (
    as_bool,
    as_int,
    as_list,
    as_object,
    as_text,
    remove_secrets,
)
from ansible_collections.backup.audit.plugins.module_utils._transport.command import (
    CommandResult,
    KnownProblem,
    OutputError,
    Slot,
    ToolError,
    to_single_line,
)

_QUIET = ("--log-level-console=off", "--log-level-stderr=error", "--log-level-file=off")
_INFO = ("--output=json", *_QUIET, "info")
_STANZA = Slot("--stanza=", r"[^\x00-\x1f/]+")
_REPO = Slot("--repo=", r"[0-9]{1,3}")
_VERIFY = ("--output=text", "--verbose", *_QUIET)
_KINDS = {"full": "full", "diff": "differential", "incr": "incremental"}
_OK, _NO_STANZA, _NO_BACKUP = 0, 1, 2
_DIFFERENT = 4
# Return code of verify if it ends at a file that cannot be decompressed.
_FORMAT_ERROR = 29
_RESULT = re.compile(r"^\s*backup: (\S+), status: ([a-z -]+?)(?:,|$)", re.MULTILINE)
_STATUS = re.compile(r"^\s*status: (\w+)", re.MULTILINE)
_WAL = re.compile(r"total WAL checked: (\d+), total valid WAL: (\d+)")

# stanza, number of the repository, label of the backup
_Key = tuple[str, int, str]


@dataclasses.dataclass(slots=True)
class _VerifyResult:
    """Result of ``pgbackrest verify``: which backups are valid, where WAL files are missing, where any error is."""

    valid: dict[_Key, bool] = dataclasses.field(default_factory=dict)
    without_wal: set[tuple[str, int]] = dataclasses.field(default_factory=set)
    broken: set[tuple[str, int]] = dataclasses.field(default_factory=set)


class PgBackRest(CliAdapter):
    """Read all backups of all stanzas, or of one stanza."""

    product = "pgbackrest"
    title = "pgBackRest"
    executable = "pgbackrest"
    version_command = ("version",)
    version_pattern = re.compile(r"pgBackRest (\S+)")
    environment = ("PGBACKREST",)
    workload_types = ("database",)
    allowlist = (("version",), _INFO, (_STANZA, _REPO, *_VERIFY, "verify"))
    # pgBackRest has no check that does not read the data.
    verify_levels = (NONE, DATA)
    variables = ("PGBACKREST_*", "TMPDIR")
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
    )
    not_reported: t.ClassVar = {
        ("*", "*"): {
            "in_inventory": ("cannot", "a stanza remains listed after its cluster has been removed"),
            "status": ("sometimes", "a backup with damaged pages is reported as a warning; failed runs are not listed"),
            "usable": (
                "cannot",
                "backups that were damaged later are listed like intact ones; verify checks for damage",
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
        """Pass stanza and repository through the environment, so that one command lists everything."""
        given = {f"PGBACKREST_{name.upper()}": params[name] for name in ("config", "stanza", "repo")}
        environment = {name: str(value) for name, value in given.items() if value}
        display_name = f"{platform.node()}:{params['config'] or 'pgbackrest'}"
        return Access(display_name=display_name, environment=environment)

    def read(self, collector: Collector) -> None:
        """Report all backups of all repositories; the check runs after listing."""
        collector.scope["inventory"] = False
        command_result = self.runner.run(*_INFO)
        stanzas = self.runner.json(command_result)
        if not isinstance(stanzas, list):
            raise OutputError("expected a list of stanzas", server=self.runner.host, request=command_result.request)
        self._selected: list[tuple[str, int]] = []
        self._verify_result = _VerifyResult()
        listed = [as_object(stanza) for stanza in stanzas]
        for stanza in listed:
            self._check_state(stanza, collector, command_result)
        check = self.perform_check(collector)
        for stanza in listed:
            self._report_stanza(stanza, collector, check)

    def check(self) -> str | None:
        """Run ``pgbackrest verify`` for each stanza and repository: every file of every backup, and its WAL."""
        damage = [message for stanza, repo in self._selected if (message := self._verify(stanza, repo)) is not None]
        return to_single_line("; ".join(damage)) or None

    # State of stanzas and repositories

    def _check_state(self, stanza: dict[str, t.Any], collector: Collector, command_result: CommandResult) -> None:
        """Check whether the stanza could be read in each repository; the return code does not show this."""
        name = as_text(stanza.get("name"))
        keys = {_get_repo_key(backup) for backup in map(as_object, as_list(stanza.get("backup")))}
        selected = name is not None and collector.is_selected(_build_workload(name))
        states = [
            (as_int(repo.get("key")), as_object(repo.get("status")))
            for repo in map(as_object, as_list(stanza.get("repo")))
        ]
        if not states:
            states = [(None, as_object(stanza.get("status")))]
        missing = [key for key, status in states if as_int(status.get("code")) == _NO_STANZA]
        for key, status in states:
            code = as_int(status.get("code"))
            if code in (_OK, _NO_BACKUP, _DIFFERENT) or (code == _NO_STANZA and len(missing) < len(states)):
                continue
            message = to_single_line(self.runner.scrub(as_text(status.get("message")) or ""))
            where = "" if key is None else f" in repo{key}"
            error = ToolError(
                f"cannot read stanza {name!r}{where}",
                code="not_found",
                request=command_result.request,
                server_message=message,
            )
            for problem in self.known_problems:
                if problem.text in message:
                    error.code, error.hint = problem.code, problem.hint
            error.server = self.runner.host
            collector.add_problem(error)
        if missing and len(missing) < len(states):
            shown = ", ".join(f"repo{key}" for key in missing)
            collector.warnings.append(f"stanza {name} is not in {shown}")
        if selected and name is not None:
            self._selected += [(name, key) for key in sorted(key for key in keys if key is not None)]

    # Points

    def _report_stanza(self, stanza: dict[str, t.Any], collector: Collector, check: Check) -> None:
        name = as_text(stanza.get("name"))
        backups = [as_object(backup) for backup in as_list(stanza.get("backup"))]
        known = {(_get_repo_key(backup), as_text(backup.get("label"))) for backup in backups}
        ciphers = {
            as_int(repo.get("key")): as_text(repo.get("cipher")) for repo in map(as_object, as_list(stanza.get("repo")))
        }
        exists = as_int(as_object(stanza.get("status")).get("code")) in (_OK, _NO_BACKUP, _DIFFERENT)
        if name is not None and exists and self.settings.include_unprotected:
            collector.add_workload(_build_workload(name))
        for backup in backups:
            try:
                point = self._build_point(name, backup, ciphers)
            except DataError as error:
                collector.add_problem(
                    OutputError(f"a backup record is not valid: {error.message}", server=self.runner.host)
                )
                continue
            repo = _get_repo_key(backup)
            if any((repo, label) not in known for label in _get_required_labels(backup)):
                point.usable = False
            elif not _has_required_wal(backup, stanza):
                point.usable = None if point.usable else point.usable
            collector.add_point(self._apply_check(point, name or "", backup, check))

    def _build_point(
        self, stanza: str | None, backup: dict[str, t.Any], ciphers: Mapping[int | None, str | None]
    ) -> RecoveryPoint:
        label, repo = as_text(backup.get("label")), _get_repo_key(backup)
        stop = as_int(as_object(backup.get("timestamp")).get("stop"))
        if stanza is None or label is None or repo is None or stop is None:
            raise DataError("label, repository or time is missing")
        cipher = ciphers.get(repo)
        encrypted = None if cipher is None or cipher == "mixed" else cipher != "none"
        # true: page checksums were wrong during the backup, so part of its data is damaged.
        wrong = as_bool(backup.get("error"))
        return RecoveryPoint(
            id=f"{stanza}/{label}/repo{repo}",
            workload=_build_workload(stanza),
            # A base backup is consistent at the time of its end.
            created=stop * SECOND,
            completed=stop * SECOND,
            kind=_KINDS.get(as_text(backup.get("type")) or "", "unknown"),
            status={True: "warning", False: "success", None: "unknown"}[wrong],
            usable=None if wrong else True,
            size_bytes=as_int(as_object(as_object(backup.get("info")).get("repository")).get("delta")),
            copies=[Copy(location=f"repo{repo}", encrypted=encrypted)],
            encrypted=encrypted,
            raw=remove_secrets(backup) if self.settings.include_raw else None,
        )

    # The check

    def _verify(self, stanza: str, repo: int) -> str | None:
        command_result = self.run_check(f"--stanza={stanza}", f"--repo={repo}", *_VERIFY, "verify")
        out = command_result.out.decode("utf-8", "replace")
        status = _STATUS.search(out)
        if status is None:
            if command_result.rc != _FORMAT_ERROR or self.is_known_problem(command_result):
                raise self.runner.error(command_result)
            self._verify_result.without_wal.add((stanza, repo))
            return f"{stanza} in repo{repo}: {self.runner.tool_message(command_result)}"
        if status[1] != "ok":
            self._verify_result.broken.add((stanza, repo))
        found = {label: result.strip() for label, result in _RESULT.findall(out)}
        self._verify_result.valid.update({(stanza, repo, label): result == "valid" for label, result in found.items()})
        bad = [f"backup {label} is {result}" for label, result in found.items() if result != "valid"]
        lost = sum(int(looked_at) - int(valid) for looked_at, valid in _WAL.findall(out))
        # An error without an invalid backup must be in the WAL.
        if lost or (status[1] != "ok" and not bad):
            self._verify_result.without_wal.add((stanza, repo))
            bad.append(f"{lost} files of the write-ahead log are damaged" if lost else f"status {status[1]}")
        return f"{stanza} in repo{repo}: {', '.join(bad)}" if bad else None

    def _apply_check(
        self, point: RecoveryPoint, stanza: str, backup: Mapping[str, t.Any], check: Check
    ) -> RecoveryPoint:
        if check.at is None:
            return point
        repo = _get_repo_key(backup) or 0
        # If there are errors, a listed backup that the check does not mention counts as lost.
        default = False if (stanza, repo) in self._verify_result.broken else None
        valid = self._verify_result.valid.get((stanza, repo, as_text(backup.get("label")) or ""), default)
        # verify reports a backup as valid if its own files are, even if a backup that it depends on is lost.
        labels = _get_required_labels(backup)
        required = (self._verify_result.valid.get((stanza, repo, label or "")) for label in labels)
        if valid is False or False in required:
            point.usable = False
            return Check(check.at, DATA, check.damage).apply_to(point)
        if (stanza, repo) in self._verify_result.without_wal:
            # It may need the missing WAL files to be consistent.
            point.usable = None if point.usable else point.usable
            return point
        return Check(check.at, DATA).apply_to(point) if valid else point


def _build_workload(stanza: str) -> Workload:
    return Workload(id=stanza, name=stanza, type="database", platform="postgresql")


def _get_repo_key(backup: Mapping[str, t.Any]) -> int | None:
    return as_int(as_object(backup.get("database")).get("repo-key"))


def _get_required_labels(backup: Mapping[str, t.Any]) -> set[str | None]:
    """Return the labels of the backups that are required to restore this one."""
    prior = as_text(backup.get("prior"))
    return {as_text(label) for label in as_list(backup.get("reference"))} | ({prior} if prior else set())


def _has_required_wal(backup: Mapping[str, t.Any], stanza: Mapping[str, t.Any]) -> bool:
    """Whether the archive still contains the WAL that the backup needs; True if the backup reports no WAL range."""
    own = as_object(backup.get("archive"))
    start, stop = as_text(own.get("start")), as_text(own.get("stop"))
    if start is None or stop is None:
        return True
    spans = [
        (as_text(archive.get("min")) or "", as_text(archive.get("max")) or "")
        for archive in map(as_object, as_list(stanza.get("archive")))
        if as_int(as_object(archive.get("database")).get("repo-key")) == _get_repo_key(backup)
    ]
    # The first eight digits are the timeline, which may have changed since.
    return any(low[8:] <= start[8:] and stop[8:] <= high[8:] for low, high in spans if low and high)
