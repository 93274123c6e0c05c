# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filter to_csv."""

from __future__ import annotations

import typing as t
from collections.abc import Callable

from ansible_collections.backup.audit.plugins.plugin_utils._evidence import csv_file
from ansible_collections.backup.audit.plugins.plugin_utils._evidence.render import render


def to_csv(assessment: t.Any) -> str:
    """Render an assessment (compressed or plain) as CSV."""
    return render("to_csv", assessment, csv_file.to_csv)


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Callable[..., t.Any]]:
        """Return the filters of this file."""
        return {"to_csv": to_csv}
