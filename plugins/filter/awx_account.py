# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filter awx_account."""

from __future__ import annotations

from collections.abc import Callable

import yaml
from ansible.errors import AnsibleFilterError

_KEYS = ("username", "password")
_WHERE = "AWX credential of the type 'Backup audit: accounts'"
_EXPECTED = "Use one line for each host: HOST: {username: NAME, password: PASSWORD}"


def awx_account(content: str, host: str) -> dict[str, str]:
    """Return the account of the host, or nothing if the credential does not list it.

    Errors contain no values and no other parts of the content, because any of them may be a password.
    """
    try:
        accounts = yaml.safe_load(content)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
        # Without the cause, which contains the line.
        raise AnsibleFilterError(f"{_WHERE}: the accounts are not valid YAML{place}. {_EXPECTED}.") from None
    if accounts is None:
        return {}
    if not isinstance(accounts, dict):
        raise AnsibleFilterError(
            f"{_WHERE}: expected a mapping of hosts, found {type(accounts).__name__}. {_EXPECTED}."
        )
    if host not in accounts:
        return {}
    account = accounts[host]
    where = f"{_WHERE}, host {host}"
    if not isinstance(account, dict):
        raise AnsibleFilterError(f"{where}: expected a mapping, found {type(account).__name__}. {_EXPECTED}.")
    if set(account) != set(_KEYS):
        raise AnsibleFilterError(f"{where}: expected exactly the keys username and password. {_EXPECTED}.")
    for key in _KEYS:
        if not isinstance(account[key], str) or not account[key]:
            found = "empty text" if account[key] == "" else type(account[key]).__name__
            raise AnsibleFilterError(f"{where}: {key} must be text, found {found}. Put the value in quotes.")
    return {key: account[key] for key in _KEYS}


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Callable[..., dict[str, str]]]:
        """Return the filters of this file."""
        return {"awx_account": awx_account}
