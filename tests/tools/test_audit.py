# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An audit without any lookup must not report success."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.tools import audit

SOUND = {"name": "requests", "version": "2.34.2", "vulns": []}
SKIPPED = {"name": "idna", "skip_reason": "Dependency not found on PyPI"}
BAD = {"name": "xmltodict", "version": "0.1", "vulns": [{"id": "PYSEC-2025-1", "fix_versions": ["0.15"]}]}
UNFIXED = {"name": "idna", "version": "0.1", "vulns": [{"id": "PYSEC-2025-2", "fix_versions": []}]}


@pytest.mark.parametrize(
    ("packages", "status", "message"),
    [
        ([SOUND], 0, "1 packages, no known vulnerability"),
        ([SOUND, SKIPPED], audit.NOT_KNOWN, "1 of 2 packages could not be looked up"),
        ([], audit.NOT_KNOWN, "0 of 0 packages"),
        ([SKIPPED, BAD], audit.VULNERABLE, "xmltodict 0.1: PYSEC-2025-1 (fixed in: 0.15)"),
        ([UNFIXED], audit.VULNERABLE, "not fixed in any release"),
    ],
)
def test_only_packages_that_were_looked_up_are_safe(packages: list[Any], status: int, message: str) -> None:
    found, lines = audit.verdict(packages)
    assert found == status
    assert message in "\n".join(lines)


def test_a_failing_tool_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tool = tmp_path / "pip-audit"
    tool.write_text("#!/bin/sh\necho 'no such host' >&2\nexit 1\n")
    tool.chmod(0o755)
    assert audit.main(str(tool)) == audit.NOT_KNOWN
    captured = capsys.readouterr()
    assert "no such host" in captured.err
    assert "nothing is known" in captured.out
