# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""vProtect: failed requests and malformed lists. Only the list of backups is required."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from tests.fuzz.reading import FakeResponse
from tests.unit.plugins.module_utils._adapters.vprotect.reading import (
    changing_rows,
    fail,
    failing,
    read_normal,
    read_server,
)

_STATUSES = (400, 403, 404, 500)
# Path -> field that is unknown without it ("": none).
_OPTIONAL = {
    "/backup-destinations": "encrypted",
    "/restore-jobs": "restore_tested",
    "/protected-entities": "",
    "/virtual-machines": "platform",
    "/applications": "",
    "/storages": "",
}
_JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize("status", _STATUSES)
@pytest.mark.parametrize("path", _OPTIONAL)
def test_an_optional_list_fails(path: str, status: int) -> None:
    """All points are returned, the fields that depend on the list are unknown, and a warning lists them."""
    result = read_server(change=failing(path, status))
    assert result.error is None
    assert {point["id"] for point in result.points} == {point["id"] for point in read_normal().points}
    assert any(f"(HTTP {status})" in warning for warning in result.warnings)
    if _OPTIONAL[path]:
        assert {point[_OPTIONAL[path]] for point in result.points} == {None}


@pytest.mark.parametrize(
    "body", [b"[]", b"{}", b"null", b'"text"', b"[null, 1, []]", b'[{"guid": null}]', b'{"members": [{}]}']
)
@pytest.mark.parametrize("path", [*_OPTIONAL, "/nodes"])
def test_a_malformed_list(path: str, body: bytes) -> None:
    """A malformed list is not required either, and its entries do not improve any attribute."""

    def change(called: str, _query: Mapping[str, str], response: FakeResponse) -> FakeResponse:
        return FakeResponse(200, _JSON, body) if called == path else response

    result = read_server(change=change)
    assert result.error is None
    normal = {point["id"]: point for point in read_normal().points}
    assert {point["id"] for point in result.points} == set(normal)
    for point in result.points:
        for name in ("usable", "encrypted", "restore_tested", "offsite"):
            assert point[name] in (normal[point["id"]][name], None), (name, point)


@pytest.mark.parametrize("path", ["/backup-destinations", "/protected-entities"])
def test_a_list_shorter_than_its_total(path: str) -> None:
    """Missing entries of a list with one page are detected if the server reports the total."""

    def change(called: str, _query: Mapping[str, str], response: FakeResponse) -> FakeResponse:
        if called != path:
            return response
        rows = json.loads(response.body)
        headers = {**response.headers, "X-Total-Count": str(len(rows))}
        return FakeResponse(200, headers, json.dumps(rows[:-1]).encode())

    result = read_server(change=change)
    assert result.error is None
    assert any(f"the listing of {path[1:]} is incomplete" in warning for warning in result.warnings)


@pytest.mark.parametrize("status", _STATUSES)
def test_missing_version(status: int) -> None:
    """Without a version the server counts as one that lists locations."""
    result = read_server(change=failing("/nodes", status))
    assert result.error is None
    assert result.points == read_normal().points


@pytest.mark.parametrize("status", _STATUSES)
def test_failure_of_one_rule_of_several(status: int) -> None:
    """The others are used. A deleted or forbidden rule is unknown. Other errors make the read incomplete."""
    rules: list[str] = []

    def change(called: str, _query: Mapping[str, str], response: FakeResponse) -> FakeResponse:
        if called.startswith("/rules/vm-backup/"):
            locked = any(
                place["daysToKeepRetentionLock"] for place in json.loads(response.body)["ruleBackupDestinations"]
            )
            if locked and called not in rules:
                rules.append(called)
            if rules and called == rules[0]:
                return fail(status)
        return response

    result = read_server(change=change)
    guid = rules[0].rpartition("/")[2]
    assert len(rules) > 1
    assert {point["id"] for point in result.points} == {point["id"] for point in read_normal().points}
    before = sum(point["immutable"] is True for point in read_normal().points)
    assert 0 < sum(point["immutable"] is True for point in result.points) < before
    if status in (403, 404):
        assert result.error is None
        assert any(guid in warning and "retention lock is unknown: 1" in warning for warning in result.warnings)
    else:
        assert f"retention lock of the backup rule {guid} is unknown" in str(result.error)


def test_a_response_with_another_rule() -> None:
    """The response is compared with the request."""

    def change(called: str, _query: Mapping[str, str], response: FakeResponse) -> FakeResponse:
        if called.startswith("/rules/"):
            body = json.dumps({**json.loads(response.body), "guid": "another"}).encode()
            return FakeResponse(200, response.headers, body)
        return response

    result = read_server(change=change)
    assert "the response contains the rule 'another'" in str(result.error)
    assert {point["immutable"] for point in result.points} == {None}


@pytest.mark.parametrize("odd", [None, 1, "text", [], {"name": "no guid"}])
def test_one_malformed_backup(odd: Any) -> None:
    """The others are returned, and the result is incomplete. Copies of that backup are unknown."""
    gone = read_normal().points[0]["id"]
    change = changing_rows("/backups", lambda row: odd if row["guid"] == gone else row)
    result = read_server(change=change)
    assert "entries of the list of backups have no guid and were left out" in str(result.error)
    others = {point["id"] for point in read_normal().points} - {gone}
    assert {point["id"] for point in result.points} >= others
    assert {point["usable"] for point in result.points if point["id"] not in others} <= {None}


@pytest.mark.parametrize("odd", [None, "soon", -1, 10**30, [], {}, True])
def test_one_backup_without_a_time(odd: Any) -> None:
    """It is listed but does not count. The others are returned."""
    (chosen,) = [point for point in read_normal().points if point["usable"] and point["kind"] == "full"][:1]

    def change_row(row: dict[str, Any]) -> dict[str, Any]:
        return {**row, "snapshotTime": odd, "backupTime": odd} if row["guid"] == chosen["id"] else row

    result = read_server(change=changing_rows("/backups", change_row))
    assert result.error is None
    (found,) = [point for point in result.points if point["id"] == chosen["id"]]
    assert found["usable"] is None
    assert found["created_at"] < "1980"
    assert any("because they have neither snapshotTime nor backupTime: 1" in warning for warning in result.warnings)
    assert {point["id"] for point in result.points} >= {point["id"] for point in read_normal().points}


@pytest.mark.parametrize("status", [400, 404, 500])
def test_a_filter_that_the_server_rejects(status: int) -> None:
    """Older servers do not support all statuses, so the backups are then read without the filter."""

    def change(called: str, query: Mapping[str, str], response: FakeResponse) -> FakeResponse:
        return fail(status) if called == "/backups" and "status" in query else response

    result = read_server(change=change)
    assert result.error is None
    assert result.points == read_normal().points


@pytest.mark.parametrize("status", _STATUSES)
def test_the_list_of_backups_is_required(status: int) -> None:
    result = read_server(change=failing("/backups", status))
    assert f"HTTP {status}" in str(result.error)
    assert result.points == []
