# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filter to_html_report."""

from __future__ import annotations

import typing as t
from collections.abc import Callable

from ansible_collections.backup.audit.plugins.plugin_utils._evidence import html_page
from ansible_collections.backup.audit.plugins.plugin_utils._evidence.render import render
from ansible_collections.backup.audit.plugins.plugin_utils._evidence.trend import open_trend


def to_html_report(
    assessment: t.Any,
    title: str = "Backup compliance report",
    policy_name: str = "",
    run_by: str = "",
    history: t.Any = None,
) -> str:
    """Render an assessment (compressed or plain) as one self-contained HTML page."""
    texts = {"title": title, "policy_name": policy_name, "run_by": run_by}
    return render(
        "to_html_report",
        assessment,
        lambda opened: html_page.to_html_report(opened, **texts, trend=open_trend(history)),
    )


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Callable[..., t.Any]]:
        """Return the filters of this file."""
        return {"to_html_report": to_html_report}
