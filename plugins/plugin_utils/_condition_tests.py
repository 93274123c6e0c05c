# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Evaluate read results to a boolean for the test plugins, like the assertion but without evidence."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping

from ansible.errors import AnsibleFilterError

from ansible_collections.backup.audit.plugins.module_utils._core.errors import AuditError
from ansible_collections.backup.audit.plugins.plugin_utils._evaluate import evaluate_now, opened_results


def is_compliant(name: str, read_results: t.Any, policy: Mapping[str, t.Any], expected: t.Any = None) -> bool:
    """Return whether read results (registered results, lists, files) comply with ``policy`` now.

    Unknown counts as False. Raise AnsibleFilterError for a failed read, or an invalid duration.
    """
    try:
        names = [expected] if isinstance(expected, str) else expected
        return evaluate_now(opened_results(read_results), policy, {"expected": names}).compliant
    except AuditError as error:
        raise AnsibleFilterError(f"{name}: {error}") from error
