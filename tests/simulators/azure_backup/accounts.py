# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Accounts (service principals) of the simulated Azure, their tokens and their permissions.

Accounts: `main` has Reader in both subscriptions. `one_vault` has Backup Reader for one vault only: lists of a
subscription leave out the others. `some_vaults` may list all vaults, but not read the items of one. `no_rights_shown`
has Reader, but may not list its own permissions. `nothing` has no role.
"""

from __future__ import annotations

import json
import secrets
import time
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from tests.simulators.azure_backup.arm import JSON, SUBSCRIPTIONS, TENANT, Row, denied
from tests.simulators.product_api import Call, Refusal, Response, json_response

LIFETIME_SECONDS = 3599
_FORM = "application/x-www-form-urlencoded"
_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_SCOPE = "https://management.azure.com/.default"
_READER: Row = {"actions": ["*/read"], "notActions": [], "dataActions": [], "notDataActions": []}
_VAULT_LISTER: Row = {
    "actions": ["Microsoft.RecoveryServices/Vaults/read", "Microsoft.DataProtection/backupVaults/read"],
    "notActions": [],
}
# The federated token of the account main.
FEDERATED_TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJzeXN0ZW0ifQ.c2lnbmF0dXJl"


@dataclass(frozen=True)
class Account:
    client_id: str
    secret: str
    # The roles at the scope of each subscription, as its permissions.
    permissions: tuple[Row, ...] = ()
    # Parts of the ids of vaults that it may list (empty: all), and of vaults whose content it may not read.
    visible: tuple[str, ...] = ("",)
    closed: tuple[str, ...] = ()
    shows_permissions: bool = True

    def may_list(self, vault: str) -> bool:
        return any(part in vault for part in self.visible)

    def may_read(self, vault: str) -> bool:
        return self.may_list(vault) and not any(part in vault for part in self.closed)


ACCOUNTS = {
    "main": Account("0f1e2d3c-4b5a-4968-8776-655443322110", "Kx~8Q~a&b+c%d_ünï.ZyXwVu", (_READER,)),
    "one_vault": Account("1f1e2d3c-4b5a-4968-8776-655443322111", "one8Q~vault.secret-0001", (), ("rsv-1",)),
    "some_vaults": Account(
        "2f1e2d3c-4b5a-4968-8776-655443322112", "some8Q~vaults.secret-0002", (_VAULT_LISTER,), closed=("rsv-2",)
    ),
    "no_rights_shown": Account(
        "3f1e2d3c-4b5a-4968-8776-655443322113", "hidden8Q~rights.secret-0003", (_READER,), shows_permissions=False
    ),
    "nothing": Account("4f1e2d3c-4b5a-4968-8776-655443322114", "nothing8Q~secret-0004", (), ()),
}


@dataclass
class TokenStore:
    """Access tokens are signed, not stored: the service cannot end one, and there is no log-out."""

    _issued: dict[str, tuple[Account, float]] = field(default_factory=dict)

    def __len__(self) -> int:
        return 0

    def clear(self) -> None:
        self._issued.clear()

    def expire(self) -> None:
        """Expire all tokens that were issued so far."""
        self._issued = {token: (account, 0.0) for token, (account, _until) in self._issued.items()}

    def log_in(self, call: Call, tenant: str) -> Response:
        if call.content_type != _FORM:
            return _refused(400, 900144, "invalid_request", "The request body must contain: 'grant_type'.")
        form = dict(parse_qsl(call.body.decode("ascii"), keep_blank_values=True))
        if tenant.lower() != TENANT:
            return _refused(400, 90002, "invalid_request", f"Tenant '{tenant}' not found.")
        if form.get("grant_type") != "client_credentials" or form.get("scope") != _SCOPE:
            return _refused(400, 70011, "invalid_scope", "The provided value for the input parameter is not valid.")
        account = next((each for each in ACCOUNTS.values() if each.client_id == form.get("client_id")), None)
        if account is None:
            ident = form.get("client_id", "")
            text = f"Application with identifier '{ident}' was not found in the directory 'Example'."
            return _refused(400, 700016, "unauthorized_client", text)
        if form.get("client_assertion_type") == _ASSERTION:
            if form.get("client_assertion") != FEDERATED_TOKEN:
                return _refused(401, 700213, "invalid_client", "No matching federated identity record found.")
        elif form.get("client_secret") != account.secret:
            text = "Invalid client secret provided. Ensure the secret being sent in the request is the client secret "
            return _refused(401, 7000215, "invalid_client", f"{text}value, not the client secret ID.")
        token = f"eyJ0eXAiOiJKV1QifQ.{secrets.token_urlsafe(90)}.{secrets.token_urlsafe(60)}"
        self._issued[token] = account, time.monotonic() + LIFETIME_SECONDS
        return json_response(
            {
                "token_type": "Bearer",
                "expires_in": LIFETIME_SECONDS,
                "ext_expires_in": LIFETIME_SECONDS,
                "access_token": token,
            },
            content_type=JSON,
        )

    def authorize(self, call: Call) -> Account:
        scheme, _blank, token = call.headers.get("Authorization", "").partition(" ")
        account, until = self._issued.get(token, (None, 0.0))
        if scheme != "Bearer" or account is None:
            raise Refusal(401, "The access token is invalid.", "InvalidAuthenticationToken")
        if until < time.monotonic():
            raise Refusal(
                401,
                "The access token expiry UTC time '11/29/2026 1:00:00 AM' is earlier than current UTC time "
                "'11/29/2026 2:00:00 AM'.",
                "ExpiredAuthenticationToken",
            )
        return account


def _refused(status: int, number: int, error: str, text: str) -> Response:
    document = {
        "error": error,
        "error_description": f"AADSTS{number}: {text} Trace ID: 00000000-0000-0000-0000-0000000000aa "
        "Correlation ID: 00000000-0000-0000-0000-0000000000bb Timestamp: 2026-11-29 01:00:00Z",
        "error_codes": [number],
        "timestamp": "2026-11-29 01:00:00Z",
        "trace_id": "00000000-0000-0000-0000-0000000000aa",
        "correlation_id": "00000000-0000-0000-0000-0000000000bb",
    }
    return Response(status, json.dumps(document).encode(), JSON)


def check_subscription(subscription: str) -> str:
    """Return the id of a subscription as in resource ids."""
    for known in SUBSCRIPTIONS:
        if known == subscription.lower():
            return known
    raise Refusal(404, f"The subscription '{subscription}' could not be found.", "SubscriptionNotFound")


def list_permissions(account: Account, scope: str) -> list[Row]:
    if not account.shows_permissions:
        raise denied(account.client_id, "Microsoft.Authorization/permissions/read", scope)
    return list(account.permissions)
