# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Veeam Backup for AWS: restore points of EC2 instances. The version of the API travels in a header.

Sources: the vendor's specification 1.0-rev0, change logs up to 1.8-rev0, public clients. Provisional: of the members
that revisions after 1.2 added, and of services beside EC2, too little is published.
"""

from __future__ import annotations

import re
import typing as t
import uuid
from collections.abc import Mapping, Sequence

from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.aws import records
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.cloud import (
    MFA_ADVICE,
    PAGE,
    Rows,
    VeeamCloud,
)
from ansible_collections.backup.audit.plugins.module_utils._collect.collector import Collector
from ansible_collections.backup.audit.plugins.module_utils._core.errors import AuditError, ForbiddenError, NotFoundError
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
# Newest first. Product 2 brought 1.0, 4 brought 1.2, and from there each release the next, up to 10 with 1.8.
API_VERSIONS = tuple(f"1.{number}-rev0" for number in range(8, -1, -1))
# Where points are: the second is the path of 1.0. Which of them 1.1 has is not published, so both are tried.
_POINTS = ("/virtualMachines/restorePoints", "/vmRestorePoints")
# A point is listed when its backup ends, under the time at which that began.
_LONGEST_RUN = DAY * SECOND
_ABOUT_VERSION = re.compile(r"api[ -]?version", re.IGNORECASE)
# Instances, and of each whether the inventory says that it has restore points.
Placed = Sequence[tuple[Workload, bool]]


class VeeamAws(VeeamCloud):
    """Points name no instance, so each is asked for its own; the list of all is read unless those prove to be all."""

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
        *(AllowedRequest("GET", _ROOT + path, {**PAGE, "VirtualMachineId": None}) for path in _POINTS),
    )
    not_reported: t.ClassVar = {
        ("*", "*"): {
            "completed_at": ("cannot", "points carry only the time that can be restored"),
            "kind": ("sometimes", "backups do not say whether they are full or incremental"),
            "status": ("cannot", "points carry no state"),
            "usable": ("cannot", "a damaged point is offered like any other"),
            "verified": ("cannot", "no result of a test restore is kept with a point"),
            "checked": ("cannot", "health checks are recorded by session, not by point"),
            "malware": ("cannot", "no scan result is kept with a point"),
            "immutable": ("cannot", "points carry no immutability in the specification that is public"),
            "immutable_until": ("cannot", "points carry no immutability in the specification that is public"),
            "expires_at": ("cannot", "retention is applied by policy; points carry no date"),
            "retention": ("cannot", "points carry no retention class"),
            "job": ("cannot", "points do not name the policy"),
            "offsite": ("cannot", "where the repository of a backup stands is not told by its points"),
            "copies": ("cannot", "where the repository of a backup stands is not told by its points"),
            "encrypted": ("estimated", "only where all repositories agree; needs a role that may read repositories"),
            "snapshot:offsite": ("sometimes", "a snapshot lies beside the disk"),
            "snapshot:immutable": ("sometimes", "a snapshot can be deleted with the disk"),
            "snapshot:encrypted": ("cannot", "the encryption of snapshots is that of the disk and is not told"),
            "snapshot:size_bytes": ("estimated", "may be the size of the whole disk"),
            "replica:offsite": ("sometimes", "told where the region differs from the instance's"),
            "replica:encrypted": ("cannot", "the encryption of snapshots is that of the disk and is not told"),
        },
    }

    # Way in

    def open(self, collector: Collector) -> None:
        """Agree on a revision, and log in."""
        self.client.advise = _advice
        login = OAuth2Password(
            self.settings.username,
            self.settings.password,
            path=_TOKEN,
            mfa_advice=MFA_ADVICE,
        )
        collector.scope["api_version"] = self._agreed(login, self.settings.own.get("api_version"))

    def version(self) -> str | None:
        """Only the Portal Administrator may ask that."""
        try:
            return as_text(self.client.get(f"{_ROOT}/system/version").json_object().get("version"))
        except (ForbiddenError, NotFoundError):
            return None

    def _agreed(self, login: OAuth2Password, wanted: str | None) -> str:
        """Log in with the newest revision that is served. A refused revision is no judgement of the password."""
        for version in (wanted,) if wanted else API_VERSIONS:
            self.client.always_send({"x-api-version": version})
            try:
                self.log_in(login)
                return version
            except LoginError as error:
                if error.status != 400 or not _ABOUT_VERSION.search(error.words or ""):
                    raise
                refused = error
        raise AuditError(
            f"the appliance does not speak revision {wanted or 'any known'} of the API",
            code="wrong_version",
            server=refused.server,
            call=refused.call,
            status=refused.status,
            words=refused.words,
            advice="Leave api_version out to use the newest that the appliance serves",
        )

    # Reading

    def read(self, collector: Collector) -> None:
        """Instance by instance, and by the list of all where that is not the same."""
        self._reading = collector
        self._alike = PointTemplates(records.ALIKE)
        self._regions: dict[str, str] = {}
        self._homes: dict[str, str] = {}
        self._disputed = False
        inventory = self.thread_pool.submit(self.side_rows, "/virtualMachines", "instances")
        repositories = self.thread_pool.submit(self.side_rows, "/repositories", "repositories")
        self._path, total = self._found()
        placed = self._placed(inventory.result())
        self.note_repositories(collector, repositories.result())
        self._list(placed)
        owners = self._owners(placed, total, tell=True)
        if not self._are_all(owners, total):
            # Told too early: some may be others', or gone meanwhile.
            collector.discard([workload for workload, _said in placed])
            self._list(placed)
            self._read_all(placed, owners, total)
        if self._disputed:
            self._cannot_place("the appliance does not tell whose restore points are; they stand together, without id")

    def _are_all(self, owners: records.PointOwners, total: int | None) -> bool:
        """Whether the instances' own lists hold every point of the appliance once; asked when they have been read.

        Where names are asked for, points of no instance are not wanted, and only disputes matter.
        """
        if self._reading.has_name_filter:
            return not self._disputed and not owners.has_disputes
        if total is None or owners.count != total or owners.has_disputes:
            return False
        # Behind the last one, because a total may be told too small. A server that refuses that proves nothing.
        return self._first_of({"Offset": str(total)}) == ([], total)

    def _read_all(self, placed: Placed, owners: records.PointOwners, total: int | None) -> None:
        """The list of all; what belongs to no instance stands in a row without id."""
        self._nameless = Workload(type="vm", platform="aws")
        began = self._reading.now - _LONGEST_RUN
        late: list[dict[str, t.Any]] = []
        count = 0
        for row in self.rows(self._path, "restore points"):
            count += 1
            if owners.honoured and owners.get(str(row["id"])) is None and records.created_of(row) >= began:
                late.append(row)
            else:
                self._tell_owned(row, owners)
        if late and count != total:
            # They may have come after their instance was asked.
            owners = self._owners(placed, None)
        for row in late:
            self._tell_owned(row, owners)

    def _found(self) -> tuple[str, int | None]:
        """The path of restore points that this revision has, and how many there are."""
        for path in _POINTS:
            try:
                answer = self.client.get(_ROOT + path, {"Offset": "0", "Limit": "1"})
            except NotFoundError:
                if path == _POINTS[-1]:
                    raise
            else:
                break
        return path, as_int(answer.json_object().get("totalCount"))

    def _tell_owned(self, row: dict[str, t.Any], owners: records.PointOwners) -> None:
        ident = str(row["id"])
        if owners.is_disputed(ident):
            self._disputed = True
        self._tell(row, owners.get(ident) or self._nameless)

    def _tell(self, row: dict[str, t.Any], workload: Workload) -> None:
        size = records.size_of(row)
        pattern = self._alike.known(row, workload.id) if size else None
        if pattern is not None:
            self._reading.add_point_like(pattern, str(row["id"]), records.created_of(row), size)
            return
        if size and not self.settings.include_raw:
            self._alike.learn(row, self._point_of(row, workload), workload.id)
        self._reading.add_point(self._point_of(row, workload))

    def _point_of(self, row: Mapping[str, t.Any], workload: Workload) -> RecoveryPoint:
        return records.point_of(
            row,
            workload,
            home=self._homes.get(workload.id or ""),
            regions=self._regions,
            encrypted=self.encrypted,
            include_raw=self.settings.include_raw,
        )

    def note_repositories(self, collector: Collector, repositories: Rows | AuditError) -> None:
        """Where they may not be read the user is told, because there is nothing else to know it from."""
        super().note_repositories(collector, repositories)
        if isinstance(repositories, AuditError):
            collector.warnings.append(f"whether backups are encrypted is unknown: {repositories.message}")

    def _placed(self, machines: Rows | AuditError) -> Placed:
        """Every instance of the inventory."""
        if isinstance(machines, AuditError):
            self._reading.scope["inventory"] = False
            self._cannot_place(
                "the inventory could not be read, so whose restore points are is unknown, and unprotected instances "
                f"are not seen: {machines.message}"
            )
            return []
        self._reading.scope["inventory"] = True
        placed = []
        for machine in machines:
            workload = records.workload_of(machine)
            workload.in_inventory = {True: False, False: True, None: None}[as_bool(machine.get("isDeleted"))]
            region = records.region_of(machine)
            if region is not None:
                self._homes[str(workload.id)] = region[0]
                if region[1] is not None:
                    self._regions[region[0]] = region[1]
            placed.append((workload, machine.get("backupDestinations") != []))
        return placed

    def _list(self, placed: Placed) -> None:
        """The instances that there are, whether they have points or not."""
        for workload, _said in placed:
            if workload.in_inventory is not False and self.settings.include_unprotected:
                self._reading.add_workload(workload)

    def _owners(self, placed: Placed, total: int | None, *, tell: bool = False) -> records.PointOwners:
        """Point -> instance. Those that are said to have none are asked only where points are left over."""
        owners = records.PointOwners()
        wanted = [(workload, said) for workload, said in placed if self._reading.is_selected(workload)]
        owners.honoured = bool(wanted) and self._filter_is_honoured()
        self._disputed = self._disputed or (bool(wanted) and not owners.honoured)
        for said in (True, False) if owners.honoured else ():
            if total is None or owners.count < total:
                asked = [workload for workload, has in wanted if has is said]
                for workload, rows in self.thread_pool.map(self._rows_of, asked):
                    owners.add(workload, rows)
                    for row in rows.values() if tell else ():
                        self._tell(row, workload)
        owners.seal()
        return owners

    def _filter_is_honoured(self) -> bool:
        """A server that ignores the filter gives points for an instance that cannot exist, too."""
        told = self._first_of({"VirtualMachineId": str(uuid.uuid4()), "Offset": "0"})
        return told is None or not told[0]

    def _first_of(self, query: Mapping[str, str]) -> tuple[list[t.Any], int | None] | None:
        """The first restore point that is asked for, if there is one, and the total; None where that is refused."""
        try:
            answer = self.client.get(_ROOT + self._path, {**query, "Limit": "1"})
        except AuditError as error:
            if error.status in (400, 404):
                return None
            raise
        told = answer.json_object()
        return get_items(told, "results", answer.call, answer.server), as_int(told.get("totalCount"))

    def _cannot_place(self, why: str) -> None:
        """Points without a name: where names are asked for, those would be missing without a word."""
        if self._reading.has_name_filter:
            raise AuditError(
                f"names: {why}",
                code="bad_option",
                server=self.client.host,
                advice="Leave names out, or use an account that may read instances",
            )
        self._reading.warnings.append(why)

    def _rows_of(self, workload: Workload) -> dict[str, dict[str, t.Any]]:
        query = {"VirtualMachineId": str(workload.id)}
        return {str(row["id"]): row for row in self.rows(self._path, "restore points", query, SerialMapper())}


def _advice(status: int, body: bytes) -> str | None:
    if status == 403 and b"licenseagreement" in body.lower().replace(b" ", b""):
        return "Somebody must accept the licence agreement in the appliance's web console first"
    return None
