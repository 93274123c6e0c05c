# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Login methods with tokens or tickets, which have no session on the server and need no logout."""

from __future__ import annotations

import pathlib
import re
from urllib.parse import quote

from ansible_collections.backup.audit.plugins.module_utils._core.errors import (
    AuditError,
    InvalidResponseError,
    OptionError,
)
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import as_object, as_text
from ansible_collections.backup.audit.plugins.module_utils._transport.auth import (
    Login,
    LoginError,
    check_token,
    unauthorized_error,
)
from ansible_collections.backup.audit.plugins.module_utils._transport.client import Client


class StatelessLogin(Login):
    """Base class of these login methods."""

    def _log_out(self, client: Client) -> None:
        """Send nothing, because the server cannot revoke tokens and tickets."""


class ApiToken(StatelessLogin):
    """An API token ``SCHEME=ID:SECRET`` that is sent in each request (Proxmox) and checked with a GET of ``path``."""

    hint = (
        "Check the token ID in username (USER@REALM!TOKEN) and its secret in password. The token or its user may be "
        "disabled or expired"
    )

    def __init__(self, username: str, password: str, *, scheme: str, path: str) -> None:
        super().__init__(username, password)
        self._scheme = scheme
        self._path = path

    def _log_in(self, client: Client) -> dict[str, str]:
        credentials = f"{self.username}:{quote(self.password, safe='')}"
        client.add_secret(credentials)
        headers = {"Authorization": f"{self._scheme}={credentials}"}
        client.request("GET", self._path, headers=headers, authenticated=False)
        return headers


class FormForTicket(StatelessLogin):
    """Form login with a ticket that is sent in a cookie (Proxmox). ``challenge`` marks an incomplete login."""

    def __init__(self, username: str, password: str, *, path: str, cookie: str, challenge: str, mfa_hint: str) -> None:
        super().__init__(username, password)
        self._path = path
        self._cookie = cookie
        self._challenge = challenge
        self._mfa_hint = mfa_hint

    def _log_in(self, client: Client) -> dict[str, str]:
        form = {"username": self.username, "password": self.password}
        try:
            response = client.request("POST", self._path, form=form, authenticated=False, idempotent=False)
        except InvalidResponseError as error:
            if error.status == 400:
                raise unauthorized_error(error) from error
            raise
        data = as_object(response.json_object().get("data"))
        client.add_secret(as_text(data.get("ticket")), as_text(data.get("CSRFPreventionToken")))
        ticket = check_token(response, data.get("ticket"), "ticket")
        if self._challenge in ticket:
            raise LoginError(
                f"Login to {client.endpoint.url} as {self.username!r} failed: a second factor is required",
                code="mfa_required",
                server=response.server,
                request=response.request,
                status=response.status,
                hint=self._mfa_hint,
            )
        quoted = quote(ticket, safe="")
        # An error may show the encoded cookie.
        client.add_secret(quoted)
        return {"Cookie": f"{self._cookie}={quoted}"}


# Error number of Microsoft Entra (AADSTS...) -> hint.
_ENTRA_HINTS = {
    "7000215": 'Set "secret" to the value of the client secret, not to its ID',
    "7000222": 'The client secret has expired: create a new one and set it as "secret"',
    "7000112": "The application is disabled: enable its service principal in Microsoft Entra",
    "700016": 'Check "client_id", and that the application is registered in this "tenant"',
    "700213": "Check the federated credential of the application: issuer, subject and audience must match the token",
    "700024": "The federated token is not valid at this time: check the clock and what renews the file",
    "90002": 'Check "tenant" and "cloud_environment": this cloud does not know the tenant',
    "900023": 'Set "tenant" to the ID of the tenant or to one of its domains',
    "53003": "A Conditional Access policy blocks the application: exclude it, or run from an allowed network",
}
_ENTRA_NUMBER = re.compile(r"AADSTS(\d+)")


class ClientCredentials(StatelessLogin):
    """OAuth2 client credentials of Microsoft Entra. ``service`` is the client for the login service.

    ``assertion_file`` contains a federated token, which replaces the secret. It is read again for each login, because
    such tokens expire after a short time.
    """

    hint = "Check client_id and secret. The secret may have expired"

    def __init__(
        self, client_id: str, secret: str | None, *, assertion_file: str | None, service: Client, path: str, scope: str
    ) -> None:
        super().__init__(client_id, secret or "")
        self._assertion_file = assertion_file
        self._service = service
        self._path = path
        self._scope = scope

    def _log_in(self, client: Client) -> dict[str, str]:
        form = {"grant_type": "client_credentials", "client_id": self.username, "scope": self._scope}
        try:
            response = self._service.request(
                "POST", self._path, form={**form, **self._get_proof()}, authenticated=False, idempotent=False
            )
        except InvalidResponseError as error:
            # OAuth2 (RFC 6749, 5.2) returns 400 for most rejected logins.
            if error.status == 400:
                raise unauthorized_error(error) from error
            raise
        token = check_token(response, response.json_object().get("access_token"), "access_token")
        client.add_secret(token)
        return {"Authorization": f"Bearer {token}"}

    def _get_proof(self) -> dict[str, str]:
        if self._assertion_file is None:
            return {"client_secret": self.password}
        try:
            assertion = pathlib.Path(self._assertion_file).read_text("ascii").strip()
        except (OSError, ValueError) as error:
            raise OptionError(f"federated_token_file: cannot read {self._assertion_file!r}: {error}") from error
        self._service.add_secret(assertion)
        return {
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": assertion,
        }

    def _login_error(self, client: Client, error: AuditError) -> LoginError:
        rejected = super()._login_error(self._service, error)
        number = _ENTRA_NUMBER.search(error.server_message or "")
        rejected.hint = _ENTRA_HINTS.get(number[1] if number else "", self.hint)
        return rejected
