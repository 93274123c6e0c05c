# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filter to_json."""

from __future__ import annotations

import json
import typing as t
from collections.abc import Callable

from ansible_collections.backup.audit.plugins.module_utils._policy.assessment import open_assessment
from ansible_collections.backup.audit.plugins.plugin_utils._evidence.render import render


def to_json(assessment: t.Any) -> str:
    """Render an assessment (compressed or plain) as JSON, with one line for each workload and finding."""
    return render("to_json", assessment, _write, read=open_assessment)


def _write(assessment: dict[str, t.Any]) -> str:
    # The headline comes first. Non-ASCII characters are escaped, so that no name has to be changed.
    fields = {"headline": assessment["headline"], **assessment}
    return "{\n" + ",\n".join(f"{json.dumps(key)}: {_value(value)}" for key, value in fields.items()) + "\n}\n"


def _value(value: t.Any) -> str:
    if not isinstance(value, list) or not value:
        return json.dumps(value)
    return "[\n" + ",\n".join(map(json.dumps, value)) + "\n]"


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Callable[..., t.Any]]:
        """Return the filters of this file."""
        return {"to_json": to_json}
