# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filter restore_sample."""

from __future__ import annotations

import typing as t
from collections.abc import Callable

from ansible_collections.backup.audit.plugins.plugin_utils._evidence.render import plain_data
from ansible_collections.backup.audit.plugins.plugin_utils._restore_sample import select_workloads


def restore_sample(
    read: t.Any, workload_names: list[str] | None = None, count: int = 1, seed: str = "", date: str = ""
) -> list[dict[str, t.Any]]:
    """Select the workloads of a read result to restore, each with its newest point."""
    selected: list[dict[str, t.Any]] = plain_data(
        "restore_sample",
        lambda: select_workloads(
            read, workload_names=workload_names or [], count=int(count), seed=str(seed), date=str(date)
        ),
    )
    return selected


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Callable[..., t.Any]]:
        """Return the filters of this file."""
        return {"restore_sample": restore_sample}
