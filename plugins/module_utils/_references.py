# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which requirements of which standards a control speaks to. One table, by facet; a control may add its own."""

from __future__ import annotations

_BACKUP = (
    "NIST SP 800-53 CP-9",
    "CIS 11.2",
    "ISO/IEC 27001 A.8.13",
    "SOC 2 A1.2",
    "DORA 12",
    "NIS2 4.2",
)
_RECOVERY_TIME = ("NIST SP 800-53 CP-10", "NIST SP 800-53 CP-2")
_TEST = (
    "NIST SP 800-53 CP-9(1)",
    "CIS 11.5",
    "ISO/IEC 27001 A.8.13",
    "SOC 2 A1.3",
    "DORA 12",
    "NIS2 4.2",
)
_PROTECTED = ("NIST SP 800-53 CP-9", "CIS 11.3", "ISO/IEC 27001 A.8.13", "DORA 12", "NIS2 4.2")
_APART = ("NIST SP 800-53 CP-6", "CIS 11.4", "ISO/IEC 27001 A.8.13", "SOC 2 A1.2", "DORA 12", "NIS2 4.2")

_BY_FACET: dict[str, tuple[str, ...]] = {
    "recovery_points": (*_BACKUP, *_RECOVERY_TIME),
    "full": _BACKUP,
    "kinds": _BACKUP,
    "size": _BACKUP,
    "verified": _TEST,
    "checked": _TEST,
    "malware": (*_TEST, "NIST SP 800-53 SI-3"),
    "offsite": (*_APART, "NIST SP 800-53 CP-9(3)", "PCI DSS 9.4.1"),
    "locations": _APART,
    "copies": _APART,
    "immutable": (*_PROTECTED, "CIS 11.4"),
    "encrypted": (*_PROTECTED, "NIST SP 800-53 CP-9(8)", "PCI DSS 3.5"),
    "expected": (*_BACKUP, "CIS 11.1"),
}


def references_of(control: str) -> list[str]:
    """The references of a control, by the facet before its first dot; none for what is about the reading itself."""
    return list(_BY_FACET.get(control.partition(".")[0], ()))
