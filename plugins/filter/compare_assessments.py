# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filter compare_assessments."""

from __future__ import annotations

import typing as t
from collections.abc import Callable

from ansible_collections.backup.audit.plugins.plugin_utils._evidence.compare import compare
from ansible_collections.backup.audit.plugins.plugin_utils._evidence.render import plain_data
from ansible_collections.backup.audit.plugins.plugin_utils._evidence.report_model import load


def compare_assessments(assessment: t.Any, before: t.Any) -> dict[str, t.Any]:
    """Compare this assessment with an earlier one (``before``); both may be compressed or plain."""
    comparison: dict[str, t.Any] = plain_data(
        "compare_assessments", lambda: compare(load(before, where="before"), load(assessment))
    )
    return comparison


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Callable[..., t.Any]]:
        """Return the filters of this file."""
        return {"compare_assessments": compare_assessments}
