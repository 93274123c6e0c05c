# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filter to_oscal."""

from __future__ import annotations

import typing as t
from collections.abc import Callable

from ansible_collections.backup.audit.plugins.plugin_utils._evidence import oscal
from ansible_collections.backup.audit.plugins.plugin_utils._evidence.render import render


def to_oscal(assessment: t.Any) -> str:
    """Render an assessment (compressed or plain) as OSCAL assessment-results."""
    return render("to_oscal", assessment, oscal.to_oscal)


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Callable[..., t.Any]]:
        """Return the filters of this file."""
        return {"to_oscal": to_oscal}
