# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Start the simulators in a separate process, and always stop them."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).resolve().parents[2]
_SECONDS_TO_START = 120
_SECONDS_TO_STOP = 10


class SimulatorError(Exception):
    """The simulators did not start; the message contains their output."""


@contextmanager
def running(
    products: Sequence[str] = ("all",),
    *,
    workloads: int = 20,
    points: int = 30,
    seed: int = 7,
    latency_ms: float = 0,
    now: str | None = None,
    estate: str = "invented",
    variants: Mapping[str, object] | None = None,
    root: Path = _ROOT,
) -> Iterator[dict[str, Any]]:
    """Yield the ready document: {"ca_path", "products": {name: {"url", "username", "password", ...}}, `estate`: path}.

    `now` (RFC 3339) is the time for which the environment is built; `variants` are {"product.name": value};
    `root` is the project directory from which the simulators are started.
    """
    with tempfile.TemporaryDirectory(prefix="simulators-") as folder:
        ready_file = Path(folder) / "ready.json"
        command = [sys.executable, "-m", "tests.simulators", "--ready-file", str(ready_file), "--stop-with-stdin"]
        command += [f"--workloads={workloads}", f"--points={points}", f"--seed={seed}", f"--latency-ms={latency_ms}"]
        command += ["--estate", estate, *(f"--product={product}" for product in products)]
        command += [f"--now={now}"] if now is not None else []
        command += [f"--variant={name}={value}" for name, value in (variants or {}).items()]
        with (Path(folder) / "output").open("w+b") as output:
            # The pipe to stdin closes when this process ends for any reason; the simulators then end as well.
            process = subprocess.Popen(command, cwd=root, stdin=subprocess.PIPE, stdout=output, stderr=output)
            try:
                _wait_until_ready(process, ready_file, Path(output.name))
                yield json.loads(ready_file.read_text())
            finally:
                _stop(process)


def _wait_until_ready(process: subprocess.Popen[bytes], ready_file: Path, output: Path) -> None:
    deadline = time.monotonic() + _SECONDS_TO_START
    while not ready_file.exists():
        if process.poll() is not None:
            output_text = output.read_text(errors="replace")
            raise SimulatorError(f"the simulators ended with {process.returncode} before they served:\n{output_text}")
        if time.monotonic() > deadline:
            raise SimulatorError(f"the simulators did not serve within {_SECONDS_TO_START} s")
        time.sleep(0.02)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    wait_or_kill(process, _SECONDS_TO_STOP)
    if process.stdin is not None:
        process.stdin.close()


def wait_or_kill(process: subprocess.Popen[bytes], seconds: float) -> None:
    """Wait for the end of a process that was asked to stop; kill it if it does not stop in time."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
