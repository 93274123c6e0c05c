# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parts of the appliance that cannot be read, and paths and fields of each revision."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.aws import records
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.aws.adapter import API_VERSIONS, VeeamAws
from ansible_collections.backup.audit.plugins.module_utils._core.errors import AuditError
from tests.simulators.veeam_aws.api import VeeamAws as SimulatedAws
from tests.unit.plugins.module_utils._adapters.veeam.simulated_server import Result, SimulatedServer, edit, status

ROOT = "/api/v1"
POINTS, OLD_POINTS = f"{ROOT}/virtualMachines/restorePoints", f"{ROOT}/vmRestorePoints"
CODES = pytest.mark.parametrize("code", [400, 403, 404, 500])
ODD = pytest.mark.parametrize("odd", [None, "text", 5, [], {}, {"id": None}], ids=repr)
# The first is the total, the second a test of the filter; the fifth request is for the third instance.
THIRD_INSTANCE = 5


@pytest.fixture(scope="module")
def server() -> SimulatedServer:
    return SimulatedServer(SimulatedAws, VeeamAws)


@pytest.fixture(scope="module")
def complete(server: SimulatedServer) -> Result:
    result = server.read()
    assert (result.problems, result.warnings) == ([], [])
    return result


def idents(result: Result) -> set[str]:
    return {one["id"] for one in result.points}


def queried(result: Result) -> list[str]:
    """Return the ids of the instances in the order of the requests; the first one cannot exist."""
    return [str(call.first("VirtualMachineId")) for call in result.calls if call.first("VirtualMachineId")]


# Revisions


@pytest.mark.parametrize("unknown_path", [400, 404, 422])
@pytest.mark.parametrize("version", API_VERSIONS)
def test_the_path_follows_from_the_revision(version: str, unknown_path: int) -> None:
    """No other path is tried, because 1.0 treats the new path as an instance with an invalid id."""
    server = SimulatedServer(SimulatedAws, VeeamAws, serves=version, unknown_path=unknown_path)
    result = server.read()
    assert result.scope["api_version"] == version
    expected = OLD_POINTS if version in ("1.0-rev0", "1.1-rev0") else POINTS
    paths = {call.path for call in result.calls if call.path.endswith("estorePoints")}
    assert paths == {expected}
    assert len(result.points) > 30


def test_the_second_revision_of_one_version() -> None:
    server = SimulatedServer(SimulatedAws, VeeamAws, serves="1.5-rev1,1.5-rev0,1.4-rev0,1.3-rev0")
    assert server.read().scope["api_version"] == "1.5-rev1"


EU, US = {"id": "r-1", "name": "eu-central-1"}, {"id": "r-2", "name": "us-east-2"}
ZONE = {"id": "z-1", "name": "eu-central-1a"}


@pytest.mark.parametrize(
    ("version", "machine", "replica", "offsite"),
    [
        # 1.0: the location is the region.
        ("1.0-rev0", {"location": EU}, "r-1", False),
        ("1.0-rev0", {"location": EU}, "r-2", True),
        # Later the location is a zone, or something that is not published.
        ("1.1-rev0", {"location": ZONE, "region": EU}, "r-1", False),
        ("1.8-rev0", {"location": ZONE, "region": EU}, "r-1", False),
        ("1.8-rev0", {"location": ZONE, "region": EU}, "r-2", True),
        ("1.8-rev0", {"location": EU}, "r-2", None),
        ("1.2-rev0", {"location": ZONE}, "r-1", None),
        # Without the id of the region, names of two regions are needed.
        ("1.2-rev0", {"region": {"name": "eu-central-1"}}, "r-1", False),
        ("1.2-rev0", {"region": {"name": "eu-central-1"}}, "r-2", True),
        ("1.2-rev0", {"region": {"name": "Europe (Frankfurt)"}}, "r-1", None),
        ("1.2-rev0", {"region": {"name": "eu-central-1"}}, "r-3", None),
        ("1.2-rev0", {"region": {}}, "r-2", None),
        ("1.2-rev0", {"region": EU}, None, None),
        # Ids take precedence over names.
        ("1.2-rev0", {"region": {"id": "r-1", "name": "Europe (Frankfurt)"}}, "r-1", False),
        ("1.2-rev0", {"region": {"id": "r-2", "name": "eu-central-1"}}, "r-1", None),
    ],
)
def test_a_replica_is_offsite_if_its_region_is_known_to_differ(
    version: str, machine: dict[str, Any], replica: str | None, offsite: bool | None
) -> None:
    home = records.parse_region(machine, is_location_region=version == "1.0-rev0")
    row = {"id": "p", "jobType": "Replica", "pointInTime": "2026-11-20T11:23:27", "regionId": replica}
    names = {"r-1": "eu-central-1", "r-2": "us-east-2"}
    found = records.parse_point(
        row, records.parse_workload({"id": "vm"}), home=home, names=names, encrypted=None, include_raw=False
    )
    assert found.offsite is offsite


@pytest.mark.parametrize("version", API_VERSIONS)
def test_replicas_of_the_same_region_are_not_offsite(version: str) -> None:
    """In every revision: all replicas are in the region of their instance."""
    server = SimulatedServer(SimulatedAws, VeeamAws)
    home = {row["id"]: row["region"]["id"] for row in server.api.read_results._instances[8].rows}  # type: ignore[attr-defined]
    (region,) = {home[one["workload_id"]] for one in server.read().points if one["kind"] == "replica"}

    def move(document: Any) -> None:
        for row in document["results"]:
            row["regionId"] = region

    result = server.read(edit(POINTS, move), edit(OLD_POINTS, move), api_version=version)
    replicas = [one for one in result.points if one["kind"] == "replica"]
    assert replicas
    assert {one["offsite"] for one in replicas} == {False}


def test_vocabulary(complete: Result) -> None:
    assert {(row["workload_type"], row["platform"], row.get("vendor_platform")) for row in complete.rows()} == {
        ("vm", "aws_ec2", None)
    }
    copies = [copy for one in complete.points for copy in one["copies"] or []]
    assert {(copy["location_type"], copy["vendor_location_type"]) for copy in copies} == {
        ("snapshot_array", "Snapshot"),
        ("snapshot_array", "Replica"),
    }


# One object of many


@CODES
def test_one_instance_that_fails_is_named(server: SimulatedServer, complete: Result, code: int) -> None:
    """All points are read; those of this instance are in the row without an id."""
    lost = queried(complete)[THIRD_INSTANCE - 2]
    (row,) = [row for row in complete.rows() if row["workload_id"] == lost]
    result = server.read(status(code, POINTS, nth=THIRD_INSTANCE))
    assert result.data["complete"] is False
    (problem,) = result.problems
    assert f"restore points of instance {row['workload_name']!r} ({lost})" in problem.message
    assert f"(HTTP {code})" in problem.message
    assert idents(result) == idents(complete)
    missing = {one["id"] for one in complete.points if one["workload_id"] == lost}
    assert missing
    assert {one["id"] for one in result.points if one["workload_id"] is None} == missing


@CODES
def test_one_instance_that_fails_with_a_name_filter(server: SimulatedServer, complete: Result, code: int) -> None:
    names = [row["workload_name"] for row in complete.rows()][:4]
    result = server.read(status(code, POINTS, nth=THIRD_INSTANCE), workload_names=names)
    assert len(result.problems) == 1
    assert 0 < len(result.points) < len(idents(complete))


def test_an_instance_that_was_removed_during_the_read(server: SimulatedServer, complete: Result) -> None:
    """It is no longer listed, so its points are kept without an instance."""
    lost = queried(complete)[THIRD_INSTANCE - 2]
    listed: list[str] = []

    def remove(document: Any) -> None:
        listed.append("again")
        if len(listed) > 1:
            document["results"] = [row for row in document["results"] if row["id"] != lost]
            document["totalCount"] -= 1

    result = server.read(status(404, POINTS, nth=THIRD_INSTANCE), edit(f"{ROOT}/virtualMachines", remove))
    assert (result.problems, result.data["complete"]) == ([], True)
    assert idents(result) == idents(complete)


def test_an_appliance_that_fails_for_most_instances(server: SimulatedServer) -> None:
    """After a few failures no further instance is requested, because each failed request is retried."""
    calls: list[str] = []
    fail = status(503, POINTS)

    def after_the_filter(call: Any, own: Any) -> Any:
        calls.append(call.path)
        return fail(call, own) if calls.count(POINTS) > 2 else None

    with pytest.raises(AuditError, match="HTTP 503"):
        server.read(after_the_filter)
    assert calls.count(POINTS) == 2 + 5 + 1


def test_an_appliance_that_fails_later(server: SimulatedServer, complete: Result) -> None:
    """The points of the first two instances are kept."""
    calls: list[str] = []
    fail = status(500, POINTS)

    def after_two(call: Any, own: Any) -> Any:
        calls.append(call.path)
        return fail(call, own) if calls.count(POINTS) > 4 else None

    result = server.read(after_two)
    owners = {one["workload_id"] for one in result.points}
    assert owners == set(queried(complete)[1:3])
    assert idents(result) == {one["id"] for one in complete.points if one["workload_id"] in owners}
    assert len(result.problems) == len(queried(complete)) - 3 + 1


# Secondary listings


@CODES
def test_repositories_are_optional(server: SimulatedServer, complete: Result, code: int) -> None:
    result = server.read(status(code, f"{ROOT}/repositories"))
    assert (result.problems, result.scope["repositories"]) == ([], False)
    assert result.warned("whether backups are encrypted is unknown")
    assert idents(result) == idents(complete)


@CODES
def test_instances_are_optional(server: SimulatedServer, complete: Result, code: int) -> None:
    """Without them all points are in one row without an id; a filter by name is impossible."""
    result = server.read(status(code, f"{ROOT}/virtualMachines"))
    assert (result.problems, result.scope["inventory"]) == ([], False)
    assert result.warned("inventory not available")
    assert idents(result) == idents(complete)
    assert {one["workload_id"] for one in result.points} == {None}
    with pytest.raises(AuditError, match="workload_names"):
        server.read(status(code, f"{ROOT}/virtualMachines"), workload_names=["web-01"])


@CODES
def test_the_version_is_optional(server: SimulatedServer, complete: Result, code: int) -> None:
    result = server.read(status(code, f"{ROOT}/system/version"))
    assert result.problems == []
    assert "version" not in result.data["server"]
    assert idents(result) == idents(complete)


def append(odd: Any) -> Any:
    def change(document: Any) -> None:
        document["results"].append(odd)
        document["totalCount"] += 1

    return change


@ODD
def test_a_malformed_instance(server: SimulatedServer, complete: Result, odd: Any) -> None:
    """It is omitted with a warning, and unprotected instances may be missing."""
    result = server.read(edit(f"{ROOT}/virtualMachines", append(odd)))
    assert (result.problems, result.scope["inventory"]) == ([], False)
    assert result.warned("some instances are listed without an id")
    assert result.points == complete.points


@ODD
def test_a_malformed_repository(server: SimulatedServer, complete: Result, odd: Any) -> None:
    """Its encryption is unknown, so encryption is unknown for all backups."""

    def encrypt(document: Any) -> None:
        for row in document["results"]:
            row["enableEncryption"] = True

    assert True in {one["encrypted"] for one in server.read(edit(f"{ROOT}/repositories", encrypt)).points}
    result = server.read(edit(f"{ROOT}/repositories", append(odd)))
    assert result.problems == []
    assert {one["encrypted"] for one in result.points} == {None}
    assert idents(result) == idents(complete)


@pytest.mark.parametrize("time", [None, "", "yesterday", 5], ids=repr)
def test_a_point_with_an_invalid_time_is_undated(server: SimulatedServer, complete: Result, time: Any) -> None:
    wrong = next(one["id"] for one in complete.points if one["kind"] == "backup")

    def change(document: Any) -> None:
        for row in document["results"]:
            if row["id"] == wrong:
                row["pointInTime"] = time

    result = server.read(edit(POINTS, change))
    (problem,) = result.problems
    assert f"restore point {wrong}" in problem.message
    assert idents(result) == idents(complete)
    (undated,) = [one for one in result.points if one["id"] == wrong]
    assert (undated["created_at"], undated["usable"]) == ("1970-01-01T00:00:00Z", None)


@ODD
def test_a_point_without_an_id_is_reported(server: SimulatedServer, complete: Result, odd: Any) -> None:
    def change(document: Any) -> None:
        if document["results"]:
            append(odd)(document)

    result = server.read(edit(POINTS, change), page_size=1000)
    assert "has no id" in result.problems[0].message
    assert idents(result) == idents(complete)
