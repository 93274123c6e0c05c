# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Proxmox Backup Server: check whether the account's permissions prove that listings are complete.

The server does not reject a listing for an account with too few rights. It silently omits what the account cannot see.
"""

from __future__ import annotations

import typing as t
from collections.abc import Mapping

from ansible_collections.backup.audit.plugins.module_utils._core.errors import ForbiddenError
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import as_bool, as_object

ROOT = "/datastore"
# With Datastore.Backup alone, an account sees only its own groups.
_AUDIT = "Datastore.Audit"


class Rights:
    """Permissions by path: privilege -> whether lower paths inherit it. A lower entry replaces the inherited ones."""

    def __init__(self, permissions: Mapping[str, t.Any]) -> None:
        self._permissions = {path: as_object(rights) for path, rights in permissions.items()}

    def add(self, path: str, rights: t.Any) -> None:
        """Add the permissions at a path without an entry of its own."""
        self._permissions[path] = as_object(rights)

    def find_gap(self, path: str) -> ForbiddenError | None:
        """Return why listings at and below ``path`` may silently omit items, or None if they are proven complete."""
        below = [each for each in sorted(self._permissions) if each.startswith(f"{path}/")]
        gaps = [each for each in (path, *below) if not self._is_audited(each)]
        if not gaps:
            return None
        visible = [each.removeprefix(f"{ROOT}/") for each in below if self._is_audited(each)]
        limit = f', or set "datastores" to the part that it can see ({", ".join(visible)})' if visible else ""
        return ForbiddenError(
            f"the account does not have {_AUDIT} with propagation at {', '.join(gaps)}, so the server silently omits "
            "snapshots that it must not see",
            hint=f'Grant the role DatastoreAudit with "Propagate" at {path}, for an API token to both the user and the '
            f"token{limit}",
        )

    def _is_audited(self, path: str) -> bool:
        return as_bool(self._permissions.get(path, {}).get(_AUDIT)) is True
