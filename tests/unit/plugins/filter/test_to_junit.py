# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""JUnit, parsed with junitparser: every finding is a test case, and only proven findings are successes."""

from __future__ import annotations

from collections import Counter

from junitparser import Failure, JUnitXml, Skipped, TestCase, TestSuite

from ansible_collections.backup.audit.plugins.filter.to_junit import to_junit
from tests.unit.plugins.plugin_utils.assessments import HOSTILE, estate, healthy, plain, unknown_only


def suites(compressed: str) -> dict[str, TestSuite]:
    """Return the suites by name."""
    return {str(suite.name): suite for suite in JUnitXml.fromstring(to_junit(compressed).encode())}


def outcome(case: TestCase) -> str:
    """Return the status that a CI server shows."""
    kinds = {type(result) for result in case.result}
    return "failure" if Failure in kinds else "skipped" if Skipped in kinds else "success"


def test_every_finding_has_a_test_case() -> None:
    """The counts of suites match their cases."""
    result = suites(estate())
    cases = [case for suite in result.values() for case in suite]
    findings = plain(estate())["findings"]
    assert len(cases) == len(findings)
    counts = Counter(outcome(case) for case in cases)
    blocking = [one for one in findings if one["blocking"]]
    assert counts["failure"] == len(blocking) > 1
    assert {one["result"] for one in blocking} == {"fail", "unknown"}
    results = Counter((one["result"], one["certainty"] == "unknown") for one in findings)
    assert counts["success"] == results["pass", False] + results["warn", False] > 1
    for suite in result.values():
        own = Counter(outcome(case) for case in suite)
        assert (suite.tests, suite.failures, suite.skipped) == (len(list(suite)), own["failure"], own["skipped"])


def test_names_of_test_cases_are_unique() -> None:
    """CI servers would treat them as one."""
    for suite in suites(estate()).values():
        names = [(case.classname, case.name) for case in suite]
        assert len(names) == len(set(names))


def test_unknown_is_not_a_success() -> None:
    """Not even if the policy ignores unknown values or only warns about them."""
    (suite,) = (suite for name, suite in suites(unknown_only()).items() if name == "vbr1.example.com")
    result = {case.name: case for case in suite if case.classname == "web01"}
    for control in ("encrypted.all", "offsite.min_count"):
        assert outcome(result[control]) == "skipped"
        assert result[control].result[0].message.startswith("unknown: ")
    assert outcome(result["recovery_points.min_count"]) == "success"


def test_failures_include_the_reason() -> None:
    """They include the measured value, the limit, and the requirements."""
    cases = {(case.classname, case.name): case for suite in suites(estate()).values() for case in suite}
    late = cases["late", "recovery_points.max_age"].result[0]
    assert "4d old (maximum 26h) (waiver ended: 2026-01-01)" in late.message
    assert "limit: <= 26h\nactual: 4d\ncertainty: reported\ntier: silver" in late.text
    assert "NIST SP 800-53 CP-9" in late.text
    moved = cases["moved", "recovery_points.max_age"].result[0]
    assert isinstance(moved, Skipped)
    assert "until 2026-12-31: moves <soon>" in moved.message


def test_a_server_that_was_not_read_fails() -> None:
    """It has its own suite although it has no workload."""
    (case,) = suites(estate())["dark.example.com"]
    assert (case.classname, case.name, outcome(case)) == ("(server)", "data.complete", "failure")
    assert "the log-in was rejected <b>now</b>" in case.result[0].message


def test_properties_list_the_data_sources() -> None:
    """The suite without a server lists all data sources. The suite of a server lists only its own read result."""
    result = {}
    for name, suite in suites(estate()).items():
        # The package is typed except for this.
        result[name] = {one.name: one.value for one in suite.properties()}  # type: ignore[no-untyped-call]
    assessment = plain(estate())
    assert result["backup.audit"]["compliant"] == "false"
    assert '"max_age":"6h"' in result["backup.audit"]["policy"]
    assert result["backup.audit"]["read.1.failure"] == "the log-in was rejected <b>now</b>"
    assert result["vbr1.example.com"]["read.2.sha256"] == assessment["data_sources"][1]["sha256"]
    assert "read.3.sha256" not in result["vbr1.example.com"]


def test_workload_names_are_unchanged() -> None:
    """Markup in names is text; characters that are invalid in XML are replaced."""
    names = {case.classname for case in suites(estate())["vbr2 \ufffd<i>|"]}
    assert {
        HOSTILE[0],
        HOSTILE[1],
        HOSTILE[9],
        HOSTILE[11],
        "lone \ufffd surrogate",
        "line\ufffdbreak\ufffd\ufffdtab",
    } <= names


def test_healthy_workloads_are_all_successes() -> None:
    """Nothing fails, nothing is skipped."""
    assert {outcome(case) for suite in suites(healthy()).values() for case in suite} == {"success"}
