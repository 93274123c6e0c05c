# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Mask passwords and tokens in messages and results, in all encodings in which a server may echo them."""

from __future__ import annotations

import base64
import html
import json
import re
import threading
import typing as t
from collections.abc import Iterator, Mapping
from urllib.parse import quote, quote_plus, unquote

MASK = "********"
# Shorter secrets may match other text by coincidence, especially in base64 without the last characters.
_LONG_ENOUGH = 8
_PERCENT = re.compile("%[0-9A-F]{2}")


class Secrets:
    """Passwords and tokens of one module, which are masked in all its output. It is thread-safe."""

    def __init__(self) -> None:
        self._texts: frozenset[str] = frozenset()
        self._lock = threading.Lock()

    def add(self, *secrets: str | None) -> None:
        """Register secrets to mask; None and empty strings are ignored."""
        found = {spelling for secret in secrets if secret for spelling in _encoded_forms(secret)}
        with self._lock:
            # Create a new set, because another thread may be iterating over the old one.
            self._texts = self._texts | found

    @property
    def texts(self) -> frozenset[str]:
        """All secrets in all encoded forms."""
        return self._texts

    def scrub(self, text: str) -> str:
        """Return the text with every secret masked."""
        for secret in sorted(self._texts, key=len, reverse=True):
            text = text.replace(secret, MASK)
        return text


def _encoded_forms(secret: str) -> Iterator[str]:
    """Yield the secret unchanged, quoted for URLs, JSON, HTML and Python, and in both alphabets of base64."""
    yield secret
    for quoted in (quote(secret, safe=""), quote_plus(secret)):
        yield quoted
        # Some servers use lower-case hexadecimal digits.
        yield _PERCENT.sub(lambda found: found[0].lower(), quoted)
    yield json.dumps(secret)[1:-1]
    yield json.dumps(secret, ensure_ascii=False)[1:-1]
    yield html.escape(secret)
    yield html.escape(secret, quote=False)
    yield repr(secret)[1:-1]
    data = secret.encode("utf-8", "surrogatepass")
    for encoded in (base64.b64encode(data), base64.urlsafe_b64encode(data)):
        text = encoded.decode("ascii")
        yield text
        if len(secret) >= _LONG_ENOUGH:
            yield text.rstrip("=")


def find_secrets(params: Mapping[str, t.Any]) -> Iterator[str]:
    """Yield the secrets in module options: passwords, keys, and passwords in URLs, even where they are not allowed."""
    for name in ("password", "secret_key", "session_token"):
        if params.get(name):
            yield params[name]
    for name in ("url", "proxy"):
        account = (params.get(name) or "").rpartition("@")[0]
        password = (account.partition("://")[2] or account).partition(":")[2]
        if password:
            yield password
            yield unquote(password)
