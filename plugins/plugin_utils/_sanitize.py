# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sanitize untrusted text (names, messages, policies) for all documents."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Iterable, Mapping

# Characters that end a line, are invisible, change the writing direction or are invalid in XML or UTF-8: control
# characters, direction marks and overrides, separators, invisible tags, lone surrogates, noncharacters.
_HARMFUL = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff0-\ufffb\ufdd0-\ufdef\ud800-\udfff"
    "\U000e0000-\U000e007f" + "".join(chr(plane << 16 | low) for plane in range(17) for low in (0xFFFE, 0xFFFF)) + "]"
)
# A visible character, so that a name with replaced characters does not look like the plain name.
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def clean_text(text: str) -> str:
    """Return the text on one line, with a replacement character for each harmful or invisible character."""
    # Most texts are printable, which is much faster to check.
    return text if text.isprintable() else _HARMFUL.sub(_REPLACEMENT, text)


def clean(value: t.Any) -> t.Any:
    """Sanitize all texts in a value, including the keys of mappings."""
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, Mapping):
        return {clean_text(str(key)): clean(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [clean(item) for item in value]
    return value


def is_clean(record: Mapping[str, t.Any], texts: Iterable[str]) -> bool:
    """Return whether these fields of a record are None or printable text, so that the record does not need cleaning."""
    for name in texts:
        value = record[name]
        if value is not None and not (isinstance(value, str) and value.isprintable()):
            return False
    return True
