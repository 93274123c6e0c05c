# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documents with fields removed, set to null, or replaced with something else."""

from __future__ import annotations

import copy
import dataclasses
import random
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

Key = tuple[str, str, bytes]
Documents = Mapping[Key, dict[str, Any]]
# Position of a field: its response, and the names and indexes that lead to it from the top.
Site = tuple[Key, tuple[Any, ...]]

_IDENT = re.compile(r".*\d.*")
_VERSION = re.compile(r"v\d+(\.\d+)?")
# Damages that remove information. The others replace it with other or unreadable values.
DROP, NULL = "drop", "null"
LOSSES = (DROP, NULL)
_STRANGE: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 1.5, 2**31, 2**63, 10**30, -(10**18), 1e308),
    *("", " ", "x", "0", "true", "null", "\x00", "\ud800", "é" * 300, "-1", "1e9", "../..", "a/b?c#d"),
    *("2026-02-30T00:00:00Z", "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59", "02/30/2026 25:61:00 pm"),
    *("/api/elsewhere", "http://[", "https://elsewhere.example/api"),
    *([], {}, [None], [[]], {"": None}, {"id": {}}, [{"id": 1}]),
)


@dataclasses.dataclass(frozen=True)
class Damage:
    """One kind of damage and the sites that it is applied to."""

    how: str
    sites: tuple[Site, ...]
    name: str = ""

    def __str__(self) -> str:
        return f"{self.how} {self.name} ({len(self.sites)} times)"


def sites(documents: Documents) -> dict[str, list[Site]]:
    """List every field of every response by a name that is equal for the same field of other records and responses."""
    found: dict[str, list[Site]] = {}
    for key, document in documents.items():
        method, url, _body = key
        parts = [_VERSION.sub("v", part) for part in urlsplit(url).path.split("/")]
        call = "/".join("*" if _IDENT.fullmatch(part) else part for part in parts)
        for section in ("headers", "body"):
            for path in [*([()] if section == "body" else ()), *_paths(document[section])]:
                steps = ["[]" if isinstance(step, int) else str(step) for step in path]
                name = f"{method} {call} {'.'.join([section, *steps])}"
                found.setdefault(name, []).append((key, (section, *path)))
    return found


def _paths(node: Any) -> Iterator[tuple[Any, ...]]:
    steps = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for step, value in steps:
        yield (step,)
        for path in _paths(value):
            yield (step, *path)


def apply_damages(documents: Documents, damages: list[Damage], rng: random.Random) -> dict[Key, dict[str, Any]]:
    """Apply the damages and return the documents that changed."""
    changed: dict[Key, dict[str, Any]] = {}
    for damage in damages:
        # In reverse order, so that removing a list item does not shift the items that follow.
        for key, path in reversed(damage.sites):
            if key not in changed:
                changed[key] = copy.deepcopy(documents[key])
            _damage(changed[key], path, damage.how, rng)
    return changed


def _damage(document: Any, path: tuple[Any, ...], how: str, rng: random.Random) -> None:
    node = document
    for step in path[:-1]:
        if not _has_step(node, step):
            return
        node = node[step]
    last = path[-1]
    if not _has_step(node, last):
        return
    if how == DROP:
        del node[last]
    else:
        node[last] = damage_value(node[last], how, rng)


def _has_step(node: Any, step: Any) -> bool:
    """Return whether this step still exists after earlier damages."""
    if isinstance(step, int):
        return isinstance(node, list) and step < len(node)
    return isinstance(node, dict) and step in node


OTHERS = ("strange", "retype", "twice", "cut", "wrap", "deep")


def damage_value(value: Any, how: str, rng: random.Random) -> Any:
    """Return a replacement for this value."""
    if how == NULL:
        return None
    if how == "strange":
        return copy.deepcopy(rng.choice(_STRANGE))
    if how == "retype":
        return _change_type(value)
    if how == "twice" and isinstance(value, list):
        return value + copy.deepcopy(value)
    if how == "cut" and isinstance(value, (list, str)):
        return value[: len(value) // 2]
    if how == "deep":
        nested: Any = value
        for _level in range(60):
            nested = [nested]
        return nested
    return [value] if rng.random() < 0.5 else {"value": value}


def _change_type(value: Any) -> Any:
    """Convert the value to another type, as a vendor's next or previous release might return it."""
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, str):
        return int(value) if value.lstrip("-").isdigit() and value.isascii() else [value]
    if isinstance(value, list):
        return dict(enumerate(map(str, value)))
    return list(value.values()) if isinstance(value, dict) else 0
