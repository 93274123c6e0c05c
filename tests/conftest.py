# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings for all tests: no test fails because the machine is busy, and CI skips no test silently."""

from __future__ import annotations

import hypothesis

from tests.skips import pytest_make_collect_report, pytest_runtest_makereport, pytest_sessionfinish

__all__ = ["pytest_make_collect_report", "pytest_runtest_makereport", "pytest_sessionfinish"]

# Extends Hypothesis' own profile, which differs in CI, where the same examples are tried each time.
hypothesis.settings.register_profile("patient", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("patient")
