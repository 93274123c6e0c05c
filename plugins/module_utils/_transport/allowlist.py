# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The wall: the only requests that an adapter may send, judged on the final, decoded URL.

Some of these products delete, collect or start backups on a path that looks like a read, so an allow-list of what is
known to read is the only safe rule. It also judges links that an answer contains.
"""

from __future__ import annotations

import dataclasses
import re
import typing as t
from collections.abc import Mapping, Sequence
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from ansible_collections.backup.audit.plugins.module_utils._core.errors import AuditError

# No separators, no control characters, and nothing that was no UTF-8 (to some servers an overlong dot or slash). Some
# strip what follows a semicolon, so that "..;" is ".." to them. "." and ".." themselves are refused separately.
_SEGMENT = r"[^/?#\\;\x00-\x1f\ufffd]+"


class RequestNotAllowedError(AuditError):
    """A request that the adapter's list of reads does not hold."""

    code = "refused_by_wall"


@dataclasses.dataclass(frozen=True)
class AllowedRequest:
    """One permitted call.

    ``path`` is a template whose {names} stand for one path segment each. ``query`` holds the permitted keys: None
    allows any value, a string or a tuple of strings only these. ``required`` names keys that must be there.
    """

    method: str
    path: str
    query: Mapping[str, str | tuple[str, ...] | None] = dataclasses.field(default_factory=dict)
    required: tuple[str, ...] = ()

    def pattern(self) -> re.Pattern[str]:
        """The template as a regular expression over a decoded path."""
        parts = re.split(r"\{[a-z_]+\}", self.path)
        return re.compile(_SEGMENT.join(re.escape(part) for part in parts))


class Allowlist:
    """Judges requests against a list of permits."""

    def __init__(self, allowlist: Sequence[AllowedRequest], prefix: str = "") -> None:
        self._prefix = prefix
        self._allowlist = [(permit, permit.pattern()) for permit in allowlist]

    def check(self, method: str, url: str) -> None:
        """Raise RequestNotAllowedError unless one entry allows method, decoded path and every query parameter."""
        parts = urlsplit(url)
        path = unquote(parts.path)
        reason = "no such call is on its list of reads"
        if not path.startswith(self._prefix):
            raise self._refusal(method, path, "it lies outside the configured base path")
        inner = path[len(self._prefix) :]
        if wrong := _ambiguous(parts, inner):
            raise self._refusal(method, path, wrong)
        query = parse_qsl(parts.query, keep_blank_values=True)
        for permit, pattern in self._allowlist:
            if permit.method == method and pattern.fullmatch(inner):
                wrong = _first_wrong_key(permit, query)
                if wrong is None:
                    return
                reason = wrong
        raise self._refusal(method, path, reason)

    @staticmethod
    def _refusal(method: str, path: str, reason: str) -> RequestNotAllowedError:
        return RequestNotAllowedError(
            f"this request was not sent: {reason}",
            call=f"{method} {path}",
            advice="This collection only reads. If the path came from the server's own links, tell the maintainers",
        )


def _ambiguous(parts: SplitResult, path: str) -> str | None:
    """Why the server may read this URL in another way than we do."""
    if parts.username is not None:
        return "its URL holds a user name"
    if any(segment in (".", "..") for segment in path.split("/")) or parts.fragment:
        return "it has dot segments or a fragment"
    if unquote(path) != path:
        return "its path is encoded twice"
    # To some servers a semicolon starts another key.
    return "it has a semicolon in its query" if ";" in parts.query else None


def _first_wrong_key(permit: AllowedRequest, query: list[tuple[str, str]]) -> str | None:
    for key, value in query:
        if key not in permit.query:
            return f"the query key {key!r} is not on the list for this call"
        allowed: t.Any = permit.query[key]
        if allowed is not None and value not in ((allowed,) if isinstance(allowed, str) else allowed):
            return f"the query key {key!r} may not have this value"
    missing = [key for key in permit.required if key not in {name for name, _value in query}]
    return f"the query key {missing[0]!r} is missing" if missing else None
