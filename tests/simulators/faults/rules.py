# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules read from JSON, which of them strike a call, and what they then do to it."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from random import Random

from tests.simulators.faults.kinds import KINDS, Kind
from tests.simulators.member_names import Names
from tests.simulators.product_api import Call, Dialect, Response

_MATCH = frozenset({"method", "path", "nth", "after"})
_COMMON = frozenset({"match", "fault", "times", "rate", "seed"})


@dataclass
class Fault:
    """One rule and how often it was met."""

    name: str
    kind: Kind
    names: Names
    method: str
    path: str
    nth: int | None
    after: int
    times: int | None
    rate: float
    seed: int
    # Where nothing is to be matched, the port changes at once.
    at_once: bool
    details: dict[str, object]
    dice: Random = field(default_factory=Random)
    memory: dict[Hashable, Response] = field(default_factory=dict)
    step: int = 0
    met: int = 0
    done: int = 0
    # Answers that it made another: not every answer has what a fault could change.
    changed: int = 0

    def strikes(self, call: Call) -> bool:
        if self.method not in ("*", call.method) or not fnmatchcase(call.path, self.path):
            return False
        self.met += 1
        if self.times is not None and self.done >= self.times:
            return False
        hit = self.met == self.nth if self.nth is not None else self.met > self.after
        hit = hit and (self.rate >= 1 or self.dice.random() < self.rate)
        self.done += hit
        # What the others change is seen only once it is done.
        self.changed += hit and self.kind.bends is None and self.kind.asks is None
        return hit

    # Details

    def number(self, name: str, default: int = 0) -> int:
        return int(str(self.details.get(name, default)))

    def text(self, name: str, default: str) -> str:
        return str(self.details.get(name, default))

    def share(self) -> float:
        return float(str(self.details.get("share", 0.5)))

    def chosen(self, default: frozenset[str]) -> frozenset[str]:
        members = self.details.get("members")
        return frozenset(str(name).casefold() for name in members) if isinstance(members, list) else default

    @property
    def seconds(self) -> float:
        return float(str(self.details.get("seconds", 1)))

    def told(self) -> dict[str, object]:
        return {"fault": self.name, "met": self.met, "done": self.done, "changed": self.changed}

    # Deeds

    def asks(self, call: Call) -> Call:
        if self.kind.asks is None:
            return call
        asked = self.kind.asks(self, call)
        self.changed += asked.query != call.query
        return asked

    def replaces(self, call: Call, dialect: Dialect) -> Response | None:
        """The answer that is given in place of the product's own, if this fault is of that sort."""
        return None if self.kind.replaces is None else self.kind.replaces(self, call, dialect)

    def bends(self, call: Call, answer: Response) -> Response:
        if self.kind.bends is None:
            return answer
        bent = self.kind.bends(self, call, answer)
        self.changed += bent is not answer
        return bent


def read_fault(rule: object, names: Names) -> Fault:
    """A rule from JSON; a member that means nothing is refused, so that no test passes by a typing error."""
    if not isinstance(rule, Mapping):
        raise ValueError(f"a fault is an object, not {rule!r}")
    name = rule.get("fault")
    if name not in KINDS:
        raise ValueError(f"unknown fault {name!r}; there are {', '.join(KINDS)}")
    match = rule.get("match", {})
    details = {key: value for key, value in rule.items() if key not in _COMMON}
    unknown = (set(details) - KINDS[name].details) | (set(match) - _MATCH)
    if unknown or {"nth", "after"} <= set(match) or (name == "status" and "status" not in details):
        raise ValueError(f"a fault of the sort {name!r} cannot be made of {dict(rule)!r}")
    seed = int(rule.get("seed", 0))
    return Fault(
        name=name,
        kind=KINDS[name],
        names=names,
        method=match.get("method", "*"),
        path=match.get("path", "*"),
        nth=match.get("nth"),
        after=match.get("after", 0),
        times=rule.get("times"),
        rate=float(rule.get("rate", 1)),
        seed=seed,
        at_once="match" not in rule,
        details=details,
        dice=Random(seed),
    )


class FaultPlan:
    def __init__(self, names: Names) -> None:
        self._names = names
        self.rules: list[Fault] = []

    def load(self, rules: object) -> None:
        if not isinstance(rules, list):
            raise ValueError("faults are a list of rules")
        self.rules = [read_fault(rule, self._names) for rule in rules]

    def clear(self) -> None:
        self.rules = []

    def struck_by(self, call: Call) -> list[Fault]:
        """Every rule sees every request, so that `nth` counts what was sent, not what other rules let through."""
        return [rule for rule in self.rules if rule.strikes(call)]
