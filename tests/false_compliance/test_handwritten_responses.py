# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Handwritten responses: a server that ignores filters, backups without a base, a role with an inventory."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from ansible_collections.backup.audit.plugins.module_utils._adapters.vprotect import records as vprotect
from ansible_collections.backup.audit.plugins.module_utils._adapters.vprotect.chains import Chains
from ansible_collections.backup.audit.plugins.module_utils._adapters.vprotect.record_fields import RecordParser
from ansible_collections.backup.audit.plugins.module_utils._core.model import RecoveryPoint
from ansible_collections.backup.audit.plugins.module_utils._core.times import HOUR, SECOND
from tests.false_compliance.collecting import NOW, SEVEN, evaluate_results, observed
from tests.false_compliance.simulated_servers import EM, evaluate_at_read_time, get_result, one
from tests.false_compliance.situations import COUNT, REJECTED, Pair, Trap, situation
from tests.integration.conftest import Simulators
from tests.integration.running_modules import read, run_module
from tests.integration.running_plays import play, servers
from tests.unit.plugins.module_utils._adapters.veeam.aws.test_records import appliance

CONTEXT = vprotect.Context(frozenset(), {}, lambda _rule, _word: {}, include_raw=False)
AWS = "veeam_restore_points_info"


@situation(
    "The server ignores the filter for one machine and returns the recovery points of all machines",
    naive_check="each of three machines has the 2 recovery points of all machines",
    control=COUNT,
    result="fail",
    message="0 recovery points, at least 1 required",
)
def test_filter_is_ignored_by_the_server(serve: Callable[..., Any]) -> Pair:
    policy = {"recovery_points": {"min_count": 1}}
    idle = [{"match": {"workload_id": "vm-3"}, "reason": "has none"}]

    def evaluate_with(*, honoured: bool) -> Trap:
        server = serve(appliance(honours_filter=honoured))
        login = {"url": server.url, "username": "auditor", "password": "secret-word", "ca_path": server.ca_path}
        ended = run_module(AWS, {**login, "product": "aws", "workload_types": ["vm"]})
        return evaluate_at_read_time(get_result(ended), policy, exclude=idle, max_data_age="1d")

    return evaluate_with(honoured=False), evaluate_with(honoured=True)


def backups(numbers: Iterable[int]) -> list[dict[str, Any]]:
    """Build rows of a chain: a full backup (0) and increments, each based on the previous one, newest first."""
    day = 24 * HOUR
    newest = 8
    rows = []
    for number in sorted(numbers, reverse=True):
        taken = (NOW // SECOND - 5 * HOUR - (newest - number) * day) * 1000
        rows.append(
            {
                "guid": f"b-{number}",
                "snapshotTime": taken,
                "backupTime": taken + 60_000,
                "status": {"name": "SUCCESS"},
                "type": {"name": "INCREMENTAL" if number else "FULL"},
                "protectedEntity": {"guid": "vm-1", "name": "web01", "type": {"name": "VM"}},
                "backupLocations": [
                    {"status": {"name": "PRESENT"}, "backupDestination": {"guid": "d", "name": "disk"}}
                ],
                **({"parentBackup": {"guid": f"b-{number - 1}"}} if number else {}),
            }
        )
    return rows


@situation(
    "The increments depend on a backup that has been removed",
    naive_check="8 backups were successful, and their files are present",
    control=COUNT,
    result="fail",
    message="3 recovery points, at least 7 required",
)
def test_parent_is_gone() -> Pair:
    def evaluate_with(rows: list[dict[str, Any]]) -> Trap:
        points: list[RecoveryPoint] = []
        chains = Chains(points.append)
        for row in rows:
            record = RecordParser((), include_raw=False).parse(row)
            point = vprotect.build_point(record, vprotect.build_workload(record), CONTEXT)
            assert point is not None
            chains.add(point, record.parent if CONTEXT.parse(record.fields).needs_parent else None)
        chains.finish(complete=True)
        return evaluate_results(observed(points), SEVEN)

    return evaluate_with(backups([0, 1, 2, 4, 5, 6, 7, 8])), evaluate_with(backups(range(9)))


@situation(
    "The backups have a legal hold",
    naive_check="the backups cannot be deleted, so they are immutable",
    control="immutable.min_count",
    result="unknown",
    message="immutable recovery points: 0 known, at least 1 required",
)
def test_legal_hold_is_not_immutability(simulators: Simulators) -> Pair:
    simulators.ask("unitrends", "__variant", {"hold_days": 12})
    policy = {"immutable": {"min_count": 1}}
    return one(simulators, "unitrends", "web-01", policy), one(simulators, "unitrends", "web-01", SEVEN)


@situation(
    "With allow_partial the module returns the part that it could read",
    naive_check="the task was successful",
    control="data.complete",
    result="fail",
    message="was only partially read",
)
def test_partial_response_is_allowed(simulators: Simulators) -> Pair:
    straight = evaluate_at_read_time(get_result(read(simulators.ready, "unitrends", workload_names=["web-01"])), SEVEN)
    simulators.ask("unitrends", "__variant", {"remote_status": "not available"})
    partial = get_result(read(simulators.ready, "unitrends", workload_names=["web-01"], allow_partial=True))
    return evaluate_at_read_time(partial, SEVEN), straight


@situation(
    "Pages are shorter than requested",
    naive_check="a page that is not full is the last page",
    control=COUNT,
    result="pass",
    message="30 recovery points, at least 30 required",
)
def test_short_pages(simulators: Simulators) -> Pair:
    simulators.ask(EM, "__variant", {"page_cap": 9})
    policy = {"recovery_points": {"min_count": 30}}
    return one(simulators, EM, "web-01", policy), one(simulators, EM, "web-01", {"recovery_points": {"min_count": 31}})


def compliance(simulators: Simulators, folder: Path, hosts: dict[str, Any] | None = None, **variables: Any) -> Trap:
    """Run the role with the simulated vProtect server and some more hosts."""
    every = servers(simulators.ready)["backup_servers"]["hosts"]
    good = {**every["vprotect"], "backup_workload_names": ["web-01"]}
    inventory = {"backup_servers": {"hosts": {"vprotect": good, **(hosts or {})}}}
    return play(
        "backup.audit.compliance",
        folder,
        inventory=inventory,
        variables={"compliance_policy": SEVEN, "compliance_output": str(folder / "evidence"), **variables},
    )


@situation(
    "One server is in the inventory twice, with two names",
    naive_check="two servers have twice as many recovery points",
    result=REJECTED,
    message="its workloads would count twice",
)
def test_one_url_under_two_names(simulators: Simulators, tmp_path: Path) -> Pair:
    again = servers(simulators.ready)["backup_servers"]["hosts"]["vprotect"]
    return compliance(simulators, tmp_path, {"again": again}), compliance(simulators, tmp_path)


@situation(
    "A host in the inventory has no URL",
    naive_check="there is nothing to read, so nothing can fail",
    result=REJECTED,
    message="Host forgotten: backup_url is not set.",
)
def test_host_without_a_url(simulators: Simulators, tmp_path: Path) -> Pair:
    return compliance(simulators, tmp_path, {"forgotten": {"backup_product": "vprotect"}}), None


@situation(
    "The role's expected names are from a group whose name is misspelled",
    naive_check="no expected workload is missing",
    result=REJECTED,
    message="expected: the list is empty",
)
def test_misspelled_group(simulators: Simulators, tmp_path: Path) -> Pair:
    return compliance(simulators, tmp_path, compliance_expected="{{ groups['prodution'] | default([]) }}"), compliance(
        simulators, tmp_path, compliance_expected=["web-01"]
    )


@situation(
    "The time zone of the role is misspelled",
    naive_check="days are counted in UTC",
    result=REJECTED,
    message="timezone: unknown time zone 'Europe/Berlni'",
)
def test_misspelled_time_zone(simulators: Simulators, tmp_path: Path) -> Pair:
    return compliance(simulators, tmp_path, compliance_timezone="Europe/Berlni"), compliance(
        simulators, tmp_path, compliance_timezone="Europe/Berlin", compliance_day_start="12:00"
    )


@situation(
    "The variable for the role's policy is misspelled",
    naive_check="all workloads are evaluated with the default policy, which requires less",
    result=REJECTED,
    message="Unknown variable: compliance_polcy. Did you mean 'compliance_policy'?",
)
def test_misspelled_variable(simulators: Simulators, tmp_path: Path) -> Pair:
    of_their_own: dict[str, Any] = {"compliance_level": "gold", "compliance_ignored_variables": ["compliance_level"]}
    return compliance(simulators, tmp_path, compliance_polcy=SEVEN), compliance(simulators, tmp_path, **of_their_own)
