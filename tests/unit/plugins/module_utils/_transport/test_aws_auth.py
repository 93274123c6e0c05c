# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Access to AWS: signatures as created by botocore, roles, profiles, and sources of credentials that are not used."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from ansible_collections.backup.audit.plugins.module_utils._core.errors import (
    ForbiddenError,
    InvalidResponseError,
    OptionError,
    UnauthorizedError,
)
from ansible_collections.backup.audit.plugins.module_utils._core.times import SECOND
from ansible_collections.backup.audit.plugins.module_utils._transport import aws_auth
from ansible_collections.backup.audit.plugins.module_utils._transport.allowlist import AllowedRequest
from ansible_collections.backup.audit.plugins.module_utils._transport.auth import LoginError
from ansible_collections.backup.audit.plugins.module_utils._transport.aws_auth import (
    AssumedRole,
    Clock,
    Keys,
    load_profile,
    sign_requests,
)
from tests.unit.plugins.module_utils._transport.fake_server import OK, in_turn

KEYS = Keys("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "token/with+signs==")
ROLE = {"role_arn": "arn:aws:iam::123456789012:role/audit", "session_name": "backup-audit", "external_id": "e1"}
ASSUMED = (
    200,
    {"Content-Type": "text/xml"},
    b"<Credentials><AccessKeyId>ASIA1</AccessKeyId><SecretAccessKey>s3cret/key+1</SecretAccessKey>\n%s</Credentials>"
    % b"<SessionToken>t0ken==</SessionToken>",
)


def error(status: int, code: str, message: str = "no") -> tuple[int, dict[str, str], bytes]:
    return status, {"x-amzn-ErrorType": code}, b'{"message": "%s"}' % message.encode()


def xml_error(status: int, code: str) -> tuple[int, dict[str, str], bytes]:
    body = f"<ErrorResponse><Error><Code>{code}</Code><Message>not &lt;you&gt;</Message></Error></ErrorResponse>"
    return status, {"Content-Type": "text/xml"}, body.encode()


def sign(client: Any, keys: Keys = KEYS) -> None:
    sign_requests(client, lambda: keys, "backup", "eu-west-1", Clock())


@pytest.mark.parametrize("keys", [KEYS, Keys("AKIDEXAMPLE", "secret")])
@pytest.mark.parametrize(
    "path", ["/backup-vaults/", "/backup-vaults/a%20b/recovery-points/?nextToken=a%2Fb%3D&maxResults=1"]
)
def test_signatures_match_botocore(connect: Any, serve: Any, keys: Keys, path: str) -> None:
    client = connect(serve(in_turn(OK)))
    sign(client, keys)
    url = f"https://backup.eu-west-1.amazonaws.com{path}"
    prepared = requests.Request("GET", url).prepare()
    client.sign(prepared)
    request = AWSRequest("GET", url)
    signer = SigV4Auth(Credentials(*keys), "backup", "eu-west-1")
    request.context["timestamp"] = prepared.headers["X-Amz-Date"]
    request.headers["X-Amz-Date"] = prepared.headers["X-Amz-Date"]
    if keys.token:
        request.headers["X-Amz-Security-Token"] = keys.token
    expected = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
    assert prepared.headers["Authorization"].endswith(f"Signature={expected}")
    assert prepared.headers.get("X-Amz-Security-Token") == keys.token
    assert keys.secret_key not in str(prepared.headers)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (error(403, "AccessDeniedException"), ForbiddenError),
        (error(403, "ExpiredTokenException"), UnauthorizedError),
        (error(403, "UnrecognizedClientException:http://internal.amazon.com/coral/"), UnauthorizedError),
        (error(400, "ResourceNotFoundException"), InvalidResponseError),
        (xml_error(403, "SignatureDoesNotMatch"), UnauthorizedError),
        (xml_error(403, "AccessDenied"), ForbiddenError),
    ],
)
def test_the_error_code_determines_the_error(serve: Any, connect: Any, answer: Any, kind: type[Exception]) -> None:
    server = serve(in_turn(answer))
    client = connect(server)
    sign(client)
    with pytest.raises(kind) as raised:
        client.get("/api/list")
    assert f"(HTTP {answer[0]})" in str(raised.value)
    assert ("no" if b"{" in answer[2] else "not <you>") in str(raised.value)
    assert len(server.requests) == 1


@pytest.mark.usefixtures("no_backoff")
@pytest.mark.parametrize(
    "answer",
    [
        error(400, "ThrottlingException"),
        error(429, "TooManyRequestsException"),
        xml_error(400, "Throttling"),
        error(500, "ServiceUnavailableException"),
    ],
)
def test_throttled_requests_are_retried_with_a_new_signature(serve: Any, connect: Any, answer: Any) -> None:
    server = serve(in_turn(answer, OK))
    client = connect(server)
    sign(client)
    assert client.get("/api/list").json() == {"ok": True}
    assert [request.headers["Authorization"][:16] for request in server.requests] == ["AWS4-HMAC-SHA256"] * 2


# Clock


def test_a_wrong_clock_is_corrected_once(serve: Any, connect: Any) -> None:
    client = connect(serve(in_turn(OK)))
    clock = Clock()
    asked: list[int] = []

    def call() -> str:
        asked.append(clock.offset_micros)
        client.skew_micros = 7200 * SECOND
        if clock.offset_micros == 0:
            raise UnauthorizedError("Signature expired")
        return "fine"

    assert clock.with_correction(client, call) == "fine"
    assert asked == [0, 7200 * SECOND]


@pytest.mark.parametrize("skew", [None, 0, 60 * SECOND])
def test_rejected_keys_are_not_retried(serve: Any, connect: Any, skew: int | None) -> None:
    client = connect(serve(in_turn(OK)))
    client.skew_micros = skew
    asked: list[int] = []

    def call() -> None:
        asked.append(1)
        raise UnauthorizedError("not valid")

    with pytest.raises(UnauthorizedError):
        Clock().with_correction(client, call)
    assert asked == [1]


# Roles

STS = AllowedRequest(
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


def role_at(client: Any, server: Any) -> AssumedRole:
    sts = client.sibling(server.url, [STS])
    sign_requests(sts, lambda: KEYS, "sts", "eu-west-1", Clock())
    return AssumedRole(sts, KEYS, ROLE, Clock())


def test_a_role_has_separate_keys(serve: Any, connect: Any) -> None:
    client, server = connect(serve(in_turn(OK))), serve(in_turn(ASSUMED))
    role = role_at(client, server)
    role.open(client)
    assert role.keys == Keys("ASIA1", "s3cret/key+1", "t0ken==")
    assert client.scrub("s3cret/key+1 and t0ken==") == "******** and ********"
    (request,) = server.requests
    assert request.body == (
        b"Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Faudit"
        b"&RoleSessionName=backup-audit&ExternalId=e1"
    )
    role.close(client)
    assert len(server.requests) == 1


def test_expired_keys_of_a_role_are_renewed(serve: Any, connect: Any) -> None:
    backup = serve(in_turn(error(403, "ExpiredTokenException"), OK))
    client = connect(backup)
    second = (ASSUMED[0], ASSUMED[1], ASSUMED[2].replace(b"ASIA1", b"ASIA2"))
    server = serve(in_turn(ASSUMED, second))
    role = role_at(client, server)
    role.open(client)
    sign_requests(client, lambda: role.keys, "backup", "eu-west-1", Clock())
    assert client.get("/api/list").json() == {"ok": True}
    used = [request.headers["Authorization"].partition("Credential=")[2][:5] for request in backup.requests]
    assert used == ["ASIA1", "ASIA2"]


def test_rejected_keys_are_reported_once(serve: Any, connect: Any) -> None:
    client, server = connect(serve(in_turn(OK))), serve(in_turn(xml_error(403, "InvalidClientTokenId")))
    with pytest.raises(LoginError, match="failed \\(HTTP 403\\)") as raised:
        role_at(client, server).open(client)
    assert "not <you>" in str(raised.value)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"<html><title>Proxy</title></html>", 'is a web page or XML instead of JSON. Server response: "Proxy"'),
        (b"", "the response is empty"),
        (ASSUMED[2].replace(b"SessionToken", b"Other"), "is a web page or XML"),
    ],
)
def test_a_response_without_keys_is_an_error(serve: Any, connect: Any, body: bytes, message: str) -> None:
    client, server = connect(serve(in_turn(OK))), serve(in_turn((200, {}, body)))
    with pytest.raises(InvalidResponseError) as raised:
        role_at(client, server).open(client)
    assert message in str(raised.value)


# Profiles


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home directory with AWS files, and an environment with other credentials."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "of-the-environment")
    folder = tmp_path / ".aws"
    folder.mkdir()
    (folder / "credentials").write_text(
        "[default]\naws_access_key_id = d\naws_secret_access_key = dd\n"
        "[audit]\naws_access_key_id = a\naws_secret_access_key = aa\naws_session_token = at\n"
        "[broken]\naws_access_key_id = b\n"
    )
    (folder / "config").write_text(
        "[profile audit]\nregion = eu-west-1\n[profile inconfig]\naws_access_key_id = c\naws_secret_access_key = cc\n"
        "[profile role]\nrole_arn = arn:aws:iam::1:role/x\nsource_profile = audit\n"
        "[profile sso]\nsso_start_url = https://sso.invalid\n[profile program]\ncredential_process = /bin/false\n"
    )
    return tmp_path


def test_a_profile_has_keys_and_a_region(home: Path) -> None:
    assert load_profile("audit", None, None) == (Keys("a", "aa", "at"), "eu-west-1")
    assert load_profile("inconfig", None, None) == (Keys("c", "cc"), None)
    other = home / "other"
    other.write_text("[audit]\naws_access_key_id = o\naws_secret_access_key = oo\n")
    assert load_profile("audit", str(other), str(home / "missing")) == (Keys("o", "oo"), None)


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("name", ["missing", "role", "sso", "program"])
def test_profiles_without_own_keys_are_rejected(name: str) -> None:
    with pytest.raises(OptionError, match=f"profile: '{name}' has no access key in ~/.aws/credentials"):
        load_profile(name, None, None)


@pytest.mark.usefixtures("home")
def test_a_profile_with_half_a_key_is_rejected() -> None:
    with pytest.raises(OptionError, match="profile: cannot read profile 'broken'"):
        load_profile("broken", None, None)


def test_a_profile_reads_two_files_and_opens_no_connection(home: Path) -> None:
    """Audit hooks see everything that Python opens, including libraries."""
    opened: list[str] = []
    is_on = True

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if is_on and (event.startswith(("socket.", "subprocess.", "os.exec", "os.posix_spawn"))):
            opened.append(event)
        elif is_on and event == "open" and str(arguments[0]).startswith(str(home)):
            opened.append(str(arguments[0]))

    sys.addaudithook(hook)
    load_profile("audit", None, None)
    is_on = False
    assert set(opened) == {str(home / ".aws" / "credentials"), str(home / ".aws" / "config")}
