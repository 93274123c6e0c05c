# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Features of Spectrum Protect Plus: counts, copies, undocumented behavior, inventory."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.conftest import Simulators
from tests.integration.running_modules import get_login, read, run_module
from tests.simulators import running

# Variants in which appliances may differ because nothing is documented; none may change the result.
VARIANTS: list[dict[str, object]] = [
    {"spp.child_id": False},
    {"spp.catalog_time_as_text": False},
    {"spp.session_in_row": False},
    {"spp.wizard_id_is_pk": False},
    {"spp.version": "10.1.6"},
    {"spp.filter_is_or": True},
]


def summarize(result: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Return the relevant values of each row."""
    return [
        (
            row.get("workload_name"),
            row["recovery_points"],
            row.get("newest"),
            row.get("oldest"),
            row.get("in_inventory"),
        )
        for row in result["workloads"]
    ]


@pytest.fixture(scope="module")
def normal(running_simulators: Simulators) -> list[tuple[Any, ...]]:
    """Return the appliance's rows without variants."""
    running_simulators.reset()
    return summarize(read(running_simulators.ready, "spp").result)


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: next(iter(variant)))
def test_variants_change_nothing(
    simulators: Simulators, normal: list[tuple[Any, ...]], variant: dict[str, object]
) -> None:
    """The rows are the same for every variant of undocumented behavior."""
    simulators.ask("spp", "__variant", {name.removeprefix("spp."): value for name, value in variant.items()})
    ended = read(simulators.ready, "spp", copies=True)
    assert not ended.failed, ended.message
    assert summarize(ended.result) == normal


@pytest.mark.parametrize("as_rows", [True, False])
def test_copies_are_no_points(simulators: Simulators, normal: list[tuple[Any, ...]], as_rows: bool) -> None:
    """Copies as rows of the catalog, not listed, or from the restore view: the number of points is the same."""
    simulators.ask("spp", "__variant", {"copies_as_rows": as_rows})
    plain = read(simulators.ready, "spp")
    assert summarize(plain.result) == normal
    web = [row for row in plain.result["workloads"] if row["workload_name"].startswith("web-")]
    assert web
    if not as_rows:
        assert all("locations" not in row and "offsite" not in row["attributes"] for row in web)
    viewed = read(simulators.ready, "spp", copies=True, workload_types=["vm"])
    assert any(len(row.get("locations", [])) > 1 for row in viewed.result["workloads"])
    assert viewed.result["server"]["scope"]["copies"] is True


def test_counts_agree_with_the_listing(simulators: Simulators) -> None:
    """The cheap count and the listing of all points have equal numbers if copies are not separate rows.

    Kinds and times are not reported, so a counted point is not known to be a recovery point.
    """
    simulators.ask("spp", "__variant", {"copies_as_rows": False})
    counted = read(simulators.ready, "spp", detail="counts")
    listed = read(simulators.ready, "spp", include_unprotected=False)
    by_id = {row["workload_id"]: sum(row["by_status"].values()) for row in listed.result["workloads"]}
    assert {row["workload_id"]: row["undated"] for row in counted.result["workloads"]} == by_id
    assert {row["workload_id"]: row["by_kind"]["unknown"] for row in counted.result["workloads"]} == by_id
    assert counted.result["totals"]["recovery_points"] == 0
    aggregate = [call for call in simulators.requests("spp") if ["action", "aggregate"] in call["query"]]
    assert len(aggregate) == 2
    assert all('"versiononly"' in call["body"] for call in aggregate)
    assert all('"sessionId"' in dict(call["query"])["filter"] for call in aggregate)


def test_cut_counts_are_refused(simulators: Simulators) -> None:
    """A count whose groups were truncated to a page is compared with the catalog and rejected."""
    simulators.ask("spp", "__variant", {"aggregate_page": 5})
    ended = read(simulators.ready, "spp", detail="counts", workload_types=["vm"])
    assert ended.failed
    assert ended.result["failure"]["code"] == "incomplete"
    partial = read(simulators.ready, "spp", detail="counts", workload_types=["vm"], allow_partial=True)
    assert partial.result["complete"] is False
    assert partial.result["errors"]


def test_next_page_never_leaves_the_host(simulators: Simulators) -> None:
    """The appliance reports another host and port for itself; small pages are still followed, on the right host."""
    small = read(simulators.ready, "spp", page_size=3)
    assert not small.failed, small.message
    simulators.reset()
    assert summarize(small.result) == summarize(read(simulators.ready, "spp").result)


def test_names_and_window(simulators: Simulators) -> None:
    """Names are globs that ignore case; since filters points, not workloads."""
    ended = read(simulators.ready, "spp", workload_names=["WEB-*"])
    assert {row["workload_name"][:4] for row in ended.result["workloads"]} == {"web-"}
    window = read(simulators.ready, "spp", since="5d")
    everything = read(simulators.ready, "spp")
    assert {row["workload_id"] for row in window.result["workloads"]} == {
        row["workload_id"] for row in everything.result["workloads"]
    }
    assert 0 < window.result["totals"]["recovery_points"] < everything.result["totals"]["recovery_points"]
    assert window.result["selection"]["since"] < window.result["read_at"]


def test_never_backed_up_and_retired(simulators: Simulators) -> None:
    """A machine without points is listed with 0; points of a deleted machine are listed separately."""
    ended = read(simulators.ready, "spp")
    rows = ended.result["workloads"]
    known = simulators.estate["products"]["spp"]["workloads"]
    truth = [w for w in simulators.estate["workloads"] if w["key"] in known]
    unprotected = {w["name"] for w in truth if w["workload_type"] == "vm" and w["in_inventory"] and not w["points"]}
    retired = {w["name"] for w in truth if w["workload_type"] == "vm" and not w["in_inventory"]}
    assert unprotected
    assert retired
    assert unprotected <= {row["workload_name"] for row in rows if row["recovery_points"] == 0 and row["in_inventory"]}
    assert retired <= {row["workload_name"] for row in rows if row.get("in_inventory") is False}
    without = read(simulators.ready, "spp", include_unprotected=False)
    assert all(row["by_status"] for row in without.result["workloads"])


def test_links_to_another_workload_are_refused() -> None:
    """Another read of a full estate, with sessions that end after a few requests: the complete result or an error."""
    with running(("spp",), workloads=30, points=10, variants={"spp.session_calls": 40}) as ready:
        ended = read(ready, "spp")
        assert not ended.failed, ended.message
        assert ended.result["totals"]["recovery_points"] > 100


def test_environment_stands_in(simulators: Simulators) -> None:
    """Missing options come from the environment; an empty variable and an empty CA file count as not given."""
    login = get_login(simulators.ready, "spp")
    environment = {f"SPP_{name.upper()}": str(value) for name, value in login.items()}
    ended = run_module("spp_recovery_points_info", {"detail": "counts"}, environment)
    assert not ended.failed, ended.message
    missing = run_module("spp_recovery_points_info", {}, {**environment, "SPP_PASSWORD": ""})
    assert missing.failed
    assert "password" in missing.message
    assert "SPP_PASSWORD" in missing.message
