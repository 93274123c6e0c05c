# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write the same RETURN text into all info modules, because Ansible has no fragments for RETURN.

`python -m tests.tools.sync_return` writes it; with `--check` it only reports which module differs.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from tests.tools.project import ROOT

MASTER = Path(__file__).with_name("read_return.yml")
_BLOCK = re.compile(r'RETURN = r"""\n.*?"""', re.DOTALL)


def replace_return(module: str, master: str) -> str:
    """Return the module's text with the master's RETURN; SystemExit if it has no such block."""
    text, count = _BLOCK.subn(lambda _match: f'RETURN = r"""\n{master}"""', module)
    if count != 1:
        raise SystemExit(f"expected one RETURN block, found {count}")
    return text


def main(arguments: list[str]) -> int:
    """Return 0 if all modules contain the master's text (after writing them)."""
    master = "".join(line for line in MASTER.read_text("utf-8").splitlines(keepends=True) if not line.startswith("#"))
    stale = []
    for path in sorted((ROOT / "plugins" / "modules").glob("*_info.py")):
        before = path.read_text("utf-8")
        after = replace_return(before, master.lstrip("\n"))
        if before != after:
            stale.append(path.name)
            if "--check" not in arguments:
                path.write_text(after, "utf-8")
    if stale and "--check" in arguments:
        print(f"RETURN differs from {MASTER.name} in {', '.join(stale)}; run python -m tests.tools.sync_return")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
