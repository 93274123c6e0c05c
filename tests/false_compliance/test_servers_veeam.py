# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Veeam servers that report less, more or other data than they should: simulator -> info module -> policy."""

from __future__ import annotations

import json
from typing import Any

from ansible_collections.backup.audit.plugins.module_utils._core.times import DAY, HOUR, SECOND, parse_time
from ansible_collections.backup.audit.plugins.module_utils._policy.assessment import Assessment
from tests.false_compliance.collecting import FRESH, SEVEN, evaluate_results
from tests.false_compliance.simulated_servers import (
    EM,
    VBR,
    evaluate_at_read_time,
    get_result,
    newest_age,
    one,
    with_and_without,
)
from tests.false_compliance.situations import AGE, COUNT, REJECTED, Pair, situation
from tests.integration.conftest import Simulators
from tests.integration.running_modules import read

# Veeam Backup & Replication


@situation(
    "A replica is in failover, so its recovery points are in use by the running machine",
    naive_check="5 recovery points of the replica, and the product offers operations for each",
    control=COUNT,
    result="fail",
    message="0 recovery points, at least 5 required",
)
def test_replica_in_failover(simulators: Simulators) -> Pair:
    policy = {"recovery_points": {"min_count": 5}}
    types = {"workload_types": ["vm_replica"]}
    return one(simulators, VBR, "erp-standby", policy, **types), one(simulators, VBR, "web-02", policy, **types)


@situation(
    "A machine was rebuilt with its old name",
    naive_check="15 recovery points of rebuilt-01",
    control=COUNT,
    result="fail",
    message="5 recovery points, at least 7 required",
)
def test_machine_was_rebuilt(simulators: Simulators) -> Pair:
    return one(simulators, VBR, "rebuilt-01", SEVEN), one(
        simulators, VBR, "rebuilt-01", {"recovery_points": {"min_count": 5}}
    )


@situation(
    "The repository's capacity tier may contain copies",
    naive_check="the tier is enabled, so copies are off-site",
    control="offsite.min_count",
    result="unknown",
    message="off-site status only inferred or declared for 30 recovery points, which the policy does not accept",
)
def test_tier_policy_is_not_a_proof(simulators: Simulators) -> Pair:
    policy = {"offsite": {"min_count": 1}}
    accepting = {"offsite": {"min_count": 1, "accept": ["reported", "inferred"]}}
    simulators.ask(VBR, "__variant", {"offload": "tier"})
    return one(simulators, VBR, "erp-prod", policy), one(simulators, VBR, "erp-prod", accepting)


@situation(
    "Replicas are requested, but the account has no permission to see them",
    naive_check="no replica has a problem",
    result=REJECTED,
    message="/api/v1/replicas",
)
def test_replicas_without_permission(simulators: Simulators) -> Pair:
    types: dict[str, Any] = {"workload_types": ["vm_replica"]}
    return read(simulators.ready, VBR, "viewer", **types), read(simulators.ready, VBR, **types)


@situation(
    "Recovery points were scanned, but not booted",
    naive_check="the recovery points are tested",
    control="restore_tested.min_count",
    result="unknown",
    message="restore-tested recovery points: 0 known, at least 1 required",
)
def test_scan_is_not_a_boot_test(simulators: Simulators) -> Pair:
    scanned = one(simulators, VBR, "download-01", {"restore_tested": {"min_count": 1}})
    return scanned, one(simulators, VBR, "download-01", {"integrity_checked": {"min_count": 1}})


@situation(
    "A scan found malware in the newest recovery points",
    naive_check="30 good recovery points",
    control="malware.none",
    result="fail",
    message="suspicious or infected",
)
def test_infected_points(simulators: Simulators) -> Pair:
    return one(simulators, VBR, "download-01", {"malware": {"none": True}}), one(simulators, VBR, "download-01", SEVEN)


@situation(
    "The job has not run for five days",
    naive_check="its last run was successful",
    control=AGE,
    result="fail",
    message="newest recovery point is",
)
def test_dropped_from_its_job(simulators: Simulators) -> Pair:
    trap = one(simulators, VBR, "crm-old", FRESH)
    # The age in days depends on the time of day.
    assert 5 * DAY < newest_age(trap) < 6 * DAY + 2 * HOUR
    return trap, one(simulators, VBR, "web-01", FRESH)


@situation(
    "The list of recovery points of one machine is an empty page with a larger total",
    naive_check="an empty page is the end of the list",
    result=REJECTED,
    message="30",
)
def test_empty_page_before_the_end(simulators: Simulators) -> Pair:
    straight = read(simulators.ready, VBR)
    body = {"data": [], "pagination": {"total": 30, "count": 0, "skip": 0, "limit": 500}}
    rule = {"method": "GET", "path": "/api/v1/backupObjects/*/restorePoints", "nth": 3}
    simulators.ask(VBR, "__faults", [{"match": rule, "fault": "status", "status": 200, "body": json.dumps(body)}])
    return read(simulators.ready, VBR), straight


# Enterprise Manager


@situation(
    "Enterprise Manager has not collected data for three days",
    naive_check="it responds immediately and lists 27 recovery points",
    control=AGE,
    result="fail",
    message="newest recovery point is",
)
def test_stale_copy(simulators: Simulators) -> Pair:
    trap, straight = with_and_without(simulators, EM, {"lag_minutes": 3 * 24 * 60}, FRESH)
    assert isinstance(trap, Assessment)
    assert 3 * DAY < newest_age(trap) < 4 * DAY + 2 * HOUR
    return trap, straight


@situation(
    "Enterprise Manager does not report whether a replica is in failover",
    naive_check="5 recovery points of the replica",
    control=COUNT,
    result="unknown",
    message="recovery points: 0 known, at least 5 required; usability unknown for 5 recovery points",
)
def test_state_of_replicas_is_not_reported(simulators: Simulators) -> Pair:
    policy = {"recovery_points": {"min_count": 5}}
    return one(simulators, EM, "erp-standby", policy, workload_types=["vm_replica"]), one(
        simulators, EM, "erp-standby", policy
    )


@situation(
    "Backup & Replication is read directly and through Enterprise Manager, with different names and ids",
    naive_check="30 and 30 are 60 independent recovery points",
    control=COUNT,
    result="fail",
    message="30 recovery points, at least 31 required",
)
def test_two_views_are_added_up(simulators: Simulators) -> Pair:
    names: dict[str, Any] = {"workload_names": ["web-01"], "workload_types": ["vm"]}
    both = [get_result(read(simulators.ready, product, **names)) for product in (VBR, EM)]
    as_of = max(parse_time(result["read_at"]) for result in both)
    combine = {"by": "workload_name", "independent": True}

    def evaluate_with(wanted: int) -> Assessment:
        return evaluate_results(both, {"recovery_points": {"min_count": wanted}}, as_of=as_of, combine=combine)

    return evaluate_with(31), evaluate_with(30)


@situation(
    "A tenant's machine runs at the provider, so its 14 recovery points are in use",
    naive_check="14 recovery points, the newest from last night",
    control=COUNT,
    result="fail",
    message="0 recovery points, at least 7 required",
)
def test_tenant_in_failover(simulators: Simulators) -> Pair:
    types = {"workload_types": ["cloud_vm_replica"]}
    return one(simulators, EM, "tenant-db", SEVEN, **types), one(simulators, EM, "tenant-web", SEVEN, **types)


@situation(
    "Enterprise Manager does not list machines that were never backed up",
    naive_check="every machine in the list is good",
    control="expected.exists",
    result="fail",
    message="expected workload not found on any server that was read",
)
def test_inventory_is_not_reported(simulators: Simulators) -> Pair:
    result = get_result(read(simulators.ready, EM, workload_names=["web-01", "sandbox-7"], workload_types=["vm"]))
    complete = get_result(read(simulators.ready, "spp", workload_names=["web-01", "sandbox-7"], workload_types=["vm"]))
    exclude = [{"match": {"workload_name": "sandbox-7"}, "reason": "asked elsewhere"}]
    return evaluate_at_read_time(result, SEVEN, expected=["sandbox-7"]), evaluate_at_read_time(
        complete, SEVEN, expected=["sandbox-7"], exclude=exclude
    )


# Azure and AWS


@situation(
    "The login returns status 200 without a token, because it requires a second factor",
    naive_check="status 200 means logged in, and there is no data",
    result=REJECTED,
    message="multi-factor",
)
def test_login_without_a_token(simulators: Simulators) -> Pair:
    return read(simulators.ready, "veeam_azure", "mfa"), read(simulators.ready, "veeam_azure")


@situation(
    "The newest recovery point cannot be read, and the job was successful",
    naive_check="the last job was successful last night",
    control=AGE,
    result="fail",
    message="newest recovery point is",
)
def test_corrupted_point(simulators: Simulators) -> Pair:
    def evaluate_with(name: str) -> Assessment:
        """Evaluate with a limit that its newest point meets and last night's does not, at any time of the day."""
        options: dict[str, Any] = {"workload_names": [name], "workload_types": ["vm"], "detail": "recovery_points"}
        result = get_result(read(simulators.ready, "veeam_azure", **options))
        newest = max(parse_time(point["created_at"]) for point in result["recovery_points"])
        hours = (parse_time(result["read_at"]) - newest) // (HOUR * SECOND) + 2
        return evaluate_at_read_time(result, {"recovery_points": {"max_age": f"{hours}h"}})

    trap = evaluate_with("mail-01")
    assert DAY < newest_age(trap) < 2 * DAY + 2 * HOUR
    return trap, evaluate_with("web-01")


@situation(
    "An instance only has snapshots",
    naive_check="30 restore points",
    control=COUNT,
    result="fail",
    message="0 recovery points, at least 7 required",
)
def test_instance_with_only_snapshots(simulators: Simulators) -> Pair:
    return one(simulators, "veeam_aws", "edge-cache", SEVEN), one(simulators, "veeam_aws", "web-01", SEVEN)


@situation(
    "The role cannot read the inventory, and an expected machine has recovery points",
    naive_check="the machine is in the list",
    control="expected.exists",
    result="unknown",
    message="does not report whether this workload is in its inventory",
)
def test_read_only_role(simulators: Simulators) -> Pair:
    def evaluate_with(account: str | None) -> Assessment:
        result = get_result(
            read(simulators.ready, "veeam_azure", account, workload_names=["erp-prod"], workload_types=["vm"])
        )
        return evaluate_at_read_time(result, SEVEN, expected=["erp-prod"])

    return evaluate_with("read_only"), evaluate_with(None)


@situation(
    "The oldest API revision does not include the machine in recovery points",
    naive_check="the request with a name filter succeeds, so these are the recovery points of web-01",
    result=REJECTED,
    message="does not report the virtual machine",
)
def test_an_ignored_filter_is_detected(simulators: Simulators) -> Pair:
    names: dict[str, Any] = {"workload_names": ["web-01"], "workload_types": ["vm"]}
    return read(simulators.ready, "veeam_azure", api_version="v1", **names), read(
        simulators.ready, "veeam_azure", **names
    )


@situation(
    "An update of the appliance introduced a new state",
    naive_check="the state is not Corrupted, so the recovery point is good",
    control=COUNT,
    result="unknown",
    message="known, at least 30 required; usability unknown for",
)
def test_unknown_values(simulators: Simulators) -> Pair:
    policy = {"recovery_points": {"min_count": 30}}
    return with_and_without(simulators, "veeam_azure", {"unknown_enums": True}, policy)


@situation(
    "A proxy returns its own page with status 200",
    naive_check="the server responds and lists no problems",
    result=REJECTED,
    message="web page",
)
def test_page_of_a_proxy(simulators: Simulators) -> Pair:
    straight = read(simulators.ready, "veeam_aws")
    rule = {"match": {"path": "/api/v1/virtualMachines/restorePoints"}, "fault": "html", "status": 200}
    simulators.ask("veeam_aws", "__faults", [rule])
    return read(simulators.ready, "veeam_aws", retries=0), straight
