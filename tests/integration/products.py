# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which products there are: the info modules say so by the adapters that they import."""

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
                continue  # dict[str, int]: by Python 3.10 a type, and yet no class
            if isinstance(value, type) and issubclass(value, Adapter):
                yield path.stem, value


# What is read over the network before what is read with a tool, each by its title.
_FOUND = sorted(_found(), key=lambda each: (not issubclass(each[1], RestAdapter), each[1].title.casefold()))
ADAPTERS: dict[str, type[Adapter]] = {adapter.product: adapter for _name, adapter in _FOUND}
# Which module, and which choice of its option product, reads what the simulators call by these names.
MODULES: dict[str, tuple[str, dict[str, Any]]] = {
    adapter.product: (name, {"product": adapter.choice} if adapter.choice else {})
    for name, adapter in _FOUND
    if issubclass(adapter, RestAdapter)
}
# How the variables begin that stand in for options.
PREFIXES = tuple(f"{prefix}_" for adapter in ADAPTERS.values() for prefix in adapter.environment)
