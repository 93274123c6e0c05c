# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._adapters.rest import RestAdapter
from ansible_collections.backup.audit.plugins.module_utils._collect.collector import Collector
from ansible_collections.backup.audit.plugins.module_utils._core.errors import OptionError
from ansible_collections.backup.audit.plugins.module_utils._module.connection_options import (
    apply_environment,
    argument_spec,
    base_url,
    build_endpoint,
    build_settings,
)


class Adapter(RestAdapter):
    """A product with two prefixes for environment variables, as the products of one vendor have."""

    product = "product"
    title = "Product"
    default_port = 9443
    default_page_size = 200
    environment = ("VENDOR_PRODUCT", "VENDOR")
    workload_types = ("vm", "database")
    allowlist = ()
    not_reported = {}  # noqa: RUF012 - never changed

    @classmethod
    def own_spec(cls) -> dict[str, Any]:
        return {"copies": {"type": "bool", "default": False}}

    def open(self, collector: Collector) -> None:
        raise NotImplementedError

    def read(self, collector: Collector) -> None:
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError


GIVEN = {"url": "https://backup.example", "username": "auditor", "password": "secret"}


def params(**given: Any) -> dict[str, Any]:
    """Return parameters as AnsibleModule does: all options, with unset ones as their default or null."""
    defaults = {name: option.get("default") for name, option in argument_spec(Adapter).items()}
    return {**defaults, **GIVEN, **given}


def filled(environ: dict[str, str] | None = None, **given: Any) -> dict[str, Any]:
    return apply_environment(params(**given), Adapter, environ or {})


# Environment variables


def test_options_override_the_environment() -> None:
    environ = {f"VENDOR_PRODUCT_{name.upper()}": "other" for name in GIVEN}
    assert {name: filled(environ)[name] for name in GIVEN} == GIVEN
    assert filled({"VENDOR_VALIDATE_CERTS": "false"}, validate_certs=True)["validate_certs"] is True
    assert filled({"VENDOR_VALIDATE_CERTS": "true"}, validate_certs=False)["validate_certs"] is False


@pytest.mark.parametrize("missing", [None, ""])
def test_the_environment_provides_missing_options(missing: str | None) -> None:
    environ = {"VENDOR_URL": "https://a", "VENDOR_PRODUCT_URL": "https://b", "VENDOR_PASSWORD": "p"}
    found = filled(environ, url=missing, password=missing)
    assert (found["url"], found["password"], found["username"]) == ("https://b", "p", "auditor")


@pytest.mark.parametrize("empty", ["", "  "])
def test_an_empty_variable_counts_as_unset(empty: str) -> None:
    found = filled({"VENDOR_PRODUCT_URL": empty, "VENDOR_URL": " https://a "}, url=None)
    assert found["url"] == "https://a"
    with pytest.raises(OptionError, match="missing required arguments: password"):
        filled({"VENDOR_PRODUCT_PASSWORD": empty, "VENDOR_PASSWORD": empty}, password=None)


def test_blanks_in_a_password_from_the_environment_are_kept() -> None:
    assert filled({"VENDOR_PASSWORD": " p w "}, password=None)["password"] == " p w "


def test_missing_options_are_reported_with_their_variables() -> None:
    with pytest.raises(OptionError) as raised:
        filled(url=None, username=None, password=None)
    assert raised.value.message == "missing required arguments: url, username, password"
    assert "VENDOR_PRODUCT_URL, VENDOR_URL" in (raised.value.hint or "")


@pytest.mark.parametrize(
    ("text", "value"),
    [("true", True), ("Yes", True), ("1", True), ("on", True), ("FALSE", False), ("no", False), ("0", False)],
)
def test_booleans_from_the_environment(text: str, value: bool) -> None:
    assert filled({"VENDOR_VALIDATE_CERTS": text})["validate_certs"] is value


def test_certificates_are_verified_by_default() -> None:
    assert filled()["validate_certs"] is True
    assert filled({"VENDOR_VALIDATE_CERTS": ""})["validate_certs"] is True
    with pytest.raises(OptionError, match="validate_certs: 'maybe' from the environment is not a valid boolean"):
        filled({"VENDOR_VALIDATE_CERTS": "maybe"})


@pytest.mark.parametrize("name", ["ca_path", "client_cert", "client_key"])
def test_an_empty_file_counts_as_unset(tmp_path: Path, name: str) -> None:
    empty, full = tmp_path / "empty.pem", tmp_path / "full.pem"
    empty.write_bytes(b"")
    full.write_text("-----BEGIN")
    product, vendor = f"VENDOR_PRODUCT_{name.upper()}", f"VENDOR_{name.upper()}"
    as_empty: dict[str, Any] = {name: str(empty)}
    for path in (full, tmp_path / "none.pem"):  # A missing file is an error of the user, not "unset".
        as_path: dict[str, Any] = {name: str(path)}
        assert filled(**as_path)[name] == str(path)
        assert filled({product: str(empty), vendor: str(path)})[name] == str(path)
        assert filled({vendor: str(path)}, **as_empty)[name] == str(path)
    assert filled(**as_empty)[name] is None
    assert filled({product: str(empty)})[name] is None


def test_proxy_from_the_environment() -> None:
    assert filled()["proxy"] is None
    assert filled({"VENDOR_PRODUCT_PROXY": "", "VENDOR_PROXY": "http://proxy:3128"})["proxy"] == "http://proxy:3128"
    assert filled({"VENDOR_PROXY": "http://proxy:3128"}, proxy="http://other:1")["proxy"] == "http://other:1"


# The URL


@pytest.mark.parametrize(
    ("url", "whole"),
    [
        ("backup.example", "https://backup.example:9443"),
        ("https://backup.example", "https://backup.example:9443"),
        ("https://backup.example/", "https://backup.example:9443"),
        (" https://Backup.Example:8443// ", "https://backup.example:8443"),
        ("backup.example:443", "https://backup.example:443"),
        ("https://backup.example/gateway/", "https://backup.example:9443/gateway"),
        ("https://[2001:db8::1]", "https://[2001:db8::1]:9443"),
        ("[2001:db8::1]:8443", "https://[2001:db8::1]:8443"),
        ("10.0.0.1", "https://10.0.0.1:9443"),
    ],
)
def test_a_url_is_completed(url: str, whole: str) -> None:
    assert base_url(url, 9443) == whole


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("", "is not a valid URL"),
        ("https://", "is not a valid URL"),
        ("ftp://backup.example", "is not a valid URL"),
        ("file:///etc/passwd", "is not a valid URL"),
        ("https://backup.example:port", "is not a valid URL"),
        ("https://backup.example:99999", "is not a valid URL"),
        ("https://[::1", "is not a valid URL"),
        ("https://backup.example?x=1", "contains a query or a fragment"),
        ("https://backup.example#x", "contains a query or a fragment"),
        ("http://backup.example", "is not encrypted and would expose the password"),
    ],
)
def test_an_invalid_url_is_rejected_and_shown(url: str, message: str) -> None:
    with pytest.raises(OptionError, match=message) as raised:
        base_url(url, 9443)
    assert repr(url) in raised.value.message


def test_plaintext_must_be_allowed() -> None:
    assert base_url("http://backup.example", 9443, allow_plaintext=True) == "http://backup.example:9443"


@pytest.mark.parametrize(
    "url",
    [
        "https://auditor:s3cret@backup.example",
        "auditor:s3cret@backup.example",
        "https://auditor:s3cret@backup.example:port",
        "https://auditor:s3cret@",
        "ftp://auditor:s3cret@backup.example",
        "https://auditor:s3cret/x@backup.example",
        "https://auditor:s3cret@[::1",
    ],
)
def test_a_password_in_a_url_is_rejected_without_being_shown(url: str) -> None:
    with pytest.raises(OptionError, match="user name or password") as raised:
        base_url(url, 9443)
    assert "s3cret" not in str(raised.value)


# Endpoint


def test_unset_options_use_the_defaults_of_the_product() -> None:
    made = build_endpoint(filled(), Adapter)
    assert (made.url, made.verify, made.client_cert, made.proxy) == ("https://backup.example:9443", True, None, None)
    assert (made.timeout, made.retries, made.connections) == (30.0, 4, 4)


@pytest.mark.parametrize(
    ("validate_certs", "with_ca", "verify"),
    [(True, True, "ca"), (True, False, True), (False, True, False), (False, False, False)],
)
def test_tls_verification_settings(tmp_path: Path, validate_certs: bool, with_ca: bool, verify: bool | str) -> None:
    ca_path = tmp_path / "ca.pem"
    ca_path.write_text("x")
    made = build_endpoint(filled(validate_certs=validate_certs, ca_path=str(ca_path) if with_ca else None), Adapter)
    assert made.verify == (str(ca_path) if verify == "ca" else verify)


DIGITS = "0123456789abcdef" * 4
WITH_COLONS = ":".join(DIGITS[index : index + 2] for index in range(0, 64, 2))


@pytest.mark.parametrize("text", [DIGITS, WITH_COLONS, WITH_COLONS.upper(), f" {DIGITS}\n"])
def test_a_fingerprint_is_trusted_without_a_ca(text: str, tmp_path: Path) -> None:
    endpoint = build_endpoint(filled(fingerprint=text), Adapter)
    assert (endpoint.fingerprint, endpoint.verify) == (DIGITS, False)
    (tmp_path / "ca.pem").write_text("x")
    both = build_endpoint(filled(fingerprint=text, ca_path=str(tmp_path / "ca.pem")), Adapter)
    assert (both.fingerprint, both.verify) == (DIGITS, str(tmp_path / "ca.pem"))


@pytest.mark.parametrize("text", [DIGITS[1:], DIGITS + "0", DIGITS[:40], "g" * 64, "sha256:" + DIGITS, "::" + DIGITS])
def test_another_text_is_not_a_fingerprint(text: str) -> None:
    with pytest.raises(OptionError, match="is not a valid SHA-256 fingerprint"):
        build_endpoint(filled(fingerprint=text), Adapter)


def test_plaintext_has_no_fingerprint() -> None:
    with pytest.raises(OptionError, match="an unencrypted connection has no certificate"):
        build_endpoint(filled(url="http://localhost", allow_plaintext=True, fingerprint=DIGITS), Adapter)


def test_a_client_certificate_with_or_without_a_key_file(tmp_path: Path) -> None:
    certificate, key = tmp_path / "c.pem", tmp_path / "k.pem"
    certificate.write_text("x")
    key.write_text("x")
    assert build_endpoint(filled(client_cert=str(certificate)), Adapter).client_cert == (str(certificate),) * 2
    both = build_endpoint(filled(client_cert=str(certificate), client_key=str(key)), Adapter)
    assert both.client_cert == (str(certificate), str(key))
    with pytest.raises(OptionError, match="client_key: client_cert is missing"):
        build_endpoint(filled(client_key=str(key)), Adapter)


@pytest.mark.parametrize("name", ["ca_path", "client_cert", "client_key"])
def test_an_unreadable_file_is_reported(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(OptionError, match=rf"^{name}: cannot read '/nowhere/x.pem': No such file or directory\.$"):
        build_endpoint({**filled(), name: "/nowhere/x.pem"}, Adapter)
    (tmp_path / "x.pem").write_text("x")
    monkeypatch.setattr(os, "access", lambda *_arguments: False)
    with pytest.raises(OptionError, match=rf"^{name}: cannot read '.*/x.pem': Permission denied\.$"):
        build_endpoint({**filled(), name: str(tmp_path / "x.pem")}, Adapter)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"timeout": 0}, r"timeout: 0 is too small \(minimum 1\)"),
        ({"connections": 0}, r"connections: 0 is too small \(minimum 1\)"),
        ({"connections": -1}, r"connections: -1 is too small \(minimum 1\)"),
        ({"retries": -1}, r"retries: -1 is too small \(minimum 0\)"),
    ],
)
def test_invalid_numbers_of_a_connection_are_rejected(given: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        build_endpoint(filled(**given), Adapter)


def test_zero_retries_are_valid() -> None:
    assert build_endpoint(filled(retries=0), Adapter).retries == 0


# Settings


def test_settings_use_the_defaults_of_the_product() -> None:
    made = build_settings({**filled(), "copies": True, "product": "x"}, Adapter)
    assert (made.page_size, made.workload_types, made.detail) == (200, ("vm", "database"), "workloads")
    assert made.own == {"copies": True}
    assert build_settings(filled(page_size=7), Adapter).page_size == 7
    assert build_settings(filled(workload_types=["database", "database"]), Adapter).workload_types == ("database",)


@pytest.mark.parametrize("proxy", ["ftp://me:secret@proxy:1", "HTTPX://proxy"])
def test_a_proxy_with_another_scheme_is_rejected(proxy: str) -> None:
    with pytest.raises(OptionError, match=r"proxy: the scheme '(ftp|HTTPX)' is not supported") as raised:
        build_endpoint(filled(proxy=proxy), Adapter)
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize("proxy", ["proxy:3128", "http://proxy:3128", "HTTPS://proxy", "socks5h://proxy:1080"])
def test_proxies(proxy: str) -> None:
    assert build_endpoint(filled(proxy=proxy), Adapter).proxy == proxy


@pytest.mark.parametrize("page_size", [0, -1])
def test_a_page_size_of_zero_is_rejected(page_size: int) -> None:
    with pytest.raises(OptionError, match=rf"page_size: {page_size} is too small \(minimum 1\)"):
        build_settings(filled(page_size=page_size), Adapter)


def test_an_unsupported_workload_type_is_rejected() -> None:
    with pytest.raises(OptionError, match="workload_types: Product does not support 'file_share'") as raised:
        build_settings(filled(workload_types=["vm", "file_share"]), Adapter)
    assert "Supported types: vm, database" in (raised.value.hint or "")


def test_settings_are_shown_without_the_password() -> None:
    assert "secret" not in repr(build_settings(filled(), Adapter))


def test_all_secrets_of_the_argument_spec_are_hidden_in_logs() -> None:
    spec = argument_spec(Adapter)
    assert [name for name, option in spec.items() if option.get("no_log")] == ["password"]
    assert spec["workload_types"]["choices"] == ["vm", "database"]


# Products with other names for these options


class CloudAdapter(Adapter):
    """A cloud service with its own option names and environment variables, and a URL derived from the region."""

    option_names = {"url": "endpoint_url", "username": "access_key", "password": "secret_key"}  # noqa: RUF012
    variables = {"username": ("CLOUD_KEY_ID", "CLOUD_KEY"), "region": ("CLOUD_REGION",)}  # noqa: RUF012
    required = ("username", "password")

    @classmethod
    def own_spec(cls) -> dict[str, Any]:
        return {"region": {"type": "str"}}

    @classmethod
    def complete(cls, params: dict[str, Any]) -> None:
        params["url"] = params["url"] or f"https://{params['region']}.cloud.example"


def cloud(environ: dict[str, str], **given: Any) -> dict[str, Any]:
    unset = dict.fromkeys(argument_spec(CloudAdapter))
    return apply_environment({**unset, **given}, CloudAdapter, environ)


def test_the_shared_names_of_the_account_are_aliases() -> None:
    spec = argument_spec(CloudAdapter)
    assert spec["access_key"] == {"type": "str", "no_log": False, "aliases": ["username"]}
    assert spec["secret_key"] == {"type": "str", "no_log": True, "aliases": ["password"]}
    assert "username" not in spec


def test_a_product_completes_missing_options() -> None:
    found = cloud({"CLOUD_REGION": "north", "CLOUD_KEY": "id"}, secret_key="secret")
    assert [found[name] for name in ("url", "username", "password")] == ["https://north.cloud.example", "id", "secret"]
    assert cloud({}, access_key="id", secret_key="secret", endpoint_url="https://a")["url"] == "https://a"


def test_a_missing_option_has_the_name_that_the_product_uses() -> None:
    with pytest.raises(OptionError) as raised:
        cloud({}, secret_key="secret", region="north")
    assert str(raised.value) == (
        "missing required arguments: access_key. Set them as options or as environment variables "
        "(CLOUD_KEY_ID, CLOUD_KEY)."
    )
