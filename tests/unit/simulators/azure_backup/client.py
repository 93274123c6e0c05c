# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A simple client for the simulated Azure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import requests

from tests.unit.simulators.client import ProductClient

Row = dict[str, Any]
SCOPE = "https://management.azure.com/.default"
RSV, DP, PERMISSIONS = "2024-10-01", "2024-04-01", "2022-04-01"


class AzureBackupClient(ProductClient):
    def __init__(self, ready: Mapping[str, Any]) -> None:
        super().__init__(ready, "azure_backup")
        self.subscriptions: list[str] = self.entry["options"]["subscription_id"].split(",")

    def request_token(self, tenant: str | None = None, **form: str) -> requests.Response:
        path = f"/{tenant or self.entry['tenant_id']}/oauth2/v2.0/token"
        return self.call("POST", path, data={"grant_type": "client_credentials", "scope": SCOPE, **form}, headers={})

    def log_in(self, account: str = "main") -> Row:
        entry = self.account(account)
        response = self.request_token(client_id=entry["username"], client_secret=entry["password"])
        assert response.status_code == 200, response.text
        token: Row = response.json()
        self.headers = {"Authorization": f"Bearer {token['access_token']}"}
        return token

    def refusal(self, path: str, **query: str) -> tuple[int, str]:
        response = self.call("GET", path, params=query)
        return response.status_code, response.json()["error"]["code"]

    def list_all(self, path: str, version: str, **query: str) -> list[Row]:
        """Return all records of a list, following its links."""
        rows: list[Row] = []
        url, params = self.entry["url"] + path, {"api-version": version, **query}
        while url:
            response = self.session.get(url, params=params, headers=self.headers, verify=self._ca_path, timeout=30)
            assert response.status_code == 200, response.text
            rows += response.json()["value"]
            url, params = response.json()["nextLink"], {}
        return rows

    def vaults(self, kind: str = "Microsoft.RecoveryServices/vaults") -> list[Row]:
        version = RSV if "RecoveryServices" in kind else DP
        return [
            row
            for one in self.subscriptions
            for row in self.list_all(f"/subscriptions/{one}/providers/{kind}", version)
        ]

    def items(self, management: str = "AzureIaasVM") -> list[Row]:
        query = {"$filter": f"backupManagementType eq '{management}'"}
        return [
            row for one in self.vaults() for row in self.list_all(f"{one['id']}/backupProtectedItems", RSV, **query)
        ]

    def instances(self) -> list[Row]:
        vaults = self.vaults("Microsoft.DataProtection/backupVaults")
        return [row for one in vaults for row in self.list_all(f"{one['id']}/backupInstances", DP)]

    def points(self, item: Row) -> list[Row]:
        version = DP if "DataProtection" in item["id"] else RSV
        return self.list_all(f"{quote(item['id'], safe='/')}/recoveryPoints", version)
