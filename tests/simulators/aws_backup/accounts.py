# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Access keys, roles and signatures of the simulated AWS Backup: every signature is verified."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from urllib.parse import parse_qsl, quote

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.simulators.ground_truth import MINUTE, as_moment, rfc3339
from tests.simulators.product_api import Call, Refusal

# The account with the workloads, one that receives copies, and one that has only users.
MAIN_ACCOUNT, COPY_ACCOUNT, HUB_ACCOUNT = "123456789012", "999988887777", "555566667777"
ROLE = "arn:aws:iam::{}:role/backup-audit"
EXTERNAL_ID = "audit-of-copies-7"
_TOLERATED_SKEW = 5 * MINUTE


@dataclass(frozen=True)
class Key:
    """An access key. `roles`: the accounts whose role it may assume. `reads`: whether it may read its own account."""

    access_key: str
    secret_key: str
    account: str
    reads: bool = True
    roles: tuple[str, ...] = ()
    token: str | None = None

    def as_json(self) -> dict[str, object]:
        return {"username": self.access_key, "password": self.secret_key}


KEYS: dict[str, Key] = {
    "main": Key(
        "AKIAIOSFODNN7AUDIT01", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYAUDIT01KEY", MAIN_ACCOUNT, roles=(MAIN_ACCOUNT,)
    ),
    "copies": Key("AKIAIOSFODNN7AUDIT02", "je7MtGbClwBF/2Zp9Utk+h3yCo8nvbAUDIT02KEY", COPY_ACCOUNT),
    "hub": Key(
        "AKIAIOSFODNN7AUDIT03",
        "Xq8vTn4Wd1Ls+6Ry0Jm/2Kb5Gh7Pc9ZAUDIT03KEY",
        HUB_ACCOUNT,
        reads=False,
        roles=(MAIN_ACCOUNT, COPY_ACCOUNT),
    ),
    "nothing": Key("AKIAIOSFODNN7AUDIT04", "Bz3yUe9Ra5Fo+1Tk7Vw/8Hn2Xs6Dq4LAUDIT04KEY", HUB_ACCOUNT, reads=False),
}


@dataclass(frozen=True)
class Session:
    """The key of a call, and the region for which the call is signed."""

    key: Key
    region: str


@dataclass
class TemporaryKeys:
    """Keys of assumed roles: the server does not store them and cannot end them, but they expire."""

    issued: dict[str, Key] = field(default_factory=dict)

    def __len__(self) -> int:
        return 0

    def clear(self) -> None:
        self.issued.clear()

    def assume(self, call: Call, session: Session, now: int) -> str:
        """Return the response of AssumeRole, in the XML of the query protocol."""
        form = dict(parse_qsl(call.body.decode("ascii"), keep_blank_values=True))
        if (form.get("Action"), form.get("Version")) != ("AssumeRole", "2011-06-15"):
            raise Refusal(400, f"Could not find operation {form.get('Action')}", "InvalidAction")
        arn = form.get("RoleArn", "")
        account = next((one for one in session.key.roles if ROLE.format(one) == arn), None)
        if account is None or (account == COPY_ACCOUNT and form.get("ExternalId") != EXTERNAL_ID):
            user = f"arn:aws:iam::{session.key.account}:user/audit"
            message = f"User: {user} is not authorized to perform: sts:AssumeRole on resource: {arn}"
            raise Refusal(403, message, "AccessDenied")
        key = Key(
            "ASIA" + secrets.token_hex(8).upper(), secrets.token_urlsafe(30), account, token=secrets.token_urlsafe(120)
        )
        self.issued[key.access_key] = key
        return (
            '<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">\n  <AssumeRoleResult>\n'
            f"    <AssumedRoleUser>\n      <AssumedRoleId>AROA3XFRBF535PLBIFPI4:{form.get('RoleSessionName')}"
            "</AssumedRoleId>\n"
            f"      <Arn>arn:aws:sts::{account}:assumed-role/backup-audit/{form.get('RoleSessionName')}</Arn>\n"
            "    </AssumedRoleUser>\n    <Credentials>\n"
            f"      <AccessKeyId>{key.access_key}</AccessKeyId>\n"
            f"      <SecretAccessKey>{key.secret_key}</SecretAccessKey>\n"
            f"      <SessionToken>{key.token}</SessionToken>\n"
            f"      <Expiration>{rfc3339(now + 60 * MINUTE)[:19]}Z</Expiration>\n"
            "    </Credentials>\n  </AssumeRoleResult>\n</AssumeRoleResponse>\n"
        )

    def authorize(self, call: Call, service: str, times: Sequence[int]) -> Session:
        """Check the signature of a call (Signature Version 4) for one of these times."""
        scheme, _blank, rest = call.headers.get("Authorization", "").partition(" ")
        parts = dict(part.strip().partition("=")[::2] for part in rest.split(","))
        scope = parts.get("Credential", "").split("/")
        if scheme != "AWS4-HMAC-SHA256" or len(scope) != 5:
            raise Refusal(403, "Missing Authentication Token", "MissingAuthenticationTokenException")
        access_key, _date, region, signed_service, _end = scope
        key = self._find(access_key, call.headers.get("X-Amz-Security-Token"))
        if signed_service != service:
            message = f"Credential should be scoped to correct service: '{service}'."
            raise Refusal(403, message, "InvalidSignatureException")
        signed = [name for name in parts.get("SignedHeaders", "").split(";") if name]
        if not hmac.compare_digest(_signature(call, key, region, service, signed), parts.get("Signature", "")):
            message = (
                "The request signature we calculated does not match the signature you provided. Check your AWS Secret "
                "Access Key and signing method. Consult the service documentation for details."
            )
            raise Refusal(403, message, "InvalidSignatureException")
        _check_time(call, times)
        return Session(key, region)

    def _find(self, access_key: str, token: str | None) -> Key:
        permanent = next((key for key in KEYS.values() if key.access_key == access_key), None)
        key = permanent or self.issued.get(access_key)
        if key is not None and key.token == token:
            return key
        if access_key.startswith("ASIA"):
            raise Refusal(403, "The security token included in the request is expired", "ExpiredTokenException")
        raise Refusal(403, "The security token included in the request is invalid.", "UnrecognizedClientException")


def _signature(call: Call, key: Key, region: str, service: str, signed: list[str]) -> str:
    headers = {name: value for name, value in call.headers.items() if name.lower() in signed}
    for needed in ("Host", "X-Amz-Date"):
        headers.setdefault(needed, call.headers.get(needed, ""))
    pairs = call.query if call.signed_query is None else call.signed_query
    query = "&".join(f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in pairs)
    url = f"https://{call.headers.get('Host', '')}{call.path}" + (f"?{query}" if query else "")
    request = AWSRequest(method=call.method, url=url, headers=headers, data=call.body)
    request.context["timestamp"] = call.headers.get("X-Amz-Date", "")
    signer = SigV4Auth(Credentials(key.access_key, key.secret_key, key.token), service, region)
    computed: str = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
    return computed


def _check_time(call: Call, times: Sequence[int]) -> None:
    """A signature is valid for five minutes before and after the server's time."""
    text = call.headers.get("X-Amz-Date", "")
    signed = as_moment(datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc))
    if all(abs(signed - now) > _TOLERATED_SKEW for now in times):
        relation = "expired" if signed < times[0] else "not yet current"
        message = f"Signature {relation}: {text} is not within 5 min. of {rfc3339(times[0])}"
        raise Refusal(403, message, "InvalidSignatureException")
