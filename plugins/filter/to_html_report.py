# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filter to_html_report."""

from __future__ import annotations

import typing as t
from collections.abc import Callable
from functools import partial

from ansible_collections.backup.audit.plugins.plugin_utils._evidence import html_page
from ansible_collections.backup.audit.plugins.plugin_utils._evidence.render import render


def to_html_report(assessment: t.Any, title: str = "Backup compliance report") -> str:
    """Render an assessment (compressed or plain) as one self-contained HTML page."""
    return render("to_html_report", assessment, partial(html_page.to_html_report, title=title))


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Callable[..., t.Any]]:
        """Return the filters of this file."""
        return {"to_html_report": to_html_report}
