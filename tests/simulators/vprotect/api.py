# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Storware vProtect (Storware Backup and Recovery).

Accounts: the main one sees everything; `restricted` has rights for some entities, and every list silently omits the
others.

Variants (product `vprotect`; every product also has those of `ProductApi`):
  version           7.4.0-27    below 7.4 some filters are ignored; below 5.0 there are no locations and no
                                synchronizations, and only the first status of a filter is used
  total_count       true        false: without X-Total-Count, as before 5.1
  enums             objects     strings: plain strings, like many in the documentation
  login_status      200         201 as documented, or 204 without a body
  login_failure     400         401: status for a wrong password
  empty_401         false       401 errors do not have a body
  cookie_name       JSESSIONID  name of the session cookie (not documented)
  page_cap          0           above 0: maximum page length, regardless of size (no maximum is published)
  window_clock      snapshot    backup: from and to filter by backupTime
  unfinished_times  true        false: failed and running backups do not have times
  snapshot_times    true        false: a backup has only its store time; a client of the vendor handles that
  synchronizations  true        additional copies are also separate rows, of the type SYNCHRONIZATION
  removed           2           number of older backups per workload removed by retention, as SUCCESS_REMOVED
  synthetic         false       fulls after the first are SYNTHETIC
  deleted_entities  kept        gone: deleted workloads are not listed, their backups have only a text with the name;
                                object: the same as an object; nameless: the backups have neither. These backups
                                have no type, so a filter by type omits them
  newest            plain       the newest finished backup of each workload is hidden, warned, TO_REMOVE, RECREATE (its
                                retention hint) or LOG_BACKUP (an undocumented type)
  parents           named       omitted: incremental backups have no parentBackup, because null fields are omitted
  hints             reported    omitted: locations have no retentionHint
  archive_expire    both        location, backup: only one of them has archiveExpire
  location_status   reported    omitted: locations have no status
  filters           honored     ignored: status, from, to and the filters by protected entity have no effect
  inventory         documented  odd: entities, destinations and restore jobs contain entries without a guid or time, and
                                entries that are not objects
  rule_lock         kept        removed: the rule does not have a retention lock any more
  session_calls     0           above 0: a session ends after so many calls
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import ClassVar

from tests.simulators.ground_truth import DAY, Estate, Point, Workload
from tests.simulators.member_names import MemberNames
from tests.simulators.product_api import (
    Call,
    Listing,
    ProductApi,
    Refusal,
    Response,
    Route,
    Setting,
    build_credentials,
    json_response,
)
from tests.simulators.vprotect.backups import Backups
from tests.simulators.vprotect.entities import Entities
from tests.simulators.vprotect.lists import Pages
from tests.simulators.vprotect.monitoring import Monitoring
from tests.simulators.vprotect.policies import Policies
from tests.simulators.vprotect.records import Records, milliseconds
from tests.simulators.vprotect.session import VprotectSession, VprotectSessionStore

_ACCOUNTS = {"main": ("audit", "a&b+c%d \"e' ünï=g"), "restricted": ("audit-gold", 'only&gold+100% "ß y')}
_ALL = frozenset({"success", "warning", "failed", "running"})


class Vprotect(ProductApi):
    product: ClassVar[str] = "vprotect"
    LOG_IN: ClassVar[str] = "/api/session/login"
    LISTING: ClassVar[str] = "/api/backups"
    SOME_OBJECTS: ClassVar[Mapping[str, object]] = {"path": "/api/rules/*-backup/[0-7]*"}
    # Destinations and machines.
    SIDE_LISTING: ClassVar[Mapping[str, object]] = {"path": "/api/[bv]*-[dm]*"}
    MEMBER_NAMES: ClassVar[MemberNames] = MemberNames(
        total_header="X-Total-Count",
        page_keys=frozenset({"page"}),
        limit_key="size",
        enum_members=frozenset({"status", "type", "roletype", "hvtype", "backupdestinationtype"}),
    )
    LISTS: ClassVar[dict[str, Listing]] = {
        "vm": Listing(frozenset({"full", "incremental", "archive"}), _ALL, "3.2, 4"),
        "database": Listing(frozenset({"full", "incremental"}), _ALL, "3.2, 3.4 (applications), 4"),
        "file_share": Listing(frozenset({"full", "incremental"}), _ALL, "3.2, 3.4 (storages), 4"),
        "physical": Listing(frozenset({"full", "incremental"}), _ALL, "3.2, 3.4 (protected-entities), 5"),
    }
    VARIANTS: ClassVar[dict[str, Setting]] = {
        **ProductApi.VARIANTS,
        "version": "7.4.0-27",
        "total_count": True,
        "enums": "objects",
        "login_status": 200,
        "login_failure": 400,
        "empty_401": False,
        "cookie_name": "JSESSIONID",
        "page_cap": 0,
        "window_clock": "snapshot",
        "unfinished_times": True,
        "snapshot_times": True,
        "synchronizations": True,
        "removed": 2,
        "synthetic": False,
        "deleted_entities": "kept",
        "newest": "plain",
        "parents": "named",
        "hints": "reported",
        "archive_expire": "both",
        "location_status": "reported",
        "filters": "honored",
        "inventory": "documented",
        "rule_lock": "kept",
        "session_calls": 0,
    }

    session_store: VprotectSessionStore

    def __init__(self, estate: Estate) -> None:
        super().__init__(estate)
        self.session_store = VprotectSessionStore(_ACCOUNTS)
        self.records = Records(self)
        self.pages = Pages(self)
        self.backups = Backups(self, self.records, self.pages)
        self.entities = Entities(self, self.records, self.pages, self.backups)
        self.policies = Policies(self, self.records, self.pages, self.backups)
        self.monitoring = Monitoring(self, self.records, self.pages, self.backups, self.entities)
        self.routes = [
            Route("POST", "/api/session/login", self._log_in, needs_session=False),
            Route("POST", "/api/session/logout", self._log_out),
            Route("GET", "/api/session", self._alive, needs_session=False),
            Route("GET", "/api/session/user", self._user),
            *self.backups.routes(),
            *self.entities.routes(),
            *self.policies.routes(),
            *self.monitoring.routes(),
        ]

    def prepare(self) -> None:
        self.pages.clear()
        self.backups.prepare()
        self.entities.prepare()
        self.policies.prepare()

    # Sessions

    def _log_in(self, call: Call, _session: None) -> Response:
        number, session = self.session_store.log_in(call, self.number("login_failure"))
        response = json_response(self._info(session), self.number("login_status"))
        if response.status == 204:
            response.body = b""
        response.headers["Set-Cookie"] = f"{self.text('cookie_name')}={number}; Path=/api; Secure; HttpOnly"
        return response

    def _info(self, session: VprotectSession) -> dict[str, object]:
        return {
            "requester": {"guid": "1", "name": session.username},
            "privileges": [self.records.enum("BACKUP_READ"), self.records.enum("VM_READ")],
            "language": "EN",
            "appUserSettings": {"pageSize": 20, "timeFormat": 24},
            "uiTimeZone": "Europe/Berlin",
            "uiConsoleMode": "WORKFLOW",
            "infoTourEnabled": False,
            "lastSuccessfulLogin": milliseconds(self.estate.now - DAY),
            "lastFailedLoginIp": "192.0.2.99",
            # Secrets that clients do not need.
            "endpointsTokens": {"endpointsServerManagerToken": secrets.token_urlsafe(30)},
        }

    def _log_out(self, call: Call, _session: VprotectSession) -> Response:
        self.session_store.log_out(call, self.text("cookie_name"))
        return Response(201)

    def _alive(self, _call: Call, _session: None) -> Response:
        return Response(204)

    def _user(self, _call: Call, session: VprotectSession) -> Response:
        return json_response(self._info(session))

    def authorize(self, call: Call) -> VprotectSession:
        return self.session_store.get_session(call, self.text("cookie_name"), self.number("session_calls"))

    def credentials(self) -> dict[str, object]:
        return build_credentials(
            {name: {"username": user, "password": password} for name, (user, password) in _ACCOUNTS.items()}
        )

    # Errors

    def error_response(self, call: Call, refusal: Refusal) -> Response:
        """Return only a message; a 401 may be empty."""
        if refusal.status == 401 and self.flag("empty_401"):
            return Response(401)
        return json_response({"message": refusal.reason}, refusal.status)

    # Ground truth

    def workload_id(self, work: Workload) -> str:
        return self.records.entity_guid(work)

    def point_id(self, work: Workload, point: Point) -> str:
        return self.records.backup_guid(point)
