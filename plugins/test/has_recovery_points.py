# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Test has_recovery_points."""

from __future__ import annotations

import typing as t
from collections.abc import Callable

from ansible_collections.backup.audit.plugins.plugin_utils._condition_tests import is_compliant


def has_recovery_points(read_results: t.Any, min_count: int = 1, expected: t.Any = None) -> bool:
    """Return whether all workloads, including all expected ones, have at least ``min_count`` recovery points."""
    return is_compliant(
        "backup.audit.has_recovery_points", read_results, {"recovery_points": {"min_count": min_count}}, expected
    )


class TestModule:
    """Ansible's entry point."""

    def tests(self) -> dict[str, Callable[..., bool]]:
        """Return the tests of this file."""
        return {"has_recovery_points": has_recovery_points}
