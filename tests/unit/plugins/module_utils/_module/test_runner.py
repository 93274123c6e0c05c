# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The warning of all info modules about a result that is too large for AWX."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._collect.collector import Collector
from ansible_collections.backup.audit.plugins.module_utils._core.model import Workload
from ansible_collections.backup.audit.plugins.module_utils._module.runner import AWX_EVENT_BYTES, finish


class RecordingModule:
    """A module that records its warnings."""

    def __init__(self) -> None:
        self.params: dict[str, Any] = {}
        self.no_log_values: set[str] = set()
        self.warnings: list[str] = []

    def warn(self, warning: str) -> None:
        """Record the warning."""
        self.warnings.append(warning)

    def jsonify(self, data: Any) -> str:
        """Serialize a result as the module returns it."""
        return json.dumps(data)


def result_warnings(workloads: int, detail: str, *, compress: bool = False) -> list[str]:
    """Return the warnings about a read result with ``workloads`` workloads, each with a name of a thousand letters."""
    collector = Collector("backup.example.com", "spp")
    for number in range(workloads):
        collector.add_workload(Workload(id=str(number), name="n" * 1000, type="vm"))
    listener = RecordingModule()
    finish(listener, collector, dict, {"allow_partial": False, "compress": compress, "detail": detail})
    return listener.warnings


@pytest.mark.parametrize(
    ("detail", "hint"),
    [("workloads", "use compress: true"), ("recovery_points", "use detail: workloads")],
)
def test_warning_about_a_large_result_suggests_options(detail: str, hint: str) -> None:
    """Options that are already set are not suggested. Small and compressed results give no warning."""
    (warning,) = result_warnings(AWX_EVENT_BYTES // 1000, detail)
    assert warning.startswith("backup.example.com: the result has ")
    assert warning.endswith(f"(700,000); {hint}")
    assert result_warnings(100, detail) == []
    assert result_warnings(AWX_EVENT_BYTES // 1000, detail, compress=True) == []
