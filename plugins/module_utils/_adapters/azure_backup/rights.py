# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Azure: check whether the account's permissions prove that lists of vaults are complete.

The list of a subscription or resource group silently omits vaults that the account cannot see.
"""

from __future__ import annotations

import re
import typing as t
from collections.abc import Iterable, Mapping, Sequence

from ansible_collections.backup.audit.plugins.module_utils._core.errors import ForbiddenError
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import as_list

_NEEDED = ("Microsoft.RecoveryServices/vaults/read", "Microsoft.DataProtection/backupVaults/read")


def find_gap(permissions: Sequence[Mapping[str, t.Any]], scope: str, visible: Iterable[str]) -> ForbiddenError | None:
    """Return why the lists of vaults in ``scope`` may silently omit some, or None if they are proven complete."""
    missing = [action for action in _NEEDED if not any(_allows(one, action) for one in permissions)]
    if not missing:
        return None
    shown = ", ".join(sorted(visible)) or "none"
    return ForbiddenError(
        f"the account does not have the permission {' and '.join(missing)} for {scope}, so the server silently omits "
        "vaults that it must not see",
        hint=f'Assign the role "Reader" to the account for {scope}, or set "vaults" to the vaults to read. Visible '
        f"vaults: {shown}",
    )


def _allows(permission: Mapping[str, t.Any], action: str) -> bool:
    """Return whether one permission allows an action everywhere. A condition limits it to some resources."""
    if permission.get("condition"):
        return False
    excluded = permission.get("notActions", [])
    if not isinstance(excluded, list) or any(_matches(pattern, action) for pattern in excluded):
        return False
    return any(_matches(pattern, action) for pattern in as_list(permission.get("actions")))


def _matches(pattern: t.Any, action: str) -> bool:
    if not isinstance(pattern, str):
        return False
    expression = ".*".join(re.escape(part) for part in pattern.split("*"))
    return re.fullmatch(expression, action, re.IGNORECASE) is not None
