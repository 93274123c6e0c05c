# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A stanza with four backups in two repositories, and the canned output of pgBackRest for it."""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator
from typing import Any

from ansible_collections.backup.audit.plugins.module_utils._adapters.pgbackrest.adapter import PgBackRest
from tests.unit.plugins.module_utils._adapters.running_tools import Response, list_points, run_adapter

QUIET = ("--log-level-console=off", "--log-level-stderr=error", "--log-level-file=off")
VERSION = ("version",)
INFO = ("--output=json", *QUIET, "info")
FULL, DIFF, INCR = "20261120-010000F", "20261120-010000F_20261121-010000D", "20261120-010000F_20261121-020000I"
OTHER = "20261121-030000F"


def verify(repo: int) -> tuple[str, ...]:
    levels = ("--log-level-console=detail", "--log-level-stderr=error", "--log-level-file=off")
    return ("--stanza=main", f"--repo={repo}", "--output=text", "--verbose", *levels, "verify")


def folders(repo: int, stanza: str = "main") -> tuple[str, ...]:
    return (f"--stanza={stanza}", f"--repo={repo}", "--output=json", *QUIET, "repo-ls", f"backup/{stanza}")


def files(repo: int, stanza: str = "main") -> tuple[str, ...]:
    return (
        f"--stanza={stanza}",
        f"--repo={repo}",
        "--output=json",
        *QUIET,
        "--recurse",
        "repo-ls",
        f"archive/{stanza}",
    )


def segment(number: int, timeline: int = 1) -> str:
    return f"{timeline:08X}{0:08X}{number:08X}"


def backup(label: str, kind: str, stop: int, repo: int = 1, first: int = 3, **more: Any) -> dict[str, Any]:
    return {
        "archive": {"start": segment(first), "stop": segment(first + 1)},
        "database": {"id": 1, "repo-key": repo},
        "error": False,
        "info": {"delta": 9000, "repository": {"delta": 700, "size": 3000}, "size": 90000},
        "label": label,
        "lsn": {"start": f"0/{first:X}000028", "stop": f"0/{first + 1:X}000100"},
        "prior": None,
        "reference": None,
        "timestamp": {"start": stop - 5, "stop": stop},
        "type": kind,
        **more,
    }


OK = {"code": 0, "message": "ok"}
STANZA: dict[str, Any] = {
    "archive": [
        {"database": {"id": 1, "repo-key": repo}, "id": "15-1", "min": segment(1), "max": segment(20)}
        for repo in (1, 2)
    ],
    "backup": [
        backup(FULL, "full", 1795222800),
        backup(DIFF, "diff", 1795226400, first=6, prior=FULL, reference=[FULL]),
        backup(INCR, "incr", 1795230000, first=9, prior=DIFF, reference=[FULL, DIFF]),
        backup(OTHER, "full", 1795233600, repo=2, first=12),
    ],
    "cipher": "mixed",
    "db": [{"id": 1, "repo-key": repo, "system-id": 77, "version": "15"} for repo in (1, 2)],
    "name": "main",
    "repo": [{"cipher": "aes-256-cbc", "key": 1, "status": OK}, {"cipher": "none", "key": 2, "status": OK}],
    "status": {**OK, "lock": {"backup": {"held": False}}},
}
STORED = {label: {"type": "path"} for label in (FULL, DIFF, INCR, OTHER)}
# The last segment was archived at 2026-11-21T05:00:00Z.
NEWEST = 1795237200


def archive(*numbers: int, timeline: int = 1) -> dict[str, Any]:
    """Build the files of these segments; the newest was archived last."""
    return {
        f"15-1/{timeline:08X}00000000/{segment(number, timeline)}-{'5' * 40}.gz": {
            "type": "file",
            "size": 16000,
            "time": NEWEST - max(numbers) + number,
        }
        for number in numbers
    }


LISTED = archive(*range(1, 21))
RANGE = f"2026-11-21 05:00:00.000 P00 DETAIL: archiveId: 15-1, wal start: {segment(1)}, wal stop: {segment(20)}\n"
VALID = (
    f"{RANGE}stanza: main\nstatus: ok\n  archiveId: 15-1, total WAL checked: 20, total valid WAL: 20\n"
    "    missing: 0, checksum invalid: 0, size invalid: 0, other: 0\n"
    f"  backup: {FULL}, status: valid, total files checked: 9, total valid files: 9\n"
    f"  backup: {DIFF}, status: valid, total files checked: 9, total valid files: 9\n"
    f"  backup: {INCR}, status: valid, total files checked: 9, total valid files: 9\n"
)
VALID_TOO = f"{RANGE}stanza: main\nstatus: ok\n  backup: {OTHER}, status: valid, total files checked: 9\n"
BROKEN = VALID.replace("status: ok", "status: error").replace(f"{DIFF}, status: valid", f"{DIFF}, status: invalid")


def changed(**members: Any) -> dict[str, Any]:
    return {**copy.deepcopy(STANZA), **members}


def read(*stanzas: Any, checks: dict[tuple[str, ...], Response] | None = None, **options: Any) -> Any:
    answers: dict[tuple[str, ...], Response] = {
        VERSION: (0, "pgBackRest 2.45\n", ""),
        INFO: (0, list(stanzas), ""),
        **{folders(repo): (0, STORED, "") for repo in (1, 2)},
        **{files(repo): (0, LISTED, "") for repo in (1, 2)},
        **(checks or {}),
    }
    collector, points, runner = run_adapter(PgBackRest, answers, **{"config": os.devnull, **options})
    return collector, [point for point in points if point["kind"] != "continuous"], runner


class Changing(tuple[Any, ...]):
    """Output that differs from one run to the next: iterating over it gives the next output."""

    def __new__(cls, *outputs: Response) -> Changing:
        return super().__new__(cls, outputs)

    def __init__(self, *outputs: Response) -> None:
        self._left = list(outputs)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._left.pop(0) if len(self._left) > 1 else self._left[0])


def ranges(collector: Any) -> list[tuple[str, str, str]]:
    """Return the repository, the start and the end of each restorable range."""
    return [
        (point["copies"][0]["location"], point["restorable_from"], point["restorable_until"])
        for point in list_points(collector)
        if point["kind"] == "continuous"
    ]
