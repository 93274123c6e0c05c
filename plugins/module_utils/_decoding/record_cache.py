# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Most records of a listing say the same but for id, time and size: what follows from the rest is worked out once."""

from __future__ import annotations

import operator
import typing as t
from collections.abc import Callable, Mapping, Sequence

from ansible_collections.backup.audit.plugins.module_utils._core.model import RecoveryPoint

Meaning = t.TypeVar("Meaning")

# Workloads of one server, some of them several times; cleared when it grows past that.
_LIMIT = 20_000
# Records of one listing have one shape, or a few: which members there are, in which order.
_SHAPES = 100


class ValueCache(t.Generic[Meaning]):
    """What ``work_out`` makes of some values, worked out once for all that are the same."""

    def __init__(self, work_out: Callable[..., Meaning]) -> None:
        self._work_out = work_out
        self._known: dict[t.Any, Meaning] = {}

    def get(self, values: tuple[t.Any, ...]) -> Meaning:
        """The meaning of these values, the same object each time."""
        # 1, 1.0 and True are equal, and mean different things.
        key = (values, tuple(map(type, values)))
        try:
            return self._known[key]
        except KeyError:
            found = self._work_out(*values)
        except TypeError:
            # A list or an object, which no record should have there.
            return self._work_out(*values)
        if len(self._known) >= _LIMIT:
            self._known.clear()
        self._known[key] = found
        return found


class RecordCache(t.Generic[Meaning]):
    """What records mean that say the same in ``members``; ``work_out`` is given a record with no other members."""

    def __init__(self, members: Sequence[str], work_out: Callable[[Mapping[str, t.Any]], Meaning]) -> None:
        self._members = tuple(members)
        self._work_out = work_out
        # Where it is known which members a record has, its values are had at once, in a fifth of the time.
        self._shapes: dict[tuple[str, ...], tuple[tuple[str, ...], _Values, ValueCache[Meaning]]] = {}
        self._alikes: dict[tuple[str, ...], ValueCache[Meaning]] = {}
        # Most records have the shape of the one before, and its very names where both came with one answer.
        self._last = self._learned(())

    def get(self, record: Mapping[str, t.Any]) -> Meaning:
        """The meaning of one record, the same object for all that are alike and have the same of these members."""
        shape = tuple(record)
        last, values, alike = self._last
        if shape != last:
            _names, values, alike = self._shapes.get(shape) or self._learned(shape)
            self._last = shape, values, alike
        return alike.get(values(record))

    def _learned(self, shape: tuple[str, ...]) -> tuple[tuple[str, ...], _Values, ValueCache[Meaning]]:
        if len(self._shapes) >= _SHAPES:
            self._shapes.clear()
            self._alikes.clear()
        present = tuple(member for member in self._members if member in shape)
        if present not in self._alikes:
            self._alikes[present] = ValueCache(lambda *values: self._meaning(present, values))
        known = self._shapes[shape] = (shape, _values_getter(present), self._alikes[present])
        return known

    def _meaning(self, present: tuple[str, ...], values: tuple[t.Any, ...]) -> Meaning:
        # No member at all means what null means.
        return self._work_out({**dict.fromkeys(self._members), **dict(zip(present, values, strict=True))})


_Values = Callable[[Mapping[str, t.Any]], tuple[t.Any, ...]]


def _values_getter(members: tuple[str, ...]) -> _Values:
    if len(members) < 2:
        # Of one an itemgetter gives no tuple, and of none there is no itemgetter.
        return lambda record: tuple(record[member] for member in members)
    return operator.itemgetter(*members)


class PointTemplates:
    """Patterns of points for Reading.alike: one for all that say the same in ``members``.

    All of these are texts or null: no other value is equal to one of another type, so that types need no comparing,
    which takes as long as all the rest.
    """

    def __init__(self, members: Sequence[str]) -> None:
        self._values = operator.itemgetter(*members)
        self._known: dict[t.Any, RecoveryPoint] = {}

    def known(self, record: Mapping[str, t.Any], owner: str | None = None) -> RecoveryPoint | None:
        """The pattern that was learned of such a record; ``owner``: of whose records, where they do not say it."""
        try:
            return self._known.get((owner, self._values(record)))
        except (KeyError, TypeError):
            return None

    def learn(self, record: Mapping[str, t.Any], pattern: RecoveryPoint, owner: str | None = None) -> None:
        """Points like this record are like ``pattern``, which nobody may change; only where it has all members."""
        try:
            values = self._values(record)
        except KeyError:
            return
        if all(value is None or isinstance(value, str) for value in values):
            if len(self._known) >= _LIMIT:
                self._known.clear()
            self._known[owner, values] = pattern
