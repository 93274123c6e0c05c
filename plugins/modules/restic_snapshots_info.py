#!/usr/bin/python

# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads snapshots from a restic repository."""

DOCUMENTATION = r"""
module: restic_snapshots_info
short_description: Read snapshots from a restic repository
version_added: 1.0.0
description:
  - Runs C(restic snapshots) on the host and returns one row for each combination of host and paths in the repository,
    which is how restic itself groups snapshots.
  - Supports every backend of restic, because restic itself reads the repository.
  - restic writes a snapshot when its backup has finished, so a failed run leaves no snapshot. Use O(status_file) to
    include failed runs, and O(verify) to check whether the data of the snapshots is intact.
author:
  - the backup.audit contributors (@backup-audit)
options:
  repository:
    description:
      - Location of the repository, in the format of restic, such as V(/srv/restic), V(sftp:backup@nas:/restic),
        V(rest:https://user:password@host:8000/) or V(s3:https://host/bucket). A password in it is masked in all output.
      - Required, either as this option or as E(RESTIC_REPOSITORY) in the environment of the host.
    type: str
  password:
    description:
      - Password of the repository. It is passed to restic in its environment only.
      - Either this option or O(password_file) is required. They can also be set as E(RESTIC_PASSWORD) or
        E(RESTIC_PASSWORD_FILE) in the environment of the host.
    type: str
  password_file:
    description: File on the host that contains the password.
    type: path
  ca_path:
    description: File (PEM) on the host with the CA certificate of the repository's server. It can also be set as
      E(RESTIC_CACERT) in the environment of the host.
    type: path
  workload_by:
    description:
      - Grouping of snapshots into workloads. The default is that of C(restic forget). With it, a job that stopped is
        found even if another job of the same host still runs.
      - The name of a workload is the host if V(host) is part of the grouping. Its ID contains all parts. Several
        workloads may have the same name, and a policy evaluates each of them.
      - If the paths of a job change, its new snapshots belong to a new workload. The old workload remains until its
        snapshots are removed.
    type: list
    elements: str
    choices: [host, paths, tags]
    default: [host, paths]
  verify:
    description:
      - Level of the integrity check to run during the read. restic does not store the results of earlier checks.
      - V(none) runs no check, so C(integrity_checked) is unknown.
      - V(quick) runs C(restic check). It reads all indexes and trees, but not the data. C(integrity_checked) is then
        inferred.
      - V(data) runs C(restic check --read-data). It reads the complete repository, which may take hours and cause
        network traffic. C(integrity_checked) is then reported. See O(verify_parts) for large repositories.
      - If data is damaged, restic does not report which snapshots need it. The usability of all snapshots is then
        unknown, and the assessment fails with C(data.verify).
      - Both checks run without a lock. If a C(prune) runs at the same time and the check finds damage, the check is
        unfinished.
    type: str
    choices: [none, quick, data]
    default: none
  verify_parts:
    description:
      - Number of parts into which O(verify=data) divides the data. Each run reads one part, with C(restic check
        --read-data-subset). With V(30) and a daily run, all data is read once in 30 days.
      - C(integrity_checked) of a snapshot is reported once every part was read after the snapshot was first listed.
        Until then, it is inferred. The time of the check is that of the part that was read first.
      - RV(server.verify) contains C(part), the part that was read, C(parts_read), the number of parts that were read
        without damage, and C(covered_since), the time since which all parts were read.
      - A damaged part is read again in each run until it is intact.
      - With V(1), each run reads all data. The maximum is V(256).
    version_added: 2.0.0
    type: int
    default: 1
  verify_state:
    description:
      - File on the host in which the module records the parts that it has read. Required if O(verify_parts) is greater
        than 1. Use one file for each repository. Its directory must exist.
      - The module writes only this file and temporary directories. In check mode, it does not change the file.
    version_added: 2.0.0
    type: path
  status_file:
    description:
      - File on the host with the results of backup runs, written by the script that starts restic. It contains a JSON
        object for each run, one in each line or in a list.
      - Each object has C(workload) (ID or name of a workload) or C(host), C(exit_code), C(finished_at) (RFC 3339) and
        optionally C(message).
      - A run that made no snapshot is returned as a recovery point with the status V(failed) that is not usable. After
        exit code 3 (some files could not be read), the snapshot of the run has the status V(warning).
      - An unreadable or invalid file is an error.
    version_added: 2.0.0
    type: path
  detail:
    description:
      - Level of detail. V(workloads) returns one row for each workload.
      - V(recovery_points) also returns every snapshot.
    type: str
    choices: [workloads, recovery_points]
    default: workloads
  workload_types:
    description: Types of workloads to read. V(host) is the only type.
    type: list
    elements: str
    choices: [host]
notes:
  - The cache of the user is not used, because it may contain data that the repository has lost. Checks (O(verify)) use
    a new cache in a temporary directory, which is removed afterwards.
  - Environment variables that limit the list of snapshots, such as E(RESTIC_HOST) and E(RCLONE_MAX_AGE), are not
    accepted in O(environment).
requirements:
  - restic 0.14 or later on the host
extends_documentation_fragment:
  - backup.audit.tool
  - backup.audit.reading
  - backup.audit.attributes.on_host
"""

EXAMPLES = r"""
- name: Read a repository on this host
  backup.audit.restic_snapshots_info:
    repository: /srv/restic
    password_file: /etc/restic/password
  become: true
  register: restic

- name: Require a snapshot of last night for every host
  backup.audit.recovery_points_assert:
    results: ["{{ restic }}"]
    policy:
      recovery_points:
        max_age: 26h

- name: Read a repository in an object store and verify all of its data
  backup.audit.restic_snapshots_info:
    repository: s3:https://s3.example.com/backups
    password: "{{ restic_password }}"
    environment:
      AWS_ACCESS_KEY_ID: auditor
    secret_environment:
      AWS_SECRET_ACCESS_KEY: "{{ s3_secret }}"
    verify: data
    location_attributes:
      - match: s3:*
        offsite: true
  register: remote

- name: Require an integrity check of today for every host
  backup.audit.recovery_points_assert:
    results: ["{{ remote }}"]
    policy:
      integrity_checked:
        max_age: 1d
"""

RETURN = r"""
schema:
  description: Name of the result format. An incompatible format gets a different name.
  returned: success
  type: str
  sample: backup.audit/read-result/2
server:
  description: Server that was read.
  returned: success
  type: dict
  contains:
    host:
      description: Host name, with the port if it is not the default port of the product. Modules that run a tool return
        the repository instead.
      returned: always
      type: str
      sample: spp.example.com
    product:
      description: Product of the server.
      returned: always
      type: str
      sample: spp
    version:
      description: Version of the product.
      returned: when reported
      type: str
      sample: 10.1.16
    identity:
      description: The product's own ID of the installation or repository, after the name of the product. It does not
        depend on the address that was read. A copy of the data, such as a mirrored repository, has the same ID.
      returned: when reported
      type: str
      sample: veeam_backup_replication:6745a759-2205-4cd2-b172-8ec8f7e60ef8
    time:
      description: Time of the server's clock at RV(read_at). Ages are calculated from it.
      returned: when reported
      type: str
      sample: "2026-11-21T06:49:00Z"
    clock_skew_seconds:
      description: Seconds by which the server's clock is ahead of the clock of the host that ran the module. If the
        difference exceeds 300 s, no rule about time passes.
      returned: when the server reports its time
      type: int
      sample: 0
    scope:
      description:
        - Data that the account could access, as far as the product reports it. C(inventory) is V(false) if workloads
          without recovery points could not be listed.
      returned: always
      type: dict
      sample:
        inventory: true
    verify:
      description:
        - Result of the product's own integrity check, if it was requested with C(verify) (modules that run a tool).
        - C(level) is the requested level. C(result) is C(sound), C(damaged), C(unfinished), or C(skipped) in check
          mode. C(at) is the start time. C(server_message) is the tool's description of the damage.
        - For a check in parts, C(part) is the part that was read, C(parts_read) the number of parts that were read
          without damage, and C(covered_since) the time since which all parts were read.
      returned: when a check was requested
      type: dict
      sample:
        at: "2026-11-21T06:48:00Z"
        level: data
        result: sound
read_at:
  description: Time of the read, according to the clock of the host that ran the module.
  returned: success
  type: str
  sample: "2026-11-21T06:49:00Z"
selection:
  description:
    - Options that limit what is listed, such as O(workload_names) and O(workload_types), and the account.
    - With them, a policy can distinguish workloads and recovery points that no longer exist from those that were not
      requested.
  returned: success
  type: dict
  sample:
    include_unprotected: true
    account: auditor
    since: "2026-10-22T06:49:00Z"
  contains:
    since:
      description: Start of the period that was read, in whole seconds. Older recovery points were not read.
      returned: with O(since)
      type: str
      sample: "2026-10-22T06:49:00Z"
    until:
      description: End of the period that was read, in whole seconds. Newer recovery points were not read.
      returned: with O(until)
      type: str
      sample: "2026-11-21T00:00:00Z"
complete:
  description: Whether all requested data was read. V(false) only with O(allow_partial).
  returned: success
  type: bool
  sample: true
errors:
  description: Errors for data that could not be read.
  returned: success
  type: list
  elements: dict
  sample: []
  contains:
    code:
      description: Stable identifier of the error type.
      returned: always
      type: str
      sample: forbidden
    message:
      description: Description of what failed.
      returned: always
      type: str
      sample: the account lacks permission for this request (HTTP 403)
    server:
      description: Server on which it failed.
      returned: when known
      type: str
      sample: spp.example.com
    request:
      description: Request or command that failed.
      returned: when known
      type: str
      sample: GET /ngp/slapolicy
    status:
      description: HTTP status code.
      returned: when the server responded
      type: int
      sample: 403
    server_message:
      description: Error message of the product.
      returned: when the product returned one
      type: str
      sample: Access denied
    hint:
      description: Suggested fix.
      returned: when known
      type: str
      sample: Grant the account the permissions that the documentation of this module lists
workloads:
  description:
    - One row for each workload of this server, for people and playbooks, sorted by name. Null and empty values are
      omitted.
    - The numbers of a row apply to the time of the read. For example, C(attributes.immutable) counts locks that were
      active at that time. Policies do not use these numbers. They evaluate RV(points) as of the time of the evaluation.
    - Counts and the newest and oldest times cover usable recovery points only. Snapshots, log backups, configuration
      backups and points of unknown kind do not count as recovery points. They are listed in C(by_kind).
    - All times are in whole seconds.
  returned: success, without O(compress)
  type: list
  elements: dict
  contains:
    source:
      description: Server that was read.
      returned: always
      type: str
      sample: spp.example.com
    origin:
      description: Server that holds the data, if it is not the server that was read.
      returned: when it is a different server
      type: str
      sample: vbr2.example.com
    workload_id:
      description: ID of the workload in the product. A row without ID and name contains recovery points that could not
        be assigned to a workload.
      returned: when known
      type: str
      sample: 92647504afd9005226aef77bc0b98abb
    workload_name:
      description: Name of the workload.
      returned: when known
      type: str
      sample: sales-americas
    workload_type:
      description: Type of the workload, such as V(vm), V(database) or V(file_share).
      returned: when known
      type: str
      sample: vm
    platform:
      description: Platform of the workload, one of a fixed list, such as V(vmware) or V(azure_vm). V(other) if it is
        not in the list.
      returned: when known
      type: str
      sample: vmware
    vendor_platform:
      description: Platform as the product reports it.
      returned: when the product reports one
      type: str
      sample: VMware
    in_inventory:
      description: Whether the workload still exists, according to the product.
      returned: when known
      type: bool
      sample: true
    recovery_points:
      description: Number of usable recovery points. Copies of a recovery point are not counted again.
      returned: always
      type: int
      sample: 30
    newest:
      description: Newest point in time that can be restored.
      returned: when a point can be restored
      type: str
      sample: "2026-11-21T01:00:12Z"
    oldest:
      description: Oldest point in time that can be restored.
      returned: when a point can be restored
      type: str
      sample: "2026-10-23T01:00:09Z"
    newest_age_seconds:
      description: Age of C(newest) in seconds, rounded up. Based on the server's clock if its time is known.
      returned: when a point can be restored
      type: int
      sample: 20928
    by_kind:
      description: Number of points of each kind, without points that are known to be unusable.
      returned: when there are points
      type: dict
      sample: {"full": 5, "incremental": 25}
    by_status:
      description: Number of points with each status, including unusable points.
      returned: when there are points
      type: dict
      sample: {"success": 30}
    size_bytes:
      description: Total size in bytes of all usable recovery points.
      returned: when the size of each recovery point is known
      type: int
      sample: 139586437120
    locations:
      description: Locations where copies are stored.
      returned: when the product lists copies
      type: list
      elements: dict
      contains:
        location:
          description: Name of the location.
          returned: when known
          type: str
          sample: Primary
        location_type:
          description: Type of the location. One of V(disk), V(dedup_appliance), V(object), V(tape), V(cloud_vault),
            V(snapshot_array) and V(other).
          returned: when known
          type: str
          sample: disk
        count:
          description: Number of recovery points that have a copy in this location.
          returned: always
          type: int
          sample: 30
        newest:
          description: Newest recovery point in this location.
          returned: always
          type: str
          sample: "2026-11-21T01:00:12Z"
    attributes:
      description:
        - Numbers of points for each of the attributes C(full), C(restore_tested), C(integrity_checked), C(offsite),
          C(immutable), C(encrypted) and C(malware). An attribute that is unknown for all points is omitted.
          C(recovery_points) is only listed if it is unknown whether some of the points are usable recovery points.
        - C(count) is the number of usable points that are reported to have the attribute, and C(newest) is the newest
          of them. C(inferred) and C(declared) count the points that have it only by inference or by declaration.
          C(unknown) counts the points for which it is unknown.
        - C(malware) counts points that a scan found suspicious or infected.
      returned: when an attribute is known
      type: dict
      sample:
        full: {"count": 5, "newest": "2026-11-16T01:00:10Z"}
        offsite: {"count": 0, "inferred": 30}
        immutable: {"count": 7, "newest": "2026-11-21T01:00:12Z"}
    undated:
      description: Number of points without a plausible time, and of points for which only the number was read. Their
        time and attributes are unknown.
      returned: when there are such points
      type: int
      sample: 1
    in_future:
      description: Number of points that are dated more than 300 s after the server's time. All other values exclude
        them.
      returned: when there are such points
      type: int
      sample: 1
data:
  description: RV(workloads) in compressed form, with only the identity of each row. Each string (JSON, zlib, Base64)
    has up to 1,000 workloads.
  returned: success, with O(compress)
  type: list
  elements: str
points:
  description:
    - All recovery points of all workloads in columns, in the order of RV(workloads). Each string is a compressed block
      (JSON, zlib, Base64).
    - Input of M(backup.audit.recovery_points_assert). To list recovery points in a playbook, use
      O(detail=recovery_points).
  returned: success
  type: list
  elements: str
recovery_points:
  description: All recovery points, sorted by workload and time. Unknown values are null. Policies evaluate RV(points)
    instead.
  returned: success, with O(detail=recovery_points)
  type: list
  elements: dict
  contains:
    id:
      description: ID of the recovery point, unique within the server.
      returned: always
      type: str
    source:
      description: Server that was read.
      returned: always
      type: str
    origin:
      description: Server that holds the data, if it is not the server that was read.
      returned: always
      type: str
    product:
      description: Product of the server.
      returned: always
      type: str
    workload_id:
      description: ID of the workload in the product.
      returned: always
      type: str
    workload_name:
      description: Name of the workload.
      returned: always
      type: str
    workload_type:
      description: Type of the workload.
      returned: always
      type: str
    platform:
      description: Platform of the workload, one of a fixed list.
      returned: always
      type: str
    vendor_platform:
      description: Platform as the product reports it.
      returned: always
      type: str
    in_inventory:
      description: Whether the workload still exists, according to the product.
      returned: always
      type: bool
    created_at:
      description: Point in time that can be restored (RFC 3339, UTC).
      returned: always
      type: str
      sample: "2026-11-21T01:00:12.5Z"
    completed_at:
      description: Time at which the backup finished.
      returned: always
      type: str
    kind:
      description:
        - Kind of the point. One of V(full), V(incremental), V(differential), V(synthetic_full), V(backup), V(log),
          V(snapshot), V(replica), V(archive), V(continuous), V(config), V(unknown).
        - V(backup) is a backup whose type the product does not report. V(unknown) does not count as a recovery point,
          because it may be anything.
      returned: always
      type: str
      sample: incremental
    status:
      description: Status of the backup. One of V(success), V(warning), V(failed), V(running), V(unknown).
      returned: always
      type: str
      sample: success
    usable:
      description:
        - Whether the point can be restored.
        - V(true) if the product offers it for restore and reports no problem with it. V(false) if it failed, is
          running, is corrupted, was removed, lacks its parent or is a replica in failover. Null if the product does not
          report it.
      returned: always
      type: bool
    size_bytes:
      description: Size in bytes that the point occupies, or that was transferred for it.
      returned: always
      type: int
    file_count:
      description: Number of files in the point. Only reported by restic 0.17 and later, and by BorgBackup.
      returned: always
      type: int
    copies:
      description: Copies of the point. Null if the product does not list copies.
      returned: always
      type: list
      elements: dict
      contains:
        location:
          description: Name of the location.
          returned: always
          type: str
        location_type:
          description: Type of the location, one of a fixed list.
          returned: always
          type: str
        vendor_location_type:
          description: Type of the location as the product reports it.
          returned: always
          type: str
        role:
          description: Role of this copy, such as V(primary), V(replica) or V(archive).
          returned: always
          type: str
        immutable_until:
          description: Time until which this copy cannot be changed or deleted.
          returned: always
          type: str
        encrypted:
          description: Whether this copy is encrypted.
          returned: always
          type: bool
        offsite:
          description: Whether this copy is stored at a different site than the workload.
          returned: always
          type: bool
    restore_tested:
      description: Whether a restore or a boot of this point was tested successfully.
      returned: always
      type: bool
    tested_at:
      description: Time of the test.
      returned: always
      type: str
    tested_by:
      description: "Type of the test: V(restore) or V(boot)."
      returned: always
      type: str
    integrity_checked:
      description: Whether a test that is weaker than a restore or a boot found no damage.
      returned: always
      type: bool
    checked_at:
      description: Time of the check.
      returned: always
      type: str
    checked_by:
      description: "Type of the check: V(integrity_check), V(scan) or V(vendor_flag)."
      returned: always
      type: str
    encrypted:
      description: Whether all copies are encrypted.
      returned: always
      type: bool
    offsite:
      description: Whether a copy is stored at a different site.
      returned: always
      type: bool
    immutable:
      description: Whether at least one copy currently cannot be changed or deleted by anybody. A legal hold does not
        count, because it can be released.
      returned: always
      type: bool
    immutable_until:
      description: Time until which the point is immutable.
      returned: always
      type: str
    expires_at:
      description: Time at which retention will remove the point.
      returned: always
      type: str
    restorable_from:
      description: Start of the range of times that can be restored. Null unless C(kind) is V(continuous).
      returned: always
      type: str
    restorable_until:
      description: End of the range of times that can be restored. Null unless C(kind) is V(continuous).
      returned: always
      type: str
    malware:
      description: "Result of a malware scan: V(clean), V(suspicious) or V(infected)."
      returned: always
      type: str
    retention:
      description: Long-term retention periods of the point (V(daily), V(weekly), V(monthly), V(quarterly), V(yearly)).
      returned: always
      type: list
      elements: str
    job:
      description: Policy or job that created the point.
      returned: always
      type: str
    inferred:
      description: Fields whose value was inferred, for example from settings of the product, because the product does
        not report it.
      returned: always
      type: list
      elements: str
    declared:
      description: Fields whose value was declared with O(location_attributes).
      returned: always
      type: list
      elements: str
    raw:
      description: Original record of the product, without fields that look like secrets.
      returned: with O(include_raw)
      type: dict
totals:
  description: Totals of all workloads. C(points_listed) also counts points that are not recovery points or not usable.
  returned: success
  type: dict
  sample:
    workloads: 20
    without_recovery_points: 1
    recovery_points: 540
    points_listed: 552
    undated: 0
    in_future: 0
http_requests:
  description: Statistics of the read. For modules that run a tool, the commands are counted.
  returned: success
  type: dict
  contains:
    count:
      description: Number of requests that were answered.
      returned: always
      type: int
      sample: 24
    retries:
      description: Number of retries.
      returned: always
      type: int
      sample: 0
    bytes:
      description: Size in bytes of all responses after decompression.
      returned: always
      type: int
      sample: 183422
    seconds:
      description: Duration in seconds.
      returned: always
      type: float
      sample: 0.84
sha256:
  description:
    - SHA-256 digest of everything that policies evaluate, as canonical JSON. It does not depend on O(compress), and
      does not cover RV(totals), RV(http_requests), RV(recovery_points) and the numbers in RV(workloads).
    - M(backup.audit.recovery_points_assert) rejects a result that does not match its digest.
  returned: success
  type: str
failure:
  description: Details of the error, with the same fields as RV(errors).
  returned: failure
  type: dict
  sample:
    code: login_rejected
    message: Login to https://spp.example.com:443 as 'auditor' failed (HTTP 401)
    server: spp.example.com
    request: POST /api/endeavour/session
    status: 401
    hint: Check username and password. The account may be locked, disabled or expired
"""

# ruff: noqa: I001, I002 - older Pythons must be able to parse this file, and to import the first module
from ansible_collections.backup.audit.plugins.module_utils._module.python_version import make_main
from ansible_collections.backup.audit.plugins.module_utils._adapters.restic.adapter import Restic
from ansible_collections.backup.audit.plugins.module_utils._module.cli_module import run_tool

main = make_main(run_tool, Restic)

if __name__ == "__main__":
    main()
