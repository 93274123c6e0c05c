# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Simulators for the tests of this folder: started once, put back before each test."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.simulators import running
from tests.unit.simulators.client import AzureTalk, SppTalk
from tests.unit.simulators.veeam_backup_replication.client import VbrTalk
from tests.unit.simulators.veeam_enterprise_manager.client import EmTalk

# Inside a day and a week as any other; what depends on the date is tested over many dates in test_estate.
NOW = "2026-03-10T12:00:00Z"


@pytest.fixture(scope="session")
def ready() -> Iterator[dict[str, Any]]:
    with running(now=NOW) as document:
        yield document


@pytest.fixture
def spp(ready: dict[str, Any]) -> SppTalk:
    talk = SppTalk(ready)
    talk.control("reset", {})
    talk.log_in()
    return talk


@pytest.fixture
def azure(ready: dict[str, Any]) -> AzureTalk:
    talk = AzureTalk(ready)
    talk.control("reset", {})
    talk.log_in()
    return talk


@pytest.fixture
def vbr(ready: dict[str, Any]) -> VbrTalk:
    talk = VbrTalk(ready)
    talk.control("reset", {})
    talk.log_in()
    return talk


@pytest.fixture
def em(ready: dict[str, Any]) -> EmTalk:
    talk = EmTalk(ready)
    talk.control("reset", {})
    talk.log_on()
    return talk
