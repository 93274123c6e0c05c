# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rows as columns, a thousand rows to a block: what is alike stands together, and packs to three quarters.

A block is [number of rows, paths, columns]: one column for each path of members that any of its rows has, with null
where a row has it not. A row is a dict and a block is a list, so both may stand in one list.
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Iterator, Mapping, Sequence

# Small enough that a reader holds one block at a time, large enough that a column fills the window of zlib.
ROWS = 1000
# A null that a row does hold is another thing than none at all: its path ends in this, and its column says true.
_NULL = None

_Path = tuple["str | None", ...]


def blocks(rows: Sequence[t.Any]) -> list[t.Any]:
    """The rows as blocks. What holds something that is no row stays as it is, for whoever reads it to refuse."""
    told: list[t.Any] = []
    for start in range(0, len(rows), ROWS):
        part = rows[start : start + ROWS]
        if all(isinstance(row, Mapping) for row in part):
            told.append(_block(part))
        else:
            told.extend(part)
    return told


def _block(rows: Sequence[Mapping[str, t.Any]]) -> list[t.Any]:
    columns: dict[_Path, list[t.Any]] = {}
    for number, row in enumerate(rows):
        for path, value in _members(row, ()):
            column = columns.get(path)
            if column is None:
                column = columns[path] = [None] * len(rows)
            column[number] = value
    # By their last member first, so that moments which are often the same stand near enough for zlib to see it.
    paths = sorted(columns, key=lambda path: [(str(key), key is _NULL) for key in path[::-1]])
    return [len(rows), [list(path) for path in paths], [columns[path] for path in paths]]


def _members(row: Mapping[str, t.Any], above: _Path) -> Iterator[tuple[_Path, t.Any]]:
    for key, value in row.items():
        if isinstance(value, dict) and value:
            yield from _members(value, (*above, key))
        elif value is None:
            yield (*above, key, _NULL), True
        else:
            yield (*above, key), value


def to_rows(told: Iterable[t.Any]) -> Iterator[t.Any]:
    """The rows of a list that may hold blocks; for what is none ValueError, TypeError, LookupError, AttributeError."""
    for item in told:
        if isinstance(item, list):
            yield from _rows(*item)
        else:
            yield item


def _rows(count: int, paths: Sequence[Sequence[str]], columns: Sequence[Sequence[t.Any]]) -> list[dict[str, t.Any]]:
    if not 0 <= count <= ROWS or any(len(column) != count for column in columns):
        raise ValueError("the columns do not fit together")
    return _built(list(zip(paths, columns, strict=True)), count)


def _built(members: Sequence[tuple[Sequence[t.Any], Sequence[t.Any]]], count: int) -> list[dict[str, t.Any]]:
    """One dict for each row, of all members on one level."""
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
        values.append([made or None for made in _built(within, count)])
    if values:
        made = [
            {key: value for key, value in zip(keys, cells, strict=True) if value is not None}
            for cells in zip(*values, strict=True)
        ]
    else:
        made = [{} for _number in range(count)]
    for key, column in nulls:
        for row, said in zip(made, column, strict=True):
            if said:
                row[key] = None
    return made
