# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters within Ansible's templating: documents remain text, and names in them are not templated."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar

from ansible_collections.backup.audit.plugins.filter.compare_assessments import compare_assessments
from ansible_collections.backup.audit.plugins.filter.restore_sample import restore_sample
from ansible_collections.backup.audit.plugins.filter.to_assessment import to_assessment
from ansible_collections.backup.audit.plugins.filter.to_csv import to_csv
from ansible_collections.backup.audit.plugins.filter.to_hdf import to_hdf
from ansible_collections.backup.audit.plugins.filter.to_oscal import to_oscal
from ansible_collections.backup.audit.plugins.filter.to_text import to_text
from ansible_collections.backup.audit.plugins.module_utils._collect.collector import Collector
from ansible_collections.backup.audit.plugins.module_utils._core.model import RecoveryPoint, Workload
from ansible_collections.backup.audit.plugins.plugin_utils._evidence.text_table import shorten
from ansible_collections.backup.audit.plugins.plugin_utils._sanitize import clean_text
from tests.unit.plugins.plugin_utils.assessments import compressed_assessment, estate, healthy, point_row, server

try:
    from ansible.template import trust_as_template
except ImportError:
    # Up to ansible-core 2.18 every text is a template.
    trust_as_template = str


def templated(document: Callable[..., Any], *more: Any) -> Any:
    """Return the value in a play after a variable with the filter call was used in another variable."""
    call = trust_as_template("{{ outer }}")
    inner = trust_as_template("{{ document(*given) }}")
    variables = {"outer": inner, "document": document, "given": [estate(), *more]}
    return Templar(loader=DataLoader(), variables=variables).template(call)


def retemplated(fact: Any) -> Any:
    """Return the value of a variable with this text, as after set_fact."""
    return Templar(loader=DataLoader(), variables={"fact": fact}).template(trust_as_template("{{ fact }}"))


@pytest.mark.parametrize("document", [to_csv, to_hdf, to_oscal])
def test_documents_stay_text(document: Callable[..., str]) -> None:
    """Text that looks like JSON is not converted to data, so that files have exactly these bytes."""
    result = templated(document)
    assert isinstance(result, str)
    assert result == document(estate())


def test_names_are_not_templated() -> None:
    """A workload may be named {{ 1 + 1 }}."""
    assert "{{ 1 + 1 }}" in templated(to_csv)
    for document, *more in ((compare_assessments, {"assessment": healthy()}), (to_assessment,)):
        result = templated(document, *more)
        assert "{{ 1 + 1 }}" in json.dumps(result)
        assert json.loads(json.dumps(result)) == document(estate(), *more)


# With this first line, Ansible uses other delimiters.
HEADER = "#jinja2:variable_start_string:'[[', variable_end_string:']]'\n[[ 1 + 1 ]]"


@pytest.mark.parametrize("name", ["{{ 1 + 1 }}", "{% if true %}2{% endif %}", "{# 2 #}", HEADER])
def test_results_are_not_templated_when_they_are_used_again(name: str) -> None:
    """A fact is templated again. Before ansible-core 2.19, this is a template unless it is marked as unsafe."""
    given = compressed_assessment(server("vbr1.example.com", point_row(name)))
    for fact, expected in (
        (to_text(given), to_text(given)),
        (to_assessment(given)["workloads"][0]["workload_name"], name),
        (compare_assessments(given, healthy())["new"][0]["workload_name"], clean_text(name)),
    ):
        assert retemplated(fact) == str(expected)
    assert shorten(name, 40) in to_text(given)


@pytest.mark.parametrize("name", ["{{ 1 + 1 }}", HEADER])
def test_names_of_a_restore_sample_are_not_templated(name: str) -> None:
    result = Collector("backup01", "restic", keep_points=True)
    workload = Workload(id="1", name=name, type="host")
    result.add_workload(workload)
    result.add_point(RecoveryPoint(id="1", workload=workload, created=result.now, kind="full", usable=True))
    (selected,) = restore_sample(result.result())
    assert retemplated(selected["workload_name"]) == name
    assert retemplated(selected["point"]["workload_name"]) == name
