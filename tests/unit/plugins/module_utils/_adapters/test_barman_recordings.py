# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The Barman adapter with recordings (tests/recordings), and with files as in the catalog that was recorded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._adapters.barman.adapter import Barman
from ansible_collections.backup.audit.plugins.module_utils._core.errors import AuditError
from tests.recordings import load, versions
from tests.unit.plugins.module_utils._adapters.running_barman import ranges, usable
from tests.unit.plugins.module_utils._adapters.running_tools import Response, run_adapter

NAMES = ("servers", *(f"{kind}_{server}" for kind in ("settings", "list", "check") for server in ("main", "idle")))
NAMES = (*NAMES, *(f"{kind}{number}" for kind in ("show", "wal", "verify") for number in (0, 1)))


class Catalog:
    """The recorded runs of one version, with files in a folder instead of the recorded ones."""

    def __init__(self, version: str, folder: Path) -> None:
        self.version = version
        self.folder = folder
        self.home = folder / "home/main"
        for server in ("main", "idle"):
            for name in ("base", "wals", "incoming", "streaming", "errors"):
                (folder / "home" / server / name).mkdir(parents=True)
        self.idents = [one["backup_id"] for one in load(version, "list_main").out["main"]]
        for ident in self.idents:
            (self.home / "base" / ident / "data").mkdir(parents=True)
            for name in ("PG_VERSION", "backup_manifest"):
                (self.home / "base" / ident / "data" / name).write_text("x")
        for number in (0, 1):
            for path in self.answer(f"wal{number}")[1]["_INFO"]:
                Path(path).parent.mkdir(exist_ok=True)
                Path(path).write_bytes(b"wal")

    def answer(self, name: str) -> Response:
        """Return the output of a run, with the paths of these files."""
        rc, out, err = load(self.version, name).answer
        return rc, json.loads(json.dumps(out).replace("/srv/recording", str(self.folder))), err

    def read(self, *changed: str, **options: Any) -> Any:
        """Run the adapter; ``changed`` replaces runs of the same command."""
        answers: dict[tuple[str, ...], Response] = {("--version",): load(self.version, "version").answer}
        for name in (*NAMES, *changed):
            answers[load(self.version, name).command[1:]] = self.answer(name)
        collector, points, _runner = run_adapter(Barman, answers, **options)
        return collector, [point for point in points if point["kind"] != "continuous"]


@pytest.fixture(params=versions("barman"))
def catalog(request: pytest.FixtureRequest, tmp_path: Path) -> Catalog:
    return Catalog(request.param, tmp_path)


def test_backups(catalog: Catalog) -> None:
    collector, points = catalog.read()
    assert f"barman-{collector.version}" == catalog.version
    assert [point["id"] for point in reversed(points)] == [f"main/{ident}" for ident in catalog.idents]
    assert {(point["kind"], point["status"], point["usable"]) for point in points} == {("full", "success", True)}
    encrypted = {point["encrypted"] for point in points}
    assert encrypted == ({None} if catalog.version == "barman-3.4.0" else {False})
    assert all(20_000_000 < point["size_bytes"] < 30_000_000 for point in points)
    assert {point["created_at"][:10] for point in points} == {"2026-01-15"}
    assert len(ranges(collector)) == 1
    assert collector.problems == []
    (warning,) = collector.warnings
    assert warning.startswith("server idle: barman check reports: ")
    assert {row["workload_name"] for row in collector.summary.build()[0]} == {"idle", "main"}
    assert "identity" not in collector.result()["server"]


def test_a_check_without_errors(catalog: Catalog) -> None:
    collector, points = catalog.read(verify="data")
    assert collector.verify["result"] == "sound"
    assert {(point["integrity_checked"], *point["inferred"]) for point in points} == {(True, "integrity_checked")}


def test_a_damaged_file(catalog: Catalog) -> None:
    collector, points = catalog.read("verify0_damaged_file", "verify1_damaged_file", verify="data")
    assert "checksum mismatch for file" in collector.verify["server_message"]
    assert [(point["usable"], point["integrity_checked"]) for point in points] == [(True, True), (False, False)]


def test_missing_data(catalog: Catalog) -> None:
    """The list is the same."""
    for path in (catalog.home / "base" / catalog.idents[0] / "data").iterdir():
        path.unlink()
    assert usable(catalog.read("list_missing_data")[1]) == [True, False]


def test_a_directory_that_is_not_mounted(catalog: Catalog) -> None:
    catalog.home.rename(catalog.folder / "elsewhere")
    collector, points = catalog.read("list_missing_home")
    assert (points, [problem.code for problem in collector.problems]) == ([], ["not_found"])


def test_a_database_that_is_down(catalog: Catalog) -> None:
    collector, points = catalog.read("check_database_down")
    assert usable(points) == [True, True]
    assert any(text.startswith("server main: barman check reports: ") for text in collector.warnings)


def test_an_unknown_server(catalog: Catalog) -> None:
    command = ("-f", "json", "show-servers", "nowhere")
    version = load(catalog.version, "version").answer
    with pytest.raises(AuditError) as raised:
        run_adapter(Barman, {("--version",): version, command: catalog.answer("list_unknown")}, server="nowhere")
    assert (raised.value.code, raised.value.server_message) == ("not_found", "Unknown server 'nowhere'")
