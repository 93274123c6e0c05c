# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Login methods, one class each: get a token, send it, renew it once for all threads, log out.

A login that the server rejects is never retried: a second attempt could lock the account.
"""

from __future__ import annotations

import abc
import contextlib
import re
import threading
import typing as t
from collections.abc import Callable, Mapping

from ansible_collections.backup.audit.plugins.module_utils._core.errors import (
    AuditError,
    InvalidResponseError,
    UnauthorizedError,
)
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import as_text
from ansible_collections.backup.audit.plugins.module_utils._transport.client import Client, path_segment
from ansible_collections.backup.audit.plugins.module_utils._transport.http_errors import extract_server_message
from ansible_collections.backup.audit.plugins.module_utils._transport.response import Response

# A comma separates two cookies if a name and "=" follow it; the date in Expires also contains a comma.
_NEXT_COOKIE = re.compile(r",\s*(?=[!#$%&'*+.^_`|~0-9A-Za-z-]+=)")
# Shorter cookie values are settings, such as a language. Masking them would mask large parts of a result.
_SECRET_LENGTH = 8


class LoginError(AuditError):
    """The server rejects the login of this account. The message names the URL and the account."""

    code = "login_rejected"
    is_self_contained = True


class Login(abc.ABC):
    """Base class of all login methods. There is one session at a time; one thread renews it while others wait."""

    has_session_lag = False
    hint = "Check username and password. The account may be locked, disabled or expired"

    def __init__(self, username: str, password: str) -> None:
        self.username = username
        self.password = password
        self.generation = 0
        self._headers: dict[str, str] = {}
        self._failed: AuditError | None = None
        self._lock = threading.Lock()

    def headers(self) -> Mapping[str, str]:
        """Return the headers that identify the session."""
        return self._headers

    def open(self, client: Client) -> None:
        """Log in and use the session for all further requests of the client."""
        # Mask the pair, too: even if the login does not use HTTP Basic, a proxy may show it in that form.
        client.add_secret(self.password, f"{self.username}:{self.password}")
        # Signals are deferred, because a session cannot be closed without its token.
        with client.signals.deferred():
            try:
                self._headers = self._log_in(client)
            except UnauthorizedError as error:
                raise self._login_error(client, error) from error
            client.add_secret(*self._headers.values())
            self.generation += 1
            client.auth = self

    def renew(self, client: Client, generation: int) -> None:
        """Renew the session unless another thread has renewed it since ``generation``, or has failed to do so."""
        with client.signals.deferred(), self._lock:
            if self._failed is not None:
                # All threads get a 401 at the same time. If all of them sent the password, the account could be locked.
                raise self._failed
            if self.generation == generation:
                try:
                    self._headers = self._renew_session(client)
                except AuditError as error:
                    self._failed = error
                    raise
                client.add_secret(*self._headers.values())
                self.generation += 1

    def close(self, client: Client) -> None:
        """Log out. A failure is not reported, because it does not affect the data that was read."""
        with self._lock:
            # The server rejects requests that are still running. Their threads must not open another session.
            self._failed = AuditError("the session was closed", code="stopped", server=client.host)
        if self._headers:
            with contextlib.suppress(AuditError):
                self._log_out(client)
            self._headers = {}
        client.auth = None

    def _login_error(self, client: Client, error: AuditError) -> LoginError:
        return LoginError(
            f"Login to {client.endpoint.url} as {self.username!r} failed (HTTP {error.status})",
            server=error.server,
            request=error.request,
            status=error.status,
            server_message=error.server_message,
            hint=self.hint,
        )

    def _renew_session(self, client: Client) -> dict[str, str]:
        """Return the headers of a renewed session. By default, log out and log in again."""
        # A 401 for one request does not prove that the old session has ended.
        with contextlib.suppress(AuditError):
            self._log_out(client)
        try:
            return self._log_in(client)
        except UnauthorizedError as error:
            raise self._login_error(client, error) from error

    @abc.abstractmethod
    def _log_in(self, client: Client) -> dict[str, str]:
        """Log in and return the headers that identify the new session."""

    @abc.abstractmethod
    def _log_out(self, client: Client) -> None:
        """End the session on the server."""


class BasicForSession(Login):
    """HTTP Basic login with a session id in the response body, which is sent in a header (Spectrum Protect Plus)."""

    def __init__(self, username: str, password: str, *, path: str, member: str, header: str) -> None:
        super().__init__(username, password)
        self._path = path
        self._member = member
        self._header = header

    def _log_in(self, client: Client) -> dict[str, str]:
        response = client.request(
            "POST", self._path, basic=(self.username, self.password), authenticated=False, idempotent=False
        )
        return {self._header: _get_token(response, self._member)}

    def _log_out(self, client: Client) -> None:
        client.request("DELETE", self._path, headers=self._headers, authenticated=False, idempotent=False)


class OAuth2Password(Login):
    """OAuth2 password grant, form-encoded, with refresh token, MFA detection and DELETE to log out (Veeam)."""

    def __init__(
        self,
        username: str,
        password: str,
        *,
        path: str,
        grant: str = "password",
        refresh_grant: str = "refresh_token",
        mfa_hint: str = "Use an account without multi-factor authentication for unattended runs",
        extra: Mapping[str, str] | None = None,
        log_out: tuple[str, str] | None = None,
        has_session_lag: bool = False,
    ) -> None:
        super().__init__(username, password)
        self.has_session_lag = has_session_lag
        self._path = path
        self._grants = (grant, refresh_grant)
        self._mfa_hint = mfa_hint
        self._extra = dict(extra or {})
        self._log_out_call = log_out or ("DELETE", path)
        self._refresh_token: str | None = None

    def _log_in(self, client: Client) -> dict[str, str]:
        form = {"grant_type": self._grants[0], "username": self.username, "password": self.password}
        return self._request_token(client, form)

    def _renew_session(self, client: Client) -> dict[str, str]:
        if self._refresh_token:
            try:
                return self._request_token(
                    client, {"grant_type": self._grants[1], "refresh_token": self._refresh_token}
                )
            except AuditError:
                # An expired refresh token does not mean a rejected account, so the password is sent once.
                self._refresh_token = None
        return super()._renew_session(client)

    def _request_token(self, client: Client, form: dict[str, str]) -> dict[str, str]:
        try:
            response = client.request(
                "POST", self._path, form={**form, **self._extra}, authenticated=False, idempotent=False
            )
        except InvalidResponseError as error:
            # OAuth2 (RFC 6749, 5.2) returns 400 for a wrong password.
            if error.status == 400 and "password" in form:
                raise UnauthorizedError(
                    "the server rejected the login (HTTP 400)",
                    server=error.server,
                    request=error.request,
                    status=error.status,
                    server_message=error.server_message,
                ) from error
            raise
        data = response.json_object()
        if not data.get("access_token") and (data.get("mfa_token") or data.get("mfa_enabled")):
            client.add_secret(as_text(data.get("mfa_token")))
            raise LoginError(
                f"Login to {client.endpoint.url} as {self.username!r} failed: multi-factor authentication is required",
                code="mfa_required",
                server=response.server,
                request=response.request,
                status=response.status,
                hint=self._mfa_hint,
            )
        token = _get_token(response, "access_token")
        self._refresh_token = as_text(data.get("refresh_token"))
        client.add_secret(token, self._refresh_token)
        return {"Authorization": f"Bearer {token}"}

    def _log_out(self, client: Client) -> None:
        method, path = self._log_out_call
        try:
            client.request(method, path, headers=self._headers, authenticated=False, idempotent=False)
        except UnauthorizedError:
            if self._refresh_token is None:
                raise
            # The access token has expired, but the refresh token would remain valid for days.
            form = {"grant_type": self._grants[1], "refresh_token": self._refresh_token}
            client.request(
                method, path, headers=self._request_token(client, form), authenticated=False, idempotent=False
            )


class BasicForHeader(Login):
    """HTTP Basic login with a token in a response header and the session id in the body (Enterprise Manager).

    ``get_session_id`` reads that id, which the logout needs, from the response. ``body`` is the login request for
    tenants, which do not use HTTP Basic.
    """

    def __init__(
        self,
        username: str,
        password: str,
        *,
        path: str,
        params: Mapping[str, str],
        header: str,
        log_out: str,
        get_session_id: Callable[[Response], str | None],
        body: str | None = None,
    ) -> None:
        super().__init__(username, password)
        self._path = path
        self._params = params
        self._header = header
        self._log_out_path = log_out
        self._get_session_id = get_session_id
        self._body = body
        self._session: str | None = None

    def _log_in(self, client: Client) -> dict[str, str]:
        response = client.request(
            "POST",
            self._path,
            params=self._params,
            xml=self._body,
            basic=None if self._body else (self.username, self.password),
            authenticated=False,
            idempotent=False,
        )
        # Read first, because for a different product, which also lacks the header, this raises a clearer error.
        self._session = self._get_session_id(response)
        client.add_secret(self._session)
        return {self._header: check_token(response, response.headers.get(self._header), self._header)}

    def _log_out(self, client: Client) -> None:
        if self._session is not None:
            path = f"{self._log_out_path}/{path_segment(self._session)}"
            client.request("DELETE", path, headers=self._headers, authenticated=False, idempotent=False)


class JsonForCookies(Login):
    """JSON login whose response sets cookies, all of which are sent back unchanged (vProtect)."""

    def __init__(self, username: str, password: str, *, path: str, log_out: str) -> None:
        super().__init__(username, password)
        self._path = path
        self._log_out_path = log_out

    def _log_in(self, client: Client) -> dict[str, str]:
        account = {"login": self.username, "password": self.password}
        try:
            response = client.request("POST", self._path, json_body=account, authenticated=False, idempotent=False)
        except AuditError as error:
            if error.status in (400, 403):
                raise unauthorized_error(error) from error
            raise
        if response.body.strip():
            # Only decoded because this raises a clearer error for a different product than a missing cookie.
            response.json_object()
        cookies = _parse_cookies(response.headers.get("Set-Cookie", ""))
        client.add_secret(*(value for value in cookies.values() if len(value) >= _SECRET_LENGTH))
        cookie_header = "; ".join(f"{name}={value}" for name, value in cookies.items())
        return {"Cookie": check_token(response, cookie_header, "Set-Cookie")}

    def _log_out(self, client: Client) -> None:
        client.request("POST", self._log_out_path, headers=self._headers, authenticated=False, idempotent=False)


class JsonForToken(Login):
    """JSON login for a token that is sent in a header, and in the body of the logout (Unitrends).

    ``account_info`` contains the other fields of the login response, which describe the account.
    """

    def __init__(
        self, username: str, password: str, *, path: str, log_out: str, member: str, header: str, log_out_member: str
    ) -> None:
        super().__init__(username, password)
        self.account_info: dict[str, t.Any] = {}
        self._path = path
        self._log_out_path = log_out
        self._member = member
        self._header = header
        self._log_out_member = log_out_member

    def _log_in(self, client: Client) -> dict[str, str]:
        account = {"username": self.username, "password": self.password}
        try:
            response = client.request("POST", self._path, json_body=account, authenticated=False, idempotent=False)
        except AuditError as error:
            # These products also return 500 for a wrong password.
            if error.status in (400, 403, 500):
                raise unauthorized_error(error) from error
            raise
        data = response.json()
        if not isinstance(data, dict) or not data.get(self._member):
            server_message = extract_server_message(response.body, client.scrub) or None
            raise UnauthorizedError(
                f"the server rejected the login (HTTP {response.status})",
                server=response.server,
                request=response.request,
                status=response.status,
                server_message=server_message,
            )
        self.account_info = {name: value for name, value in data.items() if name != self._member}
        return {self._header: check_token(response, data[self._member], self._member)}

    def _log_out(self, client: Client) -> None:
        body = {self._log_out_member: self._headers[self._header]}
        client.request(
            "POST", self._log_out_path, json_body=body, headers=self._headers, authenticated=False, idempotent=False
        )


def unauthorized_error(error: AuditError) -> UnauthorizedError:
    """Return the error for a login that the server rejects with a status other than 401."""
    return UnauthorizedError(
        f"the server rejected the login (HTTP {error.status})",
        server=error.server,
        request=error.request,
        status=error.status,
        server_message=error.server_message,
    )


def _parse_cookies(header: str) -> dict[str, str]:
    """Return name and value of each cookie in one or several Set-Cookie headers (joined to one text)."""
    cookies = {}
    for cookie in _NEXT_COOKIE.split(header):
        name, equals, value = cookie.partition(";")[0].strip().partition("=")
        if equals and name and value:
            cookies[name] = value
    return cookies


def _get_token(response: Response, member: str) -> str:
    return check_token(response, response.json_object().get(member), member)


def check_token(response: Response, token: t.Any, member: str) -> str:
    """Return the token if it can be sent in a header; raise InvalidResponseError otherwise."""
    if not isinstance(token, str) or not token:
        raise InvalidResponseError(
            f"the login succeeded, but the response has no {member!r}",
            server=response.server,
            request=response.request,
            status=response.status,
            hint='Check that "url" is the URL of the product, and that the initial password of the account was changed',
        )
    # A line break in a header value would start another header.
    if not token.isprintable() or not token.isascii():
        raise InvalidResponseError(
            "the server returned a token with characters that a header cannot contain", server=response.server
        )
    return token
