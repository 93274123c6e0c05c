# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Spectrum Protect Plus: links to recovery points are followed only if they lead to the data of the same workload."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.plugins.module_utils._adapters.spp.appliance import (
    CATALOG,
    DATABASES,
    NIGHT,
    OWN,
    Appliance,
    child,
    listing,
    protection,
    read,
    row,
)

SEGMENTS = st.text(alphabet="abcdefghijklmnopqrstuvwxyz-_.0123456789", min_size=1, max_size=12).filter(
    lambda word: set(word) != {"."}
)
KEYS = ("embed", "filter", "sort", "pageSize", "pageStartIndex")


def appliance(href: str, path: str) -> Appliance:
    """Build an appliance with one machine, whose link is ``href``, and whose points are at ``path``."""
    known = Appliance()
    known.answers[f"GET {CATALOG}"] = listing("children", [child("a", link=href)])
    known.answers[f"GET {path}"] = listing("contents", [row("a")])
    return known


@given(parts=st.lists(SEGMENTS, min_size=1, max_size=3), keys=st.lists(st.sampled_from(KEYS), unique=True))
def test_any_path_below_the_workload(parts: list[str], keys: list[str]) -> None:
    path = "/".join([f"{CATALOG}/a", *parts])
    query = "&".join(f"{key}={'7' if key.startswith('page') else quote('[]')}" for key in keys)
    known = appliance(f"{OWN}{quote(path)}?{query}", path)
    outcome = read(known)
    assert outcome.errors == []
    assert outcome.rows["a"]["recovery_points"] == 1
    (sent,) = [query for _method, asked, query, _body in known.asked if asked == path]
    # The first page is requested, and other keys of the link are kept.
    assert sent == {key: "[]" for key in keys if not key.startswith("page")} | {"pageSize": "100"}


@pytest.mark.parametrize(
    "tail", ["version", "versions", "version?from=recovery", "snapshot/versions", "version?sort=[]"]
)
@pytest.mark.parametrize("host", [OWN, "https://spp.example", "https://elsewhere.example:8443", ""])
def test_links_of_clients(host: str, tail: str) -> None:
    """The module uses the path and the query of a link, on the configured host."""
    path = f"{CATALOG}/a/{tail.partition('?')[0]}"
    assert read(appliance(f"{host}{CATALOG}/a/{tail}", path)).rows["a"]["recovery_points"] == 1


@pytest.mark.parametrize(
    "href",
    [
        f"{OWN}{CATALOG}/b/version",
        f"{OWN}{CATALOG}/ab/version",
        f"{OWN}{CATALOG}/a",
        f"{OWN}{CATALOG}/a/",
        f"{OWN}{CATALOG}/a/../b/version",
        f"{OWN}{CATALOG}/a/%2e%2e/b/version",
        f"{OWN}{CATALOG}/a%2f..%2fb/version",
        f"{OWN}{CATALOG}/a/version?action=expire",
        f"{OWN}{CATALOG}/a/version?from=hlo",
        f"{OWN}{CATALOG}/a/version?unheard=of",
        f"{OWN}{CATALOG}/a/version;x=1",
        f"{OWN}{CATALOG}/a/1/2/3/4",
        f"{OWN}{DATABASES}/a/version",
        f"{OWN}/api/endeavour/jobsession/a/version",
        "version",
        "https://[broken",
    ],
)
def test_other_links_are_rejected(href: str) -> None:
    """No request is sent, the error names the machine, and the other machine is read."""
    known = appliance(href, f"{CATALOG}/b/version")
    known.answers[f"GET {CATALOG}"]["children"].append(child("c"))
    known.answers[f"GET {CATALOG}"]["total"] = 2
    known.answers[f"GET {CATALOG}/c/version"] = listing("contents", [row("c")])
    outcome = read(known)
    assert set(outcome.rows) == {"c"}
    (error,) = outcome.errors
    assert "the recovery points of 'name-a' could not be read" in error
    assert [path for method, path, *_rest in known.asked if method == "GET" and "/a" in path[len(CATALOG) :]] == []


@pytest.mark.parametrize("link", ["", None])
def test_a_workload_without_a_link(link: str | None) -> None:
    known = Appliance().with_machines({"a": [row("a")]})
    known.answers[f"GET {CATALOG}"]["children"][0]["links"] = {} if link is None else {"versions": {"href": link}}
    assert read(known).rows["a"]["recovery_points"] == 1


def test_databases_with_only_a_name_and_a_link() -> None:
    """The list of databases has no properties. The primary key is in the link, and the platform is in the rows."""
    known = Appliance()
    record = {"name": "orders", "links": {"versions": {"href": f"{OWN}{DATABASES}/db-1/version"}}}
    known.answers[f"GET {DATABASES}"] = listing("children", [record])
    properties = {"pk": "DB-1", "applicationType": "sql", "protectionInfo": protection(NIGHT)}
    known.answers[f"GET {DATABASES}/db-1/version"] = listing("contents", [{"properties": properties}])
    outcome = read(known, workload_types=("database",))
    (found,) = outcome.rows.values()
    shown = {name: found[name] for name in ("workload_id", "workload_name", "platform", "vendor_platform")}
    assert shown == {"workload_id": "db-1", "workload_name": "orders", "platform": "mssql", "vendor_platform": "sql"}
    assert found["recovery_points"] == 1
