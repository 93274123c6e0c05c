#!/usr/bin/python
# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: recovery_points_assert
short_description: Judge recovery points by a policy, and fail where it is not met
version_added: 0.1.0
description:
  - Judges what the info modules of this collection read by a policy.
  - The task fails unless every workload meets it; what cannot be proved is never taken for proved.
options:
  reads:
    description: What was read.
    type: raw
    required: true
  policy:
    description: What is asked of every workload.
    type: dict
author:
  - The backup.audit contributors (@backup-audit)
"""
