# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""AWS Backup: the listings of one account in one region."""

from __future__ import annotations

import typing as t
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from ansible_collections.backup.audit.plugins.module_utils._adapters.aws_backup.records import (
    Entry,
    PointParser,
    Vault,
)
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import as_object, as_text, get_items
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_stream import PICKED, pick_objects
from ansible_collections.backup.audit.plugins.module_utils._transport.allowlist import AllowedRequest
from ansible_collections.backup.audit.plugins.module_utils._transport.client import Client, path_segment
from ansible_collections.backup.audit.plugins.module_utils._transport.pagination import Page, pages_by_link

_VAULTS, _POINTS = "/backup-vaults/", "/backup-vaults/{}/recovery-points/"
_RESOURCES, _COPY_JOBS, _RESTORE_JOBS = "/resources/", "/copy-jobs/", "/restore-jobs/"
_PAGING = {"maxResults": None, "nextToken": None}
LISTINGS = tuple(
    AllowedRequest("GET", path, _PAGING)
    for path in (_VAULTS, _POINTS.format("{vault}"), _RESOURCES, _COPY_JOBS, _RESTORE_JOBS)
)

Item = t.TypeVar("Item")


class Region:
    """One account in one region. ``name`` is the name of the region, ``account`` the assumed role, if any."""

    def __init__(self, client: Client, name: str, account: str | None, page_size: int) -> None:
        self.client = client
        self.name = name
        self.account = account
        self._page_size = page_size

    @property
    def title(self) -> str:
        """Display name."""
        return f"region {self.name}" + (f" of {self.account}" if self.account else "")

    def list_vaults(self) -> list[t.Any]:
        """Return the records of all vaults."""
        return self._list(_VAULTS, "BackupVaultList", "BackupVaultName", "backup vaults")

    def list_points(self, vault: Vault, *, keep_rows: bool) -> tuple[list[Entry], PointParser]:
        """Return all recovery points of a vault."""
        parser = PointParser(vault, keep_rows=keep_rows)
        path = _POINTS.format(path_segment(vault.name))
        pages = self._pages(path, "RecoveryPoints", parser.parse_all, _get_arn, f"recovery points in {vault.name!r}")
        return [entry for page in pages for entry in page], parser

    def list_resources(self) -> list[t.Any]:
        """Return the records of all protected resources."""
        return self._list(_RESOURCES, "Results", "ResourceArn", "protected resources")

    def list_copy_jobs(self) -> list[t.Any]:
        """Return the records of copy jobs."""
        return self._list(_COPY_JOBS, "CopyJobs", "CopyJobId", "copy jobs")

    def list_restore_jobs(self) -> list[t.Any]:
        """Return the records of restore jobs."""
        return self._list(_RESTORE_JOBS, "RestoreJobs", "RestoreJobId", "restore jobs")

    def _list(self, path: str, member: str, key: str, what: str) -> list[t.Any]:
        def identity(row: t.Any) -> str:
            return as_text(as_object(row).get(key)) or repr(row)

        return [row for page in self._pages(path, member, list, identity, what) for row in page]

    def _pages(
        self,
        path: str,
        member: str,
        parse: Callable[[Iterable[t.Any]], list[Item]],
        identity: Callable[[Item], t.Hashable],
        what: str,
    ) -> Iterator[Sequence[Item]]:
        """Yield all pages. A page without its list is an error: the response of a proxy would look like an empty list.

        A page may be empty and have a token for the next one.
        """

        def fetch(token: str | None) -> Page[Item]:
            query = {"maxResults": str(self._page_size), **({"nextToken": token} if token else {})}
            response = self.client.get(path, query)
            picked = pick_objects(response.body, parse)
            document: Mapping[str, t.Any] = as_object(picked[1]) if picked else {}
            if picked is not None and document.get(member) == PICKED:
                return Page(picked[0], next=as_text(document.get("NextToken")))
            body = response.json_object()
            rows = get_items(body, member, response.request, response.server)
            return Page(parse(rows), next=as_text(body.get("NextToken")))

        return pages_by_link(fetch, what, identity, may_be_empty=True)


def _get_arn(entry: Entry) -> str:
    return entry.arn
