# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real Barman with a real PostgreSQL: the module returns its listing, and detects damage that it does not show."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.running_plays import play
from tests.real.barman_cluster import PASSWORD, BarmanCluster, create_cluster
from tests.real.cluster import binaries, owned_folder
from tests.real.tools import (
    NEWEST,
    ModuleResult,
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

pytestmark = [needs("barman"), pytest.mark.skipif(binaries() is None, reason="no PostgreSQL (make setup-programs)")]
INFERRED = {**NEWEST, "integrity_checked": {"max_age": "1d", "accept": ["reported", "inferred"]}}


@pytest.fixture(scope="module")
def cluster() -> Iterator[BarmanCluster]:
    """A catalog with two backups that only the last tests change."""
    with owned_folder() as folder:
        running = create_cluster(folder)
        yield running
        running.stop()


@pytest.fixture
def own(cluster: BarmanCluster) -> Iterator[BarmanCluster]:
    """A copy of the catalog that a test may change."""
    with owned_folder() as folder:
        yield cluster.copy(folder)


def list_backups(ended: ModuleResult) -> list[dict[str, Any]]:
    """Return the backups, oldest first."""
    return [point for point in list_points(ended) if point["kind"] != "continuous"]


def list_ranges(ended: ModuleResult) -> list[tuple[str, str]]:
    """Return the restorable ranges."""
    points = [point for point in list_points(ended) if point["kind"] == "continuous"]
    return [(point["restorable_from"], point["restorable_until"]) for point in points]


def usable(ended: ModuleResult) -> list[bool | None]:
    """Return whether each backup is usable, oldest first."""
    return [point["usable"] for point in list_backups(ended)]


def warnings(ended: ModuleResult) -> str:
    return str(ended.result.get("warnings", ""))


def passes(ended: ModuleResult) -> bool:
    return evaluate(ended, {**NEWEST, "on_unknown": "ignore"})["compliant"] is True


def test_the_listing_matches_barman(cluster: BarmanCluster) -> None:
    ended = cluster.read()
    reported = list_backups(ended)
    assert [point["id"] for point in reversed(reported)] == [
        f"main/{one['backup_id']}" for one in cluster.list_backups()
    ]
    facts = {(point["kind"], point["status"], point["usable"], point["integrity_checked"]) for point in reported}
    assert facts == {("full", "success", True, None)}
    (only,) = list_ranges(ended)
    assert only[0] == reported[0]["created_at"]
    assert only[1] >= reported[1]["created_at"]
    assert warnings(ended) == ""
    assert ended.result["selection"]["server"] == "main"
    assert evaluate(ended)["compliant"] is True


def test_a_server_without_backups_is_a_workload_without_points(cluster: BarmanCluster) -> None:
    ended = cluster.read(server=None)
    rows = {row["workload_name"]: row["recovery_points"] for row in ended.result["workloads"]}
    assert rows == {"idle": 0, "main": 2}
    assert "server idle: barman check reports: " in warnings(ended)
    assert evaluate(ended)["compliant"] is False


@pytest.mark.parametrize("verify", ["none", "data"])
def test_the_catalog_is_not_changed(own: BarmanCluster, verify: str) -> None:
    before = tree(own.home)
    ended = own.read(verify=verify)
    assert not ended.failed, ended.message
    assert tree(own.home) == before


def test_a_check_of_every_file(cluster: BarmanCluster) -> None:
    """The check does not read the WAL, so its result is only inferred."""
    ended = cluster.read(verify="data")
    assert {(point["integrity_checked"], *point["inferred"]) for point in list_backups(ended)} == {
        (True, "integrity_checked")
    }
    assert evaluate(ended, INFERRED)["compliant"] is True
    strict = {**NEWEST, "integrity_checked": {"max_age": "1d"}}
    assert findings(ended, strict)["integrity_checked.max_age"][0] == "unknown"


def newest(cluster: BarmanCluster) -> str:
    return str(cluster.list_backups()[0]["backup_id"])


def corrupt_file(cluster: BarmanCluster) -> None:
    corrupt_byte(largest(cluster.data(newest(cluster)) / "data/base"), 9000)


def test_a_damaged_file_is_found_only_by_the_check(own: BarmanCluster) -> None:
    corrupt_file(own)
    assert usable(own.read()) == [True, True]
    before = tree(own.home)
    ended = own.read(verify="data")
    assert tree(own.home) == before
    assert [(point["usable"], point["integrity_checked"]) for point in list_backups(ended)] == [
        (True, True),
        (False, False),
    ]
    result, message = findings(ended, INFERRED)["data.verify"]
    assert (result, "found damage: main/" in message and "checksum mismatch" in message) == ("fail", True)
    assert passes(ended) is False


def lose_directory(cluster: BarmanCluster) -> None:
    """Versions since 3.14 still list the backup, because they store its metadata elsewhere."""
    shutil.rmtree(cluster.data(newest(cluster)) / "data")


def lose_segment_of_backup(cluster: BarmanCluster) -> None:
    cluster.segment(cluster.show(newest(cluster))["base_backup_information"]["end_wal"]).unlink()


def empty_segment_of_backup(cluster: BarmanCluster) -> None:
    cluster.segment(cluster.show(newest(cluster))["base_backup_information"]["end_wal"]).write_bytes(b"")


@pytest.mark.parametrize("damage", [lose_directory, lose_segment_of_backup, empty_segment_of_backup])
@pytest.mark.parametrize("verify", ["none", "data"])
def test_lost_files_of_a_backup_with_status_done(
    own: BarmanCluster, damage: Callable[[BarmanCluster], None], verify: str
) -> None:
    damage(own)
    assert {one["status"] for one in own.list_backups()} == {"DONE"}
    before = tree(own.home)
    ended = own.read(verify=verify)
    assert tree(own.home) == before
    assert usable(ended) == [True, False]
    assert list_backups(ended)[1]["integrity_checked"] is None
    expected = "backups without their files: " if damage is lose_directory else "missing segments: "
    assert expected in warnings(ended)


def test_a_gap_after_the_backups(own: BarmanCluster) -> None:
    """No command of Barman reports it, because the segment remains in its index."""
    last = own.show(newest(own))["wal_information"]["last_available"]
    end = own.show(newest(own))["base_backup_information"]["end_wal"]
    assert last > end
    (whole,) = list_ranges(own.read())
    own.segment(last).unlink()
    ended = own.read()
    (shorter,) = list_ranges(ended)
    assert (shorter[0], shorter[1] <= whole[1]) == (whole[0], True)
    assert usable(ended) == [True, True]


def test_a_gap_between_the_backups(own: BarmanCluster) -> None:
    first = own.list_backups()[1]["backup_id"]
    end, begin = (
        own.show(ident)["base_backup_information"][name]
        for ident, name in ((first, "end_wal"), (newest(own), "begin_wal"))
    )
    between = f"{int(end, 16) + 1:024X}"
    assert between < begin
    own.segment(between).unlink()
    ended = own.read()
    assert (len(list_ranges(ended)), usable(ended)) == (2, [True, True])
    assert f"the write-ahead log has 1 gaps; missing segments: {between} to {between}" in warnings(ended)


def test_a_directory_that_is_not_mounted(own: BarmanCluster) -> None:
    """Barman lists nothing, and returns 0."""
    shutil.move(own.home, own.folder / "elsewhere")
    assert own.list_backups() == []
    ended = own.read()
    assert f"the directory '{own.home}' of server 'main' does not exist on this host, or is empty" in ended.message
    own.home.mkdir()
    assert own.read().failed
    assert list(own.home.iterdir()) == []
    partial = own.read(allow_partial=True)
    assert evaluate(partial)["compliant"] is False


def test_a_catalog_of_a_newer_version(own: BarmanCluster) -> None:
    """Barman omits backups in an unknown format, and returns 0."""
    (own.home / "meta").mkdir(exist_ok=True)
    ident = newest(own)
    for path in ((own.home / "meta" / f"{ident}-backup.info"), own.data(ident) / "backup.info"):
        path.unlink(missing_ok=True)
    assert len(own.list_backups()) == 1
    assert f"directories of backups that Barman does not list: {ident}" in warnings(own.read())
    info = own.home / "meta" / "20990101T000000-backup.info"
    info.mkdir()
    ended = own.read()
    assert ended.failed
    assert "main" in ended.message


def test_an_unknown_server(cluster: BarmanCluster) -> None:
    ended = cluster.read(server="nowhere")
    assert (ended.result["failure"]["code"], "nowhere" in ended.message) == ("not_found", True), ended.message


def test_a_missing_configuration(cluster: BarmanCluster) -> None:
    ended = cluster.read(config=str(cluster.folder / "nowhere.conf"))
    assert ended.result["failure"]["code"] == "not_found", ended.message


def test_another_user(own: BarmanCluster, tmp_path: Path) -> None:
    """Barman runs as the user of its configuration, or as root."""
    if os.geteuid() == 0:
        tmp_path.chmod(0o755)
        ended = own.read(executable=as_nobody("barman", tmp_path))
    else:
        own.config.write_text(re.sub("barman_user = .*", "barman_user = nobody", own.config.read_text()))
        ended = own.read()
    assert ended.result["failure"]["code"] == "forbidden", ended.message


def test_passwords_of_the_configuration_are_not_shown(own: BarmanCluster, tmp_path: Path) -> None:
    """Barman shows them in plain text, even if the command fails."""
    assert PASSWORD in own.barman("-f", "json", "show-servers", "main")
    executable, notes = recorder("barman", tmp_path)
    ended = own.read(executable=executable, verify="data", include_raw=True)
    assert PASSWORD not in ended.output
    assert not ended.failed, ended.message
    commands = notes.with_name("noted.argv").read_text()
    assert "check-backup" not in commands
    (own.data(newest(own)) / "backup.info").write_text("nonsense\n")
    assert PASSWORD not in own.read(include_raw=True).output


def test_a_database_that_is_down(own: BarmanCluster) -> None:
    """The backups are still listed, and Barman's check fails."""
    text = own.config.read_text()
    own.config.write_text(text.replace("port=54321", "port=1"))
    ended = own.read()
    assert usable(ended) == [True, True]
    assert "server main: barman check reports: " in warnings(ended)
    assert "postgresql" in warnings(ended)


def test_another_database_with_the_name_of_the_server(own: BarmanCluster) -> None:
    """The identity of the running cluster differs from that of the backups."""
    (own.home / "identity.json").write_text('{"systemid": "1", "version": "15"}')
    ended = own.read()
    assert usable(ended) == [None, None]
    assert "systemid coherence" in warnings(ended)


def test_obsolete_backups(own: BarmanCluster) -> None:
    own.config.write_text(own.config.read_text().replace("REDUNDANCY 2", "REDUNDANCY 1"))
    ended = own.read()
    assert usable(ended) == [True, True]
    assert "server main: obsolete backups, which the next run of barman cron may delete: " in warnings(ended)


def test_the_role_reads_a_server(cluster: BarmanCluster, tmp_path: Path) -> None:
    """With the options of the tool in host variables, on the host itself."""
    host = {
        "ansible_connection": "local",
        "ansible_python_interpreter": sys.executable,
        "backup_product": "barman",
        "backup_config": str(cluster.config),
        "backup_barman_server": "main",
        "backup_verify": "data",
    }
    variables = {"compliance_output": str(tmp_path / "evidence"), "compliance_policy": INFERRED}
    ended = play(
        "backup.audit.compliance",
        tmp_path,
        inventory={"backup_servers": {"hosts": {"backup01": host}}},
        variables=variables,
        environment={"HOME": str(cluster.folder)},
    )
    assert ended.status == 0, ended.output
    assessment = json.loads((tmp_path / "evidence" / "findings.json").read_text())
    assert (assessment["compliant"], [one["workload_name"] for one in assessment["workloads"]]) == (True, ["main"])
    assert assessment["data_sources"][0]["server"]["verify"]["result"] == "sound"
    assert PASSWORD not in ended.output


def test_a_killed_backup(own: BarmanCluster) -> None:
    """It seems to be running until the next cron run marks it as failed."""
    with own.backup_in_progress():
        running = own.read()
    own.barman("cron")
    failed = own.read()
    assert [point["status"] for point in list_backups(running)] == ["success", "success", "running"]
    for ended in (running, failed):
        assert usable(ended) == [True, True, False]
        assert list_backups(ended)[2]["created_at"] >= list_backups(ended)[1]["created_at"]


def test_a_backup_whose_wal_is_not_yet_archived(own: BarmanCluster) -> None:
    """This is the last test, because its database archives to the catalog of another test."""
    own.barman("backup", "main")
    assert own.list_backups()[0]["status"] == "WAITING_FOR_WALS"
    ended = own.read()
    last = list_backups(ended)[-1]
    assert (last["status"], last["usable"]) == ("warning", False)
