# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read JSON fields that may be missing, null or numbers written as text, without guessing values."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.backup.audit.plugins.module_utils._core.errors import InvalidResponseError
from ansible_collections.backup.audit.plugins.module_utils._core.redaction import MASK


def as_object(value: t.Any) -> dict[str, t.Any]:
    """Return the value if it is an object, otherwise an empty dict."""
    return value if isinstance(value, dict) else {}


def as_list(value: t.Any) -> list[t.Any]:
    """Return the value if it is a list, otherwise an empty list."""
    return value if isinstance(value, list) else []


def as_text(value: t.Any) -> str | None:
    """Return non-empty text, or None for anything else. Integers are converted, because ids are often numbers."""
    if isinstance(value, str):
        return value or None
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return None


# Larger sizes, counts or times are an error or an attack.
_TOO_LARGE = 2**63
_DIGITS = 19


def as_int(value: t.Any) -> int | None:
    """Return a non-negative integer, which may be written as text, or None for anything else."""
    if isinstance(value, int):
        return value if 0 <= value < _TOO_LARGE and not isinstance(value, bool) else None
    if isinstance(value, str):
        value = value.strip()
        value = int(value) if value.isascii() and value.isdigit() and len(value.lstrip("0")) <= _DIGITS else None
    if isinstance(value, float):
        value = int(value) if value.is_integer() else None
    return value if isinstance(value, int) and 0 <= value < _TOO_LARGE else None


def as_bool(value: t.Any) -> bool | None:
    """Return True or False, which may be written as text, or None for anything else."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.casefold() in ("true", "false"):
        return value.casefold() == "true"
    return None


def get_items(body: dict[str, t.Any], member: str, request: str, server: str) -> list[t.Any]:
    """Return the list in ``member``.

    Raise InvalidResponseError if it is missing, which is not the same as an empty list.
    """
    items = body.get(member)
    if not isinstance(items, list):
        raise InvalidResponseError(
            f"the response has no list {member!r}",
            server=server,
            request=request,
            hint='Check that "url" is the URL of the product. An unknown version may use a different response format',
        )
    return items


_SECRET_WORDS = (
    "token",
    "password",
    "passwd",
    "passphrase",
    "secret",
    "sessionid",
    "authorization",
    "cookie",
    "apikey",
    "accesskey",
    "privatekey",
    "credential",
    "connectionstring",
)
# Parameters with secrets in a URL or a connection string.
_SECRET_PARAMETER = re.compile(r"(?i)\b([\w-]*(?:token|password|secret|signature|sig|accountkey)=)[^&;\s]+")


def remove_secrets(value: t.Any) -> t.Any:
    """Return a record for include_raw, without fields that look like secrets, and with such parameters masked."""
    if isinstance(value, dict):
        kept = {key: remove_secrets(inner) for key, inner in value.items() if not _is_secret_name(key)}
        # Settings are often lists of name/value objects.
        if any(_is_secret_name(kept.get(name)) for name in ("name", "key", "Name", "Key")):
            kept = {key: inner for key, inner in kept.items() if key.casefold() != "value"}
        return kept
    if isinstance(value, list):
        return [remove_secrets(inner) for inner in value]
    return _SECRET_PARAMETER.sub(rf"\1{MASK}", value) if isinstance(value, str) else value


def _is_secret_name(name: t.Any) -> bool:
    normalized = name.replace("_", "").replace("-", "").casefold() if isinstance(name, str) else ""
    return any(word in normalized for word in _SECRET_WORDS)
