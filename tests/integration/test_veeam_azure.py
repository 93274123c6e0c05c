# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Features of Veeam Backup for Microsoft Azure: versions, roles, MFA, pages, workloads with the same name."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.conftest import Simulators
from tests.integration.running_modules import read


def summarize(result: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Return the relevant values of each row."""
    return [
        (row.get("workload_name"), row.get("workload_id"), row["recovery_points"], row.get("newest"), row.get("oldest"))
        for row in result["workloads"]
    ]


@pytest.fixture(scope="module")
def normal(running_simulators: Simulators) -> list[tuple[Any, ...]]:
    """Return the appliance's rows without variants."""
    running_simulators.reset()
    return summarize(read(running_simulators.ready, "veeam_azure").result)


@pytest.mark.parametrize(
    "variant",
    [
        {"page_cap": 13},
        {"total_count": False},
        {"total_count": False, "page_cap": 13},
        {"resource_hash": "vm"},
        {"case_sensitive": False},
        {"region_names": "display"},
        {"region_names": "display", "region_ids": "own"},
        {"missing_ids": "repositories"},
    ],
    ids=str,
)
def test_variants_do_not_affect_the_result(
    simulators: Simulators, normal: list[tuple[Any, ...]], variant: dict[str, object]
) -> None:
    """Short pages and a null total do not lose points."""
    simulators.ask("veeam_azure", "__variant", variant)
    ended = read(simulators.ready, "veeam_azure", page_size=20)
    assert not ended.failed, ended.message
    assert summarize(ended.result) == normal


@pytest.mark.parametrize("missing", ["some"])
def test_missing_fields_are_unknown(simulators: Simulators, missing: str) -> None:
    """Missing optional fields make attributes unknown and never false, and no point is lost."""
    complete = read(simulators.ready, "veeam_azure").result["totals"]["points_listed"]
    simulators.ask("veeam_azure", "__variant", {"missing_optional": missing})
    ended = read(simulators.ready, "veeam_azure", detail="recovery_points")
    assert not ended.failed, ended.message
    assert ended.result["totals"]["points_listed"] == complete


def test_undocumented_values_are_unknown(simulators: Simulators) -> None:
    """Values that no specification defines make a point of unknown usability, not a backup."""
    simulators.ask("veeam_azure", "__variant", {"unknown_enums": True})
    ended = read(simulators.ready, "veeam_azure", detail="recovery_points")
    assert not ended.failed, ended.message
    assert any(point["usable"] is None for point in ended.result["recovery_points"])


def test_required_mfa_is_reported(simulators: Simulators) -> None:
    """Status 200 without a token is not a success."""
    ended = read(simulators.ready, "veeam_azure", "mfa")
    assert ended.failed
    assert ended.result["failure"]["code"] == "mfa_required"
    assert "without multi-factor" in ended.message


def test_read_only_role(simulators: Simulators, normal: list[tuple[Any, ...]]) -> None:
    """Objects that the role cannot see are unknown and reported."""
    ended = read(simulators.ready, "veeam_azure", "read_only")
    assert not ended.failed, ended.message
    scope = ended.result["server"]["scope"]
    assert scope["inventory"] is False
    assert scope["repositories"] is False
    assert any("unprotected" in str(warning) for warning in ended.result["warnings"])
    assert all("encrypted" not in row.get("attributes", {}) for row in ended.result["workloads"])
    assert all("in_inventory" not in row for row in ended.result["workloads"])
    assert {row[0] for row in summarize(ended.result)} <= {row[0] for row in normal}


@pytest.mark.parametrize("version", ["v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v8.1"])
def test_every_version(simulators: Simulators, normal: list[tuple[Any, ...]], version: str) -> None:
    """All versions return the same number of virtual machine points, up to v3 in one row without a name."""
    ended = read(simulators.ready, "veeam_azure", api_version=version, workload_types=["vm"])
    assert not ended.failed, ended.message
    newest = read(simulators.ready, "veeam_azure", workload_types=["vm"])
    assert ended.result["totals"]["points_listed"] == newest.result["totals"]["points_listed"]
    if version in ("v1", "v2", "v3"):
        with_points = [row for row in ended.result["workloads"] if row.get("by_status")]
        assert len(with_points) == 1
        assert "workload_name" not in with_points[0]


def test_unsupported_version(simulators: Simulators) -> None:
    """A version that the appliance does not support is a clear failure."""
    simulators.ask("veeam_azure", "__variant", {"serves": "v7,v6,v5"})
    ended = read(simulators.ready, "veeam_azure")
    assert ended.failed
    assert "api_version" in ended.message


def test_license_agreement_is_required(simulators: Simulators) -> None:
    """The message reports that nobody has accepted the license agreement."""
    simulators.ask("veeam_azure", "__variant", {"license_accepted": False})
    ended = read(simulators.ready, "veeam_azure")
    assert ended.failed
    assert "licen" in ended.message.casefold()


def test_same_name(simulators: Simulators) -> None:
    """Two machines with the same name keep their own points."""
    names: dict[str, list[str]] = {}
    listed = simulators.estate["products"]["veeam_azure"]["workloads"]
    for workload in simulators.estate["workloads"]:
        if workload["key"] in listed and workload["points"] and workload["workload_type"] == "vm":
            names.setdefault(workload["name"], []).append(workload["key"])
    (name,) = [name for name, keys in names.items() if len(keys) == 2]
    ended = read(simulators.ready, "veeam_azure", workload_names=[name], workload_types=["vm"])
    ids = {simulators.estate["products"]["veeam_azure"]["workloads"][key] for key in names[name]}
    assert {row.get("workload_id") for row in ended.result["workloads"]} == ids
    assert all(row["recovery_points"] for row in ended.result["workloads"])


def test_an_ignored_filter_does_not_prove_an_owner(simulators: Simulators) -> None:
    """If the server ignores the filter, points of two machines with the same name belong to neither."""
    simulators.ask("veeam_azure", "__variant", {"ignores_filter": True})
    ended = read(simulators.ready, "veeam_azure", workload_names=["dc-01"], workload_types=["vm"])
    assert not ended.failed, ended.message
    assert all(not row["recovery_points"] for row in ended.result["workloads"])
    assert any(row.get("by_status") for row in ended.result["workloads"] if "workload_id" not in row)
    assert any("ignores the workload filter" in str(warning) for warning in ended.result["warnings"])
