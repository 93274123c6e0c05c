# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filter to_assessment."""

from __future__ import annotations

import typing as t
from collections.abc import Callable

from ansible.errors import AnsibleFilterError

from ansible_collections.backup.audit.plugins.module_utils._core.errors import AuditError
from ansible_collections.backup.audit.plugins.module_utils._policy.assessment import open_assessment


def to_assessment(assessment: t.Any) -> dict[str, t.Any]:
    """Return an assessment (compressed or plain) with its workloads and findings as dicts."""
    try:
        return open_assessment(assessment)
    except AuditError as error:
        raise AnsibleFilterError(f"backup.audit.to_assessment: {error}") from error


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Callable[..., t.Any]]:
        """Return the filters of this file."""
        return {"to_assessment": to_assessment}
