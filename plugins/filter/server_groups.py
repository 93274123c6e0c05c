# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filter server_groups."""

from __future__ import annotations

import re
import typing as t
from collections import Counter
from collections.abc import Callable, Iterable, Mapping

# A local path is a different repository on each host.
_REMOTE = re.compile(r"[^/]+:")


def server_groups(
    hosts: Iterable[str],
    hostvars: Mapping[str, Mapping[str, t.Any]],
    services: Iterable[str],
    shared: Iterable[str] = (),
) -> dict[str, dict[str, t.Any]]:
    """Return for each host ``first`` (the first host with the same account), ``duplicate`` and ``different``.

    ``duplicate`` is a variable with the same value as on another host, ``different`` the first of the ``shared``
    variables with another value than on the first host; both may be "". A variable that cannot be evaluated is
    considered different from all others: its host fails later with the reason.
    """
    names = sorted(shared)
    values = {host: _Variables(hostvars, host, names) for host in hosts}
    urls = Counter(variables.url for variables in values.values() if variables.product not in services)
    repositories = Counter(variables.repository for variables in values.values())

    def find_duplicate(variables: _Variables) -> str:
        if variables.product not in services and variables.url and urls[variables.url] > 1:
            return "backup_url"
        is_remote = _REMOTE.match(variables.repository)
        return "backup_repository" if is_remote and repositories[variables.repository] > 1 else ""

    leading = next(iter(values.values()), None)
    duplicates = {host: find_duplicate(variables) for host, variables in values.items()}
    different = {host: variables.find_difference(leading) for host, variables in values.items()}

    def is_rejected(host: str) -> bool:
        has_no_server = not values[host].url and values[host].product not in services
        return has_no_server or bool(duplicates[host] or different[host])

    first: dict[tuple[str, str], str] = {}
    # A host that is rejected before its server is read does not show whether the account is valid.
    for host in sorted(values, key=is_rejected):
        first.setdefault(values[host].account, host)
    return {
        host: {"first": first[variables.account], "duplicate": duplicates[host], "different": different[host]}
        for host, variables in values.items()
    }


class _Variables:
    """Variables of one host that are compared with those of other hosts."""

    def __init__(self, hostvars: Mapping[str, Mapping[str, t.Any]], host: str, shared: Iterable[str]) -> None:
        values = hostvars[host]

        def get(name: str, unknown: str) -> str:
            try:
                value = values.get(name)
                # A marker of an undefined value is not a string. Before ansible-core 2.19, neither is an encrypted
                # value, until it is converted.
                return str(value) if isinstance(value, str) or hasattr(value, "__ENCRYPTED__") else ""
            except Exception:  # noqa: BLE001 - before ansible-core 2.19, errors of filters are those of Python
                return unknown

        self.product = get("backup_product", "")
        self.account = (self.product, get("backup_username", f"unknown account of {host}"))
        self.url = get("backup_url", "")
        self.repository = get("backup_repository", "")
        self._shared = {name: _evaluate(values, name) for name in shared}

    def find_difference(self, leading: _Variables | None) -> str:
        """Return the first shared variable with another value than on the ``leading`` host, or ""."""
        if leading is None or leading is self:
            return ""
        return next((name for name in self._shared if _differ(self._shared[name], leading._shared[name])), "")


def _evaluate(values: Mapping[str, t.Any], name: str) -> t.Any:
    try:
        return values.get(name)
    except Exception:  # noqa: BLE001 - as above
        # Different from the values of all other hosts.
        return object()


def _differ(one: t.Any, other: t.Any) -> bool:
    try:
        return bool(one != other)
    except Exception:  # noqa: BLE001 - since ansible-core 2.19, a nested value is evaluated by the comparison
        return True


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Callable[..., dict[str, dict[str, t.Any]]]]:
        """Return the filters of this file."""
        return {"server_groups": server_groups}
