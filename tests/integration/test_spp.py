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

# Variants of undocumented behavior. None of them may change the result.
VARIANTS: list[dict[str, object]] = [
    {"spp.child_id": False},
    {"spp.catalog_time_as_text": False},
    {"spp.session_in_row": False},
    {"spp.wizard_id_is_pk": False},
    {"spp.version": "10.1.6"},
    {"spp.filter_is_or": True},
    {"spp.versions_link": "versions"},
    {"spp.versions_link": "version?from=recovery"},
    {"spp.versions_link": "snapshot/version"},
    {"spp.database_properties": False},
    {"spp.inventory_keeps_removed": True},
    {"spp.embed_copies": False},
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
def test_variants_do_not_affect_the_result(
    simulators: Simulators, normal: list[tuple[Any, ...]], variant: dict[str, object]
) -> None:
    """Undocumented behavior may differ between servers."""
    simulators.ask("spp", "__variant", {name.removeprefix("spp."): value for name, value in variant.items()})
    ended = read(simulators.ready, "spp", copies=True)
    assert not ended.failed, ended.message
    assert summarize(ended.result) == normal


@pytest.mark.parametrize("as_rows", [True, False])
def test_copies_are_not_points(simulators: Simulators, normal: list[tuple[Any, ...]], as_rows: bool) -> None:
    """The number of points is the same if copies are rows of the catalog, not listed, or in the restore view."""
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


def test_counts_match_the_listing(simulators: Simulators) -> None:
    """The aggregate count and the listing have equal numbers of points and of recovery points.

    Backups and archives of one machine could be copies of each other: only the larger number is certain.
    """
    simulators.ask("spp", "__variant", {"copies_as_rows": False})
    counted = read(simulators.ready, "spp", detail="counts")
    listed = read(simulators.ready, "spp", include_unprotected=False)
    assert not counted.failed, counted.message
    rows = {row["workload_id"]: row for row in listed.result["workloads"]}
    assert {row["workload_id"]: row["undated"] for row in counted.result["workloads"]} == {
        ident: sum(row["by_status"].values()) for ident, row in rows.items()
    }
    for row in counted.result["workloads"]:
        kinds = rows[row["workload_id"]]["by_kind"]
        archives = kinds.get("archive", 0)
        backups = sum(number for kind, number in kinds.items() if kind not in ("archive", "snapshot"))
        assert row["recovery_points"] == max(archives, backups), row
    assert counted.result["totals"]["recovery_points"] > 100
    aggregate = [call for call in simulators.requests("spp") if ["action", "aggregate"] in call["query"]]
    # Three requests of each type: all entries, their types, and a filter that no entry matches.
    assert len(aggregate) == 2 * 3
    assert all('"versiononly"' in call["body"] for call in aggregate)
    assert all('"sessionId"' in dict(call["query"])["filter"] for call in aggregate)


@pytest.mark.parametrize(
    "variant",
    [{"grouping": "refused"}, {"grouping": "ignored"}, {"filter_ignored": True}, {"copytype_ignored": True}],
    ids=lambda variant: next(iter(variant)),
)
def test_counts_that_prove_nothing(simulators: Simulators, variant: dict[str, object]) -> None:
    """If the server ignores parts of the request, no more points count than the listing has."""
    listed = read(simulators.ready, "spp", include_unprotected=False)
    most = {row["workload_id"]: row["recovery_points"] for row in listed.result["workloads"]}
    simulators.ask("spp", "__variant", variant)
    counted = read(simulators.ready, "spp", detail="counts")
    assert not counted.failed, counted.message
    assert all(row["recovery_points"] <= most[row["workload_id"]] for row in counted.result["workloads"])
    if "copytype_ignored" not in variant:
        assert counted.result["totals"]["recovery_points"] == 0
    assert "Use detail: workloads" in str(counted.result["warnings"])


def test_truncated_counts_are_rejected(simulators: Simulators) -> None:
    """A count whose groups were truncated to a page is compared with the catalog and rejected."""
    simulators.ask("spp", "__variant", {"aggregate_page": 5})
    ended = read(simulators.ready, "spp", detail="counts", workload_types=["vm"])
    assert ended.failed
    assert ended.result["failure"]["code"] == "incomplete"
    partial = read(simulators.ready, "spp", detail="counts", workload_types=["vm"], allow_partial=True)
    assert partial.result["complete"] is False
    assert partial.result["errors"]


def test_versions_without_copies_are_not_points(simulators: Simulators, normal: list[tuple[Any, ...]]) -> None:
    """The catalog and the restore view list versions whose copies are gone. They do not count."""
    simulators.ask("spp", "__variant", {"empty_versions": 3})
    plain = read(simulators.ready, "spp")
    assert summarize(plain.result) == normal
    viewed = read(simulators.ready, "spp", copies=True)
    assert summarize(viewed.result) == normal


def test_a_repository_server_may_be_at_the_same_site(simulators: Simulators) -> None:
    """Copies on it are not inferred to be off-site. Replicas at another site are."""
    simulators.ask("spp", "__variant", {"offload_target": "repository server"})
    viewed = read(simulators.ready, "spp", copies=True, workload_types=["vm"])
    rows = {row["workload_name"]: row.get("attributes", {}) for row in viewed.result["workloads"]}
    assert "offsite" in rows["erp-prod"]
    assert not rows["erp-prod"]["offsite"].get("inferred")


def test_next_page_never_leaves_the_host(simulators: Simulators) -> None:
    """The appliance reports another host and port for itself, but pages are requested from the configured host."""
    small = read(simulators.ready, "spp", page_size=3)
    assert not small.failed, small.message
    simulators.reset()
    assert summarize(small.result) == summarize(read(simulators.ready, "spp").result)


def test_names_and_window(simulators: Simulators) -> None:
    """Names are patterns that ignore case. The option `since` filters points and not workloads."""
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
    """A machine without points is listed with 0. Points of a deleted machine are listed separately."""
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


def test_a_read_with_expiring_sessions_is_complete() -> None:
    """Sessions end after a few requests."""
    with running(("spp",), workloads=30, points=10, variants={"spp.session_calls": 40}) as ready:
        ended = read(ready, "spp")
        assert not ended.failed, ended.message
        assert ended.result["totals"]["recovery_points"] > 100


def test_environment_provides_missing_options(simulators: Simulators) -> None:
    """Missing options come from the environment. Empty variables and empty CA files count as unset."""
    login = get_login(simulators.ready, "spp")
    environment = {f"SPP_{name.upper()}": str(value) for name, value in login.items()}
    ended = run_module("spp_recovery_points_info", {"detail": "counts"}, environment)
    assert not ended.failed, ended.message
    missing = run_module("spp_recovery_points_info", {}, {**environment, "SPP_PASSWORD": ""})
    assert missing.failed
    assert "password" in missing.message
    assert "SPP_PASSWORD" in missing.message
