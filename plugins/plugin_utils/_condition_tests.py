# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Compliance of read results as a boolean, for the test plugins: the same evaluation as the assertion, no evidence."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping

from ansible.errors import AnsibleFilterError

from ansible_collections.backup.audit.plugins.module_utils._core.errors import AuditError
from ansible_collections.backup.audit.plugins.plugin_utils._evaluate import evaluate_now, opened_results


def is_compliant(name: str, read_results: t.Any, policy: Mapping[str, t.Any], expected: t.Any = None) -> bool:
    """Whether ``results`` (registered results, lists, files) comply with ``policy`` now; unknown counts as False.

    Raises AnsibleFilterError if that cannot be evaluated: a failed read, or a limit that is not a valid duration.
    """
    try:
        names = [expected] if isinstance(expected, str) else expected
        return evaluate_now(opened_results(read_results), policy, {"expected": names}).compliant
    except AuditError as error:
        raise AnsibleFilterError(f"{name}: {error}") from error
