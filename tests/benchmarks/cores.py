# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The main measures on another ansible-core, each in that one's own environment.

`python -m tests.benchmarks.cores PAIRS`, run by an environment's own Python, prints them as JSON.
"""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from importlib.metadata import version
from typing import Any

from tests.benchmarks import evaluation, reading
from tests.benchmarks.bounds import LARGE, MOST_JUDGED, SMALL
from tests.tools.matrix import Cell, environment_of
from tests.tools.project import ROOT

_PRODUCT = "veeam_azure"


def measure(cell: Cell, pairs: int) -> dict[str, Any]:
    """The main measures on this ansible-core."""
    command = [str(environment_of(cell) / "bin" / "python"), "-m", "tests.benchmarks.cores", str(pairs)]
    ended = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    told: dict[str, Any] = json.loads(ended.stdout)
    return {"measure": "core", **told}


def main() -> int:
    """Measure here."""
    pairs = int(sys.argv[1])
    walls = [reading.wall(_PRODUCT, points, pairs, hand=points == SMALL) for points in (LARGE, SMALL)]
    results = [told for pair in walls for told in pair]
    results.append(evaluation.assertion(MOST_JUDGED, pairs, packed=True))
    told = {"core": version("ansible-core"), "python": platform.python_version(), "results": results}
    print(json.dumps(told))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
