#!/usr/bin/python

# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads recovery points from IBM Spectrum Protect Plus."""

from __future__ import annotations

DOCUMENTATION = r"""
module: spp_recovery_points_info
short_description: Read recovery points from IBM Spectrum Protect Plus
version_added: 0.1.0
description:
  - Reads the recovery catalogue of IBM Spectrum Protect Plus (also named IBM Storage Protect Plus), that is, what can
    be restored,
    and returns one row for each protected workload.
  - Only committed points stand in that catalogue. Failed and running backups are not seen by this product's API.
author:
  - the backup.audit contributors (@backup-audit)
options:
  detail:
    description:
      - V(workloads) returns one row for each workload.
      - V(recovery_points) returns every point as well.
      - V(counts) asks for nothing but the number of points of each workload, in a single call. Every rule about time
        is then
        unknown.
    type: str
    choices: [workloads, recovery_points, counts]
    default: workloads
  workload_types:
    description: Kinds of workload to read. By default all.
    type: list
    elements: str
    choices: [vm, database]
  copies:
    description:
      - Also read, for each virtual machine, where the copies of its points lie, from the view that the restore wizard
        uses. This
        takes one more request for each virtual machine.
      - Without it copies are known only where the recovery catalogue lists them as rows of their own.
    type: bool
    default: false
notes:
  - The environment stands in for options that are not given. E(SPP_URL), E(SPP_USERNAME), E(SPP_PASSWORD),
    E(SPP_VALIDATE_CERTS) and E(SPP_CA_PATH).
  - Objects outside of the account's resource groups are silently absent from the answers of this product. That a
    workload is not
    found may mean that the account may not see it.
requirements:
  - requests
extends_documentation_fragment:
  - backup.audit.connection
  - backup.audit.reading
  - backup.audit.attributes
"""

EXAMPLES = r"""
- name: Read recovery points of all workloads
  backup.audit.spp_recovery_points_info:
    url: https://spp.example.com
    username: auditor
    password: "{{ spp_password }}"
    ca_path: /etc/ssl/backup-ca.pem
  delegate_to: localhost
  register: spp

- name: Every workload must have seven points, the newest from last night
  backup.audit.recovery_points_assert:
    reads: ["{{ spp }}"]
    policy:
      recovery_points:
        minimum: 7
        newest_within: 26h

- name: Count the recovery points of every virtual machine in one call
  backup.audit.spp_recovery_points_info:
    url: https://spp.example.com
    username: auditor
    password: "{{ spp_password }}"
    ca_path: /etc/ssl/backup-ca.pem
    detail: counts
    workload_types: [vm]
  delegate_to: localhost
  register: counts
"""

RETURN = r"""
"""

from ansible_collections.backup.audit.plugins.module_utils._info import run_module
from ansible_collections.backup.audit.plugins.module_utils._sources.spp import SpectrumProtectPlus


def main() -> None:
    """Entry point."""
    own = {"copies": {"type": "bool", "default": False}}
    run_module(SpectrumProtectPlus, own=own, details=("workloads", "recovery_points", "counts"))


if __name__ == "__main__":
    main()
