# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Related requirements of standards for each control, by attribute."""

from __future__ import annotations

# NIST SP 800-53 revision 5, CIS Controls 8, ISO/IEC 27001:2022, SOC 2 (Trust Services Criteria), DORA article 12, NIS2
# (annex of Regulation (EU) 2024/2690), PCI DSS 4.
_COMMON = ("ISO/IEC 27001 A.8.13", "DORA 12", "NIS2 4.2")
_BACKUP = ("NIST SP 800-53 CP-9", "CIS 11.2", "SOC 2 A1.2", *_COMMON, "PCI DSS 12.10.1")
# Whether recovery is possible at all, and how much data is lost.
_RECOVERY = (*_BACKUP, "NIST SP 800-53 CP-10")
# CP-9(1): media are reliable and the information on them is intact; A1.3: backups are tested for integrity.
_INTEGRITY = ("NIST SP 800-53 CP-9(1)", "SOC 2 A1.3", *_COMMON)
# CP-9(3): stored separately; CIS 11.4: isolated from what destroys the original.
_SEPARATED = ("NIST SP 800-53 CP-6", "NIST SP 800-53 CP-9(3)", "CIS 11.4", "SOC 2 A1.2", *_COMMON)

_BY_ATTRIBUTE: dict[str, tuple[str, ...]] = {
    "recovery_points": _RECOVERY,
    "full": _RECOVERY,
    "backup_types": _RECOVERY,
    "size": (*_BACKUP, "SOC 2 A1.3"),
    "expected": (*_BACKUP, "CIS 11.1"),
    "restore_tested": (*_INTEGRITY, "CIS 11.5", "NIST SP 800-53 CP-10", "ISO/IEC 27001 A.5.30"),
    "integrity_checked": _INTEGRITY,
    "malware": (*_INTEGRITY, "NIST SP 800-53 SI-3", "ISO/IEC 27001 A.8.7"),
    "locations": _SEPARATED,
    "copies": _SEPARATED,
    # CP-9(5): transferred to the other site in time.
    "offsite": (*_SEPARATED, "NIST SP 800-53 CP-9(5)", "PCI DSS 9.4.1.1"),
    "immutable": ("NIST SP 800-53 CP-9", "CIS 11.3", "CIS 11.4", "SOC 2 A1.2", *_COMMON),
    "encrypted": (
        *("NIST SP 800-53 CP-9(8)", "CIS 11.3", "SOC 2 A1.2"),
        *(*_COMMON, "ISO/IEC 27001 A.8.24", "PCI DSS 3.5.1"),
    ),
}


def get_references(control: str) -> list[str]:
    """Return the references of a control, by the attribute before its first dot. Data quality controls have none."""
    return list(_BY_ATTRIBUTE.get(control.partition(".")[0], ()))
