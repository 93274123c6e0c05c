# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Common flow of all info modules: set up, handle signals and errors, fail, or return the read result.

Only this file, rest_module.py and cli_module.py use AnsibleModule.
"""

from __future__ import annotations

import contextlib
import gc
import sys
import traceback
import typing as t
from collections.abc import Callable, Mapping

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.backup.audit.plugins.module_utils._adapters.base import Adapter
from ansible_collections.backup.audit.plugins.module_utils._collect.collector import Collector
from ansible_collections.backup.audit.plugins.module_utils._core.errors import AuditError, OptionError
from ansible_collections.backup.audit.plugins.module_utils._core.names import suggest
from ansible_collections.backup.audit.plugins.module_utils._core.signals import SignalHandler, SignalInterruptError
from ansible_collections.backup.audit.plugins.module_utils._module.progress import format_count

# AWX drops the data of larger events.
AWX_EVENT_BYTES = 700_000
# Decoded responses are hundreds of thousands of small objects without reference cycles. With the default threshold, the
# garbage collector takes a seventh of the total time.
_OBJECTS_BETWEEN_COLLECTIONS = 50_000
# Thread switch interval. The thread that requests the next page waits for the GIL, which the aggregating thread holds.
_SECONDS_BETWEEN_THREADS = 0.002


class InfoModule(AnsibleModule):  # type: ignore[misc]
    """AnsibleModule whose error message for an unsupported option contains a similar name."""

    def fail_json(self, msg: str, **kwargs: t.Any) -> None:
        """Exit with an error."""
        unsupported = sorted(set(self.params).difference(self.argument_spec))
        # The base class validates options in its constructor.
        if unsupported and msg.startswith("Unsupported parameters"):
            parts = " ".join(f"{name}. {suggest(name, self.argument_spec)}".rstrip() for name in unsupported)
            msg = (
                f"Unsupported parameter{'' if len(unsupported) == 1 else 's'} for {self._name}: {parts} "
                f"Supported parameters: {', '.join(sorted(self.argument_spec))}."
            )
        super().fail_json(msg=msg, **kwargs)


class ModuleLike(t.Protocol):
    """The interface of AnsibleModule that the functions below need. Plugins implement it, too."""

    params: dict[str, t.Any]
    no_log_values: set[str]

    def warn(self, warning: str) -> None:
        """Report a limitation of the read result."""

    def jsonify(self, data: t.Any) -> str:
        """Serialize a result as the module returns it."""


def run(
    module: AnsibleModule,
    product: type[Adapter],
    server: Callable[[], str | None],
    read: Callable[[], dict[str, t.Any]],
    signals: SignalHandler | None = None,
) -> None:
    """Call ``read`` and exit the module; ``server`` returns the server name for errors that do not have one.

    A signal interrupts ``read`` anywhere, or only where ``read`` allows it through the given ``signals``.
    """
    own = signals or SignalHandler()
    own.install()
    sys.setswitchinterval(_SECONDS_BETWEEN_THREADS)
    gc.freeze()
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)
    try:
        with contextlib.nullcontext() if signals else own.interruptible():
            result = read()
        # If a signal was received during the logout, the caller no longer expects a result.
        own.raise_if_received()
    except SignalInterruptError as stopped:
        _fail(module, AuditError(str(stopped), code="stopped"), server())
    except AuditError as error:
        _fail(module, error, server())
    except Exception as error:  # noqa: BLE001 - a defect must be reported as a failure, in one line
        module.fail_json(
            msg=f"{product.title}: unexpected {type(error).__name__}: {error}. Please report this with its traceback "
            "(-vvv, or ANSIBLE_DISPLAY_TRACEBACK=error with ansible-core 2.19 or later).",
            exception="".join(traceback.format_tb(error.__traceback__)),
        )
    module.exit_json(changed=False, **result)


def _fail(module: AnsibleModule, error: AuditError, server: str | None) -> None:
    error.server = error.server or server
    module.fail_json(msg=str(error), failure=error.as_dict())


# Options that limit which workloads are listed.
_LIMITS = (
    *("workload_names", "workload_types", "include_unprotected", "datastores"),
    *("tenant", "tenant_organization", "stanza", "repo", "server", "regions", "roles"),
    *("subscription_id", "resource_groups", "vaults"),
)


def new_collector(host: str, product: type[Adapter], params: Mapping[str, t.Any]) -> Collector:
    """Create a Collector according to the options."""
    if params["compress"] and params["detail"] == "recovery_points":
        raise OptionError(
            "compress: a compressed result does not list recovery points",
            hint="Use detail: workloads, or compress: false",
        )
    selection = {name: params[name] for name in _LIMITS if params.get(name) not in (None, [], "")}
    if params.get("username"):
        # A different account may see different workloads.
        selection["account"] = params["username"]
    return Collector(
        host,
        product.product,
        workload_names=params["workload_names"],
        since=params["since"],
        until=params["until"],
        keep_points=params["detail"] == "recovery_points",
        location_attributes=params["location_attributes"],
        selection=selection,
        inventory_types=product.inventory_types(),
    )


def finish(
    module: ModuleLike, collector: Collector, requests: Callable[[], Mapping[str, t.Any]], params: Mapping[str, t.Any]
) -> dict[str, t.Any]:
    """Return the sealed read result with warnings; raise the first problem unless ``allow_partial`` is set.

    ``requests`` is called last, to get the final request counters.
    """
    if collector.problems and not params["allow_partial"]:
        first = collector.problems[0]
        more = len(collector.problems) - 1
        first.message = f"the read is incomplete: {first.message}" + (
            f" (and {format_count(more, 'more problem')})" if more else ""
        )
        hint = (
            "Fix the problem, or set allow_partial: true to get an incomplete read result, which never passes a policy"
        )
        first.hint = f"{first.hint}. {hint}" if first.hint else hint
        raise first
    read = collector.result(compress=params["compress"], secrets=module.no_log_values)
    read["http_requests"] = dict(requests())
    if read["totals"]["in_future"]:
        module.warn(
            f"{collector.source}: left out {format_count(read['totals']['in_future'], 'recovery point')} dated in the "
            "future; check the clocks of the server and of this machine"
        )
    for name in collector.unmatched_names:
        module.warn(f"{collector.source}: workload_names: {name!r} matches no workload")
    for warning in collector.warnings:
        module.warn(f"{collector.source}: {warning}")
    size = len(module.jsonify(read))
    if size > AWX_EVENT_BYTES:
        smaller = "compress: true"
        if params["detail"] == "recovery_points":
            smaller = "detail: workloads"
        elif params["compress"]:
            smaller = "workload_names or workload_types to read the server in parts"
        module.warn(
            f"{collector.source}: the result has {size:,} bytes, more than AWX stores for an event "
            f"({AWX_EVENT_BYTES:,}); use {smaller}"
        )
    return read
