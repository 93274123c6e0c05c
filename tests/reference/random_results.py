# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Random read results and restore tests."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from tests.reference.estate import YEAR_1980, Point, RestoreTest, Result, WorkloadRow
from tests.reference.random_points import DAY, HOUR, Setting, random_points, weighted
from tests.reference.servers import same_workload
from tests.reference.views import get_skew

# Values that the collection supports. Patterns of policies must match at least one of them.
PRODUCTS = ["restic", "borg"]
WORKLOAD_TYPES = ["vm", "file_share"]
PLATFORMS = ["vmware", "linux", None]
TIMEZONES = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"]
DAY_STARTS = ["00:00", "00:00", "02:30", "06:00", "12:00", "23:59"]
# Local times around clock changes and a leap day.
ANCHORS = [
    "2027-10-31T03:00",
    "2027-11-07T02:00",
    "2027-03-28T03:00",
    "2027-03-14T02:00",
    "2027-04-04T02:00",
    "2027-10-03T02:00",
    "2028-02-29T12:00",
    "2028-03-01T00:00",
    "2027-06-16T08:00",
]
NAMES = ["web01", "WEB01", "web01.example.com", "db7", "db7.test", "db7.prod", "Pay"]


@dataclass
class Server:
    host: str
    product: str
    identity: str | None
    skew: int | None
    inventory: bool | None
    failed_runs: bool | None
    origins: list[str | None]
    scope: dict[str, Any]
    inventory_types: tuple[str, ...] | None


def random_as_of(rng: Random, timezone: str) -> int:
    moment = datetime.fromisoformat(rng.choice(ANCHORS)).replace(tzinfo=ZoneInfo(timezone))
    shift = rng.choice([0, 0, -1, 1, HOUR, 12 * HOUR, DAY, 2 * DAY, rng.randrange(4 * DAY)])
    return int(moment.timestamp()) + shift


def random_server(rng: Random, number: int) -> Server:
    return Server(
        host=rng.choice([f"backup{number}.example.com", f"Backup{number}.example.com", f"b{number}:8443/Path"]),
        product=rng.choice(PRODUCTS),
        identity=weighted(rng, {f"id-{number}": 60, None: 36, "id-same": 4}),
        skew=weighted(rng, {0: 55, 200: 10, -200: 6, 300: 3, -300: 2, 301: 6, -301: 3, None: 15}),
        inventory=weighted(rng, {True: 72, False: 10, None: 18}),
        failed_runs=weighted(rng, {True: 80, False: 10, None: 10}),
        origins=rng.choice([[None], [None], ["vbr1", "VBR1", None], ["vbr2", None]]),
        scope=random_scope(rng),
        inventory_types=weighted(rng, {tuple(WORKLOAD_TYPES): 60, tuple(WORKLOAD_TYPES[:1]): 25, (): 10, None: 5}),
    )


def random_scope(rng: Random) -> dict[str, Any]:
    """Return fields of `server.scope`, some of which are permissions."""
    scope: dict[str, Any] = {}
    if rng.random() < 0.3:
        scope["tenant"] = rng.choice(["a", "b"])
    if rng.random() < 0.4:
        scope["systems"] = rng.random() < 0.6
    return scope


def in_window(point: Point, since: int | None, until: int | None) -> bool:
    if point.created < YEAR_1980:
        return True
    return (since is None or point.created >= since) and (until is None or point.created < until)


def random_row(rng: Random, server: Server, where: Setting, name: str, id_: str) -> WorkloadRow:
    points, counted = random_points(rng, where)
    known = server.inventory is True
    return WorkloadRow(
        origin=rng.choice(server.origins),
        workload_id=id_,
        workload_name=name,
        workload_type=weighted(rng, {WORKLOAD_TYPES[0]: 76, WORKLOAD_TYPES[1]: 20, None: 4}),
        platform=rng.choice(PLATFORMS),
        in_inventory=weighted(rng, {True: 80, False: 12, None: 8}) if known else None,
        points=points,
        counted=counted,
    )


def random_window(rng: Random, read_at: int) -> tuple[int | None, int | None]:
    mode = weighted(rng, {"none": 80, "since": 12, "until": 5, "both": 3})
    since = read_at - rng.choice([HOUR, DAY, 3 * DAY, 30 * DAY, 400 * DAY]) if mode in ["since", "both"] else None
    until = read_at - rng.choice([0, 1, 600, 40 * 60, DAY]) if mode in ["until", "both"] else None
    if since is not None and until is not None and since > until:
        until = None
    return since, until


def random_selection(rng: Random, names: list[str]) -> dict[str, object]:
    selection: dict[str, object] = {}
    if rng.random() < 0.1:
        selection["workload_types"] = list(WORKLOAD_TYPES) if rng.random() < 0.5 else WORKLOAD_TYPES[:1]
    if rng.random() < 0.1:
        selection["workload_names"] = rng.sample(names, rng.randint(1, len(names)))
    if rng.random() < 0.35:
        selection["include_unprotected"] = rng.random() < 0.85
    if rng.random() < 0.1:
        # Another account may see other workloads.
        selection["account"] = rng.choice(["audit", "admin"])
    return selection


def finished_result(rng: Random, server: Server, read_at: int, rows: list[WorkloadRow], names: list[str]) -> Result:
    """Return a read result without points outside of its window and selection."""
    since, until = random_window(rng, read_at)
    selection = random_selection(rng, names)
    types, wanted = selection.get("workload_types"), selection.get("workload_names")
    kept: list[WorkloadRow] = []
    for row in rows:
        if isinstance(types, list) and row.workload_type not in types:
            continue
        if isinstance(wanted, list) and row.workload_name not in wanted:
            continue
        kept.append(replace(row, points=[point for point in row.points if in_window(point, since, until)]))
    return Result(
        host=server.host,
        product=server.product,
        identity=server.identity,
        clock_skew_seconds=server.skew,
        inventory=server.inventory,
        failed_runs=server.failed_runs,
        read_at=read_at,
        since=since,
        until=until,
        selection=selection,
        complete=rng.random() < 0.95,
        sha256=f"{rng.getrandbits(256):064x}",
        workloads=kept,
        scope=server.scope,
        inventory_types=server.inventory_types,
    )


def random_read_at(rng: Random, as_of: int) -> int:
    age: int = weighted(rng, {0: 30, 1: 5, HOUR: 25, 5 * HOUR: 15, DAY: 10, 2 * DAY: 5, -200: 5, -300: 5})
    return as_of - age


def get_setting(server: Server, timezone: str, day_start: str, read_at: int, as_of: int) -> Setting:
    skew = server.skew if server.skew is not None and abs(server.skew) <= 300 else 0
    return Setting(timezone, day_start, read_at + skew, max(as_of, read_at) + skew)


def random_results(rng: Random, timezone: str, day_start: str, as_of: int) -> list[Result]:
    results: list[Result] = []
    names = rng.sample(NAMES, rng.randint(2, len(NAMES)))
    if rng.random() < 0.75:
        names = [name for name in names if name.isupper() or name.upper() not in names]
    rows_of_servers: list[list[WorkloadRow]] = []
    for number in range(weighted(rng, {1: 40, 2: 38, 3: 22})):
        server = random_server(rng, number)
        read_at = random_read_at(rng, as_of)
        where = get_setting(server, timezone, day_start, read_at, as_of)
        rows: list[WorkloadRow] = []
        for index in range(weighted(rng, {0: 1, 1: 25, 2: 34, 3: 25, 4: 15})):
            name = rng.choice(names) if rng.random() < 0.12 else names[index % len(names)]
            name = rng.choice([name, name, name.upper()])
            rows.append(random_row(rng, server, where, name, weighted(rng, {f"{index}": 60, f"{number}-{index}": 40})))
        if rows and rng.random() < 0.15:
            rows.append(with_other_origin(rng, server, where, rng.choice(rows)))
        rows = distinct_rows(rows)
        if rows_of_servers and rng.random() < 0.25:
            rows = mirrored_rows(rng, rows, rng.choice(rows_of_servers), read_at + (server.skew or 0))
        rows_of_servers.append(rows)
        results.append(finished_result(rng, server, read_at, rows, names))
        if len(results) < 4 and rng.random() < 0.25:
            results.append(second_result(rng, server, results[-1], rows, names))
        elif len(results) < 4 and rng.random() < 0.03:
            results.append(results[-1])
    rng.shuffle(results)
    return results[:4]


def with_other_origin(rng: Random, server: Server, where: Setting, row: WorkloadRow) -> WorkloadRow:
    """Return a workload of another origin with the same id and name."""
    origin = rng.choice([name for name in ["vbr1", "vbr2", None] if name != row.origin])
    other = random_row(rng, server, where, row.workload_name, row.workload_id)
    return replace(other, origin=origin, workload_type=row.workload_type)


def distinct_rows(rows: list[WorkloadRow]) -> list[WorkloadRow]:
    """Return the rows without a second row of the same workload."""
    found: list[WorkloadRow] = []
    for row in rows:
        if not any(same_workload(row, other) for other in found):
            found.append(row)
    return found


def mirrored_rows(
    rng: Random, rows: list[WorkloadRow], others: list[WorkloadRow], server_time: int
) -> list[WorkloadRow]:
    """Return rows, some of which have points of another server, as if its data was copied."""
    mirrored = [row for row in others if rng.random() < 0.7]
    copies: list[WorkloadRow] = []
    for row in mirrored:
        points = [point for point in row.points if point.created <= server_time + 300]
        share = rng.choice([1.0, 1.0, 0.7, 0.3])
        points = [point for point in points if rng.random() < share]
        if rows and rng.random() < 0.4:
            # The other server has its own points as well.
            points = (points + rows[0].points)[:25]
        copies.append(replace(row, points=points))
    return distinct_rows([*copies, *rows])[:4]


def second_result(rng: Random, server: Server, first: Result, rows: list[WorkloadRow], names: list[str]) -> Result:
    """Return an earlier read result of the same server, or one under another name of the server."""
    read_at = first.read_at - rng.choice([0, 0, 1, HOUR, DAY, 2 * DAY])
    alias = server
    if rng.random() < 0.5:
        alias = replace(
            server, host=rng.choice([server.host.swapcase().replace("/pATH", "/Path"), "other.example.com"])
        )
    if rng.random() < 0.3:
        alias = replace(alias, identity=rng.choice([None, None, "id-other"]))
    if rng.random() < 0.35:
        alias = replace(alias, scope=random_scope(rng))
    if rng.random() < 0.15:
        alias = replace(alias, inventory=rng.choice([True, False, None]), failed_runs=rng.choice([True, False, None]))
    older: list[WorkloadRow] = []
    for row in rows:
        points = older_points(rng, row, read_at + (server.skew or 0))
        # Workloads that are no longer listed may have been deleted.
        for ident in rng.choice(
            [[row.workload_id], [row.workload_id], [row.workload_id, f"{row.workload_id}-old"], []]
        ):
            known = row.in_inventory if alias.inventory is True else None
            kept = [] if ident != row.workload_id and rng.random() < 0.5 else points
            older.append(replace(row, workload_id=ident, points=kept, in_inventory=known))
    return finished_result(rng, alias, read_at, older, names)


def older_points(rng: Random, row: WorkloadRow, server_time: int) -> list[Point]:
    """Return the points of an earlier read result, some of which are missing or different in the newer one."""
    points = [point for point in row.points if point.created <= server_time + 300]
    if rng.random() < 0.4:
        points = [point for point in points if rng.random() < 0.8]
    if points and rng.random() < 0.2:
        # A point that the newer read result does not list.
        moved = points[-1].created - 30
        points.append(replace(points[-1], created=moved) if moved >= YEAR_1980 else points[-1])
    if points and rng.random() < 0.3:
        index = rng.randrange(len(points))
        points[index] = changed_point(rng, points[index])
    return points


def changed_point(rng: Random, point: Point) -> Point:
    """Return the same point with changes, as in another read result."""
    changes: list[dict[str, Any]] = [
        {"offsite": None if point.offsite else True},
        {"encrypted": None if point.encrypted else True},
        {"locations": (("Repo C", "disk"),)},
        {"expires_at": point.created + 90 * DAY},
        {"checked_at": point.created + 60},
        {"size_bytes": None},
    ]
    return replace(point, **rng.choice(changes))


def random_tests(rng: Random, results: list[Result], as_of: int) -> list[RestoreTest]:
    tests: list[RestoreTest] = []
    if rng.random() < 0.3:
        return tests
    for result in results:
        for row in result.workloads:
            if row.workload_type is not None and rng.random() < 0.7:
                tests += tests_of_row(rng, result, row, as_of + get_skew(result))
    if rng.random() < 0.05:
        tests.append(RestoreTest("nobody", WORKLOAD_TYPES[0], "x", "nobody", as_of - DAY, as_of, "passed", 60))
    return distinct_tests(tests)


def tests_of_row(rng: Random, result: Result, row: WorkloadRow, as_of: int) -> list[RestoreTest]:
    times = [point.created for point in row.points if point.created >= YEAR_1980]
    repeated = [time for time in times if times.count(time) > 1]
    tests: list[RestoreTest] = []
    passed_share = rng.choice([1.0, 0.8, 0.6])
    seconds = rng.choice([60, HOUR, 4 * HOUR])
    same_time = rng.random() < 0.3
    tested_at = as_of
    for _number in range(rng.randint(1, 3)):
        if repeated and rng.random() < 0.4:
            times = repeated
        created = rng.choice(times) if times and rng.random() < 0.85 else as_of - rng.randrange(40 * DAY)
        if not same_time or not tests:
            tested_at = rng.choice([created, created + HOUR, as_of - rng.randrange(3 * DAY), as_of - 30 * DAY, as_of])
        if rng.random() < 0.08:
            tested_at = as_of + rng.choice([1, 300, 301])
        if rng.random() < 0.9:
            tested_at = max(tested_at, created - rng.choice([0, 0, 300, 301]))
        own = [point.tested_at for point in row.points if point.created == created and point.tested_at is not None]
        if own and rng.random() < 0.4:
            tested_at = rng.choice(own) + rng.choice([-1, 0, 0, 1])
        tests.append(
            RestoreTest(
                source=result.host,
                workload_type=row.workload_type,
                workload_id=row.workload_id,
                workload_name=row.workload_name,
                point_created_at=created,
                tested_at=tested_at,
                result="passed" if rng.random() < passed_share else "failed",
                seconds=rng.choice([seconds, seconds, seconds + 1, seconds - 1, seconds // 3, None]),
            )
        )
    return tests


def distinct_tests(tests: list[RestoreTest]) -> list[RestoreTest]:
    return list(dict.fromkeys(tests))
