# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read backup servers from the control node without a module, for plugins that need read results themselves.

The options of a server are those of its info module, with the same argument spec and the same environment variables.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import json
import os
import typing as t
from collections.abc import Collection, Iterator, Mapping, Sequence

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator, ValidationResult
from ansible.module_utils.errors import UnsupportedError

from ansible_collections.backup.audit.plugins.module_utils._adapters.aws_backup.adapter import AwsBackup
from ansible_collections.backup.audit.plugins.module_utils._adapters.azure_backup.adapter import AzureBackup
from ansible_collections.backup.audit.plugins.module_utils._adapters.pbs.adapter import ProxmoxBackupServer
from ansible_collections.backup.audit.plugins.module_utils._adapters.rest import RestAdapter
from ansible_collections.backup.audit.plugins.module_utils._adapters.spp.adapter import SpectrumProtectPlus
from ansible_collections.backup.audit.plugins.module_utils._adapters.unitrends.adapter import Unitrends
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.aws.adapter import VeeamAws
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.azure.adapter import VeeamAzure
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.backup_replication.adapter import (
    VeeamBackupReplication,
)
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.enterprise_manager.adapter import (
    VeeamEnterpriseManager,
)
from ansible_collections.backup.audit.plugins.module_utils._adapters.vprotect.adapter import VProtect
from ansible_collections.backup.audit.plugins.module_utils._core.errors import AuditError, OptionError
from ansible_collections.backup.audit.plugins.module_utils._core.names import suggest
from ansible_collections.backup.audit.plugins.module_utils._core.signals import SignalHandler
from ansible_collections.backup.audit.plugins.module_utils._module.connection_options import (
    apply_environment,
    argument_spec,
)
from ansible_collections.backup.audit.plugins.module_utils._module.progress import LineWriter
from ansible_collections.backup.audit.plugins.module_utils._module.rest_module import read
from ansible_collections.backup.audit.plugins.module_utils._transport import client

_ADAPTERS: tuple[type[RestAdapter], ...] = (
    AwsBackup,
    AzureBackup,
    ProxmoxBackupServer,
    SpectrumProtectPlus,
    Unitrends,
    VeeamAws,
    VeeamAzure,
    VeeamBackupReplication,
    VeeamEnterpriseManager,
    VProtect,
)
PRODUCTS = {adapter.product: adapter for adapter in _ADAPTERS}
# Options that these plugins set themselves.
_FIXED = {"compress": True, "detail": "workloads", "include_raw": False}
_MAX_PARALLEL = 8


class Server:
    """One backup server. Takes its options, and returns a read result or the reason for the failure."""

    def __init__(self, options: Mapping[str, t.Any], where: str) -> None:
        """Validate the options. Raise OptionError if they are invalid."""
        if not isinstance(options, Mapping):
            raise OptionError(
                f"{where}: expected a mapping of options, found {_describe(options)}",
                hint="Use for example {product: spp, url: ...}",
            )
        given = dict(options)
        product = given.pop("product", None)
        if not isinstance(product, str) or product not in PRODUCTS:
            problem = "product is required" if product is None else f"{product!r} is not a valid product"
            hint = f"{suggest(product, PRODUCTS)} Valid values: {', '.join(PRODUCTS)}".lstrip()
            raise OptionError(f"{where}: {problem}", hint=hint)
        self._adapter = PRODUCTS[product]
        spec = argument_spec(self._adapter)
        for name in ("product", *_FIXED):
            spec.pop(name, None)
        self._secrets = {"password", *(name for name, option in spec.items() if option.get("no_log"))}
        # Options in _FIXED are not in the spec, so the validator rejects them as unknown.
        validated = ArgumentSpecValidator(spec).validate(given)
        if validated.error_messages:
            raise OptionError(f"{where} ({product}): {'; '.join(_error_messages(validated, spec))}")
        self.params: dict[str, t.Any] = {**validated.validated_parameters, **_FIXED}
        self.url: str | None = self.params[self._adapter.option_names["url"]]
        self.no_log_values: set[str] = set()
        self.warnings: list[str] = []

    def public_options(self) -> dict[str, t.Any]:
        """Return the product and its options without secrets, with the values of environment variables."""
        options = self.params
        # An option may be missing, because cached results are used without a password.
        with contextlib.suppress(OptionError):
            options = apply_environment(self.params, self._adapter, os.environ)
        shown = {name: value for name, value in options.items() if name not in self._secrets}
        return {**shown, "product": self._adapter.product}

    def warn(self, warning: str) -> None:
        """Record a warning about a limitation of the read result."""
        self.warnings.append(warning)

    def jsonify(self, data: t.Any) -> str:
        """Serialize the data as a module result would be."""
        return json.dumps(data)

    def result(self, report_progress: LineWriter | None = None) -> dict[str, t.Any]:
        """Return the result of the info module: a compressed read result or a failure."""
        try:
            return {**read(self, self._adapter, SignalHandler(), report_progress), "warnings": self.warnings}
        except AuditError as error:
            error.server = error.server or str(self.url or self._adapter.title)
            return {"failed": True, "msg": str(error), "failure": error.as_dict()}


def _describe(value: t.Any) -> str:
    """Return a value for an error message, or only its type if it may contain a password."""
    return repr(value) if isinstance(value, (int, float)) or value in tuple(PRODUCTS) else type(value).__name__


def _error_messages(validated: ValidationResult, supported: Collection[str]) -> Iterator[str]:
    for error in validated.errors:
        if isinstance(error, UnsupportedError):
            # Ansible's message lists the names, but does not say that they are unknown.
            names = sorted(map(str, validated.unsupported_parameters))
            parts = " ".join(f"{name}. {suggest(name, supported)}".rstrip() for name in names)
            yield f"unsupported options: {parts} Supported options: {', '.join(sorted(supported))}"
        else:
            yield error.msg


def read_servers(
    servers: Sequence[Mapping[str, t.Any]], report_progress: LineWriter | None = None
) -> list[dict[str, t.Any]]:
    """Read servers in parallel and return one result per server, in order; OptionError before any request."""
    ready = open_servers(servers)
    with concurrent.futures.ThreadPoolExecutor(_MAX_PARALLEL, thread_name_prefix="server") as pool:
        return list(pool.map(lambda server: server.result(report_progress), ready))


def open_servers(servers: Sequence[Mapping[str, t.Any]]) -> list[Server]:
    """Validate the options of all servers. Raise OptionError if any are invalid or if two servers are the same."""
    if not client.HAS_REQUESTS:
        raise OptionError(
            "the Python package 'requests' is not installed", hint="Install it on the machine that runs Ansible"
        )
    if not isinstance(servers, (list, tuple)):
        raise OptionError(
            f"servers: expected a list, found {_describe(servers)}", hint="Use for example [{product: spp, url: ...}]"
        )
    ready = [Server(options, f"servers[{number}]") for number, options in enumerate(servers)]
    urls = [server.url for server in ready if server.url]
    for url in urls:
        if urls.count(url) > 1:
            raise OptionError(
                f"servers: {url} is listed more than once", hint="Remove the duplicate, or its workloads count twice"
            )
    return ready
