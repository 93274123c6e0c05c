# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs any info module that reads over the network: options -> source -> READ."""

from __future__ import annotations

import concurrent.futures
import contextlib
import os
import typing as t
from urllib.parse import urlsplit

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ansible_collections.backup.audit.plugins.module_utils._adapters.rest import RestAdapter
from ansible_collections.backup.audit.plugins.module_utils._collect.collector import Collector
from ansible_collections.backup.audit.plugins.module_utils._core.redaction import find_secrets
from ansible_collections.backup.audit.plugins.module_utils._core.request_stats import RequestStats
from ansible_collections.backup.audit.plugins.module_utils._core.signals import SignalHandler
from ansible_collections.backup.audit.plugins.module_utils._module.connection_options import (
    argument_spec,
    endpoint,
    settings,
    with_environment,
)
from ansible_collections.backup.audit.plugins.module_utils._module.progress import (
    Say,
    amount,
    listener,
    megabytes,
    reporting,
    still_reading,
)
from ansible_collections.backup.audit.plugins.module_utils._module.runner import Caller, finish, new_collector, run
from ansible_collections.backup.audit.plugins.module_utils._transport import client as http_client
from ansible_collections.backup.audit.plugins.module_utils._transport.client import Client
from ansible_collections.backup.audit.plugins.module_utils._transport.thread_pool import ThreadPool

# The usual cause is not that the package is missing, but that Ansible found another Python than its own.
_WHERE = (
    "on the control node, where this module belongs: delegate_to: localhost, with the variable "
    'ansible_python_interpreter: "{{ ansible_playbook_python }}"'
)


def run_module(*sources: type[RestAdapter]) -> None:
    """The main of every such module. Where sources have a ``choice``, the option ``product`` chooses among them."""
    module = AnsibleModule(argument_spec=argument_spec(*sources), supports_check_mode=True)
    if not http_client.HAS_REQUESTS:
        module.fail_json(msg=missing_required_lib("requests", reason=_WHERE))
    source = {source.choice: source for source in sources}[module.params.get("product", "")]
    signals = SignalHandler()
    with listener(os.environ) as write_line:
        run(
            module,
            source,
            lambda: _host_in_url(module.params["url"]),
            lambda: read(module, source, signals, write_line),
            signals,
        )


def read(
    module: Caller, source_class: type[RestAdapter], signals: SignalHandler, write_line: Say | None = None
) -> dict[str, t.Any]:
    """The READ of one server as the options in ``module.params`` ask for it; AuditError if there is none.

    Now and then ``write_line`` gets a line that tells how far it is.
    """
    # First of all, because a result shows all options, also where one of them is refused.
    module.no_log_values.update(find_secrets(module.params))
    params = with_environment(module.params, source_class, os.environ)
    module.no_log_values.update(find_secrets(params))
    chosen = settings(params, source_class)
    source_class.check(chosen, tuple(params["names"]))
    client = Client(endpoint(params, source_class), source_class.allowlist)
    client.signals = signals
    # By this name the server stands in rows, in findings and in errors.
    client.host = _shown_host(client.endpoint.url, source_class.default_port)
    collector = new_collector(client.host, source_class, params)
    thread_pool = ThreadPool(client.endpoint.connections)
    source = source_class(client, chosen, thread_pool)

    def learn_secrets() -> None:
        module.no_log_values.update(client.secrets.texts)

    with contextlib.ExitStack() as way_out:
        way_out.callback(client.close)
        # Last of all once more: a session may have to be renewed to be given back.
        way_out.callback(learn_secrets)
        # Waits for what it was given, however this ends.
        aside = way_out.enter_context(concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="leave"))
        try:
            with reporting(write_line, lambda: _so_far(collector, client.request_stats)), signals.interruptible():
                source.collect(collector)
        except BaseException:
            client.stop_reading()
            raise
        finally:
            # Out here signals wait until the session is given back. Rows are made meanwhile.
            thread_pool.close()
            leaving = aside.submit(source.close)
            learn_secrets()
        if client.endpoint.verify is False:
            module.warn(f"{collector.source}: the server's certificate was not checked (validate_certs: false)")
        return finish(module, collector, lambda: _requests(leaving, client), params)


def _requests(leaving: concurrent.futures.Future[None], client: Client) -> dict[str, t.Any]:
    """All that was asked, the log-out at the end among it."""
    leaving.result()
    return client.request_stats.requests()


def _so_far(collector: Collector, stats: RequestStats) -> str:
    workloads, points = collector.summary.progress()
    return (
        f"{collector.source}: {still_reading(stats)} {amount(stats.count, 'page')} ({megabytes(stats.bytes)}), "
        f"{amount(points, 'recovery point')} of {amount(workloads, 'workload')}"
    )


def _host_in_url(url: str | None) -> str | None:
    """What the user called the server, for errors that come before any request."""
    try:
        return urlsplit(url if "://" in url else f"//{url}").hostname if url else None
    except ValueError:
        return None


def _shown_host(url: str, default_port: int) -> str:
    parts = urlsplit(url)
    return str(parts.hostname if parts.port == default_port else parts.netloc)
