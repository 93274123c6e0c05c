# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""IBM Spectrum Protect Plus.

Variants (product `spp`; every product also has those of `ProductApi`):
  version                10.1.17   below 10.1.8.1 /ngp/version is served in place of /api/lifecycle/ping
  copies_as_rows         true      additional copies of a version are separate rows in the catalog
  catalog_time_as_text   true      catalogTime of versions is a string
  child_id               true      children have an `id` in addition to properties.pk ("id?")
  session_in_row         true      catalog rows show properties.sessionId
  outputname_honoured    true      false: aggregate returns results under the operation's name
  aggregate_page         0         above 0: aggregate truncates its results to so many groups
  grouping               honoured  refused, ignored: aggregate groups by one key only (several keys "presumably")
  filter_ignored         false     aggregate ignores the filter, so it also counts the objects themselves
  copytype_ignored       false     aggregate ignores copytype, so it also counts additional copies
  versions_link          version   path and query of links.versions.href below the object, for example "versions" or
                                   "version?from=recovery" (clients follow the link)
  database_properties    true      false: databases are shown with name and links only
  inventory_keeps_removed false    the inventory also lists removed machines, with inHLO false
  offload_target         cloud     "repository server": the target of offload and archive copies (sp)
  min_known              false     aggregate supports `min` (not documented)
  filter_is_or           false     filter entries are OR-ed, according to the documentation but not its recipes
  embed_copies           true      false: the wizard ignores embedCopies, `copies` is absent
  wizard_id_is_pk        true      false: /api/hypervisor uses different ids
  empty_versions         0         number of versions per workload without any remaining copy (3d omitIfNoCopies)
  error_shape            auto      plain, nested or html for every error; auto: as in the vendor's samples
  throttle               0         above 0: 503 for more than so many parallel requests to one controller
  session_calls          0         above 0: a session ends after so many calls
"""

from __future__ import annotations

import re
from collections.abc import Mapping
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
from tests.simulators.spp import jobs as spp_jobs
from tests.simulators.spp import monitoring as spp_monitoring
from tests.simulators.spp.catalogue import Catalogue
from tests.simulators.spp.monitoring import Monitoring
from tests.simulators.spp.records import Records, prefix, session_id, sub_policy
from tests.simulators.spp.session import SppSession, SppSessionStore
from tests.simulators.spp.wizard import Wizard

_HOST = "spp-appliance.invalid:443"
_ACCOUNTS = {"main": ("audit", "a&b+c%d \"e' f:g"), "restricted": ("audit-gold", 'only&gold+100% "x y')}
_PING_SINCE = (10, 1, 8, 1)
_THROTTLED_RESPONSE_SECONDS = 0.03


class SpectrumProtectPlus(ProductApi):
    product: ClassVar[str] = "spp"
    LOG_IN: ClassVar[str] = "/api/endeavour/session"
    LISTING: ClassVar[str] = "/api/endeavour/catalog/recovery/hypervisorvm/*"
    SOME_OBJECTS: ClassVar[Mapping[str, object]] = {"method": "GET", "path": f"{LISTING[:-1]}[0-4]*"}
    SIDE_LISTING: ClassVar[Mapping[str, object]] = {"method": "GET", "path": "/ngp/slapolicy"}
    MEMBER_NAMES: ClassVar[MemberNames] = MemberNames(
        totals=frozenset({"total"}),
        page_keys=frozenset({"pageStartIndex"}),
        limit_key="pageSize",
        uses_links=True,
        enum_members=frozenset({"subpolicytype", "type"}),
    )
    LISTS: ClassVar[dict[str, Listing]] = {
        "vm": Listing(
            frozenset({"full", "incremental", "archive", "snapshot"}), frozenset({"success", "warning"}), "3c, 4, 7"
        ),
        "database": Listing(frozenset({"full", "incremental"}), frozenset({"success", "warning"}), "3b, 7"),
    }
    VARIANTS: ClassVar[dict[str, Setting]] = {
        **ProductApi.VARIANTS,
        "version": "10.1.17",
        "copies_as_rows": True,
        "catalog_time_as_text": True,
        "child_id": True,
        "session_in_row": True,
        "outputname_honoured": True,
        "aggregate_page": 0,
        "grouping": "honoured",
        "filter_ignored": False,
        "copytype_ignored": False,
        "versions_link": "version",
        "database_properties": True,
        "inventory_keeps_removed": False,
        "offload_target": "cloud",
        "min_known": False,
        "filter_is_or": False,
        "embed_copies": True,
        "wizard_id_is_pk": True,
        "empty_versions": 0,
        "error_shape": "auto",
        "throttle": 0,
        "session_calls": 0,
    }

    session_store: SppSessionStore

    def __init__(self, estate: Estate) -> None:
        super().__init__(estate)
        self.session_store = SppSessionStore(_ACCOUNTS)
        self.records = Records(self, self.own_url(_HOST))
        self.catalogue = Catalogue(self, self.records)
        self.wizard = Wizard(self, self.records)
        self.monitoring = Monitoring(self, self.records)
        self.routes = [
            Route("POST", "/api/endeavour/session", self._log_in, needs_session=False),
            Route("DELETE", "/api/endeavour/session", self._log_out),
            Route("GET", "/api/lifecycle/ping", self._ping, needs_session=False),
            Route("GET", "/ngp/version", self._ngp_version),
            *self.catalogue.routes(),
            *self.wizard.routes(),
            *self.monitoring.routes(),
            *(Route("GET", path, self._list) for path in self._LIST_KEYS),
            *(Route("GET", f"{path}/{{number}}", self._get_one) for path in (*self._LIST_KEYS, "/api/cloud")),
        ]

    # Key of the list in the response, by path.
    _LIST_KEYS: ClassVar[dict[str, str]] = {
        "/api/endeavour/job": "jobs",
        "/api/endeavour/jobsession": "sessions",
        "/ngp/slapolicy": "slapolicies",
        "/api/spec/storageprofile": "storageprofiles",
        "/api/site": "sites",
        "/api/storage": "storages",
        "/ngp/cloud": "clouds",
        "/api/vadp": "vadps",
        "/api/hypervisor": "hypervisors",
        "/api/endeavour/alert/message": "alerts",
        "/api/endeavour/log/job": "logs",
    }

    def prepare(self) -> None:
        self.catalogue.prepare()
        self.wizard.prepare()
        sessions = spp_jobs.sessions(self)
        policies = spp_jobs.sla_policies(self)
        sites = spp_jobs.sites(self)
        self.monitoring.prepare(
            {
                "jobs": spp_jobs.jobs(sessions),
                "sessions": sessions,
                "slapolicies": policies,
                "storageprofiles": policies,
                "sites": sites,
                "storages": spp_jobs.storages(self),
                "clouds": spp_jobs.clouds(self),
                "vadps": spp_monitoring.proxies(self, sites),
                "hypervisors": spp_monitoring.hypervisors(self, self.records),
                "alerts": spp_monitoring.alerts(sessions),
                "logs": spp_monitoring.logs(sessions),
            }
        )

    # Sessions

    def authorize(self, call: Call) -> SppSession:
        return self.session_store.get_session(call, self.number("session_calls"))

    def credentials(self) -> dict[str, object]:
        return build_credentials(
            {name: {"username": user, "password": password} for name, (user, password) in _ACCOUNTS.items()}
        )

    def _log_in(self, call: Call, _session: None) -> Response:
        number, user = self.session_store.log_in(call)
        return json_response({"sessionid": number, "user": {"links": {}, "name": user, "type": "user"}})

    def _log_out(self, call: Call, _session: SppSession) -> Response:
        self.session_store.log_out(call)
        return Response(204)

    # The server itself

    def _has_ping(self) -> bool:
        return tuple(int(part) for part in self.text("version").split(".")) >= _PING_SINCE

    def _ping(self, _call: Call, _session: None) -> Response:
        if not self._has_ping():
            raise Refusal(404, "Nothing is found at /api/lifecycle/ping.")
        return json_response({"version": self.text("version"), "build": "1234"})

    def _ngp_version(self, _call: Call, _session: SppSession) -> Response:
        if self._has_ping():
            raise Refusal(404, "Nothing is found at /ngp/version.")
        return json_response({"version": self.text("version"), "build": "1234"})

    # Plain lists

    def _list(self, call: Call, _session: SppSession) -> Response:
        key = self._LIST_KEYS[call.path.rstrip("/")]
        return self.monitoring.list_rows(call, key, any_true=self.flag("filter_is_or"))

    def _get_one(self, call: Call, _session: SppSession, number: str) -> Response:
        path = call.path.rstrip("/").rpartition("/")[0]
        return self.monitoring.get_by_id(self._LIST_KEYS.get(path, "clouds"), number)

    # Errors and limits

    def error_response(self, call: Call, refusal: Refusal) -> Response:
        """Three formats are known; the samples show the nested one if the session id is missing."""
        code = refusal.code or {404: "XSBNotFoundException"}.get(refusal.status, "XSBBadRequestException")
        error = {"id": code, "description": refusal.reason}
        shape = self.text("error_shape")
        if shape == "html":
            page = f"<html><head><title>{refusal.status} {refusal.reason}</title></head><body></body></html>"
            return Response(refusal.status, page.encode(), "text/html")
        if shape == "nested" or (shape == "auto" and code == "XSBMissingSessionidException"):
            return json_response({"response": {"response": error}}, refusal.status)
        return json_response(error, refusal.status)

    def busy_response(self, call: Call, running: int) -> Response | None:
        most = self.number("throttle")
        if not most or running <= most:
            return None
        return self.error_response(call, Refusal(503, "Too many requests.", "XSBServiceUnavailableException"))

    def processing_seconds(self) -> float:
        return _THROTTLED_RESPONSE_SECONDS if self.number("throttle") else 0.0

    def controller(self, call: Call) -> str:
        """Return the controller: undocumented, so the first four parts of the path approximate it."""
        return "/".join(re.split("/+", call.path)[:5])

    # Ground truth

    def workload_id(self, work: Workload) -> str:
        return self.records.pk(work)

    def point_id(self, work: Workload, point: Point) -> str:
        """Return the session id of the version, which is unique only within its workload."""
        return session_id(point.run, prefix(work), sub_policy(point.copies[0]))
