# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The assessment in all its forms, and all forms of read results as input."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.backup.audit.plugins.module_utils._collect.result import sha256_hex
from ansible_collections.backup.audit.plugins.module_utils._core.errors import AuditError, DataError, OptionError
from ansible_collections.backup.audit.plugins.module_utils._core.model import RecoveryPoint
from ansible_collections.backup.audit.plugins.module_utils._policy.assessment import SCHEMA, open_assessment
from ansible_collections.backup.audit.plugins.module_utils._policy.evaluate import assess
from ansible_collections.backup.audit.plugins.module_utils._policy.inputs import gather
from tests.unit.plugins.module_utils._policy.policy_points import (
    EMPTY,
    NOW,
    SEVEN,
    VERSION,
    Row,
    ago,
    evaluate,
    moment,
    nightly,
    point,
    read,
    row,
)
from tests.unit.plugins.module_utils._policy.test_knowing_less_properties import POINTS

POLICY: dict[str, Any] = {
    "recovery_points": {"min_count": 7, "max_age": {"limit": "26h", "warn_at": "10%"}, "max_gap": "26h"},
    "full": {"max_age": "7d", "weekly": 4},
    "encrypted": {"all": True, "on_unknown": "warn"},
    "backup_types": {"snapshot": {"min_count": 1}},
}
WAIVERS = [{"workload": "web01", "control": "full.*", "until": "2026-12-31", "reason": "moved"}]
MIXED = (
    row(),
    row(EMPTY, id="id-2", name="empty"),
    row(EMPTY, id="id-3", name="counted", counted=30),
    row([*nightly(29, encrypted=True), point(days=29, encrypted=False)], id="id-4", name="Büro-\U0001f4be\x00"),
)


def compressed(*workload: Row, **members: Any) -> dict[str, Any]:
    """Build a compressed read result as a module returns it."""
    return {**read(*workload, compress=True, **members), "http_requests": {"count": 1}}


def assessed(read_results: Any, load: Callable[[str], bytes] = lambda _path: b"", **given_too: Any) -> str:
    """Return the compressed assessment of any input that contains read results."""
    result = gather(read_results, load)
    return assess(
        result, POLICY, as_of=NOW, collection_version=VERSION, options={"waivers": WAIVERS, **given_too}
    ).compress()


class TestShape:
    def test_top_level_fields(self) -> None:
        one = read(row(in_inventory=True))
        plain = evaluate(one, SEVEN, expected=["web01"]).plain()
        assert plain.pop("findings")
        assert plain.pop("workloads")
        assert plain == {
            "schema": SCHEMA,
            "as_of": "2026-11-21T07:00:00Z",
            "collection_version": "1.2.3",
            "policy": {"recovery_points": {"min_count": 7}, "expected": ["web01"]},
            "policy_sha256": sha256_hex(b'{"expected":["web01"],"recovery_points":{"min_count":7}}'),
            "data_sources": [
                {
                    "server": {
                        "host": "vbr1",
                        "product": "veeam_backup_replication",
                        "scope": {"inventory": True},
                        "inventory_types": ["vm"],
                    },
                    "read_at": "2026-11-21T07:00:00Z",
                    "selection": {},
                    "complete": True,
                    "sha256": one["sha256"],
                }
            ],
            "totals": {
                "workloads": 1,
                "verdicts": {"not_applicable": 0, "pass": 1, "waived": 0, "warn": 0, "unknown": 0, "fail": 0},
                "missing": {"not_applicable": 0, "pass": 0, "waived": 0, "warn": 0, "unknown": 0, "fail": 0},
                "findings": 5,
                "results": {"not_applicable": 0, "pass": 5, "waived": 0, "warn": 0, "unknown": 0, "fail": 0},
                "not_proved": 0,
                "blocking": 0,
            },
            "compliant": True,
            "headline": "Compliant: 1 of 1 workload passed",
        }

    def test_fields_of_a_finding(self) -> None:
        assessment = evaluate(
            row(origin="esx"), {"policies": [{"name": "gold", "policy": {"encrypted": {"all": True}}}]}
        )
        (finding,) = [one for one in assessment.plain()["findings"] if one["control"] == "encrypted.all"]
        assert finding.pop("references")[0] == "NIST SP 800-53 CP-9(8)"
        assert finding == {
            "source": "vbr1",
            "origin": "esx",
            "workload_id": "id-1",
            "workload_name": "web01",
            "control": "encrypted.all",
            "result": "unknown",
            "blocking": True,
            "limit": True,
            "limit_text": "yes",
            "actual": None,
            "certainty": "unknown",
            "message": (
                "cannot verify that all recovery points are encrypted: encryption status unknown for 30 recovery points"
            ),
            "tier": "gold",
            "waiver": None,
        }

    def test_findings_about_data_quality_have_no_references(self) -> None:
        for finding in evaluate(row(), POLICY).plain()["findings"]:
            assert bool(finding["references"]) is not finding["control"].startswith("data.")

    def test_the_result_of_a_workload_is_the_worst_finding(self) -> None:
        policy = {
            "recovery_points": {"min_count": 7, "max_age": {"limit": "6h", "warn_at": "50%"}},
            "full": {"daily": 1},
        }
        waivers = [{**WAIVERS[0], "control": "full.daily"}]
        assessment = evaluate(row(), {**policy, "waivers": waivers}).frame["totals"]
        assert assessment["results"] == {
            "not_applicable": 0,
            "pass": 4,
            "waived": 1,
            "warn": 1,
            "unknown": 0,
            "fail": 0,
        }
        assert assessment["verdicts"]["warn"] == 1

    def test_findings_without_passes_start_with_the_worst(self) -> None:
        findings = evaluate(read(*MIXED), {**POLICY, "waivers": WAIVERS}).findings
        result = [finding["result"] for finding in findings.worst_first(1000)]
        order = ("fail", "unknown", "warn", "waived", "not_applicable")
        assert result == sorted(result, key=order.index)
        assert set(result) == {"fail", "unknown", "warn", "waived"}
        assert findings.worst_first(3) == findings.worst_first(1000)[:3]


class TestSerialization:
    def test_compressed_and_plain_assessments_are_equal(self) -> None:
        assessment = evaluate(read(*MIXED), {**POLICY, "waivers": WAIVERS})
        plain = assessment.plain()
        text = assessment.compress()
        assert open_assessment(text) == plain
        assert open_assessment(plain) == plain
        assert open_assessment({"assessment": text, "compliant": False, "failed": True}) == plain
        assert json.loads(json.dumps(plain)) == plain

    def test_the_same_input_gives_the_same_bytes(self) -> None:
        first = assessed(read(*MIXED))
        assert first == assessed(read(*MIXED))
        assert first == assessed(compressed(*MIXED))
        assert first == assessed([json.loads(json.dumps(compressed(*MIXED)))])

    @settings(max_examples=60)
    @given(st.lists(POINTS, max_size=5))
    def test_compressed_and_plain_read_results_give_the_same_assessment(
        self, points: list[list[RecoveryPoint]]
    ) -> None:
        workloads = [row(own, id=f"id-{number}") for number, own in enumerate(points)]
        assert assessed(read(*workloads)) == assessed(compressed(*workloads))
        found = open_assessment(assessed(compressed(*workloads)))["findings"]
        assert found == evaluate(read(*workloads), {**POLICY, "waivers": WAIVERS}).plain()["findings"]

    @pytest.mark.parametrize(
        "damage",
        [
            lambda text: text[:-40],
            lambda text: text[:50] + "AAAA" + text[54:],
            lambda text: "no base64 at all!",
            lambda text: "",
            lambda text: base64.b64encode(zlib.compress(b"[]")).decode(),
            lambda text: base64.b64encode(zlib.compress(b'{"schema":"backup.audit/read-result/2"}')).decode(),
        ],
    )
    def test_damage_is_detected(self, damage: Callable[[str], str]) -> None:
        with pytest.raises(DataError, match="evidence"):
            open_assessment(damage(assessed(read(row()))), where="evidence")

    @pytest.mark.parametrize("column", ["at", "control", "text", "result", "places", "texts"])
    def test_inconsistent_columns_are_detected(self, column: str) -> None:
        data = json.loads(zlib.decompress(base64.b64decode(assessed(read(*MIXED)))))
        data["columns"][column] = data["columns"][column][:1]
        if column == "at":
            del data["columns"]["at"]
        with pytest.raises(DataError, match="do not fit together"):
            open_assessment(data)

    @pytest.mark.parametrize("value", [None, 7, [], {}, {"schema": SCHEMA}, {"assessment": {"findings": []}}])
    def test_other_input_is_not_an_assessment(self, value: Any) -> None:
        with pytest.raises(
            DataError, match=r"the input has no 'assessment'|the assessment in the input has no findings"
        ):
            open_assessment(value)


class TestInputs:
    WANTED = assessed(read(row()))

    @pytest.mark.parametrize(
        "read_results",
        [
            read(row()),
            [read(row())],
            ([compressed(row())],),
            {"changed": False, "failed": False, **read(row())},
            {"results": [{"ansible_loop_var": "item", "item": 1, **compressed(row())}], "changed": False},
            [{"results": [read(row())]}],
        ],
    )
    def test_all_forms_of_input_are_equivalent(self, read_results: Any) -> None:
        assert assessed(read_results) == self.WANTED

    @pytest.mark.parametrize(
        "content", [read(row()), compressed(row()), [read(row())], {"results": [compressed(row())]}]
    )
    def test_files(self, content: Any, tmp_path: Path) -> None:
        (tmp_path / "read.json").write_text(json.dumps(content))

        def load(path: str) -> bytes:
            return Path(path).read_bytes()

        assert assessed(str(tmp_path / "read.json"), load) == self.WANTED
        assert assessed([str(tmp_path / "read.json")], load) == self.WANTED

    def test_all_of_several_read_results_are_evaluated(self) -> None:
        hosts = ("a", "b", "c")
        one, two, three = (row(host=host) for host in hosts)
        result = open_assessment(assessed([read(three), {"results": [compressed(one), compressed(two)]}]))
        assert [source["server"]["host"] for source in result["data_sources"]] == list(hosts)
        assert len(result["data_sources"]) == 3
        assert result["totals"]["workloads"] == 3

    @pytest.mark.parametrize(
        ("read_results", "text"),
        [
            ([], "results: the list is empty. Pass at least one read result."),
            ([[], read(row())], "results[0]: the list is empty"),
            ({"results": []}, "results.results: the list is empty"),
            (None, "results: expected a read result, found NoneType"),
            (7, "results: expected a read result, found int"),
            ({"msg": "hello"}, "results: expected a read result, found data without a schema"),
            (
                [read(row()), {"failed": True, "msg": "401"}],
                'results[1]: the info module failed. Error message: "401".',
            ),
            ({"failure": {"code": "x"}, "msg": "401"}, 'results: the info module failed. Error message: "401".'),
            (
                {"results": [{"failed": True, "msg": "m", "ansible_loop_var": "item", "item": "vbr2"}]},
                "results.results[0] (item 'vbr2'): the info module failed",
            ),
            (
                [{"failed": True, "ansible_loop_var": "s", "s": "secret", "_ansible_item_label": "vbr2"}],
                "results[0] (item 'vbr2'): the info module failed",
            ),
            (
                {"results": [{"skipped": True, "ansible_loop_var": "s", "s": {"name": "vbr2", "password": "secret"}}]},
                "results.results[0] (item 'vbr2'): the task was skipped",
            ),
            ({**read(row()), "sha256": "0" * 64}, "results: the read result was altered, truncated or masked"),
            ({**read(row()), "complete": False}, "results: the read result was altered, truncated or masked"),
            ("missing.json", "results: cannot read file missing.json: No such file."),
            ([[[[[[[[[read(row())]]]]]]]]], "lists are nested more than 8 levels deep"),
        ],
    )
    def test_rejected_input(self, read_results: Any, text: str) -> None:
        def load(_path: str) -> bytes:
            raise OSError(2, "No such file")

        with pytest.raises(AuditError) as caught:
            assessed(read_results, load)
        assert text in str(caught.value)
        assert "secret" not in str(caught.value)

    @pytest.mark.parametrize("content", [b"", b" \n"])
    def test_empty_files(self, content: bytes) -> None:
        with pytest.raises(DataError, match="results: file r is empty"):
            assessed("r", lambda _path: content)

    @pytest.mark.parametrize("content", [b"{", b"\xff\xfe", b'{"a": 1} x'])
    def test_files_that_are_not_json(self, content: bytes) -> None:
        with pytest.raises(DataError, match="results: file r is not valid JSON"):
            assessed("r", lambda _path: content)

    def test_a_failed_read_can_be_a_finding(self) -> None:
        failed = {"failed": True, "msg": "the password was rejected", "failure": {"server": "vbr2", "code": "x"}}
        read_results = gather([read(row()), failed], lambda _path: b"", failures_are_findings=True)
        assessment = assess(read_results, {"recovery_points": {"min_count": 7}}, as_of=NOW, collection_version=VERSION)
        assert not assessment.compliant
        (worst,) = assessment.findings.worst_first(9)
        assert (worst["source"], worst["control"], worst["result"]) == ("vbr2", "data.complete", "fail")
        assert worst["message"] == "vbr2 could not be read: the password was rejected"

    @pytest.mark.parametrize("named", [{}, {"inventory_name": "backup-2"}])
    def test_a_server_that_could_not_be_read_is_a_data_source(self, named: dict[str, str]) -> None:
        """With the name of its host in the inventory, if it is known."""
        failed = {"failed": True, "msg": "refused", "failure": {"server": "vbr2", "code": "x"}, **named}
        read_results = gather([read(row()), failed], lambda _path: b"", failures_are_findings=True)
        assessment = assess(read_results, {"recovery_points": {"min_count": 7}}, as_of=NOW, collection_version=VERSION)
        document = assessment.plain()
        assert document["data_sources"][1] == {
            "server": {"host": "vbr2"},
            "complete": False,
            "failure": "refused",
            **named,
        }

    @pytest.mark.parametrize(("named", "name"), [({"inventory_name": "backup-2"}, "backup-2"), ({}, "results[0]")])
    def test_a_failed_read_without_server_has_the_name_of_its_host(self, named: dict[str, str], name: str) -> None:
        """A repository is unknown if its option is missing. Without a name, the position is all that is known."""
        failed = {"failed": True, "msg": "missing required arguments: repository", "failure": {"server": None}, **named}
        read_results = gather([failed], lambda _path: b"", failures_are_findings=True)
        assessment = assess(read_results, {"recovery_points": {"min_count": 7}}, as_of=NOW, collection_version=VERSION)
        assert assessment.plain()["data_sources"][0]["server"] == {"host": name}

    def test_a_data_source_has_the_name_of_its_host_in_the_inventory(self) -> None:
        given = gather([{**read(row()), "inventory_name": "backup-1"}], lambda _path: b"")
        policy = {"recovery_points": {"min_count": 1}}
        document = assess(given, policy, as_of=NOW, collection_version=VERSION).plain()
        assert [source["inventory_name"] for source in document["data_sources"]] == ["backup-1"]

    def test_a_note_is_not_a_workload(self) -> None:
        policy = {"recovery_points": {"min_count": 1}}
        given = gather([read(row())], lambda _path: b"")
        document = assess(given, policy, as_of=NOW, collection_version=VERSION, notes=["limited to site 1"]).plain()
        (note,) = [finding for finding in document["findings"] if finding["control"] == "data.notes"]
        assert (note["result"], note["message"]) == ("warn", "limited to site 1")
        assert document["totals"]["workloads"] == 1
        assert document["headline"] == "Compliant: 1 of 1 workload passed"
        assert [workload["workload_name"] for workload in document["workloads"]] == ["web01"]

    def test_a_skipped_read_is_never_only_a_finding(self) -> None:
        with pytest.raises(DataError, match="the task was skipped"):
            list(gather([{"skipped": True}], lambda _path: b"", failures_are_findings=True))


def test_the_policy_is_validated_before_read_results() -> None:
    def never(_number: int) -> Any:
        raise AssertionError("a read result was used")

    with pytest.raises(OptionError):
        assess(map(never, [0]), {}, as_of=NOW, collection_version=VERSION)


def test_workload_values_are_as_of_the_evaluation() -> None:
    given = row(nightly(3), origin="esx", in_inventory=True)
    (workload,) = evaluate(given, POLICY, as_of=NOW + 3600 * 1_000_000).plain()["workloads"]
    assert workload == {
        "source": "vbr1",
        "origin": "esx",
        "workload_id": "id-1",
        "workload_name": "web01",
        "workload_type": "vm",
        "platform": "vmware",
        "product": "veeam_backup_replication",
        "in_inventory": True,
        "recovery_points": 3,
        "newest": ago(hours=5),
        "oldest": ago(days=2, hours=5),
        "newest_age_seconds": 6 * 3600,
        "restorable_from": None,
        "restorable_until": None,
        "timeline": None,
        "verdict": "fail",
    }


def test_the_newest_restorable_range_is_shown() -> None:
    def log_range(since: int, until: int, **facts: Any) -> RecoveryPoint:
        ends = {"restorable_from": moment(days=since), "restorable_until": moment(days=until)}
        return point(days=since, kind="continuous", **ends, **facts)

    given = row([*nightly(3), log_range(30, 20), log_range(19, 2), log_range(40, 1, usable=None)])
    (workload,) = evaluate(given, POLICY).plain()["workloads"]
    assert (workload["restorable_from"], workload["restorable_until"]) == (ago(days=19), ago(days=2))
