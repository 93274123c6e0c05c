#!/usr/bin/python

# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of the action plugin of the same name, which does the work."""

from __future__ import annotations

DOCUMENTATION = r"""
module: recovery_points_assert
short_description: Judge recovery points by a policy, and fail where it is not met
version_added: 1.0.0
description:
  - Judges what the info modules of this collection have read by a policy, and fails unless every workload meets it.
  - What is not known is never taken for proved. An incomplete READ, an old one, an empty one, or a workload that no
    tier of the policy speaks of is a finding, and the task fails.
  - It runs on the control node and asks no server. The same READs, policy and O(as_of) always give the same assessment,
    so that evidence can be judged again years later.
  - The guide to policies, with every attribute and rule, is C(docs/policy.md) of this collection.
author:
  - the backup.audit contributors (@backup-audit)
options:
  results:
    description:
      - What was read. The registered result of an info module (with or without O(ignore:compress)), the result of a
        loop of such tasks, the path of a JSON file that holds one, or a list of any of these.
      - A record of restore tests, as the role C(backup.audit.restore_test) leaves it, may stand among them. What it
        says of a workload is judged with the row of that workload.
      - A relative path is looked for beside the playbook.
      - A result that was altered after the module returned it is refused. So is one that failed (but see
        O(on_read_error)) or was skipped, because a list that is shorter than it should be proves nothing.
    type: raw
    required: true
  policy:
    description:
      - What is asked of every workload. At least one rule must be asked for.
      - Either a mapping, or the name of a ready policy, such as V(3-2-1-1-0), V(daily_26h), V(gfs) or V(retired). The
        guide lists them. A mapping may build on one with O(policy.extends).
      - Each attribute takes rules with a limit (V(min_count) 7), or with a mapping that holds C(limit), what the rule
        takes besides, and settings (C(on_unknown), C(warn_at), C(accept), C(weekdays)). Settings may also stand at the
        attribute or at the policy. The nearest wins.
      - Durations are a whole number and one of C(s), C(m) (minutes), C(h), C(d), C(w).
      - Keys that do not exist, and rules that make no sense on an attribute, are refused with the path of the key.
      - A file that holds a policy may have the outer key C(policy) and, beside it, O(policies), O(expected),
        O(expected_match), O(exclude), O(waivers), O(combine), O(max_data_age) and O(on_empty). What is given in
        both places is refused.
      - Exactly one of O(policy) and O(policies) is required.
    type: raw
    suboptions:
      extends:
        description:
          - Name of a ready policy that this one builds on. A rule or a setting that is given here takes the place of
            the same one there. The assessment holds the whole written out.
        type: str
      recovery_points:
        description:
          - Points that can be restored, whatever else is known of them. Snapshots, logs and configuration points do not
            count, unless C(backup_types) (a list of kinds) says which kinds do.
          - C(min_count) points; C(max_age) a duration; C(min_retention) a duration; C(max_gap) at most a
            duration, the running one included (in the time C(within), default in all); C(daily), C(weekly), C(monthly),
            C(yearly) in a row with a point.
        type: dict
      full:
        description: Full backups, synthetic ones included. Rules as of O(policy.recovery_points).
        type: dict
      restore_tested:
        description:
          - Points that were tested by a restore or a boot. C(min_count), C(max_age) (the age of the newest test),
            C(min_retention); C(all) or C(none) of the points (C(within) a time).
          - C(max_restore_time) a duration that the newest restore test may have taken. It needs a record of restore
            tests among O(reads).
        type: dict
      integrity_checked:
        description: Points whose integrity was checked. C(min_count), C(max_age), C(min_retention), C(all), C(none).
        type: dict
      offsite:
        description:
          - Points with a copy in another place. C(min_count), C(max_age), C(min_retention), C(all), C(none).
        type: dict
      immutable:
        description: Points with a copy that cannot be changed or deleted now. Rules as of O(policy.offsite).
        type: dict
      encrypted:
        description: Points all copies of which are encrypted. Rules as of O(policy.offsite).
        type: dict
      malware:
        description: C(none) of the points is suspicious or infected, which is the same as C(all) are clean.
        type: dict
      locations:
        description:
          - Places in which points lie. C(min_count) places, C(min_types) of places; a place counts if its newest point
            is at most C(max_age) old (default that of O(policy.recovery_points)).
        type: dict
      copies:
        description: C(min_count) copies, which are the locations and production, unless C(include_production) is
          V(false).
        type: dict
      size:
        description: C(min_percent_of_median) a percentage of the median size of points of the same kind.
        type: dict
      backup_types:
        description: Points of single kinds, such as V({log:{max_age:1h}}). Rules as of O(policy.recovery_points).
        type: dict
      on_unknown:
        description:
          - What a rule becomes that cannot be decided. V(ignore) is reported as unknown, never as pass.
        type: str
        choices: [fail, warn, ignore]
        default: fail
      warn_at:
        description: The part of a C(max_age) or C(max_gap) from which on it warns, such as V(80%).
        type: str
      accept:
        description:
          - Which values count. An inferred value follows from settings of the product, an declared one from
            O(ignore:location_attributes) that the owner vouches for. V(reported) always counts.
        type: list
        elements: str
        choices: [reported, inferred, declared]
        default: [reported]
      weekdays:
        description:
          - Days (UTC) that count in ages, gaps and C(daily), such as V([mon..fri]) or V([mon,wed]). By default all.
        type: list
        elements: str
  policies:
    description:
      - Tiers, each with a policy of its own. The first whose C(match) fits a workload judges it. A workload that no
        tier fits is a finding.
    type: list
    elements: dict
    suboptions:
      name:
        description: Name of the tier, as findings show it.
        type: str
        required: true
      match:
        description:
          - What the workload is like; all members must fit. C(workload_name), C(workload_id), C(workload_type),
            C(platform), C(source), C(origin), C(product) take a shell pattern or a list of them, C(in_inventory) takes
            V(true), V(false) or V(null) (not known). Case makes no difference.
          - What is not known of a workload fits no pattern. Only the last tier may be without C(match).
        type: dict
      policy:
        description: As O(policy).
        type: raw
        required: true
  expected:
    description:
      - Names that must exist, for example an Ansible inventory group. A missing one fails.
      - Of several workloads of one name the newest that is in the inventory is judged. The finding names the others.
      - Workloads that are not expected are judged all the same.
    type: list
    elements: str
  expected_names:
    description:
      - What an expected workload is called in the backup products, where that is another name.
      - Each key is one of O(expected), its value the name to look for.
    type: dict
  unexpected:
    description:
      - What becomes of workloads that have recovery points although nobody expects them. By default V(ignore).
      - Needs O(expected).
    type: str
    choices: [ignore, warn, fail]
  expected_match:
    description:
      - V(short) (the default) compares full names first; then a name without a domain matches the first label of one
        that has a domain. Two different full names never match.
      - V(exact) compares full names only. Case makes no difference.
    type: str
    choices: [short, exact]
  exclude:
    description: Workloads that are not judged. They are listed in the evidence with the reason.
    type: list
    elements: dict
    suboptions:
      match:
        description: As O(policies[].match).
        type: dict
        required: true
      reason:
        description: Why not.
        type: str
        required: true
  waivers:
    description:
      - Controls that a workload need not meet for some time. The finding becomes C(waived), openly.
      - After its end a waiver is void, and the finding says so. No waiver makes an incomplete READ pass.
    type: list
    elements: dict
    suboptions:
      workload:
        description: Name of the workload, as a shell pattern or a list of them.
        type: raw
        required: true
      control:
        description: Name of the control, such as V(recovery_points.min_count), as a shell pattern or a list of them.
        type: raw
        required: true
      until:
        description: The last day, such as V(2026-12-31), in UTC; or a time with its zone.
        type: str
        required: true
      reason:
        description: Why.
        type: str
        required: true
  combine:
    description:
      - Judge rows of one name from several servers as one workload, by bounds that are always safe. Of one origin the
        larger count, across origins the best single row, the longest run, the gap of the row that reaches back
        furthest; one row that breaks C(all) or C(none) breaks it for all.
      - Every finding names the rows that were judged as one. Two rows of one name from one server are two workloads and
        stay alone, with a warning.
    type: dict
    suboptions:
      by:
        description: What the rows have in common.
        type: str
        choices: [workload_name, workload_id]
        required: true
      independent:
        description: Whether points of different origins are different points, so that their counts add.
        type: bool
        default: false
  max_data_age:
    description:
      - How old a READ may be at O(as_of). Nothing passes on an older one. By default V(24h).
    type: str
  on_empty:
    description:
      - What becomes of a READ that holds no workload. An account without rights to them reads the same.
      - By default V(fail), or V(warn) if O(expected) says who must be found.
      - If no read holds any workload, nothing is proved, and the assertion fails whatever is said here.
    type: str
    choices: [fail, warn]
    version_added: 1.0.0
  on_read_error:
    description:
      - What becomes of a READ that failed. V(error) fails at once, V(finding) judges the others and reports the failed
        one as a finding that fails.
    type: str
    choices: [error, finding]
    default: error
  as_of:
    description:
      - The moment for which to judge, as RFC 3339 with a zone. By default now.
      - Give the time of old READs to judge them again. A READ of later than this proves nothing about it.
      - V(newest_read) is the time of the newest READ, so that the same READs always give the same assessment. If even
        that is older than O(max_data_age), it means now, so that nobody takes old READs for the present state.
    type: raw
  max_findings:
    description: How many findings to return at most in RV(findings). RV(assessment) always holds all of them.
    type: int
    default: 50
  fail_msg:
    description: The first line of RV(msg) when the task fails.
    type: str
  success_msg:
    description: RV(msg) when the task does not fail.
    type: str
  quiet:
    description: Whether RV(msg) leaves out the findings.
    type: bool
    default: false
attributes:
  check_mode:
    description: Can run in check mode and return the same, because it changes nothing.
    support: full
  diff_mode:
    description: Will return details on what has changed in diff mode.
    support: none
    details: It changes nothing.
  async:
    description: Supports being used with the C(async) keyword.
    support: none
  connection:
    description: Uses the target's configured connection.
    support: none
    details: It runs on the control node.
notes:
  - Nothing passes unless something was proved. A task that judged no workload at all fails.
  - Large estates are best read with O(ignore:compress), because Ansible is slow at carrying rows.
seealso:
  - module: backup.audit.spp_recovery_points_info
  - module: backup.audit.veeam_restore_points_info
"""

EXAMPLES = r"""
- name: Read the recovery points
  backup.audit.spp_recovery_points_info:
    url: https://spp.example.com
    username: auditor
    password: "{{ spp_password }}"
  delegate_to: localhost
  register: spp

- name: Every expected machine has seven recovery points, the newest from last night
  backup.audit.recovery_points_assert:
    results: "{{ spp }}"
    policy:
      recovery_points:
        min_count: 7
        max_age: 26h
    expected: "{{ groups['production'] }}"

- name: Keep the 3-2-1 rule, and be warned before the limit
  backup.audit.recovery_points_assert:
    results: "{{ spp }}"
    policy:
      warn_at: 80%
      recovery_points:
        max_age: 26h
        min_retention: 30d
        max_gap:
          limit: 50h
          within: 14d
      copies:
        min_count: 3
      locations:
        min_types: 2
      offsite:
        max_age: 48h
        accept: [reported, declared]
      malware:
        none:
          within: 30d
          on_unknown: warn

- name: Ask for 3-2-1-1-0, where immutability follows from settings of the repository
  backup.audit.recovery_points_assert:
    results: "{{ spp }}"
    policy:
      extends: 3-2-1-1-0
      immutable:
        accept: [reported, inferred]

- name: Several servers, two tiers, and what is agreed with the owners
  backup.audit.recovery_points_assert:
    results: ["{{ spp }}", "{{ azure }}", evidence/veeam.json]
    policies:
      - name: gold
        match:
          workload_name: [db*, pay*]
        policy:
          recovery_points:
            max_age: 4h
          restore_tested:
            max_age: 90d
      - name: all others
        policy:
          recovery_points:
            max_age: 26h
    combine:
      by: workload_name
    exclude:
      - match:
          in_inventory: false
        reason: no longer in use
    waivers:
      - workload: db-new
        control: recovery_points.*
        until: "2026-12-31"
        reason: in service since last week, see CHG-1234

- name: Judge saved evidence for the day on which it was made
  backup.audit.recovery_points_assert:
    results: evidence/2025-12-31.json
    policy: "{{ lookup('ansible.builtin.file', 'policy.yml') | from_yaml }}"
    as_of: "2025-12-31T23:00:00Z"
"""

RETURN = r"""
compliant:
  description: Whether nothing fails and something was proved.
  returned: always
  type: bool
  sample: false
msg:
  description: The verdict in one line, then at most ten of the findings that fail, and how many more there are.
  returned: always
  type: str
  sample: |-
    Not compliant: of 120 workloads 1 fail, 119 pass
    - db7 (spp.example.com): newest recovery point is 5d 3h old, allowed are 1d 2h [recovery_points.max_age]
totals:
  description: Counts.
  returned: when it was judged
  type: dict
  contains:
    workloads:
      description: Workloads that findings are about, missing ones and excluded ones included.
      returned: always
      type: int
      sample: 120
    verdicts:
      description: How many workloads have which verdict, which is their worst result (see RV(findings[].result)).
      returned: always
      type: dict
      sample:
        not_applicable: 0
        pass: 119
        waived: 0
        warn: 0
        unknown: 0
        fail: 1
    findings:
      description: All findings, passes included.
      returned: always
      type: int
      sample: 243
    results:
      description: How many findings have which result.
      returned: always
      type: dict
      sample:
        not_applicable: 0
        pass: 242
        waived: 0
        warn: 0
        unknown: 0
        fail: 1
    not_proved:
      description: How many findings rest on something that is not known, whatever O(policy.on_unknown) makes of them.
      returned: always
      type: int
      sample: 0
findings:
  description: The findings that are no pass, the worst first, at most O(max_findings).
  returned: when it was judged
  type: list
  elements: dict
  contains:
    source:
      description: The server that was read.
      returned: always
      type: str
      sample: spp.example.com
    origin:
      description: The server that holds the data, where that is another.
      returned: always
      type: str
      sample: null
    workload_id:
      description: The product's own id.
      returned: always
      type: str
      sample: "4711"
    workload_name:
      description: Its name; null for findings about a server.
      returned: always
      type: str
      sample: db7
    control:
      description:
        - Attribute and rule. Findings about the reading are C(data.complete), C(data.age), C(data.workloads),
          C(data.inventory), C(data.scope) and C(data.proof). C(expected.exists), C(policy.tier), C(policy.exclude),
          C(policy.combine) and C(recovery_points.in_future) follow from who is judged.
      returned: always
      type: str
      sample: recovery_points.max_age
    result:
      description: One of C(fail), C(unknown), C(warn), C(waived), C(pass), C(not_applicable), the worst first.
      returned: always
      type: str
      sample: fail
    limit:
      description: What is asked, as a number (durations in seconds, percentages without the sign), or V(true).
      returned: always
      type: raw
      sample: 93600
    actual:
      description: What was found, in the same unit; null where there is nothing to measure.
      returned: always
      type: int
      sample: 442800
    certainty:
      description:
        - What the result rests on. C(reported), C(declared) or C(inferred) values, or C(unknown) where it could not be
          decided and O(policy.on_unknown) decided.
      returned: always
      type: str
      sample: reported
    message:
      description: One sentence for people.
      returned: always
      type: str
      sample: newest recovery point is 5d 3h old, allowed are 1d 2h
    tier:
      description: Name of the tier that judged it.
      returned: always
      type: str
      sample: null
    waiver:
      description: The waiver that covers it, as it was written. One that has ended carries C(expired).
      returned: always
      type: dict
      sample: null
    references:
      description: Requirements of standards that the control speaks to.
      returned: always
      type: list
      elements: str
      sample: [NIST SP 800-53 CP-9, CIS 11.2]
assessment:
  description:
    - The whole assessment as one string (JSON, zlib, base64). It holds when and by which policy was judged, what was
      read, all findings, passes included, and the verdict and facts of each workload.
    - The filters of this collection take it as it is. P(backup.audit.to_assessment#filter) makes data of it.
  returned: when it was judged and the task has C(register); otherwise a failure would print it
  type: str
  sample: eJyrVkrLz1eyUkpKLFKqBQAdegQ0
failure:
  description: What kept it from judging.
  returned: when it could not judge
  type: dict
  contains:
    code:
      description: A stable word for programs, C(invalid_option) or C(invalid_data).
      returned: always
      type: str
      sample: invalid_option
    message:
      description: What is wrong.
      returned: always
      type: str
      sample: "policy.recovery_points.min_cuont: there is no such rule or setting"
    server_message:
      description: What a module that failed said.
      returned: when it said something
      type: str
    hint:
      description: What to do.
      returned: when there is some
      type: str
      sample: Did you mean min_count?
"""
