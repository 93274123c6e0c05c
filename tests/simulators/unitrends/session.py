# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Login to a Unitrends appliance: a token in a custom header, and the scope of roles."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass

from tests.simulators.ground_truth import Workload
from tests.simulators.product_api import Call, Refusal
from tests.simulators.unitrends.directory import Asset, Entry

HEADER = "AuthToken"
# The scoped account can see only the clients of this policy.
_SCOPE = "gold"


@dataclass(frozen=True)
class Account:
    """`level`: 1 monitor, 2 manage, 3 administer."""

    number: int
    username: str
    password: str
    level: int
    scope: str | None = None

    def as_json(self) -> dict[str, object]:
        return {"username": self.username, "password": self.password}


@dataclass
class UnitrendsSession:
    account: Account
    calls: int = 0

    def can_see(self, work: Workload) -> bool:
        """Return whether the account can see it. Workloads outside the scope of a role are silently omitted."""
        return self.account.scope is None or (work.policy is not None and work.policy.key == self.account.scope)

    def can_see_asset(self, asset: Asset) -> bool:
        return self.can_see(asset.work)

    def can_see_entry(self, entry: Entry) -> bool:
        return self.account.scope is None if entry.asset is None else self.can_see(entry.asset.work)


ACCOUNTS = {
    "main": Account(1, "audit", "a&b+c%d \"e' f:g", 3),
    "monitor": Account(2, "audit-monitor", "m&o+n% \"i' t:r", 1),
    "scoped": Account(3, "audit-scoped", "s&c+o%p \"e' d:x", 2, _SCOPE),
}


def require_level(session: UnitrendsSession, level: int) -> None:
    if session.account.level < level:
        raise Refusal(500, "The user does not have the privilege for this operation.")


class UnitrendsSessionStore:
    def __init__(self) -> None:
        self._open: dict[str, UnitrendsSession] = {}

    def __len__(self) -> int:
        return len(self._open)

    def clear(self) -> None:
        self._open.clear()

    def log_in(self, call: Call) -> tuple[str, Account] | None:
        """Return token and account; None if user name or password is wrong."""
        given = _parse_object(call)
        for account in ACCOUNTS.values():
            if (given.get("username"), given.get("password")) == (account.username, account.password):
                token = f"v0:{secrets.token_urlsafe(48)}"
                self._open[token] = UnitrendsSession(account)
                return token, account
        return None

    def log_out(self, call: Call) -> None:
        """Log out with the token in the body, as `cookie`."""
        cookie = _parse_object(call).get("cookie")
        if not isinstance(cookie, str) or self._open.pop(cookie, None) is None:
            raise Refusal(500, "The cookie is not that of a session.")

    def get_session(self, call: Call, most_calls: int) -> UnitrendsSession:
        token = call.headers.get(HEADER, "")
        session = self._open.get(token)
        if session is None:
            raise Refusal(401, "Authentication is required: the token is missing or has expired.")
        session.calls += 1
        if most_calls and session.calls > most_calls:
            del self._open[token]
            raise Refusal(401, "Authentication is required: the token is missing or has expired.")
        return session


def _parse_object(call: Call) -> dict[str, object]:
    try:
        document = json.loads(call.body)
    except ValueError:
        raise Refusal(500, "The request body is not valid JSON.") from None
    if not isinstance(document, dict):
        raise Refusal(500, "The request body must be an object.")
    return document
