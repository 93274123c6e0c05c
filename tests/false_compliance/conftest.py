# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""At the end of a run: how many situations were seen through; with -v the table of all."""

from __future__ import annotations

import textwrap

import pytest

from tests.integration.conftest import running_simulators, simulators
from tests.unit.plugins.conftest import ca, ca_path, serve

__all__ = ["ca", "ca_path", "running_simulators", "serve", "simulators"]

_WIDTH = 116


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Hand the row to the report, which travels from workers as well."""
    mark = item.get_closest_marker("situation")
    if mark is not None:
        item.user_properties.append(("situation", tuple(mark.args)))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The table."""
    rows = []
    for outcome in ("passed", "failed", "error"):
        for report in terminalreporter.getreports(outcome):
            # A file that cannot be collected has a report without properties.
            told = dict(getattr(report, "user_properties", ())).get("situation")
            if told is not None and (report.when == "call" or outcome != "passed"):
                rows.append((*told, outcome == "passed"))
    if not rows:
        return
    honest = sum(row[-1] for row in rows)
    terminalreporter.section(f"honesty: {honest} of {len(rows)} situations seen through")
    for told, careless, says, is_honest in rows if terminalreporter.verbosity > 0 else ():
        terminalreporter.write_line(f"{'    ' if is_honest else 'NOT '}{told}")
        for who, text in (("a careless check", careless), ("this one", says)):
            shown = textwrap.wrap(text, _WIDTH - 24, break_on_hyphens=False)
            for number, line in enumerate(shown):
                terminalreporter.write_line(f"      {who if not number else '':>16}  {line}")
