# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real restic repositories, and snapshots by the thousand."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
import os
import shutil
import time
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.poly1305 import Poly1305

from tests.real.tools import ModuleResult, run, run_module

PASSWORD = "c0rrect-h&rse"


@dataclasses.dataclass(frozen=True)
class Repository:
    """A repository with its own home, so that no other cache hides its damage."""

    path: Path
    home: Path
    address: str = ""

    def warm_cache(self) -> None:
        """Fill the private cache of the user, as previous runs of restic do."""
        self.restic("--no-lock", "check", "--with-cache")
        assert list((self.home / ".cache" / "restic").glob("*/snapshots/*/*"))

    def restic(self, *arguments: str, ok: bool = True, password: str = PASSWORD) -> str:
        """Run restic for this repository as its user would."""
        given = {"RESTIC_REPOSITORY": self.address or str(self.path), "RESTIC_PASSWORD": password}
        return run(["restic", *arguments], {"HOME": str(self.home), **given}, ok=ok)

    def read(self, **options: Any) -> ModuleResult:
        """Run the module."""
        given = {"repository": self.address or str(self.path), "password": PASSWORD, "detail": "recovery_points"}
        return run_module("restic_snapshots_info", {**given, **options}, {"HOME": str(self.home)})

    def snapshots(self) -> list[dict[str, Any]]:
        """Return the listing of restic."""
        listed: list[dict[str, Any]] = json.loads(self.restic("--no-lock", "--json", "snapshots"))
        return listed


def create_repository(folder: Path, *, hosts: tuple[str, ...] = ("web01", "db01")) -> Repository:
    """Create a repository with a snapshot of each host."""
    repository = Repository(folder / "repository", folder / "home")
    repository.home.mkdir()
    data = folder / "data"
    data.mkdir()
    (data / "large").write_bytes(os.urandom(400_000))
    repository.restic("init")
    for host in hosts:
        (data / "small").write_text(host)
        repository.restic("backup", "--quiet", "--host", host, "--tag", "daily", str(data))
    return repository


def copy_repository(repository: Repository, folder: Path) -> Repository:
    """Copy a repository, with a home without a cache."""
    shutil.copytree(repository.path, folder / "repository")
    (folder / "home").mkdir()
    return Repository(folder / "repository", folder / "home")


def add_snapshots(repository: Repository, count: int) -> None:
    """Add this many snapshots in restic's format, because restic itself needs almost a second for each."""
    keys = json.loads(repository.restic("--no-lock", "cat", "masterkey"))
    encrypt, k, r = (base64.b64decode(text) for text in (keys["encrypt"], keys["mac"]["k"], keys["mac"]["r"]))
    newest = max(repository.snapshots(), key=lambda snapshot: snapshot["time"])
    kept = {name: newest[name] for name in ("tree", "paths", "username")}
    for number in range(count):
        moment = time.gmtime(time.time() - 600 * (number + 1))
        snapshot = {"time": time.strftime("%Y-%m-%dT%H:%M:%SZ", moment), "hostname": f"host{number % 50:02}", **kept}
        sealed = _sealed(json.dumps(snapshot).encode(), encrypt, k, r)
        (repository.path / "snapshots" / hashlib.sha256(sealed).hexdigest()).write_bytes(sealed)


def _sealed(plain: bytes, encrypt: bytes, k: bytes, r: bytes) -> bytes:
    """Encrypt with AES-256-CTR and Poly1305-AES, as in restic's design document."""
    nonce = os.urandom(16)
    stream = Cipher(algorithms.AES(encrypt), modes.CTR(nonce)).encryptor()
    text = stream.update(plain) + stream.finalize()
    block = Cipher(algorithms.AES(k), modes.ECB()).encryptor()  # noqa: S305 - one block, as Poly1305-AES wants it
    return nonce + text + Poly1305.generate_tag(r + block.update(nonce) + block.finalize(), text)
