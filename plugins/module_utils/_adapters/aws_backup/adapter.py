# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""AWS Backup: vaults, recovery points, copy jobs and restore jobs of regions and accounts.

Sources: the service model in botocore, the documentation of the service.
"""

from __future__ import annotations

import itertools
import typing as t
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from functools import partial
from urllib.parse import urlsplit

from ansible_collections.backup.audit.plugins.module_utils._adapters.aws_backup import jobs, options, records
from ansible_collections.backup.audit.plugins.module_utils._adapters.aws_backup.records import (
    Arn,
    Entry,
    PointParser,
    Vault,
)
from ansible_collections.backup.audit.plugins.module_utils._adapters.aws_backup.region import LISTINGS, Region
from ansible_collections.backup.audit.plugins.module_utils._adapters.aws_backup.resources import Resources
from ansible_collections.backup.audit.plugins.module_utils._adapters.rest import RestAdapter, ServerInfo, Settings
from ansible_collections.backup.audit.plugins.module_utils._collect.collector import Collector
from ansible_collections.backup.audit.plugins.module_utils._core.errors import (
    REQUEST_ERRORS,
    AuditError,
    ForbiddenError,
    InvalidResponseError,
    UnauthorizedError,
)
from ansible_collections.backup.audit.plugins.module_utils._transport import aws_auth
from ansible_collections.backup.audit.plugins.module_utils._transport.allowlist import AllowedRequest
from ansible_collections.backup.audit.plugins.module_utils._transport.auth import LoginError
from ansible_collections.backup.audit.plugins.module_utils._transport.aws_auth import AssumedRole, Clock, Keys
from ansible_collections.backup.audit.plugins.module_utils._transport.client import Client

Found = t.TypeVar("Found")

_ASSUME_ROLE = AllowedRequest(
    "POST",
    "/",
    form={
        "Action": "AssumeRole",
        "Version": aws_auth.STS_VERSION,
        "RoleArn": None,
        "RoleSessionName": None,
        "ExternalId": None,
    },
)


class AwsBackup(RestAdapter):
    """Reads all vaults of each region and account. Copies of a recovery point can be in different vaults."""

    product = "aws_backup"
    title = "AWS Backup"
    default_page_size = options.LONGEST_PAGE
    environment = ("AWS_BACKUP",)
    option_names = options.OPTION_NAMES
    variables = options.VARIABLES
    variables_unless = options.VARIABLES_UNLESS
    required = ()
    workload_types = tuple(dict.fromkeys(records.TYPES.values()))
    allowlist = (*LISTINGS, _ASSUME_ROLE)
    not_reported: t.ClassVar = {
        ("*", "*"): {
            "in_inventory": (
                "cannot",
                "deleted resources are listed like others, as long as they have points",
            ),
            "incremental:kind": ("cannot", "each recovery point can be restored alone, so each is a full backup"),
            "status": ("sometimes", "warnings are only in the text of a message"),
            "usable": (
                "sometimes",
                "unknown for partial, stopped and expired points and for possible copies; damage is not reported",
            ),
            "size_bytes": ("sometimes", "unknown for continuous backups"),
            "restore_tested": ("sometimes", "restore jobs are listed for a limited time"),
            "integrity_checked": ("cannot", "the service does not report checks"),
            "encrypted": ("sometimes", "unknown for points that are being created"),
            "offsite": ("sometimes", "unknown if the name of a resource has no region or account, and outside of AWS"),
            "immutable": ("sometimes", "unknown if neither an end nor its absence is reported"),
            "malware": ("sometimes", "unknown for points that were not scanned; nothing is reported as suspicious"),
            "retention": ("cannot", "recovery points have no retention class"),
        },
    }

    @classmethod
    def own_spec(cls) -> dict[str, t.Any]:
        """Return the options of this product."""
        return options.build_spec()

    @classmethod
    def complete(cls, params: dict[str, t.Any]) -> None:
        """Fill in keys and regions from a profile, and the URL of the first region."""
        options.complete(params)

    @classmethod
    def server_name(cls, url: str, params: Mapping[str, t.Any]) -> str:
        """Return the host name. With several regions, it contains all of them."""
        name = super().server_name(url, params)
        regions = params.get("regions", ())
        if len(regions) < 2 or name != urlsplit(options.get_endpoint("backup", regions[0])).hostname:
            return name
        return name.replace(regions[0], "_".join(sorted(regions)))

    @classmethod
    def check(cls, settings: Settings, workload_names: tuple[str, ...]) -> None:
        """Reject what the service cannot accept, before any request is sent."""
        options.check(settings)

    # Login

    def open(self, collector: Collector) -> None:
        """Assume the roles, and send the first request, which shows whether the keys are accepted."""
        self._clock = Clock()
        settings = self.settings
        keys = Keys(settings.username, settings.password, settings.own["session_token"])
        self.client.add_secret(keys.secret_key, f"{keys.access_key}:{keys.secret_key}", keys.token)
        roles: list[AssumedRole | None] = [self._assume(role, keys) for role in settings.own["assume_roles"]]
        names = settings.own["regions"]
        self._regions = [self._build_region(name, role, keys) for role in roles or [None] for name in names]
        first = self._regions[0]
        try:
            self._first_vaults: list[t.Any] = self._clock.with_correction(first.client, first.list_vaults)
        except UnauthorizedError as error:
            raise LoginError(
                f"Login to {first.client.endpoint.url} as {keys.access_key!r} failed (HTTP {error.status})",
                server=error.server,
                request=error.request,
                status=error.status,
                server_message=error.server_message,
                hint=AssumedRole.hint,
            ) from error
        self.client.skew_micros = first.client.skew_micros

    def _has_own_endpoint(self) -> bool:
        default = options.get_endpoint("backup", self.settings.own["regions"][0])
        return urlsplit(self.client.endpoint.url).hostname != urlsplit(default).hostname

    def _assume(self, role: Mapping[str, t.Any], keys: Keys) -> AssumedRole:
        region = self.settings.own["regions"][0]
        url = self.client.endpoint.url if self._has_own_endpoint() else options.get_endpoint("sts", region)
        client = self._sibling(self.settings.own["sts_endpoint_url"] or url, [_ASSUME_ROLE])
        aws_auth.sign_requests(client, lambda: keys, "sts", region, self._clock)
        assumed = AssumedRole(client, keys, role, self._clock)
        try:
            assumed.open(client)
        except ForbiddenError as error:
            error.hint = f"Check external_id, and whether the trust policy of {assumed.username} permits this account"
            raise
        return assumed

    def _build_region(self, name: str, role: AssumedRole | None, keys: Keys) -> Region:
        url = self.client.endpoint.url if self._has_own_endpoint() else options.get_endpoint("backup", name)
        client = self._sibling(url, LISTINGS)
        client.auth = role
        aws_auth.sign_requests(client, lambda: role.keys if role else keys, "backup", name, self._clock)
        return Region(client, name, role.username if role else None, self.settings.page_size)

    def _sibling(self, url: str, allowlist: Sequence[AllowedRequest]) -> Client:
        client = self.client.sibling(url.rstrip("/"), allowlist)
        client.host = super().server_name(url, {})
        return client

    # Reading

    def server_info(self) -> ServerInfo:
        """Return no values: the service reports no version, and only ``read`` finds the accounts."""
        return ServerInfo()

    def read(self, collector: Collector) -> None:
        """Read the vaults, their recovery points and the jobs of all regions and accounts."""
        # The service lists only resources that were backed up, and still lists them after their deletion.
        collector.scope["inventory"] = False
        vaults = self._read_vaults(collector)
        accounts = self._find_accounts(vaults)
        _set_scope(collector, accounts)
        resources = Resources()
        side_listings = {name: self._submit(get_rows, vaults) for name, get_rows in _SIDE_LISTINGS.items()}
        pairs = [(region, vault) for region, found in vaults.items() for vault in found]
        for (region, vault), listed in self.thread_pool.map(self._list_points, pairs):
            if isinstance(listed, AuditError):
                _report(collector, listed, f"vault {vault.name!r} in {region.title}")
            else:
                _compare_count(collector, vault, len(listed[0]), region)
                resources.add_points(*listed)
        rows = {name: _wait(collector, name, futures) for name, futures in side_listings.items()}
        for region, found in rows["copy_jobs"]:
            account_region = Arn(region.name, accounts.get(region) or "", "")
            resources.links.add(account_region, jobs.parse_copy_jobs(found))
        resources.tests = jobs.parse_restore_tests(job for _region, found in rows["restore_jobs"] for job in found)
        for _region, found in rows["protected_resources"]:
            resources.add_protected(found)
        settings = self.settings
        doubtful = resources.report(
            collector,
            settings.workload_types,
            include_unprotected=settings.include_unprotected,
            include_raw=settings.include_raw,
        )
        if doubtful:
            collector.warnings.append(
                f"{doubtful} recovery points may be copies of others, because no copy job is listed for them. They do "
                "not count. Copy jobs are listed for a limited time, in the region and account that was copied from"
            )

    def _read_vaults(self, collector: Collector) -> dict[Region, list[Vault]]:
        """Return the vaults of each region. A region that is not enabled for an account rejects its keys."""
        first, *others = self._regions
        found: dict[Region, list[Vault]] = {}
        listed: Iterator[tuple[Region, t.Any]] = self.thread_pool.map(_try_vaults, others)
        for region, rows in itertools.chain([(first, self._first_vaults)], listed):
            if isinstance(rows, AuditError):
                _report(collector, rows, region.title)
                continue
            try:
                found[region] = [records.parse_vault(row, collector.now) for row in rows]
            except InvalidResponseError as error:
                error.server = region.client.host
                _report(collector, error, region.title)
        return found

    def _find_accounts(self, vaults: Mapping[Region, Sequence[Vault]]) -> dict[Region, str | None]:
        """Return the account of each region: that of the role, or that in the ARNs of its vaults."""
        own = {vault.account_region.account for found in vaults.values() for vault in found}
        account = own.pop() if len(own) == 1 else None
        return {
            region: records.parse_arn(region.account).account if region.account else account for region in self._regions
        }

    def _list_points(self, pair: tuple[Region, Vault]) -> tuple[list[Entry], PointParser] | AuditError:
        region, vault = pair
        keep_rows = self.settings.detail != "workloads" or self.settings.include_raw
        return _try(region, lambda: region.list_points(vault, keep_rows=keep_rows))

    def _submit(
        self, get_rows: Callable[[Region], list[t.Any]], regions: Iterable[Region]
    ) -> list[tuple[Region, Future[list[t.Any] | AuditError]]]:
        return [(region, self.thread_pool.submit(_try, region, partial(get_rows, region))) for region in regions]


# The number of recovery points of a vault is an approximation, so a small difference is normal.
_LISTED_SHARE = 0.9
# Listings that complete the recovery points. Without them, attributes are unknown.
_SIDE_LISTINGS: dict[str, Callable[[Region], list[t.Any]]] = {
    "copy_jobs": Region.list_copy_jobs,
    "restore_jobs": Region.list_restore_jobs,
    "protected_resources": Region.list_resources,
}


def _try(region: Region, call: Callable[[], Found]) -> Found | AuditError:
    """Return the result, or the error if it concerns only this request."""
    try:
        return call()
    except REQUEST_ERRORS as error:
        error.server = error.server or region.client.host
        return error


def _try_vaults(region: Region) -> list[t.Any] | AuditError:
    try:
        return _try(region, region.list_vaults)
    except UnauthorizedError as error:
        error.hint = f"Check that the account has enabled the region {region.name}, or remove it from regions"
        return error


def _compare_count(collector: Collector, vault: Vault, listed: int, region: Region) -> None:
    """Warn if clearly fewer recovery points are listed than the vault contains. The list itself has no total."""
    if vault.point_count is not None and listed < _LISTED_SHARE * vault.point_count:
        collector.warnings.append(
            f"vault {vault.name!r} in {region.title}: {listed} recovery points are listed, but NumberOfRecoveryPoints "
            f"of the vault is {vault.point_count}. Check that a proxy or a policy does not hide recovery points"
        )


def _report(collector: Collector, error: AuditError, what: str) -> None:
    error.message = f"{what}: {error.message}"
    collector.add_problem(error)


def _set_scope(collector: Collector, accounts: Mapping[Region, str | None]) -> None:
    """Record the regions and accounts that were read."""
    collector.scope["regions"] = sorted({region.name for region in accounts})
    known = sorted({account for account in accounts.values() if account})
    collector.scope["accounts"] = known
    if None not in accounts.values():
        collector.set_identity(",".join(sorted(f"{account}/{region.name}" for region, account in accounts.items())))


def _wait(
    collector: Collector, name: str, futures: Iterable[tuple[Region, Future[list[t.Any] | AuditError]]]
) -> list[tuple[Region, list[t.Any]]]:
    """Return the rows of each region. A listing that cannot be read leaves attributes unknown."""
    found: list[tuple[Region, list[t.Any]]] = []
    collector.scope[name] = True
    for region, future in futures:
        rows = future.result()
        if isinstance(rows, AuditError):
            collector.scope[name] = False
            title = name.replace("_", " ")
            collector.warnings.append(f"{title} of {region.title} cannot be read: {rows.message}")
        else:
            found.append((region, rows))
    return found
