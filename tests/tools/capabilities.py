# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation tables generated from adapters, policy engine and tests, written between markers.

`python -m tests.tools.capabilities` writes them; with `--check` it only reports stale pages.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping

from tests.tools.project import ROOT


def tables() -> dict[str, dict[str, str]]:
    """Return page -> {name of the markers: the text between them}."""
    # Imported here, because as a program this file makes the collection importable only in its last lines.
    from tests.false_compliance import table
    from tests.tools import capability_facts, capability_verdicts

    return {
        "docs/reference/capabilities.md": {
            "overview": capability_facts.overview(),
            "reasons": capability_facts.reasons(),
            "vocabulary": _vocabulary(),
        },
        "docs/reference/policy.md": {"verdicts": capability_verdicts.table()},
        "docs/development/validation.md": {"false compliance": table.table()},
    }


def _vocabulary() -> str:
    """Return the closed lists as a table."""
    from ansible_collections.backup.audit.plugins.module_utils._core import vocabulary

    lists = {
        "platform": vocabulary.PLATFORMS,
        "workload_type": vocabulary.WORKLOAD_TYPES,
        "location_type": vocabulary.LOCATION_TYPES,
    }
    rows = [f"| `{name}` | {', '.join(f'`{value}`' for value in values)} |" for name, values in lists.items()]
    return "\n".join(["| field | values |", "|---|---|", *rows, ""])


def replace_tables(page: str, texts: Mapping[str, str]) -> str:
    """Return the page with the texts between their markers; SystemExit unless each pair of markers occurs once."""
    for name, text in texts.items():
        pattern = re.compile(rf"(<!-- {name}: begin [^\n]*-->\n).*?(<!-- {name}: end -->)", re.DOTALL)
        page, count = pattern.subn(lambda found, text=text: f"{found[1]}{text}{found[2]}", page)  # type: ignore[misc]
        if count != 1:
            raise SystemExit(f"expected the markers {name}: begin and {name}: end once, found {count}")
    return page


def main(arguments: list[str]) -> int:
    """Return 0 if all pages match the code (after writing them)."""
    stale = []
    for name, texts in tables().items():
        path = ROOT / name
        before = path.read_text("utf-8")
        after = replace_tables(before, texts)
        if before != after:
            stale.append(name)
            if "--check" not in arguments:
                path.write_text(after, "utf-8")
    if stale and "--check" in arguments:
        print(f"{', '.join(stale)} no longer matches the code; run python -m tests.tools.capabilities")
        return 1
    return 0


if __name__ == "__main__":
    # `make setup` creates this link to the repository with the path by which Ansible imports it.
    sys.path.append(str(ROOT / ".venv" / "tree"))
    sys.exit(main(sys.argv[1:]))
