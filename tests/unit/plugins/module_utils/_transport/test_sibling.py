# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Products with several servers (a login service, regions), and products whose requests are signed."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._core.errors import AuditError
from ansible_collections.backup.audit.plugins.module_utils._transport.allowlist import (
    AllowedRequest,
    RequestNotAllowedError,
)
from tests.unit.plugins.module_utils._transport.fake_server import OK, in_turn

BUSY = (503, {"Retry-After": "0"}, b"busy")


def test_a_sibling_has_its_own_allowlist_and_login(serve: Any, connect: Any) -> None:
    server, other = serve(in_turn(OK)), serve(in_turn(OK))
    client = connect(server)
    client.auth = Bearer()
    sibling = client.sibling(other.url, [AllowedRequest("GET", "/login")])
    assert sibling.get("/login").json() == {"ok": True}
    assert "Authorization" not in other.requests[0].headers
    with pytest.raises(RequestNotAllowedError):
        sibling.get("/api/list")
    with pytest.raises(RequestNotAllowedError):
        client.get("/login")
    assert len(server.requests) == 0


def test_a_sibling_shares_secrets_counters_and_cancellation(serve: Any, connect: Any) -> None:
    client = connect(serve(in_turn(OK)))
    sibling = client.sibling(serve(in_turn(OK)).url, [AllowedRequest("GET", "/api/list")])
    sibling.add_secret("token-of-the-sibling")
    assert client.scrub("token-of-the-sibling") == "********"
    sibling.get("/api/list")
    assert client.request_stats.count == 1
    client.stop_reading()
    with pytest.raises(AuditError, match="the read was stopped"):
        sibling.get("/api/list")


def test_every_attempt_is_signed(serve: Any, connect: Any) -> None:
    server = serve(in_turn(BUSY, OK))
    client = connect(server)
    signed = iter(["first", "second"])

    def sign(prepared: Any) -> None:
        prepared.headers["X-Signature"] = next(signed)

    client.sign = sign
    client.get("/api/list")
    assert [request.headers["X-Signature"] for request in server.requests] == ["first", "second"]


class Bearer:
    """A session."""

    generation = 1
    has_session_lag = False

    def headers(self) -> dict[str, str]:
        return {"Authorization": "Bearer token"}


def test_regions_of_one_service_share_their_connections(serve: Any, connect: Any) -> None:
    server = serve(in_turn(OK, OK, OK))
    client = connect(serve(in_turn(OK)))
    allowlist = [AllowedRequest("GET", "/api/list")]
    first, second = client.sibling(server.url, allowlist), client.sibling(server.url, allowlist)
    login = client.sibling(server.url, [AllowedRequest("GET", "/api/list")])
    assert first._session is second._session
    assert login._session is not first._session
    second.sign = lambda prepared: prepared.headers.update({"X-Signature": "second"})
    first.get("/api/list")
    second.get("/api/list")
    assert [request.headers.get("X-Signature") for request in server.requests] == [None, "second"]


def test_products_can_override_the_meaning_of_a_status(serve: Any, connect: Any) -> None:
    server = serve(in_turn((400, {"X-Reason": "throttled", "Retry-After": "0"}, b"busy"), OK))
    client = connect(server)
    client.get_meaning = lambda status, headers, _body: 429 if "X-Reason" in headers else status
    assert client.get("/api/list").json() == {"ok": True}
    assert client.request_stats.retries == 1
