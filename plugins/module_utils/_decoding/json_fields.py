# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading members of answers that may be missing, null, or a number spelled as text, without inventing anything."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.backup.audit.plugins.module_utils._core.errors import InvalidResponseError
from ansible_collections.backup.audit.plugins.module_utils._core.redaction import MASK


def as_object(value: t.Any) -> dict[str, t.Any]:
    """The value if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def as_list(value: t.Any) -> list[t.Any]:
    """The value if it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def as_text(value: t.Any) -> str | None:
    """Text that says something; numbers (ids are often such) become text."""
    if isinstance(value, str):
        return value or None
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return None


# What no size, count or time of a backup product reaches, but a slip or an attack does.
_TOO_LARGE = 2**63
_DIGITS = 19


def as_int(value: t.Any) -> int | None:
    """A whole number that is not negative, also when spelled as text."""
    if isinstance(value, int):
        return value if 0 <= value < _TOO_LARGE and not isinstance(value, bool) else None
    if isinstance(value, str):
        value = value.strip()
        value = int(value) if value.isascii() and value.isdigit() and len(value.lstrip("0")) <= _DIGITS else None
    if isinstance(value, float):
        value = int(value) if value.is_integer() else None
    return value if isinstance(value, int) and 0 <= value < _TOO_LARGE else None


def as_bool(value: t.Any) -> bool | None:
    """True or false, also when spelled as text."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.casefold() in ("true", "false"):
        return value.casefold() == "true"
    return None


def get_items(answer: dict[str, t.Any], member: str, call: str, server: str) -> list[t.Any]:
    """The list that this answer is about. Its absence is no empty list: it is another answer than was asked for."""
    items = answer.get(member)
    if not isinstance(items, list):
        raise InvalidResponseError(
            f"the answer has no list {member!r}",
            server=server,
            call=call,
            advice="Check that the URL is that of the product; an unknown version may answer differently",
        )
    return items


_TOKEN_LIKE = (
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
# What a link or a connection string carries.
_CARRIED = re.compile(r"(?i)\b([\w-]*(?:token|password|secret|signature|sig|accountkey)=)[^&;\s]+")


def scrubbed(value: t.Any) -> t.Any:
    """A product's own record for include_raw, without what looks as if it were a secret."""
    if isinstance(value, dict):
        kept = {key: scrubbed(inner) for key, inner in value.items() if not _is_token_like(key)}
        # Lists of settings are often written so.
        if any(_is_token_like(kept.get(name)) for name in ("name", "key", "Name", "Key")):
            kept = {key: inner for key, inner in kept.items() if key.casefold() != "value"}
        return kept
    if isinstance(value, list):
        return [scrubbed(inner) for inner in value]
    return _CARRIED.sub(rf"\1{MASK}", value) if isinstance(value, str) else value


def _is_token_like(name: t.Any) -> bool:
    folded = name.replace("_", "").replace("-", "").casefold() if isinstance(name, str) else ""
    return any(word in folded for word in _TOKEN_LIKE)
