# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filter to_openmetrics."""

from __future__ import annotations

import typing as t
from collections.abc import Callable

from ansible_collections.backup.audit.plugins.plugin_utils._evidence import openmetrics
from ansible_collections.backup.audit.plugins.plugin_utils._evidence.render import render
from ansible_collections.backup.audit.plugins.plugin_utils._evidence.trend import open_trend


def to_openmetrics(assessment: t.Any, workloads: bool = True, history: t.Any = None) -> str:
    """Render an assessment (compressed or plain) as metrics for node_exporter's textfile collector."""
    return render(
        "to_openmetrics",
        assessment,
        lambda opened: openmetrics.to_openmetrics(opened, workloads=workloads, trend=open_trend(history)),
    )


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Callable[..., t.Any]]:
        """Return the filters of this file."""
        return {"to_openmetrics": to_openmetrics}
