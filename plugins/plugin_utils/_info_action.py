# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Base action plugin of all info modules: runs the module unchanged, and shows its progress with -v.

It also reports a Python version that is too old to start the module.
"""

from __future__ import annotations

import typing as t

from ansible.plugins.action.normal import ActionModule as NormalAction
from ansible.utils.display import Display

from ansible_collections.backup.audit.plugins.module_utils._module.progress import VARIABLE
from ansible_collections.backup.audit.plugins.plugin_utils._progress import open_pipe
from ansible_collections.backup.audit.plugins.plugin_utils._sanitize import clean_text

# Error messages of Python 3.9, and of versions before 3.7, for the syntax used in this collection.
_TOO_OLD = ("unexpected keyword argument 'slots'", "unexpected keyword argument 'kw_only'", "feature annotations")


class InfoAction(NormalAction):  # type: ignore[misc]
    """Runs the module, and shows at most one progress line in ten seconds with -v. The result does not contain them."""

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Run the module and return its result."""
        display = Display()
        # Only modules on this machine can open the pipe, and asynchronous tasks do not show progress.
        is_local = self._connection.transport == "local" and not self._task.async_val
        if not is_local or not display.verbosity or self._task.no_log:
            return self._run_module(tmp, task_vars)
        host = str((task_vars or {}).get("inventory_hostname", "localhost"))
        with open_pipe(lambda line: display.v(clean_text(line), host=host)) as path:
            self._task.environment = [*(self._task.environment or []), {VARIABLE: path}]
            return self._run_module(tmp, task_vars)

    def _run_module(self, tmp: str | None, task_vars: dict[str, t.Any] | None) -> dict[str, t.Any]:
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        output = " ".join(str(result.get(name, "")) for name in ("msg", "module_stderr", "module_stdout", "exception"))
        if result.get("failed") and any(message in output for message in _TOO_OLD):
            result.pop("exception", None)
            result["msg"] = (
                "This module requires Python 3.10 or later on the host where it runs, but Ansible used an older "
                "version. Set ansible_python_interpreter to the path of Python 3.10 or later."
            )
        return result
