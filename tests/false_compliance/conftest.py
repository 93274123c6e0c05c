# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Report at the end of a run how many situations were evaluated correctly; with -v print the table of all."""

from __future__ import annotations

import textwrap

import pytest

from tests.integration.conftest import running_simulators, simulators
from tests.unit.plugins.conftest import ca, ca_path, serve

__all__ = ["ca", "ca_path", "running_simulators", "serve", "simulators"]

_WIDTH = 116


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Attach the row to the report, which pytest-xdist workers send to the controller as well."""
    mark = item.get_closest_marker("situation")
    if mark is not None:
        item.user_properties.append(("situation", tuple(mark.args)))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the table."""
    rows = []
    for outcome in ("passed", "failed", "error"):
        for report in terminalreporter.getreports(outcome):
            # A file that cannot be collected has a report without properties.
            situation = dict(getattr(report, "user_properties", ())).get("situation")
            if situation is not None and (report.when == "call" or outcome != "passed"):
                rows.append((*situation, outcome == "passed"))
    if not rows:
        return
    passed = sum(row[-1] for row in rows)
    terminalreporter.section(f"false compliance: {passed} of {len(rows)} situations evaluated correctly")
    for description, naive_check, expected, has_passed in rows if terminalreporter.verbosity > 0 else ():
        terminalreporter.write_line(f"{'    ' if has_passed else 'NOT '}{description}")
        for label, text in (("naive check", naive_check), ("this collection", expected)):
            shown = textwrap.wrap(text, _WIDTH - 24, break_on_hyphens=False)
            for number, line in enumerate(shown):
                terminalreporter.write_line(f"      {label if not number else '':>16}  {line}")
