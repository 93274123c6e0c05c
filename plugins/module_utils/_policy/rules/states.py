# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether recovery points have an attribute: one character for each point of a block.

T: it has the attribute. U: unknown. F: it does not have it. f: it does not have it, and may not be a recovery point at
all. -: the attribute does not apply to this point.
"""

from __future__ import annotations

import bisect
import dataclasses
import itertools
from collections.abc import Mapping

from ansible_collections.backup.audit.plugins.module_utils._collect.blocks import CODES, Block
from ansible_collections.backup.audit.plugins.module_utils._collect.point_class import PointClass
from ansible_collections.backup.audit.plugins.module_utils._core.model import (
    BACKUP_KINDS,
    COUNTING_KINDS,
    FULL_KINDS,
    POINT_ATTRIBUTES,
)
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.terms import DECLARED, INFERRED, Accept

# Temporary state of points whose lock has an end: they have the attribute until then.
_DATED = "D"
_IMMUTABLE = POINT_ATTRIBUTES.index("immutable")


@dataclasses.dataclass(frozen=True, slots=True)
class Attribute:
    """Defines the state of a point by its kind (``kinds``: kind -> T or U), or by one of its attributes."""

    name: str
    kinds: Mapping[str, str] = dataclasses.field(hash=False, compare=False)
    # Index in POINT_ATTRIBUTES; None if only the kind matters, or for malware.
    fact: int | None = None
    is_malware: bool = False
    # Unique identifier, also among attributes with the same name and other kinds.
    ident: str = ""

    @property
    def by_kind(self) -> bool:
        """Whether only the kind matters."""
        return self.fact is None and not self.is_malware


_RECOVERY_POINTS = {**dict.fromkeys(COUNTING_KINDS, "T"), "unknown": "U"}
RECOVERY_POINTS = Attribute("recovery_points", _RECOVERY_POINTS, ident="recovery_points")
FULL = Attribute("full", {**dict.fromkeys(FULL_KINDS, "T"), "backup": "U", "unknown": "U"}, ident="full")
MALWARE = Attribute("malware", _RECOVERY_POINTS, is_malware=True, ident="malware")
FACTS = {name: Attribute(name, _RECOVERY_POINTS, number, ident=name) for number, name in enumerate(POINT_ATTRIBUTES)}


def build_kind_attribute(name: str, kinds: tuple[str, ...]) -> Attribute:
    """Build the attribute for points of these kinds. Points of unknown kind may have it."""
    states = {"unknown": "U"}
    if BACKUP_KINDS.intersection(kinds):
        states["backup"] = "U"
    states.update(dict.fromkeys(kinds, "T"))
    return Attribute(name, states, ident=f"{name} {','.join(kinds)}")


def class_state(facts: PointClass, attribute: Attribute, accept: Accept) -> str:
    """Return the state of the points of a class, or _DATED."""
    kind_state = "-" if facts.usable is False or facts.kind == "continuous" else attribute.kinds.get(facts.kind, "-")
    if kind_state == "-" or attribute.by_kind:
        return "U" if kind_state == "T" and facts.usable is None else kind_state
    value: bool | None
    certainty = get_certainty(facts, attribute)
    if certainty is not None and certainty not in accept:
        value = None
    elif attribute.is_malware:
        value = None if facts.malware is None else facts.malware != "clean"
    elif attribute.fact == _IMMUTABLE and "immutable_until" in facts.moments:
        return _DATED if kind_state == "T" and facts.usable is True else _DATED.lower()
    else:
        value = facts.facts[attribute.fact or 0]
    return known_state(value, is_certain=kind_state == "T" and facts.usable is True)


def known_state(value: bool | None, *, is_certain: bool) -> str:
    """Return the state for a value. Without ``is_certain``, the point may not be a recovery point."""
    if value is None:
        return "U"
    if value:
        return "T" if is_certain else "U"
    return "F" if is_certain else "f"


def get_certainty(facts: PointClass, attribute: Attribute) -> int | None:
    """Return INFERRED or DECLARED for values that the product does not report, or None for reported ones."""
    if attribute.by_kind:
        return None
    if attribute.name in facts.declared:
        return DECLARED
    return INFERRED if attribute.name in facts.inferred else None


class BlockStates:
    """The states of all points of a block at one time, which are computed once per attribute."""

    def __init__(self, block: Block, now: int, listed_at: int, *, clock_is_off: bool) -> None:
        """``now`` and ``listed_at`` (the time of the read) are in seconds on the server's clock."""
        self.block = block
        self._now = now
        self._clock_is_off = clock_is_off
        self._states: dict[tuple[str, Accept, bool], str] = {}
        self._sizes: dict[int, int] | None = None
        self.classes = {CODES[number]: one for number, one in enumerate(block.classes)}
        places, times = block.moments["expires_at"]
        # Points that may have been removed since they were read.
        self._expired = list(
            itertools.compress(places, [listed_at < time and (time <= now or clock_is_off) for time in times])
        )
        # Usable points that had expired before they were read.
        unusable = {code for code, one in self.classes.items() if one.facts.usable is False}
        before = itertools.compress(places, map(listed_at.__ge__, times))
        self._expired_before = [place for place in before if block.codes[place] not in unusable]
        self.moments: dict[str, dict[int, int]] = {}
        self.has_ranges = any(one.facts.kind == "continuous" for one in block.classes)

    def states(self, attribute: Attribute, accept: Accept, *, expired: bool = True) -> str:
        """Return one character for each point of the block. Without ``expired``, expiry is ignored."""
        key = (attribute.ident, accept, expired)
        states = self._states.get(key)
        if states is None:
            states = self._compute(attribute, accept)
            states = self._states[key] = self.expire(states, 0) if expired else states
        return states

    def expire(self, states: str, start: int) -> str:
        """Return the states of points from ``start`` on. Points that may have been removed become unknown."""
        end = start + len(states)
        places = self._expired[bisect.bisect_left(self._expired, start) : bisect.bisect_left(self._expired, end)]
        if not places:
            return states
        changed = list(states)
        for place in places:
            if changed[place - start] != "-":
                changed[place - start] = "U"
        return "".join(changed)

    def count_expired_before(self, start: int, end: int) -> int:
        """Count the usable points from ``start`` to ``end`` that had expired before they were read."""
        return bisect.bisect_left(self._expired_before, end) - bisect.bisect_left(self._expired_before, start)

    def sizes(self) -> dict[int, int]:
        """Return the size in bytes by index of the point, for the newest points of each kind."""
        if self._sizes is None:
            self._sizes = self.block.sizes()
        return self._sizes

    def _compute(self, attribute: Attribute, accept: Accept) -> str:
        table = {
            ord(CODES[number]): class_state(one.facts, attribute, accept)
            for number, one in enumerate(self.block.classes)
        }
        states = self.block.codes.translate(table)
        if not any(state in "Dd" for state in table.values()):
            return states
        changed = list(states)
        for place, end in zip(*self.block.moments["immutable_until"], strict=True):
            if changed[place] in "Dd":
                value = None if self._clock_is_off else end > self._now
                changed[place] = known_state(value, is_certain=changed[place] == _DATED)
        return "".join(changed)

    def undated_state(self, number: int, attribute: Attribute, accept: Accept) -> str:
        """Return the state of points of a class without a time. The end of their lock is also unknown."""
        state = class_state(self.block.classes[number].facts, attribute, accept)
        return "U" if state in "Dd" else state

    def has_unreported(self, attribute: Attribute, control: str) -> bool:
        """Return whether some values that a control depends on are inferred or declared."""
        if control == "locations.min_types":
            return any("location_type" in one.facts.declared for one in self.block.classes)
        return any(get_certainty(one.facts, attribute) is not None for one in self.block.classes)
