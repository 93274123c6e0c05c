# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Common base of the adapters for Veeam's Azure and AWS appliances: paging, repository encryption, partial failures."""

from __future__ import annotations

import copy
import typing as t
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

from ansible_collections.backup.audit.plugins.module_utils._adapters.listing import Listing
from ansible_collections.backup.audit.plugins.module_utils._adapters.rest import RestAdapter, Settings
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.partial import PartialRead
from ansible_collections.backup.audit.plugins.module_utils._collect.collector import Collector
from ansible_collections.backup.audit.plugins.module_utils._core.errors import (
    REQUEST_ERRORS,
    AuditError,
    InvalidResponseError,
    NotFoundError,
    OptionError,
    ServerError,
)
from ansible_collections.backup.audit.plugins.module_utils._core.model import RecoveryPoint
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import as_bool
from ansible_collections.backup.audit.plugins.module_utils._transport.thread_pool import Mapper, SerialMapper

Rows = list[dict[str, t.Any]]
Result = t.TypeVar("Result")
PAGE = {"Offset": None, "Limit": None}
_LISTING = Listing(offset="Offset", limit="Limit", items="results", total="totalCount")
MFA_HINT = "Use an appliance user without multi-factor authentication for unattended runs"
# After this many server errors, no more objects are requested, because retries with backoff would take long.
_MAX_FAILURES = 5
# Earlier than any backup: the collector reports such a point as undated and its usability as unknown.
_UNDATED = "1970-01-01T00:00:00Z"


class VeeamCloud(RestAdapter):
    """Base class for one appliance. ``open`` sets the root path of its API and logs in."""

    versions: t.ClassVar[tuple[str, ...]]
    root: str
    # Records what could not be read. Set before the first read.
    partial: PartialRead
    # The encryption setting that all readable repositories have in common.
    encrypted: bool | None = None

    @classmethod
    def own_spec(cls) -> dict[str, t.Any]:
        """Return the options that only these products have."""
        return {"api_version": {"type": "str"}}

    @classmethod
    def check(cls, settings: Settings, workload_names: tuple[str, ...]) -> None:
        """Reject an API version that does not exist before any request is sent."""
        version = settings.own.get("api_version")
        if version and version not in cls.versions:
            raise OptionError(
                f"api_version: {cls.title} does not support {version!r}",
                hint=f"Supported versions: {', '.join(cls.versions)}",
            )

    def collect(self, collector: Collector) -> None:
        """Log in and read everything; see RestAdapter."""
        self.partial = PartialRead(collector, self.client.host)
        super().collect(collector)

    def record_repositories(self, collector: Collector, repositories: Rows | AuditError) -> None:
        """Record whether all repositories encrypt or none does; unknown if they differ or cannot be read."""
        collector.scope["repositories"] = True
        if isinstance(repositories, AuditError):
            self.partial.warn(f"whether backups are encrypted is unknown: {repositories.message}", "repositories")
            return
        states = {as_bool(row.get("enableEncryption")) for row in repositories}
        self.encrypted = states.pop() if len(states) == 1 else None

    def fetch_optional_rows(self, path: str, what: str, params: Mapping[str, str] | None = None) -> Rows | AuditError:
        """Fetch all records of an optional listing, page by page, or return the error if it cannot be read.

        Records without an id are accepted. An item that is not an object is returned as an empty record.
        """
        try:
            pages = list(_LISTING.pages(self, self.root + path, what, params, SerialMapper()))
        except REQUEST_ERRORS as error:
            return error
        return [item if isinstance(item, dict) else {} for page in pages for item in page]

    def fetch_each(
        self,
        task: Callable[[t.Any], Result],
        objects: Iterable[t.Any],
        get_id: Callable[[t.Any], str],
        list_again: Callable[[], Rows | AuditError],
    ) -> Iterator[tuple[t.Any, Result | AuditError | None]]:
        """Run a task for each object, and yield (object, result or error).

        If an object is not found, it may have been deleted. The objects are listed again, and the result of an object
        that is no longer listed is None.
        """
        failures: list[ServerError] = []

        def attempt(each: t.Any) -> Result | AuditError:
            if len(failures) >= _MAX_FAILURES:
                return copy.copy(failures[-1])
            try:
                return task(each)
            except REQUEST_ERRORS as error:
                if isinstance(error, ServerError):
                    failures.append(copy.copy(error))
                return error

        missing: list[tuple[t.Any, NotFoundError]] = []
        for each, result in self.thread_pool.map(attempt, objects):
            if isinstance(result, NotFoundError):
                missing.append((each, result))
            else:
                yield each, result
        listed = _ids(list_again()) if missing else set()
        for each, error in missing:
            yield each, error if listed is None or get_id(each) in listed else None

    def build_point(
        self, row: Mapping[str, t.Any], parse: Callable[[Mapping[str, t.Any]], RecoveryPoint]
    ) -> RecoveryPoint:
        """Parse a restore point. Without a valid time, it is undated and the read result is incomplete."""
        try:
            return parse(row)
        except InvalidResponseError as error:
            self.partial.add_invalid_record(error)
            point = parse({**row, "pointInTime": _UNDATED})
            if point.raw is not None:
                point.raw["pointInTime"] = row.get("pointInTime")
            return point

    def rows(
        self,
        path: str,
        what: str,
        params: Mapping[str, str] | None = None,
        mapper: Mapper | None = None,
        *,
        prefetch: bool = False,
    ) -> Iterator[dict[str, t.Any]]:
        """Yield all records of one listing. Pages are read in parallel unless ``mapper`` is set.

        A record without an id is skipped, and the read result is incomplete. ``prefetch`` requests the first page
        immediately instead of when the first record is needed.
        """
        report = self.partial.add_invalid_record
        return _LISTING.records(self, self.root + path, what, params, mapper, prefetch=prefetch, report=report)


def _ids(rows: Rows | AuditError) -> Collection[str] | None:
    """Return the ids of a listing, or None if it could not be read."""
    return None if isinstance(rows, AuditError) else {str(row.get("id")) for row in rows}
