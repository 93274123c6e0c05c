# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each kind of fault makes of a good answer, without a server."""

from __future__ import annotations

import gzip
import json
import zlib
from typing import Any

import pytest

from tests.simulators.faults import KINDS, Fault, FaultPlan, read_fault
from tests.simulators.product_api import Call, Response
from tests.simulators.products import DIALECTS

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
    return read_fault({"fault": name, **details}, DIALECTS[product].NAMES)


def call(**query: str) -> Call:
    return Call("GET", "/api/list", list(query.items()), {}, b"")


def good(document: Any = None) -> Response:
    return Response(200, json.dumps(PAGE if document is None else document).encode())


def bent(name: str, product: str = "veeam_azure", **details: Any) -> Any:
    rule = fault(name, product, **details)
    answer = rule.bends(call(), good())
    assert rule.changed == 1
    return json.loads(answer.body)


def xml(name: str, **details: Any) -> str:
    rule = fault(name, "veeam_enterprise_manager", **details)
    return rule.bends(call(), Response(200, XML.encode(), "application/xml")).body.decode()


def test_there_are_all_kinds() -> None:
    assert len(KINDS) >= 35
    assert all(dialect.NAMES.words for dialect in DIALECTS.values())


def test_encodings() -> None:
    latin = fault("latin1").bends(call(), good())
    assert "iso-8859-1" in latin.content_type
    assert "größe".encode("iso-8859-1") in latin.body
    with pytest.raises(UnicodeDecodeError):
        latin.body.decode()
    assert json.loads(fault("utf16").bends(call(), good()).body.decode("utf-16")) == PAGE
    assert fault("bom").bends(call(), good()).body.startswith(b"\xef\xbb\xbf{")
    assert fault("wrong_type").bends(call(), good()).content_type == "application/octet-stream"


def test_gzip() -> None:
    bomb = fault("gzip_bomb", megabytes=3).bends(call(), good())
    assert bomb.headers["Content-Encoding"] == "gzip"
    assert len(bomb.body) < 20_000
    assert len(gzip.decompress(bomb.body)) > 3 << 20
    with pytest.raises(EOFError):
        gzip.decompress(fault("gzip_cut").bends(call(), good()).body)
    with pytest.raises((zlib.error, gzip.BadGzipFile)):
        gzip.decompress(fault("gzip_broken").bends(call(), good()).body)
    assert len(fault("huge", megabytes=2).bends(call(), good()).body) > 2 << 20


def test_rows() -> None:
    assert [row["id"] for row in bent("duplicate_rows", share=1)["results"]] == ["a", "a", "b", "b"]
    assert len(bent("missing_rows")["results"]) == 1
    assert [row["id"] for row in bent("swapped_rows")["results"]] == ["a", "a"]
    assert xml("duplicate_rows", share=1).count("<Point ") == 4
    assert xml("missing_rows").count("<Point ") == 1


def test_totals() -> None:
    assert bent("total", by=-1)["totalCount"] == 1
    assert bent("total", by=-9)["totalCount"] == 0
    growing = fault("total", by=1, each=True)
    assert [json.loads(growing.bends(call(), good()).body)["totalCount"] for _turn in range(3)] == [3, 4, 5]
    assert 'PagesCount="2"' in xml("total", by=-1)
    told = fault("total", "vprotect", by=5).bends(call(), Response(200, b"[]", headers={"X-Total-Count": "7"}))
    assert told.headers["X-Total-Count"] == "12"


def test_members() -> None:
    assert all("state" not in row for row in bent("missing_members", members=["State"])["results"])
    assert all(row["state"] is None for row in bent("null_members", members=["state"])["results"])
    assert all(row["state"] == "NeverHeardOf" for row in bent("unknown_words")["results"])
    assert [row["count"] for row in bent("numbers_as_text")["results"]] == ["1", "2"]
    assert bent("foreign_links")["results"][0]["link"]["href"] == "https://elsewhere.example/a"
    assert "<State>NeverHeardOf</State>" in xml("unknown_words")
    assert "<State" not in xml("missing_members", members=["State"])


def test_a_share_of_the_members_is_the_same_in_every_row_and_for_every_seed() -> None:
    first, second = (bent("missing_members", share=0.5, seed=3)["results"] for _turn in range(2))
    assert first == second
    assert set(first[0]) == set(first[1])
    assert bent("missing_members", share=0.5, seed=4)["results"] != first


def test_pages() -> None:
    assert fault("short_page", most=2).asks(call(Offset="4", Limit="50")).query == [("Offset", "4"), ("Limit", "2")]
    assert fault("ignored_page").asks(call(Offset="4", Limit="50")).query == [("Limit", "50")]
    same = fault("link_to_itself")
    assert same.bends(call(Offset="0"), good()).body == same.bends(call(Offset="2"), good([])).body
    linked = fault("link_to_itself", "spp")
    page = {"links": {"self": {"href": "x"}}, "contents": ROWS}
    told = json.loads(linked.bends(call(pageSize="5"), good(page)).body)
    assert told["links"]["nextPage"]["href"].endswith("/api/list?pageSize=5")


def test_what_cannot_be_bent_is_left_and_not_counted() -> None:
    for name in ("duplicate_rows", "unknown_words", "foreign_links", "numbers_as_text"):
        rule = fault(name)
        answer = good({"results": []})
        assert rule.bends(call(), answer) is answer
        assert rule.changed == 0
    refused = Response(500, b"trouble", "text/plain")
    assert fault("missing_rows").bends(call(), refused) is refused


def test_some_calls_at_random_and_the_same_ones_for_a_seed() -> None:
    def struck(seed: int) -> list[bool]:
        plan = FaultPlan(DIALECTS["spp"].NAMES)
        plan.load([{"match": {"method": "GET"}, "fault": "reset", "rate": 0.3, "seed": seed}])
        return [bool(plan.struck_by(call())) for _turn in range(200)]

    assert 30 < sum(struck(1)) < 90
    assert struck(1) == struck(1) != struck(2)
