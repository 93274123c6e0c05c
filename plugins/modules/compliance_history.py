#!/usr/bin/python

# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Adds the result of a run to a history, and returns the trend."""

DOCUMENTATION = r"""
module: compliance_history
short_description: Add an assessment to a history, and return the trend
version_added: 2.0.0
description:
  - Appends one line for each run to a history on the host. A line contains the time, the totals by control and tier,
    the SHA-256 digest of the assessment, and the workloads whose status changed. The first line of each month contains
    all workloads.
  - Returns the trend for the filters P(backup.audit.to_html_report#filter), P(backup.audit.to_csv#filter) and
    P(backup.audit.to_openmetrics#filter) - the share of time in which workloads were compliant, what changed, and how
    long workloads have not been compliant.
  - A status holds until the next run, at most for O(max_status_age), and is unknown after that. A workload on a server
    that a run did not read is unknown.
  - An assessment that is already in the history is not added again. Several runs can write at the same time.
  - Use a separate directory for each policy and inventory.
author:
  - the backup.audit contributors (@backup-audit)
options:
  path:
    description:
      - Directory of the history on the host. It is created if it does not exist. There is a file for each month, and a
        lock file.
    type: path
    required: true
  assessment:
    description:
      - Registered result of M(backup.audit.recovery_points_assert), or its key C(assessment).
    type: raw
    required: true
  limited:
    description:
      - Whether the run read only a part of the servers, for example because of C(--limit). Workloads of servers that
        were not read are then unknown. With V(false), workloads that are not in the assessment are gone if every server
        was read.
    type: bool
    default: false
  max_status_age:
    description:
      - Maximum time for which a status holds if there is no later run, as a duration such as V(26h). After that, the
        status is unknown.
    type: str
    default: 26h
  keep:
    description:
      - Age above which lines are removed, as a duration of at least V(366d). A file is removed when all its lines are
        older.
    type: str
    default: 400d
  since:
    description:
      - Start of the list of changes, as a date, a time, or a duration before the last run. The changes since the last
        run are always listed.
    type: str
    default: 7d
attributes:
  check_mode:
    description: Can run in check mode and returns the trend without the new line.
    support: full
  diff_mode:
    description: Will return details on what has changed in diff mode.
    support: none
    details: The added lines are not intended for people.
notes:
  - Lines that are damaged, of another format, or more than 300 seconds in the future are skipped, with a warning for
    each of them. They are not removed.
  - An assessment whose time is more than 300 seconds after the clock of the host is an error, because it would hide
    later runs.
"""

EXAMPLES = r"""
- name: Evaluate
  backup.audit.recovery_points_assert:
    results: "{{ read_results }}"
    policy: daily_26h
    fail: false
  register: verdict

- name: Add the result to the history
  backup.audit.compliance_history:
    path: /var/lib/backup-audit/history
    assessment: "{{ verdict }}"
  delegate_to: localhost
  register: history

- name: Write the report with the trend
  ansible.builtin.copy:
    content: "{{ verdict | backup.audit.to_html_report(history=history) }}"
    dest: report.html
    mode: "0644"
  delegate_to: localhost
"""

RETURN = r"""
trend:
  description: Trend, in compressed form. Pass the registered result to the filters.
  returned: success
  type: str
runs:
  description: Number of runs in the history.
  returned: success
  type: int
  sample: 365
changes:
  description: Number of workloads whose status changed in the last run.
  returned: success
  type: int
  sample: 3
skipped_lines:
  description: Number of skipped lines.
  returned: success
  type: int
  sample: 0
skipped:
  description: The first 20 skipped lines, each with C(file), C(line) and C(reason).
  returned: success
  type: list
  elements: dict
  sample: []
failure:
  description: Details of the error, with C(code), C(message) and C(hint).
  returned: failure
  type: dict
"""

# ruff: noqa: I001, I002 - older Pythons must be able to parse this file, and to import the first module
from ansible_collections.backup.audit.plugins.module_utils._module.python_version import make_main
from ansible_collections.backup.audit.plugins.module_utils._module.history_module import run_history

main = make_main(run_history)

if __name__ == "__main__":
    main()
