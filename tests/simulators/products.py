# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulated products: each folder here that has an ``api.py`` with the class of the simulated API."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path
from types import GenericAlias

from tests.simulators.product_api import ProductApi


def _find_product_apis() -> Iterator[type[ProductApi]]:
    for path in sorted(Path(__file__).parent.glob("*/api.py")):
        for value in vars(importlib.import_module(f"tests.simulators.{path.parent.name}.api")).values():
            if isinstance(value, GenericAlias):
                continue  # dict[str, int]: a type in Python 3.10, but not a class
            if isinstance(value, type) and issubclass(value, ProductApi) and not inspect.isabstract(value):
                yield value


PRODUCT_APIS: dict[str, type[ProductApi]] = {api.product: api for api in _find_product_apis()}
