# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""AWS Backup, and AssumeRole of the Security Token Service (STS): all regions and accounts at one address.

The access key of a call selects its account, and the region for which it is signed selects its region.
Accounts of the ready file: see accounts.py. A page continues after the last record of the page before it.

Variants (product `aws_backup`; every product also has those of `ProductApi`):
  copy_account   same        other: the vaults in Frankfurt, with copies, belong to another account
  copy_dates     source      own: a copy has the date of its copy job, not that of the recovery point that was copied
  denied         ""          operations that the account must not call, separated by commas: ListCopyJobs, or
                             ListRecoveryPointsByBackupVault/NAME for one vault
  disabled       ""          a region that the account has not enabled: it rejects every key
  emptied        ""          name of a workload whose recovery points have all been deleted
  empty_pages    false       every second page has no records, but a token
  job_days       90          for how many days copy jobs are listed
  locks          compliance  how the vaults of immutable copies are locked: governance, grace, air_gapped, none
  newest_status  ""          status of the newest recovery point of each workload
  originals      listed      deleted: only the copies of recovery points with copies are left
  repeated_token false       every token returns the same page
  stated_percent 100         NumberOfRecoveryPoints of each vault as a share of its recovery points: an approximation
  throttled      ""          400, 429: the first call for each page is rejected with ThrottlingException
  validation     SUCCESSFUL  validation status of restore tests; empty: restored without validation
"""

from __future__ import annotations

import base64
import bisect
import fnmatch
import json
import time
from collections.abc import Mapping, Sequence
from typing import ClassVar

from tests.simulators.aws_backup.accounts import KEYS, MAIN_ACCOUNT, ROLE, Session, TemporaryKeys
from tests.simulators.aws_backup.vaults import LISTED_BY, REGIONS, Row, Vault, Vaults
from tests.simulators.ground_truth import SECOND, Estate, Point, Workload
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

_LONGEST_PAGE = 1000
_DEFAULT_PAGE = 100
_KINDS = frozenset({"full", "incremental"})
# A failed backup job leaves no recovery point.
_STATUSES = frozenset({"success", "warning", "running"})
_STS = "/"


class AwsBackup(ProductApi):
    product: ClassVar[str] = "aws_backup"
    LOG_IN: ClassVar[str] = _STS
    LISTING: ClassVar[str] = "/backup-vaults/*/recovery-points/"
    STORES_SESSIONS: ClassVar[bool] = False
    SOME_OBJECTS: ClassVar[Mapping[str, object]] = {"path": LISTING, "after": 1}
    SIDE_LISTING: ClassVar[Mapping[str, object]] = {"path": "/restore-jobs/"}
    MEMBER_NAMES: ClassVar[MemberNames] = MemberNames(
        page_keys=frozenset({"nextToken"}),
        limit_key="maxResults",
        enum_members=frozenset({"status", "vaulttype", "resourcetype", "validationstatus"}),
    )
    LISTS: ClassVar[dict[str, Listing]] = {
        name: Listing(_KINDS, _STATUSES, "2") for name in ("vm", "database", "file_share")
    }
    VARIANTS: ClassVar[dict[str, Setting]] = {
        **ProductApi.VARIANTS,
        "copy_account": "same",
        "copy_dates": "source",
        "denied": "",
        "disabled": "",
        "emptied": "",
        "empty_pages": False,
        "job_days": 90,
        "locks": "compliance",
        "newest_status": "",
        "originals": "listed",
        "repeated_token": False,
        "stated_percent": 100,
        "throttled": "",
        "validation": "SUCCESSFUL",
    }

    session_store: TemporaryKeys

    def __init__(self, estate: Estate) -> None:
        super().__init__(estate)
        self.session_store = TemporaryKeys()
        self.vaults = Vaults(self)
        self._throttled: set[object] = set()
        self.routes = [
            Route("POST", _STS, self._assume_role),
            self._listing("/backup-vaults", "ListBackupVaults", "BackupVaultList"),
            self._listing("/resources", "ListProtectedResources", "Results"),
            self._listing("/copy-jobs", "ListCopyJobs", "CopyJobs"),
            self._listing("/restore-jobs", "ListRestoreJobs", "RestoreJobs"),
            Route("GET", "/backup-vaults/{vault}", self._describe_vault),
            Route("GET", "/backup-vaults/{vault}/recovery-points", self._list_points),
        ]

    def prepare(self) -> None:
        self._throttled.clear()
        self.vaults.prepare()

    def reset(self) -> None:
        self._throttled.clear()
        super().reset()

    # Accounts

    def end_sessions(self) -> None:
        """A restart does not end the keys of roles."""

    def authorize(self, call: Call) -> Session:
        is_sts = call.path == _STS
        session = self.session_store.authorize(call, "sts" if is_sts else "backup", self._signing_times())
        if session.region == self.text("disabled"):
            raise Refusal(403, "The security token included in the request is invalid.", "UnrecognizedClientException")
        if not is_sts:
            self._throttle(call)
        return session

    def _signing_times(self) -> tuple[int, int]:
        """Return the time of the environment, which may be fixed, and that of this machine, which other clients use."""
        return self.clock(), time.time_ns() // 1000 + self.number("clock_skew") * SECOND

    def credentials(self) -> dict[str, object]:
        logins = {name: key.as_json() for name, key in KEYS.items()}
        main = KEYS["main"]
        return {
            **build_credentials(logins),
            "region": REGIONS["berlin"],
            "access_key": main.access_key,
            "secret_key": main.secret_key,
        }

    def module_options(self, url: str) -> dict[str, object]:
        return {"regions": ",".join(REGIONS.values()), "assume_roles": [{"role_arn": ROLE.format(MAIN_ACCOUNT)}]}

    def _assume_role(self, call: Call, session: Session) -> Response:
        document = self.session_store.assume(call, session, self.clock())
        return Response(200, document.encode(), "text/xml")

    def _allow(self, session: Session, operation: str, name: str = "") -> None:
        called = f"{operation}/{name}" if name else operation
        denied = [one for one in self.text("denied").split(",") if one]
        if not session.key.reads or any(fnmatch.fnmatchcase(called, one) for one in denied):
            user = f"arn:aws:iam::{session.key.account}:user/audit"
            message = f"User: {user} is not authorized to perform: backup:{operation} on resource: {name or '*'}"
            raise Refusal(403, message, "AccessDeniedException")

    def _throttle(self, call: Call) -> None:
        status = self.text("throttled")
        page = (call.path, tuple(call.query))
        if status and page not in self._throttled:
            self._throttled.add(page)
            raise Refusal(int(status), "Rate exceeded", "ThrottlingException")

    # Listings

    def _listing(self, path: str, operation: str, member: str) -> Route:
        def respond(call: Call, session: Session) -> Response:
            self._allow(session, operation)
            return self._page(call, member, self.vaults.unit(session.key.account, session.region).listings()[member])

        return Route("GET", path, respond)

    def _describe_vault(self, call: Call, session: Session, vault: str) -> Response:
        self._allow(session, "DescribeBackupVault", vault)
        return json_response(self._find_vault(session, vault).row)

    def _list_points(self, call: Call, session: Session, vault: str) -> Response:
        self._allow(session, "ListRecoveryPointsByBackupVault", vault)
        found = self._find_vault(session, vault)
        rows = self.with_concurrent_changes(call, found.points, json.dumps)
        return self._page(call, "RecoveryPoints", rows)

    def _find_vault(self, session: Session, name: str) -> Vault:
        vault = self.vaults.unit(session.key.account, session.region).vaults.get(name)
        if vault is None:
            raise Refusal(400, "Backup vault not found", "ResourceNotFoundException")
        return vault

    def _page(self, call: Call, member: str, rows: Sequence[Row]) -> Response:
        key = LISTED_BY[member]
        limit = int(call.first("maxResults") or _DEFAULT_PAGE)
        if not 1 <= limit <= _LONGEST_PAGE:
            message = f"Value '{limit}' at 'maxResults' failed to satisfy constraint: between 1 and {_LONGEST_PAGE}"
            raise Refusal(400, message, "InvalidParameterValueException")
        wanted = {"resourceArn": "ResourceArn", "resourceType": "ResourceType"}
        for parameter, name in wanted.items():
            if (value := call.first(parameter)) is not None:
                rows = [row for row in rows if row.get(name) == value]
        token = call.first("nextToken")
        was_empty, last = _parse_token(token) if token else (False, "")
        rest = rows[bisect.bisect_right(rows, last, key=lambda row: str(row[key])) :]
        is_empty = self.flag("empty_pages") and not was_empty
        page = [] if is_empty else rest[:limit]
        body: Row = {member: page}
        if len(page) < len(rest):
            body["NextToken"] = _token(is_empty, str(page[-1][key]) if page else last)
            if self.flag("repeated_token") and token:
                body["NextToken"] = token
        return json_response(body)

    # Errors and ground truth

    def error_response(self, call: Call, refusal: Refusal) -> Response:
        if call.path == _STS:
            # STS has other names for some errors.
            code = refusal.code.replace("UnrecognizedClientException", "InvalidClientTokenId")
            code = code.replace("InvalidSignatureException", "SignatureDoesNotMatch")
            document = (
                '<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">\n  <Error>\n'
                f"    <Type>Sender</Type>\n    <Code>{code}</Code>\n    <Message>{refusal.reason}</Message>\n"
                "  </Error>\n</ErrorResponse>\n"
            )
            return Response(refusal.status, document.encode(), "text/xml")
        response = json_response({"message": refusal.reason}, refusal.status)
        response.headers["x-amzn-ErrorType"] = refusal.code or "InternalFailure"
        return response

    @property
    def identity(self) -> str:
        return ",".join(sorted(f"{MAIN_ACCOUNT}/{region}" for region in REGIONS.values()))

    def workload_id(self, work: Workload) -> str:
        return self.vaults.resource_arn(work)

    def point_id(self, work: Workload, point: Point) -> str:
        return self.vaults.point_arn(work, point)


def _token(is_empty: bool, last: str) -> str:
    return base64.b64encode(f"{'empty' if is_empty else 'page'}:{last}".encode()).decode()


def _parse_token(token: str) -> tuple[bool, str]:
    """Return whether the page before was empty, and the last record that was returned."""
    try:
        kind, _colon, last = base64.b64decode(token, validate=True).decode().partition(":")
    except ValueError as error:
        raise Refusal(400, "The pagination token is not valid", "InvalidParameterValueException") from error
    return kind == "empty", last
