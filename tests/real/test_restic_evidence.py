# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real restic: problems that its private cache, its grouping, or a partial check could hide."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.real.restic_repository import PASSWORD, Repository, copy_repository, create_repository
from tests.real.tools import (
    INTEGRITY_CHECKED,
    NEWEST,
    corrupt_byte,
    evaluate,
    execute,
    findings,
    largest,
    list_points,
    needs,
    script_of_page,
    tree,
)

pytestmark = needs("restic")


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """A repository that no test changes."""
    return create_repository(tmp_path_factory.mktemp("restic"))


@pytest.fixture
def own(repository: Repository, tmp_path: Path) -> Repository:
    """A copy that a test may damage."""
    return copy_repository(repository, tmp_path)


def delete_index(repository: Repository) -> None:
    next((repository.path / "index").iterdir()).unlink()


def corrupt_index(repository: Repository) -> None:
    corrupt_byte(next((repository.path / "index").iterdir()), 60)


# The private cache of the user


def empty_snapshot(repository: Repository) -> None:
    damaged = next((repository.path / "snapshots").iterdir())
    damaged.chmod(0o600)
    damaged.write_bytes(b"")


def corrupt_snapshot(repository: Repository) -> None:
    corrupt_byte(next((repository.path / "snapshots").iterdir()), 60)


@pytest.mark.parametrize("damage", [empty_snapshot, corrupt_snapshot])
def test_a_snapshot_that_is_only_in_the_cache_is_not_listed(
    own: Repository, damage: Callable[[Repository], None]
) -> None:
    own.warm_cache()
    damage(own)
    assert len(own.snapshots()) == 2
    ended = own.read()
    assert ended.failed
    assert "restic omitted a snapshot from the listing" in ended.message


@pytest.mark.parametrize("damage", [corrupt_index, delete_index])
def test_an_index_that_is_only_in_the_cache_is_damage(own: Repository, damage: Callable[[Repository], None]) -> None:
    own.warm_cache()
    damage(own)
    assert findings(own.read(verify="quick"))["data.verify"][0] == "fail"


def test_no_cache_is_left_behind(own: Repository, tmp_path: Path) -> None:
    (tmp_path / "temporary").mkdir()
    own.warm_cache()
    before = tree(own.home)
    for options in ({}, {"verify": "data"}, {"password": "wr0ng-one"}):
        own.read(environment={"TMPDIR": str(tmp_path / "temporary")}, **options)
        assert list((tmp_path / "temporary").iterdir()) == []
    assert tree(own.home) == before
    nowhere = own.read(environment={"TMPDIR": str(tmp_path / "nowhere")})
    assert "cannot create a temporary directory for the cache of restic" in nowhere.message


# Groups


def test_an_old_job_next_to_a_current_one_is_found(own: Repository, tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "file").write_text("text")
    old = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(time.time() - 60 * 86400))
    own.restic("backup", "--quiet", "--host", "web01", "--time", old, str(tmp_path / "etc"))
    ended = own.read()
    assert sorted(row["workload_name"] for row in ended.result["workloads"]) == ["db01", "web01", "web01"]
    assessment = evaluate(ended, {**NEWEST, "expected": ["web01", "db01"]})
    assert assessment["compliant"] is False
    stale = [one for one in assessment["findings"] if one["control"].endswith("max_age") and one["result"] == "fail"]
    assert [(one["workload_name"], one["workload_id"]) for one in stale] == [("web01", f"web01 {tmp_path}/etc")]
    # If grouped only by host, the old paths are not visible.
    assert evaluate(own.read(workload_by=["host"]))["compliant"] is True


# Parts of the data


def test_a_damaged_pack_is_found_when_its_part_is_checked(own: Repository, tmp_path: Path) -> None:
    packs = {path.name for path in (own.path / "data").rglob("*") if path.is_file()}
    pack = largest(own.path / "data")
    part = int(pack.name[:2], 16) % 3 + 1
    options = {"verify": "data", "verify_parts": 3, "verify_state": str(tmp_path / "state")}
    results = []
    for _run in range(part - 1):
        results.append(own.read(**options))
    corrupt_byte(pack, 1000)
    for _run in range(2):
        ended = own.read(**options)
        assert ended.result["server"]["verify"]["part"] == f"{part}/3"
        assert findings(ended)["data.verify"][0] == "fail"
    for result in results:
        assert result.result["server"]["verify"]["result"] == "sound"
    assert len(packs) > 1


def test_all_parts_together_check_all_data(own: Repository, tmp_path: Path) -> None:
    options = {"verify": "data", "verify_parts": 2, "verify_state": str(tmp_path / "state")}
    before = tree(own.path)
    first, second = own.read(**options), own.read(**options)
    assert tree(own.path) == before
    assert findings(first, INTEGRITY_CHECKED)["integrity_checked.max_age"][0] == "unknown"
    assert evaluate(second, INTEGRITY_CHECKED)["compliant"] is True
    assert second.result["server"]["verify"]["covered_since"] == first.result["server"]["verify"]["at"]
    own.restic("backup", "--quiet", "--host", "new01", str(tmp_path / "home"))
    third = own.read(**options)
    inferred = {point["workload_name"]: point["inferred"] for point in list_points(third)}
    assert inferred == {"web01": [], "db01": [], "new01": ["integrity_checked"]}


# Runs without a snapshot


def test_a_failed_run_is_reported(repository: Repository, tmp_path: Path) -> None:
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    status = tmp_path / "status"
    status.write_text(f'{{"host": "db01", "exit_code": 1, "finished_at": "{now}", "message": "disk full"}}\n')
    ended = repository.read(status_file=str(status))
    failed = [point for point in list_points(ended) if point["status"] == "failed"]
    assert [(point["workload_name"], point["usable"]) for point in failed] == [("db01", False)]
    # Its earlier snapshot still counts.
    assert evaluate(ended)["compliant"] is True
    assert evaluate(ended, {"recovery_points": {"max_failed_runs": 0}})["compliant"] is False
    status.write_text("not json")
    assert "status_file" in repository.read(status_file=str(status)).message


def test_the_documented_script(own: Repository, tmp_path: Path) -> None:
    """Tests a successful run, a failed run, and the workload that the script sets."""
    folders = {name: tmp_path / name for name in ("etc", "srv")}
    for folder in folders.values():
        folder.mkdir()
        (folder / "file").write_text("text")
    paths = {"var_log": str(tmp_path), **{name: str(path) for name, path in folders.items()}}
    script = script_of_page("restic.md", tmp_path, **paths)
    given = {"RESTIC_REPOSITORY": str(own.path), "RESTIC_PASSWORD": PASSWORD, "HOME": str(own.home)}
    assert execute([script], given).returncode == 0
    status = tmp_path / "restic-runs.jsonl"
    workload = f"{platform.node()} {folders['etc']},{folders['srv']}"
    states = {point["status"] for point in list_points(own.read(status_file=str(status)))}
    assert states == {"success"}
    assert execute([script], {**given, "RESTIC_PASSWORD": "wr0ng-one"}).returncode == 1
    ended = own.read(status_file=str(status))
    states = {(point["workload_id"], point["status"]) for point in list_points(ended)}
    assert {(workload, "success"), (workload, "failed")} <= states
    assert f"the newest backup run of {workload} ended with exit code 1" in ended.output
