# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One server met more than once: in several READs, or by several names. Its points must not prove anything twice."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.backup.audit.plugins.module_utils._core.times import SECOND
from ansible_collections.backup.audit.plugins.module_utils._policy.findings import FACTS
from ansible_collections.backup.audit.plugins.module_utils._policy.rows import Record
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.terms import parsed

_TYPE = FACTS.index("workload_type")


def superseded(records: Sequence[Record]) -> set[int]:
    """Numbers of the rows that a later READ of the same server tells anew: what they say may be gone since."""
    if len({id(record.read) for record in records}) == len({record.read.host for record in records}):
        return set()
    latest: dict[tuple[object, ...], int] = {}
    old: set[int] = set()
    for number, record in enumerate(records):
        source, origin, ident, name = record.place
        key = (source, origin, record.facts[_TYPE], ident, name if ident is None else None)
        other = latest.setdefault(key, number)
        if records[other].read is record.read:
            continue
        is_later = record.read.context.read_at >= records[other].read.context.read_at
        old.add(other if is_later else number)
        if is_later:
            latest[key] = number
    return old


def origins(group: Sequence[Record]) -> tuple[str, ...]:
    """Whose points the rows of one workload are.

    A server behind another, or one read by two names, has two names here. Its newest or its oldest point has one time,
    to the second, in both; backups that are independent of each other do not.
    """
    told: list[str] = []
    seen: dict[tuple[bool, int], str] = {}
    for record in group:
        ends = ((True, record.newest), (False, record.oldest))
        moments = [(is_newest, parsed(time) // SECOND) for is_newest, time in ends if time is not None]
        own = record.place[1] or record.read.host
        origin = next((seen[moment] for moment in moments if moment in seen), own)
        seen.update((moment, origin) for moment in moments if moment not in seen)
        told.append(origin)
    return tuple(told)
