# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Expected workloads: `expected.exists`."""

from __future__ import annotations

from typing import Any

from tests.reference.states import DEFAULT_KINDS, kind_state
from tests.reference.views import View, get_skew, is_expired


def equal_short_names(first: str, second: str) -> bool:
    """Return whether one of two names has no domain and equals the first label of the other."""
    first, second = first.casefold(), second.casefold()
    if "." not in first and first == second.split(".")[0]:
        return True
    return "." not in second and second == first.split(".")[0]


def expected_names(options: dict[str, Any]) -> dict[str, str]:
    """Return the listed names, each once, with the name to search for."""
    replaced = {name.casefold(): new for name, new in options.get("expected_names", {}).items()}
    names: dict[str, str] = {}
    for listed in options.get("expected", []):
        if listed.casefold() not in [other.casefold() for other in names]:
            names[listed] = replaced.get(listed.casefold(), listed)
    if is_short(options):
        own = [listed for listed in names if listed.casefold() not in replaced]
        return {
            listed: name
            for listed, name in names.items()
            if listed.casefold() in replaced or len(longer_names(listed, own)) != 1
        }
    return names


def longer_names(name: str, names: list[str]) -> set[str]:
    """Return the names with a domain whose first label is a name without a domain."""
    if "." in name:
        return set()
    folded = {other.casefold() for other in names if "." in other}
    return {other for other in folded if other.split(".")[0] == name.casefold()}


def is_short(options: dict[str, Any]) -> bool:
    return bool(options.get("expected_match") == "short")


def get_matches(name: str, views: list[View], options: dict[str, Any]) -> list[View]:
    full = [view for view in views if view.row.workload_name.casefold() == name.casefold()]
    if full or not is_short(options):
        return full
    return [view for view in views if equal_short_names(view.row.workload_name, name)]


def newest_point(view: View) -> int:
    """Return the time of the newest dated recovery point (T of the default kinds) in real time, or 0."""
    times = [0]
    for entry in view.entries:
        point = entry.point
        if not entry.undated and kind_state(point, DEFAULT_KINDS) == "T" and not is_expired(point, view):
            times.append(point.created - get_skew(view.result))
    return max(times)


def has_recovery_points(view: View) -> bool:
    """Return whether a row has points that are T of the default kinds, dated or counted."""
    for entry in view.entries:
        state = kind_state(entry.point, DEFAULT_KINDS)
        is_counted = entry.undated and state == "T"
        if is_counted or (not entry.undated and state == "T" and not is_expired(entry.point, view)):
            return True
    return False


def applicable(views: list[View]) -> list[View]:
    """Return the matching workload that applies, which may have rows in several read results."""

    def order(view: View) -> tuple[int, int, str, str, str]:
        inventory = {True: 0, None: 1, False: 2}[view.row.in_inventory]
        return (
            inventory,
            -newest_point(view),
            view.result.host,
            view.row.workload_type or "",
            view.row.workload_id,
        )

    first = min(order(view) for view in views)
    return [view for view in views if order(view) == first]


def cannot_report_inventory(view: View) -> bool:
    """Return whether the product cannot report the inventory of this type of workload."""
    types = view.result.inventory_types
    return view.row.workload_type is not None and types is not None and view.row.workload_type not in types


def existence(view: View, max_age_result: str | None) -> str:
    """Return the result for the workload that applies, from its inventory state and `recovery_points.max_age`."""
    if view.row.in_inventory is True:
        return "pass"
    if view.row.in_inventory is False:
        return "fail"
    return "pass" if cannot_report_inventory(view) and max_age_result in ["pass", "warn"] else "unknown"


def ambiguous(names: list[str], found: dict[str, list[View]]) -> set[str]:
    """Return the names that match workloads with different full names, or a workload that another name matches."""
    result: set[str] = set()
    for name in names:
        if len({view.row.workload_name.casefold() for view in found[name]}) > 1:
            result.add(name)
        for other in names:
            if other != name and any(view is match for view in found[name] for match in found[other]):
                result.add(name)
    return result
