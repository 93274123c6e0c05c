# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults on order, control paths, and what is recorded."""

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

from tests.unit.simulators.client import AzureTalk, SppTalk

SITES = "/api/site"


def order(spp: SppTalk, *rules: dict[str, Any]) -> None:
    spp.control("faults", list(rules))


def statuses(spp: SppTalk, count: int, path: str = SITES) -> list[int]:
    return [spp.call("GET", path).status_code for _ignored in range(count)]


def reached(spp: SppTalk) -> list[int]:
    """What one call is answered; nothing, where nobody listens."""
    with contextlib.suppress(requests.exceptions.ConnectionError):
        return statuses(spp, 1)
    return []


def test_status_with_headers_and_body(spp: SppTalk) -> None:
    order(spp, {"fault": "status", "status": 429, "headers": {"Retry-After": "3"}, "body": "slow down"})
    answer = spp.call("GET", SITES)
    assert (answer.status_code, answer.headers["Retry-After"], answer.text) == (429, "3", "slow down")


def test_nth_after_and_times(spp: SppTalk) -> None:
    order(spp, {"match": {"nth": 2}, "fault": "status", "status": 500})
    assert statuses(spp, 4) == [200, 500, 200, 200]
    order(spp, {"match": {"after": 1}, "fault": "status", "status": 500, "times": 2})
    assert statuses(spp, 5) == [200, 500, 500, 200, 200]
    order(spp)
    assert statuses(spp, 2) == [200, 200]


def test_only_what_matches(spp: SppTalk) -> None:
    order(spp, {"match": {"method": "GET", "path": "/api/endeavour/*"}, "fault": "status", "status": 500})
    assert statuses(spp, 1) == [200]
    assert statuses(spp, 1, "/api/endeavour/job") == [500]
    order(spp, {"match": {"method": "POST"}, "fault": "status", "status": 500})
    assert statuses(spp, 1) == [200]


def test_each_rule_counts_for_itself(spp: SppTalk) -> None:
    order(
        spp,
        {"match": {"nth": 1}, "fault": "status", "status": 500},
        {"match": {"nth": 2}, "fault": "status", "status": 502},
    )
    assert statuses(spp, 3) == [500, 502, 200]


def test_answers_that_are_no_json(spp: SppTalk) -> None:
    whole = spp.call("GET", SITES).text
    order(spp, {"fault": "empty"})
    empty = spp.call("GET", SITES)
    assert (empty.status_code, empty.content) == (200, b"")
    order(spp, {"fault": "html", "status": 200})
    page = spp.call("GET", SITES)
    assert (page.headers["Content-Type"], "<title>" in page.text) == ("text/html", True)
    order(spp, {"fault": "truncated"})
    cut = spp.call("GET", SITES)
    assert whole.startswith(cut.text)
    assert 0 < len(cut.text) < len(whole)
    with pytest.raises(json.JSONDecodeError):
        json.loads(cut.text)


def test_connection_breaks_in_the_middle(spp: SppTalk) -> None:
    order(spp, {"match": {"path": SITES}, "fault": "reset", "times": 1})
    with pytest.raises((requests.exceptions.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        spp.call("GET", SITES)
    assert statuses(spp, 1) == [200]


def test_delay(spp: SppTalk) -> None:
    order(spp, {"fault": "delay", "seconds": 0.3, "times": 1})
    started = time.monotonic()
    assert statuses(spp, 1) == [200]
    assert time.monotonic() - started > 0.3


def test_session_expires(spp: SppTalk, azure: AzureTalk) -> None:
    order(spp, {"match": {"path": SITES, "nth": 2}, "fault": "expire_session"})
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
def test_rules_that_mean_nothing_are_refused(spp: SppTalk, rules: object) -> None:
    answer = spp.call("POST", "/__faults", json=rules)
    assert answer.status_code == 400
    assert answer.json()["error"]


def test_requests_are_recorded_as_sent(spp: SppTalk) -> None:
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


def test_reset(spp: SppTalk) -> None:
    spp.variant(version="10.1.6")
    order(spp, {"fault": "status", "status": 500})
    spp.control("reset", {})
    assert spp.control("sessions") == {"open": 0}
    assert spp.control("requests") == []
    assert spp.control("variant")["version"] == "10.1.17"
    assert spp.call("GET", "/api/lifecycle/ping").status_code == 200


@pytest.mark.parametrize("wanted", [{"no_such": 1}, {"copies_as_rows": "perhaps"}, {"throttle": "many"}])
def test_unknown_variants_are_refused(spp: SppTalk, wanted: dict[str, object]) -> None:
    assert spp.call("POST", "/__variant", json=wanted).status_code == 400


def test_unknown_control(spp: SppTalk) -> None:
    assert spp.call("GET", "/__nothing").status_code == 404


def test_the_port_is_shut_and_opens_again(spp: SppTalk) -> None:
    order(spp, {"fault": "refused"})
    with contextlib.suppress(requests.exceptions.ConnectionError):
        # A connection that was kept may be reset first.
        spp.call("GET", SITES)
    with pytest.raises(requests.exceptions.ConnectionError, match="refused"):
        spp.call("GET", SITES)
    # Its control port is another one.
    spp.control("reset", {})
    assert spp.call("GET", "/api/lifecycle/ping").status_code == 200


def test_handshakes_are_cut(spp: SppTalk) -> None:
    order(spp, {"fault": "tls_cut"})
    with pytest.raises(requests.exceptions.ConnectionError):
        spp.call("GET", SITES)
    order(spp)
    assert statuses(spp, 1) == [200]


def test_a_restart_ends_sessions_and_is_over_soon(spp: SppTalk) -> None:
    order(spp, {"match": {"nth": 2}, "fault": "restart", "seconds": 0.2})
    assert statuses(spp, 1) == [200]
    with pytest.raises(requests.exceptions.ConnectionError):
        spp.call("GET", SITES)
    assert spp.control("sessions") == {"open": 0}
    deadline = time.monotonic() + 30
    while not (told := reached(spp)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert told == [401]


def test_a_log_in_that_was_under_way_goes_down_with_the_server(spp: SppTalk) -> None:
    login = spp.account()
    slow = {"match": {"method": "POST"}, "fault": "delay", "seconds": 0.5}
    order(spp, slow, {"match": {"path": SITES}, "fault": "restart", "seconds": 0.1})

    def log_in() -> None:
        with contextlib.suppress(requests.exceptions.ConnectionError):
            spp.call("POST", "/api/endeavour/session", auth=(login["username"], login["password"]))

    with concurrent.futures.ThreadPoolExecutor(1) as beside:
        under_way = beside.submit(log_in)
        while not spp.control("faults")[0]["met"]:
            time.sleep(0.01)
        with pytest.raises(requests.exceptions.ConnectionError):
            spp.call("GET", SITES)
        under_way.result()
    time.sleep(0.6)
    assert spp.control("sessions") == {"open": 0}


@pytest.mark.parametrize("name", ["reset_unanswered", "closed_unanswered"])
def test_a_call_without_an_answer(spp: SppTalk, name: str) -> None:
    order(spp, {"match": {"path": SITES}, "fault": name, "times": 1})
    with pytest.raises(requests.exceptions.ConnectionError):
        spp.call("GET", SITES)
    assert statuses(spp, 1) == [200]
    assert spp.control("faults") == [{"fault": name, "met": 2, "done": 1, "changed": 1}]


def test_an_answer_that_drips_is_whole_in_the_end_and_its_connection_lives_on(
    spp: SppTalk, ready: dict[str, Any]
) -> None:
    sites = spp.get(SITES)
    order(spp, {"match": {"path": SITES}, "fault": "slow_body", "seconds": 0})
    context = ssl.create_default_context(cafile=ready["ca_path"])
    with contextlib.closing(http.client.HTTPSConnection(urlsplit(spp.entry["url"]).netloc, context=context)) as line:
        line.connect()
        # Else a connection that was cut would be replaced by another without a word.
        line.auto_open = 0
        for _ignored in range(10):
            line.request("GET", SITES, headers=spp.headers)
            assert json.load(line.getresponse()) == sites


def test_words_of_the_server(spp: SppTalk) -> None:
    order(spp, {"match": {"path": SITES}, "fault": "redirect"})
    assert spp.call("GET", SITES).headers["Location"].startswith("https://elsewhere.example/api/site")
    order(spp, {"match": {"method": "POST"}, "fault": "session_limit"})
    login = spp.account()
    refused = spp.call("POST", "/api/endeavour/session", auth=(login["username"], login["password"]))
    assert refused.status_code == 403
    assert "maximum number of sessions" in refused.json()["description"]


def test_the_clock_is_turned(spp: SppTalk) -> None:
    before = parsedate_to_datetime(spp.call("GET", SITES).headers["Date"])
    order(spp, {"match": {"nth": 1}, "fault": "clock", "seconds": 7200})
    after = parsedate_to_datetime(spp.call("GET", SITES).headers["Date"])
    assert 7190 < (after - before).total_seconds() < 7300
