# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A packed READ, block by block: 50,000 rows are 700 MB of dicts, of which a thousand are needed at a time.

Says the same as _read.unpack, in the same order: the digest is known only at the end, so whoever takes the rows must
take them to the end before believing any of them.
"""

from __future__ import annotations

import base64
import codecs
import hashlib
import json
import typing as t
import zlib
from collections.abc import Iterator, Mapping

from ansible_collections.backup.audit.plugins.module_utils._collect.columns import to_rows
from ansible_collections.backup.audit.plugins.module_utils._collect.result import MAX_UNPACKED_BYTES, SCHEMA
from ansible_collections.backup.audit.plugins.module_utils._core.errors import DataError

# More than the longest block, nearly always: what was cut is read again.
_CHUNK = 1 << 20
_ROWS = "workloads"


def stream(read: Mapping[str, t.Any], *, where: str) -> dict[str, t.Any]:
    """The members of a packed READ; ``workloads`` gives each row once, as it travels (see _read.lean).

    Raises DataError, at the latest behind the last row, if the READ is damaged.
    """
    text = _Text(read["read"], where)
    text.expect("{")
    members: dict[str, t.Any] = {}
    # Packed members are sorted, and nothing sorts behind the rows.
    while (key := text.value()) != _ROWS:
        text.expect(":")
        members[key] = text.value()
        if text.expect_one(",}") == "}":
            raise text.damaged("it holds no workloads")
    text.expect(":")
    if members.get("schema") != SCHEMA:
        raise DataError(f"{where}: this is no READ (its schema is {members.get('schema')!r}, not {SCHEMA!r})")
    return {**members, _ROWS: _rows(text, read.get("sha256"), where), "sha256": read.get("sha256")}


def _rows(text: _Text, digest: t.Any, where: str) -> Iterator[t.Any]:
    try:
        yield from to_rows(_items(text, digest))
    except (AttributeError, TypeError, ValueError, LookupError) as error:
        raise DataError(f"{where}: a row of the READ is no row ({error})", advice="Read again") from error


def _items(text: _Text, digest: t.Any) -> Iterator[t.Any]:
    text.expect("[")
    if text.peek() == "]":
        text.expect("]")
    else:
        while True:
            yield text.value()
            if text.expect_one(",]") == "]":
                break
    text.expect("}")
    text.end(digest)


class _Text:
    """JSON that is inflated as it is read."""

    def __init__(self, packed: str, where: str) -> None:
        self._where = where
        self._inflater = zlib.decompressobj()
        self._decode = codecs.getincrementaldecoder("utf-8")("surrogatepass").decode
        self._scan = json.JSONDecoder().raw_decode
        self._digest = hashlib.sha256()
        # Blanks behind the JSON are no part of it; they may be told only when more follows.
        self._blanks = b""
        self._size = 0
        self._text = ""
        self._at = 0
        try:
            self._packed = base64.b64decode(packed, validate=True)
        except ValueError as error:
            raise self.damaged(error) from error

    def damaged(self, why: object) -> DataError:
        """The error of a READ that cannot be read to its end."""
        return DataError(f"{self._where}: the packed READ is damaged ({why})", advice="Read again")

    def value(self) -> t.Any:
        """The next JSON value."""
        size = _CHUNK
        while True:
            try:
                value, end = self._scan(self._text, self._at)
            except ValueError as error:
                if not self._more(size):
                    raise self.damaged(error) from error
            else:
                # What ends with the text may be the beginning of a longer number.
                if end < len(self._text) or not self._more(size):
                    self._at = end
                    return value
            size *= 2

    def peek(self) -> str:
        """The next character."""
        while self._at == len(self._text):
            if not self._more(_CHUNK):
                raise self.damaged("it is cut short")
        return self._text[self._at]

    def expect_one(self, signs: str) -> str:
        """The next character, which must be one of some."""
        sign = self.peek()
        if sign not in signs:
            raise self.damaged(f"{sign!r} stands where one of {signs!r} should")
        self._at += 1
        return sign

    def expect(self, sign: str) -> None:
        """Step over a character that must stand here."""
        self.expect_one(sign)

    def end(self, digest: t.Any) -> None:
        """Nothing may follow, and the digest must be that of all that was read."""
        while self._more(_CHUNK):
            pass
        if self._text[self._at :].strip(" ") or not self._inflater.eof:
            raise self.damaged("it does not end where it should")
        if self._digest.hexdigest() != digest:
            raise DataError(
                f"{self._where}: the READ was altered, cut or masked after it was sealed (its SHA-256 does not fit)",
                advice="Use the result of the info module as it is registered, or read again",
            )

    def _more(self, size: int) -> bool:
        """Inflate about so many bytes more; whether there were any."""
        if self._inflater.eof:
            return False
        try:
            data = self._inflater.decompress(self._packed, size)
        except zlib.error as error:
            raise self.damaged(error) from error
        self._packed = self._inflater.unconsumed_tail
        if not data:
            return False
        self._size += len(data)
        if self._size > MAX_UNPACKED_BYTES:
            raise DataError(f"{self._where}: the packed READ is larger than {MAX_UNPACKED_BYTES} bytes")
        told = (self._blanks + data).rstrip(b" ")
        self._blanks = b" " * (len(self._blanks) + len(data) - len(told))
        self._digest.update(told)
        self._text = self._text[self._at :] + self._decode(data)
        self._at = 0
        return True
