# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m tests.tools.audit PIP_AUDIT`: list installed packages with known vulnerabilities.

Unlike pip-audit alone, this fails if no package could be looked up; pip-audit would report no vulnerabilities then.
"""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from typing import Any

VULNERABLE, NOT_KNOWN = 1, 2


def verdict(packages: Sequence[Mapping[str, Any]]) -> tuple[int, list[str]]:
    """Return the exit status, and the lines that explain it."""
    lines = []
    for package in packages:
        for found in package.get("vulns", []):
            fix = ", ".join(found.get("fix_versions", [])) or "not fixed in any release"
            lines.append(f"{package['name']} {package['version']}: {found['id']} (fixed in: {fix})")
    if lines:
        return VULNERABLE, lines
    # A package without a lookup result is unknown to be safe.
    skipped = [package for package in packages if "vulns" not in package]
    if skipped or not packages:
        lines = [f"{len(skipped)} of {len(packages)} packages could not be looked up, so nothing is known of them."]
        lines += [f"The first: {package.get('skip_reason', package['name'])}" for package in skipped[:1]]
        return NOT_KNOWN, [*lines, "This needs a machine that reaches the advisories of PyPI (https://pypi.org)."]
    return 0, [f"{len(packages)} packages, no known vulnerability."]


def main(pip_audit: str) -> int:
    command = [pip_audit, "--path", sysconfig.get_path("purelib"), "--format", "json", "--progress-spinner", "off"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        packages = json.loads(ended.stdout)["dependencies"]
    except (ValueError, KeyError):
        packages = []
        print(ended.stderr.strip().rpartition("\n")[2], file=sys.stderr)
    status, lines = verdict(packages)
    print("\n".join(lines))
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
