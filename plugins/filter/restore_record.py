# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filter restore_record."""

from __future__ import annotations

import typing as t
from collections.abc import Callable

from ansible.errors import AnsibleFilterError

from ansible_collections.backup.audit.plugins.module_utils._core.errors import AuditError
from ansible_collections.backup.audit.plugins.module_utils._policy.restore_tests import seal_record


def restore_record(tests: list[dict[str, t.Any]], earlier: t.Any = None) -> dict[str, t.Any]:
    """Build the sealed record of these restore tests and the earlier tests of other workloads."""
    try:
        return seal_record(tests, earlier or None)
    except AuditError as error:
        raise AnsibleFilterError(f"backup.audit.restore_record: {error}") from error


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Callable[..., t.Any]]:
        """Return the filters of this file."""
        return {"restore_record": restore_record}
