# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Main function of compliance_history: adds a run to a history on the host, and returns the trend."""

from __future__ import annotations

import base64
import json
import typing as t
import zlib

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.backup.audit.plugins.module_utils._core.errors import AuditError, OptionError
from ansible_collections.backup.audit.plugins.module_utils._core.times import DAY, parse_duration
from ansible_collections.backup.audit.plugins.module_utils._history.record import unpack_record
from ansible_collections.backup.audit.plugins.module_utils._history.store import History
from ansible_collections.backup.audit.plugins.module_utils._history.trend import build_trend, parse_since

ARGUMENT_SPEC: dict[str, dict[str, t.Any]] = {
    "path": {"type": "path", "required": True},
    # The action plugin replaces the assessment with the record of the run.
    "assessment": {"type": "raw", "required": True},
    "limited": {"type": "bool", "default": False},
    "max_status_age": {"type": "str", "default": "26h"},
    "keep": {"type": "str", "default": "400d"},
    "since": {"type": "str", "default": "7d"},
}
_SHOWN = 20
_SHORTEST_KEEP = 366 * DAY


def run_history() -> None:
    """Main function of the module."""
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    try:
        result = _update(module)
    except AuditError as error:
        module.fail_json(msg=str(error), failure=error.as_dict())
    module.exit_json(**result)


def _update(module: AnsibleModule) -> dict[str, t.Any]:
    params, write = module.params, not module.check_mode
    keep = parse_duration(params["keep"], what="keep")
    if keep < _SHORTEST_KEEP:
        raise OptionError(f"keep: {params['keep']} is less than 366d", hint="Use 366d or more, to cover a year")
    if not parse_duration(params["max_status_age"], what="max_status_age"):
        raise OptionError(
            "max_status_age: must be more than 0s", hint="Use slightly more than the time between two runs"
        )
    parse_since(params["since"], 0)
    record = unpack_record(params["assessment"])
    history = History(params["path"])
    with history.locked(create=write):
        appended = history.append(record, keep, write=write)
        trend = build_trend(history, params["max_status_age"], params["since"])
    for one in trend["skipped"][:_SHOWN]:
        module.warn(f"{params['path']}/{one['file']} line {one['line']} was skipped: {one['reason']}")
    return {
        "changed": appended,
        "runs": trend["runs"],
        "skipped": trend["skipped"][:_SHOWN],
        "skipped_lines": len(trend["skipped"]),
        "changes": len(trend["changes"]["last"]["workloads"]) if trend["runs"] else 0,
        "trend": base64.b64encode(zlib.compress(json.dumps(trend, sort_keys=True).encode(), 6)).decode(),
    }
