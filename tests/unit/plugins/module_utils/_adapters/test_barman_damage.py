# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Output of Barman with fields removed or changed: only errors of this collection, and no invented attributes."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._core.errors import AuditError
from tests.unit.plugins.module_utils._adapters.running_barman import NEW, OLD, SERVERS, Server, read, row, verify
from tests.unit.plugins.module_utils._adapters.running_tools import Response

STRANGE: tuple[Any, ...] = (None, "", "x", -1, 3.5, True, [], {}, [None], {"x": None}, "9" * 400)
Where = tuple["str | int", ...]


def paths(value: Any, where: Where = ()) -> Iterator[Where]:
    """Yield the path of each key, and of each item of a list."""
    if where:
        yield where
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from paths(inner, (*where, key))


def change(value: Any, where: Where, new: Any, *, remove: bool = False) -> Any:
    """Return a copy with one key changed or removed."""
    changed = copy.deepcopy(value)
    inner = changed
    for key in where[:-1]:
        inner = inner[key]
    if remove:
        del inner[where[-1]]
    else:
        inner[where[-1]] = new
    return changed


def members(server: Server) -> Iterator[tuple[tuple[str, ...], Response, Where]]:
    """Yield each key of the output of each command."""
    known = {SERVERS: (0, {server.name: {"description": ""}}, ""), **server.answers()}
    for command, answer in known.items():
        for where in paths(answer[1]):
            yield command, answer, where


@pytest.fixture
def server(tmp_path: Path) -> Server:
    found = Server(tmp_path)
    found.rows.append(row("20261119T010000", "FAILED"))
    found.details["20261119T010000"] = {"backup_id": "20261119T010000", "error": "disk full", "status": "FAILED"}
    found.details[NEW]["tablespaces"] = [{"name": "fast", "oid": 16387, "location": "/fast"}]
    (found.folder / "base" / NEW / "16387" / "PG_15").mkdir(parents=True)
    return found


@pytest.mark.parametrize("value", STRANGE, ids=str)
def test_changed_values_give_a_result_or_a_documented_error(server: Server, value: Any) -> None:
    for command, answer, where in members(server):
        damaged = (answer[0], change(answer[1], where, value), "")
        try:
            read(server, changed={command: damaged}, verify="data", include_raw=True)
        except AuditError:
            continue
        except Exception as error:
            raise AssertionError(f"{command} {where}: {error!r}") from error


def test_removed_fields_do_not_make_a_backup_usable(server: Server) -> None:
    """The newest has lost a tablespace. The one before is of another database, and its data is damaged."""
    shutil.rmtree(server.folder / "base" / NEW / "16387")
    server.details[OLD]["system_id"] = "76"
    damaged = {verify(OLD): (1, {"_ERROR": ["verify backup failure on directory", "checksum mismatch"]}, "")}
    assert [point["usable"] for point in read(server, changed=damaged, verify="data")[1]] == [False, False, False]
    wrong = []
    for command, answer, where in members(server):
        rc, out, err = damaged.get(command, answer)
        # A list without one item is valid.
        if command == verify(OLD) or where[-2:-1] == ("tablespaces",):
            continue
        less = (rc, change(out, where, None, remove=True), err)
        try:
            points = read(server, changed={**damaged, command: less}, verify="data")[1]
        except AuditError:
            continue
        good = [point["id"] for point in points if point["usable"] is True]
        checked = [point["id"] for point in points if point["integrity_checked"] and point["id"] == f"main/{OLD}"]
        if good or checked:
            wrong.append((command, where, good, checked))
    assert wrong == []
