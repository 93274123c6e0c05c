# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read simulated servers with the info module and evaluate the result."""

from __future__ import annotations

from typing import Any

from ansible_collections.backup.audit.plugins.module_utils._core.times import parse_time
from ansible_collections.backup.audit.plugins.module_utils._policy.assessment import Assessment
from tests.false_compliance.collecting import evaluate_results
from tests.false_compliance.situations import AGE, Pair
from tests.integration.conftest import Simulators
from tests.integration.running_modules import ModuleResult, read

VBR = "veeam_backup_replication"
EM = "veeam_enterprise_manager"


def get_result(ended: ModuleResult) -> dict[str, Any]:
    """Return the read result of a module that did not fail."""
    assert not ended.failed, ended.message
    return ended.result


def evaluate_at_read_time(result: dict[str, Any], policy: Any, **options: Any) -> Assessment:
    """Evaluate a read result at the time it was read, as a play does."""
    return evaluate_results([result], policy, as_of=parse_time(result["read_at"]), **options)


def read_and_evaluate(
    simulators: Simulators, product: str, policy: Any, account: str | None = None, **options: Any
) -> Assessment:
    """Read and evaluate, as a play of two tasks does."""
    return evaluate_at_read_time(get_result(read(simulators.ready, product, account, **options)), policy)


def one(simulators: Simulators, product: str, name: str, policy: Any, **options: Any) -> Assessment:
    """Read and evaluate the virtual machines of one name."""
    return read_and_evaluate(
        simulators, product, policy, workload_names=[name], **{"workload_types": ["vm"], **options}
    )


def with_and_without(
    simulators: Simulators, product: str, variant: dict[str, Any], policy: Any, name: str = "web-01"
) -> Pair:
    """Read and evaluate one machine on a server with this variant, and on one without it."""
    straight = one(simulators, product, name, policy)
    simulators.ask(product, "__variant", variant)
    return one(simulators, product, name, policy), straight


def newest_age(assessment: Assessment) -> int:
    """Return the age of the newest recovery point in seconds, as measured by the one finding about it."""
    (finding,) = [each for each in assessment.plain()["findings"] if each["control"] == AGE]
    return int(finding["actual"])
