# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Restic: list the snapshots of one repository on any backend, using the restic command.

Sources: runs of restic 0.14, recordings of 0.18. A snapshot is written last, so every listed snapshot was completed.
"""

from __future__ import annotations

import platform
import re
import typing as t
from collections.abc import Mapping
from urllib.parse import unquote

from ansible.module_utils.basic import env_fallback

from ansible_collections.backup.audit.plugins.module_utils._adapters.check_parts import CheckParts
from ansible_collections.backup.audit.plugins.module_utils._adapters.cli import (
    DATA,
    QUICK,
    Access,
    Check,
    CliAdapter,
    mark_empty,
)
from ansible_collections.backup.audit.plugins.module_utils._adapters.restic.records import build_point
from ansible_collections.backup.audit.plugins.module_utils._adapters.run_status import apply_runs, read_runs
from ansible_collections.backup.audit.plugins.module_utils._collect.collector import Collector
from ansible_collections.backup.audit.plugins.module_utils._core.errors import AuditError, DataError, OptionError
from ansible_collections.backup.audit.plugins.module_utils._core.model import RecoveryPoint
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import as_object
from ansible_collections.backup.audit.plugins.module_utils._transport.command import (
    KnownProblem,
    OutputError,
    Slot,
    ToolError,
    message_lines,
    to_single_line,
)

# --no-lock: nothing is written to the repository, so read-only and append-only repositories can be read.
# --no-cache: data in a cache proves nothing about the repository, and filling a new one takes longer than reading. Only
# "check" reads the same data several times: it uses a private cache, which is empty at the start.
_LIST = ("--no-lock", "--no-cache", "--json", "snapshots")
# Only this file contains the id of the repository. "cat masterkey" would print the key, so only config is allowed.
_CONFIG = ("--no-lock", "--no-cache", "--json", "cat", "config")
_CHECK = ("--no-lock", "--json", "check")
_CHECK_DATA = (*_CHECK, "--read-data")
_SUBSET = "--read-data-subset="
_INDEXES = ("--no-lock", "--no-cache", "list", "index")
# restic selects the part of a file by the first byte of its id, which limits the number of parts.
_MAX_PARTS = 256
# Return code of a backup that could not read all files, but made a snapshot.
_INCOMPLETE = 3
_SOUND = "no errors were found"
# Messages about snapshots that restic omits from the listing, with return code 0.
_OMITTED = re.compile(r"ignoring|could not|unable to|failed|error|damaged|invalid", re.IGNORECASE)
# Matched only at the beginning, because the path of a repository may contain the same words.
_HARMLESS = re.compile(
    r"unable to (open|locate|create temporary directory for) cache|created new cache|repository [0-9a-f]+ opened|"
    r"subprocess ssh",
    re.IGNORECASE,
)
_CREDENTIALS = re.compile(r"://([^/@]*)@")
_REMOTE = ("s3", "b2", "azure", "gs", "swift", "rest", "sftp", "rclone")


class Restic(CliAdapter):
    """Reads all snapshots of a repository."""

    product = "restic"
    title = "restic"
    executable = "restic"
    version_command = ("version",)
    version_pattern = re.compile(r"restic (\S+)")
    environment = ("RESTIC",)
    workload_types = ("host",)
    allowlist = (
        *(("version",), _LIST, _CONFIG, _INDEXES, _CHECK, _CHECK_DATA),
        (*_CHECK, Slot(_SUBSET, r"[0-9]{1,3}/[0-9]{1,3}")),
    )
    cache_variable = "RESTIC_CACHE_DIR"
    variables = (
        *("RESTIC_*", "AWS_*", "AZURE_*", "B2_*", "GOOGLE_*", "OS_*", "ST_*", "RCLONE_*", "SSH_AUTH_SOCK"),
        *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "TMPDIR"),
    )
    # The host filter of restic, and the filters of rclone.
    filters = re.compile(
        r"RESTIC_HOST|RCLONE_(?:METADATA_|HASH_)?(?:INCLUDE|EXCLUDE|FILTER|FILES_FROM|MAX_|MIN_).*",
    )
    filters_hint = 'Use "workload_names" to select hosts'
    known_problems = (
        KnownProblem(
            "wrong password", "wrong_password", "the password is wrong", 'Check "password" or "password_file"'
        ),
        KnownProblem(
            "Resolving password failed", "invalid_option", "the password file cannot be read", 'Check "password_file"'
        ),
        KnownProblem(
            "an empty password", "wrong_password", "the password is empty", 'Check "password" or "password_file"'
        ),
        KnownProblem(
            "permission denied",
            "forbidden",
            "this user may not read the repository",
            "Run the task as the owner of the repository",
        ),
        KnownProblem(
            "403 Forbidden",
            "forbidden",
            "the server refused access to the repository",
            'Check the account in the URL of "repository"',
        ),
        KnownProblem(
            "401 Unauthorized",
            "forbidden",
            "the server refused access to the repository",
            'Check the account in the URL of "repository"',
        ),
        KnownProblem(
            "connection refused",
            "connection_error",
            "the server of the repository refused the connection",
            'Check "repository" and that its server is running',
        ),
        KnownProblem(
            "no such host",
            "connection_error",
            "the host name of the repository cannot be resolved",
            'Check "repository" and the DNS configuration of this machine',
        ),
        KnownProblem(
            "x509:",
            "certificate_error",
            "the server's certificate is not trusted",
            'Set "ca_path" to the PEM file of the CA that issued the certificate',
        ),
        KnownProblem(
            "is already locked", "locked", "the repository is locked", "Wait until the other run has finished"
        ),
        KnownProblem("repository does not exist", "not_found", "the repository does not exist", 'Check "repository"'),
        KnownProblem("Is there a repository at", "not_found", "the repository does not exist", 'Check "repository"'),
    )
    not_reported: t.ClassVar = {
        ("*", "*"): {
            "in_inventory": ("cannot", "a repository lists only what was backed up"),
            "completed_at": ("sometimes", "reported only for snapshots of restic 0.17 or later"),
            "status": (
                "sometimes",
                "snapshots do not record files that could not be read, and failed runs are not listed; see status_file",
            ),
            "usable": (
                "sometimes",
                "damaged snapshots are listed like intact ones (see verify), those without files since restic 0.17",
            ),
            "size_bytes": ("sometimes", "reported only for snapshots of restic 0.17 or later"),
            "restore_tested": ("cannot", "the repository does not store restore results; see the role restore_test"),
            "integrity_checked": ("sometimes", "the repository does not store check results; verify runs a check now"),
            "offsite": ("cannot", "restic does not report where the repository is stored"),
            "immutable": ("cannot", "no command reports whether the server rejects deletion"),
            "immutable_until": ("cannot", "no command reports whether the server rejects deletion"),
            "expires_at": ("cannot", "retention is applied when snapshots are forgotten"),
            "malware": ("cannot", "restic does not scan for malware"),
            "retention": ("cannot", "snapshots have no retention class"),
            "job": ("cannot", "snapshots do not record what started them"),
        },
    }

    @classmethod
    def own_spec(cls) -> dict[str, t.Any]:
        """Return the options for the repository and for the grouping into workloads."""
        return {
            "repository": {"type": "str", "fallback": (env_fallback, ["RESTIC_REPOSITORY"])},
            "password": {"type": "str", "no_log": True, "fallback": (env_fallback, ["RESTIC_PASSWORD"])},
            "password_file": {
                "type": "path",
                "no_log": False,
                "fallback": (env_fallback, ["RESTIC_PASSWORD_FILE"]),
            },
            "ca_path": {"type": "path", "fallback": (env_fallback, ["RESTIC_CACERT"])},
            "workload_by": {
                "type": "list",
                "elements": "str",
                "choices": ["host", "paths", "tags"],
                "default": ["host", "paths"],
            },
            "verify_parts": {"type": "int", "default": 1},
            "verify_state": {"type": "path"},
            "status_file": {"type": "path"},
        }

    @classmethod
    def access(cls, params: Mapping[str, t.Any]) -> Access:
        """Build the repository access; the display name does not contain the password of a URL."""
        repository = (params["repository"] or "").strip()
        if not repository:
            raise OptionError(
                "missing required arguments: repository",
                hint='Set "repository" or the environment variable RESTIC_REPOSITORY',
            )
        cls.reject_filters(params["environment"])
        environment = {"RESTIC_REPOSITORY": repository, "RESTIC_PROGRESS_FPS": "0.01"}
        if params["password"]:
            environment["RESTIC_PASSWORD"] = params["password"]
        elif params["password_file"]:
            environment["RESTIC_PASSWORD_FILE"] = params["password_file"]
        elif "RESTIC_PASSWORD_COMMAND" not in params["environment"]:
            raise OptionError(
                "missing required arguments: password or password_file",
                hint='Set "password" or "password_file" (environment: RESTIC_PASSWORD or RESTIC_PASSWORD_FILE)',
            )
        if params["ca_path"]:
            environment["RESTIC_CACERT"] = params["ca_path"]
        found = _CREDENTIALS.search(repository)
        password = found[1].partition(":")[2] if found else ""
        display_name = _CREDENTIALS.sub("://", repository)
        if not _is_remote(repository):
            display_name = f"{platform.node()}:{repository}"
        secrets = (params["password"] or "", password, unquote(password))
        return Access(
            display_name=display_name, environment=environment, secrets=tuple(dict.fromkeys(filter(None, secrets)))
        )

    def read(self, collector: Collector) -> None:
        """Report all snapshots; the check runs after listing, so it covers every listed snapshot."""
        collector.scope["inventory"] = False
        command_result = self.runner.run(*_LIST)
        # Old versions write null for an empty list.
        snapshots = self.runner.json(command_result) or []
        if not isinstance(snapshots, list):
            raise OutputError("expected a list of snapshots", server=self.runner.host, request=command_result.request)
        for line in message_lines(command_result.err):
            if _OMITTED.search(line) and not _HARMLESS.match(line):
                message = to_single_line(line)
                collector.add_problem(
                    OutputError(
                        "restic omitted a snapshot from the listing",
                        server=self.runner.host,
                        request=command_result.request,
                        server_message=message,
                    )
                )
        collector.set_identity(self._read_repository_id())
        points = self._build_points(snapshots, collector)
        self._parts = self._plan_parts(collector)
        check = self.perform_check(collector)
        if self._parts is not None and check.at is not None and collector.verify is not None:
            listed = [point.id for point in points]
            self._parts.record(damaged=check.damage is not None, listed=listed)
            collector.verify |= self._parts.evidence()
        points = [self._apply_check(point, check) for point in points]
        if self.settings.own["status_file"]:
            runs = read_runs(self.settings.own["status_file"])
            points += apply_runs(runs, points, lambda code: code == _INCOMPLETE, collector)
        for point in points:
            collector.add_point(point)

    def _build_points(self, snapshots: list[t.Any], collector: Collector) -> list[RecoveryPoint]:
        repository = self.settings.own["repository"]
        scheme = _get_scheme(repository) if _is_remote(repository) else "local"
        points = []
        for snapshot in map(as_object, snapshots):
            try:
                point = build_point(snapshot, scheme, self.settings)
            except DataError as error:
                collector.add_problem(
                    OutputError(f"a snapshot record is not valid: {error.message}", server=self.runner.host)
                )
                continue
            points.append(point)
        mark_empty(points, collector)
        return points

    def _plan_parts(self, collector: Collector) -> CheckParts | None:
        """Return the state of a check in parts, if this run checks one of them."""
        parts, state = self.settings.own["verify_parts"], self.settings.own["verify_state"]
        if not 1 <= parts <= _MAX_PARTS:
            raise OptionError(f"verify_parts: {parts} is not between 1 and {_MAX_PARTS}")
        if parts == 1 or self.settings.verify != DATA:
            return None
        if not state:
            raise OptionError(
                "missing required arguments: verify_state",
                hint="Set verify_state to a file in which the module notes the parts that it has read",
            )
        return CheckParts(state, parts, collector.identity)

    def _apply_check(self, point: RecoveryPoint, check: Check) -> RecoveryPoint:
        if self._parts is None or check.at is None or check.damage is not None:
            return check.apply_to(point)
        covered = self._parts.covered_since(point.id)
        return (Check(check.at, QUICK) if covered is None else Check(covered, DATA)).apply_to(point)

    def _read_repository_id(self) -> t.Any:
        """Read the id that restic gave the repository when it was created. Return None if this fails."""
        try:
            return as_object(self.runner.json(self.runner.run(*_CONFIG))).get("id")
        except ToolError:
            # The listing is complete without the id.
            return None

    def check(self) -> str | None:
        """Run ``restic check``: no file is missing and, with level data, all data (or one part) can be decrypted."""
        indexes = self._list_indexes()
        command_result = self.run_check(*self._check_command())
        out = command_result.out.decode("utf-8", "replace")
        summary = _parse_error_count(out)
        if command_result.rc == 0 and (_SOUND in out if summary is None else summary == 0):
            return None
        if command_result.rc == 0 and summary is None:
            raise OutputError(
                "the check did not report whether it found errors",
                server=self.runner.host,
                request=command_result.request,
                server_message=self.runner.tool_message(command_result),
            )
        if self.is_known_problem(command_result) and not summary:
            raise self.runner.error(command_result)
        message = self.runner.tool_message(command_result)
        if indexes - self._list_indexes():
            # Backups only add indexes, so a removed index shows that a prune ran during the check.
            raise AuditError(
                "the repository was pruned during the check, which may look like damage",
                code="not_checked",
                server=self.runner.host,
                request=command_result.request,
                server_message=message,
                hint="Check it again when no prune is running",
            )
        return message or f"restic check failed with return code {command_result.rc}"

    def _check_command(self) -> tuple[str, ...]:
        if self.settings.verify != DATA:
            return _CHECK
        if self._parts is None:
            return _CHECK_DATA
        return (*_CHECK, f"{_SUBSET}{self._parts.part}/{self._parts.parts}")

    def _list_indexes(self) -> set[str]:
        command_result = self.runner.run(*_INDEXES)
        return set(command_result.out.decode("utf-8", "replace").split()) if command_result.rc == 0 else set()


def _get_scheme(repository: str) -> str:
    return repository.strip().partition(":")[0]


def _is_remote(repository: str) -> bool:
    return _get_scheme(repository) in _REMOTE and ":" in repository


def _parse_error_count(out: str) -> int | None:
    """Return the number of errors from the last line that newer versions print, or None if it is not reported."""
    found = re.search(r'"message_type":\s*"summary",\s*"num_errors":\s*(\d+)', out)
    return int(found[1]) if found else None
