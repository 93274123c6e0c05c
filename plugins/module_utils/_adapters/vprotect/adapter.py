# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Storware vProtect, now Storware Backup and Recovery: the list of backups, and beside it what it is read against.

Sources: the vendor's API pages of 7.4 and older, the vendor's own clients. Times are milliseconds since 1970, UTC.
"""

from __future__ import annotations

import itertools
import operator
import typing as t
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future

from ansible_collections.backup.audit.plugins.module_utils._adapters.rest import RestAdapter
from ansible_collections.backup.audit.plugins.module_utils._adapters.vprotect import points
from ansible_collections.backup.audit.plugins.module_utils._adapters.vprotect.chains import Chains, Copies
from ansible_collections.backup.audit.plugins.module_utils._adapters.vprotect.records import (
    TYPES,
    Record,
    Records,
    guid_of,
    identity,
    moment,
    own_guid,
    word,
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
from ansible_collections.backup.audit.plugins.module_utils._transport.client import Response, segment
from ansible_collections.backup.audit.plugins.module_utils._transport.pagination import Page, by_page_size
from ansible_collections.backup.audit.plugins.module_utils._transport.thread_pool import Prefetch, SerialMapper

_API = "/api"
_BACKUPS = f"{_API}/backups"
_PAGE = {"page": None, "size": None}
# Lists that tell more of a workload than /protected-entities does: its platform, and whether it still exists.
_DETAILS = {"VM": "/virtual-machines", "APP": "/applications", "STORAGE": "/storages"}
# Which clock `from` goes by is not documented; what it lets through too much is dropped on this side.
_SLACK = DAY * SECOND


class VProtect(RestAdapter):
    """Reads the list of backups as a whole: a filter by workload would miss backups of workloads that were deleted."""

    product = "vprotect"
    title = "Storware vProtect"
    default_port = 8181
    environment = ("VPROTECT",)
    workload_types = points.WORKLOAD_TYPES
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
                "status": (*points.KEPT, points.REMOVED),
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
            for word in points.RULE_WORDS
        ),
    )
    not_reported: t.ClassVar = {
        ("*", "*"): {
            "created_at": ("estimated", "when it was stored, where it has no snapshotTime; it then counts as unknown"),
            "verified": ("estimated", "from a restore job of this very backup; boots and checks are not recorded"),
            "checked": ("cannot", "no result of a check is kept with a backup"),
            "malware": ("cannot", "no scan result is kept with a backup"),
            "retention": ("cannot", "backups carry no retention class"),
            "expires_at": ("sometimes", "told only of backups that are marked to be kept until a date"),
            "encrypted": ("estimated", "from the setting of the backup destination as it is today"),
            "immutable": ("estimated", "from the retention lock of the backup rule as it is today"),
            "immutable_until": ("estimated", "from the retention lock of the backup rule as it is today"),
            "offsite": ("estimated", "from the type of the destination: object storage is taken for another place"),
            "copies": ("cannot", "versions before 5 list no places"),
            "usable": ("cannot", "a backup that was damaged in its destination is offered like any other"),
            "status": ("cannot", "a backup that was damaged in its destination looks like any other"),
            "in_inventory": ("cannot", "told of virtual machines, and of others by some versions only"),
        },
    }

    # Way in

    def open(self, collector: Collector) -> None:
        """Log in."""
        if self.client.prefix == _API:
            raise OptionError("url: it ends in /api", advice="Leave that out: https://HOST, or https://HOST:PORT")
        login = JsonForCookies(
            self.settings.username,
            self.settings.password,
            path=f"{_API}/session/login",
            log_out=f"{_API}/session/logout",
        )
        self.log_in(login)

    def version(self) -> str | None:
        """Those of all nodes, which alone tell one."""
        try:
            nodes = self._list("/nodes")
        except (ForbiddenError, NotFoundError):
            return None
        return ", ".join(sorted({version for node in nodes if (version := as_text(node.get("version")))})) or None

    # Reading

    def read(self, collector: Collector) -> None:
        """All backups, each told once it is known whether those that it builds on are there."""
        self._reading = collector
        self._locks: dict[str, Future[Mapping[str, int] | AuditError]] = {}
        entities = self.thread_pool.submit(self._entities)
        destinations = self.thread_pool.submit(self._encrypting)
        restores = self.thread_pool.submit(self._restores)
        workloads = Workloads(collector, self.settings.workload_types, entities)
        backups = self._backups(self._query(), Records(workloads.by_id, include_raw=self.settings.include_raw))
        context = points.Context(
            self._known("destinations", destinations, frozenset(), "whether backups are encrypted is unknown"),
            self._known("restore_jobs", restores, {}, "which backups were restored as a test is unknown"),
            self._rule_locks,
            self.settings.include_raw,
            points.lists_places(self.known_version()),
            counts_only=self.settings.detail == "workloads" and not self.settings.include_raw,
        )
        self._copies = Copies()
        self._stored_only = 0
        chains: Chains[RecoveryPoint | points.PointTemplate] = Chains(self._tell)
        self._read_backups(backups, workloads, chains, context)
        chains.finish(whole=collector.since is None)
        for point in self._copies.alone():
            collector.add_point(point)
        if self._stored_only:
            collector.warnings.append(
                f"{self._stored_only} backups say when they were stored, but not which moment they bring back "
                "(snapshotTime), so whether they are recent is unknown, and they count as unknown"
            )
        workloads.finish(include_unprotected=self.settings.include_unprotected)

    def _read_backups(
        self,
        backups: Iterable[Record],
        workloads: Workloads,
        chains: Chains[RecoveryPoint | points.PointTemplate],
        context: points.Context,
    ) -> None:
        """Hand all backups to ``chains``, but the records of mere copies."""
        untimed = 0
        for record in backups:
            said = context.said(record.words)
            if said.removed:
                chains.gone(record.guid())
                continue
            workload = workloads.get(record)
            if workload is None or not self._reading.is_selected(workload):
                continue
            parent = record.parent if said.needs_parent else None
            if like := points.like_of(record, workload, context):
                chains.add(like, parent)
                continue
            point = points.point_of(record, workload, context)
            if point is None:
                untimed += 1
            elif said.copy:
                self._copies.add(point)
            else:
                chains.add(point, parent)
        if untimed:
            self._reading.warnings.append(
                f"{untimed} backups that failed or have not begun carry no time and are left out"
            )

    def _tell(self, point: RecoveryPoint | points.PointTemplate) -> None:
        if point.usable is not False:
            self._copies.told(point)
        if isinstance(point, points.PointTemplate):
            if point.usable is point.pattern.usable:
                self._reading.add_point_like(point.pattern, point.id, point.created, point.size_bytes)
                return
            # Its chain made another of it.
            point = point.point()
        if point.usable is True and "created_at" in point.estimated:
            # It was stored hours after the moment that it brings back, so its age would be told too young.
            point.usable = None
            self._stored_only += 1
        self._reading.add_point(point)

    def _backups(self, query: Mapping[str, t.Any], records: Records) -> Iterator[Record]:
        """All backups, the first page of which is asked for now; the rules of each page are asked for together."""

        def fetch(page: int, size: int) -> Page[Record]:
            answer = self._page(_BACKUPS, query, page, size)
            picked, rest = pick_objects(answer.body, records.get_all) or ([], None)
            return Page(picked if rest == PICKED else records.get_all(_rows(answer)), _total(answer))

        def with_rules(page: Sequence[Record]) -> Sequence[Record]:
            for rule in filter(None, dict.fromkeys([record.words.rule for record in page])):
                self._ask_rule(*rule)
            return page

        size = self.settings.page_size
        begun = Prefetch(self.thread_pool, fetch, 0, size)
        pages = by_page_size(begun, self.thread_pool, size, operator.attrgetter("key"), "backups")
        return itertools.chain.from_iterable(map(with_rules, pages))

    def _query(self) -> dict[str, t.Any]:
        """The filters that this server is known to honour, or whose effect is checked on this side."""
        query: dict[str, t.Any] = {}
        wanted = [name for name, (kind, _rule) in TYPES.items() if kind in self.settings.workload_types]
        if len(wanted) == 1:
            query["protected-entity-type"] = wanted[0]
        if self._reading.since is not None:
            # No status is asked for then: a parent that was deleted within the window is seen to be.
            return {**query, "from": str((self._reading.since - _SLACK) // 1000)}
        return {**query, "status": list(points.KEPT)} if self._knows_statuses(query) else query

    def _knows_statuses(self, query: Mapping[str, t.Any]) -> bool:
        """Whether backups deleted long ago, most of all there are, can be left out without losing any other.

        Older servers take one status only, a newer one may have another status: so the numbers must add up.
        """
        everything = self._counted(query, ())
        if everything is None:
            return False
        statuses = (points.KEPT, (points.REMOVED,))
        counts = [
            count for _status, count in self.thread_pool.map(lambda status: self._counted(query, status), statuses)
        ]
        return None not in counts and sum(count or 0 for count in counts) == everything

    def _counted(self, query: Mapping[str, t.Any], status: tuple[str, ...]) -> int | None:
        """How many backups of these statuses there are; None where the server does not tell, or refuses to."""
        try:
            return _total(self._page(_BACKUPS, {**query, "status": list(status)}, 0, 1))
        except InvalidResponseError as error:
            if error.status != 400:
                raise
            return None

    def _page(self, path: str, query: Mapping[str, t.Any], page: int, size: int) -> Response:
        return self.client.get(path, {**query, "page": str(page), "size": str(size)})

    def _records(self, path: str, what: str) -> Iterator[dict[str, t.Any]]:
        """All records of a list, page after page, for what is read in a thread of its own."""

        def fetch(page: int, size: int) -> Page[dict[str, t.Any]]:
            answer = self._page(_API + path, {}, page, size)
            return Page(_rows(answer), _total(answer))

        pages = by_page_size(fetch, SerialMapper(), self.settings.page_size, identity, what)
        return itertools.chain.from_iterable(pages)

    def _list(self, path: str) -> list[dict[str, t.Any]]:
        """A short list as a whole, which is what comes without page and size."""
        return _rows(self.client.get(_API + path))

    # What backups are read against. Each may be closed to the account, and is then unknown.

    def _known(self, name: str, task: Future[t.Any], otherwise: t.Any, lost: str) -> t.Any:
        try:
            found = task.result()
        except AuditError as error:
            if error.status not in (400, 403, 404, 405):
                raise
            self._say(name, f"{lost}: {error.message}")
            return otherwise
        self._reading.scope[name] = True
        return found

    def _say(self, name: str, warning: str) -> None:
        if self._reading.scope.get(name) is not False:
            self._reading.scope[name] = False
            self._reading.warnings.append(warning)

    def _encrypting(self) -> frozenset[str]:
        rows = self._list("/backup-destinations")
        return frozenset(own_guid(row) for row in rows if as_bool(row.get("encryptionEnabled")))

    def _restores(self) -> dict[str, int]:
        """Backup -> when it was last restored with success. Only jobs that name their backup count."""
        restored: dict[str, int] = {}
        for job in self._records("/restore-jobs", "restore jobs"):
            backup, time = guid_of(job, "backup"), moment(job.get("restoreTime"))
            if backup is not None and time is not None and word(job.get("status")) == "SUCCESS":
                restored[backup] = max(time, restored.get(backup, 0))
        return restored

    def _rule_locks(self, rule: str, word: str) -> Mapping[str, int]:
        """Days of retention lock by destination, of one rule; asked for once."""
        self._ask_rule(rule, word)
        told = self._locks[rule].result()
        if isinstance(told, AuditError):
            self._say("rules", f"retention locks of some backup rules are unknown: {told.message}")
            return {}
        self._reading.scope.setdefault("rules", True)
        return told

    def _ask_rule(self, rule: str, word: str) -> None:
        if rule not in self._locks:
            self._locks[rule] = self.thread_pool.submit(self._locks_of, f"{_API}/rules/{word}-backup/{segment(rule)}")

    def _locks_of(self, path: str) -> Mapping[str, int] | AuditError:
        try:
            return points.locks_of(self.client.get(path, {"only-active-destinations": "false"}).json_object())
        except (ForbiddenError, NotFoundError) as error:
            return error

    def _entities(self) -> list[dict[str, t.Any]] | AuditError:
        """Every workload that the server knows, with more of some kinds."""
        try:
            rows = self._list("/protected-entities")
        except (ForbiddenError, NotFoundError) as error:
            return error
        known = {own_guid(row): row for row in rows}
        for kind, path in _DETAILS.items():
            if TYPES[kind][0] in self.settings.workload_types:
                try:
                    for row in self._records(path, path.strip("/")):
                        guid = own_guid(row)
                        known[guid] = {**row, "type": kind, **known.get(guid, {})}
                except (ForbiddenError, NotFoundError):
                    # That it exists is told by the list of all; platform and presence stay unknown.
                    continue
        return list(known.values())


def _rows(answer: Response) -> list[dict[str, t.Any]]:
    """A list is a bare array; one client has also met {"members": [...]}."""
    body = answer.json()
    rows = as_object(body).get("members") if isinstance(body, dict) else body
    if not isinstance(rows, list) or not set(map(type, rows)) <= {dict}:
        raise InvalidResponseError(
            "the answer is no list of records",
            server=answer.server,
            call=answer.call,
            status=answer.status,
            advice="Check that the URL is that of the product; an unknown version may answer differently",
        )
    return rows


def _total(answer: Response) -> int | None:
    """How many records there are in all; told from about version 5.1 on."""
    return as_int(answer.headers.get("X-Total-Count"))
