# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Servers that occur in several read results or under several names: their points must not count twice."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from ansible_collections.backup.audit.plugins.module_utils._core.times import SECOND
from ansible_collections.backup.audit.plugins.module_utils._policy.data_checks import ReadFacts
from ansible_collections.backup.audit.plugins.module_utils._policy.findings import FACTS
from ansible_collections.backup.audit.plugins.module_utils._policy.language.match import Globs
from ansible_collections.backup.audit.plugins.module_utils._policy.rows import Record
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.terms import to_micros

_TYPE = FACTS.index("workload_type")


def find_superseded(records: Sequence[Record], results: Sequence[ReadFacts]) -> dict[int, bool]:
    """Return number of the row -> whether a newer read result of its server contains the workload.

    A row is outdated if a newer read result of the same server contains it again, or was asked for it and does not
    list it any more. If the newer one is not complete, it still replaces the older one, and proves nothing.
    """
    by_host: dict[str, list[ReadFacts]] = defaultdict(list)
    for result in results:
        by_host[result.host].append(result)
    repeated = {id(result): group for group in by_host.values() if len(group) > 1 for result in group}
    if not repeated:
        return {}
    newest: dict[tuple[object, ...], Record] = {}
    keys = [_key(record) for record in records]
    for key, record in zip(keys, records, strict=True):
        if id(record.read) in repeated and record.read.order > newest.setdefault(key, record).read.order:
            newest[key] = record
    old: dict[int, bool] = {}
    for number, (key, record) in enumerate(zip(keys, records, strict=True)):
        others = repeated.get(id(record.read), ())
        if newest.get(key, record).read is not record.read:
            old[number] = True
        elif any(other.order > record.read.order and _covers(other, record) for other in others):
            old[number] = False
    return old


def _key(record: Record) -> tuple[object, ...]:
    source, origin, ident, name = record.subject
    return (source, origin, record.facts[_TYPE], ident, name if ident is None else None)


def _covers(newer: ReadFacts, record: Record) -> bool:
    """Whether the newer read result would list the workload of the record if it still existed."""
    older = record.read
    if newer.selection is None or older.selection is None or newer.hidden - older.hidden:
        return False
    if older.identity and newer.identity and older.identity != newer.identity:
        # Another installation answers at the same address.
        return False
    limits = {*newer.selection, *older.selection} - {"workload_names", "workload_types", "include_unprotected"}
    if any(newer.selection.get(name) != older.selection.get(name) for name in limits):
        return False
    has_window = newer.context.since is not None or newer.context.until is not None
    lists_unprotected = newer.selection.get("include_unprotected") is True and newer.inventory is True
    if has_window and not lists_unprotected:
        # The workload may only have recovery points outside of the window.
        return False
    names, types = newer.selection.get("workload_names"), newer.selection.get("workload_types")
    if names and (record.name is None or not Globs(names, "workload_names").match(record.name)):
        return False
    return not types or record.facts[_TYPE] in types


def resolve_origins(group: Sequence[Record]) -> tuple[str, ...]:
    """Return the server that the points of each row of a workload belong to.

    A server behind another one, or read under two names, has two names here. Rows belong to one server if they have one
    of these in common: the product's own id of the installation, the name, or the time of the newest or oldest point,
    to the second; independent backups do not.
    """
    names: list[str] = []
    seen: dict[tuple[object, ...], str] = {}
    for record in group:
        ends = (("newest", record.newest), ("oldest", record.oldest))
        keys: list[tuple[object, ...]] = [(end, to_micros(time) // SECOND) for end, time in ends if time is not None]
        own = record.subject[1] or record.read.host
        keys.append(("name", own))
        if record.subject[1] is None and record.read.identity is not None:
            keys.append(("identity", record.read.identity))
        origin = next((seen[key] for key in keys if key in seen), own)
        seen.update((key, origin) for key in keys if key not in seen)
        names.append(origin)
    return tuple(names)
