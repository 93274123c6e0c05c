# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Base class of all adapters: the product's name, what the adapter reads, and which fields it does not report."""

from __future__ import annotations

import abc
import typing as t
from collections.abc import Mapping

from ansible_collections.backup.audit.plugins.module_utils._collect.collector import Collector

# (workload_type or *, versions or *) -> {field: (how, reason)}. How: "cannot"; "sometimes": for some points only,
# "reported" by default; "inferred". A field that is missing for one kind of points only is written kind:field; * is for
# types that are not listed. Versions are one version, FIRST-LAST or FIRST..LAST.
NotReported = Mapping[tuple[str, str], Mapping[str, tuple[str, str]]]


class Adapter(abc.ABC):
    """Adapter for one product. ``open`` and ``read`` are called once each, in this order."""

    product: t.ClassVar[str]
    title: t.ClassVar[str]
    # Prefixes of the environment variables that are used as defaults of options; the first match is used.
    environment: t.ClassVar[tuple[str, ...]]
    workload_types: t.ClassVar[tuple[str, ...]]
    not_reported: t.ClassVar[NotReported]

    @classmethod
    def inventory_types(cls) -> list[str]:
        """Return the types of workloads for which the product can report whether they still exist."""
        cannot = {
            workload_type
            for (workload_type, versions), fields in cls.not_reported.items()
            if versions == "*" and fields.get("in_inventory", ("",))[0] == "cannot"
        }
        return [] if "*" in cannot else [name for name in cls.workload_types if name not in cannot]

    @abc.abstractmethod
    def open(self, collector: Collector) -> None:
        """Log in or check the tool's version, and record what is known before reading, such as the server's clock."""

    @abc.abstractmethod
    def read(self, collector: Collector) -> None:
        """Report every workload, every recovery point, and what could not be read."""
