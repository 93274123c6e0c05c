# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""References by requirement."""

from __future__ import annotations

import pytest

from ansible_collections.backup.audit.plugins.module_utils._policy.language.schema import ATTRIBUTES, KIND_ATTRIBUTES
from ansible_collections.backup.audit.plugins.module_utils._policy.references import get_references

BACKUP = {"recovery_points", "full", "backup_types", "size", "expected"}
TESTS = {"restore_tested", "integrity_checked", "malware"}
APART = {"locations", "copies", "offsite"}
KEPT = {"immutable", "encrypted"}
ALL = BACKUP | TESTS | APART | KEPT

# Requirement -> all related attributes.
REQUIREMENTS = {
    "NIST SP 800-53 CP-6": APART,
    "NIST SP 800-53 CP-9": BACKUP | {"immutable"},
    "NIST SP 800-53 CP-9(1)": TESTS,
    "NIST SP 800-53 CP-9(3)": APART,
    "NIST SP 800-53 CP-9(5)": {"offsite"},
    "NIST SP 800-53 CP-9(8)": {"encrypted"},
    "NIST SP 800-53 CP-10": {"recovery_points", "full", "backup_types", "restore_tested"},
    "NIST SP 800-53 SI-3": {"malware"},
    "CIS 11.1": {"expected"},
    "CIS 11.2": BACKUP,
    "CIS 11.3": KEPT,
    "CIS 11.4": APART | {"immutable"},
    "CIS 11.5": {"restore_tested"},
    "ISO/IEC 27001 A.5.30": {"restore_tested"},
    "ISO/IEC 27001 A.8.7": {"malware"},
    "ISO/IEC 27001 A.8.13": ALL,
    "ISO/IEC 27001 A.8.24": {"encrypted"},
    "SOC 2 A1.2": BACKUP | APART | KEPT,
    "SOC 2 A1.3": TESTS | {"size"},
    "DORA 12": ALL,
    "NIS2 4.2": ALL,
    "PCI DSS 3.5.1": {"encrypted"},
    "PCI DSS 9.4.1.1": {"offsite"},
    "PCI DSS 12.10.1": BACKUP,
}


@pytest.mark.parametrize("requirement", REQUIREMENTS)
def test_attributes_of_a_requirement(requirement: str) -> None:
    assert {attribute for attribute in ALL if requirement in get_references(f"{attribute}.min_count")} == REQUIREMENTS[
        requirement
    ]


def test_attributes_have_unique_known_requirements() -> None:
    assert {*ATTRIBUTES, "backup_types", "expected"} == ALL
    for attribute in ALL:
        result = get_references(f"{attribute}.min_count")
        assert len(result) == len(set(result))
        assert set(result) <= set(REQUIREMENTS), attribute


def test_backup_types_have_the_references_of_backups() -> None:
    for attribute in KIND_ATTRIBUTES.values():
        assert get_references(f"{attribute.name}.min_count") == get_references("backup_types.min_count")


@pytest.mark.parametrize("control", ["data.complete", "data.age", "policy.tier", "policy.exclude", "nothing"])
def test_data_quality_has_no_references(control: str) -> None:
    assert get_references(control) == []
