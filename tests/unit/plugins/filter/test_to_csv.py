# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CSV, parsed with csv: every finding is a line, and no cell is a formula."""

from __future__ import annotations

import csv
import io

from ansible_collections.backup.audit.plugins.filter.to_csv import to_csv
from tests.unit.plugins.module_utils._policy.policy_points import moment, point
from tests.unit.plugins.plugin_utils.assessments import (
    compressed_assessment,
    daily_points,
    estate,
    plain,
    point_row,
    server,
)


def lines(compressed: str) -> list[dict[str, str]]:
    """Return the lines below the headings."""
    return list(csv.DictReader(io.StringIO(to_csv(compressed), newline=""), strict=True))


def test_every_finding_has_a_line() -> None:
    """In the order of the assessment, after the line of the whole assessment."""
    result, assessment = lines(estate()), plain(estate())
    assert result[0]["record"] == "assessment"
    assert result[0]["verdict"] == "not compliant"
    assert result[0]["message"] == assessment["headline"]
    assert result[1]["record"] == "policy"
    assert '"max_age":"6h"' in result[1]["message"]
    assert {line["record"] for line in result[2:]} == {"finding"}
    assert [(line["control"], line["result"]) for line in result[2:]] == [
        (one["control"], one["result"]) for one in assessment["findings"]
    ]
    assert all(None not in line and None not in line.values() for line in result)


def test_restorable_range_columns() -> None:
    ends = {"restorable_from": moment(days=9), "restorable_until": moment(hours=2)}
    database = point_row("db01", [*daily_points(), point(days=9, kind="continuous", **ends)])
    found = lines(compressed_assessment(server("vbr1", database)))[1:]
    assert {(line["restorable_from"], line["restorable_until"]) for line in found if line["workload_name"]} == {
        ("2026-11-12T07:00:00Z", "2026-11-21T05:00:00Z")
    }


def test_each_line_is_self_contained() -> None:
    """Each line has workload, read result and finding, so that lines can be filtered and sorted."""
    (line,) = (
        line
        for line in lines(estate())
        if line["workload_name"] == "late" and line["control"] == "recovery_points.max_age"
    )
    read = plain(estate())["data_sources"][1]
    expected = {
        "source": "vbr1.example.com",
        "workload_id": "id of late",
        "workload_type": "vm",
        "platform": "vmware",
        "recovery_points": "12",
        "newest": "2026-11-17T07:00:00Z",
        "verdict": "fail",
        "result": "fail",
        "limit": "93600",
        "certainty": "reported",
        "tier": "silver",
        "waiver": "ended 2026-01-01: was to be removed",
        "read_version": "12.3.1",
        "read_at": read["read_at"],
        "read_sha256": read["sha256"],
        "read_complete": "true",
        "collection_version": "1.2.3",
        "as_of": "2026-11-21T07:00:00Z",
    }
    assert {name: line[name] for name in expected} == expected
    assert "NIST SP 800-53 CP-9" in line["references"]


def test_formulas_are_escaped() -> None:
    """An apostrophe marks it as text. Numbers remain numbers."""
    result = lines(estate())
    names = {line["workload_name"] for line in result}
    assert {"'=cmd|' /C calc'!A0", "' +1+1"} <= names
    for line in result:
        for cell in line.values():
            assert not cell.lstrip().startswith(("=", "+", "-", "@", "\t", "\r"))


def test_unknown_values_are_empty() -> None:
    """An unknown workload has no number of points, and a server that was not read has no digest."""
    result = lines(estate())
    (missing,) = (line for line in result if line["workload_name"] == "missing.example.com")
    assert (missing["recovery_points"], missing["newest"], missing["result"]) == ("", "", "unknown")
    (dark,) = (line for line in result if line["source"] == "dark.example.com")
    assert (dark["read_complete"], dark["read_sha256"], dark["result"]) == ("false", "", "fail")
