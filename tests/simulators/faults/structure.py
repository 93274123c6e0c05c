# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults in what an answer says: rows, totals, pages, links and members, bent in the decoded JSON or XML."""

from __future__ import annotations

import re
from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING, Any

from tests.simulators.faults.trees import LEFT_OUT, Change, Tree, tree_of
from tests.simulators.product_api import Call, Response

if TYPE_CHECKING:
    from tests.simulators.faults.rules import Fault

_ORIGIN = re.compile(r"https?://[^/\"?#\s]+")
_UNHEARD = "NeverHeardOf"


# Changes to what is asked


def short_page(fault: Fault, call: Call) -> Call:
    """The server gives no more than `most` rows, whatever is asked for."""
    limit, most = fault.names.limit, fault.number("most", 2)
    query = [(key, str(min(most, int(value))) if key == limit else value) for key, value in call.query]
    return Call(call.method, call.path, query, call.headers, call.body)


def ignored_page(fault: Fault, call: Call) -> Call:
    """The server does not turn pages: whichever is asked for, it gives the first."""
    turned = [(key, value) for key, value in call.query if key not in fault.names.turn]
    return Call(call.method, call.path, turned, call.headers, call.body)


# Changes to what is answered


def bent(bend: Callable[[Fault, Tree], None]) -> Callable[[Fault, Call, Response], Response]:
    """For faults that look at nothing but the decoded answer."""

    def wrapped(fault: Fault, _call: Call, answer: Response) -> Response:
        if answer.status != 200:
            return answer
        tree = tree_of(answer.body, answer.content_type)
        if tree is None:
            return answer
        before = tree.encode()
        bend(fault, tree)
        after = tree.encode()
        if after == before:
            return answer
        return Response(answer.status, after, answer.content_type, answer.headers)

    return wrapped


def link_to_itself(fault: Fault, call: Call, answer: Response) -> Response:
    """The link to the next page leads to this one; without links, the next page is this one again."""
    if not fault.names.linked:
        return _same_page(fault, call, answer)
    query = "&".join(f"{key}={value}" for key, value in call.query)
    link = {"href": f"https://appliance.example{call.path}?{query}"}

    def to_itself(_fault: Fault, tree: Tree) -> None:
        tree.change_all(lambda name, value: {**value, "nextPage": link} if name == "links" and tree.rows else value)
        document = getattr(tree, "document", None)
        if isinstance(document, dict) and isinstance(document.get("links"), dict):
            document["links"]["nextPage"] = link

    return bent(to_itself)(fault, call, answer)


def _same_page(fault: Fault, call: Call, answer: Response) -> Response:
    turn = fault.names.turn
    listing = (call.method, call.path, tuple(pair for pair in call.query if pair[0] not in turn), call.body)
    first: Response = fault.memory.setdefault(listing, answer)
    return first


def duplicate_rows(fault: Fault, tree: Tree) -> None:
    for index in range(len(tree) - 1, -1, -1):
        if fault.dice.random() < fault.share():
            tree.twice(index)


def missing_rows(fault: Fault, tree: Tree) -> None:
    if len(tree):
        tree.drop(fault.dice.randrange(len(tree)))


def swapped_rows(_fault: Fault, tree: Tree) -> None:
    """One row in place of its neighbour: one twice, one missing, and the number is right."""
    if len(tree) > 1:
        tree.twice(0)
        tree.drop(2)


def total(fault: Fault, call: Call, answer: Response) -> Response:
    """Totals are off by `by`; with `each` by as much more with every answer."""
    fault.step += 1
    off = fault.number("by", 1) * (fault.step if fault.details.get("each") else 1)

    def changed(name: str, value: Any) -> Any:
        if name.casefold() not in fault.names.totals or not str(value).isdecimal():
            return value
        return max(int(value) + off, 0)

    header = fault.names.total_header
    if header in answer.headers:
        told = str(max(int(answer.headers[header]) + off, 0))
        return Response(answer.status, answer.body, answer.content_type, {**answer.headers, header: told})
    return bent(lambda _fault, tree: tree.change_all(changed))(fault, call, answer)


def foreign_links(fault: Fault, tree: Tree) -> None:
    host = fault.text("host", "elsewhere.example")

    def changed(_name: str, value: Any) -> Any:
        return _ORIGIN.sub(f"https://{host}", value) if isinstance(value, str) and "://" in value else value

    tree.change_all(changed)


def unknown_words(fault: Fault, tree: Tree) -> None:
    def changed(name: str, value: Any) -> Any:
        if name.casefold() not in fault.chosen(fault.names.words) or not value:
            return value
        if isinstance(value, str):
            return _UNHEARD
        if isinstance(value, dict) and isinstance(value.get("name"), str):
            return {**value, "name": _UNHEARD}
        return value

    tree.change_rows(changed)


def _members(fault: Fault, instead: object) -> Change:
    wanted = fault.chosen(frozenset())

    def changed(name: str, value: Any) -> Any:
        hit = name.casefold() in wanted if wanted else Random(f"{fault.seed}:{name}").random() < fault.share()
        return instead if hit else value

    return changed


def missing_members(fault: Fault, tree: Tree) -> None:
    """The same members in every row: those named, or a share of them that the seed chooses by name."""
    tree.change_rows(_members(fault, LEFT_OUT))


def null_members(fault: Fault, tree: Tree) -> None:
    tree.change_rows(_members(fault, None))


def sometimes_missing(fault: Fault, tree: Tree) -> None:
    """Other members in each row."""
    tree.change_rows(lambda _name, value: LEFT_OUT if fault.dice.random() < fault.share() else value)


def numbers_as_text(_fault: Fault, tree: Tree) -> None:
    tree.change_rows(_as_text)


def _as_text(_name: str, value: Any) -> Any:
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value
