# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Main function of all info modules that use a REST API: options -> adapter -> read result."""

from __future__ import annotations

import concurrent.futures
import contextlib
import os
import typing as t
from urllib.parse import urlsplit

from ansible.module_utils.basic import missing_required_lib

from ansible_collections.backup.audit.plugins.module_utils._adapters.rest import RestAdapter
from ansible_collections.backup.audit.plugins.module_utils._collect.collector import Collector
from ansible_collections.backup.audit.plugins.module_utils._core.redaction import find_secrets
from ansible_collections.backup.audit.plugins.module_utils._core.request_stats import RequestStats
from ansible_collections.backup.audit.plugins.module_utils._core.signals import SignalHandler
from ansible_collections.backup.audit.plugins.module_utils._module.connection_options import (
    apply_environment,
    argument_spec,
    build_endpoint,
    build_settings,
)
from ansible_collections.backup.audit.plugins.module_utils._module.progress import (
    LineWriter,
    format_count,
    format_megabytes,
    open_progress_pipe,
    progress_prefix,
    report_progress,
)
from ansible_collections.backup.audit.plugins.module_utils._module.runner import (
    InfoModule,
    ModuleLike,
    finish,
    new_collector,
    run,
)
from ansible_collections.backup.audit.plugins.module_utils._transport import client as http_client
from ansible_collections.backup.audit.plugins.module_utils._transport.client import Client
from ansible_collections.backup.audit.plugins.module_utils._transport.thread_pool import ThreadPool

# The usual cause is not a missing package, but that Ansible runs the module with a different Python interpreter.
_WHERE = (
    "on the host where this module runs. Run the module on the control node (delegate_to: localhost), with the "
    'variable ansible_python_interpreter: "{{ ansible_playbook_python }}"'
)


def run_module(*adapters: type[RestAdapter]) -> None:
    """Main function of each of these modules. If adapters have a ``choice``, the option ``product`` selects one."""
    module = InfoModule(argument_spec=argument_spec(*adapters), supports_check_mode=True)
    if not http_client.HAS_REQUESTS:
        module.fail_json(msg=missing_required_lib("requests", reason=_WHERE))
    adapter = {adapter.choice: adapter for adapter in adapters}[module.params.get("product", "")]
    signals = SignalHandler()
    with open_progress_pipe(os.environ) as write_line:
        run(
            module,
            adapter,
            lambda: _host_in_url(module.params[adapter.option_names["url"]]),
            lambda: read(module, adapter, signals, write_line),
            signals,
        )


def read(
    module: ModuleLike, adapter_class: type[RestAdapter], signals: SignalHandler, write_line: LineWriter | None = None
) -> dict[str, t.Any]:
    """Read one server according to ``module.params`` and return the read result; AuditError if that fails.

    ``write_line`` gets a progress line from time to time.
    """
    # Secrets are registered first, because results contain all options, even if one of them is rejected.
    module.no_log_values.update(find_secrets(module.params))
    params = apply_environment(module.params, adapter_class, os.environ)
    module.no_log_values.update(find_secrets(params))
    chosen = build_settings(params, adapter_class)
    adapter_class.check(chosen, tuple(params["workload_names"]))
    client = Client(build_endpoint(params, adapter_class), adapter_class.allowlist)
    client.signals = signals
    # The name of the server in rows, findings and errors.
    client.host = adapter_class.server_name(client.endpoint.url, params)
    collector = new_collector(client.host, adapter_class, params)
    thread_pool = ThreadPool(client.endpoint.connections)
    adapter = adapter_class(client, chosen, thread_pool)

    def register_secrets() -> None:
        module.no_log_values.update(client.secrets.texts)

    with contextlib.ExitStack() as exit_stack:
        exit_stack.callback(client.close)
        # Repeated at the end, because the session may be renewed for the logout.
        exit_stack.callback(register_secrets)
        # On exit, this always waits for the logout.
        log_out_pool = exit_stack.enter_context(concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="logout"))
        try:
            with (
                report_progress(write_line, lambda: _progress_line(collector, client.request_stats)),
                signals.interruptible(),
            ):
                adapter.collect(collector)
        except BaseException:
            client.stop_reading()
            raise
        finally:
            # Signals are deferred until the end of the logout. Meanwhile, rows are built.
            thread_pool.close()
            log_out = log_out_pool.submit(adapter.close)
            register_secrets()
        if client.endpoint.verify is False and client.endpoint.fingerprint is None:
            module.warn(f"{collector.source}: the certificate of the server was not verified (validate_certs: false)")
        return finish(module, collector, lambda: _final_request_stats(log_out, client), params)


def _final_request_stats(log_out: concurrent.futures.Future[None], client: Client) -> dict[str, t.Any]:
    """Wait for the logout and return the request counters, which then include it."""
    log_out.result()
    return client.request_stats.as_dict()


def _progress_line(collector: Collector, stats: RequestStats) -> str:
    workloads, points = collector.summary.progress()
    return (
        f"{collector.source}: {progress_prefix(stats)} {format_count(stats.count, 'page')} "
        f"({format_megabytes(stats.bytes)}), {format_count(points, 'recovery point')} "
        f"of {format_count(workloads, 'workload')}"
    )


def _host_in_url(url: str | None) -> str | None:
    """Return the host name in the user's ``url``, for errors that occur before any request."""
    try:
        return urlsplit(url if "://" in url else f"//{url}").hostname if url else None
    except ValueError:
        return None
