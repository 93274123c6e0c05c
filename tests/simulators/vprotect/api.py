# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Storware vProtect (Storware Backup and Recovery), as its facts tell it.

Accounts: the main one sees everything; `restricted` has rights for some entities, and every list leaves out the others
without a word (facts 2).

Variants (product `vprotect`; every product also has those of `Dialect`):
  version           7.4.0-27    below 7.4 some filters mean nothing; below 5.0 there are no locations and no
                                synchronizations, and only the first status of a filter counts (facts 5)
  total_count       true        false: no X-Total-Count, as before 5.1 (3.1)
  enums             objects     strings: bare words, as the documentation prints many (4)
  login_status      200         201 as documented, or 204 without a body (2)
  login_failure     400         401: what a wrong password is answered with (2)
  empty_401         false       errors 401 have no body (6)
  cookie_name       JSESSIONID  what the cookie of the session is called (2: documented nowhere)
  page_cap          0           above 0: no page is longer, whatever size asks (3.1: no maximum is published)
  window_clock      snapshot    backup: from and to mean backupTime (3.2)
  unfinished_times  true        false: what failed or runs has no times (4)
  snapshot_times    true        false: a backup says only when it was stored; a client of the vendor reckons with it (4)
  synchronizations  true        further copies are also rows of their own, of the type SYNCHRONIZATION (4)
  removed           2           so many older backups a workload that retention has removed, as SUCCESS_REMOVED (4)
  synthetic         false       fulls after the first are SYNTHETIC
  deleted_entities  kept        gone: workloads that were deleted are in no list, their backups name them in a text (4)
  rule_lock         kept        removed: the rule has no retention lock any more (7)
  session_calls     0           above 0: a session is gone after so many calls
"""

from __future__ import annotations

import secrets
from typing import ClassVar

from tests.simulators.ground_truth import DAY, Estate, Point, Workload
from tests.simulators.member_names import Names
from tests.simulators.product_api import (
    Call,
    Dialect,
    Listing,
    Refusal,
    Response,
    Route,
    Setting,
    credentials_of,
    json_answer,
)
from tests.simulators.vprotect.backups import Backups
from tests.simulators.vprotect.entities import Entities
from tests.simulators.vprotect.lists import Pages
from tests.simulators.vprotect.policies import Policies
from tests.simulators.vprotect.records import Records, milliseconds
from tests.simulators.vprotect.session import SessionDesk, VprotectSession

_ACCOUNTS = {"main": ("audit", "a&b+c%d \"e' ünï=g"), "restricted": ("audit-gold", 'only&gold+100% "ß y')}
_ALL = frozenset({"success", "warning", "failed", "running"})


class Vprotect(Dialect):
    product: ClassVar[str] = "vprotect"
    LOG_IN: ClassVar[str] = "/api/session/login"
    LISTING: ClassVar[str] = "/api/backups"
    NAMES: ClassVar[Names] = Names(
        total_header="X-Total-Count",
        turn=frozenset({"page"}),
        limit="size",
        words=frozenset({"status", "type", "roletype", "hvtype", "backupdestinationtype"}),
    )
    LISTS: ClassVar[dict[str, Listing]] = {
        "vm": Listing(frozenset({"full", "incremental", "archive"}), _ALL, "3.2, 4"),
        "database": Listing(frozenset({"full", "incremental"}), _ALL, "3.2, 3.4 (applications), 4"),
        "file_share": Listing(frozenset({"full", "incremental"}), _ALL, "3.2, 3.4 (storages), 4"),
        "physical": Listing(frozenset({"full", "incremental"}), _ALL, "3.2, 3.4 (protected-entities), 5"),
    }
    VARIANTS: ClassVar[dict[str, Setting]] = {
        **Dialect.VARIANTS,
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
        "rule_lock": "kept",
        "session_calls": 0,
    }

    desk: SessionDesk

    def __init__(self, estate: Estate) -> None:
        super().__init__(estate)
        self.desk = SessionDesk(_ACCOUNTS)
        self.records = Records(self)
        self.pages = Pages(self)
        self.backups = Backups(self, self.records, self.pages)
        self.entities = Entities(self, self.records, self.pages, self.backups)
        self.policies = Policies(self, self.records, self.pages, self.backups)
        self.routes = [
            Route("POST", "/api/session/login", self._log_in, needs_session=False),
            Route("POST", "/api/session/logout", self._log_out),
            Route("GET", "/api/session", self._alive, needs_session=False),
            Route("GET", "/api/session/user", self._user),
            *self.backups.routes(),
            *self.entities.routes(),
            *self.policies.routes(),
        ]

    def prepare(self) -> None:
        self.pages.forget()
        self.backups.prepare()
        self.entities.prepare()
        self.policies.prepare()

    # Sessions

    def _log_in(self, call: Call, _session: None) -> Response:
        number, session = self.desk.log_in(call, self.number("login_failure"))
        answer = json_answer(self._info(session), self.number("login_status"))
        if answer.status == 204:
            answer.body = b""
        answer.headers["Set-Cookie"] = f"{self.text('cookie_name')}={number}; Path=/api; Secure; HttpOnly"
        return answer

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
            # secrets, which nobody asked for
            "endpointsTokens": {"endpointsServerManagerToken": secrets.token_urlsafe(30)},
        }

    def _log_out(self, call: Call, _session: VprotectSession) -> Response:
        self.desk.log_out(call, self.text("cookie_name"))
        return Response(201)

    def _alive(self, _call: Call, _session: None) -> Response:
        return Response(204)

    def _user(self, _call: Call, session: VprotectSession) -> Response:
        return json_answer(self._info(session))

    def authorise(self, call: Call) -> VprotectSession:
        return self.desk.session_of(call, self.text("cookie_name"), self.number("session_calls"))

    def credentials(self) -> dict[str, object]:
        return credentials_of(
            {name: {"username": user, "password": password} for name, (user, password) in _ACCOUNTS.items()}
        )

    # Errors

    def refuse(self, call: Call, refusal: Refusal) -> Response:
        """A message and nothing else; a 401 may say nothing at all (facts 6)."""
        if refusal.status == 401 and self.flag("empty_401"):
            return Response(401)
        return json_answer({"message": refusal.reason}, refusal.status)

    # The truth

    def workload_id(self, work: Workload) -> str:
        return self.records.entity_guid(work)

    def point_id(self, work: Workload, point: Point) -> str:
        return self.records.backup_guid(point)
