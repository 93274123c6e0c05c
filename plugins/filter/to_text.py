# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filter to_text."""

from __future__ import annotations

import typing as t
from collections.abc import Callable

from ansible_collections.backup.audit.plugins.module_utils._policy.assessment import open_assessment
from ansible_collections.backup.audit.plugins.plugin_utils._evidence.render import render
from ansible_collections.backup.audit.plugins.plugin_utils._evidence.text_table import format_table


def to_text(assessment: t.Any, max_rows: int = 50) -> str:
    """Render an assessment (compressed or plain) as a table for a terminal."""
    # Without the sanitization of all texts, which takes longer than the table. The table sanitizes those it contains.
    return render("to_text", assessment, lambda opened: format_table(opened, max_rows), read=open_assessment)


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Callable[..., t.Any]]:
        """Return the filters of this file."""
        return {"to_text": to_text}
