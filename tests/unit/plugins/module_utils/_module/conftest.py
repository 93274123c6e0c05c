# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures for tests of info modules: the server that they read."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.plugins.module_utils._module.running_module import Appliance


@pytest.fixture
def appliance() -> Appliance:
    return Appliance()


@pytest.fixture
def server(serve: Any, appliance: Appliance) -> Any:
    return serve(appliance)
