# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Base class of adapters that use a REST API: login and request allowlist."""

from __future__ import annotations

import dataclasses
import typing as t
from collections.abc import Mapping
from concurrent.futures import Future
from urllib.parse import urlsplit

from ansible_collections.backup.audit.plugins.module_utils._adapters.base import Adapter
from ansible_collections.backup.audit.plugins.module_utils._collect.collector import Collector
from ansible_collections.backup.audit.plugins.module_utils._transport.allowlist import AllowedRequest
from ansible_collections.backup.audit.plugins.module_utils._transport.auth import Login
from ansible_collections.backup.audit.plugins.module_utils._transport.client import Client
from ansible_collections.backup.audit.plugins.module_utils._transport.thread_pool import ThreadPool


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """The validated options, with defaults applied."""

    username: str
    password: str = dataclasses.field(repr=False)
    page_size: int
    detail: str
    workload_types: tuple[str, ...]
    include_unprotected: bool
    include_raw: bool
    # The options that are specific to this product's module, by name.
    own: Mapping[str, t.Any]


@dataclasses.dataclass(frozen=True, kw_only=True)
class ServerInfo:
    """Version and identity of a server."""

    version: str | None = None
    # The product's own id of the installation, as received: ``Collector.set_identity`` checks it.
    identity: t.Any = None


class RestAdapter(Adapter):
    """Adapter for one REST API. ``collect`` and ``close`` are called once each, in this order."""

    # The value of the option product, for modules that support several products.
    choice: t.ClassVar[str] = ""
    default_port: t.ClassVar[int] = 443
    default_page_size: t.ClassVar[int] = 500
    # This product's names for the options url, username and password. The shared names remain valid as aliases, so that
    # playbooks can use the same variables for all products.
    option_names: t.ClassVar[Mapping[str, str]] = {"url": "url", "username": "username", "password": "password"}
    # Environment variables of options that are not named PREFIX_OPTION. The first one that is set is used.
    variables: t.ClassVar[Mapping[str, tuple[str, ...]]] = {}
    # Variables that are ignored if another option is set: parts of different credentials must not be combined.
    variables_unless: t.ClassVar[Mapping[str, tuple[str, ...]]] = {}
    # Which of url, username and password must be set. ``complete`` sets the others.
    required: t.ClassVar[tuple[str, ...]] = ("url", "username", "password")
    allowlist: t.ClassVar[tuple[AllowedRequest, ...]]
    # Valid values of the option detail.
    details: t.ClassVar[tuple[str, ...]] = ("workloads", "recovery_points")

    def __init__(self, client: Client, settings: Settings, thread_pool: ThreadPool) -> None:
        self.client = client
        self.settings = settings
        self.thread_pool = thread_pool
        self._login: Login | None = None
        self._server_info: Future[ServerInfo]

    @classmethod
    def own_spec(cls) -> dict[str, t.Any]:
        """Return the part of the argument spec that is specific to this product."""
        return {}

    @classmethod
    def complete(cls, params: dict[str, t.Any]) -> None:
        """Fill in missing options, such as the URL of a cloud service. Raise OptionError if that is not possible."""
        # Most products have no such parameters.
        return

    @classmethod
    def server_name(cls, url: str, params: Mapping[str, t.Any]) -> str:
        """Return the name of the server in rows, findings and errors: host name, and port if it is not the default."""
        parts = urlsplit(url)
        return str(parts.hostname if parts.port == cls.default_port else parts.netloc)

    @classmethod
    def check(cls, settings: Settings, workload_names: tuple[str, ...]) -> None:
        """Raise OptionError for options that this product does not support, before any request is sent."""
        # Most products support everything that their argument spec allows.
        return

    def log_in(self, login: Login) -> None:
        """Open the session; ``close`` ends it."""
        self._login = login
        login.open(self.client)

    def collect(self, collector: Collector) -> None:
        """Log in, read everything, and request version and identity of the server in parallel."""
        self.open(collector)
        if collector.skew_micros is None:
            collector.skew_micros = self.client.skew_micros
        collector.start()
        self._server_info = self.thread_pool.submit(self.server_info)
        self.read(collector)
        collector.version = self.known_version()
        collector.set_identity(self._server_info.result().identity)

    def server_info(self) -> ServerInfo:
        """Request version and identity; products without an identity override only ``version``."""
        return ServerInfo(version=self.version())

    def version(self) -> str | None:
        """Request the product's version. Return None if it does not report one."""
        return None

    def known_version(self) -> str | None:
        """Return the requested version, for products whose responses depend on the version."""
        return self._server_info.result().version

    def close(self) -> None:
        """Log out, if there is a session."""
        if self._login is not None:
            self._login.close(self.client)
