# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulated Spectrum Protect Plus compared with its ground truth: sessions, catalog, aggregate, errors."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.unit.simulators.client import AGGREGATE, CATALOGUE, PROPERTIES, WITH_SESSION, SppClient, milliseconds


def versions(spp: SppClient, name: str, **query: Any) -> list[dict[str, Any]]:
    return list(spp.pages(f"{CATALOGUE}/{spp.pk(name)}/version", "contents", **query))


# Sessions


def test_sessions_are_counted_and_closed(spp: SppClient) -> None:
    assert spp.control("sessions") == {"open": 1}
    assert len(spp.headers["X-Endeavour-Sessionid"]) == 32
    ended = spp.call("DELETE", "/api/endeavour/session")
    assert (ended.status_code, ended.content) == (204, b"")
    assert spp.control("sessions") == {"open": 0}
    assert spp.call("GET", "/api/site").status_code == 401


@pytest.mark.parametrize("password", ["", "a&b+c%d", "a&b+c%d \"e' f:g "])
def test_wrong_password(spp: SppClient, password: str) -> None:
    refused = spp.call("POST", "/api/endeavour/session", auth=("audit", password), headers={})
    assert refused.status_code == 401
    assert refused.json()["id"].startswith("XSB")
    assert spp.control("sessions") == {"open": 1}


def test_login_without_a_body(spp: SppClient) -> None:
    login = spp.account()
    refused = spp.call("POST", "/api/endeavour/session", auth=(login["username"], login["password"]), json={"a": 1})
    assert refused.status_code == 400


def test_both_formats_of_status_401(spp: SppClient) -> None:
    spp.headers = {}
    assert spp.call("GET", "/api/site").json()["response"]["response"]["id"] == "XSBMissingSessionidException"
    spp.headers = {"X-Endeavour-Sessionid": "0" * 32}
    assert spp.call("GET", "/api/site").json()["id"] == "XSBSessionDoesNotExistException"
    spp.variant(error_shape="html")
    page = spp.call("GET", "/api/site")
    assert (page.status_code, page.headers["Content-Type"]) == (401, "text/html")


def test_session_expires_after_a_number_of_requests(spp: SppClient) -> None:
    spp.variant(session_calls=2)
    assert [spp.call("GET", "/api/site").status_code for _ignored in range(3)] == [200, 200, 401]
    assert spp.control("sessions") == {"open": 0}


def test_restricted_account_sees_less_without_an_error(spp: SppClient) -> None:
    everything = len(list(spp.pages(CATALOGUE, "children", **PROPERTIES)))
    spp.log_in("restricted")
    seen = {child["name"] for child in spp.pages(CATALOGUE, "children", **PROPERTIES)}
    assert seen == {"web-01", "web-02", '<b>vm & "co"</b>'}
    assert len(seen) < everything
    assert len(spp.counts()) == 3
    assert spp.call("GET", f"{CATALOGUE}/{spp.pk('erp-prod')}/version").status_code == 404


def test_version_requests(spp: SppClient) -> None:
    spp.headers = {}
    assert spp.get("/api/lifecycle/ping")["version"] == "10.1.17"
    spp.log_in()
    assert spp.call("GET", "/ngp/version").status_code == 404
    spp.variant(version="10.1.8")
    assert spp.call("GET", "/api/lifecycle/ping").status_code == 404
    assert spp.get("/ngp/version")["version"] == "10.1.8"


# The catalog


def test_catalog_matches_the_ground_truth(spp: SppClient) -> None:
    """A naive reader finds each listed point exactly once in the catalog, and nothing else."""
    seen: dict[str, list[int]] = {}
    for catalogue in ("hypervisorvm", "applicationdatabase"):
        for child in spp.pages(f"/api/endeavour/catalog/recovery/{catalogue}", "children", **PROPERTIES):
            link = urlsplit(child["links"]["versions"]["href"])
            rows = spp.pages(link.path, "contents", pageSize=7)
            moments = {row["properties"]["protectionInfo"]["protectionTime"] for row in rows}
            seen[child["properties"]["pk"]] = sorted(moments)
    expected = {
        spp.lists["workloads"][work["key"]]: sorted(milliseconds(point["created_at"]) for point in points)
        for work in spp.works()
        if (points := spp.get_points(work))
    }
    assert seen == expected
    assert sum(map(len, seen.values())) > 400


def test_links_have_another_host(spp: SppClient) -> None:
    page = spp.get(CATALOGUE, pageSize=2, **PROPERTIES)
    for link in (page["links"]["nextPage"], page["children"][0]["links"]["versions"]):
        assert urlsplit(link["href"]).netloc == "spp-appliance.invalid:443"
        assert urlsplit(link["href"]).netloc not in spp.entry["url"]


def test_pages(spp: SppClient) -> None:
    rows = versions(spp, "erp-prod")
    assert len(rows) == 90
    first = spp.get(f"{CATALOGUE}/{spp.pk('erp-prod')}/version", pageSize=40, pageStartIndex=80)
    assert (first["contents"], first["total"]) == (rows[80:], 90)
    assert "nextPage" not in first["links"]
    assert versions(spp, "erp-prod", pageSize=11) == rows
    assert spp.get(f"{CATALOGUE}/{spp.pk('erp-prod')}/version", pageStartIndex=500)["contents"] == []
    for wrong in ("0", "-1", "many", "1.5", ""):
        assert spp.call("GET", CATALOGUE, params={"pageSize": wrong}).status_code == 400


def test_page_of_a_hundred_by_default(spp: SppClient) -> None:
    page = spp.get("/api/endeavour/jobsession")
    assert (len(page["sessions"]), page["total"] > 100) == (100, True)


def test_embed_determines_the_fields_of_children(spp: SppClient) -> None:
    assert "children" not in spp.get(CATALOGUE)
    assert set(spp.get(CATALOGUE, embed="(children)")["children"][0]) == {"id", "name", "catalogTime", "links"}
    assert "protectionInfo" in spp.get(CATALOGUE, **PROPERTIES)["children"][0]["properties"]
    spp.variant(child_id=False)
    assert "id" not in spp.get(CATALOGUE, **PROPERTIES)["children"][0]


def test_additional_copies_can_be_rows(spp: SppClient) -> None:
    kinds = [row["properties"]["protectionInfo"]["subPolicyType"] for row in versions(spp, "erp-prod")]
    assert {kind: kinds.count(kind) for kind in set(kinds)} == {"BACKUP": 30, "REPLICATION": 30, "SPPOFFLOAD": 30}
    sessions = {row["properties"]["sessionId"] for row in versions(spp, "erp-prod")}
    assert len(sessions) == 90
    spp.variant(copies_as_rows=False)
    assert len(versions(spp, "erp-prod")) == 30


def test_old_generations_are_only_in_the_archive(spp: SppClient) -> None:
    rows = [row["properties"]["protectionInfo"] for row in versions(spp, "ledger-archive")]
    archived = sum("monthly" in point["retention"] for point in spp.workload("ledger-archive")["points"])
    assert sum(row["subPolicyType"] == "SPPARCHIVE" for row in rows) == archived > 0


def test_filter_and_sort(spp: SppClient) -> None:
    base = [{"property": "protectionInfo.baseBackup", "value": "true"}]
    fulls = versions(spp, "web-01", filter=json.dumps(base))
    assert {row["properties"]["protectionInfo"]["baseBackup"] for row in fulls} == {True}
    both = [*base, {"property": "protectionInfo.subPolicyType", "op": "IN", "value": ["REPLICATION"]}]
    narrowed = versions(spp, "web-01", filter=json.dumps(both))
    assert 0 < len(narrowed) < len(fulls)
    spp.variant(filter_is_or=True)
    assert len(versions(spp, "web-01", filter=json.dumps(both))) > len(fulls)
    # IBM's own client sends text after the JSON of a sort value.
    newest = versions(
        spp, "web-01", sort='[{"property":"protectionInfo.protectionTime","direction":"DESC"}]properties))'
    )
    moments = [row["properties"]["protectionInfo"]["protectionTime"] for row in newest]
    assert moments == sorted(moments, reverse=True)


def test_variants_of_rows(spp: SppClient) -> None:
    assert isinstance(versions(spp, "web-01")[0]["catalogTime"], str)
    spp.variant(catalog_time_as_text=False, session_in_row=False)
    row = versions(spp, "web-01")[0]
    assert isinstance(row["catalogTime"], int)
    assert "sessionId" not in row["properties"]


# Aggregate


def test_aggregate_counts_points(spp: SppClient) -> None:
    counted = {**spp.counts(), **spp.counts("applicationdatabase")}
    expected = {
        spp.lists["workloads"][work["key"]]: len(points) for work in spp.works() if (points := spp.get_points(work))
    }
    assert {pk: row["count"] for pk, row in counted.items()} == expected


def test_aggregate_counts_differ_without_copytype_or_filter(spp: SppClient) -> None:
    pk = spp.pk("erp-prod")
    assert spp.counts()[pk]["count"] == 30
    assert spp.counts(copytype=None, filter_text=None)[pk]["count"] == 1
    assert spp.counts(copytype=None)[pk]["count"] == 90
    assert spp.counts(filter_text=None)[pk]["count"] == 31
    everything = spp.call(
        "POST",
        CATALOGUE,
        params={"action": "aggregate", "filter": WITH_SESSION},
        json={"op": AGGREGATE["op"], "copytype": "versiononly"},
    ).json()["results"]
    assert everything == [{"_id": None, "count": sum(row["count"] for row in spp.counts().values())}]


def test_aggregate_sums_and_maxima(spp: SppClient) -> None:
    operations = [
        {"operation": "max", "fieldname": "protectionInfo.protectionTime", "outputname": "newest"},
        {"operation": "sum", "fieldname": "protectionInfo.transferSize", "outputname": "moved"},
    ]
    row = spp.counts(op=operations)[spp.pk("web-01")]
    points = spp.get_points(spp.workload("web-01"))
    assert row["newest"] == max(milliseconds(point["created_at"]) for point in points)
    assert row["moved"] == sum(point["size_bytes"] for point in points)
    spp.variant(outputname_honoured=False)
    assert set(spp.counts(op=operations)[spp.pk("web-01")]) == {"_id", "max", "sum"}


def test_aggregate_group_is_nested(spp: SppClient) -> None:
    body = {**AGGREGATE, "group": ["protectionInfo.storageProfileName", "protectionInfo.subPolicyType"]}
    query = {"action": "aggregate", "filter": WITH_SESSION}
    results = spp.call("POST", CATALOGUE, params=query, json=body).json()["results"]
    gold = {"protectionInfo": {"storageProfileName": "Gold", "subPolicyType": "BACKUP"}}
    assert {"_id": gold, "count": 90} in results


def test_aggregate_variants(spp: SppClient) -> None:
    minimum = [{"operation": "min", "fieldname": "protectionInfo.protectionTime", "outputname": "oldest"}]
    query = {"action": "aggregate", "filter": WITH_SESSION}
    assert spp.call("POST", CATALOGUE, params=query, json={**AGGREGATE, "op": minimum}).status_code == 400
    spp.variant(min_known=True, aggregate_page=5)
    assert len(spp.counts(op=minimum)) == 5


def test_aggregate_by_several_keys(spp: SppClient) -> None:
    """Several keys are supported, rejected or ignored."""
    body = {**AGGREGATE, "group": ["pk", "protectionInfo.subPolicyType"]}
    query = {"action": "aggregate", "filter": WITH_SESSION}
    results = spp.call("POST", CATALOGUE, params=query, json=body).json()["results"]
    archived = sum("monthly" in point["retention"] for point in spp.workload("ledger-archive")["points"])
    counted = {
        row["_id"]["protectionInfo"]["subPolicyType"]: row["count"]
        for row in results
        if row["_id"]["pk"] == spp.pk("ledger-archive")
    }
    assert counted == {"BACKUP": 30 - archived, "SPPARCHIVE": archived}
    spp.variant(grouping="ignored")
    ignored = spp.call("POST", CATALOGUE, params=query, json=body).json()["results"]
    assert {"_id": {"pk": spp.pk("ledger-archive")}, "count": 30} in ignored
    spp.variant(grouping="refused")
    assert spp.call("POST", CATALOGUE, params=query, json=body).status_code == 400


def test_aggregate_that_ignores_a_part_of_the_request(spp: SppClient) -> None:
    """Without the filter, the object itself is also counted; without copytype, additional copies are."""
    spp.variant(filter_ignored=True)
    assert spp.counts()[spp.pk("erp-prod")]["count"] == 31
    spp.variant(filter_ignored=False, copytype_ignored=True)
    assert spp.counts()[spp.pk("erp-prod")]["count"] == 90


def test_links_to_versions(spp: SppClient) -> None:
    """They are available only at the path of the link."""
    known = versions(spp, "web-01")
    for link in ("versions", "snapshot/version", "version?from=recovery"):
        spp.variant(versions_link=link)
        children = spp.get(CATALOGUE, **PROPERTIES)["children"]
        parts = urlsplit(next(row["links"]["versions"]["href"] for row in children if row["name"] == "web-01"))
        assert f"{parts.path}?{parts.query}".rstrip("?").endswith(f"/{spp.pk('web-01')}/{link}")
        assert spp.get(f"{parts.path}?{parts.query}")["contents"] == known
        served = 200 if link.startswith("version?") else 404
        assert spp.call("GET", f"{CATALOGUE}/{spp.pk('web-01')}/version").status_code == served


def test_databases_with_only_name_and_link(spp: SppClient) -> None:
    spp.variant(database_properties=False)
    children = spp.get("/api/endeavour/catalog/recovery/applicationdatabase", **PROPERTIES)["children"]
    assert {row["name"]: "properties" in row for row in children} == {"orders": False, "catalog": False}
    assert all("properties" in row for row in spp.get(CATALOGUE, **PROPERTIES)["children"])


def test_removed_machines_of_the_inventory(spp: SppClient) -> None:
    spp.variant(inventory_keeps_removed=True)
    rows = spp.get("/api/endeavour/catalog/hypervisor/vm", pageSize=1000, **PROPERTIES)["children"]
    removed = {row["name"] for row in rows if not row["properties"]["inHLO"]}
    assert removed == {work["name"] for work in spp.works("vm") if not work["in_inventory"]} != set()


def test_emptied_versions_have_no_storage(spp: SppClient) -> None:
    spp.variant(empty_versions=2, copies_as_rows=False)
    stored = [bool(row["properties"]["protectionInfo"]["storageSnapshots"]) for row in versions(spp, "web-01")]
    assert stored == [False] * 2 + [True] * 30


@pytest.mark.parametrize(
    ("query", "more"),
    [
        (
            {"action": "aggregate", "filter": str([{"property": "sessionId", "op": ">", "value": "0"}])},
            {"json": AGGREGATE},
        ),
        ({"action": "aggregate", "filter": '{"property": "sessionId"}'}, {"json": AGGREGATE}),
        ({"action": "aggregate", "filter": '[{"property": "a", "op": "LIKE", "value": "b"}]'}, {"json": AGGREGATE}),
        ({"action": "delete"}, {"json": AGGREGATE}),
        ({}, {"json": AGGREGATE}),
        ({"action": "aggregate"}, {"data": json.dumps(AGGREGATE)}),
        ({"action": "aggregate"}, {"json": {**AGGREGATE, "op": []}}),
        ({"action": "aggregate"}, {"json": {**AGGREGATE, "copytype": "all"}}),
        ({"action": "aggregate"}, {"data": "{", "headers": {"Content-Type": "application/json"}}),
    ],
    ids=["python-repr", "no-array", "operator", "action", "no-action", "content-type", "no-op", "copytype", "no-json"],
)
def test_aggregate_rejects_malformed_requests(spp: SppClient, query: dict[str, str], more: dict[str, Any]) -> None:
    refused = spp.call("POST", CATALOGUE, params=query, **more)
    assert refused.status_code == 400
    assert refused.json()["description"]


# Errors and limits


def test_wrong_method_and_path(spp: SppClient) -> None:
    assert spp.call("DELETE", "/api/site").status_code == 405
    assert spp.call("GET", "/api/nothing").status_code == 404
    assert spp.call("GET", f"{CATALOGUE}/none/version").status_code == 404
    assert spp.call("GET", "/api/endeavour/catalog/recovery/other").status_code == 404


def test_too_many_requests_at_once(spp: SppClient) -> None:
    spp.variant(throttle=2)
    with ThreadPoolExecutor(6) as pool:
        statuses = list(pool.map(lambda _ignored: spp.call("GET", "/api/site").status_code, range(6)))
    assert set(statuses) == {200, 503}
    started = time.monotonic()
    assert [spp.call("GET", "/api/site").status_code for _ignored in range(3)] == [200] * 3
    assert time.monotonic() - started > 0.05
