# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Simulators of the backup products' REST APIs. See `python -m tests.simulators --help`, or use `running` in a test."""

from __future__ import annotations

from tests.simulators.process import running

__all__ = ["running"]
