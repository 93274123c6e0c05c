# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The assertion as a task: arguments, result and message; and real plays with the installed ansible-core."""

from __future__ import annotations

import datetime
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import yaml
from ansible.errors import AnsibleActionFail
from ansible.parsing.dataloader import DataLoader

from ansible_collections.backup.audit.plugins.action import recovery_points_assert as plugin
from ansible_collections.backup.audit.plugins.filter.to_text import to_text
from ansible_collections.backup.audit.plugins.module_utils._core.times import DAY, SECOND, format_time, parse_time
from ansible_collections.backup.audit.plugins.module_utils._policy.assessment import open_assessment
from tests.unit.plugins.module_utils._policy.policy_points import EMPTY, Row, nightly, point, read, row

AS_OF = "2026-11-21T07:00:00Z"
SEVEN = {"recovery_points": {"min_count": 7}}
COLLECTIONS = Path(plugin.__file__).parents[5]


def few(number: int = 1, points: int = 3, **identity: Any) -> Row:
    """Build a workload with too few points."""
    return row(nightly(points), **{"id": f"few-{number}", "name": f"vm{number:02}", **identity})


def run(*, register: str | None = "verdict", **arguments: Any) -> dict[str, Any]:
    """Run the task with these arguments and return its result (check mode is the same, see below)."""
    task = mock.Mock(
        args={"as_of": AS_OF, **arguments}, async_val=0, action="recovery_points_assert", register=register
    )
    loader = DataLoader()
    action = plugin.ActionModule(task, mock.Mock(), mock.Mock(check_mode=False), loader, None, None)
    return action.run(task_vars={})


class TestResult:
    def test_compliant(self) -> None:
        result = run(results=read(row()), policy=SEVEN)
        assert result["failed"] is False
        assert result["changed"] is False
        assert result["compliant"] is True
        assert result["headline"] == "Compliant: 1 of 1 workload passed"
        assert result["msg"] == "Compliant: 1 of 1 workload passed"
        assert result["findings"] == []
        assert result["totals"]["results"]["pass"] == 4
        output = open_assessment(result)
        assert output["compliant"] is True
        assert output["as_of"] == AS_OF

    def test_not_compliant(self) -> None:
        result = run(results=read(row(nightly(3))), policy=SEVEN)
        assert result["failed"] is True
        assert result["compliant"] is False
        assert result["msg"].splitlines()[0] == "Not compliant: 1 of 1 workload failed"
        assert result["msg"].splitlines()[1] == (
            "- web01 (vbr1): 3 recovery points, at least 7 required [recovery_points.min_count]"
        )

    @pytest.mark.parametrize("number", [1, 60])
    def test_a_failed_task_does_not_repeat_findings(self, number: int) -> None:
        """Ansible prints the complete result, so it has no assessment, and at most 20 findings, only in the message."""
        result = run(results=read(*(few(index) for index in range(number))), policy=SEVEN)
        assert result.keys() == {"changed", "failed", "msg", "compliant", "headline", "totals"}
        printed = json.dumps({**result, "headline": ""})
        shown = min(number, 19) + 1
        assert printed.count("3 recovery points, at least 7 required") == min(number, 20)
        assert len(result["msg"].splitlines()) == (1 + shown if number == 1 else 1 + 20 + 1)
        assert len(printed) < 2500

    def test_notes_are_warnings_without_effect_on_the_result(self) -> None:
        notes = ["The limit a left out 2 of 3 backup servers.", "{{ 1 + 1 }}"]
        plain = run(results=read(row()), policy=SEVEN)
        result = run(results=read(row()), policy=SEVEN, notes=notes)
        assert [(one["control"], one["result"], one["message"]) for one in result["findings"]] == [
            ("data.notes", "warn", text) for text in notes
        ]
        assert (result["compliant"], result["headline"]) == (plain["compliant"], plain["headline"])
        text = to_text(result)
        assert text.splitlines()[1:3] == [f"Note: {note}" for note in notes]
        assert "(server)" not in text
        # A note proves nothing.
        assert run(results=read(), policy=SEVEN, notes=notes)["compliant"] is False

    def test_result_with_fail_false(self) -> None:
        """The result is the same as with ``fail``, with the findings and the assessment."""
        bad = read(row(nightly(3)))
        failed, returned = (run(results=bad, policy=SEVEN, fail=value) for value in (True, "no"))
        assert failed.pop("failed") is True
        assert returned.pop("failed") is False
        assert {key: value for key, value in returned.items() if key not in ("findings", "assessment")} == failed
        assert [finding["control"] for finding in returned["findings"]] == ["recovery_points.min_count", "data.proof"]
        assert returned["headline"] == "Not compliant: 1 of 1 workload failed"
        assert returned["compliant"] is False
        assert open_assessment(returned)["headline"] == returned["headline"]

    def test_invalid_input_fails_even_with_fail_false(self) -> None:
        result = run(results=read(row()), policy={"recovery_points": {}}, fail=False)
        assert (result["failed"], result["compliant"]) == (True, False)

    @pytest.mark.parametrize("count", [3, 30])
    def test_unregistered_results_have_no_assessment(self, count: int) -> None:
        workload = read(row(nightly(count)))
        registered, not_registered = (
            run(results=workload, policy=SEVEN, fail=False, register=name) for name in ("verdict", None)
        )
        assert registered.pop("assessment")
        assert not_registered == registered

    def test_the_message_lists_twenty_findings_and_counts_the_rest(self) -> None:
        rows = [few(number) for number in range(25)]
        lines = run(results=read(row(), *rows), policy=SEVEN)["msg"].splitlines()
        assert lines[0] == "Not compliant: 25 of 26 workloads failed, 1 passed"
        assert [line.split()[1] for line in lines[1:21]] == [f"vm{number:02}" for number in range(20)]
        assert lines[21:] == ["... and 5 more"]

    @pytest.mark.parametrize(("at_most", "shown"), [(None, 50), (3, 3), (0, 0), (100, 60)])
    def test_max_findings(self, at_most: int | None, shown: int) -> None:
        rows = [few(number) for number in range(60)]
        given: dict[str, Any] = {} if at_most is None else {"max_findings": at_most}
        result = run(results=read(row(), *rows), policy=SEVEN, fail=False, **given)
        assert len(result["findings"]) == shown
        # The message still names the worst findings, and the assessment contains all.
        assert "... and 40 more" in result["msg"]
        assert len(open_assessment(result)["findings"]) == 64

    def test_findings_exclude_passes_and_start_with_the_worst(self) -> None:
        policy = {"recovery_points": {"min_count": 7, "max_age": {"limit": "6h", "warn_at": "50%"}}}
        result = run(results=read(row(), row(EMPTY, id="id-2")), policy=policy, fail=False)
        assert [finding["result"] for finding in result["findings"]] == ["fail", "fail", "warn"]

    def test_custom_messages(self) -> None:
        """They are added to the headline, which is always the first line."""
        good, bad = read(row()), read(row(nightly(1)))
        passed, failed = "Compliant: 1 of 1 workload passed", "Not compliant: 1 of 1 workload failed"
        assert run(results=good, policy=SEVEN, success_msg="All is well")["msg"] == f"{passed}\nAll is well"
        assert run(results=bad, policy=SEVEN, fail_msg="Call the backup team")["msg"].startswith(
            f"{failed}\nCall the backup team\n- web01 (vbr1): "
        )
        assert run(results=bad, policy=SEVEN, fail_msg="Call us", quiet=True)["msg"] == f"{failed}\nCall us"
        assert run(results=bad, policy=SEVEN, quiet="yes")["msg"] == failed

    def test_control_characters_in_names_do_not_break_lines(self) -> None:
        hostile = few(name="a\n- b: all is well\x1b[2J")
        assert len(run(results=read(row(), hostile), policy=SEVEN)["msg"].splitlines()) == 2

    def test_the_message_starts_with_incomplete_reads(self) -> None:
        lines = run(results=read(row(), complete=False), policy=SEVEN)["msg"].splitlines()
        assert lines[1] == "- vbr1 was only partially read: no reason given [data.complete]"

    def test_the_assessment_has_the_collection_version(self) -> None:
        galaxy = Path(plugin.__file__).parents[2] / "galaxy.yml"
        manifest = galaxy.with_name("MANIFEST.json")
        if manifest.exists():
            version = json.loads(manifest.read_text())["collection_info"]["version"]
        else:
            version = yaml.safe_load(galaxy.read_text())["version"]
        assert open_assessment(run(results=read(row()), policy=SEVEN))["collection_version"] == version

    def test_as_of_defaults_to_the_current_time(self) -> None:
        before = datetime.datetime.now(datetime.timezone.utc)
        given = read(row(), read_at=format_time(int(before.timestamp()) * SECOND))
        result = parse_time(open_assessment(run(results=given, policy=SEVEN, as_of=None))["as_of"])
        assert 0 <= result - int(before.timestamp() * 10**6) < 60 * 10**6

    @pytest.mark.parametrize(("age", "taken"), [(0, True), (23 * 3600, True), (25 * 3600, False), (-60, False)])
    def test_as_of_newest_uses_the_newest_read_unless_it_is_too_old(
        self, age: int, taken: bool, tmp_path: Path
    ) -> None:
        """Old read results must not count as the current state only because there are no newer ones."""
        now = int(datetime.datetime.now(datetime.timezone.utc).timestamp())
        newest, older = (format_time((now - age - extra) * SECOND) for extra in (0, 5))
        points = [point(created=(now - night * DAY) * SECOND) for night in range(2, 9)]
        (tmp_path / "read.json").write_text(json.dumps(read(row(points), read_at=newest)))
        read_results = [{"results": [read(row(points), read_at=older)]}, str(tmp_path / "read.json")]
        result = open_assessment(run(results=read_results, policy=SEVEN, as_of="newest_read", fail=False))
        assert (result["as_of"] == newest) is taken
        assert result["compliant"] is taken or age < 0


class TestArguments:
    @pytest.mark.parametrize(
        ("arguments", "text"),
        [
            ({"policy": SEVEN}, "missing required arguments: results"),
            ({"policy": SEVEN, "results": None}, "missing required arguments: results"),
            ({"results": read(row())}, "one of the following is required: policy, policies"),
            (
                {"results": read(row()), "policy": SEVEN, "policies": [{"name": "a", "policy": SEVEN}]},
                "mutually exclusive: policy|policies",
            ),
            ({"results": read(row()), "policy": SEVEN, "polices": []}, "polices. Did you mean 'policies'?"),
            ({"results": read(row()), "policy": SEVEN, "max_findings": "many"}, "max_findings"),
            ({"results": read(row()), "policy": SEVEN, "max_findings": -1}, "max_findings: -1 is less than 0"),
            ({"results": read(row()), "policy": SEVEN, "quiet": "perhaps"}, "quiet"),
            ({"results": read(row()), "policy": SEVEN, "expected_match": "long"}, "expected_match"),
        ],
    )
    def test_invalid_arguments_are_rejected(self, arguments: dict[str, Any], text: str) -> None:
        with pytest.raises(AnsibleActionFail) as caught:
            run(**arguments)
        assert text in str(caught.value)

    @pytest.mark.parametrize(
        ("arguments", "code", "text"),
        [
            ({"policy": {"recovery_points": {"min_cuont": 7}}}, "invalid_option", "Did you mean 'min_count'?"),
            ({"policy": [1]}, "invalid_option", "policy: [1] is not a mapping"),
            ({"policy": "gsf"}, "invalid_option", "policy: unknown built-in policy 'gsf'. Did you mean 'gfs'?"),
            ({"policy": SEVEN, "as_of": "yesterday"}, "invalid_option", "'yesterday' is not a valid RFC 3339 time"),
            ({"policy": SEVEN, "as_of": "2026-11-21T07:00:00"}, "invalid_option", "the time zone is missing"),
            ({"policy": SEVEN, "expected": []}, "invalid_option", "expected: the list is empty"),
            ({"policy": SEVEN, "timezone": "Europe/Berlni"}, "invalid_option", "timezone: "),
            ({"policy": SEVEN, "day_start": "25:00"}, "invalid_option", "day_start: "),
            ({"policy": SEVEN, "weekdays": ["holiday"]}, "invalid_option", "weekdays"),
            ({"policy": SEVEN, "results": []}, "invalid_option", "results: the list is empty"),
            ({"policy": SEVEN, "results": "no/such/file.json"}, "invalid_option", "cannot read file no/such/file.json"),
            (
                {"policy": SEVEN, "results": {"msg": "hello"}},
                "invalid_data",
                "expected a read result, found data without a schema",
            ),
            (
                {"policy": SEVEN, "results": {"failed": True, "msg": "401"}},
                "invalid_data",
                'the info module failed. Error message: "401"',
            ),
        ],
    )
    def test_invalid_results_fail(self, arguments: dict[str, Any], code: str, text: str) -> None:
        result = run(**{"results": read(row()), **arguments})
        assert (result["failed"], result["compliant"], result["changed"]) == (True, False, False)
        assert text in result["msg"]
        assert result["failure"]["code"] == code
        assert "assessment" not in result

    def test_all_arguments_together(self) -> None:
        result = run(
            results=[
                # A waiver is not a proof, so one workload must pass.
                read(row(in_inventory=True), row(nightly(40), name="db01", id="id-2")),
                read(row(name="old", id="id-3", host="x")),
            ],
            policies=[{"name": "all", "policy": {"recovery_points": {"min_count": 40}}}],
            expected=["web01"],
            expected_match="exact",
            exclude=[{"match": {"source": "x"}, "reason": "y"}],
            waivers=[
                {"workload": "web01", "control": "*", "until": datetime.date(2026, 12, 31), "reason": "z"},
            ],
            combine={"by": "workload_name"},
            max_data_age="2d",
            timezone="Europe/Berlin",
            day_start="06:00",
            weekdays=["mon..fri"],
            timelines=True,
            as_of=datetime.datetime(2026, 11, 22, 12, tzinfo=datetime.timezone.utc),
        )
        assert result["compliant"] is True
        assert [finding["result"] for finding in result["findings"]] == ["waived", "not_applicable"]
        # The points were created at 02:00 UTC, so each belongs to the previous day. The two newest days have none.
        timelines = {one["workload_name"]: one["timeline"] for one in open_assessment(result)["workloads"]}
        assert timelines["web01"] == "I" * 30 + ".."

    @pytest.mark.parametrize("given", [{}, {"timelines": False}])
    def test_timelines_are_left_out(self, given: dict[str, Any]) -> None:
        (workload,) = open_assessment(run(results=read(row()), policy=SEVEN, **given))["workloads"]
        assert workload["timeline"] is None

    def test_failed_reads_can_be_reported_as_findings(self) -> None:
        failed = {"failed": True, "msg": "401", "failure": {"server": "vbr2"}}
        result = run(results=[read(row()), failed], policy=SEVEN, on_read_error="finding", fail=False)
        assert result["compliant"] is False
        assert result["findings"][0]["message"] == "vbr2 could not be read: 401"
        assert open_assessment(result)["totals"]["verdicts"]["pass"] == 1


PLAY = """
- hosts: localhost
  gather_facts: false
  vars:
    policy:
      recovery_points:
        min_count: "{{ 3 + 4 }}"
        max_age: "{{ 26 }}h"
        min_retention: 30d
      encrypted: {all: "{{ 1 == 1 }}", on_unknown: ignore}
  tasks:
    - name: Results as they are registered
      ansible.builtin.set_fact:
        plain: "{{ lookup('file', 'plain.json') | from_json }}"
    - name: A loop
      ansible.builtin.debug:
        msg: "{{ lookup('file', item) | from_json }}"
      loop: [plain.json, compressed.json]
      loop_control: {label: "{{ item }}"}
      register: looped
    - name: Evaluate all forms of input
      backup.audit.recovery_points_assert:
        results: "{{ given }}"
        policy: "{{ policy }}"
        waivers:
          - {workload: "w*", control: "full.*", until: 2026-12-31, reason: a date without quotes}
        as_of: 2026-11-21T07:00:00Z
      vars:
        given: "{{ [plain, [plain], 'plain.json', ['compressed.json'],
          {'results': looped.results | map(attribute='msg') | list}][number] }}"
      loop: "{{ range(5) | list }}"
      loop_control: {loop_var: number}
      register: evaluated
      failed_when: false
    - name: Keep
      ansible.builtin.copy:
        content: "{{ evaluated.results | to_json }}"
        dest: "{{ playbook_dir }}/evaluated.json"
        mode: "0600"
      check_mode: false
"""


@pytest.mark.parametrize("arguments", [(), ("--check",)], ids=["", "check"])
def test_all_forms_of_input_give_the_same_result_in_a_play(arguments: tuple[str, ...], tmp_path: Path) -> None:
    """Input may be templated, registered, looped, read from files, or contain YAML dates."""
    workload = row(nightly(31, encrypted=True))
    (tmp_path / "plain.json").write_text(json.dumps(read(workload)))
    (tmp_path / "compressed.json").write_text(json.dumps(read(workload, compress=True)))
    (tmp_path / "play.yml").write_text(PLAY)
    settings = {
        "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS),
        "ANSIBLE_LOCAL_TEMP": str(tmp_path / "ansible"),
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "LC_ALL": "C.UTF-8",
    }
    ended = subprocess.run(
        [str(Path(sys.executable).parent / "ansible-playbook"), "play.yml", *arguments],
        cwd=tmp_path,
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    results = json.loads((tmp_path / "evaluated.json").read_text())
    assert [result["compliant"] for result in results] == [True] * 5, [result["msg"] for result in results]
    assert len({result["assessment"] for result in results[:4]}) == 1
    # Both read results are from one server and contain the same workload.
    assert results[4]["totals"]["workloads"] == 1
