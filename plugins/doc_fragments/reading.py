# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of all info modules about what to read and how to return it."""

from __future__ import annotations


class ModuleDocFragment:
    """The fragment C(backup.audit.reading)."""

    DOCUMENTATION = r"""
options:
  workload_names:
    description:
      - Names of the workloads to read, or patterns such as V(db-*). Case is ignored. An empty list means all workloads.
      - The module also filters the response itself, in case the server ignores the filter.
    type: list
    elements: str
    default: []
  since:
    description:
      - Start of the period to read, as a time (V(2026-11-01T00:00:00Z)) or as a duration before now (V(30d), V(12h)).
        Recovery points created exactly at this time are included.
      - Policies treat earlier recovery points as unknown, not as missing.
    type: str
  until:
    description: End of the period to read, in the same format as O(since). Recovery points created exactly at this time
      are included.
    type: str
  include_unprotected:
    description:
      - Whether to also return workloads that are in the inventory of the server but have no recovery points.
      - If the account cannot read the inventory, C(server.scope.inventory) is V(false) and the result contains a
        warning.
    type: bool
    default: true
  include_raw:
    description:
      - Whether to add the original record of the product to every recovery point as C(raw). Fields that look like
        secrets are removed.
      - Only used with O(detail=recovery_points).
    type: bool
    default: false
  compress:
    description:
      - Whether to return compressed strings in RV(data) instead of the rows in RV(workloads). Ansible transfers strings
        much faster than rows. M(backup.audit.recovery_points_assert) accepts both.
      - Recommended for more than a few hundred workloads. Cannot be combined with O(detail=recovery_points).
    type: bool
    default: false
  allow_partial:
    description:
      - Whether to return partial data if some data could not be read. RV(complete) is then V(false), RV(errors) lists
        the errors, and no policy passes.
      - By default the task fails instead.
    type: bool
    default: false
  location_attributes:
    description:
      - Attributes of backup locations that you declare because the product does not report them. Their names are listed
        in C(declared) of a recovery point. A policy counts declared values only if it accepts them.
      - For each location the first matching entry is used. Values reported by the product are never overridden.
    type: list
    elements: dict
    default: []
    suboptions:
      match:
        description: Name or pattern of the location. Case is ignored. V(*) also matches recovery points without a known
          location.
        type: str
        required: true
      offsite:
        description: Whether the location is at a different site than the workloads.
        type: bool
      immutable:
        description: Whether copies in this location cannot be changed or deleted by anybody before they expire.
        type: bool
      encrypted:
        description: Whether copies in this location are encrypted.
        type: bool
      location_type:
        description: Type of the location. Only used if the product does not report it, or if it is V(other).
        type: str
        choices: [disk, dedup_appliance, object, tape, cloud_vault, snapshot_array, other]
notes:
  - With C(-v), the progress of a long read is shown every ten seconds. This requires that the module runs on the
    control node and without C(async). The progress is not part of the result.
seealso:
  - module: backup.audit.recovery_points_assert
"""
