# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How to read each product without this collection: shared by the minimal client and the play with `uri`.

Texts are Jinja templates. Variables: `server` (url, username, password), `size` (rows a page), `slices` (weeks that
contain points), `week` (its seconds), `asked_at` (seconds since 1970), `login` and `first` (responses as `uri`
registers them), `first_body` (the first response, decoded) and `item` (one of `loop`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

WEEK = 7 * 24 * 3600
_BASIC = {"Authorization": "Basic {{ (server.username ~ ':' ~ server.password) | b64encode }}"}
_BEARER = {"Authorization": "Bearer {{ login.json.access_token }}"}
_ACCOUNT = {"username": "{{ server.username }}", "password": "{{ server.password }}"}


def _form(path: str, grant: str = "password", headers: Mapping[str, str] | None = None) -> dict[str, Any]:
    return {
        "url": path,
        "method": "POST",
        "headers": dict(headers or {}),
        "body_format": "form-urlencoded",
        "body": {"grant_type": grant, **_ACCOUNT},
    }


def _json(path: str, body: Mapping[str, str]) -> dict[str, Any]:
    return {"url": path, "method": "POST", "headers": {}, "body_format": "json", "body": dict(body)}


@dataclass(frozen=True)
class Recipe:
    """How to read one product by hand: `loop` follows from the response to `first`, `page` is requested for each item.

    `rows` is the path from a decoded page to its rows; `group` and `time` are fields of a row.
    """

    login: Mapping[str, Any]
    headers: Mapping[str, str]
    first: str
    loop: str
    page: str
    group: str
    time: str
    newest: str = "times | max"
    cutoff: str = "iso"
    rows: tuple[str, ...] = ("results",)
    first_has_rows: bool = True
    # Jinja filters that select the usable rows.
    usable: str = ""
    body: Mapping[str, str] | None = None
    module: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    # Whether responses begin with a byte order mark, which `uri` cannot decode by itself.
    marked: bool = False
    xml: bool = False
    # Variants of the simulated server (NAME=VALUE) for another run of the same product, without the play with `uri`.
    variants: tuple[str, ...] = ()
    # The field with the token for the next page, and the query key to send it.
    token: tuple[str, str] | None = None
    # The service of AWS for which requests are signed; `uri` cannot sign.
    signed_for: str = ""
    # Whether points are listed in pages; otherwise in time slices, whose number is unknown in advance.
    paged: bool = True


_VBR = {"x-api-version": "1.3-rev2"}
_AWS = {"x-api-version": "1.7-rev0"}
_SPP = "/api/endeavour/catalog/recovery/hypervisorvm"
_AZURE_VAULT = (
    "/subscriptions/{{ server.subscription_id.split(',')[0] }}/resourceGroups/rg-backup"
    "/providers/Microsoft.RecoveryServices/vaults/rsv-1"
)
_AZURE_VERSION = "api-version=2024-10-01"
_AZURE_COUNT = f"{_AZURE_VERSION}&$filter=expand%20eq%20%27extendedinfo%27"
_EM = "/api/query?type=VmRestorePoint&format=Entities&sortDesc=CreationTime&pageSize={{ size }}&page="
_EM_HEADERS = {"X-RestSvcSessionId": "{{ login.x_restsvcsessionid }}"}
_EM_LOGIN = {"url": "/api/sessionMngr/?v=latest", "method": "POST", "status_code": [201]}

RECIPES: dict[str, Recipe] = {
    "veeam_azure": Recipe(
        login=_form("/api/oauth2/token", "Password"),
        headers=_BEARER,
        first="/api/v8/restorePoints/virtualMachines?Offset=0&Limit={{ size }}",
        loop="range(size, first_body.totalCount, size) | list",
        page="/api/v8/restorePoints/virtualMachines?Offset={{ item }}&Limit={{ size }}",
        group="vmName",
        time="pointInTime",
        usable="| rejectattr('isCorrupted')",
        module="veeam_restore_points_info",
        options={"product": "azure"},
    ),
    # Points do not report their machine, so each machine's points are requested separately.
    "veeam_aws": Recipe(
        login=_form("/api/v1/token", headers=_AWS),
        headers={**_BEARER, **_AWS},
        first="/api/v1/virtualMachines?Offset=0&Limit={{ size }}",
        loop="first_body.results | map(attribute='id') | list",
        page="/api/v1/virtualMachines/restorePoints?VirtualMachineId={{ item }}&Offset=0&Limit={{ size }}",
        group="backupId",
        time="pointInTime",
        first_has_rows=False,
        module="veeam_restore_points_info",
        options={"product": "aws"},
    ),
    "veeam_backup_replication": Recipe(
        login=_form("/api/oauth2/token", headers=_VBR),
        headers={**_BEARER, **_VBR},
        first="/api/v1/restorePoints?skip=0&limit={{ size }}",
        loop="range(size, first_body.pagination.total, size) | list",
        page="/api/v1/restorePoints?skip={{ item }}&limit={{ size }}",
        rows=("data",),
        group="name",
        time="creationTime",
        module="veeam_restore_points_info",
        options={"product": "backup_replication"},
    ),
    "veeam_enterprise_manager": Recipe(
        login={**_EM_LOGIN, "headers": {**_BASIC, "Accept": "application/json"}},
        headers={**_EM_HEADERS, "Accept": "application/json"},
        first=f"{_EM}1",
        loop="range(2, first_body.PagingInfo.PagesCount + 1) | list",
        page=f"{_EM}{{{{ item }}}}",
        rows=("Entities", "VmRestorePoints", "VmRestorePoints"),
        group="VmDisplayName",
        time="CreationTimeUTC",
        marked=True,
        module="veeam_restore_points_info",
        options={"product": "enterprise_manager"},
    ),
    "veeam_enterprise_manager_xml": Recipe(
        login={**_EM_LOGIN, "headers": {**_BASIC, "Accept": "application/xml"}},
        headers={**_EM_HEADERS, "Accept": "application/xml"},
        first=f"{_EM}1",
        loop="range(2, first_body.PagesCount + 1) | list",
        page=f"{_EM}{{{{ item }}}}",
        rows=("VmRestorePoint",),
        group="",
        time="",
        module="veeam_restore_points_info",
        options={"product": "enterprise_manager", "representation": "xml"},
        xml=True,
    ),
    "vprotect": Recipe(
        login=_json("/api/session/login", {"login": _ACCOUNT["username"], "password": _ACCOUNT["password"]}),
        headers={"Cookie": "{{ login.cookies_string }}"},
        first="/api/backups?status=SUCCESS&page=0&size={{ size }}",
        loop="range(1, (first.x_total_count | int + size - 1) // size) | list",
        page="/api/backups?status=SUCCESS&page={{ item }}&size={{ size }}",
        rows=(),
        group="protectedEntity.guid",
        time="snapshotTime",
        cutoff="milliseconds",
        module="vprotect_backups_info",
    ),
    "aws_backup": Recipe(
        login={},
        headers={},
        first="/backup-vaults/berlin-disk-1/recovery-points/?maxResults={{ size }}",
        loop="[]",
        page="",
        rows=("RecoveryPoints",),
        group="ResourceArn",
        time="CreationDate",
        cutoff="seconds",
        module="aws_backup_recovery_points_info",
        token=("NextToken", "nextToken"),
        signed_for="backup",
        # One region, because all regions have the same address here.
        options={"regions": ["eu-central-1"], "assume_roles": []},
    ),
    "pbs": Recipe(
        login={
            "url": "/api2/json/access/ticket",
            "method": "POST",
            "headers": {},
            "body_format": "form-urlencoded",
            "body": _ACCOUNT,
        },
        headers={"Cookie": "PBSAuthCookie={{ login.json.data.ticket | urlencode }}"},
        # A namespace is one response, and this environment has only one.
        first="/api2/json/admin/datastore/berlin-disk-1/snapshots",
        loop="[]",
        page="",
        rows=("data",),
        group="backup-id",
        time="backup-time",
        cutoff="seconds",
        module="pbs_snapshots_info",
    ),
    # Each item's points are requested separately, and the item itself for the number of points that it counts.
    "azure_backup": Recipe(
        login={
            "url": "/{{ server.tenant }}/oauth2/v2.0/token",
            "method": "POST",
            "headers": {},
            "body_format": "form-urlencoded",
            "body": {
                "grant_type": "client_credentials",
                "client_id": "{{ server.username }}",
                "client_secret": "{{ server.password }}",
                "scope": "https://management.azure.com/.default",
            },
        },
        headers=_BEARER,
        # This environment has only one vault.
        first=f"{_AZURE_VAULT}/backupProtectedItems?{_AZURE_VERSION}&$filter=backupManagementType eq 'AzureIaasVM'",
        loop=f"(first_body.value | map(attribute='id') | join('?{_AZURE_COUNT} ') ~ '?{_AZURE_COUNT} ' ~ "
        f"first_body.value | map(attribute='id') | join('/recoveryPoints?{_AZURE_VERSION} ') ~ "
        f"'/recoveryPoints?{_AZURE_VERSION}').split(' ')",
        page="{{ item }}",
        rows=("value",),
        group="",
        time="",
        first_has_rows=False,
        module="azure_backup_recovery_points_info",
        variants=("page_length=1000",),
    ),
    "unitrends": Recipe(
        login=_json("/api/login", _ACCOUNT),
        headers={"AuthToken": "{{ login.json.auth_token }}"},
        first="/api/date-time/?lang=en",
        loop="range(slices) | list",
        page="/api/backups/?sid=1&lang=en",
        body={
            "start_time": "{{ asked_at - (item + 1) * week }}",
            "end_time": "{{ asked_at - item * week }}",
        },
        rows=("data",),
        group="instance_id",
        time="start_time",
        newest="times | map('to_datetime', '%m/%d/%Y %I:%M:%S %p') | max",
        cutoff="datetime",
        first_has_rows=False,
        # Backups of the appliance itself belong to no instance.
        usable="| selectattr('instance_id', 'defined') | selectattr('status', 'equalto', 'Successful')",
        module="unitrends_backups_info",
        paged=False,
    ),
    "spp": Recipe(
        login={"url": "/api/endeavour/session", "method": "POST", "headers": _BASIC},
        headers={"X-Endeavour-Sessionid": "{{ login.json.sessionid }}"},
        first=f"{_SPP}?embed=%28children%28properties%29%29&pageSize={{{{ size }}}}",
        loop="first_body.children | map(attribute='id') | list",
        page=f"{_SPP}/{{{{ item }}}}/version?pageSize={{{{ size }}}}",
        rows=("contents",),
        group="properties.pk",
        time="properties.protectionInfo.protectionTime",
        cutoff="milliseconds",
        first_has_rows=False,
        module="spp_recovery_points_info",
    ),
}

# In mixed mode, a night's files contain all machines and do not prove which machine a point belongs to.
RECIPES["veeam_backup_replication_own_files"] = replace(RECIPES["veeam_backup_replication"], variants=("files=own",))

# If the server, or its memory, allows all rows in one response, a play with `uri` needs no pages.
WHOLE: dict[str, Recipe] = {
    "veeam_azure": replace(
        RECIPES["veeam_azure"], first="/api/v8/restorePoints/virtualMachines?Offset=0&Limit=-1", loop="[]"
    ),
    "vprotect": replace(RECIPES["vprotect"], first="/api/backups?status=SUCCESS", loop="[]"),
    "unitrends": replace(
        RECIPES["unitrends"],
        loop="[0]",
        body={"start_time": "{{ asked_at - slices * week }}", "end_time": "{{ asked_at }}"},
    ),
}


def get_product(name: str) -> str:
    """Return the simulators' name of a recipe's product."""
    return name.removesuffix("_xml").removesuffix("_own_files")
