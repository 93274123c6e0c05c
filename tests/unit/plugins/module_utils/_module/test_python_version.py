# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Modules that run on managed hosts fail with a clear message if Python is too old."""

from __future__ import annotations

import ast
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tools.project import ROOT

MODULES = ("restic_snapshots_info", "borg_archives_info", "pgbackrest_backups_info", "barman_backups_info")
CHECK = Path("plugins/module_utils/_module/python_version.py")
NAME = "ansible_collections.backup.audit.plugins.module_utils._module.python_version"
OLD = ("2.7", "3.6", "3.7", "3.8", "3.9")
# Syntax that Python 2.7 does not support and that such a file could contain.
NEWER = (ast.AnnAssign, ast.JoinedStr, ast.NamedExpr, ast.AsyncFunctionDef, ast.FunctionDef, ast.Nonlocal, ast.Match)


def run(python: str, module: str, before: str = "") -> subprocess.CompletedProcess[str]:
    """Run a module in a Python; ``before`` are lines that are run first."""
    lines = f"{before}\nimport runpy\nrunpy.run_path('plugins/modules/{module}.py', run_name='__main__')"
    return subprocess.run([python, "-c", lines], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)


def check_result(ended: subprocess.CompletedProcess[str], version: str) -> None:
    result = json.loads(ended.stdout)
    assert (ended.returncode, result["failed"], result["failure"]["code"]) == (1, True, "python_too_old")
    assert "needs Python 3.10 or later on the host that runs the module" in result["msg"]
    assert f"found {version}" in result["msg"]
    assert "ansible_python_interpreter" in result["msg"]


@pytest.mark.parametrize("module", MODULES)
def test_an_old_python_gets_a_clear_message(module: str) -> None:
    """No other file of the collection may be imported before the check."""
    before = f"""
import atexit, sys
sys.path.insert(0, {str(ROOT / ".venv" / "tree")!r})
sys.version_info = (3, 6, 8)
def look():
    own = [name for name in sys.modules if name.startswith("ansible_collections.backup.audit.plugins.module_utils.")]
    sys.stderr.write(" ".join(own))
atexit.register(look)"""
    ended = run(sys.executable, module, before)
    check_result(ended, "3.6.8")
    # Only the package; the file itself ended early.
    assert set(ended.stderr.split()) == {NAME.rpartition(".")[0]}


@pytest.mark.parametrize("file", [CHECK, *(Path(f"plugins/modules/{module}.py") for module in MODULES)], ids=str)
def test_old_pythons_can_parse_the_file(file: Path) -> None:
    text = (ROOT / file).read_text("utf-8")
    assert text.isascii()
    tree = ast.parse(text, feature_version=(3, 4))
    assert [node for node in ast.walk(tree) if isinstance(node, NEWER)] == []
    assert [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module == "__future__"] == []


def test_installed_old_pythons() -> None:
    """Python 2.7 only parses the file, because it imports only folders with an __init__.py."""
    for version in OLD:
        python = shutil.which(f"python{version}")
        if python is None or subprocess.run([python, "-c", ""], capture_output=True, check=False).returncode != 0:
            continue
        for module in MODULES:
            path = f"import sys\nsys.path.insert(0, {str(ROOT / '.venv' / 'tree')!r})"
            ended = run(python, module, path)
            assert "SyntaxError" not in ended.stderr
            if version != "2.7":
                check_result(ended, version)


def test_this_python_is_not_too_old() -> None:
    ended = run(sys.executable, MODULES[0], f"import sys\nsys.path.insert(0, {str(ROOT / '.venv' / 'tree')!r})")
    assert "python_too_old" not in ended.stdout
