# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Test within_rpo."""

from __future__ import annotations

import typing as t
from collections.abc import Callable

from ansible_collections.backup.audit.plugins.plugin_utils._condition_tests import is_compliant


def within_rpo(read_results: t.Any, rpo: str, expected: t.Any = None) -> bool:
    """Return whether the newest recovery points of all workloads, including all expected ones, meet the RPO."""
    return is_compliant("backup.audit.within_rpo", read_results, {"recovery_points": {"max_age": rpo}}, expected)


class TestModule:
    """Ansible's entry point."""

    def tests(self) -> dict[str, Callable[..., bool]]:
        """Return the tests of this file."""
        return {"within_rpo": within_rpo}
