# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults in how an answer is written: its status, its encoding, its length. What it says is not looked at."""

from __future__ import annotations

import gzip
import json
from base64 import b64encode
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from tests.simulators.faults.trees import Tree, tree_of
from tests.simulators.product_api import Call, Dialect, Refusal, Response

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


# Answers in place of the product's own


def status(fault: Fault, _call: Call, _dialect: Dialect) -> Response:
    headers = fault.details.get("headers", {})
    assert isinstance(headers, dict)
    body = str(fault.details.get("body", "")).encode()
    answer = Response(fault.number("status"), body, "text/plain", {key: str(value) for key, value in headers.items()})
    if "retry_at" in fault.details:
        when = datetime.now(timezone.utc) + timedelta(seconds=fault.number("retry_at"))
        answer.headers["Retry-After"] = format_datetime(when, usegmt=True)
    return answer


def empty(_fault: Fault, _call: Call, _dialect: Dialect) -> Response:
    return Response(200, b"")


def html(fault: Fault, _call: Call, _dialect: Dialect) -> Response:
    return Response(fault.number("status", 200), _HTML, "text/html")


def garbage(_fault: Fault, _call: Call, _dialect: Dialect) -> Response:
    return Response(200, _GARBAGE)


def session_limit(fault: Fault, call: Call, dialect: Dialect) -> Response:
    """In the product's own error shape."""
    reason = "The maximum number of sessions is reached. Close other sessions and try again."
    return dialect.refuse(call, Refusal(fault.number("status", 403), reason))


def echo(fault: Fault, call: Call, _dialect: Dialect) -> Response:
    """A debugging page that shows what carried the request, in several spellings."""
    carried = [value for name, value in call.headers.items() if name.casefold() not in _HARMLESS_HEADERS]
    words = [word for value in carried for word in value.replace(";", " ").replace("=", " ").split()]
    spelled = [
        spelling for word in words for spelling in (word, quote(word, safe=""), b64encode(word.encode()).decode())
    ]
    body = json.dumps({"message": "not accepted: " + " ".join(spelled)}).encode()
    return Response(fault.number("status", 500), body)


def redirect(fault: Fault, call: Call, _dialect: Dialect) -> Response:
    target = f"https://{fault.text('host', 'elsewhere.example')}{call.path}?token=of-the-redirect"
    return Response(fault.number("status", 302), b"", headers={"Location": target})


# Changes to the product's own answer


def truncated(_fault: Fault, _call: Call, answer: Response) -> Response:
    return _with_body(answer, answer.body[: len(answer.body) // 2])


def wrong_type(fault: Fault, _call: Call, answer: Response) -> Response:
    return Response(answer.status, answer.body, fault.text("type", "application/octet-stream"), answer.headers)


def latin1(_fault: Fault, _call: Call, answer: Response) -> Response:
    tree = tree_of(answer.body, answer.content_type)
    if tree is None:
        return answer
    tree.add("Remark", "größe")
    return _encoded(answer, tree, "iso-8859-1")


def utf16(_fault: Fault, _call: Call, answer: Response) -> Response:
    tree = tree_of(answer.body, answer.content_type)
    return answer if tree is None else _encoded(answer, tree, "utf-16")


def bom(_fault: Fault, _call: Call, answer: Response) -> Response:
    return _with_body(answer, b"\xef\xbb\xbf" + answer.body.removeprefix(b"\xef\xbb\xbf"))


def gzip_cut(_fault: Fault, _call: Call, answer: Response) -> Response:
    packed = gzip.compress(answer.body)
    return _packed(answer, packed[: len(packed) // 2])


def gzip_broken(_fault: Fault, _call: Call, answer: Response) -> Response:
    packed = bytearray(gzip.compress(answer.body))
    packed[len(packed) // 2] ^= 0xFF
    return _packed(answer, bytes(packed))


def gzip_bomb(fault: Fault, _call: Call, answer: Response) -> Response:
    return _packed(answer, _bomb(fault.number("megabytes", 16)) + gzip.compress(answer.body))


def huge(fault: Fault, _call: Call, answer: Response) -> Response:
    return _with_body(answer, b" " * (fault.number("megabytes", 16) * _MEGABYTE) + answer.body)


@lru_cache(maxsize=4)
def _bomb(megabytes: int) -> bytes:
    return gzip.compress(b" " * (megabytes * _MEGABYTE), 6)


def _with_body(answer: Response, body: bytes) -> Response:
    return Response(answer.status, body, answer.content_type, answer.headers)


def _packed(answer: Response, body: bytes) -> Response:
    return Response(answer.status, body, answer.content_type, {**answer.headers, "Content-Encoding": "gzip"})


def _encoded(answer: Response, tree: Tree, encoding: str) -> Response:
    content_type = f"{answer.content_type.partition(';')[0]}; charset={encoding}"
    return Response(answer.status, tree.encode(encoding), content_type, answer.headers)


def planted(fault: Fault, _call: Call, answer: Response) -> Response:
    """More members than the product has, in every object of every list of a JSON answer."""
    try:
        document = json.loads(answer.body)
    except ValueError:
        return answer
    members = fault.details.get("plant")
    assert isinstance(members, dict)
    body = json.dumps(_with(document, members)).encode()
    return Response(answer.status, body, answer.content_type, answer.headers)


def _with(value: Any, members: dict[str, Any]) -> Any:
    if isinstance(value, list):
        planted_in = [_with(inner, members) for inner in value]
        return [{**inner, **members} if isinstance(inner, dict) else inner for inner in planted_in]
    if isinstance(value, dict):
        return {name: _with(inner, members) for name, inner in value.items()}
    return value
