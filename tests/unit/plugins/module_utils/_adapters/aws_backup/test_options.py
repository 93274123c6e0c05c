# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of AWS Backup: where credentials come from, addresses of all regions, and the requests of the service."""

from __future__ import annotations

import re
from typing import Any

import pytest
from botocore.loaders import Loader

from ansible_collections.backup.audit.plugins.module_utils._adapters.aws_backup import options
from ansible_collections.backup.audit.plugins.module_utils._adapters.aws_backup.adapter import AwsBackup
from ansible_collections.backup.audit.plugins.module_utils._core.errors import AuditError, OptionError
from ansible_collections.backup.audit.plugins.module_utils._module.connection_options import (
    apply_environment,
    argument_spec,
    build_settings,
)
from ansible_collections.backup.audit.plugins.module_utils._transport import aws_auth
from ansible_collections.backup.audit.plugins.module_utils._transport.allowlist import (
    Allowlist,
    RequestNotAllowedError,
)
from tests.simulators.aws_backup.service_model import list_operations, load_model

KEY: dict[str, Any] = {"access_key": "AKIA1", "secret_key": "s3cret", "regions": ["eu-west-1"]}
ROLE = {"role_arn": "arn:aws:iam::123456789012:role/audit", "external_id": None, "session_name": "backup-audit"}


def complete(environ: dict[str, str] | None = None, **given: Any) -> dict[str, Any]:
    defaults = {name: option.get("default") for name, option in argument_spec(AwsBackup).items()}
    return apply_environment({**defaults, **given}, AwsBackup, environ or {})


def test_aws_environment_variables_are_used() -> None:
    found = complete(
        {
            "AWS_ACCESS_KEY_ID": "AKIA2",
            "AWS_SECRET_ACCESS_KEY": "other",
            "AWS_SESSION_TOKEN": "token",
            "AWS_REGION": "eu-west-1, eu-central-1,eu-west-1",
            "AWS_ENDPOINT_URL": "https://vpce.example",
            "AWS_CA_BUNDLE": __file__,
        }
    )
    assert [found[name] for name in ("username", "password", "session_token", "url", "ca_path")] == [
        *("AKIA2", "other", "token", "https://vpce.example", __file__)
    ]
    assert found["regions"] == ["eu-west-1", "eu-central-1"]


def test_parts_of_different_keys_are_not_combined() -> None:
    environ = {"AWS_SESSION_TOKEN": "of another key", "AWS_PROFILE": "missing"}
    found = complete(environ, **KEY)
    assert (found["username"], found["session_token"], found["profile"]) == ("AKIA1", None, None)


def test_a_profile_replaces_keys_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = []

    def load(*arguments: Any) -> Any:
        loaded.append(arguments)
        return aws_auth.Keys("AKIA3", "of the profile"), "eu-north-1"

    monkeypatch.setattr(aws_auth, "load_profile", load)
    environ = {"AWS_ACCESS_KEY_ID": "AKIA2", "AWS_SECRET_ACCESS_KEY": "x", "AWS_SESSION_TOKEN": "y"}
    found = complete({**environ, "AWS_CONFIG_FILE": "/c"}, profile="audit")
    assert loaded == [("audit", None, "/c")]
    assert [found[name] for name in ("username", "password", "session_token", "regions", "url")] == [
        *("AKIA3", "of the profile", None, ["eu-north-1"], "https://backup.eu-north-1.amazonaws.com")
    ]
    # Keys of the environment come before a profile of the environment, as with other tools.
    assert complete({**environ, "AWS_PROFILE": "audit", "AWS_REGION": "eu-west-1"})["username"] == "AKIA2"
    assert len(loaded) == 1


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"regions": ["eu-west-1"]}, "missing required arguments: access_key, secret_key. Set them as options"),
        ({**KEY, "secret_key": None}, "missing required arguments: secret_key."),
        ({**KEY, "regions": None}, "missing required arguments: regions."),
        ({**KEY, "profile": "audit"}, 'profile: access_key is set as well. Set either "profile" or "access_key".'),
        ({**KEY, "regions": ["eu-west-1.evil.example/"]}, "regions: 'eu-west-1.evil.example/' is not the code"),
        ({**KEY, "regions": ["Ireland"]}, "regions: 'Ireland' is not the code of a region. Use codes such as"),
    ],
)
def test_missing_and_invalid_options(given: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError) as raised:
        complete(**given)
    assert str(raised.value).startswith(message)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"page_size": 1001}, "page_size: 1001 is too large (maximum 1000)."),
        ({"assume_roles": [{**ROLE, "role_arn": "audit"}]}, "assume_roles: 'audit' is not the ARN of a role."),
        ({"assume_roles": [{**ROLE, "session_name": "a b"}]}, "assume_roles: session_name 'a b' is not valid."),
        ({"sts_endpoint_url": "http://sts.example"}, "sts_endpoint_url: 'http://sts.example' is not a valid URL."),
        ({"sts_endpoint_url": "https://u:p@sts.example"}, "sts_endpoint_url: "),
    ],
)
def test_invalid_values_are_rejected(given: dict[str, Any], message: str) -> None:
    params = complete(**KEY, **given)
    with pytest.raises(OptionError) as raised:
        AwsBackup.check(build_settings(params, AwsBackup), ())
    assert str(raised.value).startswith(message)


def test_missing_botocore_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aws_auth, "HAS_BOTOCORE", False)
    with pytest.raises(AuditError, match="the Python package 'botocore' is not installed") as raised:
        complete(**KEY)
    assert raised.value.code == "missing_library"


def test_roles_are_part_of_the_selection() -> None:
    found = complete(**KEY, assume_roles=[ROLE])
    assert found["roles"] == ["arn:aws:iam::123456789012:role/audit"]


@pytest.mark.parametrize(
    ("url", "regions", "expected"),
    [
        ("https://backup.eu-west-1.amazonaws.com:443", ["eu-west-1"], "backup.eu-west-1.amazonaws.com"),
        (
            "https://backup.eu-west-1.amazonaws.com:443",
            ["eu-west-1", "eu-central-1"],
            "backup.eu-central-1_eu-west-1.amazonaws.com",
        ),
        ("https://vpce.example:8443", ["eu-west-1", "eu-central-1"], "vpce.example:8443"),
    ],
)
def test_server_name_contains_all_regions(url: str, regions: list[str], expected: str) -> None:
    assert AwsBackup.server_name(url, {"regions": regions}) == expected


def test_addresses_match_botocore() -> None:
    """All regions of all partitions that botocore knows."""
    count = 0
    for partition in Loader().load_data("partitions")["partitions"]:
        for region in partition["regions"]:
            if region.startswith("aws-"):
                continue
            count += 1
            expected = f"https://backup.{region}.{partition['outputs']['dnsSuffix']}"
            assert options.get_endpoint("backup", region) == expected
            assert complete(**{**KEY, "regions": [region]})["url"] == expected
    assert count > 30


LISTINGS = {
    "ListBackupVaults",
    "ListCopyJobs",
    "ListProtectedResources",
    "ListRecoveryPointsByBackupVault",
    "ListRestoreJobs",
}


def test_only_list_operations_are_allowed() -> None:
    allowlist = Allowlist(AwsBackup.allowlist)
    allowed, operations = set(), list_operations(load_model())
    for operation in operations:
        path = re.sub(r"\{[A-Za-z]+\+?\}", "value", operation.http["requestUri"]).partition("?")[0]
        for method in ("GET", operation.http["method"]):
            try:
                allowlist.check(method, f"https://backup.eu-west-1.amazonaws.com:443{path}")
            except RequestNotAllowedError:
                continue
            if method == operation.http["method"]:
                allowed.add(operation.name)
    assert allowed == LISTINGS
    assert len(operations) > 100


def test_only_one_operation_of_the_token_service_is_allowed() -> None:
    allowlist = Allowlist(AwsBackup.allowlist)
    url = "https://sts.eu-west-1.amazonaws.com:443/"
    allowed = set()
    for operation in list_operations(load_model("sts")):
        try:
            allowlist.check("POST", url, f"Action={operation.name}&Version=2011-06-15")
            allowed.add(operation.name)
        except RequestNotAllowedError:
            continue
    assert allowed == {"AssumeRole"}
    for body in (None, "", "Action=AssumeRole", "Action=AssumeRole&Version=2011-06-15&Policy=x", "Version=2011-06-15"):
        with pytest.raises(RequestNotAllowedError):
            allowlist.check("POST", url, body)
    # A server may use the last one of two values.
    with pytest.raises(RequestNotAllowedError):
        allowlist.check("POST", url, b"Action=AssumeRole&Version=2011-06-15&Action=GetSessionToken")


@pytest.mark.parametrize("name", sorted(LISTINGS))
def test_query_keys_match_the_service_model(name: str) -> None:
    shape = load_model().operation_model(name).input_shape
    known = {
        member.serialization["name"]
        for member in shape.members.values()
        if member.serialization.get("location") == "querystring"
    }
    path = load_model().operation_model(name).http["requestUri"].replace("{backupVaultName}", "{vault}")
    (entry,) = [one for one in AwsBackup.allowlist if one.path == path]
    assert set(entry.query) <= known
    assert set(entry.query) == {"maxResults", "nextToken"}
