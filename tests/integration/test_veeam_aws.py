# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Features of Veeam Backup for AWS: revisions, roles, MFA, pages, points without an instance."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.conftest import Simulators
from tests.integration.running_modules import read


def summarize(result: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Return the relevant values of each row."""
    names = ("workload_name", "workload_id", "recovery_points", "newest", "oldest", "in_inventory", "by_kind")
    return [tuple(row.get(name) for name in names) for row in result["workloads"]]


@pytest.fixture(scope="module")
def normal(running_simulators: Simulators) -> list[tuple[Any, ...]]:
    """Return the appliance's rows without variants."""
    running_simulators.reset()
    return summarize(read(running_simulators.ready, "veeam_aws").result)


@pytest.mark.parametrize(
    "variant",
    [
        {"page_cap": 13},
        {"total_count": False},
        {"total_count": False, "page_cap": 13},
        {"case_sensitive": True},
        {"times": "zoned"},
        {"volume_keys": True},
        {"serves": "1.2-rev0,1.1-rev0,1.0-rev0"},
        {"serves": "1.0-rev0"},
        {"serves": "1.5-rev1,1.5-rev0"},
        {"serves": "1.1-rev0", "unknown_path": 400},
        {"regions": "names"},
        {"missing_ids": "repositories"},
    ],
    ids=str,
)
def test_variants_do_not_affect_the_result(
    simulators: Simulators, normal: list[tuple[Any, ...]], variant: dict[str, object]
) -> None:
    """Undocumented behavior may differ between servers."""
    simulators.ask("veeam_aws", "__variant", variant)
    ended = read(simulators.ready, "veeam_aws", page_size=50)
    assert not ended.failed, ended.message
    assert summarize(ended.result) == normal


@pytest.mark.parametrize("version", [*(f"1.{number}-rev0" for number in range(9)), "1.5-rev1"])
def test_every_revision(simulators: Simulators, normal: list[tuple[Any, ...]], version: str) -> None:
    """All revisions return the same result, regardless of their paths."""
    ended = read(simulators.ready, "veeam_aws", api_version=version)
    assert not ended.failed, ended.message
    assert summarize(ended.result) == normal
    assert {call["headers"].get("x-api-version") for call in simulators.requests("veeam_aws")} == {version}


def test_unsupported_revision(simulators: Simulators) -> None:
    """It is reported, and the password is not sent again for another revision."""
    simulators.ask("veeam_aws", "__variant", {"serves": "1.4-rev0"})
    ended = read(simulators.ready, "veeam_aws", api_version="1.8-rev0")
    assert ended.failed
    assert ended.result["failure"]["code"] == "wrong_version"
    assert len(simulators.requests("veeam_aws")) == 1
    assert read(simulators.ready, "veeam_aws", api_version="8").failed


@pytest.mark.parametrize("failure", ["400", "401"])
def test_wrong_password_is_not_an_unsupported_revision(simulators: Simulators, failure: str) -> None:
    """Other revisions are tried only if the server rejects the revision."""
    simulators.ask("veeam_aws", "__variant", {"login_failure": failure})
    ended = read(simulators.ready, "veeam_aws", password="wrong")
    assert ended.failed
    assert ended.result["failure"]["code"] == "login_rejected"
    assert len(simulators.requests("veeam_aws")) == 1


def test_required_mfa_is_reported(simulators: Simulators) -> None:
    """Status 200 without a token is not a success."""
    ended = read(simulators.ready, "veeam_aws", "mfa")
    assert ended.failed
    assert ended.result["failure"]["code"] == "mfa_required"


def test_operator(simulators: Simulators, normal: list[tuple[Any, ...]]) -> None:
    """This is the lowest role that sees everything except the version."""
    ended = read(simulators.ready, "veeam_aws", "operator")
    assert not ended.failed, ended.message
    assert summarize(ended.result) == normal
    assert "version" not in ended.result["server"]


def test_role_without_instances(simulators: Simulators, normal: list[tuple[Any, ...]]) -> None:
    """All points are in one row without a name, with a warning. A filter by name is impossible."""
    ended = read(simulators.ready, "veeam_aws", "restore_operator")
    assert not ended.failed, ended.message
    (row,) = ended.result["workloads"]
    assert "workload_id" not in row
    assert row["recovery_points"] == sum(each[2] for each in normal)
    assert ended.result["server"]["scope"]["inventory"] is False
    assert ended.result["server"]["scope"]["repositories"] is False
    assert read(simulators.ready, "veeam_aws", "restore_operator", workload_names=["web-*"]).failed


def test_instances_that_are_gone(simulators: Simulators, normal: list[tuple[Any, ...]]) -> None:
    """If the inventory omits them, their points are in one row without a name."""
    simulators.ask("veeam_aws", "__variant", {"deleted_instances": "gone"})
    ended = read(simulators.ready, "veeam_aws")
    assert not ended.failed, ended.message
    rows = summarize(ended.result)
    assert [row for row in rows if row[0]] == [row for row in normal if row[5]]
    (nameless,) = [row for row in rows if not row[0]]
    assert nameless[2] == sum(row[2] for row in normal if not row[5]) > 0


def test_undocumented_values_are_unknown(simulators: Simulators) -> None:
    """An unknown jobType makes a point of unknown usability, not a backup."""
    simulators.ask("veeam_aws", "__variant", {"unknown_enums": True})
    ended = read(simulators.ready, "veeam_aws", detail="recovery_points")
    assert not ended.failed, ended.message
    assert any(point["usable"] is None for point in ended.result["recovery_points"])


def test_missing_fields(simulators: Simulators, normal: list[tuple[Any, ...]]) -> None:
    """Optional fields may be missing. A point without a time is an error and does not shorten the list silently."""
    simulators.ask("veeam_aws", "__variant", {"missing_optional": "some"})
    ended = read(simulators.ready, "veeam_aws")
    assert not ended.failed, ended.message
    assert [row[2] for row in summarize(ended.result)] == [row[2] for row in normal]
    simulators.ask("veeam_aws", "__variant", {"missing_optional": "times"})
    timeless = read(simulators.ready, "veeam_aws")
    assert timeless.failed
    assert "restore point" in timeless.message


def test_license_agreement_is_required(simulators: Simulators) -> None:
    """The message reports that nobody has accepted the license agreement."""
    simulators.ask("veeam_aws", "__variant", {"license_accepted": False})
    ended = read(simulators.ready, "veeam_aws")
    assert ended.failed
    assert "licen" in ended.message.casefold()
