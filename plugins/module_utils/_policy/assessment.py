# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The assessment: data sources, policy and findings. It consists of dicts, or is compressed to a string."""

from __future__ import annotations

import base64
import binascii
import dataclasses
import json
import typing as t
import zlib
from collections.abc import Mapping

from ansible_collections.backup.audit.plugins.module_utils._collect.result import canonical_json, sha256_hex
from ansible_collections.backup.audit.plugins.module_utils._core.errors import DataError
from ansible_collections.backup.audit.plugins.module_utils._policy.findings import Findings, as_dicts, workload_dicts

SCHEMA = "backup.audit/assessment/1"
# Half a million findings take about 30 MB. Larger data is an attack or a defect.
MAX_DECOMPRESSED_BYTES = 1 << 30
_HINT = (
    "Pass the registered result of recovery_points_assert with fail: false. If that task failed, fix its error first"
)
_HINT_DAMAGED = "Pass the result of recovery_points_assert unchanged"


@dataclasses.dataclass(slots=True)
class Assessment:
    """The result of an evaluation. ``frame`` contains everything except the findings."""

    frame: dict[str, t.Any]
    findings: Findings

    @property
    def compliant(self) -> bool:
        """Whether no finding is blocking."""
        return bool(self.frame["compliant"])

    def plain(self) -> dict[str, t.Any]:
        """Return the assessment with its findings as dicts."""
        columns = self.findings.columns()
        return {**self.frame, "workloads": list(workload_dicts(columns)), "findings": list(as_dicts(columns))}

    def compress(self) -> str:
        """Return the assessment as a string: base64 of zlib-compressed JSON, with the findings as columns."""
        data = canonical_json({**self.frame, "columns": self.findings.columns()})
        return base64.b64encode(zlib.compress(data, 6)).decode("ascii")


def open_assessment(value: t.Any, *, where: str = "the input") -> dict[str, t.Any]:
    """Return any assessment (compressed, plain, or a result that contains one as ``assessment``) as dicts.

    Raise DataError for other values, and for a compressed assessment that is truncated or damaged.
    """
    if isinstance(value, Mapping) and "assessment" in value:
        value = value["assessment"]
    if isinstance(value, str):
        value = _inflate(value, where)
    if not isinstance(value, Mapping) or value.get("schema") != SCHEMA:
        schema = value.get("schema") if isinstance(value, Mapping) else None
        found = "" if schema is None else f" (found schema {schema!r})"
        raise DataError(f"{where} has no 'assessment'{found}", hint=_HINT)
    content = {key: item for key, item in value.items() if key != "columns"}
    if "columns" in value:
        try:
            content["workloads"] = list(workload_dicts(value["columns"]))
            content["findings"] = list(as_dicts(value["columns"]))
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise DataError(
                f"the assessment in {where} is damaged: its columns do not fit together ({error!r})", hint=_HINT_DAMAGED
            ) from error
    if not isinstance(content.get("findings"), list):
        raise DataError(f"the assessment in {where} has no findings", hint=_HINT_DAMAGED)
    return content


def assessment_sha256(assessment: Mapping[str, t.Any]) -> str:
    """Return the SHA-256 of an opened assessment as canonical JSON. Compression does not change it."""
    return sha256_hex(canonical_json(assessment))


def _inflate(text: str, where: str) -> t.Any:
    try:
        inflater = zlib.decompressobj()
        data = inflater.decompress(base64.b64decode(text, validate=True), MAX_DECOMPRESSED_BYTES)
        if not inflater.eof:
            raise DataError(
                f"the assessment in {where} is truncated or larger than {MAX_DECOMPRESSED_BYTES} bytes",
                hint=_HINT_DAMAGED,
            )
        return json.loads(data)
    except (binascii.Error, ValueError, zlib.error) as error:
        raise DataError(f"the assessment in {where} is damaged ({error})", hint=_HINT_DAMAGED) from error
