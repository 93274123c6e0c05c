# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The write-ahead log of real backups, compared with an independent check of the files in the archive.

The reference works like the public monitoring plugin check_pgbackrest. It lists the segments from the oldest backup
to the newest segment, following the history of the timelines, and searches for each of them.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from tests.real.cluster import Cluster, binaries, create_cluster, owned_folder
from tests.real.test_pgbackrest import list_backups, list_ranges
from tests.real.tools import INTEGRITY_CHECKED, NEWEST, ModuleResult, evaluate, findings, needs

pytestmark = [needs("pgbackrest"), pytest.mark.skipif(binaries() is None, reason="no PostgreSQL (make setup-programs)")]
CONTINUOUS = {"backup_types": {"continuous": {"max_age": "1h", "max_gap": "1h"}}}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A cluster whose repositories no test changes."""
    with owned_folder() as folder:
        running = create_cluster(folder)
        yield running
        running.stop()


@pytest.fixture
def own(cluster: Cluster) -> Iterator[Cluster]:
    """Repositories that a test may damage."""
    with owned_folder() as folder:
        yield cluster.copy(folder)


def listed(cluster: Cluster, repo: int) -> list[dict[str, Any]]:
    """Return the backups in one repository, oldest first."""
    backups = [one for one in cluster.info()["backup"] if one["database"]["repo-key"] == repo]
    return sorted(backups, key=lambda one: int(one["timestamp"]["stop"]))


def shown(seconds: float) -> str:
    return datetime.fromtimestamp(int(seconds), timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def following(name: str) -> str:
    """Return the name of the next segment of 16 MB."""
    log, segment = int(name[8:16], 16), int(name[16:], 16) + 1
    return f"{name[:8]}{log + segment // 256:08X}{segment % 256:08X}"


def archived(cluster: Cluster, repo: int) -> dict[str, float]:
    """Return all archived segments with their times."""
    files = (path for path in cluster.archive(repo).rglob("0*") if path.is_file() and path.name[24:25] == "-")
    return {path.name[:24]: path.stat().st_mtime for path in files}


def reference(cluster: Cluster, repo: int) -> tuple[list[str], float]:
    """Return the missing segments from the oldest backup to the newest segment, and the time of the newest segment."""
    found = archived(cluster, repo)
    name, newest = listed(cluster, repo)[0]["archive"]["start"], max(found)
    history = cluster.archive(repo) / f"{newest[:8]}.history"
    switches = [line.split() for line in history.read_text().splitlines() if line.strip()] if history.exists() else []
    missing = []
    while name[8:] <= newest[8:]:
        for timeline, position, *_reason in switches:
            log, offset = (int(part, 16) for part in position.split("/"))
            if int(name[:8], 16) == int(timeline) and int(name[8:], 16) >= (log << 32) + (offset >> 24):
                name = f"{int(timeline) + 1:08X}{name[8:]}"
        if name not in found:
            missing.append(name)
        name = following(name)
    return missing, found[newest]


def end_without_later_segments(cluster: Cluster, backup: dict[str, Any]) -> str:
    """Return the end of a backup, or the later time at which its last segment was archived."""
    own = archived(cluster, backup["database"]["repo-key"])[backup["archive"]["stop"]]
    return shown(max(own, backup["timestamp"]["stop"]))


def warnings(ended: ModuleResult) -> str:
    return str(ended.result.get("warnings", ""))


@pytest.mark.parametrize("repo", [1, 2])
def test_each_repository_has_its_own_range(cluster: Cluster, repo: int) -> None:
    ended = cluster.read()
    missing, newest = reference(cluster, repo)
    assert missing == []
    oldest = listed(cluster, repo)[0]["timestamp"]["stop"]
    assert list_ranges(ended)[f"repo{repo}"] == [(shown(oldest), shown(newest))]
    assert "missing segments" not in warnings(ended)
    assert evaluate(ended, CONTINUOUS)["compliant"] is True


def test_a_time_in_the_range_can_be_restored(cluster: Cluster, own: Cluster) -> None:
    """The time is after the second of three inserts."""
    second = cluster.sql("select extract(epoch from time) from filler order by time offset 1 limit 1")
    target = datetime.fromtimestamp(float(second) + 0.2, timezone.utc)
    begin, end = list_ranges(own.read())["repo1"][0]
    assert begin < shown(target.timestamp()) < end
    with own.restored("--repo=1", "--type=time", f"--target={target}", "--archive-mode=off"):
        assert own.sql("select count(*) from filler") == "2"


def test_archiving_that_has_stopped(own: Cluster) -> None:
    """A policy detects that archiving has stopped, although the backups are recent."""
    name = max(archived(own, 2))
    own.segment(2, name).unlink()
    (backup,) = listed(own, 2)
    assert max(archived(own, 2)) == backup["archive"]["stop"] < name
    expected = (shown(backup["timestamp"]["stop"]), end_without_later_segments(own, backup))
    assert list_ranges(own.read(repo=2))["repo2"] == [expected]
    assert findings(own.read(repo=2), {"backup_types": {"continuous": {"max_age": "1s"}}})[
        "backup_types.continuous.max_age"
    ][0] == ("fail")


def test_a_gap_after_a_backup_ends_its_range(own: Cluster) -> None:
    full, differential = listed(own, 1)
    gap = following(full["archive"]["stop"])
    assert gap < differential["archive"]["start"]
    own.segment(1, gap).unlink()
    ended = own.read()
    missing, newest = reference(own, 1)
    assert missing == [gap]
    assert f"main in repo1: the write-ahead log has 1 gaps; missing segments: {gap} to {gap}" in warnings(ended)
    assert list_ranges(ended)["repo1"] == [
        (shown(full["timestamp"]["stop"]), end_without_later_segments(own, full)),
        (shown(differential["timestamp"]["stop"]), shown(newest)),
    ]
    # The other repository is complete.
    assert "repo2: the write-ahead log" not in warnings(ended)
    assert {point["usable"] for point in list_backups(ended)} == {True}


def delete(path: Path) -> None:
    path.unlink()


def empty(path: Path) -> None:
    path.write_bytes(b"")


def duplicate(path: Path) -> None:
    shutil.copy2(path, path.with_name(f"{path.name[:24]}-{'1' * 40}.gz"))


@pytest.mark.parametrize("change", [delete, empty, duplicate])
def test_a_backup_without_its_own_segments_is_not_usable(own: Cluster, change: Callable[[Path], None]) -> None:
    """Later segments exist, and pgBackRest lists only the first and the last one."""
    (backup,) = listed(own, 2)
    change(own.segment(2, backup["archive"]["start"]))
    ended = own.read(repo=2)
    assert [point["usable"] for point in list_backups(ended)] == [False]
    assert list_ranges(ended) == {}
    assert f"missing segments: {backup['archive']['start']} to" in warnings(ended)
    assert evaluate(ended, {**NEWEST, "on_unknown": "ignore"})["compliant"] is False
    if change is delete:
        checked = own.read(repo=2, verify="data")
        assert [(point["usable"], point["integrity_checked"]) for point in list_backups(checked)] == [(False, False)]
        assert "has no complete write-ahead log" in findings(checked)["data.verify"][1]
        assert evaluate(checked, {**INTEGRITY_CHECKED, "on_unknown": "ignore"})["compliant"] is False


def test_a_new_timeline_continues_the_range(own: Cluster) -> None:
    with own.restored("--repo=2", "--type=immediate"):
        for name in ("first", "second"):
            own.sql(f"create table {name} as select 1 as number")
            own.wait_until_archived()
    missing, newest = reference(own, 2)
    assert (missing, max(archived(own, 2))[:8]) == ([], "00000002")
    ended = own.read()
    # The history of this one is encrypted.
    assert {list_ranges(ended)[repo][-1][1] for repo in ("repo1", "repo2")} == {shown(newest)}
    oldest = listed(own, 2)[0]
    assert list_ranges(ended)["repo2"][-1][0] == shown(oldest["timestamp"]["stop"])
    gap = min(name for name in archived(own, 2) if name.startswith("00000002"))
    own.segment(2, gap).unlink()
    assert reference(own, 2)[0] == [gap]
    assert f"missing segments: {gap} to {gap}" in warnings(own.read(repo=2))
