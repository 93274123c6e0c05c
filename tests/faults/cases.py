# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rows of the matrix: every fault, once or for good, and what each must end in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.faults.products import LOG_IN, listing

Rules = Callable[[str], list[dict[str, Any]]]


@dataclass(frozen=True)
class Case:
    """One row. ``must`` is the outcome that it has to have, where that is certain for all products."""

    name: str
    rules: Rules
    # Of a refusal, the one line must match one of these.
    says: tuple[str, ...] = ()
    must: str = ""
    # The server cannot be reached at the end, so that no session can be given back.
    lost: bool = False
    # Not every product's answers hold what this fault changes.
    may_miss: bool = False
    clock: int = 0
    options: Mapping[str, Any] = field(default_factory=dict)


def _rule(fault: str, match: Mapping[str, Any] | None, details: Mapping[str, Any]) -> dict[str, Any]:
    return {"fault": fault, **details} if match is None else {"fault": fault, "match": dict(match), **details}


def once(fault: str, **details: Any) -> Rules:
    """At the second call of the listing, and never again."""
    return lambda product: [_rule(fault, {**listing(product), "nth": 2}, details)]


def for_good(fault: str, **details: Any) -> Rules:
    """From the second call of the listing on."""
    return lambda product: [_rule(fault, {**listing(product), "after": 1}, details)]


def each(fault: str, **details: Any) -> Rules:
    """At every call of the listing."""
    return lambda product: [_rule(fault, listing(product), details)]


def every(fault: str, **details: Any) -> Rules:
    """At every call but those that log in or out."""

    def rules(product: str) -> list[dict[str, Any]]:
        return [_rule(fault, {"method": "GET"}, details), *each(fault, **details)(product)]

    return rules


def log_in(fault: str, **details: Any) -> Rules:
    """At the log-in."""
    return lambda product: [_rule(fault, {"method": "POST", "path": LOG_IN[product]}, details)]


def at_first(fault: str, **details: Any) -> Rules:
    """At the very first call."""
    return lambda _product: [_rule(fault, {"nth": 1}, details)]


def at_once(fault: str, **details: Any) -> Rules:
    """Before anything is asked."""
    return lambda _product: [_rule(fault, None, details)]


def storm(*faults: str) -> Rules:
    """Several faults at random, in one call of fifteen each, the same ones whenever it is run."""

    def rules(product: str) -> list[dict[str, Any]]:
        made = []
        for number, fault in enumerate(faults):
            details = {"rate": 0.07, "seed": number, **({"status": 503} if fault == "status" else {})}
            made.append(_rule(fault, {"method": "GET"}, details))
        return made

    return rules


SURVIVED, REFUSED = "survived", "refused"
_PATIENCE = {"timeout": 1, "retries": 0}
_NETWORK = (
    Case("connection refused", at_once("refused"), ("nothing listens there",), REFUSED, lost=True),
    Case("connection refused in mid-listing", for_good("refused"), ("nothing listens there",), REFUSED, lost=True),
    Case("server restarted in mid-listing", once("restart", seconds=0.02), (), ""),
    Case("TLS handshake cut", at_once("tls_cut"), ("connection broke.*(EOF|SSL|reset)",), REFUSED, lost=True),
    Case("TLS handshake cut in mid-listing", for_good("tls_cut"), ("connection broke",), REFUSED, lost=True),
    Case("reset in mid-answer, once", once("reset"), (), SURVIVED),
    Case("reset in mid-answer", for_good("reset"), ("connection broke.*after 3 tries",), REFUSED),
    Case("reset before the answer, once", once("reset_unanswered"), (), SURVIVED),
    Case("reset before the answer", for_good("reset_unanswered"), ("connection broke.*after 3 tries",), REFUSED),
    Case("closed before the answer, once", once("closed_unanswered"), (), SURVIVED),
    Case("closed before the answer", for_good("closed_unanswered"), ("connection broke.*after 3 tries",), REFUSED),
    Case("no answer in time", for_good("delay", seconds=4), ("no answer within 1 s",), REFUSED, options=_PATIENCE),
    Case("slow headers", for_good("slow_headers", seconds=0.2), ("not complete after",), REFUSED, options=_PATIENCE),
    Case("slow body", for_good("slow_body", seconds=0.5), ("not complete after",), REFUSED, options=_PATIENCE),
)
_WORDS = (
    Case("429 without Retry-After, once", once("status", status=429), (), SURVIVED),
    Case("429 without Retry-After", for_good("status", status=429), (r"asked too often \(429\)",), REFUSED),
    Case("429, Retry-After in seconds", once("status", status=429, headers={"Retry-After": "1"}), (), SURVIVED),
    Case("429, Retry-After a date", once("status", status=429, retry_at=1), (), SURVIVED),
    Case(
        "429, Retry-After of 30 years", once("status", status=429, headers={"Retry-After": "946080000"}), (), SURVIVED
    ),
    Case("429, Retry-After nonsense", once("status", status=429, headers={"Retry-After": "soon"}), (), SURVIVED),
    Case("500", for_good("status", status=500), (r"has trouble.*\(500\)",), REFUSED),
    Case("502, once", once("status", status=502), (), SURVIVED),
    Case("502", for_good("status", status=502), (r"\(502\)",), REFUSED),
    Case("503, once", once("status", status=503), (), SURVIVED),
    Case("503", for_good("status", status=503), (r"\(503\)",), REFUSED),
    Case("504, once", once("status", status=504), (), SURVIVED),
    Case("504", for_good("status", status=504), (r"\(504\)",), REFUSED),
    Case("401 in mid-listing: session expired", once("expire_session"), (), SURVIVED),
    Case("401 in mid-listing, for good", for_good("status", status=401), (r"refused the session.*\(401\)",), REFUSED),
    Case("403 in mid-listing", for_good("status", status=403), (r"may not read this \(403\)",), REFUSED),
    Case("404 in mid-listing", for_good("status", status=404), (r"does not know this call \(404\)",), REFUSED),
    Case("session limit reached", log_in("session_limit"), ("maximum number of sessions", r"\(403\)"), REFUSED),
    Case(
        "session limit reached, as 429", log_in("session_limit", status=429), ("maximum number of sessions",), REFUSED
    ),
    Case("503 at the log-in", log_in("status", status=503), (r"\(503\)",), REFUSED),
    Case("web page at the log-in", log_in("html"), ("web page|has no|refused|rejected",), REFUSED),
    Case("redirect to another host", for_good("redirect"), ("redirects to 'https://elsewhere.example",), REFUSED),
    Case("redirect at the log-in", log_in("redirect", status=307), ("redirects to 'https://elsewhere",), REFUSED),
    Case("clock 2 h ahead", at_first("clock", seconds=7200), clock=7200),
    Case("clock 2 h behind", at_first("clock", seconds=-7200), clock=-7200),
)
_BODIES = (
    Case("truncated body", for_good("truncated"), ("broken or cut short",), REFUSED),
    Case("web page instead of data", for_good("html"), ("a web page or XML came|broken or cut short",), REFUSED),
    Case("no JSON or XML", for_good("garbage"), ("no JSON|broken",), REFUSED),
    Case("empty body", for_good("empty"), ("the answer is empty",), REFUSED),
    Case("wrong content type", every("wrong_type"), ("no JSON|web page or XML",)),
    Case("data said to be a web page", every("wrong_type", type="text/html"), ("no JSON|web page or XML",)),
    Case("ISO 8859-1", for_good("latin1"), ("broken or cut short|not UTF-8",), REFUSED),
    Case("UTF-16", every("utf16"), ("broken or cut short|not UTF-8",)),
    Case("byte order mark", every("bom"), (), SURVIVED),
    Case("gzip cut short", for_good("gzip_cut"), ("broken or cut short",), REFUSED),
    Case("gzip broken", for_good("gzip_broken"), ("decompress", "broken or cut short"), REFUSED),
    Case("gzip bomb", for_good("gzip_bomb"), ("larger than",), REFUSED),
    Case("huge body", for_good("huge"), ("larger than",), REFUSED),
)
_TURNING = ("in a circle|the same|incomplete|lost items|twice",)
_PAGES = (
    Case("next page is this one", each("link_to_itself"), _TURNING, may_miss=True),
    Case("pages are not turned", each("ignored_page"), _TURNING, may_miss=True),
    Case("pages shorter than asked", each("short_page"), (), SURVIVED, may_miss=True),
    Case("one page shorter than asked", once("short_page"), ("incomplete|holds .* items",), may_miss=True),
    Case("total grows", each("total", by=1, each=True), ("incomplete|lost items|holds",), may_miss=True),
    Case("total falls", each("total", by=-1, each=True), ("incomplete|lost items|holds",), may_miss=True),
    Case("total too small", each("total", by=-1), ("incomplete|lost items|more",), may_miss=True),
    Case("total far too small", each("total", by=-6), ("incomplete|lost items|more",), may_miss=True),
    Case("total too large", each("total", by=1), ("incomplete|lost items|holds",), may_miss=True),
    Case("total far too large", each("total", by=50), ("incomplete|lost items|holds",), may_miss=True),
    Case("every row twice", each("duplicate_rows", share=1), ("incomplete|lost items|holds|circle|twice",)),
    Case("some rows twice", each("duplicate_rows"), ("incomplete|lost items|holds|circle|twice",)),
    Case("a row missing from each page", each("missing_rows"), ("incomplete|lost items|holds",)),
    # Which slice of Unitrends is asked for second is chance, and some hold no row.
    Case("a row missing, once", once("missing_rows"), ("incomplete|lost items|holds",), may_miss=True),
    Case("one row twice, one missing", each("swapped_rows"), ("incomplete|lost items|holds",), may_miss=True),
    Case("links to another host", every("foreign_links"), (), SURVIVED, may_miss=True),
)
_NOT_SAID = ("has no|is no|does not|no list|neither|without|incomplete|its status is",)
_MEMBERS = (
    Case("words never heard of", every("unknown_words"), _NOT_SAID, may_miss=True),
    *(
        Case(f"members missing, {seed}", every("missing_members", share=0.15, seed=seed), _NOT_SAID, may_miss=True)
        for seed in range(1, 7)
    ),
    *(
        Case(f"members null, {seed}", every("null_members", share=0.15, seed=seed), _NOT_SAID, may_miss=True)
        for seed in range(11, 17)
    ),
    Case("members missing here and there", every("sometimes_missing", share=0.05, seed=1), _NOT_SAID),
    Case("all members missing", for_good("missing_members", share=1), _NOT_SAID),
    Case("all members null", for_good("null_members", share=1), _NOT_SAID),
    Case("numbers as text", every("numbers_as_text"), (), SURVIVED, may_miss=True),
)
_STORMS = (
    Case("resets, 503s and cuts at random", storm("reset", "status", "reset_unanswered"), (), ""),
    Case(
        "403 in mid-listing, allow_partial",
        for_good("status", status=403),
        (r"\(403\)",),
        options={"allow_partial": True},
    ),
)
CASES = (*_NETWORK, *_WORDS, *_BODIES, *_PAGES, *_MEMBERS, *_STORMS)
