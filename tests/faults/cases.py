# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rows of the matrix: every fault, transient or permanent, and the outcome that each must have."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.faults.products import LOG_IN, listing, side_listing, some_objects

Rules = Callable[[str], list[dict[str, Any]]]


@dataclass(frozen=True)
class Case:
    """One row. ``must`` is the required outcome, if it is the same for all products."""

    name: str
    rules: Rules
    # The message of a rejection must match one of these patterns.
    messages: tuple[str, ...] = ()
    must: str = ""
    # The server is unreachable at the end, so sessions cannot be closed.
    server_gone: bool = False
    # Not every product returns the data that this fault changes.
    may_miss: bool = False
    # Rows are left out, which a list without a total does not show. A row may have been evidence against a workload.
    hides_rows: bool = False
    clock: int = 0
    options: Mapping[str, Any] = field(default_factory=dict)


def _rule(fault: str, match: Mapping[str, Any] | None, details: Mapping[str, Any]) -> dict[str, Any]:
    return {"fault": fault, **details} if match is None else {"fault": fault, "match": dict(match), **details}


def once(fault: str, **details: Any) -> Rules:
    """Apply the fault to the second request of the listing only."""
    return lambda product: [_rule(fault, {**listing(product), "nth": 2}, details)]


def permanent(fault: str, **details: Any) -> Rules:
    """Apply the fault to every request of the listing from the second one."""
    return lambda product: [_rule(fault, {**listing(product), "after": 1}, details)]


def in_listing(fault: str, **details: Any) -> Rules:
    """Apply the fault to every request of the listing."""
    return lambda product: [_rule(fault, listing(product), details)]


def in_some_objects(fault: str, **details: Any) -> Rules:
    """Apply the fault to every request of some objects of many."""
    return lambda product: [_rule(fault, some_objects(product), details)]


def in_side_listing(fault: str, **details: Any) -> Rules:
    """Apply the fault to every request of a listing whose data is not essential."""
    return lambda product: [_rule(fault, side_listing(product), details)]


def in_every_call(fault: str, **details: Any) -> Rules:
    """Apply the fault to every request except login and logout."""

    def rules(product: str) -> list[dict[str, Any]]:
        return [_rule(fault, {"method": "GET"}, details), *in_listing(fault, **details)(product)]

    return rules


def at_login(fault: str, **details: Any) -> Rules:
    """Apply the fault to the login request."""
    return lambda product: [_rule(fault, {"method": "POST", "path": LOG_IN[product]}, details)]


def at_first_call(fault: str, **details: Any) -> Rules:
    """Apply the fault to the first request."""
    return lambda _product: [_rule(fault, {"nth": 1}, details)]


def from_start(fault: str, **details: Any) -> Rules:
    """Apply the fault before any request is sent."""
    return lambda _product: [_rule(fault, None, details)]


def random_faults(*faults: str) -> Rules:
    """Apply several faults at random, each to 7 % of the GET requests; fixed seeds make every run the same."""

    def rules(product: str) -> list[dict[str, Any]]:
        made = []
        for number, fault in enumerate(faults):
            details = {"rate": 0.07, "seed": number, **({"status": 503} if fault == "status" else {})}
            made.append(_rule(fault, {"method": "GET"}, details))
        return made

    return rules


TOLERATED, REJECTED = "tolerated", "rejected"
_SHORT_TIMEOUT = {"timeout": 1, "retries": 0}
_NETWORK = (
    Case(
        "connection refused",
        from_start("refused"),
        ("Cannot connect to .*: connection refused",),
        REJECTED,
        server_gone=True,
    ),
    Case(
        "connection refused during the listing",
        permanent("refused"),
        ("Cannot connect to .*: connection refused",),
        REJECTED,
        server_gone=True,
    ),
    Case("server restarted during the listing", once("restart", seconds=0.02), (), ""),
    Case(
        "TLS handshake interrupted",
        from_start("tls_cut"),
        ("Connection to .* failed during .*(EOF|SSL|reset)",),
        REJECTED,
        server_gone=True,
    ),
    Case(
        "TLS handshake interrupted during the listing",
        permanent("tls_cut"),
        ("Connection to .* failed during",),
        REJECTED,
        server_gone=True,
    ),
    Case("connection reset during the response, once", once("reset"), (), TOLERATED),
    Case(
        "connection reset during the response",
        permanent("reset"),
        ("Connection to .* failed during .*3 attempts",),
        REJECTED,
    ),
    Case("connection reset before the response, once", once("reset_unanswered"), (), TOLERATED),
    Case(
        "connection reset before the response",
        permanent("reset_unanswered"),
        ("Connection to .* failed during .*3 attempts",),
        REJECTED,
    ),
    Case("connection closed before the response, once", once("closed_unanswered"), (), TOLERATED),
    Case(
        "connection closed before the response",
        permanent("closed_unanswered"),
        ("Connection to .* failed during .*3 attempts",),
        REJECTED,
    ),
    Case(
        "response timeout",
        permanent("delay", seconds=4),
        ("Timed out after 1 s waiting for",),
        REJECTED,
        options=_SHORT_TIMEOUT,
    ),
    Case(
        "slow headers",
        permanent("slow_headers", seconds=0.2),
        ("not complete after",),
        REJECTED,
        options=_SHORT_TIMEOUT,
    ),
    Case("slow body", permanent("slow_body", seconds=0.5), ("not complete after",), REJECTED, options=_SHORT_TIMEOUT),
)
_STATUSES = (
    Case("429 without Retry-After, once", once("status", status=429), (), TOLERATED),
    Case(
        "429 without Retry-After",
        permanent("status", status=429),
        (r"receives too many requests \(HTTP 429",),
        REJECTED,
    ),
    Case("429, Retry-After in seconds", once("status", status=429, headers={"Retry-After": "1"}), (), TOLERATED),
    Case("429, Retry-After as a date", once("status", status=429, retry_at=1), (), TOLERATED),
    Case(
        "429, Retry-After of 30 years", once("status", status=429, headers={"Retry-After": "946080000"}), (), TOLERATED
    ),
    Case("429, invalid Retry-After", once("status", status=429, headers={"Retry-After": "soon"}), (), TOLERATED),
    Case("500", permanent("status", status=500), (r"the server failed.*\(HTTP 500\)",), REJECTED),
    Case("502, once", once("status", status=502), (), TOLERATED),
    Case("502", permanent("status", status=502), (r"\(HTTP 502",), REJECTED),
    Case("503, once", once("status", status=503), (), TOLERATED),
    Case("503", permanent("status", status=503), (r"\(HTTP 503",), REJECTED),
    Case("504, once", once("status", status=504), (), TOLERATED),
    Case("504", permanent("status", status=504), (r"\(HTTP 504",), REJECTED),
    Case("401 during the listing: session expired", once("expire_session"), (), TOLERATED),
    Case(
        "401 during the listing, permanent",
        permanent("status", status=401),
        (r"rejected the session.*\(HTTP 401\)",),
        REJECTED,
    ),
    Case(
        "403 during the listing",
        permanent("status", status=403),
        (r"lacks permission for this request \(HTTP 403\)",),
        REJECTED,
    ),
    Case(
        "404 during the listing",
        permanent("status", status=404),
        (r"does not support this request \(HTTP 404\)",),
        REJECTED,
    ),
    Case("session limit reached", at_login("session_limit"), ("maximum number of sessions", r"\(HTTP 403\)"), REJECTED),
    Case(
        "session limit reached, as 429",
        at_login("session_limit", status=429),
        ("maximum number of sessions",),
        REJECTED,
    ),
    Case("503 at login", at_login("status", status=503), (r"\(HTTP 503",), REJECTED),
    Case("web page at login", at_login("html"), ("web page|has no|failed|rejected",), REJECTED),
    Case("redirect to another host", permanent("redirect"), ("redirects to 'https://elsewhere.example",), REJECTED),
    Case("redirect at login", at_login("redirect", status=307), ("redirects to 'https://elsewhere",), REJECTED),
    Case("clock 2 h ahead", at_first_call("clock", seconds=7200), clock=7200),
    Case("clock 2 h behind", at_first_call("clock", seconds=-7200), clock=-7200),
)
_BODIES = (
    Case("truncated body", permanent("truncated"), ("invalid or truncated",), REJECTED),
    Case(
        "web page instead of data",
        permanent("html"),
        ("the response is a web page or XML|invalid or truncated",),
        REJECTED,
    ),
    Case("neither JSON nor XML", permanent("garbage"), ("not JSON|invalid or truncated",), REJECTED),
    Case("empty body", permanent("empty"), ("the response is empty",), REJECTED),
    Case("wrong content type", in_every_call("wrong_type"), ("not JSON|web page or XML",)),
    Case("data labeled as a web page", in_every_call("wrong_type", type="text/html"), ("not JSON|web page or XML",)),
    Case("ISO 8859-1", permanent("latin1"), ("invalid or truncated|not UTF-8",), REJECTED),
    Case("UTF-16", in_every_call("utf16"), ("invalid or truncated|not UTF-8",)),
    Case("byte order mark", in_every_call("bom"), (), TOLERATED),
    Case("truncated gzip", permanent("gzip_cut"), ("invalid or truncated",), REJECTED),
    Case("corrupt gzip", permanent("gzip_broken"), ("decompress", "invalid or truncated"), REJECTED),
    Case("gzip bomb", permanent("gzip_bomb"), ("larger than",), REJECTED),
    Case("huge body", permanent("huge"), ("larger than",), REJECTED),
)
_PAGING_MESSAGES = ("in a loop|identical|incomplete|items were removed|twice",)
_PAGES = (
    Case("next page links to itself", in_listing("link_to_itself"), _PAGING_MESSAGES, may_miss=True),
    Case("page number ignored", in_listing("ignored_page"), _PAGING_MESSAGES, may_miss=True),
    Case("pages shorter than requested", in_listing("short_page"), (), TOLERATED, may_miss=True),
    Case("one page shorter than requested", once("short_page"), ("incomplete|has .* items",), may_miss=True),
    Case(
        "total grows",
        in_listing("total", by=1, each=True),
        ("incomplete|items were removed|the first page has",),
        may_miss=True,
    ),
    Case(
        "total falls",
        in_listing("total", by=-1, each=True),
        ("incomplete|items were removed|the first page has",),
        may_miss=True,
    ),
    Case("total too small", in_listing("total", by=-1), ("incomplete|items were removed|more",), may_miss=True),
    Case("total far too small", in_listing("total", by=-6), ("incomplete|items were removed|more",), may_miss=True),
    Case(
        "total too large",
        in_listing("total", by=1),
        ("incomplete|items were removed|the first page has",),
        may_miss=True,
    ),
    Case(
        "total far too large",
        in_listing("total", by=50),
        ("incomplete|items were removed|the first page has",),
        may_miss=True,
    ),
    Case(
        "every row duplicated",
        in_listing("duplicate_rows", share=1),
        ("incomplete|items were removed|the first page has|in a loop|twice",),
    ),
    Case(
        "some rows duplicated",
        in_listing("duplicate_rows"),
        ("incomplete|items were removed|the first page has|in a loop|twice",),
    ),
    Case(
        "one row missing from each page",
        in_listing("missing_rows"),
        ("incomplete|items were removed|the first page has",),
        hides_rows=True,
    ),
    # Which Unitrends slice is requested second is random, and some slices contain no rows.
    Case(
        "one row missing, once",
        once("missing_rows"),
        ("incomplete|items were removed|the first page has",),
        may_miss=True,
        hides_rows=True,
    ),
    Case(
        "one row duplicated, one missing",
        in_listing("swapped_rows"),
        ("incomplete|items were removed|the first page has",),
        may_miss=True,
        hides_rows=True,
    ),
    Case("links to another host", in_every_call("foreign_links"), (), TOLERATED, may_miss=True),
)
_MISSING_VALUES = ("has no|is no|does not|no list|neither|without|incomplete|expected a record|status is",)
_MEMBERS = (
    Case("unknown enum values", in_every_call("unknown_words"), _MISSING_VALUES, may_miss=True),
    *(
        Case(
            f"fields missing, {seed}",
            in_every_call("missing_members", share=0.15, seed=seed),
            _MISSING_VALUES,
            may_miss=True,
        )
        for seed in range(1, 7)
    ),
    *(
        Case(
            f"fields null, {seed}",
            in_every_call("null_members", share=0.15, seed=seed),
            _MISSING_VALUES,
            may_miss=True,
        )
        for seed in range(11, 17)
    ),
    Case("fields missing in some records", in_every_call("sometimes_missing", share=0.05, seed=1), _MISSING_VALUES),
    Case("all fields missing", permanent("missing_members", share=1), _MISSING_VALUES),
    Case("all fields null", permanent("null_members", share=1), _MISSING_VALUES),
    Case("numbers as text", in_every_call("numbers_as_text"), (), TOLERATED, may_miss=True),
)
_RANDOM = (
    Case("random resets, 503s and unanswered requests", random_faults("reset", "status", "reset_unanswered"), (), ""),
    Case(
        "403 during the listing, allow_partial",
        permanent("status", status=403),
        (r"\(HTTP 403\)",),
        options={"allow_partial": True},
    ),
)
_REFUSED = (400, 403, 404, 500)
_PARTS = (
    *(
        Case(
            f"{status} for some objects",
            in_some_objects("status", status=status),
            (rf"\(HTTP {status}\)",),
            may_miss=True,
        )
        for status in _REFUSED
    ),
    *(
        Case(
            f"{status} for some objects, allow_partial",
            in_some_objects("status", status=status),
            (rf"\(HTTP {status}\)",),
            may_miss=True,
            options={"allow_partial": True},
        )
        for status in _REFUSED
    ),
    *(
        Case(
            f"{status} for a side listing",
            in_side_listing("status", status=status),
            (rf"\(HTTP {status}\)",),
            may_miss=True,
        )
        for status in _REFUSED
    ),
    Case("side listing: empty body", in_side_listing("empty"), ("the response is empty",), may_miss=True),
    Case("side listing: web page", in_side_listing("html"), ("web page|invalid or truncated",), may_miss=True),
    Case(
        "side listing: rows missing", in_side_listing("missing_rows"), ("incomplete|the first page has",), may_miss=True
    ),
    Case(
        "side listing: all fields missing", in_side_listing("missing_members", share=1), _MISSING_VALUES, may_miss=True
    ),
    Case("side listing: all fields null", in_side_listing("null_members", share=1), _MISSING_VALUES, may_miss=True),
)
CASES = (*_NETWORK, *_STATUSES, *_BODIES, *_PAGES, *_MEMBERS, *_PARTS, *_RANDOM)
