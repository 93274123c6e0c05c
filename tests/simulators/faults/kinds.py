# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every kind of fault by name: when it takes effect, and which fields of a rule it reads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.simulators.faults import bodies, structure
from tests.simulators.product_api import Call, ProductApi, Response

if TYPE_CHECKING:
    from tests.simulators.faults.rules import Fault


@dataclass(frozen=True)
class FaultKind:
    """Fields that do not apply are None or empty."""

    # Fields of the rule in addition to match, fault, times, rate and seed.
    details: frozenset[str] = frozenset()
    # Effect on the product before it responds.
    affect_product: Callable[[Fault, ProductApi], None] | None = None
    # A change to the request.
    change_request: Callable[[Fault, Call], Call] | None = None
    # A response that replaces the product's own, or a change to it.
    replace_response: Callable[[Fault, Call, ProductApi], Response] | None = None
    change_response: Callable[[Fault, Call, Response], Response] | None = None
    # How the response is sent: cut, unanswered, closed, slow_headers or slow_body.
    delivery: str = ""
    # Effect on the port: shut, or cut (each TLS handshake is aborted).
    port_action: str = ""


def _expire(_fault: Fault, api: ProductApi) -> None:
    api.expire_sessions()


def _end(_fault: Fault, api: ProductApi) -> None:
    api.end_sessions()


def _turn_clock(fault: Fault, api: ProductApi) -> None:
    api.variants["clock_skew"] = fault.number("seconds", 7200)


def _tree_fault(change: Callable[[Any, Any], None], *details: str) -> FaultKind:
    return FaultKind(frozenset(details), change_response=structure.on_tree(change))


_SECONDS = frozenset({"seconds"})
_STATUS = frozenset({"status"})
_MEGABYTES = frozenset({"megabytes"})
_HOST = frozenset({"host"})
KINDS: dict[str, FaultKind] = {
    # The network
    "refused": FaultKind(_SECONDS, port_action="shut"),
    "tls_cut": FaultKind(_SECONDS, port_action="cut"),
    "restart": FaultKind(_SECONDS, affect_product=_end, port_action="shut"),
    "reset": FaultKind(delivery="cut"),
    "reset_unanswered": FaultKind(delivery="unanswered"),
    "closed_unanswered": FaultKind(delivery="closed"),
    "delay": FaultKind(_SECONDS),
    "slow_headers": FaultKind(_SECONDS, delivery="slow_headers"),
    "slow_body": FaultKind(_SECONDS, delivery="slow_body"),
    # Responses of the server
    "status": FaultKind(frozenset({"status", "headers", "body", "retry_at"}), replace_response=bodies.status),
    "redirect": FaultKind(_HOST | _STATUS, replace_response=bodies.redirect),
    "expire_session": FaultKind(affect_product=_expire),
    "session_limit": FaultKind(_STATUS, replace_response=bodies.session_limit),
    "clock": FaultKind(_SECONDS, affect_product=_turn_clock),
    # The body
    "empty": FaultKind(replace_response=bodies.empty),
    "html": FaultKind(_STATUS, replace_response=bodies.html),
    "echo": FaultKind(_STATUS, replace_response=bodies.echo),
    "garbage": FaultKind(replace_response=bodies.garbage),
    "truncated": FaultKind(change_response=bodies.truncated),
    "wrong_type": FaultKind(frozenset({"type"}), change_response=bodies.wrong_type),
    "latin1": FaultKind(change_response=bodies.latin1),
    "utf16": FaultKind(change_response=bodies.utf16),
    "bom": FaultKind(change_response=bodies.bom),
    "gzip_cut": FaultKind(change_response=bodies.gzip_cut),
    "gzip_broken": FaultKind(change_response=bodies.gzip_broken),
    "gzip_bomb": FaultKind(_MEGABYTES, change_response=bodies.gzip_bomb),
    "huge": FaultKind(_MEGABYTES, change_response=bodies.huge),
    # Pages
    "ignored_page": FaultKind(change_request=structure.ignored_page),
    "link_to_itself": FaultKind(change_response=structure.link_to_itself),
    "short_page": FaultKind(frozenset({"most"}), change_request=structure.short_page),
    "total": FaultKind(frozenset({"by", "each"}), change_response=structure.total),
    "duplicate_rows": _tree_fault(structure.duplicate_rows, "share"),
    "missing_rows": _tree_fault(structure.missing_rows),
    "swapped_rows": _tree_fault(structure.swapped_rows),
    "foreign_links": _tree_fault(structure.foreign_links, "host"),
    # Fields
    "unknown_words": _tree_fault(structure.unknown_words, "members"),
    "missing_members": _tree_fault(structure.missing_members, "members", "share"),
    "null_members": _tree_fault(structure.null_members, "members", "share"),
    "sometimes_missing": _tree_fault(structure.sometimes_missing, "share"),
    "planted": FaultKind(frozenset({"plant"}), change_response=bodies.planted),
    "numbers_as_text": _tree_fault(structure.numbers_as_text),
}
