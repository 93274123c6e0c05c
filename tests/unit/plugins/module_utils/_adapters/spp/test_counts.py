# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Spectrum Protect Plus: which counted entries are certainly recovery points (detail: counts)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.backup.audit.plugins.module_utils._core.errors import InvalidResponseError
from ansible_collections.backup.audit.plugins.module_utils._core.times import parse_time
from tests.unit.plugins.module_utils._adapters.spp.appliance import CATALOG, Appliance, Outcome, child, listing, read
from tests.unit.plugins.module_utils._policy.policy_points import evaluate

_COPIES = ("BACKUP", "REPLICATION", "SPPOFFLOAD", "SPPARCHIVE")
_TYPES = (*_COPIES, "SNAPSHOT", "MIRROR", "VMCOPY", "HYBRID", "SOMETHING", None)
Entries = Mapping[tuple[str, "str | None"], int]


def aggregate(entries: Entries, grouping: str = "honored", *, ignores_filter: bool = False) -> Callable[..., Any]:
    """Respond to aggregate requests over these entries: (primary key, type) -> number."""

    def respond(query: dict[str, str], body: Any) -> Any:
        (condition,) = json.loads(query["filter"])
        is_grouped = len(body["group"]) > 1
        if is_grouped and grouping == "refused":
            return 400
        if condition["value"] != "0" and not ignores_filter:
            return {"links": {}, "results": []}
        results: dict[str, dict[str, Any]] = {}
        for (pk, kind), number in entries.items():
            identity: dict[str, Any] = {"pk": pk}
            if is_grouped and grouping == "honored":
                identity["protectionInfo"] = {"subPolicyType": kind}
            if is_grouped and grouping == "flat":
                identity["protectionInfo.subPolicyType"] = kind
            # Some group by both keys, but return only one.
            key = json.dumps([identity, kind if is_grouped and grouping == "half" else None])
            group = results.setdefault(key, {"_id": identity, "count": 0})
            group["count"] += number + ignores_filter
        return {"links": {}, "results": list(results.values())}

    return respond


def count(entries: Entries, grouping: str = "honored", **more: Any) -> Outcome:
    """Read the counts of an appliance with these entries."""
    machines = sorted({pk for pk, _kind in entries})
    appliance = Appliance({f"GET {CATALOG}": listing("children", [child(pk) for pk in machines])})
    appliance.answers[f"POST {CATALOG}"] = aggregate(entries, grouping, **more)
    return read(appliance, detail="counts")


def verdict(outcome: Outcome, minimum: int) -> str:
    """Evaluate min_count for one machine: pass, fail or unknown."""
    read_at = parse_time(outcome.result["read_at"])
    assessment = evaluate([outcome.result], {"recovery_points": {"min_count": minimum}}, as_of=read_at)
    findings = [one for one in assessment.plain()["findings"] if one["control"] == "recovery_points.min_count"]
    return findings[0]["result"] if findings else "pass"


@pytest.mark.parametrize(
    ("types", "known", "possible"),
    [
        ({"BACKUP": 30}, 30, 30),
        ({"SNAPSHOT": 30}, 0, 0),
        ({"BACKUP": 10, "SNAPSHOT": 30}, 10, 10),
        ({"backup": 3}, 3, 3),
        ({"SPPARCHIVE": 7}, 7, 7),
        ({"REPLICATION": 7}, 7, 7),
        ({"SPPOFFLOAD": 7}, 7, 7),
        ({None: 5}, 0, 5),
        ({"HYBRID": 5}, 0, 5),
        ({"BACKUP": 2, "VMCOPY": 5}, 2, 7),
        # Replicas may be copies of the backups, or of backups that have expired.
        ({"BACKUP": 30, "REPLICATION": 30}, 30, 60),
        ({"BACKUP": 30, "REPLICATION": 40, "SPPOFFLOAD": 40}, 40, 110),
    ],
)
def test_counted_entries(types: dict[str | None, int], known: int, possible: int) -> None:
    """The known number counts entries that prove a point; the possible number counts all entries except snapshots."""
    outcome = count({("a", kind): number for kind, number in types.items()})
    assert outcome.rows["a"]["recovery_points"] == known
    assert outcome.rows["a"].get("undated", 0) == sum(types.values())
    if known:
        assert verdict(outcome, known) == "pass"
    assert verdict(outcome, known + 1) == ("unknown" if possible > known else "fail")
    if possible > known:
        assert "Use detail: workloads" in outcome.warnings[1]
    assert verdict(outcome, possible + 1) == "fail"


@given(
    entries=st.dictionaries(
        st.tuples(st.sampled_from(["a", "b"]), st.sampled_from(_TYPES)), st.integers(1, 40), min_size=1
    ),
    grouping=st.sampled_from(["honored", "refused", "ignored", "flat", "half"]),
    ignores_filter=st.booleans(),
)
def test_a_count_is_never_more_than_the_points(entries: Entries, grouping: str, ignores_filter: bool) -> None:
    """Regardless of how the server groups: at most the largest number of entries of one copy type."""
    outcome = count(entries, grouping, ignores_filter=ignores_filter)
    for pk, found in outcome.rows.items():
        most = max((number for (key, kind), number in entries.items() if key == pk and kind in _COPIES), default=0)
        is_proved = grouping == "honored" and not ignores_filter
        assert found["recovery_points"] == (most if is_proved else 0)
        total = sum(number + ignores_filter for (key, _kind), number in entries.items() if key == pk)
        assert found["undated"] == total
    if grouping != "honored" or ignores_filter:
        assert any("Use detail: workloads" in warning and "how many" in warning for warning in outcome.warnings)


def test_counts_that_differ() -> None:
    """A backup was created between the two requests, so only the types of this machine are unknown."""

    def respond(query: dict[str, str], body: Any) -> Any:
        number = 4 if len(body["group"]) > 1 else 3
        return aggregate({("a", "BACKUP"): number, ("b", "BACKUP"): 3})(query, body)

    appliance = Appliance({f"GET {CATALOG}": listing("children", [child("a"), child("b")])})
    appliance.answers[f"POST {CATALOG}"] = respond
    outcome = read(appliance, detail="counts")
    assert {pk: found["recovery_points"] for pk, found in outcome.rows.items()} == {"a": 0, "b": 3}
    assert outcome.rows["a"]["by_kind"] == {"unknown": 3}


def test_unprotected_machines_are_not_listed() -> None:
    outcome = count({("a", "BACKUP"): 3})
    assert outcome.result["server"]["scope"]["inventory"] is False
    assert [warning for warning in outcome.warnings if "does not list workloads without recovery points" in warning]


@pytest.mark.parametrize("status", [403, 404])
def test_names_that_cannot_be_listed(status: int) -> None:
    """Without names, a selection by name would select nothing: that is an error."""
    appliance = Appliance({f"GET {CATALOG}": status, f"POST {CATALOG}": aggregate({("a", "BACKUP"): 3})})
    assert read(appliance, detail="counts").rows["a"]["recovery_points"] == 3
    with pytest.raises(Exception, match=str(status)):
        read(appliance, detail="counts", workload_names=("name-*",))


def test_a_repeated_group() -> None:
    def respond(query: dict[str, str], body: Any) -> Any:
        document = aggregate({("a", "BACKUP"): 3})(query, body)
        document["results"] *= 2
        return document

    appliance = Appliance({f"GET {CATALOG}": listing("children", [child("a")]), f"POST {CATALOG}": respond})
    with pytest.raises(InvalidResponseError, match="a group twice"):
        read(appliance, detail="counts")
