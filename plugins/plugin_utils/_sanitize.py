# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Text of other people (names, messages, policies) made harmless for any document, and kept otherwise as it is."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Iterable, Mapping

# What ends a line, cannot be seen, turns the direction of writing or cannot be written as XML or UTF-8: control
# characters, marks and overrides of direction, separators, invisible tags, lone surrogates, noncharacters.
_HARMFUL = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff0-\ufffb\ufdd0-\ufdef\ud800-\udfff"
    "\U000e0000-\U000e007f" + "".join(chr(plane << 16 | low) for plane in range(17) for low in (0xFFFE, 0xFFFF)) + "]"
)
# Seen by the reader: two names that differ only in what is replaced must not look like the plain one.
_INSTEAD = "\N{REPLACEMENT CHARACTER}"


def clean_text(text: str) -> str:
    """The text on one line; whatever is no visible character is shown as a replacement character."""
    # Nearly all texts are of printable characters, which is known much faster.
    return text if text.isprintable() else _HARMFUL.sub(_INSTEAD, text)


def clean(value: t.Any) -> t.Any:
    """The same for all texts in a value, names of members too."""
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, Mapping):
        return {clean_text(str(key)): clean(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [clean(item) for item in value]
    return value


def is_clean(record: Mapping[str, t.Any], texts: Iterable[str]) -> bool:
    """Whether these members of a record are nothing or printable text, so that it need not be cleaned."""
    for name in texts:
        value = record[name]
        if value is not None and not (isinstance(value, str) and value.isprintable()):
            return False
    return True
