# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reasons why a rule is unknown."""

from __future__ import annotations

from ansible_collections.backup.audit.plugins.module_utils._policy.rules.controls import Control
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.points import Points
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.terms import (
    DECLARED,
    INFERRED,
    Accept,
    count_points,
)

_ALL = frozenset((INFERRED, DECLARED))


def unknown_reason(points: Points, control: Control, accept: Accept) -> str:
    """Return why the points that may have the attribute are unknown, such as "off-site status unknown for ..."."""
    view = points.view(control.attribute, accept)
    unknown = view.states.count("U") + sum(view.undated.get(state, 0) for state in "TU") + len(view.ranges)
    fact = control.wording.fact
    if not unknown:
        return f"{fact} unknown for some recovery points"
    refused = 0
    if accept != _ALL:
        refused = view.states.count("U") - points.view(control.attribute, _ALL).states.count("U")
    if refused:
        return f"{fact} only inferred or declared for {count_points(refused)}, which the policy does not accept"
    return f"{fact} unknown for {count_points(unknown)}"


def hidden_reason(points: Points, back_to: int | None = None) -> str | None:
    """Return which time since ``back_to`` (None: any) was not read, or None if all of it was read."""
    if not points.hidden:
        return None
    if back_to is not None and all(end < back_to for _start, end in points.hidden):
        return None
    return points.hidden_reason()
