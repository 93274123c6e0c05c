# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import yaml

from tests.tools.changelog_page import SECTIONS, format_changelog, to_markdown
from tests.tools.project import ROOT

CHANGELOG = {
    "releases": {
        "1.9.0": {"release_date": "2026-01-02", "changes": {"bugfixes": ["restic - do not fail."]}},
        "1.10.0": {
            "release_date": "2026-02-03",
            "changes": {
                "release_summary": "Use ``one``.",
                "bugfixes": [
                    "borg - read ``a - b`` (https://example.com/a#b).",
                    "an entry without a component.",
                    "pbs - z.",
                    "borg - add x.",
                ],
                "breaking_changes": ["borg - remove y."],
            },
            "modules": [{"name": "pbs_snapshots_info", "description": "Read snapshots."}],
            "plugins": {"filter": [{"name": "to_csv", "description": "Convert."}]},
        },
    }
}
PAGE = """# Changelog

## Version 1.10.0

Released 2026-02-03.

Use `one`.

### Breaking changes

- **borg**: Remove y.

### Bug fixes

- An entry without a component.
- **borg**
  - Add x.
  - Read `a - b` (<https://example.com/a#b>).
- **pbs**: Z.

### New modules and plugins

- `backup.audit.pbs_snapshots_info` (module): Read snapshots.
- `backup.audit.to_csv` (filter): Convert.

## Version 1.9.0

Released 2026-01-02.

### Bug fixes

- **restic**: Do not fail.
"""


def test_changes_are_grouped_by_component() -> None:
    assert format_changelog(CHANGELOG) == PAGE


def test_every_section_of_the_changelog_is_shown() -> None:
    settings = yaml.safe_load((ROOT / "changelogs" / "config.yaml").read_text("utf-8"))
    assert list(SECTIONS) == [name for name, _title in settings["sections"]]


def test_every_change_is_on_the_page() -> None:
    changelog = yaml.safe_load((ROOT / "changelogs" / "changelog.yaml").read_text("utf-8"))
    page = format_changelog(changelog)
    for release in changelog["releases"].values():
        for section in SECTIONS:
            for entry in release["changes"].get(section, []):
                change = entry.partition(" - ")[2] or entry
                assert to_markdown(change).casefold() in page.casefold(), entry
