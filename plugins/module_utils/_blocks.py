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
_NULL: dict[str, None] = {"": None}

_Path = tuple[str, ...]


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
            # A null that a row does hold is another thing than none at all.
            column[number] = _NULL if value is None else value
    # By their last member first, so that moments which are often the same stand near enough for zlib to see it.
    paths = sorted(columns, key=lambda path: path[::-1])
    return [len(rows), [list(path) for path in paths], [columns[path] for path in paths]]


def _members(row: Mapping[str, t.Any], above: _Path) -> Iterator[tuple[_Path, t.Any]]:
    for key, value in row.items():
        if isinstance(value, Mapping) and value:
            yield from _members(value, (*above, key))
        else:
            yield (*above, key), value


def rows_of(told: Iterable[t.Any]) -> Iterator[t.Any]:
    """The rows of a list that may hold blocks; for what is none ValueError, TypeError, LookupError, AttributeError."""
    for item in told:
        if isinstance(item, list):
            yield from _rows(*item)
        else:
            yield item


def _rows(count: int, paths: Sequence[Sequence[str]], columns: Sequence[Sequence[t.Any]]) -> list[dict[str, t.Any]]:
    if not 0 <= count <= ROWS or any(len(column) != count for column in columns):
        raise ValueError("the columns do not fit together")
    # For each path the dicts that its members stand in, one for each row; below the row itself made when needed.
    inside: dict[_Path, list[t.Any]] = {(): [{} for _number in range(count)]}
    for path, column in zip(paths, columns, strict=True):
        *above, key = path
        holders = inside.get(tuple(above))
        if holders is None:
            holders = inside[tuple(above)] = [None] * count
        for number, value in enumerate(column):
            if value is not None:
                holder = holders[number]
                if holder is None:
                    holder = _holder(inside, tuple(above), number)
                holder[key] = None if isinstance(value, dict) and value else value
    return inside[()]


def _holder(inside: dict[_Path, list[t.Any]], path: _Path, number: int) -> dict[str, t.Any]:
    """The dict of one row at this path, made with all that it stands in."""
    holders = inside.setdefault(path, [None] * len(inside[()]))
    if holders[number] is None:
        outer = _holder(inside, path[:-1], number)
        if path[-1] in outer:
            raise ValueError("a member is told twice")
        holders[number] = outer[path[-1]] = {}
    made: dict[str, t.Any] = holders[number]
    return made
