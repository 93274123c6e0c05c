# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read the vendors' documents, which are not part of the project."""

from __future__ import annotations

from typing import Any

from tests.samples import parse
from tests.tools.project import VENDORS


def read_original(name: str) -> Any:
    """Return a document of a vendor, without added notes and without an ellipsis at its end."""
    body = (VENDORS / name).read_bytes().replace(b"...\n</EntityReferences>", b"</EntityReferences>")
    document = parse(name, body)
    return {key: value for key, value in document.items() if key != "_note"} if isinstance(document, dict) else document
