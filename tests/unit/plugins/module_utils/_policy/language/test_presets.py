# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Built-in policies: the results of a healthy workload, violations of each rule, and how users extend them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
import yaml

from ansible_collections.backup.audit.plugins.module_utils._core.errors import OptionError
from ansible_collections.backup.audit.plugins.module_utils._core.model import Copy, RecoveryPoint
from ansible_collections.backup.audit.plugins.module_utils._core.times import HOUR, SECOND, parse_time
from ansible_collections.backup.audit.plugins.module_utils._policy.language.document import compile_document
from ansible_collections.backup.audit.plugins.module_utils._policy.language.presets import PRESETS
from tests.unit.plugins.module_utils._policy.policy_points import (
    EMPTY,
    NOW,
    Row,
    evaluate,
    moment,
    nightly,
    point,
    read,
    row,
)

NAMES = list(PRESETS)
# Rules that do not use times, so a wrong clock does not affect them.
TIMELESS = ("retired", "aws_bam_encrypted")
FACTS = ("offsite", "immutable", "encrypted", "restore_tested")


def nights(tested: int) -> list[RecoveryPoint]:
    """Build a point for each of 400 nights; points that existed ``tested`` days ago were tested then."""
    points = nightly(400, **dict.fromkeys(FACTS, True), locations=[("repository", "disk"), ("bucket", "object")])
    for one in points:
        one.restore_tested = one.created <= moment(days=tested)
        one.tested_at = moment(days=tested) if one.restore_tested else None
    return points


# Everything is known, and there are no problems.
POINTS = nights(tested=30)


def log_range(since: float, until: float, **facts: Any) -> RecoveryPoint:
    """Build a range, in hours ago, in which every moment can be restored."""
    ends = {"restorable_from": moment(hours=since), "restorable_until": moment(hours=until)}
    return point(hours=since, kind="continuous", **ends, **facts)


def points_for(name: str, **facts: Any) -> list[RecoveryPoint]:
    """Build the points of the healthy workload for a built-in policy, with other facts of all of them."""
    points = [*POINTS, log_range(30 * 24, 0.25)] if name == "pitr" else POINTS
    return [dataclasses.replace(one, **facts) for one in points]


def healthy(points: list[RecoveryPoint] = POINTS, **identity: Any) -> Row:
    """Build a workload with these points that the inventory lists."""
    return row(points, **{"in_inventory": True, **identity})


def changed(number: int, **facts: Any) -> Row:
    """Build the healthy workload with other facts of the newest points."""
    return healthy([dataclasses.replace(one, **facts) for one in POINTS[:number]] + POINTS[number:])


def without(is_missing: Callable[[int], bool]) -> Row:
    """Build the healthy workload without some nights, by their number."""
    return healthy([one for night, one in enumerate(POINTS) if not is_missing(night)])


def is_of_january(night: int) -> bool:
    start, end = (parse_time(f"2026-{month}-01T00:00:00Z") for month in ("01", "02"))
    return start <= POINTS[night].created < end


def results(workload: Any, policy: Any, **given: Any) -> dict[str, str]:
    """Control -> result, for findings about workloads."""
    assessment = evaluate(workload, policy, **given).plain()["findings"]
    return {one["control"]: one["result"] for one in assessment if one["workload_name"] is not None}


@pytest.mark.parametrize("name", NAMES)
def test_a_healthy_workload_passes(name: str) -> None:
    workload = healthy(points_for(name))
    assessment = evaluate(workload, name)
    assert assessment.compliant, assessment.findings.worst_first(9)
    assert set(results(workload, name).values()) == {"pass"}


DISK = Copy(location="repository", location_type="disk")
LAST_NIGHT = without(lambda night: night == 0)
BROKEN: list[tuple[str, str, Row]] = [
    ("3-2-1-1-0", "recovery_points.max_age", LAST_NIGHT),
    ("3-2-1-1-0", "copies.min_count", changed(400, copies=[DISK])),
    ("3-2-1-1-0", "copies.min_count", healthy(in_inventory=False)),
    (
        "3-2-1-1-0",
        "locations.min_types",
        changed(400, copies=[DISK, Copy(location="bucket", location_type="disk")]),
    ),
    # The newest copy in the bucket is three days old: it is not a copy of the current state.
    ("3-2-1-1-0", "copies.min_count", changed(3, copies=[DISK])),
    ("3-2-1-1-0", "offsite.max_age", changed(3, offsite=False)),
    ("3-2-1-1-0", "immutable.max_age", changed(8, immutable=False)),
    ("3-2-1-1-0", "restore_tested.max_age", healthy(nights(tested=91))),
    ("daily_26h", "recovery_points.max_age", LAST_NIGHT),
    ("daily_26h", "recovery_points.max_gap", without(lambda night: night == 3)),
    ("gfs", "recovery_points.max_age", LAST_NIGHT),
    ("gfs", "recovery_points.daily", without(lambda night: night == 6)),
    # The week from 26 October to 1 November.
    ("gfs", "recovery_points.weekly", without(lambda night: 20 <= night <= 26)),
    ("gfs", "recovery_points.monthly", without(is_of_january)),
    ("pitr", "backup_types.continuous.max_age", healthy([log_range(30 * 24, 1.1)])),
    # A gap of two hours, three days ago; the base backups alone do not close it.
    ("pitr", "backup_types.continuous.max_gap", healthy([log_range(720, 74), log_range(72, 0.25), *POINTS])),
    ("retired", "recovery_points.min_count", row(EMPTY)),
    ("aws_bam_minimum_frequency_and_retention", "recovery_points.daily", without(lambda night: night == 34)),
    ("aws_bam_minimum_frequency_and_retention", "recovery_points.min_retention", healthy(POINTS[:35])),
    ("aws_bam_encrypted", "encrypted.all", changed(1, encrypted=False)),
    ("aws_bam_minimum_retention", "recovery_points.min_retention", healthy(POINTS[:35])),
    ("aws_bam_last_recovery_point_created", "recovery_points.max_age", LAST_NIGHT),
    ("aws_bam_cross_region_copy", "offsite.max_age", changed(3, offsite=False)),
    ("aws_bam_vault_lock", "immutable.max_age", changed(8, immutable=False)),
]


@pytest.mark.parametrize(("name", "control", "workload"), BROKEN)
def test_violations(name: str, control: str, workload: Row) -> None:
    assert results(workload, name)[control] == "fail"
    assert not evaluate(workload, name).compliant


def test_every_control_of_built_in_policies_has_a_violation() -> None:
    rules = {(name, control.name) for name in NAMES for control in compile_document(name).tiers[0].controls}
    # locations.max_age passes if any location counts, because it defines which locations count.
    assert rules - {(name, control) for name, control, _row in BROKEN} == {("3-2-1-1-0", "locations.max_age")}


@pytest.mark.parametrize("name", NAMES)
def test_nothing_passes_without_proof(name: str) -> None:
    unsure: dict[str, Any] = {**dict.fromkeys(FACTS), "usable": None, "copies": None, "tested_at": None}
    inferred: dict[str, Any] = {"usable": None, "inferred": FACTS, "copies": None, "tested_at": None}
    situations = {
        "no workload": evaluate(read(), name),
        "no point": evaluate(row(EMPTY), name),
        "nothing is known about the points": evaluate(healthy(points_for(name, **unsure)), name),
        "only inferred": evaluate(healthy(points_for(name, **inferred)), name),
        "only counted": evaluate(row(EMPTY, counted=400), name),
        "without times": evaluate(healthy([point(created=0, usable=None)] * 400), name),
        "not completely read": evaluate(read(healthy(points_for(name)), complete=False), name),
        "read too long ago": evaluate(healthy(points_for(name)), name, as_of=NOW + 25 * HOUR * SECOND),
        "only points in the future": evaluate(row([point(days=-1), point(days=-2)]), name),
        "all are excluded": evaluate(healthy(), name, exclude=[{"match": {"source": "*"}, "reason": "off"}]),
        "the waiver ended yesterday": evaluate(
            row(EMPTY), name, waivers=[{"workload": "*", "control": "*", "until": "2026-11-20", "reason": "new"}]
        ),
    }
    with pytest.raises(OptionError, match="is before vbr1 was read"):
        evaluate(healthy(), name, as_of=NOW - HOUR * SECOND)
    assert [result for result, assessment in situations.items() if assessment.compliant] == []
    assert [result for result, one in situations.items() if one.frame["totals"]["verdicts"]["pass"]] == []


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("skew", [-3600, 3600])
def test_a_wrong_clock_does_not_prove_times(name: str, skew: int) -> None:
    sealed = read(healthy(points_for(name)), server={"clock_skew_seconds": skew})
    assert evaluate(sealed, name).compliant is (name in TIMELESS)


def test_inferred_values_count_if_the_user_accepts_them() -> None:
    soft = changed(400, inferred=("immutable",))
    assert results(soft, "3-2-1-1-0")["immutable.max_age"] == "unknown"
    accepting: dict[str, Any] = {"extends": "3-2-1-1-0", "accept": ["reported", "inferred"]}
    assert evaluate(soft, accepting).compliant
    assert evaluate(soft, {"extends": "3-2-1-1-0", "immutable": {"accept": ["inferred"]}}).compliant


class TestExtends:
    def test_own_rules_override_built_in_rules(self) -> None:
        own = {
            "extends": "gfs",
            "recovery_points": {"monthly": 3, "min_count": 9},
            "warn_at": "80%",
            "full": {"weekly": 4},
        }
        assert compile_document(own).definition == {
            "recovery_points": {"max_age": "26h", "daily": 7, "weekly": 4, "monthly": 3, "min_count": 9},
            "full": {"weekly": 4},
            "warn_at": "80%",
        }

    def test_a_rule_about_one_type_of_backup(self) -> None:
        own = {"extends": "pitr", "backup_types": {"continuous": {"max_age": "15m"}, "full": {"max_age": "7d"}}}
        assert compile_document(own).definition == {
            "backup_types": {
                "continuous": {"max_age": "15m", "max_gap": {"limit": "1h", "within": "7d"}},
                "full": {"max_age": "7d"},
            }
        }

    def test_built_in_policies_are_not_modified(self) -> None:
        before = deepcopy(dict(PRESETS))
        evaluate(healthy(), {"extends": "gfs", "recovery_points": {"monthly": 3}, "expected": ["web01"]})
        assert before == PRESETS

    @pytest.mark.parametrize(
        "policy",
        [
            "gfs",
            {"extends": "gfs"},
            {"policy": "gfs"},
            {"policy": {"extends": "gfs"}},
        ],
    )
    def test_the_assessment_shows_the_policy_in_force(self, policy: Any) -> None:
        assessment = evaluate(healthy(), policy, max_data_age="2d").plain()["policy"]
        assert assessment == {**PRESETS["gfs"], "max_data_age": "2d"}
        again = evaluate(healthy(), assessment)
        assert again.plain() == evaluate(healthy(), policy, max_data_age="2d").plain()

    def test_extends_next_to_a_policy_in_one_file(self) -> None:
        text = yaml.safe_load("policy: 3-2-1-1-0\nexpected: [web01, web02]\n")
        assert results(healthy(), text)["expected.exists"] == "fail"

    def test_extends_in_tiers(self) -> None:
        tiers = [
            {"name": "retired", "match": {"in_inventory": False}, "policy": "retired"},
            {"name": "others", "policy": {"extends": "daily_26h", "recovery_points": {"min_count": 7}}},
        ]
        gone = healthy(POINTS[90:], name="gone", id="id-2", in_inventory=False)
        assessment = evaluate([read(healthy(), gone)], {"policies": tiers})
        assert assessment.compliant
        evaluated = assessment.plain()
        assert {(one["workload_name"], one["tier"]) for one in evaluated["findings"] if one["workload_name"]} == {
            ("web01", "others"),
            ("gone", "retired"),
        }
        assert evaluated["policy"]["policies"][0]["policy"] == PRESETS["retired"]
        assert evaluated["policy"]["policies"][1]["policy"]["recovery_points"] == {
            **PRESETS["daily_26h"]["recovery_points"],
            "min_count": 7,
        }

    @pytest.mark.parametrize(
        ("policy", "text"),
        [
            (
                "3-2-1",
                "policy: unknown built-in policy '3-2-1'. Did you mean '3-2-1-1-0'? Available: 3-2-1-1-0, daily_26h",
            ),
            ("", "policy: unknown built-in policy ''. Available: "),
            (
                "full: {all: true}",
                "policy: unknown built-in policy 'full: {all: true}'. A text is the name of a built-in policy.",
            ),
            ({"extends": "dayly"}, "policy.extends: unknown built-in policy 'dayly'"),
            ({"extends": ["gfs"]}, "policy.extends: unknown built-in policy ['gfs']. Did you mean 'gfs'?"),
            ({"extends": None}, "policy.extends: unknown built-in policy None"),
            ({"policy": "gsf"}, "policy.policy: unknown built-in policy 'gsf'. Did you mean 'gfs'?"),
            ({"extend": "gfs"}, "policy.extend: unknown key. Did you mean 'extends'?"),
            ({"policies": [{"name": "a", "policy": "gsf"}]}, "policies[0].policy: unknown built-in policy 'gsf'"),
            (
                {"policies": [{"name": "a", "policy": {"extends": "gsf"}}]},
                "policies[0].policy.extends: unknown built-in policy 'gsf'",
            ),
            (
                {"extends": "gfs", "policies": [{"name": "a", "policy": "gfs"}]},
                "policy.extends: not valid next to policies",
            ),
            ({"extends": "gfs", "recovery_points": None}, "policy.recovery_points: None is not a mapping"),
            ({"extends": "gfs", "policy": {"full": {"weekly": 1}}}, "policy.policy: unknown key"),
        ],
    )
    def test_rejected_policies(self, policy: Any, text: str) -> None:
        with pytest.raises(OptionError) as caught:
            compile_document(policy)
        assert str(caught.value).startswith(text)
