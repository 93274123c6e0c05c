# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A browser for the tests of the HTML report."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.backup.audit.plugins.filter.to_html_report import to_html_report
from tests.unit.plugins.plugin_utils.assessments import estate
from tests.unit.plugins.plugin_utils.browser import NAMES, find_browser, running
from tests.unit.plugins.plugin_utils.trends import estate_history


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Start a browser for all tests of a file."""
    browser = find_browser()
    if browser is None:
        pytest.skip(f"no browser is found here: none of {', '.join(NAMES)}")
    with running(browser, tmp_path_factory.mktemp("browser")) as listening:
        yield listening


@pytest.fixture
def report(tmp_path: Path) -> Path:
    """Write the report with all kinds of results, and a trend, to a file."""
    file = tmp_path / "report.html"
    file.write_text(to_html_report(estate(), history=estate_history()), "utf-8")
    return file
