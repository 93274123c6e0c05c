# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The supported products, found through the adapters that the info modules import."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from types import GenericAlias
from typing import Any

from ansible_collections.backup.audit.plugins.module_utils._adapters.base import Adapter
from ansible_collections.backup.audit.plugins.module_utils._adapters.rest import RestAdapter
from tests.tools.project import ROOT

_MODULES = "ansible_collections.backup.audit.plugins.modules."


def _found() -> Iterator[tuple[str, type[Adapter]]]:
    for path in (ROOT / "plugins" / "modules").glob("*_info.py"):
        for value in vars(importlib.import_module(_MODULES + path.stem)).values():
            if isinstance(value, GenericAlias):
                continue  # dict[str, int]: a type in Python 3.10, but not a class
            if isinstance(value, type) and issubclass(value, Adapter):
                yield path.stem, value


# Products read over the network come before those read with a tool, each group by title.
_FOUND = sorted(_found(), key=lambda each: (not issubclass(each[1], RestAdapter), each[1].title.casefold()))
ADAPTERS: dict[str, type[Adapter]] = {adapter.product: adapter for _name, adapter in _FOUND}
# Simulator name of a product -> the module that reads it, and the value of the module's option product.
MODULES: dict[str, tuple[str, dict[str, Any]]] = {
    adapter.product: (name, {"product": adapter.choice} if adapter.choice else {})
    for name, adapter in _FOUND
    if issubclass(adapter, RestAdapter)
}
# Environment variables that replace options and do not have these prefixes.
VARIABLES = {
    variable
    for adapter in ADAPTERS.values()
    if issubclass(adapter, RestAdapter)
    for known in adapter.variables.values()
    for variable in known
}
# Prefixes of the environment variables that replace options.
PREFIXES = tuple(f"{prefix}_" for adapter in ADAPTERS.values() for prefix in adapter.environment)
