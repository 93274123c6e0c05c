# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults in the content of a response: rows, totals, pages, links and fields, changed in the decoded JSON or XML."""

from __future__ import annotations

import re
from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING, Any

from tests.simulators.faults.trees import LEFT_OUT, Change, Tree, parse_tree
from tests.simulators.product_api import Call, Response

if TYPE_CHECKING:
    from tests.simulators.faults.rules import Fault

_ORIGIN = re.compile(r"https?://[^/\"?#\s]+")
_UNKNOWN_VALUE = "NeverHeardOf"


# Changes to the request


def short_page(fault: Fault, call: Call) -> Call:
    """Make the server return at most `most` rows, regardless of the requested limit."""
    limit, most = fault.member_names.limit_key, fault.number("most", 2)
    query = [(key, str(min(most, int(value))) if key == limit else value) for key, value in call.query]
    return call.with_query(query)


def ignored_page(fault: Fault, call: Call) -> Call:
    """Make the server ignore the page parameters and always return the first page."""
    return call.with_query([(key, value) for key, value in call.query if key not in fault.member_names.page_keys])


# Changes to the response


def on_tree(change: Callable[[Fault, Tree], None]) -> Callable[[Fault, Call, Response], Response]:
    """Wrap a fault that needs only the decoded response."""

    def wrapped(fault: Fault, _call: Call, response: Response) -> Response:
        if response.status != 200:
            return response
        tree = parse_tree(response.body, response.content_type)
        if tree is None:
            return response
        before = tree.encode()
        change(fault, tree)
        after = tree.encode()
        if after == before:
            return response
        return Response(response.status, after, response.content_type, response.headers)

    return wrapped


def link_to_itself(fault: Fault, call: Call, response: Response) -> Response:
    """The link to the next page points to this page; without links, the next page repeats this one."""
    if not fault.member_names.uses_links:
        return _same_page(fault, call, response)
    query = "&".join(f"{key}={value}" for key, value in call.query)
    link = {"href": f"https://appliance.example{call.path}?{query}"}

    def to_itself(_fault: Fault, tree: Tree) -> None:
        tree.change_all(lambda name, value: {**value, "nextPage": link} if name == "links" and tree.rows else value)
        document = getattr(tree, "document", None)
        if isinstance(document, dict) and isinstance(document.get("links"), dict):
            document["links"]["nextPage"] = link

    return on_tree(to_itself)(fault, call, response)


def _same_page(fault: Fault, call: Call, response: Response) -> Response:
    page_keys = fault.member_names.page_keys
    listing = (call.method, call.path, tuple(pair for pair in call.query if pair[0] not in page_keys), call.body)
    first: Response = fault.first_responses.setdefault(listing, response)
    return first


def duplicate_rows(fault: Fault, tree: Tree) -> None:
    for index in range(len(tree) - 1, -1, -1):
        if fault.rng.random() < fault.share():
            tree.duplicate(index)


def missing_rows(fault: Fault, tree: Tree) -> None:
    if len(tree):
        tree.drop(fault.rng.randrange(len(tree)))


def swapped_rows(_fault: Fault, tree: Tree) -> None:
    """Replace one row with a copy of its neighbor: one is listed twice, one is missing, the total is correct."""
    if len(tree) > 1:
        tree.duplicate(0)
        tree.drop(2)


def total(fault: Fault, call: Call, response: Response) -> Response:
    """Make totals wrong by `by`; with `each` the error grows by that amount with every response."""
    fault.step += 1
    off = fault.number("by", 1) * (fault.step if fault.details.get("each") else 1)

    def changed(name: str, value: Any) -> Any:
        if name.casefold() not in fault.member_names.totals or not str(value).isdecimal():
            return value
        return max(int(value) + off, 0)

    header = fault.member_names.total_header
    if header in response.headers:
        new_total = str(max(int(response.headers[header]) + off, 0))
        return Response(response.status, response.body, response.content_type, {**response.headers, header: new_total})
    return on_tree(lambda _fault, tree: tree.change_all(changed))(fault, call, response)


def foreign_links(fault: Fault, tree: Tree) -> None:
    host = fault.text("host", "elsewhere.example")

    def changed(_name: str, value: Any) -> Any:
        return _ORIGIN.sub(f"https://{host}", value) if isinstance(value, str) and "://" in value else value

    tree.change_all(changed)


def unknown_words(fault: Fault, tree: Tree) -> None:
    def changed(name: str, value: Any) -> Any:
        if name.casefold() not in fault.get_members(fault.member_names.enum_members) or not value:
            return value
        if isinstance(value, str):
            return _UNKNOWN_VALUE
        if isinstance(value, dict) and isinstance(value.get("name"), str):
            return {**value, "name": _UNKNOWN_VALUE}
        return value

    tree.change_rows(changed)


def _replace_members(fault: Fault, instead: object) -> Change:
    wanted = fault.get_members(frozenset())

    def changed(name: str, value: Any) -> Any:
        hit = name.casefold() in wanted if wanted else Random(f"{fault.seed}:{name}").random() < fault.share()
        return instead if hit else value

    return changed


def missing_members(fault: Fault, tree: Tree) -> None:
    """Remove the same fields from every row: the listed ones, or a share selected by name and seed."""
    tree.change_rows(_replace_members(fault, LEFT_OUT))


def null_members(fault: Fault, tree: Tree) -> None:
    tree.change_rows(_replace_members(fault, None))


def sometimes_missing(fault: Fault, tree: Tree) -> None:
    """Remove different fields from each row."""
    tree.change_rows(lambda _name, value: LEFT_OUT if fault.rng.random() < fault.share() else value)


def numbers_as_text(_fault: Fault, tree: Tree) -> None:
    tree.change_rows(_as_text)


def _as_text(_name: str, value: Any) -> Any:
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value
