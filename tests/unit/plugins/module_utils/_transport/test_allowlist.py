# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from urllib.parse import quote, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.backup.audit.plugins.module_utils._transport.allowlist import (
    AllowedRequest,
    Allowlist,
    RequestNotAllowedError,
)

BASE = "https://backup.example:9443"
ALLOWLIST = (
    AllowedRequest("GET", "/api/backups", {"page": None, "order": ("asc", "desc"), "from": "recovery"}),
    AllowedRequest("GET", "/api/backups/{id}/versions"),
    AllowedRequest("POST", "/api/search", {"action": "aggregate", "size": None}, required=("action",)),
    AllowedRequest("POST", "/api/session"),
    AllowedRequest("GET", "/api/v1.0/jobs"),
)
WALL = Allowlist(ALLOWLIST)


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", "/api/backups"),
        ("GET", "/api/backups?"),
        ("GET", "/api/backups?page=1&order=asc&from=recovery"),
        ("GET", "/api/backups?page=1&page=2"),
        ("GET", "/api/backups?page="),
        ("GET", "/api/backups?page=isDelete"),
        ("GET", "/api/backups/42/versions"),
        ("GET", "/api/backups/urn%3Aveeam%3A7/versions"),
        ("GET", "/api/%62ackups"),
        ("GET", "/api/backups/100%25/versions"),
        ("POST", "/api/search?action=aggregate"),
        ("POST", "/api/search?size=10&action=aggregate"),
        ("POST", "/api/session"),
        ("GET", "/api/v1.0/jobs"),
    ],
)
def test_requests_in_the_allowlist_are_allowed(method: str, target: str) -> None:
    WALL.check(method, BASE + target)


@pytest.mark.parametrize(
    ("method", "target", "reason"),
    [
        ("POST", "/api/backups", "it is not on the request allowlist"),
        ("DELETE", "/api/backups", "it is not on the request allowlist"),
        ("get", "/api/backups", "it is not on the request allowlist"),
        ("GET", "/API/backups", "it is not on the request allowlist"),
        ("GET", "/api/backups/", "it is not on the request allowlist"),
        ("GET", "//api/backups", "it is not on the request allowlist"),
        ("GET", "/api//backups", "it is not on the request allowlist"),
        ("GET", "/api/backups//versions", "it is not on the request allowlist"),
        ("GET", "/api/backups/a/b/versions", "it is not on the request allowlist"),
        ("GET", "/api/backups/a%2Fb/versions", "it is not on the request allowlist"),
        ("GET", "/api/backups/a%2fb/versions", "it is not on the request allowlist"),
        ("GET", "/api/backups/a%5Cb/versions", "it is not on the request allowlist"),
        ("GET", "/api/backups/a\\b/versions", "it is not on the request allowlist"),
        ("GET", "\\api\\backups", "it is not on the request allowlist"),
        ("GET", "/api/backups/a%3Fb/versions", "it is not on the request allowlist"),
        ("GET", "/api/backups/a%23b/versions", "it is not on the request allowlist"),
        ("GET", "/api/backups/a%00/versions", "it is not on the request allowlist"),
        ("GET", "/api/backups%00", "it is not on the request allowlist"),
        ("GET", "/api/backups/a%0d%0aX/versions", "it is not on the request allowlist"),
        # Servers that strip path parameters see a different path: some treat /api/..;/x as /x.
        ("GET", "/api/backups/..;/versions", "it is not on the request allowlist"),
        ("GET", "/api/backups/..;a=b/versions", "it is not on the request allowlist"),
        ("GET", "/api/backups/1;action=delete/versions", "it is not on the request allowlist"),
        ("GET", "/api/backups/1%3Baction=delete/versions", "it is not on the request allowlist"),
        ("GET", "/api/backups;x=1", "it is not on the request allowlist"),
        # Invalid UTF-8, which some servers decode as an overlong dot or slash.
        ("GET", "/api/backups/%c0%ae%c0%ae/versions", "it is not on the request allowlist"),
        ("GET", "/api/v1X0/jobs", "it is not on the request allowlist"),
        ("GET", "/api/backups/../versions", "dot segments"),
        ("GET", "/api/backups/%2e%2e/versions", "dot segments"),
        ("GET", "/api/backups/%2E%2E/versions", "dot segments"),
        ("GET", "/api/backups/.%2e/versions", "dot segments"),
        ("GET", "/api/./backups", "dot segments"),
        ("GET", "/api/backups/%2e/versions", "dot segments"),
        ("GET", "/api/backups#x", "fragment"),
        ("GET", "/api/backups/%252e%252e/versions", "encoded twice"),
        ("GET", "/api/backups/a%252fb/versions", "encoded twice"),
        ("GET", "/api/backups?isDelete", "'isDelete' is not on the allowlist"),
        ("GET", "/api/backups?isDelete=true", "'isDelete' is not on the allowlist"),
        ("GET", "/api/backups?%69sDelete=1", "'isDelete' is not on the allowlist"),
        ("GET", "/api/backups?PAGE=1", "'PAGE' is not on the allowlist"),
        ("GET", "/api/backups?page=1&action=collect", "'action' is not on the allowlist"),
        ("GET", "/api/backups?page%00=1", "is not on the allowlist"),
        ("GET", "/api/backups?page=1;action=collect", "semicolon"),
        ("GET", "/api/backups?=1", "is not on the allowlist"),
        ("GET", "/api/backups?order=up", "value of the query key 'order' is not on the allowlist"),
        ("GET", "/api/backups?order=ASC", "value of the query key 'order' is not on the allowlist"),
        ("GET", "/api/backups?order=asc&order=up", "value of the query key 'order' is not on the allowlist"),
        ("GET", "/api/backups?from=", "value of the query key 'from' is not on the allowlist"),
        ("GET", "/api/backups?from=recover", "value of the query key 'from' is not on the allowlist"),
        ("GET", "/api/backups/42/versions?page=1", "'page' is not on the allowlist"),
        ("POST", "/api/search", "'action' is missing"),
        ("POST", "/api/search?size=1", "'action' is missing"),
        ("POST", "/api/search?action=delete", "value of the query key 'action' is not on the allowlist"),
        (
            "POST",
            "/api/search?action=aggregate&action=delete",
            "value of the query key 'action' is not on the allowlist",
        ),
        ("GET", "", "it is not on the request allowlist"),
    ],
)
def test_other_requests_are_rejected_with_a_reason(method: str, target: str, reason: str) -> None:
    with pytest.raises(RequestNotAllowedError) as raised:
        WALL.check(method, BASE + target)
    assert reason in raised.value.message
    assert raised.value.code == "request_not_allowed"
    assert (raised.value.request or "").startswith(method)


@pytest.mark.parametrize("url", ["https://user@backup.example/api/backups", "https://a:b@backup.example/api/backups"])
def test_user_names_in_a_url_are_rejected(url: str) -> None:
    with pytest.raises(RequestNotAllowedError, match="user name"):
        WALL.check("GET", url)


def test_the_base_path_is_part_of_every_allowed_request() -> None:
    wall = Allowlist(ALLOWLIST, "/gateway")
    wall.check("GET", f"{BASE}/gateway/api/backups")
    for target in ("/api/backups", "/gatewayapi/backups", "/gateway-2/api/backups", "/gateway/../api/backups"):
        with pytest.raises(RequestNotAllowedError):
            wall.check("GET", BASE + target)


_POISON = st.sampled_from(
    ["..", ".", "/", "//", "\\", ";", "%2e", "%2f", "%5c", "%25", "%00", "?", "&", "#", "=", "a", "1", "@", ":", "api"]
)
_LINK = st.lists(_POISON | st.text(max_size=3), max_size=8).map("".join)


@given(st.sampled_from(["GET", "POST", "DELETE", "PUT"]), st.sampled_from(["", "/api", "/api/backups/"]), _LINK)
def test_no_other_url_is_allowed(method: str, start: str, rest: str) -> None:
    """An allowed URL is exactly an allowed path, even if it is decoded once more than any server would."""
    url = BASE + start + rest
    try:
        WALL.check(method, url)
    except (RequestNotAllowedError, ValueError):
        return
    path, _mark, query = url.removeprefix(BASE).partition("?")
    segments = unquote(path).split("/")[1:]
    permitted = {
        ("GET", ("api", "backups")),
        ("POST", ("api", "session")),
        ("GET", ("api", "v1.0", "jobs")),
    }
    if (method, tuple(segments)) not in permitted:
        assert method == "GET"
        assert [segments[0], segments[1], segments[3]] == ["api", "backups", "versions"]
        assert len(segments) == 4
        assert not set(segments[2]) & set("\\;#")
        assert segments[2] not in (".", "..")
    if query:
        assert all(pair.split("=")[0] in ("", "page", "order", "from") for pair in query.split("&"))


@given(st.text(min_size=1, max_size=12))
def test_ids_are_one_quoted_segment_or_rejected(ident: str) -> None:
    url = f"{BASE}/api/backups/{quote(ident, safe='', errors='surrogatepass')}/versions"
    hostile = ident in (".", "..") or any(character in "/?#\\;\ufffd" or character < " " for character in ident)
    doubled = "%" in ident
    try:
        WALL.check("GET", url)
    except RequestNotAllowedError:
        assert hostile or doubled or any("\ud800" <= character <= "\udfff" for character in ident)
    else:
        assert not hostile


FORM = Allowlist([AllowedRequest("POST", "/", form={"Action": "Read", "Name": None})])


@pytest.mark.parametrize("body", ["Action=Read", b"Name=a%26b&Action=Read", "Action=Read&Name="])
def test_a_form_that_selects_an_allowed_action(body: str | bytes) -> None:
    FORM.check("POST", "https://a.example/", body)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (None, "the required form field 'Action' is missing"),
        ("Name=a", "the required form field 'Action' is missing"),
        ("Action=Delete", "the value of the form field 'Action' is not on the allowlist"),
        ("Action=Read&Action=Delete", "the value of the form field 'Action' is not on the allowlist"),
        ("Action=Read&Force=1", "the form field 'Force' is not on the allowlist"),
        (b'{"Action": "Read"}', "is not on the allowlist"),
    ],
)
def test_a_form_that_selects_something_else(body: str | bytes | None, reason: str) -> None:
    with pytest.raises(RequestNotAllowedError, match=reason):
        FORM.check("POST", "https://a.example/", body)
