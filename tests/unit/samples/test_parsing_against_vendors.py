# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Adapters parse all documents of the vendors and all recordings of real servers, as they parse own samples."""

from __future__ import annotations

import json

import pytest

from tests.tools.project import VENDORS
from tests.unit.plugins.module_utils._adapters.veeam.backup_replication.test_records import check_record
from tests.unit.plugins.module_utils._adapters.veeam.enterprise_manager.test_decoding import (
    POINT_MAKERS,
    check_sample,
    make_response,
)

if not VENDORS.is_dir():
    pytest.skip("the vendors' files are not part of the project", allow_module_level=True)

SAMPLES = VENDORS / "veeam_em_vbr" / "samples"


def test_enterprise_manager() -> None:
    seen: set[str] = set()
    files = [path for path in sorted((SAMPLES / "em").rglob("*.*")) if path.suffix in (".xml", ".json")]
    assert len(files) > 40
    for path in files:
        content_type = "application/json" if path.suffix == ".json" else "application/xml"
        seen.update(check_sample(make_response(path.read_bytes(), content_type)))
    assert seen == set(POINT_MAKERS)


def test_backup_and_replication() -> None:
    rows = [
        row
        for path in sorted((SAMPLES / "vbr").glob("*.json"))
        for row in json.loads(path.read_text("utf-8")).get("data", [])
    ]
    for row in rows:
        check_record(row)
    assert sum("creationTime" in row and "allowedOperations" in row for row in rows) > 20
