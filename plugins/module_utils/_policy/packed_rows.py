# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Streaming reader of a compressed read result: 50,000 rows are 700 MB of dicts; it keeps a thousand.

Returns the same data as open_result in _collect/result.py, in the same order. The digest is only known at the end, so a
caller must consume all rows before it relies on any of them.
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
from ansible_collections.backup.audit.plugins.module_utils._collect.result import MAX_DECOMPRESSED_BYTES, SCHEMA
from ansible_collections.backup.audit.plugins.module_utils._core.errors import DataError

# Larger than nearly every block: a block that is cut is parsed again.
_CHUNK = 1 << 20
_ROWS = "workloads"


def stream(read: Mapping[str, t.Any], *, where: str) -> dict[str, t.Any]:
    """Return the fields of a compressed read result; ``workloads`` iterates once over the rows, in their compact form.

    Raises DataError, at the latest after the last row, if the read result is damaged.
    """
    text = _JsonReader(read["data"], where)
    text.expect("{")
    members: dict[str, t.Any] = {}
    # The compressed fields are sorted, and no field sorts after the rows.
    while (key := text.parse_value()) != _ROWS:
        text.expect(":")
        members[key] = text.parse_value()
        if text.expect_one(",}") == "}":
            raise text.damaged_error("workloads are missing")
    text.expect(":")
    if members.get("schema") != SCHEMA:
        raise DataError(f"{where}: not a read result (schema {members.get('schema')!r}, expected {SCHEMA!r})")
    return {**members, _ROWS: _iterate_rows(text, read.get("sha256"), where), "sha256": read.get("sha256")}


def _iterate_rows(text: _JsonReader, digest: t.Any, where: str) -> Iterator[t.Any]:
    try:
        yield from to_rows(_iterate_items(text, digest))
    except (AttributeError, TypeError, ValueError, LookupError) as error:
        raise DataError(f"{where}: the read result has an invalid row ({error})", hint="Read again") from error


def _iterate_items(text: _JsonReader, digest: t.Any) -> Iterator[t.Any]:
    text.expect("[")
    if text.peek() == "]":
        text.expect("]")
    else:
        while True:
            yield text.parse_value()
            if text.expect_one(",]") == "]":
                break
    text.expect("}")
    text.check_end(digest)


class _JsonReader:
    """Parser of JSON that is decompressed while it is read."""

    def __init__(self, compressed: str, where: str) -> None:
        self._where = where
        self._inflater = zlib.decompressobj()
        self._decode = codecs.getincrementaldecoder("utf-8")("surrogatepass").decode
        self._scan = json.JSONDecoder().raw_decode
        self._digest = hashlib.sha256()
        # Blanks after the JSON are not part of it; they are hashed only when more data follows.
        self._blanks = b""
        self._size = 0
        self._text = ""
        self._at = 0
        try:
            self._compressed = base64.b64decode(compressed, validate=True)
        except ValueError as error:
            raise self.damaged_error(error) from error

    def damaged_error(self, why: object) -> DataError:
        """Build the error for a read result that cannot be read to its end."""
        return DataError(f"{self._where}: the compressed read result is damaged ({why})", hint="Read again")

    def parse_value(self) -> t.Any:
        """Parse the next JSON value."""
        size = _CHUNK
        while True:
            try:
                value, end = self._scan(self._text, self._at)
            except ValueError as error:
                if not self._inflate_more(size):
                    raise self.damaged_error(error) from error
            else:
                # A value at the end of the text may be the beginning of a longer number.
                if end < len(self._text) or not self._inflate_more(size):
                    self._at = end
                    return value
            size *= 2

    def peek(self) -> str:
        """Return the next character without consuming it."""
        while self._at == len(self._text):
            if not self._inflate_more(_CHUNK):
                raise self.damaged_error("it is truncated")
        return self._text[self._at]

    def expect_one(self, signs: str) -> str:
        """Consume and return the next character, which must be one of ``signs``."""
        sign = self.peek()
        if sign not in signs:
            raise self.damaged_error(f"found {sign!r}, expected one of {signs!r}")
        self._at += 1
        return sign

    def expect(self, sign: str) -> None:
        """Consume the next character, which must be ``sign``."""
        self.expect_one(sign)

    def check_end(self, digest: t.Any) -> None:
        """Check that nothing follows and that the digest matches all data that was read."""
        while self._inflate_more(_CHUNK):
            pass
        if self._text[self._at :].strip(" ") or not self._inflater.eof:
            raise self.damaged_error("data after its end, or no end")
        if self._digest.hexdigest() != digest:
            raise DataError(
                f"{self._where}: the read result was altered, truncated or masked after the module created it (SHA-256 "
                "does not match)",
                hint="Use the registered result of the info module unchanged, or read again",
            )

    def _inflate_more(self, size: int) -> bool:
        """Decompress about ``size`` more bytes; return whether there were any."""
        if self._inflater.eof:
            return False
        try:
            data = self._inflater.decompress(self._compressed, size)
        except zlib.error as error:
            raise self.damaged_error(error) from error
        self._compressed = self._inflater.unconsumed_tail
        if not data:
            return False
        self._size += len(data)
        if self._size > MAX_DECOMPRESSED_BYTES:
            raise DataError(f"{self._where}: the compressed read result is larger than {MAX_DECOMPRESSED_BYTES} bytes")
        content = (self._blanks + data).rstrip(b" ")
        self._blanks = b" " * (len(self._blanks) + len(data) - len(content))
        self._digest.update(content)
        self._text = self._text[self._at :] + self._decode(data)
        self._at = 0
        return True
