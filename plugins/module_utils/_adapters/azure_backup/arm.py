# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Azure Resource Manager: paths, API versions, paging and ids. Source: the vendor's API reference and SDK."""

from __future__ import annotations

import dataclasses
import json
import re
import typing as t
from collections.abc import Mapping
from urllib.parse import parse_qsl, quote, urlsplit

from ansible_collections.backup.audit.plugins.module_utils._core.errors import AuditError, InvalidResponseError
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import as_object, as_text, get_items
from ansible_collections.backup.audit.plugins.module_utils._transport.allowlist import AllowedRequest
from ansible_collections.backup.audit.plugins.module_utils._transport.client import Client

MANAGEMENT_TYPES = ("AzureIaasVM", "AzureStorage", "AzureWorkload", "AzureSql", "MAB", "DPM", "AzureBackupServer")
VAULTS = "/providers/Microsoft.RecoveryServices/vaults"
BACKUP_VAULTS = "/providers/Microsoft.DataProtection/backupVaults"
PERMISSIONS = "/providers/Microsoft.Authorization/permissions"
EXPANDED = "expand eq 'extendedinfo'"
# API versions for subscriptions and permissions, which are fixed.
SUBSCRIPTIONS_VERSION, PERMISSIONS_VERSION = "2022-12-01", "2022-04-01"
_MAX_PAGES = 100_000
_SUBSCRIPTION = "/subscriptions/{subscription}"
_GROUP = f"{_SUBSCRIPTION}/resourceGroups/{{group}}"
_ITEM = (
    f"{_GROUP}{VAULTS}/{{vault}}/backupFabrics/{{fabric}}/protectionContainers/{{container}}/protectedItems/{{item}}"
)
_INSTANCES = f"{_GROUP}{BACKUP_VAULTS}/{{vault}}/backupInstances"
_PAGE = {"api-version": None, "$skipToken": None, "$skiptoken": None, "$top": None}
_ITEM_ID = re.compile(
    r"(?:/backupFabrics/(?P<fabric>[^/]+))?/protectionContainers/(?P<container>[^/]+)/protectedItems/(?P<item>[^/]+)",
    re.IGNORECASE,
)
_VAULT_ID = re.compile(
    r"/subscriptions/(?P<subscription>[^/]+)/resourceGroups/(?P<group>[^/]+)"
    r"/providers/(?:Microsoft\.RecoveryServices/vaults|Microsoft\.DataProtection/backupVaults)/(?P<name>[^/]+)",
    re.IGNORECASE,
)


def management_filter(kind: str) -> str:
    """Return the filter for the protected items of one kind: without it, the list omits some kinds."""
    return f"backupManagementType eq '{kind}'"


def _allow_list(path: str, query: Mapping[str, t.Any] | None = None, *, has_semicolons: bool = False) -> AllowedRequest:
    keys = {**_PAGE, **(query or {})}
    return AllowedRequest("GET", path, keys, required=("api-version",), has_semicolons=has_semicolons)


ALLOWLIST = (
    AllowedRequest("GET", _SUBSCRIPTION, {"api-version": SUBSCRIPTIONS_VERSION}),
    *(_allow_list(f"{scope}{PERMISSIONS}") for scope in (_SUBSCRIPTION, _GROUP)),
    *(_allow_list(f"{scope}{kind}") for scope in (_SUBSCRIPTION, _GROUP) for kind in (VAULTS, BACKUP_VAULTS)),
    _allow_list(
        f"{_GROUP}{VAULTS}/{{vault}}/backupProtectedItems",
        {"$filter": tuple(management_filter(kind) for kind in MANAGEMENT_TYPES)},
    ),
    AllowedRequest("GET", _ITEM, {"api-version": None, "$filter": EXPANDED}, has_semicolons=True),
    _allow_list(f"{_ITEM}/recoveryPoints", has_semicolons=True),
    _allow_list(_INSTANCES),
    _allow_list(f"{_INSTANCES}/{{instance}}/recoveryPoints", has_semicolons=True),
)
TOKEN_ALLOWLIST = (AllowedRequest("POST", "/{tenant}/oauth2/v2.0/token"),)

# The product's error code -> hint.
_HINTS = {
    "SubscriptionNotFound": 'Check "subscription_id", and that the account has a role in this subscription',
    "InvalidSubscriptionId": 'Check "subscription_id"',
    "AuthorizationFailed": (
        'Assign the roles "Backup Reader" and "Reader" to the account for the scope in the message. A new assignment '
        "takes effect after a few minutes"
    ),
    "ResourceGroupNotFound": 'Check "resource_groups"',
    "InvalidAuthenticationToken": 'Check "cloud_environment"',
    "InvalidAuthenticationTokenTenant": 'Set "tenant" to the tenant of the subscription',
    "InvalidAuthenticationTokenAudience": 'Check "cloud_environment"',
}
_VERSION_CODES = ("NoRegisteredProviderFound", "InvalidApiVersionParameter", "InvalidResourceType")


def get_hint(_status: int, body: bytes) -> str | None:
    """Return the hint for an error of Azure Resource Manager, or None to use the general hint."""
    try:
        code = as_text(as_object(as_object(json.loads(body)).get("error")).get("code"))
    except (ValueError, RecursionError):
        return None
    if code in _VERSION_CODES:
        return (
            'Set "recovery_services_api_version" or "data_protection_api_version" to a version that this cloud supports'
        )
    return _HINTS.get(code or "")


def quote_segment(value: str) -> str:
    """Quote a part of an id as one path segment. Raise InvalidResponseError if it could change the path."""
    if not value or value.split(";", maxsplit=1)[0] in (".", "..") or any(sign in value for sign in "/?#\\%"):
        raise InvalidResponseError(f"the server returned an id that cannot be part of a path: {value!r}")
    return quote(value, safe="")


@dataclasses.dataclass(frozen=True)
class VaultId:
    """The id of a vault. Ids differ in case from response to response."""

    subscription: str
    group: str
    name: str

    @property
    def label(self) -> str:
        """Display name, which the option ``vaults`` accepts."""
        return f"{self.group}/{self.name}"

    def path(self, provider: str) -> str:
        """Return the path of the vault."""
        parts = [quote_segment(part) for part in (self.subscription, self.group, self.name)]
        return f"/subscriptions/{parts[0]}/resourceGroups/{parts[1]}{provider}/{parts[2]}"


def parse_vault_id(ident: t.Any) -> VaultId:
    """Parse the id of a vault. Raise InvalidResponseError if it is missing or has another format."""
    match = _VAULT_ID.fullmatch(ident) if isinstance(ident, str) else None
    if match is None:
        raise InvalidResponseError(f"a vault has no valid 'id' ({ident!r})")
    return VaultId(**match.groupdict())


def item_path(vault: VaultId, ident: str) -> str:
    """Return the path of a protected item. Ids in the vendor's examples lack the fabric."""
    match = _ITEM_ID.search(ident)
    owner = _VAULT_ID.match(ident)
    if match is None or match.end() != len(ident) or owner is None or not _is_same(vault, owner):
        raise InvalidResponseError(f"a protected item has an 'id' that is not one of its vault: {ident!r}")
    fabric, container, item = match["fabric"] or "Azure", match["container"], match["item"]
    return (
        f"{vault.path(VAULTS)}/backupFabrics/{quote_segment(fabric)}/protectionContainers/{quote_segment(container)}"
        f"/protectedItems/{quote_segment(item)}"
    )


def instance_path(vault: VaultId, ident: str) -> str:
    """Return the path of a backup instance."""
    owner, (root, _slash, name) = _VAULT_ID.match(ident), ident.rpartition("/")
    if owner is None or not _is_same(vault, owner) or not root.casefold().endswith("/backupinstances"):
        raise InvalidResponseError(f"a backup instance has an 'id' that is not one of its vault: {ident!r}")
    return f"{vault.path(BACKUP_VAULTS)}/backupInstances/{quote_segment(name)}"


def _is_same(vault: VaultId, match: re.Match[str]) -> bool:
    found = match["subscription"], match["group"], match["name"]
    return [part.casefold() for part in found] == [
        part.casefold() for part in (vault.subscription, vault.group, vault.name)
    ]


class Arm:
    """Sends requests, and reads all pages of lists."""

    def __init__(self, client: Client, versions: Mapping[str, str]) -> None:
        self._client = client
        self._versions = versions

    @property
    def host(self) -> str:
        """The name of the server for error messages."""
        return self._client.host

    def get(self, path: str, version: str, query: Mapping[str, str] | None = None) -> dict[str, t.Any]:
        """Return one object."""
        return self._client.get(path, {"api-version": version, **(query or {})}).json_object()

    def get_version(self, provider: str) -> str:
        """Return the version of the API for the vaults of a provider."""
        return self._versions[provider]

    def list(self, path: str, version: str, query: Mapping[str, str] | None = None) -> list[dict[str, t.Any]]:
        """Return the records of a list. From a link to the next page, only the query is used."""
        rows: list[dict[str, t.Any]] = []
        seen: set[str] = set()
        params: dict[str, str] | None = {"api-version": version, **(query or {})}
        target = path
        while True:
            response = self._client.get(target, params)
            body = response.json_object()
            for row in get_items(body, "value", response.request, response.server):
                if not isinstance(row, dict):
                    raise self._error(path, "a record is not an object")
                rows.append(row)
            link = body.get("nextLink")
            if link in (None, ""):
                return rows
            target, params = f"{path}?{self._next_query(path, link, version)}", None
            if target in seen or len(seen) >= _MAX_PAGES:
                raise self._error(path, "the pages link to each other in a loop")
            seen.add(target)

    def _next_query(self, path: str, link: t.Any, version: str) -> str:
        try:
            query = urlsplit(link).query if isinstance(link, str) else ""
        except ValueError:
            query = ""
        if not query:
            raise self._error(path, "the link to the next page is invalid")
        query = query.replace(";", "%3B")
        has_version = any(key == "api-version" for key, _value in parse_qsl(query, keep_blank_values=True))
        return query if has_version else f"{query}&api-version={quote(version)}"

    def _error(self, path: str, message: str) -> InvalidResponseError:
        return InvalidResponseError(message, server=self.host, request=f"GET {path}", hint="Try again")


def name_problem(error: AuditError, what: str, host: str) -> AuditError:
    """Return the error with ``what``, the object that could not be read, in its message."""
    error.message = f"{what}: {error.message}"
    error.server = error.server or host
    return error
