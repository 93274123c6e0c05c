# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Built-in policies: the results of a healthy workload, violations of each rule, and how users extend them."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
import yaml

from ansible_collections.backup.audit.plugins.module_utils._core.errors import OptionError
from ansible_collections.backup.audit.plugins.module_utils._core.times import HOUR
from ansible_collections.backup.audit.plugins.module_utils._policy.language.document import compile_document
from ansible_collections.backup.audit.plugins.module_utils._policy.language.presets import PRESETS
from tests.unit.plugins.module_utils._policy.policy_rows import EMPTY, NOW, ago, evaluate, gaps, read, row

NAMES = list(PRESETS)
# Rules that use no time: a wrong clock does not affect them.
TIMELESS = ("retired", "aws_bam_encrypted")


def facts(**members: Any) -> dict[str, Any]:
    """Build an attribute that all 400 points of the healthy workload have."""
    return {"count": 400, "newest": ago(hours=5), "oldest": ago(days=400), **members}


def healthy(**members: Any) -> dict[str, Any]:
    """Build a workload with everything known and no problems for more than a year."""
    names = ("recovery_points", "offsite", "immutable", "encrypted")
    places = (("repository", "disk"), ("bucket", "object"))
    known: dict[str, Any] = {
        "in_inventory": True,
        "recovery_points": 400,
        "oldest": ago(days=400),
        "gaps": gaps(every=25 * HOUR),
        "calendar": {"days": 400, "weeks": 57, "months": 13, "years": 2},
        "by_kind": {"incremental": 400},
        "attributes": {**{name: facts() for name in names}, "restore_tested": facts(tested_at=ago(days=30))},
        "locations": [
            {"location": name, "location_type": kind, "count": 400, "newest": ago(hours=5)} for name, kind in places
        ],
    }
    return row(**{**known, **members})


def with_facts(name: str, **members: Any) -> dict[str, Any]:
    """Build the healthy workload with another value of one attribute."""
    return healthy(attributes={**healthy()["attributes"], name: facts(**members)})


def results(workload: Any, policy: Any, **given: Any) -> dict[str, str]:
    """Control -> result, for findings about workloads."""
    assessment = evaluate(workload, policy, **given).plain()["findings"]
    return {one["control"]: one["result"] for one in assessment if one["workload_name"] is not None}


@pytest.mark.parametrize("name", NAMES)
def test_a_healthy_workload_passes(name: str) -> None:
    assessment = evaluate(healthy(), name)
    assert assessment.compliant, assessment.findings.worst_first(9)
    assert set(results(healthy(), name).values()) == {"pass"}


BROKEN: list[tuple[str, str, dict[str, Any]]] = [
    ("3-2-1-1-0", "recovery_points.max_age", healthy(newest=ago(hours=27))),
    ("3-2-1-1-0", "copies.min_count", healthy(locations=healthy()["locations"][:1])),
    ("3-2-1-1-0", "copies.min_count", healthy(in_inventory=False)),
    (
        "3-2-1-1-0",
        "locations.min_types",
        healthy(locations=[{**one, "location_type": "disk"} for one in healthy()["locations"]]),
    ),
    # The copies are three days old: they are not copies of the current state.
    (
        "3-2-1-1-0",
        "copies.min_count",
        healthy(locations=[{**one, "newest": ago(days=3)} for one in healthy()["locations"]]),
    ),
    ("3-2-1-1-0", "offsite.max_age", with_facts("offsite", newest=ago(days=3))),
    ("3-2-1-1-0", "immutable.max_age", with_facts("immutable", newest=ago(days=8))),
    ("3-2-1-1-0", "restore_tested.max_age", with_facts("restore_tested", tested_at=ago(days=91), newest=ago(days=92))),
    ("daily_26h", "recovery_points.max_age", healthy(newest=ago(hours=27))),
    ("daily_26h", "recovery_points.max_gap", healthy(gaps=gaps(every=27 * HOUR))),
    ("gfs", "recovery_points.max_age", healthy(newest=ago(hours=27))),
    ("gfs", "recovery_points.daily", healthy(calendar={"days": 6, "weeks": 57, "months": 13})),
    ("gfs", "recovery_points.weekly", healthy(calendar={"days": 400, "weeks": 3, "months": 13})),
    ("gfs", "recovery_points.monthly", healthy(calendar={"days": 400, "weeks": 57, "months": 11})),
    ("retired", "recovery_points.min_count", EMPTY),
    ("aws_bam_minimum_frequency_and_retention", "recovery_points.daily", healthy(calendar={"days": 34})),
    ("aws_bam_minimum_frequency_and_retention", "recovery_points.min_retention", healthy(oldest=ago(days=34))),
    ("aws_bam_encrypted", "encrypted.all", with_facts("encrypted", count=399, false=1)),
    ("aws_bam_minimum_retention", "recovery_points.min_retention", healthy(oldest=ago(days=34))),
    ("aws_bam_last_recovery_point_created", "recovery_points.max_age", healthy(newest=ago(hours=25))),
    ("aws_bam_cross_region_copy", "offsite.max_age", with_facts("offsite", newest=ago(days=3))),
    ("aws_bam_vault_lock", "immutable.max_age", with_facts("immutable", newest=ago(days=8))),
]


@pytest.mark.parametrize(("name", "control", "workload"), BROKEN)
def test_what_breaks_it(name: str, control: str, workload: dict[str, Any]) -> None:
    assert results(workload, name)[control] == "fail"
    assert not evaluate(workload, name).compliant


def test_every_control_of_every_ready_policy_is_broken_somewhere() -> None:
    rules = {(name, control.name) for name in NAMES for control in compile_document(name).tiers[0].controls}
    # locations.max_age passes whenever a location counts; it defines which ones do.
    assert rules - {(name, control) for name, control, _row in BROKEN} == {("3-2-1-1-0", "locations.max_age")}


@pytest.mark.parametrize("name", NAMES)
def test_nothing_passes_without_proof(name: str) -> None:
    unsure = {"recovery_points": {"count": 0, "unknown": 400, "newest_unknown": ago(hours=5)}}
    silent = {**EMPTY, "attributes": unsure}
    names = ("offsite", "immutable", "encrypted", "restore_tested")
    soft = {key: {"count": 0, "inferred": facts(), "declared": facts()} for key in names}
    situations = {
        "no workload": evaluate(read(), name),
        "no point": evaluate(EMPTY, name),
        "nothing is told of the points": evaluate(silent, name),
        "only inferred": evaluate({**silent, "attributes": {**unsure, **soft}}, name),
        "not wholly read": evaluate(read(healthy(), complete=False), name),
        "read too long ago": evaluate(healthy(), name, as_of=NOW + 25 * HOUR * 1_000_000),
        "only points in the future": evaluate({**EMPTY, "in_future": 30}, name),
        "nobody is judged": evaluate(healthy(), name, exclude=[{"match": {"source": "*"}, "reason": "off"}]),
        "the waiver ended yesterday": evaluate(
            EMPTY, name, waivers=[{"workload": "*", "control": "*", "until": "2026-11-20", "reason": "new"}]
        ),
    }
    with pytest.raises(OptionError, match="is before vbr1 was read"):
        evaluate(healthy(), name, as_of=NOW - HOUR * 1_000_000)
    assert [result for result, assessment in situations.items() if assessment.compliant] == []
    assert [result for result, one in situations.items() if one.frame["totals"]["verdicts"]["pass"]] == []


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("skew", [-3600, 3600])
def test_a_clock_that_is_off_proves_no_time(name: str, skew: int) -> None:
    server = {"host": "vbr1", "product": "spp", "clock_skew_seconds": skew}
    assert evaluate(read(healthy(), server=server), name).compliant is (name in TIMELESS)


def test_inferences_count_where_the_user_says_so() -> None:
    soft = with_facts("immutable", count=0, newest=None, oldest=None, inferred=facts())
    assert results(soft, "3-2-1-1-0")["immutable.max_age"] == "unknown"
    accepting: dict[str, Any] = {"extends": "3-2-1-1-0", "accept": ["reported", "inferred"]}
    assert evaluate(soft, accepting).compliant
    assert evaluate(soft, {"extends": "3-2-1-1-0", "immutable": {"accept": ["inferred"]}}).compliant


class TestExtends:
    def test_a_rule_of_ones_own_takes_the_place_of_the_ready_one(self) -> None:
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

    def test_what_is_ready_stays_as_it_is(self) -> None:
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

    def test_beside_it_in_one_file(self) -> None:
        text = yaml.safe_load("policy: 3-2-1-1-0\nexpected: [web01, web02]\n")
        assert results(healthy(), text)["expected.exists"] == "fail"

    def test_in_tiers(self) -> None:
        tiers = [
            {"name": "retired", "match": {"in_inventory": False}, "policy": "retired"},
            {"name": "others", "policy": {"extends": "daily_26h", "recovery_points": {"min_count": 7}}},
        ]
        gone = healthy(workload_name="gone", in_inventory=False, newest=ago(days=90))
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
    def test_refused(self, policy: Any, text: str) -> None:
        with pytest.raises(OptionError) as caught:
            compile_document(policy)
        assert str(caught.value).startswith(text)
