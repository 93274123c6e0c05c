# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m tests.simulators`: serve one environment through the APIs of several products until stopped."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import ssl
import sys
import tempfile
from datetime import datetime, timezone
from pathlib import Path

import trustme

from tests.simulators.estate import add_product_scenarios, build_estate, write_estate
from tests.simulators.ground_truth import Estate, as_moment, from_iso
from tests.simulators.product_api import ProductApi
from tests.simulators.products import PRODUCT_APIS
from tests.simulators.server import ProductServer
from tests.simulators.vendor_estate import build_seed_estate


def _arguments(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulators", description=__doc__)
    parser.add_argument("--product", action="append", choices=["all", *PRODUCT_APIS], help="may be given several times")
    parser.add_argument("--estate", choices=["invented", "seed"], default="invented")
    parser.add_argument("--workloads", type=_positive_number, default=20)
    parser.add_argument("--points", type=_positive_number, default=30, help="points of a healthy workload")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--now", type=_time_argument, help="the time for which the environment is built (RFC 3339)")
    parser.add_argument("--latency-ms", type=float, default=0.0)
    parser.add_argument("--variant", action="append", default=[], metavar="PRODUCT.NAME=VALUE")
    parser.add_argument("--faults", type=Path, metavar="FILE", help="rules for all products, or {product: rules}")
    parser.add_argument("--ready-file", type=Path, required=True)
    parser.add_argument("--stop-with-stdin", action="store_true", help="also end when standard input is closed")
    return parser.parse_args(arguments)


def _positive_number(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return int(text)


def _time_argument(text: str) -> int:
    when = from_iso(text)
    if when.tzinfo is None:
        raise argparse.ArgumentTypeError("a time needs a zone, such as 2026-03-10T12:00:00Z")
    return as_moment(when)


def _estate(options: argparse.Namespace) -> Estate:
    if options.estate == "seed":
        return build_seed_estate()
    now = as_moment(datetime.now(timezone.utc)) if options.now is None else options.now
    estate = build_estate(options.seed, options.workloads, options.points, now)
    add_product_scenarios(estate, options.points)
    return estate


def _build_apis(options: argparse.Namespace, estate: Estate) -> list[ProductApi]:
    wanted = options.product or ["all"]
    names = list(PRODUCT_APIS) if "all" in wanted else list(dict.fromkeys(wanted))
    apis = {name: PRODUCT_APIS[name](estate) for name in names}
    for setting in options.variant:
        name, _ignored, value = setting.partition("=")
        product, _ignored, variant = name.partition(".")
        if product not in apis:
            raise ValueError(f"--variant {setting}: {product!r} is not among the products served")
        apis[product].set_initial_variants({variant: value})
    return list(apis.values())


def _write_atomically(path: Path, text: str) -> None:
    unfinished = path.with_name(path.name + ".unfinished")
    unfinished.write_text(text)
    unfinished.replace(path)


def _install_stop_handlers(stop_with_stdin: bool) -> asyncio.Event:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if stop_with_stdin:

        def read_stdin() -> None:
            if not os.read(sys.stdin.fileno(), 4096):
                stop.set()

        loop.add_reader(sys.stdin.fileno(), read_stdin)
    return stop


async def _serve(options: argparse.Namespace, estate: Estate, apis: list[ProductApi], folder: Path) -> None:
    stop = _install_stop_handlers(options.stop_with_stdin)
    servers = [ProductServer(api, options.latency_ms / 1000) for api in apis]
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(tls)
    rules = json.loads(options.faults.read_text("utf-8")) if options.faults is not None else []
    with (folder / "estate.json").open("w") as out:
        write_estate(estate, {api.product: {**api.truth(), "identity": api.identity} for api in apis}, out)
    try:
        for server in servers:
            server.api.prepare()
            await server.start(tls)
            await server.load_faults(rules.get(server.api.product, []) if isinstance(rules, dict) else rules)
        entries = {server.api.product: server.ready_entry() for server in servers}
        ready = {"ca_path": str(folder / "ca.pem"), "products": entries, "estate": str(folder / "estate.json")}
        _write_atomically(options.ready_file, json.dumps(ready, indent=2))
        await stop.wait()
    finally:
        # If the ready file remained, its next reader would connect to a closed port.
        options.ready_file.unlink(missing_ok=True)
        for server in servers:
            await server.stop()


def main() -> int:
    options = _arguments(sys.argv[1:])
    estate = _estate(options)
    try:
        apis = _build_apis(options, estate)
    except ValueError as error:
        print(f"simulators: {error}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="simulators-") as folder:
        asyncio.run(_serve(options, estate, apis, Path(folder)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
