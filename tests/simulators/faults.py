# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults on order: what a server, a proxy or a network does to an answer that was fine.

A rule is {"match": {"method", "path" (a glob), "nth": k | "after": k}, "fault": NAME, "times": n, ...}: `nth` means
exactly the k-th matching request (from 1), `after` all later than the k-th; `times` ends the rule after n faults.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from .dialect import Answer, Call

_HTML = (
    b"<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head><body>The appliance is starting.</body></html>"
)
# Which members a fault reads besides match, fault and times.
FAULTS: dict[str, frozenset[str]] = {
    "status": frozenset({"status", "headers", "body"}),
    "empty": frozenset(),
    "html": frozenset({"status"}),
    "truncated": frozenset(),
    "reset": frozenset(),
    "delay": frozenset({"seconds"}),
    "expire_session": frozenset(),
}


@dataclass
class Fault:
    """One rule and how often it was met."""

    name: str
    method: str
    path: str
    nth: int | None
    after: int
    times: int | None
    details: dict[str, object]
    met: int = 0
    done: int = 0

    def strikes(self, call: Call) -> bool:
        if self.method not in ("*", call.method) or not fnmatchcase(call.path, self.path):
            return False
        self.met += 1
        if self.times is not None and self.done >= self.times:
            return False
        hit = self.met == self.nth if self.nth is not None else self.met > self.after
        self.done += hit
        return hit

    @property
    def seconds(self) -> float:
        return float(str(self.details.get("seconds", 1)))

    def replaces(self) -> Answer | None:
        """The answer that is given in place of the product's own, if this fault is of that sort."""
        if self.name == "status":
            headers = self.details.get("headers", {})
            assert isinstance(headers, dict)
            body = str(self.details.get("body", "")).encode()
            return Answer(int(str(self.details["status"])), body, "text/plain", {k: str(v) for k, v in headers.items()})
        if self.name == "empty":
            return Answer(200, b"")
        if self.name == "html":
            return Answer(int(str(self.details.get("status", 200))), _HTML, "text/html")
        return None

    def bends(self, answer: Answer) -> Answer:
        if self.name == "truncated":
            return Answer(answer.status, answer.body[: len(answer.body) // 2], answer.content_type, answer.headers)
        return answer


def read_fault(rule: object) -> Fault:
    """A rule from JSON; a member that means nothing is refused, so that no test passes by a typing error."""
    if not isinstance(rule, Mapping):
        raise ValueError(f"a fault is an object, not {rule!r}")
    name = rule.get("fault")
    if name not in FAULTS:
        raise ValueError(f"unknown fault {name!r}; there are {', '.join(FAULTS)}")
    match = rule.get("match", {})
    details = {key: value for key, value in rule.items() if key not in ("match", "fault", "times")}
    unknown = (set(details) - FAULTS[name]) | (set(match) - {"method", "path", "nth", "after"})
    if unknown or {"nth", "after"} <= set(match) or (name == "status" and "status" not in details):
        raise ValueError(f"a fault of the sort {name!r} cannot be made of {dict(rule)!r}")
    return Fault(
        name=name,
        method=match.get("method", "*"),
        path=match.get("path", "*"),
        nth=match.get("nth"),
        after=match.get("after", 0),
        times=rule.get("times"),
        details=details,
    )


class FaultPlan:
    def __init__(self) -> None:
        self._rules: list[Fault] = []

    def load(self, rules: object) -> None:
        if not isinstance(rules, list):
            raise ValueError("faults are a list of rules")
        self._rules = [read_fault(rule) for rule in rules]

    def clear(self) -> None:
        self._rules = []

    def struck_by(self, call: Call) -> list[Fault]:
        """Every rule sees every request, so that `nth` counts what was sent, not what other rules let through."""
        return [rule for rule in self._rules if rule.strikes(call)]
