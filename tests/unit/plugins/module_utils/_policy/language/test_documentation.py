# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation of policies matches the engine."""

from __future__ import annotations

import ast
import re
from typing import Any

import pytest
import yaml

from ansible_collections.backup.audit.plugins.action import recovery_points_assert as action
from ansible_collections.backup.audit.plugins.module_utils._policy.findings import Findings
from ansible_collections.backup.audit.plugins.module_utils._policy.language.document import SETTINGS, compile_document
from ansible_collections.backup.audit.plugins.module_utils._policy.language.match import MATCH_KEYS
from ansible_collections.backup.audit.plugins.module_utils._policy.language.presets import EXTENDS, PRESETS
from ansible_collections.backup.audit.plugins.module_utils._policy.language.schema import ATTRIBUTES, KIND_ATTRIBUTES
from ansible_collections.backup.audit.plugins.module_utils._policy.references import get_references
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.terms import CERTAINTIES, RESULTS
from tests.tools.project import ROOT
from tests.unit.plugins.module_utils._policy.policy_points import evaluate, row

PAGE = "".join((ROOT / "docs" / "reference" / name).read_text("utf-8") for name in ("policy.md", "evaluation.md"))
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


def module_text(name: str) -> Any:
    """Return a YAML text of the module's documentation."""
    tree = ast.parse((ROOT / "plugins" / "modules" / "recovery_points_assert.py").read_text("utf-8"))
    (value,) = [
        node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and node.targets[0].id == name
        and isinstance(node.value, ast.Constant)
    ]
    return yaml.safe_load(str(value))


def between(name: str) -> list[list[str]]:
    """Return the rows of a table of the page as cells."""
    (text,) = re.findall(rf"<!-- {name}: begin .*?-->\n(.*?)<!-- {name}: end -->", PAGE, re.DOTALL)
    lines = text.strip().splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_the_table_of_attributes_and_rules() -> None:
    result = {cells[0].strip("`"): re.findall(r"`(\w+)`", cells[2]) for cells in between("rules")}
    wanted = {attribute.name: [rule.name for rule in attribute.rules] for attribute in ATTRIBUTES.values()}
    wanted["backup_types.<kind>"] = [rule.name for rule in KIND_ATTRIBUTES["log"].rules]
    assert result == wanted


def test_the_table_of_references() -> None:
    result = {cells[0].strip("`"): cells[1].split(", ") for cells in between("references")}
    names = (*ATTRIBUTES, "backup_types", "expected")
    assert result == {name: get_references(name) for name in names}
    assert all(result.values())


def test_the_table_of_built_in_policies() -> None:
    document = {
        cells[0].strip("`"): yaml.safe_load("\n".join(re.findall(r"`(.+?)`", cells[1]))) for cells in between("presets")
    }
    assert document == PRESETS


def test_every_built_in_policy_is_explained() -> None:
    table = PAGE.index("<!-- presets: end -->")
    explained = set(
        re.findall(
            r"^(?:\*\*|\| )`([^`]+)`", PAGE[table : PAGE.index("### Results for a healthy workload")], re.MULTILINE
        )
    )
    assert explained - {"aws_bam_..."} == set(PRESETS)


def test_there_are_examples() -> None:
    assert len(EXAMPLES) == 8


@pytest.mark.parametrize("text", EXAMPLES)
def test_examples_of_the_page_are_valid_policies(text: str) -> None:
    value = yaml.safe_load(text)
    policy = value.pop("policy") if "policy" in value else {"policies": value.pop("policies")}
    assert compile_document(policy, value).tiers
    assert evaluate(row(), policy, **{**value, "expected": ["web01"]}).plain()["findings"]


def test_the_settings_of_the_page() -> None:
    for setting in (*SETTINGS, "timezone", "day_start"):
        assert f"\n| `{setting}` |" in PAGE


def test_documented_options_match_the_accepted_ones() -> None:
    options = module_text("DOCUMENTATION")["options"]
    assert set(options) == {"results", *action.ARGUMENT_SPEC}
    for name, spec in action.ARGUMENT_SPEC.items():
        result = options[name]
        assert {key: result.get(key) for key in ("type", "elements", "choices", "default")} == {
            key: spec.get(key) for key in ("type", "elements", "choices", "default")
        }, name


def test_documented_suboptions_match_the_language() -> None:
    options = module_text("DOCUMENTATION")["options"]
    assert set(options["policy"]["suboptions"]) == {
        *ATTRIBUTES,
        "backup_types",
        EXTENDS,
        *SETTINGS,
        "timezone",
        "day_start",
    }
    for attribute in ATTRIBUTES.values():
        text = str(options["policy"]["suboptions"][attribute.name]["description"])
        if "Takes the rules of" not in text:
            assert all(f"C({rule.name})" in text for rule in attribute.rules), attribute.name
    match = str(options["policies"]["suboptions"]["match"]["description"])
    assert all(f"C({key})" in match for key in MATCH_KEYS)


def test_return_values_are_documented() -> None:
    result = module_text("RETURN")
    assessment = evaluate(row(), {"recovery_points": {"min_count": 40}})
    (failing,) = assessment.findings.worst_first(1)
    assert set(result["findings"]["contains"]) == set(failing)
    assert set(result["totals"]["contains"]) == set(assessment.frame["totals"])
    assert list(result["totals"]["contains"]["results"]["sample"]) == list(RESULTS)
    assert all(f"C({word})" in str(result["findings"]["contains"]["certainty"]) for word in CERTAINTIES)
    assert all(f"C({word})" in result["findings"]["contains"]["result"]["description"] for word in RESULTS)
    assert set(result) == {"compliant", "headline", "msg", "totals", "findings", "assessment", "failure"}


def test_examples_of_the_module_are_valid_policies() -> None:
    name = "backup.audit.recovery_points_assert"
    tasks = [task[name] for task in module_text("EXAMPLES") if name in task]
    assert len(tasks) == 6
    for arguments in tasks:
        assert set(arguments) <= {"results", *action.ARGUMENT_SPEC}
        policy = arguments.get("policy", {"policies": arguments.get("policies")})
        if not isinstance(policy, str):
            options = {name: arguments.get(name) for name in ("exclude", "waivers", "combine", "max_data_age")}
            assert compile_document(policy, options).tiers


def test_findings_of_a_server_have_no_references() -> None:
    assert get_references("data.complete") == []
    assert Findings().totals()["workloads"] == 0
