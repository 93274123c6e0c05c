# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Points in groups of equal attributes, and the contents of groups."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ansible_collections.backup.audit.plugins.module_utils._collect.point_class import PointClass, point_class
from ansible_collections.backup.audit.plugins.module_utils._collect.points import PointGroup, PointGroupBuilder
from ansible_collections.backup.audit.plugins.module_utils._core.model import RecoveryPoint


def group_points(points: Iterable[RecoveryPoint]) -> list[PointGroup]:
    """Return the points in groups, in the order in which their classes occur first."""
    builders: dict[PointClass, PointGroupBuilder] = {}
    for each in points:
        facts = point_class(each)
        builder = builders.setdefault(facts, PointGroupBuilder(facts))
        builder.add(each.id, each.created, each.size_bytes, [getattr(each, name) for name in facts.moments])
    return [builder.group() for builder in builders.values()]


def contents(groups: Sequence[PointGroup]) -> list[tuple[Any, ...]]:
    return sorted(
        (
            (each.facts, *values)
            for each in groups
            for values in zip(each.ids, each.times, each.sizes, *each.moments, strict=True)
        ),
        key=repr,
    )
