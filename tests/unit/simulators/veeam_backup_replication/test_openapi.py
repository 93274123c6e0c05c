# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Responses of the simulated Backup & Replication server conform to tests/schemas, in three revisions."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tests.schemas.loader import Schema, load
from tests.unit.simulators.veeam_backup_replication.client import VbrClient

REVISIONS = ("1.1-rev0", "1.2-rev1", "1.3-rev2")
_FROM_1_2 = [
    "/api/v1/restorePoints",
    "/api/v1/replicas",
    "/api/v1/replicaPoints",
    "/api/v1/taskSessions",
    "/api/v1/malwareDetection/events",
]
_ALWAYS = [
    "/api/v1/serverTime",
    "/api/v1/serverInfo",
    "/api/v1/backups",
    "/api/v1/backupObjects",
    "/api/v1/sessions",
    "/api/v1/jobs/states",
    "/api/v1/backupInfrastructure/repositories",
    "/api/v1/backupInfrastructure/repositories/states",
    "/api/v1/backupInfrastructure/scaleOutRepositories",
]
LISTS = [
    *((revision, path) for revision in REVISIONS for path in _ALWAYS),
    *((revision, path) for revision in REVISIONS[1:] for path in _FROM_1_2),
    ("1.1-rev0", "/api/v1/objectRestorePoints"),
]
# List -> the paths below one of its items.
BELOW = {
    "/api/v1/backups": ["", "/objects", "/backupFiles"],
    "/api/v1/backupObjects": ["", "/restorePoints"],
    "/api/v1/replicas": ["", "/replicaPoints"],
    "/api/v1/sessions": ["", "/taskSessions"],
    "/api/v1/restorePoints": [""],
}
# Rows without a type in older revisions.
_NO_SHAPE = {"1.1-rev0": {"DDBoost"}, "1.2-rev1": {"DDBoost"}, "1.3-rev2": set[str]()}


def known(revision: str, page: Any) -> Any:
    if isinstance(page, dict) and "data" in page:
        page["data"] = [row for row in page["data"] if row.get("type") not in _NO_SHAPE[revision]]
    return page


@pytest.fixture(scope="module")
def schemas() -> dict[str, Schema]:
    return {revision: load("veeam_backup_replication", revision) for revision in REVISIONS}


@pytest.fixture
def dated(vbr: VbrClient) -> VbrClient:
    """The schemas do not allow backup times without an offset, but a real server sent them."""
    vbr.variant(backup_times="offset")
    return vbr


@pytest.mark.parametrize(("revision", "path"), LISTS)
def test_lists(schemas: dict[str, Schema], dated: VbrClient, revision: str, path: str) -> None:
    dated.use_revision(revision)
    page = dated.get(path, limit=1000)
    if path.endswith("scaleOutRepositories"):
        dated.variant(offload="tier")
        page = dated.get(path, limit=1000)
    assert "data" not in page or page["data"]
    assert schemas[revision].problems("GET", path, 200, known(revision, page)) == []


@pytest.mark.parametrize("revision", REVISIONS)
def test_below_items(schemas: dict[str, Schema], dated: VbrClient, revision: str) -> None:
    dated.use_revision(revision)
    schema, checked = schemas[revision], 0
    for path, ends in BELOW.items():
        for end in ends:
            template = f"{path}/{{id}}{end}"
            if ("GET", template) not in schema.operations:
                continue
            for row in dated.get(path)["data"][:6]:
                response = dated.call("GET", f"{path}/{row['id']}{end}")
                if response.status_code == 400 and end == "/objects":
                    continue
                assert schema.problems("GET", template, 200, known(revision, response.json())) == []
                checked += 1
    assert checked > 15


def test_token_and_details(schemas: dict[str, Schema], dated: VbrClient) -> None:
    newest = schemas["1.3-rev2"]
    assert newest.problems("POST", "/api/oauth2/token", 200, dated.log_in()) == []
    backup = dated.all("backups")[0]
    response = dated.call("POST", f"/api/v1/backups/{backup['id']}/details", json={}).json()
    assert newest.problems("POST", "/api/v1/backups/{id}/details", 200, response) == []


def test_log_out(schemas: dict[str, Schema], dated: VbrClient) -> None:
    response = dated.call("POST", "/api/oauth2/logout")
    assert schemas["1.3-rev2"].problems("POST", "/api/oauth2/logout", 200, response.json()) == []


def test_errors(schemas: dict[str, Schema], dated: VbrClient) -> None:
    missing = dated.expect_error(404, "/api/v1/restorePoints/74ebd705-5216-4a4b-8732-5079606c5b75")
    path = "/api/v1/restorePoints/{id}"
    assert schemas["1.3-rev2"].problems("GET", path, 404, missing) == []
    assert schemas["1.3-rev2"].problems("GET", path, 404, {**missing, "errorCode": "Gone"})


def test_times_without_an_offset_are_detected(schemas: dict[str, Schema], vbr: VbrClient) -> None:
    page = vbr.get("/api/v1/backups", limit=3)
    problems = schemas["1.3-rev2"].problems("GET", "/api/v1/backups", 200, page)
    assert sum("creationTime: " in problem for problem in problems) == 3


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("creationTime", 1773144000),
        ("type", "Synthetic"),
        ("platformName", "Vcd"),
        ("backupId", "none"),
        ("originalSize", "1 GB"),
        ("allowedOperations", "StartFlrRestore"),
        ("repositoryName", "berlin-disk-1"),
    ],
)
def test_the_check_finds_errors(schemas: dict[str, Schema], vbr: VbrClient, member: str, value: object) -> None:
    path = "/api/v1/restorePoints"
    page = vbr.get(path, limit=2, platformNameFilter="VMware")
    assert schemas["1.3-rev2"].problems("GET", path, 200, page) == []
    wrong = copy.deepcopy(page)
    wrong["data"][1][member] = value
    assert schemas["1.3-rev2"].problems("GET", path, 200, wrong)


def test_the_check_finds_errors_in_derived_types(schemas: dict[str, Schema], vbr: VbrClient) -> None:
    path, newest = "/api/v1/backupObjects", schemas["1.3-rev2"]
    page = vbr.get(path, limit=500)
    assert newest.problems("GET", path, 200, page) == []
    machine = next(row for row in page["data"] if row["platformName"] == "VMware")
    machine["biosUuid"] = "none of a virtual machine's"
    assert newest.problems("GET", path, 200, page)
    del machine["biosUuid"], machine["objectId"]
    assert newest.problems("GET", path, 200, page)
