# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Access to Amazon Web Services: signatures (Signature Version 4), assumed roles, keys of a profile.

botocore computes the signatures and parses profiles, but never sends anything. Its own search for credentials, which
contacts other servers, is not used.
"""

from __future__ import annotations

import re
import typing as t
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone

from ansible_collections.backup.audit.plugins.module_utils._core.errors import (
    OptionError,
    UnauthorizedError,
)
from ansible_collections.backup.audit.plugins.module_utils._core.times import SECOND
from ansible_collections.backup.audit.plugins.module_utils._transport.client import Client
from ansible_collections.backup.audit.plugins.module_utils._transport.http_errors import invalid_json_error
from ansible_collections.backup.audit.plugins.module_utils._transport.stateless_auth import StatelessLogin

try:
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest

    HAS_BOTOCORE = True
except ImportError:
    HAS_BOTOCORE = False

# Signatures are valid for five minutes.
_TOLERATED_SKEW = 4 * 60 * SECOND
_THROTTLED = ("throttl", "requestlimitexceeded", "toomanyrequests", "slowdown")
_REJECTED = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
        "RequestExpired",
        "RequestTimeTooSkewed",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
_XML_CODE = re.compile(rb"<Code>([^<]*)</Code>")
_XML_KEYS = {
    name: re.compile(rf"<{name}>([^<]+)</{name}>") for name in ("AccessKeyId", "SecretAccessKey", "SessionToken")
}
STS_VERSION = "2011-06-15"


class Keys(t.NamedTuple):
    """An access key. Temporary keys have a token in addition."""

    access_key: str
    secret_key: str
    token: str | None = None


class Clock:
    """The clock for signatures, which is corrected to the time of the service if the local clock is wrong."""

    offset_micros = 0

    def now(self) -> datetime:
        """Return the time."""
        return datetime.now(timezone.utc) + timedelta(microseconds=self.offset_micros)

    def with_correction(self, client: Client, call: Callable[[], t.Any]) -> t.Any:
        """Return the result of the first call to a service. Repeat it once if only the local clock is wrong."""
        try:
            return call()
        except UnauthorizedError:
            if client.skew_micros is None or abs(client.skew_micros - self.offset_micros) < _TOLERATED_SKEW:
                raise
            self.offset_micros = client.skew_micros
            return call()


def sign_requests(client: Client, get_keys: Callable[[], Keys], service: str, region: str, clock: Clock) -> None:
    """Make the client sign each request for a service in a region, and interpret the error codes of AWS."""

    def sign(prepared: t.Any) -> None:
        keys = get_keys()
        request = AWSRequest(method=prepared.method, url=prepared.url, data=_encode(prepared.body))
        request.context["timestamp"] = f"{clock.now():%Y%m%dT%H%M%SZ}"
        request.headers["X-Amz-Date"] = request.context["timestamp"]
        if keys.token:
            request.headers["X-Amz-Security-Token"] = keys.token
        signer = SigV4Auth(keys, service, region)
        signature = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
        signed = signer.signed_headers(signer.headers_to_sign(request))
        prepared.headers.update(request.headers.items())
        prepared.headers["Authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={signer.scope(request)}, SignedHeaders={signed}, Signature={signature}"
        )

    client.sign = sign
    client.get_meaning = _get_meaning


def _encode(body: str | bytes | None) -> bytes:
    return body.encode("utf-8") if isinstance(body, str) else body or b""


def _get_meaning(status: int, headers: Mapping[str, str], body: bytes) -> int:
    """Return 429 for throttling, and 401 for rejected keys and signatures; AWS uses 400 and 403 for both."""
    marked = _XML_CODE.search(body[:20_000])
    code = headers.get("x-amzn-ErrorType", "") or (marked[1].decode("utf-8", "replace") if marked else "")
    # Some services append a colon and the URL of their error namespace.
    code = code.partition(":")[0]
    if any(word in code.casefold() for word in _THROTTLED):
        return 429
    if code in _REJECTED:
        return 401
    return 503 if code == "ServiceUnavailableException" else status


class AssumedRole(StatelessLogin):
    """A role whose temporary keys are renewed when they expire. ``client`` is the client for the token service."""

    hint = 'Check "access_key", "secret_key" and "session_token". The key may be inactive or have expired'

    def __init__(self, client: Client, keys: Keys, role: Mapping[str, t.Any], clock: Clock) -> None:
        super().__init__(str(role["role_arn"]), keys.secret_key)
        self.keys = keys
        self._sts = client
        self._role = role
        self._clock = clock

    def _log_in(self, client: Client) -> dict[str, str]:
        response = self._clock.with_correction(self._sts, self._assume)
        text = response.body[:100_000].decode("utf-8", "replace")
        found = [pattern.search(text) for pattern in _XML_KEYS.values()]
        if None in found:
            raise invalid_json_error(
                response.server,
                response.request,
                response.status,
                response.body,
                ValueError("no temporary keys"),
                response.scrub,
            )
        self.keys = Keys(*(match[1] for match in found if match))
        client.add_secret(self.keys.secret_key, self.keys.token)
        return {}

    def _assume(self) -> t.Any:
        form = {
            "Action": "AssumeRole",
            "Version": STS_VERSION,
            "RoleArn": self.username,
            "RoleSessionName": self._role["session_name"],
        }
        if self._role.get("external_id"):
            form["ExternalId"] = self._role["external_id"]
        return self._sts.request(
            "POST",
            "/",
            form=form,
            headers={"Accept": "application/xml"},
            authenticated=False,
            idempotent=False,
        )


def load_profile(name: str, credentials_file: str | None, config_file: str | None) -> tuple[Keys, str | None]:
    """Return the keys and the region of a profile in the AWS files. Raise OptionError if it has no keys of its own."""
    from botocore.configloader import load_config
    from botocore.credentials import ConfigProvider, SharedCredentialProvider
    from botocore.exceptions import BotoCoreError

    credentials_file, config_file = credentials_file or "~/.aws/credentials", config_file or "~/.aws/config"
    try:
        providers = (
            SharedCredentialProvider(creds_filename=credentials_file, profile_name=name),
            ConfigProvider(config_filename=config_file, profile_name=name),
        )
        found = next((keys for keys in (provider.load() for provider in providers) if keys is not None), None)
    except BotoCoreError as error:
        raise OptionError(f"profile: cannot read profile {name!r}: {error}") from error
    if found is None:
        raise OptionError(
            f"profile: {name!r} has no access key in {credentials_file} or {config_file}",
            hint="Use a profile with aws_access_key_id and aws_secret_access_key. For roles use assume_roles. Profiles "
            "for single sign-on, roles or other programs are not supported",
        )
    try:
        region = load_config(config_file)["profiles"].get(name, {}).get("region")
    except BotoCoreError:
        region = None
    return Keys(found.access_key, found.secret_key, found.token), region
