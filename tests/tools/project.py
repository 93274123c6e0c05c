# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""List the files of the project, and copy only these for tools that need a clean collection."""

from __future__ import annotations

import contextlib
import fnmatch
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parents[2]
# Vendor documentation next to the project; it is not part of it.
VENDORS = ROOT.parent / "shared" / "vendors"
IN_COPY = PurePosixPath("ansible_collections/backup/audit")


def project_files(root: Path = ROOT) -> list[PurePosixPath]:
    """List every file that is or would be committed; without git, every file that .gitignore does not match."""
    in_git = (root / ".git").exists() and shutil.which("git") is not None
    names = _known_to_git(root) if in_git else _not_ignored(root)
    files = sorted(PurePosixPath(name) for name in names)
    if not files:
        raise RuntimeError(f"No file of the project was found in {root}.")
    return files


def _known_to_git(root: Path) -> Iterator[str]:
    # safe.directory: a CI job often runs as a different user than the one who checked out.
    command = ["git", "-c", f"safe.directory={root}", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=root, check=True, stdout=subprocess.PIPE, text=True).stdout
    for name in listed.split("\0"):
        # git still lists files that were removed but not committed yet.
        if name and os.path.lexists(root / name):
            yield name


def _not_ignored(root: Path) -> Iterator[str]:
    # Names only: this project's .gitignore contains nothing else.
    lines = (root / ".gitignore").read_text(encoding="utf-8").splitlines()
    ignored = [".git", *(line.strip("/") for line in lines if line and not line.startswith("#"))]

    def is_kept(path: PurePosixPath) -> bool:
        return not any(fnmatch.fnmatch(part, pattern) for part in (path.name, str(path)) for pattern in ignored)

    for folder, subfolders, names in os.walk(root):
        here = PurePosixPath(Path(folder).relative_to(root).as_posix())
        subfolders[:] = [name for name in subfolders if is_kept(here / name)]
        yield from (str(path) for path in (here / name for name in names) if is_kept(path))


@contextlib.contextmanager
def copy_project(root: Path = ROOT) -> Iterator[Path]:
    """Copy the project to .../ansible_collections/backup/audit, outside the repository.

    Inside, ansible-test and other tools would find no files in a folder that the surrounding repository ignores, and
    report success.
    """
    with tempfile.TemporaryDirectory(prefix="backup-audit-") as folder:
        copy = Path(folder) / IN_COPY
        for file in project_files(root):
            target = copy / file
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / file, target, follow_symlinks=False)
        yield copy


def get_collections_path(copy: Path) -> Path:
    """Return the folder that contains ansible_collections: the collections path for Ansible's tools."""
    return copy.parents[len(IN_COPY.parts) - 1]
