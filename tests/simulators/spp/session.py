# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SPP's sessions: Basic login, the session header, log-out."""

from __future__ import annotations

import base64
import binascii
import secrets
from dataclasses import dataclass

from tests.simulators.ground_truth import Workload
from tests.simulators.product_api import Call, Refusal

_HEADER = "X-Endeavour-Sessionid"
# The only resource group of the restricted account.
_RESTRICTED_TO = "gold"


@dataclass
class SppSession:
    account: str
    calls: int = 0

    def can_see(self, work: Workload) -> bool:
        """Return whether the account can see it. Objects outside its resource groups are silently omitted."""
        return self.account != "restricted" or (work.policy is not None and work.policy.key == _RESTRICTED_TO)


class SppSessionStore:
    def __init__(self, accounts: dict[str, tuple[str, str]]) -> None:
        """`accounts`: name of the account -> (user name, password)."""
        self._accounts = accounts
        self._open: dict[str, SppSession] = {}

    def __len__(self) -> int:
        return len(self._open)

    def clear(self) -> None:
        self._open.clear()

    def log_in(self, call: Call) -> tuple[str, str]:
        """Return (session id, user name)."""
        if call.body:
            raise Refusal(400, "The log-in takes no body.", "XSBBadRequestException")
        scheme, _ignored, encoded = call.headers.get("Authorization", "").partition(" ")
        try:
            user, colon, password = base64.b64decode(encoded, validate=True).decode("latin-1").partition(":")
        except binascii.Error:
            raise Refusal(400, "The Authorization header is malformed.", "XSBBadRequestException") from None
        for account, (known_user, known_password) in self._accounts.items():
            if scheme.lower() == "basic" and colon and (user, password) == (known_user, known_password):
                number = secrets.token_hex(16)
                self._open[number] = SppSession(account)
                return number, user
        raise Refusal(401, "The user name or the password is not correct.", "XSBAuthenticationException")

    def get_session(self, call: Call, most_calls: int) -> SppSession:
        number = call.headers.get(_HEADER)
        if number is None:
            raise Refusal(401, "The session id is missing.", "XSBMissingSessionidException")
        session = self._open.get(number)
        if session is None:
            raise Refusal(401, "The session does not exist.", "XSBSessionDoesNotExistException")
        session.calls += 1
        if most_calls and session.calls > most_calls:
            del self._open[number]
            raise Refusal(401, "The session does not exist.", "XSBSessionDoesNotExistException")
        return session

    def log_out(self, call: Call) -> None:
        self._open.pop(call.headers.get(_HEADER, ""), None)
