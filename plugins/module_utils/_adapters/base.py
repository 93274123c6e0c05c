# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every adapter is, whichever way its product is read: who it is, what it tells, and what it cannot tell."""

from __future__ import annotations

import abc
import typing as t
from collections.abc import Mapping

from ansible_collections.backup.audit.plugins.module_utils._collect.collector import Collector

# (workload_type or *, versions or *) -> {field: (how, reason)}. How: "cannot"; "sometimes", for some points only and
# exact where it is told; "estimated". A field that only points of one kind lack is written kind:field, and * stands for
# a type that is not listed at all. Versions are one, FIRST-LAST or FIRST..LAST.
NotReported = Mapping[tuple[str, str], Mapping[str, tuple[str, str]]]


class Adapter(abc.ABC):
    """One product's dialect. ``open`` and ``read`` are called once each, in this order."""

    product: t.ClassVar[str]
    title: t.ClassVar[str]
    # Prefixes of the environment variables that stand in for options, first match wins.
    environment: t.ClassVar[tuple[str, ...]]
    workload_types: t.ClassVar[tuple[str, ...]]
    not_reported: t.ClassVar[NotReported]

    @abc.abstractmethod
    def open(self, collector: Collector) -> None:
        """Find the way in, and tell what is known of the server before anything is read, such as its clock."""

    @abc.abstractmethod
    def read(self, collector: Collector) -> None:
        """Tell every workload and every recovery point, and what could not be read."""
