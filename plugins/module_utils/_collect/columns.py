# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Convert rows to columns, a thousand rows per block: this reduces the compressed size by a quarter.

A block is [number of rows, paths, columns]: one column for each path of keys in any of its rows, with null for rows
without that key. A row is a dict and a block is a list, so a list may contain both.
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Iterator, Mapping, Sequence

# Small enough to keep one block at a time in memory, large enough that a column fills the window of zlib.
ROWS = 1000
# An explicit null differs from a missing key: its path ends in this marker, and its column contains true.
_NULL = None

_Path = tuple["str | None", ...]


def to_blocks(rows: Sequence[t.Any]) -> list[t.Any]:
    """Convert rows to blocks. A part with an item that is not a row is unchanged; the reader rejects it."""
    items: list[t.Any] = []
    for start in range(0, len(rows), ROWS):
        part = rows[start : start + ROWS]
        if all(isinstance(row, Mapping) for row in part):
            items.append(_build_block(part))
        else:
            items.extend(part)
    return items


def _build_block(rows: Sequence[Mapping[str, t.Any]]) -> list[t.Any]:
    columns: dict[_Path, list[t.Any]] = {}
    for number, row in enumerate(rows):
        for path, value in _iter_members(row, ()):
            column = columns.get(path)
            if column is None:
                column = columns[path] = [None] * len(rows)
            column[number] = value
    # Sorted by the last key first, so that times that are often equal are within the window of zlib.
    paths = sorted(columns, key=lambda path: [(str(key), key is _NULL) for key in path[::-1]])
    return [len(rows), [list(path) for path in paths], [columns[path] for path in paths]]


def _iter_members(row: Mapping[str, t.Any], above: _Path) -> Iterator[tuple[_Path, t.Any]]:
    for key, value in row.items():
        if isinstance(value, dict) and value:
            yield from _iter_members(value, (*above, key))
        elif value is None:
            yield (*above, key, _NULL), True
        else:
            yield (*above, key), value


def to_rows(items: Iterable[t.Any]) -> Iterator[t.Any]:
    """Yield the rows of a list with blocks; an invalid block raises a Value-, Type-, Lookup- or AttributeError."""
    for item in items:
        if isinstance(item, list):
            yield from _parse_block(*item)
        else:
            yield item


def _parse_block(
    count: int, paths: Sequence[Sequence[str]], columns: Sequence[Sequence[t.Any]]
) -> list[dict[str, t.Any]]:
    if not 0 <= count <= ROWS or any(len(column) != count for column in columns):
        raise ValueError("the columns do not fit together")
    return _build_rows(list(zip(paths, columns, strict=True)), count)


def _build_rows(members: Sequence[tuple[Sequence[t.Any], Sequence[t.Any]]], count: int) -> list[dict[str, t.Any]]:
    """Build one dict per row from all keys on one level."""
    keys: list[str] = []
    values: list[Sequence[t.Any]] = []
    nulls: list[tuple[str, Sequence[t.Any]]] = []
    inner: dict[str, list[tuple[Sequence[t.Any], Sequence[t.Any]]]] = {}
    for path, column in members:
        key, *below = path
        if not below:
            keys.append(key)
            values.append(column)
        elif below == [_NULL]:
            nulls.append((key, column))
        else:
            inner.setdefault(key, []).append((below, column))
    for key, within in inner.items():
        keys.append(key)
        values.append([made or None for made in _build_rows(within, count)])
    if values:
        made = [
            {key: value for key, value in zip(keys, cells, strict=True) if value is not None}
            for cells in zip(*values, strict=True)
        ]
    else:
        made = [{} for _number in range(count)]
    for key, column in nulls:
        for row, is_null in zip(made, column, strict=True):
            if is_null:
                row[key] = None
    return made
