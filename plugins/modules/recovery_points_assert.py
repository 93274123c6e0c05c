#!/usr/bin/python

# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of the action plugin with the same name, which evaluates the policy."""

from __future__ import annotations

DOCUMENTATION = r"""
module: recovery_points_assert
short_description: Evaluate recovery points against a policy, and fail if it is not met
version_added: 1.0.0
description:
  - Evaluates read results of the info modules of this collection against a policy. Fails unless every workload meets
    the policy.
  - Unknown values never satisfy a rule. Incomplete, outdated and empty read results, and workloads that match no tier
    of the policy, are findings that fail.
  - Runs on the control node and sends no requests. The same read results, policy and O(as_of) always give the same
    assessment, so saved data can be evaluated again later.
  - L(Policies,
    https://github.com/backup-audit/backup.audit/blob/main/docs/reference/policy.md) describes all attributes, rules and
    built-in policies.
author:
  - the backup.audit contributors (@backup-audit)
options:
  results:
    description:
      - Read results to evaluate. Each is the registered result of an info module (with or without O(ignore:compress)),
        the registered result of a loop of such tasks, or the path of a JSON file with one of them.
      - The list can also contain restore test records of the role C(backup.audit.restore_test). They are evaluated with
        the rows of their workloads.
      - Relative paths are resolved from the directory of the playbook.
      - Altered read results and results of skipped tasks are rejected. For failed tasks see O(on_read_error).
    type: raw
    required: true
  policy:
    description:
      - Requirements for every workload. At least one rule is required.
      - Either a mapping, or the name of a built-in policy, such as V(3-2-1-1-0), V(daily_26h), V(gfs) or V(retired). A
        mapping can extend a built-in policy with O(policy.extends).
      - Each attribute takes rules. A rule is either a limit (V(min_count) 7) or a mapping with C(limit), options of the
        rule, and settings (C(on_unknown), C(warn_at), C(accept), C(weekdays)). Settings can also be set for an
        attribute or for the policy. The most specific setting takes precedence.
      - A duration is a whole number and a unit, such as V(26h). The units are C(s), C(m) (minutes), C(h), C(d) and
        C(w).
      - Unknown keys, and rules that do not apply to an attribute, are rejected. The error names the path of the key and
        the valid keys.
      - The policy can also be a document with the outer key C(policy) and, next to it, O(policies), O(expected),
        O(expected_names), O(expected_match), O(unexpected), O(exclude), O(waivers), O(combine), O(max_data_age),
        O(timezone), O(day_start), O(weekdays) and O(on_empty). A key that is set both in the document and as an option
        is rejected.
      - Exactly one of O(policy) and O(policies) is required.
    type: raw
    suboptions:
      extends:
        description:
          - Name of a built-in policy to extend. Rules and settings of this policy override those of the built-in
            policy. The assessment contains the complete policy.
        type: str
      recovery_points:
        description:
          - All recovery points that can be restored. Snapshots, log backups and configuration backups do not count
            unless C(backup_types), a list of backup types, includes them.
          - C(min_count) and C(max_count), the minimum and the maximum number of points.
          - C(max_age), the maximum age of the newest point.
          - C(min_retention), the minimum age that the oldest point had when it was read.
          - C(max_retention), the maximum age of the oldest point.
          - C(max_gap), the maximum time between two points and since the newest point. With C(within), only in that
            last period.
          - C(daily), C(weekly), C(monthly), C(yearly), the minimum number of consecutive days, weeks, months or years
            with a point.
          - C(min_coverage), the minimum C(percent) of the time C(within) a last period for which the newest point was
            at most C(max_age) old.
          - C(max_failed_runs), the maximum number of backup runs that failed. With C(within), only in that last period.
        type: dict
      full:
        description:
          - Full and synthetic full backups. Takes the rules of O(policy.recovery_points), except C(max_failed_runs).
        type: dict
      restore_tested:
        description:
          - Points that were tested by a restore or a boot. C(min_count), C(max_age) (age of the newest test),
            C(min_retention), C(all), C(none). C(all) and C(none) take C(within).
          - C(max_restore_time), the maximum time that the newest restore test took. Requires a restore test record in
            O(results).
        type: dict
      integrity_checked:
        description:
          - Points whose integrity was checked. C(min_count), C(max_age) (age of the newest check), C(min_retention),
            C(all), C(none).
        type: dict
      offsite:
        description:
          - Points with a copy at another site. C(min_count), C(max_age), C(min_retention), C(all), C(none).
        type: dict
      immutable:
        description:
          - Points with a copy that cannot be changed or deleted. Takes the rules of O(policy.offsite), and C(min_lock),
            the minimum time for which a point is still locked.
        type: dict
      encrypted:
        description: Points whose copies are all encrypted. Takes the rules of O(policy.offsite).
        type: dict
      malware:
        description: Results of malware scans. C(none) requires that no point is suspicious or infected. C(all) has the
          same meaning.
        type: dict
      locations:
        description:
          - Locations where points are stored. C(min_count), the minimum number of locations. C(min_types), the minimum
            number of location types.
          - A location counts if its newest point is at most C(max_age) old. The default is C(max_age) of
            O(policy.recovery_points). C(max_age) alone requires at least one such location.
        type: dict
      copies:
        description:
          - Copies of the data. C(min_count), the minimum number of copies. The copies are the locations and, unless
            C(include_production) is V(false), production.
        type: dict
      size:
        description:
          - Size of the newest point. C(min_percent_of_median), the minimum size as a percentage of the median of its
            backup type.
        type: dict
      backup_types:
        description:
          - Points of one backup type, such as V({log:{max_age:1h}}). Takes the rules of O(policy.recovery_points),
            except C(max_failed_runs).
        type: dict
      on_unknown:
        description:
          - Effect of a rule that cannot be decided. Its result is always C(unknown). With V(fail), the workload is not
            compliant. With V(warn) and V(ignore), the other rules decide, and at least one rule must pass.
        type: str
        choices: [fail, warn, ignore]
        default: fail
      warn_at:
        description:
          - Percentage of an upper limit (C(max_age), C(max_gap), C(max_restore_time), C(max_count), C(max_retention),
            C(max_failed_runs)) above which a rule warns, such as V(80%).
        type: str
      accept:
        description:
          - Certainties of values that count. V(reported) values always count. V(inferred) values follow from settings
            of the product. V(declared) values come from O(ignore:location_attributes).
        type: list
        elements: str
        choices: [reported, inferred, declared]
        default: [reported]
      weekdays:
        description:
          - Days that count in ages, gaps, C(min_coverage) and C(daily), such as V([mon..fri]) or V([mon,wed]). The
            default is the module option O(weekdays).
        type: list
        elements: str
      timezone:
        description: Time zone in which days begin. The default is the module option O(timezone).
        type: str
        version_added: 2.0.0
      day_start:
        description: Local time at which a day begins. The default is the module option O(day_start).
        type: str
        version_added: 2.0.0
  policies:
    description:
      - Tiers with a policy each. The first tier whose C(match) matches a workload applies to it. A workload that
        matches no tier is a finding that fails.
    type: list
    elements: dict
    suboptions:
      name:
        description: Name of the tier. Included in findings.
        type: str
        required: true
      match:
        description:
          - Conditions on a workload, all of which must match. C(workload_name), C(workload_id), C(workload_type),
            C(platform), C(vendor_platform), C(source), C(origin) and C(product) take a shell pattern or a list of
            patterns. Patterns ignore case. C(in_inventory) takes V(true), V(false) or V(null) (unknown).
          - C(platform) and C(workload_type) have fixed lists of values. A pattern that matches none is an error.
          - Unknown values never match a pattern. Only the last tier can be without C(match).
        type: dict
      policy:
        description: Policy of the tier. Takes the values of O(policy).
        type: raw
        required: true
  expected:
    description:
      - Names of workloads that must exist, for example an Ansible inventory group. A missing workload fails.
      - If several workloads have the name, the finding C(expected.exists) is about the newest one that is in the
        inventory, and names the others.
      - Other workloads are also evaluated. See O(unexpected).
    type: list
    elements: str
  expected_names:
    description:
      - Names of expected workloads in the backup products, if they differ from the expected names.
      - Each key is an item of O(expected). Its value is the name in the product.
    type: dict
  unexpected:
    description:
      - Result for workloads that have recovery points but are not listed in O(expected). The default is V(ignore).
      - Requires O(expected).
    type: str
    choices: [ignore, warn, fail]
  expected_match:
    description:
      - Comparison of expected names with workload names. Case is ignored.
      - V(short) (the default) compares full names first. A name without a domain then matches the first label of a name
        with a domain. Two different full names never match.
      - V(exact) compares full names only.
    type: str
    choices: [short, exact]
  exclude:
    description: Workloads to exclude from the evaluation. The evidence lists them with the reason.
    type: list
    elements: dict
    suboptions:
      match:
        description: Conditions on a workload. Takes the values of O(policies[].match).
        type: dict
        required: true
      reason:
        description: Reason for excluding the workloads. Included in the evidence.
        type: str
        required: true
  waivers:
    description:
      - Controls that a workload does not have to meet for a limited time. The result of such a finding is C(waived). A
        waiver is not proof, so at least one rule must still pass for at least one workload.
      - A waiver that has ended has no effect, and the finding names it. No waiver applies to an incomplete read result.
    type: list
    elements: dict
    suboptions:
      workload:
        description: Name of the workload. A shell pattern or a list of patterns.
        type: raw
        required: true
      control:
        description: Name of the control, such as V(recovery_points.min_count). A shell pattern or a list of patterns.
        type: raw
        required: true
      until:
        description: Last day in O(timezone), such as V(2026-12-31), or a time with a time zone.
        type: str
        required: true
      reason:
        description: Reason for the waiver. Included in the evidence.
        type: str
        required: true
  combine:
    description:
      - Combination of rows with the same name from several servers into one workload. Ages, gaps, days and locations
        are evaluated over the recovery points of all rows. C(min_count) uses the row with the most recovery points.
        C(all), C(none), C(max_count), C(max_failed_runs), C(max_restore_time) and C(min_percent_of_median) apply to
        every row.
      - Every finding names the combined rows. Two rows with the same name from one server are two workloads. They are
        not combined, and a finding warns about them.
    type: dict
    suboptions:
      by:
        description: Field with the same value in all rows of a workload.
        type: str
        choices: [workload_name, workload_id]
        required: true
      independent:
        description:
          - Whether points on different servers are independent of each other, so that their counts are added. Recovery
            points of one server are never added, even if it was read under two names.
        type: bool
        default: false
  max_data_age:
    description:
      - Maximum age of a read result at O(as_of). Results based on older data do not pass. The default is V(24h).
    type: str
  timezone:
    description:
      - Time zone of days, weeks, months and years, as an IANA name such as V(Europe/Berlin). The default is V(UTC).
      - The same key in a policy takes precedence.
    type: str
    version_added: 2.0.0
  day_start:
    description:
      - Local time in O(timezone) at which a day begins, in the format V(HH:MM). The default is V(00:00).
      - If jobs run around midnight, one day can hold two recovery points and the next day none. Set it to V(12:00) to
        count from noon to noon.
      - The same key in a policy takes precedence.
    type: str
    version_added: 2.0.0
  weekdays:
    description:
      - Days in O(timezone) that count in ages, gaps, C(min_coverage) and C(daily), such as V([mon..fri]) or
        V([mon,wed]). A day begins at O(day_start). By default all days count.
      - O(policy.weekdays) takes precedence.
    type: list
    elements: str
    version_added: 2.0.0
  notes:
    description:
      - Limitations of this assessment that readers of the evidence must know, such as hosts that were left out. Each
        becomes a finding C(data.notes) with the result C(warn), and is listed above the table of the filter
        P(backup.audit.to_text#filter).
    type: list
    elements: str
    default: []
    version_added: 2.0.0
  timelines:
    description:
      - Whether to add a timeline to each workload in RV(assessment), one letter for each of the last 400 days at most.
        P(backup.audit.to_html_report#filter) draws it.
      - Timelines make the assessment larger, so enable them only if a report is created.
    type: bool
    default: false
    version_added: 2.0.0
  on_empty:
    description:
      - Result for a server that returned no workloads. An account without permission to list workloads gets the same
        response.
      - The default is V(fail), or V(warn) if O(expected) is set.
      - If no server returned any workload, the assertion fails in any case.
    type: str
    choices: [fail, warn]
    version_added: 1.0.0
  on_read_error:
    description:
      - Handling of a server that could not be read. V(error) fails the task at once. V(finding) evaluates the other
        servers and adds a finding that fails.
    type: str
    choices: [error, finding]
    default: error
  as_of:
    description:
      - Point in time to evaluate, in RFC 3339 format with a time zone. The default is the current time.
      - Set it to the time of saved read results to evaluate them again. A time more than 300 seconds before a read
        result is rejected, because data that was removed before the read is unknown.
      - V(newest_read) is the time of the newest read result, so that the same read results always give the same
        assessment. If that is older than O(max_data_age), the current time is used instead.
    type: raw
  fail:
    description:
      - Whether to fail the task if the policy is not met. A task that fails does not return RV(findings) and
        RV(assessment), because Ansible prints its complete result.
      - To write a report, use V(false). The task then returns all values and does not fail. A later task must fail
        instead, or the play succeeds.
      - Invalid options, policies and read results always fail the task.
    type: bool
    default: true
    version_added: 2.0.0
  max_findings:
    description: Maximum number of findings in RV(findings). RV(assessment) always contains all findings.
    type: int
    default: 50
  fail_msg:
    description: Text to show after RV(headline) in RV(msg) if the policy is not met.
    type: str
  success_msg:
    description: Text to show after RV(headline) in RV(msg) if the policy is met.
    type: str
  quiet:
    description: Whether to omit the findings from RV(msg).
    type: bool
    default: false
attributes:
  check_mode:
    description: Can run in check mode and returns the same result, because it changes nothing.
    support: full
  diff_mode:
    description: Will return details on what has changed in diff mode.
    support: none
    details: The module changes nothing.
  async:
    description: Supports being used with the C(async) keyword.
    support: none
  connection:
    description: Uses the target's configured connection.
    support: none
    details: The module runs on the control node.
notes:
  - At least one rule must pass for every workload that is not excluded or waived, and for at least one workload
    overall. Otherwise the task fails.
  - For more than a few hundred workloads, read with O(ignore:compress), because Ansible transfers rows slowly.
seealso:
  - module: backup.audit.spp_recovery_points_info
  - module: backup.audit.veeam_restore_points_info
"""

EXAMPLES = r"""
- name: Read recovery points
  backup.audit.spp_recovery_points_info:
    url: https://spp.example.com
    username: auditor
    password: "{{ spp_password }}"
  delegate_to: localhost
  register: spp

- name: Require seven recovery points for every expected machine, the newest from last night
  backup.audit.recovery_points_assert:
    results: "{{ spp }}"
    policy:
      recovery_points:
        min_count: 7
        max_age: 26h
    expected: "{{ groups['production'] }}"

- name: Require 3-2-1, with a warning before a limit is reached
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

- name: Require 3-2-1-1-0 and accept immutability that is inferred from settings
  backup.audit.recovery_points_assert:
    results: "{{ spp }}"
    policy:
      extends: 3-2-1-1-0
      immutable:
        accept: [reported, inferred]

- name: Evaluate several servers with two tiers, exclusions and waivers
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

- name: Evaluate saved data as of the day on which it was read
  backup.audit.recovery_points_assert:
    results: evidence/2025-12-31.json
    policy: "{{ lookup('ansible.builtin.file', 'policy.yml') | from_yaml }}"
    as_of: "2025-12-31T23:00:00Z"

- name: Evaluate without failing, so that a report can be written first
  backup.audit.recovery_points_assert:
    results: "{{ spp }}"
    policy: daily_26h
    fail: false
  register: audit

- name: Write the report
  ansible.builtin.copy:
    content: "{{ audit | backup.audit.to_html_report | string }}"
    dest: /var/lib/backup-audit/report.html
    mode: "0640"
  delegate_to: localhost

- name: Fail if the servers are not compliant
  ansible.builtin.assert:
    that: audit.compliant
    fail_msg: "{{ audit.headline }}"
"""

RETURN = r"""
compliant:
  description: Whether no finding is blocking (see RV(findings[].blocking)).
  returned: always
  type: bool
  sample: false
headline:
  description: Overall result in one line, with servers that could not be read.
  returned: if the evaluation was possible
  type: str
  sample: "Not compliant: 1 of 120 workloads failed, 119 passed; 1 of 2 servers could not be read"
msg:
  description: The headline, then at most 20 of the blocking findings, and the number of further ones.
  returned: always
  type: str
  sample: |-
    Not compliant: 1 of 120 workloads failed, 119 passed
    - db7 (spp.example.com): newest recovery point is 5d 3h old (maximum 26h) [recovery_points.max_age]
totals:
  description: Counts.
  returned: if the evaluation was possible
  type: dict
  contains:
    workloads:
      description: Number of workloads with findings, including excluded workloads. Missing ones are counted in
        RV(totals.missing).
      returned: always
      type: int
      sample: 120
    verdicts:
      description: Number of workloads by verdict. The verdict is the worst result of a workload (see
        RV(findings[].result)).
      returned: always
      type: dict
      sample:
        not_applicable: 0
        pass: 119
        waived: 0
        warn: 0
        unknown: 0
        fail: 1
    missing:
      description: Number of names in O(expected) that were not found on any server or that match several workloads, by
        verdict.
      returned: always
      type: dict
      sample:
        not_applicable: 0
        pass: 0
        waived: 0
        warn: 0
        unknown: 0
        fail: 0
    findings:
      description: Number of findings, including those that pass.
      returned: always
      type: int
      sample: 243
    results:
      description: Number of findings by result.
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
      description: Number of findings that are based on unknown values, regardless of O(policy.on_unknown).
      returned: always
      type: int
      sample: 0
    blocking:
      description: Number of findings that make the assessment not compliant (see RV(findings[].blocking)).
      returned: always
      type: int
      sample: 1
findings:
  description: Findings that do not pass, worst first, at most O(max_findings).
  returned: if the evaluation was possible and the task does not fail
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
      returned: always
      type: str
      sample: null
    workload_id:
      description: ID of the workload in the product.
      returned: always
      type: str
      sample: "4711"
    workload_name:
      description: Name of the workload. Null for findings about a server.
      returned: always
      type: str
      sample: db7
    control:
      description:
        - Attribute and rule. Controls about data quality are C(data.complete), C(data.age), C(data.workloads),
          C(data.inventory), C(data.scope), C(data.verify), C(data.restore_tests), C(data.superseded), C(data.notes)
          and C(data.proof). Controls about the scope of the policy are C(expected.exists), C(expected.unexpected),
          C(policy.tier), C(policy.exclude), C(policy.combine), C(policy.proof), C(recovery_points.in_future) and
          C(recovery_points.expired).
      returned: always
      type: str
      sample: recovery_points.max_age
    result:
      description: One of C(fail), C(unknown), C(warn), C(waived), C(pass), C(not_applicable), worst first.
      returned: always
      type: str
      sample: fail
    blocking:
      description:
        - Whether the finding makes the assessment not compliant. True for C(fail), and for C(unknown) if
          O(policy.on_unknown) is V(fail).
      returned: always
      type: bool
      sample: true
    limit:
      description: Limit as a number (durations in seconds, percentages without the sign), or V(true).
      returned: always
      type: raw
      sample: 93600
    limit_text:
      description: Limit as written in the policy. Empty if the control has none.
      returned: always
      type: str
      sample: 26h
    actual:
      description: Measured value in the unit of RV(findings[].limit). Null if nothing was measured.
      returned: always
      type: int
      sample: 442800
    certainty:
      description:
        - Basis of the result. C(reported), C(declared) or C(inferred) values, or C(unknown) if the rule could not be
          decided.
      returned: always
      type: str
      sample: reported
    message:
      description: Explanation in one sentence.
      returned: always
      type: str
      sample: newest recovery point is 5d 3h old (maximum 26h)
    tier:
      description: Name of the tier that applied.
      returned: always
      type: str
      sample: null
    waiver:
      description: Waiver that applies, as written in the policy. A waiver that has ended has the key C(expired).
      returned: always
      type: dict
      sample: null
    references:
      description: Related requirements of standards.
      returned: always
      type: list
      elements: str
      sample: [NIST SP 800-53 CP-9, CIS 11.2]
assessment:
  description:
    - The complete assessment as one string (JSON, zlib, base64). It contains the time, the policy, the data sources,
      all findings including those that pass, and the verdict and attributes of each workload.
    - The filters of this collection take this string or the complete result. P(backup.audit.to_assessment#filter)
      converts it to data.
  returned: if the evaluation was possible, the task does not fail, and it has C(register)
  type: str
  sample: eJyrVkrLz1eyUkpKLFKqBQAdegQ0
failure:
  description: Reason why the evaluation was not possible.
  returned: if the evaluation was not possible
  type: dict
  contains:
    code:
      description: Stable identifier for programs, C(invalid_option) or C(invalid_data).
      returned: always
      type: str
      sample: invalid_option
    message:
      description: What is wrong.
      returned: always
      type: str
      sample: "policy.recovery_points.minimun: unknown rule or setting"
    server_message:
      description: Error message of a failed info module.
      returned: if an info module failed
      type: str
    hint:
      description: How to fix the problem.
      returned: if known
      type: str
      sample: Did you mean 'min_count'?
"""
