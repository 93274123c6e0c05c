# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Convert restic's snapshot records to recovery points."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.backup.audit.plugins.module_utils._adapters.cli import CliSettings
from ansible_collections.backup.audit.plugins.module_utils._core.errors import DataError
from ansible_collections.backup.audit.plugins.module_utils._core.model import Copy, RecoveryPoint, Workload
from ansible_collections.backup.audit.plugins.module_utils._core.times import parse_time
from ansible_collections.backup.audit.plugins.module_utils._core.vocabulary import parse_location_type
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import (
    as_int,
    as_list,
    as_object,
    as_text,
    remove_secrets,
)

Snapshot = dict[str, t.Any]


def build_point(snapshot: Snapshot, scheme: str, settings: CliSettings) -> RecoveryPoint:
    """Build the recovery point of a snapshot; ``scheme`` is that of the repository's URL, or "local"."""
    identity = as_text(snapshot.get("id"))
    if identity is None:
        raise DataError("id is missing")
    summary = as_object(snapshot.get("summary"))
    ended = summary.get("backup_end")
    return RecoveryPoint(
        id=identity,
        workload=_build_workload(snapshot, settings.own["workload_by"]),
        created=parse_time(snapshot.get("time")),
        completed=None if ended is None else parse_time(ended),
        kind="full",
        status="success",
        usable=True,
        size_bytes=as_int(summary.get("data_added_packed")),
        # Reported since restic 0.17.
        file_count=as_int(summary.get("total_files_processed")),
        copies=[
            Copy(
                location=settings.display_name,
                location_type=parse_location_type(scheme),
                vendor_location_type=scheme,
                encrypted=True,
            )
        ],
        encrypted=True,
        raw=remove_secrets(snapshot) if settings.include_raw else None,
    )


def _build_workload(snapshot: Snapshot, parts: list[str]) -> Workload:
    """Build the workload of a snapshot. The id has all parts of the grouping; the name is the host, if it is a part."""
    host = as_text(snapshot.get("hostname"))
    values = [_escape(host or "")] if "host" in parts else []
    for part in ("paths", "tags"):
        if part in parts:
            values.append(",".join(sorted(_escape(str(item)) for item in as_list(snapshot.get(part)))))
    identity = " ".join(values).rstrip() or None
    return Workload(id=identity, name=host if "host" in parts and host else identity, type="host")


def _escape(text: str) -> str:
    """Escape the separators in a part of an id, so that the id is unambiguous."""
    return re.sub(r"([\\ ,])", r"\\\1", text)
