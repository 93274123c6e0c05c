# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The generated tables: the pages match the code, and the code matches the adapters' declarations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._core.model import POINT_ATTRIBUTES
from tests.integration.products import ADAPTERS
from tests.tools import capabilities, capability_facts
from tests.tools.capability_verdicts import verdicts

PASS, INFERRED, DECLARED = "**pass**", "pass if inferred", "pass if declared"


@pytest.fixture
def declare(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Any], None]:
    """Change the declarations of an adapter during a test."""

    def change(product: str, entries: Any) -> None:
        monkeypatch.setattr(ADAPTERS[product], "not_reported", entries)

    return change


class TestPages:
    def test_pages_are_up_to_date(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert capabilities.main(["--check"]) == 0, capsys.readouterr().out

    def test_a_stale_page_is_reported(
        self, declare: Callable[[str, Any], None], capsys: pytest.CaptureFixture[str]
    ) -> None:
        declare("spp", {("*", "*"): {"kind": ("cannot", "for a test")}})
        assert capabilities.main(["--check"]) == 1
        assert (
            "docs/reference/capabilities.md, docs/reference/policy.md no longer matches the code"
            in capsys.readouterr().out
        )

    def test_only_text_between_the_markers_is_written(self) -> None:
        page = "a\n<!-- x: begin (why) -->\nold\n<!-- x: end -->\nb\n"
        assert capabilities.replace_tables(page, {"x": "new\n"}) == page.replace("old", "new")

    @pytest.mark.parametrize("page", ["", "<!-- x: begin (a) -->\n<!-- x: end -->\n" * 2])
    def test_markers_must_occur_once(self, page: str) -> None:
        with pytest.raises(SystemExit, match="x: begin"):
            capabilities.replace_tables(page, {"x": "new\n"})


class TestFacts:
    def test_every_declaration_is_shown_with_its_reason(self) -> None:
        shown = capability_facts.reasons()
        for product in ADAPTERS:
            entries = list(capability_facts.declared(product))
            assert entries
            assert all(f"| {why} |" in shown for _workloads, _versions, _field, _how, why in entries)

    @pytest.mark.parametrize(
        ("entries", "label"),
        [
            ({}, "**reported**"),
            ({("*", "*"): {"encrypted": ("inferred", "why")}}, "inferred"),
            ({("*", "*"): {"encrypted": ("sometimes", "why")}}, "for some points"),
            ({("*", "*"): {"encrypted": ("cannot", "why")}}, "not reported"),
            ({("vm", "*"): {"encrypted": ("cannot", "why")}}, r"**reported** \*"),
            ({("*", "v1-v3"): {"encrypted": ("cannot", "why")}}, r"**reported** \*"),
            ({("*", "v1-v8"): {"encrypted": ("cannot", "why")}}, r"not reported \*"),
            ({("*", "*"): {"snapshot:encrypted": ("cannot", "why")}}, r"**reported** \*"),
        ],
    )
    def test_cells(self, declare: Callable[[str, Any], None], entries: Any, label: str) -> None:
        declare("veeam_azure", entries)
        (line,) = [line for line in capability_facts.overview().splitlines() if line.startswith("| `encrypted` |")]
        assert line.split(" | ")[1 + list(ADAPTERS).index("veeam_azure")] == label

    @pytest.mark.parametrize("declared", [{"colour": ("cannot", "why")}, {"kind": ("never", "why")}])
    def test_an_invalid_declaration_is_an_error(self, declare: Callable[[str, Any], None], declared: Any) -> None:
        declare("spp", {("*", "*"): declared})
        with pytest.raises(SystemExit, match=r"spp declares .*expected a field of a point"):
            capability_facts.reasons()


class TestVerdicts:
    def test_a_product_that_reports_all_fields_passes_all_rules(self, declare: Callable[[str, Any], None]) -> None:
        declare("spp", {})
        assert set(verdicts("spp").values()) == {PASS}

    def test_a_product_that_reports_nothing_passes_only_rules_about_its_points(
        self, declare: Callable[[str, Any], None]
    ) -> None:
        facts = (*POINT_ATTRIBUTES, "immutable_until", "copies", "malware", "in_inventory", "kind", "size_bytes")
        declare("spp", {("*", "*"): dict.fromkeys(facts, ("cannot", "why"))})
        declarable = ("offsite", "immutable", "encrypted")
        for (name, attribute), gaps in verdicts("spp").items():
            wanted = PASS if attribute == "recovery_points" else DECLARED if attribute in declarable else "unknown"
            assert gaps == wanted, (name, attribute)

    def test_inferred_fields_pass_if_they_are_accepted(self, declare: Callable[[str, Any], None]) -> None:
        declare("spp", {("*", "*"): dict.fromkeys(POINT_ATTRIBUTES, ("inferred", "why"))})
        for (name, attribute), gaps in verdicts("spp").items():
            assert gaps == (INFERRED if attribute in POINT_ATTRIBUTES else PASS), (name, attribute)

    def test_a_field_reported_only_for_some_points_does_not_pass(self, declare: Callable[[str, Any], None]) -> None:
        declare("spp", {("*", "*"): {"restore_tested": ("sometimes", "why")}})
        assert verdicts("spp")["3-2-1-1-0", "restore_tested"] == "unknown"

    def test_other_types_of_points_have_no_effect(self, declare: Callable[[str, Any], None]) -> None:
        declare("spp", {("*", "*"): {"archive:encrypted": ("cannot", "why"), "snapshot:offsite": ("inferred", "why")}})
        assert set(verdicts("spp").values()) == {PASS}

    @pytest.mark.parametrize("product", ADAPTERS)
    def test_a_healthy_workload_never_fails(self, product: str) -> None:
        assert set(verdicts(product).values()) <= {PASS, INFERRED, DECLARED, "unknown"}
