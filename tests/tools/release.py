# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Set the version and create its changelog from the fragments: python -m tests.tools.release 2.0.0

It can be run again for the newest version until that is published: new fragments are added to it.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import yaml

from tests.tools.project import ROOT

VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)")
VERSION_LINE = re.compile(r"^version: .*$", re.MULTILINE)


def key(version: str) -> tuple[int, ...]:
    """Return a sort key; anything other than a release with three numbers is rejected."""
    match = VERSION.fullmatch(version)
    if match is None:
        raise SystemExit(f"VERSION: {version!r} is not a version. Use three numbers, for example 2.0.0.")
    return tuple(map(int, match.groups()))


def released(root: Path) -> list[str]:
    """List the versions in the changelog, oldest first."""
    changelog = yaml.safe_load((root / "changelogs" / "changelog.yaml").read_text("utf-8"))
    return sorted(changelog["releases"], key=key)


def write_version(root: Path, version: str) -> None:
    galaxy = root / "galaxy.yml"
    galaxy.write_text(VERSION_LINE.sub(f"version: {version}", galaxy.read_text("utf-8"), count=1), encoding="utf-8")


def command(version: str, before: list[str]) -> list[str]:
    """Return the command that creates this release, or adds to it if it is already the newest."""
    asked = key(version)
    if before and asked < key(before[-1]):
        raise SystemExit(f"VERSION: {version} is older than the newest release, {before[-1]}.")
    again = ["--update-existing"] if version in before else []
    return ["antsibull-changelog", "release", "--version", version, "--reload-plugins", *again]


def main(version: str, root: Path = ROOT) -> int:
    release = command(version, released(root))
    write_version(root, version)
    status = subprocess.run(release, cwd=root, check=False).returncode
    if status == 0:
        print(
            f"Set version {version} in galaxy.yml, and added it to the changelog. Run make release-check, then commit."
        )
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
