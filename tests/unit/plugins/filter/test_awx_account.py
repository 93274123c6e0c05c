# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Accounts of an AWX credential: the host's own, and errors that name the credential but no value."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.backup.audit.plugins.filter.awx_account import FilterModule

awx_account = FilterModule().filters()["awx_account"]
GOOD = "spp-a: {username: one, password: 'p: 1'}\nspp-b:\n  username: two\n  password: \"0123\"\n"


@pytest.mark.parametrize(
    ("host", "account"),
    [
        ("spp-a", {"username": "one", "password": "p: 1"}),
        ("spp-b", {"username": "two", "password": "0123"}),
        ("spp-c", {}),
    ],
)
def test_each_host_gets_its_own_account(host: str, account: dict[str, str]) -> None:
    assert awx_account(GOOD, host) == account


@pytest.mark.parametrize("content", ["", "\n", "---\n", "{}"])
def test_an_empty_credential_has_no_accounts(content: str) -> None:
    assert awx_account(content, "spp-a") == {}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("spp-a: s3cret", "host spp-a: expected a mapping, found str. Use one line"),
        ("spp-a:", "host spp-a: expected a mapping, found NoneType"),
        ("spp-a: {username: one, password: s3cret", r"not valid YAML \(line 1, column 40\). Use one line"),
        ("spp-a: @s3cret", r"not valid YAML \(line 1, column 8\)"),
        ("s3cret", "expected a mapping of hosts, found str"),
        ("[s3cret]", "expected a mapping of hosts, found list"),
        ("spp-a: {username: one, s3cret}", "host spp-a: expected exactly the keys username and password"),
        ("spp-a: {username: one}", "host spp-a: expected exactly the keys username and password"),
        ("spp-a: {username: one, passwort: s3cret}", "host spp-a: expected exactly the keys username and password"),
        # 83 in YAML 1.1, and not the password.
        ("spp-a: {username: one, password: 0123}", "host spp-a: password must be text, found int. Put the value in"),
        ("spp-a: {username: one, password: ''}", "host spp-a: password must be text, found empty text"),
        ("spp-a: {username: true, password: s3cret}", "host spp-a: username must be text, found bool"),
    ],
)
def test_errors_name_the_credential_but_no_value(content: str, message: str) -> None:
    with pytest.raises(AnsibleFilterError, match=message) as raised:
        awx_account(content, "spp-a")
    assert "AWX credential of the type 'Backup audit: accounts'" in str(raised.value)
    assert "s3cret" not in str(raised.value)
    assert raised.value.__cause__ is None


def test_errors_of_other_hosts_do_not_matter() -> None:
    assert awx_account("spp-a: nonsense\nspp-b: {username: u, password: p}", "spp-b")["username"] == "u"
