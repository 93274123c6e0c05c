# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The assessment: the same in every form; and every form in which read results can be given."""

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

from ansible_collections.backup.audit.plugins.module_utils._collect.result import (
    DIGEST_FIELDS,
    compress,
    digest_input,
    open_result,
    seal,
    sha256_hex,
    shrink_row,
)
from ansible_collections.backup.audit.plugins.module_utils._core.errors import AuditError, DataError, OptionError
from ansible_collections.backup.audit.plugins.module_utils._policy import packed_rows
from ansible_collections.backup.audit.plugins.module_utils._policy.assessment import SCHEMA, open_assessment
from ansible_collections.backup.audit.plugins.module_utils._policy.evaluate import assess
from ansible_collections.backup.audit.plugins.module_utils._policy.inputs import gather
from tests.unit.plugins.module_utils._policy.policy_rows import (
    COUNTS,
    EMPTY,
    NOW,
    VERSION,
    ago,
    evaluate,
    read,
    row,
    with_attribute,
)
from tests.unit.plugins.module_utils._policy.rules.test_properties import rows

POLICY: dict[str, Any] = {
    "recovery_points": {"min_count": 7, "max_age": {"limit": "26h", "warn_at": "10%"}, "max_gap": "26h"},
    "full": {"max_age": "7d", "weekly": 4},
    "encrypted": {"all": True, "on_unknown": "warn"},
    "backup_types": {"snapshot": {"min_count": 1}},
}
WAIVERS = [{"workload": "web01", "control": "full.*", "until": "2026-12-31", "reason": "moved"}]
MIXED = (
    row(),
    EMPTY,
    COUNTS,
    with_attribute("encrypted", {"count": 29, "false": 1}, workload_name="Büro-\U0001f4be\x00"),
)


def compressed(*workload: dict[str, Any], **members: Any) -> dict[str, Any]:
    """Pack a read result into one string."""
    return compress({**read(*workload, **members), "http_requests": {"count": 1}})


def assessed(read_results: Any, load: Callable[[str], bytes] = lambda _path: b"", **given_too: Any) -> str:
    """Return the packed assessment of anything that contains read results."""
    result = gather(read_results, load)
    return assess(
        result, POLICY, as_of=NOW, collection_version=VERSION, options={"waivers": WAIVERS, **given_too}
    ).compress()


class TestShape:
    def test_the_frame(self) -> None:
        plain = evaluate(read(row()), {"recovery_points": {"min_count": 7}}, expected=["web01"]).plain()
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
                    "server": {"host": "vbr1", "product": "veeam_backup_replication", "scope": {"inventory": True}},
                    "read_at": "2026-11-21T07:00:00Z",
                    "window": {},
                    "complete": True,
                    "sha256": read(row())["sha256"],
                }
            ],
            "totals": {
                "workloads": 1,
                "verdicts": {"not_applicable": 0, "pass": 1, "waived": 0, "warn": 0, "unknown": 0, "fail": 0},
                "findings": 5,
                "results": {"not_applicable": 0, "pass": 5, "waived": 0, "warn": 0, "unknown": 0, "fail": 0},
                "not_proved": 0,
                "blocking": 0,
            },
            "compliant": True,
            "headline": "Compliant: 1 of 1 workload passed",
        }

    def test_a_finding(self) -> None:
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

    def test_findings_about_the_reading_have_no_references(self) -> None:
        for finding in evaluate(row(), POLICY).plain()["findings"]:
            assert bool(finding["references"]) is not finding["control"].startswith("data.")

    def test_verdicts_are_the_worst_result(self) -> None:
        policy = {
            "recovery_points": {"min_count": 7, "max_age": {"limit": "6h", "warn_at": "50%"}},
            "full": {"daily": 1},
        }
        waivers = [{**WAIVERS[0], "control": "full.daily"}]
        assessment = evaluate(with_attribute("full", {"count": 0}), {**policy, "waivers": waivers}).frame["totals"]
        assert assessment["results"] == {
            "not_applicable": 0,
            "pass": 4,
            "waived": 1,
            "warn": 1,
            "unknown": 0,
            "fail": 0,
        }
        assert assessment["verdicts"]["warn"] == 1

    def test_the_worst_come_first_and_passes_never(self) -> None:
        findings = evaluate(read(*MIXED), {**POLICY, "waivers": WAIVERS}).findings
        result = [finding["result"] for finding in findings.worst_first(1000)]
        order = ("fail", "unknown", "warn", "waived", "not_applicable")
        assert result == sorted(result, key=order.index)
        assert set(result) == {"fail", "unknown", "warn", "waived"}
        assert findings.worst_first(3) == findings.worst_first(1000)[:3]


class TestTravel:
    def test_packed_and_plain_say_the_same(self) -> None:
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
    @given(st.lists(rows(), max_size=5))
    def test_packed_and_plain_reads_are_judged_the_same(self, workload: list[dict[str, Any]]) -> None:
        wire = [shrink_row(one) for one in workload]
        assert assessed(read(*wire)) == assessed(compressed(*wire))
        assert (
            open_assessment(assessed(compressed(*wire)))["findings"]
            == evaluate([read(*workload)], {**POLICY, "waivers": WAIVERS}).plain()["findings"]
        )

    @pytest.mark.parametrize(
        "damage",
        [
            lambda text: text[:-40],
            lambda text: text[:50] + "AAAA" + text[54:],
            lambda text: "no base64 at all!",
            lambda text: "",
            lambda text: base64.b64encode(zlib.compress(b"[]")).decode(),
            lambda text: base64.b64encode(zlib.compress(b'{"schema":"backup.audit/read/1"}')).decode(),
        ],
    )
    def test_damage_is_found(self, damage: Callable[[str], str]) -> None:
        with pytest.raises(DataError, match="evidence"):
            open_assessment(damage(assessed(read(row()))), where="evidence")

    @pytest.mark.parametrize("column", ["at", "control", "text", "result", "places", "texts"])
    def test_columns_that_do_not_fit_are_found(self, column: str) -> None:
        data = json.loads(zlib.decompress(base64.b64decode(assessed(read(*MIXED)))))
        data["columns"][column] = data["columns"][column][:1]
        if column == "at":
            del data["columns"]["at"]
        with pytest.raises(DataError, match="do not fit together"):
            open_assessment(data)

    @pytest.mark.parametrize("value", [None, 7, [], {}, {"schema": SCHEMA}, {"assessment": {"findings": []}}])
    def test_what_is_no_assessment(self, value: Any) -> None:
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
    def test_every_way_is_the_same(self, read_results: Any) -> None:
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

    def test_several_are_all_judged(self) -> None:
        three = [row(workload_id=ident) for ident in ("a", "b", "c")]
        result = open_assessment(assessed([read(three[0]), {"results": [compressed(three[1]), compressed(three[2])]}]))
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
                {"results": [{"skipped": True, "ansible_loop_var": "s", "s": {"name": "vbr2", "password": "secret"}}]},
                "results.results[0] (item 'vbr2'): the task was skipped",
            ),
            ({**read(row()), "sha256": "0" * 64}, "results: the read result was altered, truncated or masked"),
            ({**read(row()), "complete": False}, "results: the read result was altered, truncated or masked"),
            ("missing.json", "results: cannot read file missing.json: No such file."),
            ([[[[[[[[[read(row())]]]]]]]]], "lists are nested more than 8 levels deep"),
        ],
    )
    def test_what_is_refused(self, read_results: Any, text: str) -> None:
        def load(_path: str) -> bytes:
            raise OSError(2, "No such file")

        with pytest.raises(AuditError) as caught:
            assessed(read_results, load)
        assert text in str(caught.value)
        assert "secret" not in str(caught.value)

    @pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b'{"a": 1} x'])
    def test_files_that_are_no_json(self, content: bytes) -> None:
        with pytest.raises(DataError, match="results: file r is not valid JSON"):
            assessed("r", lambda _path: content)

    def test_a_read_that_failed_may_be_a_finding(self) -> None:
        failed = {"failed": True, "msg": "the password was rejected", "failure": {"server": "vbr2", "code": "x"}}
        read_results = gather([read(row()), failed], lambda _path: b"", failures_are_findings=True)
        assessment = assess(read_results, {"recovery_points": {"min_count": 7}}, as_of=NOW, collection_version=VERSION)
        assert not assessment.compliant
        (worst,) = assessment.findings.worst_first(9)
        assert (worst["source"], worst["control"], worst["result"]) == ("vbr2", "data.complete", "fail")
        assert worst["message"] == "vbr2 could not be read: the password was rejected"

    def test_a_skipped_read_is_never_only_a_finding(self) -> None:
        with pytest.raises(DataError, match="the task was skipped"):
            list(gather([{"skipped": True}], lambda _path: b"", failures_are_findings=True))


class TestStream:
    """A packed read result, row by row."""

    @staticmethod
    def again(data: bytes, digest: str | None = None) -> dict[str, Any]:
        """Build a packed and sealed read result of any bytes."""
        text = base64.b64encode(zlib.compress(data)).decode()
        return {"data": text, "sha256": sha256_hex(data.rstrip(b" ")) if digest is None else digest}

    def test_nothing_sorts_behind_the_rows(self) -> None:
        assert max(DIGEST_FIELDS) == "workloads"

    @pytest.mark.parametrize("chunk", [1, 2, 7, 64, 1 << 18])
    def test_however_it_is_cut(self, chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(packed_rows, "_CHUNK", chunk)
        given_read = compressed(*MIXED, totals={"workloads": 12345, "x": 1.5}, errors=[{"message": "x" * 500}])
        result = packed_rows.stream(given_read, where="r")
        taken = {**result, "workloads": list(result["workloads"])}
        assert taken == {**open_result(given_read), "workloads": list(MIXED)}

    @pytest.mark.parametrize("blanks", [0, 1, 300])
    def test_blanks_behind_it_do_not_count(self, blanks: int, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(packed_rows, "_CHUNK", 16)
        made = read(row(workload_name="a   b" + " " * 60))
        data = digest_input(made)
        assert sha256_hex(data) == made["sha256"]
        assert assessed(self.again(data + b" " * blanks)) == assessed(made)

    @pytest.mark.parametrize(
        ("cut", "text"),
        [
            (lambda data: data[:-1], "damaged"),
            (lambda data: data[:-2], "damaged"),
            (lambda data: data[: len(data) // 2], "damaged"),
            (lambda data: data[:30], "damaged"),
            (lambda data: b"", "damaged"),
            (lambda data: b"[]", "damaged"),
            (lambda data: b"{}", "damaged"),
            (lambda data: data + b"x", "damaged"),
            (lambda data: data + b'{"a":1}', "damaged"),
            (lambda data: data.replace(b'"workloads":[', b'"workloads":{', 1), "damaged"),
            (lambda data: data.replace(b'"complete":true', b'"complete" true', 1), "damaged"),
            (lambda data: data.replace(b'"workloads":', b'"zebras":', 1), "workloads are missing"),
            (lambda data: data.replace(b"backup.audit/read/1", b"backup.audit/read/9", 1), "not a read result"),
        ],
    )
    def test_damage_is_found(self, cut: Callable[[bytes], bytes], text: str) -> None:
        made = read(row(), row())
        data = digest_input(made)
        with pytest.raises(DataError, match=text):
            assessed(self.again(cut(data)))

    def test_an_altered_row_is_found_at_the_end(self) -> None:
        made = read(row())
        data = digest_input(made)
        altered = data.replace(b"[30]", b"[31]", 1)
        assert altered != data
        with pytest.raises(DataError, match="altered, truncated or masked"):
            assessed(self.again(altered, digest=str(made["sha256"])))

    @pytest.mark.parametrize("text", ["%%%", "AAAA", base64.b64encode(b"x\x9c nonsense").decode()])
    def test_what_is_no_packed_text(self, text: str) -> None:
        with pytest.raises(DataError, match="damaged"):
            assessed({"data": text, "sha256": ""})

    def test_a_bomb_is_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(packed_rows, "MAX_DECOMPRESSED_BYTES", 1_000)
        with pytest.raises(DataError, match="larger than 1000 bytes"):
            assessed(compressed(*[row()] * 40))

    def test_a_row_that_is_none_is_found(self) -> None:
        made = seal({**read(), "workloads": [7]})
        with pytest.raises(DataError, match=r"read result of vbr1: workload 0 \(None\) has an invalid format"):
            assessed(self.again(digest_input(made)))


def test_options_of_the_policy_are_refused_before_any_read_is_taken() -> None:
    def never(_number: int) -> dict[str, Any]:
        raise AssertionError("a read result was used")

    with pytest.raises(OptionError):
        assess(map(never, [0]), {}, as_of=NOW, collection_version=VERSION)


def test_ages_in_the_evidence_are_those_at_as_of() -> None:
    (assessment,) = evaluate(row(newest=ago(hours=5)), POLICY).plain()["workloads"]
    assert assessment["newest_age_seconds"] == 5 * 3600
    assert (assessment["workload_name"], assessment["verdict"], assessment["recovery_points"]) == ("web01", "fail", 30)
