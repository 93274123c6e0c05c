# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check whether a tarball may be published: python -m tests.tools.release_check TARBALL FOLDER_OF_GALAXY_IMPORTER

All files must name the same version, Galaxy's own importer must report nothing, and the demo must run with only the
tarball, installed into an empty folder. All checks run even if one fails.
"""

from __future__ import annotations

import fnmatch
import json
import os
import re
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

import yaml

from tests.tools import demo, release
from tests.tools.project import ROOT, project_files

ADDED_IN = re.compile(r"^\s*version_added: [\"']?([\d.]+)", re.MULTILINE)
NAMED = re.compile(r"\bbackup[-.]audit[-:= ]+v?(\d+\.\d+\.\d+)\b")
TOP = re.compile(r"^## v([\d.\\]+)$", re.MULTILINE)
# Files that users need, that Galaxy shows, and that ansible-test requires in an installed collection.
IN_TARBALL = (
    *("MANIFEST.json", "FILES.json", "README.md", "LICENSE", "SECURITY.md", "CHANGELOG.md", "requirements.txt"),
    *("REUSE.toml", "LICENSES/*", "changelogs/changelog.yaml", "changelogs/config.yaml", "meta/*.yml"),
    # The importer's ansible-lint uses it.
    ".ansible-lint",
    *("docs/*", "extensions/*", "playbooks/*", "plugins/*", "roles/*", "tests/config.yml"),
)


def read_version(root: Path) -> str:
    return str(yaml.safe_load((root / "galaxy.yml").read_text("utf-8"))["version"])


def disagreements(root: Path) -> Iterator[str]:
    """List files with a version other than that in galaxy.yml, and fragments that are not released."""
    version = read_version(root)
    versions = release.released(root)
    if version not in versions[-1:]:
        newest = (versions or ["no release"])[-1]
        yield f"changelogs/changelog.yaml: expected {version}, found {newest}. Run make release VERSION={version}"
    changelog = root / "CHANGELOG.md"
    top = TOP.search(changelog.read_text("utf-8")) if changelog.exists() else None
    if top is None or top[1].replace("\\", "") != version:
        yield f"CHANGELOG.md: {version} is not the first release. Run make release VERSION={version}"
    for fragment in sorted((root / "changelogs" / "fragments").glob("*.y*ml")):
        yield f"changelogs/fragments/{fragment.name}: not released. Run make release VERSION={version}"
    for file in project_files(root):
        text = (root / file).read_text("utf-8", errors="replace") if (root / file).is_file() else ""
        if file.parts[0] in ("plugins", "roles", "playbooks"):
            for added in set(ADDED_IN.findall(text)) - {version, *versions}:
                yield f"{file}: version_added {added} is not a release"
        if file.suffix in (".md", ".yml") and file.parts[0] not in ("CHANGELOG.md", "changelogs", "tests"):
            for named in set(NAMED.findall(text)) - {version}:
                yield f"{file}: expected backup.audit {version}, found {named}"


def strays(names: list[str]) -> Iterator[str]:
    """List unexpected and missing files of the tarball."""
    for name in names:
        if not any(fnmatch.fnmatch(name, pattern) for pattern in IN_TARBALL):
            yield f"{name}: unexpected file in the tarball. Add it to build_ignore in galaxy.yml"
    for pattern in IN_TARBALL:
        if not fnmatch.filter(names, pattern):
            yield f"{pattern}: not in the tarball"


def contents(tarball: Path) -> list[str]:
    with tarfile.open(tarball) as archive:
        return [member.name for member in archive.getmembers() if not member.isdir()]


def complaints(output: str) -> list[str]:
    """List the problems that Galaxy's importer found."""
    found = [line for line in output.splitlines() if re.match(r"(WARNING|ERROR|CRITICAL):", line)]
    if "Importer processing completed successfully" not in output:
        found.append("galaxy-importer failed. Last line of its output: " + (output.strip().splitlines() or [""])[-1])
    return found


def ask_galaxy(tarball: Path, importer: Path) -> Iterator[str]:
    # In another folder and without any collection, as the importer runs at Galaxy.
    with tempfile.TemporaryDirectory(prefix="backup-audit-") as folder:
        environment = os.environ | {
            "PATH": os.pathsep.join([str(importer / "bin"), os.environ["PATH"]]),
            "ANSIBLE_COLLECTIONS_PATH": folder,
            "ANSIBLE_HOME": str(Path(folder) / "home"),
        }
        command = [str(importer / "bin" / "python"), "-m", "galaxy_importer.main", str(tarball.resolve())]
        ended = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    yield from complaints(ended.stdout + ended.stderr)


def not_introspected(output: str, requirements: str) -> Iterator[str]:
    """List packages that an execution environment would lack because ansible-builder does not find them."""
    found = [str(line).partition("#")[0].strip() for line in (yaml.safe_load(output) or {}).get("python", [])]
    for line in requirements.splitlines():
        if line and not line.startswith("#") and line not in found:
            yield f"ansible-builder introspect: {line} not found"


def run_alone(tarball: Path, version: str) -> Iterator[str]:
    """Install the tarball into an empty folder, run the demo with nothing else, and check which version evaluated."""
    tools = Path(sys.executable).parent
    galaxy = str(tools / "ansible-galaxy")
    with tempfile.TemporaryDirectory(prefix="backup-audit-") as folder:
        environment = os.environ | {"ANSIBLE_COLLECTIONS_PATH": folder}
        environment.pop("PYTHONPATH", None)
        install = [galaxy, "collection", "install", "--offline", "-p", folder, str(tarball.resolve())]
        play = [sys.executable, "-m", "tests.tools.demo", "--collections", folder]
        # The installed files match the built ones, also after the play.
        verify = [galaxy, "collection", "verify", "--offline", "-p", folder, "backup.audit"]
        for command in (install, play, verify):
            status = subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode
            if status != 0:
                yield f"{' '.join(command[1:4])}: return code {status}"
                return
        introspect = [str(tools / "ansible-builder"), "introspect", folder]
        output = subprocess.run(introspect, capture_output=True, text=True, check=False).stdout
        yield from not_introspected(output, (ROOT / "requirements.txt").read_text("utf-8"))
    evaluated_by = json.loads(demo.FINDINGS.read_text("utf-8"))["collection_version"]
    if evaluated_by != version:
        yield f"demo: expected an evaluation by backup.audit {version}, found {evaluated_by}"


def main(tarball: Path, importer: Path) -> int:
    version = read_version(ROOT)
    checks = {
        "versions": disagreements(ROOT),
        "contents of the tarball": strays(contents(tarball)),
        "galaxy-importer": ask_galaxy(tarball, importer.absolute()),
        "demo with the installed tarball": run_alone(tarball, version),
    }
    wrong = {name: list(found) for name, found in checks.items()}
    print()
    for name, found in wrong.items():
        print("\n  ".join([f"{name}: {'FAILED' if found else 'passed'}", *found]))
    print(f"{tarball.name}: {'do not publish' if any(wrong.values()) else 'ready to publish'}.")
    return 1 if any(wrong.values()) else 0


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:3])))
