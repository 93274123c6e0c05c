# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Login methods without a session on the server, so that there is nothing to log out from: API tokens and tickets."""

from __future__ import annotations

from urllib.parse import quote

from ansible_collections.backup.audit.plugins.module_utils._core.errors import InvalidResponseError
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
        """Send nothing: the server does not store tokens and tickets, and cannot end them."""


class ApiToken(StatelessLogin):
    """An API token that is sent in each request: ``SCHEME=ID:SECRET`` (Proxmox). ``path`` is a request to check it."""

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
    """Form login; the ticket in the response is sent in a cookie (Proxmox). ``challenge`` marks an incomplete login."""

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
        # An error may show the cookie in yet another encoding.
        client.add_secret(quoted)
        return {"Cookie": f"{self._cookie}={quoted}"}
