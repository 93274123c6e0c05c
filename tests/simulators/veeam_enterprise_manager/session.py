# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Login to Enterprise Manager: Basic once, then a session header, which a cookie overrides."""

from __future__ import annotations

import base64
import binascii
import time
from dataclasses import dataclass, field
from uuid import uuid4
from xml.parsers.expat import ExpatError

import xmltodict

from tests.simulators.product_api import Call, Refusal

HEADER = "X-RestSvcSessionId"
VERSIONS = ("v1_5", "v1_6", "v1_7")


@dataclass(frozen=True)
class Account:
    username: str
    password: str
    role: str
    # Set if the account is a tenant. Tenants log in with a body, and not with Basic authentication.
    tenant: str | None = None

    def as_json(self) -> dict[str, object]:
        return {"username": self.username, "password": self.password}


@dataclass
class LogonSession:
    account: Account
    ident: str = field(default_factory=lambda: str(uuid4()))
    used: float = field(default_factory=time.monotonic)
    calls: int = 0

    @property
    def token(self) -> str:
        """Return base64 of the id as text; clients rely on it."""
        return base64.b64encode(self.ident.encode()).decode()


class LogonSessionStore:
    def __init__(self, accounts: dict[str, Account]) -> None:
        self.accounts = accounts
        self.sessions: dict[str, LogonSession] = {}
        # Session of another user at the console, which is the oldest and the first in the list.
        self.other = LogonSession(Account("EXAMPLE\\colleague", "", "Portal Administrator"))

    def __len__(self) -> int:
        return len(self.sessions)

    def clear(self) -> None:
        self.sessions.clear()

    def log_on(self, call: Call) -> LogonSession:
        version = call.first("v")
        if version not in (*VERSIONS, "latest"):
            raise Refusal(400, f"The version '{version}' is not supported.")
        if "Content-Length" not in call.headers and "Transfer-Encoding" not in call.headers:
            raise Refusal(411, "Length required.")
        account = self._tenant(call) if call.body else self._basic(call)
        session = LogonSession(account)
        self.sessions[session.ident] = session
        return session

    def _basic(self, call: Call) -> Account:
        scheme, _unused, encoded = call.headers.get("Authorization", "").partition(" ")
        try:
            text = base64.b64decode(encoded, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            raise Refusal(401, "Unauthorized", "basic") from None
        username, _unused, password = text.partition(":")
        for account in self.accounts.values():
            right = (account.username, account.password) == (username, password)
            if right and account.tenant is None and scheme.lower() == "basic":
                return account
        raise Refusal(401, "Unauthorized", "basic")

    def _tenant(self, call: Call) -> Account:
        """Log in with <LoginSpec> and the credentials of a tenant, or of an organization of Cloud Director."""
        if call.content_type not in ("application/xml", "text/xml"):
            raise Refusal(415, f"The content type {call.content_type!r} is not application/xml.")
        try:
            login = xmltodict.parse(call.body)["LoginSpec"]
            given = login.get("TenantCredentials") or login["VCloudOrganizationCredentials"]
            wanted = (given.get("Username") or given["Login"], given["Password"])
        except (ExpatError, KeyError, TypeError, AttributeError):
            raise Refusal(400, "The request body is not valid.") from None
        for account in self.accounts.values():
            if account.tenant is not None and (account.username, account.password) == wanted:
                return account
        raise Refusal(401, "Unauthorized", "basic")

    def get_session(self, call: Call, idle_seconds: int, most_calls: int) -> LogonSession:
        token = _cookie(call) or call.headers.get(HEADER)
        for session in list(self.sessions.values()):
            if session.token == token:
                session.calls += 1
                if time.monotonic() - session.used > idle_seconds or (most_calls and session.calls > most_calls):
                    del self.sessions[session.ident]
                    break
                session.used = time.monotonic()
                return session
        raise Refusal(401, "Unauthorized")

    def close(self, ident: str) -> None:
        if ident != self.other.ident and self.sessions.pop(ident, None) is None:
            raise Refusal(404, f"There is no session {ident}.")


def _cookie(call: Call) -> str | None:
    """Return the cookie, which takes precedence over the header even if it has expired."""
    for crumb in call.headers.get("Cookie", "").split(";"):
        name, _unused, value = crumb.strip().partition("=")
        if name == HEADER:
            return value.strip('"')
    return None
