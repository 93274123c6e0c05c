# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two assessments of one estate: what got worse, better, appeared, went, and was taken out of judgement."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.filter.compare_assessments import compare_assessments
from tests.unit.plugins.module_utils._policy.policy_rows import EMPTY, ago
from tests.unit.plugins.plugin_utils.assessments import UNREAD, estate, judged, plain, point_row, server

LISTS = ("worse", "better", "new", "gone", "excluded", "included")


def late(name: str, **members: Any) -> dict[str, Any]:
    """A workload whose newest point is too old."""
    point = {"count": 30, "newest": ago(days=4), "oldest": ago(days=30)}
    facets = {**point_row("a")["facets"], "recovery_points": point}
    return point_row(name, **{"newest": ago(days=4), "facets": facets, **members})


def of(*rows: dict[str, Any], **beside: Any) -> str:
    """The ASSESSMENT of one server with these."""
    return judged(server("vbr1", *rows), **beside)


def names(told: dict[str, Any]) -> dict[str, list[str | None]]:
    """List -> names in it, of lists that hold any."""
    return {name: [one["workload_name"] for one in told[name]] for name in LISTS if told[name]}


def test_nothing_changed() -> None:
    """An assessment beside itself."""
    told = compare_assessments(estate(), estate())
    assert names(told) == {}
    assert told["same_policy"] is True
    findings = plain(estate())["findings"]
    places = {tuple(one[key] for key in ("source", "origin", "workload_id", "workload_name")) for one in findings}
    assert told["totals"]["unchanged"] == len(places)


def test_worse_and_better_say_why() -> None:
    """With the verdicts, and the controls that changed."""
    before, after = of(point_row("a"), late("b"), point_row("c")), of(late("a"), point_row("b"), point_row("c"))
    told = compare_assessments(after, before)
    assert names(told) == {"worse": ["a"], "better": ["b"]}
    (worse,) = told["worse"]
    assert (worse["before"], worse["after"], worse["workload_type"]) == ("pass", "fail", "vm")
    (control,) = worse["controls"]
    assert (control["control"], control["before"], control["after"]) == (
        "recovery_points.newest_within",
        "pass",
        "fail",
    )
    assert "4d old" in control["message"]
    assert told["totals"]["unchanged"] == 2


def test_the_same_verdict_for_one_more_reason_is_worse() -> None:
    """And for one less it is better; one that got worse is not made up for by one that got better."""
    good, one, two = point_row("b"), late("a"), {**EMPTY, "workload_name": "a", "workload_id": "id of a"}
    assert names(compare_assessments(of(two, good), of(one, good))) == {"worse": ["a"]}
    few = {"count": 3, "newest": ago(hours=3), "oldest": ago(days=30)}
    other = point_row("a", recovery_points=3, facets={**point_row("a")["facets"], "recovery_points": few})
    assert names(compare_assessments(of(other), of(one))) == {"worse": ["a"]}
    both = late("a", recovery_points=3, facets={**other["facets"], "recovery_points": {**few, "newest": ago(days=4)}})
    assert names(compare_assessments(of(one), of(both))) == {"better": ["a"]}


def test_out_of_sight_is_not_gone() -> None:
    """A workload whose server was not read now may be where it was."""
    before = judged(server("vbr1", point_row("a")), server("vbr2", point_row("b"), point_row("c")))
    after = judged(server("vbr1", point_row("a")), server("vbr2", point_row("b")))
    assert [(one["workload_name"], one["source_unread"]) for one in compare_assessments(after, before)["gone"]] == [
        ("c", False)
    ]
    dark = judged(server("vbr1", point_row("a")), {**UNREAD, "server": {"host": "vbr2"}})
    told = compare_assessments(dark, before)
    assert [(one["workload_name"], one["source_unread"]) for one in told["gone"]] == [("b", True), ("c", True)]
    # The server itself got worse.
    assert [(one["source"], one["workload_name"], one["after"]) for one in told["worse"]] == [("vbr2", None, "fail")]
    assert names(compare_assessments(before, after)) == {"new": ["c"]}


def test_judged_no_more_is_not_better() -> None:
    """A workload that fails and is then excluded makes the whole compliant; it is told all the same."""
    exclude = [{"match": {"workload_name": "a"}, "reason": "no longer wanted"}]
    before, after = of(late("a"), point_row("b")), of(late("a"), point_row("b"), exclude=exclude)
    told = compare_assessments(after, before)
    assert (told["before"]["compliant"], told["after"]["compliant"], told["same_policy"]) == (False, True, False)
    assert names(told) == {"excluded": ["a"]}
    assert names(compare_assessments(before, after)) == {"included": ["a"]}


@pytest.mark.parametrize("name", ["before", "after"])
def test_both_are_named(name: str) -> None:
    """When, by which policy, and with which READs."""
    told = compare_assessments(estate(), before=estate())[name]
    assessment = plain(estate())
    assert told["as_of"] == assessment["as_of"]
    assert told["policy_sha256"] == assessment["policy_sha256"]
    assert told["reads"][0]["sha256"] == assessment["reads"][0]["sha256"]
    assert told["totals"] == assessment["totals"]
