# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter unknown_variables: misspelled, renamed and removed variables of roles."""

from __future__ import annotations

import pytest

from ansible_collections.backup.audit.plugins.filter.unknown_variables import FilterModule

unknown_variables = FilterModule().filters()["unknown_variables"]
KNOWN = ["backup_url", "backup_username", "backup_workload_names", "compliance_data_dir", "compliance_policy"]


@pytest.mark.parametrize(
    ("given", "similar_only", "expected"),
    [
        ([], False, []),
        (KNOWN, False, []),
        (
            ["compliance_polcy", "compliance_policy", "compliance_facts_dir", "compliance_polcy"],
            False,
            [
                "compliance_facts_dir. It was renamed to compliance_data_dir.",
                "compliance_polcy. Did you mean 'compliance_policy'?",
            ],
        ),
        # No similar name, but still listed.
        (["something_else"], False, ["something_else."]),
        # Two characters are a typing error, three may be a variable of another role.
        (
            ["backup_ur", "backup_uri", "backup_userrname", "backup_uxyzl"],
            True,
            ["backup_ur", "backup_uri", "backup_userrname"],
        ),
        (["backup_names"], True, ["backup_names. It was renamed to backup_workload_names."]),
        (
            ["backup_day_start", "backup_calendar_timezone"],
            True,
            [
                "backup_calendar_timezone. It was removed. Set timezone in the policy.",
                "backup_day_start. It was removed. Set day_start in the policy.",
            ],
        ),
        (["backup_dir", "backup_port", "backup_urlxyz"], True, []),
    ],
)
def test_unknown_variables(given: list[str], similar_only: bool, expected: list[str]) -> None:
    found = unknown_variables(given, KNOWN, similar_only)
    assert len(found) == len(expected)
    assert all(text.startswith(start) for text, start in zip(found, expected, strict=True))
