# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The effect of each kind of fault on a good response, without a server."""

from __future__ import annotations

import gzip
import json
import zlib
from typing import Any

import pytest

from tests.simulators.faults import KINDS, Fault, FaultPlan, parse_fault
from tests.simulators.product_api import Call, Response
from tests.simulators.products import PRODUCT_APIS

ROWS = [
    {"id": "a", "count": 1, "state": "Ok", "link": {"href": "https://vb.example/a"}},
    {"id": "b", "count": 2, "state": "Ok", "link": None},
]
PAGE = {"totalCount": 2, "results": ROWS}
XML = (
    '<QueryResult xmlns="http://www.veeam.com/ent/v1.0"><Entities><Points>'
    '<Point Name="a"><State>Ok</State></Point><Point Name="b"><State>Ok</State></Point>'
    '</Points></Entities><PagingInfo PagesCount="3" /></QueryResult>'
)


def fault(name: str, product: str = "veeam_azure", **details: Any) -> Fault:
    return parse_fault({"fault": name, **details}, PRODUCT_APIS[product].MEMBER_NAMES)


def call(**query: str) -> Call:
    return Call("GET", "/api/list", list(query.items()), {}, b"")


def good(document: Any = None) -> Response:
    return Response(200, json.dumps(PAGE if document is None else document).encode())


def apply_fault(name: str, product: str = "veeam_azure", **details: Any) -> Any:
    rule = fault(name, product, **details)
    response = rule.change_response(call(), good())
    assert rule.changed == 1
    return json.loads(response.body)


def xml(name: str, **details: Any) -> str:
    rule = fault(name, "veeam_enterprise_manager", **details)
    return rule.change_response(call(), Response(200, XML.encode(), "application/xml")).body.decode()


def test_all_kinds_of_faults_exist() -> None:
    assert len(KINDS) >= 35
    assert all(api.MEMBER_NAMES.enum_members for api in PRODUCT_APIS.values())


def test_encodings() -> None:
    latin = fault("latin1").change_response(call(), good())
    assert "iso-8859-1" in latin.content_type
    assert "größe".encode("iso-8859-1") in latin.body
    with pytest.raises(UnicodeDecodeError):
        latin.body.decode()
    assert json.loads(fault("utf16").change_response(call(), good()).body.decode("utf-16")) == PAGE
    assert fault("bom").change_response(call(), good()).body.startswith(b"\xef\xbb\xbf{")
    assert fault("wrong_type").change_response(call(), good()).content_type == "application/octet-stream"


def test_gzip() -> None:
    bomb = fault("gzip_bomb", megabytes=3).change_response(call(), good())
    assert bomb.headers["Content-Encoding"] == "gzip"
    assert len(bomb.body) < 20_000
    assert len(gzip.decompress(bomb.body)) > 3 << 20
    with pytest.raises(EOFError):
        gzip.decompress(fault("gzip_cut").change_response(call(), good()).body)
    with pytest.raises((zlib.error, gzip.BadGzipFile)):
        gzip.decompress(fault("gzip_broken").change_response(call(), good()).body)
    assert len(fault("huge", megabytes=2).change_response(call(), good()).body) > 2 << 20


def test_rows() -> None:
    assert [row["id"] for row in apply_fault("duplicate_rows", share=1)["results"]] == ["a", "a", "b", "b"]
    assert len(apply_fault("missing_rows")["results"]) == 1
    assert [row["id"] for row in apply_fault("swapped_rows")["results"]] == ["a", "a"]
    assert xml("duplicate_rows", share=1).count("<Point ") == 4
    assert xml("missing_rows").count("<Point ") == 1


def test_totals() -> None:
    assert apply_fault("total", by=-1)["totalCount"] == 1
    assert apply_fault("total", by=-9)["totalCount"] == 0
    growing = fault("total", by=1, each=True)
    assert [json.loads(growing.change_response(call(), good()).body)["totalCount"] for _turn in range(3)] == [3, 4, 5]
    assert 'PagesCount="2"' in xml("total", by=-1)
    changed_response = fault("total", "vprotect", by=5).change_response(
        call(), Response(200, b"[]", headers={"X-Total-Count": "7"})
    )
    assert changed_response.headers["X-Total-Count"] == "12"


def test_fields() -> None:
    assert all("state" not in row for row in apply_fault("missing_members", members=["State"])["results"])
    assert all(row["state"] is None for row in apply_fault("null_members", members=["state"])["results"])
    assert all(row["state"] == "NeverHeardOf" for row in apply_fault("unknown_words")["results"])
    assert [row["count"] for row in apply_fault("numbers_as_text")["results"]] == ["1", "2"]
    assert apply_fault("foreign_links")["results"][0]["link"]["href"] == "https://elsewhere.example/a"
    assert "<State>NeverHeardOf</State>" in xml("unknown_words")
    assert "<State" not in xml("missing_members", members=["State"])


def test_a_share_of_fields_is_the_same_in_every_row_and_for_every_seed() -> None:
    first, second = (apply_fault("missing_members", share=0.5, seed=3)["results"] for _turn in range(2))
    assert first == second
    assert set(first[0]) == set(first[1])
    assert apply_fault("missing_members", share=0.5, seed=4)["results"] != first


def test_pages() -> None:
    assert fault("short_page", most=2).change_request(call(Offset="4", Limit="50")).query == [
        ("Offset", "4"),
        ("Limit", "2"),
    ]
    assert fault("ignored_page").change_request(call(Offset="4", Limit="50")).query == [("Limit", "50")]
    same = fault("link_to_itself")
    assert same.change_response(call(Offset="0"), good()).body == same.change_response(call(Offset="2"), good([])).body
    linked = fault("link_to_itself", "spp")
    page = {"links": {"self": {"href": "x"}}, "contents": ROWS}
    changed_response = json.loads(linked.change_response(call(pageSize="5"), good(page)).body)
    assert changed_response["links"]["nextPage"]["href"].endswith("/api/list?pageSize=5")


def test_responses_that_cannot_be_changed_are_not_counted() -> None:
    for name in ("duplicate_rows", "unknown_words", "foreign_links", "numbers_as_text"):
        rule = fault(name)
        response = good({"results": []})
        assert rule.change_response(call(), response) is response
        assert rule.changed == 0
    refused = Response(500, b"trouble", "text/plain")
    assert fault("missing_rows").change_response(call(), refused) is refused


def test_random_requests_depend_only_on_the_seed() -> None:
    def active_calls(seed: int) -> list[bool]:
        plan = FaultPlan(PRODUCT_APIS["spp"].MEMBER_NAMES)
        plan.load([{"match": {"method": "GET"}, "fault": "reset", "rate": 0.3, "seed": seed}])
        return [bool(plan.get_active(call())) for _turn in range(200)]

    assert 30 < sum(active_calls(1)) < 90
    assert active_calls(1) == active_calls(1) != active_calls(2)
