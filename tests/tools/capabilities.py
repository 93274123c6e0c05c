# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tables of the documentation that follow from adapters, policy engine and tests, written between markers.

`python -m tests.tools.capabilities` writes, with `--check` it only says which page is stale.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping

from tests.tools.project import ROOT


def tables() -> dict[str, dict[str, str]]:
    """Page -> {name of the markers: the text between them}."""
    # Here, because run as a program the collection can be imported only after the last lines of this file.
    from tests.false_compliance import table
    from tests.tools import capability_facts, capability_verdicts

    return {
        "docs/capabilities.md": {
            "overview": capability_facts.overview(),
            "reasons": capability_facts.reasons(),
        },
        "docs/policy.md": {"verdicts": capability_verdicts.table()},
        "docs/trust.md": {"honesty": table.table()},
    }


def synced(page: str, texts: Mapping[str, str]) -> str:
    """The page with the texts between their markers; SystemExit where a pair of markers is not there once."""
    for name, text in texts.items():
        pattern = re.compile(rf"(<!-- {name}: begin [^\n]*-->\n).*?(<!-- {name}: end -->)", re.DOTALL)
        page, count = pattern.subn(lambda found, text=text: f"{found[1]}{text}{found[2]}", page)  # type: ignore[misc]
        if count != 1:
            raise SystemExit(f"expected the markers {name}: begin and {name}: end once, found {count}")
    return page


def main(arguments: list[str]) -> int:
    """0 if all pages hold what the code says (now)."""
    stale = []
    for name, texts in tables().items():
        path = ROOT / name
        before = path.read_text("utf-8")
        after = synced(before, texts)
        if before != after:
            stale.append(name)
            if "--check" not in arguments:
                path.write_text(after, "utf-8")
    if stale and "--check" in arguments:
        print(f"{', '.join(stale)} no longer says what the code does; run python -m tests.tools.capabilities")
        return 1
    return 0


if __name__ == "__main__":
    # `make setup` links the repository in there under the name by which Ansible imports it.
    sys.path.append(str(ROOT / ".venv" / "tree"))
    sys.exit(main(sys.argv[1:]))
