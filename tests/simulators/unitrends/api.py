# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Unitrends appliance that manages others.

It is in Berlin, manages the appliance in Chicago and, by default, the one in Frankfurt to which copies are replicated.
Accounts: the main one is an administrator; `monitor` may only read; `scoped` has a role that shows it some clients and
silently hides the others.

Variants (product `unitrends`; every product also has those of `ProductApi`):
  generation       server      wiki: names and values of 2015, times without seconds
  login_failure    401         500, or false: HTTP 200 whose body is `false`
  error_body       result      message: errors are {error, message}
  error_status     0           200: errors have HTTP status 200 and an `error`
  language         en          date format if no `lang` is sent: en, en-gb, fr
  lang             honored     ignored: responses have the appliance's `language` for any request
  fulls            kept        failed: every full backup failed; gone: none is listed (chains, 3.2)
  archived_types   backups     all: archives also have logs, selected files, replicas and jobs, without their original
  row_zone         answering   own: rows of a managed system use that system's time zone
  running_status   Successful  null: status of a running backup
  certified        bool        n/a: the value for backups that were never tested
  synthetic        false       fulls are synthesized by the appliance and marked so
  databases        oracle      mssql: fulls and differentials of SQL Server
  hold_days        0           above 0: holds end after so many days; 0: never
  core_failure     (empty)     sids, such as 1,2: POST /api/backups always returns [] for them
  php_warning      false       POST /api/backups prints a PHP warning before its response
  remote_status    accepted    "not available": calls for the system in Chicago fail
  target_managed   true        false: the appliance in Frankfurt is not managed by this one
  strategy         ltr         MinMax: calls about GFS retention fail with 500
  session_calls    0           above 0: a token expires after so many calls
  timeout          3600        session timeout in the login response
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

from tests.simulators.ground_truth import Estate, Point, Workload
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
from tests.simulators.unitrends.backups import Backups
from tests.simulators.unitrends.catalog import Catalog
from tests.simulators.unitrends.directory import Directory
from tests.simulators.unitrends.inventory import Inventory
from tests.simulators.unitrends.jobs import Jobs
from tests.simulators.unitrends.session import ACCOUNTS, UnitrendsSession, UnitrendsSessionStore

_ALL = frozenset({"success", "warning", "failed", "running"})


class Unitrends(ProductApi):
    product: ClassVar[str] = "unitrends"
    LOG_IN: ClassVar[str] = "/api/login"
    LISTED_BY: ClassVar[str] = "POST"
    LISTING: ClassVar[str] = "/api/backups/"
    # The system in Chicago; and the calls for catalog, archives, risks and the newest backup.
    SOME_OBJECTS: ClassVar[Mapping[str, object]] = {"method": "POST", "path": LISTING, "query": {"sid": "2"}}
    SIDE_LISTING: ClassVar[Mapping[str, object]] = {"method": "GET", "path": "/api/[bc]*"}
    MEMBER_NAMES: ClassVar[MemberNames] = MemberNames(
        enum_members=frozenset({"type", "status", "verify_status", "gfs_rp_type", "replication_status", "asset_type"}),
    )
    # Archived points are listed only by the catalog of archives: their backup is no longer on the appliance.
    LISTS: ClassVar[dict[str, Listing]] = {
        "vm": Listing(frozenset({"full", "incremental", "archive"}), _ALL, "3.1, 3.3, 4.4"),
        "database": Listing(frozenset({"full", "incremental"}), _ALL, "3.1, 4.4"),
        "file_share": Listing(frozenset({"full", "incremental"}), _ALL, "3.1, 3.4 (file-level), 4.4"),
        "physical": Listing(frozenset({"full", "incremental"}), _ALL, "3.1, 3.4 (file-level), 4.4"),
    }
    VARIANTS: ClassVar[dict[str, Setting]] = {
        **ProductApi.VARIANTS,
        "generation": "server",
        "login_failure": "401",
        "error_body": "result",
        "error_status": 0,
        "language": "en",
        "lang": "honored",
        "fulls": "kept",
        "archived_types": "backups",
        "row_zone": "answering",
        "running_status": "Successful",
        "certified": "bool",
        "synthetic": False,
        "databases": "oracle",
        "hold_days": 0,
        "core_failure": "",
        "php_warning": False,
        "remote_status": "accepted",
        "target_managed": True,
        "strategy": "ltr",
        "session_calls": 0,
        "timeout": 3600,
    }

    session_store: UnitrendsSessionStore

    def __init__(self, estate: Estate) -> None:
        super().__init__(estate)
        self.session_store = UnitrendsSessionStore()
        self.directory = Directory(self)
        self.backups = Backups(self, self.directory)
        self.catalog = Catalog(self, self.directory, self.backups)
        self.inventory = Inventory(self, self.directory, self.backups)
        self.jobs = Jobs(self, self.directory, self.backups)
        # Ids of workloads and points are needed before the first request.
        self.prepare()
        self.routes = [
            Route("POST", "/api/login", self._log_in, needs_session=False),
            Route("POST", "/api/logout", self._log_out),
            *self.backups.routes(),
            *self.catalog.routes(),
            *self.inventory.routes(),
            *self.jobs.routes(),
        ]

    def prepare(self) -> None:
        self.directory.prepare()
        self.backups.prepare()
        self.catalog.prepare()

    def reset(self) -> None:
        if self.backups.deleted:
            self.backups.deleted.clear()
            self.backups.prepare()
        super().reset()

    def respond(self, call: Call) -> Response:
        """Real clients send `https://host//api/...`, which is accepted."""
        return super().respond(replace(call, path=re.sub("/+", "/", call.path)))

    # Sessions

    def _log_in(self, call: Call, _session: None) -> Response:
        opened = self.session_store.log_in(call)
        if opened is None:
            if self.text("login_failure") == "false":
                return json_response(False)
            raise Refusal(int(self.text("login_failure")), "Authentication failed: invalid username or password.")
        token, account = opened
        response: dict[str, object] = {
            "id": account.number,
            "superuser": False,
            "administrator": account.level == 3,
            "manager": account.level == 2,
            "monitor": account.level == 1,
            "ad_user": False,
            "target": False,
            "timeout": self.number("timeout"),
            "auth_token": token,
            "vault_user": False,
            "source_id": -1,
        }
        if account.scope is not None:
            response |= {"role_name": "Scoped", "role_scope": [account.scope], "role_recover_options": []}
        return json_response(response)

    def _log_out(self, call: Call, _session: UnitrendsSession) -> Response:
        self.session_store.log_out(call)
        return json_response({"result": [{"code": "0", "message": "Logged out."}]})

    def authorize(self, call: Call) -> UnitrendsSession:
        return self.session_store.get_session(call, self.number("session_calls"))

    def credentials(self) -> dict[str, object]:
        return build_credentials({name: account.as_json() for name, account in ACCOUNTS.items()})

    # Errors

    def error_response(self, call: Call, refusal: Refusal) -> Response:
        """A `result` array according to the documentation, `error` and `message` in the handlers."""
        status = self.number("error_status") or refusal.status
        if self.text("error_body") == "message" or status == 200:
            return json_response({"error": refusal.status, "message": refusal.reason}, status)
        return json_response({"result": [{"code": "2", "message": refusal.reason}]}, status)

    # Ground truth

    def workload_id(self, work: Workload) -> str:
        return self.directory.assets[work.key].workload_id

    def point_id(self, work: Workload, point: Point) -> str:
        """<system>/<number>; an archived point has the number of its archive item."""
        system = self.directory.assets[work.key].system
        if point.kind == "archive":
            return f"{system}/a{self.catalog.archive_number(point)}"
        return f"{system}/{self.directory.numbers[point.key]}"
