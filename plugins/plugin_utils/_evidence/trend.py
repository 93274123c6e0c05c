# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Open, check and sanitize the trend of compliance_history for documents."""

from __future__ import annotations

import base64
import binascii
import json
import typing as t
import zlib
from collections.abc import Mapping

from ansible_collections.backup.audit.plugins.module_utils._core.errors import DataError
from ansible_collections.backup.audit.plugins.module_utils._history.trend import SCHEMA
from ansible_collections.backup.audit.plugins.plugin_utils._evidence.report_model import (
    Json,
    WorkloadKey,
    workload_identity,
)
from ansible_collections.backup.audit.plugins.plugin_utils._sanitize import clean

# The lists of a trend, with the keys of their records that documents use.
_MEMBERS: dict[str, frozenset[str]] = {
    "workloads": frozenset(
        {
            *("source", "origin", "workload_id", "workload_name", "tier", "status", "compliant_percent"),
            *("not_compliant_since", "since_first_run"),
        }
    ),
    "days": frozenset({"date", "tiers"}),
    "skipped": frozenset({"file", "line", "reason"}),
}
_MAX_BYTES = 1 << 28
_HINT = "Pass the registered result of compliance_history"


def open_trend(value: t.Any) -> Json | None:
    """Open the trend in a result of compliance_history; None if there is none, or if it has no runs.

    Empty values and skipped tasks have none.
    """
    if isinstance(value, Mapping):
        if value.get("skipped") is True:
            return None
        value = value.get("trend")
        if value is None:
            raise DataError("history: no 'trend' in the result", hint=_HINT)
    if not value:
        return None
    try:
        inflater = zlib.decompressobj()
        trend = json.loads(inflater.decompress(base64.b64decode(str(value), validate=True), _MAX_BYTES))
        if trend["schema"] != SCHEMA:
            raise DataError(f"history: expected schema {SCHEMA!r}, found {trend['schema']!r:.60}", hint=_HINT)
        if not trend["runs"]:
            return None
        for member, keys in _MEMBERS.items():
            for record in trend[member]:
                if keys - record.keys():
                    raise ValueError(f"a record of {member} is not complete")
    except (binascii.Error, ValueError, KeyError, TypeError, zlib.error) as error:
        raise DataError(f"history: the trend is damaged ({error!r})", hint=_HINT) from error
    opened: Json = clean(trend)
    return opened


def workload_trends(trend: Json | None) -> dict[WorkloadKey, Json]:
    """Return the records of a trend by workload."""
    return {} if trend is None else {workload_identity(one): one for one in trend["workloads"]}


def tier_label(tier: str | None) -> str:
    """Return the display name of a tier in a trend: None means all workloads, "" means no tier."""
    return "All workloads" if tier is None else tier or "No tier"
