# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads backup servers from the control node without a module, for plugins that need READs on their own.

The options of a server are those of its info module, checked by the same argument spec, and the same environment
variables stand in for them.
"""

from __future__ import annotations

import concurrent.futures
import json
import typing as t
from collections.abc import Iterator, Mapping, Sequence

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator, ValidationResult
from ansible.module_utils.errors import UnsupportedError

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
from ansible_collections.backup.audit.plugins.module_utils._core.signals import SignalHandler
from ansible_collections.backup.audit.plugins.module_utils._module.connection_options import argument_spec
from ansible_collections.backup.audit.plugins.module_utils._module.progress import Say
from ansible_collections.backup.audit.plugins.module_utils._module.rest_module import read
from ansible_collections.backup.audit.plugins.module_utils._transport import client

_SOURCES: tuple[type[RestAdapter], ...] = (
    SpectrumProtectPlus,
    Unitrends,
    VeeamAws,
    VeeamAzure,
    VeeamBackupReplication,
    VeeamEnterpriseManager,
    VProtect,
)
PRODUCTS = {source.product: source for source in _SOURCES}
# What these plugins decide themselves.
_FIXED = {"pack": True, "detail": "workloads", "include_raw": False}
_AT_ONCE = 8


class Server:
    """One backup server: options on the way in; a READ, or why there is none, on the way out."""

    def __init__(self, options: Mapping[str, t.Any], where: str) -> None:
        """OptionError if these options make no sense."""
        given = dict(options)
        product = given.pop("product", None)
        if product not in PRODUCTS:
            raise OptionError(f"{where}: product is {product!r}", advice=f"It is one of {', '.join(PRODUCTS)}")
        self._source = PRODUCTS[product]
        spec = argument_spec(self._source)
        for name in ("product", *_FIXED):
            spec.pop(name, None)
        # The validator would say that such a name is not supported, and show its value.
        checked = ArgumentSpecValidator(spec).validate(given)
        if checked.error_messages:
            raise OptionError(f"{where} ({product}): {'; '.join(_said(checked))}")
        self.params: dict[str, t.Any] = {**checked.validated_parameters, **_FIXED}
        self.no_log_values: set[str] = set()
        self.warnings: list[str] = []

    def warn(self, warning: str) -> None:
        """Keep what weakens the READ."""
        self.warnings.append(warning)

    def jsonify(self, data: t.Any) -> str:
        """As it would travel."""
        return json.dumps(data)

    def result(self, say: Say | None = None) -> dict[str, t.Any]:
        """What the info module would have returned: a packed READ, or a failure; ``say`` hears how far it is."""
        try:
            return {**read(self, self._source, SignalHandler(), say), "warnings": self.warnings}
        except AuditError as error:
            error.server = error.server or str(self.params["url"] or self._source.title)
            return {"failed": True, "msg": str(error), "failure": error.as_dict()}


def _said(checked: ValidationResult) -> Iterator[str]:
    for error in checked.errors:
        # It only begins with the names.
        yield f"unknown options {error.msg}" if isinstance(error, UnsupportedError) else error.msg


def read_servers(servers: Sequence[Mapping[str, t.Any]], say: Say | None = None) -> list[dict[str, t.Any]]:
    """One result for each server, in this order; several are read at once. OptionError before anything is sent."""
    if not client.HAS_REQUESTS:
        raise OptionError("the Python package requests is missing", advice="Install it where Ansible runs")
    ready = [Server(options, f"servers[{number}]") for number, options in enumerate(servers)]
    urls = [server.params["url"] for server in ready if server.params["url"]]
    for url in urls:
        if urls.count(url) > 1:
            raise OptionError(f"servers: {url} stands there twice, so its workloads would count twice")
    with concurrent.futures.ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="server") as pool:
        return list(pool.map(lambda server: server.result(say), ready))
