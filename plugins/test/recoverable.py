# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Test recoverable."""

from __future__ import annotations

import typing as t
from collections.abc import Callable

from ansible_collections.backup.audit.plugins.plugin_utils._condition_tests import is_compliant


def recoverable(reads: t.Any, minimum: int = 1, expected: t.Any = None) -> bool:
    """Whether every workload that was read, and every expected one, has this many recovery points or more."""
    return is_compliant("backup.audit.recoverable", reads, {"recovery_points": {"minimum": minimum}}, expected)


class TestModule:
    """Ansible's entry point."""

    def tests(self) -> dict[str, Callable[..., bool]]:
        """Return the tests of this file."""
        return {"recoverable": recoverable}
