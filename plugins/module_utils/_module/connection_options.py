# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of info modules that use a REST API: argument spec, values from environment variables, validation.

The doc fragments of this collection document them. Tests compare both.
"""

from __future__ import annotations

import errno
import os
import pathlib
import re
import typing as t
from collections.abc import Mapping
from urllib.parse import urlsplit

from ansible_collections.backup.audit.plugins.module_utils._adapters.rest import RestAdapter, Settings
from ansible_collections.backup.audit.plugins.module_utils._core.errors import OptionError
from ansible_collections.backup.audit.plugins.module_utils._module.read_options import reading_spec
from ansible_collections.backup.audit.plugins.module_utils._transport.client import Endpoint

_TRUE = frozenset({"1", "true", "yes", "on", "y", "t"})
_FALSE = frozenset({"0", "false", "no", "off", "n", "f"})
# Options that can be set with an environment variable PREFIX_NAME.
_FROM_ENVIRONMENT = (
    *("url", "username", "password", "validate_certs", "ca_path", "fingerprint"),
    *("client_cert", "client_key", "proxy"),
)
_PROXIES = ("http", "https", "socks5", "socks5h")
_FILES = ("ca_path", "client_cert", "client_key")
_SHA256 = re.compile("(?:[0-9a-f]{2}:?){31}[0-9a-f]{2}")


def argument_spec(*adapters: type[RestAdapter]) -> dict[str, t.Any]:
    """Build the argument spec for adapters; if they have a ``choice``, the option ``product`` selects one."""
    spec = shared_spec(*adapters)
    for adapter in adapters:
        spec.update(adapter.own_spec())
    choices = [adapter.choice for adapter in adapters]
    if "" not in choices:
        spec["product"] = {"type": "str", "required": True, "choices": choices}
    return spec


def shared_spec(*adapters: type[RestAdapter]) -> dict[str, t.Any]:
    """Build the part of the argument spec that all products share."""
    types = dict.fromkeys(name for adapter in adapters for name in adapter.workload_types)
    details = dict.fromkeys(name for adapter in adapters for name in adapter.details)
    return {
        **_account_spec(adapters[0].option_names),
        "validate_certs": {"type": "bool"},
        "ca_path": {"type": "path"},
        "fingerprint": {"type": "str"},
        "client_cert": {"type": "path"},
        "client_key": {"type": "path", "no_log": False},
        "proxy": {"type": "str"},
        "allow_plaintext": {"type": "bool", "default": False},
        "timeout": {"type": "int", "default": 30},
        "retries": {"type": "int", "default": 4},
        "page_size": {"type": "int"},
        "connections": {"type": "int", "default": 4},
        **reading_spec(types, tuple(details)),
    }


def _account_spec(option_names: Mapping[str, str]) -> dict[str, t.Any]:
    spec: dict[str, t.Any] = {}
    for shared, own in option_names.items():
        spec[own] = {"type": "str", **({"no_log": True} if shared == "password" else {})}
        if own != shared:
            # Explicitly not secret, because the name may look like a secret, such as access_key.
            spec[own] = {"no_log": False, **spec[own], "aliases": [shared]}
    return spec


def apply_environment(
    params: Mapping[str, t.Any], adapter: type[RestAdapter], environ: Mapping[str, str]
) -> dict[str, t.Any]:
    """Return the parameters, with environment variables as defaults for unset options, and url, username and password.

    An empty variable and an empty file are treated as unset: AWX creates both for fields that were left empty.
    """
    filled = {**params, **{shared: params[own] for shared, own in adapter.option_names.items()}}
    for name in _FILES:
        if filled.get(name) and _is_empty_file(filled[name]):
            filled[name] = None
    for name in dict.fromkeys((*_FROM_ENVIRONMENT, *adapter.variables)):
        if filled.get(name) in (None, ""):
            filled[name] = None
            if any(params.get(other) for other in adapter.variables_unless.get(name, ())):
                continue
            for variable in _variables(adapter, name):
                value = environ.get(variable, "")
                # A password may start or end with a space. Without it, the login would fail and could lock the account.
                value = value if name == "password" and value.strip() else value.strip()
                if value and not (name in _FILES and _is_empty_file(value)):
                    filled[name] = value
                    break
    filled["validate_certs"] = _parse_bool(filled["validate_certs"])
    missing = [name for name in adapter.required if not filled[name]]
    if missing:
        variables = ", ".join(variable for name in missing for variable in _variables(adapter, name))
        raise OptionError(
            f"missing required arguments: {', '.join(adapter.option_names[name] for name in missing)}",
            hint=f"Set them as options or as environment variables ({variables})",
        )
    adapter.complete(filled)
    return filled


def _variables(adapter: type[RestAdapter], name: str) -> tuple[str, ...]:
    return adapter.variables.get(name) or tuple(f"{prefix}_{name.upper()}" for prefix in adapter.environment)


def _parse_bool(value: t.Any) -> bool:
    if value is None or isinstance(value, bool):
        return value is not False
    normalized = str(value).casefold()
    if normalized not in _TRUE | _FALSE:
        raise OptionError(
            f"validate_certs: {value!r} from the environment is not a valid boolean", hint="Use true or false"
        )
    return normalized in _TRUE


def _is_empty_file(path: str) -> bool:
    try:
        file = pathlib.Path(path)
        return file.is_file() and file.stat().st_size == 0
    except OSError:
        return False


def base_url(url: str, default_port: int, *, allow_plaintext: bool = False) -> str:
    """Complete the user's ``url``: default scheme https, default port of the product, no trailing slash."""
    text = url.strip()
    if "@" in text:
        # Checked first, and without the URL in the message, which contains the password.
        raise OptionError(
            "url: the URL contains a user name or password", hint='Set the options "username" and "password" instead'
        )
    if "://" not in text:
        text = f"https://{text}"
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise OptionError(f"url: {url!r} is not a valid URL ({error})") from error
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise OptionError(f"url: {url!r} is not a valid URL", hint="Use https://HOST or https://HOST:PORT")
    if parts.query or parts.fragment:
        raise OptionError(f"url: {url!r} contains a query or a fragment", hint="Use https://HOST or https://HOST:PORT")
    if parts.scheme == "http" and not allow_plaintext:
        raise OptionError(
            f"url: {url!r} is not encrypted and would expose the password",
            hint="Use https://, or set allow_plaintext: true on a trusted network",
        )
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}:{port or default_port}{parts.path.rstrip('/')}"


def build_endpoint(params: Mapping[str, t.Any], adapter: type[RestAdapter]) -> Endpoint:
    """Validate the connection options and return the Endpoint."""
    for name in ("timeout", "connections"):
        if params[name] < 1:
            raise OptionError(f"{name}: {params[name]} is too small (minimum 1)")
    if params["retries"] < 0:
        raise OptionError(f"retries: {params['retries']} is too small (minimum 0)")
    for name in _FILES:
        if params[name] and not os.access(params[name], os.R_OK):
            raise OptionError(f"{name}: cannot read {params[name]!r}: {_why_unreadable(params[name])}")
    certificate = params["client_cert"]
    if params["client_key"] and not certificate:
        raise OptionError("client_key: client_cert is missing", hint='Set "client_cert", or remove "client_key"')
    scheme, separator, _rest = (params["proxy"] or "").partition("://")
    if separator and scheme.casefold() not in _PROXIES:
        # The URL itself may contain a password.
        raise OptionError(
            f"proxy: the scheme {scheme!r} is not supported", hint=f"Use one of {', '.join(_PROXIES)}, or no scheme"
        )
    url = base_url(params["url"], adapter.default_port, allow_plaintext=params["allow_plaintext"])
    fingerprint = _parse_fingerprint(params["fingerprint"], url)
    verify: bool | str = params["validate_certs"]
    if verify and params["ca_path"]:
        verify = params["ca_path"]
    elif fingerprint:
        # The fingerprint identifies the certificate, which is often self-signed.
        verify = False
    return Endpoint(
        url=url,
        verify=verify,
        fingerprint=fingerprint,
        client_cert=(certificate, params["client_key"] or certificate) if certificate else None,
        proxy=params["proxy"] or None,
        timeout=float(params["timeout"]),
        retries=params["retries"],
        connections=params["connections"],
    )


def _parse_fingerprint(text: str | None, url: str) -> str | None:
    """Return the 64 hexadecimal digits of the option ``fingerprint``."""
    if not text:
        return None
    if not _SHA256.fullmatch(text.strip().casefold()):
        raise OptionError(
            f"fingerprint: {text!r} is not a valid SHA-256 fingerprint",
            hint="Use 64 hexadecimal digits, with or without colons, as the server shows them",
        )
    if url.startswith("http://"):
        raise OptionError("fingerprint: an unencrypted connection has no certificate", hint='Use https:// in "url"')
    return text.strip().casefold().replace(":", "")


def _why_unreadable(path: str) -> str:
    try:
        pathlib.Path(path).stat()
    except OSError as error:
        return str(error.strerror)
    return os.strerror(errno.EACCES)


def build_settings(params: Mapping[str, t.Any], adapter: type[RestAdapter]) -> Settings:
    """Validate the options that select data, and return the Settings."""
    page_size = adapter.default_page_size if params["page_size"] is None else params["page_size"]
    if page_size < 1:
        raise OptionError(f"page_size: {page_size} is too small (minimum 1)")
    types = tuple(dict.fromkeys(params["workload_types"] or adapter.workload_types))
    unknown = [name for name in types if name not in adapter.workload_types]
    if unknown:
        raise OptionError(
            f"workload_types: {adapter.title} does not support {unknown[0]!r}",
            hint=f"Supported types: {', '.join(adapter.workload_types)}",
        )
    return Settings(
        username=params["username"],
        password=params["password"],
        page_size=page_size,
        detail=params["detail"],
        workload_types=types,
        include_unprotected=params["include_unprotected"],
        include_raw=params["include_raw"],
        own={name: params[name] for name in adapter.own_spec()},
    )
