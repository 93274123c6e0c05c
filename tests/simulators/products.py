# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which products are simulated: each folder here that has an ``api.py``, in which the simulated API is a class."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path
from types import GenericAlias

from tests.simulators.product_api import Dialect


def _found() -> Iterator[type[Dialect]]:
    for path in sorted(Path(__file__).parent.glob("*/api.py")):
        for value in vars(importlib.import_module(f"tests.simulators.{path.parent.name}.api")).values():
            if isinstance(value, GenericAlias):
                continue  # dict[str, int]: by Python 3.10 a type, and yet no class
            if isinstance(value, type) and issubclass(value, Dialect) and not inspect.isabstract(value):
                yield value


DIALECTS: dict[str, type[Dialect]] = {dialect.product: dialect for dialect in _found()}
