# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""pgBackRest: the backups of PostgreSQL clusters (stanzas), in all repositories of one configuration.

Sources: runs of 2.45, recordings of 2.55. Its return code is 0 for a stanza that does not exist, for a repository that
may not be read, and for a check that found damage: all of it stands in the answer only.
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
    scrubbed,
)
from ansible_collections.backup.audit.plugins.module_utils._transport.command import (
    CommandResult,
    KnownProblem,
    OutputError,
    Slot,
    ToolError,
    tidy,
)

_QUIET = ("--log-level-console=off", "--log-level-stderr=error", "--log-level-file=off")
_INFO = ("--output=json", *_QUIET, "info")
_STANZA = Slot("--stanza=", r"[^\x00-\x1f/]+")
_REPO = Slot("--repo=", r"[0-9]{1,3}")
_VERIFY = ("--output=text", "--verbose", *_QUIET)
_KINDS = {"full": "full", "diff": "differential", "incr": "incremental"}
_OK, _NO_STANZA, _NO_BACKUP = 0, 1, 2
_DIFFERENT = 4
# With this verify ends where it meets a file that it cannot even unpack.
_FORMAT_ERROR = 29
_RESULT = re.compile(r"^\s*backup: (\S+), status: ([a-z -]+?)(?:,|$)", re.MULTILINE)
_STATUS = re.compile(r"^\s*status: (\w+)", re.MULTILINE)
_WAL = re.compile(r"total WAL checked: (\d+), total valid WAL: (\d+)")

# stanza, number of the repository, label of the backup
_Key = tuple[str, int, str]


@dataclasses.dataclass(slots=True)
class _Verified:
    """What ``pgbackrest verify`` said: which backups are valid, where the log lacks files, where anything is wrong."""

    valid: dict[_Key, bool] = dataclasses.field(default_factory=dict)
    without_wal: set[tuple[str, int]] = dataclasses.field(default_factory=set)
    broken: set[tuple[str, int]] = dataclasses.field(default_factory=set)


class PgBackRest(CliAdapter):
    """Reads all backups of all stanzas, or of one."""

    product = "pgbackrest"
    title = "pgBackRest"
    executable = "pgbackrest"
    version_command = ("version",)
    version_pattern = re.compile(r"pgBackRest (\S+)")
    environment = ("PGBACKREST",)
    workload_types = ("database",)
    allowlist = (("version",), _INFO, (_STANZA, _REPO, *_VERIFY, "verify"))
    # There is no check that does not read the data.
    verifies = (NONE, DATA)
    variables = ("PGBACKREST_*", "TMPDIR")
    known_problems = (
        KnownProblem(
            "Permission denied", "forbidden", "this user may not read the repository", "Run the task as its user"
        ),
        KnownProblem("unable to open missing file", "not_found", "a file is missing", "Check config and stanza"),
        KnownProblem("CryptoError", "wrong_password", "the cipher passphrase is wrong", "Check repo-cipher-pass"),
        KnownProblem(
            "key/value found outside of section", "wrong_password", "it cannot be decrypted", "Check repo-cipher-pass"
        ),
        KnownProblem("HostConnectError", "no_connection", "nothing listens there", "Check the host of the repository"),
    )
    not_reported: t.ClassVar = {
        ("*", "*"): {
            "in_inventory": ("cannot", "a stanza stays listed when its cluster is gone"),
            "status": ("sometimes", "a backup of damaged pages is told as a warning; failed runs are not listed"),
            "usable": ("cannot", "a backup that was damaged later is listed like any other; verify looks for damage"),
            "verified": ("cannot", "the repository keeps no result of a restore; see the role restore_test"),
            "checked": ("sometimes", "the repository keeps no result of a check; verify makes one now"),
            "offsite": ("cannot", "where a repository lies is not told"),
            "immutable": ("cannot", "what protects the storage of a repository is not told"),
            "immutable_until": ("cannot", "what protects the storage of a repository is not told"),
            "expires_at": ("cannot", "retention is applied when backups are expired"),
            "malware": ("cannot", "nothing is scanned"),
            "retention": ("cannot", "backups carry no retention class"),
            "job": ("cannot", "backups do not name what started them"),
        },
    }

    @classmethod
    def own_spec(cls) -> dict[str, t.Any]:
        """Which configuration, and which part of it."""
        return {
            "config": {"type": "path", "fallback": (env_fallback, ["PGBACKREST_CONFIG"])},
            "stanza": {"type": "str", "fallback": (env_fallback, ["PGBACKREST_STANZA"])},
            "repo": {"type": "int", "fallback": (env_fallback, ["PGBACKREST_REPO"])},
        }

    @classmethod
    def access(cls, params: Mapping[str, t.Any]) -> Access:
        """What narrows it down goes by the environment, so that one command lists everything."""
        given = {f"PGBACKREST_{name.upper()}": params[name] for name in ("config", "stanza", "repo")}
        environment = {name: str(value) for name, value in given.items() if value}
        shown = f"{platform.node()}:{params['config'] or 'pgbackrest'}"
        return Access(shown=shown, environment=environment)

    def read(self, collector: Collector) -> None:
        """All backups of all repositories; checked after they were listed."""
        collector.scope["inventory"] = False
        command_result = self.runner.run(*_INFO)
        stanzas = self.runner.json(command_result)
        if not isinstance(stanzas, list):
            raise OutputError("the list of stanzas is no list", server=self.runner.host, call=command_result.call)
        self._wanted: list[tuple[str, int]] = []
        self._verified = _Verified()
        listed = [as_object(stanza) for stanza in stanzas]
        for stanza in listed:
            self._judge(stanza, collector, command_result)
        check = self.checked(collector)
        for stanza in listed:
            self._tell(stanza, collector, check)

    def check(self) -> str | None:
        """``pgbackrest verify`` of each stanza in each repository: every file of every backup, and its log."""
        damage = [words for stanza, repo in self._wanted if (words := self._verify(stanza, repo)) is not None]
        return tidy("; ".join(damage)) or None

    # What the answer says of itself

    def _judge(self, stanza: dict[str, t.Any], collector: Collector, command_result: CommandResult) -> None:
        """Whether the stanza could be read in each repository; the return code says nothing of it."""
        name = as_text(stanza.get("name"))
        keys = {_repo_of(backup) for backup in map(as_object, as_list(stanza.get("backup")))}
        wanted = name is not None and collector.is_selected(_workload(name))
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
            words = tidy(self.runner.scrub(as_text(status.get("message")) or ""))
            where = "" if key is None else f" in repo{key}"
            error = ToolError(
                f"stanza {name!r} cannot be read{where}", code="not_found", call=command_result.call, words=words
            )
            for problem in self.known_problems:
                if problem.says in words:
                    error.code, error.advice = problem.code, problem.advice
            error.server = self.runner.host
            collector.add_problem(error)
        if missing and len(missing) < len(states):
            shown = ", ".join(f"repo{key}" for key in missing)
            collector.warnings.append(f"stanza {name} is not in {shown}")
        if wanted and name is not None:
            self._wanted += [(name, key) for key in sorted(key for key in keys if key is not None)]

    # Points

    def _tell(self, stanza: dict[str, t.Any], collector: Collector, check: Check) -> None:
        name = as_text(stanza.get("name"))
        backups = [as_object(backup) for backup in as_list(stanza.get("backup"))]
        known = {(_repo_of(backup), as_text(backup.get("label"))) for backup in backups}
        ciphers = {
            as_int(repo.get("key")): as_text(repo.get("cipher")) for repo in map(as_object, as_list(stanza.get("repo")))
        }
        exists = as_int(as_object(stanza.get("status")).get("code")) in (_OK, _NO_BACKUP, _DIFFERENT)
        if name is not None and exists and self.settings.include_unprotected:
            collector.add_workload(_workload(name))
        for backup in backups:
            try:
                point = self._point(name, backup, ciphers)
            except DataError as error:
                collector.add_problem(
                    OutputError(f"a backup is not what pgbackrest writes: {error.message}", server=self.runner.host)
                )
                continue
            repo = _repo_of(backup)
            if any((repo, label) not in known for label in _needed(backup)):
                point.usable = False
            elif not _has_log(backup, stanza):
                point.usable = None if point.usable else point.usable
            collector.add_point(self._stamped(point, name or "", backup, check))

    def _point(
        self, stanza: str | None, backup: dict[str, t.Any], ciphers: Mapping[int | None, str | None]
    ) -> RecoveryPoint:
        label, repo = as_text(backup.get("label")), _repo_of(backup)
        stop = as_int(as_object(backup.get("timestamp")).get("stop"))
        if stanza is None or label is None or repo is None or stop is None:
            raise DataError("it has no label, no repository or no time")
        cipher = ciphers.get(repo)
        encrypted = None if cipher is None or cipher == "mixed" else cipher != "none"
        # true: checksums of pages were wrong when it was made, so something in it is damaged.
        wrong = as_bool(backup.get("error"))
        return RecoveryPoint(
            id=f"{stanza}/{label}/repo{repo}",
            workload=_workload(stanza),
            # A base backup is consistent at its end.
            created=stop * SECOND,
            completed=stop * SECOND,
            kind=_KINDS.get(as_text(backup.get("type")) or "", "unknown"),
            status={True: "warning", False: "success", None: "unknown"}[wrong],
            usable=None if wrong else True,
            size_bytes=as_int(as_object(as_object(backup.get("info")).get("repository")).get("delta")),
            copies=[Copy(location=f"repo{repo}", encrypted=encrypted)],
            encrypted=encrypted,
            raw=scrubbed(backup) if self.settings.include_raw else None,
        )

    # The check

    def _verify(self, stanza: str, repo: int) -> str | None:
        command_result = self.run_check(f"--stanza={stanza}", f"--repo={repo}", *_VERIFY, "verify")
        out = command_result.out.decode("utf-8", "replace")
        status = _STATUS.search(out)
        if status is None:
            if command_result.rc != _FORMAT_ERROR or self.is_known_problem(command_result):
                raise self.runner.error(command_result)
            self._verified.without_wal.add((stanza, repo))
            return f"{stanza} in repo{repo}: {self.runner.words(command_result)}"
        if status[1] != "ok":
            self._verified.broken.add((stanza, repo))
        found = {label: result.strip() for label, result in _RESULT.findall(out)}
        self._verified.valid.update({(stanza, repo, label): result == "valid" for label, result in found.items()})
        bad = [f"backup {label} is {result}" for label, result in found.items() if result != "valid"]
        lost = sum(int(checked) - int(valid) for checked, valid in _WAL.findall(out))
        # What is wrong although no backup is must be in the log.
        if lost or (status[1] != "ok" and not bad):
            self._verified.without_wal.add((stanza, repo))
            bad.append(f"{lost} files of the write-ahead log are damaged" if lost else f"status {status[1]}")
        return f"{stanza} in repo{repo}: {', '.join(bad)}" if bad else None

    def _stamped(self, point: RecoveryPoint, stanza: str, backup: Mapping[str, t.Any], check: Check) -> RecoveryPoint:
        if check.at is None:
            return point
        repo = _repo_of(backup) or 0
        # Where anything is wrong, one that is listed and that the check did not meet is lost.
        unmet = False if (stanza, repo) in self._verified.broken else None
        valid = self._verified.valid.get((stanza, repo, as_text(backup.get("label")) or ""), unmet)
        # One that is built on what is lost is told as valid: its own files are.
        needed = (self._verified.valid.get((stanza, repo, label or "")) for label in _needed(backup))
        if valid is False or False in needed:
            point.usable = False
            return Check(check.at, DATA, check.damage).stamp(point)
        if (stanza, repo) in self._verified.without_wal:
            # It may need what is lost of the log to be consistent.
            point.usable = None if point.usable else point.usable
            return point
        return Check(check.at, DATA).stamp(point) if valid else point


def _workload(stanza: str) -> Workload:
    return Workload(id=stanza, name=stanza, type="database", platform="postgresql")


def _repo_of(backup: Mapping[str, t.Any]) -> int | None:
    return as_int(as_object(backup.get("database")).get("repo-key"))


def _needed(backup: Mapping[str, t.Any]) -> set[str | None]:
    """The backups without which this one cannot be restored."""
    prior = as_text(backup.get("prior"))
    return {as_text(label) for label in as_list(backup.get("reference"))} | ({prior} if prior else set())


def _has_log(backup: Mapping[str, t.Any], stanza: Mapping[str, t.Any]) -> bool:
    """Whether the archive still spans the log that the backup needs to be consistent; where it is not told, it may."""
    own = as_object(backup.get("archive"))
    start, stop = as_text(own.get("start")), as_text(own.get("stop"))
    if start is None or stop is None:
        return True
    spans = [
        (as_text(archive.get("min")) or "", as_text(archive.get("max")) or "")
        for archive in map(as_object, as_list(stanza.get("archive")))
        if as_int(as_object(archive.get("database")).get("repo-key")) == _repo_of(backup)
    ]
    # The first eight digits are the timeline, which may have changed since.
    return any(low[8:] <= start[8:] and stop[8:] <= high[8:] for low, high in spans if low and high)
