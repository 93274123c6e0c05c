# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where an info module spends its time: `python -m tests.benchmarks.profile PRODUCT POINTS`.

All threads are looked at every few milliseconds, which cProfile cannot do. A thread that only waits for the network or
for work is not counted. Shares are of the samples that are left: of the function itself, and with all that it calls.
Long calls into C, such as decoding a page, are seen too rarely: nobody can look while they hold the interpreter.
"""

from __future__ import annotations

import argparse
import json
from typing import Any

from tests.benchmarks import reading
from tests.benchmarks.recipes import RECIPES, product_of
from tests.benchmarks.serving import serving

# Goes before the module's own program, in its process.
SAMPLER = """
import atexit, collections, json, os, pathlib, sys, threading, time
def sample():
    own, whole, samples = collections.Counter(), collections.Counter(), 0
    waits = {"wait", "read", "recv_into", "poll", "select", "get", "_worker", "_watch_reader"}
    def tell():
        told = {"samples": samples, "own": own.most_common(40), "whole": whole.most_common(400)}
        pathlib.Path(os.environ["PROFILE"]).write_text(json.dumps(told))
    atexit.register(tell)
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


def shares(told: dict[str, Any], most: int) -> str:
    """The busiest functions, one a line."""
    whole = dict(told["whole"])
    lines = [f"{told['samples']} samples", f"{'itself':>8} {'in all':>8}"]
    for name, count in told["own"][:most]:
        share, in_all = (100 * number / told["samples"] for number in (count, whole.get(name, count)))
        lines.append(f"{share:7.1f}% {in_all:7.1f}%  {name}")
    return "\n".join(lines)


def main() -> int:
    """Warm the server up, then look at one run."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.profile", description=__doc__)
    parser.add_argument("product", choices=RECIPES)
    parser.add_argument("points", type=int, nargs="?", default=100_000)
    parser.add_argument("--most", type=int, default=25, help="so many functions")
    options = parser.parse_args()
    variants = RECIPES[options.product].variants
    with serving(product_of(options.product), reading.WORKLOADS, options.points, variants=variants) as server:
        reading.module(options.product, server)
        told = reading.module(options.product, server, before=SAMPLER)
    print(shares(json.loads(told["profile"]), options.most))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
