# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers written by hand: a server that ignores filters, backups that rest on nothing, a role over an inventory."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from ansible_collections.backup.audit.plugins.module_utils._adapters.vprotect import points as vprotect
from ansible_collections.backup.audit.plugins.module_utils._adapters.vprotect.chains import Chains
from ansible_collections.backup.audit.plugins.module_utils._adapters.vprotect.records import Records
from ansible_collections.backup.audit.plugins.module_utils._core.model import RecoveryPoint
from ansible_collections.backup.audit.plugins.module_utils._core.times import HOUR, SECOND
from tests.false_compliance.collecting import NOW, SEVEN, judged, observed
from tests.false_compliance.simulated_servers import EM, judged_now, one, told
from tests.false_compliance.situations import COUNT, REFUSED, Pair, Trap, situation
from tests.integration.conftest import Simulators
from tests.integration.running_modules import read, run_module
from tests.integration.running_plays import play, servers
from tests.unit.plugins.module_utils._adapters.veeam.aws.test_records import appliance

CONTEXT = vprotect.Context(frozenset(), {}, lambda _rule, _word: {}, include_raw=False)
AWS = "veeam_restore_points_info"


@situation(
    "The server does not know the filter for one machine, and answers with the points of all",
    careless="each of three machines has the 2 points of all",
    control=COUNT,
    result="fail",
    words="number of recovery points is 0",
)
def test_filter_that_the_server_ignores(serve: Callable[..., Any]) -> Pair:
    policy = {"recovery_points": {"minimum": 1}}
    idle = [{"match": {"workload_id": "vm-3"}, "reason": "has none"}]

    def of(*, honoured: bool) -> Trap:
        server = serve(appliance(honours_filter=honoured))
        login = {"url": server.url, "username": "auditor", "password": "secret-word", "ca_path": server.ca_path}
        ended = run_module(AWS, {**login, "product": "aws", "workload_types": ["vm"]})
        return judged_now(told(ended), policy, exclude=idle, max_read_age="1d")

    return of(honoured=False), of(honoured=True)


def backups(numbers: Iterable[int]) -> list[dict[str, Any]]:
    """vProtect's rows of a chain: a full backup (0) and increments, each on the one before, newest first."""
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
    "The increments lie on a backup that has been removed",
    careless="8 backups ended with success, and their files are present",
    control=COUNT,
    result="fail",
    words="number of recovery points is 3",
)
def test_parent_is_gone() -> Pair:
    def of(rows: list[dict[str, Any]]) -> Trap:
        points: list[RecoveryPoint] = []
        chains = Chains(points.append)
        for row in rows:
            record = Records((), include_raw=False).get(row)
            point = vprotect.point_of(record, vprotect.workload_of(record), CONTEXT)
            assert point is not None
            chains.add(point, record.parent if CONTEXT.said(record.words).needs_parent else None)
        chains.finish(whole=True)
        return judged(observed(points), SEVEN)

    return of(backups([0, 1, 2, 4, 5, 6, 7, 8])), of(backups(range(9)))


@situation(
    "A legal hold lies on the backups",
    careless="they cannot be deleted, so they are immutable",
    control="immutable.minimum",
    result="fail",
    words="cannot tell whether there are at least 1 immutable",
)
def test_legal_hold_is_no_immutability(simulators: Simulators) -> Pair:
    simulators.ask("unitrends", "__variant", {"hold_days": 12})
    policy = {"immutable": {"minimum": 1}}
    return one(simulators, "unitrends", "web-01", policy), one(simulators, "unitrends", "web-01", SEVEN)


@situation(
    "allow_partial lets the module return what it could read",
    careless="the task ended well",
    control="read.complete",
    result="fail",
    words="is not complete",
)
def test_partial_answer_is_allowed(simulators: Simulators) -> Pair:
    straight = judged_now(told(read(simulators.ready, "unitrends", names=["web-01"])), SEVEN)
    simulators.ask("unitrends", "__variant", {"remote_status": "not available"})
    partial = told(read(simulators.ready, "unitrends", names=["web-01"], allow_partial=True))
    return judged_now(partial, SEVEN), straight


@situation(
    "Pages are shorter than asked for",
    careless="a page that is not full is the last one",
    control=COUNT,
    result="pass",
    words="number of recovery points is 30",
)
def test_short_pages(simulators: Simulators) -> Pair:
    simulators.ask(EM, "__variant", {"page_cap": 9})
    policy = {"recovery_points": {"minimum": 30}}
    return one(simulators, EM, "web-01", policy), one(simulators, EM, "web-01", {"recovery_points": {"minimum": 31}})


def compliance(simulators: Simulators, folder: Path, hosts: dict[str, Any] | None = None, **variables: Any) -> Trap:
    """The role over the vProtect server of the simulators and some more hosts."""
    every = servers(simulators.ready)["backup_servers"]["hosts"]
    good = {**every["vprotect"], "backup_names": ["web-01"]}
    inventory = {"backup_servers": {"hosts": {"vprotect": good, **(hosts or {})}}}
    return play(
        "backup.audit.compliance",
        folder,
        inventory=inventory,
        variables={"compliance_policy": SEVEN, "compliance_output": str(folder / "evidence"), **variables},
    )


@situation(
    "One server stands twice in the inventory, under two names",
    careless="two servers, twice as many points",
    result=REFUSED,
    words="its workloads would count twice",
)
def test_one_url_under_two_names(simulators: Simulators, tmp_path: Path) -> Pair:
    again = servers(simulators.ready)["backup_servers"]["hosts"]["vprotect"]
    return compliance(simulators, tmp_path, {"again": again}), compliance(simulators, tmp_path)


@situation(
    "A host of the inventory has no URL",
    careless="there is nothing to read, so nothing can fail",
    result=REFUSED,
    words="needs backup_url",
)
def test_host_without_a_url(simulators: Simulators, tmp_path: Path) -> Pair:
    return compliance(simulators, tmp_path, {"forgotten": {"backup_product": "vprotect"}}), None


@situation(
    "The role's expected names are those of a group whose name is misspelled",
    careless="no expected workload is missing",
    result=REFUSED,
    words="expected: the list is empty",
)
def test_misspelled_group(simulators: Simulators, tmp_path: Path) -> Pair:
    return compliance(simulators, tmp_path, compliance_expected="{{ groups['prodution'] | default([]) }}"), compliance(
        simulators, tmp_path, compliance_expected=["web-01"]
    )


@situation(
    "The variable with the role's policy is misspelled",
    careless="all workloads keep the policy by default, which asks for less",
    result=REFUSED,
    words="has no compliance_polcy",
)
def test_misspelled_variable(simulators: Simulators, tmp_path: Path) -> Pair:
    of_their_own: dict[str, Any] = {"compliance_level": "gold", "compliance_other_variables": ["compliance_level"]}
    return compliance(simulators, tmp_path, compliance_polcy=SEVEN), compliance(simulators, tmp_path, **of_their_own)
