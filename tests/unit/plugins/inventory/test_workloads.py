# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Host names and server options; the complete plugin runs in the integration tests."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.inventory.workloads import host_names
from ansible_collections.backup.audit.plugins.module_utils._core.errors import OptionError
from ansible_collections.backup.audit.plugins.plugin_utils._direct_read import PRODUCTS, read_servers

LOGIN = {"url": "https://127.0.0.1:9", "username": "auditor@pbs", "password": "c0rrect", "retries": 0}
# Options that a product needs in addition.
MORE = {
    "azure_backup": {
        "login_url": "https://127.0.0.1:9",
        "tenant": "example.com",
        "subscription_id": ["5d2c1b0a-9f8e-4d7c-8b6a-504132231405"],
    }
}


def workload(name: str, source: str = "spp", ident: str | None = "1", origin: str | None = None) -> dict[str, Any]:
    return {"workload_name": name, "source": source, "workload_id": ident, "origin": origin}


@pytest.mark.parametrize(
    ("workloads", "names"),
    [
        ([workload("web01"), workload("db01")], ["web01", "db01"]),
        ([workload("web01"), workload("web01", "vbr"), workload("db01")], ["web01@spp", "web01@vbr", "db01"]),
        ([workload("a", ident="1"), workload("a", ident="2"), workload("a", "vbr")], ["a@spp#1", "a@spp#2", "a@vbr"]),
        ([workload("a", origin="x"), workload("a", origin="y")], ["a@spp#1#0", "a@spp#1#1"]),
        # The name of a workload may equal the name of another one with its source added.
        ([workload("a"), workload("a", "vbr"), workload("a@spp", "em")], ["a@spp#1", "a@vbr", "a@spp"]),
        ([workload("my vm {{ 1 + 1 }}\n")], ["my_vm____1_+_1___\N{REPLACEMENT CHARACTER}"]),
    ],
)
def test_every_host_has_a_name_of_its_own(workloads: list[dict[str, Any]], names: list[str]) -> None:
    assert host_names(workloads) == names


@pytest.mark.parametrize(
    ("servers", "message"),
    [
        ([{"product": "tape", **LOGIN}], r"servers\[0\]: 'tape' is not a valid product"),
        ([LOGIN], r"servers\[0\]: product is required"),
        ([{"product": ["spp"], **LOGIN}], r"servers\[0\]: \['spp'\] is not a valid product"),
        (["https://audit:c0rrect@spp.example.com"], r"servers\[0\]: expected a mapping of options, found str"),
        (LOGIN, "servers: expected a list, found dict"),
        (
            [{"product": "spp", **LOGIN, "passwort": "x"}],
            r"servers\[0\] \(spp\): unsupported options: passwort. Did you mean 'password'",
        ),
        ([{"product": "spp", **LOGIN, "compress": False}], r"servers\[0\] \(spp\): .*compress"),
        (
            [{"product": "spp", **LOGIN}, {"product": "vprotect", **LOGIN}],
            "https://127.0.0.1:9 is listed more than once",
        ),
    ],
)
def test_servers_that_make_no_sense_are_refused(servers: Any, message: str) -> None:
    with pytest.raises(OptionError, match=message) as raised:
        read_servers(servers)
    assert "c0rrect" not in str(raised.value)


@pytest.mark.parametrize("product", list(PRODUCTS))
def test_a_server_that_does_not_answer_is_a_failure(product: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "")
    (result,) = read_servers([{"product": product, **LOGIN, **MORE.get(product, {})}])
    assert result["failed"]
    assert result["failure"]["server"] == "127.0.0.1:9"
    assert "c0rrect" not in str(result)
