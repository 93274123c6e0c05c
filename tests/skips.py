# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tests that CI may skip, each with its reason. In CI any other skip is a failure, and so is an unused entry.

The hooks below are part of tests/conftest.py. They are active if the environment variable CI is set. If TEST_TOTALS
names a file, each run appends its numbers to it; `python -m tests.tools.totals FILE` prints their sum.
"""

from __future__ import annotations

import fnmatch
import json
import os
from collections import Counter
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.tools.project import ROOT, VENDORS

# Removed from the environment, so that pytest runs that a test starts do not add to it.
_TOTALS = os.environ.pop("TEST_TOTALS", None)


@dataclass(frozen=True)
class AllowedSkip:
    """``tests`` is a pattern of ids of tests or files. They must be skipped while ``applies`` returns true."""

    tests: str
    reason: str
    applies: Callable[[], bool]


ALLOWED: tuple[AllowedSkip, ...] = (
    *(
        AllowedSkip(
            f"tests/unit/{folder}/test_*against_vendors.py*",
            f"compares own {folder} with those of the vendors, which are not part of the project",
            lambda: not VENDORS.is_dir(),
        )
        for folder in ("schemas", "samples", "recordings")
    ),
    AllowedSkip(
        "tests/tools/test_site_in_browser.py*",
        "opens the documentation site, which only `make docs` builds",
        lambda: not (ROOT / "build" / "docs" / "search.html").is_file(),
    ),
)


def find_allowed(test: str) -> AllowedSkip | None:
    """Return the entry that allows this test to be skipped here, or None."""
    return next((entry for entry in ALLOWED if entry.applies() and fnmatch.fnmatchcase(test, entry.tests)), None)


def is_enforced() -> bool:
    """Return whether skips are failures, as in CI."""
    return os.environ.get("CI", "").lower() not in ("", "0", "false")


def _refuse(report: Any, test: str) -> None:
    """Turn the report of a skipped test into a failure, unless the test is on the list."""
    if report.skipped and not hasattr(report, "wasxfail") and is_enforced() and find_allowed(test) is None:
        *_place, why = report.longrepr if isinstance(report.longrepr, tuple) else (report.longrepr,)
        report.outcome = "failed"
        report.longrepr = f"{test} was skipped ({why}), and tests/skips.py does not allow that"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Reject skipped tests."""
    report = yield
    _refuse(report, item.nodeid)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Reject skipped files."""
    report = yield
    _refuse(report, collector.nodeid)
    return report


def _count(stats: dict[str, list[Any]]) -> tuple[Counter[str], set[str], set[str]]:
    """Return (number of tests by outcome, ids of skipped tests, ids of tests that ran)."""
    skipped = {report.nodeid for report in stats.get("skipped", ())}
    failed = {report.nodeid for outcome in ("failed", "error") for report in stats.get(outcome, ())}
    passed = {report.nodeid for outcome in ("passed", "xfailed") for report in stats.get(outcome, ())} - failed
    return Counter(passed=len(passed), failed=len(failed), skipped=len(skipped)), skipped, passed | failed


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Record the numbers, and fail if an entry of the list is no longer needed."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or hasattr(session.config, "workerinput") or session.config.option.collectonly:
        return
    numbers, skipped, ran = _count(reporter.stats)
    if is_enforced():
        for entry in ALLOWED:
            if entry.applies() and fnmatch.filter(ran, entry.tests) and not fnmatch.filter(skipped, entry.tests):
                reporter.write_line(f"tests/skips.py: {entry.tests} ran: remove its entry", red=True)
                session.exitstatus = pytest.ExitCode.TESTS_FAILED
    if _TOTALS:
        with Path(_TOTALS).open("a", encoding="utf-8") as file:
            file.write(json.dumps({**numbers, "tests": sorted(skipped)}) + "\n")
