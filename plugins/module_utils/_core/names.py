# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names of version 1 with their names in version 2, and suggestions for unknown names.

Only RENAMED and REMOVED contain old names. Old names are rejected like any unknown name, but the error
message contains the new name or the replacement.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping

RENAMED: Mapping[str, str] = {
    # Rules, attributes and settings of policies, and values of settings.
    "minimum": "min_count",
    "newest_within": "max_age",
    "reaches_back": "min_retention",
    "longest_gap": "max_gap",
    "days": "daily",
    "weeks": "weekly",
    "months": "monthly",
    "years": "yearly",
    "newest_at_least": "min_percent_of_median",
    "restore_within": "max_restore_time",
    "types": "min_types",
    "production": "include_production",
    "verified": "restore_tested",
    "checked": "integrity_checked",
    "kinds": "backup_types",
    "exact": "reported",
    "estimated": "inferred",
    "attested": "declared",
    "max_read_age": "max_data_age",
    "empty_reads": "on_empty",
    "failed_reads": "on_read_error",
    "orphans": "unexpected",
    "orphan": "unexpected",
    "read": "data",
    # Built-in policies.
    "bam_minimum_frequency_and_retention": "aws_bam_minimum_frequency_and_retention",
    "bam_encrypted": "aws_bam_encrypted",
    "bam_minimum_retention": "aws_bam_minimum_retention",
    "bam_last_recovery_point_created": "aws_bam_last_recovery_point_created",
    "bam_cross_region_copy": "aws_bam_cross_region_copy",
    "bam_vault_lock": "aws_bam_vault_lock",
    # Options of modules and plugins.
    "reads": "results",
    "names": "workload_names",
    "location_facts": "location_attributes",
    "pack": "compress",
    # Variables of roles and of their hosts.
    "compliance_facts_dir": "compliance_data_dir",
    "compliance_collector": "compliance_data_host",
    "compliance_other_variables": "compliance_ignored_variables",
    "compliance_report_hosts": "compliance_required_hosts",
    "compliance_fail": "compliance_fail_when_noncompliant",
    "compliance_publish_reads": "compliance_publish_data",
    "compliance_max_read_age": "compliance_max_data_age",
    "compliance_empty_reads": "compliance_on_empty",
    "compliance_orphans": "compliance_unexpected",
    "backup_names": "backup_workload_names",
    "backup_location_facts": "backup_location_attributes",
}
_TIMEZONE = "It was removed. Set timezone in the policy."
_DAY_START = "It was removed. Set day_start in the policy."
# Options and variables that were removed -> hint.
REMOVED: Mapping[str, str] = {
    "history": "It was removed, because timelines are drawn from the recovery points. Delete it.",
    "calendar_timezone": _TIMEZONE,
    "day_start": _DAY_START,
    "backup_calendar_timezone": _TIMEZONE,
    "backup_day_start": _DAY_START,
}


def renamed(name: str) -> str:
    """Return the name in version 2. In a dotted name such as recovery_points.minimum, each part may be renamed."""
    return ".".join(RENAMED.get(part, part) for part in name.split("."))


def suggest(name: object, known: Iterable[str]) -> str:
    """Return a hint for an unknown name, or "" if there is none.

    The hint is "It was renamed to max_age.", "Did you mean 'max_age'?" with one of ``known``, or that of REMOVED.
    An abbreviation (vbr) matches the name with these initials (veeam_backup_replication).
    """
    names = list(known)
    new = renamed(str(name))
    if new != name and new in names:
        return f"It was renamed to {new}."
    if str(name) in REMOVED:
        return REMOVED[str(name)]
    near = difflib.get_close_matches(str(name), names, n=1) or [one for one in names if _initials(one) == name]
    return f"Did you mean '{near[0]}'?" if near else ""


def _initials(name: str) -> str:
    return "".join(word[:1] for word in name.split("_"))


def distance(one: str, other: str) -> int:
    """Return the Levenshtein distance of two names."""
    row = list(range(len(other) + 1))
    for number, character in enumerate(one, start=1):
        before, row[0] = row[0], number
        for column, counterpart in enumerate(other, start=1):
            cost = before + (character != counterpart)
            before, row[column] = row[column], min(cost, row[column] + 1, row[column - 1] + 1)
    return row[-1]
