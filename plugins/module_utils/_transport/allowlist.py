# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Request allowlist: check method, path and query of each request, on the final, decoded URL, before it is sent.

Some products delete, collect or start backups with a request that looks like a read, so an allowlist of requests that
are known to be read-only is the only safe rule. Links from responses are checked as well.
"""

from __future__ import annotations

import dataclasses
import re
import typing as t
from collections.abc import Mapping, Sequence
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from ansible_collections.backup.audit.plugins.module_utils._core.errors import AuditError

# No separators, control characters or invalid UTF-8 (some servers accept an overlong dot or slash). Some servers
# strip everything after a semicolon and treat "..;" as "..". "." and ".." themselves are rejected separately.
_SEGMENT = r"[^/?#\\;\x00-\x1f\ufffd]+"
# For services whose ids contain semicolons. Only dot segments must not be followed by one.
_SEGMENT_WITH_SEMICOLONS = r"(?!\.{1,2};)[^/?#\\\x00-\x1f\ufffd]+"


class RequestNotAllowedError(AuditError):
    """The adapter's allowlist does not contain the request."""

    code = "request_not_allowed"


@dataclasses.dataclass(frozen=True)
class AllowedRequest:
    """One allowed request.

    ``path`` is a template in which each {name} matches one path segment. ``query`` maps the allowed keys to their
    values: None allows any value, a string or a tuple of strings only these. ``required`` lists mandatory keys.
    ``form`` does the same for the fields of a form in the body, if the body selects what the server does: fields with
    fixed values are mandatory.
    ``has_semicolons``: segments may contain semicolons.
    """

    method: str
    path: str
    query: Mapping[str, str | tuple[str, ...] | None] = dataclasses.field(default_factory=dict)
    required: tuple[str, ...] = ()
    form: Mapping[str, str | tuple[str, ...] | None] | None = None
    has_semicolons: bool = False

    def pattern(self) -> re.Pattern[str]:
        """Return the template as a regular expression for a decoded path."""
        parts = re.split(r"\{[a-z_]+\}", self.path)
        segment = _SEGMENT_WITH_SEMICOLONS if self.has_semicolons else _SEGMENT
        return re.compile(segment.join(re.escape(part) for part in parts))


class Allowlist:
    """Checks requests against a list of allowed requests."""

    def __init__(self, allowlist: Sequence[AllowedRequest], prefix: str = "") -> None:
        self._prefix = prefix
        self._allowlist = [(entry, entry.pattern()) for entry in allowlist]

    def check(self, method: str, url: str, body: str | bytes | None = None) -> None:
        """Raise RequestNotAllowedError unless one entry allows method, decoded path, query parameters and form."""
        parts = urlsplit(url)
        path = unquote(parts.path)
        reason = "it is not on the request allowlist"
        if not path.startswith(self._prefix):
            raise self._not_allowed_error(method, path, 'its path is outside the base path in "url"')
        relative_path = path[len(self._prefix) :]
        if problem := _find_ambiguity(parts, relative_path):
            raise self._not_allowed_error(method, path, problem)
        query = parse_qsl(parts.query, keep_blank_values=True)
        for entry, pattern in self._allowlist:
            if entry.method == method and pattern.fullmatch(relative_path):
                problem = _find_invalid_key(entry.query, entry.required, query) or _find_invalid_field(entry, body)
                if problem is None:
                    return
                reason = problem
        raise self._not_allowed_error(method, path, reason)

    @staticmethod
    def _not_allowed_error(method: str, path: str, reason: str) -> RequestNotAllowedError:
        return RequestNotAllowedError(
            f"the request was not sent: {reason}",
            request=f"{method} {path}",
            hint="Only read requests are allowed. If the server returned this path in a link, tell the maintainers",
        )


def _find_ambiguity(parts: SplitResult, path: str) -> str | None:
    """Return why the server may interpret this URL differently, or None."""
    if parts.username is not None:
        return "its URL contains a user name"
    if any(segment in (".", "..") for segment in path.split("/")) or parts.fragment:
        return "its URL contains dot segments or a fragment"
    if unquote(path) != path:
        return "its path is percent-encoded twice"
    # Some servers treat a semicolon as the start of another key.
    return "its query contains a semicolon" if ";" in parts.query else None


def _find_invalid_key(
    allowed: Mapping[str, str | tuple[str, ...] | None],
    required: Sequence[str],
    found: list[tuple[str, str]],
    what: str = "query key",
) -> str | None:
    for key, value in found:
        if key not in allowed:
            return f"the {what} {key!r} is not on the allowlist for this path"
        values: t.Any = allowed[key]
        if values is not None and value not in ((values,) if isinstance(values, str) else values):
            return f"the value of the {what} {key!r} is not on the allowlist for this path"
    missing = [key for key in required if key not in {name for name, _value in found}]
    return f"the required {what} {missing[0]!r} is missing" if missing else None


def _find_invalid_field(entry: AllowedRequest, body: str | bytes | None) -> str | None:
    if entry.form is None:
        return None
    text = body.decode("utf-8", "replace") if isinstance(body, bytes) else body or ""
    required = [name for name, value in entry.form.items() if value is not None]
    return _find_invalid_key(entry.form, required, parse_qsl(text, keep_blank_values=True), "form field")
