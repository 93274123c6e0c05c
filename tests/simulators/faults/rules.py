# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fault rules read from JSON, the selection of those that apply to a call, and their effects."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from random import Random

from tests.simulators.faults.kinds import KINDS, FaultKind
from tests.simulators.member_names import MemberNames
from tests.simulators.product_api import Call, ProductApi, Response

_MATCH = frozenset({"method", "path", "query", "nth", "after"})
_COMMON = frozenset({"match", "fault", "times", "rate", "seed"})


@dataclass
class Fault:
    """One rule and how often requests matched it."""

    name: str
    kind: FaultKind
    member_names: MemberNames
    method: str
    path: str
    # Query parameters that a request must have.
    query: Mapping[str, str]
    nth: int | None
    after: int
    times: int | None
    rate: float
    seed: int
    # If the rule has no `match`, the port changes immediately.
    at_once: bool
    details: dict[str, object]
    rng: Random = field(default_factory=Random)
    first_responses: dict[Hashable, Response] = field(default_factory=dict)
    step: int = 0
    matched: int = 0
    done: int = 0
    # Number of changed responses, because not every response contains the data that the fault changes.
    changed: int = 0

    def applies_to(self, call: Call) -> bool:
        if self.method not in ("*", call.method) or not fnmatchcase(call.path, self.path):
            return False
        if any(call.first(name) != value for name, value in self.query.items()):
            return False
        self.matched += 1
        if self.times is not None and self.done >= self.times:
            return False
        hit = self.matched == self.nth if self.nth is not None else self.matched > self.after
        hit = hit and (self.rate >= 1 or self.rng.random() < self.rate)
        self.done += hit
        # For other kinds, it is known only afterwards whether anything changed.
        self.changed += hit and self.kind.change_response is None and self.kind.change_request is None
        return hit

    # Details

    def number(self, name: str, default: int = 0) -> int:
        return int(str(self.details.get(name, default)))

    def text(self, name: str, default: str) -> str:
        return str(self.details.get(name, default))

    def share(self) -> float:
        return float(str(self.details.get("share", 0.5)))

    def get_members(self, default: frozenset[str]) -> frozenset[str]:
        members = self.details.get("members")
        return frozenset(str(name).casefold() for name in members) if isinstance(members, list) else default

    @property
    def seconds(self) -> float:
        return float(str(self.details.get("seconds", 1)))

    def as_json(self) -> dict[str, object]:
        return {"fault": self.name, "met": self.matched, "done": self.done, "changed": self.changed}

    # Effects

    def change_request(self, call: Call) -> Call:
        if self.kind.change_request is None:
            return call
        changed_call = self.kind.change_request(self, call)
        self.changed += changed_call.query != call.query
        return changed_call

    def replace_response(self, call: Call, api: ProductApi) -> Response | None:
        """Return the response that replaces the product's own, if this kind of fault has one."""
        return None if self.kind.replace_response is None else self.kind.replace_response(self, call, api)

    def change_response(self, call: Call, response: Response) -> Response:
        if self.kind.change_response is None:
            return response
        new_response = self.kind.change_response(self, call, response)
        self.changed += new_response is not response
        return new_response


def parse_fault(rule: object, member_names: MemberNames) -> Fault:
    """Parse a rule from JSON. Raise ValueError for an unknown field, so that no test passes because of a typo."""
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
        member_names=member_names,
        method=match.get("method", "*"),
        path=match.get("path", "*"),
        query=match.get("query", {}),
        nth=match.get("nth"),
        after=match.get("after", 0),
        times=rule.get("times"),
        rate=float(rule.get("rate", 1)),
        seed=seed,
        at_once="match" not in rule,
        details=details,
        rng=Random(seed),
    )


class FaultPlan:
    def __init__(self, member_names: MemberNames) -> None:
        self._member_names = member_names
        self.rules: list[Fault] = []

    def load(self, rules: object) -> None:
        if not isinstance(rules, list):
            raise ValueError("faults are a list of rules")
        self.rules = [parse_fault(rule, self._member_names) for rule in rules]

    def clear(self) -> None:
        self.rules = []

    def get_active(self, call: Call) -> list[Fault]:
        """Return the rules that apply. Each rule counts every request, so `nth` does not depend on other rules."""
        return [rule for rule in self.rules if rule.applies_to(call)]
