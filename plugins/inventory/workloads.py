# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Inventory plugin workloads: creates a host for each workload on backup servers."""

from __future__ import annotations

DOCUMENTATION = r"""
name: workloads
version_added: 1.0.0
short_description: Create a host for each workload on backup servers
description:
  - Creates a host for every workload that backup servers list. The number and times of its recovery points and the
    result of a policy are host variables.
  - The hosts are in groups by result, product and platform, so a play can run on the workloads that fail.
  - Reads the servers over the network as the info modules do, or uses saved read results. Nothing is written to a
    backup server.
  - The name of the configuration file must end with C(workloads.yml) or C(workloads.yaml).
notes:
  - A host has the name of its workload. If several workloads have the same name, or if the name could be that of a
    group or of localhost, the host is named C(NAME--SOURCE). If these names are not unique either, a checksum of the
    workload's source, location and ID is added, C(NAME--SOURCE--CHECKSUM).
  - Host names contain only ASCII letters, digits, C(.), C(_) and C(-), because C(--limit) and the inventory import of
    AWX interpret other characters. Accents are removed, and other characters are replaced by C(_). The host variables
    RV(ignore:workload_name), RV(ignore:workload_id) and RV(ignore:workload_source) are unchanged.
  - Recovery points without a workload are not listed as hosts. A warning contains the number of such rows.
  - If an inventory source fails, Ansible only shows a warning and continues without its hosts. To stop instead, set
    E(ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED) to V(true).
  - Names, messages and other texts from a server are never evaluated as templates.
author:
  - the backup.audit contributors (@backup-audit)
extends_documentation_fragment:
  - constructed
  - inventory_cache
options:
  plugin:
    description: Full name of this plugin.
    type: str
    required: true
    choices: [backup.audit.workloads]
  servers:
    description:
      - Backup servers to read. Each item has C(product) and the options of the product's info module, such as C(url),
        C(username) and C(password). Templates are allowed.
      - C(product) is V(aws_backup), V(azure_backup), V(pbs), V(spp), V(unitrends), V(veeam_aws), V(veeam_azure),
        V(veeam_backup_replication), V(veeam_enterprise_manager) or V(vprotect).
      - If an option is not set, the environment variable of the info module is used.
      - A cached result is used only for the same servers with the same options. A changed password does not invalidate
        it.
    type: list
    elements: dict
    default: []
  results:
    description:
      - Paths of files with saved read results, for example those of the compliance role. Glob patterns are allowed.
    type: list
    elements: path
    default: []
  policy:
    description:
      - Requirements for every workload, as rules or as the name of a built-in policy. See
        M(backup.audit.recovery_points_assert).
    type: raw
    default:
      recovery_points:
        min_count: 1
  max_data_age:
    description: Maximum age of a read result. Results based on older data do not pass.
    type: str
    default: 24h
  on_unreadable:
    description:
      - Handling of a server or a file that cannot be read.
      - With V(error), the inventory source fails, so that the list of hosts is never silently incomplete.
      - With V(warn), a warning names the server or file, and the workloads of the others are listed.
    type: str
    choices: [error, warn]
    default: error
"""

EXAMPLES = r"""
# backup_workloads.yml
---
plugin: backup.audit.workloads
servers:
  - product: spp
    url: https://spp.example.com
    username: auditor
    password: "{{ lookup('ansible.builtin.env', 'SPP_PASSWORD') }}"
  - product: vprotect
    url: https://vprotect.example.com
    username: auditor
    password: "{{ lookup('ansible.builtin.env', 'VPROTECT_PASSWORD') }}"
policy: daily_26h
cache: true
cache_plugin: ansible.builtin.jsonfile
cache_connection: /var/tmp/backup_audit
keyed_groups:
  - key: workload_type
    prefix: type

# ansible-inventory -i backup_workloads.yml --graph verdict_fail

# Read results that the compliance role saved
---
plugin: backup.audit.workloads
results: [/var/lib/backup-audit/data/*.json]
policy: 3-2-1-1-0
groups:
  never_backed_up: recovery_points == 0
"""

import collections
import hashlib
import itertools
import json
import pathlib
import re
import typing as t
import unicodedata
from collections.abc import Iterator, Mapping, Sequence

from ansible import constants
from ansible.errors import AnsibleParserError
from ansible.plugins.inventory import BaseInventoryPlugin, Cacheable, Constructable
from ansible.utils.unsafe_proxy import wrap_var

from ansible_collections.backup.audit.plugins.module_utils._core.errors import AuditError, DataError
from ansible_collections.backup.audit.plugins.module_utils._core.names import suggest
from ansible_collections.backup.audit.plugins.plugin_utils._direct_read import open_servers, read_servers
from ansible_collections.backup.audit.plugins.plugin_utils._evaluate import (
    Opened,
    evaluate_now,
    identity,
    opened_results,
    reasons,
)
from ansible_collections.backup.audit.plugins.plugin_utils._sanitize import clean_text
from ansible_collections.backup.audit.plugins.plugin_utils._templates import may_be_template

try:
    from ansible.template import trust_as_template as _plain
except ImportError:
    _plain = str
# Prefix of a group -> the variable that it is built from.
_GROUPS = {"verdict": "verdict", "product": "workload_product", "platform": "workload_platform"}
# Results that are omitted from the findings of a host.
_OMITTED_RESULTS = ("pass", "not_applicable")
# Formats of host names, tried in this order. The last one is unique.
_NAMES = ("{name}", "{name}--{source}", "{name}--{source}--{checksum}")
# Names that have a meaning in Ansible, and prefixes of group names.
_RESERVED = ("all", "ungrouped", "localhost")
_GROUP_PREFIXES = tuple(f"{prefix}_" for prefix in _GROUPS)
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9._-]")
_CHECKSUM_CHARACTERS = 10


class InventoryModule(BaseInventoryPlugin, Constructable, Cacheable):
    """Reads and evaluates workloads, and adds a host for each."""

    NAME = "backup.audit.workloads"

    def verify_file(self, path: str) -> bool:
        """Return whether this file may be a configuration of this plugin."""
        return bool(super().verify_file(path)) and path.endswith(("workloads.yml", "workloads.yaml"))

    def parse(self, inventory: t.Any, loader: t.Any, path: str, cache: bool = True) -> None:
        """Fill the inventory."""
        super().parse(inventory, loader, path, cache)
        self._reject_unknown(self._read_config_data(path))
        try:
            results = [*self._read_configured_servers(path, cache), *self._list_files()]
            workloads = self._evaluate(self._load_results(results))
        except AuditError as error:
            # Ansible would print the message of the cause again.
            raise AnsibleParserError(f"backup.audit.workloads: {error}") from None
        self._add_hosts(workloads)

    def _reject_unknown(self, given: t.Iterable[str]) -> None:
        """Reject unknown options. Ansible ignores them, so a misspelled option would apply an unintended policy."""
        known = constants.config.get_configuration_definitions("inventory", self._load_name)
        unknown = sorted(map(str, set(given) - set(known)))
        if unknown:
            parts = " ".join(f"{name}. {suggest(name, known)}".rstrip() for name in unknown)
            raise AnsibleParserError(
                f"backup.audit.workloads: unsupported options: {parts} Supported options: {', '.join(sorted(known))}."
            )

    # Read results

    def _read_configured_servers(self, path: str, cache: bool) -> list[dict[str, t.Any]]:
        """Read the configured servers, or return their results from the cache."""
        servers = self.templar.template(self.get_option("servers"))
        if not servers:
            return []
        use_cache = bool(self.get_option("cache"))
        key = f"{self.get_cache_key(path)}_{_fingerprint(servers)}"
        if use_cache and cache:
            try:
                return list(self._cache[key])
            except KeyError:
                pass
        results = read_servers(servers, self._report_progress if self.display.verbosity else None)
        for warning in (warning for result in results for warning in result.pop("warnings", ())):
            self.display.warning(f"backup.audit.workloads: {clean_text(warning)}")
        if use_cache and not any(result.get("failed") for result in results):
            # A failure is not cached, so that the server is read again next time.
            self._cache[key] = results
        return results

    def _report_progress(self, line: str) -> None:
        self.display.v(f"backup.audit.workloads: {clean_text(line)}")

    def _list_files(self) -> Iterator[str]:
        """List the files with read results; a missing file is listed too, so that it is reported later."""
        for pattern in self.get_option("results"):
            path = pathlib.Path(pattern)
            found = sorted(map(str, path.parent.glob(path.name)))
            if not found:
                found = [str(path)]
            yield from found

    def _load_results(self, results: Sequence[t.Any]) -> list[Opened]:
        """Open read results; anything else is an error or a warning, depending on ``on_unreadable``."""
        if not results:
            raise AnsibleParserError("backup.audit.workloads: no data source is configured. Set servers or results.")
        read_results: list[Opened] = []
        for result in results:
            try:
                if isinstance(result, dict) and result.get("failed"):
                    raise DataError(f"a server could not be read: {result['msg']}")
                read_results.extend(opened_results(result))
            except AuditError as error:
                if self.get_option("on_unreadable") == "error":
                    raise
                self.display.warning(f"backup.audit.workloads: workloads are not listed: {clean_text(str(error))}")
        if not read_results:
            raise AnsibleParserError("backup.audit.workloads: none of the servers or files could be read")
        return read_results

    # Hosts

    def _evaluate(self, read_results: Sequence[Opened]) -> list[dict[str, t.Any]]:
        limits = {"max_data_age": self.get_option("max_data_age")}
        assessment = evaluate_now(read_results, self.get_option("policy"), limits).plain()
        findings = reasons(one for one in assessment["findings"] if one["result"] not in _OMITTED_RESULTS)
        return [{**workload, "findings": findings.get(identity(workload), [])} for workload in assessment["workloads"]]

    def _add_hosts(self, workloads: Sequence[dict[str, t.Any]]) -> None:
        named = [workload for workload in workloads if workload["workload_name"]]
        if len(named) < len(workloads):
            self.display.warning(
                f"backup.audit.workloads: {len(workloads) - len(named)} rows are not listed as hosts, because their "
                "recovery points have no workload name"
            )
        for host, workload in zip(host_names(named), named, strict=True):
            self.inventory.add_host(host)
            variables = {name: _mark_untrusted(value) for name, value in host_variables(workload).items()}
            for name, value in variables.items():
                self.inventory.set_variable(host, name, value)
            self._add_to_groups(host, variables)

    def _add_to_groups(self, host: str, variables: Mapping[str, t.Any]) -> None:
        for prefix, name in _GROUPS.items():
            if variables[name]:
                group = self.inventory.add_group(self._sanitize_group_name(f"{prefix}_{variables[name]}"))
                self.inventory.add_child(group, host)
        strict = self.get_option("strict")
        self._set_composite_vars(self.get_option("compose"), variables, host, strict=strict)
        self._add_host_to_composed_groups(self.get_option("groups"), variables, host, strict=strict)
        self._add_host_to_keyed_groups(self.get_option("keyed_groups"), variables, host, strict=strict)


def _fingerprint(servers: t.Any) -> str:
    """Return a checksum of the servers and their options without secrets, with values from the environment."""
    options = [server.public_options() for server in open_servers(servers)]
    return hashlib.sha256(json.dumps(options, sort_keys=True).encode()).hexdigest()


def _mark_untrusted(value: t.Any) -> t.Any:
    """Mark text that looks like a template as unsafe, and all other text as trusted.

    Templating does not change text without delimiters. In ansible-core 2.19 or later, ``ansible-inventory --list``,
    which AWX runs, would otherwise mark all text.
    """
    if isinstance(value, list):
        return [_mark_untrusted(item) for item in value]
    if not isinstance(value, str):
        return value
    return wrap_var(value) if may_be_template(value) else _plain(value)


def host_variables(workload: Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return the variables of the host of a workload."""
    return {
        **{name: workload[name] for name in ("workload_name", "workload_id", "workload_type")},
        "workload_platform": workload["platform"],
        "workload_product": workload["product"],
        "workload_source": workload["source"],
        "workload_origin": workload["origin"],
        "workload_in_inventory": workload["in_inventory"],
        "recovery_points": workload["recovery_points"],
        "newest_recovery_point": workload["newest"],
        "oldest_recovery_point": workload["oldest"],
        "newest_recovery_point_age": workload["newest_age_seconds"],
        "verdict": workload["verdict"],
        "findings": workload["findings"],
    }


def host_names(workloads: Sequence[Mapping[str, t.Any]]) -> list[str]:
    """Return a unique host name for each: the workload's name, with its source, or with a checksum of its identity."""
    shapes = [_name_shapes(workload) for workload in workloads]
    names = [""] * len(workloads)
    for level in range(len(_NAMES)):
        tried = {number: shapes[number][level] for number, name in enumerate(names) if not name}
        taken = collections.Counter([*tried.values(), *names])
        for number, name in tried.items():
            names[number] = name if taken[name] == 1 and not (level == 0 and _is_reserved(name)) else ""
    used = set(names)
    for number in (number for number, name in enumerate(names) if not name):
        # Rows with the same identity, or a workload that has the generated name of another one.
        numbered = (f"{shapes[number][-1]}--{count}" for count in itertools.count(1))
        names[number] = next(name for name in numbered if name not in used)
        used.add(names[number])
    return names


def _name_shapes(workload: Mapping[str, t.Any]) -> list[str]:
    parts = {
        "name": _plain_name(workload["workload_name"]),
        "source": _plain_name(workload["source"]),
        "checksum": hashlib.sha256(json.dumps(identity(workload)).encode()).hexdigest()[:_CHECKSUM_CHARACTERS],
    }
    return [shape.format(**parts) for shape in _NAMES]


def _is_reserved(name: str) -> bool:
    return name in _RESERVED or name.startswith(_GROUP_PREFIXES)


def _plain_name(text: t.Any) -> str:
    """Return the text as a part of a host name; a leading character that Ansible or a shell interprets is replaced."""
    decomposed = unicodedata.normalize("NFKD", str(text))
    letters = "".join(character for character in decomposed if not unicodedata.combining(character))
    return re.sub(r"^[.-]", "_", _NOT_IN_NAMES.sub("_", letters))
