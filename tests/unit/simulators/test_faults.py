# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fault injection, control paths, and the recorded requests."""

from __future__ import annotations

import concurrent.futures
import contextlib
import http.client
import json
import ssl
import time
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from tests.unit.simulators.client import AzureClient, SppClient

SITES = "/api/site"


def set_faults(spp: SppClient, *rules: dict[str, Any]) -> None:
    spp.control("faults", list(rules))


def statuses(spp: SppClient, count: int, path: str = SITES) -> list[int]:
    return [spp.call("GET", path).status_code for _ignored in range(count)]


def try_request(spp: SppClient) -> list[int]:
    """Return the status of one request; empty if the connection fails."""
    with contextlib.suppress(requests.exceptions.ConnectionError):
        return statuses(spp, 1)
    return []


def test_status_with_headers_and_body(spp: SppClient) -> None:
    set_faults(spp, {"fault": "status", "status": 429, "headers": {"Retry-After": "3"}, "body": "slow down"})
    response = spp.call("GET", SITES)
    assert (response.status_code, response.headers["Retry-After"], response.text) == (429, "3", "slow down")


def test_nth_after_and_times(spp: SppClient) -> None:
    set_faults(spp, {"match": {"nth": 2}, "fault": "status", "status": 500})
    assert statuses(spp, 4) == [200, 500, 200, 200]
    set_faults(spp, {"match": {"after": 1}, "fault": "status", "status": 500, "times": 2})
    assert statuses(spp, 5) == [200, 500, 500, 200, 200]
    set_faults(spp)
    assert statuses(spp, 2) == [200, 200]


def test_query_parameters_that_match(spp: SppClient) -> None:
    """Listings with the same path differ in a parameter. `nth` counts only requests that have it."""
    match = {"path": SITES, "query": {"a": "1"}, "nth": 2}
    set_faults(spp, {"match": match, "fault": "status", "status": 500})
    paths = (SITES, f"{SITES}?a=1", f"{SITES}?a=2", f"{SITES}?a=1", f"{SITES}?a=1&b=2")
    assert [statuses(spp, 1, path) for path in paths] == [[200], [200], [200], [500], [200]]


def test_only_matching_requests_are_affected(spp: SppClient) -> None:
    set_faults(spp, {"match": {"method": "GET", "path": "/api/endeavour/*"}, "fault": "status", "status": 500})
    assert statuses(spp, 1) == [200]
    assert statuses(spp, 1, "/api/endeavour/job") == [500]
    set_faults(spp, {"match": {"method": "POST"}, "fault": "status", "status": 500})
    assert statuses(spp, 1) == [200]


def test_rules_count_separately(spp: SppClient) -> None:
    set_faults(
        spp,
        {"match": {"nth": 1}, "fault": "status", "status": 500},
        {"match": {"nth": 2}, "fault": "status", "status": 502},
    )
    assert statuses(spp, 3) == [500, 502, 200]


def test_responses_that_are_not_json(spp: SppClient) -> None:
    full_text = spp.call("GET", SITES).text
    set_faults(spp, {"fault": "empty"})
    empty = spp.call("GET", SITES)
    assert (empty.status_code, empty.content) == (200, b"")
    set_faults(spp, {"fault": "html", "status": 200})
    page = spp.call("GET", SITES)
    assert (page.headers["Content-Type"], "<title>" in page.text) == ("text/html", True)
    set_faults(spp, {"fault": "truncated"})
    cut = spp.call("GET", SITES)
    assert full_text.startswith(cut.text)
    assert 0 < len(cut.text) < len(full_text)
    with pytest.raises(json.JSONDecodeError):
        json.loads(cut.text)


def test_connection_breaks_during_a_response(spp: SppClient) -> None:
    set_faults(spp, {"match": {"path": SITES}, "fault": "reset", "times": 1})
    with pytest.raises((requests.exceptions.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        spp.call("GET", SITES)
    assert statuses(spp, 1) == [200]


def test_delay(spp: SppClient) -> None:
    set_faults(spp, {"fault": "delay", "seconds": 0.3, "times": 1})
    started = time.monotonic()
    assert statuses(spp, 1) == [200]
    assert time.monotonic() - started > 0.3


def test_session_expires(spp: SppClient, azure: AzureClient) -> None:
    set_faults(spp, {"match": {"path": SITES, "nth": 2}, "fault": "expire_session"})
    assert statuses(spp, 3) == [200, 401, 401]
    tokens = azure.log_in()
    azure.control("faults", [{"match": {"method": "GET"}, "fault": "expire_session", "times": 1}])
    path = "/api/v8.1/system/about"
    assert azure.call("GET", path).status_code == 401
    assert azure.grant(grant_type="Refresh_token", refresh_token=tokens["refresh_token"]).status_code == 200


@pytest.mark.parametrize(
    "rules",
    [
        {"fault": "status", "status": 500},
        [{"fault": "explode"}],
        [{"fault": "status"}],
        [{"fault": "empty", "status": 500}],
        [{"fault": "empty", "match": {"pth": "/"}}],
        [{"fault": "empty", "match": {"nth": 1, "after": 1}}],
        ["empty"],
    ],
)
def test_invalid_rules_are_rejected(spp: SppClient, rules: object) -> None:
    response = spp.call("POST", "/__faults", json=rules)
    assert response.status_code == 400
    assert response.json()["error"]


def test_requests_are_recorded_as_sent(spp: SppClient) -> None:
    spp.control("reset", {})
    spp.log_in()
    spp.call("GET", SITES, params=[("a", "1"), ("a", "2 &"), ("b", "")])
    spp.call("POST", "/api/hypervisor/search", params={"resourceType": "vm"}, json={"name": "x"})
    first, second, third = spp.control("requests")
    assert (first["method"], first["path"]) == ("POST", "/api/endeavour/session")
    assert first["headers"]["Authorization"].startswith("Basic ")
    assert second["query"] == [["a", "1"], ["a", "2 &"], ["b", ""]]
    assert second["headers"]["X-Endeavour-Sessionid"] == spp.headers["X-Endeavour-Sessionid"]
    assert json.loads(third["body"]) == {"name": "x"}


def test_reset(spp: SppClient) -> None:
    spp.variant(version="10.1.6")
    set_faults(spp, {"fault": "status", "status": 500})
    spp.control("reset", {})
    assert spp.control("sessions") == {"open": 0}
    assert spp.control("requests") == []
    assert spp.control("variant")["version"] == "10.1.17"
    assert spp.call("GET", "/api/lifecycle/ping").status_code == 200


@pytest.mark.parametrize("wanted", [{"no_such": 1}, {"copies_as_rows": "perhaps"}, {"throttle": "many"}])
def test_unknown_variants_are_rejected(spp: SppClient, wanted: dict[str, object]) -> None:
    assert spp.call("POST", "/__variant", json=wanted).status_code == 400


def test_unknown_control(spp: SppClient) -> None:
    assert spp.call("GET", "/__nothing").status_code == 404


def test_the_port_is_closed_and_reopened(spp: SppClient) -> None:
    set_faults(spp, {"fault": "refused"})
    with contextlib.suppress(requests.exceptions.ConnectionError):
        # A kept-alive connection may be reset first.
        spp.call("GET", SITES)
    with pytest.raises(requests.exceptions.ConnectionError, match="refused"):
        spp.call("GET", SITES)
    # The control port is a separate port.
    spp.control("reset", {})
    assert spp.call("GET", "/api/lifecycle/ping").status_code == 200


def test_handshakes_are_interrupted(spp: SppClient) -> None:
    set_faults(spp, {"fault": "tls_cut"})
    with pytest.raises(requests.exceptions.ConnectionError):
        spp.call("GET", SITES)
    set_faults(spp)
    assert statuses(spp, 1) == [200]


def test_a_restart_ends_sessions_and_is_short(spp: SppClient) -> None:
    set_faults(spp, {"match": {"nth": 2}, "fault": "restart", "seconds": 0.2})
    assert statuses(spp, 1) == [200]
    with pytest.raises(requests.exceptions.ConnectionError):
        spp.call("GET", SITES)
    assert spp.control("sessions") == {"open": 0}
    deadline = time.monotonic() + 30
    while not (result := try_request(spp)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert result == [401]


def test_a_pending_login_is_lost_in_a_restart(spp: SppClient) -> None:
    login = spp.account()
    slow = {"match": {"method": "POST"}, "fault": "delay", "seconds": 0.5}
    set_faults(spp, slow, {"match": {"path": SITES}, "fault": "restart", "seconds": 0.1})

    def log_in() -> None:
        with contextlib.suppress(requests.exceptions.ConnectionError):
            spp.call("POST", "/api/endeavour/session", auth=(login["username"], login["password"]))

    with concurrent.futures.ThreadPoolExecutor(1) as executor:
        under_way = executor.submit(log_in)
        while not spp.control("faults")[0]["met"]:
            time.sleep(0.01)
        with pytest.raises(requests.exceptions.ConnectionError):
            spp.call("GET", SITES)
        under_way.result()
    time.sleep(0.6)
    assert spp.control("sessions") == {"open": 0}


@pytest.mark.parametrize("name", ["reset_unanswered", "closed_unanswered"])
def test_a_request_without_a_response(spp: SppClient, name: str) -> None:
    set_faults(spp, {"match": {"path": SITES}, "fault": name, "times": 1})
    with pytest.raises(requests.exceptions.ConnectionError):
        spp.call("GET", SITES)
    assert statuses(spp, 1) == [200]
    assert spp.control("faults") == [{"fault": name, "met": 2, "done": 1, "changed": 1}]


def test_a_trickling_response_is_complete_and_keeps_the_connection(spp: SppClient, ready: dict[str, Any]) -> None:
    sites = spp.get(SITES)
    set_faults(spp, {"match": {"path": SITES}, "fault": "slow_body", "seconds": 0})
    context = ssl.create_default_context(cafile=ready["ca_path"])
    with contextlib.closing(http.client.HTTPSConnection(urlsplit(spp.entry["url"]).netloc, context=context)) as line:
        line.connect()
        # Otherwise a closed connection would silently be replaced by another.
        line.auto_open = 0
        for _ignored in range(10):
            line.request("GET", SITES, headers=spp.headers)
            assert json.load(line.getresponse()) == sites


def test_message_of_the_server(spp: SppClient) -> None:
    set_faults(spp, {"match": {"path": SITES}, "fault": "redirect"})
    assert spp.call("GET", SITES).headers["Location"].startswith("https://elsewhere.example/api/site")
    set_faults(spp, {"match": {"method": "POST"}, "fault": "session_limit"})
    login = spp.account()
    refused = spp.call("POST", "/api/endeavour/session", auth=(login["username"], login["password"]))
    assert refused.status_code == 403
    assert "maximum number of sessions" in refused.json()["description"]


def test_the_clock_can_be_changed(spp: SppClient) -> None:
    before = parsedate_to_datetime(spp.call("GET", SITES).headers["Date"])
    set_faults(spp, {"match": {"nth": 1}, "fault": "clock", "seconds": 7200})
    after = parsedate_to_datetime(spp.call("GET", SITES).headers["Date"])
    assert 7190 < (after - before).total_seconds() < 7300
