# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules return the vendors' published examples unchanged."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.running_modules import read
from tests.simulators import running

# Taken from the vendors' public pages, independently of the simulators.
SPP_COUNTS = {"92647504afd9005226aef77bc0b98abb": 10, "8989CFF1-6F16-4E2B-9FCC-9F8C8CD719C9": 1}
AZURE_POINTS = {
    "15ed5dd3-c759-4726-9682-be9f9d72a7d5": ("2020-02-03T13:02:39.35773Z", "snapshot"),
    "1e1782e9-9921-4e11-980a-77203e9c691a": ("2020-02-05T10:48:38.853005Z", "backup"),
    "cd88a27f-afb0-4bd2-b9e7-bc1bd47252a0": ("2020-02-05T10:45:14.482326Z", "snapshot"),
    "df483336-91b8-4e6b-87cf-7bd95f43c3de": ("2020-02-04T11:15:29.990303Z", "backup"),
    "f5661843-f425-4081-9d77-de440b4106e1": ("2020-02-04T19:02:30.328869Z", "backup"),
}
AZURE_SIZE = 136367309312


@pytest.fixture(scope="module")
def ready() -> Iterator[dict[str, Any]]:
    """Run simulators that contain only the published examples."""
    with running(("spp", "veeam_azure"), estate="seed") as document:
        yield document


@pytest.mark.parametrize("honoured", [True, False], ids=["outputname", "outputname-ignored"])
def test_spp_counts(honoured: bool) -> None:
    """IBM's page describes an aggregate request that returns ten and one."""
    with running(("spp",), estate="seed", variants={"spp.outputname_honoured": honoured}) as document:
        ended = read(document, "spp", detail="counts", workload_types=["vm"])
    assert not ended.failed, ended.message
    assert {row["workload_id"]: row["undated"] for row in ended.result["workloads"]} == SPP_COUNTS
    assert {row["workload_name"] for row in ended.result["workloads"]} == {"sales-americas", "sales-sql"}
    assert all("newest" not in row for row in ended.result["workloads"])


def test_spp_listing_has_the_same_counts(ready: dict[str, Any]) -> None:
    """The listing of all points gives the same numbers."""
    ended = read(ready, "spp", include_unprotected=False)
    assert {row["workload_id"]: row["recovery_points"] for row in ended.result["workloads"]} == SPP_COUNTS


def test_azure_v1(ready: dict[str, Any]) -> None:
    """Five points with unchanged id, time and size: three backups and two snapshots in a row without a name."""
    ended = read(ready, "veeam_azure", api_version="v1", detail="recovery_points", workload_types=["vm"])
    assert not ended.failed, ended.message
    points = ended.result["recovery_points"]
    assert {point["id"]: (point["created_at"], point["kind"]) for point in points} == AZURE_POINTS
    assert [point["size_bytes"] for point in points] == [AZURE_SIZE] * 5
    (row,) = [row for row in ended.result["workloads"] if row.get("by_kind")]
    assert "workload_id" not in row
    assert "workload_name" not in row
    assert row["recovery_points"] == 3
    assert row["by_kind"] == {"snapshot": 2, "backup": 3}
    assert row["newest"] == "2020-02-05T10:48:38Z"
    assert row["oldest"] == "2020-02-04T11:15:29Z"
    assert row["size_bytes"] == 3 * AZURE_SIZE


def test_azure_v1_rejects_a_filter_by_name(ready: dict[str, Any]) -> None:
    """No names are reported, so the filter cannot be applied."""
    ended = read(ready, "veeam_azure", api_version="v1", workload_names=["vm-*"])
    assert ended.failed
    assert "does not report the virtual machine" in ended.message
