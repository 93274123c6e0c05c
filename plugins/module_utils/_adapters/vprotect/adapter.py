# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Storware vProtect, now Storware Backup and Recovery: list of backups, with related settings and restore jobs.

Sources: the vendor's API pages of 7.4 and older, the vendor's own clients. Times are milliseconds since 1970, UTC.
"""

from __future__ import annotations

import itertools
import operator
import typing as t
from collections.abc import Iterator, Mapping, Sequence

from ansible_collections.backup.audit.plugins.module_utils._adapters.rest import RestAdapter
from ansible_collections.backup.audit.plugins.module_utils._adapters.vprotect import records
from ansible_collections.backup.audit.plugins.module_utils._adapters.vprotect.backups import BackupReader
from ansible_collections.backup.audit.plugins.module_utils._adapters.vprotect.listings import (
    API,
    Listings,
    parse_rows,
    parse_total,
)
from ansible_collections.backup.audit.plugins.module_utils._adapters.vprotect.record_fields import (
    Record,
    RecordParser,
)
from ansible_collections.backup.audit.plugins.module_utils._adapters.vprotect.related import DETAILS, Related
from ansible_collections.backup.audit.plugins.module_utils._adapters.vprotect.workloads import Workloads
from ansible_collections.backup.audit.plugins.module_utils._collect.collector import Collector
from ansible_collections.backup.audit.plugins.module_utils._core.errors import REQUEST_ERRORS, OptionError
from ansible_collections.backup.audit.plugins.module_utils._core.times import DAY, SECOND
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import as_text
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_stream import PICKED, pick_objects
from ansible_collections.backup.audit.plugins.module_utils._transport.allowlist import AllowedRequest
from ansible_collections.backup.audit.plugins.module_utils._transport.auth import JsonForCookies
from ansible_collections.backup.audit.plugins.module_utils._transport.pagination import Page, pages_by_page_size
from ansible_collections.backup.audit.plugins.module_utils._transport.thread_pool import Prefetch

_BACKUPS = "/backups"
_PAGE = {"page": None, "size": None}
# The time window is extended by this time, for older backups that incremental backups depend on, and because it is
# undocumented to which timestamp the filter `from` applies. Excess records are dropped on the client side.
_MAX_CHAIN_AGE = 35 * DAY * SECOND


class VProtect(RestAdapter):
    """Reads the complete list of backups. A filter by workload or type would miss backups of deleted workloads."""

    product = "vprotect"
    title = "Storware vProtect"
    default_port = 8181
    environment = ("VPROTECT",)
    workload_types = records.WORKLOAD_TYPES
    allowlist = (
        AllowedRequest("POST", f"{API}/session/login"),
        AllowedRequest("POST", f"{API}/session/logout"),
        AllowedRequest("GET", f"{API}/nodes"),
        AllowedRequest(
            "GET",
            API + _BACKUPS,
            {**_PAGE, "from": None, "status": (*records.KEPT, records.REMOVED)},
            required=("page", "size"),
        ),
        AllowedRequest("GET", f"{API}/protected-entities"),
        *(AllowedRequest("GET", API + path, _PAGE, required=("page", "size")) for path in DETAILS.values()),
        AllowedRequest("GET", f"{API}/backup-destinations"),
        AllowedRequest("GET", f"{API}/restore-jobs", _PAGE, required=("page", "size")),
        *(
            AllowedRequest("GET", f"{API}/rules/{rule_type}-backup/{{rule}}", {"only-active-destinations": "false"})
            for rule_type in records.RULE_TYPES
        ),
    )
    not_reported: t.ClassVar = {
        ("*", "*"): {
            "created_at": (
                "inferred",
                "the storage time if snapshotTime is missing; the backup then counts as unknown",
            ),
            "restore_tested": (
                "inferred",
                "from a restore job of exactly this backup; boots and checks are not recorded",
            ),
            "integrity_checked": ("cannot", "the API does not return check results per backup"),
            "malware": ("cannot", "the API does not return scan results per backup"),
            "retention": ("cannot", "backups have no retention class"),
            "expires_at": ("sometimes", "reported only for backups that are marked to be kept until a date"),
            "encrypted": ("inferred", "from the current setting of the backup destination"),
            "immutable": ("inferred", "from the current retention lock of the backup rule"),
            "immutable_until": ("inferred", "from the current retention lock of the backup rule"),
            "offsite": (
                "inferred",
                "from the type of the destination: object storage, unless the workload may be in the same cloud",
            ),
            "copies": ("cannot", "versions before 5 do not list locations"),
            "usable": ("cannot", "backups that were damaged in their destination are offered like intact ones"),
            "status": ("cannot", "backups that were damaged in their destination look like intact ones"),
            "in_inventory": ("cannot", "reported for virtual machines, and for other types only by some versions"),
        },
    }

    # Login

    def open(self, collector: Collector) -> None:
        """Log in."""
        if self.client.prefix == API:
            raise OptionError(
                "url: expected a URL without /api at the end", hint="Use https://HOST or https://HOST:PORT"
            )
        login = JsonForCookies(
            self.settings.username,
            self.settings.password,
            path=f"{API}/session/login",
            log_out=f"{API}/session/logout",
        )
        self.log_in(login)

    def version(self) -> str | None:
        """Return the versions of all nodes, because only nodes report a version."""
        try:
            nodes = Listings(self.client, self.settings.page_size).fetch_list("/nodes")
        except REQUEST_ERRORS:
            return None
        return ", ".join(sorted({version for node in nodes if (version := as_text(node.get("version")))})) or None

    # Reading

    def read(self, collector: Collector) -> None:
        """Read all backups. Each is reported when it is known whether the backups that it depends on are listed."""
        self._collector = collector
        self._listings = Listings(self.client, self.settings.page_size)
        related = Related(self._listings, collector, self.thread_pool, self.settings.workload_types)
        workloads = Workloads(collector, self.settings.workload_types, related.inventory)
        backups = self._list_backups(RecordParser(workloads.by_id, include_raw=self.settings.include_raw), related)
        destinations = related.destinations()
        context = records.Context(
            frozenset(guid for guid, destination in destinations.items() if destination.encrypted),
            related.restores(),
            related.rule_locks,
            self.settings.include_raw,
            records.lists_locations(self.known_version()),
            destinations,
            workloads.unrestorable,
            workloads.marked_for_removal,
            counts_only=self.settings.detail == "workloads" and not self.settings.include_raw,
        )
        BackupReader(collector, workloads, context).read(backups)
        related.finish()
        workloads.finish(include_unprotected=self.settings.include_unprotected)

    def _list_backups(self, parser: RecordParser, related: Related) -> Iterator[Record]:
        """List all backups. The first page is requested immediately, the rules of a page in parallel."""
        query = self._build_query()

        def fetch(page: int, size: int) -> Page[Record]:
            response = self._listings.fetch_page(_BACKUPS, query, page, size)
            picked, rest = pick_objects(response.body, parser.parse_all) or ([], None)
            return Page(picked if rest == PICKED else parser.parse_all(parse_rows(response)), parse_total(response))

        def with_rules(page: Sequence[Record]) -> Sequence[Record]:
            for rule in filter(None, dict.fromkeys([record.fields.rule for record in page])):
                related.request_rule(*rule)
            return page

        size = self.settings.page_size
        fetch_page = Prefetch(self.thread_pool, fetch, 0, size)
        pages = pages_by_page_size(fetch_page, self.thread_pool, size, operator.attrgetter("key"), "backups")
        return itertools.chain.from_iterable(map(with_rules, pages))

    def _build_query(self) -> dict[str, t.Any]:
        """Build filters that this server is known to support, or whose effect is checked on the client side."""
        # No filter by type, because backups of deleted workloads may have none. Types are selected on the client side.
        query: dict[str, t.Any] = {}
        if self._collector.since is not None:
            # No status filter, so that parents that were deleted within the window are still listed.
            return {**query, "from": str(max(self._collector.since - _MAX_CHAIN_AGE, 0) // 1000)}
        return {**query, "status": list(records.KEPT)} if self._can_filter_by_status(query) else query

    def _can_filter_by_status(self, query: Mapping[str, t.Any]) -> bool:
        """Return whether deleted backups, which are most records, can be filtered out without losing other backups.

        Older servers accept only one status, and newer ones may add a status. Therefore, the counts must add up.
        """
        everything = self._count(query, ())
        if everything is None:
            return False
        statuses = (records.KEPT, (records.REMOVED,))
        counts = [count for _status, count in self.thread_pool.map(lambda status: self._count(query, status), statuses)]
        return None not in counts and sum(count or 0 for count in counts) == everything

    def _count(self, query: Mapping[str, t.Any], status: tuple[str, ...]) -> int | None:
        """Return the number of backups with these statuses, or None if it is not reported or the query is rejected."""
        try:
            return parse_total(self._listings.fetch_page(_BACKUPS, {**query, "status": list(status)}, 0, 1))
        except REQUEST_ERRORS:
            # If the filter is not the cause, the request for the list reports the same error.
            return None
