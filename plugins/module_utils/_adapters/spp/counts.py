# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Spectrum Protect Plus: count recovery points with aggregate requests (detail: counts)."""

from __future__ import annotations

import dataclasses
import json
import typing as t
from collections.abc import Iterator, Mapping, Sequence

from ansible_collections.backup.audit.plugins.module_utils._adapters.spp.api import PART_ERRORS
from ansible_collections.backup.audit.plugins.module_utils._core.errors import InvalidResponseError
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import (
    as_int,
    as_object,
    as_text,
    get_items,
)
from ansible_collections.backup.audit.plugins.module_utils._transport.client import Client
from ansible_collections.backup.audit.plugins.module_utils._transport.thread_pool import ThreadPool

_PK = "pk"
_SUB_TYPE = "protectionInfo.subPolicyType"
_WITH_SESSION = "0"
# Later than all session ids, which are times in milliseconds.
_NO_SESSION = "9" * 18
# Types whose entries can be copies of the same point in time. The first type is the source of the others.
_COPY_KINDS = {"BACKUP": "backup", "REPLICATION": "replica", "SPPOFFLOAD": "backup", "SPPARCHIVE": "archive"}

# Primary key -> type, or None if it is not reported -> number of entries.
_Groups = Mapping[str, Mapping["str | None", int]]


@dataclasses.dataclass(frozen=True)
class Counts:
    """Number of recovery points by primary key and kind. ``warnings`` explain why some kinds are unknown."""

    by_pk: Mapping[str, Mapping[str, int]]
    warnings: Sequence[str]


def read_counts(client: Client, thread_pool: ThreadPool, path: str, what: str) -> Counts:
    """Count the points of each workload of a catalog, and by type if the server reports it.

    The request for all points is documented. Two further requests show whether its numbers can be trusted: one groups
    by type, and one has a filter that no entry matches.
    """
    grouped = thread_pool.submit(_try_fetch, client, path, [_PK, _SUB_TYPE], _WITH_SESSION)
    none = thread_pool.submit(_try_fetch, client, path, [_PK], _NO_SESSION)
    totals = thread_pool.submit(_fetch, client, path, [_PK], _WITH_SESSION).result()
    by_type = grouped.result()
    if none.result() != {}:
        reason = "the server may not apply the filter that leaves out entries without a session"
    elif by_type is None:
        reason = "the server does not group the count by type"
    elif any(sub_type is not None for types in by_type.values() for sub_type in types) or not totals:
        return _combine(totals, by_type, what)
    else:
        reason = "the server does not report the type of the counted entries"
    warning = (
        f"{reason}: it is unknown how many of the counted entries of {what}s are recovery points. Use detail: workloads"
    )
    return Counts({pk: {"unknown": sum(types.values())} for pk, types in totals.items()}, [warning] if totals else [])


def _combine(totals: _Groups, by_type: _Groups, what: str) -> Counts:
    """Split the total of each workload into kinds. If the numbers by type do not add up to it, its kind is unknown."""
    counts: dict[str, dict[str, int]] = {}
    doubtful = 0
    for pk, types in totals.items():
        total, found = sum(types.values()), by_type.get(pk, {})
        kinds: dict[str, int] = {}
        if sum(found.values()) == total:
            for kind, number in _split(found):
                if number:
                    kinds[kind] = kinds.get(kind, 0) + number
        else:
            kinds["unknown"] = total
        counts[pk] = kinds
        doubtful += bool(kinds.get("unknown"))
    warning = (
        f"{doubtful} of {len(counts)} {what}s have counted entries that may be copies of other entries, or whose type "
        "is unknown. They do not count as recovery points. Use detail: workloads"
    )
    return Counts(counts, [warning] if doubtful else [])


def _split(types: Mapping[str | None, int]) -> Iterator[tuple[str, int]]:
    """Yield (kind, number). Entries that may be copies of an already counted point are of unknown kind.

    30 backups and 40 replicas are at least 40 points: all backups, and 10 of the replicas.
    """
    by_type: dict[str, int] = {}
    for sub_type, number in types.items():
        name = (sub_type or "").upper()
        by_type[name] = by_type.get(name, 0) + number
    covered = 0
    for name, kind in _COPY_KINDS.items():
        number = by_type.pop(name, 0)
        certain = max(number - covered, 0)
        covered += certain
        yield kind, certain
        yield "unknown", number - certain
    yield "snapshot", by_type.pop("SNAPSHOT", 0)
    yield "unknown", sum(by_type.values())


def _try_fetch(client: Client, path: str, group: list[str], session: str) -> _Groups | None:
    try:
        return _fetch(client, path, group, session)
    except PART_ERRORS:
        return None


def _fetch(client: Client, path: str, group: list[str], session: str) -> _Groups:
    """Count the entries whose session is later than ``session``."""
    response = client.request(
        "POST",
        path,
        params={
            "action": "aggregate",
            "filter": json.dumps([{"property": "sessionId", "op": ">", "value": session}]),
        },
        json_body={
            "op": [{"operation": "count", "fieldname": _PK, "outputname": "count"}],
            "group": group,
            # Without this key and the filter, the server counts workloads instead of recovery points.
            "copytype": "versiononly",
        },
    )
    counts: dict[str, dict[str | None, int]] = {}
    for row in get_items(response.json_object(), "results", response.request, response.server):
        identity = as_object(as_object(row).get("_id"))
        pk, count = as_text(identity.get(_PK)), _parse_count(as_object(row))
        if pk is None or count is None:
            raise InvalidResponseError(
                f"expected a primary key and a number in a row of the count, found {row!r}",
                server=response.server,
                request=response.request,
            )
        sub_type = as_text(as_object(identity.get("protectionInfo")).get("subPolicyType"))
        by_type = counts.setdefault(pk, {})
        if sub_type in by_type:
            raise InvalidResponseError(
                f"the count contains a group twice: {identity!r}", server=response.server, request=response.request
            )
        by_type[sub_type] = count
    return counts


def _parse_count(row: Mapping[str, t.Any]) -> int | None:
    """Return the count of one group. If the server ignores outputname, it is the only number of the row."""
    numbers = [as_int(value) for name, value in row.items() if name != "_id"]
    count = as_int(row.get("count"))
    if count is None and len(numbers) == 1:
        count = numbers[0]
    return count
