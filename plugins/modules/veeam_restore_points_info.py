#!/usr/bin/python

# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads restore points from Veeam's products."""

from __future__ import annotations

DOCUMENTATION = r"""
module: veeam_restore_points_info
short_description: Read restore points from Veeam's products
version_added: 1.0.0
description:
  - Reads restore points over the REST API of a Veeam product and returns one row for each protected workload.
  - With O(product=backup_replication) it reads a Veeam Backup & Replication server (REST API on port 9419), release 12
    or newer. It lists the points of virtual machines, machines with agents, file shares and replicas.
  - With O(product=enterprise_manager) it reads Veeam Backup Enterprise Manager (REST API on port 9398), which collects
    from several backup servers, every 15 minutes by default, so that what it tells may be that much older. It also
    lists the replicas of the tenants of a Cloud Connect provider.
  - With O(product=azure) it reads Veeam Backup for Microsoft Azure, which backs up virtual machines, SQL databases,
    file shares, Cosmos DB accounts and the configuration of virtual networks.
  - With O(product=aws) it reads Veeam Backup for AWS (REST API on port 11005), its restore points of EC2 instances
    only. This is provisional, because the vendor publishes little of the API after revision 1.2.
author:
  - the backup.audit contributors (@backup-audit)
options:
  product:
    description: The product that answers at O(url).
    type: str
    choices: [backup_replication, enterprise_manager, azure, aws]
    required: true
  api_version:
    description:
      - Version of the REST API. Each product has its own.
      - With O(product=backup_replication) a revision from V(1.1-rev0) to V(1.3-rev2), which goes with every request. By
        default it is the newest that the server offers and this module knows.
      - With O(product=enterprise_manager) one of V(latest), which is the default, V(v1_7), V(v1_6) and V(v1_5). It is
        agreed at log-on.
      - With O(product=azure) one of V(v1) to V(v8) and V(v8.1), by default V(v8). It stands in the path of every
        request. Release 8.1 of the appliance serves V(v8.1), V(v8), V(v7) and V(v6); 8.0 serves V(v8) to V(v6), 7.0
        V(v7) to V(v5), 6.0 V(v6) to V(v4), 5.0 V(v5) to V(v3), 4.0 V(v4) to V(v2), 3.0 V(v3) and V(v2), 2.0 V(v2), 1.0
        V(v1). V(v1) to V(v3) do not name the virtual machine of a restore point, so all points form one row without id
        and name.
      - With O(product=aws) a revision from V(1.0-rev0) to V(1.8-rev0), which goes with every request. By default it is
        the newest that the appliance serves.
    type: str
  detail:
    description:
      - V(workloads) returns one row for each workload.
      - V(recovery_points) returns every point as well.
    type: str
    choices: [workloads, recovery_points]
    default: workloads
  workload_types:
    description:
      - Kinds of workload to read. By default all that the product has.
      - O(product=backup_replication) has V(vm), V(physical) (machines with an agent), V(file_share), V(database),
        V(directory), V(vm_replica) and V(other).
      - O(product=enterprise_manager) has V(vm), V(physical) (machines with an agent), V(vm_replica) and
        V(cloud_vm_replica), which are the replicas of the tenants of a Cloud Connect provider.
      - O(product=azure) has V(vm), V(database), V(file_share), V(cosmosdb) and V(virtual_network). The last stands for
        the configuration of all virtual networks of a subscription in a region. Its points are configuration backups
        and do not count as recovery points.
      - O(product=aws) has V(vm).
    type: list
    elements: str
    choices:
      - vm
      - physical
      - file_share
      - database
      - directory
      - vm_replica
      - other
      - cloud_vm_replica
      - cosmosdb
      - virtual_network
  representation:
    description:
      - Whether answers come as JSON or XML. The result is the same.
      - Only for O(product=enterprise_manager). V(xml) needs the Python package xmltodict.
    type: str
    choices: [json, xml]
    default: json
  tenant:
    description:
      - Whether O(username) and O(password) are those of a tenant of a Cloud Connect provider, who sees nothing but the
        replicas of this tenant.
      - Only for O(product=enterprise_manager).
    type: bool
    default: false
  tenant_organization:
    description:
      - The organization of the tenant, where it is one of VMware Cloud Director. Needs O(tenant=true).
      - Only for O(product=enterprise_manager).
    type: str
notes:
  - The environment stands in for options that are not given. With O(product=backup_replication) these are
    E(VEEAM_VBR_URL), E(VEEAM_VBR_USERNAME), E(VEEAM_VBR_PASSWORD), E(VEEAM_VBR_VALIDATE_CERTS) and
    E(VEEAM_VBR_CA_PATH); with O(product=enterprise_manager) E(VEEAM_EM_URL), E(VEEAM_EM_USERNAME),
    E(VEEAM_EM_PASSWORD), E(VEEAM_EM_VALIDATE_CERTS) and E(VEEAM_EM_CA_PATH); with O(product=azure) E(VEEAM_AZURE_URL),
    E(VEEAM_AZURE_USERNAME), E(VEEAM_AZURE_PASSWORD), E(VEEAM_AZURE_VALIDATE_CERTS) and E(VEEAM_AZURE_CA_PATH); with
    O(product=aws) E(VEEAM_AWS_URL), E(VEEAM_AWS_USERNAME), E(VEEAM_AWS_PASSWORD), E(VEEAM_AWS_VALIDATE_CERTS) and
    E(VEEAM_AWS_CA_PATH). After them, for all products, E(VEEAM_URL), E(VEEAM_USERNAME), E(VEEAM_PASSWORD),
    E(VEEAM_VALIDATE_CERTS) and E(VEEAM_CA_PATH).
  - With O(product=backup_replication) the role Veeam Backup Viewer is enough. What it may not read is unknown, and
    C(server.scope) says so.
  - With O(product=enterprise_manager) the account needs the role Portal Administrator to see all points. Other roles
    see only what they may restore, and their share of a file that several machines share cannot be told.
  - With O(product=azure) the role Read-Only User may read restore points, but neither repositories nor the inventory.
    What rests on these is then unknown, and C(server.scope) says so.
  - With O(product=aws) the role Portal Operator is needed, because only that and the administrator may read instances,
    and restore points do not name theirs.
requirements:
  - requests
  - xmltodict (only for O(representation=xml))
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

- name: Read restore points of all EC2 instances
  backup.audit.veeam_restore_points_info:
    product: aws
    url: https://vbaws.example.com
    username: auditor
    password: "{{ vbaws_password }}"
    ca_path: /etc/ssl/backup-ca.pem
  delegate_to: localhost
  register: aws

- name: Read all restore points of a Veeam Backup & Replication server
  backup.audit.veeam_restore_points_info:
    product: backup_replication
    url: https://vbr.example.com
    username: EXAMPLE\auditor
    password: "{{ vbr_password }}"
    ca_path: /etc/ssl/backup-ca.pem
    since: 92d
    compress: true
  delegate_to: localhost
  register: vbr

- name: Read the replicas of all tenants of a Cloud Connect provider
  backup.audit.veeam_restore_points_info:
    product: enterprise_manager
    url: https://em.example.com
    username: EXAMPLE\auditor
    password: "{{ em_password }}"
    ca_path: /etc/ssl/backup-ca.pem
    workload_types: [cloud_vm_replica]
  delegate_to: localhost
  register: provider

- name: Every virtual machine must have a backup of the last 26 hours
  backup.audit.recovery_points_assert:
    results: ["{{ azure }}"]
    policy:
      recovery_points:
        max_age: 26h
"""

RETURN = r"""
schema:
  description: Which shape this is. A later shape gets another name.
  returned: success
  type: str
  sample: backup.audit/read/1
server:
  description: The server that answered.
  returned: success
  type: dict
  contains:
    host:
      description: Its name, and the port where that is not the product's own.
      returned: always
      type: str
      sample: spp.example.com
    product:
      description: Which product it is.
      returned: always
      type: str
      sample: spp
    version:
      description: Its version.
      returned: when it tells
      type: str
      sample: 10.1.16
    time:
      description: Its clock at RV(read_at). Ages are counted by this clock.
      returned: when it tells
      type: str
      sample: "2026-11-21T06:49:00Z"
    clock_skew_seconds:
      description: How far its clock is ahead of the one of this machine. Beyond 300 s no policy trusts a rule about
        time.
      returned: when it tells its time
      type: int
      sample: 0
    scope:
      description:
        - What the account could see, as far as the product lets one know. C(inventory) is V(false) where workloads
          without recovery points could not be listed.
      returned: always
      type: dict
      sample:
        inventory: true
    verify:
      description:
        - What the product's own check has found, where the module was asked to let it run (C(verify), of modules that
          run a tool). C(level) is what was asked. C(result) is C(sound), C(damaged), C(skipped) in check mode, or
          C(unfinished). C(at) is when it began, C(server_message) what it said of damage.
      returned: when a check was asked for
      type: dict
      sample:
        at: "2026-11-21T06:48:00Z"
        level: data
        result: sound
read_at:
  description: When it was read, by the clock of this machine.
  returned: success
  type: str
  sample: "2026-11-21T06:49:00Z"
window:
  description: Which part of the time was read. A missing member means no limit.
  returned: success
  type: dict
  contains:
    since:
      description: Points before it were not read.
      returned: with O(since)
      type: str
      sample: "2026-10-22T06:49:00Z"
    until:
      description: Points after it were not read.
      returned: with O(until)
      type: str
      sample: "2026-11-21T00:00:00Z"
complete:
  description: Whether all that was asked for was read. It is V(false) only with O(allow_partial).
  returned: success
  type: bool
  sample: true
errors:
  description: What could not be read.
  returned: success
  type: list
  elements: dict
  sample: []
  contains:
    code:
      description: A stable word for the kind of error.
      returned: always
      type: str
      sample: forbidden
    message:
      description: What failed.
      returned: always
      type: str
      sample: the account may not read this (403)
    server:
      description: Where.
      returned: when known
      type: str
      sample: spp.example.com
    request:
      description: Which call.
      returned: when known
      type: str
      sample: GET /ngp/slapolicy
    status:
      description: The HTTP status.
      returned: when there was an answer
      type: int
      sample: 403
    server_message:
      description: What the product itself said.
      returned: when it said something
      type: str
      sample: Access denied
    hint:
      description: What to do.
      returned: when known
      type: str
      sample: Give the account the rights that the documentation of this module lists
workloads:
  description:
    - One row for each workload of this server, sorted by name. Members that are null or empty are left out.
    - A count, a newest or an oldest speaks of usable recovery points only. Snapshots, logs and configuration backups
      are no recovery points and show in C(by_kind) and C(kinds).
  returned: success, without O(compress)
  type: list
  elements: dict
  contains:
    source:
      description: The server that answered.
      returned: always
      type: str
      sample: spp.example.com
    origin:
      description: The server that holds the data, where that is another one.
      returned: when it is another one
      type: str
      sample: vbr2.example.com
    product:
      description: The product that answered.
      returned: always
      type: str
      sample: spp
    workload_id:
      description: The product's id of the workload. Without id and name, the row holds points that no workload can be
        found for.
      returned: when known
      type: str
      sample: 92647504afd9005226aef77bc0b98abb
    workload_name:
      description: The name of the workload.
      returned: when known
      type: str
      sample: sales-americas
    workload_type:
      description: What it is, such as V(vm), V(database), V(file_share).
      returned: when known
      type: str
      sample: vm
    platform:
      description: On what it runs, such as V(vmware), V(hyperv), V(azure).
      returned: when known
      type: str
      sample: vmware
    in_inventory:
      description: Whether it still exists, as far as the product knows.
      returned: when known
      type: bool
      sample: true
    recovery_points:
      description: Number of usable recovery points. Copies of a point are not counted again.
      returned: always
      type: int
      sample: 30
    newest:
      description: The newest point in time that can be restored.
      returned: when there is one
      type: str
      sample: "2026-11-21T01:00:12Z"
    oldest:
      description: The oldest point in time that can be restored.
      returned: when there is one
      type: str
      sample: "2026-10-23T01:00:09Z"
    newest_age_seconds:
      description: Age of C(newest) in whole seconds, rounded up, by the server's clock where that is known.
      returned: when there is one
      type: int
      sample: 20928
    gaps:
      description:
        - Seconds of the longest time without a new point within the last 7, 14, 31, 92 and 366 days, and in all.
        - A gap that runs into the window counts whole, and so does the time since the newest point.
      returned: when there are points
      type: dict
      sample: {"7d": 86413, "14d": 86413, "31d": 172800, "92d": 172800, "366d": 172800, "all": 172800}
    calendar:
      description:
        - How many days, ISO weeks, months and years in a row, counted back from now, hold a point. The running one may
          still be empty.
      returned: when there are points
      type: dict
      sample: {"days": 18, "weeks": 5, "months": 2, "years": 1}
    possible:
      description: C(gaps) and C(calendar) as they would be if all points of unknown usability counted.
      returned: when there are such points
      type: dict
    by_kind:
      description: Number of points that are not known to be unusable, by kind.
      returned: when there are points
      type: dict
      sample: {"full": 5, "incremental": 25}
    by_status:
      description: Number of all listed points, usable or not, by status.
      returned: when there are points
      type: dict
      sample: {"success": 30}
    kinds:
      description:
        - For workloads with points of several kinds, or of kinds that are no recovery points, count, newest and oldest
          of each kind, and for the latter also gaps and calendar. A kind of which C(attributes.full) says the same is
          left out.
      returned: when there are such points
      type: dict
    size_bytes:
      description: Bytes of all usable recovery points.
      returned: when every single size is known
      type: int
      sample: 139586437120
    newest_size_bytes:
      description: Bytes of the newest recovery point.
      returned: when known
      type: int
      sample: 1073741824
    newest_kind:
      description: Kind of the newest recovery point.
      returned: when there is one
      type: str
      sample: incremental
    median_size_bytes:
      description: Median of bytes by kind.
      returned: when every single size of a kind is known
      type: dict
      sample: {"full": 107374182400, "incremental": 1073741824}
    locations:
      description: Where copies lie.
      returned: when the product lists copies
      type: list
      elements: dict
      contains:
        location:
          description: Name of the place.
          returned: when known
          type: str
          sample: Primary
        location_type:
          description: Kind of place.
          returned: when known
          type: str
          sample: vsnap
        count:
          description: Number of recovery points that have a copy there.
          returned: always
          type: int
          sample: 30
        newest:
          description: The newest of them.
          returned: always
          type: str
          sample: "2026-11-21T01:00:12Z"
    locations_unknown:
      description: Number and newest of the recovery points whose copies the product did not list.
      returned: when there are such points
      type: dict
    attributes:
      description:
        - For C(recovery_points), C(full), C(restore_tested), C(integrity_checked), C(offsite), C(immutable) and
          C(encrypted), how many points are known to have it (C(count), C(newest), C(oldest)), of how many it is not
          known (C(unknown), C(newest_unknown), C(oldest_unknown)), and how many are known not to have it (C(false),
          C(newest_false)).
        - Points that have it only by inference or by declaration are in C(inferred) and C(declared), each with
          C(count), C(newest) and C(oldest).
        - C(restore_tested) (a restore or a boot was tested) and C(integrity_checked) (an integrity check, a scan) also
          have C(tested_at), the time of the newest test, and C(tested_point), the point that it tested.
        - C(full) has gaps and calendar of its own.
      returned: always
      type: dict
    malware:
      description: Number of usable recovery points by state (C(clean), C(suspicious), C(infected), C(unknown)).
      returned: when there are points
      type: dict
      sample: {"unknown": 30}
    malware_newest:
      description: The newest point of each known state.
      returned: when a state is known
      type: dict
    in_future:
      description: Number of points dated more than 300 s after the server's time. They are left out of everything else.
      returned: when there are such points
      type: int
      sample: 1
    history:
      description:
        - One letter for each day up to today, newest last. F full, D differential, I incremental, A archive, R replica,
          U unknown, C continuous, S snapshot, L log, G configuration, lower case where only unusable points of that
          kind were made, V(.) for none.
      returned: with O(history)
      type: str
      sample: FIIIIIIFIIIIII
read:
  description: All of the above as one string (JSON, zlib, base64).
  returned: success, with O(compress)
  type: str
recovery_points:
  description: Every recovery point, sorted by workload and time. What is not known is null.
  returned: success, with O(detail=recovery_points), without O(compress)
  type: list
  elements: dict
  contains:
    id:
      description: Unique within the server.
      returned: always
      type: str
    source:
      description: The server that answered.
      returned: always
      type: str
    origin:
      description: The server that holds the data, where that is another one.
      returned: always
      type: str
    product:
      description: The product that answered.
      returned: always
      type: str
    workload_id:
      description: The product's id of the workload.
      returned: always
      type: str
    workload_name:
      description: The name of the workload.
      returned: always
      type: str
    workload_type:
      description: What it is.
      returned: always
      type: str
    platform:
      description: On what it runs.
      returned: always
      type: str
    in_inventory:
      description: Whether the workload still exists, as far as the product knows.
      returned: always
      type: bool
    created_at:
      description: The point in time that can be restored (RFC 3339, UTC).
      returned: always
      type: str
      sample: "2026-11-21T01:00:12.5Z"
    completed_at:
      description: When the backup was finished.
      returned: always
      type: str
    kind:
      description:
        - One of V(full), V(incremental), V(differential), V(synthetic_full), V(log), V(snapshot), V(replica),
          V(archive), V(continuous), V(config), V(unknown).
      returned: always
      type: str
      sample: incremental
    status:
      description: One of V(success), V(warning), V(failed), V(running), V(unknown).
      returned: always
      type: str
      sample: success
    usable:
      description:
        - V(true) if the product offers it for restore and says nothing against it, V(false) if it failed, runs, is
          corrupted, was removed, lacks its parent or is a replica in failover, null if the product does not say.
      returned: always
      type: bool
    size_bytes:
      description: Bytes that this point occupies or moved.
      returned: always
      type: int
    copies:
      description: Where it lies; null if the product does not list copies.
      returned: always
      type: list
      elements: dict
      contains:
        location:
          description: Name of the place.
          returned: always
          type: str
        location_type:
          description: Kind of place.
          returned: always
          type: str
        role:
          description: What this copy is to the others, such as V(primary), V(replica), V(archive).
          returned: always
          type: str
        immutable_until:
          description: Until when nobody can change or delete this copy.
          returned: always
          type: str
        encrypted:
          description: Whether this copy is encrypted.
          returned: always
          type: bool
        offsite:
          description: Whether this copy lies at another site than the workload.
          returned: always
          type: bool
    restore_tested:
      description: Whether a restore or a boot of this point was tested with success.
      returned: always
      type: bool
    tested_at:
      description: When that was.
      returned: always
      type: str
    tested_by:
      description: V(restore) or V(boot).
      returned: always
      type: str
    integrity_checked:
      description: Whether a weaker test found it sound.
      returned: always
      type: bool
    checked_at:
      description: When that was.
      returned: always
      type: str
    checked_by:
      description: V(integrity_check), V(scan) or V(vendor_flag).
      returned: always
      type: str
    encrypted:
      description: Whether all copies are encrypted.
      returned: always
      type: bool
    offsite:
      description: Whether a copy lies at another site.
      returned: always
      type: bool
    immutable:
      description: Whether a copy can not be changed or deleted by anybody now. A legal hold that can be released is
        not that.
      returned: always
      type: bool
    immutable_until:
      description: Until when.
      returned: always
      type: str
    expires_at:
      description: When retention will remove it.
      returned: always
      type: str
    malware:
      description: V(clean), V(suspicious) or V(infected).
      returned: always
      type: str
    retention:
      description: For which long-term periods it is kept (V(daily), V(weekly), V(monthly), V(quarterly), V(yearly)).
      returned: always
      type: list
      elements: str
    job:
      description: Policy or job that made it.
      returned: always
      type: str
    inferred:
      description: Fields that the product does not state but that its settings imply.
      returned: always
      type: list
      elements: str
    declared:
      description: Fields that O(location_attributes) vouch for.
      returned: always
      type: list
      elements: str
    raw:
      description: The product's own record.
      returned: with O(include_raw)
      type: dict
totals:
  description: Sums over all workloads.
  returned: success
  type: dict
  sample: {"workloads": 20, "without_recovery_points": 1, "recovery_points": 540, "points_listed": 552, "in_future": 0}
http_requests:
  description: What reading took.
  returned: success
  type: dict
  contains:
    count:
      description: Requests that were answered.
      returned: always
      type: int
      sample: 24
    retries:
      description: Requests that had to be sent again.
      returned: always
      type: int
      sample: 0
    bytes:
      description: Bytes of all answers, unpacked.
      returned: always
      type: int
      sample: 183422
    seconds:
      description: How long it took.
      returned: always
      type: float
      sample: 0.84
sha256:
  description:
    - SHA-256 of the canonical JSON of all of the above without RV(http_requests). It is the same with and without
      O(compress), and an assertion refuses a READ whose content does not fit.
  returned: success
  type: str
failure:
  description: What went wrong, in parts. The members are those of RV(errors).
  returned: failure
  type: dict
  sample:
    code: login_rejected
    message: the log-in of 'auditor' was rejected
    server: spp.example.com:443
    request: POST /api/endeavour/session
    status: 401
    hint: Check username and password; the account may also be locked, disabled or expired
"""

from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.aws.adapter import VeeamAws
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.azure.adapter import VeeamAzure
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.backup_replication.adapter import (
    VeeamBackupReplication,
)
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.enterprise_manager.adapter import (
    VeeamEnterpriseManager,
)
from ansible_collections.backup.audit.plugins.module_utils._module.rest_module import run_module


def main() -> None:
    """Entry point."""
    run_module(VeeamBackupReplication, VeeamEnterpriseManager, VeeamAzure, VeeamAws)


if __name__ == "__main__":
    main()
