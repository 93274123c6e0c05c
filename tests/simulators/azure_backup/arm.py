# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Common parts of Azure Resource Manager: api-version, errors, pages, paths in any case."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from tests.simulators.product_api import Call, Handler, Refusal, Response, Route, json_response

Row = dict[str, object]

JSON = "application/json; charset=utf-8"
TENANT = "7a1f0c52-3b4d-4e6f-8a90-1b2c3d4e5f60"
# Workloads in Chicago belong to the second subscription.
SUBSCRIPTIONS = ("5d2c1b0a-9f8e-4d7c-8b6a-504132231405", "6e3d2c1b-0a9f-4e8d-9c7b-615243342516")
BACKUP_GROUP, APP_GROUP = "rg-backup", "rg-app"
# The versions of the API that each resource provider serves here.
VERSIONS = {
    "microsoft.recoveryservices": ("2024-04-01", "2024-10-01", "2025-08-01", "2026-10-01", "2026-11-01"),
    "microsoft.dataprotection": ("2024-04-01", "2025-07-01", "2026-06-01"),
    "microsoft.authorization": ("2022-04-01",),
    "microsoft.resources": ("2022-12-01",),
}
_PROVIDER = re.compile(r"/providers/(?P<name>[^/]+)/", re.IGNORECASE)


class ArmRoute(Route):
    """A route whose path is case-insensitive."""

    def __init__(self, method: str, template: str, handler: Handler, needs_session: bool = True) -> None:
        super().__init__(method, template, handler, needs_session)
        self.pattern = re.compile(self.pattern.pattern, re.IGNORECASE)


def check_version(call: Call) -> str:
    """Return the api-version of a call; unknown versions are rejected."""
    version = call.first("api-version")
    match = _PROVIDER.search(call.path)
    provider = match["name"].lower() if match else "microsoft.resources"
    if not version:
        raise Refusal(400, "The api-version query parameter (?api-version=) is required.", "MissingApiVersionParameter")
    known = VERSIONS.get(provider)
    if known is None:
        raise Refusal(404, f"The resource namespace '{provider}' is invalid.", "InvalidResourceNamespace")
    if version not in known:
        raise Refusal(
            400,
            f"No registered resource provider found for location 'westeurope' and API version '{version}' for type "
            f"'vaults'. The supported api-versions are '{', '.join(known)}'.",
            "NoRegisteredProviderFound",
        )
    return version


def denied(account: str, action: str, scope: str) -> Refusal:
    return Refusal(
        403,
        f"The client '{account}' with object id '{account}' does not have authorization to perform action '{action}' "
        f"over scope '{scope}' or the scope is invalid. If access was recently granted, please refresh your "
        "credentials.",
        "AuthorizationFailed",
    )


def error_response(refusal: Refusal) -> Response:
    document = {"error": {"code": refusal.code or "BadRequest", "message": refusal.reason}}
    return json_response(document, refusal.status, JSON)


def page_response(call: Call, items: Sequence[tuple[str, bytes]], size: int, extra: Mapping[str, str]) -> Response:
    """Return a page of (name, encoded item). The opaque token has the last item of the previous page."""
    after = call.first("$skipToken") or ""
    start = 0
    if after:
        names = [name for name, _item in items]
        start = names.index(after) + 1 if after in names else int(extra.get("start", "0"))
    page = items[start : start + size]
    link = "null"
    if start + size < len(items) and page:
        kept = "&".join(f"{key}={value}" for key, value in _quoted(call))
        host = call.headers.get("Host", "management.azure.com")
        origin = extra.get("origin") or f"https://{host}"
        link = json.dumps(f"{origin}{call.path}?{kept}&$skipToken={page[-1][0]}")
    body = b'{"value": [' + b",".join(item for _name, item in page) + b'], "nextLink": ' + link.encode() + b"}"
    return Response(200, body, JSON)


def _quoted(call: Call) -> list[tuple[str, str]]:
    return [(key, value.replace(" ", "%20")) for key, value in call.query if key != "$skipToken"]


def without_token(call: Call) -> Call:
    """Return the call without its page token, because all pages belong to one listing."""
    return replace(call, query=[pair for pair in call.query if pair[0] != "$skipToken"])
