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
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future

from ansible_collections.backup.audit.plugins.module_utils._adapters.rest import RestAdapter
from ansible_collections.backup.audit.plugins.module_utils._adapters.vprotect import records
from ansible_collections.backup.audit.plugins.module_utils._adapters.vprotect.chains import Chains, Copies
from ansible_collections.backup.audit.plugins.module_utils._adapters.vprotect.record_fields import (
    TYPES,
    Record,
    RecordParser,
    get_guid,
    get_identity,
    normalize_enum,
    parse_millis,
    require_guid,
)
from ansible_collections.backup.audit.plugins.module_utils._adapters.vprotect.workloads import Workloads
from ansible_collections.backup.audit.plugins.module_utils._collect.collector import Collector
from ansible_collections.backup.audit.plugins.module_utils._core.errors import (
    AuditError,
    ForbiddenError,
    InvalidResponseError,
    NotFoundError,
    OptionError,
)
from ansible_collections.backup.audit.plugins.module_utils._core.model import RecoveryPoint
from ansible_collections.backup.audit.plugins.module_utils._core.times import DAY, SECOND
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import (
    as_bool,
    as_int,
    as_object,
    as_text,
)
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_stream import PICKED, pick_objects
from ansible_collections.backup.audit.plugins.module_utils._transport.allowlist import AllowedRequest
from ansible_collections.backup.audit.plugins.module_utils._transport.auth import JsonForCookies
from ansible_collections.backup.audit.plugins.module_utils._transport.client import Response, path_segment
from ansible_collections.backup.audit.plugins.module_utils._transport.pagination import Page, pages_by_page_size
from ansible_collections.backup.audit.plugins.module_utils._transport.thread_pool import Prefetch, SerialMapper

_API = "/api"
_BACKUPS = f"{_API}/backups"
_PAGE = {"page": None, "size": None}
# Lists with more details per workload than /protected-entities: its platform, and whether it still exists.
_DETAILS = {"VM": "/virtual-machines", "APP": "/applications", "STORAGE": "/storages"}
# It is undocumented which timestamp `from` filters on; excess records are dropped on the client side.
_SLACK = DAY * SECOND


class VProtect(RestAdapter):
    """Read the complete list of backups: a filter by workload would miss backups of deleted workloads."""

    product = "vprotect"
    title = "Storware vProtect"
    default_port = 8181
    environment = ("VPROTECT",)
    workload_types = records.WORKLOAD_TYPES
    allowlist = (
        AllowedRequest("POST", f"{_API}/session/login"),
        AllowedRequest("POST", f"{_API}/session/logout"),
        AllowedRequest("GET", f"{_API}/nodes"),
        AllowedRequest(
            "GET",
            _BACKUPS,
            {
                **_PAGE,
                "from": None,
                "status": (*records.KEPT, records.REMOVED),
                "protected-entity-type": tuple(TYPES),
            },
            required=("page", "size"),
        ),
        AllowedRequest("GET", f"{_API}/protected-entities"),
        *(AllowedRequest("GET", _API + path, _PAGE, required=("page", "size")) for path in _DETAILS.values()),
        AllowedRequest("GET", f"{_API}/backup-destinations"),
        AllowedRequest("GET", f"{_API}/restore-jobs", _PAGE, required=("page", "size")),
        *(
            AllowedRequest("GET", f"{_API}/rules/{word}-backup/{{rule}}", {"only-active-destinations": "false"})
            for word in records.RULE_WORDS
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
            "offsite": ("inferred", "from the type of the destination: object storage counts as off-site"),
            "copies": ("cannot", "versions before 5 do not list locations"),
            "usable": ("cannot", "backups that were damaged in their destination are offered like intact ones"),
            "status": ("cannot", "backups that were damaged in their destination look like intact ones"),
            "in_inventory": ("cannot", "reported for virtual machines, and for other types only by some versions"),
        },
    }

    # Login

    def open(self, collector: Collector) -> None:
        """Log in."""
        if self.client.prefix == _API:
            raise OptionError(
                "url: expected a URL without /api at the end", hint="Use https://HOST or https://HOST:PORT"
            )
        login = JsonForCookies(
            self.settings.username,
            self.settings.password,
            path=f"{_API}/session/login",
            log_out=f"{_API}/session/logout",
        )
        self.log_in(login)

    def version(self) -> str | None:
        """Return the versions of all nodes; only nodes report a version."""
        try:
            nodes = self._fetch_list("/nodes")
        except (ForbiddenError, NotFoundError):
            return None
        return ", ".join(sorted({version for node in nodes if (version := as_text(node.get("version")))})) or None

    # Reading

    def read(self, collector: Collector) -> None:
        """Read all backups; each is reported when it is known whether the backups that it depends on are listed."""
        self._collector = collector
        self._locks: dict[str, Future[Mapping[str, int] | AuditError]] = {}
        entities = self.thread_pool.submit(self._fetch_entities)
        destinations = self.thread_pool.submit(self._fetch_encrypting)
        restores = self.thread_pool.submit(self._fetch_restores)
        workloads = Workloads(collector, self.settings.workload_types, entities)
        backups = self._list_backups(
            self._build_query(), RecordParser(workloads.by_id, include_raw=self.settings.include_raw)
        )
        context = records.Context(
            self._get_or_default("destinations", destinations, frozenset(), "whether backups are encrypted is unknown"),
            self._get_or_default("restore_jobs", restores, {}, "which backups were restored as a test is unknown"),
            self._rule_locks,
            self.settings.include_raw,
            records.lists_locations(self.known_version()),
            counts_only=self.settings.detail == "workloads" and not self.settings.include_raw,
        )
        self._copies = Copies()
        self._stored_only = 0
        chains: Chains[RecoveryPoint | records.PointTemplate] = Chains(self._report)
        self._read_backups(backups, workloads, chains, context)
        chains.finish(complete=collector.since is None)
        for point in self._copies.get_unmatched():
            collector.add_point(point)
        if self._stored_only:
            collector.warnings.append(
                f"{self._stored_only} backups have a storage time, but not the point in time that they restore "
                "(snapshotTime). Their age is unknown, so they count as unknown"
            )
        workloads.finish(include_unprotected=self.settings.include_unprotected)

    def _read_backups(
        self,
        backups: Iterable[Record],
        workloads: Workloads,
        chains: Chains[RecoveryPoint | records.PointTemplate],
        context: records.Context,
    ) -> None:
        """Add all backups to ``chains``, except records that are only copies."""
        untimed = 0
        for record in backups:
            parsed = context.parse(record.fields)
            if parsed.removed:
                chains.add_removed(record.guid())
                continue
            workload = workloads.get(record)
            if workload is None or not self._collector.is_selected(workload):
                continue
            parent = record.parent if parsed.needs_parent else None
            if template := records.build_template(record, workload, context):
                chains.add(template, parent)
                continue
            point = records.build_point(record, workload, context)
            if point is None:
                untimed += 1
            elif parsed.copy:
                self._copies.add_copy(point)
            else:
                chains.add(point, parent)
        if untimed:
            self._collector.warnings.append(
                f"{untimed} backups that failed or have not started have no time and are not included"
            )

    def _report(self, point: RecoveryPoint | records.PointTemplate) -> None:
        if point.usable is not False:
            self._copies.add_backup(point)
        if isinstance(point, records.PointTemplate):
            if point.usable is point.pattern.usable:
                self._collector.add_point_like(
                    point.pattern, point.id, point.created, point.size_bytes, point.expires_at
                )
                return
            # Its chain changed the usability.
            point = point.to_point()
        if point.usable is True and "created_at" in point.inferred:
            # It was stored hours after the point in time that it restores, so its reported age would be too low.
            point.usable = None
            self._stored_only += 1
        self._collector.add_point(point)

    def _list_backups(self, query: Mapping[str, t.Any], parser: RecordParser) -> Iterator[Record]:
        """List all backups. The first page is requested at once; the rules of a page are requested in parallel."""

        def fetch(page: int, size: int) -> Page[Record]:
            response = self._fetch_page(_BACKUPS, query, page, size)
            picked, rest = pick_objects(response.body, parser.parse_all) or ([], None)
            return Page(picked if rest == PICKED else parser.parse_all(_parse_rows(response)), _parse_total(response))

        def with_rules(page: Sequence[Record]) -> Sequence[Record]:
            for rule in filter(None, dict.fromkeys([record.fields.rule for record in page])):
                self._request_rule(*rule)
            return page

        size = self.settings.page_size
        fetch_page = Prefetch(self.thread_pool, fetch, 0, size)
        pages = pages_by_page_size(fetch_page, self.thread_pool, size, operator.attrgetter("key"), "backups")
        return itertools.chain.from_iterable(map(with_rules, pages))

    def _build_query(self) -> dict[str, t.Any]:
        """Build the filters that this server is known to support, or whose effect is checked on the client side."""
        query: dict[str, t.Any] = {}
        types = [name for name, (kind, _rule) in TYPES.items() if kind in self.settings.workload_types]
        if len(types) == 1:
            query["protected-entity-type"] = types[0]
        if self._collector.since is not None:
            # Without a status filter, a parent that was deleted within the window is listed as deleted.
            return {**query, "from": str((self._collector.since - _SLACK) // 1000)}
        return {**query, "status": list(records.KEPT)} if self._can_filter_by_status(query) else query

    def _can_filter_by_status(self, query: Mapping[str, t.Any]) -> bool:
        """Whether deleted backups (most of all records) can be filtered out without losing any other backup.

        Older servers accept only one status, newer ones may add a status: therefore the counts must add up.
        """
        everything = self._count(query, ())
        if everything is None:
            return False
        statuses = (records.KEPT, (records.REMOVED,))
        counts = [count for _status, count in self.thread_pool.map(lambda status: self._count(query, status), statuses)]
        return None not in counts and sum(count or 0 for count in counts) == everything

    def _count(self, query: Mapping[str, t.Any], status: tuple[str, ...]) -> int | None:
        """Return the number of backups with these statuses; None if it is not reported or the query is rejected."""
        try:
            return _parse_total(self._fetch_page(_BACKUPS, {**query, "status": list(status)}, 0, 1))
        except InvalidResponseError as error:
            if error.status != 400:
                raise
            return None

    def _fetch_page(self, path: str, query: Mapping[str, t.Any], page: int, size: int) -> Response:
        return self.client.get(path, {**query, "page": str(page), "size": str(size)})

    def _list_records(self, path: str, what: str) -> Iterator[dict[str, t.Any]]:
        """Yield all records of a list page by page, for lists that are read in their own thread."""

        def fetch(page: int, size: int) -> Page[dict[str, t.Any]]:
            response = self._fetch_page(_API + path, {}, page, size)
            return Page(_parse_rows(response), _parse_total(response))

        pages = pages_by_page_size(fetch, SerialMapper(), self.settings.page_size, get_identity, what)
        return itertools.chain.from_iterable(pages)

    def _fetch_list(self, path: str) -> list[dict[str, t.Any]]:
        """Return a short list completely; the server does this if page and size are omitted."""
        return _parse_rows(self.client.get(_API + path))

    # Related data. If the account has no access to one of these, it is unknown.

    def _get_or_default(self, name: str, task: Future[t.Any], otherwise: t.Any, lost: str) -> t.Any:
        try:
            found = task.result()
        except AuditError as error:
            if error.status not in (400, 403, 404, 405):
                raise
            self._mark_unavailable(name, f"{lost}: {error.message}")
            return otherwise
        self._collector.scope[name] = True
        return found

    def _mark_unavailable(self, name: str, warning: str) -> None:
        if self._collector.scope.get(name) is not False:
            self._collector.scope[name] = False
            self._collector.warnings.append(warning)

    def _fetch_encrypting(self) -> frozenset[str]:
        rows = self._fetch_list("/backup-destinations")
        return frozenset(require_guid(row) for row in rows if as_bool(row.get("encryptionEnabled")))

    def _fetch_restores(self) -> dict[str, int]:
        """Return backup -> time of its last successful restore. Only jobs that name their backup count."""
        restored: dict[str, int] = {}
        for job in self._list_records("/restore-jobs", "restore jobs"):
            backup, time = get_guid(job, "backup"), parse_millis(job.get("restoreTime"))
            if backup is not None and time is not None and normalize_enum(job.get("status")) == "SUCCESS":
                restored[backup] = max(time, restored.get(backup, 0))
        return restored

    def _rule_locks(self, rule: str, word: str) -> Mapping[str, int]:
        """Return the days of retention lock of one rule by destination; requested only once."""
        self._request_rule(rule, word)
        locks = self._locks[rule].result()
        if isinstance(locks, AuditError):
            self._mark_unavailable("rules", f"retention locks of some backup rules are unknown: {locks.message}")
            return {}
        self._collector.scope.setdefault("rules", True)
        return locks

    def _request_rule(self, rule: str, word: str) -> None:
        if rule not in self._locks:
            self._locks[rule] = self.thread_pool.submit(
                self._fetch_locks, f"{_API}/rules/{word}-backup/{path_segment(rule)}"
            )

    def _fetch_locks(self, path: str) -> Mapping[str, int] | AuditError:
        try:
            return records.parse_locks(self.client.get(path, {"only-active-destinations": "false"}).json_object())
        except (ForbiddenError, NotFoundError) as error:
            return error

    def _fetch_entities(self) -> list[dict[str, t.Any]] | AuditError:
        """Return every workload that the server lists, with more details for some types."""
        try:
            rows = self._fetch_list("/protected-entities")
        except (ForbiddenError, NotFoundError) as error:
            return error
        known = {require_guid(row): row for row in rows}
        for kind, path in _DETAILS.items():
            if TYPES[kind][0] in self.settings.workload_types:
                try:
                    for row in self._list_records(path, path.strip("/")):
                        guid = require_guid(row)
                        known[guid] = {**row, "type": kind, **known.get(guid, {})}
                except (ForbiddenError, NotFoundError):
                    # The general list shows that it exists; platform and presence remain unknown.
                    continue
        return list(known.values())


def _parse_rows(response: Response) -> list[dict[str, t.Any]]:
    """Return the records of a list: a bare array, or {"members": [...]} as seen by one client."""
    body = response.json()
    rows = as_object(body).get("members") if isinstance(body, dict) else body
    if not isinstance(rows, list) or not set(map(type, rows)) <= {dict}:
        raise InvalidResponseError(
            "the response is not a list of records",
            server=response.server,
            request=response.request,
            status=response.status,
            hint='Check that "url" is the URL of the product. An unknown version may use a different response format',
        )
    return rows


def _parse_total(response: Response) -> int | None:
    """Return the total number of records; reported by about version 5.1 and later."""
    return as_int(response.headers.get("X-Total-Count"))
