#!/usr/bin/python

# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads archives from a Borg repository."""

from __future__ import annotations

DOCUMENTATION = r"""
module: borg_archives_info
short_description: Read archives from a Borg repository
version_added: 1.0.0
description:
  - Runs C(borg list) on the host and returns one row for each host that was backed up into the repository.
  - An archive is written when its backup has ended, so a run that failed leaves none. Whether the data of an archive is
    still sound is told only with O(verify).
author:
  - the backup.audit contributors (@backup-audit)
options:
  repository:
    description:
      - Where the repository is, as Borg takes it, such as V(/srv/borg), V(ssh://backup@nas/srv/borg).
      - Required, here or as E(BORG_REPO) in the environment of the host.
    type: str
  password:
    description:
      - Passphrase of the repository, where it is encrypted. It reaches Borg by its environment only.
      - Here, as O(password_file), or as E(BORG_PASSPHRASE) in the environment of the host.
    type: str
  password_file:
    description: File on the host whose first line is the passphrase.
    type: path
  workload_by:
    description:
      - What makes a workload. V(hostname) is the host that made the archive.
      - V(name_prefix) is the name of the archive without the date at its end, for hosts that back up others.
    type: str
    choices: [hostname, name_prefix]
    default: hostname
  verify:
    description:
      - Whether to let Borg check the repository now. Of itself it keeps no result of a check.
      - V(none) checks nothing, so C(integrity_checked) is unknown.
      - V(quick) runs C(borg check --repository-only). It reads every segment and compares checksums, without decrypting
        anything. C(integrity_checked) is then inferred.
      - V(data) also runs C(borg extract --dry-run) on the newest archive of each workload, which reads, decrypts and
        verifies every byte of it. C(integrity_checked) is then reported for these, and inferred for the others.
        O(workload_names) and O(since) limit which workloads.
      - Borg's own check of archives is not run, because it writes to the repository.
      - If a segment is damaged, Borg does not say which archives need it. None of them is then known to be usable, and
        the verdict fails with C(data.verify).
      - Both run without a lock, so a backup at the same time may look like damage.
    type: str
    choices: [none, quick, data]
    default: none
  detail:
    description:
      - V(workloads) returns one row for each workload.
      - V(recovery_points) returns every archive as well.
    type: str
    choices: [workloads, recovery_points]
    default: workloads
  workload_types:
    description: Kinds of workload to read. There is only one.
    type: list
    elements: str
    choices: [host]
notes:
  - Borg may write to its own cache and notes about repositories, which lie on the host and not in the repository.
requirements:
  - BorgBackup 1.2 on the host
extends_documentation_fragment:
  - backup.audit.tool
  - backup.audit.reading
  - backup.audit.attributes.tool
"""

EXAMPLES = r"""
- name: Read a repository on this host
  backup.audit.borg_archives_info:
    repository: /srv/borg
    password_file: /etc/borg/passphrase
  become: true
  register: borg

- name: Every host must have an archive of last night
  backup.audit.recovery_points_assert:
    results: ["{{ borg }}"]
    policy:
      recovery_points:
        max_age: 26h

- name: Read it, and read the newest archive of each database server to its end
  backup.audit.borg_archives_info:
    repository: ssh://backup@nas.example.com/srv/borg
    password: "{{ borg_passphrase }}"
    workload_names: [db*]
    verify: data
  register: databases
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

from ansible_collections.backup.audit.plugins.module_utils._adapters.borg import Borg
from ansible_collections.backup.audit.plugins.module_utils._module.cli_module import run_tool


def main() -> None:
    """Entry point."""
    run_tool(Borg)


if __name__ == "__main__":
    main()
