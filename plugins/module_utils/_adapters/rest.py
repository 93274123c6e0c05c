# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the adapter of a product is that is read over the network: a way in, and a list of permitted requests."""

from __future__ import annotations

import dataclasses
import typing as t
from collections.abc import Mapping
from concurrent.futures import Future

from ansible_collections.backup.audit.plugins.module_utils._adapters.base import Adapter
from ansible_collections.backup.audit.plugins.module_utils._collect.collector import Collector
from ansible_collections.backup.audit.plugins.module_utils._transport.allowlist import AllowedRequest
from ansible_collections.backup.audit.plugins.module_utils._transport.auth import Login
from ansible_collections.backup.audit.plugins.module_utils._transport.client import Client
from ansible_collections.backup.audit.plugins.module_utils._transport.thread_pool import ThreadPool


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """What the user asked for, checked and with defaults filled in."""

    username: str
    password: str = dataclasses.field(repr=False)
    page_size: int
    detail: str
    workload_types: tuple[str, ...]
    include_unprotected: bool
    include_raw: bool
    # The options that only this product's module has, by name.
    own: Mapping[str, t.Any]


class RestAdapter(Adapter):
    """One product's dialect. ``collect`` and ``close`` are called once each, in this order."""

    # The value of the option product, for modules that read several.
    choice: t.ClassVar[str] = ""
    default_port: t.ClassVar[int] = 443
    default_page_size: t.ClassVar[int] = 500
    allowlist: t.ClassVar[tuple[AllowedRequest, ...]]
    # What the option detail may be.
    details: t.ClassVar[tuple[str, ...]] = ("workloads", "recovery_points")

    def __init__(self, client: Client, settings: Settings, thread_pool: ThreadPool) -> None:
        self.client = client
        self.settings = settings
        self.thread_pool = thread_pool
        self._login: Login | None = None
        self._version: Future[str | None]

    @classmethod
    def own_spec(cls) -> dict[str, t.Any]:
        """The part of the argument spec that only this product has."""
        return {}

    @classmethod
    def check(cls, settings: Settings, names: tuple[str, ...]) -> None:
        """Raise OptionError for options that this product cannot honour, before anything is sent."""
        # Most products can honour all that their argument spec allows.
        return

    def log_in(self, login: Login) -> None:
        """Open the session that ``close`` gives back."""
        self._login = login
        login.open(self.client)

    def collect(self, collector: Collector) -> None:
        """All of it: the way in, then what there is to read, and the version beside it."""
        self.open(collector)
        if collector.skew_micros is None:
            collector.skew_micros = self.client.skew_micros
        collector.start()
        self._version = self.thread_pool.submit(self.version)
        self.read(collector)
        collector.version = self.known_version()

    def version(self) -> str | None:
        """Ask for the product's version; None where it does not tell."""
        return None

    def known_version(self) -> str | None:
        """What ``version`` was told, for products whose answers have to be read by it."""
        return self._version.result()

    def close(self) -> None:
        """Give the session back, if there is one."""
        if self._login is not None:
            self._login.close(self.client)
