# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers that report less, more or other data than they should: simulator -> info module -> policy."""

from __future__ import annotations

from ansible_collections.backup.audit.plugins.module_utils._policy.assessment import Assessment
from tests.false_compliance.collecting import FRESH, SEVEN
from tests.false_compliance.simulated_servers import evaluate_at_read_time, get_result, one, with_and_without
from tests.false_compliance.situations import AGE, COUNT, REJECTED, Pair, situation
from tests.integration.conftest import Simulators
from tests.integration.running_modules import read

# Spectrum Protect Plus


@situation(
    "Spectrum Protect Plus lists each copy of a recovery point as a separate row",
    naive_check="60 rows, so 60 recovery points",
    control=COUNT,
    result="fail",
    message="30 recovery points, at least 31 required",
)
def test_copies_are_rows(simulators: Simulators) -> Pair:
    policy = {"recovery_points": {"min_count": 31}}
    simulators.ask("spp", "__variant", {"copies_as_rows": True})
    thirty = {"recovery_points": {"min_count": 30}}
    return one(simulators, "spp", "web-01", policy), one(simulators, "spp", "web-01", thirty)


@situation(
    "The appliance limits the groups of a count to one page",
    naive_check="the workloads that were counted are good",
    result=REJECTED,
    message="the count contains 5 vms, but the catalog lists 16",
)
def test_counts_are_truncated(simulators: Simulators) -> Pair:
    straight = read(simulators.ready, "spp", detail="counts", workload_types=["vm"])
    simulators.ask("spp", "__variant", {"aggregate_page": 5})
    return read(simulators.ready, "spp", detail="counts", workload_types=["vm"]), straight


@situation(
    "The appliance's clock is two hours behind",
    naive_check="the newest recovery point seems younger than it is",
    control=AGE,
    result="unknown",
    message="is off by 2h",
)
def test_clock_of_the_server(simulators: Simulators) -> Pair:
    return with_and_without(simulators, "spp", {"clock_skew": -7200}, FRESH)


@situation(
    "A machine is not in any backup policy",
    naive_check="the machine has no failed backup",
    control=COUNT,
    result="fail",
    message="0 recovery points, at least 7 required",
)
def test_machine_without_backups(simulators: Simulators) -> Pair:
    return one(simulators, "spp", "sandbox-7", SEVEN), one(simulators, "spp", "web-01", SEVEN)


# Unitrends


@situation(
    "The appliance's core fails, and the list of backups is then empty",
    naive_check="the request succeeded, so there are no backups that could have failed",
    result=REJECTED,
    message="neither its catalog nor its inventory is available",
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
    "Times are in the appliance's local time, without a time zone",
    naive_check="times are read as UTC, so backups seem hours younger or older",
    result=REJECTED,
    message='Set "timezone"',
)
def test_local_time_is_read_as_utc(simulators: Simulators) -> Pair:
    rule = {"match": {"path": "/api/date-time/"}, "fault": "status", "status": 404, "body": "{}"}
    simulators.ask("unitrends", "__faults", [rule])
    return read(simulators.ready, "unitrends"), read(simulators.ready, "unitrends", timezone="Europe/Berlin")


@situation(
    "The configured time zone is not the appliance's",
    naive_check="the newest backup seems 8 hours younger",
    result=REJECTED,
    message='Set "timezone"',
)
def test_wrong_zone(simulators: Simulators) -> Pair:
    return read(simulators.ready, "unitrends", timezone="Asia/Tokyo"), read(simulators.ready, "unitrends")


@situation(
    "One of the systems behind a manager does not respond",
    naive_check="all workloads of the other systems are good",
    result=REJECTED,
    message="ueb-chicago",
)
def test_missing_system(simulators: Simulators) -> Pair:
    straight = read(simulators.ready, "unitrends")
    simulators.ask("unitrends", "__variant", {"remote_status": "not available"})
    return read(simulators.ready, "unitrends"), straight


@situation(
    "The role of the account has a scope, so backups are silently omitted",
    naive_check="every workload in the list is good",
    control="expected.exists",
    result="fail",
    message="expected workload not found on any server that was read",
)
def test_account_with_a_scope(simulators: Simulators) -> Pair:
    complete, scoped = (get_result(read(simulators.ready, "unitrends", account)) for account in (None, "scoped"))
    names = [{row["workload_name"] for row in result["workloads"]} for result in (complete, scoped)]
    hidden = sorted(names[0] - names[1])
    some = {"recovery_points": {"min_count": 1, "on_unknown": "ignore"}}
    exclude = [{"match": {"workload_name": sorted(names[0] - {hidden[0]})}, "reason": "not asked here"}]
    seen = next(row["workload_name"] for row in complete["workloads"] if row["workload_name"] in hidden)
    good = [{"match": {"workload_name": sorted(names[0] - {seen})}, "reason": "not asked here"}]
    return evaluate_at_read_time(scoped, some, expected=hidden, exclude=exclude), evaluate_at_read_time(
        complete, some, expected=[seen], exclude=good
    )


# vProtect


@situation(
    "vProtect still lists backups that its retention has removed",
    naive_check="these backups were successful, so they count",
    control=COUNT,
    result="unknown",
    message="recovery points: 30 known, at least 31 required",
)
def test_removed_backups_are_counted(simulators: Simulators) -> Pair:
    simulators.ask("vprotect", "__variant", {"removed": 9})
    policy = {"recovery_points": {"min_count": 31}}
    since = {"since": "2000d"}
    return one(simulators, "vprotect", "web-01", policy, **since), one(
        simulators, "vprotect", "web-01", {"recovery_points": {"min_count": 30}}, **since
    )


@situation(
    "The restricted account can see only some machines, and the others are silently omitted",
    naive_check="every machine in the list is good",
    control="expected.exists",
    result="fail",
    message="expected workload not found on any server that was read",
)
def test_restricted_account(simulators: Simulators) -> Pair:
    complete, part = (get_result(read(simulators.ready, "vprotect", account)) for account in (None, "restricted"))
    seen = {row["workload_name"] for row in part["workloads"]}
    hidden = sorted(
        row["workload_name"]
        for row in complete["workloads"]
        if row["workload_name"] not in seen and row["recovery_points"] >= 7 and row.get("in_inventory")
    )[:1]
    others = sorted({row["workload_name"] for row in complete["workloads"]} - set(hidden) - {"web-01"})
    exclude = [{"match": {"workload_name": others}, "reason": "not asked here"}]
    return evaluate_at_read_time(part, SEVEN, expected=hidden, exclude=exclude), evaluate_at_read_time(
        complete, SEVEN, expected=hidden, exclude=exclude
    )


@situation(
    "Backups have the time of storage, but not the point in time that they restore",
    naive_check="the newest backup is from last night",
    control=AGE,
    result="unknown",
    message="age of the newest recovery point unknown (maximum 26h)",
)
def test_storage_time_is_not_the_recovery_point_time(simulators: Simulators) -> Pair:
    return with_and_without(simulators, "vprotect", {"snapshot_times": False}, FRESH)


@situation(
    "The backup failed in half of the nights",
    naive_check="the list has 30 entries",
    control=COUNT,
    result="fail",
    message="15 recovery points, at least 20 required",
)
def test_every_other_night_fails(simulators: Simulators) -> Pair:
    policy = {"recovery_points": {"min_count": 20}}
    return one(simulators, "vprotect", "lab-3", policy), one(simulators, "vprotect", "web-01", policy)


@situation(
    "The machine was deleted four months ago, but its backups still exist",
    naive_check="30 good recovery points",
    control="expected.exists",
    result="fail",
    message="expected workload is no longer in the inventory",
)
def test_machine_was_deleted(simulators: Simulators) -> Pair:
    def evaluate_with(name: str) -> Assessment:
        result = get_result(read(simulators.ready, "vprotect", workload_names=[name]))
        return evaluate_at_read_time(result, SEVEN, expected=[name])

    return evaluate_with("billing-2019"), evaluate_with("web-01")
