# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of all info modules that select the data to read and the format of the result.

The doc fragment ``reading`` documents them. Tests compare both.
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterable

from ansible_collections.backup.audit.plugins.module_utils._core.vocabulary import LOCATION_TYPES

LOCATION_ATTRIBUTES = {
    "match": {"type": "str", "required": True},
    "offsite": {"type": "bool"},
    "immutable": {"type": "bool"},
    "encrypted": {"type": "bool"},
    "location_type": {"type": "str", "choices": list(LOCATION_TYPES)},
}


def reading_spec(
    workload_types: Iterable[str], details: tuple[str, ...] = ("workloads", "recovery_points")
) -> dict[str, t.Any]:
    """Build this part of the argument spec."""
    return {
        "detail": {"type": "str", "choices": list(details), "default": "workloads"},
        "workload_names": {"type": "list", "elements": "str", "default": []},
        "workload_types": {"type": "list", "elements": "str", "choices": list(workload_types)},
        "since": {"type": "str"},
        "until": {"type": "str"},
        "include_unprotected": {"type": "bool", "default": True},
        "include_raw": {"type": "bool", "default": False},
        "compress": {"type": "bool", "default": False},
        "allow_partial": {"type": "bool", "default": False},
        "location_attributes": {"type": "list", "elements": "dict", "options": LOCATION_ATTRIBUTES, "default": []},
    }
