# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One small class per way of logging in: get a token, carry it, renew it once for all threads, give it back.

A log-in that the server rejects is never tried again: a second try could lock the account.
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
from ansible_collections.backup.audit.plugins.module_utils._transport.client import Client, Response, segment
from ansible_collections.backup.audit.plugins.module_utils._transport.http_errors import server_message

# A comma parts two cookies where a name follows it; another one stands in the date of Expires.
_NEXT_COOKIE = re.compile(r",\s*(?=[!#$%&'*+.^_`|~0-9A-Za-z-]+=)")
# Shorter ones are settings such as a language, and masking them would mask half of a result.
_SECRET_LENGTH = 8
_CHECK_ACCOUNT = "Check username and password; the account may also be locked, disabled or expired"


class LoginError(AuditError):
    """The server does not let this account in."""

    code = "login_rejected"


class Login(abc.ABC):
    """What all ways of logging in share: one session at a time, renewed by one thread while the others wait."""

    may_lag = False

    def __init__(self, username: str, password: str) -> None:
        self.username = username
        self.password = password
        self.generation = 0
        self._headers: dict[str, str] = {}
        self._failed: AuditError | None = None
        self._lock = threading.Lock()

    def headers(self) -> Mapping[str, str]:
        """The headers that carry the session."""
        return self._headers

    def open(self, client: Client) -> None:
        """Log in; from then on the client's requests are carried by this session."""
        # Both together as well: where a log-in is no HTTP Basic, what stands between may still show it as such.
        client.keep_secret(self.password, f"{self.username}:{self.password}")
        # A signal waits: the token of a session that the server has opened must be known to give it back.
        with client.signals.deferred():
            try:
                self._headers = self._log_in(client)
            except UnauthorizedError as error:
                raise self._rejection(error) from error
            client.keep_secret(*self._headers.values())
            self.generation += 1
            client.auth = self

    def renew(self, client: Client, generation: int) -> None:
        """Log in anew, unless another thread did so since ``generation``, or tried to and failed."""
        with client.signals.deferred(), self._lock:
            if self._failed is not None:
                # All threads see the session refused at once; if each sent the password the account would be locked.
                raise self._failed
            if self.generation == generation:
                try:
                    self._headers = self._renewed(client)
                except AuditError as error:
                    self._failed = error
                    raise
                client.keep_secret(*self._headers.values())
                self.generation += 1

    def close(self, client: Client) -> None:
        """Give the session back; a failure here changes nothing that was read and is not told."""
        if self._headers:
            with contextlib.suppress(AuditError):
                self._log_out(client)
            self._headers = {}
        client.auth = None

    def _rejection(self, error: AuditError) -> LoginError:
        return LoginError(
            f"the log-in of {self.username!r} was rejected",
            server=error.server,
            call=error.call,
            status=error.status,
            words=error.words,
            advice=_CHECK_ACCOUNT,
        )

    def _renewed(self, client: Client) -> dict[str, str]:
        """By default a session is renewed by logging in again."""
        # That one call was refused need not mean that the old session has ended.
        with contextlib.suppress(AuditError):
            self._log_out(client)
        try:
            return self._log_in(client)
        except UnauthorizedError as error:
            raise self._rejection(error) from error

    @abc.abstractmethod
    def _log_in(self, client: Client) -> dict[str, str]:
        """The headers that carry a new session."""

    @abc.abstractmethod
    def _log_out(self, client: Client) -> None:
        """End the session on the server."""


class BasicForSession(Login):
    """HTTP Basic once, for a session id in a JSON member that then travels in a header (Spectrum Protect Plus)."""

    def __init__(self, username: str, password: str, *, path: str, member: str, header: str) -> None:
        super().__init__(username, password)
        self._path = path
        self._member = member
        self._header = header

    def _log_in(self, client: Client) -> dict[str, str]:
        answer = client.call("POST", self._path, basic=(self.username, self.password), carried=False, retried=False)
        return {self._header: _token(answer, self._member)}

    def _log_out(self, client: Client) -> None:
        client.call("DELETE", self._path, headers=self._headers, carried=False, retried=False)


class OAuth2Password(Login):
    """The password grant of OAuth2, form-encoded, with refresh, MFA detection and DELETE to log out (Veeam)."""

    def __init__(
        self,
        username: str,
        password: str,
        *,
        path: str,
        grant: str = "password",
        refresh_grant: str = "refresh_token",
        mfa_advice: str = "Use an account without multi-factor authentication for unattended reading",
        extra: Mapping[str, str] | None = None,
        log_out: tuple[str, str] | None = None,
        may_lag: bool = False,
    ) -> None:
        super().__init__(username, password)
        self.may_lag = may_lag
        self._path = path
        self._grants = (grant, refresh_grant)
        self._mfa_advice = mfa_advice
        self._extra = dict(extra or {})
        self._log_out_call = log_out or ("DELETE", path)
        self._refresh_token: str | None = None

    def _log_in(self, client: Client) -> dict[str, str]:
        form = {"grant_type": self._grants[0], "username": self.username, "password": self.password}
        return self._granted(client, form)

    def _renewed(self, client: Client) -> dict[str, str]:
        if self._refresh_token:
            try:
                return self._granted(client, {"grant_type": self._grants[1], "refresh_token": self._refresh_token})
            except AuditError:
                # An expired refresh token is no rejection of the account: the password may still be used once.
                self._refresh_token = None
        return super()._renewed(client)

    def _granted(self, client: Client, form: dict[str, str]) -> dict[str, str]:
        try:
            answer = client.call("POST", self._path, form={**form, **self._extra}, carried=False, retried=False)
        except InvalidResponseError as error:
            # OAuth2 (RFC 6749, 5.2) answers a wrong password with 400.
            if error.status == 400 and "password" in form:
                raise UnauthorizedError(
                    "the log-in was refused (400)",
                    server=error.server,
                    call=error.call,
                    status=error.status,
                    words=error.words,
                ) from error
            raise
        told = answer.json_object()
        if not told.get("access_token") and (told.get("mfa_token") or told.get("mfa_enabled")):
            client.keep_secret(as_text(told.get("mfa_token")))
            raise LoginError(
                f"the account {self.username!r} must answer a second factor (MFA) to log in",
                code="mfa_required",
                server=answer.server,
                call=answer.call,
                status=answer.status,
                advice=self._mfa_advice,
            )
        token = _token(answer, "access_token")
        self._refresh_token = as_text(told.get("refresh_token"))
        client.keep_secret(token, self._refresh_token)
        return {"Authorization": f"Bearer {token}"}

    def _log_out(self, client: Client) -> None:
        method, path = self._log_out_call
        try:
            client.call(method, path, headers=self._headers, carried=False, retried=False)
        except UnauthorizedError:
            if self._refresh_token is None:
                raise
            # The access token ran out, but its refresh token would live on for days.
            form = {"grant_type": self._grants[1], "refresh_token": self._refresh_token}
            client.call(method, path, headers=self._granted(client, form), carried=False, retried=False)


class BasicForHeader(Login):
    """HTTP Basic once, for a session id in a header of the answer; its body names the session (Enterprise Manager).

    ``session_of`` reads that name, by which the session is ended, from the body. ``body`` holds the log-in where it is
    not HTTP Basic: a tenant's.
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
        session_of: Callable[[Response], str | None],
        body: str | None = None,
    ) -> None:
        super().__init__(username, password)
        self._path = path
        self._params = params
        self._header = header
        self._log_out_path = log_out
        self._session_of = session_of
        self._body = body
        self._session: str | None = None

    def _log_in(self, client: Client) -> dict[str, str]:
        answer = client.call(
            "POST",
            self._path,
            params=self._params,
            xml=self._body,
            basic=None if self._body else (self.username, self.password),
            carried=False,
            retried=False,
        )
        # Read first: it tells another product, which lacks the header as well, in clearer words.
        self._session = self._session_of(answer)
        client.keep_secret(self._session)
        return {self._header: _carried(answer, answer.headers.get(self._header), self._header)}

    def _log_out(self, client: Client) -> None:
        if self._session is not None:
            path = f"{self._log_out_path}/{segment(self._session)}"
            client.call("DELETE", path, headers=self._headers, carried=False, retried=False)


class JsonForCookies(Login):
    """A log-in by JSON whose answer sets cookies; whatever their names, they are carried as they came (vProtect)."""

    def __init__(self, username: str, password: str, *, path: str, log_out: str) -> None:
        super().__init__(username, password)
        self._path = path
        self._log_out_path = log_out

    def _log_in(self, client: Client) -> dict[str, str]:
        account = {"login": self.username, "password": self.password}
        try:
            answer = client.call("POST", self._path, json_body=account, carried=False, retried=False)
        except AuditError as error:
            if error.status in (400, 403):
                raise _as_rejected(error) from error
            raise
        if answer.body.strip():
            # Of no use, but it tells another product from this one in clearer words than a missing cookie.
            answer.json_object()
        cookies = _cookies(answer.headers.get("Set-Cookie", ""))
        client.keep_secret(*(value for value in cookies.values() if len(value) >= _SECRET_LENGTH))
        carried = "; ".join(f"{name}={value}" for name, value in cookies.items())
        return {"Cookie": _carried(answer, carried, "Set-Cookie")}

    def _log_out(self, client: Client) -> None:
        client.call("POST", self._log_out_path, headers=self._headers, carried=False, retried=False)


class JsonForToken(Login):
    """A log-in by JSON for a token that then travels in a header, and is named to log out (Unitrends).

    ``told`` is what the answer says of the account beside the token.
    """

    def __init__(
        self, username: str, password: str, *, path: str, log_out: str, member: str, header: str, ended_by: str
    ) -> None:
        super().__init__(username, password)
        self.told: dict[str, t.Any] = {}
        self._path = path
        self._log_out_path = log_out
        self._member = member
        self._header = header
        self._ended_by = ended_by

    def _log_in(self, client: Client) -> dict[str, str]:
        account = {"username": self.username, "password": self.password}
        try:
            answer = client.call("POST", self._path, json_body=account, carried=False, retried=False)
        except AuditError as error:
            # This family tells a wrong password as 500 as well.
            if error.status in (400, 403, 500):
                raise _as_rejected(error) from error
            raise
        told = answer.json()
        if not isinstance(told, dict) or not told.get(self._member):
            words = server_message(answer.body, client.scrub) or None
            raise UnauthorizedError(
                "the log-in was refused", server=answer.server, call=answer.call, status=answer.status, words=words
            )
        self.told = {name: value for name, value in told.items() if name != self._member}
        return {self._header: _carried(answer, told[self._member], self._member)}

    def _log_out(self, client: Client) -> None:
        body = {self._ended_by: self._headers[self._header]}
        client.call("POST", self._log_out_path, json_body=body, headers=self._headers, carried=False, retried=False)


def _as_rejected(error: AuditError) -> UnauthorizedError:
    return UnauthorizedError(
        f"the log-in was refused ({error.status})",
        server=error.server,
        call=error.call,
        status=error.status,
        words=error.words,
    )


def _cookies(header: str) -> dict[str, str]:
    """Name and value of each cookie of one or, as they are joined to one text, several Set-Cookie headers."""
    cookies = {}
    for cookie in _NEXT_COOKIE.split(header):
        name, equals, value = cookie.partition(";")[0].strip().partition("=")
        if equals and name and value:
            cookies[name] = value
    return cookies


def _token(answer: Response, member: str) -> str:
    return _carried(answer, answer.json_object().get(member), member)


def _carried(answer: Response, token: t.Any, member: str) -> str:
    """The token, if it is one that a header can carry."""
    if not isinstance(token, str) or not token:
        raise InvalidResponseError(
            f"the log-in succeeded but its answer has no {member!r}",
            server=answer.server,
            call=answer.call,
            status=answer.status,
            advice="Check that the URL is that of the product, and that the account's first password was changed",
        )
    # A token becomes a header: a line break in it would make two.
    if not token.isprintable() or not token.isascii():
        raise InvalidResponseError("the server sent a token that cannot be carried in a header", server=answer.server)
    return token
