# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Built-in policies for ``policy: NAME`` and ``extends: NAME``. docs/policy.md has the reasons for their rules.

None of them has settings: only exact values count, and unknown fails, unless the user sets otherwise next to
``extends``. A setting here would be more specific than the user's own and take precedence.
"""

from __future__ import annotations

import difflib
import typing as t
from collections.abc import Mapping

from ansible_collections.backup.audit.plugins.module_utils._core.errors import OptionError

EXTENDS = "extends"

PRESETS: Mapping[str, dict[str, dict[str, t.Any]]] = {
    "3-2-1-1-0": {
        "recovery_points": {"newest_within": "26h"},
        "copies": {"minimum": 3},
        "locations": {"types": 2, "newest_within": "48h"},
        "offsite": {"newest_within": "48h"},
        "immutable": {"newest_within": "7d"},
        "verified": {"newest_within": "90d"},
    },
    "daily_26h": {"recovery_points": {"newest_within": "26h", "longest_gap": {"limit": "26h", "within": "7d"}}},
    "gfs": {"recovery_points": {"newest_within": "26h", "days": 7, "weeks": 4, "months": 12}},
    "retired": {"recovery_points": {"minimum": 1}},
    "bam_minimum_frequency_and_retention": {"recovery_points": {"days": 35, "reaches_back": "35d"}},
    "bam_encrypted": {"encrypted": {"all": True}},
    "bam_minimum_retention": {"recovery_points": {"reaches_back": "35d"}},
    "bam_last_recovery_point_created": {"recovery_points": {"newest_within": "1d"}},
    "bam_cross_region_copy": {"offsite": {"newest_within": "48h"}},
    "bam_vault_lock": {"immutable": {"newest_within": "7d"}},
}


def expand(policy: t.Any, path: str) -> t.Any:
    """Return the policy with the preset that it extends merged in; values of other types are rejected elsewhere.

    The user's facets and settings override the preset rule by rule; a rule is replaced completely.
    """
    if isinstance(policy, str):
        return _overlay(_get_preset(policy, path), {})
    # Next to tiers it would not apply to any of them; it is kept, and rejected like any other key there.
    if not isinstance(policy, dict) or EXTENDS not in policy or "policies" in policy:
        return policy
    own = {key: value for key, value in policy.items() if key != EXTENDS}
    return _overlay(_get_preset(policy[EXTENDS], f"{path}.{EXTENDS}"), own)


def _get_preset(name: t.Any, path: str) -> dict[str, dict[str, t.Any]]:
    if isinstance(name, str) and name in PRESETS:
        return PRESETS[name]
    near = difflib.get_close_matches(str(name), PRESETS, n=1)
    hint = f"Did you mean {near[0]}? " if near else ""
    if isinstance(name, str) and ":" in name:
        hint = "Text is the name of a ready policy; for rules of your own give a mapping (with -e as JSON or @FILE). "
    raise OptionError(f"{path}: there is no ready policy {name!r}", advice=f"{hint}There are: {', '.join(PRESETS)}")


def _overlay(preset: dict[str, dict[str, t.Any]], own: dict[str, t.Any]) -> dict[str, t.Any]:
    merged: dict[str, t.Any] = {facet: dict(rules) for facet, rules in preset.items()}
    for key, value in own.items():
        merged[key] = {**merged[key], **value} if key in merged and isinstance(value, dict) else value
    return merged
