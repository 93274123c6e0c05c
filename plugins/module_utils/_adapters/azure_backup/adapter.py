# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Azure Backup: recovery points in Recovery Services vaults and Backup vaults of one or several subscriptions.

Sources: the vendor's API reference, its example responses and its SDK.
"""

from __future__ import annotations

import dataclasses
import pathlib
import re
import typing as t
from collections.abc import Mapping
from urllib.parse import urlsplit

from ansible_collections.backup.audit.plugins.module_utils._adapters.azure_backup import arm, records
from ansible_collections.backup.audit.plugins.module_utils._adapters.azure_backup.arm import Arm
from ansible_collections.backup.audit.plugins.module_utils._adapters.azure_backup.points import PointParser
from ansible_collections.backup.audit.plugins.module_utils._adapters.azure_backup.records import Item
from ansible_collections.backup.audit.plugins.module_utils._adapters.azure_backup.vaults import (
    VaultReader,
    build_scopes,
)
from ansible_collections.backup.audit.plugins.module_utils._adapters.rest import RestAdapter, ServerInfo
from ansible_collections.backup.audit.plugins.module_utils._collect.collector import Collector
from ansible_collections.backup.audit.plugins.module_utils._core.errors import (
    REQUEST_ERRORS,
    DataError,
    OptionError,
)
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import as_text
from ansible_collections.backup.audit.plugins.module_utils._transport.stateless_auth import ClientCredentials


@dataclasses.dataclass(frozen=True)
class Cloud:
    """The endpoints of one Azure cloud."""

    management: str
    login: str


# Names as in the collection azure.azcollection.
CLOUDS = {
    "AzureCloud": Cloud("https://management.azure.com", "https://login.microsoftonline.com"),
    "AzureUSGovernment": Cloud("https://management.usgovcloudapi.net", "https://login.microsoftonline.us"),
    "AzureChinaCloud": Cloud("https://management.chinacloudapi.cn", "https://login.chinacloudapi.cn"),
}
_VERSIONS = {"recovery_services_api_version": "2024-10-01", "data_protection_api_version": "2024-04-01"}
_UNKNOWN_KIND = ("sometimes", "the recovery points do not report whether they are full or incremental")
_TENANT = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*")
_SUBSCRIPTION = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_VERSION = re.compile(r"\d{4}-\d\d-\d\d(?:-preview)?")


class AzureBackup(RestAdapter):
    """Reads the vaults of the subscriptions, the items in each vault, and the points of each item."""

    product = "azure_backup"
    title = "Azure Backup"
    environment = ("AZURE_BACKUP",)
    option_names: t.ClassVar = {"url": "url", "username": "client_id", "password": "secret"}
    variables: t.ClassVar = {
        "username": ("AZURE_BACKUP_USERNAME", "AZURE_CLIENT_ID"),
        "password": ("AZURE_BACKUP_PASSWORD", "AZURE_SECRET", "AZURE_CLIENT_SECRET"),
        "tenant": ("AZURE_BACKUP_TENANT", "AZURE_TENANT", "AZURE_TENANT_ID"),
        "subscription_id": ("AZURE_BACKUP_SUBSCRIPTION_ID", "AZURE_SUBSCRIPTION_ID"),
        "cloud_environment": ("AZURE_BACKUP_CLOUD_ENVIRONMENT", "AZURE_CLOUD_ENVIRONMENT"),
        "login_url": ("AZURE_BACKUP_LOGIN_URL",),
    }
    # ``complete`` checks the secret, which a federated token replaces.
    required = ("username",)
    workload_types = records.WORKLOAD_TYPES
    allowlist = arm.ALLOWLIST
    not_reported: t.ClassVar = {
        ("*", "*"): {
            "in_inventory": ("cannot", "a vault lists only what it protects"),
            "completed_at": ("cannot", "recovery points have only one time"),
            "size_bytes": ("cannot", "the size of recovery points is not reported"),
            "status": (
                "sometimes",
                "warnings are only in the job; a recovery point that is damaged may be listed as valid",
            ),
            "usable": (
                "sometimes",
                "unknown without a tier; a recovery point that was damaged later is listed as valid",
            ),
            "restore_tested": ("cannot", "restore jobs do not name the recovery point"),
            "integrity_checked": ("cannot", "no check is reported"),
            "encrypted": ("sometimes", "known only if the vault uses a key of the customer"),
            "offsite": (
                "inferred",
                "from redundancy and cross-region restore of the vault, for points older than 36 hours",
            ),
            "immutable": (
                "inferred",
                "from the locked immutability of the vault, unless recovery points report it themselves",
            ),
            "malware": ("sometimes", "only with the threat detection of the vault"),
            "retention": ("sometimes", "the rule of the policy, if it is named Daily, Weekly, Monthly or Yearly"),
        },
        **{(name, "*"): {"kind": _UNKNOWN_KIND} for name in ("vm", "file_share", "physical")},
    }

    @classmethod
    def own_spec(cls) -> dict[str, t.Any]:
        """Return the options of this product."""
        names: dict[str, t.Any] = {"type": "list", "elements": "str", "default": []}
        return {
            "tenant": {"type": "str"},
            "subscription_id": {"type": "list", "elements": "str"},
            "cloud_environment": {"type": "str", "choices": list(CLOUDS)},
            "login_url": {"type": "str"},
            "federated_token_file": {"type": "path", "no_log": False},
            "resource_groups": names,
            "vaults": names,
            **{name: {"type": "str", "default": default} for name, default in _VERSIONS.items()},
        }

    # Options

    @classmethod
    def complete(cls, params: dict[str, t.Any]) -> None:
        """Set the endpoints of the cloud, and check options that environment variables can set."""
        name = params["cloud_environment"] or "AzureCloud"
        if name not in CLOUDS:
            raise OptionError(f"cloud_environment: {name!r} is not supported", hint=f"Use one of {', '.join(CLOUDS)}")
        params["cloud_environment"] = name
        params["url"] = params["url"] or CLOUDS[name].management
        params["login_url"] = _check_login_url(params["login_url"] or CLOUDS[name].login, params)
        subscriptions = params["subscription_id"] or []
        if isinstance(subscriptions, str):
            subscriptions = subscriptions.split(",")
        params["subscription_id"] = list(dict.fromkeys(one.strip().lower() for one in subscriptions if one.strip()))
        missing = [name for name in ("tenant", "subscription_id") if not params[name]]
        if not params["password"] and not params["federated_token_file"]:
            missing.insert(0, "secret")
        if missing:
            variables = {"secret": "password"}
            named = ", ".join(one for name in missing for one in cls.variables[variables.get(name, name)][1:])
            raise OptionError(
                f"missing required arguments: {', '.join(missing)}",
                hint=f"Set them as options or as environment variables ({named})",
            )
        if params["password"] and params["federated_token_file"]:
            raise OptionError(
                "federated_token_file: secret is set, too", hint='Set either "secret" or "federated_token_file"'
            )
        _check_values(params)

    @classmethod
    def server_name(cls, url: str, params: Mapping[str, t.Any]) -> str:
        """Return the name of the service with the subscriptions: all customers of a cloud use the same service."""
        return f"{super().server_name(url, params)}/{','.join(sorted(params['subscription_id']))}"

    # Reading

    def open(self, collector: Collector) -> None:
        """Get a token, and look up the tenant of the subscriptions."""
        own = self.settings.own
        service = self.client.sibling(own["login_url"], arm.TOKEN_ALLOWLIST)
        # Error messages name the login service, which does not know the subscriptions.
        service.host = urlsplit(own["login_url"]).netloc
        self.client.get_hint = arm.get_hint
        self._arm = Arm(
            self.client,
            {
                arm.VAULTS: own["recovery_services_api_version"],
                arm.BACKUP_VAULTS: own["data_protection_api_version"],
            },
        )
        self.log_in(
            ClientCredentials(
                self.settings.username,
                self.settings.password,
                assertion_file=own["federated_token_file"],
                service=service,
                path=f"/{own['tenant']}/oauth2/v2.0/token",
                scope=f"{CLOUDS[own['cloud_environment']].management}/.default",
            )
        )
        tenants = {self._find_tenant(subscription, collector) for subscription in own["subscription_id"]}
        self._tenant = tenants.pop() if len(tenants) == 1 else None

    def _find_tenant(self, subscription: str, collector: Collector) -> str | None:
        path = f"/subscriptions/{subscription}"
        try:
            return as_text(self._arm.get(path, arm.SUBSCRIPTIONS_VERSION).get("tenantId"))
        except REQUEST_ERRORS as error:
            # Only the identity depends on the tenant. The lists show whether the subscription can be read.
            collector.warnings.append(f"the tenant of subscription {subscription} cannot be read: {error.message}")
            return None

    def server_info(self) -> ServerInfo:
        """Return the tenant as identity. Read results of one tenant may have subscriptions in common."""
        return ServerInfo(identity=self._tenant)

    def read(self, collector: Collector) -> None:
        """Read all vaults that the account can see, or the selected ones."""
        collector.scope["inventory"] = False
        own = self.settings.own
        reader = VaultReader(
            self._arm,
            self.thread_pool,
            collector.add_problem,
            collector.warnings.append,
            self.settings.workload_types,
        )
        for item, rows in reader.read(build_scopes(own["subscription_id"], own["resource_groups"]), own["vaults"]):
            if not self._add_points(collector, item, rows) and self.settings.include_unprotected:
                collector.add_workload(item.workload)
        collector.scope["vaults"] = reader.is_proven

    def _add_points(self, collector: Collector, item: Item, rows: list[dict[str, t.Any]]) -> bool:
        """Add the points of an item. Return whether it has any, or may have any, because a record is not valid."""
        parser = PointParser(item, collector.now, include_raw=self.settings.include_raw)
        has_points = False
        try:
            for row in rows:
                for template, ident, created, expires in parser.parse(row):
                    has_points = True
                    if template.raw is None:
                        collector.add_point_like(template, ident, created, None, expires)
                    else:
                        collector.add_point(
                            dataclasses.replace(template, id=ident, created=created, expires_at=expires)
                        )
        except (*REQUEST_ERRORS, DataError) as error:
            what = f"vault {item.vault.ident.label!r}: the recovery points of {item.workload.name!r}"
            collector.add_problem(arm.name_problem(error, what, self.client.host))
            return True
        return has_points


def _check_login_url(url: str, params: Mapping[str, t.Any]) -> str:
    """Return the URL of the login service. Raise OptionError if the secret must not be sent there."""
    text = url.strip().rstrip("/")
    try:
        parts = urlsplit(text)
        is_valid = parts.scheme in ("https", "http") and bool(parts.hostname) and (parts.port or True)
    except ValueError:
        is_valid = False
    if not is_valid or parts.username is not None or parts.query or parts.fragment:
        raise OptionError("login_url: expected a URL such as https://login.microsoftonline.com")
    if parts.scheme == "http" and not params["allow_plaintext"]:
        raise OptionError(
            f"login_url: {url!r} is not encrypted and would expose the secret",
            hint="Use https://, or set allow_plaintext: true on a trusted network",
        )
    return text


def _check_values(params: Mapping[str, t.Any]) -> None:
    if not _TENANT.fullmatch(params["tenant"]):
        raise OptionError(
            f"tenant: {params['tenant']!r} is not a valid tenant", hint="Use the ID of the tenant or one of its domains"
        )
    for subscription in params["subscription_id"]:
        if not _SUBSCRIPTION.fullmatch(subscription):
            raise OptionError(
                f"subscription_id: {subscription!r} is not a valid ID",
                hint="Use the ID of the subscription (xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx), not its name",
            )
    for name in _VERSIONS:
        if not _VERSION.fullmatch(params[name]):
            raise OptionError(f"{name}: {params[name]!r} is not a valid version", hint="Use a date such as 2024-10-01")
    for name in ("resource_groups", "vaults"):
        for value in params[name]:
            parts = value.split("/")
            if not all(parts) or len(parts) > (2 if name == "vaults" else 1) or any(sign in value for sign in "?#\\%;"):
                forms = "VAULT or RESOURCE_GROUP/VAULT" if name == "vaults" else "the name of a resource group"
                raise OptionError(f"{name}: {value!r} is not a valid name", hint=f"Use {forms}")
    path = params["federated_token_file"]
    if path:
        try:
            pathlib.Path(path).read_bytes()
        except OSError as error:
            raise OptionError(f"federated_token_file: cannot read {path!r}: {error.strerror}") from error
