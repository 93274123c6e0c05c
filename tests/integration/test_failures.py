# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Failures while reading: each gives a clear error or, after a retry, the complete result."""

from __future__ import annotations

import contextlib
import http.server
import re
import socket
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.faults.products import LOG_IN, listing
from tests.integration.conftest import Simulators
from tests.integration.running_modules import MODULES, get_login, read, run_module

# Hints after a rejected login for products with other names for user and password.
HINTS = {
    "aws_backup": 'Check "access_key", "secret_key"',
    "azure_backup": 'Set "secret" to the value of the client secret',
}
PRODUCTS = list(MODULES)
# Products whose listings are plain arrays, so that an empty one is valid.
BARE_LISTS = ("unitrends", "vprotect")


def fault(product: str, name: str, **more: Any) -> list[dict[str, Any]]:
    """Build one rule for the product's listing."""
    match = {**listing(product), **more.pop("match", {})}
    return [{"match": match, "fault": name, **more}]


def read_totals(simulators: Simulators, product: str) -> dict[str, Any]:
    """Return the totals of a read without failures."""
    ended = read(simulators.ready, product, page_size=50)
    assert not ended.failed, ended.message
    totals: dict[str, Any] = ended.result["totals"]
    assert totals["recovery_points"] > 100
    return totals


# Name -> (fault, code of the failure, regular expression for a part of its message).
LASTING_FAULTS: dict[str, tuple[dict[str, Any], str, str]] = {
    "500": (
        {"name": "status", "status": 500, "body": '{"description": "catalog is corrupt"}'},
        "server_error",
        "catalog is corrupt",
    ),
    "503": ({"name": "status", "status": 503}, "server_error", r", 2 attempts\)"),
    "redirect": (
        {"name": "status", "status": 302, "headers": {"Location": "https://portal.example/"}},
        "invalid_response",
        "portal.example",
    ),
    "html": ({"name": "html", "status": 200}, "invalid_response", "web page"),
    "empty": ({"name": "empty"}, "invalid_response", "empty"),
    "truncated": ({"name": "truncated"}, "invalid_response", "truncated"),
    "reset": ({"name": "reset"}, "connection_error", "Connection to"),
    "array": ({"name": "status", "status": 200, "body": "[]"}, "invalid_response", "not an object"),
    "no-list": ({"name": "status", "status": 200, "body": "{}"}, "invalid_response", "has no list|not a list"),
}


@pytest.mark.parametrize(
    ("product", "name"),
    [
        (product, name)
        for name in LASTING_FAULTS
        for product in PRODUCTS
        # An empty array is an empty list of these products.
        if not (name == "array" and product in BARE_LISTS)
    ],
)
def test_permanent_fault_is_a_clear_failure(simulators: Simulators, product: str, name: str) -> None:
    """The message names the server, the request and the problem. No partial result is returned."""
    rules, code, message = LASTING_FAULTS[name]
    more = {key: value for key, value in rules.items() if key != "name"}
    simulators.ask(product, "__faults", fault(product, rules["name"], **more))
    ended = read(simulators.ready, product, retries=1)
    assert ended.failed
    assert ended.result["failure"]["code"] == code, ended.message
    assert re.search(message, ended.message)
    assert simulators.ready["products"][product]["url"].removeprefix("https://") in ended.message
    assert "workloads" not in ended.result
    assert simulators.ask(product, "__sessions")["open"] == 0


@pytest.mark.parametrize("product", PRODUCTS)
@pytest.mark.parametrize(
    "rules",
    [
        {"name": "status", "status": 503, "headers": {"Retry-After": "0"}},
        {"name": "status", "status": 429, "headers": {"Retry-After": "1"}},
        {"name": "status", "status": 502},
        {"name": "reset"},
        {"name": "expire_session"},
    ],
    ids=["503", "429", "502", "reset", "expired-session"],
)
def test_transient_fault_is_retried(simulators: Simulators, product: str, rules: dict[str, Any]) -> None:
    """One failure in the middle of a listing does not affect the result."""
    expected = read_totals(simulators, product)
    simulators.reset()
    more = {key: value for key, value in rules.items() if key != "name"}
    rule = fault(product, rules["name"], match={"nth": 3}, times=1, **more)
    simulators.ask(product, "__faults", rule)
    ended = read(simulators.ready, product, page_size=50)
    assert not ended.failed, ended.message
    assert ended.result["totals"] == expected
    assert simulators.ask(product, "__sessions")["open"] == 0
    log_ins = [
        call for call in simulators.requests(product) if call["path"] == LOG_IN[product] and call["method"] == "POST"
    ]
    assert len(log_ins) == (2 if rules["name"] == "expire_session" else 1)


def at(login: Mapping[str, Any], url: str) -> dict[str, Any]:
    """Return the options for a server at another address, and its login service if there is one."""
    return {name: url for name in ("url", "login_url") if name in login}


@pytest.mark.parametrize("product", PRODUCTS)
def test_wrong_password_is_sent_once(simulators: Simulators, product: str) -> None:
    """A rejected login is reported and not retried, because that could lock the account."""
    name, own = MODULES[product]
    ended = run_module(name, {**get_login(simulators.ready, product), **own, "password": "not & the + one"})
    assert ended.failed
    assert ended.result["failure"]["code"] == "login_rejected"
    assert HINTS.get(product, "Check username and password") in ended.message
    assert [call["path"] for call in simulators.requests(product)].count(LOG_IN[product]) == 1
    assert "not & the + one" not in ended.output


@pytest.mark.parametrize("product", PRODUCTS)
def test_wrong_address(simulators: Simulators, product: str) -> None:
    """An unknown host, a closed port and a certificate for another name have three different messages."""
    name, own = MODULES[product]
    login = get_login(simulators.ready, product)
    unknown = run_module(name, {**login, **own, "url": "https://no-such-host.invalid", "retries": 0})
    assert "Cannot resolve host name 'no-such-host.invalid'" in unknown.message
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    refused = run_module(name, {**login, **own, "url": f"https://127.0.0.1:{port}", "retries": 0})
    assert f"Cannot connect to 127.0.0.1:{port}: connection refused" in refused.message
    other_name = login["url"].replace("127.0.0.1", "127.0.0.2")
    mismatch = run_module(name, {**login, **own, "url": other_name, "retries": 0})
    assert mismatch.failed
    assert mismatch.result["failure"]["code"] in ("certificate_error", "connection_error")


@pytest.mark.parametrize("product", PRODUCTS)
def test_untrusted_certificate(simulators: Simulators, product: str, tmp_path: Path) -> None:
    """Only ca_path determines the trusted CA, and not the environment. validate_certs: false gives a warning."""
    name, own = MODULES[product]
    login = {**get_login(simulators.ready, product), **own}
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(str(other))
    right = str(login.pop("ca_path"))

    untrusted = run_module(name, login, {"REQUESTS_CA_BUNDLE": right, "CURL_CA_BUNDLE": right})
    assert untrusted.result["failure"]["code"] == "certificate_error"
    assert "issued by an unknown CA" in untrusted.message
    assert 'Set "ca_path" to the PEM file of the CA that issued it' in untrusted.message
    wrong = run_module(name, {**login, "ca_path": str(other)})
    assert wrong.result["failure"]["code"] == "certificate_error"
    assert f"not issued by a CA in ca_path '{other}'" in wrong.message
    trusted = run_module(
        name, {**login, "ca_path": right}, {"REQUESTS_CA_BUNDLE": str(other), "CURL_CA_BUNDLE": str(other)}
    )
    assert not trusted.failed, trusted.message
    unchecked = run_module(name, {**login, "validate_certs": False}, {"REQUESTS_CA_BUNDLE": str(other)})
    assert not unchecked.failed, unchecked.message
    assert any("not verified" in str(warning) for warning in unchecked.result["warnings"])


class _WebPage(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        """Return a web page, as a proxy or another product would."""
        body = b"<html><head><title>Printer</title></head></html>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET
    do_DELETE = do_GET

    def log_message(self, *_arguments: Any) -> None:
        """Print nothing."""


@contextlib.contextmanager
def web_page(authority: trustme.CA | None) -> Iterator[int]:
    """Run a web server other than a backup product; without an authority it uses plain HTTP."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _WebPage)
    if authority is not None:
        import ssl

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1").configure_cert(context)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("product", PRODUCTS)
def test_another_web_server_is_an_error(simulators: Simulators, product: str, tmp_path: Path) -> None:
    """The web server of another product, with TLS and without."""
    name, own = MODULES[product]
    login = {**get_login(simulators.ready, product), **own}
    authority = trustme.CA()
    ca_path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_path))
    with web_page(authority) as port:
        page = run_module(name, {**login, **at(login, f"https://127.0.0.1:{port}"), "ca_path": str(ca_path)})
    assert page.failed
    assert "web page" in page.message
    assert "Printer" in page.message
    with web_page(None) as port:
        plain = run_module(name, {**login, **at(login, f"https://127.0.0.1:{port}"), "retries": 0})
    assert f"127.0.0.1:{port} does not use TLS" in plain.message
    in_clear = run_module(name, {**login, "url": f"http://127.0.0.1:{port}"})
    assert "is not encrypted and would expose the password" in in_clear.message
