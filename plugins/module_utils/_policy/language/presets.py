# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Built-in policies for ``policy: NAME`` and ``extends: NAME``; docs/reference/policy.md explains their rules.

None of them has settings, so only reported values count and unknown values fail, unless the user changes that next to
``extends``. A setting here would be more specific than the user's own setting, and take precedence.
"""

from __future__ import annotations

import typing as t
from collections.abc import Mapping

from ansible_collections.backup.audit.plugins.module_utils._core.errors import OptionError
from ansible_collections.backup.audit.plugins.module_utils._core.names import suggest

EXTENDS = "extends"

PRESETS: Mapping[str, dict[str, dict[str, t.Any]]] = {
    "3-2-1-1-0": {
        "recovery_points": {"max_age": "26h"},
        "copies": {"min_count": 3},
        "locations": {"min_types": 2, "max_age": "48h"},
        "offsite": {"max_age": "48h"},
        "immutable": {"max_age": "7d"},
        "restore_tested": {"max_age": "90d"},
    },
    "daily_26h": {"recovery_points": {"max_age": "26h", "max_gap": {"limit": "26h", "within": "7d"}}},
    "gfs": {"recovery_points": {"max_age": "26h", "daily": 7, "weekly": 4, "monthly": 12}},
    "pitr": {"backup_types": {"continuous": {"max_age": "1h", "max_gap": {"limit": "1h", "within": "7d"}}}},
    "retired": {"recovery_points": {"min_count": 1}},
    "aws_bam_minimum_frequency_and_retention": {"recovery_points": {"daily": 35, "min_retention": "35d"}},
    "aws_bam_encrypted": {"encrypted": {"all": True}},
    "aws_bam_minimum_retention": {"recovery_points": {"min_retention": "35d"}},
    "aws_bam_last_recovery_point_created": {"recovery_points": {"max_age": "1d"}},
    "aws_bam_cross_region_copy": {"offsite": {"max_age": "48h"}},
    "aws_bam_vault_lock": {"immutable": {"max_age": "7d"}},
}


def expand(policy: t.Any, path: str) -> t.Any:
    """Merge a policy with the preset that it extends. Values of other types are rejected elsewhere.

    The user's attributes and settings override the preset rule by rule. Rules are replaced completely.
    """
    if isinstance(policy, str):
        return _overlay(_get_preset(policy, path), {})
    # Next to tiers, ``extends`` would not apply to any of them. It is kept here, and later rejected as unknown.
    if not isinstance(policy, dict) or EXTENDS not in policy or "policies" in policy:
        return policy
    own = {key: value for key, value in policy.items() if key != EXTENDS}
    return _overlay(_get_preset(policy[EXTENDS], f"{path}.{EXTENDS}"), own)


def _get_preset(name: t.Any, path: str) -> dict[str, dict[str, t.Any]]:
    if isinstance(name, str) and name in PRESETS:
        return PRESETS[name]
    hint = suggest(name, PRESETS)
    if isinstance(name, str) and ":" in name:
        hint = "A text is the name of a built-in policy. To set rules, pass a mapping (with -e: as JSON or @FILE)."
    raise OptionError(
        f"{path}: unknown built-in policy {name!r}", hint=f"{hint} Available: {', '.join(PRESETS)}".lstrip()
    )


def _overlay(preset: dict[str, dict[str, t.Any]], own: dict[str, t.Any]) -> dict[str, t.Any]:
    merged: dict[str, t.Any] = {attribute: dict(rules) for attribute, rules in preset.items()}
    for key, value in own.items():
        if key not in merged or not isinstance(value, dict):
            merged[key] = value
        elif key == "backup_types":
            merged[key] = _overlay(merged[key], value)
        else:
            merged[key] = {**merged[key], **value}
    return merged
