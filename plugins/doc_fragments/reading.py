# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What to read and in which form: options that all info modules share."""

from __future__ import annotations


class ModuleDocFragment:
    """The fragment C(backup.audit.reading)."""

    DOCUMENTATION = r"""
options:
  workload_names:
    description:
      - Names of workloads to read, or patterns such as V(db-*), whatever their case. All are read if the list is empty.
      - Every name is checked again on this side, so that a server which ignores a filter changes nothing.
    type: list
    elements: str
    default: []
  since:
    description:
      - Read only recovery points made at or after this time (V(2026-11-01T00:00:00Z)), or in this last time (V(30d),
        V(12h)).
      - What lies before is unknown to a policy, not absent.
    type: str
  until:
    description: Read only recovery points made at or before this time; written like O(since).
    type: str
  include_unprotected:
    description:
      - Also list workloads that the server knows and that have no recovery point.
      - Where the account may not read the inventory, C(server.scope.inventory) is V(false) and a warning says so.
    type: bool
    default: true
  include_raw:
    description:
      - With O(detail=recovery_points), add the product's own record to every point as C(raw), without members that look
        like secrets.
    type: bool
    default: false
  history:
    description: Add to every workload one letter for each day, newest last, that timelines are drawn from.
    type: bool
    default: false
  compress:
    description:
      - Return the rows as one compressed string in C(read) instead of C(workloads). Ansible carries a string much
        faster than rows, and M(backup.audit.recovery_points_assert) takes both. Use it from some hundred workloads on.
    type: bool
    default: false
  allow_partial:
    description:
      - Return what could be read even if something could not. RV(complete) is then V(false), RV(errors) says what is
        missing, and no policy passes on it.
      - By default the task fails instead.
    type: bool
    default: false
  location_attributes:
    description:
      - What you vouch for of places in which copies lie, because no product's API tells it. Facts taken from here are
        named in C(declared), and count in a policy only where it accepts declared facts.
      - The first entry that fits a location is used. What the product itself says is never overruled.
    type: list
    elements: dict
    default: []
    suboptions:
      match:
        description: Name or pattern of the location, whatever its case. V(*) also fits points of which no location is
          known.
        type: str
        required: true
      offsite:
        description: Whether this place is a different site than the workloads'.
        type: bool
      immutable:
        description: Whether nobody can change or delete copies there before their time.
        type: bool
      encrypted:
        description: Whether copies there are encrypted.
        type: bool
      location_type:
        description: What kind of place it is, such as V(disk), V(object), V(tape).
        type: str
  calendar_timezone:
    description: Time zone in which days, weeks, months and years are counted, such as V(Europe/Berlin).
    type: str
    default: UTC
  day_start:
    description: Time of day (V(HH:MM)) at which a backup day starts, such as V(12:00) to keep a night in one day.
    type: str
    default: "00:00"
notes:
  - With C(-v) a long reading shows every ten seconds how far it is, where the module runs on the control node and not
    by C(async). Nothing of it is in the result.
seealso:
  - module: backup.audit.recovery_points_assert
"""
