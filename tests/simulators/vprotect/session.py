# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sessions of vProtect: a JSON login, then a cookie."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie

from tests.simulators.ground_truth import Workload
from tests.simulators.product_api import Call, Refusal

_JSON = "application/json"
# The policy for whose entities the restricted account has permissions.
_RESTRICTED_TO = "gold"


@dataclass
class VprotectSession:
    account: str
    username: str
    calls: int = 0

    def can_see(self, work: Workload) -> bool:
        """Return whether the account can see it. Entities without permission are silently omitted."""
        return self.account != "restricted" or (work.policy is not None and work.policy.key == _RESTRICTED_TO)


class VprotectSessionStore:
    def __init__(self, accounts: dict[str, tuple[str, str]]) -> None:
        """`accounts`: name of the account -> (user name, password)."""
        self._accounts = accounts
        self._open: dict[str, VprotectSession] = {}

    def __len__(self) -> int:
        return len(self._open)

    def clear(self) -> None:
        self._open.clear()

    def log_in(self, call: Call, refused_with: int) -> tuple[str, VprotectSession]:
        """Return (value of the cookie, session)."""
        if call.content_type != _JSON:
            raise Refusal(415, "The content-type header value did not match the value in @Consumes")
        try:
            given = json.loads(call.body)
        except ValueError:
            raise Refusal(400, "Unable to deserialize the request body") from None
        if not isinstance(given, dict) or not isinstance(given.get("login"), str):
            raise Refusal(400, "login must not be null")
        for account, (username, password) in self._accounts.items():
            if (given["login"], given.get("password")) == (username, password):
                number = secrets.token_hex(16).upper()
                self._open[number] = VprotectSession(account, username)
                return number, self._open[number]
        raise Refusal(refused_with, "Invalid login or password")

    def get_session(self, call: Call, cookie_name: str, most_calls: int) -> VprotectSession:
        number = self._number(call, cookie_name)
        session = self._open.get(number)
        if session is None:
            raise Refusal(401, "Unauthorized")
        session.calls += 1
        if most_calls and session.calls > most_calls:
            del self._open[number]
            raise Refusal(401, "Unauthorized")
        return session

    def _number(self, call: Call, cookie_name: str) -> str:
        try:
            cookies = SimpleCookie(call.headers.get("Cookie", ""))
        except CookieError:
            raise Refusal(401, "Unauthorized") from None
        return cookies[cookie_name].value if cookie_name in cookies else ""

    def log_out(self, call: Call, cookie_name: str) -> None:
        self._open.pop(self._number(call, cookie_name), None)
