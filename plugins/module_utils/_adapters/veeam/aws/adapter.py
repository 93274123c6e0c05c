# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Veeam Backup for AWS: restore points of EC2 instances. The API version is sent in a header.

Sources: the vendor's specification 1.0-rev0, change logs up to 1.8-rev0, public clients. Provisional: too little is
published about fields that revisions after 1.2 added and about services other than EC2.
"""

from __future__ import annotations

import itertools
import re
import typing as t
import uuid
from collections.abc import Mapping, Sequence

from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.aws import records
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.cloud import (
    MFA_HINT,
    PAGE,
    Rows,
    VeeamCloud,
)
from ansible_collections.backup.audit.plugins.module_utils._collect.collector import Collector
from ansible_collections.backup.audit.plugins.module_utils._core.errors import REQUEST_ERRORS, AuditError
from ansible_collections.backup.audit.plugins.module_utils._core.model import RecoveryPoint, Workload
from ansible_collections.backup.audit.plugins.module_utils._core.times import DAY, SECOND
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import (
    as_bool,
    as_int,
    as_text,
    get_items,
)
from ansible_collections.backup.audit.plugins.module_utils._decoding.record_cache import PointTemplates
from ansible_collections.backup.audit.plugins.module_utils._transport.allowlist import AllowedRequest
from ansible_collections.backup.audit.plugins.module_utils._transport.auth import LoginError, OAuth2Password
from ansible_collections.backup.audit.plugins.module_utils._transport.thread_pool import SerialMapper

_ROOT = "/api/v1"
_TOKEN = f"{_ROOT}/token"
# Newest first. Product version 2 introduced 1.0, 4 introduced 1.2, and each later one the next, up to 10 with 1.8.
API_VERSIONS = (
    *("1.8-rev0", "1.7-rev0", "1.6-rev0", "1.5-rev1", "1.5-rev0"),
    *("1.4-rev0", "1.3-rev0", "1.2-rev0", "1.1-rev0", "1.0-rev0"),
)
_POINTS = "/virtualMachines/restorePoints"
# The path in the first revisions, where the new path means an instance with the id "restorePoints".
_OLD_POINTS = "/vmRestorePoints"
_OLD_VERSIONS = ("1.0-rev0", "1.1-rev0")
# In this revision, the location of an instance is its region.
_LOCATION_IS_REGION = "1.0-rev0"
# A point has the time at which its backup started, but is listed only when the backup has ended.
_LONGEST_RUN = DAY * SECOND
_ABOUT_VERSION = re.compile(r"api[ -]?version", re.IGNORECASE)
# (instance, whether the inventory reports restore points for it)
Instances = Sequence[tuple[Workload, bool]]


class VeeamAws(VeeamCloud):
    """Queries each instance, because points do not name it. Reads the full listing unless the result is complete."""

    product = "veeam_aws"
    title = "Veeam Backup for AWS"
    choice = "aws"
    versions = API_VERSIONS
    root = _ROOT
    default_port = 11005
    environment = ("VEEAM_AWS", "VEEAM")
    workload_types = ("vm",)
    allowlist = (
        AllowedRequest("POST", _TOKEN),
        AllowedRequest("DELETE", _TOKEN),
        AllowedRequest("GET", f"{_ROOT}/system/version"),
        AllowedRequest("GET", f"{_ROOT}/repositories", PAGE),
        AllowedRequest("GET", f"{_ROOT}/virtualMachines", PAGE),
        *(AllowedRequest("GET", _ROOT + path, {**PAGE, "VirtualMachineId": None}) for path in (_POINTS, _OLD_POINTS)),
    )
    not_reported: t.ClassVar = {
        ("*", "*"): {
            "completed_at": ("cannot", "recovery points contain only the point in time that can be restored"),
            "kind": ("sometimes", "the API does not report whether a backup is full or incremental"),
            "status": ("cannot", "recovery points have no state"),
            "usable": ("cannot", "damaged recovery points are offered like intact ones"),
            "restore_tested": ("cannot", "the API does not return restore test results per recovery point"),
            "integrity_checked": ("cannot", "health checks are recorded per session, not per recovery point"),
            "malware": ("cannot", "the API does not return scan results per recovery point"),
            "immutable": ("cannot", "the public specification does not include the immutability of recovery points"),
            "immutable_until": (
                "cannot",
                "the public specification does not include the immutability of recovery points",
            ),
            "expires_at": ("cannot", "retention is applied by policy; recovery points have no expiry date"),
            "retention": ("cannot", "recovery points have no retention class"),
            "job": ("cannot", "recovery points do not name their policy"),
            "offsite": ("cannot", "recovery points do not include the location of their repository"),
            "copies": ("cannot", "recovery points do not include the location of their repository"),
            "encrypted": (
                "inferred",
                "only if all repositories have the same setting; requires a role that may read repositories",
            ),
            "snapshot:offsite": ("sometimes", "a snapshot is stored with its disk"),
            "snapshot:immutable": ("sometimes", "a snapshot can be deleted with its disk"),
            "snapshot:encrypted": ("cannot", "snapshots have the encryption of their disk, which is not reported"),
            "snapshot:size_bytes": ("inferred", "may be the size of the entire disk"),
            "replica:offsite": ("sometimes", "reported if the region differs from that of the instance"),
            "replica:encrypted": ("cannot", "snapshots have the encryption of their disk, which is not reported"),
        },
    }

    # Login

    def open(self, collector: Collector) -> None:
        """Negotiate the API revision and log in."""
        self.client.get_hint = _get_hint
        login = OAuth2Password(
            self.settings.username,
            self.settings.password,
            path=_TOKEN,
            mfa_hint=MFA_HINT,
        )
        self._api_version = self._negotiate_version(login, self.settings.own.get("api_version"))
        self._path = _OLD_POINTS if self._api_version in _OLD_VERSIONS else _POINTS
        collector.scope["api_version"] = self._api_version

    def version(self) -> str | None:
        """Return the product version, which only the Portal Administrator can read."""
        try:
            return as_text(self.client.get(f"{_ROOT}/system/version").json_object().get("version"))
        except REQUEST_ERRORS:
            return None

    def _negotiate_version(self, login: OAuth2Password, requested: str | None) -> str:
        """Log in with the newest revision that the server supports. A rejected revision is not a wrong password."""
        for version in (requested,) if requested else API_VERSIONS:
            self.client.set_default_headers({"x-api-version": version})
            try:
                self.log_in(login)
                return version
            except LoginError as error:
                if error.status != 400 or not _ABOUT_VERSION.search(error.server_message or ""):
                    raise
                refused = error
        raise AuditError(
            f"the appliance does not support API revision {requested}"
            if requested
            else "the appliance does not support any known API revision",
            code="wrong_version",
            server=refused.server,
            request=refused.request,
            status=refused.status,
            server_message=refused.server_message,
            hint='Omit "api_version" to use the newest revision that the appliance supports',
        )

    # Reading

    def read(self, collector: Collector) -> None:
        """Read the points of each instance, then the full listing unless they are proven to be all points."""
        self._collector = collector
        self._templates = PointTemplates(records.TEMPLATE_KEYS)
        self._region_names: dict[str, str] = {}
        self._home_regions: dict[str, records.Region] = {}
        self._has_ambiguous = False
        inventory = self.thread_pool.submit(self._list_instances)
        repositories = self.thread_pool.submit(self.fetch_optional_rows, "/repositories", "repositories")
        total = self._fetch_total()
        instances = self._parse_inventory(inventory.result())
        self.record_repositories(collector, repositories.result())
        self._add_workloads(instances)
        owners = self._find_owners(instances, total, add_points=True)
        if not self._is_complete(owners, total):
            try:
                self._read_full_listing(instances, owners, total)
            except REQUEST_ERRORS as error:
                if not owners.count:
                    raise
                self.partial.add_problem(error, "restore points without an instance")
        if self._has_ambiguous:
            self._report_unassigned(
                "the appliance does not report the instance of some restore points; they are in one row without an id"
            )

    def _list_instances(self) -> Rows | AuditError:
        return self.fetch_optional_rows("/virtualMachines", "instances")

    def _is_complete(self, owners: records.PointOwners, total: int | None) -> bool:
        """Return whether the lists of the instances contain each point of the appliance exactly once.

        With a name filter, points without an instance are not needed, and only ambiguous points matter.
        """
        if self._collector.has_name_filter:
            return not self._has_ambiguous and not owners.has_ambiguous_ids
        if total is None or owners.count != total or owners.has_ambiguous_ids:
            return False
        # Request the item after the last one, because the reported total may be too small. An error proves nothing.
        try:
            return self._fetch_first({"Offset": str(total)}) == ([], total)
        except REQUEST_ERRORS:
            return False

    def _read_full_listing(self, instances: Instances, owners: records.PointOwners, total: int | None) -> None:
        """Read the full listing. Points without an instance are added to a row without id."""
        self._unassigned = Workload(type="vm", platform=records.PLATFORM)
        began = self._collector.now - _LONGEST_RUN
        late: list[dict[str, t.Any]] = []
        count = 0
        rows = self.rows(self._path, "restore points")
        first = next(rows, None)
        # Discard added points: they may belong to other instances, or may have been deleted meanwhile.
        self._collector.discard([workload for workload, _has_points in instances])
        self._add_workloads(instances)
        for row in itertools.chain([] if first is None else [first], rows):
            count += 1
            created = records.parse_created_or_none(row)
            is_late = created is not None and created >= began
            if owners.is_filter_honored and owners.get(str(row["id"])) is None and is_late:
                late.append(row)
            else:
                self._add_point_by_owner(row, owners)
        if late and count != total:
            # The points may have been created after their instance was queried.
            owners = self._find_owners(instances, None)
        for row in late:
            self._add_point_by_owner(row, owners)

    def _fetch_total(self) -> int | None:
        """Return the total number of points."""
        response = self.client.get(_ROOT + self._path, {"Offset": "0", "Limit": "1"})
        return as_int(response.json_object().get("totalCount"))

    def _add_point_by_owner(self, row: dict[str, t.Any], owners: records.PointOwners) -> None:
        ident = str(row["id"])
        if owners.is_ambiguous(ident):
            self._has_ambiguous = True
        self._add_point(row, owners.get(ident) or self._unassigned)

    def _add_point(self, row: dict[str, t.Any], workload: Workload) -> None:
        size, created = records.parse_size(row), records.parse_created_or_none(row)
        template = self._templates.get(row, workload.id) if size and created is not None else None
        if template is not None and created is not None:
            self._collector.add_point_like(template, str(row["id"]), created, size)
            return
        if size and not self.settings.include_raw:
            self._templates.add(row, self._build_point(row, workload), workload.id)
        self._collector.add_point(self._build_point(row, workload))

    def _build_point(self, row: Mapping[str, t.Any], workload: Workload) -> RecoveryPoint:
        return self.build_point(
            row,
            lambda record: records.parse_point(
                record,
                workload,
                home=self._home_regions.get(workload.id or "", records.Region()),
                names=self._region_names,
                encrypted=self.encrypted,
                include_raw=self.settings.include_raw,
            ),
        )

    def _parse_inventory(self, machines: Rows | AuditError) -> Instances:
        """Parse every instance of the inventory."""
        if isinstance(machines, AuditError):
            self._collector.scope["inventory"] = False
            self._report_unassigned(
                "inventory not available: the instances of restore points are unknown, and unprotected instances "
                f"cannot be detected. Cause: {machines.message}"
            )
            return []
        self._collector.scope["inventory"] = True
        instances = []
        for machine in machines:
            workload = records.parse_workload(machine)
            if workload.id is None:
                # Without an id, its points cannot be requested.
                self.partial.warn("some instances are listed without an id and are not included", "inventory")
                continue
            workload.in_inventory = {True: False, False: True, None: None}[as_bool(machine.get("isDeleted"))]
            region = records.parse_region(machine, is_location_region=self._api_version == _LOCATION_IS_REGION)
            self._home_regions[workload.id] = region
            if region.id is not None and region.name is not None:
                self._region_names.setdefault(region.id, region.name)
            instances.append((workload, machine.get("backupDestinations") != []))
        return instances

    def _add_workloads(self, instances: Instances) -> None:
        """Add the existing instances, with or without points."""
        for workload, _has_points in instances:
            if workload.in_inventory is not False and self.settings.include_unprotected:
                self._collector.add_workload(workload)

    def _find_owners(self, instances: Instances, total: int | None, *, add_points: bool = False) -> records.PointOwners:
        """Map points to instances. Instances reported without points are queried only if points are left over."""
        owners = records.PointOwners()
        selected = [
            (workload, has_points) for workload, has_points in instances if self._collector.is_selected(workload)
        ]
        owners.is_filter_honored = bool(selected) and self._is_filter_honored()
        self._has_ambiguous = self._has_ambiguous or (bool(selected) and not owners.is_filter_honored)
        for has_points in (True, False) if owners.is_filter_honored else ():
            if total is None or owners.count < total:
                queried = [workload for workload, has in selected if has is has_points]
                results = self.fetch_each(self._fetch_points, queried, lambda each: str(each.id), self._list_instances)
                for workload, rows in results:
                    if isinstance(rows, AuditError):
                        self.partial.add_problem(rows, f"restore points of instance {workload.name!r} ({workload.id})")
                    elif rows is None:
                        # The instance was deleted meanwhile.
                        workload.in_inventory = False
                    else:
                        owners.add(workload, rows)
                        for row in rows.values() if add_points else ():
                            self._add_point(row, workload)
        owners.finalize()
        return owners

    def _is_filter_honored(self) -> bool:
        """Query an instance that cannot exist: a server that ignores the filter returns points for it."""
        try:
            found = self._fetch_first({"VirtualMachineId": str(uuid.uuid4()), "Offset": "0"})
        except REQUEST_ERRORS as error:
            self.partial.add_problem(error, "restore points of single instances")
            return False
        return found is None or not found[0]

    def _fetch_first(self, query: Mapping[str, str]) -> tuple[list[t.Any], int | None] | None:
        """Return (first restore point, total) of a query, or None if the server rejects the query."""
        try:
            response = self.client.get(_ROOT + self._path, {**query, "Limit": "1"})
        except AuditError as error:
            if error.status in (400, 404):
                return None
            raise
        body = response.json_object()
        return get_items(body, "results", response.request, response.server), as_int(body.get("totalCount"))

    def _report_unassigned(self, reason: str) -> None:
        """Warn about points without an instance. With a name filter, fail: points would silently be missing."""
        if self._collector.has_name_filter:
            raise AuditError(
                f"workload_names: {reason}",
                code="invalid_option",
                server=self.client.host,
                hint='Omit "workload_names", or use an account that may read instances',
            )
        self._collector.warnings.append(reason)

    def _fetch_points(self, workload: Workload) -> dict[str, dict[str, t.Any]]:
        query = {"VirtualMachineId": str(workload.id)}
        return {str(row["id"]): row for row in self.rows(self._path, "restore points", query, SerialMapper())}


def _get_hint(status: int, body: bytes) -> str | None:
    if status == 403 and b"licenseagreement" in body.lower().replace(b" ", b""):
        return "Accept the license agreement in the web console of the appliance first"
    return None
