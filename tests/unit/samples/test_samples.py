# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The samples follow the schemas, and the comparison with other documents finds each kind of difference."""

from __future__ import annotations

from typing import Any

import pytest

from tests.samples import list_samples, read, read_body
from tests.samples.shapes import compare, find_copies
from tests.schemas.loader import load

_CATALOG = "/api/endeavour/catalog/recovery/hypervisorvm"
# Schema and request of each sample. The others have fields that no simulator sends, or belong to other releases.
RESPONSES = [
    *(
        (f"pbs/{name}.yml", "pbs 4.2", f"{method} /api2/json/{path}", 200)
        for name, method, path in (
            ("datastores", "GET", "admin/datastore"),
            ("groups", "GET", "admin/datastore/{store}/groups"),
            ("namespaces", "GET", "admin/datastore/{store}/namespace"),
            ("permissions", "GET", "access/permissions"),
            ("prune_jobs", "GET", "admin/prune"),
            ("snapshots", "GET", "admin/datastore/{store}/snapshots"),
            ("status", "GET", "admin/datastore/{store}/status"),
            ("sync_jobs", "GET", "admin/sync"),
            ("ticket", "POST", "access/ticket"),
            ("ticket_second_factor", "POST", "access/ticket"),
            ("verify_jobs", "GET", "admin/verify"),
            ("version", "GET", "version"),
        )
    ),
    ("spp/children.yml", "spp 10.1", f"GET {_CATALOG}", 200),
    ("spp/versions.yml", "spp 10.1", f"GET {_CATALOG}/{{pk}}/version", 200),
    ("spp/policies.yml", "spp 10.1", "GET /ngp/slapolicy", 200),
    ("unitrends/backups.yml", "unitrends 10", "POST /api/backups/", 200),
    ("unitrends/catalog.yml", "unitrends 10", "GET /api/catalog/", 200),
    ("unitrends/date_time.yml", "unitrends 10", "GET /api/date-time/", 200),
    ("unitrends/latest.yml", "unitrends 10", "GET /api/backups/latest/", 200),
    ("unitrends/login.yml", "unitrends 10", "POST /api/login", 201),
    ("unitrends/systems.yml", "unitrends 10", "GET /api/systems/", 200),
    ("vprotect/nodes.yml", "vprotect 7.4", "GET /api/nodes", 200),
    *(
        (f"veeam_enterprise_manager/{name}", "veeam_enterprise_manager xml", f"GET /api/{path}", 200)
        for name, path in (
            ("agent_point.xml", "agents/agentRestorePoints/{id}"),
            ("cloud_point.xml", "cloud/vmReplicaPoints/{id}"),
            ("cloud_point_references.xml", "cloud/vmReplicaPoints"),
            ("cloud_points_page.xml", "query"),
            ("machine_points_page.xml", "query"),
            ("replica_point.xml", "vmReplicaPoints/{id}"),
        )
    ),
    *(
        (f"veeam_enterprise_manager/{name}_{version}.yml", f"veeam_enterprise_manager {version}", request, 200)
        for version in ("12", "13")
        for name, request in (("task_sessions", "GET /api/query"), ("versions", "GET /api/"))
    ),
]
SAMPLE: dict[str, Any] = {
    "rows": [{"id": "row-1", "size": 1, "made": "2026-11-18T02:03:04Z"}, {"id": "row-2", "owner": None}],
    "notes": [],
    "_links": {"self": {"href": "https://store.example"}},
}


@pytest.mark.parametrize(("name", "schema", "request_line", "status"), RESPONSES)
def test_sample_follows_the_schema(name: str, schema: str, request_line: str, status: int) -> None:
    document = read(name)
    for entity in document.values() if isinstance(document, dict) else ():
        if isinstance(entity, dict):
            # Declared by the product, but not used.
            entity.pop("@xmlns:xsd", None)
            entity.pop("@xmlns:xsi", None)
    method, path = request_line.split()
    assert load(*schema.split()).problems(method, path, status, document) == []


@pytest.mark.parametrize(
    ("document", "name"),
    [("points", "machine_points.xml"), ("old_point", "machine_point_without_names.xml")],
)
def test_restore_points_follow_the_schema(document: str, name: str) -> None:
    schema = load("veeam_enterprise_manager", "xml")
    assert schema.document_problems(document, read(f"veeam_enterprise_manager/{name}")) == []


def test_bodies_have_no_license_header() -> None:
    """The license is a comment in the file."""
    names = list(list_samples())
    assert len(names) > 50
    for name in names:
        body = read_body(name)
        assert b"SPDX" not in body
        assert body[:1] == (b"<" if name.endswith(".xml") else body[:1])
        assert b"<!--" not in body


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        ({"notes": [1]}, "$.notes[]: only ours"),
        ({"notes": None}, "$.notes: ['null'] is not ['list']"),
        ({"rows": SAMPLE["rows"][:1]}, "$.rows[].owner: only theirs"),
        ({"rows": [{**SAMPLE["rows"][0], "owner": None}, {"id": "row-3"}]}, "$.rows[]: other members occur together"),
        ({"rows": [{**SAMPLE["rows"][0], "size": "1"}, SAMPLE["rows"][1]]}, "$.rows[].size: ['text'] is not"),
        (
            {"rows": [{**SAMPLE["rows"][0], "made": "2026-11-18 02:03"}, SAMPLE["rows"][1]]},
            "$.rows[].made: formats without a sample: ['0-0-0T0:0:0Z']",
        ),
    ],
)
def test_differences_of_shapes_are_found(change: dict[str, Any], difference: str) -> None:
    assert any(one.startswith(difference) for one in compare([{**SAMPLE, **change}], [SAMPLE]))


def test_equal_shapes_have_other_values() -> None:
    """Links have arbitrary names. Values do not matter, but must not be copied."""
    other: dict[str, Any] = {
        "rows": [{"id": "row-8", "owner": None}, {"id": "row-9", "size": 2, "made": "2026-01-01T00:00:00Z"}],
        "notes": [],
        "_links": {"next": {"href": "https://other.example"}},
    }
    assert compare([SAMPLE], [other]) == []
    assert find_copies([SAMPLE], [other]) == []
    assert find_copies([SAMPLE], [{**other, "id": "row-2"}]) == ["row-2"]
