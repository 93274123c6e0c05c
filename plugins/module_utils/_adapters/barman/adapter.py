# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Barman: the backups of PostgreSQL clusters (servers) in the catalog of one configuration.

Sources: runs of 3.4.0 and 3.19.1. Its listings are an index: a backup remains DONE, and a segment remains listed, after
its file was lost. An empty list may also mean that the directory is not mounted, or that a newer version wrote it.
"""

from __future__ import annotations

import os
import platform
import re
import typing as t
from collections.abc import Mapping

from ansible.module_utils.basic import env_fallback

from ansible_collections.backup.audit.plugins.module_utils._adapters.barman.catalog import (
    Catalog,
    build_catalog,
    shorten,
)
from ansible_collections.backup.audit.plugins.module_utils._adapters.barman.files import (
    find_backup_ids,
    find_segments,
    has_data,
    list_names,
    read_histories,
)
from ansible_collections.backup.audit.plugins.module_utils._adapters.barman.output import (
    build_error,
    decode,
    find_failed_checks,
    find_missing_directories,
    get_damage,
    get_list,
    get_messages,
    get_object,
)
from ansible_collections.backup.audit.plugins.module_utils._adapters.barman.records import (
    build_backup,
    build_workload,
    parse_row,
)
from ansible_collections.backup.audit.plugins.module_utils._adapters.cli import DATA, NONE, Access, Check, CliAdapter
from ansible_collections.backup.audit.plugins.module_utils._collect.collector import Collector
from ansible_collections.backup.audit.plugins.module_utils._core.errors import AuditError
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import (
    as_bool,
    as_list,
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

_JSON = ("-f", "json")
# "all" is not a server name. Keys of the output that begin with an underscore are messages.
_SERVER = Slot("", r"(?!all$|_)[^\x00-\x1f/]+")
_BACKUP = Slot("", r"[0-9]{8}T[0-9]{6}")
_WAL = ("list-files", "--target", "wal")
# The check that fails if the running cluster has another identity than the backups.
_IDENTITY = "systemid_coherence"


class Barman(CliAdapter):
    """Reads all backups of all servers, or of one server."""

    product = "barman"
    title = "Barman"
    executable = "barman"
    version_command = ("--version",)
    version_pattern = re.compile(r"(\d[\w.]*)")
    environment = ("BARMAN",)
    workload_types = ("database",)
    allowlist = (
        ("--version",),
        (*_JSON, "list-servers"),
        (*_JSON, "show-servers", _SERVER),
        (*_JSON, "list-backups", _SERVER),
        (*_JSON, "show-backup", _SERVER, _BACKUP),
        (*_JSON, *_WAL, _SERVER, _BACKUP),
        (*_JSON, "check", _SERVER),
        (*_JSON, "verify-backup", _SERVER, _BACKUP),
    )
    # Barman has no check that does not read the data.
    verify_levels = (NONE, DATA)
    variables = ("PGPASSFILE", "PGPASSWORD", "TMPDIR")
    known_problems = (
        KnownProblem(
            "please run barman as",
            "forbidden",
            "this user may not run Barman",
            'Run the task as the user that the configuration names in "barman_user"',
        ),
        KnownProblem(
            "Permission denied",
            "forbidden",
            "this user may not read the catalog",
            'Run the task as the user that the configuration names in "barman_user"',
        ),
        KnownProblem("Unknown server", "not_found", "Barman does not know the server", 'Check "config" and "server"'),
        KnownProblem("Configuration file", "not_found", "Barman cannot read its configuration", 'Check "config"'),
        KnownProblem(
            "pg_verifybackup not found",
            "not_installed",
            "Barman did not find pg_verifybackup",
            'Install PostgreSQL 13 or later on the host, and set "path_prefix" in the configuration of Barman',
        ),
    )
    not_reported: t.ClassVar = {
        ("*", "*"): {
            "in_inventory": ("cannot", "a server remains listed until it is removed from the configuration"),
            "usable": (
                "sometimes",
                "backups without their files or their WAL are not usable; verify checks their files for damage",
            ),
            "size_bytes": ("sometimes", "failed and running backups have no size"),
            "completed_at": ("sometimes", "failed and running backups have no end"),
            "restore_tested": ("cannot", "Barman does not store restore results; see the role restore_test"),
            "integrity_checked": (
                "inferred",
                "Barman does not store check results; verify reads the files of a backup now, but not its WAL",
            ),
            "encrypted": ("sometimes", "reported by 3.14 and later"),
            "offsite": ("cannot", "Barman does not report where its directories are stored"),
            "immutable": ("cannot", "Barman does not report how its storage is protected"),
            "immutable_until": ("cannot", "Barman does not report how its storage is protected"),
            "expires_at": ("cannot", "retention is applied by barman cron; backups have no expiry date"),
            "malware": ("cannot", "Barman does not scan for malware"),
            "retention": ("cannot", "backups have no retention class"),
            "job": ("cannot", "backups do not record what started them"),
        },
    }

    @classmethod
    def own_spec(cls) -> dict[str, t.Any]:
        """Return the options for configuration and server."""
        return {
            "config": {"type": "path", "fallback": (env_fallback, ["BARMAN_CONFIG_FILE"])},
            "server": {"type": "str", "fallback": (env_fallback, ["BARMAN_SERVER"])},
        }

    @classmethod
    def access(cls, params: Mapping[str, t.Any]) -> Access:
        """Pass the configuration in the environment."""
        config = params["config"]
        environment = {"BARMAN_CONFIG_FILE": str(config)} if config else {}
        return Access(display_name=f"{platform.node()}:{config or 'barman'}", environment=environment)

    def read(self, collector: Collector) -> None:
        """Report all backups of all servers; the check runs after listing."""
        collector.scope["inventory"] = False
        self._collector = collector
        self._catalogs = [catalog for name in self._list_servers() if (catalog := self._read_server(name))]
        for catalog in self._catalogs:
            try:
                if catalog.has_losses():
                    # Missing files may belong to backups that were removed after the listing.
                    self._drop_removed(catalog)
            except AuditError as error:
                self._add_problem(error)
        check = self.perform_check(collector)
        copied = [backup for catalog in self._catalogs for backup in catalog.backups if backup.is_copied]
        if check.at is not None and copied and not any(catalog.results for catalog in self._catalogs):
            collector.verify = {**(collector.verify or {}), "result": "unfinished"}
        for catalog in self._catalogs:
            self._report(catalog, check)

    # Listings

    def _list_servers(self) -> list[str]:
        own = as_text(self.settings.own["server"])
        names = [own] if own else [name for name in self._run("list-servers") if not name.startswith("_")]
        return [name for name in sorted(names) if self._collector.is_selected(build_workload(name))]

    def _read_server(self, name: str) -> Catalog | None:
        """Read one server. A failure is recorded as a problem, and the other servers are still read."""
        try:
            settings = get_object(self._run("show-servers", name), name)
            catalog = build_catalog(name, settings)
            self._list_backups(catalog, settings)
        except AuditError as error:
            if self.settings.own["server"]:
                raise
            self._add_problem(error)
            return None
        self._read_files(catalog)
        self._check_server(catalog, settings)
        return catalog

    def _list_backups(self, catalog: Catalog, settings: Mapping[str, t.Any]) -> None:
        before = find_backup_ids(catalog.directory, catalog.base)
        rows = get_list(self._run("list-backups", catalog.name), catalog.name)
        after = find_backup_ids(catalog.directory, catalog.base)
        invalid = 0
        method = as_text(settings.get("backup_method"))
        for row in map(as_object, rows):
            found = parse_row(row)
            details = None if found is None else self._show_backup(catalog.name, found[0], method)
            backup = build_backup(row, details, self._collector.version)
            if backup is None:
                invalid += 1
            else:
                catalog.backups.append(backup)
        if invalid:
            text = f"backups of server {catalog.name!r} that have no ID, status or time: {invalid}"
            self._add_problem(OutputError(text))
        listed = {parsed[0] for parsed in map(parse_row, map(as_object, rows)) if parsed}
        directories, cataloged = (one & two - listed for one, two in zip(before, after, strict=True))
        if cataloged:
            self._add_problem(
                ToolError(
                    f"Barman {self._collector.version} does not list all backups in the catalog of server "
                    f"{catalog.name!r}: {shorten(sorted(cataloged))}",
                    code="invalid_data",
                    hint="A newer version may have written the catalog. Run the version that makes the backups",
                )
            )
        elif directories:
            self._warn(
                f"server {catalog.name}: directories of backups that Barman does not list", shorten(sorted(directories))
            )

    def _show_backup(self, server: str, ident: str, method: str | None) -> dict[str, t.Any] | None:
        try:
            details = get_object(self._run("show-backup", server, ident), server)
        except AuditError as error:
            self._add_problem(error)
            return None
        base = as_object(details.get("base_backup_information"))
        if base and method:
            # Old versions report the method only in the settings of the server.
            details["base_backup_information"] = {"backup_method": method, **base}
        return dict(details)

    def _read_files(self, catalog: Catalog) -> None:
        """Check the files of the server, because its listings do not show that files were lost."""
        meta = None if catalog.directory is None else catalog.directory / "meta"
        for path in filter(None, (catalog.directory, catalog.base, meta)):
            names = list_names(path)
            if names is None or (path == catalog.directory and not names):
                self._add_problem(
                    ToolError(
                        f"the directory {str(path)!r} of server {catalog.name!r} "
                        + ("cannot be read" if names is None else "does not exist on this host, or is empty"),
                        code="forbidden" if names is None else "not_found",
                        hint="Check that it is mounted, and that this user can read it. For a new server, run barman "
                        "check once",
                    )
                )
                return
        copied = [backup for backup in catalog.backups if backup.is_copied]
        for backup in copied:
            if backup.kind != "snapshot" and backup.details is not None:
                catalog.stored[backup.id] = has_data(catalog.data(backup), backup.tablespaces)
        segments = find_segments(catalog.wals)
        if segments is None:
            return
        listed: set[str] = set()
        begins: dict[str, str] = {}
        for backup in copied:
            try:
                output = self._run(*_WAL, catalog.name, backup.id)
            except AuditError as error:
                self._add_problem(error)
                return
            listed.update(map(os.path.basename, get_messages(output, "_INFO")))
            begin = backup.first[0]
            if begin is not None:
                begins[begin[:8]] = min(begin, begins.get(begin[:8], begin))
        # Barman lists the segments of a timeline only from the first backup on it.
        catalog.segments = {
            name: time for name, time in segments.items() if name in listed or name < begins.get(name[:8], "~")
        }
        catalog.histories = read_histories(catalog.wals)

    def _drop_removed(self, catalog: Catalog) -> None:
        rows = get_list(self._run("list-backups", catalog.name), catalog.name)
        catalog.drop_removed({parsed[0] for parsed in map(parse_row, map(as_object, rows)) if parsed})

    # Barman's own checks

    def _check_server(self, catalog: Catalog, settings: Mapping[str, t.Any]) -> None:
        """Report what ``barman check`` finds, which the list of backups does not show."""
        name = catalog.name
        if as_bool(settings.get("active")) is False or as_bool(settings.get("disabled")) is True:
            reasons = "; ".join(filter(None, map(as_text, as_list(settings.get("msg_list")))))
            self._warn(f"server {name}: it is disabled, so no new backups are made", reasons)
            return
        missing = ", ".join(find_missing_directories(settings))
        if missing:
            # The command would create the missing directories.
            self._warn(
                f"server {name}: barman check was not run, because directories are missing or cannot be read", missing
            )
            return
        try:
            failed = find_failed_checks(self.runner, self.runner.run(*_JSON, "check", name), name)
        except AuditError as error:
            self._warn(f"server {name}: barman check failed", str(error))
            return
        if _IDENTITY in failed:
            catalog.is_current = None
        if failed:
            shown = (key.replace("_", " ") + (f" ({hint})" if hint else "") for key, hint in failed.items())
            self._warn(f"server {name}: barman check reports", "; ".join(shown))

    def check(self) -> str | None:
        """Run ``barman verify-backup`` for each backup that consists of files with a manifest."""
        found = []
        for catalog in self._catalogs:
            for backup in catalog.backups:
                if catalog.is_verifiable(backup):
                    result = self.run_check(*_JSON, "verify-backup", catalog.name, backup.id)
                    catalog.results[backup.id] = get_damage(self.runner, result)
            if any(catalog.results.values()):
                # Backups may have been removed during a long check.
                self._drop_removed(catalog)
            others = [
                one.id
                for one in catalog.backups
                if one.is_copied and one.id not in catalog.results and catalog.stored.get(one.id) is not False
            ]
            if others:
                reason = "because they are compressed or encrypted, or have no manifest of PostgreSQL"
                self._warn(f"server {catalog.name}: backups that cannot be verified, {reason}", shorten(others))
            found += [
                f"{catalog.name}/{one.id}: {damage}"
                for one in catalog.backups
                if (damage := catalog.results.get(one.id))
            ]
        return to_single_line("; ".join(found)) or None

    # Workloads and points

    def _report(self, catalog: Catalog, check: Check) -> None:
        if self.settings.include_unprotected:
            self._collector.add_workload(build_workload(catalog.name))
        archive = catalog.build_archive()
        usable = set()
        for backup, point in catalog.build_points(archive, check):
            if self.settings.include_raw:
                point.raw = remove_secrets({**backup.row, **(backup.details or {})})
            if point.usable:
                usable.add(backup.id)
            self._collector.add_point(point)
        for point in catalog.build_ranges(archive, usable):
            self._collector.add_point(point)
        for warning in catalog.warnings(archive):
            self._warn(warning)

    # Output

    def _run(self, *arguments: str) -> dict[str, t.Any]:
        result = self.runner.run(*_JSON, *arguments)
        output = decode(result)
        if result.rc != 0 or output is None:
            raise build_error(self.runner, result)
        return output

    def _add_problem(self, error: AuditError) -> None:
        error.server = self.runner.host
        self._collector.add_problem(error)

    def _warn(self, text: str, details: str = "") -> None:
        shown = f"{text}: {details}" if details else text
        self._collector.warnings.append(to_single_line(self.runner.scrub(str(remove_secrets(shown)))))
