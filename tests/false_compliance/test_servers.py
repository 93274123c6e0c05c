# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers that report less, more or other data than they should: simulator -> info module -> policy."""

from __future__ import annotations

from ansible_collections.backup.audit.plugins.module_utils._policy.assessment import Assessment
from tests.false_compliance.collecting import FRESH, SEVEN
from tests.false_compliance.simulated_servers import evaluate_at_read_time, get_result, one, with_and_without
from tests.false_compliance.situations import AGE, COUNT, REFUSED, Pair, situation
from tests.integration.conftest import Simulators
from tests.integration.running_modules import read

# Spectrum Protect Plus


@situation(
    "Spectrum Protect Plus lists each copy of a point as a row of its own",
    naive_check="60 rows, so 60 recovery points",
    control=COUNT,
    result="fail",
    message="number of recovery points is 30",
)
def test_copies_are_rows(simulators: Simulators) -> Pair:
    policy = {"recovery_points": {"min_count": 31}}
    simulators.ask("spp", "__variant", {"copies_as_rows": True})
    thirty = {"recovery_points": {"min_count": 30}}
    return one(simulators, "spp", "web-01", policy), one(simulators, "spp", "web-01", thirty)


@situation(
    "The appliance cuts the groups of a count to one page",
    naive_check="the workloads that were counted are fine",
    result=REFUSED,
    message="the count gave 5 vms, but the catalogue lists 16",
)
def test_counts_are_cut(simulators: Simulators) -> Pair:
    straight = read(simulators.ready, "spp", detail="counts", workload_types=["vm"])
    simulators.ask("spp", "__variant", {"aggregate_page": 5})
    return read(simulators.ready, "spp", detail="counts", workload_types=["vm"]), straight


@situation(
    "The appliance's clock is two hours behind",
    naive_check="the newest point is younger than it is",
    control=AGE,
    result="fail",
    message="is off by 2h",
)
def test_clock_of_the_server(simulators: Simulators) -> Pair:
    return with_and_without(simulators, "spp", {"clock_skew": -7200}, FRESH)


@situation(
    "A machine is in no backup policy",
    naive_check="it has no failed backup",
    control=COUNT,
    result="fail",
    message="number of recovery points is 0",
)
def test_machine_without_backups(simulators: Simulators) -> Pair:
    return one(simulators, "spp", "sandbox-7", SEVEN), one(simulators, "spp", "web-01", SEVEN)


# Unitrends


@situation(
    "The appliance's core fails, which the list of backups tells as an empty list",
    naive_check="the call succeeded: there are no backups that could have failed",
    result=REFUSED,
    message="nothing proves",
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
    naive_check="they are read as UTC: hours younger or older than they are",
    result=REFUSED,
    message="Set timezone",
)
def test_local_time_is_read_as_utc(simulators: Simulators) -> Pair:
    rule = {"match": {"path": "/api/date-time/"}, "fault": "status", "status": 404, "body": "{}"}
    simulators.ask("unitrends", "__faults", [rule])
    return read(simulators.ready, "unitrends"), read(simulators.ready, "unitrends", timezone="Europe/Berlin")


@situation(
    "The zone that was given is not the appliance's",
    naive_check="the newest backup is 8 hours younger",
    result=REFUSED,
    message="Set timezone",
)
def test_wrong_zone(simulators: Simulators) -> Pair:
    return read(simulators.ready, "unitrends", timezone="Asia/Tokyo"), read(simulators.ready, "unitrends")


@situation(
    "One of the systems behind a manager does not answer",
    naive_check="all workloads of the others are fine",
    result=REFUSED,
    message="ueb-chicago",
)
def test_system_that_is_not_there(simulators: Simulators) -> Pair:
    straight = read(simulators.ready, "unitrends")
    simulators.ask("unitrends", "__variant", {"remote_status": "not available"})
    return read(simulators.ready, "unitrends"), straight


@situation(
    "The role of the account has a scope, so backups are silently absent",
    naive_check="every workload in the list is fine",
    control="expected.exists",
    result="fail",
    message="is expected, and no server that was read knows",
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
    naive_check="they ended with success, so they count",
    control=COUNT,
    result="fail",
    message="30 are known",
)
def test_removed_backups_are_counted(simulators: Simulators) -> Pair:
    simulators.ask("vprotect", "__variant", {"removed": 9})
    policy = {"recovery_points": {"min_count": 31}}
    since = {"since": "2000d"}
    return one(simulators, "vprotect", "web-01", policy, **since), one(
        simulators, "vprotect", "web-01", {"recovery_points": {"min_count": 30}}, **since
    )


@situation(
    "The restricted account sees some machines only, without a word",
    naive_check="every machine in the list is fine",
    control="expected.exists",
    result="fail",
    message="is expected, and no server that was read knows",
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
    "Backups say when they were stored, and not which moment they bring back",
    naive_check="the newest is from last night",
    control=AGE,
    result="fail",
    message="cannot tell",
)
def test_when_it_was_stored_is_not_what_it_brings_back(simulators: Simulators) -> Pair:
    return with_and_without(simulators, "vprotect", {"snapshot_times": False}, FRESH)


@situation(
    "Half of the nights failed",
    naive_check="30 entries",
    control=COUNT,
    result="fail",
    message="number of recovery points is 15",
)
def test_every_second_night_fails(simulators: Simulators) -> Pair:
    policy = {"recovery_points": {"min_count": 20}}
    return one(simulators, "vprotect", "lab-3", policy), one(simulators, "vprotect", "web-01", policy)


@situation(
    "The machine was deleted four months ago, its backups are kept",
    naive_check="30 good recovery points",
    control="expected.exists",
    result="fail",
    message="no longer in the inventory",
)
def test_machine_was_deleted(simulators: Simulators) -> Pair:
    def evaluate_with(name: str) -> Assessment:
        result = get_result(read(simulators.ready, "vprotect", workload_names=[name]))
        return evaluate_at_read_time(result, SEVEN, expected=[name])

    return evaluate_with("billing-2019"), evaluate_with("web-01")
