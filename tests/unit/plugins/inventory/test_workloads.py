# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Host names and server options; the complete plugin runs in the integration tests."""

from __future__ import annotations

import hashlib
import json
import random
import re
from typing import Any

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar

from ansible_collections.backup.audit.plugins.inventory.workloads import _mark_untrusted, host_names
from ansible_collections.backup.audit.plugins.module_utils._core.errors import OptionError
from ansible_collections.backup.audit.plugins.plugin_utils._direct_read import PRODUCTS, open_servers, read_servers
from tests.awx.rules import imported_host

try:
    from ansible.template import trust_as_template as trusted
except ImportError:  # before ansible-core 2.19
    trusted = str

LOGIN = {"url": "https://127.0.0.1:9", "username": "auditor@pbs", "password": "c0rrect", "retries": 0}
# Additional options that some products require.
MORE: dict[str, dict[str, Any]] = {
    "aws_backup": {"regions": ["eu-west-1"]},
    "azure_backup": {
        "login_url": "https://127.0.0.1:9",
        "tenant": "example.com",
        "subscription_id": ["5d2c1b0a-9f8e-4d7c-8b6a-504132231405"],
    },
}


def workload(name: str, source: str = "spp", ident: str | None = "1", origin: str | None = None) -> dict[str, Any]:
    return {"workload_name": name, "source": source, "workload_id": ident, "origin": origin}


@pytest.mark.parametrize(
    ("workloads", "names"),
    [
        ([workload("web01"), workload("db01")], ["web01", "db01"]),
        ([workload("web01"), workload("web01", "vbr"), workload("db01")], ["web01--spp", "web01--vbr", "db01"]),
        (
            [workload("a", ident="1"), workload("a", ident="2"), workload("a", "vbr")],
            ["a--spp--%(spp_1)s", "a--spp--%(spp_2)s", "a--vbr"],
        ),
        # Rows that cannot be distinguished.
        ([workload("a"), workload("a")], ["a--spp--%(spp_1)s--1", "a--spp--%(spp_1)s--2"]),
        # The name of a workload may equal the name of another one with its source added.
        ([workload("a"), workload("a", "vbr"), workload("a--spp", "em")], ["a--spp--%(spp_1)s", "a--vbr", "a--spp"]),
        ([workload("my vm {{ 1 + 1 }}\n")], ["my_vm____1___1____"]),
        ([workload("b\u00fcro"), workload("\u5099\u4efd")], ["buro", "__"]),
        # A port, an IPv6 address, patterns and options of a limit.
        ([workload("db:5432"), workload("fe80::1"), workload("a[1:3]")], ["db_5432", "fe80__1", "a_1_3_"]),
        ([workload("!x"), workload("-x"), workload("&x")], ["%(bang)s", "%(dash)s", "%(and)s"]),
        # Two different workloads that AWX would import as one host.
        (
            [workload("web01", "10.0.0.1:9443"), workload("web01", "10.0.0.1:8443")],
            ["web01--10.0.0.1_9443", "web01--10.0.0.1_8443"],
        ),
        (
            [workload("all"), workload("localhost"), workload("verdict_fail")],
            ["all--spp", "localhost--spp", "verdict_fail--spp"],
        ),
    ],
)
def test_every_host_has_a_unique_name(workloads: list[dict[str, Any]], names: list[str]) -> None:
    def checksum(*identity: str | None) -> str:
        return hashlib.sha256(json.dumps(identity).encode()).hexdigest()[:10]

    known = {
        "spp_1": checksum("spp", None, "1", "a"),
        "spp_2": checksum("spp", None, "2", "a"),
        "bang": f"_x--spp--{checksum('spp', None, '1', '!x')}",
        "dash": f"_x--spp--{checksum('spp', None, '1', '-x')}",
        "and": f"_x--spp--{checksum('spp', None, '1', '&x')}",
    }
    assert host_names(workloads) == [name % known for name in names]


def test_host_names_are_unique_and_plain_for_any_text() -> None:
    """Names do not depend on the order of the workloads. AWX and --limit accept them unchanged."""
    generator = random.Random(7)
    letters = "ab:@#!&,[]{}*?~ -._\u00fc\u4efd\n/\\'\""
    workloads = [
        workload(
            "".join(generator.choices(letters, k=generator.randint(1, 4))),
            generator.choice(["spp:443", "vbr"]),
            str(number),
        )
        for number in range(3000)
    ]
    names = host_names(workloads)
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]*", name) for name in names)
    assert [imported_host(name) for name in names] == [(name, None) for name in names]
    mixed = list(enumerate(workloads))
    generator.shuffle(mixed)
    again = host_names([one for _number, one in mixed])
    assert [names[number] for number, _one in mixed] == again


@pytest.mark.parametrize(
    "name",
    [
        "{{ 1 + 1 }}",
        "{% if true %}2{% endif %}",
        # With this first line, Ansible uses other delimiters.
        "#jinja2:variable_start_string:'[[', variable_end_string:']]'\n[[ 1 + 1 ]]",
        "plain [[ 1 + 1 ]]",
    ],
)
def test_variables_of_hosts_are_not_templated(name: str) -> None:
    (marked,) = _mark_untrusted([name])
    assert Templar(loader=DataLoader(), variables={"name": marked}).template(trusted("{{ name }}")) == name


@pytest.mark.parametrize(
    ("servers", "message"),
    [
        ([{"product": "tape", **LOGIN}], r"servers\[0\]: 'tape' is not a valid product"),
        ([LOGIN], r"servers\[0\]: product is required"),
        ([{"product": ["spp"], **LOGIN}], r"servers\[0\]: \['spp'\] is not a valid product"),
        (["https://audit:c0rrect@spp.example.com"], r"servers\[0\]: expected a mapping of options, found str"),
        (LOGIN, "servers: expected a list, found dict"),
        ("spp", r"servers: expected a list, found 'spp'. Use for example \[\{product: spp, url: ...\}\]"),
        (["spp"], r"servers\[0\]: expected a mapping of options, found 'spp'. Use for example \{product: spp"),
        (5, "servers: expected a list, found 5"),
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
def test_invalid_server_options_are_rejected(servers: Any, message: str) -> None:
    with pytest.raises(OptionError, match=message) as raised:
        read_servers(servers)
    assert "c0rrect" not in str(raised.value)


@pytest.mark.parametrize("product", list(PRODUCTS))
def test_options_of_the_cache_key(product: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each option counts, and so does a value from the environment; secrets do not."""

    def public(**options: Any) -> dict[str, Any]:
        (server,) = open_servers([{"product": product, **LOGIN, **MORE.get(product, {}), **options}])
        return server.public_options()

    assert public() == public(password="other")
    for change in ({"url": "https://127.0.0.2:9"}, {"username": "somebody@pbs"}, {"retries": 1}):
        assert public(**change) != public()
    assert "c0rrect" not in json.dumps(public())
    unset = public(ca_path=None)
    monkeypatch.setenv(f"{PRODUCTS[product].environment[0]}_FINGERPRINT", "aa:bb")
    assert public(ca_path=None) != unset


@pytest.mark.parametrize("product", list(PRODUCTS))
def test_an_unreachable_server_is_a_failure(product: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "")
    (result,) = read_servers([{"product": product, **LOGIN, **MORE.get(product, {})}])
    assert result["failed"]
    assert result["failure"]["server"] == "127.0.0.1:9"
    assert "c0rrect" not in str(result)
