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
from ansible_collections.backup.audit.plugins.filter.to_csv import to_csv
from ansible_collections.backup.audit.plugins.filter.to_hdf import to_hdf
from ansible_collections.backup.audit.plugins.filter.to_oscal import to_oscal
from tests.unit.plugins.plugin_utils.assessments import estate, healthy

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


@pytest.mark.parametrize("document", [to_csv, to_hdf, to_oscal])
def test_documents_stay_text(document: Callable[..., str]) -> None:
    """Text that looks like JSON is not converted to data, so that files have exactly these bytes."""
    result = templated(document)
    assert isinstance(result, str)
    assert result == document(estate())


def test_names_are_not_templated() -> None:
    """A workload may be named {{ 1 + 1 }}."""
    assert "{{ 1 + 1 }}" in templated(to_csv)
    result = templated(compare_assessments, {"assessment": healthy()})
    assert "{{ 1 + 1 }}" in json.dumps(result)
    assert json.loads(json.dumps(result)) == compare_assessments(estate(), healthy())
