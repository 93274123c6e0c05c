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

from ansible_collections.backup.audit.plugins.module_utils._adapters.cli import DATA, Access, Check, CliAdapter
from ansible_collections.backup.audit.plugins.module_utils._collect.collector import Collector
from ansible_collections.backup.audit.plugins.module_utils._core.errors import DataError, OptionError
from ansible_collections.backup.audit.plugins.module_utils._core.model import Copy, RecoveryPoint, Workload
from ansible_collections.backup.audit.plugins.module_utils._core.times import parse_time
from ansible_collections.backup.audit.plugins.module_utils._core.vocabulary import parse_location_type
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import (
    as_int,
    as_list,
    as_object,
    as_text,
    remove_secrets,
)
from ansible_collections.backup.audit.plugins.module_utils._transport.command import (
    KnownProblem,
    OutputError,
    ToolError,
    message_lines,
    to_single_line,
)

# --no-lock: nothing is written to the repository, so read-only and append-only repositories can be read.
_LIST = ("--no-lock", "--json", "snapshots")
# No listing or check contains the id of the repository. "cat masterkey" would print the key, so only config is allowed.
_CONFIG = ("--no-lock", "--json", "cat", "config")
_CHECK = ("--no-lock", "--json", "check")
_CHECK_DATA = (*_CHECK, "--read-data")
_SOUND = "no errors were found"
# Messages about snapshots that are missing from the listing; the return code is 0.
_LEFT_OUT = re.compile(r"ignoring|could not|unable to|failed|error|damaged|invalid", re.IGNORECASE)
_HARMLESS = re.compile(r"cache|repository [0-9a-f]+ opened|subprocess ssh", re.IGNORECASE)
_CREDENTIALS = re.compile(r"://([^/@]*)@")
_REMOTE = ("s3", "b2", "azure", "gs", "swift", "rest", "sftp", "rclone")


class Restic(CliAdapter):
    """Read all snapshots of a repository."""

    product = "restic"
    title = "restic"
    executable = "restic"
    version_command = ("version",)
    version_pattern = re.compile(r"restic (\S+)")
    environment = ("RESTIC",)
    workload_types = ("host",)
    allowlist = (("version",), _LIST, _CONFIG, _CHECK, _CHECK_DATA)
    variables = (
        *("RESTIC_*", "AWS_*", "AZURE_*", "B2_*", "GOOGLE_*", "OS_*", "ST_*", "RCLONE_*", "SSH_AUTH_SOCK"),
        *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "TMPDIR"),
    )
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
            "status": ("cannot", "snapshots do not record files that could not be read; failed runs are not listed"),
            "usable": ("cannot", "snapshots with damaged data are listed like intact ones; verify checks for damage"),
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
                "default": ["host"],
            },
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
            if _LEFT_OUT.search(line) and not _HARMLESS.search(line):
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
        check = self.perform_check(collector)
        own = self.settings.own
        parts = tuple(own["workload_by"])
        place = _get_scheme(own["repository"]) if _is_remote(own["repository"]) else "local"
        for snapshot in snapshots:
            try:
                collector.add_point(self._build_point(as_object(snapshot), parts, place, check))
            except DataError as error:
                collector.add_problem(
                    OutputError(f"a snapshot record is not valid: {error.message}", server=self.runner.host)
                )

    def _read_repository_id(self) -> t.Any:
        """Read the id that restic gave the repository when it was created; None if this fails."""
        try:
            return as_object(self.runner.json(self.runner.run(*_CONFIG))).get("id")
        except ToolError:
            # The listing was read, and is complete without the id.
            return None

    def check(self) -> str | None:
        """Run ``restic check``: nothing is missing and, with level data, all data can be read and decrypted."""
        command_result = self.run_check(*(_CHECK_DATA if self.settings.verify == DATA else _CHECK))
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
        return self.runner.tool_message(command_result) or f"restic check failed with return code {command_result.rc}"

    def _build_point(
        self, snapshot: dict[str, t.Any], parts: tuple[str, ...], place: str, check: Check
    ) -> RecoveryPoint:
        identity = as_text(snapshot.get("id"))
        if identity is None:
            raise DataError("id is missing")
        summary = as_object(snapshot.get("summary"))
        ended = summary.get("backup_end")
        point = RecoveryPoint(
            id=identity,
            workload=_build_workload(snapshot, parts),
            created=parse_time(snapshot.get("time")),
            completed=None if ended is None else parse_time(ended),
            kind="full",
            status="success",
            usable=True,
            size_bytes=as_int(summary.get("data_added_packed")),
            copies=[
                Copy(
                    location=self.settings.display_name,
                    location_type=parse_location_type(place),
                    vendor_location_type=place,
                    encrypted=True,
                )
            ],
            encrypted=True,
            raw=remove_secrets(snapshot) if self.settings.include_raw else None,
        )
        return check.apply_to(point)


def _build_workload(snapshot: Mapping[str, t.Any], parts: tuple[str, ...]) -> Workload:
    values = [as_text(snapshot.get("hostname")) if "host" in parts else None]
    for part in ("paths", "tags"):
        if part in parts:
            values.append(",".join(sorted(str(item) for item in as_list(snapshot.get(part)))))
    name = " ".join(part for part in values if part) or None
    return Workload(id=name, name=name, type="host")


def _get_scheme(repository: str) -> str:
    return repository.strip().partition(":")[0]


def _is_remote(repository: str) -> bool:
    return _get_scheme(repository) in _REMOTE and ":" in repository


def _parse_error_count(out: str) -> int | None:
    """Return the number of errors from the last line that newer versions print; None if it is not reported."""
    found = re.search(r'"message_type":\s*"summary",\s*"num_errors":\s*(\d+)', out)
    return int(found[1]) if found else None
