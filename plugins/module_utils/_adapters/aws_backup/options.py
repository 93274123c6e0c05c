# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""AWS Backup: options, environment variables, and values derived from them."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Mapping

from ansible_collections.backup.audit.plugins.module_utils._adapters.rest import Settings
from ansible_collections.backup.audit.plugins.module_utils._core.errors import AuditError, OptionError
from ansible_collections.backup.audit.plugins.module_utils._transport import aws_auth

LONGEST_PAGE = 1000
OPTION_NAMES = {"url": "endpoint_url", "username": "access_key", "password": "secret_key"}
# The AWX credential sets the first variable of each option.
VARIABLES = {
    "url": ("AWS_BACKUP_URL", "AWS_ENDPOINT_URL_BACKUP", "AWS_ENDPOINT_URL"),
    "username": ("AWS_BACKUP_USERNAME", "AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY"),
    "password": ("AWS_BACKUP_PASSWORD", "AWS_SECRET_ACCESS_KEY", "AWS_SECRET_KEY"),
    "session_token": ("AWS_BACKUP_SESSION_TOKEN", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN"),
    "profile": ("AWS_PROFILE", "AWS_DEFAULT_PROFILE"),
    "regions": ("AWS_BACKUP_REGIONS", "AWS_REGION", "AWS_DEFAULT_REGION"),
    "sts_endpoint_url": ("AWS_ENDPOINT_URL_STS",),
    "ca_path": ("AWS_BACKUP_CA_PATH", "AWS_CA_BUNDLE"),
    # The files with profiles, which are not module options.
    "credentials_file": ("AWS_SHARED_CREDENTIALS_FILE",),
    "config_file": ("AWS_CONFIG_FILE",),
}
# Parts of different credentials must not be combined.
VARIABLES_UNLESS = {
    "username": ("profile",),
    "password": ("profile",),
    "session_token": ("access_key", "profile"),
    "profile": ("access_key",),
}
_REGION = re.compile(r"[a-z]{2,5}(-[a-z]+)+-[0-9]{1,2}")
_ROLE = re.compile(r"arn:[a-z-]+:iam::[0-9]{12}:role/[\w+=,.@/-]+", re.ASCII)
_SESSION_NAME = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)
_URL = re.compile(r"https://[A-Za-z0-9.-]+(:[0-9]{1,5})?/?")
# Prefix of a region -> the domain of its services.
_DOMAINS = (
    ("cn-", "amazonaws.com.cn"),
    ("us-iso-", "c2s.ic.gov"),
    ("us-isob-", "sc2s.sgov.gov"),
    ("us-isof-", "csp.hci.ic.gov"),
    ("eu-isoe-", "cloud.adc-e.uk"),
    ("eusc-", "amazonaws.eu"),
)


def get_endpoint(service: str, region: str) -> str:
    """Return the URL of a service in a region."""
    domain = next((domain for prefix, domain in _DOMAINS if region.startswith(prefix)), "amazonaws.com")
    return f"https://{service}.{region}.{domain}"


def build_spec() -> dict[str, t.Any]:
    """Return the options that only this product has."""
    role = {
        "role_arn": {"type": "str", "required": True},
        "external_id": {"type": "str"},
        "session_name": {"type": "str", "default": "backup-audit"},
    }
    return {
        "session_token": {"type": "str", "no_log": True},
        "profile": {"type": "str"},
        "regions": {"type": "list", "elements": "str", "aliases": ["region"]},
        "assume_roles": {"type": "list", "elements": "dict", "options": role, "default": []},
        "sts_endpoint_url": {"type": "str"},
    }


def complete(params: dict[str, t.Any]) -> None:
    """Fill in keys and regions from a profile, and the URL of the first region."""
    if not aws_auth.HAS_BOTOCORE:
        raise AuditError(
            "the Python package 'botocore' is not installed on the host where this module runs",
            code="missing_library",
            hint="Install it there, or run the module on the control node (delegate_to: localhost)",
        )
    if params.get("access_key") and params["profile"]:
        raise OptionError("profile: access_key is set as well", hint='Set either "profile" or "access_key"')
    region = None
    if params["profile"] and not params["username"]:
        keys, region = aws_auth.load_profile(params["profile"], params["credentials_file"], params["config_file"])
        params["username"], params["password"], params["session_token"] = keys
    if missing := [name for name in ("username", "password") if not params[name]]:
        raise _missing_error(*missing, hint=", or set profile")
    regions = params["regions"] or region or []
    names = regions.split(",") if isinstance(regions, str) else regions
    params["regions"] = list(dict.fromkeys(name.strip() for name in names))
    if not params["regions"]:
        raise _missing_error("regions")
    for name in params["regions"]:
        if not _REGION.fullmatch(name):
            raise OptionError(f"regions: {name!r} is not the code of a region", hint="Use codes such as eu-west-1")
    # For ``selection``: the roles decide which accounts are read.
    params["roles"] = sorted(role["role_arn"] for role in params["assume_roles"])
    params["url"] = params["url"] or get_endpoint("backup", params["regions"][0])


def _missing_error(*names: str, hint: str = "") -> OptionError:
    variables = ", ".join(variable for name in names for variable in VARIABLES[name])
    return OptionError(
        f"missing required arguments: {', '.join(OPTION_NAMES.get(name, name) for name in names)}",
        hint=f"Set them as options or as environment variables ({variables}){hint}",
    )


def check(settings: Settings) -> None:
    """Reject what the service cannot accept, before any request is sent."""
    if settings.page_size > LONGEST_PAGE:
        raise OptionError(f"page_size: {settings.page_size} is too large (maximum {LONGEST_PAGE})")
    for role in settings.own["assume_roles"]:
        _check_role(role)
    url = settings.own["sts_endpoint_url"]
    if url and not _URL.fullmatch(url):
        raise OptionError(f"sts_endpoint_url: {url!r} is not a valid URL", hint="Use https://HOST or https://HOST:PORT")


def _check_role(role: Mapping[str, t.Any]) -> None:
    if not _ROLE.fullmatch(role["role_arn"]):
        raise OptionError(
            f"assume_roles: {role['role_arn']!r} is not the ARN of a role",
            hint="Use arn:aws:iam::123456789012:role/NAME",
        )
    if not _SESSION_NAME.fullmatch(role["session_name"]):
        raise OptionError(
            f"assume_roles: session_name {role['session_name']!r} is not valid",
            hint="Use 2 to 64 letters, digits or _=,.@-",
        )
