# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Common base of the adapters for Veeam's Azure and AWS appliances: paging and repository encryption."""

from __future__ import annotations

import typing as t
from collections.abc import Iterator, Mapping

from ansible_collections.backup.audit.plugins.module_utils._adapters.listing import Listing
from ansible_collections.backup.audit.plugins.module_utils._adapters.rest import RestAdapter, Settings
from ansible_collections.backup.audit.plugins.module_utils._collect.collector import Collector
from ansible_collections.backup.audit.plugins.module_utils._core.errors import (
    AuditError,
    ForbiddenError,
    NotFoundError,
    OptionError,
)
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import as_bool
from ansible_collections.backup.audit.plugins.module_utils._transport.thread_pool import Mapper, SerialMapper

Rows = list[dict[str, t.Any]]
PAGE = {"Offset": None, "Limit": None}
_LISTING = Listing(offset="Offset", limit="Limit", items="results", total="totalCount")
MFA_HINT = "Use an appliance user without multi-factor authentication for unattended runs"


class VeeamCloud(RestAdapter):
    """One appliance. ``open`` sets the root path of its API and logs in."""

    versions: t.ClassVar[tuple[str, ...]]
    root: str
    # The encryption setting that all readable repositories have in common.
    encrypted: bool | None = None

    @classmethod
    def own_spec(cls) -> dict[str, t.Any]:
        """The part of the argument spec that only these products have."""
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

    def record_repositories(self, collector: Collector, repositories: Rows | AuditError) -> None:
        """Record whether all repositories encrypt or none does; unknown if they differ or cannot be read."""
        collector.scope["repositories"] = not isinstance(repositories, AuditError)
        if not isinstance(repositories, AuditError):
            states = {as_bool(row.get("enableEncryption")) for row in repositories}
            self.encrypted = states.pop() if len(states) == 1 else None

    def fetch_optional_rows(self, path: str, what: str) -> Rows | AuditError:
        """Fetch all records of an optional listing, page after page, or return the error if it cannot be read."""
        try:
            return list(self.rows(path, what, mapper=SerialMapper()))
        except (ForbiddenError, NotFoundError) as error:
            return error

    def rows(
        self,
        path: str,
        what: str,
        params: Mapping[str, str] | None = None,
        mapper: Mapper | None = None,
        *,
        prefetch: bool = False,
    ) -> Iterator[dict[str, t.Any]]:
        """All records of one listing. Pages are read in parallel unless ``mapper`` is set.

        ``prefetch`` requests the first page now, not when the first record is needed.
        """
        return _LISTING.records(self, self.root + path, what, params, mapper, prefetch=prefetch)
