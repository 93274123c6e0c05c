# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Print the numbers of several test runs, and the skipped tests: python -m tests.tools.totals FILE

FILE is what tests/skips.py wrote, one line for each run. The last line printed is "N passed, N failed, N skipped".
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tests.skips import find_allowed


def format_totals(lines: Sequence[str]) -> list[str]:
    """Return the output for the lines of the file."""
    numbers: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    for line in lines:
        run = json.loads(line)
        numbers.update({outcome: run.get(outcome, 0) for outcome in ("passed", "failed", "skipped")})
        allowed = [find_allowed(test) for test in run["tests"]]
        reasons.update(entry.reason if entry else "not on the list of tests/skips.py" for entry in allowed)
    skipped = [f"skipped: {number} ({reason})" for reason, number in sorted(reasons.items())]
    return [*skipped, ", ".join(f"{numbers[outcome]} {outcome}" for outcome in ("passed", "failed", "skipped"))]


def main(arguments: Sequence[str]) -> int:
    """Print the totals. Return an error if no test ran or any test failed."""
    lines = format_totals(Path(arguments[0]).read_text("utf-8").splitlines())
    print("\n".join(lines))
    return 0 if not lines[-1].startswith("0 passed") and ", 0 failed" in lines[-1] else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
