# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real restic: the module returns its listing, and damage affects the result."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.real.restic_repository import (
    PASSWORD,
    Repository,
    add_snapshots,
    copy_repository,
    create_repository,
)
from tests.real.tools import (
    INTEGRITY_CHECKED,
    NEWEST,
    as_nobody,
    corrupt_byte,
    evaluate,
    findings,
    largest,
    list_points,
    needs,
    recorder,
    tree,
)
from tests.unit.plugins.filter.test_all_documents import DOCUMENTS

pytestmark = needs("restic")


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """A repository that no test changes."""
    return create_repository(tmp_path_factory.mktemp("restic"))


@pytest.fixture
def own(repository: Repository, tmp_path: Path) -> Repository:
    """A copy that a test may damage."""
    return copy_repository(repository, tmp_path)


# Results


def test_the_listing_matches_restic(repository: Repository) -> None:
    reported = {
        (point["id"], point["workload_name"], point["created_at"][:19]) for point in list_points(repository.read())
    }
    listed = repository.snapshots()
    assert reported == {(one["id"], one["hostname"], one["time"][:19]) for one in listed}
    assert len(reported) == 2
    assert evaluate(repository.read())["compliant"] is True


@pytest.mark.parametrize("verify", ["none", "quick", "data"])
def test_the_repository_is_not_changed(repository: Repository, verify: str) -> None:
    before = tree(repository.path)
    ended = repository.read(verify=verify)
    assert not ended.failed, ended.message
    assert ended.result["changed"] is False
    assert tree(repository.path) == before


def test_a_check_of_all_data_is_reported_and_a_quick_one_is_inferred(repository: Repository) -> None:
    exact = repository.read(verify="data")
    assert {point["integrity_checked"] for point in list_points(exact)} == {True}
    assert evaluate(exact, INTEGRITY_CHECKED)["compliant"] is True
    quick = repository.read(verify="quick")
    assert findings(quick, INTEGRITY_CHECKED)["integrity_checked.max_age"][0] == "unknown"
    accepting = {**NEWEST, "integrity_checked": {"max_age": "1d", "accept": ["reported", "inferred"]}}
    assert evaluate(quick, accepting)["compliant"] is True


def test_check_mode_skips_the_check_with_a_warning(repository: Repository) -> None:
    ended = repository.read(verify="data", _ansible_check_mode=True)
    assert {point["integrity_checked"] for point in list_points(ended)} == {None}
    assert ended.result["server"]["verify"] == {"level": "data", "result": "skipped"}
    assert findings(ended)["data.verify"][0] == "warn"
    # The version, the snapshots and the id of the repository.
    assert ended.result["http_requests"]["count"] == 3


def test_a_repository_has_one_identity_at_every_address(repository: Repository, tmp_path: Path) -> None:
    config = json.loads(repository.restic("--no-lock", "cat", "config"))
    moved = dataclasses.replace(repository, path=tmp_path / "link")
    moved.path.symlink_to(repository.path)
    servers = [one.read().result["server"] for one in (repository, moved)]
    assert servers[0]["host"] != servers[1]["host"]
    assert [server["identity"] for server in servers] == [f"restic:{config['id']}"] * 2


def test_an_empty_repository_is_not_compliant(tmp_path: Path) -> None:
    empty = create_repository(tmp_path, hosts=())
    ended = empty.read(verify="data")
    assert list_points(ended) == []
    assert evaluate(ended)["compliant"] is False


# Damage


def corrupt_pack(repository: Repository) -> None:
    corrupt_byte(largest(repository.path / "data"), 1000)


def delete_pack(repository: Repository) -> None:
    largest(repository.path / "data").unlink()


def delete_index(repository: Repository) -> None:
    next((repository.path / "index").iterdir()).unlink()


def corrupt_index(repository: Repository) -> None:
    corrupt_byte(next((repository.path / "index").iterdir()), 60)


@pytest.mark.parametrize(
    ("damage", "verify"),
    # If a pack is lost, restic retries for almost a minute.
    [(corrupt_pack, "data"), (delete_pack, "quick"), (delete_index, "data"), (corrupt_index, "quick")],
)
def test_damage_affects_the_result(own: Repository, damage: Callable[[Repository], None], verify: str) -> None:
    damage(own)
    unseen = own.read()
    assert {point["integrity_checked"] for point in list_points(unseen)} == {None}
    assert findings(unseen, INTEGRITY_CHECKED)["integrity_checked.max_age"][0] == "unknown"
    before = tree(own.path)
    seen = own.read(verify=verify)
    assert tree(own.path) == before
    result, message = findings(seen)["data.verify"]
    assert (result, "found damage: " in message) == ("fail", True)
    assert len(message.partition("found damage: ")[2]) > 20
    assert evaluate(seen, {**NEWEST, "on_unknown": "ignore"})["compliant"] is False
    assert {(point["integrity_checked"], point["usable"]) for point in list_points(seen)} == {(False, None)}


def test_a_quick_check_does_not_prove_data(own: Repository) -> None:
    corrupt_pack(own)
    quick = own.read(verify="quick")
    assert findings(quick, INTEGRITY_CHECKED)["integrity_checked.max_age"][0] == "unknown"


def test_a_damaged_snapshot_is_not_silently_omitted(own: Repository) -> None:
    corrupt_byte(next((own.path / "snapshots").iterdir()), 60)
    ended = own.read()
    assert ended.failed
    assert ended.result["failure"]["message"].startswith("the read is incomplete")
    partial = own.read(allow_partial=True)
    assert len(list_points(partial)) == 1
    assert evaluate(partial)["compliant"] is False


# Unreadable repositories


def test_a_wrong_password(repository: Repository) -> None:
    ended = repository.read(password="wr0ng-one")
    assert ended.result["failure"]["code"] == "wrong_password"
    assert "wr0ng-one" not in ended.output


def test_a_missing_repository(repository: Repository, tmp_path: Path) -> None:
    assert repository.read(repository=str(tmp_path / "nowhere")).result["failure"]["code"] == "not_found"


def test_a_repository_of_another_user(own: Repository, tmp_path: Path) -> None:
    if os.geteuid() == 0:
        own.path.chmod(0o700)
        tmp_path.chmod(0o755)
        ended = own.read(executable=as_nobody("restic", tmp_path))
    else:
        own.path.chmod(0)
        ended = own.read()
        own.path.chmod(0o700)
    assert ended.failed
    assert ended.result["failure"]["code"] == "forbidden", ended.message


def test_restic_is_not_installed(repository: Repository) -> None:
    assert repository.read(executable="restic-not-here").result["failure"]["code"] == "not_installed"


# A server


@contextlib.contextmanager
def serving(repository: Repository, *, password: str) -> Iterator[Repository]:
    """rclone's REST server, which rejects deletions."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = ["rclone", "serve", "restic", "--append-only", "--addr", f"127.0.0.1:{port}", str(repository.path)]
    secrets = {"RCLONE_USER": "auditor", "RCLONE_PASS": password, "RCLONE_CONFIG": "/dev/null"}
    server = subprocess.Popen(
        command, env={**os.environ, **secrets}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        for _try in range(100):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.1)
        yield Repository(repository.path, repository.home, f"rest:http://auditor:{password}@127.0.0.1:{port}/")
    finally:
        server.terminate()
        server.wait(20)


@needs("rclone")
def test_an_append_only_server(own: Repository) -> None:
    with serving(own, password="s3rver-pass") as remote:
        before = tree(own.path)
        ended = remote.read(verify="data")
        assert tree(own.path) == before
        assert {point["integrity_checked"] for point in list_points(ended)} == {True}
        assert "s3rver-pass" not in ended.output
        assert ended.result["server"]["host"].startswith("rest:http://127.0.0.1:")
        # Read requests do not show that the server rejects deletions, so that is declared by the owner.
        assert {point["immutable"] for point in list_points(ended)} == {None}
        vouched = remote.read(location_attributes=[{"match": "rest:*", "immutable": True, "offsite": True}])
        assert {tuple(point["declared"]) for point in list_points(vouched)} == {("offsite", "immutable")}
        refused = remote.read(repository=remote.address.replace("s3rver-pass", "wr0ng-pass"))
        assert refused.failed
        assert "wr0ng-pass" not in refused.output


# Secrets and names


def test_no_secret_is_in_arguments_or_results(own: Repository, tmp_path: Path) -> None:
    executable, notes = recorder("restic", tmp_path)
    ended = own.read(
        executable=executable,
        verify="data",
        environment={"AWS_ACCESS_KEY_ID": "auditor"},
        secret_environment={"AWS_SECRET_ACCESS_KEY": "s3-s3cret"},
    )
    assert not ended.failed, ended.message
    argv, environment = (notes.with_name(f"noted.{kind}").read_text() for kind in ("argv", "env"))
    assert argv.split("\n\n")[0] == "version"
    for secret in (PASSWORD, "s3-s3cret"):
        assert secret not in argv
        assert secret not in ended.output
        assert secret in environment
    names = {line.partition("=")[0] for line in environment.splitlines()}
    assert names <= {
        *("RESTIC_REPOSITORY", "RESTIC_PASSWORD", "RESTIC_PROGRESS_FPS", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
        *("RESTIC_CACHE_DIR", "PATH", "HOME", "TZ", "LC_ALL", "PWD", "OLDPWD", "SHLVL", "_"),
    }


HOSTILE = ("<script>alert(1)</script>", "=cmd|' /C calc'!A0", "a\x1b[31m\u202eb", '"><img src=x onerror=alert(1)>')


def test_a_hostile_name_is_sanitized(tmp_path: Path) -> None:
    repository = create_repository(tmp_path, hosts=HOSTILE)
    ended = repository.read()
    assert {point["workload_name"] for point in list_points(ended)} == set(HOSTILE)
    assessment = evaluate(ended)
    for document in DOCUMENTS:
        reported = document(assessment)
        assert not set(reported) & set("\x1b\u202e"), document.__name__
        if document.__name__ in ("to_html_report", "to_markdown"):
            assert "<script>alert" not in reported
            assert "<img src=x" not in reported
        if document.__name__ == "to_csv":
            assert not [line for line in reported.splitlines() if line.startswith(("=cmd", '"=cmd'))]
            assert ",=cmd" not in reported
            assert ',"=cmd' not in reported


# Many snapshots


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    repository = create_repository(tmp_path_factory.mktemp("many"), hosts=("web01",))
    add_snapshots(repository, 4999)
    return repository


def test_thousands_of_snapshots_are_returned(many: Repository) -> None:
    listed = many.snapshots()
    assert len(listed) == 5000
    reported = list_points(many.read())
    assert {point["id"] for point in reported} == {one["id"] for one in listed}
    compressed = many.read(detail="workloads", compress=True)
    assert compressed.result["totals"] == {**compressed.result["totals"], "recovery_points": 5000, "workloads": 51}


def test_the_number_of_commands_does_not_depend_on_snapshots(many: Repository, repository: Repository) -> None:
    """`make bench` measures the time that they take."""
    few, thousands = (
        one.read(detail="workloads", compress=True).result["http_requests"]["count"] for one in (repository, many)
    )
    assert few == thousands
