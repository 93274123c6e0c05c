# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs any info module: options -> source -> READ. The only place of the library that knows AnsibleModule."""

from __future__ import annotations

import os
import signal
import time
import traceback
import typing as t
from urllib.parse import urlsplit

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ansible_collections.backup.audit.plugins.module_utils import _http
from ansible_collections.backup.audit.plugins.module_utils._calendar import Calendar
from ansible_collections.backup.audit.plugins.module_utils._errors import AuditError
from ansible_collections.backup.audit.plugins.module_utils._http import Client
from ansible_collections.backup.audit.plugins.module_utils._options import (
    argument_spec,
    endpoint,
    settings,
    with_environment,
)
from ansible_collections.backup.audit.plugins.module_utils._paging import Workers
from ansible_collections.backup.audit.plugins.module_utils._read import pack, seal
from ansible_collections.backup.audit.plugins.module_utils._reading import Reading
from ansible_collections.backup.audit.plugins.module_utils._source import Source

# AWX drops the data of an event that is larger than this.
AWX_EVENT_BYTES = 700_000


class StoppedError(AuditError):
    """A signal ended the module; the session is still given back."""

    code = "stopped"


def run_module(
    *sources: type[Source],
    own: dict[str, t.Any] | None = None,
    details: tuple[str, ...] = ("workloads", "recovery_points"),
) -> None:
    """The main of every info module. Where sources have a ``choice``, the option ``product`` chooses among them."""
    spec = {**argument_spec(*sources, details=details), **(own or {})}
    choices = {source.choice: source for source in sources}
    if "" not in choices:
        spec["product"] = {"type": "str", "required": True, "choices": list(choices)}
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    if not _http.HAS_REQUESTS:
        module.fail_json(msg=missing_required_lib("requests"))
    source = choices[module.params.get("product", "")]
    _stop_on_signal()
    try:
        result = _read(module, source)
    except AuditError as error:
        error.server = error.server or _server_of(module.params["url"])
        module.fail_json(msg=str(error), failure=error.as_dict())
    except Exception as error:  # noqa: BLE001 - a bug must not look like an answer, and is told in one line too
        module.fail_json(
            msg=f"{source.title}: unexpected {type(error).__name__}: {error}. Please report this with its traceback "
            "(-vvv; from ansible-core 2.19 on ANSIBLE_DISPLAY_TRACEBACK=error).",
            exception="".join(traceback.format_tb(error.__traceback__)),
        )
    module.exit_json(changed=False, **result)


def _stop_on_signal() -> None:
    def stop(number: int, _frame: t.Any) -> None:
        # A second one would end the log-out.
        for ignored in (signal.SIGTERM, signal.SIGINT):
            signal.signal(ignored, signal.SIG_IGN)
        raise StoppedError(f"stopped by {signal.Signals(number).name}")

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)


def _read(module: AnsibleModule, source_class: type[Source]) -> dict[str, t.Any]:
    params = with_environment(module.params, source_class, os.environ)
    module.no_log_values.add(params["password"])
    chosen = settings(params, source_class)
    source_class.check(chosen, tuple(params["names"]))
    client = Client(endpoint(params, source_class), source_class.permits)
    # By this name the server stands in rows, in findings and in errors.
    client.host = _shown_host(client.endpoint.url, source_class.default_port)
    reading = Reading(
        client.host,
        source_class.product,
        names=params["names"],
        since=params["since"],
        until=params["until"],
        calendar=Calendar(params["calendar_timezone"], params["day_start"]),
        history=params["history"],
        keep_points=params["detail"] == "recovery_points",
        location_facts=params["location_facts"],
    )
    started = time.monotonic()
    workers = Workers(client.endpoint.connections)
    source = source_class(client, chosen, workers)
    try:
        source.open(reading)
        reading.skew_micros = reading.skew_micros if reading.skew_micros is not None else client.skew_micros
        reading.start()
        source.read(reading)
    except BaseException:
        client.stop_retrying()
        raise
    finally:
        workers.close()
        source.close()
        client.close()
        module.no_log_values.update(client.secrets)
    return _result(module, reading, client, time.monotonic() - started, params)


def _server_of(url: str | None) -> str | None:
    """What the user called the server, for errors that come before any request."""
    try:
        return urlsplit(url if "://" in url else f"//{url}").hostname if url else None
    except ValueError:
        return None


def _shown_host(url: str, default_port: int) -> str:
    parts = urlsplit(url)
    return str(parts.hostname if parts.port == default_port else parts.netloc)


def _result(
    module: AnsibleModule, reading: Reading, client: Client, seconds: float, params: dict[str, t.Any]
) -> dict[str, t.Any]:
    if reading.problems and not params["allow_partial"]:
        first = reading.problems[0]
        more = len(reading.problems) - 1
        first.message = f"not everything could be read: {first.message}" + (
            f" (and {more} more problems)" if more else ""
        )
        advice = "Mend this, or set allow_partial: true to get an incomplete READ that proves nothing"
        first.advice = f"{first.advice}. {advice}" if first.advice else advice
        raise first
    read = reading.result()
    counters = client.counters
    read["requests"] = {
        "count": counters.count,
        "retries": counters.retries,
        "bytes": counters.bytes,
        "seconds": round(seconds, 3),
    }
    if client.endpoint.verify is False:
        module.warn(f"{reading.source}: the server's certificate was not checked (validate_certs: false)")
    if read["totals"]["in_future"]:
        module.warn(
            f"{reading.source}: {read['totals']['in_future']} points are dated in the future and were left out; "
            "check the clocks of the server and of this machine"
        )
    for warning in reading.warnings:
        module.warn(f"{reading.source}: {warning}")
    if params["pack"]:
        return pack(read, module.no_log_values)
    size = len(module.jsonify(read))
    if size > AWX_EVENT_BYTES:
        module.warn(
            f"{reading.source}: this result of {size:,} bytes is more than AWX keeps of an event "
            f"({AWX_EVENT_BYTES:,}); use pack: true, or detail: workloads"
        )
    return seal(read)
