# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filter to_assessment."""

from __future__ import annotations

import typing as t
from collections.abc import Callable

from ansible_collections.backup.audit.plugins.module_utils._policy.assessment import open_assessment
from ansible_collections.backup.audit.plugins.plugin_utils._evidence.render import plain_data


def to_assessment(assessment: t.Any) -> dict[str, t.Any]:
    """Return an assessment (compressed or plain) with its workloads and findings as dicts."""
    opened: dict[str, t.Any] = plain_data("to_assessment", lambda: open_assessment(assessment))
    return opened


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Callable[..., t.Any]]:
        """Return the filters of this file."""
        return {"to_assessment": to_assessment}
