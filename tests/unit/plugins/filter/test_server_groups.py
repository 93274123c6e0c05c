# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers with the same account, and servers that are listed twice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from ansible.errors import AnsibleUndefinedVariable

from ansible_collections.backup.audit.plugins.filter.server_groups import server_groups

SERVICES = ["aws_backup"]


class Failing(Mapping[str, Any]):
    """Variables of a host, one of which cannot be evaluated."""

    def __init__(self, failing: str, error: Exception, **values: Any) -> None:
        self._failing, self._error, self._values = failing, error, values

    def __getitem__(self, name: str) -> Any:
        if name == self._failing:
            raise self._error
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


def groups(**hostvars: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    result = server_groups(list(hostvars), hostvars, SERVICES)
    return {host: (group["first"], group["duplicate"]) for host, group in result.items()}


def test_hosts_with_the_same_product_and_user_share_an_account() -> None:
    audit = {"backup_product": "spp", "backup_username": "audit"}
    assert groups(
        one=audit,
        two={**audit, "backup_username": "other"},
        three={**audit, "backup_product": "pbs"},
        four=audit,
    ) == {"one": ("one", ""), "two": ("two", ""), "three": ("three", ""), "four": ("one", "")}


@pytest.mark.parametrize(
    ("first", "second", "duplicate"),
    [
        ({"backup_url": "https://spp"}, {"backup_url": "https://spp"}, "backup_url"),
        ({"backup_url": "https://spp"}, {"backup_url": "https://spp2"}, ""),
        ({"backup_url": "https://aws", "backup_product": "aws_backup"}, {"backup_url": "https://aws"}, ""),
        ({"backup_repository": "sftp:host:/srv"}, {"backup_repository": "sftp:host:/srv"}, "backup_repository"),
        # A local path is a different repository on each host.
        ({"backup_repository": "/srv/restic"}, {"backup_repository": "/srv/restic"}, ""),
        ({}, {}, ""),
    ],
)
def test_duplicates(first: dict[str, Any], second: dict[str, Any], duplicate: str) -> None:
    """A cloud service has the same URL for all customers."""
    found = groups(one={"backup_product": "spp", **first}, two={"backup_product": "spp", **second})
    assert [found["one"][1], found["two"][1]] == [duplicate, duplicate]


@pytest.mark.parametrize("name", ["backup_product", "backup_username", "backup_url", "backup_repository"])
@pytest.mark.parametrize(
    "error",
    [
        AnsibleUndefinedVariable("vault_password is undefined"),
        # Filters such as from_json and b64decode, before ansible-core 2.19.
        ValueError("Expecting value: line 1 column 1 (char 0)"),
        ZeroDivisionError("division by zero"),
    ],
)
def test_a_variable_that_cannot_be_evaluated_concerns_only_its_host(name: str, error: Exception) -> None:
    values = {"backup_product": "spp", "backup_username": "audit"}
    found = groups(bad=Failing(name, error, **values), one={**values, "backup_url": "https://one"}, two=values)
    assert found["one"][1] == found["two"][1] == found["bad"][1] == ""
    if name in ("backup_product", "backup_username"):
        assert found["one"][0] == found["two"][0] == "one"
        assert found["bad"][0] == "bad"


def test_an_account_is_tried_on_a_host_that_is_read() -> None:
    """Duplicates and hosts without a URL are rejected before."""
    audit = {"backup_product": "spp", "backup_username": "audit"}
    one = {**audit, "backup_url": "https://one"}
    found = groups(no_url=audit, one=one, same=one, two={**audit, "backup_url": "https://two"})
    assert {host: first for host, (first, _duplicate) in found.items()} == dict.fromkeys(found, "two")
    cloud = {"backup_product": "aws_backup", "backup_username": "key"}
    assert groups(first=cloud, second=cloud)["second"][0] == "first"


class Encrypted:
    """An encrypted variable of ansible-core before 2.19."""

    __ENCRYPTED__ = True

    def __init__(self, text: str) -> None:
        self._text = text

    def __str__(self) -> str:
        return self._text


def test_encrypted_names_of_accounts_are_compared() -> None:
    product = {"backup_product": "spp"}
    names = {
        host: {**product, "backup_username": Encrypted(name)} for host, name in (("a", "x"), ("b", "y"), ("c", "x"))
    }
    assert {host: first for host, (first, _duplicate) in groups(**names).items()} == {"a": "a", "b": "b", "c": "a"}


@pytest.mark.parametrize("value", [None, 7, ["a"], {"a": 1}])
def test_a_value_of_another_type_is_not_compared(value: Any) -> None:
    """The types of host variables are validated later, for each host."""
    assert groups(one={"backup_url": value}, two={"backup_url": value}) == {"one": ("one", ""), "two": ("one", "")}


@pytest.mark.parametrize(
    ("first", "other", "different"),
    [
        ({"compliance_policy": {"min_count": 3}}, {"compliance_policy": {"min_count": 1}}, "compliance_policy"),
        ({"compliance_policy": {"min_count": 3}}, {"compliance_policy": {"min_count": 3}}, ""),
        ({"compliance_policy": {"min_count": 3}}, {}, "compliance_policy"),
        ({}, {"compliance_policy": {"min_count": 1}}, "compliance_policy"),
        ({"compliance_expected": ["a"]}, {"compliance_expected": ["b"]}, "compliance_expected"),
        ({"own": 1}, {"own": 2}, ""),
        ({}, {}, ""),
    ],
)
def test_shared_variables_are_compared_with_the_first_host(
    first: dict[str, Any], other: dict[str, Any], different: str
) -> None:
    """The values of the first host are used for all."""
    shared = ["compliance_policy", "compliance_expected"]
    found = server_groups(["one", "two", "three"], {"one": first, "two": first, "three": other}, SERVICES, shared)
    assert [found[host]["different"] for host in ("one", "two", "three")] == ["", "", different]


def test_a_shared_variable_that_cannot_be_evaluated_is_different() -> None:
    failing = Failing("compliance_policy", AnsibleUndefinedVariable("x is undefined"), compliance_policy={})
    hosts: dict[str, Mapping[str, Any]] = {"one": {"compliance_policy": {}}, "two": failing}
    found = server_groups(list(hosts), hosts, (), ["compliance_policy"])
    assert [found[host]["different"] for host in ("one", "two")] == ["", "compliance_policy"]


def test_an_account_is_not_tried_on_a_host_with_different_variables() -> None:
    audit = {"backup_product": "spp", "backup_username": "audit"}
    hosts: dict[str, dict[str, Any]] = {
        "one": {**audit, "backup_username": "x", "backup_url": "https://one"},
        "two": {**audit, "backup_url": "https://two", "compliance_policy": {}},
        "three": {**audit, "backup_url": "https://three"},
    }
    found = server_groups(list(hosts), hosts, (), ["compliance_policy"])
    assert found["two"] == {"first": "three", "duplicate": "", "different": "compliance_policy"}
