# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Cache values that are computed from records: most records of a listing differ only in id, time and size."""

from __future__ import annotations

import operator
import typing as t
from collections.abc import Callable, Mapping, Sequence

from ansible_collections.backup.audit.plugins.module_utils._core.model import RecoveryPoint

Value = t.TypeVar("Value")

# Maximum size of a cache, at which it is cleared. Enough for the workloads of one server.
_MAX_ENTRIES = 20_000
# Maximum number of shapes (names and order of fields). Records of one listing have only a few.
_MAX_SHAPES = 100


class ValueCache(t.Generic[Value]):
    """Caches the results of ``compute`` by its arguments."""

    def __init__(self, compute: Callable[..., Value]) -> None:
        self._compute = compute
        self._cache: dict[t.Any, Value] = {}

    def get(self, values: tuple[t.Any, ...]) -> Value:
        """Return the result for these values, the same object each time."""
        # 1, 1.0 and True are equal but have different meanings.
        key = (values, tuple(map(type, values)))
        try:
            return self._cache[key]
        except KeyError:
            found = self._compute(*values)
        except TypeError:
            # A field unexpectedly contains a list or an object, which cannot be hashed.
            return self._compute(*values)
        if len(self._cache) >= _MAX_ENTRIES:
            self._cache.clear()
        self._cache[key] = found
        return found


class RecordCache(t.Generic[Value]):
    """Caches the results of ``compute`` by the fields ``members``; ``compute`` gets a record with only these fields."""

    def __init__(self, members: Sequence[str], compute: Callable[[Mapping[str, t.Any]], Value]) -> None:
        self._members = tuple(members)
        self._compute = compute
        # With known fields, one itemgetter reads the values of a record in a fifth of the time.
        self._shapes: dict[tuple[str, ...], tuple[tuple[str, ...], _Values, ValueCache[Value]]] = {}
        self._value_caches: dict[tuple[str, ...], ValueCache[Value]] = {}
        # Most records have the shape of the previous one; in one response, the keys are even the same string objects.
        self._last = self._register_shape(())

    def get(self, record: Mapping[str, t.Any]) -> Value:
        """Return the result for a record, the same object for all records with the same values in ``members``."""
        shape = tuple(record)
        last, values, value_cache = self._last
        if shape != last:
            _names, values, value_cache = self._shapes.get(shape) or self._register_shape(shape)
            self._last = shape, values, value_cache
        return value_cache.get(values(record))

    def _register_shape(self, shape: tuple[str, ...]) -> tuple[tuple[str, ...], _Values, ValueCache[Value]]:
        if len(self._shapes) >= _MAX_SHAPES:
            self._shapes.clear()
            self._value_caches.clear()
        present = tuple(member for member in self._members if member in shape)
        if present not in self._value_caches:
            self._value_caches[present] = ValueCache(lambda *values: self._compute_value(present, values))
        registered = self._shapes[shape] = (shape, _values_getter(present), self._value_caches[present])
        return registered

    def _compute_value(self, present: tuple[str, ...], values: tuple[t.Any, ...]) -> Value:
        # A missing field is treated as null.
        return self._compute({**dict.fromkeys(self._members), **dict(zip(present, values, strict=True))})


_Values = Callable[[Mapping[str, t.Any]], tuple[t.Any, ...]]


def _values_getter(members: tuple[str, ...]) -> _Values:
    if len(members) < 2:
        # itemgetter does not return a tuple for one name, and does not accept zero names.
        return lambda record: tuple(record[member] for member in members)
    return operator.itemgetter(*members)


class PointTemplates:
    """Template points for Collector.add_point_like: one for all records with the same values in ``members``.

    All values are strings or null. These are never equal to a value of another type, so types are not compared, which
    would take as long as everything else.
    """

    def __init__(self, members: Sequence[str]) -> None:
        self._values = operator.itemgetter(*members)
        self._cache: dict[t.Any, RecoveryPoint] = {}

    def get(self, record: Mapping[str, t.Any], owner: str | None = None) -> RecoveryPoint | None:
        """Return the template for a record, or None. ``owner`` is its workload, if records do not name it."""
        try:
            return self._cache.get((owner, self._values(record)))
        except (KeyError, TypeError):
            return None

    def add(self, record: Mapping[str, t.Any], template: RecoveryPoint, owner: str | None = None) -> None:
        """Store a template for records like this one, unless it lacks a member. The template must never be changed."""
        try:
            values = self._values(record)
        except KeyError:
            return
        if all(value is None or isinstance(value, str) for value in values):
            if len(self._cache) >= _MAX_ENTRIES:
                self._cache.clear()
            self._cache[owner, values] = template
