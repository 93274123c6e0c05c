# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
import yaml

from tests.tools import matrix
from tests.tools.project import ROOT

CORES = [cell.name for cell in matrix.MATRIX]


def test_the_matrix_has_all_supported_ansible_cores() -> None:
    promised = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text("utf-8"))["requires_ansible"]
    minors = [int(core.partition(".")[2]) for core in CORES]
    assert promised == f">={CORES[0]}.0"
    assert minors == list(range(minors[0], minors[0] + len(minors)))


def test_the_matrix_has_the_oldest_supported_python() -> None:
    promised = yaml.safe_load((ROOT / "tests" / "config.yml").read_text("utf-8"))["modules"]["python_requires"]
    assert promised == f">={matrix.MATRIX[0].pythons[0]}"


def test_ci_runs_every_cell_with_its_python() -> None:
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text("utf-8"))["jobs"]
    run = {cell["core"]: cell["python"] for cell in jobs["matrix"]["strategy"]["matrix"]["include"]}
    assert list(run) == CORES
    assert [cell.name for cell in matrix.MATRIX if run[cell.name] not in cell.pythons] == []


def test_selected_cells_are_in_the_order_of_the_matrix() -> None:
    assert [cell.name for cell in matrix.select_cells(["2.19", "2.16"])] == ["2.16", "2.19"]
    assert matrix.select_cells([]) == matrix.MATRIX


def test_an_unknown_cell_is_an_error() -> None:
    with pytest.raises(SystemExit, match=r"Not in the matrix: 2\.15"):
        matrix.select_cells(["2.16", "2.15"])


def test_a_missing_python_is_a_failure(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(matrix, "MATRIX", (matrix.Cell(core="2.99.0", pythons=("3.99",)),))
    assert matrix.main([]) == 1
    assert "ansible-core 2.99.0: NOT RUN: no Python 3.99" in capsys.readouterr().out
