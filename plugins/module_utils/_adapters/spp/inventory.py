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
    catalog_ids: Collection[str],
    *,
    include_unprotected: bool,
) -> None:
    """Set whether workloads are still in the inventory, and add machines without points.

    ``catalog_ids`` are the primary keys of all workloads in the catalog, including those that are not selected.
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
    by_id = records.have_same_ids(catalog_ids, machines)
    names = {machine.name for machine in records.list_without_usable_id(machines, by_id=by_id)}
    pairs = records.pair_machines(workloads, machines, by_id=by_id)
    for workload, match in pairs:
        if match:
            workload.in_inventory = match.in_inventory
        elif listed.problem is None and workload.name not in names:
            # With an equal name in the inventory, it is unknown whether it is the same machine.
            workload.in_inventory = False
    if include_unprotected:
        taken = {id(machine) for _workload, machine in pairs if machine}
        known = {ident.casefold() for ident in catalog_ids}
        rest = [one for one in machines if id(one) not in taken and (one.id or "").casefold() not in known]
        unpaired = {workload.name for workload, machine in pairs if machine is None}
        doubtful = {id(one) for one in records.list_without_usable_id(rest, by_id=by_id) if one.name in unpaired}
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
        elif id(machine) in doubtful:
            _warn_once(collector, f"several virtual machines are named {machine.name!r} and cannot be distinguished")
        else:
            collector.add_workload(machine)


def _warn_once(collector: Collector, warning: str) -> None:
    if warning not in collector.warnings:
        collector.warnings.append(warning)
