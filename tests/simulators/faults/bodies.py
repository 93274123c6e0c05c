# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults in the form of a response: its status, its encoding, its length. Its content is not examined."""

from __future__ import annotations

import gzip
import json
from base64 import b64encode
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from tests.simulators.faults.trees import Tree, parse_tree
from tests.simulators.product_api import Call, ProductApi, Refusal, Response

if TYPE_CHECKING:
    from tests.simulators.faults.rules import Fault

_HTML = (
    b"<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head><body>The appliance is starting.</body></html>"
)
_GARBAGE = b"\x00\x01\x02 this is no answer of anything \xff\xfe"
_MEGABYTE = 1 << 20
_HARMLESS_HEADERS = frozenset(
    {"host", "accept", "accept-encoding", "user-agent", "connection", "content-type", "content-length", "x-api-version"}
)


# Responses that replace the product's own


def status(fault: Fault, _call: Call, _api: ProductApi) -> Response:
    headers = fault.details.get("headers", {})
    assert isinstance(headers, dict)
    body = str(fault.details.get("body", "")).encode()
    response = Response(fault.number("status"), body, "text/plain", {key: str(value) for key, value in headers.items()})
    if "retry_at" in fault.details:
        when = datetime.now(timezone.utc) + timedelta(seconds=fault.number("retry_at"))
        response.headers["Retry-After"] = format_datetime(when, usegmt=True)
    return response


def empty(_fault: Fault, _call: Call, _api: ProductApi) -> Response:
    return Response(200, b"")


def html(fault: Fault, _call: Call, _api: ProductApi) -> Response:
    return Response(fault.number("status", 200), _HTML, "text/html")


def garbage(_fault: Fault, _call: Call, _api: ProductApi) -> Response:
    return Response(200, _GARBAGE)


def session_limit(fault: Fault, call: Call, api: ProductApi) -> Response:
    """Return an error in the product's own format."""
    reason = "The maximum number of sessions is reached. Close other sessions and try again."
    return api.error_response(call, Refusal(fault.number("status", 403), reason))


def echo(fault: Fault, call: Call, _api: ProductApi) -> Response:
    """A debugging page that echoes the request headers in several encodings."""
    carried = [value for name, value in call.headers.items() if name.casefold() not in _HARMLESS_HEADERS]
    tokens = [word for value in carried for word in value.replace(";", " ").replace("=", " ").split()]
    spelled = [
        spelling for word in tokens for spelling in (word, quote(word, safe=""), b64encode(word.encode()).decode())
    ]
    body = json.dumps({"message": "not accepted: " + " ".join(spelled)}).encode()
    return Response(fault.number("status", 500), body)


def redirect(fault: Fault, call: Call, _api: ProductApi) -> Response:
    target = f"https://{fault.text('host', 'elsewhere.example')}{call.path}?token=of-the-redirect"
    return Response(fault.number("status", 302), b"", headers={"Location": target})


# Changes to the product's own response


def truncated(_fault: Fault, _call: Call, response: Response) -> Response:
    return _with_body(response, response.body[: len(response.body) // 2])


def wrong_type(fault: Fault, _call: Call, response: Response) -> Response:
    return Response(response.status, response.body, fault.text("type", "application/octet-stream"), response.headers)


def latin1(_fault: Fault, _call: Call, response: Response) -> Response:
    tree = parse_tree(response.body, response.content_type)
    if tree is None:
        return response
    tree.add("Remark", "größe")
    return _encoded(response, tree, "iso-8859-1")


def utf16(_fault: Fault, _call: Call, response: Response) -> Response:
    tree = parse_tree(response.body, response.content_type)
    return response if tree is None else _encoded(response, tree, "utf-16")


def bom(_fault: Fault, _call: Call, response: Response) -> Response:
    return _with_body(response, b"\xef\xbb\xbf" + response.body.removeprefix(b"\xef\xbb\xbf"))


def gzip_cut(_fault: Fault, _call: Call, response: Response) -> Response:
    compressed = gzip.compress(response.body)
    return _with_gzip_body(response, compressed[: len(compressed) // 2])


def gzip_broken(_fault: Fault, _call: Call, response: Response) -> Response:
    compressed = bytearray(gzip.compress(response.body))
    compressed[len(compressed) // 2] ^= 0xFF
    return _with_gzip_body(response, bytes(compressed))


def gzip_bomb(fault: Fault, _call: Call, response: Response) -> Response:
    return _with_gzip_body(response, _bomb(fault.number("megabytes", 16)) + gzip.compress(response.body))


def huge(fault: Fault, _call: Call, response: Response) -> Response:
    return _with_body(response, b" " * (fault.number("megabytes", 16) * _MEGABYTE) + response.body)


@lru_cache(maxsize=4)
def _bomb(megabytes: int) -> bytes:
    return gzip.compress(b" " * (megabytes * _MEGABYTE), 6)


def _with_body(response: Response, body: bytes) -> Response:
    return Response(response.status, body, response.content_type, response.headers)


def _with_gzip_body(response: Response, body: bytes) -> Response:
    return Response(response.status, body, response.content_type, {**response.headers, "Content-Encoding": "gzip"})


def _encoded(response: Response, tree: Tree, encoding: str) -> Response:
    content_type = f"{response.content_type.partition(';')[0]}; charset={encoding}"
    return Response(response.status, tree.encode(encoding), content_type, response.headers)


def planted(fault: Fault, _call: Call, response: Response) -> Response:
    """Add fields that the product does not have to every object of every list of a JSON response."""
    try:
        document = json.loads(response.body)
    except ValueError:
        return response
    members = fault.details.get("plant")
    assert isinstance(members, dict)
    body = json.dumps(_add_members(document, members)).encode()
    return Response(response.status, body, response.content_type, response.headers)


def _add_members(value: Any, members: dict[str, Any]) -> Any:
    if isinstance(value, list):
        planted_in = [_add_members(inner, members) for inner in value]
        return [{**inner, **members} if isinstance(inner, dict) else inner for inner in planted_in]
    if isinstance(value, dict):
        return {name: _add_members(inner, members) for name, inner in value.items()}
    return value
