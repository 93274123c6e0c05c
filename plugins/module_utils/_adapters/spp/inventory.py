# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Spectrum Protect Plus: compare the recovery catalog with the inventory of virtual machines."""

from __future__ import annotations

import typing as t
from collections.abc import Collection, Iterator, Mapping, Sequence

from ansible_collections.backup.audit.plugins.module_utils._adapters.spp import records
from ansible_collections.backup.audit.plugins.module_utils._adapters.spp.api import SideListing
from ansible_collections.backup.audit.plugins.module_utils._collect.collector import Collector
from ansible_collections.backup.audit.plugins.module_utils._core.model import Workload
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import as_bool, as_object


def merge_inventory(
    collector: Collector,
    workloads: Sequence[Workload],
    listed: SideListing,
    catalog: Mapping[str, str | None],
    *,
    include_unprotected: bool,
) -> None:
    """Set whether workloads are still in the inventory, and add machines without points.

    ``catalog`` has the primary keys and hosts of all workloads in the catalog, including those that are not selected.
    """
    collector.scope["inventory"] = listed.problem is None
    if listed.problem:
        collector.warnings.append(
            f"inventory not available: unprotected virtual machines cannot be detected. Cause: {listed.problem}"
        )
    if not listed.is_available:
        return
    machines = [records.build_workload(child, "vm") for child in listed.rows]
    for machine, exists in zip(machines, _list_existence(listed.rows), strict=True):
        machine.in_inventory = exists
    hosts = {id(machine): records.get_host(child) for machine, child in zip(machines, listed.rows, strict=True)}
    by_id = records.have_same_ids(catalog, machines)
    by_name = records.list_without_usable_id(machines, by_id=by_id)
    names = {machine.name for machine in by_name if machine.in_inventory is not False}
    taken: set[int] = set()
    unpaired: set[str | None] = set()
    for workload, match in records.pair_machines(workloads, machines, by_id=by_id):
        # A new machine may have the name of a deleted one, so an equal name alone proves nothing.
        if match and (
            records.same_id(workload.id, match.id) or records.same_id(catalog.get(workload.id or ""), hosts[id(match)])
        ):
            workload.in_inventory = match.in_inventory
            taken.add(id(match))
            continue
        unpaired.add(workload.name)
        if listed.problem is None and workload.name not in names:
            workload.in_inventory = False
    known = {ident.casefold() for ident in catalog}
    rest = [one for one in machines if id(one) not in taken and (one.id or "").casefold() not in known]
    doubtful = {id(one) for one in records.list_without_usable_id(rest, by_id=by_id) if one.name in unpaired}
    _report_doubtful(collector, [one for one in rest if id(one) in doubtful])
    if include_unprotected:
        _add_unprotected(collector, rest, doubtful)


def _list_existence(children: Sequence[Mapping[str, t.Any]]) -> Iterator[bool | None]:
    """Yield whether each machine of the inventory still exists: the field inHLO, or True if no machine has it."""
    reported = [as_bool(as_object(child.get("properties")).get("inHLO")) for child in children]
    known = [one for one in reported if one is not None]
    return iter(reported if known else [True] * len(reported))


def _add_unprotected(collector: Collector, machines: Sequence[Workload], doubtful: Collection[int]) -> None:
    """Add machines without recovery points; ``doubtful`` are the id() of those that may be protected machines."""
    for machine in machines:
        if machine.in_inventory is False:
            continue
        if machine.name is None and (machine.id is None or id(machine) in doubtful):
            collector.scope["inventory"] = False
            _warn_once(
                collector, "the inventory lists virtual machines without a name: unprotected ones cannot be detected"
            )
        elif id(machine) not in doubtful:
            collector.add_workload(machine)


def _report_doubtful(collector: Collector, machines: Sequence[Workload]) -> None:
    """Report existing machines that may be protected ones of the same name, or unprotected ones."""
    names = [machine.name for machine in machines if machine.name and machine.in_inventory is not False]
    if names:
        collector.scope["inventory"] = False
        collector.warnings.append(
            f"virtual machines that cannot be distinguished from protected ones of the same name: {len(names)}, for "
            f"example {names[0]!r}. They may be unprotected: the ids of the catalog and of the inventory differ, and "
            "no equal host identifies them"
        )


def _warn_once(collector: Collector, warning: str) -> None:
    if warning not in collector.warnings:
        collector.warnings.append(warning)
