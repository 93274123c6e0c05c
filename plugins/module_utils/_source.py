# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every product's adapter is: a way in, a list of permitted reads, and what the product cannot tell."""

from __future__ import annotations

import abc
import dataclasses
import typing as t
from collections.abc import Mapping

from ansible_collections.backup.audit.plugins.module_utils._http import Client
from ansible_collections.backup.audit.plugins.module_utils._paging import Workers
from ansible_collections.backup.audit.plugins.module_utils._reading import Reading
from ansible_collections.backup.audit.plugins.module_utils._wall import Permit


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


# (workload_type or *, versions or *) -> {field: (how, reason)}. How: "cannot"; "sometimes", for some points only and
# exact where it is told; "estimated". A field that only points of one kind lack is written kind:field, and * stands for
# a type that is not listed at all. Versions are one, FIRST-LAST or FIRST..LAST.
CannotTell = Mapping[tuple[str, str], Mapping[str, tuple[str, str]]]


class Source(abc.ABC):
    """One product's dialect. ``open``, ``read`` and ``close`` are called once each, in this order."""

    product: t.ClassVar[str]
    title: t.ClassVar[str]
    # The value of the option product, for modules that read several.
    choice: t.ClassVar[str] = ""
    default_port: t.ClassVar[int] = 443
    default_page_size: t.ClassVar[int] = 500
    # Prefixes of the environment variables that stand in for options, first match wins.
    environment: t.ClassVar[tuple[str, ...]]
    workload_types: t.ClassVar[tuple[str, ...]]
    permits: t.ClassVar[tuple[Permit, ...]]
    cannot_tell: t.ClassVar[CannotTell]

    def __init__(self, client: Client, settings: Settings, workers: Workers) -> None:
        self.client = client
        self.settings = settings
        self.workers = workers

    @classmethod
    def check(cls, settings: Settings, names: tuple[str, ...]) -> None:
        """Raise OptionError for options that this product cannot honour, before anything is sent."""
        # Most products can honour all that their argument spec allows.
        return

    @abc.abstractmethod
    def open(self, reading: Reading) -> None:
        """Log in and tell what server this is (version, clock)."""

    @abc.abstractmethod
    def read(self, reading: Reading) -> None:
        """Tell every workload and every recovery point, and what could not be read."""

    @abc.abstractmethod
    def close(self) -> None:
        """Give the session back."""
