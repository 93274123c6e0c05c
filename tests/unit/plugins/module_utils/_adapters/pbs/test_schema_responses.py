# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random responses from the schemas: valid ones are read, and points have only attributes of their records.

FUZZ_CASES=100000 generates more of them, FUZZ_SEED=2 others.
"""

from __future__ import annotations

import collections
import itertools
import random
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from typing import Any

import pytest

from tests.fuzz.cases import CASES, SEED
from tests.fuzz.reading import ReadResult, read
from tests.fuzz.replay import get_adapter
from tests.fuzz.schema import SchemaGenerator
from tests.fuzz.schema_server import SchemaServer
from tests.schemas.loader import load

_READINGS = max(30, CASES // 20)
_VERSIONS = ("2.1", "3.4", "4.2")
_NOW = 1_795_000_000
# Snapshots before this year have an invalid time, so they are unknown to be usable.
_1980 = 315_532_800
_MANIFEST, _LOG = "index.json.blob", "client.log.blob"
Row = dict[str, Any]


class RandomServer(SchemaServer):
    """``consistent``: the numbers of groups and datastores are those of the snapshots, and permissions cover all."""

    PART = "[^/]+"

    def __init__(self, version: str, seed: str, *, consistent: bool) -> None:
        super().__init__(SchemaGenerator(load("pbs", version)), seed)
        self._version, self._consistent = version, consistent
        # Snapshots by datastore and namespace, and the IDs of tasks that this server ran.
        self.snapshots: dict[tuple[str, str], list[Row]] = {}
        self.tasks: list[str] = []
        self._namespaces: dict[str, list[str]] = {}

    def adjust(self, body: Any, known: str, path: str, query: Mapping[str, str], schema: Mapping[str, Any]) -> None:
        store = path.split("/")[5] if "{store}" in known else ""
        if known.endswith("/version"):
            body["data"]["version"], body["data"]["release"] = self._version, "0"
        elif known.endswith("/namespace"):
            self._namespaces[store] = [row["ns"] for row in body["data"]]
        elif known.endswith("/permissions") and self._consistent:
            body["data"] = {"/datastore": {"Datastore.Audit": True}}
        elif known.endswith("/snapshots"):
            body["data"] = self._list_snapshots(store, query.get("ns", ""))
        elif known.endswith("/groups") and self._consistent:
            body["data"] = list(self._count_groups(body["data"], self._list_snapshots(store, query.get("ns", ""))))
        elif known.endswith("/status"):
            self.tasks.append(body["data"].get("gc-status", {}).get("upid"))
            if self._consistent and "counts" in body["data"]:
                body["data"]["counts"] = self._count_types(store)
        elif "/admin/" in known and "{" not in known:
            self.tasks += [row.get("last-run-upid") for row in body["data"]]

    def _list_snapshots(self, store: str, namespace: str) -> list[Row]:
        """The same rows for each request, mostly with different times, as on a real server."""
        place = store, namespace
        if place not in self.snapshots:
            rng = random.Random(f"{self._seed} {place}")
            schema = {"type": "array", "items": {"$ref": "#/$defs/Snapshot"}}
            rows = [row for _part in range(3) for row in self._schemas.generate(schema, rng)]
            if self._consistent or rng.random() < 0.5:
                for row, time in zip(rows, rng.sample(range(_1980, _NOW), len(rows)), strict=True):
                    row["backup-time"] = time
            self.snapshots[place] = rows
        return self.snapshots[place]

    def _count_groups(self, rows: list[Row], snapshots: list[Row]) -> Iterator[Row]:
        counts = collections.Counter((row["backup-type"], row["backup-id"]) for row in snapshots)
        for (backup_type, backup_id), count in counts.items():
            head = {"backup-type": backup_type, "backup-id": backup_id, "backup-count": count}
            yield {"last-backup": 0, "files": [], **(rows[0] if rows else {}), **head}

    def _count_types(self, store: str) -> Row:
        """The counts of all namespaces."""
        listed = [
            (row["backup-type"], namespace, row["backup-id"])
            for namespace in dict.fromkeys(self._namespaces.get(store, [""]))
            for row in self._list_snapshots(store, namespace)
        ]
        snapshots = collections.Counter(backup_type for backup_type, *_group in listed)
        groups = collections.Counter(backup_type for backup_type, *_group in set(listed))
        counts = {name: {"groups": groups[name], "snapshots": snapshots[name]} for name in snapshots}
        return {name: counts.get(name) for name in ("ct", "host", "vm", "other")}


def state_facts(store: str, namespace: str, row: Row, nodes: set[str]) -> Row:
    """Derive the expected attributes of a snapshot from its record, independently of the adapter."""
    files = [(one["filename"], one.get("crypt-mode")) for one in row["files"]]
    data = [mode for name, mode in files if name not in (_MANIFEST, _LOG)]
    manifests = [mode for name, mode in files if name == _MANIFEST]
    state, *task = (row.get("verification", {}).get(name, "") for name in ("state", "upid"))
    parts = [*"".join(task).split(":"), *[""] * 9]
    worker = parts[7].split("\\x3a")[0].replace("\\x2d", "-")
    is_checked = state == "ok" and parts[1] in nodes and worker == store
    checked = True if is_checked else False if state == "failed" else None
    is_readable = manifests != [] and None not in manifests and data != []
    usable = False if state == "failed" or not manifests else True if is_readable else None
    if usable and row["backup-time"] < _1980:
        usable = None
    encrypted = None
    if is_readable:
        is_plain = "none" in data or "sign-only" in data
        encrypted = False if is_plain else True if set(data) == {"encrypt"} else None
    return {
        "usable": usable,
        "integrity_checked": checked,
        "checked_at": format_seconds(int(parts[5], 16)) if is_checked else None,
        "encrypted": encrypted,
        "location": f"{store}/{namespace}".rstrip("/"),
    }


def format_seconds(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, timezone.utc):%Y-%m-%dT%H:%M:%SZ}"


def check_facts(found: ReadResult, server: RandomServer) -> None:
    nodes = {task.split(":")[1] for task in server.tasks if task}
    stated: dict[tuple[str, str], list[Row]] = {}
    for (store, namespace), rows in server.snapshots.items():
        for row in rows:
            place = f"{store}/{namespace}".rstrip("/")
            workload = f"{place}/{row['backup-type']}/{row['backup-id']}"
            if row["backup-time"] < 10**12:
                key = workload, format_seconds(row["backup-time"])
                stated.setdefault(key, []).append(state_facts(store, namespace, row, nodes))
    for point in found.points:
        facts = {name: point.get(name) for name in ("usable", "integrity_checked", "checked_at", "encrypted")}
        facts["location"] = point["copies"][0]["location"]
        assert facts in stated[point["workload_id"], point["created_at"]]
        assert (point.get("size_bytes"), point.get("immutable"), point.get("restore_tested")) == (None, None, None)
        assert point["status"] == "success" or point["usable"] is not True


def read_random(server: RandomServer, **own: Any) -> ReadResult:
    options = {"username": "reader@pbs!audit", **own}
    return read(get_adapter("pbs"), server.serve, options, compressed=True)


@pytest.mark.parametrize("version", _VERSIONS)
def test_every_valid_response_is_read(version: str) -> None:
    """Every snapshot is a point with exactly the attributes of its record."""
    points: list[Row] = []
    answers = 0
    for number in range(_READINGS):
        server = RandomServer(version, f"{SEED}:{number}", consistent=True)
        found = read_random(server, include_raw=number % 2 == 0)
        assert found.error is None or "no namespace is listed" in found.error.message
        assert server.query_problems == []
        assert len(found.points) == sum(map(len, server.snapshots.values()))
        check_facts(found, server)
        points += found.points
        answers += server.answers
    assert answers > 8 * _READINGS
    # Each value of each attribute occurs.
    for name, value in itertools.product(("usable", "integrity_checked", "encrypted"), (True, False, None)):
        assert any(point.get(name) is value for point in points), (name, value)


@pytest.mark.parametrize("version", _VERSIONS)
def test_contradictory_counts_are_an_error(version: str) -> None:
    """Random counts, repeated and impossible times, unrelated permissions: attributes are never wrong."""
    ended: collections.Counter[str] = collections.Counter()
    for number in range(_READINGS):
        server = RandomServer(version, f"{SEED}:{number}", consistent=False)
        found = read_random(server)
        check_facts(found, server)
        ended[str(found.error and found.error.code)] += 1
        assert found.error is not None
    assert ended["forbidden"] > 0
