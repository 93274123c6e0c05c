# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Format changelogs/changelog.yaml as the changelog page of the documentation site, grouped by component.

CHANGELOG.md, which antsibull-changelog writes, lists the same changes one by one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from tests.tools.release import key

SECTIONS = {
    "major_changes": "Major changes",
    "breaking_changes": "Breaking changes",
    "minor_changes": "Minor changes",
    "deprecated_features": "Deprecated features",
    "removed_features": "Removed features",
    "security_fixes": "Security fixes",
    "bugfixes": "Bug fixes",
    "known_issues": "Known issues",
}
# A period at the end belongs to the sentence.
ADDRESS = re.compile(r"https://[^\s)]*[^\s).]")


def to_markdown(text: str) -> str:
    """Convert the reStructuredText of an entry, which contains only code and addresses."""
    return ADDRESS.sub(r"<\g<0>>", text.replace("``", "`"))


def _capitalized(text: str) -> str:
    return text[:1].upper() + text[1:]


def group_by_component(entries: list[str]) -> Iterator[str]:
    """Format entries of the form "component - change" as a list with the changes of each component."""
    groups: dict[str, list[str]] = {}
    for entry in sorted(entries, key=str.lower):
        component, separator, change = entry.partition(" - ")
        component, change = (component, change) if separator else ("", entry)
        groups.setdefault(component, []).append(_capitalized(to_markdown(change)))
    for component, changes in groups.items():
        if component and len(changes) > 1:
            yield f"- **{to_markdown(component)}**"
            yield from (f"  - {change}" for change in changes)
        else:
            title = f"**{to_markdown(component)}**: " if component else ""
            yield from (f"- {title}{change}" for change in changes)


def new_plugins(release: dict[str, Any]) -> Iterator[str]:
    """Format the list of new modules, plugins and roles."""
    for kind, plugins in {"module": release.get("modules", []), **release.get("plugins", {})}.items():
        yield from (f"- `backup.audit.{plugin['name']}` ({kind}): {plugin['description']}" for plugin in plugins)


def format_release(version: str, release: dict[str, Any]) -> Iterator[str]:
    changes = release.get("changes", {})
    yield from (f"## Version {version}", "", f"Released {release['release_date']}.", "")
    if "release_summary" in changes:
        yield from (to_markdown(changes["release_summary"]), "")
    for section, heading in SECTIONS.items():
        if section in changes:
            yield from (f"### {heading}", "", *group_by_component(changes[section]), "")
    if plugins := list(new_plugins(release)):
        yield from ("### New modules and plugins", "", *plugins, "")


def format_changelog(changelog: dict[str, Any]) -> str:
    """Return the page, with the newest version first."""
    releases = sorted(changelog["releases"].items(), key=lambda release: key(release[0]), reverse=True)
    lines = [line for version, release in releases for line in format_release(version, release)]
    return "\n".join(["# Changelog", "", *lines])
