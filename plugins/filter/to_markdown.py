# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filter to_markdown."""

from __future__ import annotations

import typing as t
from collections.abc import Callable
from functools import partial

from ansible_collections.backup.audit.plugins.plugin_utils._evidence import markdown
from ansible_collections.backup.audit.plugins.plugin_utils._evidence.render import render


def to_markdown(assessment: t.Any, max_rows: int = 100) -> str:
    """Render an assessment (compressed or plain) as Markdown."""
    return render("to_markdown", assessment, partial(markdown.to_markdown, max_rows=max_rows))


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Callable[..., t.Any]]:
        """Return the filters of this file."""
        return {"to_markdown": to_markdown}
