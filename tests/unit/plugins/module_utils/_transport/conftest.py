# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures for login tests: a server with sessions and a client for it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._transport import client as http_client
from ansible_collections.backup.audit.plugins.module_utils._transport.client import Client, Endpoint
from tests.unit.plugins.module_utils._transport.login_methods import ALLOWLIST, Appliance


@pytest.fixture
def no_backoff(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retry without waiting."""
    monkeypatch.setattr(http_client, "_backoff", lambda _attempt: 0.001)


@pytest.fixture
def appliance() -> Appliance:
    return Appliance()


@pytest.fixture
def server(serve: Any, appliance: Appliance) -> Any:
    return serve(appliance)


@pytest.fixture
def client(server: Any) -> Iterator[Client]:
    with contextlib.closing(
        Client(Endpoint(url=server.url, verify=server.ca_path, timeout=30, retries=1, connections=8), ALLOWLIST)
    ) as made:
        yield made
