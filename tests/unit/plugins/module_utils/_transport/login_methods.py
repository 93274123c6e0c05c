# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fake product with sessions, and a login object for each login method."""

from __future__ import annotations

import base64
import dataclasses
import json
import threading
from typing import Any
from urllib.parse import parse_qs

import pytest

from ansible_collections.backup.audit.plugins.module_utils._transport.allowlist import AllowedRequest
from ansible_collections.backup.audit.plugins.module_utils._transport.auth import (
    BasicForHeader,
    BasicForSession,
    JsonForCookies,
    JsonForToken,
    Login,
    OAuth2Password,
)

PASSWORD = "c0rrect-horse"
ALLOWLIST = (
    AllowedRequest("GET", "/api/list"),
    AllowedRequest("POST", "/api/session", {"v": "latest"}),
    AllowedRequest("DELETE", "/api/session"),
    AllowedRequest("DELETE", "/api/sessions/{name}"),
    AllowedRequest("POST", "/api/session/end"),
)


@dataclasses.dataclass
class Appliance:
    """A product that creates numbered sessions; ``forget`` ends all of them."""

    password: str = PASSWORD
    given: int = 0
    valid: set[str] = dataclasses.field(default_factory=set)
    refresh_allowed: bool = True
    log_in_answer: tuple[int, dict[str, str], Any] | None = None
    log_out_status: int = 204
    log_out_refused: set[str] = dataclasses.field(default_factory=set)
    lock: threading.Lock = dataclasses.field(default_factory=threading.Lock)

    def forget(self) -> None:
        """End all sessions, as if they had expired."""
        self.valid.clear()

    def __call__(self, request: Any) -> tuple[int, dict[str, str], Any]:
        if request.path == "/api/list":
            return (200, {}, {"ok": True}) if get_session(request) in self.valid else (401, {}, {"message": "expired"})
        if request.method == "DELETE" or request.path == "/api/session/end":
            return (401 if get_session(request) in self.log_out_refused else self.log_out_status), {}, b""
        return self._log_in(request)

    def _log_in(self, request: Any) -> tuple[int, dict[str, str], Any]:
        form = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
        if form.get("grant_type") == "refresh_token":
            if not self.refresh_allowed or form["refresh_token"] != f"refresh-{self.given}":
                return 400, {}, {"error": "invalid_grant"}
        elif self.log_in_answer is not None:
            return self.log_in_answer
        elif self._password(request, form) != self.password:
            return (400 if form else 401), {}, {"error_description": f"bad password {self.password}"}
        # Products return the token in the body, in a header or in a cookie. Each login method uses one of them.
        with self.lock:
            self.given += 1
            token = f"session-{self.given}"
            self.valid.add(token)
        headers = {"X-Session": token, "Set-Cookie": f"JSESSIONID={token}; Path=/; HttpOnly"}
        members = dict.fromkeys(("sessionid", "access_token", "auth_token"), token)
        return 200, headers, {**members, "refresh_token": f"refresh-{self.given}", "name": f"s{self.given}", "id": 7}

    @staticmethod
    def _password(request: Any, form: dict[str, str]) -> str:
        if form:
            return form["password"]
        if request.headers.get("Content-Type") == "application/json":
            return str(json.loads(request.body)["password"])
        return base64.b64decode(request.headers["Authorization"].removeprefix("Basic ")).decode().partition(":")[2]


def get_session(request: Any) -> str:
    """Return the session token of a request."""
    headers = request.headers
    bearer = headers.get("Authorization", "").removeprefix("Bearer ")
    return str(headers.get("X-Session") or bearer or headers.get("Cookie", "").removeprefix("JSESSIONID="))


def is_log_in(request: Any) -> bool:
    return bool(request.method == "POST" and request.path.partition("?")[0] == "/api/session")


def basic(password: str = PASSWORD) -> Login:
    return BasicForSession("auditor", password, path="/api/session", member="sessionid", header="X-Session")


def oauth2(password: str = PASSWORD) -> Login:
    return OAuth2Password("auditor", password, path="/api/session", mfa_hint="Use a local user")


def header_login(password: str = PASSWORD, body: str | None = None) -> Login:
    return BasicForHeader(
        "auditor",
        password,
        path="/api/session",
        params={"v": "latest"},
        header="X-Session",
        log_out="/api/sessions",
        get_session_id=lambda answer: str(answer.json_object()["name"]),
        body=body,
    )


def cookie_login(password: str = PASSWORD) -> Login:
    return JsonForCookies("auditor", password, path="/api/session", log_out="/api/session/end")


def token_login(password: str = PASSWORD) -> Login:
    return JsonForToken(
        "auditor",
        password,
        path="/api/session",
        log_out="/api/session/end",
        member="auth_token",
        header="X-Session",
        log_out_member="cookie",
    )


LOGIN_METHODS = pytest.mark.parametrize("login_method", [basic, oauth2, header_login, cookie_login, token_login])
LOGIN_METHODS_WITH_A_MEMBER = pytest.mark.parametrize("login_method", [basic, oauth2])


def count_log_ins(server: Any) -> int:
    return len([call for call in server.calls() if call in ("POST /api/session", "POST /api/session?v=latest")])
