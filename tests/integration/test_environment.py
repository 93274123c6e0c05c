# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connections from the environment. AWX sets a variable for every field of a credential, including empty fields."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.backup.audit.plugins.module_utils._adapters.rest import RestAdapter
from tests.integration.conftest import Simulators
from tests.integration.products import ADAPTERS
from tests.integration.running_modules import MODULES, get_login, run_module

NAMES = ("URL", "USERNAME", "PASSWORD", "VALIDATE_CERTS", "CA_PATH")


@pytest.fixture
def empty_file(tmp_path: Path) -> str:
    """Create the file that AWX creates for an empty file field."""
    path = tmp_path / "empty.pem"
    path.touch()
    return str(path)


@pytest.mark.parametrize("product", list(MODULES))
def test_all_options_can_come_from_the_environment(simulators: Simulators, product: str, empty_file: str) -> None:
    """The last prefix is used if the variable of the previous one is empty. Empty options count as unset."""
    name, own = MODULES[product]
    login = get_login(simulators.ready, product)
    *before, last = ADAPTERS[product].environment
    environment = {f"{last}_{key.upper()}": value for key, value in login.items() if isinstance(value, str)}
    own = {**own, **{key: value for key, value in login.items() if not isinstance(value, str)}}
    for prefix in before:
        environment |= {**{f"{prefix}_{key}": "" for key in NAMES}, f"{prefix}_CA_PATH": empty_file}
    empty = {"url": "", "username": "", "password": "", "ca_path": empty_file, "proxy": ""}
    ended = run_module(name, {**own, **empty}, environment)
    assert not ended.failed, ended.message
    assert ended.result["totals"]["recovery_points"] > 100
    assert login["password"] not in ended.output


@pytest.mark.parametrize("product", list(MODULES))
def test_empty_variables_count_as_unset(simulators: Simulators, product: str, empty_file: str) -> None:
    """Options keep their values, the certificate is checked, and missing options are reported as missing."""
    name, own = MODULES[product]
    login = get_login(simulators.ready, product)
    environment = {f"{prefix}_{key}": "" for prefix in ADAPTERS[product].environment for key in NAMES}
    environment |= {f"{prefix}_CA_PATH": empty_file for prefix in ADAPTERS[product].environment}
    given = run_module(name, {**own, **login}, environment)
    assert not given.failed, given.message
    unchecked = run_module(name, {**own, **login, "ca_path": empty_file}, environment)
    assert unchecked.result["failure"]["code"] == "certificate_error"
    missing = run_module(name, own, environment)
    adapter = ADAPTERS[product]
    assert issubclass(adapter, RestAdapter)
    required = adapter.required or ("username", "password")
    names = ", ".join(adapter.option_names[shared] for shared in required)
    assert f"missing required arguments: {names}" in missing.message
    assert f"{adapter.environment[0]}_{required[0].upper()}" in missing.message
