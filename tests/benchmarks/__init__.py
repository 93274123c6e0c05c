# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Speed and memory compared with a playbook without this collection: see docs/development/benchmarks.md."""

from __future__ import annotations

import sys

from tests.tools.project import ROOT

# Import the collection from this repository; pytest sets the path on its own.
sys.path.append(str(ROOT / ".venv" / "tree"))
