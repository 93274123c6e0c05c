# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Responses of the simulated Backup & Replication server conform to the vendor's OpenAPI files, in three revisions.

The files describe families of rows as a base that is one of its own children, which no validator can process, and
require members that they do not define (facts B7). Only these two errors are corrected here.
"""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from tests.unit.simulators.client import SHARED
from tests.unit.simulators.openapi_schema import Specification
from tests.unit.simulators.veeam_backup_replication.client import VbrClient

_FILES = SHARED / "veeam_em_vbr" / "specs"
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
# list -> the paths below one of its items
BELOW = {
    "/api/v1/backups": ["", "/objects", "/backupFiles"],
    "/api/v1/backupObjects": ["", "/restorePoints"],
    "/api/v1/replicas": ["", "/replicaPoints"],
    "/api/v1/sessions": ["", "/taskSessions"],
    "/api/v1/restorePoints": [""],
}
# Rows for which the older files do not have a schema.
_NO_SHAPE = {"1.1-rev0": {"DDBoost"}, "1.2-rev1": {"DDBoost"}, "1.3-rev2": set[str]()}


def repaired(document: dict[str, Any]) -> dict[str, Any]:
    schemas = document["components"]["schemas"]
    families = {name for name, schema in schemas.items() if "oneOf" in schema and "discriminator" in schema}
    for name in families:
        schemas[f"{name}_any"] = _family(name, schemas[name])
        del schemas[name]["oneOf"], schemas[name]["discriminator"]
    for name, schema in schemas.items():
        _forget_undefined(schema, schemas)
        if not name.endswith("_any"):
            _point_to_families(schema, families, in_base=False)
    _point_to_families(document["paths"], families, in_base=False)
    _allow_no_other_members(schemas)
    _inline_responses(document)
    return document


def _family(name: str, base: dict[str, Any]) -> dict[str, Any]:
    chosen, mapping = base["discriminator"]["propertyName"], base["discriminator"]["mapping"]
    cases = [
        {"if": {"properties": {chosen: {"const": word}}}, "then": {"$ref": target}} for word, target in mapping.items()
    ]
    return {"allOf": [{"$ref": f"#/components/schemas/{name}"}, *cases], "unevaluatedProperties": False}


def _point_to_families(node: Any, families: set[str], in_base: bool) -> None:
    """A child's own reference to its base is kept; everywhere else the base means any of its children."""
    if isinstance(node, list):
        for item in node:
            _point_to_families(item, families, in_base)
    elif isinstance(node, dict):
        target = str(node.get("$ref", "")).rpartition("/")[2]
        if target in families and not in_base:
            node["$ref"] += "_any"
        for key, value in node.items():
            _point_to_families(value, families, in_base=key == "allOf")


def _forget_undefined(schema: dict[str, Any], schemas: dict[str, Any]) -> None:
    for part in (schema, *schema.get("allOf", [])):
        if "required" in part and "properties" in part:
            part["required"] = [name for name in part["required"] if name in part["properties"]]


def _inline_responses(document: dict[str, Any]) -> None:
    for methods in document["paths"].values():
        for operation in methods.values():
            for status, response in operation["responses"].items():
                name = response.get("$ref", "").rpartition("/")[2]
                operation["responses"][status] = document["components"]["responses"].get(name, response)


def _allow_no_other_members(schemas: dict[str, Any]) -> None:
    """Forbid members of list rows that the file does not define."""
    for schema in schemas.values():
        rows = schema.get("properties", {}).get("data", {})
        if rows.get("type") == "array" and not rows["items"]["$ref"].endswith("_any"):
            rows["items"] = {"allOf": [rows["items"]], "unevaluatedProperties": False}


def known(revision: str, page: Any) -> Any:
    if isinstance(page, dict) and "data" in page:
        page["data"] = [row for row in page["data"] if row.get("type") not in _NO_SHAPE[revision]]
    return page


@pytest.fixture(scope="module")
def specifications(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Specification]:
    found = {}
    for revision in REVISIONS:
        file, mended = _FILES / f"trimmed_{revision}.json", tmp_path_factory.mktemp("specs") / "mended.json"
        if not file.exists():
            pytest.skip("the vendor's OpenAPI files are not at hand")
        mended.write_text(json.dumps(repaired(json.loads(file.read_text("utf-8")))), "utf-8")
        found[revision] = Specification(mended)
    return found


@pytest.fixture
def dated(vbr: VbrClient) -> VbrClient:
    """The files do not allow backup times without an offset; a server was seen to send them (facts B4)."""
    vbr.variant(backup_times="offset")
    return vbr


@pytest.mark.parametrize(("revision", "path"), LISTS)
def test_lists(specifications: dict[str, Specification], dated: VbrClient, revision: str, path: str) -> None:
    dated.use_revision(revision)
    page = dated.get(path, limit=1000)
    if path.endswith("scaleOutRepositories"):
        dated.variant(offload="tier")
        page = dated.get(path, limit=1000)
    assert "data" not in page or page["data"]
    assert specifications[revision].problems("GET", path, 200, known(revision, page)) == []


@pytest.mark.parametrize("revision", REVISIONS)
def test_below_items(specifications: dict[str, Specification], dated: VbrClient, revision: str) -> None:
    dated.use_revision(revision)
    specification, checked = specifications[revision], 0
    for path, ends in BELOW.items():
        for end in ends:
            template = f"{path}/{{id}}{end}"
            if template not in specification.paths:
                continue
            for row in dated.get(path)["data"][:6]:
                response = dated.call("GET", f"{path}/{row['id']}{end}")
                if response.status_code == 400 and end == "/objects":
                    continue
                assert specification.problems("GET", template, 200, known(revision, response.json())) == []
                checked += 1
    assert checked > 15


def test_token_and_details(specifications: dict[str, Specification], dated: VbrClient) -> None:
    newest = specifications["1.3-rev2"]
    assert newest.problems("POST", "/api/oauth2/token", 200, dated.log_in()) == []
    backup = dated.all("backups")[0]
    response = dated.call("POST", f"/api/v1/backups/{backup['id']}/details", json={}).json()
    assert newest.problems("POST", "/api/v1/backups/{id}/details", 200, response) == []


def test_errors(specifications: dict[str, Specification], dated: VbrClient) -> None:
    missing = dated.expect_error(404, "/api/v1/restorePoints/74ebd705-5216-4a4b-8732-5079606c5b75")
    path = "/api/v1/restorePoints/{id}"
    assert specifications["1.3-rev2"].problems("GET", path, 404, missing) == []
    assert specifications["1.3-rev2"].problems("GET", path, 404, {**missing, "errorCode": "Gone"})


def test_naive_times_are_noticed(specifications: dict[str, Specification], vbr: VbrClient) -> None:
    page = vbr.get("/api/v1/backups", limit=3)
    problems = specifications["1.3-rev2"].problems("GET", "/api/v1/backups", 200, page)
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
def test_it_bites(specifications: dict[str, Specification], vbr: VbrClient, member: str, value: object) -> None:
    path = "/api/v1/restorePoints"
    page = vbr.get(path, limit=2, platformNameFilter="VMware")
    assert specifications["1.3-rev2"].problems("GET", path, 200, page) == []
    wrong = copy.deepcopy(page)
    wrong["data"][1][member] = value
    assert specifications["1.3-rev2"].problems("GET", path, 200, wrong)


def test_it_bites_in_families(specifications: dict[str, Specification], vbr: VbrClient) -> None:
    path, newest = "/api/v1/backupObjects", specifications["1.3-rev2"]
    page = vbr.get(path, limit=500)
    assert newest.problems("GET", path, 200, page) == []
    machine = next(row for row in page["data"] if row["platformName"] == "VMware")
    machine["biosUuid"] = "none of a virtual machine's"
    assert newest.problems("GET", path, 200, page)
    del machine["biosUuid"], machine["objectId"]
    assert newest.problems("GET", path, 200, page)
