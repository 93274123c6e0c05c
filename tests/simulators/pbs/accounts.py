# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Accounts of the simulated Proxmox Backup Server: tickets, API tokens, and permissions."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote

from tests.simulators.product_api import Call, Refusal

_FORM = "application/x-www-form-urlencoded"
_COOKIES = ("PBSAuthCookie", "__Host-PBSAuthCookie")
# Paths whose permissions are always reported, in addition to those with an entry of any account.
_DEFAULT_PATHS = ("/", "/access", "/datastore", "/remote", "/system", "/tape")

AUDIT, BACKUP, TAPE, REMOTE, SYSTEM = "Datastore.Audit", "Datastore.Backup", "Tape.Audit", "Remote.Audit", "Sys.Audit"
Acl = Mapping[str, Mapping[str, bool]]

_AUDITOR: Acl = {"/datastore": {AUDIT: True}, "/remote": {REMOTE: True}, "/tape": {TAPE: True}}


@dataclass(frozen=True)
class Account:
    """`acl`: path -> privilege -> whether lower paths inherit it. An entry replaces those of higher paths."""

    name: str
    secret: str
    acl: Acl = field(default_factory=lambda: _AUDITOR)

    @property
    def is_token(self) -> bool:
        return "!" in self.name

    @property
    def is_superuser(self) -> bool:
        return self.name == "root@pam"

    def privileges(self, path: str) -> Mapping[str, bool]:
        """Return the account's privileges at a path, and whether lower paths inherit them."""
        if path in self.acl:
            return self.acl[path]
        above = path
        while above != "/":
            above = above.rpartition("/")[0] or "/"
            if above in self.acl:
                return {name: True for name, inherited in self.acl[above].items() if inherited}
        return {}

    def can_audit(self, path: str) -> bool:
        return AUDIT in self.privileges(path)

    def can_see(self, path: str) -> bool:
        """Return whether the account can see at least its own groups."""
        return not {AUDIT, BACKUP}.isdisjoint(self.privileges(path))

    def owns(self, owner: str) -> bool:
        return owner.partition("!")[0] == self.name.partition("!")[0]


# The ready file's accounts. `main` logs in with a ticket. The other accounts have parts of the access.
ACCOUNTS: dict[str, Account] = {
    "main": Account("audit@pbs", "a&b+c%d \"e' ünï=g"),
    "token": Account("audit@pbs!ansible", "5ac6a1f2-0d5b-4b0e-9d3a-3f1c2b7e9a10"),
    "one_store": Account("audit-store@pbs", "one-store-secret", {"/datastore/berlin-disk-1": {AUDIT: True}}),
    "one_namespace": Account(
        "audit-part@pbs!part",
        "c0ffee00-1111-4222-8333-444455556666",
        {"/datastore/berlin-disk-1/production": {AUDIT: True}},
    ),
    "not_propagated": Account("audit-top@pbs", "not-propagated-secret", {"/datastore": {AUDIT: False}}),
    "owner": Account("backup-gold@pbs", "backup-owner-secret", {"/datastore": {BACKUP: True}}),
    "partly": Account(
        "audit-partly@pbs",
        "partly-audit-secret",
        {"/datastore": {AUDIT: True}, "/datastore/berlin-disk-1/production": {BACKUP: True}},
    ),
    # The role NoAccess, which the permissions do not show.
    "hidden_namespace": Account(
        "audit-hidden@pbs",
        "hidden-namespace-secret",
        {"/datastore": {AUDIT: True}, "/datastore/berlin-disk-1/production": {}},
    ),
    "nothing": Account("nobody@pbs", "nothing-at-all-secret", {}),
    # For clients that also read the status of the node.
    "superuser": Account("root@pam", "superuser-secret", {"/": dict.fromkeys((AUDIT, TAPE, REMOTE, SYSTEM), True)}),
}


def reported_permissions(account: Account, path: str | None) -> dict[str, dict[str, bool]]:
    """Return the response of /access/permissions, without paths that have no privilege."""
    known = {*_DEFAULT_PATHS, *(one for each in ACCOUNTS.values() for one in each.acl)}
    wanted = sorted(known) if path is None else [path]
    found = {one: dict(account.privileges(one)) for one in wanted}
    return {one: rights for one, rights in found.items() if rights}


class TicketStore:
    """Tickets are signed and not stored: the server cannot end one, and has no open sessions to count."""

    def __init__(self) -> None:
        self._issued: dict[str, Account] = {}

    def __len__(self) -> int:
        return 0

    def clear(self) -> None:
        self._issued.clear()

    def log_in(self, call: Call, second_factor: bool, now: int) -> dict[str, object]:
        """The data of a successful log-in."""
        if call.content_type != _FORM:
            raise Refusal(
                400, "parameter verification failed - 'password': parameter is missing and it is not optional."
            )
        form = dict(parse_qsl(call.body.decode("ascii"), keep_blank_values=True))
        if "@" not in form.get("username", ""):
            raise Refusal(400, "parameter verification failed - 'username': value does not match the regex pattern")
        account = next(
            (
                each
                for each in ACCOUNTS.values()
                if not each.is_token and (each.name, each.secret) == (form["username"], form.get("password"))
            ),
            None,
        )
        if account is None:
            raise Refusal(401, "authentication failed")
        signature = base64.b64encode(secrets.token_bytes(48)).decode()
        if second_factor:
            ticket = f"PBS:!tfa!%7B%22totp%22%3Atrue%7D:{now:08X}::{signature}"
        else:
            ticket = f"PBS:{account.name}:{now:08X}::{signature}"
            self._issued[ticket] = account
        csrf = f"{now:08X}:{base64.b64encode(secrets.token_bytes(24)).decode()}"
        return {"username": account.name, "ticket": ticket, "CSRFPreventionToken": csrf}

    def authorize(self, call: Call) -> Account:
        account = _find_token(call.headers.get("Authorization", "")) or next(
            (self._issued[ticket] for ticket in _tickets(call) if ticket in self._issued), None
        )
        if account is None:
            raise Refusal(401, "authentication failed")
        return account


def _tickets(call: Call) -> Iterator[str]:
    for cookie in call.headers.get("Cookie", "").split(";"):
        name, _equals, value = cookie.strip().partition("=")
        if name in _COOKIES:
            yield unquote(value)


def _find_token(header: str) -> Account | None:
    """Parse `PBSAPIToken=ID:SECRET`; a space may replace the first separator."""
    scheme, rest = header[:11], header[12:]
    if scheme != "PBSAPIToken" or header[11:12] not in ("=", " "):
        return None
    name, _colon, secret = rest.partition(":")
    found = (
        each for each in ACCOUNTS.values() if each.is_token and (each.name, each.secret) == (name, unquote(secret))
    )
    return next(found, None)
