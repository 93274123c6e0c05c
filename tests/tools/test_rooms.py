# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/architecture.md knows every room: each file of module_utils stands in one table of it, and none that is gone."""

from __future__ import annotations

import re

from tests.tools.project import ROOT

PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
ROOMS = PAGE[PAGE.index("## The rooms") : PAGE.index("Around them:")]


def test_every_file_has_one_room() -> None:
    # The second cell of a row names the files.
    rows = [line.split("|") for line in ROOMS.splitlines() if line.startswith("| ")]
    named = [name for row in rows for name in re.findall(r"`(_\w+)/?`", row[2])]
    files = [path.stem for path in (ROOT / "plugins" / "module_utils").glob("_*") if path.stem != "__pycache__"]
    assert sorted(named) == sorted(files)
