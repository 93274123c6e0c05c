# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Archive media also have logs, selected files and jobs. They are not recovery points, as on the appliance."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._adapters.unitrends.archives import Archives
from ansible_collections.backup.audit.plugins.module_utils._adapters.unitrends.local_times import LocalTimes
from ansible_collections.backup.audit.plugins.module_utils._adapters.unitrends.notes import Notes, System
from ansible_collections.backup.audit.plugins.module_utils._collect.collector import Collector
from ansible_collections.backup.audit.plugins.module_utils._core.times import parse_time
from tests.unit.plugins.module_utils._adapters.unitrends.fake_appliance import FakeAppliance, Row, always, backup, read

INSTANCE = {"instance_id": "31", "system_id": "1", "app_name": "VMware", "database_name": "web-01"}
OTHER_TYPE = "system 'here': 1 copies on archive media have another type than their backup and are left out"
UNNAMED = "system 'here': 1 copies on archive media do not name their backup and are left out"
JOBS = ("Restore", "Integrated BM Restore", "Virtual Restore", "Replica Restore", "System Metadata", "system metadata")
# Type, kind of the backup on archive media, and whether it can be restored without a full backup there.
TYPES: list[tuple[str | None, str, bool | None]] = [
    ("Full", "archive", True),
    ("SQL Full", "archive", True),
    ("master", "archive", True),
    ("Synthetic Full", "archive", True),
    ("Bare Metal", "archive", True),
    ("BareMetal", "archive", True),
    ("Incremental", "archive", None),
    ("oracle incr", "archive", None),
    ("Differential", "archive", None),
    (None, "archive", None),
    ("Transaction", "log", None),
    ("SQL Transaction", "log", None),
    ("legacy mssql trans", "log", None),
    ("Selective", "unknown", None),
    ("Replica", "unknown", None),
    ("VMware Replica Full", "unknown", None),
    ("securesync vmware full", "unknown", None),
    ("Something New", "unknown", None),
]


def archive(original: Any, type_name: str | None, day: int = 10, **more: Any) -> Row:
    """Build a successful copy on archive media of a backup of July 2026."""
    date = f"07/{day}/2026 01:00:00 am"
    return {
        "id": 9,
        "orig_backup_id": original,
        "type": type_name,
        "start_date": date,
        "success": True,
        "storage": "cloud",
        **more,
    }


def read_july(serve: Callable[..., Any], items: list[Row], *rows: tuple[str, Row], **others: Any) -> Row:
    """Read an appliance with these items on archive media."""
    bodies = {"catalog/archives": {"catalog": [{**INSTANCE, "archives": items}]}, **others}
    server = FakeAppliance({1: list(rows)}, others={name: always(body) for name, body in bodies.items()})
    return read(serve, server, "2026-07-01", "2026-08-01")


def usable(result: Row) -> dict[str, bool | None]:
    """Return whether each point is usable, by its ID."""
    return {point["id"]: point["usable"] for point in result["recovery_points"]}


@pytest.mark.parametrize(("type_name", "kind", "is_usable"), TYPES)
def test_the_kind_of_an_archived_backup(
    serve: Callable[..., Any], type_name: str | None, kind: str, is_usable: bool | None
) -> None:
    """It exists only on archive media, so these are its only copies."""
    items = [archive(400, type_name), archive(400, type_name, storage="tape")]
    (point,) = read_july(serve, items)["recovery_points"]
    assert (point["id"], point["kind"], point["status"], point["usable"]) == ("1/a9", kind, "success", is_usable)
    assert [(copy["location"], copy["role"]) for copy in point["copies"]] == [("cloud", "archive"), ("tape", "archive")]
    assert (point["offsite"], point["inferred"]) == (True, ["offsite"])


@pytest.mark.parametrize("type_name", [name for name, _kind, _usable in TYPES if "securesync" not in (name or "")])
def test_only_recovery_points_of_the_appliance_are_also_recovery_points_on_archive_media(
    serve: Callable[..., Any], type_name: str | None
) -> None:
    (listed,) = read_july(serve, [], backup(501, "2026-07-10T01:00:00Z", type=type_name or "Full"))["recovery_points"]
    (archived,) = read_july(serve, [archive(400, type_name)])["recovery_points"]
    assert archived["kind"] == (listed["kind"] if listed["kind"] in ("log", "unknown") else "archive")


@pytest.mark.parametrize("type_name", JOBS)
def test_jobs_on_archive_media_are_not_backups(serve: Callable[..., Any], type_name: str) -> None:
    """They are neither points nor copies, and it is not a problem if they do not name a backup."""
    items = [archive(original, type_name) for original in (400, 501, None)]
    result = read_july(serve, items, backup(501, "2026-07-10T01:00:00Z"))
    (point,) = result["recovery_points"]
    assert (point["id"], point["offsite"], point["copies"], point["inferred"]) == ("1/501", None, None, [])
    assert (OTHER_TYPE in result["warnings"], UNNAMED in result["warnings"]) == (False, False)


def test_a_restore_on_archive_media_has_the_type_of_the_restored_backup(serve: Callable[..., Any]) -> None:
    assert read_july(serve, [archive(400, "Full", restored_bkup_type="Full")])["recovery_points"] == []


def test_a_backup_without_its_number(serve: Callable[..., Any]) -> None:
    assert UNNAMED in read_july(serve, [archive(None, "Full")])["warnings"]


@pytest.mark.parametrize(
    ("types", "expected"),
    [
        (["Full", "Transaction", "Transaction"], [True, True, True]),
        (["Synthetic Full", "Differential", "SQL Transaction"], [True, True, True]),
        (["Transaction", "Full"], [None, True]),
        (["Full", "Selective"], [True, True]),
        # Nothing depends on these.
        (["Bare Metal", "Incremental"], [True, None]),
        (["Bare Metal", "Transaction"], [True, None]),
        (["Transaction", "Incremental"], [None, None]),
        (["VMware Replica Full", "Incremental"], [None, None]),
        (["securesync vmware full", "Incremental"], [None, None]),
        # Restores and metadata are left out.
        (["Restore Full", "Incremental"], [None]),
        (["System Metadata Full", "Transaction"], [None]),
    ],
)
def test_what_archived_backups_depend_on(
    serve: Callable[..., Any], types: list[str], expected: list[bool | None]
) -> None:
    """They need an older full backup on archive media."""
    items = [archive(400 + place, name, 10 + place, id=9 + place) for place, name in enumerate(types)]
    points = read_july(serve, items)["recovery_points"]
    assert [point["usable"] for point in sorted(points, key=lambda point: point["created_at"])] == expected


@pytest.mark.parametrize(
    ("types", "kind", "is_usable"),
    [
        (["Full", "Full"], "archive", True),
        (["Full", "Synthetic Full"], "archive", True),
        (["Full", None], "archive", True),
        ([None, "Transaction"], "log", None),
        (["Full", "Transaction"], "unknown", None),
        (["Transaction", "Full"], "unknown", None),
        (["Full", "Selective"], "unknown", None),
        (["Incremental", "Full"], "unknown", None),
    ],
)
def test_copies_of_one_backup_with_different_types(
    serve: Callable[..., Any], types: list[str | None], kind: str, is_usable: bool | None
) -> None:
    (point,) = read_july(serve, [archive(400, name) for name in types])["recovery_points"]
    assert (point["kind"], point["usable"], len(point["copies"])) == (kind, is_usable, 2)


@pytest.mark.parametrize(
    ("type_name", "archived", "is_same"),
    [
        ("VMware Full", "Full", True),
        ("VMware Full", "Synthetic Full", True),
        ("Synthetic Full", "Full", True),
        ("master", "Full", True),
        ("VMware Full", None, True),
        ("VMware Full", "securesync vmware full", True),
        ("BareMetal", "Bare Metal", True),
        ("VMware Incremental", "Incremental", True),
        ("SQL Transaction", "Transaction", True),
        ("Selective", "Selective", True),
        (None, "Full", True),
        ("VMware Full", "Transaction", False),
        ("VMware Full", "Selective", False),
        ("VMware Full", "Replica", False),
        ("VMware Full", "Incremental", False),
        ("VMware Full", "Bare Metal", False),
        ("VMware Full", "Something New", False),
        ("VMware Incremental", "Full", False),
        ("SQL Transaction", "Full", False),
        ("Selective", "Full", False),
        (None, "Transaction", False),
        (None, "Selective", False),
    ],
)
@pytest.mark.parametrize("is_listed", [True, False])
def test_a_copy_has_the_type_of_its_backup(
    serve: Callable[..., Any], type_name: str | None, archived: str | None, is_same: bool, is_listed: bool
) -> None:
    """Also if only the catalog lists the backup. Other copies prove nothing, and a warning counts them."""
    rows = [backup(501, "2026-07-10T01:00:00Z", type=type_name)] if is_listed else []
    item = {"id": 501, "type": type_name, "start_date": "07/10/2026 01:00:00 am", "status": 0, "storage": "Internal"}
    catalog = {"catalog": [{**INSTANCE, "backups": [] if is_listed else [item]}]}
    result = read_july(serve, [archive(501, archived)], *rows, catalog=catalog)
    (point,) = result["recovery_points"]
    assert (point["id"], point["offsite"]) == ("1/501", True if is_same else None)
    assert [copy["role"] for copy in point["copies"] or ()].count("archive") == is_same
    assert (OTHER_TYPE in result["warnings"]) is not is_same


def test_nothing_depends_on_a_copy_with_another_type(serve: Callable[..., Any]) -> None:
    items = [archive(501, "Full"), archive(401, "Incremental", 11, id=10)]
    full = read_july(serve, items, backup(501, "2026-07-10T01:00:00Z"))
    assert usable(full) == {"1/501": True, "1/a10": True}
    log = read_july(serve, items, backup(501, "2026-07-10T01:00:00Z", type="SQL Transaction"))
    assert usable(log) == {"1/501": True, "1/a10": None}
    assert OTHER_TYPE in log["warnings"]


def test_jobs_do_not_count_as_archived_backups() -> None:
    """Reading continues only as long as there are backups."""
    types = ["Full", "Transaction", "Selective", *JOBS]
    task: Future[Any] = Future()
    task.set_result([(INSTANCE, archive(400 + place, name)) for place, name in enumerate(types)])
    archives = Archives(task, Notes(Collector("here", "unitrends"), System(1, "here", True)))
    start, end = parse_time("2026-07-01T00:00:00Z"), parse_time("2026-08-01T00:00:00Z")
    assert archives.count(LocalTimes("UTC"), start, end) == 3
