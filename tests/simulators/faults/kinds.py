# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every kind of fault, by name: at which moment it strikes, and which members of a rule it reads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.simulators.faults import bodies, structure
from tests.simulators.product_api import Call, Dialect, Response

if TYPE_CHECKING:
    from tests.simulators.faults.rules import Fault


@dataclass(frozen=True)
class Kind:
    """What does not apply is None or empty."""

    # Members of the rule beside match, fault, times, rate and seed.
    details: frozenset[str] = frozenset()
    # What happens to the product before it answers.
    befalls: Callable[[Fault, Dialect], None] | None = None
    # Another question than was asked.
    asks: Callable[[Fault, Call], Call] | None = None
    # An answer in place of the product's own, or a change to it.
    replaces: Callable[[Fault, Call, Dialect], Response] | None = None
    bends: Callable[[Fault, Call, Response], Response] | None = None
    # How it is sent: cut, unanswered, closed, slow_headers or slow_body.
    sends: str = ""
    # What becomes of the port: shut, or cut (each TLS handshake is broken off).
    door: str = ""


def _expire(_fault: Fault, dialect: Dialect) -> None:
    dialect.expire_sessions()


def _end(_fault: Fault, dialect: Dialect) -> None:
    dialect.end_sessions()


def _turn_clock(fault: Fault, dialect: Dialect) -> None:
    dialect.variants["clock_skew"] = fault.number("seconds", 7200)


def _bent(bend: Callable[[Any, Any], None], *details: str) -> Kind:
    return Kind(frozenset(details), bends=structure.bent(bend))


_SECONDS = frozenset({"seconds"})
_STATUS = frozenset({"status"})
_MEGABYTES = frozenset({"megabytes"})
_HOST = frozenset({"host"})
KINDS: dict[str, Kind] = {
    # The network
    "refused": Kind(_SECONDS, door="shut"),
    "tls_cut": Kind(_SECONDS, door="cut"),
    "restart": Kind(_SECONDS, befalls=_end, door="shut"),
    "reset": Kind(sends="cut"),
    "reset_unanswered": Kind(sends="unanswered"),
    "closed_unanswered": Kind(sends="closed"),
    "delay": Kind(_SECONDS),
    "slow_headers": Kind(_SECONDS, sends="slow_headers"),
    "slow_body": Kind(_SECONDS, sends="slow_body"),
    # The server's word
    "status": Kind(frozenset({"status", "headers", "body", "retry_at"}), replaces=bodies.status),
    "redirect": Kind(_HOST | _STATUS, replaces=bodies.redirect),
    "expire_session": Kind(befalls=_expire),
    "session_limit": Kind(_STATUS, replaces=bodies.session_limit),
    "clock": Kind(_SECONDS, befalls=_turn_clock),
    # The body
    "empty": Kind(replaces=bodies.empty),
    "html": Kind(_STATUS, replaces=bodies.html),
    "echo": Kind(_STATUS, replaces=bodies.echo),
    "garbage": Kind(replaces=bodies.garbage),
    "truncated": Kind(bends=bodies.truncated),
    "wrong_type": Kind(frozenset({"type"}), bends=bodies.wrong_type),
    "latin1": Kind(bends=bodies.latin1),
    "utf16": Kind(bends=bodies.utf16),
    "bom": Kind(bends=bodies.bom),
    "gzip_cut": Kind(bends=bodies.gzip_cut),
    "gzip_broken": Kind(bends=bodies.gzip_broken),
    "gzip_bomb": Kind(_MEGABYTES, bends=bodies.gzip_bomb),
    "huge": Kind(_MEGABYTES, bends=bodies.huge),
    # Pages
    "ignored_page": Kind(asks=structure.ignored_page),
    "link_to_itself": Kind(bends=structure.link_to_itself),
    "short_page": Kind(frozenset({"most"}), asks=structure.short_page),
    "total": Kind(frozenset({"by", "each"}), bends=structure.total),
    "duplicate_rows": _bent(structure.duplicate_rows, "share"),
    "missing_rows": _bent(structure.missing_rows),
    "swapped_rows": _bent(structure.swapped_rows),
    "foreign_links": _bent(structure.foreign_links, "host"),
    # Members
    "unknown_words": _bent(structure.unknown_words, "members"),
    "missing_members": _bent(structure.missing_members, "members", "share"),
    "null_members": _bent(structure.null_members, "members", "share"),
    "sometimes_missing": _bent(structure.sometimes_missing, "share"),
    "planted": Kind(frozenset({"plant"}), bends=bodies.planted),
    "numbers_as_text": _bent(structure.numbers_as_text),
}
