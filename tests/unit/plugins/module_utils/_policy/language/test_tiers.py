# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Policies with tiers that are rejected, with their messages."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._core.errors import OptionError
from ansible_collections.backup.audit.plugins.module_utils._policy.language.document import compile_document
from tests.unit.plugins.module_utils._policy.policy_points import SEVEN


@pytest.mark.parametrize(
    ("policies", "text"),
    [
        ([], "policies: the list is empty."),
        ({}, "policies: {} is not a list."),
        ([{"policy": SEVEN}], "policies[0].name: required key is missing."),
        ([{"name": "gold"}], "policies[0].policy: required key is missing."),
        ([{"name": "gold", "policy": {}}], "policies[0].policy: no rule is set."),
        ([{"name": "gold", "policy": {"x": 1}}], "policies[0].policy.x: unknown key."),
        (
            [{"name": "gold", "policy": {**SEVEN, "expected": ["a"]}}],
            "policies[0].policy.expected: not valid in a tier. Set it next to policies.",
        ),
        ([{"name": "gold", "match": {}, "policy": SEVEN}], "policies[0].match: no condition is given."),
        (
            [{"name": "gold", "match": {"workload": "a"}, "policy": SEVEN}],
            "policies[0].match.workload: unknown key. Did you mean 'workload_id'?",
        ),
        (
            [{"name": "gold", "match": {"platform": []}, "policy": SEVEN}],
            "policies[0].match.platform: the list is empty.",
        ),
        ([{"name": "gold", "match": {"platform": 5}, "policy": SEVEN}], "policies[0].match.platform: 5 is not a list."),
        # A pattern that cannot match is a mistake, because its tier would never apply.
        (
            [{"name": "gold", "match": {"platform": "aws"}, "policy": SEVEN}],
            "policies[0].match.platform: 'aws' matches no platform.",
        ),
        (
            [{"name": "gold", "match": {"platform": ["aws_*", "azur_*"]}, "policy": SEVEN}],
            "policies[0].match.platform: 'azur_*' matches no platform.",
        ),
        (
            [{"name": "gold", "match": {"workload_type": "databse"}, "policy": SEVEN}],
            "policies[0].match.workload_type: 'databse' matches no workload_type. Did you mean 'database'?",
        ),
        (
            [{"name": "gold", "match": {"in_inventory": "perhaps"}, "policy": SEVEN}],
            "policies[0].match.in_inventory: 'perhaps' is not a boolean.",
        ),
        (
            [{"name": "all", "policy": SEVEN}, {"name": "gold", "match": {"platform": "vmware"}, "policy": SEVEN}],
            "policies[1]: this tier never applies, because the tier before it has no match and matches all",
        ),
        (
            [{"name": "a", "match": {"platform": "vmware"}, "policy": SEVEN}, {"name": "a", "policy": SEVEN}],
            "policies[1].name: another tier is named 'a'.",
        ),
    ],
)
def test_rejected_tiers(policies: Any, text: str) -> None:
    with pytest.raises(OptionError) as caught:
        compile_document({"policies": policies})
    assert text in str(caught.value)
