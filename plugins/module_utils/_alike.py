# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Most records of a listing say the same but for id, time and size: what follows from the rest is worked out once."""

from __future__ import annotations

import typing as t
from collections.abc import Callable, Mapping, Sequence

Meaning = t.TypeVar("Meaning")

# Workloads of one server, some of them several times; cleared when it grows past that.
_LIMIT = 20_000


class Alike(t.Generic[Meaning]):
    """What ``work_out`` makes of some values, worked out once for all that are the same."""

    def __init__(self, work_out: Callable[..., Meaning]) -> None:
        self._work_out = work_out
        self._known: dict[t.Any, Meaning] = {}

    def of(self, values: tuple[t.Any, ...]) -> Meaning:
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


class AlikeRecords(t.Generic[Meaning]):
    """What records mean that say the same in ``members``; ``work_out`` is given a record with no other members."""

    def __init__(self, members: Sequence[str], work_out: Callable[[Mapping[str, t.Any]], Meaning]) -> None:
        self._members = tuple(members)
        # No member at all means what null means.
        self._alike = Alike(lambda *values: work_out(dict(zip(self._members, values, strict=True))))

    def of(self, record: Mapping[str, t.Any]) -> Meaning:
        """The meaning of one record, the same object for all that are alike."""
        return self._alike.of(tuple(map(record.get, self._members)))
