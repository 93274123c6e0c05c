# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Profile an info module: `python -m tests.benchmarks.profile PRODUCT POINTS`.

All threads are sampled every few milliseconds, which cProfile cannot do. Threads that only wait for the network or for
work are not counted. Percentages are of the remaining samples: of the function itself, and including all that it calls.
Long calls into C, such as decoding a page, are sampled too rarely, because they hold the interpreter lock.
"""

from __future__ import annotations

import argparse
import json
from typing import Any

from tests.benchmarks import reading
from tests.benchmarks.recipes import RECIPES, get_product
from tests.benchmarks.serving import running_server

# Runs before the module's own program, in its process.
SAMPLER = """
import atexit, collections, json, os, pathlib, sys, threading, time
def sample():
    own, whole, samples = collections.Counter(), collections.Counter(), 0
    waits = {"wait", "read", "recv_into", "poll", "select", "get", "_worker", "_watch_output_pipe"}
    def write_profile():
        profile = {"samples": samples, "own": own.most_common(40), "whole": whole.most_common(400)}
        pathlib.Path(os.environ["PROFILE"]).write_text(json.dumps(profile))
    atexit.register(write_profile)
    me = threading.get_ident()
    while True:
        time.sleep(0.004)
        for ident, frame in sys._current_frames().items():
            if ident == me or frame.f_code.co_name in waits:
                continue
            names = []
            while frame is not None:
                names.append(f"{frame.f_code.co_filename.rpartition('/')[2]}:{frame.f_code.co_name}")
                frame = frame.f_back
            samples += 1
            own[names[0]] += 1
            whole.update(set(names))
threading.Thread(target=sample, daemon=True).start()
"""


def format_shares(profile: dict[str, Any], most: int) -> str:
    """Format the busiest functions, one per line."""
    whole = dict(profile["whole"])
    lines = [f"{profile['samples']} samples", f"{'itself':>8} {'in all':>8}"]
    for name, count in profile["own"][:most]:
        share, in_all = (100 * number / profile["samples"] for number in (count, whole.get(name, count)))
        lines.append(f"{share:7.1f}% {in_all:7.1f}%  {name}")
    return "\n".join(lines)


def main() -> int:
    """Warm the server up, then sample one run."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.profile", description=__doc__)
    parser.add_argument("product", choices=RECIPES)
    parser.add_argument("points", type=int, nargs="?", default=100_000)
    parser.add_argument("--most", type=int, default=25, help="so many functions")
    options = parser.parse_args()
    variants = RECIPES[options.product].variants
    with running_server(get_product(options.product), reading.WORKLOADS, options.points, variants=variants) as server:
        reading.run_module(options.product, server)
        profile = reading.run_module(options.product, server, before=SAMPLER)
    print(format_shares(json.loads(profile["profile"]), options.most))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
