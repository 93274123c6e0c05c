#!/usr/bin/python

# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads restore points from Veeam's products."""

from __future__ import annotations

DOCUMENTATION = r"""
module: veeam_restore_points_info
short_description: Read restore points from Veeam's products
version_added: 0.1.0
description:
  - Reads restore points over the REST API of a Veeam product and returns one row for each protected workload.
  - With O(product=azure) it reads Veeam Backup for Microsoft Azure, which backs up virtual machines, SQL databases,
    file shares,
    Cosmos DB accounts and the configuration of virtual networks.
author:
  - the backup.audit contributors (@backup-audit)
options:
  product:
    description: The product that answers at O(url).
    type: str
    choices: [azure]
    required: true
  api_version:
    description:
      - Version of the REST API of O(product=azure). It stands in the path of every request.
      - Release 8.1 of the appliance serves V(v8.1), V(v8), V(v7) and V(v6); 8.0 serves V(v8) to V(v6), 7.0 V(v7) to
        V(v5), 6.0
        V(v6) to V(v4), 5.0 V(v5) to V(v3), 4.0 V(v4) to V(v2), 3.0 V(v3) and V(v2), 2.0 V(v2), 1.0 V(v1).
      - V(v1) to V(v3) do not name the virtual machine of a restore point, so all points form one row without id and
        name.
    type: str
    choices: [v1, v2, v3, v4, v5, v6, v7, v8, v8.1]
    default: v8
  detail:
    description:
      - V(workloads) returns one row for each workload.
      - V(recovery_points) returns every point as well.
    type: str
    choices: [workloads, recovery_points]
    default: workloads
  workload_types:
    description:
      - Kinds of workload to read. By default all that the version of the API has.
      - V(virtual_network) stands for the configuration of all virtual networks of a subscription in a region. Its
        points are
        configuration backups and do not count as recovery points.
    type: list
    elements: str
    choices: [vm, database, file_share, cosmosdb, virtual_network]
notes:
  - The environment stands in for options that are not given. E(VEEAM_AZURE_URL), E(VEEAM_AZURE_USERNAME),
    E(VEEAM_AZURE_PASSWORD), E(VEEAM_AZURE_VALIDATE_CERTS) and E(VEEAM_AZURE_CA_PATH), and after them the same with
    E(VEEAM_URL)
    and so on.
  - The role Read-Only User of the appliance may read restore points, but neither repositories nor the inventory. What
    rests on
    these is then unknown, and C(server.scope) says so.
requirements:
  - requests
extends_documentation_fragment:
  - backup.audit.connection
  - backup.audit.reading
  - backup.audit.attributes
"""

EXAMPLES = r"""
- name: Read restore points of all virtual machines in Azure
  backup.audit.veeam_restore_points_info:
    product: azure
    url: https://vbazure.example.com
    username: auditor
    password: "{{ vbazure_password }}"
    ca_path: /etc/ssl/backup-ca.pem
    workload_types: [vm]
  delegate_to: localhost
  register: azure

- name: Every virtual machine must have a backup of the last 26 hours
  backup.audit.recovery_points_assert:
    reads: ["{{ azure }}"]
    policy:
      recovery_points:
        newest_within: 26h
"""

RETURN = r"""
"""

from ansible_collections.backup.audit.plugins.module_utils._info import run_module
from ansible_collections.backup.audit.plugins.module_utils._sources.veeam_azure import API_VERSIONS, VeeamAzure


def main() -> None:
    """Entry point."""
    run_module(VeeamAzure, own={"api_version": {"type": "str", "choices": list(API_VERSIONS), "default": "v8"}})


if __name__ == "__main__":
    main()
