# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Recordings of tool versions that may not be installed; skipped without them (not on the maintainers' machines)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._adapters.borg import Borg
from ansible_collections.backup.audit.plugins.module_utils._adapters.pgbackrest import PgBackRest
from ansible_collections.backup.audit.plugins.module_utils._adapters.restic import Restic
from tests.tools.project import ROOT
from tests.unit.plugins.module_utils._adapters import test_borg, test_pgbackrest, test_restic
from tests.unit.plugins.module_utils._adapters.running_tools import run_adapter

SAMPLES = ROOT.parent / "shared" / "vendors" / "open_source" / "samples"
pytestmark = pytest.mark.skipif(not SAMPLES.is_dir(), reason="no recordings here")


def recorded(name: str) -> Any:
    return json.loads((SAMPLES / name).read_text("utf-8"))


@pytest.mark.parametrize("name", ["restic_snapshots.json", "restic18_snapshots.json"])
def test_snapshots_of_restic(name: str) -> None:
    snapshots = recorded(name)
    collector, points, _runner = run_adapter(Restic, test_restic.answers(snapshots), repository="/srv/restic")
    assert collector.problems == []
    assert {point["id"] for point in points} == {snapshot["id"] for snapshot in snapshots}
    assert all((point["size_bytes"] is not None) == ("18" in name) for point in points)


def test_restic_check_of_a_damaged_repository() -> None:
    out = (SAMPLES / "restic18_check_corrupt.json").read_text("utf-8")
    answers = test_restic.answers(recorded("restic18_snapshots.json"), check_data=(1, out, ""))
    collector, points, _runner = run_adapter(Restic, answers, repository="/srv/restic", verify="data")
    assert collector.verify is not None
    assert "6d02247cb4ef" in collector.verify["words"]
    assert {(point["checked"], point["usable"]) for point in points} == {(False, None)}


def test_archives_of_borg() -> None:
    listing = recorded("borg_list.json")
    answers = {test_borg.VERSION: (0, "borg 1.2.4\n", ""), test_borg.LIST: (0, listing, "")}
    collector, points, _runner = run_adapter(Borg, answers, repository="/srv/borg", workload_by="name_prefix")
    assert collector.problems == []
    assert {point["id"] for point in points} == {archive["id"] for archive in listing["archives"]}
    assert {point["workload_name"] for point in points} >= {"db01", "web01"}


@pytest.mark.parametrize("name", ["pgbackrest_info.json", "pgbackrest255_info.json"])
def test_backups_of_pgbackrest(name: str) -> None:
    stanzas = recorded(name)
    answers = {test_pgbackrest.VERSION: (0, "pgBackRest 2.55\n", ""), test_pgbackrest.INFO: (0, stanzas, "")}
    collector, points, _runner = run_adapter(PgBackRest, answers)
    assert collector.problems == []
    labels = [backup["label"] for backup in stanzas[0]["backup"]]
    assert sorted(point["id"].split("/")[1] for point in points) == sorted(labels)
    assert {(point["status"], point["usable"]) for point in points} <= {("success", True), ("warning", None)}


def test_pgbackrest_verify_of_a_damaged_repository() -> None:
    out = (SAMPLES / "pgbackrest255_verify_corrupt.txt").read_text("utf-8")
    stanzas = recorded("pgbackrest255_info.json")
    answers = {
        test_pgbackrest.VERSION: (0, "pgBackRest 2.55\n", ""),
        test_pgbackrest.INFO: (0, stanzas, ""),
        test_pgbackrest.verify(1): (0, out, ""),
        test_pgbackrest.verify(2): (0, "stanza: main\nstatus: ok\n", ""),
    }
    collector, points, _runner = run_adapter(PgBackRest, answers, verify="data")
    assert collector.verify is not None
    assert "is invalid" in collector.verify["words"]
    invalid = {point["id"].split("/")[1] for point in points if point["usable"] is False}
    # Recorded without --verbose, so valid backups are not listed.
    assert invalid >= {label for label in out.replace(",", " ").split() if label.startswith("20261121-045336F")}
