# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Storware vProtect: request lists, page by page or completely."""

from __future__ import annotations

import itertools
import typing as t
from collections.abc import Mapping

from ansible_collections.backup.audit.plugins.module_utils._adapters.vprotect.record_fields import get_identity
from ansible_collections.backup.audit.plugins.module_utils._core.errors import InvalidResponseError
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import as_int, as_object
from ansible_collections.backup.audit.plugins.module_utils._transport.client import Client
from ansible_collections.backup.audit.plugins.module_utils._transport.listing_check import (
    incomplete_listing_error,
)
from ansible_collections.backup.audit.plugins.module_utils._transport.pagination import Page, pages_by_page_size
from ansible_collections.backup.audit.plugins.module_utils._transport.response import Response
from ansible_collections.backup.audit.plugins.module_utils._transport.thread_pool import SerialMapper

API = "/api"
Row = dict[str, t.Any]


class Listings:
    """Requests the lists of one server."""

    def __init__(self, client: Client, page_size: int) -> None:
        self.client = client
        self._page_size = page_size

    def fetch_page(self, path: str, query: Mapping[str, t.Any], page: int, size: int) -> Response:
        """Request one page of a list."""
        return self.client.get(API + path, {**query, "page": str(page), "size": str(size)})

    def list_records(self, path: str, what: str) -> list[Row]:
        """Return all records of a list, page by page; for lists that are read in their own thread."""

        def fetch(page: int, size: int) -> Page[Row]:
            response = self.fetch_page(path, {}, page, size)
            return Page(parse_rows(response), parse_total(response))

        pages = pages_by_page_size(fetch, SerialMapper(), self._page_size, get_identity, what)
        return list(itertools.chain.from_iterable(pages))

    def fetch_list(self, path: str) -> list[Row]:
        """Return a short list in one request. The server returns all records if page and size are omitted."""
        response = self.client.get(API + path)
        rows, total = parse_rows(response), parse_total(response)
        if total is not None and len(rows) < total:
            raise incomplete_listing_error(path.strip("/"), len(rows), total)
        return rows


def parse_rows(response: Response) -> list[Row]:
    """Return the records of a list: a bare array, or {"members": [...]}, which one client expects.

    An entry that is not an object becomes a record without known fields, which still counts as an entry of its page.
    """
    body = response.json()
    rows = as_object(body).get("members") if isinstance(body, dict) else body
    if not isinstance(rows, list):
        raise InvalidResponseError(
            "the response is not a list of records",
            server=response.server,
            request=response.request,
            status=response.status,
            hint='Check that "url" is the URL of the product. An unknown version may use a different response format',
        )
    return [row if isinstance(row, dict) else {"": row} for row in rows]


def parse_total(response: Response) -> int | None:
    """Return the total number of records, which about version 5.1 and later report."""
    return as_int(response.headers.get("X-Total-Count"))
