# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Simulators for the tests of this folder: started once, reset before each test."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.simulators import running
from tests.unit.simulators.client import AzureClient, SppClient
from tests.unit.simulators.veeam_backup_replication.client import VbrClient
from tests.unit.simulators.veeam_enterprise_manager.client import EmClient

# An ordinary time of the day and week; test_estate.py tests many dates.
NOW = "2026-03-10T12:00:00Z"


@pytest.fixture(scope="session")
def ready() -> Iterator[dict[str, Any]]:
    with running(now=NOW) as document:
        yield document


@pytest.fixture
def spp(ready: dict[str, Any]) -> SppClient:
    api_client = SppClient(ready)
    api_client.control("reset", {})
    api_client.log_in()
    return api_client


@pytest.fixture
def azure(ready: dict[str, Any]) -> AzureClient:
    api_client = AzureClient(ready)
    api_client.control("reset", {})
    api_client.log_in()
    return api_client


@pytest.fixture
def vbr(ready: dict[str, Any]) -> VbrClient:
    api_client = VbrClient(ready)
    api_client.control("reset", {})
    api_client.log_in()
    return api_client


@pytest.fixture
def em(ready: dict[str, Any]) -> EmClient:
    api_client = EmClient(ready)
    api_client.control("reset", {})
    api_client.log_on()
    return api_client
