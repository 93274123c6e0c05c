# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filter to_junit."""

from __future__ import annotations

import typing as t
from collections.abc import Callable

from ansible_collections.backup.audit.plugins.plugin_utils._evidence import junit
from ansible_collections.backup.audit.plugins.plugin_utils._evidence.render import render


def to_junit(assessment: t.Any) -> str:
    """Render an assessment (compressed or plain) as JUnit XML."""
    return render("to_junit", assessment, junit.to_junit)


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Callable[..., t.Any]]:
        """Return the filters of this file."""
        return {"to_junit": to_junit}
