# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Check the files of a Barman server: its listings are an index, which does not show that files were lost.

None means that the files cannot be checked, for example because they are in an object store.
"""

from __future__ import annotations

import gzip
import os
import re
import stat
import typing as t
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from ansible_collections.backup.audit.plugins.module_utils._adapters.wal import Switch, parse_history
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import as_text

_ID = re.compile(r"[0-9]{8}T[0-9]{6}")
_INFO = re.compile(r"([0-9]{8}T[0-9]{6})-backup\.info")
_LOG = re.compile(r"[0-9A-F]{16}")
_SEGMENT = re.compile(r"[0-9A-F]{24}")
_HISTORY = re.compile(r"([0-9A-F]{8})\.history")
_MAX_HISTORY_BYTES = 1 << 20
_GZIP = b"\x1f\x8b"


def parse_directory(value: t.Any) -> Path | None:
    """Return a configured directory; None if it is not a directory of this host, such as the URL of an object store."""
    path = Path(as_text(value) or "")
    return path if path.is_absolute() else None


def list_names(path: Path | None) -> set[str] | None:
    """Return the names in a directory (empty if it does not exist), or None if it cannot be read."""
    try:
        return None if path is None else {entry.name for entry in path.iterdir()}
    except (FileNotFoundError, NotADirectoryError):
        return set()
    except OSError:
        return None


def is_directory(path: Path) -> bool:
    """Return whether a directory exists, as far as this user can see."""
    try:
        return stat.S_ISDIR(path.stat().st_mode)
    except OSError:
        return False


def find_backup_ids(directory: Path | None, base: Path | None) -> tuple[set[str], set[str]]:
    """Return the IDs of the directories with data, and those of the catalog of version 3.14 or later."""
    meta = None if directory is None else directory / "meta"
    directories = {name for name in list_names(base) or () if _ID.fullmatch(name)}
    cataloged = {match[1] for match in map(_INFO.fullmatch, list_names(meta) or ()) if match}
    return directories, cataloged


def has_data(directory: Path | None, tablespaces: Sequence[str] | None) -> bool | None:
    """Return whether the directory of a backup contains a cluster, as files or archives, and all its tablespaces."""
    data = None if directory is None else list_names(directory / "data")
    if directory is None or data is None:
        return None
    if "PG_VERSION" not in data and not any(name.startswith("base.tar") for name in data):
        return False
    for oid in tablespaces or ():
        own = list_names(directory / oid)
        if own is None:
            return None
        if not own and not any(name.startswith(f"{oid}.tar") for name in data):
            return False
    return None if tablespaces is None else True


def has_manifest(directory: Path | None) -> bool:
    """Return whether a backup consists of files with a manifest that they can be compared with."""
    data = None if directory is None else list_names(directory / "data")
    return data is not None and {"PG_VERSION", "backup_manifest"} <= data


def find_segments(wals: Path | None) -> Mapping[str, int] | None:
    """Return the archived segments that are not empty: name -> time of the file, or None if they cannot be read."""
    logs = list_names(wals)
    if wals is None or logs is None:
        return None
    found: dict[str, int] = {}
    for log in filter(_LOG.fullmatch, logs):
        try:
            with os.scandir(wals / log) as entries:
                for entry in entries:
                    if _SEGMENT.fullmatch(entry.name) and (state := entry.stat()).st_size > 0:
                        found[entry.name] = int(state.st_mtime)
        except FileNotFoundError:
            # Removed by retention after the directory was listed.
            continue
        except OSError:
            return None
    return found


def read_histories(wals: Path | None) -> dict[int, Sequence[Switch]]:
    """Return the ancestors of each timeline whose history file is archived and can be read."""
    histories: dict[int, Sequence[Switch]] = {}
    for name in list_names(wals) or ():
        match = _HISTORY.fullmatch(name)
        if wals is None or match is None:
            continue
        try:
            # With other compression, or encrypted, the file has no switches, so it does not connect timelines.
            histories[int(match[1], 16)] = parse_history(_read(wals / name).decode("ascii", "replace"))
        except (OSError, EOFError, zlib.error):
            continue
    return histories


def _read(path: Path) -> bytes:
    if not path.is_file():
        return b""
    with path.open("rb") as file:
        text = file.read(_MAX_HISTORY_BYTES)
    if not text.startswith(_GZIP):
        return text
    with gzip.open(path) as compressed:
        return compressed.read(_MAX_HISTORY_BYTES)
