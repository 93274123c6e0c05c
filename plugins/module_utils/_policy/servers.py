# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Servers that occur in several read results or under several names: their points must not count twice."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.backup.audit.plugins.module_utils._core.times import SECOND
from ansible_collections.backup.audit.plugins.module_utils._policy.findings import FACTS
from ansible_collections.backup.audit.plugins.module_utils._policy.rows import Record
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.terms import to_micros

_TYPE = FACTS.index("workload_type")


def find_superseded(records: Sequence[Record]) -> set[int]:
    """Return the numbers of rows that a later read result of the same server contains again: they may be outdated."""
    if len({id(record.read) for record in records}) == len({record.read.host for record in records}):
        return set()
    latest: dict[tuple[object, ...], int] = {}
    old: set[int] = set()
    for number, record in enumerate(records):
        source, origin, ident, name = record.subject
        key = (source, origin, record.facts[_TYPE], ident, name if ident is None else None)
        other = latest.setdefault(key, number)
        if records[other].read is record.read:
            continue
        is_later = record.read.context.read_at >= records[other].read.context.read_at
        old.add(other if is_later else number)
        if is_later:
            latest[key] = number
    return old


def resolve_origins(group: Sequence[Record]) -> tuple[str, ...]:
    """Return the server that the points of each row of a workload belong to.

    A server behind another one, or read under two names, has two names here. Its newest or oldest point has the same
    time, to the second, in both; independent backups do not.
    """
    names: list[str] = []
    seen: dict[tuple[bool, int], str] = {}
    for record in group:
        ends = ((True, record.newest), (False, record.oldest))
        moments = [(is_newest, to_micros(time) // SECOND) for is_newest, time in ends if time is not None]
        own = record.subject[1] or record.read.host
        origin = next((seen[moment] for moment in moments if moment in seen), own)
        seen.update((moment, origin) for moment in moments if moment not in seen)
        names.append(origin)
    return tuple(names)
