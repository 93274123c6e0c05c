# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fault injection: changes that a server, a proxy or a network makes to a correct response.

A rule is {"match": {"method", "path" (a glob), "nth": k | "after": k}, "fault": NAME, "times": n, "rate": r, "seed": s,
...}: `nth` means exactly the k-th matching request (from 1), `after` all later than the k-th; `times` ends the rule
after n faults; with `rate` it applies to that share of the requests at random, the same ones for the same seed.
"""

from __future__ import annotations

from tests.simulators.faults.kinds import KINDS
from tests.simulators.faults.rules import Fault, FaultPlan, parse_fault

__all__ = ["KINDS", "Fault", "FaultPlan", "parse_fault"]
