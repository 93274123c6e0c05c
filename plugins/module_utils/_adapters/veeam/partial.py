# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Record failed parts of a read: as warnings if they are optional, otherwise as problems of an incomplete result."""

from __future__ import annotations

from ansible_collections.backup.audit.plugins.module_utils._collect.collector import Collector
from ansible_collections.backup.audit.plugins.module_utils._core.errors import (
    AuditError,
    ForbiddenError,
    InvalidResponseError,
    NotFoundError,
)

# With more invalid records, the response format must be different from the expected one.
_MAX_INVALID_RECORDS = 100


class PartialRead:
    """Records what could not be read. It is thread-safe."""

    def __init__(self, collector: Collector, host: str) -> None:
        self._collector = collector
        self._host = host
        self._invalid_records = 0

    def warn(self, warning: str, scope: str | None = None) -> None:
        """Add a warning about unknown data. ``scope`` is the name of the data in the scope of the result."""
        if scope is not None:
            self._collector.scope[scope] = False
        if warning not in self._collector.warnings:
            self._collector.warnings.append(warning)

    def add_problem(self, error: AuditError, what: str | None = None) -> None:
        """Record that an object, listing or record is missing from the result. ``what`` is its name in the message."""
        if what is not None and what not in error.message:
            error.message = f"{what} could not be read: {error.message}"
        error.server = error.server or self._host
        if error.message not in {problem.message for problem in self._collector.problems}:
            self._collector.add_problem(error)

    def add_invalid_record(self, error: InvalidResponseError) -> None:
        """Record that a record is invalid and omitted. If there are too many, raise the error to end the read."""
        self._invalid_records += 1
        if self._invalid_records > _MAX_INVALID_RECORDS:
            raise error
        self.add_problem(error)


def is_unsupported(error: AuditError) -> bool:
    """Return whether a request was refused because the account or the version does not support it."""
    return isinstance(error, (ForbiddenError, NotFoundError)) or error.status == 400


def get_reason(error: AuditError) -> str:
    """Return why something cannot be read. With status 400, only the server's message has the reason."""
    return (error.server_message if error.status == 400 else None) or error.message
