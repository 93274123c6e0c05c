# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The main measures with another ansible-core, each in the environment of that version.

`python -m tests.benchmarks.cores PAIRS`, run with an environment's own Python, prints them as JSON.
"""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from importlib.metadata import version
from typing import Any

from tests.benchmarks import evaluation, reading
from tests.benchmarks.bounds import LARGE, MOST_EVALUATED, SMALL
from tests.tools.matrix import Cell, prepare_environment
from tests.tools.project import ROOT

_PRODUCT = "veeam_azure"


def measure(cell: Cell, pairs: int) -> dict[str, Any]:
    """Run the main measures with this ansible-core."""
    command = [str(prepare_environment(cell) / "bin" / "python"), "-m", "tests.benchmarks.cores", str(pairs)]
    ended = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    result: dict[str, Any] = json.loads(ended.stdout)
    return {"measure": "core", **result}


def main() -> int:
    """Run the measures in this process."""
    pairs = int(sys.argv[1])
    wall_times = [reading.measure_wall_time(_PRODUCT, points, pairs, hand=points == SMALL) for points in (LARGE, SMALL)]
    results = [result for pair in wall_times for result in pair]
    results.append(evaluation.measure_assertion(MOST_EVALUATED, pairs, compressed=True))
    result = {"core": version("ansible-core"), "python": platform.python_version(), "results": results}
    print(json.dumps(result))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
