# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Compare the collection with the reference evaluator: python -m tests.reference [--environments N] [--first N]"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
from collections.abc import Sequence

from tests.reference import coverage, differential


def main(arguments: Sequence[str]) -> int:
    """Print the differences, and how often each rule and setting gives each result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--estates", type=int, default=10_000, help="number of random environments; each has about 20 findings"
    )
    parser.add_argument("--first", type=int, default=0, help="seed of the first environment")
    given = parser.parse_args(arguments)
    seeds = range(given.first, given.first + given.estates)
    total = different = 0
    with multiprocessing.Pool() as pool:
        for seed, found in zip(seeds, pool.imap(differential.compare_seed, seeds, chunksize=50), strict=True):
            differences, findings = found
            total += len(findings)
            different += bool(differences)
            for line in differences:
                print(f"environment {seed}: {line}", flush=True)
    tables, rare = coverage.measure(seeds)
    print(tables)
    for line in rare:
        print(line)
    print(f"{total} findings compared, {different} of {given.estates} environments have differences")
    return 1 if different or rare else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
