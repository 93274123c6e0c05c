# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Selection of workloads for a restore test: reproducible by anyone."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.backup.audit.plugins.filter.restore_record import restore_record
from ansible_collections.backup.audit.plugins.filter.restore_sample import restore_sample
from ansible_collections.backup.audit.plugins.module_utils._collect.collector import Collector
from ansible_collections.backup.audit.plugins.module_utils._core.model import Copy, RecoveryPoint, Workload
from ansible_collections.backup.audit.plugins.module_utils._core.times import DAY, SECOND


def read_result(
    *usable: bool | None, names: int = 20, kind: str = "full", detail: str = "recovery_points"
) -> dict[str, Any]:
    """Build a read result of ``names`` workloads, each with one point per day, newest last."""
    result = Collector("backup01", "restic", keep_points=detail == "recovery_points")
    for number in range(names):
        workload = Workload(id=f"id-{number}", name=f"host{number:02}", type="host")
        result.add_workload(workload)
        for day, state in enumerate(usable):
            created = result.now - (len(usable) - day) * DAY * SECOND
            result.add_point(
                RecoveryPoint(id=f"{number}-{day}", workload=workload, created=created, kind=kind, usable=state)
            )
    return result.result()


RESULT = read_result(True, True)


def workload_names(sample: list[dict[str, Any]]) -> list[str]:
    return [one["workload_name"] for one in sample]


def test_selection_depends_only_on_seed_and_date() -> None:
    first = restore_sample(RESULT, count=3, seed="2026", date="2026-11-21")
    assert len(first) == 3
    assert workload_names(first) == workload_names(
        restore_sample(read_result(True, False), count=3, seed="2026", date="2026-11-21")
    )
    # Expected values are fixed: with a different order, an auditor could not reproduce the selection.
    assert workload_names(first) == ["host18", "host19", "host07"]


def test_selection_differs_by_date_and_covers_most_workloads_in_a_month() -> None:
    days = [
        tuple(workload_names(restore_sample(RESULT, count=3, seed="2026", date=f"2026-11-{day:02}")))
        for day in range(1, 31)
    ]
    assert len(set(days)) == 30
    assert len({name for day in days for name in day}) >= 18


def test_the_newest_point_that_may_be_usable_is_selected() -> None:
    assert restore_sample(RESULT, workload_names=["host07"])[0]["point"]["id"] == "7-1"
    assert restore_sample(read_result(True, False), workload_names=["host07"])[0]["point"]["id"] == "7-0"
    assert restore_sample(read_result(True, None), workload_names=["host07"])[0]["point"]["id"] == "7-1"
    assert restore_sample(read_result(True, kind="backup"), workload_names=["host07"])[0]["point"]["id"] == "7-0"


def build_result(*points: tuple[str, str, tuple[str, ...]]) -> dict[str, Any]:
    """Build a read result of one point for each workload id, name and locations; later ones are newer."""
    result = Collector("backup01", "restic", keep_points=True)
    for number, (identity, name, locations) in enumerate(points):
        workload = Workload(id=identity, name=name, type="host")
        copies = [Copy(location=location) for location in locations]
        created = result.now - (len(points) - number) * DAY * SECOND
        result.add_point(
            RecoveryPoint(
                id=str(number), workload=workload, created=created, kind="full", usable=True, copies=copies or None
            )
        )
    return result.result()


def test_all_workloads_with_the_same_name_are_selected() -> None:
    result = build_result(("web01 /etc", "web01", ()), ("web01 /data", "web01", ()), ("db01 /etc", "db01", ()))
    chosen = {
        tuple(sorted(one["workload_id"] for one in restore_sample(result, date=str(number)))) for number in range(20)
    }
    assert chosen == {("web01 /data", "web01 /etc"), ("db01 /etc",)}
    assert len(restore_sample(result, count=2)) == 3


def test_each_location_is_selected_within_a_few_days() -> None:
    """The newest point of the location is selected each time."""
    result = build_result(
        ("main", "main", ("repo1",)), ("main", "main", ("repo2",)), ("main", "main", ("repo1", "repo3"))
    )
    chosen: dict[str, str] = {}
    for number in range(30):
        (one,) = restore_sample(result, seed="2026", date=f"2026-11-{number:02}")
        assert chosen.setdefault(one["location"], one["point"]["id"]) == one["point"]["id"]
        assert restore_sample(result, seed="2026", date=f"2026-11-{number:02}") == [one]
    assert chosen == {"repo1": "2", "repo2": "1", "repo3": "2"}


def test_a_point_without_a_location_can_be_selected() -> None:
    (one,) = restore_sample(build_result(("web01", "web01", ())))
    assert (one["location"], one["point"]["id"]) == (None, "0")


@pytest.mark.parametrize(
    "lost",
    [read_result(False), read_result(), read_result(True, kind="snapshot"), read_result(True, kind="unknown")],
    ids=["unusable", "no point", "snapshot", "unknown"],
)
def test_workloads_without_points_can_be_selected(lost: dict[str, Any]) -> None:
    assert restore_sample(lost, workload_names=["host07"])[0]["point"] is None


def test_selection_by_names_and_patterns() -> None:
    assert workload_names(restore_sample(RESULT, workload_names=["HOST01", "host1[0-2]"])) == [
        "host01",
        "host10",
        "host11",
        "host12",
    ]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"workload_names": ["host01", "nobody"]}, "no workload matches 'nobody'"),
        ({"count": 0}, "count: 0 is less than 1"),
    ],
)
def test_misleading_selections_are_rejected(given: dict[str, Any], message: str) -> None:
    with pytest.raises(AnsibleFilterError, match=message):
        restore_sample(RESULT, **given)


def test_read_results_without_workloads_or_points_are_rejected() -> None:
    with pytest.raises(AnsibleFilterError, match="no workload to restore"):
        restore_sample(read_result(names=0))
    with pytest.raises(AnsibleFilterError, match="detail: recovery_points"):
        restore_sample(read_result(True, detail="workloads"))
    with pytest.raises(AnsibleFilterError, match="the read result was altered"):
        restore_sample({**RESULT, "workloads": []})


@pytest.mark.parametrize(
    ("listed", "message"),
    [
        ("7-1", "recovery_points: not a list of recovery points"),
        (["7-1"], "recovery_points: not a list of recovery points"),
        ([{**RESULT["recovery_points"][0], "kind": ["full"]}], r"recovery_points\[0\]\.kind: invalid value \['full'\]"),
        ([{**RESULT["recovery_points"][0], "workload_id": 7}], r"recovery_points\[0\]\.workload_id: invalid value 7"),
        ([{**RESULT["recovery_points"][0], "usable": "no"}], r"recovery_points\[0\]\.usable: invalid value 'no'"),
        ([{**RESULT["recovery_points"][0], "created_at": "now"}], r"recovery_points\[0\]\.created_at: .*'now'"),
        ([{**RESULT["recovery_points"][0], "copies": "repo1"}], r"recovery_points\[0\]\.copies: invalid value 'repo1'"),
        ([{"id": "7-1"}], r"recovery_points\[0\]\.kind: invalid value None"),
    ],
)
def test_listed_points_are_validated(listed: object, message: str) -> None:
    with pytest.raises(AnsibleFilterError, match=message):
        restore_sample({**RESULT, "recovery_points": listed})


def test_invalid_records_are_rejected() -> None:
    with pytest.raises(
        AnsibleFilterError, match="a restore test has no valid workload_name, point_created_at, tested_at, result"
    ):
        restore_record([{"source": "backup01"}])
    assert restore_record([])["tests"] == []
