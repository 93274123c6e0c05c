# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Action plugin compliance_history: builds the record on the control node, and runs the module on the host."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleActionFail
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action.normal import ActionModule as NormalAction

from ansible_collections.backup.audit.plugins.module_utils._core.errors import AuditError
from ansible_collections.backup.audit.plugins.module_utils._history.record import pack_record
from ansible_collections.backup.audit.plugins.module_utils._module.history_module import ARGUMENT_SPEC
from ansible_collections.backup.audit.plugins.plugin_utils._evidence.history_record import build_record
from ansible_collections.backup.audit.plugins.plugin_utils._parameters import unsupported_parameters


class ActionModule(NormalAction):
    """Passes the module a record with a few bytes per workload instead of the assessment."""

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Run the module and return its result."""
        given = self._task.args
        if unsupported := unsupported_parameters("compliance_history", given, ARGUMENT_SPEC):
            raise AnsibleActionFail(unsupported)
        if given.get("assessment") is not None:
            try:
                limited = boolean(given.get("limited", False), strict=False)
                record = build_record(given["assessment"], limited=limited)
            except AuditError as error:
                raise AnsibleActionFail(f"compliance_history: {error}") from error
            self._task.args = {**given, "assessment": pack_record(record)}
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        # The invocation contains the record.
        result.pop("invocation", None)
        return result
