# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Simulated servers, asked by the info module and judged."""

from __future__ import annotations

from typing import Any

from ansible_collections.backup.audit.plugins.module_utils._core.times import parse_time
from ansible_collections.backup.audit.plugins.module_utils._policy.assessment import Assessment
from tests.false_compliance.collecting import judged
from tests.false_compliance.situations import AGE, Pair
from tests.integration.conftest import Simulators
from tests.integration.running_modules import Ended, read

VBR = "veeam_backup_replication"
EM = "veeam_enterprise_manager"


def told(ended: Ended) -> dict[str, Any]:
    """The READ of a module that did not fail."""
    assert not ended.failed, ended.message
    return ended.result


def judged_now(result: dict[str, Any], policy: Any, **beside: Any) -> Assessment:
    """Judge a READ at the moment in which it was made, as a play does."""
    return judged([result], policy, as_of=parse_time(result["read_at"]), **beside)


def read_and_judged(
    simulators: Simulators, product: str, policy: Any, account: str | None = None, **options: Any
) -> Assessment:
    """What a play of two tasks says."""
    return judged_now(told(read(simulators.ready, product, account, **options)), policy)


def one(simulators: Simulators, product: str, name: str, policy: Any, **options: Any) -> Assessment:
    """What is said of the virtual machines of one name."""
    return read_and_judged(simulators, product, policy, names=[name], **{"workload_types": ["vm"], **options})


def with_and_without(simulators: Simulators, product: str, variant: dict[str, Any], policy: Any) -> Pair:
    """What is said of web-01 by a server with this variant, and by one without it."""
    straight = one(simulators, product, "web-01", policy)
    simulators.ask(product, "__variant", variant)
    return one(simulators, product, "web-01", policy), straight


def newest_age_of(assessment: Assessment) -> int:
    """Seconds since the newest recovery point, as the one finding about it measured them."""
    (finding,) = [each for each in assessment.plain()["findings"] if each["control"] == AGE]
    return int(finding["actual"])
