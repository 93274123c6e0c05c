# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rows of the matrix: every fault, transient or permanent, and the outcome that each must have."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.faults.products import LOG_IN, listing

Rules = Callable[[str], list[dict[str, Any]]]


@dataclass(frozen=True)
class Case:
    """One row. ``must`` is the required outcome, if it is the same for all products."""

    name: str
    rules: Rules
    # The message of a refusal must match one of these patterns.
    messages: tuple[str, ...] = ()
    must: str = ""
    # The server is unreachable at the end, so sessions cannot be closed.
    server_gone: bool = False
    # Not every product returns the data that this fault changes.
    may_miss: bool = False
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


def in_every_call(fault: str, **details: Any) -> Rules:
    """Apply the fault to every request except log-in and log-out."""

    def rules(product: str) -> list[dict[str, Any]]:
        return [_rule(fault, {"method": "GET"}, details), *in_listing(fault, **details)(product)]

    return rules


def at_login(fault: str, **details: Any) -> Rules:
    """Apply the fault to the log-in request."""
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


SURVIVED, REFUSED = "survived", "refused"
_SHORT_TIMEOUT = {"timeout": 1, "retries": 0}
_NETWORK = (
    Case("connection refused", from_start("refused"), ("nothing listens there",), REFUSED, server_gone=True),
    Case(
        "connection refused in mid-listing", permanent("refused"), ("nothing listens there",), REFUSED, server_gone=True
    ),
    Case("server restarted in mid-listing", once("restart", seconds=0.02), (), ""),
    Case("TLS handshake cut", from_start("tls_cut"), ("connection broke.*(EOF|SSL|reset)",), REFUSED, server_gone=True),
    Case("TLS handshake cut in mid-listing", permanent("tls_cut"), ("connection broke",), REFUSED, server_gone=True),
    Case("reset in mid-answer, once", once("reset"), (), SURVIVED),
    Case("reset in mid-answer", permanent("reset"), ("connection broke.*after 3 tries",), REFUSED),
    Case("reset before the answer, once", once("reset_unanswered"), (), SURVIVED),
    Case("reset before the answer", permanent("reset_unanswered"), ("connection broke.*after 3 tries",), REFUSED),
    Case("closed before the answer, once", once("closed_unanswered"), (), SURVIVED),
    Case("closed before the answer", permanent("closed_unanswered"), ("connection broke.*after 3 tries",), REFUSED),
    Case(
        "no answer in time", permanent("delay", seconds=4), ("no answer within 1 s",), REFUSED, options=_SHORT_TIMEOUT
    ),
    Case(
        "slow headers", permanent("slow_headers", seconds=0.2), ("not complete after",), REFUSED, options=_SHORT_TIMEOUT
    ),
    Case("slow body", permanent("slow_body", seconds=0.5), ("not complete after",), REFUSED, options=_SHORT_TIMEOUT),
)
_STATUSES = (
    Case("429 without Retry-After, once", once("status", status=429), (), SURVIVED),
    Case("429 without Retry-After", permanent("status", status=429), (r"asked too often \(429\)",), REFUSED),
    Case("429, Retry-After in seconds", once("status", status=429, headers={"Retry-After": "1"}), (), SURVIVED),
    Case("429, Retry-After a date", once("status", status=429, retry_at=1), (), SURVIVED),
    Case(
        "429, Retry-After of 30 years", once("status", status=429, headers={"Retry-After": "946080000"}), (), SURVIVED
    ),
    Case("429, Retry-After nonsense", once("status", status=429, headers={"Retry-After": "soon"}), (), SURVIVED),
    Case("500", permanent("status", status=500), (r"has trouble.*\(500\)",), REFUSED),
    Case("502, once", once("status", status=502), (), SURVIVED),
    Case("502", permanent("status", status=502), (r"\(502\)",), REFUSED),
    Case("503, once", once("status", status=503), (), SURVIVED),
    Case("503", permanent("status", status=503), (r"\(503\)",), REFUSED),
    Case("504, once", once("status", status=504), (), SURVIVED),
    Case("504", permanent("status", status=504), (r"\(504\)",), REFUSED),
    Case("401 in mid-listing: session expired", once("expire_session"), (), SURVIVED),
    Case("401 in mid-listing, for good", permanent("status", status=401), (r"refused the session.*\(401\)",), REFUSED),
    Case("403 in mid-listing", permanent("status", status=403), (r"may not read this \(403\)",), REFUSED),
    Case("404 in mid-listing", permanent("status", status=404), (r"does not know this call \(404\)",), REFUSED),
    Case("session limit reached", at_login("session_limit"), ("maximum number of sessions", r"\(403\)"), REFUSED),
    Case(
        "session limit reached, as 429", at_login("session_limit", status=429), ("maximum number of sessions",), REFUSED
    ),
    Case("503 at the log-in", at_login("status", status=503), (r"\(503\)",), REFUSED),
    Case("web page at the log-in", at_login("html"), ("web page|has no|refused|rejected",), REFUSED),
    Case("redirect to another host", permanent("redirect"), ("redirects to 'https://elsewhere.example",), REFUSED),
    Case("redirect at the log-in", at_login("redirect", status=307), ("redirects to 'https://elsewhere",), REFUSED),
    Case("clock 2 h ahead", at_first_call("clock", seconds=7200), clock=7200),
    Case("clock 2 h behind", at_first_call("clock", seconds=-7200), clock=-7200),
)
_BODIES = (
    Case("truncated body", permanent("truncated"), ("broken or cut short",), REFUSED),
    Case("web page instead of data", permanent("html"), ("a web page or XML came|broken or cut short",), REFUSED),
    Case("no JSON or XML", permanent("garbage"), ("no JSON|broken",), REFUSED),
    Case("empty body", permanent("empty"), ("the answer is empty",), REFUSED),
    Case("wrong content type", in_every_call("wrong_type"), ("no JSON|web page or XML",)),
    Case("data said to be a web page", in_every_call("wrong_type", type="text/html"), ("no JSON|web page or XML",)),
    Case("ISO 8859-1", permanent("latin1"), ("broken or cut short|not UTF-8",), REFUSED),
    Case("UTF-16", in_every_call("utf16"), ("broken or cut short|not UTF-8",)),
    Case("byte order mark", in_every_call("bom"), (), SURVIVED),
    Case("gzip cut short", permanent("gzip_cut"), ("broken or cut short",), REFUSED),
    Case("gzip broken", permanent("gzip_broken"), ("decompress", "broken or cut short"), REFUSED),
    Case("gzip bomb", permanent("gzip_bomb"), ("larger than",), REFUSED),
    Case("huge body", permanent("huge"), ("larger than",), REFUSED),
)
_PAGING_MESSAGES = ("in a circle|the same|incomplete|lost items|twice",)
_PAGES = (
    Case("next page is this one", in_listing("link_to_itself"), _PAGING_MESSAGES, may_miss=True),
    Case("pages are not turned", in_listing("ignored_page"), _PAGING_MESSAGES, may_miss=True),
    Case("pages shorter than asked", in_listing("short_page"), (), SURVIVED, may_miss=True),
    Case("one page shorter than asked", once("short_page"), ("incomplete|holds .* items",), may_miss=True),
    Case("total grows", in_listing("total", by=1, each=True), ("incomplete|lost items|holds",), may_miss=True),
    Case("total falls", in_listing("total", by=-1, each=True), ("incomplete|lost items|holds",), may_miss=True),
    Case("total too small", in_listing("total", by=-1), ("incomplete|lost items|more",), may_miss=True),
    Case("total far too small", in_listing("total", by=-6), ("incomplete|lost items|more",), may_miss=True),
    Case("total too large", in_listing("total", by=1), ("incomplete|lost items|holds",), may_miss=True),
    Case("total far too large", in_listing("total", by=50), ("incomplete|lost items|holds",), may_miss=True),
    Case("every row twice", in_listing("duplicate_rows", share=1), ("incomplete|lost items|holds|circle|twice",)),
    Case("some rows twice", in_listing("duplicate_rows"), ("incomplete|lost items|holds|circle|twice",)),
    Case("a row missing from each page", in_listing("missing_rows"), ("incomplete|lost items|holds",)),
    # Which Unitrends slice is requested second is random, and some slices contain no rows.
    Case("a row missing, once", once("missing_rows"), ("incomplete|lost items|holds",), may_miss=True),
    Case("one row twice, one missing", in_listing("swapped_rows"), ("incomplete|lost items|holds",), may_miss=True),
    Case("links to another host", in_every_call("foreign_links"), (), SURVIVED, may_miss=True),
)
_MISSING_VALUES = ("has no|is no|does not|no list|neither|without|incomplete|its status is",)
_MEMBERS = (
    Case("words never heard of", in_every_call("unknown_words"), _MISSING_VALUES, may_miss=True),
    *(
        Case(
            f"members missing, {seed}",
            in_every_call("missing_members", share=0.15, seed=seed),
            _MISSING_VALUES,
            may_miss=True,
        )
        for seed in range(1, 7)
    ),
    *(
        Case(
            f"members null, {seed}",
            in_every_call("null_members", share=0.15, seed=seed),
            _MISSING_VALUES,
            may_miss=True,
        )
        for seed in range(11, 17)
    ),
    Case("members missing here and there", in_every_call("sometimes_missing", share=0.05, seed=1), _MISSING_VALUES),
    Case("all members missing", permanent("missing_members", share=1), _MISSING_VALUES),
    Case("all members null", permanent("null_members", share=1), _MISSING_VALUES),
    Case("numbers as text", in_every_call("numbers_as_text"), (), SURVIVED, may_miss=True),
)
_RANDOM = (
    Case("resets, 503s and cuts at random", random_faults("reset", "status", "reset_unanswered"), (), ""),
    Case(
        "403 in mid-listing, allow_partial",
        permanent("status", status=403),
        (r"\(403\)",),
        options={"allow_partial": True},
    ),
)
CASES = (*_NETWORK, *_STATUSES, *_BODIES, *_PAGES, *_MEMBERS, *_RANDOM)
