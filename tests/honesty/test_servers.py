# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers that say less, more or something else than they should: simulator -> info module -> policy."""

from __future__ import annotations

import json
from typing import Any

from ansible_collections.backup.audit.plugins.module_utils._policy_assessment import Assessment
from ansible_collections.backup.audit.plugins.module_utils._times import parse_time
from tests.honesty.observing import FRESH, SEVEN, judged
from tests.honesty.situations import REFUSED, Trap, situation
from tests.integration.conftest import Simulators
from tests.integration.running_modules import Ended, read

Pair = tuple[Trap, Trap | None]
COUNT = "recovery_points.minimum"
AGE = "recovery_points.newest_within"
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


# Spectrum Protect Plus


@situation(
    "Spectrum Protect Plus lists each copy of a point as a row of its own",
    careless="60 rows, so 60 recovery points",
    control=COUNT,
    result="fail",
    words="number of recovery points is 30",
)
def test_copies_are_rows(simulators: Simulators) -> Pair:
    policy = {"recovery_points": {"minimum": 31}}
    simulators.ask("spp", "__variant", {"copies_as_rows": True})
    thirty = {"recovery_points": {"minimum": 30}}
    return one(simulators, "spp", "web-01", policy), one(simulators, "spp", "web-01", thirty)


@situation(
    "The appliance cuts the groups of a count to one page",
    careless="the workloads that were counted are fine",
    result=REFUSED,
    words="the count gave 5 vms, but the catalogue lists 16",
)
def test_counts_are_cut(simulators: Simulators) -> Pair:
    straight = read(simulators.ready, "spp", detail="counts", workload_types=["vm"])
    simulators.ask("spp", "__variant", {"aggregate_page": 5})
    return read(simulators.ready, "spp", detail="counts", workload_types=["vm"]), straight


@situation(
    "The appliance's clock is two hours behind",
    careless="the newest point is younger than it is",
    control=AGE,
    result="fail",
    words="is off by 2h",
)
def test_clock_of_the_server(simulators: Simulators) -> Pair:
    straight = one(simulators, "spp", "web-01", FRESH)
    simulators.ask("spp", "__variant", {"clock_skew": -7200})
    return one(simulators, "spp", "web-01", FRESH), straight


@situation(
    "A machine is in no backup policy",
    careless="it has no failed backup",
    control=COUNT,
    result="fail",
    words="number of recovery points is 0",
)
def test_machine_without_backups(simulators: Simulators) -> Pair:
    return one(simulators, "spp", "sandbox-7", SEVEN), one(simulators, "spp", "web-01", SEVEN)


# Unitrends


@situation(
    "The appliance's core fails, which the list of backups tells as an empty list",
    careless="the call succeeded: there are no backups that could have failed",
    result=REFUSED,
    words="nothing proves",
)
def test_error_that_looks_empty(simulators: Simulators) -> Pair:
    straight = read(simulators.ready, "unitrends")
    simulators.ask("unitrends", "__variant", {"core_failure": "1,2,3"})
    rules = [
        {"match": {"path": path}, "fault": "status", "status": 403, "body": "{}"}
        for path in ("/api/catalog/", "/api/assets/")
    ]
    simulators.ask("unitrends", "__faults", rules)
    return read(simulators.ready, "unitrends"), straight


@situation(
    "Times are told in the appliance's local time, without a zone",
    careless="they are read as UTC: hours younger or older than they are",
    result=REFUSED,
    words="Set timezone",
)
def test_local_time_is_read_as_utc(simulators: Simulators) -> Pair:
    rule = {"match": {"path": "/api/date-time/"}, "fault": "status", "status": 404, "body": "{}"}
    simulators.ask("unitrends", "__faults", [rule])
    return read(simulators.ready, "unitrends"), read(simulators.ready, "unitrends", timezone="Europe/Berlin")


@situation(
    "The zone that was given is not the appliance's",
    careless="the newest backup is 8 hours younger",
    result=REFUSED,
    words="Set timezone",
)
def test_wrong_zone(simulators: Simulators) -> Pair:
    return read(simulators.ready, "unitrends", timezone="Asia/Tokyo"), read(simulators.ready, "unitrends")


@situation(
    "One of the systems behind a manager does not answer",
    careless="all workloads of the others are fine",
    result=REFUSED,
    words="ueb-chicago",
)
def test_system_that_is_not_there(simulators: Simulators) -> Pair:
    straight = read(simulators.ready, "unitrends")
    simulators.ask("unitrends", "__variant", {"remote_status": "not available"})
    return read(simulators.ready, "unitrends"), straight


@situation(
    "The role of the account has a scope, so backups are silently absent",
    careless="every workload in the list is fine",
    control="expected.exists",
    result="fail",
    words="is expected, and no server that was read knows",
)
def test_account_with_a_scope(simulators: Simulators) -> Pair:
    whole, scoped = (told(read(simulators.ready, "unitrends", account)) for account in (None, "scoped"))
    names = [{row["workload_name"] for row in result["workloads"]} for result in (whole, scoped)]
    hidden = sorted(names[0] - names[1])
    some = {"recovery_points": {"minimum": 1, "on_unknown": "ignore"}}
    exclude = [{"match": {"workload_name": sorted(names[0] - {hidden[0]})}, "reason": "not asked here"}]
    seen = next(row["workload_name"] for row in whole["workloads"] if row["workload_name"] in hidden)
    good = [{"match": {"workload_name": sorted(names[0] - {seen})}, "reason": "not asked here"}]
    return judged_now(scoped, some, expected=hidden, exclude=exclude), judged_now(
        whole, some, expected=[seen], exclude=good
    )


# vProtect


@situation(
    "vProtect still lists backups that its retention has removed",
    careless="they ended with success, so they count",
    control=COUNT,
    result="fail",
    words="30 are known",
)
def test_removed_backups_are_counted(simulators: Simulators) -> Pair:
    simulators.ask("vprotect", "__variant", {"removed": 9})
    policy = {"recovery_points": {"minimum": 31}}
    since = {"since": "2000d"}
    return one(simulators, "vprotect", "web-01", policy, **since), one(
        simulators, "vprotect", "web-01", {"recovery_points": {"minimum": 30}}, **since
    )


@situation(
    "The restricted account sees some machines only, without a word",
    careless="every machine in the list is fine",
    control="expected.exists",
    result="fail",
    words="is expected, and no server that was read knows",
)
def test_restricted_account(simulators: Simulators) -> Pair:
    whole, part = (told(read(simulators.ready, "vprotect", account)) for account in (None, "restricted"))
    seen = {row["workload_name"] for row in part["workloads"]}
    hidden = sorted(
        row["workload_name"]
        for row in whole["workloads"]
        if row["workload_name"] not in seen and row["recovery_points"] >= 7 and row.get("in_inventory")
    )[:1]
    others = sorted({row["workload_name"] for row in whole["workloads"]} - set(hidden) - {"web-01"})
    exclude = [{"match": {"workload_name": others}, "reason": "not asked here"}]
    return judged_now(part, SEVEN, expected=hidden, exclude=exclude), judged_now(
        whole, SEVEN, expected=hidden, exclude=exclude
    )


@situation(
    "Half of the nights failed",
    careless="30 entries",
    control=COUNT,
    result="fail",
    words="number of recovery points is 15",
)
def test_every_second_night_fails(simulators: Simulators) -> Pair:
    policy = {"recovery_points": {"minimum": 20}}
    return one(simulators, "vprotect", "lab-3", policy), one(simulators, "vprotect", "web-01", policy)


@situation(
    "The machine was deleted four months ago, its backups are kept",
    careless="30 good recovery points",
    control="expected.exists",
    result="fail",
    words="no longer in the inventory",
)
def test_machine_was_deleted(simulators: Simulators) -> Pair:
    def of(name: str) -> Assessment:
        result = told(read(simulators.ready, "vprotect", names=[name]))
        return judged_now(result, SEVEN, expected=[name])

    return of("billing-2019"), of("web-01")


# Veeam Backup & Replication


@situation(
    "A replica runs in its failover: its points are the machine that runs",
    careless="5 points of the replica, and operations are offered for each",
    control=COUNT,
    result="fail",
    words="number of recovery points is 0",
)
def test_replica_in_failover(simulators: Simulators) -> Pair:
    policy = {"recovery_points": {"minimum": 5}}
    types = {"workload_types": ["vm_replica"]}
    return one(simulators, VBR, "erp-standby", policy, **types), one(simulators, VBR, "web-02", policy, **types)


@situation(
    "A machine was rebuilt under its old name",
    careless="15 points of rebuilt-01",
    control=COUNT,
    result="fail",
    words="number of recovery points is 5",
)
def test_machine_was_rebuilt(simulators: Simulators) -> Pair:
    return one(simulators, VBR, "rebuilt-01", SEVEN), one(
        simulators, VBR, "rebuilt-01", {"recovery_points": {"minimum": 5}}
    )


@situation(
    "The repository's capacity tier may hold copies",
    careless="copies are off-site, the tier is enabled",
    control="offsite.minimum",
    result="fail",
    words="only estimated or attested, which the policy does not accept",
)
def test_tier_is_policy_and_no_proof(simulators: Simulators) -> Pair:
    policy = {"offsite": {"minimum": 1}}
    accepting = {"offsite": {"minimum": 1, "accept": ["exact", "estimated"]}}
    simulators.ask(VBR, "__variant", {"offload": "tier"})
    return one(simulators, VBR, "erp-prod", policy), one(simulators, VBR, "erp-prod", accepting)


@situation(
    "Replicas are asked for, and the account may not see any",
    careless="no replica has a problem",
    result=REFUSED,
    words="/api/v1/replicas",
)
def test_replicas_that_may_not_be_seen(simulators: Simulators) -> Pair:
    types: dict[str, Any] = {"workload_types": ["vm_replica"]}
    return read(simulators.ready, VBR, "viewer", **types), read(simulators.ready, VBR, **types)


@situation(
    "A scan looked into the points, nobody booted one",
    careless="the points are tested",
    control="verified.minimum",
    result="fail",
    words="cannot tell whether",
)
def test_scan_is_no_boot(simulators: Simulators) -> Pair:
    scanned = one(simulators, VBR, "download-01", {"verified": {"minimum": 1}})
    return scanned, one(simulators, VBR, "download-01", {"checked": {"minimum": 1}})


@situation(
    "A scan found malware in the newest points",
    careless="30 good recovery points",
    control="malware.none",
    result="fail",
    words="suspicious or infected",
)
def test_infected_points(simulators: Simulators) -> Pair:
    return one(simulators, VBR, "download-01", {"malware": {"none": True}}), one(simulators, VBR, "download-01", SEVEN)


@situation(
    "The job has not run for five days",
    careless="its last run ended with success",
    control=AGE,
    result="fail",
    words="newest recovery point is 5d",
)
def test_dropped_from_its_job(simulators: Simulators) -> Pair:
    return one(simulators, VBR, "crm-old", FRESH), one(simulators, VBR, "web-01", FRESH)


@situation(
    "The points of one machine answer with an empty page that promises more",
    careless="an empty page is the end of the list",
    result=REFUSED,
    words="30",
)
def test_empty_page_before_the_end(simulators: Simulators) -> Pair:
    straight = read(simulators.ready, VBR)
    body = {"data": [], "pagination": {"total": 30, "count": 0, "skip": 0, "limit": 500}}
    rule = {"method": "GET", "path": "/api/v1/backupObjects/*/restorePoints", "nth": 3}
    simulators.ask(VBR, "__faults", [{"match": rule, "fault": "status", "status": 200, "body": json.dumps(body)}])
    return read(simulators.ready, VBR), straight


# Enterprise Manager


@situation(
    "Enterprise Manager has collected nothing for three days",
    careless="it answers at once, and lists 27 points",
    control=AGE,
    result="fail",
    words="newest recovery point is 3d",
)
def test_stale_copy(simulators: Simulators) -> Pair:
    straight = one(simulators, EM, "web-01", FRESH)
    simulators.ask(EM, "__variant", {"lag_minutes": 3 * 24 * 60})
    return one(simulators, EM, "web-01", FRESH), straight


@situation(
    "Enterprise Manager does not tell whether a replica is in failover",
    careless="5 points of the replica",
    control=COUNT,
    result="fail",
    words="cannot tell whether there are at least 5 recovery points",
)
def test_state_of_replicas_is_not_told(simulators: Simulators) -> Pair:
    policy = {"recovery_points": {"minimum": 5}}
    return one(simulators, EM, "erp-standby", policy, workload_types=["vm_replica"]), one(
        simulators, EM, "erp-standby", policy
    )


@situation(
    "Backup & Replication is read directly and through Enterprise Manager, by other names and ids",
    careless="30 and 30 are 60 independent points",
    control=COUNT,
    result="fail",
    words="number of recovery points is 30",
)
def test_two_views_are_added_up(simulators: Simulators) -> Pair:
    names: dict[str, Any] = {"names": ["web-01"], "workload_types": ["vm"]}
    both = [told(read(simulators.ready, product, **names)) for product in (VBR, EM)]
    as_of = max(parse_time(result["read_at"]) for result in both)
    combine = {"by": "workload_name", "independent": True}

    def of(wanted: int) -> Assessment:
        return judged(both, {"recovery_points": {"minimum": wanted}}, as_of=as_of, combine=combine)

    return of(31), of(30)


@situation(
    "A tenant's machine runs at the provider: its 14 points are in use",
    careless="14 points, the newest from last night",
    control=COUNT,
    result="fail",
    words="number of recovery points is 0",
)
def test_tenant_in_failover(simulators: Simulators) -> Pair:
    types = {"workload_types": ["cloud_vm_replica"]}
    return one(simulators, EM, "tenant-db", SEVEN, **types), one(simulators, EM, "tenant-web", SEVEN, **types)


@situation(
    "Never backed up machines are in no list of Enterprise Manager",
    careless="every machine in the list is fine",
    control="expected.exists",
    result="fail",
    words="sandbox-7 is expected, and no server that was read knows",
)
def test_inventory_is_not_told(simulators: Simulators) -> Pair:
    result = told(read(simulators.ready, EM, names=["web-01", "sandbox-7"], workload_types=["vm"]))
    complete = told(read(simulators.ready, "spp", names=["web-01", "sandbox-7"], workload_types=["vm"]))
    exclude = [{"match": {"workload_name": "sandbox-7"}, "reason": "asked elsewhere"}]
    return judged_now(result, SEVEN, expected=["sandbox-7"]), judged_now(
        complete, SEVEN, expected=["sandbox-7"], exclude=exclude
    )


# Azure and AWS


@situation(
    "The log-in answers 200 and gives no token, because it wants a second factor",
    careless="status 200: logged in, and nothing to see",
    result=REFUSED,
    words="multi-factor",
)
def test_log_in_without_a_token(simulators: Simulators) -> Pair:
    return read(simulators.ready, "veeam_azure", "mfa"), read(simulators.ready, "veeam_azure")


@situation(
    "The newest point cannot be read back, and the job ended with success",
    careless="the last job succeeded last night",
    control=AGE,
    result="fail",
    words="newest recovery point is 1d",
)
def test_corrupted_point(simulators: Simulators) -> Pair:
    policy = {"recovery_points": {"newest_within": "25h"}}
    return one(simulators, "veeam_azure", "mail-01", policy), one(simulators, "veeam_azure", "web-01", policy)


@situation(
    "Only snapshots are made of an instance",
    careless="30 restore points",
    control=COUNT,
    result="fail",
    words="number of recovery points is 0",
)
def test_instance_with_snapshots_only(simulators: Simulators) -> Pair:
    return one(simulators, "veeam_aws", "edge-cache", SEVEN), one(simulators, "veeam_aws", "web-01", SEVEN)


@situation(
    "The role may not see the inventory; an expected machine has points",
    careless="it is in the list",
    control="expected.exists",
    result="fail",
    words="cannot tell whether erp-prod still exists",
)
def test_read_only_role(simulators: Simulators) -> Pair:
    def of(account: str | None) -> Assessment:
        result = told(read(simulators.ready, "veeam_azure", account, names=["erp-prod"], workload_types=["vm"]))
        return judged_now(result, SEVEN, expected=["erp-prod"])

    return of("read_only"), of(None)


@situation(
    "The oldest revision names no machine in its points",
    careless="a filter by name is answered, so these are the points of web-01",
    result=REFUSED,
    words="names no virtual machine",
)
def test_filter_that_is_ignored(simulators: Simulators) -> Pair:
    names: dict[str, Any] = {"names": ["web-01"], "workload_types": ["vm"]}
    return read(simulators.ready, "veeam_azure", api_version="v1", **names), read(
        simulators.ready, "veeam_azure", **names
    )


@situation(
    "A new kind of state came with an update of the appliance",
    careless="it is not Corrupted, so it is fine",
    control=COUNT,
    result="fail",
    words="the product does not tell",
)
def test_words_that_nobody_knows(simulators: Simulators) -> Pair:
    policy = {"recovery_points": {"minimum": 30}}
    straight = one(simulators, "veeam_azure", "web-01", policy)
    simulators.ask("veeam_azure", "__variant", {"unknown_enums": True})
    return one(simulators, "veeam_azure", "web-01", policy), straight


@situation(
    "A proxy answers with its own page and status 200",
    careless="the server answers, and lists nothing bad",
    result=REFUSED,
    words="web page",
)
def test_page_of_a_proxy(simulators: Simulators) -> Pair:
    straight = read(simulators.ready, "veeam_aws")
    rule = {"match": {"path": "/api/v1/virtualMachines/restorePoints"}, "fault": "html", "status": 200}
    simulators.ask("veeam_aws", "__faults", [rule])
    return read(simulators.ready, "veeam_aws", retries=0), straight
