# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bearer tokens from a form: password, refresh and MFA grants, as Veeam's appliances share them."""

from __future__ import annotations

import base64
import secrets
import time
from dataclasses import dataclass, field
from typing import ClassVar
from urllib.parse import parse_qsl

from tests.simulators.ground_truth import Estate
from tests.simulators.product_api import Call, ProductApi, Refusal, Response, Route, build_credentials, json_response

_FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class Account:
    username: str
    password: str
    role: str
    mfa_code: str | None = None

    def as_json(self) -> dict[str, object]:
        code = {} if self.mfa_code is None else {"mfa_code": self.mfa_code}
        return {"username": self.username, "password": self.password, **code}


@dataclass
class TokenSession:
    account: Account
    access_token: str = ""
    refresh_token: str = ""
    expires: float = 0.0
    calls: int = 0
    short_lived: bool = False
    number: str = field(default_factory=lambda: secrets.token_hex(16))


@dataclass(frozen=True)
class Challenge:
    """The password was correct, and a second factor is required before tokens are issued."""

    account: Account
    mfa_token: str


def _token() -> str:
    """Return three parts separated by dots, like a JWT; the content is never read."""
    return "eyJhbGciOiJSUzUxMiJ9." + secrets.token_urlsafe(60) + "." + secrets.token_urlsafe(60)


class TokenStore:
    def __init__(self, accounts: dict[str, Account], lifetime_seconds: int) -> None:
        self.accounts = accounts
        self.lifetime_seconds = lifetime_seconds
        self._sessions: dict[str, TokenSession] = {}
        self._challenges: dict[str, Account] = {}

    def __len__(self) -> int:
        return len(self._sessions)

    def clear(self) -> None:
        self._sessions.clear()
        self._challenges.clear()

    def expire(self) -> None:
        """Reject all access tokens from now on; refresh tokens are still accepted."""
        for session in self._sessions.values():
            session.expires = 0.0

    def grant(self, call: Call) -> TokenSession | Challenge:
        form = self._parse_form(call)
        grant = form.get("grant_type", "password").lower()
        if grant == "password":
            return self._grant_by_password(form)
        if grant == "refresh_token":
            return self._grant_by_refresh(form)
        if grant == "mfa":
            return self._grant_by_code(form)
        raise Refusal(400, f"The grant type '{form['grant_type']}' is not supported.")

    def _parse_form(self, call: Call) -> dict[str, str]:
        """Names of form fields are case-insensitive."""
        if call.content_type != _FORM:
            raise Refusal(415, f"The content type {call.content_type!r} is not {_FORM}.")
        try:
            pairs = parse_qsl(call.body.decode("ascii"), keep_blank_values=True, strict_parsing=True, errors="strict")
        except ValueError:
            raise Refusal(400, "The form is malformed.") from None
        return {name.lower(): value for name, value in pairs}

    def _grant_by_password(self, form: dict[str, str]) -> TokenSession | Challenge:
        missing = [name for name in ("username", "password") if not form.get(name)]
        if missing:
            raise Refusal(400, f"The field {missing[0]} is required.")
        for account in self.accounts.values():
            if (account.username, account.password) == (form["username"], form["password"]):
                if account.mfa_code is None:
                    return self._open_session(account, form)
                challenge = Challenge(account, base64.b64encode(secrets.token_hex(32).upper().encode()).decode())
                self._challenges[challenge.mfa_token] = account
                return challenge
        raise Refusal(401, "The user name or password is incorrect.")

    def _grant_by_code(self, form: dict[str, str]) -> TokenSession:
        account = self._challenges.get(form.get("mfa_token", ""))
        if account is None or account.mfa_code != form.get("mfa_code"):
            raise Refusal(401, "The verification code is incorrect.")
        del self._challenges[form["mfa_token"]]
        return self._open_session(account, form)

    def _grant_by_refresh(self, form: dict[str, str]) -> TokenSession:
        for session in self._sessions.values():
            if session.refresh_token == form.get("refresh_token"):
                return self._renew(session)
        raise Refusal(401, "The refresh token is invalid or has expired.")

    def _open_session(self, account: Account, form: dict[str, str]) -> TokenSession:
        session = TokenSession(account, short_lived=form.get("short_lived_refresh_token", "").lower() == "true")
        self._sessions[session.number] = session
        return self._renew(session)

    def _renew(self, session: TokenSession) -> TokenSession:
        """Issue a new pair of tokens: the old refresh token is no longer valid."""
        session.access_token, session.refresh_token = _token(), _token()
        session.expires = time.monotonic() + self.lifetime_seconds
        session.calls = 0
        return session

    def get_session(self, call: Call, most_calls: int) -> TokenSession:
        scheme, _ignored, token = call.headers.get("Authorization", "").partition(" ")
        for session in self._sessions.values():
            if scheme.lower() == "bearer" and session.access_token == token and session.expires > time.monotonic():
                session.calls += 1
                if most_calls and session.calls > most_calls:
                    session.expires = 0.0
                    break
                return session
        raise Refusal(401, "The access token is missing, invalid or expired.")

    def close(self, session: TokenSession) -> None:
        self._sessions.pop(session.number, None)


class OAuth2ProductApi(ProductApi):
    """A product with such tokens as sessions. `ACCOUNTS` contains the account of the ready file as `main`."""

    ACCOUNTS: ClassVar[dict[str, Account]]
    LIFETIME_SECONDS: ClassVar[int] = 3600

    session_store: TokenStore

    def __init__(self, estate: Estate) -> None:
        super().__init__(estate)
        self.session_store = TokenStore(self.ACCOUNTS, self.LIFETIME_SECONDS)

    def token_routes(self) -> list[Route]:
        """Return the routes of login, which returns only tokens, and logout with DELETE."""
        return [
            Route("POST", self.LOG_IN, self._grant_tokens, needs_session=False),
            Route("DELETE", self.LOG_IN, self.log_out),
        ]

    def _grant_tokens(self, call: Call, _session: None) -> Response:
        granted = self.session_store.grant(call)
        if isinstance(granted, Challenge):
            raise Refusal(401, "A second factor is needed.")
        return json_response({"access_token": granted.access_token, "refresh_token": granted.refresh_token})

    def log_out(self, _call: Call, session: TokenSession) -> Response:
        self.session_store.close(session)
        return Response(204)

    def expire_sessions(self) -> None:
        self.session_store.expire()

    def credentials(self) -> dict[str, object]:
        return build_credentials({name: account.as_json() for name, account in self.ACCOUNTS.items()})
