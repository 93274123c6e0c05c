# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shape of documents: fields, types, time formats, null values and empty values, without the values."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Iterator
from typing import Any

# Fields of these objects have arbitrary names, and so do fields that are paths.
_MAPPINGS = frozenset({"_links"})
_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d.*|\d\d/\d\d/\d{4} .*")
# Values that are too common to prove copying: words, file names of a product, versions of an API, small
# numbers, the empty id.
_COMMON = re.compile(
    r"[A-Za-z][A-Za-z _/-]*|[a-z0-9.-]+\.(blob|fidx|didx)"
    r"|S3Compatible|v\d_\d|-?\d{1,3}|20\d\d|\d\.\d|[0-]+|http://www\.(veeam|w3)\S+|PostgreSQL \d+"
)


@dataclasses.dataclass
class Place:
    """Values at one path of some documents."""

    types: set[str] = dataclasses.field(default_factory=set)
    # Sets of fields that occur together, so that missing fields are compared.
    members: set[frozenset[str]] = dataclasses.field(default_factory=set)
    formats: set[str] = dataclasses.field(default_factory=set)


def get_shape(documents: Iterable[Any]) -> dict[str, Place]:
    """Return the shape at each path; all items of a list share one path."""
    places: dict[str, Place] = {}
    for document in documents:
        for path, value in _walk(document, "$"):
            place = places.setdefault(path, Place())
            place.types.add(_get_type(value))
            if isinstance(value, dict):
                place.members.add(frozenset(_children(value, path)))
            elif isinstance(value, str) or value == []:
                place.formats.add(_get_format(value))
    return places


def compare(ours: Iterable[Any], theirs: Iterable[Any]) -> list[str]:
    """Describe where documents differ in shape. Our text may have more formats than theirs, for example a real id."""
    our_shape, their_shape = get_shape(ours), get_shape(theirs)
    problems = [f"{path}: only ours" for path in our_shape.keys() - their_shape.keys()]
    problems += [f"{path}: only theirs" for path in their_shape.keys() - our_shape.keys()]
    for path in our_shape.keys() & their_shape.keys():
        mine, their = our_shape[path], their_shape[path]
        if mine.types != their.types:
            problems.append(f"{path}: {sorted(mine.types)} is not {sorted(their.types)}")
        if mine.members != their.members:
            problems.append(f"{path}: other members occur together: {_list(mine.members ^ their.members)}")
        if missing := their.formats - mine.formats - {"text"}:
            problems.append(f"{path}: formats without a sample: {sorted(missing)}")
    return sorted(problems)


def find_copies(ours: Iterable[Any], theirs: Iterable[Any]) -> list[Any]:
    """Return the values of our documents that also occur in theirs and are not common words or small numbers."""
    known = {repr(value) for value in _scalars(theirs)}
    return [value for value in _scalars(ours) if repr(value) in known and not _is_common(value)]


def _is_common(value: Any) -> bool:
    if value is None or isinstance(value, bool) or value == "":
        return True
    return _COMMON.fullmatch(str(value)) is not None


def _scalars(documents: Iterable[Any]) -> Iterator[Any]:
    for document in documents:
        yield from (value for _path, value in _walk(document, "") if not isinstance(value, (dict, list)))


def _list(members: Iterable[frozenset[str]]) -> list[list[str]]:
    return sorted(sorted(names) for names in members)


def _children(value: dict[str, Any], path: str) -> dict[str, Any]:
    return {"*": None} if _is_mapping(value, path) and value else value


def _is_mapping(value: dict[str, Any], path: str) -> bool:
    return path.rpartition(".")[2] in _MAPPINGS or all(name.startswith("/") for name in value)


def _walk(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    yield path, value
    if isinstance(value, dict):
        for name, child in value.items():
            yield from _walk(child, f"{path}.{'*' if _is_mapping(value, path) else name}")
    elif isinstance(value, list):
        for child in value:
            yield from _walk(child, f"{path}[]")


def _get_type(value: Any) -> str:
    return {bool: "boolean", dict: "object", float: "number", int: "integer", list: "list", str: "text"}.get(
        type(value), "null"
    )


def _get_format(value: Any) -> str:
    if not value:
        return "empty"
    if value.isdigit():
        return "digits"
    if _TIME.fullmatch(value):
        return re.sub(r"[+-](?=0:0$)", "±", re.sub(r"\d+", "0", value)).replace("am", "pm")
    return "text"
